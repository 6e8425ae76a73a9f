//! Bytes of stored objects: ranges of frames, and the header without the pixels.

use crate::Services;
use crate::instance_body::Parts;
use crate::studies::{corrupt, members};
use bytes::Bytes;
use lenticular_base::{Fault, FaultKind, tree};
use lenticular_dicom::json;
use lenticular_dicom::pixels::{FrameGeometry, PixelKind, PixelLayout, align_bits};
use lenticular_dicom::read::{Encoding, Limits, Scanned, Scanner};
use lenticular_dicom::tag::tags;
use lenticular_dicom::vr::Vr;
use lenticular_dicom::write::fragment_header;
use lenticular_store::{BlobRef, Record};

/// Bytes of one frame, and of an inflated object, that are held in memory at most.
pub(crate) const HELD: u64 = 128 << 20;
/// Bytes that are read at once.
pub(crate) const CHUNK: u64 = 1 << 20;

/// What the offsets of a layout count in.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Blob(BlobRef),
    /// A deflated data set, inflated.
    Memory(Bytes),
}

impl Source {
    pub fn read(&self, services: &Services, offset: u64, length: u64) -> Result<Bytes, Fault> {
        let end = offset.checked_add(length).ok_or_else(corrupt)?;
        match self {
            Source::Blob(blob) => Ok(services.store.blobs.read(blob, offset..end)?.into()),
            Source::Memory(bytes) => {
                let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
                match range.filter(|(_, end)| *end <= bytes.len()) {
                    Some((start, end)) => Ok(bytes.slice(start..end)),
                    None => Err(corrupt()),
                }
            }
        }
    }
}

/// An instance row, opened.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub blob: BlobRef,
    pub transfer_syntax: String,
    pub layout: Option<PixelLayout>,
    /// Of native pixel data.
    pub geometry: Option<FrameGeometry>,
    /// `studies/…/series/…/instances/…`
    pub path: String,
}

impl Opened {
    pub fn of(row: &Record) -> Result<Opened, Fault> {
        let parts = Parts::of(&row.body)?;
        let series = members::value_of(parts.attributes, tags::SERIES_INSTANCE_UID).unwrap_or_default();
        let series = String::from_utf8_lossy(series);
        let study = row.columns.study.as_deref().unwrap_or("");
        let layout = match parts.layout {
            [] => None,
            bytes => Some(PixelLayout::decode(bytes).map_err(|e| corrupt().caused_by(e))?),
        };
        let geometry = match layout {
            Some(PixelLayout::Native { .. }) => {
                let json = tree::parse(parts.attributes).map_err(|e| corrupt().caused_by(e))?;
                FrameGeometry::of(&json::read_json(&json).map_err(|e| corrupt().caused_by(e))?.dataset)
            }
            _ => None,
        };
        Ok(Opened {
            blob: parts.blob,
            transfer_syntax: String::from_utf8_lossy(parts.transfer_syntax).into_owned(),
            layout,
            geometry,
            path: format!("studies/{study}/series/{series}/instances/{}", row.id),
        })
    }

    /// Whether samples lie uncompressed.
    pub fn is_native(&self) -> bool {
        matches!(self.layout, Some(PixelLayout::Native { .. }))
    }

    /// Whether offsets count in the stored object itself.
    pub fn is_comparable(&self) -> bool {
        !self.is_deflated()
    }

    fn is_deflated(&self) -> bool {
        Encoding::of(&self.transfer_syntax).deflated
    }

    /// How many frames there are; 0 without pixel data.
    pub fn frame_count(&self) -> u32 {
        self.layout.as_ref().map_or(0, |layout| layout.frame_count(self.geometry.as_ref()))
    }

    /// What the offsets of the layout and of a scanned header count in.
    pub fn source(&self, services: &Services) -> Result<Source, Fault> {
        if !self.is_deflated() {
            return Ok(Source::Blob(self.blob));
        }
        let mut scanner = Feed::new(services, &self.blob);
        scanner.read_to(self.blob.length)?;
        let from = scanner.finish()?.dataset_offset;
        inflate(services, &self.blob, from).map(Source::Memory)
    }

    /// Bytes that are turned round together in native pixel data: 1 where it is little endian (PS3.5 §7.3, §8.1.1).
    pub fn unit(&self) -> usize {
        match &self.layout {
            Some(PixelLayout::Native { kind, vr, big_endian: true, .. }) => match kind {
                PixelKind::Float => 4,
                PixelKind::Double => 8,
                PixelKind::Integer => {
                    let bits = self.geometry.map_or(8, |geometry| geometry.bits_allocated);
                    usize::from(bits / 8).max(if *vr == Vr::Ow { 2 } else { 1 })
                }
            },
            _ => 1,
        }
    }

    /// One frame: the joined fragments, or its samples in little endian from the first bit on. Blocks.
    pub fn frame(&self, services: &Services, source: &Source, number: u32) -> Result<Bytes, Fault> {
        let layout = self.layout.as_ref().ok_or_else(Fault::not_found)?;
        let found = layout.frame(number, self.geometry.as_ref()).ok_or_else(Fault::not_found)?;
        let length: u64 = found.ranges.iter().fold(0, |sum, range| sum.saturating_add(range.length));
        if length > HELD {
            return Err(too_large(length));
        }
        // Most frames lie in one piece, in the byte order of their readers: what is read is what is sent.
        if let ([range], 1, false) = (found.ranges.as_slice(), self.unit(), found.is_packed()) {
            return source.read(services, range.offset, range.length);
        }
        let PixelLayout::Native { offset, length: all, .. } = layout else {
            let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
            for range in &found.ranges {
                bytes.extend_from_slice(&source.read(services, range.offset, range.length)?);
            }
            return Ok(bytes.into());
        };
        let unit = self.unit() as u64;
        let mut bytes = Vec::new();
        for range in &found.ranges {
            // Words are turned round as they lie from the start of the pixel data; a frame may begin within one.
            let start = range.offset.saturating_sub(*offset);
            let first = start - start % unit;
            let end = (start + range.length).next_multiple_of(unit).min(*all);
            let mut words = source.read(services, offset + first, end.saturating_sub(first))?.to_vec();
            turn(&mut words, self.unit());
            let skip = usize::try_from(start - first).unwrap_or(0);
            let take = usize::try_from(range.length).unwrap_or(usize::MAX);
            let wanted = words.get(skip..).unwrap_or_default();
            bytes.extend_from_slice(wanted.get(..take).unwrap_or(wanted));
        }
        if found.is_packed() {
            return Ok(align_bits(&bytes, found.first_bit, found.bits).into());
        }
        Ok(bytes.into())
    }

    /// The header of the object, its pixels passed over without being read. Blocks.
    pub fn scan(&self, services: &Services) -> Result<Scanned, Fault> {
        let mut feed = Feed::new(services, &self.blob);
        match self.layout.as_ref().filter(|_| !self.is_deflated()) {
            Some(PixelLayout::Native { offset, length, .. }) => {
                feed.read_to(*offset)?;
                feed.pass(*length)?;
            }
            Some(PixelLayout::Encapsulated(encapsulated)) => {
                for fragment in &encapsulated.fragments {
                    if fragment.offset == feed.at + 8 && feed.at > encapsulated.offset {
                        feed.push(&fragment_header(fragment.length))?;
                    } else {
                        feed.read_to(fragment.offset)?;
                    }
                    feed.pass(u64::from(fragment.length))?;
                }
            }
            None => {}
        }
        feed.read_to(self.blob.length)?;
        feed.finish()
    }
}

pub(crate) fn too_large(bytes: u64) -> Fault {
    Fault::new(
        FaultKind::NotAcceptable,
        "frame-too-large",
        format!(
            "One frame has {bytes} bytes, more than the {HELD} that are held at once; retrieve the instance as stored."
        ),
    )
}

/// Turns the bytes of each unit round.
pub(crate) fn turn(bytes: &mut [u8], unit: usize) {
    if unit > 1 {
        bytes.chunks_exact_mut(unit).for_each(<[u8]>::reverse);
    }
}

/// Hands an object to a scanner, some of it from disk.
struct Feed<'a> {
    services: &'a Services,
    blob: &'a BlobRef,
    scanner: Scanner,
    at: u64,
}

/// Stands in for pixels that a scanner only counts.
static ZEROS: [u8; 1 << 18] = [0; 1 << 18];

impl<'a> Feed<'a> {
    fn new(services: &'a Services, blob: &'a BlobRef) -> Feed<'a> {
        Feed { services, blob, scanner: Scanner::for_file(Limits::default()), at: 0 }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.at += bytes.len() as u64;
        self.scanner.push(bytes).map_err(|e| corrupt().caused_by(e))
    }

    fn read_to(&mut self, end: u64) -> Result<(), Fault> {
        let end = end.min(self.blob.length);
        while self.at < end {
            let until = end.min(self.at + CHUNK);
            let bytes = self.services.store.blobs.read(self.blob, self.at..until)?;
            self.push(&bytes)?;
        }
        Ok(())
    }

    fn pass(&mut self, length: u64) -> Result<(), Fault> {
        let mut left = length.min(self.blob.length.saturating_sub(self.at));
        while left > 0 {
            let some = left.min(ZEROS.len() as u64);
            self.push(&ZEROS[..usize::try_from(some).unwrap_or(ZEROS.len())])?;
            left -= some;
        }
        Ok(())
    }

    fn finish(self) -> Result<Scanned, Fault> {
        self.scanner.finish().map_err(|e| corrupt().caused_by(e))
    }
}

/// A deflated data set (PS3.5 §A.5) that begins at `from`, whole.
fn inflate(services: &Services, blob: &BlobRef, from: u64) -> Result<Bytes, Fault> {
    let mut stream = flate2::Decompress::new(false);
    let mut plain = Vec::new();
    for at in (from..blob.length).step_by(1 << 18) {
        let bytes = services.store.blobs.read(blob, at..blob.length.min(at + (1 << 18)))?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            plain.reserve(1 << 16);
            let before = stream.total_in();
            let status = stream
                .decompress_vec(rest, &mut plain, flate2::FlushDecompress::None)
                .map_err(|e| corrupt().caused_by(e))?;
            rest = &rest[usize::try_from(stream.total_in() - before).unwrap_or(rest.len())..];
            if plain.len() as u64 > HELD {
                return Err(too_large(plain.len() as u64));
            }
            if status == flate2::Status::StreamEnd {
                return Ok(plain.into());
            }
        }
    }
    loop {
        // What was read may still have more to give.
        let before = plain.len();
        plain.reserve(1 << 16);
        let status = stream.decompress_vec(&[], &mut plain, flate2::FlushDecompress::Finish);
        if plain.len() == before
            || plain.len() as u64 > HELD
            || matches!(status, Ok(flate2::Status::StreamEnd))
        {
            return Ok(plain.into());
        }
    }
}
