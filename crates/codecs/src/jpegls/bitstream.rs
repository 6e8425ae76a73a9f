//! Bits of a scan: after a byte of all ones comes a byte of seven bits (ITU-T T.87 §C.2.1 and annex C note).

use super::corrupt;
use crate::CodecError;

pub(super) struct BitReader<'a> {
    data: &'a [u8],
    at: usize,
    bits: u64,
    count: u32,
    /// The byte before was 0xFF.
    short: bool,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, bits: 0, count: 0, short: false }
    }

    /// Where the scan's bytes end: at a marker, or as far as was read.
    pub(super) fn position(&self) -> usize {
        self.at - usize::from(self.short && self.at > 0)
    }

    /// Takes whole bytes until 56 bits are there or the data end; a marker ends them.
    fn fill(&mut self) {
        while self.count <= 56 {
            let Some(&byte) = self.data.get(self.at) else { return };
            if self.short && byte >= 0x80 {
                return;
            }
            let length = if self.short { 7 } else { 8 };
            self.bits |= u64::from(byte) << (64 - length - self.count);
            self.count += length;
            self.short = byte == 0xFF;
            self.at += 1;
        }
    }

    /// The next `count` (0 to 32) bits.
    #[inline]
    pub(super) fn take(&mut self, count: u32) -> Result<u32, CodecError> {
        if count == 0 {
            return Ok(0);
        }
        if self.count < count {
            self.fill();
            if self.count < count {
                return Err(corrupt("the scan ends early"));
            }
        }
        let value = (self.bits >> (64 - count)) as u32;
        self.bits <<= count;
        self.count -= count;
        Ok(value)
    }

    /// Zeros before the next one, which is taken too; fails above `most`.
    #[inline]
    fn zeros(&mut self, most: u32) -> Result<u32, CodecError> {
        if self.count < 32 {
            self.fill();
        }
        let mut zeros = self.bits.leading_zeros();
        if zeros >= self.count {
            // Longer than what is held: rare, so bit by bit.
            zeros = 0;
            while self.take(1)? == 0 {
                zeros += 1;
                if zeros > most {
                    return Err(corrupt("a code that is too long"));
                }
            }
            return Ok(zeros);
        }
        if zeros > most {
            return Err(corrupt("a code that is too long"));
        }
        self.take(zeros + 1)?;
        Ok(zeros)
    }

    /// A limited-length Golomb code (T.87 §A.5.3): `k` low bits, or `escape_bits` after `limit - escape_bits - 1` zeros.
    #[inline]
    pub(super) fn golomb(&mut self, k: u32, limit: u32, escape_bits: u32) -> Result<i32, CodecError> {
        let escape = limit.saturating_sub(escape_bits + 1);
        let high = self.zeros(escape)?;
        let value = if high < escape { high << k | self.take(k)? } else { self.take(escape_bits)? + 1 };
        Ok(value as i32)
    }
}
