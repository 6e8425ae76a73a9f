//! Where the candidates of a search come from: the index range that holds the fewest, by bounded counts.

use super::group::{self, Group};
use super::{scope, test};
use crate::dialect::Dialect;
use crate::entries::{SEVERAL, SPAN_WIDTHS};
use crate::sql::{Session, Sql};
use lenticular_base::index::{Compare, Param, Query, SortKey, Test};
use lenticular_base::{Fault, Instant, Kind, OrgNo};
use lenticular_policy::{Filter, Grantee};

/// How far candidates are counted: a first look, which almost always decides, and further ones.
const LOOKS: [i64; 3] = [256, 2048, 16_384];

/// A clause of more alternatives than this, those that ask alike counted once, drives no search: each is a SELECT or several,
/// and engines bound how many of them one statement has (SQLite: 500).
const DRIVING: usize = 50;

/// From so many candidates on, reading a second index range of at most `INTERSECT_FACTOR` times as many and
/// intersecting is quicker than testing each candidate by its key.
const INTERSECT_FROM: i64 = 128;
const INTERSECT_FACTOR: i64 = 4;

/// So many candidates of a common value are tried, in order, before anything is counted further; and a page that is
/// likely full within so many is read in that order.
const TRIED: i64 = 512;
const READ_IN_ORDER: u64 = 8192;

/// Where candidates come from.
#[derive(Clone, Debug)]
pub enum Driver {
    /// Every row of the kind, in order.
    Kind,
    /// One value of `ix_text`, in order: `(clause, param, value)`.
    Value(usize, Param, String),
    /// The version numbers that a statement gives, and the clauses it answers.
    Numbers(Vec<usize>, Sql),
}

/// A driver that could be, before it was counted.
struct Candidate {
    driver: Driver,
    /// Counted by reading all of a parameter: never by a probe.
    scan: bool,
}

impl Driver {
    /// The expression for the version number.
    pub fn vid(&self) -> &'static str {
        if matches!(self, Driver::Kind) { "r.vid" } else { "d.vid" }
    }

    /// Whether the driver answers this clause fully already.
    pub fn answers(&self, clause: usize) -> bool {
        match self {
            Driver::Kind => false,
            Driver::Value(of, ..) => *of == clause,
            Driver::Numbers(of, _) => of.contains(&clause),
        }
    }

    fn ordered(&self) -> bool {
        !matches!(self, Driver::Numbers(..))
    }

    /// Writes FROM and the first conditions.
    pub fn write(&self, sql: &mut Sql, org: OrgNo, kind: Kind) {
        match self {
            Driver::Kind => sql.push(" FROM record r WHERE ").end(),
            Driver::Value(_, param, value) => {
                sql.push(" FROM ix_text d CROSS JOIN record r WHERE d.org=").int(org.0);
                sql.push(" AND d.param=").int(param.0.into());
                sql.push(" AND d.value=").str(value.as_str()).push(" AND r.vid=d.vid AND ");
            }
            Driver::Numbers(_, numbers) => {
                sql.push(" FROM (SELECT DISTINCT n.vid FROM (");
                append(sql, numbers);
                sql.push(") n) d CROSS JOIN record r WHERE r.vid=d.vid AND ");
            }
        }
        sql.push("r.org=").int(org.0).push(" AND r.kind=").int(kind.0.into());
    }

    /// The SELECT of its version numbers; nothing for [`Driver::Kind`].
    fn numbers(&self, sql: &mut Sql, org: OrgNo) {
        match self {
            Driver::Kind => {}
            Driver::Value(_, param, value) => {
                sql.push("SELECT n.vid FROM ix_text n WHERE n.org=").int(org.0);
                sql.push(" AND n.param=").int(param.0.into()).push(" AND n.value=").str(value.as_str());
            }
            Driver::Numbers(_, numbers) => {
                sql.push("SELECT n.vid FROM (");
                append(sql, numbers);
                sql.push(") n");
            }
        }
    }

    fn count(&self, session: &dyn Session, org: OrgNo, at_most: i64) -> Result<i64, Fault> {
        let mut sql = Sql::default();
        sql.push("SELECT count(*) FROM (");
        if matches!(self, Driver::Kind) {
            return Ok(i64::MAX);
        }
        self.numbers(&mut sql, org);
        sql.push(" LIMIT ").int(at_most).push(") c");
        let mut counted = 0;
        sql.query(session, &mut |row| {
            counted = row.int(0)?;
            Ok(false)
        })?;
        Ok(counted)
    }
}

/// Adds another statement, its placeholders numbered on.
fn append(sql: &mut Sql, other: &Sql) {
    let mut pieces = other.text.split('$');
    sql.push(pieces.next().unwrap_or_default());
    for (piece, value) in pieces.zip(&other.binds) {
        match value {
            crate::sql::Owned::Int(value) => sql.int(*value),
            crate::sql::Owned::Real(value) => sql.real(*value),
            crate::sql::Owned::Text(value) => sql.str(value.as_str()),
        };
        sql.push(piece.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
}

/// Chooses the driver for one member; `whole` where every row found is read anyhow (a count).
pub fn choose(
    session: &dyn Session,
    org: OrgNo,
    filter: &Filter,
    query: &Query,
    whole: bool,
) -> Result<Driver, Fault> {
    let mut candidates = candidates(session.dialect(), org, query);
    if let Some((grantee, now)) = scope::demanded_grant(filter) {
        let numbers = Driver::Numbers(Vec::new(), granted(grantee, now, org, query.kind));
        candidates.push(Candidate { driver: numbers, scan: false });
    }
    // with every row read anyhow, or a sort to be made, the fewest candidates win; else a few in order may be enough
    let sorted = query.sort.iter().any(|sort| !matches!(sort.key, SortKey::Updated));
    let stops_early = !whole && !sorted;
    if let [only] = candidates.as_slice()
        && only.driver.ordered()
        && query.sort.is_empty()
    {
        return Ok(candidates.remove(0).driver);
    }
    let mut few: Vec<(i64, usize)> = Vec::new();
    for at_most in LOOKS {
        for (at, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| !candidate.scan) {
            let counted = candidate.driver.count(session, org, at_most)?;
            if counted < at_most {
                few.push((counted, at));
            }
        }
        if !few.is_empty() {
            break;
        }
        if stops_early
            && query.sort.is_empty()
            && at_most == LOOKS[0]
            && let Some(at) = fills_a_page(session, org, query, &candidates)?
        {
            return Ok(candidates.swap_remove(at).driver);
        }
    }
    few.sort_unstable();
    if let Some((fewest, at)) = few.first() {
        let second = few.get(1).filter(|(more, _)| {
            *fewest >= INTERSECT_FROM && *more <= fewest.saturating_mul(INTERSECT_FACTOR)
        });
        if let Some((_, other)) = second
            && let (Some(one), Some(two)) = (candidates.get(*at), candidates.get(*other))
        {
            return Ok(intersect(org, &one.driver, &two.driver));
        }
        return Ok(candidates.swap_remove(*at).driver);
    }
    // nothing is rare: prefer what comes in order, then, where all is read, any index over all rows
    let ordered =
        candidates.iter().position(|c| c.driver.ordered() && (query.sort.is_empty() || !stops_early));
    let scan = candidates.iter().position(|c| c.scan);
    let any = if stops_early { None } else { candidates.first().map(|_| 0) };
    match ordered.or(scan).or(any) {
        Some(at) => Ok(candidates.swap_remove(at).driver),
        None => Ok(Driver::Kind),
    }
}

/// The common value whose rows, tried in order, meet the other clauses so often that a page is soon full.
fn fills_a_page(
    session: &dyn Session,
    org: OrgNo,
    query: &Query,
    candidates: &[Candidate],
) -> Result<Option<usize>, Fault> {
    let mut tests = query.all.iter().flat_map(|clause| &clause.any);
    let asks_the_row = tests.any(|test| matches!(test, Test::Id(_) | Test::Updated(..)));
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| candidate.driver.ordered()) {
        let mut sql = Sql::default();
        sql.push("SELECT count(*) FROM (");
        candidate.driver.numbers(&mut sql, org);
        if let Some(after) = &query.after {
            sql.push(" AND n.vid>").int(after.vid.0);
        }
        sql.push(" ORDER BY n.vid LIMIT ").int(TRIED).push(") d");
        sql.push(if asks_the_row { " CROSS JOIN record r WHERE r.vid=d.vid" } else { " WHERE 1=1" });
        for (clause, condition) in query.all.iter().enumerate() {
            if !candidate.driver.answers(clause) {
                sql.push(" AND ");
                super::clause_condition(&mut sql, session, "d.vid", condition);
            }
        }
        let mut met = 0;
        sql.query(session, &mut |row| {
            met = row.int(0)?;
            Ok(false)
        })?;
        let wanted = query.limit.saturating_add(query.offset).saturating_add(1);
        let read = wanted.saturating_mul(TRIED.unsigned_abs()).checked_div(met.unsigned_abs());
        if read.is_some_and(|read| read <= READ_IN_ORDER) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Both at once: the index ranges are read in order, and only what is in both is looked at.
fn intersect(org: OrgNo, one: &Driver, two: &Driver) -> Driver {
    let mut sql = Sql::default();
    let mut answered = Vec::new();
    for (driver, between) in [(one, " INTERSECT "), (two, "")] {
        sql.push("SELECT i.vid FROM (");
        driver.numbers(&mut sql, org);
        sql.push(") i").push(between);
        match driver {
            Driver::Kind => {}
            Driver::Value(clause, ..) => answered.push(*clause),
            Driver::Numbers(clauses, _) => answered.extend(clauses),
        }
    }
    Driver::Numbers(answered, sql)
}

fn candidates(dialect: Dialect, org: OrgNo, query: &Query) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (at, clause) in query.all.iter().enumerate() {
        if clause.not || clause.any.is_empty() {
            continue;
        }
        if let [Test::Is(param, value)] = clause.any.as_slice() {
            found.push(Candidate { driver: Driver::Value(at, *param, value.clone()), scan: false });
            continue;
        }
        if let [test] = clause.any.as_slice()
            && merged_times(query, at, test).first().is_some_and(|(earlier, _)| *earlier < at)
        {
            // the earlier clause on the same time has taken this one in
            continue;
        }
        let mut sql = Sql::default();
        let mut scan = false;
        let mut drives = true;
        let groups = group::groups(&clause.any);
        if groups.len() > DRIVING {
            continue;
        }
        for group in &groups {
            let Group::One(test) = group else {
                union(&mut sql);
                group::source(&mut sql, org, query.kind, group);
                continue;
            };
            let merged: Vec<&Test> =
                merged_times(query, at, test).into_iter().map(|(_, test)| test).collect();
            match source(&mut sql, dialect, org, query.kind, test, &merged) {
                Some(scans) => scan |= scans,
                None => drives = false,
            }
        }
        if drives {
            found.push(Candidate { driver: Driver::Numbers(vec![at], sql), scan });
        }
    }
    found
}

/// The tests of other clauses on the same time, which narrow the range further where a row has one time only.
fn merged_times<'a>(query: &'a Query, at: usize, test: &Test) -> Vec<(usize, &'a Test)> {
    if matches!(test, Test::Time(_, Compare::Ne, ..) | Test::Updated(Compare::Ne, ..)) {
        return Vec::new();
    }
    let others = query.all.iter().enumerate().filter(|(other, clause)| *other != at && !clause.not);
    others
        .filter_map(|(other, clause)| match (test, clause.any.as_slice()) {
            (_, [Test::Time(_, Compare::Ne, ..) | Test::Updated(Compare::Ne, ..)]) => None,
            (Test::Time(param, ..), [test @ Test::Time(of, ..)]) if of == param => Some((other, test)),
            (Test::Updated(..), [test @ Test::Updated(..)]) => Some((other, test)),
            _ => None,
        })
        .collect()
}

/// Adds the SELECT of what one test finds; gives whether it reads all of the parameter, `None` where no index helps.
fn source(
    sql: &mut Sql,
    dialect: Dialect,
    org: OrgNo,
    kind: Kind,
    test: &Test,
    merged: &[&Test],
) -> Option<bool> {
    let begin = |sql: &mut Sql, table: &str, param: Param| {
        union(sql);
        sql.push(&format!("SELECT e.vid AS vid FROM {table} e WHERE e.org=")).int(org.0);
        sql.push(" AND e.param=").int(param.0.into());
    };
    match test {
        Test::Is(param, _)
        | Test::Prefix(param, _)
        | Test::Suffix(param, _)
        | Test::Contains(param, _)
        | Test::Like(param, _) => {
            begin(sql, "ix_text", *param);
            sql.push(" AND ");
            test::text(sql, dialect, "e.value", test);
            Some(match test {
                Test::Is(..) => false,
                Test::Prefix(_, prefix) => prefix.is_empty(),
                Test::Like(_, pattern) => test::literal_prefix(pattern).is_empty(),
                _ => true,
            })
        }
        Test::Time(_, Compare::Ne, ..) | Test::Number(_, Compare::Ne, ..) => None,
        Test::Time(param, ..) => {
            for class in 0..2 * SEVERAL {
                begin(sql, "ix_time", *param);
                sql.push(" AND e.span=").int(class);
                time_bounds(sql, class, test);
                // a row with several times may meet each test with another one of them
                for other in merged.iter().filter(|_| class < SEVERAL) {
                    time_bounds(sql, class, other);
                }
            }
            Some(false)
        }
        Test::Number(param, compare, low, high, _) => {
            begin(sql, "ix_number", *param);
            match compare {
                Compare::Eq => {
                    sql.push(" AND e.low>=").real(*low).push(" AND e.low<=").real(*high);
                }
                Compare::Lt | Compare::Eb => sql.push(" AND e.low<=").real(*low).end(),
                Compare::Sa => sql.push(" AND e.low>=").real(*high).end(),
                _ => {}
            }
            sql.push(" AND ");
            test::number(sql, "e", test);
            Some(false)
        }
        Test::Never => {
            union(sql);
            sql.push("SELECT i.vid AS vid FROM record i WHERE 1=0");
            Some(false)
        }
        Test::Updated(compare, low, high) if *compare != Compare::Ne => {
            union(sql);
            sql.push("SELECT i.vid AS vid FROM record i WHERE i.org=").int(org.0);
            sql.push(" AND i.kind=").int(kind.0.into()).push(" AND ");
            test::updated(sql, "i.time", *compare, *low, *high);
            for other in merged {
                if let Test::Updated(compare, low, high) = other {
                    sql.push(" AND ");
                    test::updated(sql, "i.time", *compare, *low, *high);
                }
            }
            Some(false)
        }
        Test::Missing(..) | Test::Updated(..) => None,
        // taken together with its like, in `group`
        Test::Id(_) => None,
    }
}

fn union(sql: &mut Sql) {
    if !sql.text.is_empty() {
        sql.push(" UNION ALL ");
    }
}

/// Bounds on `low` that follow from the test and the width of the class, and the test itself.
fn time_bounds(sql: &mut Sql, class: i64, test: &Test) {
    let Test::Time(_, compare, low, high) = test else {
        return;
    };
    let width =
        usize::try_from(class % SEVERAL).ok().and_then(|class| SPAN_WIDTHS.get(class).copied().flatten());
    let latest_start = |moment: i64| width.map(|width| moment.saturating_sub(width));
    let from = match compare {
        Compare::Eq => Some(*low),
        Compare::Gt => latest_start(*high),
        Compare::Ge => latest_start(*high).map(|start| start.min(*low)),
        Compare::Sa => Some(*high),
        _ => None,
    };
    let until = match compare {
        Compare::Eq | Compare::Le | Compare::Eb => Some(*high),
        Compare::Lt => Some(*low),
        _ => None,
    };
    if let Some(from) = from {
        sql.push(" AND e.low>=").int(from);
    }
    if let Some(until) = until {
        sql.push(" AND e.low<=").int(until);
    }
    sql.push(" AND ");
    test::time(sql, "e", test);
}

/// Rows of one member that grants in force open, through the patients, studies and kinds that the grants name.
fn granted(grantee: &Grantee, now: Instant, org: OrgNo, kind: Kind) -> Sql {
    let mut sql = Sql::default();
    let ways = [
        ("x.org=g.org AND x.patient=g.patient", "g.patient IS NOT NULL"),
        ("x.org=g.org AND x.study=g.study", "g.patient IS NULL AND g.study IS NOT NULL"),
        ("x.org=g.org", "g.patient IS NULL AND g.study IS NULL"),
    ];
    for (join, way) in ways {
        union(&mut sql);
        sql.push("SELECT x.vid AS vid FROM grants g CROSS JOIN record x WHERE ").push(join);
        sql.push(" AND x.kind=").int(kind.0.into());
        sql.push(" AND (g.kind IS NULL OR g.kind=x.kind) AND g.org=").int(org.0);
        sql.push(" AND ").push(way).push(" AND ");
        scope::in_force(&mut sql, grantee, now);
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_on() {
        let mut inner = Sql::default();
        inner.push("a=").int(1).push(" AND b=").str("x").push(")");
        let mut outer = Sql::default();
        outer.push("z=").int(9).push(" AND ");
        append(&mut outer, &inner);
        outer.push(" AND y=").int(8);
        assert_eq!(outer.text, "z=$1 AND a=$2 AND b=$3) AND y=$4");
        assert_eq!(outer.binds.len(), 4);
    }
}
