//! A file without a name: it is gone with the process, whatever happens to that.

use super::objects::PART;
use crate::files::io_fault;
use lenticular_base::Fault;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A large blob until its commit is asked for.
pub struct Spool {
    file: File,
    length: u64,
    /// Where it was made, for the log.
    folder: PathBuf,
}

impl Spool {
    pub fn new(folder: &Path) -> Result<Spool, Fault> {
        let path = folder.join(format!("spool-{:016x}", RandomState::new().hash_one(0)));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| io_fault(&path, error))?;
        std::fs::remove_file(&path).map_err(|error| io_fault(&path, error))?;
        Ok(Spool { file, length: 0, folder: folder.to_owned() })
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.file.write_all_at(bytes, self.length).map_err(|error| io_fault(&self.folder, error))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Writes over the first bytes.
    pub fn set_head(&self, head: &[u8]) -> Result<(), Fault> {
        self.file.write_all_at(head, 0).map_err(|error| io_fault(&self.folder, error))
    }

    pub fn read(&self, at: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        self.file.read_exact_at(buffer, at).map_err(|error| io_fault(&self.folder, error))
    }

    /// SHA-256 of all of it.
    pub fn hash(&self) -> Result<[u8; 32], Fault> {
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < self.length {
            let size = usize::try_from((self.length - at).min(PART as u64)).map_err(Fault::internal)?;
            let mut bytes = vec![0; size];
            self.read(at, &mut bytes)?;
            hash.update(&bytes);
            at += size as u64;
        }
        Ok(hash.finalize().into())
    }
}
