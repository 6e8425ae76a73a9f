//! Reading blobs out of objects, each compared with its hash before anybody sees it.

use super::objects::{Objects, PART};
use crate::files::blobs::TOGETHER_AT_MOST;
use bytes::Bytes;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::BlobRef;
use lenticular_store::rows::corrupt;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::sync::Arc;

/// What an object is called: `s-12`, `o-3`.
pub fn name_of(segment: i64) -> String {
    if segment < 0 { format!("o-{}", segment.unsigned_abs()) } else { format!("s-{segment}") }
}

/// The number in a name such as `s-12` or `o-3`.
pub fn number_of(name: &str) -> Option<i64> {
    crate::files::number_of(name, "s-").or_else(|| crate::files::number_of(name, "o-").map(|no| -no))
}

#[derive(Clone)]
struct Weight;

/// Segment, offset, and hash: a number may come again in a database that was restored.
type Key = (i64, u64, [u8; 32]);

impl Weighter<Key, Bytes> for Weight {
    fn weight(&self, _: &Key, bytes: &Bytes) -> u64 {
        bytes.len() as u64 + 100
    }
}

/// Gives the bytes of a range of a blob.
pub type Part<'a> = &'a dyn Fn(Range<u64>) -> Result<Bytes, Fault>;

/// The way from a blob to its bytes in the object store.
pub struct Fetch {
    pub objects: Arc<Objects>,
    /// Blobs that were read lately, whole: the frames of one instance cost one request.
    cache: Cache<Key, Bytes, Weight>,
}

fn damaged(blob: &BlobRef) -> Fault {
    corrupt(format!("{} at {} is not what was put there", name_of(blob.segment), blob.offset))
}

impl Fetch {
    /// `cached` is how many bytes are kept in memory.
    pub fn new(objects: Arc<Objects>, cached: u64) -> Fetch {
        Fetch { objects, cache: Cache::with_weighter(256, cached, Weight) }
    }

    /// Part of a blob, as [`lenticular_store::Blobs::read`] has checked it. Small ones are fetched whole and compared; of large
    /// ones what was asked for, compared where that is all of it.
    pub fn read(&self, blob: &BlobRef, range: Range<u64>) -> Result<Bytes, Fault> {
        self.read_from(blob, range, &|range| self.part(blob, range))
    }

    /// The same, where `part` gives the bytes of a range of the blob.
    pub fn read_from(&self, blob: &BlobRef, range: Range<u64>, part: Part<'_>) -> Result<Bytes, Fault> {
        let cut = |bytes: &Bytes| {
            let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
            (range.end <= bytes.len()).then(|| bytes.slice(range))
        };
        if blob.length > TOGETHER_AT_MOST as u64 {
            let bytes = part(range.clone())?;
            if range == (0..blob.length) && <[u8; 32]>::from(Sha256::digest(&bytes)) != blob.sha256 {
                return Err(damaged(blob));
            }
            return Ok(bytes);
        }
        let fetch = || {
            let bytes = part(0..blob.length)?;
            if <[u8; 32]>::from(Sha256::digest(&bytes)) == blob.sha256 {
                Ok(bytes)
            } else {
                Err(damaged(blob))
            }
        };
        // who asks for the same meanwhile waits for this one
        let whole = self.cache.get_or_insert_with(&(blob.segment, blob.offset, blob.sha256), fetch)?;
        cut(&whole).ok_or_else(|| damaged(blob))
    }

    /// Bytes of a range of the blob out of its object, not compared.
    pub fn part(&self, blob: &BlobRef, range: Range<u64>) -> Result<Bytes, Fault> {
        let name = name_of(blob.segment);
        let place = |at: u64| blob.offset.checked_add(at).ok_or_else(|| damaged(blob));
        if range.end.saturating_sub(range.start) <= PART as u64 {
            return self.objects.get(&name, Some(place(range.start)?..place(range.end)?));
        }
        let mut bytes = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let next = range.end.min(at + PART as u64);
            bytes.extend_from_slice(&self.objects.get(&name, Some(place(at)?..place(next)?))?);
            at = next;
        }
        Ok(bytes.into())
    }

    /// Bytes of a range of a segment's object, not compared; `None` where they cannot be had.
    pub fn span(&self, segment: i64, range: Range<u64>) -> Option<Bytes> {
        let length = range.end.saturating_sub(range.start);
        let bytes = self.objects.get(&name_of(segment), Some(range)).ok()?;
        (bytes.len() as u64 == length).then_some(bytes)
    }

    /// Reads all of it again, past memory, and compares.
    pub fn verify(&self, blob: &BlobRef) -> Result<bool, Fault> {
        Fetch::verify_from(blob, &|range| self.part(blob, range))
    }

    /// The same, where `part` gives the bytes.
    pub fn verify_from(blob: &BlobRef, part: Part<'_>) -> Result<bool, Fault> {
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < blob.length {
            let next = blob.length.min(at + PART as u64);
            match part(at..next) {
                Ok(bytes) => hash.update(&bytes),
                Err(fault) if fault.kind == FaultKind::Corrupt && !super::objects::is_missing(&fault) => {
                    return Ok(false);
                }
                Err(fault) => return Err(fault),
            }
            at = next;
        }
        Ok(<[u8; 32]>::from(hash.finalize()) == blob.sha256)
    }
}
