//! Index entries made anew from the records.

use crate::engine::Extract;
use crate::ground::{self, Ground};
use crate::pack::Packs;
use crate::writer::WriterHandle;
use lenticular_base::index::Entry;
use lenticular_base::{Fault, Vid};
use lenticular_store::sql::{Bind, Session, one_int};
use lenticular_store::{Record, entries, rows};
use std::sync::Arc;

/// The tables of index entries.
pub(crate) const TABLES: [&str; 3] = ["ix_text", "ix_time", "ix_number"];

/// Version numbers whose entries are looked through in one statement.
const RANGE: i64 = 50_000;

/// Ranges `low < vid <= high` that hold every version number, the last one those that are greater than `newest`, too.
pub(crate) fn ranges(newest: i64) -> impl Iterator<Item = [i64; 2]> {
    let starts = (0..=newest.max(0)).step_by(RANGE as usize);
    starts.map(move |low| match low.saturating_add(RANGE) {
        high if high > newest => [low, i64::MAX],
        high => [low, high],
    })
}

/// The condition that an entry of a table has no row.
pub(crate) fn without_row(table: &str) -> String {
    format!("NOT EXISTS (SELECT 1 FROM record r WHERE r.vid={table}.vid)")
}

/// Rows in one transaction.
const AT_ONCE: i64 = 500;

/// Rebuilds every current row's entries, a few at a time between other commits, and removes entries that no row has.
pub fn run(
    ground: &dyn Ground,
    writer: &WriterHandle,
    packs: &Arc<Packs>,
    extract: &Extract,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, Fault> {
    let newest = ground::glance(ground, |session| one_int(session, "SELECT max(vid) FROM record", &[]))?;
    let total = newest.unwrap_or(0).unsigned_abs();
    let indexed = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let mut last = 0;
    loop {
        let (packs, extract, indexed_here) = (packs.clone(), extract.clone(), indexed.clone());
        let reached = writer.task(move |session, _| {
            let done = some(session, &*packs, &*extract, last)?;
            indexed_here.fetch_add(done.1, std::sync::atomic::Ordering::Relaxed);
            Ok(done.0)
        })?;
        if reached == last {
            break;
        }
        last = reached;
        progress(last.unsigned_abs().min(total), total);
    }
    for range in ranges(last) {
        writer.task(move |session, _| {
            for table in TABLES {
                let text = format!("DELETE FROM {table} WHERE vid>$1 AND vid<=$2 AND {}", without_row(table));
                session.execute(&text, &range.map(Bind::Int))?;
            }
            Ok(0)
        })?;
    }
    Ok(indexed.load(std::sync::atomic::Ordering::Relaxed))
}

/// Rebuilds the rows after `last`; gives the last one, and how many were current.
fn some(
    session: &dyn Session,
    packer: &dyn lenticular_store::sql::Packer,
    extract: &dyn Fn(&Record) -> Vec<Entry>,
    last: i64,
) -> Result<(i64, u64), Fault> {
    let mut batch = Vec::new();
    let text = "SELECT vid,until_position FROM record WHERE vid>$1 ORDER BY vid LIMIT $2";
    session.query(text, &[Bind::Int(last), Bind::Int(AT_ONCE)], &mut |row| {
        batch.push((row.int(0)?, row.int(1)? == lenticular_store::schema::FOREVER));
        Ok(true)
    })?;
    let mut fresh = entries::Entries::default();
    let (mut reached, mut indexed) = (last, 0);
    for (vid, current) in batch {
        reached = vid;
        if !current {
            continue;
        }
        if let Some(record) = rows::by_vid(session, packer, Vid(vid))? {
            entries::remove(session, record.vid)?;
            if !record.deleted {
                fresh.add(record.columns.org, record.vid, extract(&record));
                indexed += 1;
            }
        }
    }
    fresh.flush(session)?;
    Ok((reached, indexed))
}
