//! From (Scope, Query) to SQL: one statement for each member whose rows the scope may open, merged in key order.
//!
//! For each member the scope is folded to what is left of it there (often nothing: the member's own rows), then one
//! clause becomes the *driver*, chosen by bounded counts, and the others are tested row by row on the primary keys of
//! the index tables. A statement answers version numbers and sort values alone; bodies are read afterwards, for the page only.
//!
//! - [`scope`]: a filter folded for one member, and its SQL.
//! - [`test`]: one test as a condition on one row.
//! - [`group`]: the alternatives of one clause.
//! - [`driver`]: where candidates come from.
//! - [`names`]: reads by name and history.

pub mod driver;
pub mod group;
pub mod names;
pub mod scope;
pub mod test;

use crate::contract::SearchPage;
use crate::rows;
use crate::sql::{Packer, Row, Session, Sql};
use driver::Driver;
use lenticular_base::index::{Clause, Compare, Query, Sort, SortKey, SortValue};
use lenticular_base::{Fault, OrgNo, Position, Vid};
use lenticular_policy::{Filter, Grant, Scope};
use std::cmp::Ordering;

/// What the plan knows of the store besides its tables. It only leaves out members that cannot have anything to show;
/// what is shown is decided by the statement.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// Every member that has rows.
    pub orgs: &'a [OrgNo],
    /// Every grant.
    pub grants: &'a [Grant],
    /// The newest position of the snapshot that is read.
    pub newest: Position,
}

/// A page ends early, with more behind it, once its bodies have so many bytes: rows are bounded, bodies alone are not.
pub(crate) const PAGE_BYTES: usize = 64 << 20;

/// A row found: its version number and its sort values.
struct Hit {
    vid: Vid,
    keys: Vec<SortValue>,
}

/// Finds one page.
pub fn search(
    session: &dyn Session,
    packer: &dyn Packer,
    world: &World<'_>,
    scope: &Scope,
    query: &Query,
) -> Result<SearchPage, Fault> {
    let position = query.at.unwrap_or(world.newest).min(world.newest);
    let wanted = query.limit.saturating_add(1);
    let branches = scope::branches(scope.filter(), query.kind, world);
    let alone = branches.len() == 1;
    let (limit, offset) =
        if alone { (wanted, query.offset) } else { (query.offset.saturating_add(wanted), 0) };
    let mut hits = Vec::new();
    for (org, filter) in &branches {
        let sql = page_statement(session, *org, filter, query, position, limit, offset)?;
        sql.query(session, &mut |row| {
            hits.push(read_hit(row, &query.sort)?);
            Ok(true)
        })?;
    }
    if !alone {
        hits.sort_by(|a, b| compare_hits(&query.sort, a, b));
        hits.drain(..usize::try_from(query.offset).unwrap_or(usize::MAX).min(hits.len()));
    }
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut more = hits.len() > limit;
    hits.truncate(limit);
    let vids: Vec<Vid> = hits.iter().map(|hit| hit.vid).collect();
    let found = rows::by_vids(session, packer, &vids, PAGE_BYTES)?;
    more |= found.len() < hits.len();
    hits.truncate(found.len());
    let last = hits.pop().map(|hit| hit.keys).unwrap_or_default();
    Ok(SearchPage { rows: found, last, more, position })
}

/// Counts no further than `at_most`.
pub fn count(
    session: &dyn Session,
    world: &World<'_>,
    scope: &Scope,
    query: &Query,
    at_most: u64,
) -> Result<u64, Fault> {
    let position = query.at.unwrap_or(world.newest).min(world.newest);
    let mut total = 0;
    for (org, filter) in &scope::branches(scope.filter(), query.kind, world) {
        let left = at_most.saturating_sub(total);
        if left == 0 {
            break;
        }
        let driver = driver::choose(session, *org, filter, query, true)?;
        let mut sql = Sql::default();
        sql.push("SELECT count(*) FROM (SELECT r.vid");
        body(&mut sql, session, *org, filter, query, position, &driver);
        sql.push(" LIMIT ").int(clamp(left)).push(") c");
        sql.query(session, &mut |row| {
            total += row.int(0)?.unsigned_abs();
            Ok(false)
        })?;
    }
    Ok(total.min(at_most))
}

fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn page_statement(
    session: &dyn Session,
    org: OrgNo,
    filter: &Filter,
    query: &Query,
    position: Position,
    limit: u64,
    offset: u64,
) -> Result<Sql, Fault> {
    let driver = driver::choose(session, org, filter, query, false)?;
    let vid = driver.vid();
    let mut sql = Sql::default();
    sql.push("SELECT ").push(vid);
    for sort in &query.sort {
        sql.push(",");
        sort_key(&mut sql, vid, sort);
    }
    body(&mut sql, session, org, filter, query, position, &driver);
    if let Some(after) = &query.after {
        sql.push(" AND ");
        keyset(&mut sql, vid, &query.sort, &after.values, after.vid);
    }
    sql.push(" ORDER BY ");
    for sort in &query.sort {
        if nullable(&sort.key) {
            sql.push("(");
            sort_key(&mut sql, vid, sort);
            sql.push(") IS NULL,");
        }
        sort_key(&mut sql, vid, sort);
        sql.push(if sort.descending { " DESC," } else { "," });
    }
    sql.push(vid).push(" LIMIT ").int(clamp(limit));
    if offset > 0 {
        sql.push(" OFFSET ").int(clamp(offset));
    }
    Ok(sql)
}

/// FROM and WHERE: the driver, what is visible at the position, what the scope leaves, and the other clauses.
fn body(
    sql: &mut Sql,
    session: &dyn Session,
    org: OrgNo,
    filter: &Filter,
    query: &Query,
    position: Position,
    driver: &Driver,
) {
    driver.write(sql, org, query.kind);
    let vid = driver.vid();
    for (at, clause) in query.all.iter().enumerate() {
        if !driver.answers(at) {
            sql.push(" AND ");
            clause_condition(sql, session, vid, clause);
        }
    }
    sql.push(" AND r.from_position<=").int(position.0);
    sql.push(" AND r.until_position>").int(position.0);
    sql.push(" AND r.deleted=0");
    if *filter != Filter::True {
        sql.push(" AND ");
        scope::condition(sql, filter);
    }
}

fn clause_condition(sql: &mut Sql, session: &dyn Session, vid: &str, clause: &Clause) {
    if clause.not {
        sql.push("NOT ");
    }
    sql.push("(");
    group::condition(sql, session.dialect(), vid, &clause.any);
    sql.push(")");
}

fn nullable(key: &SortKey) -> bool {
    !matches!(key, SortKey::Id | SortKey::Updated)
}

fn sort_key(sql: &mut Sql, vid: &str, sort: &Sort) {
    let bound = if sort.descending { "max" } else { "min" };
    let (table, column, param) = match &sort.key {
        SortKey::Id => return sql.push("r.id").end(),
        SortKey::Updated => return sql.push("r.time").end(),
        SortKey::Text(param) => ("ix_text", "value", param),
        SortKey::Time(param) => ("ix_time", "low", param),
        SortKey::Number(param) => ("ix_number", "low", param),
    };
    sql.push(&format!("(SELECT {bound}(k.{column}) FROM {table} k WHERE k.vid={vid} AND k.param="));
    sql.int(param.0.into()).push(")");
}

/// Rows behind the last one shown: greater in the first key, or equal there and greater in the rest; NULL is last.
fn keyset(sql: &mut Sql, vid: &str, sorts: &[Sort], values: &[SortValue], last: Vid) {
    let Some((sort, rest)) = sorts.split_first() else {
        sql.push(vid).push(">").int(last.0);
        return;
    };
    let (value, values) = values.split_first().map_or((&SortValue::None, &[][..]), |(v, rest)| (v, rest));
    sql.push("(");
    if *value == SortValue::None {
        sort_key(sql, vid, sort);
        sql.push(" IS NULL AND ");
    } else {
        sort_key(sql, vid, sort);
        sql.push(if sort.descending { "<" } else { ">" });
        sort_value(sql, value);
        if nullable(&sort.key) {
            sql.push(" OR ");
            sort_key(sql, vid, sort);
            sql.push(" IS NULL");
        }
        sql.push(" OR ");
        sort_key(sql, vid, sort);
        sql.push("=");
        sort_value(sql, value);
        sql.push(" AND ");
    }
    keyset(sql, vid, rest, values, last);
    sql.push(")");
}

fn sort_value(sql: &mut Sql, value: &SortValue) {
    match value {
        SortValue::None => sql.push("NULL"),
        SortValue::Text(text) => sql.str(text.as_str()),
        SortValue::Integer(number) => sql.int(*number),
        SortValue::Real(number) => sql.real(*number),
    };
}

fn read_hit(row: &dyn Row, sorts: &[Sort]) -> Result<Hit, Fault> {
    let mut keys = Vec::with_capacity(sorts.len());
    for (sort, column) in sorts.iter().zip(1..) {
        keys.push(match sort.key {
            SortKey::Id | SortKey::Text(_) => {
                row.text(column)?.map_or(SortValue::None, |text| SortValue::Text(text.to_owned()))
            }
            SortKey::Updated | SortKey::Time(_) => {
                row.maybe_int(column)?.map_or(SortValue::None, SortValue::Integer)
            }
            SortKey::Number(_) => row.real(column)?.map_or(SortValue::None, SortValue::Real),
        });
    }
    Ok(Hit { vid: Vid(row.int(0)?), keys })
}

fn compare_hits(sorts: &[Sort], a: &Hit, b: &Hit) -> Ordering {
    for ((sort, a), b) in sorts.iter().zip(&a.keys).zip(&b.keys) {
        let order = match (a, b) {
            (SortValue::None, SortValue::None) => Ordering::Equal,
            (SortValue::None, _) => return Ordering::Greater,
            (_, SortValue::None) => return Ordering::Less,
            (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
            (SortValue::Integer(a), SortValue::Integer(b)) => a.cmp(b),
            (SortValue::Real(a), SortValue::Real(b)) => a.total_cmp(b),
            _ => Ordering::Equal,
        };
        let order = if sort.descending { order.reverse() } else { order };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.vid.cmp(&b.vid)
}

/// A stored range compared with one that is asked for, on the columns `low` and `high`: the table at [`Compare`].
pub(crate) fn range_condition(sql: &mut Sql, alias: &str, compare: Compare, bind: &dyn Fn(&mut Sql, bool)) {
    let (low, high) = (format!("{alias}.low"), format!("{alias}.high"));
    let piece = |sql: &mut Sql, column: &str, operator: &str, upper: bool| {
        sql.push(column).push(operator);
        bind(sql, upper);
    };
    let within = |sql: &mut Sql| {
        sql.push("(");
        piece(sql, &low, ">=", false);
        sql.push(" AND ");
        piece(sql, &high, "<=", true);
        sql.push(")");
    };
    match compare {
        Compare::Eq => within(sql),
        Compare::Ne => {
            sql.push("NOT ");
            within(sql);
        }
        Compare::Gt => piece(sql, &high, ">", true),
        Compare::Lt => piece(sql, &low, "<", false),
        Compare::Ge => {
            sql.push("(");
            piece(sql, &high, ">", true);
            sql.push(" OR ");
            within(sql);
            sql.push(")");
        }
        Compare::Le => {
            sql.push("(");
            piece(sql, &low, "<", false);
            sql.push(" OR ");
            within(sql);
            sql.push(")");
        }
        Compare::Sa => piece(sql, &low, ">=", true),
        Compare::Eb => piece(sql, &high, "<=", false),
    }
}
