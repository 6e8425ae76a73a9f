//! Huffman tables and the bits they are read from (ITU-T T.81 Annex C, §F.2.2).

use super::corrupt;
use crate::CodecError;

/// Codes up to this length are found by one look.
const FAST_BITS: u32 = 9;

/// A decoding table.
pub(super) struct Table {
    /// By the next `FAST_BITS` bits: code length << 8 | symbol; 0 where the code is longer.
    fast: Vec<u16>,
    /// First code that is too large for each length, left-aligned to 16 bits; index = length.
    limits: [u32; 17],
    /// What to add to a code (right-aligned) of each length to get its symbol's index.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, CodecError> {
        let mut fast = vec![0u16; 1 << FAST_BITS];
        let mut limits = [0u32; 17];
        let mut offsets = [0i32; 17];
        let (mut code, mut index) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = u32::from(counts[length as usize - 1]);
            if code + count > 1 << length {
                return Err(corrupt("a Huffman table with too many codes"));
            }
            offsets[length as usize] = index as i32 - code as i32;
            if length <= FAST_BITS {
                for offset in 0..count {
                    let entry = (length as u16) << 8 | u16::from(symbols[index + offset as usize]);
                    let shift = FAST_BITS - length;
                    let first = ((code + offset) << shift) as usize;
                    fast[first..first + (1 << shift)].fill(entry);
                }
            }
            code += count;
            index += count as usize;
            limits[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok(Self { fast, limits, offsets, symbols: symbols.to_vec() })
    }
}

/// Reads bits of one entropy-coded segment; stops at any marker and gives zeros from there.
pub(super) struct BitReader<'a> {
    data: &'a [u8],
    at: usize,
    bits: u64,
    count: u32,
    /// Zero bits handed out or still held since the data ended.
    padding: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at, bits: 0, count: 0, padding: 0 }
    }

    /// Where the segment's data ended, or where reading stands.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    #[inline]
    fn fill(&mut self) {
        while self.count <= 56 {
            let byte = match (self.data.get(self.at), self.data.get(self.at + 1)) {
                (Some(0xFF), Some(0)) => {
                    self.at += 2;
                    0xFF
                }
                // A marker, or the end.
                (Some(0xFF), _) | (None, _) => {
                    self.padding = self.padding.saturating_add(8);
                    0
                }
                (Some(&byte), _) => {
                    self.at += 1;
                    byte
                }
            };
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    #[inline]
    fn drop_bits(&mut self, count: u32) {
        self.bits <<= count;
        self.count -= count;
    }

    /// The next symbol.
    #[inline]
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, CodecError> {
        if self.count < 16 {
            self.fill();
        }
        let entry = table.fast[(self.bits >> (64 - FAST_BITS)) as usize];
        if entry != 0 {
            self.drop_bits(u32::from(entry >> 8));
            return Ok(entry as u8);
        }
        let next = (self.bits >> 48) as u32;
        for length in FAST_BITS + 1..=16 {
            if next < table.limits[length as usize] {
                let code = (next >> (16 - length)) as i32;
                let index = code + table.offsets[length as usize];
                self.drop_bits(length);
                let symbol = usize::try_from(index).ok().and_then(|index| table.symbols.get(index));
                return symbol.copied().ok_or_else(|| corrupt("an unknown Huffman code"));
            }
        }
        Err(corrupt("an unknown Huffman code"))
    }

    /// The next `count` (0 to 16) bits as a number.
    #[inline]
    pub(super) fn take(&mut self, count: u32) -> i32 {
        if count == 0 {
            return 0;
        }
        if self.count < count {
            self.fill();
        }
        let value = (self.bits >> (64 - count)) as i32;
        self.drop_bits(count);
        value
    }

    /// A signed number of `size` (0 to 15) bits: RECEIVE and EXTEND (T.81 §F.2.2.1).
    #[inline]
    pub(super) fn signed(&mut self, size: u32) -> i32 {
        if size == 0 {
            return 0;
        }
        let value = self.take(size);
        if value < 1 << (size - 1) { value - (1 << size) + 1 } else { value }
    }

    /// Fails once more was read than the segment holds (a few missing bits at its end are forgiven).
    pub(super) fn check(&self) -> Result<(), CodecError> {
        if self.padding.saturating_sub(self.count) > 32 {
            return Err(corrupt("the entropy-coded data ends early"));
        }
        Ok(())
    }

    /// Passes the restart marker that has to come here.
    pub(super) fn restart(&mut self) -> Result<(), CodecError> {
        self.check()?;
        (self.bits, self.count, self.padding) = (0, 0, 0);
        while let Some(&[first, second]) = self.data.get(self.at..self.at + 2) {
            match (first, second) {
                (0xFF, 0xD0..=0xD7) => {
                    self.at += 2;
                    return Ok(());
                }
                (0xFF, 0 | 0xFF) => self.at += 1,
                (0xFF, _) => break,
                _ => self.at += 1,
            }
        }
        Err(corrupt("a restart marker is missing"))
    }
}
