//! Which fragments make which frame (PS3.5 §A.4, PS3.3 §C.7.6.3.1.8).

use super::{Encapsulated, Fragment, PixelLayout, PixelSource, number_of_frames};
use crate::dataset::DataSet;
use crate::tag::{Tag, tags};

/// How many of a fragment's last bytes may hold the end of a codestream, padding included.
const TAIL: usize = 10;

/// Encapsulated pixel data as it streamed by.
#[derive(Default)]
pub struct EncapsulatedSource {
    pub offset: u64,
    pub length: u64,
    /// The offset of the item after the offset table, which offsets count from.
    pub base: u64,
    pub table: Vec<u8>,
    pub fragments: Vec<SeenFragment>,
    tail: [u8; TAIL],
}

pub struct SeenFragment {
    fragment: Fragment,
    /// An end of image or of codestream (FFD9) stands in its last bytes.
    ends: bool,
}

impl EncapsulatedSource {
    /// Pixel data whose first item begins at `offset`.
    pub fn new(offset: u64) -> EncapsulatedSource {
        EncapsulatedSource { offset, base: offset, ..EncapsulatedSource::default() }
    }

    /// A fragment begins.
    pub fn begin(&mut self, offset: u64, length: u32) {
        self.fragments.push(SeenFragment { fragment: Fragment { offset, length }, ends: false });
        self.tail = [0; TAIL];
    }

    /// Bytes of the fragment go by.
    pub fn pass(&mut self, bytes: &[u8]) {
        let kept = bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default();
        self.tail.copy_within(kept.len().., 0);
        self.tail[TAIL - kept.len()..].copy_from_slice(kept);
        if let Some(last) = self.fragments.last_mut() {
            last.ends = self.tail.windows(2).any(|pair| pair == [0xff, 0xd9]);
        }
    }
}

/// The layout of what streamed by, with the help of the header's offset tables and Number of Frames.
pub fn layout(source: PixelSource, header: &DataSet) -> PixelLayout {
    match source {
        PixelSource::Native { kind, offset, length, vr, big_endian } => {
            PixelLayout::Native { kind, vr, offset, length, big_endian }
        }
        PixelSource::Encapsulated(source) => PixelLayout::Encapsulated(encapsulated(source, header)),
    }
}

fn encapsulated(source: EncapsulatedSource, header: &DataSet) -> Encapsulated {
    let expected = number_of_frames(header) as usize;
    let mut fragments: Vec<Fragment> = source.fragments.iter().map(|seen| seen.fragment).collect();
    let frames = by_extended_table(&mut fragments, source.base, header).unwrap_or_else(|| {
        let table = by_basic_table(&fragments, &source);
        let ends = || by_fragments(&source.fragments, expected);
        match table {
            Some(frames) if frames.len() == expected => frames,
            // A table that has not as many frames as the header yields to fragments that have.
            Some(frames) => Some(ends()).filter(|ends| ends.len() == expected).unwrap_or(frames),
            None => ends(),
        }
    });
    Encapsulated { offset: source.offset, length: source.length, fragments, frames }
}

fn index_of(fragments: &[Fragment], base: u64, offset: u64) -> Option<usize> {
    let item = base.checked_add(offset)?.checked_add(8)?;
    fragments.binary_search_by_key(&item, |fragment| fragment.offset).ok()
}

/// PS3.3 §C.7.6.3.1.8: one fragment a frame, its length without padding.
fn by_extended_table(fragments: &mut [Fragment], base: u64, header: &DataSet) -> Option<Vec<u32>> {
    let numbers = |tag: Tag| {
        let bytes = header.get(tag)?.bytes()?;
        let number = |chunk: &[u8]| chunk.try_into().ok().map(u64::from_le_bytes);
        bytes.chunks_exact(8).map(number).collect::<Option<Vec<u64>>>()
    };
    let offsets = numbers(tags::EXTENDED_OFFSET_TABLE).filter(|offsets| !offsets.is_empty())?;
    let lengths = numbers(tags::EXTENDED_OFFSET_TABLE_LENGTHS)?;
    if lengths.len() != offsets.len() {
        return None;
    }
    let mut frames = Vec::with_capacity(offsets.len());
    for (offset, length) in offsets.iter().zip(&lengths) {
        let at = index_of(fragments, base, *offset)?;
        if *length > u64::from(fragments[at].length) {
            return None;
        }
        frames.push(u32::try_from(at).ok()?);
    }
    if !frames.iter().copied().eq(0..u32::try_from(fragments.len()).ok()?) {
        return None;
    }
    for (fragment, length) in fragments.iter_mut().zip(lengths) {
        fragment.length = u32::try_from(length).ok()?;
    }
    Some(frames)
}

/// PS3.5 §A.4: 32-bit offsets in the first item. A table that does not fit the fragments counts for nothing.
fn by_basic_table(fragments: &[Fragment], source: &EncapsulatedSource) -> Option<Vec<u32>> {
    let offsets =
        source.table.chunks_exact(4).filter_map(|chunk| chunk.try_into().ok()).map(u32::from_le_bytes);
    let frames: Vec<u32> = offsets
        .map(|offset| {
            index_of(fragments, source.base, u64::from(offset)).and_then(|at| u32::try_from(at).ok())
        })
        .collect::<Option<_>>()?;
    let ascending = frames.first() == Some(&0) && frames.windows(2).all(|pair| pair[0] < pair[1]);
    ascending.then_some(frames)
}

fn by_fragments(fragments: &[SeenFragment], expected: usize) -> Vec<u32> {
    let count = u32::try_from(fragments.len()).unwrap_or(u32::MAX);
    match fragments.len() {
        0 => Vec::new(),
        _ if expected == 1 => vec![0],
        found if found <= expected => (0..count).collect(),
        _ => {
            let starts = fragments.iter().zip(1..).filter(|(seen, _)| seen.ends).map(|(_, next)| next);
            std::iter::once(0).chain(starts).filter(|start| *start < count).collect()
        }
    }
}
