//! The size segment, read before anything is decoded, so that a lying header costs nothing (ITU-T T.800 §A.5.1, §I.5).

use super::CODEC;
use crate::CodecError;

/// Largest number of tiles that is still an image and not an attack.
const MAX_TILES: u64 = 65_535;

/// What SIZ says. Components of different precision or subsampling are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Offset of the codestream (SOC) in the bytes: past the boxes of a JP2 wrapper.
    pub(super) start: usize,
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) components: u16,
    pub(super) precision: u16,
    pub(super) signed: bool,
}

fn corrupt(reason: &str) -> CodecError {
    CodecError::corrupt(CODEC, reason)
}

/// Reads SIZ from a raw codestream, or from the codestream box of a JP2 file (which DICOM forbids and some writers store).
pub(super) fn read_size(data: &[u8]) -> Result<Size, CodecError> {
    let start = find_codestream(data)?;
    let body = &data[start..];
    let header = body.get(..42).ok_or_else(|| corrupt("no size segment"))?;
    if header[..4] != [0xFF, 0x4F, 0xFF, 0x51] {
        return Err(corrupt("no size segment"));
    }
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (right, bottom, left, top) = (word(8), word(12), word(16), word(20));
    let (tile_width, tile_height, tile_left, tile_top) = (word(24), word(28), word(32), word(36));
    let (Some(columns), Some(rows)) = (right.checked_sub(left), bottom.checked_sub(top)) else {
        return Err(corrupt("an image of negative size"));
    };
    if columns == 0 || rows == 0 || tile_width == 0 || tile_height == 0 || tile_left > left || tile_top > top
    {
        return Err(corrupt("an impossible image or tile size"));
    }
    let tiles = |end: u32, start: u32, size: u32| u64::from(end - start).div_ceil(u64::from(size));
    let tile_count = tiles(right, tile_left, tile_width) * tiles(bottom, tile_top, tile_height);
    if tile_count > MAX_TILES {
        return Err(corrupt("too many tiles"));
    }
    let components = u16::from_be_bytes([header[40], header[41]]);
    let list = body
        .get(42..42 + usize::from(components) * 3)
        .filter(|_| (1..=4).contains(&components))
        .ok_or_else(|| CodecError::unsupported(CODEC, format!("{components} components")))?;
    let first = &list[..3];
    if list.chunks_exact(3).any(|component| component[0] != first[0]) {
        return Err(CodecError::unsupported(CODEC, "components of different precision"));
    }
    if list.chunks_exact(3).any(|component| component[1..] != [1, 1]) {
        return Err(CodecError::unsupported(CODEC, "subsampled components"));
    }
    let precision = u16::from(first[0] & 0x7F) + 1;
    Ok(Size { start, rows, columns, components, precision, signed: first[0] & 0x80 != 0 })
}

fn find_codestream(data: &[u8]) -> Result<usize, CodecError> {
    if !data.starts_with(&openjp2::JP2_RFC3745_MAGIC[..8]) {
        return Ok(0);
    }
    let mut at = 0usize;
    while let Some(head) = data.get(at..at.saturating_add(8)) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if &head[4..] == b"jp2c" {
            return Ok(at + if length == 1 { 16 } else { 8 });
        }
        if length < 8 {
            break;
        }
        at = at.saturating_add(length);
    }
    Err(corrupt("a JP2 file without a codestream"))
}
