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
//! A file with bytes of which that table knows nothing, or that it says is closed, is left as it is: they may be those of another
//! place, to which the network had moved.

use super::writing::Writer;
use super::{io_fault, numbers, sync_folder};
use crate::ground::Holding;
use crate::verify::VerifyReport;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::rows::corrupt;
use lenticular_store::sql::{Bind, Session};
use lenticular_store::{BlobRef, BlobWriter, Blobs};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// What stands before each object.
pub(crate) const MAGIC: &[u8; 8] = b"LENSBLOB";
pub(crate) const HEAD: u64 = 48;

/// Larger objects get a file of their own.
pub(crate) const TOGETHER_AT_MOST: usize = 4 << 20;

/// A segment that has grown to this is left, and a new one begun. A move into an object store sends the last one twice.
const SEGMENT_AT_MOST: u64 = 256 << 20;

/// The most file handles kept open.
const OPEN_AT_MOST: usize = 128;

/// One file.
pub(super) struct Segment {
    pub(super) no: i64,
    pub(super) file: File,
    /// So far whole objects were appended here by this process. The file itself may be longer while an append fails.
    pub(super) appended: AtomicU64,
    /// So far it is durable.
    synced: AtomicU64,
    /// Its name is durable; for a large object: it bears its last name.
    named: AtomicBool,
}

impl Segment {
    pub(super) fn new(no: i64, file: File, synced: u64, named: bool) -> Arc<Segment> {
        let (appended, synced) = (AtomicU64::new(synced), AtomicU64::new(synced));
        Arc::new(Segment { no, file, appended, synced, named: AtomicBool::new(named) })
    }
}

struct Active {
    segment: Arc<Segment>,
    end: u64,
    begun: Instant,
}

/// The blobs of one data folder.
pub struct SegmentFiles {
    pub(super) inner: Arc<Inner>,
}

/// When a segment is left, and a new one begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes.
    pub size: u64,
    /// Since its first object of this process; `None`: never for that.
    pub age: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { size: SEGMENT_AT_MOST, age: None }
    }
}

/// Who gives numbers to new files, where those of the folder are not all there ever were.
pub(crate) trait Drawing: Send + Sync {
    /// A number that no file had: above 0 for a segment, below for a large object.
    fn draw(&self, large: bool) -> Result<i64, Fault>;
    /// Whether a segment may still grow.
    fn is_open(&self, no: i64) -> Result<bool, Fault>;
}

/// A segment that may be gone on with.
struct Resumable {
    no: i64,
    file: File,
    committed: u64,
}

impl Resumable {
    /// Takes the file's lock first, and reads then how far it was committed: nobody commits into it any more.
    fn find(folder: &Path, no: i64, session: &dyn Session) -> Result<Option<Resumable>, Fault> {
        let path = folder.join(format!("s-{no}"));
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            // it was taken away meanwhile
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_fault(&path, error)),
        };
        if file.try_lock().is_err() {
            return Ok(None);
        }
        let text = "SELECT CASE WHEN state=0 THEN length END FROM segment WHERE no=$1";
        // bytes of which this table knows nothing may be those of another, to which the network had moved
        let held = file.metadata().map_err(|error| io_fault(&path, error))?.len();
        let mut committed = (held == 0).then_some(0);
        session.query(text, &[Bind::Int(no)], &mut |row| {
            committed = row.maybe_int(0)?;
            Ok(false)
        })?;
        // one that was closed is not gone on with
        Ok(committed.map(|committed| Resumable { no, file, committed: committed.unsigned_abs() }))
    }
}

pub(super) struct Inner {
    pub(super) folder: PathBuf,
    limits: Limits,
    drawing: OnceLock<Arc<dyn Drawing>>,
    /// Segments that this process has left; kept only where somebody takes them away.
    pub(super) sealed: Mutex<HashMap<i64, Arc<Segment>>>,
    /// The last segment, with its lock, where nobody else had that when the folder was opened, and how far it was committed.
    resumable: Mutex<Option<Resumable>>,
    active: Mutex<Option<Active>>,
    pub(super) open: Mutex<HashMap<i64, Arc<Segment>>>,
    next_large: AtomicU64,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn head(length: u64, sha256: &[u8; 32]) -> [u8; HEAD as usize] {
    let mut bytes = [0; HEAD as usize];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&length.to_be_bytes());
    bytes[16..].copy_from_slice(sha256);
    bytes
}

impl SegmentFiles {
    /// Opens the folder; removes large objects that were never committed and that no living process writes.
    pub fn open(folder: &Path, session: &dyn Session, limits: Limits) -> Result<SegmentFiles, Fault> {
        for no in numbers(folder, "t-")? {
            remove_if_left(&folder.join(format!("t-{no}")))?;
        }
        let resumable = match numbers(folder, "s-")?.last() {
            Some(no) => Resumable::find(folder, *no, session)?,
            None => None,
        };
        let large = numbers(folder, "o-")?.last().copied().unwrap_or(0);
        let inner = Inner {
            folder: folder.to_owned(),
            limits,
            drawing: OnceLock::new(),
            sealed: Mutex::default(),
            resumable: Mutex::new(resumable),
            active: Mutex::new(None),
            open: Mutex::default(),
            next_large: AtomicU64::new(large.unsigned_abs() + 1),
        };
        Ok(SegmentFiles { inner: Arc::new(inner) })
    }

    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// From here on numbers come from elsewhere. Called once, before the first blob.
    pub(crate) fn draw_from(&self, drawing: Arc<dyn Drawing>) {
        let _ = self.inner.drawing.set(drawing);
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
    pub(super) fn path(&self, no: i64) -> PathBuf {
        let name = if no < 0 { format!("o-{}", no.unsigned_abs()) } else { format!("s-{no}") };
        self.folder.join(name)
    }

    pub(super) fn first_path(&self, no: i64) -> PathBuf {
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

    pub(super) fn keep_open(&self, segment: &Arc<Segment>) {
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
    pub(super) fn append(&self, bytes: &[u8]) -> Result<(i64, u64), Fault> {
        let mut active = lock(&self.active);
        self.leave(&mut active);
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

    /// Leaves the active segment once it is large or old enough.
    fn leave(&self, active: &mut Option<Active>) {
        let due = |active: &mut Active| {
            active.end >= self.limits.size || self.limits.age.is_some_and(|age| active.begun.elapsed() >= age)
        };
        if let Some(left) = active.take_if(due)
            && self.drawing.get().is_some()
        {
            lock(&self.sealed).insert(left.segment.no, left.segment);
        }
    }

    /// Leaves the active segment where that is due, although nothing is appended just now.
    pub(super) fn leave_if_due(&self) {
        let is_old = |resumable: &mut Resumable| {
            let written =
                resumable.file.metadata().and_then(|meta| meta.modified()).map(|time| time.elapsed());
            self.limits
                .age
                .is_some_and(|age| written.is_ok_and(|since| since.is_ok_and(|since| since >= age)))
        };
        // nobody goes on with it any more: its lock is for who takes it away
        drop(lock(&self.resumable).take_if(is_old));
        self.leave(&mut lock(&self.active));
    }

    /// The last segment, where nobody else appends to it and there is room; else a new one.
    fn begin_segment(&self) -> Result<Active, Fault> {
        if let Some(resumable) = lock(&self.resumable).take()
            && let Some(active) = self.resume(resumable)?
        {
            return Ok(active);
        }
        let last = numbers(&self.folder, "s-")?.last().copied().unwrap_or(0);
        for next in last + 1.. {
            let no = self.drawing.get().map_or(Ok(next), |drawing| drawing.draw(false))?;
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

    fn resume(&self, Resumable { no, file, committed }: Resumable) -> Result<Option<Active>, Fault> {
        let path = self.path(no);
        let length = file.metadata().map_err(|error| io_fault(&path, error))?.len();
        // a file that has lost bytes is left to `verify`; whoever closes one holds its lock meanwhile
        if committed >= self.limits.size || length < committed || !path.exists() {
            return Ok(None);
        }
        if let Some(drawing) = self.drawing.get()
            && !drawing.is_open(no)?
        {
            return Ok(None);
        }
        file.set_len(committed).map_err(|error| io_fault(&path, error))?;
        Ok(Some(self.activate(no, file, committed, true)))
    }

    fn activate(&self, no: i64, file: File, end: u64, named: bool) -> Active {
        let segment = Segment::new(no, file, end, named);
        lock(&self.open).insert(no, segment.clone());
        Active { segment, end, begun: Instant::now() }
    }

    /// A new file for a large object, locked.
    pub(super) fn begin_large(&self) -> Result<(i64, File), Fault> {
        loop {
            let no = match self.drawing.get() {
                Some(drawing) => drawing.draw(true)?,
                None => {
                    let number = self.next_large.fetch_add(1, Ordering::Relaxed);
                    -i64::try_from(number).map_err(Fault::internal)?
                }
            };
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
        Ok(Box::new(Writer::new(self.inner.clone())))
    }

    fn read(&self, blob: &BlobRef, range: Range<u64>) -> Result<Vec<u8>, Fault> {
        blob.holds(&range)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    fn files() -> (tempfile::TempDir, SegmentFiles) {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE segment (no INTEGER PRIMARY KEY, length INTEGER, state INTEGER)")
            .unwrap();
        let files =
            SegmentFiles::open(folder.path(), &crate::sqlite::Db(connection), Limits::default()).unwrap();
        (folder, files)
    }

    #[test]
    fn a_segment_that_another_holds_is_never_cut() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE segment (no INTEGER PRIMARY KEY, length INTEGER, state INTEGER DEFAULT 0)",
            )
            .unwrap();
        let session = crate::sqlite::Db(connection);
        let open = || SegmentFiles::open(folder.path(), &session, Limits::default()).unwrap();
        let one = open();
        let first = blob(&one, 1000);
        one.make_durable(&session, &[first]).unwrap();
        // opened while the other goes on
        let two = open();
        let second = blob(&one, 5000);
        one.make_durable(&session, &[second]).unwrap();
        drop(one);
        let third = blob(&two, 10);
        assert_ne!(third.segment, second.segment);
        assert!(two.verify(&first).unwrap() && two.verify(&second).unwrap());
        // and who comes when it has ended goes on behind what was committed
        drop(two);
        let three = open();
        three.make_durable(&session, &[blob(&three, 20)]).unwrap();
        assert!(three.verify(&second).unwrap());
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
