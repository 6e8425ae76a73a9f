//! The audit log: append-only files of checksummed entries, durable before the answer leaves.
//!
//! `audit/a-<n>` holds frames of length (4 bytes, little endian), CRC-32 (4 bytes) and one entry as compact JSON. The k-th entry of file n
//! (from 0) has the sequence number `n << 32 | k`, for ever: leaves of a Merkle log can name it. Each process appends
//! to a file of its own. Zeros end a file: it grows ahead of its entries. A frame that was cut short by a crash ends it
//! too: it was never acknowledged, and the next entries go to a new file.

use super::index::AuditIndex;
use super::{io_fault, numbers, sync_folder};
use crate::faults::{closing, copy};
use crate::ground::Witness;
use crate::verify::VerifyReport;
use lenticular_base::{Fault, Instant};
use lenticular_store::{AuditEntry, AuditFilter, Audits};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A file that has grown to this is left, and a new one begun.
const FILE_AT_MOST: u64 = 64 << 20;

/// Files grow by this many zeros at a time: an fsync within them writes entries alone, no length of a file.
const GROWTH: u64 = 1 << 20;

/// The longest entry that is written, in bytes.
const ENTRY_AT_MOST: usize = 1 << 20;

/// The longest entry that is read back, in bytes: there was a time when what was written had no limit.
const READ_AT_MOST: usize = 32 << 20;

/// A text in an entry that would be too long is cut to so many bytes; even with each byte escaped, all of them fit.
const TEXT_AT_MOST: usize = 4 << 10;

/// Entries written together at most, and indexed at a time while nothing else is to do.
const GROUP: usize = 4096;
const INDEX_AT_ONCE: usize = 500;

type Done = Box<dyn FnOnce(Result<(), Fault>) + Send>;
type Batch = (Vec<AuditEntry>, Done);

/// An entry as it is written.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    t: i64,
    o: i64,
    ao: i64,
    #[serde(borrow)]
    ag: Cow<'a, str>,
    #[serde(borrow)]
    r: Cow<'a, str>,
    a: char,
    #[serde(borrow)]
    w: Cow<'a, str>,
    #[serde(borrow)]
    i: Cow<'a, str>,
    #[serde(borrow)]
    k: Cow<'a, str>,
    #[serde(borrow)]
    e: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    p: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    q: Option<Cow<'a, str>>,
    oc: u8,
    #[serde(borrow)]
    pu: Cow<'a, str>,
}

/// Writes an entry as JSON.
pub(crate) fn write_entry(entry: &AuditEntry, out: &mut Vec<u8>) -> Result<(), Fault> {
    let text = |text: &'_ str| -> Cow<'_, str> { Cow::Owned(text.to_owned()) };
    let line = Line {
        id: Cow::Borrowed(&entry.id),
        t: entry.time.0,
        o: entry.org,
        ao: entry.agent_org,
        ag: Cow::Borrowed(&entry.agent),
        r: Cow::Borrowed(&entry.role),
        a: entry.action,
        w: Cow::Borrowed(&entry.way),
        i: Cow::Borrowed(&entry.interaction),
        k: Cow::Borrowed(&entry.kind),
        e: Cow::Borrowed(&entry.entity),
        p: entry.patient.as_deref().map(Cow::Borrowed),
        q: entry.query.as_deref().map(text),
        oc: entry.outcome,
        pu: Cow::Borrowed(&entry.purpose),
    };
    serde_json::to_writer(out, &line).map_err(Fault::internal)
}

/// Reads what [`write_entry`] wrote.
pub(crate) fn read_entry(bytes: &[u8]) -> Result<AuditEntry, Fault> {
    let line: Line<'_> = serde_json::from_slice(bytes)
        .map_err(|error| lenticular_store::rows::corrupt(format!("an audit entry: {error}")))?;
    Ok(AuditEntry {
        id: line.id.into_owned(),
        time: Instant(line.t),
        org: line.o,
        agent_org: line.ao,
        agent: line.ag.into_owned(),
        role: line.r.into_owned(),
        action: line.a,
        way: line.w.into_owned(),
        interaction: line.i.into_owned(),
        kind: line.k.into_owned(),
        entity: line.e.into_owned(),
        patient: line.p.map(Cow::into_owned),
        query: line.q.map(Cow::into_owned),
        outcome: line.oc,
        purpose: line.pu.into_owned(),
    })
}

/// The entry with its texts cut: what is longer than an entry may be must not be lost, nor what stands behind it.
pub(crate) fn shortened(entry: &AuditEntry) -> AuditEntry {
    let cut = |text: &str| match text.len() {
        0..=TEXT_AT_MOST => text.to_owned(),
        length => format!("{}… ({length} bytes)", &text[..text.floor_char_boundary(TEXT_AT_MOST)]),
    };
    AuditEntry {
        id: cut(&entry.id),
        agent: cut(&entry.agent),
        role: cut(&entry.role),
        way: cut(&entry.way),
        interaction: cut(&entry.interaction),
        kind: cut(&entry.kind),
        entity: cut(&entry.entity),
        patient: entry.patient.as_deref().map(cut),
        query: entry.query.as_deref().map(cut),
        purpose: cut(&entry.purpose),
        ..*entry
    }
}

fn frame(entry: &AuditEntry, out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    write_entry(entry, out)?;
    if out.len() - start - 8 > ENTRY_AT_MOST {
        out.truncate(start + 8);
        write_entry(&shortened(entry), out)?;
    }
    let body = out.get(start + 8..).unwrap_or_default();
    let sum = crc32fast::hash(body).to_le_bytes();
    let length = u32::try_from(body.len()).map_err(Fault::internal)?.to_le_bytes();
    out[start..start + 4].copy_from_slice(&length);
    out[start + 4..start + 8].copy_from_slice(&sum);
    Ok(())
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The length with its head that the frame at the front of `bytes` says it has; at most `at_most` and the head.
fn said_length(bytes: &[u8], at_most: usize) -> Option<usize> {
    let length = usize::try_from(word(bytes, 0)?).ok().filter(|length| (1..=at_most).contains(length))?;
    Some(8 + length)
}

fn frame_within(bytes: &[u8], at_most: usize) -> Option<(&[u8], usize)> {
    let taken = said_length(bytes, at_most)?;
    let body = bytes.get(8..taken)?;
    (crc32fast::hash(body) == word(bytes, 4)?).then_some((body, taken))
}

/// The first whole frame of `bytes`: its entry, and its length with the head.
pub(crate) fn next_frame(bytes: &[u8]) -> Option<(&[u8], usize)> {
    frame_within(bytes, READ_AT_MOST)
}

/// How many bytes the frame at the front of `bytes` takes, where it may go on behind them.
pub(crate) fn frame_length(bytes: &[u8]) -> Option<usize> {
    said_length(bytes, READ_AT_MOST)
}

/// Whether the body of a frame is longer than any that is written now.
pub(crate) fn is_overlong(body: &[u8]) -> bool {
    body.len() > ENTRY_AT_MOST
}

/// The sequence number of the `k`th entry of a file.
pub(crate) fn sequence(file: i64, k: i64) -> i64 {
    file << 32 | k
}

/// The audit log of one data folder.
pub struct AuditLog {
    folder: PathBuf,
    batches: Mutex<Option<Sender<Batch>>>,
    index: Arc<AuditIndex>,
}

impl AuditLog {
    /// Starts the thread that appends.
    pub fn start(folder: &Path, index: &Path) -> Result<(Arc<AuditLog>, JoinHandle<()>), Fault> {
        let (sender, batches) = channel();
        let index = Arc::new(AuditIndex::new(folder, index));
        let log = AuditLog { folder: folder.to_owned(), batches: Mutex::new(Some(sender)), index };
        let mut appender = Appender { folder: folder.to_owned(), active: None };
        let index = log.index.clone();
        let thread = std::thread::Builder::new()
            .name("audit".into())
            .spawn(move || appender.run(&batches, &index))
            .map_err(Fault::internal)?;
        Ok((Arc::new(log), thread))
    }
}

impl Audits for AuditLog {
    fn record(&self, entries: Vec<AuditEntry>, done: Done) {
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = match &*batches {
            Some(sender) => sender.send((entries, done)).err().map(|refused| refused.0.1),
            None => Some(done),
        };
        drop(batches);
        if let Some(done) = refused {
            done(Err(closing()));
        }
    }

    fn search(&self, filter: &AuditFilter) -> Result<Vec<(i64, AuditEntry)>, Fault> {
        self.index.search(filter)
    }
}

impl Witness for AuditLog {
    fn ready(&self) -> Result<(), Fault> {
        crate::ready::has_room(&self.folder)
    }

    fn close(&self) {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn walk(&self, report: &mut VerifyReport) -> Result<(), Fault> {
        for no in numbers(&self.folder, "a-")? {
            let path = self.folder.join(format!("a-{no}"));
            let bytes = std::fs::read(&path).map_err(|error| io_fault(&path, error))?;
            let mut rest = bytes.as_slice();
            while let Some((body, length)) = next_frame(rest) {
                if read_entry(body).is_err() {
                    report.at_place("audit-entry-unreadable", format!("a-{no}"));
                }
                report.audit_entries += 1;
                rest = rest.get(length..).unwrap_or_default();
            }
            // one frame cut short at the end was never acknowledged; a whole frame behind a bad one was
            let resumes = (1..rest.len().min(2 * ENTRY_AT_MOST)).any(|skip| {
                let frame = rest.get(skip..).and_then(|bytes| frame_within(bytes, ENTRY_AT_MOST));
                frame.is_some_and(|(body, _)| read_entry(body).is_ok())
            });
            if resumes {
                report.at_place("audit-damaged", format!("a-{no} at {}", bytes.len() - rest.len()));
            }
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        super::folder_bytes(&self.folder)
    }
}

struct Active {
    no: i64,
    file: File,
    end: u64,
    /// Up to here there are zeros on disk.
    zeroed: u64,
}

impl Active {
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let end = self.end + bytes.len() as u64;
        if end > self.zeroed {
            let zeroed = end + GROWTH;
            let zeros = vec![0; usize::try_from(zeroed - self.zeroed).unwrap_or(0)];
            self.file.write_all_at(&zeros, self.zeroed)?;
            self.zeroed = zeroed;
        }
        self.file.write_all_at(bytes, self.end)?;
        self.file.sync_data()?;
        self.end = end;
        Ok(())
    }
}

struct Appender {
    folder: PathBuf,
    active: Option<Active>,
}

impl Appender {
    fn run(&mut self, batches: &Receiver<Batch>, index: &AuditIndex) {
        let mut behind = true;
        loop {
            let wait = if behind { Duration::from_millis(100) } else { Duration::from_secs(2) };
            let first = match batches.recv_timeout(wait) {
                Ok(batch) => batch,
                Err(RecvTimeoutError::Timeout) => {
                    behind = behind && index.catch_up_quietly(INDEX_AT_ONCE);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            behind = true;
            let mut together = first.0;
            let mut waiting = vec![first.1];
            while together.len() < GROUP
                && let Ok((entries, done)) = batches.try_recv()
            {
                together.extend(entries);
                waiting.push(done);
            }
            let result = self.append(&together);
            if let Err(fault) = &result {
                tracing::error!(%fault, entries = together.len(), "audit entries were not written");
            }
            for done in waiting {
                done(result.as_ref().map_err(copy).copied());
            }
        }
    }

    fn append(&mut self, entries: &[AuditEntry]) -> Result<(), Fault> {
        let mut bytes = Vec::with_capacity(entries.len() * 256);
        for entry in entries {
            frame(entry, &mut bytes)?;
        }
        if bytes.is_empty() {
            return Ok(());
        }
        if self.active.as_ref().is_some_and(|active| active.end >= FILE_AT_MOST) {
            self.active = None;
        }
        let active = match &mut self.active {
            Some(active) => active,
            none => none.insert(open_file(&self.folder)?),
        };
        if let Err(error) = active.append(&bytes) {
            let fault = io_fault(&self.folder.join(format!("a-{}", active.no)), error);
            // half a group must not be read as entries; where even that fails, the file is left as it is
            match active.file.set_len(active.end) {
                Ok(()) => active.zeroed = active.end,
                Err(_) => self.active = None,
            }
            return Err(fault);
        }
        Ok(())
    }
}

/// The last file, where nobody else appends to it, it is whole and there is room; else a new one.
fn open_file(folder: &Path) -> Result<Active, Fault> {
    let last = numbers(folder, "a-")?.last().copied().unwrap_or(0);
    let path = folder.join(format!("a-{last}"));
    if let Ok(file) = OpenOptions::new().read(true).write(true).open(&path)
        && file.try_lock().is_ok()
        && let Ok(bytes) = std::fs::read(&path)
        && (bytes.len() as u64) < FILE_AT_MOST
    {
        let mut rest = bytes.as_slice();
        while let Some((_, length)) = next_frame(rest) {
            rest = rest.get(length..).unwrap_or_default();
        }
        if rest.iter().all(|byte| *byte == 0) {
            let zeroed = bytes.len() as u64;
            return Ok(Active { no: last, file, end: zeroed - rest.len() as u64, zeroed });
        }
    }
    for no in last + 1.. {
        let path = folder.join(format!("a-{no}"));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) if file.try_lock().is_ok() => {
                sync_folder(folder)?;
                return Ok(Active { no, file, end: 0, zeroed: 0 });
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io_fault(&path, error)),
        }
    }
    Err(Fault::internal("no number is left for an audit file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, query: &str) -> AuditEntry {
        AuditEntry { id: id.into(), org: 1, query: Some(query.into()), ..AuditEntry::default() }
    }

    fn found(folder: &Path) -> Vec<AuditEntry> {
        let index = AuditIndex::new(folder, &folder.join("index.db"));
        let filter = AuditFilter { org: 1, limit: 10, ..AuditFilter::default() };
        index.search(&filter).unwrap().into_iter().map(|(_, entry)| entry).rev().collect()
    }

    #[test]
    fn what_is_too_long_is_cut_and_hides_nothing_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut appender = Appender { folder: folder.path().to_owned(), active: None };
        // each of these bytes takes six in JSON
        let long = entry("long", &"\u{1}".repeat(1_200_000));
        let wide = AuditEntry { entity: "ü".repeat(700_000), ..entry("wide", "") };
        appender.append(&[entry("a", ""), long, wide, entry("b", "")]).unwrap();
        let found = found(folder.path());
        let ids: Vec<&str> = found.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["a", "long", "wide", "b"]);
        assert!(found[1].query.as_deref().unwrap().ends_with("… (1200000 bytes)"));
        assert!(found[2].entity.starts_with("üü") && found[2].entity.len() < 5000);
    }

    #[test]
    fn overlong_entries_of_older_versions_are_read() {
        for length in [1_200_000, 6 << 20, 31 << 20] {
            let folder = tempfile::tempdir().unwrap();
            let mut bytes = Vec::new();
            frame(&entry("a", ""), &mut bytes).unwrap();
            let mut body = Vec::new();
            write_entry(&entry("old", &"x".repeat(length)), &mut body).unwrap();
            bytes.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
            bytes.extend_from_slice(&body);
            std::fs::write(folder.path().join("a-1"), &bytes).unwrap();
            let mut appender = Appender { folder: folder.path().to_owned(), active: None };
            appender.append(&[entry("b", "")]).unwrap();
            assert_eq!(numbers(folder.path(), "a-").unwrap(), [1], "the file is whole: it is gone on with");
            let found = found(folder.path());
            let ids: Vec<&str> = found.iter().map(|entry| entry.id.as_str()).collect();
            assert_eq!(ids, ["a", "old", "b"], "{length}");
            assert!(found[1].query.as_deref().unwrap().len() < 5000);
        }
    }
}
