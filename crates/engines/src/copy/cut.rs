//! A copy brought back to an earlier position: what is later is dropped, what it superseded is current again, and rows that are
//! kept in place, or that others cause, are made anew from what was stored then.

use super::report::Cut;
use super::tables::OF_VERSIONS;
use crate::pack::{self, Packs};
use lenticular_base::index::Entry;
use lenticular_base::{Fault, Instant, Kind, OrgNo, Position, Vid};
use lenticular_policy::Grant;
use lenticular_store::commit::{self, Group};
use lenticular_store::entries::{self, Entries};
use lenticular_store::schema::FOREVER;
use lenticular_store::sql::{Bind, Session};
use lenticular_store::{Author, Decide, Decided, Put, Record, View, Write, rows};
use std::collections::HashMap;
use std::sync::Arc;

/// Rows that are read, and made anew in one commit, together.
const AT_ONCE: usize = 200;

/// Makes a row anew that is kept in place: `None` where nothing else that is stored says what was in it.
pub type MakeRow = Arc<dyn Fn(&dyn View, &Record) -> Result<Option<Put>, Fault> + Send + Sync>;

/// The grants that a row causes.
pub type MakeGrants = Arc<dyn Fn(&dyn View, &Record) -> Result<Vec<Grant>, Fault> + Send + Sync>;

/// What the services know of rows and the store does not.
pub struct Rederive<'a> {
    pub extract: &'a dyn Fn(&Record) -> Vec<Entry>,
    pub row: MakeRow,
    /// The kind of row that causes grants.
    pub cause: Kind,
    pub grants: MakeGrants,
}

/// Brings what a session holds back to a position, inside its transaction.
pub fn back_to(
    session: &dyn Session,
    until: Position,
    now: Instant,
    rederive: &Rederive<'_>,
) -> Result<Cut, Fault> {
    let packs = packs(session)?;
    let n = Bind::Int(until.0);
    let mut cut = Cut { position: until.0, ..Cut::default() };

    let dropped =
        vids(session, "SELECT vid FROM record WHERE position>$1 AND from_position>$1 ORDER BY vid", &[n])?;
    for some in dropped.chunks(AT_ONCE) {
        for table in OF_VERSIONS {
            table.remove_some(session, some)?;
        }
    }
    cut.dropped = dropped.len() as u64;

    let text = "SELECT vid FROM record WHERE until_position>$1 AND until_position<$2 ORDER BY vid";
    let again = vids(session, text, &[n, Bind::Int(FOREVER)])?;
    for some in again.chunks(AT_ONCE) {
        make_current(session, &packs, some, rederive.extract)?;
    }
    cut.current_again = again.len() as u64;

    let late = vids(session, "SELECT vid FROM record WHERE position>$1 ORDER BY vid", &[n])?;
    for text in ["DELETE FROM sweep WHERE until_position>$1", "DELETE FROM log WHERE position>$1"] {
        session.execute(text, &[n])?;
    }
    // until they are made anew
    session.execute("UPDATE record SET position=$1 WHERE position>$1", &[n])?;
    session.execute("DELETE FROM grants", &[])?;
    derive(session, &packs, now, rederive, &late, &mut cut)?;
    Ok(cut)
}

fn vids(session: &dyn Session, text: &str, binds: &[Bind<'_>]) -> Result<Vec<i64>, Fault> {
    let mut found = Vec::new();
    session.query(text, binds, &mut |row| {
        found.push(row.int(0)?);
        Ok(true)
    })?;
    Ok(found)
}

/// Dictionaries are read once, for nobody may read while rows are read.
fn packs(session: &dyn Session) -> Result<Packs, Fault> {
    let mut numbers = Vec::new();
    session.query("SELECT no FROM dictionary", &[], &mut |row| {
        numbers.push(i32::try_from(row.int(0)?).map_err(Fault::internal)?);
        Ok(true)
    })?;
    let mut known = HashMap::new();
    for no in numbers {
        known.insert(no, pack::stored(session, no)?);
    }
    Packs::open(session, Box::new(move |no| Ok(known.get(&no).cloned().flatten())))
}

/// Versions that a dropped one had superseded; their entries may have been swept.
fn make_current(
    session: &dyn Session,
    packs: &Packs,
    vids: &[i64],
    extract: &dyn Fn(&Record) -> Vec<Entry>,
) -> Result<(), Fault> {
    let mut fresh = Entries::default();
    for vid in vids {
        let binds = [Bind::Int(FOREVER), Bind::Int(*vid)];
        session.execute("UPDATE record SET until_position=$1 WHERE vid=$2", &binds)?;
        let Some(record) = rows::by_vid(session, packs, Vid(*vid))? else { continue };
        entries::remove(session, record.vid)?;
        if !record.deleted {
            fresh.add(record.columns.org, record.vid, extract(&record));
        }
    }
    fresh.flush(session)
}

/// What a commit of the restore made.
#[derive(Default)]
struct Made {
    rows: u64,
    grants: u64,
}

fn derive(
    session: &dyn Session,
    packs: &Packs,
    now: Instant,
    rederive: &Rederive<'_>,
    late: &[i64],
    cut: &mut Cut,
) -> Result<(), Fault> {
    let mut group = Group::new(session, packs, commit::newest(session)?, commit::last_vid(session)?, now);
    let author = Author { org: OrgNo(0), agent: "restore".into() };
    let mut run = |decide: Decide| -> Result<Made, Fault> {
        let receipt = group.run(&author, decide)??;
        Ok(receipt.answer.downcast::<Made>().map(|made| *made).unwrap_or_default())
    };
    for some in late.chunks(AT_ONCE) {
        let records = records(session, packs, some)?;
        let (count, make) = (records.len() as u64, rederive.row.clone());
        let made = run(Box::new(move |view, _| {
            let mut writes = Vec::new();
            for record in &records {
                writes.extend(make(view, record)?.map(|put| Write::Put(Box::new(put))));
            }
            let made = Made { rows: writes.len() as u64, grants: 0 };
            Ok(Decided { writes, answer: Box::new(made) })
        }))?;
        cut.derived += made.rows;
        cut.kept += count - made.rows;
    }
    let text = "SELECT vid FROM record WHERE kind=$1 AND until_position=$2 AND deleted=0 ORDER BY vid";
    let causes = vids(session, text, &[Bind::Int(rederive.cause.0.into()), Bind::Int(FOREVER)])?;
    for some in causes.chunks(AT_ONCE) {
        let records = records(session, packs, some)?;
        let make = rederive.grants.clone();
        let made = run(Box::new(move |view, _| {
            let mut writes = Vec::new();
            for record in &records {
                writes.extend(make(view, record)?.into_iter().map(Write::Grant));
            }
            let made = Made { rows: 0, grants: writes.len() as u64 };
            Ok(Decided { writes, answer: Box::new(made) })
        }))?;
        cut.grants += made.grants;
    }
    group.flush()
}

fn records(session: &dyn Session, packs: &Packs, vids: &[i64]) -> Result<Vec<Record>, Fault> {
    let vids: Vec<Vid> = vids.iter().map(|vid| Vid(*vid)).collect();
    rows::by_vids(session, packs, &vids, usize::MAX)
}
