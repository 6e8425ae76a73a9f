//! Reads by name, and history.

use super::{World, scope};
use crate::contract::{HistoryPage, HistoryQuery, Record};
use crate::rows;
use crate::schema::FOREVER;
use crate::sql::{Bind, Packer, Session, Sql};
use lenticular_base::index::Param;
use lenticular_base::{Fault, Kind, OrgNo, Position, Vid};
use lenticular_policy::Scope;

fn one(session: &dyn Session, packer: &dyn Packer, sql: &Sql) -> Result<Option<Record>, Fault> {
    let mut found = None;
    sql.query(session, &mut |row| {
        found = Some(rows::record(row, packer)?);
        Ok(false)
    })?;
    Ok(found)
}

fn select(kind: Kind, id: &str) -> Sql {
    let mut sql = Sql::default();
    sql.push("SELECT ").push(rows::COLUMNS).push(" FROM record r WHERE r.kind=").int(kind.0.into());
    sql.push(" AND r.id=").str(id);
    sql
}

/// The current rows of every member by that name, deleted ones too: what a cache keeps, whose readers ask the scope again.
pub fn all_current(
    session: &dyn Session,
    packer: &dyn Packer,
    kind: Kind,
    id: &str,
) -> Result<Vec<Record>, Fault> {
    let mut sql = select(kind, id);
    sql.push(" AND r.until_position=").int(FOREVER);
    let mut found = Vec::new();
    sql.query(session, &mut |row| {
        found.push(rows::record(row, packer)?);
        Ok(true)
    })?;
    Ok(found)
}

/// The row of that name as of a position; the row of `prefer` first, then the oldest.
pub fn as_of(
    session: &dyn Session,
    packer: &dyn Packer,
    scope: &Scope,
    prefer: OrgNo,
    (kind, id): (Kind, &str),
    position: Position,
) -> Result<Option<Record>, Fault> {
    let mut sql = select(kind, id);
    sql.push(" AND r.from_position<=").int(position.0);
    sql.push(" AND r.until_position>").int(position.0).push(" AND r.deleted=0 AND ");
    scope::condition(&mut sql, scope.filter());
    sql.push(" ORDER BY r.org<>").int(prefer.0).push(",r.vid LIMIT 1");
    one(session, packer, &sql)
}

/// One version by its number.
pub fn version(
    session: &dyn Session,
    packer: &dyn Packer,
    scope: &Scope,
    prefer: OrgNo,
    (kind, id): (Kind, &str),
    version: i64,
) -> Result<Option<Record>, Fault> {
    let mut sql = select(kind, id);
    sql.push(" AND r.version=").int(version).push(" AND ");
    scope::condition(&mut sql, scope.filter());
    sql.push(" ORDER BY r.org<>").int(prefer.0).push(",r.vid LIMIT 1");
    one(session, packer, &sql)
}

/// Versions, newest first.
pub fn history(
    session: &dyn Session,
    packer: &dyn Packer,
    world: &World<'_>,
    scope: &Scope,
    query: &HistoryQuery,
) -> Result<HistoryPage, Fault> {
    let limit = query.limit.saturating_add(1);
    let mut vids: Vec<i64> = Vec::new();
    for org in world.orgs {
        let filter = scope::fold(scope.filter(), *org, query.kind, world.grants);
        if filter == lenticular_policy::Filter::False {
            continue;
        }
        let mut sql = Sql::default();
        sql.push("SELECT r.vid FROM record r WHERE r.org=").int(org.0);
        if let Some(kind) = query.kind {
            sql.push(" AND r.kind=").int(kind.0.into());
        }
        if let Some(id) = &query.id {
            sql.push(" AND r.id=").str(id.as_str());
        }
        if let Some(since) = query.since {
            sql.push(" AND r.time>=").int(since.0);
        }
        if let Some(before) = query.before {
            sql.push(" AND r.vid<").int(before.0);
        }
        sql.push(" AND ");
        scope::condition(&mut sql, &filter);
        sql.push(" ORDER BY r.vid DESC LIMIT ").int(super::clamp(limit));
        sql.query(session, &mut |row| {
            vids.push(row.int(0)?);
            Ok(true)
        })?;
    }
    vids.sort_unstable_by(|a, b| b.cmp(a));
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut more = vids.len() > limit;
    vids.truncate(limit);
    let vids: Vec<Vid> = vids.into_iter().map(Vid).collect();
    let found = rows::by_vids(session, packer, &vids, super::PAGE_BYTES)?;
    more |= found.len() < vids.len();
    Ok(HistoryPage { rows: found, more })
}

/// The text values of rows under some parameters.
pub fn texts(
    session: &dyn Session,
    vids: &[Vid],
    params: &[Param],
) -> Result<Vec<(Vid, Param, String)>, Fault> {
    let asked: Vec<(Vid, Param)> =
        vids.iter().flat_map(|vid| params.iter().map(|param| (*vid, *param))).collect();
    let binds: Vec<Bind<'_>> =
        asked.iter().flat_map(|(vid, param)| [Bind::Int(vid.0), Bind::Int(param.0.into())]).collect();
    let mut found = Vec::new();
    let text = "SELECT value FROM ix_text WHERE vid=$1 AND param=$2";
    session.query_many(text, 2, &binds, &mut |at, row| {
        if let Some((vid, param)) = asked.get(at) {
            found.push((*vid, *param, row.text(0)?.unwrap_or_default().to_owned()));
        }
        Ok(true)
    })?;
    Ok(found)
}
