//! Reading data sets as they stream by (PS3.5 §7, PS3.10 §7).
//!
//! A [`Scanner`] is pushed slices of any size and keeps only the header: pixel data and long values are passed over and
//! remembered by place. Memory grows with bytes that arrived, never with a length that was announced.

mod inflate;
mod parser;
mod sniff;

use crate::dataset::{DataSet, Value};
use crate::file_meta::FileMeta;
use crate::pixels::{self, PixelLayout};
use crate::tag::{Tag, tags};
use crate::vr::Vr;
use crate::{dictionary, read::inflate::Inflater, read::parser::Parser};
use thiserror::Error;

/// How much of somebody else's data set is taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Longer values stay in the stream ([`Value::Bulk`]), in bytes.
    pub inline: u32,
    /// The bytes of all values that are kept, and of offset tables.
    pub header: u64,
    /// Elements and items in all.
    pub elements: u32,
    /// Sequences within sequences.
    pub depth: usize,
    /// Fragments of encapsulated pixel data.
    pub fragments: u32,
    /// What a deflated data set may inflate to, in bytes.
    pub inflated: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            inline: 64 << 10,
            header: 16 << 20,
            elements: 500_000,
            depth: 32,
            fragments: 1_000_000,
            inflated: 4 << 30,
        }
    }
}

/// Why a stream is no data set, or too much of one. Offsets count bytes of what was pushed (of the inflated data set
/// where it came deflated).
#[derive(Error, Clone, PartialEq, Eq, Debug)]
pub enum ReadError {
    #[error("neither a DICOM file nor a data set")]
    NotDicom,
    #[error("the stream ends at byte {offset}, within {tag}")]
    Truncated { offset: u64, tag: Tag },
    #[error("{tag} stands at byte {offset}, where {expected} is due")]
    Unexpected { offset: u64, tag: Tag, expected: &'static str },
    #[error("{tag} at byte {offset} is {length} bytes long, beyond the end of the item that holds it")]
    Overrun { offset: u64, tag: Tag, length: u64 },
    #[error("{tag} at byte {offset} has undefined length, which its value representation {vr} cannot have")]
    UndefinedLength { offset: u64, tag: Tag, vr: Vr },
    #[error("{tag} at byte {offset} goes beyond the limit of {limit} {what}")]
    Limit { offset: u64, tag: Tag, limit: u64, what: &'static str },
    #[error("the deflated data set is damaged at inflated byte {offset}")]
    Deflate { offset: u64 },
}

/// A private transfer syntax of GE: all of it is Implicit VR Little Endian but the samples.
const IMPLICIT_WITH_BIG_ENDIAN_PIXELS: &str = "1.2.840.113619.5.2";

/// How a data set was really written, which is not always what its transfer syntax says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Encoding {
    pub explicit: bool,
    pub big_endian: bool,
    pub deflated: bool,
}

impl Encoding {
    /// The encoding that a transfer syntax stands for (PS3.5 §10); those not named here are Explicit VR Little Endian.
    pub fn of(transfer_syntax: &str) -> Encoding {
        let encoding = |explicit, big_endian, deflated| Encoding { explicit, big_endian, deflated };
        match transfer_syntax {
            "1.2.840.10008.1.2" | IMPLICIT_WITH_BIG_ENDIAN_PIXELS => encoding(false, false, false),
            "1.2.840.10008.1.2.2" => encoding(true, true, false),
            "1.2.840.10008.1.2.1.99" | "1.2.840.10008.1.2.4.95" | "1.2.840.10008.1.2.4.205" => {
                encoding(true, false, true)
            }
            _ => encoding(true, false, false),
        }
    }
}

/// What a stream held.
#[derive(Clone, PartialEq, Debug)]
pub struct Scanned {
    /// Group 0002, where there was one.
    pub meta: Option<FileMeta>,
    /// As the file meta information or the presentation context said; where neither did, as the bytes look.
    pub transfer_syntax: String,
    pub encoding: Encoding,
    /// All elements of the data set.
    pub header: DataSet,
    /// Offsets count from the start of the stream, or from the start of the *inflated* data set where
    /// `encoding.deflated` is set.
    pub pixels: Option<PixelLayout>,
    /// Where the data set begins in the stream.
    pub dataset_offset: u64,
    /// Bytes that were pushed, plus the offset that scanning started at.
    pub length: u64,
}

/// Reads one data set or file from slices of any size.
pub struct Scanner {
    limits: Limits,
    offset: u64,
    phase: Phase,
    meta: Option<FileMeta>,
    transfer_syntax: String,
    dataset_offset: u64,
}

enum Phase {
    /// Collecting the first bytes of a file.
    Head(Vec<u8>),
    Meta(Box<Parser>),
    /// The first bytes of a data set, to see how it is written.
    Start(Vec<u8>),
    Plain(Box<Parser>),
    Deflated(Box<Inflater>),
}

impl Scanner {
    /// For a data set alone, as C-STORE brings it.
    pub fn for_dataset(transfer_syntax: &str, limits: Limits) -> Scanner {
        Scanner {
            limits,
            offset: 0,
            phase: Phase::Start(Vec::new()),
            meta: None,
            transfer_syntax: transfer_syntax.to_owned(),
            dataset_offset: 0,
        }
    }

    /// For a file (PS3.10 §7), also one that lacks its preamble or its meta information.
    pub fn for_file(limits: Limits) -> Scanner {
        Scanner { phase: Phase::Head(Vec::new()), ..Scanner::for_dataset("", limits) }
    }

    /// Counts offsets from `offset` instead of 0: where the data set will be stored behind a header of that length.
    /// To be called before the first [`push`](Scanner::push).
    pub fn starting_at(mut self, offset: u64) -> Scanner {
        self.offset = offset;
        self.dataset_offset = offset;
        self
    }

    /// Takes the next bytes of the stream. After an error nothing more may be pushed.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        self.offset += bytes.len() as u64;
        self.feed(bytes)
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        match &mut self.phase {
            Phase::Plain(parser) => parser.push(bytes).map(|_| ()),
            Phase::Deflated(inflater) => inflater.push(bytes),
            Phase::Head(head) => {
                let taken = bytes.len().min(sniff::HEAD - head.len());
                head.extend_from_slice(&bytes[..taken]);
                if head.len() < sniff::HEAD {
                    return Ok(());
                }
                self.leave_head()?;
                self.feed(&bytes[taken..])
            }
            Phase::Meta(parser) => {
                let Some(rest) = parser.push(bytes)? else { return Ok(()) };
                self.leave_meta()?;
                self.feed(&bytes[bytes.len() - rest..])
            }
            Phase::Start(start) => {
                let taken = bytes.len().min(sniff::START - start.len());
                start.extend_from_slice(&bytes[..taken]);
                if start.len() < sniff::START {
                    return Ok(());
                }
                self.leave_start()?;
                self.feed(&bytes[taken..])
            }
        }
    }

    fn leave_head(&mut self) -> Result<(), ReadError> {
        let Phase::Head(head) = &mut self.phase else { return Ok(()) };
        let head = std::mem::take(head);
        let start = self.dataset_offset;
        if head.get(128..132) == Some(b"DICM".as_slice()) {
            self.start_meta(start + 132);
            return self.feed(&head[132..]);
        }
        if sniff::is_meta(&head) {
            self.start_meta(start);
            return self.feed(&head);
        }
        if !sniff::is_plausible(&head) {
            return Err(ReadError::NotDicom);
        }
        self.phase = Phase::Start(Vec::new());
        self.feed(&head)
    }

    fn start_meta(&mut self, offset: u64) {
        let encoding = Encoding { explicit: true, big_endian: false, deflated: false };
        self.phase = Phase::Meta(Box::new(Parser::new(encoding, self.limits, offset).within_group(2)));
    }

    /// The meta information has ended: goes on with the data set, first of all with bytes already read of it.
    fn leave_meta(&mut self) -> Result<(), ReadError> {
        let next = Phase::Start(Vec::new());
        let Phase::Meta(parser) = std::mem::replace(&mut self.phase, next) else { return Ok(()) };
        let (offset, begun, elements) = parser.stop();
        let meta = FileMeta::new(elements);
        self.transfer_syntax = meta.transfer_syntax().unwrap_or_default().into_owned();
        self.meta = Some(meta);
        self.dataset_offset = offset;
        self.feed(&begun)
    }

    fn leave_start(&mut self) -> Result<(), ReadError> {
        let Phase::Start(start) = &mut self.phase else { return Ok(()) };
        let start = std::mem::take(start);
        if self.transfer_syntax.is_empty() {
            sniff::transfer_syntax(&start).clone_into(&mut self.transfer_syntax);
        }
        let mut encoding = Encoding::of(&self.transfer_syntax);
        if encoding.deflated {
            self.phase = Phase::Deflated(Box::new(Inflater::new(encoding, self.limits)));
        } else {
            encoding.explicit = sniff::is_explicit(&start, encoding);
            self.phase = Phase::Plain(Box::new(Parser::new(encoding, self.limits, self.dataset_offset)));
        }
        self.feed(&start)
    }

    /// The stream has ended.
    pub fn finish(mut self) -> Result<Scanned, ReadError> {
        if let Phase::Head(head) = &self.phase {
            if head.len() < 8 {
                return Err(ReadError::NotDicom);
            }
            self.leave_head()?;
        }
        if let Phase::Meta(parser) = &self.phase {
            parser.check_end()?;
            self.leave_meta()?;
        }
        if let Phase::Start(_) = &self.phase {
            self.leave_start()?;
        }
        let parser = match self.phase {
            Phase::Plain(parser) => *parser,
            Phase::Deflated(inflater) => inflater.finish()?,
            Phase::Head(_) | Phase::Meta(_) | Phase::Start(_) => return Err(ReadError::NotDicom),
        };
        let mut encoding = parser.encoding();
        encoding.deflated = Encoding::of(&self.transfer_syntax).deflated;
        let (mut header, source) = parser.finish()?;
        if !encoding.explicit {
            settle_signs(&mut header, false);
        }
        let mut pixels = source.map(|source| pixels::layout(source, &header));
        if let (Some(PixelLayout::Native { big_endian, .. }), IMPLICIT_WITH_BIG_ENDIAN_PIXELS) =
            (&mut pixels, self.transfer_syntax.as_str())
        {
            *big_endian = true;
        }
        Ok(Scanned {
            meta: self.meta,
            transfer_syntax: self.transfer_syntax,
            encoding,
            header,
            pixels,
            dataset_offset: self.dataset_offset,
            length: self.offset,
        })
    }
}

/// Reads a whole file or data set that is in memory.
pub fn scan_file(bytes: &[u8], limits: Limits) -> Result<Scanned, ReadError> {
    let mut scanner = Scanner::for_file(limits);
    scanner.push(bytes)?;
    scanner.finish()
}

/// Decides `US or SS` by Pixel Representation, the nearest one above (PS3.5 §A.1, PS3.3 §C.7.6.3.1).
fn settle_signs(dataset: &mut DataSet, outer: bool) {
    let signed = dataset.integer(tags::PIXEL_REPRESENTATION).map_or(outer, |value| value == 1);
    let one_entry = dataset.integer(tags::LUT_DESCRIPTOR) == Some(1);
    for element in dataset.elements_mut() {
        if let Value::Items(items) = &mut element.value {
            items.iter_mut().for_each(|item| settle_signs(item, signed));
        } else if element.tag == tags::LUT_DATA && !one_entry {
            element.vr = Vr::Ow;
        } else if signed && element.vr == Vr::Us {
            let ambiguous = dictionary::attribute(element.tag).is_some_and(|entry| entry.signed_by_pixels);
            element.vr = if ambiguous { Vr::Ss } else { Vr::Us };
        }
    }
}
