//! Writing a blob: kept in memory while it is small, in a file of its own once it is not.

use super::blobs::{HEAD, Inner, Segment};
use super::gathering::Gathering;
use super::io_fault;
use lenticular_base::Fault;
use lenticular_store::{BlobRef, BlobWriter};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A file of its own.
struct Large {
    no: i64,
    file: File,
    /// Bytes in the file, the head's place included.
    written: u64,
    finished: bool,
}

pub(super) struct Writer {
    inner: Arc<Inner>,
    gathering: Gathering,
    large: Option<Large>,
}

impl Writer {
    pub(super) fn new(inner: Arc<Inner>) -> Writer {
        Writer { inner, gathering: Gathering::new(), large: None }
    }
}

fn spill(inner: &Inner, large: &mut Option<Large>, bytes: &[u8]) -> Result<(), Fault> {
    let large = match large {
        Some(large) => large,
        none => {
            let (no, file) = inner.begin_large()?;
            none.insert(Large { no, file, written: 0, finished: false })
        }
    };
    large
        .file
        .write_all_at(bytes, large.written)
        .map_err(|error| io_fault(&inner.first_path(large.no), error))?;
    large.written += bytes.len() as u64;
    Ok(())
}

impl BlobWriter for Writer {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let Writer { inner, gathering, large } = self;
        gathering.take(bytes, &mut |full| spill(inner, large, full))
    }

    fn length(&self) -> u64 {
        self.gathering.length()
    }

    fn finish(mut self: Box<Self>) -> Result<BlobRef, Fault> {
        let length = self.gathering.length();
        let (sha256, head, mut rest) = self.gathering.end();
        if self.large.is_none() {
            rest[..head.len()].copy_from_slice(&head);
            let (segment, offset) = self.inner.append(&rest)?;
            return Ok(BlobRef { segment, offset, length, sha256 });
        }
        spill(&self.inner, &mut self.large, &rest)?;
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
        Ok(BlobRef { segment: no, offset: HEAD, length, sha256 })
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
