//! The audit log: append-only files of checksummed entries, durable before the answer leaves.
//!
//! `audit/a-<n>` holds frames ([`crate::audit`]). Each process appends to a file of its own. Zeros end a file: it grows ahead of its entries. A frame that was cut short by a crash ends it
//! too: it was never acknowledged, and the next entries go to a new file.

use super::index::AuditIndex;
use super::{io_fault, numbers, sync_folder};
use crate::audit::queue::{Append, Done, Queue};
use crate::audit::{ENTRY_AT_MOST, frame, frame_within, next_frame, read_entry};
use crate::ground::Witness;
use crate::verify::VerifyReport;
use lenticular_base::Fault;
use lenticular_store::{AuditEntry, AuditFilter, Audits};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// A file that has grown to this is left, and a new one begun.
const FILE_AT_MOST: u64 = 64 << 20;

/// Files grow by this many zeros at a time: an fsync within them writes entries alone, no length of a file.
const GROWTH: u64 = 1 << 20;

/// Entries indexed at a time while nothing else is to do.
const INDEX_AT_ONCE: usize = 500;

/// The audit log of one data folder.
pub struct AuditLog {
    folder: PathBuf,
    queue: Queue,
    index: Arc<AuditIndex>,
}

impl AuditLog {
    /// Starts the thread that appends.
    pub fn start(folder: &Path, index: &Path) -> Result<(Arc<AuditLog>, JoinHandle<()>), Fault> {
        let index = Arc::new(AuditIndex::new(folder, index));
        let appender = Appender { folder: folder.to_owned(), active: None, index: index.clone() };
        let (queue, thread) = Queue::start(appender)?;
        Ok((Arc::new(AuditLog { folder: folder.to_owned(), queue, index }), thread))
    }
}

impl Audits for AuditLog {
    fn record(&self, entries: Vec<AuditEntry>, done: Done) {
        self.queue.record(entries, done);
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
        self.queue.close();
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
    index: Arc<AuditIndex>,
}

impl Append for Appender {
    fn index_quietly(&mut self) -> bool {
        self.index.catch_up_quietly(INDEX_AT_ONCE)
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
    use crate::audit::write_entry;

    fn entry(id: &str, query: &str) -> AuditEntry {
        AuditEntry { id: id.into(), org: 1, query: Some(query.into()), ..AuditEntry::default() }
    }

    fn appender(folder: &Path) -> Appender {
        let index = Arc::new(AuditIndex::new(folder, &folder.join("index.db")));
        Appender { folder: folder.to_owned(), active: None, index }
    }

    fn found(folder: &Path) -> Vec<AuditEntry> {
        let index = AuditIndex::new(folder, &folder.join("index.db"));
        let filter = AuditFilter { org: 1, limit: 10, ..AuditFilter::default() };
        index.search(&filter).unwrap().into_iter().map(|(_, entry)| entry).rev().collect()
    }

    #[test]
    fn what_is_too_long_is_cut_and_hides_nothing_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut appender = appender(folder.path());
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
            let mut appender = appender(folder.path());
            appender.append(&[entry("b", "")]).unwrap();
            assert_eq!(numbers(folder.path(), "a-").unwrap(), [1], "the file is whole: it is gone on with");
            let found = found(folder.path());
            let ids: Vec<&str> = found.iter().map(|entry| entry.id.as_str()).collect();
            assert_eq!(ids, ["a", "old", "b"], "{length}");
            assert!(found[1].query.as_deref().unwrap().len() < 5000);
        }
    }
}
