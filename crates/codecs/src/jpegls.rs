//! JPEG-LS, 1.2.840.10008.1.2.4.80 and .81 (ITU-T T.87): lossless and near-lossless, 2 to 16 bits, every interleave mode.
//!
//! Own decoder: the common C++ one spends seconds on a few broken bytes.

use crate::bits::{self, Codestream};
use crate::{CodecError, Frame, FrameInfo, Photometric};
use parameters::Parameters;

mod bitstream;
mod parameters;
mod scan;

const CODEC: &str = "JPEG-LS";

fn corrupt(reason: impl Into<String>) -> CodecError {
    CodecError::corrupt(CODEC, reason)
}

fn unsupported(feature: impl Into<String>) -> CodecError {
    CodecError::unsupported(CODEC, feature)
}

pub(crate) fn decode(info: &FrameInfo, data: &[u8]) -> Result<Frame, CodecError> {
    if !data.starts_with(&[0xFF, 0xD8]) {
        return Err(corrupt("no start of image"));
    }
    let mut reader =
        Reader { data, info, header: None, preset: [0; 5], samples: Vec::new(), done: Vec::new() };
    let mut at = 2;
    while let Some(next) = reader.segment(at)? {
        at = next;
    }
    let Some(header) = reader.header.filter(|_| reader.done.iter().all(|&done| done)) else {
        return Err(corrupt("the image ends before all components are there"));
    };
    let mut out = header.codestream().reconcile(info)?;
    if out.photometric == Photometric::YbrFull422 {
        out.photometric = Photometric::YbrFull;
    }
    let up = 32 - u32::from(header.precision);
    let spread = info.signed && out.bits_allocated > header.precision;
    let number = |value: &u16| {
        let value = i32::from(*value);
        if spread { value << up >> up } else { value }
    };
    let count = reader.samples.len();
    let pixels = bits::write_samples(reader.samples.iter().map(number), out.bits_allocated, count);
    Ok(Frame { info: out, pixels })
}

/// SOF55 (T.87 §C.2.2).
struct Header {
    precision: u16,
    rows: u32,
    columns: u32,
    ids: Vec<u8>,
}

impl Header {
    fn read(body: &[u8]) -> Result<Self, CodecError> {
        let [precision, r1, r0, c1, c0, count, list @ ..] = body else {
            return Err(corrupt("a frame header cut short"));
        };
        let count = usize::from(*count);
        if !(2..=16).contains(precision) || !(1..=4).contains(&count) || list.len() < count * 3 {
            return Err(corrupt(format!("a frame header of {precision} bits, {count} components")));
        }
        if count > 1 && list.chunks_exact(3).take(count).any(|component| component[1] != list[1]) {
            return Err(unsupported("subsampled components"));
        }
        Ok(Self {
            precision: u16::from(*precision),
            rows: u32::from(u16::from_be_bytes([*r1, *r0])),
            columns: u32::from(u16::from_be_bytes([*c1, *c0])),
            ids: list.chunks_exact(3).take(count).map(|component| component[0]).collect(),
        })
    }

    fn codestream(&self) -> Codestream {
        Codestream {
            codec: CODEC,
            rows: self.rows,
            columns: self.columns,
            samples: self.ids.len() as u16,
            precision: self.precision,
        }
    }
}

struct Reader<'a> {
    data: &'a [u8],
    info: &'a FrameInfo,
    header: Option<Header>,
    /// MAXVAL, T1, T2, T3, RESET; 0 for the default.
    preset: [u16; 5],
    /// Interleaved by pixel.
    samples: Vec<u16>,
    done: Vec<bool>,
}

impl Reader<'_> {
    /// Handles the next marker segment; the offset after it, or none at the end of the image.
    fn segment(&mut self, mut at: usize) -> Result<Option<usize>, CodecError> {
        let complete = self.header.is_some() && self.done.iter().all(|&done| done);
        let marker = loop {
            match self.data.get(at..at + 2) {
                Some(&[0xFF, marker]) if (0x80..0xFF).contains(&marker) => break marker,
                Some(_) => at += 1,
                None if complete => return Ok(None),
                None => return Err(corrupt("the image ends early")),
            }
        };
        at += 2;
        match marker {
            0xD9 => return Ok(None),
            0xD0..=0xD8 => return Ok(Some(at)),
            _ => {}
        }
        let cut_short = || corrupt("a segment is cut short");
        let Some(&[high, low]) = self.data.get(at..at + 2) else { return Err(cut_short()) };
        let after = at + usize::from(u16::from_be_bytes([high, low]));
        let data = self.data;
        let body = data.get(at + 2..after).ok_or_else(cut_short)?;
        match marker {
            0xF7 => self.begin(body)?,
            0xF8 => self.preset(body)?,
            0xDA => return self.scan(body, after).map(Some),
            0xDD if body.iter().any(|&byte| byte != 0) => return Err(unsupported("restart intervals")),
            0xE8 if body.starts_with(b"mrfx") && body.get(4) != Some(&0) => {
                return Err(unsupported("the HP colour transforms"));
            }
            0xC0..=0xC3 => return Err(corrupt("not a JPEG-LS codestream")),
            _ => {}
        }
        Ok(Some(after))
    }

    fn begin(&mut self, body: &[u8]) -> Result<(), CodecError> {
        if self.header.is_some() {
            return Err(corrupt("a second frame header"));
        }
        let header = Header::read(body)?;
        header.codestream().reconcile(self.info)?;
        self.done = vec![false; header.ids.len()];
        self.samples = vec![0; self.info.sample_count()?];
        self.header = Some(header);
        Ok(())
    }

    /// LSE (T.87 §C.2.4): coding parameters; mapping tables and oversize images are not of DICOM.
    fn preset(&mut self, body: &[u8]) -> Result<(), CodecError> {
        match body {
            [1, rest @ ..] if rest.len() >= 10 => {
                for (value, word) in self.preset.iter_mut().zip(rest.chunks_exact(2)) {
                    *value = u16::from_be_bytes([word[0], word[1]]);
                }
                Ok(())
            }
            [1, ..] | [] => Err(corrupt("a parameter segment cut short")),
            [kind, ..] => Err(unsupported(format!("LSE segments of kind {kind}"))),
        }
    }

    fn scan(&mut self, body: &[u8], after: usize) -> Result<usize, CodecError> {
        let header = self.header.as_ref().ok_or_else(|| corrupt("a scan before the frame header"))?;
        let count = body.first().map_or(0, |&count| usize::from(count));
        let Some((list, tail)) = body.get(1..).and_then(|rest| rest.split_at_checked(count * 2)) else {
            return Err(corrupt("a scan header cut short"));
        };
        let &[near, interleave, point_transform, ..] = tail else {
            return Err(corrupt("a scan header cut short"));
        };
        let mut components = Vec::with_capacity(count);
        for spec in list.chunks_exact(2) {
            let index = header.ids.iter().position(|id| *id == spec[0]);
            let Some(index) = index.filter(|index| !self.done[*index]) else {
                return Err(corrupt("a scan of an unknown component"));
            };
            if spec[1] != 0 {
                return Err(unsupported("mapping tables"));
            }
            self.done[index] = true;
            components.push(index);
        }
        if point_transform != 0 {
            return Err(unsupported("point transforms"));
        }
        let by_sample = match (components.len(), interleave) {
            (1, _) | (2..=4, 1) => false,
            (2..=4, 2) => true,
            _ => return Err(corrupt("a scan with an impossible interleave mode")),
        };
        let parameters = Parameters::new(header.precision, near, &self.preset)?;
        let layout = scan::Layout {
            columns: header.columns as usize,
            samples: header.ids.len(),
            components,
            by_sample,
        };
        let end = scan::decode(&self.data[after..], &parameters, &layout, &mut self.samples)?;
        Ok(after + end)
    }
}
