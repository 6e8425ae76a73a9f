//! Blobs as whole containers: `s-<n>` and `o-<n>`, files or objects of the same names and bytes.

use crate::files::blobs::{HEAD, MAGIC};
use crate::files::{io_fault, numbers, sync_folder};
use lenticular_base::Fault;
use lenticular_store::BlobRef;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Bytes that are read at a time.
pub const CHUNK: usize = 1 << 20;

/// Gives bytes of a container from an offset; fewer than asked for only at its end.
pub type Read<'a> = &'a mut dyn FnMut(u64, usize) -> Result<Vec<u8>, Fault>;

/// Where containers lie.
pub trait Containers {
    /// How long one is; `None` where it is missing.
    fn length(&self, no: i64) -> Result<Option<u64>, Fault>;
    /// Bytes of one from an offset; fewer than asked for only at its end.
    fn read(&self, no: i64, at: u64, length: usize) -> Result<Vec<u8>, Fault>;
    /// Brings one, of which `held` bytes are here, to `length` bytes, durable. Where `held` is 0, what was there stays whole until all
    /// of the new one is here.
    fn put(&self, no: i64, held: u64, length: u64, read: Read<'_>) -> Result<(), Fault>;
    /// What the table `segment` says of a container that lies here: 0 it may be appended to, 2 it is an object.
    fn state(&self) -> i64;
    /// The folder, where they are files: two ends with one folder have nothing to copy.
    fn folder(&self) -> Option<PathBuf> {
        None
    }
    /// Whether what was read of one stays as it is, and more only comes behind it.
    fn is_settled(&self, _no: i64) -> Result<bool, Fault> {
        Ok(true)
    }
    /// Runs `work` while one stays as it is, and tells it whether what was read of it stays so afterwards too.
    fn hold_still(&self, _no: i64, work: &mut dyn FnMut(bool) -> Result<(), Fault>) -> Result<(), Fault> {
        work(true)
    }
    /// Whether there is none.
    fn is_empty(&self) -> Result<bool, Fault>;
}

/// The name of a container.
pub fn name(no: i64) -> String {
    if no < 0 { format!("o-{}", no.unsigned_abs()) } else { format!("s-{no}") }
}

/// Files of a folder.
pub struct Files {
    pub folder: PathBuf,
}

impl Files {
    fn path(&self, no: i64) -> PathBuf {
        self.folder.join(name(no))
    }
}

impl Containers for Files {
    fn length(&self, no: i64) -> Result<Option<u64>, Fault> {
        let path = self.path(no);
        match std::fs::metadata(&path) {
            Ok(file) => Ok(Some(file.len())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_fault(&path, error)),
        }
    }

    fn read(&self, no: i64, at: u64, length: usize) -> Result<Vec<u8>, Fault> {
        let path = self.path(no);
        let fail = |error| io_fault(&path, error);
        let file = File::open(&path).map_err(fail)?;
        let mut bytes = vec![0; length];
        let mut read = 0;
        while read < length {
            match file.read_at(&mut bytes[read..], at + read as u64).map_err(fail)? {
                0 => break,
                some => read += some,
            }
        }
        bytes.truncate(read);
        Ok(bytes)
    }

    fn put(&self, no: i64, held: u64, length: u64, read: Read<'_>) -> Result<(), Fault> {
        let last = self.path(no);
        let path =
            if held == 0 { self.folder.join(format!("t-{}", no.unsigned_abs())) } else { last.clone() };
        let fail = |error| io_fault(&path, error);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(fail)?;
        // whoever opens the folder removes such a file, unless its lock is held
        let _ = file.try_lock();
        // what a copy that was ended has left behind what it had noted
        file.set_len(held).map_err(fail)?;
        let mut at = held;
        while at < length {
            let wanted = usize::try_from(length - at).unwrap_or(CHUNK).min(CHUNK);
            let bytes = read(at, wanted)?;
            if bytes.len() != wanted {
                return Err(short(no, at + bytes.len() as u64));
            }
            file.write_all_at(&bytes, at).map_err(fail)?;
            at += bytes.len() as u64;
        }
        file.sync_all().map_err(fail)?;
        if held == 0 {
            std::fs::rename(&path, &last).map_err(fail)?;
        }
        sync_folder(&self.folder)
    }

    fn state(&self) -> i64 {
        0
    }

    fn folder(&self) -> Option<PathBuf> {
        self.folder.canonicalize().ok()
    }

    fn is_empty(&self) -> Result<bool, Fault> {
        Ok(numbers(&self.folder, "s-")?.is_empty() && numbers(&self.folder, "o-")?.is_empty())
    }
}

/// A container of the source has fewer bytes than were committed to it.
pub fn short(no: i64, at: u64) -> Fault {
    lenticular_store::rows::corrupt(format!("{} ends at {at}, before what was committed", name(no)))
}

/// What a walk over containers found.
#[derive(Default)]
pub struct Walked {
    good: HashMap<i64, Good>,
    /// Where one has not, or no head stands: container and offset.
    pub damaged: Vec<(i64, u64)>,
}

/// The blobs of one container whose bytes have the hash that their heads say.
#[derive(Default)]
struct Good {
    /// [`print`] of each.
    prints: HashSet<u128>,
    bytes: u64,
}

/// A short hash of where a blob is, how long it is and what it holds.
fn print(blob: &BlobRef) -> u128 {
    let hash: [u8; 32] = Sha256::digest(blob.to_bytes()).into();
    hash.first_chunk().map_or(0, |half| u128::from_be_bytes(*half))
}

impl Walked {
    /// Whether this blob was found whole.
    pub fn holds(&self, blob: &BlobRef) -> bool {
        self.good.get(&blob.segment).is_some_and(|good| good.prints.contains(&print(blob)))
    }

    /// What was found in one holds no more: it is copied anew.
    pub fn forget(&mut self, no: i64) {
        self.good.remove(&no);
    }

    /// How many blobs were found whole.
    pub fn blobs(&self) -> u64 {
        self.good.values().map(|good| good.prints.len() as u64).sum()
    }

    /// The bytes of those.
    pub fn bytes(&self) -> u64 {
        self.good.values().map(|good| good.bytes).sum()
    }

    /// Reads the objects of a container between two offsets, and hashes them.
    pub fn walk(&mut self, of: &dyn Containers, no: i64, from: u64, to: u64) -> Result<(), Fault> {
        let mut stream = Stream { of, no, at: from, to, buffer: Vec::new(), taken: 0 };
        let mut at = from;
        while at < to {
            let head = stream.take(HEAD as usize)?;
            let told = head
                .get(8..16)
                .and_then(|bytes| bytes.try_into().ok())
                .map(u64::from_be_bytes)
                .filter(|length| head.starts_with(MAGIC) && *length <= to - at - HEAD);
            let (Some(length), Some(Ok(sha256))) = (told, head.get(16..48).map(<[u8; 32]>::try_from)) else {
                self.damaged.push((no, at));
                return Ok(());
            };
            let mut hash = Sha256::new();
            let mut left = length;
            while left > 0 {
                let bytes = stream.take(usize::try_from(left).unwrap_or(CHUNK).min(CHUNK))?;
                if bytes.is_empty() {
                    break;
                }
                hash.update(bytes);
                left -= bytes.len() as u64;
            }
            let blob = BlobRef { segment: no, offset: at + HEAD, length, sha256 };
            if left == 0 && <[u8; 32]>::from(hash.finalize()) == sha256 {
                let good = self.good.entry(no).or_default();
                if good.prints.insert(print(&blob)) {
                    good.bytes += length;
                }
            } else {
                self.damaged.push((no, at));
            }
            at += HEAD + length;
        }
        Ok(())
    }
}

/// A container as it is read from front to back.
struct Stream<'a> {
    of: &'a dyn Containers,
    no: i64,
    at: u64,
    to: u64,
    buffer: Vec<u8>,
    taken: usize,
}

impl Stream<'_> {
    /// The next bytes, at most so many; fewer where the container, or what is held, ends: never none before its end.
    fn take(&mut self, wanted: usize) -> Result<&[u8], Fault> {
        if self.buffer.len() - self.taken < wanted.min(HEAD as usize) || self.taken == self.buffer.len() {
            self.buffer.drain(..self.taken);
            self.taken = 0;
            let left = usize::try_from(self.to - self.at).unwrap_or(4 * CHUNK).min(4 * CHUNK);
            if left > 0 {
                let more = self.of.read(self.no, self.at, left)?;
                self.at += more.len() as u64;
                self.buffer.extend_from_slice(&more);
            }
        }
        let end = (self.taken + wanted).min(self.buffer.len());
        let start = std::mem::replace(&mut self.taken, end);
        Ok(&self.buffer[start..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(bytes: &[u8]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        out.extend_from_slice(&Sha256::digest(bytes));
        out.extend_from_slice(bytes);
        out
    }

    #[test]
    fn a_walk_finds_every_object_and_every_damage() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { folder: folder.path().to_owned() };
        let sizes = [0, 1, 47, 5000, 4 * CHUNK - 60, 3, 9 << 20, 17];
        let mut all = Vec::new();
        let mut starts = Vec::new();
        for size in sizes {
            starts.push(all.len());
            all.extend(object(&vec![7; size]));
        }
        let put = |bytes: &[u8]| {
            let give = |at: u64, length: usize| Ok(bytes[at as usize..][..length].to_vec());
            files.put(3, 0, bytes.len() as u64, &mut { give }).unwrap();
        };
        put(&all);
        let mut walked = Walked::default();
        walked.walk(&files, 3, 0, all.len() as u64).unwrap();
        assert_eq!((walked.blobs(), walked.damaged.as_slice()), (8, &[][..]));
        let offset = starts[3] as u64 + HEAD;
        let blob = BlobRef { segment: 3, offset, length: 5000, sha256: Sha256::digest(vec![7; 5000]).into() };
        assert!(walked.holds(&blob));
        assert!(!walked.holds(&BlobRef { offset: offset + 1, ..blob }));
        // from the middle on
        let mut tail = Walked::default();
        tail.walk(&files, 3, starts[4] as u64, all.len() as u64).unwrap();
        assert_eq!(tail.blobs(), 4);
        all[starts[6] + 60] ^= 1;
        put(&all);
        let mut walked = Walked::default();
        walked.walk(&files, 3, 0, all.len() as u64).unwrap();
        assert_eq!((walked.blobs(), walked.damaged), (7, vec![(3, starts[6] as u64)]));
    }
    #[test]
    fn a_container_stays_whole_until_its_next_copy_is() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { folder: folder.path().to_owned() };
        let first = vec![1; 3 * CHUNK];
        let give = |at: u64, length: usize| Ok(first[at as usize..][..length].to_vec());
        files.put(2, 0, first.len() as u64, &mut { give }).unwrap();
        let mut ended = |at: u64, length: usize| match at {
            0 => Ok(vec![2; length]),
            _ => Err(short(2, at)),
        };
        files.put(2, 0, 4 << 20, &mut ended).unwrap_err();
        assert_eq!(files.read(2, 0, 4 << 20).unwrap(), first);
        files.put(2, 0, 5, &mut |_, length| Ok(vec![3; length])).unwrap();
        assert_eq!(files.read(2, 0, 4 << 20).unwrap(), [3; 5]);
        let names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["s-2"]);
    }
}
