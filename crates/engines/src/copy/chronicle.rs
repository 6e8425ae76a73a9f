//! The audit log as it is copied: streams of entries, each with its sequence number for ever.

use crate::audit::{frame_length, framed, next_frame};
use crate::files::{io_fault, numbers, sync_folder};
use lenticular_base::Fault;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Entries, and bytes of them, that are copied at a time.
const ENTRIES_AT_ONCE: usize = 5000;
const BYTES_AT_ONCE: usize = 8 << 20;

/// Bytes that are read of a file at a time: more than the longest entry.
const CHUNK: usize = 4 << 20;

/// Where audit entries lie: the `k`th entry of stream `n` has the sequence number `n << 32 | k`.
pub trait Chronicle {
    /// The numbers of the streams, ascending.
    fn streams(&self) -> Result<Vec<i64>, Fault>;
    /// The entries of a stream from the `k`th on, as JSON, no more than so many and so many bytes.
    fn read(&self, stream: i64, k: i64, entries: usize, bytes: usize) -> Result<Vec<Vec<u8>>, Fault>;
    /// Appends entries, the first of them the `k`th; durable.
    fn append(&self, stream: i64, k: i64, entries: &[Vec<u8>]) -> Result<(), Fault>;
    /// Lets new entries go to streams behind those that were copied.
    fn draw_on(&self) -> Result<(), Fault>;
}

/// How many entries a stream has.
fn count(of: &dyn Chronicle, stream: i64) -> Result<i64, Fault> {
    let mut k = 0;
    loop {
        let some = of.read(stream, k, ENTRIES_AT_ONCE, BYTES_AT_ONCE)?.len();
        if some == 0 {
            return Ok(k);
        }
        k += i64::try_from(some).unwrap_or(i64::MAX);
    }
}

/// Copies what the target does not have yet; gives how many entries. `reached` keeps how many each stream of the target has.
pub fn copy(from: &dyn Chronicle, to: &dyn Chronicle, reached: &mut HashMap<i64, i64>) -> Result<u64, Fault> {
    let mut copied = 0;
    let held = to.streams()?;
    for stream in from.streams()? {
        let mut k = match reached.get(&stream) {
            Some(k) => *k,
            None if held.contains(&stream) => count(to, stream)?,
            None => 0,
        };
        loop {
            let some = from.read(stream, k, ENTRIES_AT_ONCE, BYTES_AT_ONCE)?;
            if some.is_empty() {
                break;
            }
            to.append(stream, k, &some)?;
            copied += some.len() as u64;
            k += i64::try_from(some.len()).unwrap_or(i64::MAX);
        }
        reached.insert(stream, k);
    }
    Ok(copied)
}

/// The number of entries, and a hash over all of them with their sequence numbers; no stream further than `limits` says, where it does.
pub fn sum(of: &dyn Chronicle, limits: Option<&HashMap<i64, i64>>) -> Result<super::compare::Sum, Fault> {
    let mut hash = Sha256::new();
    let mut rows = 0;
    for stream in of.streams()? {
        let limit = limits.map_or(i64::MAX, |limits| limits.get(&stream).copied().unwrap_or(0));
        let mut k = 0;
        while k < limit {
            let at_most = usize::try_from(limit - k).unwrap_or(ENTRIES_AT_ONCE).min(ENTRIES_AT_ONCE);
            let some = of.read(stream, k, at_most, BYTES_AT_ONCE)?;
            if some.is_empty() {
                break;
            }
            for entry in some {
                hash.update((stream << 32 | k).to_be_bytes());
                hash.update((entry.len() as u64).to_be_bytes());
                hash.update(&entry);
                k += 1;
                rows += 1;
            }
        }
    }
    let sha256: [u8; 32] = hash.finalize().into();
    Ok(super::compare::Sum { rows, sha256: lenticular_base::ids::hex(&sha256) })
}

/// Files `a-<n>` of a folder.
pub struct Frames {
    folder: PathBuf,
    /// Where reading went on to last, in each file: entry and offset.
    places: RefCell<HashMap<i64, (i64, u64)>>,
}

impl Frames {
    pub fn new(folder: PathBuf) -> Frames {
        Frames { folder, places: RefCell::default() }
    }

    fn path(&self, stream: i64) -> PathBuf {
        self.folder.join(format!("a-{stream}"))
    }

    /// The next entries from an offset; gives where they end.
    fn some(
        &self,
        file: &File,
        mut at: u64,
        entries: usize,
        bytes: usize,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<u64, Fault> {
        let mut taken = 0;
        loop {
            let mut buffer = vec![0; CHUNK];
            let mut read = 0;
            while read < buffer.len() {
                match file.read_at(&mut buffer[read..], at + read as u64).map_err(Fault::internal)? {
                    0 => break,
                    some => read += some,
                }
            }
            buffer.truncate(read);
            // older versions wrote longer entries
            if let Some(whole) = frame_length(&buffer).filter(|whole| *whole > read)
                && read == CHUNK
            {
                buffer.resize(whole, 0);
                if file.read_exact_at(&mut buffer, at).is_err() {
                    return Ok(at);
                }
            }
            let mut rest = buffer.as_slice();
            let before = at;
            while let Some((body, length)) = next_frame(rest) {
                if out.len() >= entries || taken >= bytes {
                    return Ok(at);
                }
                out.push(body.to_vec());
                taken += body.len();
                at += length as u64;
                rest = rest.get(length..).unwrap_or_default();
            }
            if at == before {
                return Ok(at);
            }
        }
    }

    /// The offset of the `k`th entry, as far as the file goes: entry and offset.
    fn seek(&self, stream: i64, file: &File, k: i64) -> Result<(i64, u64), Fault> {
        let known = self.places.borrow().get(&stream).copied();
        let (mut entry, mut at) = known.filter(|(entry, _)| *entry <= k).unwrap_or((0, 0));
        while entry < k {
            let wanted = usize::try_from(k - entry).unwrap_or(ENTRIES_AT_ONCE).min(ENTRIES_AT_ONCE);
            let mut passed = Vec::new();
            at = self.some(file, at, wanted, BYTES_AT_ONCE, &mut passed)?;
            if passed.is_empty() {
                break;
            }
            entry += i64::try_from(passed.len()).unwrap_or(i64::MAX);
        }
        Ok((entry, at))
    }
}

impl Chronicle for Frames {
    fn streams(&self) -> Result<Vec<i64>, Fault> {
        numbers(&self.folder, "a-")
    }

    fn read(&self, stream: i64, k: i64, entries: usize, bytes: usize) -> Result<Vec<Vec<u8>>, Fault> {
        let path = self.path(stream);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_fault(&path, error)),
        };
        let (entry, at) = self.seek(stream, &file, k)?;
        let mut found = Vec::new();
        if entry == k {
            let end = self.some(&file, at, entries, bytes, &mut found)?;
            let next = k + i64::try_from(found.len()).unwrap_or(i64::MAX);
            self.places.borrow_mut().insert(stream, (next, end));
        }
        Ok(found)
    }

    fn append(&self, stream: i64, k: i64, entries: &[Vec<u8>]) -> Result<(), Fault> {
        let path = self.path(stream);
        let fail = |error| io_fault(&path, error);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fail)?;
        let (entry, at) = self.seek(stream, &file, k)?;
        if entry != k {
            return Err(lenticular_store::rows::corrupt(format!(
                "a-{stream} ends at entry {entry}, not {k}"
            )));
        }
        let mut bytes = Vec::new();
        for entry in entries {
            framed(entry, &mut bytes)?;
        }
        // what a copy that was ended has left
        file.set_len(at).map_err(fail)?;
        file.write_all_at(&bytes, at).map_err(fail)?;
        file.sync_all().map_err(fail)?;
        sync_folder(&self.folder)?;
        let next = k + i64::try_from(entries.len()).unwrap_or(i64::MAX);
        self.places.borrow_mut().insert(stream, (next, at + bytes.len() as u64));
        Ok(())
    }

    fn draw_on(&self) -> Result<(), Fault> {
        let last = self.streams()?.last().copied().unwrap_or(0);
        let path = self.path(last + 1);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|file| file.sync_all())
            .map_err(|error| io_fault(&path, error))?;
        sync_folder(&self.folder)
    }
}
