//! From SOI to EOI: markers to tables and planes (ITU-T T.81 §B.2).

use super::huffman::BitReader;
use super::marker::{ColorHint, FrameHeader, Process, ScanHeader, Tables};
use super::plane::Plane;
use super::progressive::{self, Coefficients};
use super::{CODEC, corrupt, lossless, sequential};
use crate::{CodecError, FrameInfo};

/// Scans of one image; progressive ones have some ten.
const MAX_SCANS: usize = 256;

/// Samples that one byte can bring: a block in two bits (sequential), in one (progressive), or a sample in one.
fn samples_per_byte(process: Process) -> u64 {
    match process {
        Process::Sequential => 4 * 64,
        Process::Progressive => 8 * 64,
        Process::Lossless => 8,
    }
}

/// A decoded codestream.
pub(super) struct Image {
    pub(super) header: FrameHeader,
    pub(super) planes: Vec<Plane>,
    pub(super) color: ColorHint,
}

pub(super) fn decode(data: &[u8], info: &FrameInfo) -> Result<Image, CodecError> {
    let mut reader =
        Reader { data, info, tables: Tables::default(), frame: None, color: ColorHint::None, scans: 0 };
    let mut at = reader.start()?;
    while let Some(next) = reader.segment(at)? {
        at = next;
    }
    let Some(mut frame) = reader.frame.filter(|frame| frame.seen.iter().all(|&seen| seen)) else {
        return Err(corrupt("the image ends before all components are there"));
    };
    for (coefficients, plane) in frame.coefficients.iter().zip(&mut frame.planes) {
        coefficients.transform(plane, frame.header.precision)?;
    }
    Ok(Image { header: frame.header, planes: frame.planes, color: reader.color })
}

struct Progress {
    header: FrameHeader,
    planes: Vec<Plane>,
    /// Empty unless progressive.
    coefficients: Vec<Coefficients>,
    seen: Vec<bool>,
}

struct Reader<'a> {
    data: &'a [u8],
    info: &'a FrameInfo,
    tables: Tables,
    frame: Option<Progress>,
    color: ColorHint,
    scans: usize,
}

impl Reader<'_> {
    /// The offset after SOI.
    fn start(&self) -> Result<usize, CodecError> {
        if self.data.starts_with(&[0xFF, 0xD8]) { Ok(2) } else { Err(corrupt("no start of image")) }
    }

    /// Handles the next marker segment; the offset after it, or none at the end of the image.
    fn segment(&mut self, mut at: usize) -> Result<Option<usize>, CodecError> {
        let complete = self.frame.as_ref().is_some_and(|frame| frame.seen.iter().all(|&seen| seen));
        let marker = loop {
            match self.data.get(at..at + 2) {
                Some(&[0xFF, 0xFF]) => at += 1,
                Some(&[0xFF, marker]) if marker != 0 => break marker,
                // Stray bytes between segments are passed over, as every decoder does.
                Some(_) => at += 1,
                None if complete => return Ok(None),
                None => return Err(corrupt("the image ends early")),
            }
        };
        at += 2;
        if matches!(marker, 0x01 | 0xD0..=0xD8) {
            return Ok(Some(at));
        }
        if marker == 0xD9 {
            return Ok(None);
        }
        let cut_short = || corrupt("a segment is cut short");
        let length = match self.data.get(at..at + 2) {
            Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
            _ => return Err(cut_short()),
        };
        let data = self.data;
        let body = data.get(at + 2..at + length).ok_or_else(cut_short)?;
        let after = at + length;
        match marker {
            0xC0 | 0xC1 => self.begin(Process::Sequential, body)?,
            0xC2 => self.begin(Process::Progressive, body)?,
            0xC3 => self.begin(Process::Lossless, body)?,
            0xC4 => self.tables.read_huffman(body)?,
            0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let kind = if marker < 0xC8 { "hierarchical coding" } else { "arithmetic coding" };
                return Err(CodecError::unsupported(CODEC, kind));
            }
            0xDA => return self.scan(body, after).map(Some),
            0xDB => self.tables.read_quantisation(body)?,
            0xDD => self.tables.read_restart_interval(body)?,
            0xE0 if body.starts_with(b"JFIF\0") && self.color == ColorHint::None => {
                self.color = ColorHint::Ycc
            }
            0xEE if body.starts_with(b"Adobe") && body.len() >= 12 => {
                self.color = if body[11] == 0 { ColorHint::Rgb } else { ColorHint::Ycc };
            }
            _ => {}
        }
        Ok(Some(after))
    }

    /// SOFn: the size is checked against the data set and against what the bytes can hold, then memory is taken.
    fn begin(&mut self, process: Process, body: &[u8]) -> Result<(), CodecError> {
        if self.frame.is_some() {
            return Err(corrupt("a second frame header"));
        }
        let header = FrameHeader::read(process, body, self.info.rows)?;
        let (rows, columns, samples) = (header.rows, header.columns, header.components.len());
        if (rows, columns, samples)
            != (self.info.rows, self.info.columns, usize::from(self.info.samples_per_pixel))
        {
            return Err(CodecError::mismatch(
                CODEC,
                format!("{}x{}x{}", self.info.columns, self.info.rows, self.info.samples_per_pixel),
                format!("{columns}x{rows}x{samples}"),
            ));
        }
        let luminance = u64::from(rows) * u64::from(columns);
        if luminance > (self.data.len() as u64).saturating_mul(samples_per_byte(process)) {
            return Err(corrupt(format!("{} bytes for {columns}x{rows} pixels", self.data.len())));
        }
        let ids: Vec<u8> = header.components.iter().map(|component| component.id).collect();
        if ids == *b"RGB" && self.color == ColorHint::None {
            self.color = ColorHint::Rgb;
        }
        let plane = |component| match process {
            Process::Lossless => Plane::of_samples(component),
            _ => Plane::of_blocks(component, &header),
        };
        let planes = header.components.iter().map(plane).collect();
        let coefficients = match process {
            Process::Progressive => Coefficients::for_frame(&header),
            _ => Vec::new(),
        };
        self.frame = Some(Progress { seen: vec![false; samples], header, planes, coefficients });
        Ok(())
    }

    /// SOS and the entropy-coded data behind it; the offset where those end.
    fn scan(&mut self, body: &[u8], after: usize) -> Result<usize, CodecError> {
        let frame = self.frame.as_mut().ok_or_else(|| corrupt("a scan before the frame header"))?;
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(corrupt("too many scans"));
        }
        let scan = ScanHeader::read(body, &frame.header)?;
        let mut bits = BitReader::new(self.data, after);
        let (header, tables) = (&frame.header, &self.tables);
        match header.process {
            Process::Sequential => {
                sequential::decode_scan(&mut bits, header, &scan, tables, &mut frame.planes)?;
            }
            Process::Progressive => {
                progressive::decode_scan(&mut bits, header, &scan, tables, &mut frame.coefficients)?;
            }
            Process::Lossless => lossless::decode_scan(&mut bits, header, &scan, tables, &mut frame.planes)?,
        }
        for part in &scan.components {
            frame.seen[part.index] = true;
        }
        Ok(bits.position())
    }
}
