//! The index of the audit log: a SQLite file of its own, derived from the log; deleted, it is made anew.

use super::{io_fault, numbers};
use crate::audit::{
    frame_length, is_overlong, next_frame, read_entry, sequence, shortened, statement, write_entry,
};
use crate::sqlite::{Db, fault};
use lenticular_base::Fault;
use lenticular_store::dialect::Dialect;
use lenticular_store::{AuditEntry, AuditFilter};
use rusqlite::{Connection, TransactionBehavior, params};
use std::borrow::Cow;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::Duration;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS entry (
    seq INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    time INTEGER NOT NULL,
    id TEXT NOT NULL,
    agent TEXT NOT NULL,
    patient TEXT,
    entity TEXT NOT NULL,
    kind TEXT NOT NULL,
    action TEXT NOT NULL,
    outcome INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS entry_time ON entry (org, time, seq);
CREATE INDEX IF NOT EXISTS entry_patient ON entry (org, patient, time, seq) WHERE patient IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_kind ON entry (org, kind, time, seq);
CREATE INDEX IF NOT EXISTS entry_id ON entry (org, id);
CREATE TABLE IF NOT EXISTS reached (file INTEGER PRIMARY KEY, offset INTEGER NOT NULL, entries INTEGER NOT NULL);
";

/// Bytes read at a time; more than the longest entry that is written.
const CHUNK: usize = 4 << 20;

/// Entries in one transaction while a search waits.
const AT_ONCE: usize = 20_000;

pub struct AuditIndex {
    folder: PathBuf,
    path: PathBuf,
    connection: Mutex<Option<Connection>>,
}

impl AuditIndex {
    pub fn new(folder: &Path, path: &Path) -> AuditIndex {
        AuditIndex { folder: folder.to_owned(), path: path.to_owned(), connection: Mutex::new(None) }
    }

    fn connect(&self) -> Result<Connection, Fault> {
        let connection = Connection::open(&self.path).map_err(fault)?;
        connection.busy_timeout(Duration::from_secs(10)).map_err(fault)?;
        for (name, value) in [("journal_mode", "WAL"), ("synchronous", "OFF"), ("cache_size", "-2048")] {
            connection.pragma_update(None, name, value).map_err(fault)?;
        }
        connection.execute_batch(TABLES).map_err(fault)?;
        Ok(connection)
    }

    /// Indexes some entries where nobody waits for the index; true where more may be left.
    pub fn catch_up_quietly(&self, at_most: usize) -> bool {
        let mut guard = match self.connection.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return true,
        };
        let result = self.opened(&mut guard).and_then(|connection| self.catch_up(connection, at_most));
        match result {
            Ok(indexed) => indexed == at_most,
            Err(fault) => {
                tracing::warn!(%fault, "the audit log was not indexed");
                false
            }
        }
    }

    fn opened<'a>(&self, slot: &'a mut Option<Connection>) -> Result<&'a Connection, Fault> {
        match slot {
            Some(connection) => Ok(connection),
            none => Ok(none.insert(self.connect()?)),
        }
    }

    /// Indexes at most `at_most` entries; gives how many.
    fn catch_up(&self, connection: &Connection, at_most: usize) -> Result<usize, Fault> {
        let mut indexed = 0;
        for no in numbers(&self.folder, "a-")? {
            let path = self.folder.join(format!("a-{no}"));
            let file = File::open(&path).map_err(|error| io_fault(&path, error))?;
            let length = file.metadata().map_err(|error| io_fault(&path, error))?.len();
            if reached(connection, no)?.0 >= length {
                continue;
            }
            let transaction =
                rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
                    .map_err(fault)?;
            indexed += index_file(&transaction, no, &file, length, at_most - indexed)?;
            transaction.commit().map_err(fault)?;
            if indexed >= at_most {
                break;
            }
        }
        Ok(indexed)
    }

    /// Finds entries, newest first, after bringing the index up to the log.
    pub fn search(&self, filter: &AuditFilter) -> Result<Vec<(i64, AuditEntry)>, Fault> {
        let mut guard = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = self.opened(&mut guard)?;
        while self.catch_up(connection, AT_ONCE)? == AT_ONCE {}
        let mut found = Vec::new();
        statement(Dialect::Sqlite, "entry", filter).query(&Db(connection), &mut |row| {
            found.push((row.int(0)?, read_entry(row.bytes(1)?)?));
            Ok(true)
        })?;
        Ok(found)
    }
}

fn reached(connection: &Connection, no: i64) -> Result<(u64, i64), Fault> {
    let mut statement =
        connection.prepare_cached("SELECT offset,entries FROM reached WHERE file=?1").map_err(fault)?;
    let mut rows = statement.query([no]).map_err(fault)?;
    match rows.next().map_err(fault)? {
        Some(row) => {
            let offset: i64 = row.get(0).map_err(fault)?;
            Ok((offset.unsigned_abs(), row.get(1).map_err(fault)?))
        }
        None => Ok((0, 0)),
    }
}

fn index_file(
    connection: &Connection,
    no: i64,
    file: &File,
    length: u64,
    at_most: usize,
) -> Result<usize, Fault> {
    let (mut offset, mut entries) = reached(connection, no)?;
    let mut indexed = 0;
    let mut insert = connection
        .prepare_cached("INSERT OR REPLACE INTO entry VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)")
        .map_err(fault)?;
    while offset < length && indexed < at_most {
        let size = usize::try_from(length - offset).unwrap_or(CHUNK).min(CHUNK);
        let mut bytes = vec![0; size];
        file.read_exact_at(&mut bytes, offset).map_err(Fault::internal)?;
        // older versions wrote longer entries
        if let Some(whole) = frame_length(&bytes).filter(|whole| *whole > size)
            && whole as u64 <= length - offset
        {
            bytes.resize(whole, 0);
            file.read_exact_at(&mut bytes, offset).map_err(Fault::internal)?;
        }
        let mut rest = bytes.as_slice();
        let before = offset;
        while indexed < at_most
            && let Some((body, taken)) = next_frame(rest)
        {
            let mut entry = read_entry(body)?;
            let mut kept = Cow::Borrowed(body);
            if is_overlong(body) {
                entry = shortened(&entry);
                kept.to_mut().clear();
                write_entry(&entry, kept.to_mut())?;
            }
            let row = params![
                sequence(no, entries),
                entry.org,
                entry.time.0,
                entry.id,
                entry.agent,
                entry.patient,
                entry.entity,
                entry.kind,
                entry.action.to_string(),
                entry.outcome,
                &*kept
            ];
            insert.execute(row).map_err(fault)?;
            (entries, indexed) = (entries + 1, indexed + 1);
            offset += taken as u64;
            rest = rest.get(taken..).unwrap_or_default();
        }
        if offset == before {
            // a frame that is being written, or one that a crash cut short
            break;
        }
    }
    let offset = i64::try_from(offset).map_err(Fault::internal)?;
    connection
        .execute(
            "INSERT OR REPLACE INTO reached (file,offset,entries) VALUES (?1,?2,?3)",
            params![no, offset, entries],
        )
        .map_err(fault)?;
    Ok(indexed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index that answers the search, the columns that it looks up, and nothing to sort.
    #[track_caller]
    fn check(filter: AuditFilter, expected: &str, columns: &str) {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLES).unwrap();
        let mut explained = statement(Dialect::Sqlite, "entry", &AuditFilter { org: 1, limit: 50, ..filter });
        explained.text.insert_str(0, "EXPLAIN QUERY PLAN ");
        let mut plan = Vec::new();
        let step = &mut |row: &dyn lenticular_store::sql::Row| {
            plan.push(row.text(3)?.unwrap_or_default().to_owned());
            Ok(true)
        };
        explained.query(&Db(connection), step).unwrap();
        assert!(plan[0].contains(&format!("USING INDEX {expected} {columns}")), "{plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
    }

    #[test]
    fn each_search_is_read_in_the_order_of_an_index() {
        let of_kind = || AuditFilter { kind: Some("Study".into()), ..AuditFilter::default() };
        let of_patient = || AuditFilter { patient: Some("p".into()), ..AuditFilter::default() };
        check(AuditFilter::default(), "entry_time", "(org=?)");
        check(of_kind(), "entry_kind", "(org=? AND kind=?)");
        check(AuditFilter { no_patient: true, ..of_kind() }, "entry_kind", "(org=? AND kind=?)");
        check(
            AuditFilter { agents: vec!["a".into(), "b".into()], ..of_kind() },
            "entry_kind",
            "(org=? AND kind=?)",
        );
        check(of_patient(), "entry_patient", "(org=? AND patient=?)");
        let day = |filter| AuditFilter { low: Some(1), high: Some(2), before: Some(7), ..filter };
        check(day(AuditFilter::default()), "entry_time", "(org=? AND time>? AND time<?)");
        check(day(of_kind()), "entry_kind", "(org=? AND kind=? AND time>? AND time<?)");
        check(day(of_patient()), "entry_patient", "(org=? AND patient=? AND time>? AND time<?)");
    }
}
