//! Segment files that are only a landing: once nothing is appended to one, somebody uploads it and takes it away.

use super::blobs::{SegmentFiles, lock};
use super::{io_fault, numbers};
use lenticular_base::Fault;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A file that is whole, and that nobody appends to while this is held.
pub(crate) struct Ripe {
    pub no: i64,
    /// How far it goes; `None` where the table of segments knows.
    pub length: Option<u64>,
    file: Held,
}

enum Held {
    Own(Arc<super::blobs::Segment>),
    /// With its lock.
    Other(File),
}

impl Ripe {
    /// Fills the buffer with what stands at an offset.
    pub fn read(&self, at: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        let file = match &self.file {
            Held::Own(segment) => &segment.file,
            Held::Other(file) => file,
        };
        file.read_exact_at(buffer, at)
            .map_err(|error| io_fault(Path::new(&format!("file {}", self.no)), error))
    }

    /// How many bytes it has.
    pub fn size(&self) -> Result<u64, Fault> {
        let file = match &self.file {
            Held::Own(segment) => &segment.file,
            Held::Other(file) => file,
        };
        let meta =
            file.metadata().map_err(|error| io_fault(Path::new(&format!("file {}", self.no)), error))?;
        Ok(meta.len())
    }
}

impl SegmentFiles {
    /// The segments that may be taken away: those that this process has left, and those whose process has ended that nobody wrote
    /// to for `age` (it might begin again and go on).
    pub(crate) fn ripe_segments(&self, age: Duration) -> Result<Vec<Ripe>, Fault> {
        self.inner.leave_if_due();
        let mut ripe = Vec::new();
        let own: Vec<_> = lock(&self.inner.sealed).values().cloned().collect();
        for segment in own {
            // so far it will be said to go: that must outlast a power cut
            segment.file.sync_data().map_err(|error| io_fault(&self.inner.path(segment.no), error))?;
            let length = Some(segment.appended.load(Ordering::Acquire));
            ripe.push(Ripe { no: segment.no, length, file: Held::Own(segment) });
        }
        for no in numbers(self.folder(), "s-")? {
            let Ok(file) = File::open(self.inner.path(no)) else { continue };
            let rested = file.metadata().and_then(|meta| meta.modified()).map(|time| time.elapsed());
            let is_old = rested.is_ok_and(|time| time.is_ok_and(|time| time >= age));
            if !ripe.iter().any(|own| own.no == no) && is_old && file.try_lock().is_ok() {
                ripe.push(Ripe { no, length: None, file: Held::Other(file) });
            }
        }
        ripe.sort_by_key(|ripe| ripe.no);
        Ok(ripe)
    }

    /// The large objects that bear their last name. Whether a commit names them, the table of segments knows.
    pub(crate) fn large(&self) -> Result<Vec<Ripe>, Fault> {
        let mut ripe = Vec::new();
        for no in numbers(self.folder(), "o-")? {
            if let Ok(file) = File::open(self.inner.path(-no)) {
                ripe.push(Ripe { no: -no, length: None, file: Held::Other(file) });
            }
        }
        Ok(ripe)
    }

    /// Whether a file can be read here.
    pub(crate) fn holds(&self, no: i64) -> bool {
        lock(&self.inner.open).contains_key(&no) || self.inner.path(no).exists()
    }

    /// Removes a file that lies elsewhere too, and lets go of it.
    pub(crate) fn take_away(&self, no: i64) -> Result<(), Fault> {
        let path = self.inner.path(no);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io_fault(&path, error)),
            _ => {}
        }
        lock(&self.inner.sealed).remove(&no);
        lock(&self.inner.open).remove(&no);
        Ok(())
    }

    /// How long ago a file was written to.
    pub(crate) fn rested(&self, no: i64) -> Duration {
        let meta = std::fs::metadata(self.inner.path(no)).and_then(|meta| meta.modified());
        meta.ok().and_then(|time| time.elapsed().ok()).unwrap_or_default()
    }
}
