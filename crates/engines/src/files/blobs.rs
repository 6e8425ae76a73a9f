//! Blobs: small ones together in segment files, large ones each in a file of their own.
//!
//! | name | holds |
//! |---|---|
//! | `s-<n>` | a segment (number n): objects one after another, appended by one process, which holds the file's lock |
//! | `t-<n>` | a large object that no commit names yet; its writer holds the lock. Removed at the next open after a crash |
//! | `o-<n>` | a large object (number -n) that a commit names |
//!
//! Each object is preceded by a head of 48 bytes: `LENSBLOB`, length (8 bytes, big endian), SHA-256. The table `segment` keeps
//! how far each file was committed; what lies behind that when a segment is opened again was never acknowledged and is cut off.

use super::{io_fault, numbers, sync_folder};
use crate::ground::Holding;
use crate::verify::VerifyReport;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::rows::corrupt;
use lenticular_store::sql::{Bind, Session, one_int};
use lenticular_store::{BlobRef, BlobWriter, Blobs};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What stands before each object.
pub(crate) const MAGIC: &[u8; 8] = b"LENSBLOB";
pub(crate) const HEAD: u64 = 48;

/// Larger objects get a file of their own.
const TOGETHER_AT_MOST: usize = 4 << 20;

/// A segment that has grown to this is left, and a new one begun.
const SEGMENT_AT_MOST: u64 = 1 << 30;

/// The most file handles kept open.
const OPEN_AT_MOST: usize = 128;

/// One file.
struct Segment {
    no: i64,
    file: File,
    /// So far whole objects were appended here by this process. The file itself may be longer while an append fails.
    appended: AtomicU64,
    /// So far it is durable.
    synced: AtomicU64,
    /// Its name is durable; for a large object: it bears its last name.
    named: AtomicBool,
}

impl Segment {
    fn new(no: i64, file: File, synced: u64, named: bool) -> Arc<Segment> {
        let (appended, synced) = (AtomicU64::new(synced), AtomicU64::new(synced));
        Arc::new(Segment { no, file, appended, synced, named: AtomicBool::new(named) })
    }
}

struct Active {
    segment: Arc<Segment>,
    end: u64,
}

/// The blobs of one data folder.
pub struct SegmentFiles {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    /// How far each segment was committed, at the time of opening.
    committed: Mutex<HashMap<i64, u64>>,
    active: Mutex<Option<Active>>,
    open: Mutex<HashMap<i64, Arc<Segment>>>,
    next_large: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn head(length: u64, sha256: &[u8; 32]) -> [u8; HEAD as usize] {
    let mut bytes = [0; HEAD as usize];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&length.to_be_bytes());
    bytes[16..].copy_from_slice(sha256);
    bytes
}

impl SegmentFiles {
    /// Opens the folder; removes large objects that were never committed and that no living process writes.
    pub fn open(folder: &Path, session: &dyn Session) -> Result<SegmentFiles, Fault> {
        for no in numbers(folder, "t-")? {
            remove_if_left(&folder.join(format!("t-{no}")))?;
        }
        let mut committed = HashMap::new();
        if let Some(no) = numbers(folder, "s-")?.last() {
            let text = "SELECT length FROM segment WHERE no=$1";
            let length = one_int(session, text, &[Bind::Int(*no)])?.unwrap_or(0);
            committed.insert(*no, length.unsigned_abs());
        }
        let large = numbers(folder, "o-")?.last().copied().unwrap_or(0);
        let inner = Inner {
            folder: folder.to_owned(),
            committed: Mutex::new(committed),
            active: Mutex::new(None),
            open: Mutex::default(),
            next_large: AtomicU64::new(large.unsigned_abs() + 1),
        };
        Ok(SegmentFiles { inner: Arc::new(inner) })
    }

    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Makes blobs durable; gives for each of their files how far that goes.
    fn sync(&self, blobs: &[BlobRef]) -> Result<Vec<(i64, i64)>, Fault> {
        let mut ends: HashMap<i64, u64> = HashMap::new();
        for blob in blobs {
            let end = blob.offset.saturating_add(blob.length);
            let known = ends.entry(blob.segment).or_default();
            *known = end.max(*known);
        }
        let mut renamed = Vec::new();
        let mut lengths = Vec::with_capacity(ends.len());
        for (no, end) in ends {
            let segment = self.inner.segment(no)?;
            if segment.synced.load(Ordering::Acquire) < end {
                let path = self.inner.path(no);
                let length = segment.appended.load(Ordering::Acquire).max(end);
                segment.file.sync_data().map_err(|error| io_fault(&path, error))?;
                segment.synced.fetch_max(length, Ordering::Release);
            }
            if !segment.named.load(Ordering::Acquire) {
                if no < 0 {
                    self.inner.give_last_name(no)?;
                }
                renamed.push(segment);
            }
            lengths.push((no, i64::try_from(end).unwrap_or(i64::MAX)));
        }
        if !renamed.is_empty() {
            sync_folder(&self.inner.folder)?;
        }
        for segment in renamed {
            segment.named.store(true, Ordering::Release);
        }
        Ok(lengths)
    }

    /// Opens a file for reading, whoever writes it.
    pub(crate) fn file_for_walk(&self, name: &str) -> Result<File, Fault> {
        let path = self.inner.folder.join(name);
        File::open(&path).map_err(|error| io_fault(&path, error))
    }
}

/// Removes a file that nobody holds the lock of.
fn remove_if_left(path: &Path) -> Result<(), Fault> {
    let Ok(file) = File::open(path) else {
        return Ok(());
    };
    if file.try_lock().is_ok() {
        std::fs::remove_file(path).map_err(|error| io_fault(path, error))?;
    }
    Ok(())
}

impl Inner {
    /// Where a file lies: the last name of a large object.
    fn path(&self, no: i64) -> PathBuf {
        let name = if no < 0 { format!("o-{}", no.unsigned_abs()) } else { format!("s-{no}") };
        self.folder.join(name)
    }

    fn first_path(&self, no: i64) -> PathBuf {
        self.folder.join(format!("t-{}", no.unsigned_abs()))
    }

    fn give_last_name(&self, no: i64) -> Result<(), Fault> {
        let (from, to) = (self.first_path(no), self.path(no));
        match std::fs::rename(&from, &to) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && to.exists() => Ok(()),
            other => other.map_err(|error| io_fault(&from, error)),
        }
    }

    fn segment(&self, no: i64) -> Result<Arc<Segment>, Fault> {
        if let Some(segment) = lock(&self.open).get(&no) {
            return Ok(segment.clone());
        }
        let path = self.path(no);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(corrupt(format!("{} is missing", path.display())));
            }
            Err(error) => return Err(io_fault(&path, error)),
        };
        let segment = Segment::new(no, file, 0, true);
        self.keep_open(&segment);
        Ok(segment)
    }

    fn keep_open(&self, segment: &Arc<Segment>) {
        let mut open = lock(&self.open);
        if open.len() >= OPEN_AT_MOST {
            // what is not committed yet keeps its lock, and so its handle
            let spare = open
                .iter()
                .find(|(_, other)| other.named.load(Ordering::Acquire) && Arc::strong_count(other) == 1)
                .map(|(no, _)| *no);
            if let Some(no) = spare {
                open.remove(&no);
            }
        }
        open.insert(segment.no, segment.clone());
    }

    /// Appends an object with its head in one write; gives the offset of the object.
    fn append(&self, bytes: &[u8]) -> Result<(i64, u64), Fault> {
        let mut active = lock(&self.active);
        if active.as_ref().is_some_and(|active| active.end >= SEGMENT_AT_MOST) {
            *active = None;
        }
        let active = match &mut *active {
            Some(active) => active,
            none => none.insert(self.begin_segment()?),
        };
        if let Err(error) = active.segment.file.write_all_at(bytes, active.end) {
            // what was written of it is overwritten by the next one; the file need not keep it
            let _ = active.segment.file.set_len(active.end);
            return Err(io_fault(&self.path(active.segment.no), error));
        }
        let at = active.end + HEAD;
        active.end += bytes.len() as u64;
        active.segment.appended.store(active.end, Ordering::Release);
        Ok((active.segment.no, at))
    }

    /// The last segment, where nobody else appends to it and there is room; else a new one.
    fn begin_segment(&self) -> Result<Active, Fault> {
        let last = numbers(&self.folder, "s-")?.last().copied().unwrap_or(0);
        if let Some(committed) = lock(&self.committed).remove(&last)
            && committed < SEGMENT_AT_MOST
            && let Some(active) = self.resume(last, committed)?
        {
            return Ok(active);
        }
        for no in last + 1.. {
            let path = self.path(no);
            let file = match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(io_fault(&path, error)),
            };
            if file.try_lock().is_ok() {
                return Ok(self.activate(no, file, 0, false));
            }
        }
        Err(Fault::internal("no number is left for a segment"))
    }

    fn resume(&self, no: i64, committed: u64) -> Result<Option<Active>, Fault> {
        let path = self.path(no);
        let file =
            OpenOptions::new().read(true).write(true).open(&path).map_err(|error| io_fault(&path, error))?;
        let length = file.metadata().map_err(|error| io_fault(&path, error))?.len();
        // a file that has lost bytes is left to `verify`
        if file.try_lock().is_err() || length < committed {
            return Ok(None);
        }
        file.set_len(committed).map_err(|error| io_fault(&path, error))?;
        Ok(Some(self.activate(no, file, committed, true)))
    }

    fn activate(&self, no: i64, file: File, end: u64, named: bool) -> Active {
        let segment = Segment::new(no, file, end, named);
        lock(&self.open).insert(no, segment.clone());
        Active { segment, end }
    }

    /// A new file for a large object, locked.
    fn begin_large(&self) -> Result<(i64, File), Fault> {
        loop {
            let number = self.next_large.fetch_add(1, Ordering::Relaxed);
            let no = -i64::try_from(number).map_err(Fault::internal)?;
            let path = self.first_path(no);
            let file = match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(io_fault(&path, error)),
            };
            // another process may have just given this number its last name, or be clearing up
            if self.path(no).exists() || file.try_lock().is_err() || !path.exists() {
                let _ = std::fs::remove_file(&path);
                continue;
            }
            return Ok((no, file));
        }
    }
}

impl Blobs for SegmentFiles {
    fn begin(&self) -> Result<Box<dyn BlobWriter>, Fault> {
        Ok(Box::new(Writer {
            inner: self.inner.clone(),
            buffer: vec![0; HEAD as usize],
            hash: Sha256::new(),
            length: 0,
            large: None,
        }))
    }

    fn read(&self, blob: &BlobRef, range: Range<u64>) -> Result<Vec<u8>, Fault> {
        if range.start > range.end || range.end > blob.length {
            return Err(corrupt(format!("bytes {range:?} of a blob of {}", blob.length)));
        }
        let segment = self.inner.segment(blob.segment)?;
        let at = blob.offset.checked_add(range.start).ok_or_else(|| corrupt("offset of a blob"))?;
        let length = range.end - range.start;
        let held =
            segment.file.metadata().map_err(|error| io_fault(&self.inner.path(blob.segment), error))?.len();
        if at.checked_add(length).is_none_or(|end| end > held) {
            return Err(corrupt(format!("segment {} ends at {held}", blob.segment)));
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(Fault::internal)?];
        segment
            .file
            .read_exact_at(&mut bytes, at)
            .map_err(|error| io_fault(&self.inner.path(blob.segment), error))?;
        Ok(bytes)
    }

    fn forget(&self, blob: &BlobRef) {
        // A place in a segment is left. So is a file with its last name: a commit that failed late may yet stand.
        if blob.segment >= 0 {
            return;
        }
        let left = lock(&self.inner.open).remove(&blob.segment);
        if let Err(error) = std::fs::remove_file(self.inner.first_path(blob.segment))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a blob that nothing names was not removed");
        }
        drop(left);
    }

    fn verify(&self, blob: &BlobRef) -> Result<bool, Fault> {
        self.inner.segment(blob.segment)?;
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < blob.length {
            let next = blob.length.min(at + (1 << 20));
            match self.read(blob, at..next) {
                Ok(bytes) => hash.update(&bytes),
                Err(fault) if fault.kind == FaultKind::Corrupt => return Ok(false),
                Err(fault) => return Err(fault),
            }
            at = next;
        }
        Ok(<[u8; 32]>::from(hash.finalize()) == blob.sha256)
    }
}

impl Holding for SegmentFiles {
    fn make_durable(&self, session: &dyn Session, named: &[BlobRef]) -> Result<(), Fault> {
        for (segment, length) in self.sync(named)? {
            let text = "INSERT INTO segment (no,length) VALUES ($1,$2) ON CONFLICT (no) DO UPDATE SET \
                        length=CASE WHEN excluded.length>segment.length THEN excluded.length ELSE segment.length END";
            session.execute(text, &[Bind::Int(segment), Bind::Int(length)])?;
        }
        Ok(())
    }

    fn walk(&self, named: &HashSet<(i64, u64)>, report: &mut VerifyReport) -> Result<(), Fault> {
        self.walk_files(named, report)
    }

    fn bytes(&self) -> u64 {
        super::folder_bytes(self.folder())
    }

    fn ready(&self) -> Result<(), Fault> {
        crate::ready::has_room(self.folder())
    }
}

/// A file of its own.
struct Large {
    no: i64,
    file: File,
    /// Bytes in the file, the head's place included.
    written: u64,
    finished: bool,
}

struct Writer {
    inner: Arc<Inner>,
    /// What is not in a file yet; room for the head goes before the first bytes.
    buffer: Vec<u8>,
    hash: Sha256,
    length: u64,
    large: Option<Large>,
}

impl Writer {
    fn spill(&mut self) -> Result<(), Fault> {
        let large = match &mut self.large {
            Some(large) => large,
            none => {
                let (no, file) = self.inner.begin_large()?;
                none.insert(Large { no, file, written: 0, finished: false })
            }
        };
        large
            .file
            .write_all_at(&self.buffer, large.written)
            .map_err(|error| io_fault(&self.inner.first_path(large.no), error))?;
        large.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl BlobWriter for Writer {
    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = (TOGETHER_AT_MOST + HEAD as usize).saturating_sub(self.buffer.len());
            if room == 0 {
                self.spill()?;
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn length(&self) -> u64 {
        self.length
    }

    fn finish(mut self: Box<Self>) -> Result<BlobRef, Fault> {
        let sha256: [u8; 32] = std::mem::take(&mut self.hash).finalize().into();
        let head = head(self.length, &sha256);
        if self.large.is_none() {
            self.buffer[..head.len()].copy_from_slice(&head);
            let (segment, offset) = self.inner.append(&self.buffer)?;
            return Ok(BlobRef { segment, offset, length: self.length, sha256 });
        }
        self.spill()?;
        let Some(mut large) = self.large.take() else {
            return Err(Fault::internal("a large blob lost its file"));
        };
        if let Err(error) = large.file.write_all_at(&head, 0) {
            let fault = io_fault(&self.inner.first_path(large.no), error);
            self.large = Some(large);
            return Err(fault);
        }
        large.finished = true;
        let no = large.no;
        self.inner.keep_open(&Segment::new(no, large.file, 0, false));
        Ok(BlobRef { segment: no, offset: HEAD, length: self.length, sha256 })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(large) = &self.large
            && !large.finished
            && let Err(error) = std::fs::remove_file(self.inner.first_path(large.no))
        {
            tracing::warn!(%error, "an unfinished blob was not removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    fn files() -> (tempfile::TempDir, SegmentFiles) {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE segment (no INTEGER PRIMARY KEY, length INTEGER)").unwrap();
        let files = SegmentFiles::open(folder.path(), &crate::sqlite::Db(connection)).unwrap();
        (folder, files)
    }

    fn blob(files: &SegmentFiles, length: usize) -> BlobRef {
        let mut writer = files.begin().unwrap();
        writer.write(&vec![7; length]).unwrap();
        writer.finish().unwrap()
    }

    fn names(folder: &tempfile::TempDir) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_failed_append_left_is_not_taken_for_durable() {
        let (_folder, files) = files();
        let first = blob(&files, 1000);
        let segment = files.inner.segment(first.segment).unwrap();
        // half of an object lies behind the first while a commit makes that durable
        segment.file.set_len(1 << 20).unwrap();
        files.sync(&[first]).unwrap();
        segment.file.set_len(first.offset + first.length).unwrap();
        let second = blob(&files, 1000);
        assert!(segment.synced.load(Ordering::Acquire) < second.offset + second.length);
        files.sync(&[second]).unwrap();
        assert_eq!(segment.synced.load(Ordering::Acquire), second.offset + second.length);
    }

    #[test]
    fn a_blob_that_is_forgotten_leaves_neither_file_nor_handle() {
        let (folder, files) = files();
        let kept = blob(&files, 5 << 20);
        files.sync(&[kept]).unwrap();
        for _ in 0..20 {
            files.forget(&blob(&files, 5 << 20));
        }
        let small = blob(&files, 10);
        files.forget(&small);
        assert_eq!(names(&folder), ["o-1", "s-1"]);
        assert_eq!(lock(&files.inner.open).len(), 2);
        assert!(files.verify(&kept).unwrap());
        // a commit that failed after the file got its last name may yet stand
        files.forget(&kept);
        assert!(files.verify(&kept).unwrap());
    }
}
