//! A blob while it comes: hashed, and held in memory with room for its head until it is more than that holds.

use super::blobs::{HEAD, TOGETHER_AT_MOST, head};
use lenticular_base::Fault;
use sha2::{Digest, Sha256};

/// What came, and of it what was not handed on yet.
pub(crate) struct Gathering {
    /// Room for the head goes before the first bytes.
    buffer: Vec<u8>,
    hash: Sha256,
    length: u64,
}

impl Gathering {
    pub fn new() -> Gathering {
        Gathering { buffer: vec![0; HEAD as usize], hash: Sha256::new(), length: 0 }
    }

    /// How many bytes came so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Takes more in; what is full goes to `spill`, beginning with the room for the head.
    pub fn take(
        &mut self,
        mut bytes: &[u8],
        spill: &mut dyn FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = (TOGETHER_AT_MOST + HEAD as usize).saturating_sub(self.buffer.len());
            if room == 0 {
                spill(&self.buffer)?;
                self.buffer.clear();
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// The end: the hash, the head, and what was not handed on. That begins with the room for the head where nothing was.
    pub fn end(&mut self) -> ([u8; 32], [u8; HEAD as usize], Vec<u8>) {
        let sha256: [u8; 32] = std::mem::take(&mut self.hash).finalize().into();
        (sha256, head(self.length, &sha256), std::mem::take(&mut self.buffer))
    }
}
