//! Comparing many blobs with few questions: small ones that lie side by side in a segment are read as one span.

use super::objects::PART;
use bytes::Bytes;
use lenticular_base::Fault;
use lenticular_store::BlobRef;
use sha2::{Digest, Sha256};
use std::ops::Range;

/// Bytes between two blobs that are read along rather than asked for apart: their heads, and what no commit names.
const BETWEEN: u64 = 64 << 10;

/// Gives the bytes of a range of a segment, where it has them all.
pub type Span<'a> = &'a dyn Fn(i64, Range<u64>) -> Option<Bytes>;

/// Compares each one of its own.
pub type Single<'a> = &'a dyn Fn(&BlobRef) -> Result<bool, Fault>;

/// Compares blobs with their hashes, in their order; whatever a span leaves in doubt is asked for by itself.
pub fn verify(blobs: &[BlobRef], span: Span<'_>, single: Single<'_>) -> Vec<Result<bool, Fault>> {
    let mut order: Vec<(usize, &BlobRef)> = blobs.iter().enumerate().collect();
    order.sort_unstable_by_key(|(_, blob)| (blob.segment, blob.offset));
    let mut sound = vec![false; blobs.len()];
    let mut rest = order.as_slice();
    while let Some((_, first)) = rest.first() {
        let mut end = first.offset;
        let joined = rest.iter().take_while(|(_, blob)| {
            let ends = blob.offset.saturating_add(blob.length);
            let joins = blob.segment == first.segment
                && blob.offset.saturating_sub(end) <= BETWEEN
                && ends.max(end).saturating_sub(first.offset) <= PART as u64;
            if joins {
                end = end.max(ends);
            }
            joins
        });
        let count = joined.count().max(1);
        let (together, others) = rest.split_at(count);
        rest = others;
        // a large object is alone in its segment, and one alone is asked for by itself
        if count == 1 {
            continue;
        }
        let Some(bytes) = span(first.segment, first.offset..end) else { continue };
        for (at, blob) in together {
            let begins = usize::try_from(blob.offset - first.offset).ok();
            let length = usize::try_from(blob.length).ok();
            let part = begins.zip(length).and_then(|(begins, length)| bytes.get(begins..)?.get(..length));
            if let (Some(sound), Some(part)) = (sound.get_mut(*at), part) {
                *sound = <[u8; 32]>::from(Sha256::digest(part)) == blob.sha256;
            }
        }
    }
    blobs.iter().zip(sound).map(|(blob, sound)| if sound { Ok(true) } else { single(blob) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn blob(segment: i64, offset: u64, bytes: &[u8]) -> BlobRef {
        BlobRef { segment, offset, length: bytes.len() as u64, sha256: Sha256::digest(bytes).into() }
    }

    #[test]
    fn neighbours_are_read_together_and_what_is_in_doubt_alone() {
        let segment: Vec<u8> = (0..40_000_u32).map(|n| (n % 251) as u8).collect();
        let at = |offset: usize, length: usize| blob(1, offset as u64, &segment[offset..offset + length]);
        let mut damaged = at(5000, 100);
        damaged.sha256[0] ^= 1;
        let far = blob(1, 1 << 20, b"far away");
        let alone = blob(-7, 48, b"large");
        let blobs = [at(9000, 4000), far, at(48, 700), damaged, alone, at(796, 0), at(9000, 4000)];
        let (spans, singles) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let span = |no: i64, range: Range<u64>| {
            spans.borrow_mut().push((no, range.clone()));
            Some(Bytes::copy_from_slice(&segment[range.start as usize..range.end as usize]))
        };
        let single = |blob: &BlobRef| {
            singles.borrow_mut().push(blob.offset);
            Ok(false)
        };
        let verified: Vec<bool> = verify(&blobs, &span, &single).into_iter().map(Result::unwrap).collect();
        assert_eq!(verified, [true, false, true, false, false, true, true]);
        assert_eq!(*spans.borrow(), [(1, 48..13_000)]);
        assert_eq!(*singles.borrow(), [1 << 20, 5000, 48]);
        // where the span cannot be had, each is asked for
        singles.borrow_mut().clear();
        assert_eq!(verify(&blobs, &|_, _| None, &|_| Ok(true)).len(), 7);
    }

    #[test]
    fn no_span_is_longer_than_a_part() {
        let piece = vec![3; 3 << 20];
        let blobs: Vec<BlobRef> = (0..4).map(|n| blob(2, 48 + n * ((3 << 20) + 48), &piece)).collect();
        let spans = RefCell::new(Vec::new());
        let span = |_, range: Range<u64>| {
            spans.borrow_mut().push(range.end - range.start);
            Some(Bytes::from(vec![3; (range.end - range.start) as usize]))
        };
        assert!(verify(&blobs, &span, &|_| Ok(false)).into_iter().all(Result::unwrap));
        assert_eq!(*spans.borrow(), [(6 << 20) + 48; 2]);
    }
}
