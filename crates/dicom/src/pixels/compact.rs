//! A layout as a few bytes, to be kept beside the instance: about three for each frame.
//!
//! All numbers are LEB128. First a byte for the form: 0 native, 1 encapsulated. A fragment is `length << 1 | far`, and
//! where `far` is set, its distance from the end of the one before (which is 8 otherwise).

use super::{Encapsulated, Fragment, PixelKind, PixelLayout};
use crate::vr::Vr;
use thiserror::Error;

/// The bytes are no layout that was encoded here.
#[derive(Error, Clone, Copy, PartialEq, Eq, Debug)]
#[error("the stored frame offsets are damaged")]
pub struct CompactError;

const ITEM_HEADER: u64 = 8;

impl PixelLayout {
    /// The layout as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            PixelLayout::Native { kind, vr, offset, length, big_endian } => {
                let kind = match kind {
                    PixelKind::Integer => 0,
                    PixelKind::Float => 1,
                    PixelKind::Double => 2,
                };
                out.extend_from_slice(&[0, kind, u8::from(*big_endian)]);
                out.extend_from_slice(vr.as_str().as_bytes());
                put(&mut out, *offset);
                put(&mut out, *length);
            }
            PixelLayout::Encapsulated(encapsulated) => encapsulated.encode(&mut out),
        }
        out
    }

    /// The layout that [`encode`](PixelLayout::encode) wrote.
    pub fn decode(bytes: &[u8]) -> Result<PixelLayout, CompactError> {
        let mut reader = Reader { bytes };
        match reader.byte()? {
            0 => {
                let kind = match reader.byte()? {
                    0 => PixelKind::Integer,
                    1 => PixelKind::Float,
                    2 => PixelKind::Double,
                    _ => return Err(CompactError),
                };
                let big_endian = reader.byte()? == 1;
                let vr = Vr::from_bytes([reader.byte()?, reader.byte()?]).ok_or(CompactError)?;
                Ok(PixelLayout::Native {
                    kind,
                    vr,
                    offset: reader.number()?,
                    length: reader.number()?,
                    big_endian,
                })
            }
            1 => Ok(PixelLayout::Encapsulated(reader.encapsulated()?)),
            _ => Err(CompactError),
        }
    }
}

impl Encapsulated {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(1);
        put(out, self.offset);
        put(out, self.length);
        put(out, self.fragments.len() as u64);
        let mut end = self.offset;
        for fragment in &self.fragments {
            let gap = fragment.offset.wrapping_sub(end);
            put(out, u64::from(fragment.length) << 1 | u64::from(gap != ITEM_HEADER));
            if gap != ITEM_HEADER {
                put(out, gap);
            }
            end = fragment.offset.wrapping_add(u64::from(fragment.length));
        }
        put(out, self.frames.len() as u64);
        if self.frames.len() != self.fragments.len() {
            let mut last = 0;
            for first in &self.frames {
                put(out, u64::from(first.wrapping_sub(last)));
                last = *first;
            }
        }
    }
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, CompactError> {
        let (first, rest) = self.bytes.split_first().ok_or(CompactError)?;
        self.bytes = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, CompactError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(CompactError)
    }

    /// A count of things that take a byte each at least.
    fn count(&mut self) -> Result<usize, CompactError> {
        let count = usize::try_from(self.number()?).map_err(|_| CompactError)?;
        if count > self.bytes.len() { Err(CompactError) } else { Ok(count) }
    }

    fn encapsulated(&mut self) -> Result<Encapsulated, CompactError> {
        let (offset, length) = (self.number()?, self.number()?);
        let mut end = offset;
        let count = self.count()?;
        let mut fragments = Vec::with_capacity(count);
        for _ in 0..count {
            let field = self.number()?;
            let gap = if field & 1 == 1 { self.number()? } else { ITEM_HEADER };
            let length = u32::try_from(field >> 1).map_err(|_| CompactError)?;
            let start = end.wrapping_add(gap);
            fragments.push(Fragment { offset: start, length });
            end = start.wrapping_add(u64::from(length));
        }
        let count = usize::try_from(self.number()?).map_err(|_| CompactError)?;
        let last = u32::try_from(fragments.len()).map_err(|_| CompactError)?;
        if count == fragments.len() {
            return Ok(Encapsulated { offset, length, fragments, frames: (0..last).collect() });
        }
        let mut frames: Vec<u32> = Vec::new();
        for _ in 0..count {
            let step = u32::try_from(self.number()?).map_err(|_| CompactError)?;
            let first = frames.last().copied().unwrap_or(0).checked_add(step);
            frames.push(first.filter(|first| *first < last).ok_or(CompactError)?);
        }
        Ok(Encapsulated { offset, length, fragments, frames })
    }
}
