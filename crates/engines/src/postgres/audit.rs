//! The audit log in PostgreSQL: one row for each group of entries, durable before the answers leave, indexed behind them.
//!
//! A process writes to a *file* of its own (a number from a sequence), as it does in a folder: row `(file, at)` of `audit_log` holds the
//! frames ([`crate::audit`]) of entries `at`, `at + 1` … of that file. So a group costs one row, however many read at that time, and a
//! group whose answer was lost is written again under the same key, once. `audit_entry` is the index: derived, made by whoever has
//! time, and by whoever searches.

use super::address::Address;
use super::is_away;
use super::wire::{Purpose, Wire};
use crate::audit::queue::{Append, Done, Queue};
use crate::audit::{COLUMNS, frame, next_frame, read_entry, sequence, statement};
use crate::ground::{Ground, Wall, Witness, glance, read};
use crate::verify::VerifyReport;
use lenticular_base::Fault;
use lenticular_store::dialect::Dialect;
use lenticular_store::rows::corrupt;
use lenticular_store::sql::{Bind, Session, one_int};
use lenticular_store::{AuditEntry, AuditFilter, Audits};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::JoinHandle;

/// A file that has so many entries is left, and a new one begun.
const FILE_AT_MOST: i64 = 10_000_000;

/// Bytes of one row at most.
const ROW_BYTES: usize = 8 << 20;

/// Groups that are indexed in one transaction: while nothing else is to do, and while a search waits.
const QUIETLY: i64 = 16;
const AT_ONCE: i64 = 256;

/// Whoever indexes holds this advisory lock.
const LOCK: i64 = i64::from_be_bytes(*b"LENSAUDI");
/// Takes that lock once it is free; or, for whoever has entries to write meanwhile, only where it is: a node that was cut off
/// while it indexed must not hold up the audit log of the others.
const WAITING: &str = "SELECT 1::bigint FROM pg_advisory_xact_lock($1)";
const AT_ONCE_OR_NOT: &str = "SELECT pg_try_advisory_xact_lock($1)::int::bigint";

/// The audit log of one database.
pub struct PgAudit {
    ground: Arc<dyn Ground>,
    queue: Queue,
    index: Arc<Index>,
}

impl PgAudit {
    /// Starts the thread that appends.
    pub fn start(
        address: &Arc<Address>,
        ground: Arc<dyn Ground>,
    ) -> Result<(Arc<PgAudit>, JoinHandle<()>), Fault> {
        let index = Arc::new(Index { address: address.clone(), wire: Mutex::new(None) });
        let appender = Appender { address: address.clone(), wire: None, file: None, index: index.clone() };
        let (queue, thread) = Queue::start(appender)?;
        Ok((Arc::new(PgAudit { ground, queue, index }), thread))
    }
}

impl Audits for PgAudit {
    fn record(&self, entries: Vec<AuditEntry>, done: Done) {
        self.queue.record(entries, done);
    }

    fn search(&self, filter: &AuditFilter) -> Result<Vec<(i64, AuditEntry)>, Fault> {
        while self.index.catch_up(AT_ONCE)? > 0 {}
        let filter = without_nul(filter);
        glance(&*self.ground, |session| {
            let mut found = Vec::new();
            statement(Dialect::Postgres, "audit_entry", &filter).query(session, &mut |row| {
                found.push((row.int(0)?, read_entry(row.bytes(1)?)?));
                Ok(true)
            })?;
            Ok(found)
        })
    }
}

impl Witness for PgAudit {
    fn walk(&self, report: &mut VerifyReport) -> Result<(), Fault> {
        let files = glance(&*self.ground, |session| {
            let mut files = Vec::new();
            session.query("SELECT file FROM audit_reached ORDER BY file", &[], &mut |row| {
                files.push(row.int(0)?);
                Ok(true)
            })?;
            Ok(files)
        })?;
        for file in files {
            let mut next = 0;
            loop {
                let some = read(&*self.ground, Wall::Open, |session| groups(session, file, next, AT_ONCE))?;
                for group in &some {
                    if group.at != next {
                        report.at_place("audit-gap", format!("file {file} at {next}"));
                    }
                    let (bodies, whole) = bodies(&group.bytes);
                    let readable = bodies.iter().filter(|body| read_entry(body).is_ok()).count();
                    if !whole || readable as i64 != group.entries {
                        report.at_place("audit-damaged", format!("file {file} at {}", group.at));
                    }
                    report.audit_entries += readable as u64;
                    next = group.at + group.entries;
                }
                if some.is_empty() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        let text = "SELECT pg_total_relation_size('audit_log')+pg_total_relation_size('audit_entry')";
        // what cannot be asked counts nothing
        glance(&*self.ground, |session| one_int(session, text, &[]))
            .ok()
            .flatten()
            .unwrap_or(0)
            .unsigned_abs()
    }

    fn ready(&self) -> Result<(), Fault> {
        glance(&*self.ground, |session| one_int(session, "SELECT max(file) FROM audit_reached", &[]))?;
        // no file has the number 0
        let row = "INSERT INTO audit_log (file,at,entries,bytes) VALUES (0,0,0,$1) ON CONFLICT (file,at) DO NOTHING";
        self.queue.standing.ready(|| {
            glance(&*self.ground, |session| {
                session.execute(row, &[Bind::Bytes(&[0; 4096])])?;
                session.execute("DELETE FROM audit_log WHERE file=0", &[]).map(drop)
            })
        })
    }

    fn close(&self) {
        self.queue.close();
    }
}

/// U+0000 stands in no text of PostgreSQL; in the log itself it is kept.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

fn without_nul(filter: &AuditFilter) -> AuditFilter {
    let cleaned = |text: &Option<String>| text.as_deref().map(clean);
    AuditFilter {
        id: cleaned(&filter.id),
        patient: cleaned(&filter.patient),
        agents: filter.agents.iter().map(|agent| clean(agent)).collect(),
        entity: cleaned(&filter.entity),
        kind: cleaned(&filter.kind),
        ..filter.clone()
    }
}

/// One row of the log.
struct Group {
    at: i64,
    entries: i64,
    bytes: Vec<u8>,
}

fn groups(session: &dyn Session, file: i64, from: i64, limit: i64) -> Result<Vec<Group>, Fault> {
    let mut found = Vec::new();
    let text = "SELECT at,entries,bytes FROM audit_log WHERE file=$1 AND at>=$2 ORDER BY at LIMIT $3";
    let mut held = 0;
    session.query(text, &[Bind::Int(file), Bind::Int(from), Bind::Int(limit)], &mut |row| {
        let bytes = row.bytes(2)?.to_vec();
        held += bytes.len();
        found.push(Group { at: row.int(0)?, entries: row.int(1)?, bytes });
        Ok(held < 4 * ROW_BYTES)
    })?;
    Ok(found)
}

/// The bodies of the frames, and whether nothing else is there.
fn bodies(bytes: &[u8]) -> (Vec<&[u8]>, bool) {
    let (mut rest, mut found) = (bytes, Vec::new());
    while let Some((body, taken)) = next_frame(rest) {
        found.push(body);
        rest = rest.get(taken..).unwrap_or_default();
    }
    (found, rest.is_empty())
}

/// What makes the index.
struct Index {
    address: Arc<Address>,
    wire: Mutex<Option<Wire>>,
}

impl Index {
    /// Indexes at most `limit` groups; gives how many.
    fn catch_up(&self, limit: i64) -> Result<i64, Fault> {
        let mut slot = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        self.try_twice(&mut slot, limit, WAITING).map(|indexed| indexed.unwrap_or(0))
    }

    /// Once more on a new connection where the first is dead; nothing where somebody else is at it.
    fn try_twice(&self, slot: &mut Option<Wire>, limit: i64, lock: &str) -> Result<Option<i64>, Fault> {
        let had = slot.is_some();
        match self.work(slot, limit, lock) {
            Err(fault) if had && is_away(&fault) => self.work(slot, limit, lock),
            result => result,
        }
    }

    /// The same where nobody waits, and without waiting for anybody; true where more may be left.
    fn catch_up_quietly(&self) -> bool {
        let mut slot = match self.wire.try_lock() {
            Ok(slot) => slot,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return true,
        };
        match self.try_twice(&mut slot, QUIETLY, AT_ONCE_OR_NOT) {
            Ok(indexed) => indexed.is_none_or(|indexed| indexed > 0),
            Err(fault) => {
                tracing::warn!(%fault, "the audit log was not indexed");
                false
            }
        }
    }

    fn work(&self, slot: &mut Option<Wire>, limit: i64, lock: &str) -> Result<Option<i64>, Fault> {
        if slot.as_ref().is_none_or(|wire| !wire.is_idle()) {
            *slot = Some(Wire::connect(&self.address, Purpose::Upkeep)?);
        }
        let Some(wire) = slot.as_ref() else { return Ok(Some(0)) };
        wire.begin("BEGIN");
        let result = index_some(wire, limit, lock).and_then(|indexed| wire.commit().map(|()| indexed));
        if result.is_err() {
            wire.rollback();
        }
        result
    }
}

/// Indexes inside a transaction: each file from where it was left.
fn index_some(session: &dyn Session, limit: i64, lock: &str) -> Result<Option<i64>, Fault> {
    // one at a time, over all nodes
    if one_int(session, lock, &[Bind::Int(LOCK)])? != Some(1) {
        return Ok(None);
    }
    let mut files = Vec::new();
    let text = "SELECT file,entries,closed FROM audit_reached WHERE closed<2 ORDER BY file";
    session.query(text, &[], &mut |row| {
        files.push((row.int(0)?, row.int(1)?, row.int(2)?));
        Ok(true)
    })?;
    let mut indexed = 0;
    for (file, reached, closed) in files {
        let some = groups(session, file, reached, limit - indexed)?;
        for group in &some {
            match rows(file, group) {
                Ok(rows) => insert(session, &rows)?,
                // one that cannot be read must not hide those behind it; `verify` says so again
                Err(fault) => {
                    tracing::error!(%fault, file, at = group.at, "a group of audit entries cannot be read")
                }
            }
        }
        if let Some(last) = some.last() {
            let binds = [Bind::Int(last.at + last.entries), Bind::Int(file)];
            session.execute("UPDATE audit_reached SET entries=$1 WHERE file=$2", &binds)?;
        } else if closed == 1 {
            session.execute("UPDATE audit_reached SET closed=2 WHERE file=$1", &[Bind::Int(file)])?;
        }
        indexed += i64::try_from(some.len()).map_err(Fault::internal)?;
        if indexed >= limit {
            break;
        }
    }
    Ok(Some(indexed))
}

/// A row of the index.
struct Row {
    seq: i64,
    entry: AuditEntry,
    action: String,
    body: Vec<u8>,
}

fn rows(file: i64, group: &Group) -> Result<Vec<Row>, Fault> {
    let (bodies, whole) = bodies(&group.bytes);
    if !whole || bodies.len() as i64 != group.entries {
        return Err(corrupt(format!("audit file {file} at {}", group.at)));
    }
    let row = |(body, k): (&[u8], i64)| {
        let mut entry = read_entry(body)?;
        for text in [&mut entry.id, &mut entry.agent, &mut entry.entity, &mut entry.kind]
            .into_iter()
            .chain(entry.patient.as_mut())
            .filter(|text| text.contains('\0'))
        {
            *text = clean(text);
        }
        Ok(Row { seq: sequence(file, k), action: entry.action.to_string(), entry, body: body.to_vec() })
    };
    bodies.into_iter().zip(group.at..).map(row).collect()
}

fn insert(session: &dyn Session, rows: &[Row]) -> Result<(), Fault> {
    let mut binds = Vec::with_capacity(rows.len() * 11);
    for Row { seq, entry, action, body } in rows {
        binds.extend([
            Bind::Int(*seq),
            Bind::Int(entry.org),
            Bind::Int(entry.time.0),
            Bind::Text(&entry.id),
            Bind::Text(&entry.agent),
            Bind::optional(entry.patient.as_deref()),
            Bind::Text(&entry.entity),
            Bind::Text(&entry.kind),
            Bind::Text(action),
            Bind::Int(entry.outcome.into()),
            Bind::Bytes(body),
        ]);
    }
    let text = format!("INSERT INTO audit_entry ({COLUMNS}) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)");
    session.execute_many(&text, 11, &binds)
}

struct Appender {
    address: Arc<Address>,
    wire: Option<Wire>,
    /// The file that this process writes, and the number of its next entry.
    file: Option<(i64, i64)>,
    index: Arc<Index>,
}

impl Append for Appender {
    fn append(&mut self, entries: &[AuditEntry]) -> Result<(), Fault> {
        let mut bytes = Vec::with_capacity(entries.len() * 256);
        let mut count = 0;
        for entry in entries {
            frame(entry, &mut bytes)?;
            count += 1;
            if bytes.len() >= ROW_BYTES {
                self.row(&bytes, count)?;
                bytes.clear();
                count = 0;
            }
        }
        if count > 0 { self.row(&bytes, count) } else { Ok(()) }
    }

    fn index_quietly(&mut self) -> bool {
        self.index.catch_up_quietly()
    }

    /// The end of the process: nothing more comes to its file.
    fn leave(&mut self) {
        if let Some(wire) = &self.wire
            && let Err(fault) = close(wire, &mut self.file)
        {
            tracing::warn!(%fault, "the audit file of this process was left open");
        }
    }
}

impl Appender {
    /// Writes one row. Where the connection goes, it may be there or not: written again under the same key, it is there once.
    fn row(&mut self, bytes: &[u8], entries: i64) -> Result<(), Fault> {
        let had = self.wire.is_some();
        let mut result = self.write(bytes, entries);
        if had && result.as_ref().is_err_and(is_away) {
            self.wire = None;
            result = self.write(bytes, entries);
        }
        if matches!(result, Ok(false)) {
            // a server that lost its last moments has given the number of this file again: another one
            self.file = None;
            return match self.write(bytes, entries)? {
                true => Ok(()),
                false => Err(Fault::internal("a new audit file was there already")),
            };
        }
        if result.is_err() {
            // nobody knows what stands at the end of this file
            self.wire = None;
            self.file = None;
        }
        result.map(drop)
    }

    /// Writes one row at the end of the file; false where something else stands there.
    fn write(&mut self, bytes: &[u8], entries: i64) -> Result<bool, Fault> {
        let wire = match &self.wire {
            Some(wire) if wire.is_idle() => wire,
            _ => self.wire.insert(Wire::connect(&self.address, Purpose::Upkeep)?),
        };
        if self.file.is_some_and(|(_, at)| at >= FILE_AT_MOST) {
            close(wire, &mut self.file)?;
        }
        let (file, at) = match self.file {
            Some(place) => place,
            None => *self.file.insert((begin(wire)?, 0)),
        };
        let binds = [Bind::Int(file), Bind::Int(at), Bind::Int(entries), Bind::Bytes(bytes)];
        let text = "INSERT INTO audit_log (file,at,entries,bytes) VALUES ($1,$2,$3,$4) ON CONFLICT (file,at) DO NOTHING";
        let stands = Session::execute(wire, text, &binds)? == 1 || {
            let text = "SELECT 1::bigint FROM audit_log WHERE file=$1 AND at=$2 AND bytes=$3";
            one_int(wire, text, &[Bind::Int(file), Bind::Int(at), Bind::Bytes(bytes)])?.is_some()
        };
        if stands {
            self.file = Some((file, at + entries));
        }
        Ok(stands)
    }
}

fn begin(wire: &Wire) -> Result<i64, Fault> {
    let file = one_int(wire, "SELECT nextval('audit_file')", &[])?
        .ok_or_else(|| Fault::internal("a sequence gave no number"))?;
    let text =
        "INSERT INTO audit_reached (file,entries,closed) VALUES ($1,0,0) ON CONFLICT (file) DO NOTHING";
    Session::execute(wire, text, &[Bind::Int(file)])?;
    Ok(file)
}

fn close(wire: &Wire, file: &mut Option<(i64, i64)>) -> Result<(), Fault> {
    if let Some((no, _)) = file.take() {
        let text = "UPDATE audit_reached SET closed=1 WHERE file=$1 AND closed=0";
        Session::execute(wire, text, &[Bind::Int(no)])?;
    }
    Ok(())
}
