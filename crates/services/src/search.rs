//! FHIR search: one statement for the matches, then what `_include` and `_revinclude` bring, all as of one position.

use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::resources::{Version, search_context};
use lenticular_base::index::{After, Clause, Query, SortValue, Test};
use lenticular_base::{Fault, FaultKind, Instant, Kind, OrgNo, Position, Vid};
use lenticular_fhir::search::{self, Include, Search, Summary, Total};
use lenticular_fhir::{kinds, reference};
use lenticular_policy::{Action, Scope};
use lenticular_store::Record;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// A page of a search.
#[derive(Clone, Debug)]
pub struct Found {
    pub search: Search,
    pub matches: Vec<Version>,
    pub included: Vec<Version>,
    pub total: Option<u64>,
    /// The text of `_page` for the next page.
    pub next: Option<String>,
}

/// What one answer may carry along by `_include` and `_revinclude`.
const INCLUDED_LIMIT: usize = 10_000;
/// Of so many rows the includes are followed by one statement.
const ROWS_AT_ONCE: usize = 100;
/// So many rows are brought by one statement for `_revinclude`.
const INCLUDED_AT_ONCE: u64 = 1000;
/// How often `:iterate` goes round.
const ITERATIONS: usize = 5;
/// How long a `next` link holds: as long as older versions stay in the index.
const PAGE_LIFETIME: i64 = 15 * 60_000;
/// `_total=estimate` counts no further.
const ESTIMATE_LIMIT: u64 = 10_000;

impl Services {
    /// Searches one kind. `pairs` are decoded; `base` is the FHIR base of this request.
    pub async fn search(
        &self,
        caller: &Caller,
        kind: Kind,
        pairs: Vec<(String, String)>,
        base: &str,
        lenient: bool,
    ) -> Result<Found, Fault> {
        let query = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        let access = Access::of('E', "search-type", kinds::name(kind), "").query(query);
        let outcome = self.search_unaudited(caller, kind, pairs, base, lenient).await;
        let access = match &outcome {
            Ok((_, rows)) => access.showing(rows),
            Err(_) => access,
        };
        self.audited(caller, access, outcome.map(|(found, _)| found)).await
    }

    async fn search_unaudited(
        &self,
        caller: &Caller,
        kind: Kind,
        pairs: Vec<(String, String)>,
        base: &str,
        lenient: bool,
    ) -> Result<(Found, Vec<Record>), Fault> {
        let scope = self.authorise(caller, Action::Search, Some(kind))?;
        let mut context = search_context(self, base);
        context.lenient = lenient;
        let mut search = search::parse(kind, &pairs, &context).map_err(Fault::from)?;
        let mut begun = self.now();
        if let Some(page) = &search.page {
            let (at, after, first) = read_page(page, begun, search.query.sort.len())?;
            search.query.at = Some(at);
            search.query.after = Some(after);
            begun = first;
        }
        self.blocking(move |services| services.find(&scope, search, begun)).await
    }

    /// `begun` is when the first page was asked for: all pages show that moment, and end together.
    fn find(&self, scope: &Scope, search: Search, begun: Instant) -> Result<(Found, Vec<Record>), Fault> {
        if search.count == 0 || search.summary == Summary::Count {
            let total = Some(self.store.reader.count(scope, &search.query, u64::MAX)?);
            let found = Found { search, matches: Vec::new(), included: Vec::new(), total, next: None };
            return Ok((found, Vec::new()));
        }
        let page = self.store.reader.search(scope, &search.query)?;
        // Counted as of the position that the page shows.
        let as_of = Query { at: Some(page.position), ..search.query.clone() };
        let total = match search.total {
            Total::Accurate => Some(self.store.reader.count(scope, &as_of, u64::MAX)?),
            Total::Estimate => Some(self.store.reader.count(scope, &as_of, ESTIMATE_LIMIT)?),
            Total::None => None,
        };
        let next = match (page.more, page.rows.last()) {
            (true, Some(row)) => Some(write_page(page.position, row.vid, &page.last, begun)),
            _ => None,
        };
        let mut rows = page.rows;
        let matches = rows.len();
        self.include(scope, &search, page.position, &mut rows)?;
        let mut versions: Vec<Version> = rows.iter().cloned().map(Version::from).collect();
        let included = versions.split_off(matches);
        Ok((Found { search, matches: versions, included, total, next }, rows))
    }

    /// Adds to `rows` what the search's includes name, each row once.
    fn include(
        &self,
        scope: &Scope,
        search: &Search,
        at: Position,
        rows: &mut Vec<Record>,
    ) -> Result<(), Fault> {
        if search.includes.is_empty() && search.revincludes.is_empty() {
            return Ok(());
        }
        let mut page = Page { known: rows.iter().map(|row| row.vid).collect(), rows };
        let mut fresh = 0..page.rows.len();
        for round in 0..ITERATIONS {
            let source: Vec<Record> = page.rows[fresh.clone()].to_vec();
            let follows = |include: &&Include| round == 0 || include.iterate;
            for include in search.includes.iter().filter(follows) {
                self.add_referenced(scope, include, &source, at, &mut page)?;
            }
            for include in search.revincludes.iter().filter(follows) {
                self.add_referring(scope, include, &source, at, &mut page)?;
            }
            if page.rows.len() == fresh.end {
                break;
            }
            fresh = fresh.end..page.rows.len();
        }
        Ok(())
    }

    /// Adds what the rows refer to. A reference means a row of the same member: others may have chosen the same id.
    /// The names are counted before anything is loaded.
    fn add_referenced(
        &self,
        scope: &Scope,
        include: &Include,
        rows: &[Record],
        at: Position,
        page: &mut Page<'_>,
    ) -> Result<(), Fault> {
        for (org, rows) in by_member(rows.iter().filter(|row| row.columns.kind == include.source)) {
            let mut names: BTreeSet<(Kind, String)> = BTreeSet::new();
            for some in rows.chunks(ROWS_AT_ONCE) {
                let vids: Vec<Vid> = some.iter().map(|row| row.vid).collect();
                for (_, _, text) in self.store.reader.texts(&vids, &include.params)? {
                    if let Some(name) = local_name(&text)
                        && include.target.is_none_or(|target| target == name.0)
                    {
                        names.insert(name);
                    }
                }
                if page.refuse_over(names.len()).is_err() {
                    for row in page.rows.iter().filter(|row| row.columns.org == org) {
                        names.remove(&(row.columns.kind, row.id.clone()));
                    }
                    page.refuse_over(names.len())?;
                }
            }
            let names: Vec<(Kind, String)> = names.into_iter().collect();
            page.add(self.store.reader.get_many(&scope.within_org(org), org, &names, Some(at))?)?;
        }
        Ok(())
    }

    /// Adds what refers to the rows, of the same member each; stops where it is too much.
    fn add_referring(
        &self,
        scope: &Scope,
        include: &Include,
        rows: &[Record],
        at: Position,
        page: &mut Page<'_>,
    ) -> Result<(), Fault> {
        let targets =
            rows.iter().filter(|row| include.target.is_none_or(|target| target == row.columns.kind));
        for (org, rows) in by_member(targets) {
            let scope = scope.within_org(org);
            for some in rows.chunks(ROWS_AT_ONCE) {
                let names = some.iter().map(|row| format!("{}/{}", kinds::name(row.columns.kind), row.id));
                let tests = names
                    .flat_map(|target| {
                        include.params.iter().map(move |param| Test::Is(*param, target.clone()))
                    })
                    .collect();
                let mut query = Query::all(include.source, INCLUDED_AT_ONCE);
                query.all.push(Clause { any: tests, not: false });
                query.at = Some(at);
                loop {
                    let found = self.store.reader.search(&scope, &query)?;
                    let last = found.rows.last().map(|row| After { values: found.last, vid: row.vid });
                    page.add(found.rows)?;
                    query.after = last.filter(|_| found.more);
                    if query.after.is_none() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The rows of an answer as it grows, each once and no more than [`INCLUDED_LIMIT`].
struct Page<'a> {
    rows: &'a mut Vec<Record>,
    known: HashSet<Vid>,
}

impl Page<'_> {
    fn add(&mut self, found: Vec<Record>) -> Result<(), Fault> {
        self.rows.extend(found.into_iter().filter(|row| self.known.insert(row.vid)));
        self.refuse_over(0)
    }

    /// Refuses where so many rows more would be too many.
    fn refuse_over(&self, more: usize) -> Result<(), Fault> {
        if self.known.len() + more > INCLUDED_LIMIT { Err(too_many_included()) } else { Ok(()) }
    }
}

/// The rows of each member.
fn by_member<'a>(rows: impl Iterator<Item = &'a Record>) -> BTreeMap<OrgNo, Vec<&'a Record>> {
    let mut members: BTreeMap<OrgNo, Vec<&Record>> = BTreeMap::new();
    for row in rows {
        members.entry(row.columns.org).or_default().push(row);
    }
    members
}

fn too_many_included() -> Fault {
    Fault::new(
        FaultKind::Invalid,
        "include-too-large",
        format!(
            "The page would carry more than {INCLUDED_LIMIT} included resources; ask with a smaller _count."
        ),
    )
}

/// The type and id that an index value of a reference names on this server.
fn local_name(text: &str) -> Option<(Kind, String)> {
    match reference::parse(text)? {
        reference::Reference::Relative(target) => {
            Some((kinds::kind(target.resource_type)?, target.id.to_owned()))
        }
        _ => None,
    }
}

/// `position~vid~issued~values`: what a `next` link carries. It opens nothing: the search is authorised again.
fn write_page(position: Position, vid: Vid, values: &[SortValue], begun: Instant) -> String {
    let mut text = format!("{}~{}~{}", position.0, vid.0, begun.0);
    for value in values {
        text.push('~');
        match value {
            SortValue::None => text.push('n'),
            SortValue::Integer(number) => text.push_str(&format!("i{number}")),
            SortValue::Real(number) => text.push_str(&format!("r{:x}", number.to_bits())),
            SortValue::Text(value) => {
                text.push_str(&format!("t{}", lenticular_base::ids::hex(value.as_bytes())))
            }
        }
    }
    text
}

fn read_page(text: &str, now: Instant, keys: usize) -> Result<(Position, After, Instant), Fault> {
    let invalid = || {
        Fault::new(
            FaultKind::Invalid,
            "page",
            "_page is what a next link of this server carries; start the search again.",
        )
    };
    let mut parts = text.split('~');
    let mut number = || parts.next().and_then(|part| part.parse::<i64>().ok()).ok_or_else(invalid);
    let (position, vid, issued) = (Position(number()?), Vid(number()?), number()?);
    // What claims to come from the future was not made here (but for a clock set back a little).
    if issued > now.0.saturating_add(PAGE_LIFETIME) || position.0 < 0 {
        return Err(invalid());
    }
    if now.0.saturating_sub(issued) > PAGE_LIFETIME {
        return Err(Fault::new(
            FaultKind::Gone,
            "page-over",
            "This search began more than 15 minutes ago; start it again.",
        ));
    }
    let values = parts.map(read_sort_value).collect::<Option<Vec<_>>>().ok_or_else(invalid)?;
    if values.len() != keys {
        return Err(invalid());
    }
    Ok((position, After { values, vid }, Instant(issued)))
}

fn read_sort_value(text: &str) -> Option<SortValue> {
    let rest = text.get(1..)?;
    Some(match text.as_bytes()[0] {
        b'n' => SortValue::None,
        b'i' => SortValue::Integer(rest.parse().ok()?),
        b'r' => SortValue::Real(f64::from_bits(u64::from_str_radix(rest, 16).ok()?)),
        b't' => SortValue::Text(String::from_utf8(unhex(rest)?).ok()?),
        _ => return None,
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_back_and_ends() {
        let values =
            [SortValue::Text("ä~".into()), SortValue::None, SortValue::Real(-1.5), SortValue::Integer(-7)];
        let text = write_page(Position(9), Vid(4), &values, Instant(1000));
        let (at, after, begun) = read_page(&text, Instant(1000 + PAGE_LIFETIME), 4).unwrap();
        assert_eq!(begun, Instant(1000));
        assert_eq!((at, after), (Position(9), After { values: values.to_vec(), vid: Vid(4) }));
        assert_eq!(read_page(&text, Instant(1001 + PAGE_LIFETIME), 4).unwrap_err().kind, FaultKind::Gone);
        let bad =
            ["", "1~2", "x~1~1", "1~1~1000~q", "1~1~1000~tzz", "1~1~1000~n~n", "1~1~1000", "-1~1~1000~n"];
        let far = ["1~1~-9223372036854775808~n", "1~1~9223372036854775807~n"];
        for bad in bad.into_iter().chain(far) {
            assert!(read_page(bad, Instant(1000), 1).is_err(), "{bad}");
        }
    }
}
