//! Writing a blob: kept in memory while it is small, in a file of its own once it is not.

use super::blobs::{HEAD, Inner, Segment, TOGETHER_AT_MOST, head};
use super::io_fault;
use lenticular_base::Fault;
use lenticular_store::{BlobRef, BlobWriter};
use sha2::{Digest, Sha256};
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
    /// What is not in a file yet; room for the head goes before the first bytes.
    buffer: Vec<u8>,
    hash: Sha256,
    length: u64,
    large: Option<Large>,
}

impl Writer {
    pub(super) fn new(inner: Arc<Inner>) -> Writer {
        Writer { inner, buffer: vec![0; HEAD as usize], hash: Sha256::new(), length: 0, large: None }
    }

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
