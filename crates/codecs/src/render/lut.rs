//! Lookup tables: Modality and VOI LUTs (PS3.3 §C.11.1.1.1, §C.11.2.1.1), palettes plain and segmented (§C.7.6.3.1.5, §C.7.9.2).

use crate::CodecError;

/// Entries of the largest table that a descriptor can name.
const MAX_ENTRIES: usize = 65_536;

/// One lookup table: `entries[stored - first]`; what lies outside takes the nearest end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lut {
    first: i64,
    bits: u16,
    entries: Vec<u16>,
}

impl Lut {
    /// Reads a table from its descriptor (number of entries, first value mapped, bits per entry) and its data in little endian.
    ///
    /// `first` is the second descriptor value with its sign resolved by the caller (US or SS). Entries are 16-bit words, or bytes where the
    /// data are only long enough for that (8-bit tables come in both forms).
    ///
    /// # Errors
    /// [`CodecError::BadAttributes`] on a descriptor outside the standard or data too short for it.
    pub fn new(entries: u16, first: i32, bits: u16, data: &[u8]) -> Result<Self, CodecError> {
        let count = entry_count(entries);
        if !(1..=16).contains(&bits) {
            return Err(CodecError::BadAttributes(format!("a lookup table of {bits} bits")));
        }
        let entries: Vec<u16> = if data.len() >= count * 2 {
            words(&data[..count * 2]).collect()
        } else if bits <= 8 && data.len() >= count {
            data[..count].iter().map(|&byte| u16::from(byte)).collect()
        } else {
            return Err(CodecError::BadAttributes(format!(
                "a lookup table of {count} entries in {} bytes",
                data.len()
            )));
        };
        Ok(Self { first: i64::from(first), bits, entries })
    }

    /// Reads a segmented table (PS3.3 §C.7.9.2): discrete, linear and indirect segments of `bits` (8 or 16) each.
    ///
    /// # Errors
    /// [`CodecError::BadAttributes`] on an unknown opcode, an offset outside, an indirect segment in an indirect one, or a table of another length
    /// than the descriptor says.
    pub fn segmented(entries: u16, first: i32, bits: u16, data: &[u8]) -> Result<Self, CodecError> {
        let count = entry_count(entries);
        let segments: Vec<u16> = match bits {
            8 => data.iter().map(|&byte| u16::from(byte)).collect(),
            16 => words(data).collect(),
            other => return Err(CodecError::BadAttributes(format!("a segmented palette of {other} bits"))),
        };
        let mut expanded = Vec::with_capacity(count);
        let mut expansion = Expansion { segments: &segments, words_are_bytes: bits == 8, limit: count };
        expansion.run(0, usize::MAX, false, &mut expanded)?;
        if expanded.len() != count {
            return Err(CodecError::BadAttributes(format!(
                "a segmented palette of {} entries, {count} declared",
                expanded.len()
            )));
        }
        Ok(Self { first: i64::from(first), bits, entries: expanded })
    }

    /// The entry for a value.
    pub fn value(&self, stored: i64) -> u16 {
        let last = self.entries.len() - 1;
        let index = usize::try_from(stored.saturating_sub(self.first)).unwrap_or(0).min(last);
        self.entries[index]
    }

    /// The largest output that the descriptor's bits (or, where they lie, the entries) allow.
    pub(crate) fn max_output(&self) -> f64 {
        let declared = ((1u32 << self.bits) - 1) as u16;
        let found = self.entries.iter().copied().max().unwrap_or(0);
        f64::from(declared.max(found))
    }
}

fn entry_count(entries: u16) -> usize {
    if entries == 0 { MAX_ENTRIES } else { usize::from(entries) }
}

fn words(data: &[u8]) -> impl Iterator<Item = u16> + '_ {
    data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
}

/// Expands segments into entries.
struct Expansion<'a> {
    segments: &'a [u16],
    words_are_bytes: bool,
    limit: usize,
}

impl Expansion<'_> {
    fn bad(what: &str) -> CodecError {
        CodecError::BadAttributes(format!("a segmented palette with {what}"))
    }

    fn word(&self, at: usize) -> Result<u16, CodecError> {
        self.segments.get(at).copied().ok_or_else(|| Self::bad("a segment cut short"))
    }

    fn run(
        &mut self,
        mut at: usize,
        mut segments_left: usize,
        indirect: bool,
        out: &mut Vec<u16>,
    ) -> Result<(), CodecError> {
        // One trailing padding byte may follow the last 8-bit segment.
        while segments_left > 0 && at + 1 < self.segments.len() && (indirect || out.len() < self.limit) {
            segments_left -= 1;
            let opcode = self.word(at)?;
            let length = usize::from(self.word(at + 1)?);
            at += 2;
            match opcode {
                0 => {
                    for offset in 0..length {
                        self.push(self.word(at + offset)?, out)?;
                    }
                    at += length;
                }
                1 => {
                    self.line(length, self.word(at)?, out)?;
                    at += 1;
                }
                2 if !indirect => {
                    let start = self.offset(at)?;
                    self.run(start, length, true, out)?;
                    at += if self.words_are_bytes { 4 } else { 2 };
                }
                2 => return Err(Self::bad("an indirect segment inside an indirect one")),
                other => return Err(Self::bad(&format!("opcode {other}"))),
            }
        }
        Ok(())
    }

    fn push(&self, value: u16, out: &mut Vec<u16>) -> Result<(), CodecError> {
        if out.len() >= self.limit {
            return Err(Self::bad("more entries than declared"));
        }
        out.push(value);
        Ok(())
    }

    /// A linear segment: `length` entries from the one before (exclusive) to `end` (inclusive).
    fn line(&self, length: usize, end: u16, out: &mut Vec<u16>) -> Result<(), CodecError> {
        let Some(&start) = out.last() else {
            return Err(Self::bad("a linear segment first"));
        };
        let step = (f64::from(end) - f64::from(start)) / length.max(1) as f64;
        for index in 1..=length {
            self.push((f64::from(start) + step * index as f64).round() as u16, out)?;
        }
        Ok(())
    }

    /// The byte offset of an indirect segment as an index into `segments`.
    fn offset(&self, at: usize) -> Result<usize, CodecError> {
        let bytes = if self.words_are_bytes {
            let mut value = 0usize;
            for index in (0..4).rev() {
                value = value << 8 | usize::from(self.word(at + index)?);
            }
            return Ok(value);
        } else {
            usize::from(self.word(at)?) | usize::from(self.word(at + 1)?) << 16
        };
        if bytes % 2 != 0 {
            return Err(Self::bad("an odd offset"));
        }
        Ok(bytes / 2)
    }
}

/// Red, Green and Blue Palette Color Lookup Tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palette {
    channels: [Lut; 3],
    /// How far an entry's highest 8 bits lie above bit 0.
    shift: u32,
}

impl Palette {
    /// The three tables, of one number of bits.
    ///
    /// Some writers declare 16 bits and store 8-bit values; a palette without any entry above 255 is read as one of 8 bits.
    pub fn new(red: Lut, green: Lut, blue: Lut) -> Self {
        let bits = red.bits.max(green.bits).max(blue.bits);
        let channels = [red, green, blue];
        let narrow = channels.iter().all(|lut| lut.entries.iter().all(|&entry| entry < 256));
        let shift = if narrow { 0 } else { u32::from(bits.saturating_sub(8)) };
        Self { channels, shift }
    }

    /// The colour of a stored value, each channel by its highest 8 bits.
    pub fn color(&self, stored: i64) -> [u8; 3] {
        [0, 1, 2].map(|channel| (self.channels[channel].value(stored) >> self.shift).min(255) as u8)
    }
}
