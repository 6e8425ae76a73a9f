//! Making one frame: as stored, as samples, as JPEG, as a picture.

use super::picture;
use super::source::{HELD, Opened, Source, too_large};
use super::state::Shown;
use crate::Services;
use bytes::Bytes;
use lenticular_base::{Fault, FaultKind};
use lenticular_codecs::render::{Viewport, Window, render};
use lenticular_codecs::{Frame, decode_within, encode_jpeg, encode_jpeg_baseline_frame, encode_png, to_rgb};
use lenticular_dicom::pixels::{PixelKind, PixelLayout};
use lenticular_dicom::read::Scanned;
use lenticular_dicom::write::fragment_header;
use std::sync::{Arc, OnceLock};

/// A picture that is asked for (PS3.18 §8.3.5).
#[derive(Clone, PartialEq, Debug)]
pub struct Rendering {
    /// PNG where set, else JPEG.
    pub png: bool,
    /// Of JPEG, 1 to 100.
    pub quality: u8,
    /// Instead of the window of the data set.
    pub window: Option<Window>,
    pub viewport: Option<Viewport>,
}

/// What is made of a frame.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Making {
    /// The bytes as they are stored.
    Stored,
    /// Samples, little endian, in the colour space of the codestream.
    Native,
    /// Samples as a rewritten object holds them: colour as RGB.
    Rewritten,
    /// JPEG Baseline, alone.
    Jpeg,
    /// The same as a fragment of a rewritten object.
    Fragment,
    Picture(Rendering),
}

/// Quality of JPEG frames that nobody chose one for.
pub(crate) const QUALITY: u8 = 90;
const RLE: &str = "1.2.840.10008.1.2.5";

/// An object whose frames are made.
pub(crate) struct Work {
    pub opened: Opened,
    pub source: Source,
    pub making: Making,
    header: OnceLock<Arc<Scanned>>,
    /// Bytes of each frame, where they were announced.
    length: OnceLock<usize>,
}

impl Work {
    pub fn new(services: &Services, opened: Opened, making: Making) -> Result<Work, Fault> {
        let source = opened.source(services)?;
        Ok(Work { opened, source, making, header: OnceLock::new(), length: OnceLock::new() })
    }

    /// The same object for something else.
    pub fn for_making(&self, making: Making) -> Work {
        Work {
            opened: self.opened.clone(),
            source: self.source.clone(),
            making,
            header: self.header.clone(),
            length: OnceLock::new(),
        }
    }

    /// Every frame must have as many bytes: their sum was announced.
    pub fn expect_length(&self, bytes: usize) {
        let _ = self.length.set(bytes);
    }

    /// The header of the object. Blocks.
    pub fn header(&self, services: &Services) -> Result<Arc<Scanned>, Fault> {
        if let Some(header) = self.header.get() {
            return Ok(header.clone());
        }
        let scanned = Arc::new(self.opened.scan(services)?);
        Ok(self.header.get_or_init(|| scanned).clone())
    }

    /// Makes a frame; numbers count from 1. Blocks.
    pub fn make(&self, services: &Services, number: u32) -> Result<Bytes, Fault> {
        match &self.making {
            Making::Stored => self.opened.frame(services, &self.source, number),
            Making::Native if self.opened.is_native() => self.opened.frame(services, &self.source, number),
            Making::Native => {
                let shown = self.shown(services, number)?;
                let planar = self.header(services)?.header.integer(picture::PLANAR_CONFIGURATION) == Some(1);
                // RLE alone lets the data set choose (PS3.5 §G.2); the metadata that the client has says how.
                if planar && self.opened.transfer_syntax == RLE && shown.frame.info.samples_per_pixel == 3 {
                    return Ok(by_plane(&shown.frame).into());
                }
                Ok(Bytes::copy_from_slice(&shown.frame.pixels))
            }
            Making::Rewritten => {
                let pixels = rewritten(&self.shown(services, number)?.frame)?.pixels;
                match self.length.get() {
                    Some(length) if *length != pixels.len() => Err(uneven(number)),
                    _ => Ok(pixels.into()),
                }
            }
            Making::Jpeg => {
                let shown = self.shown(services, number)?;
                on_pool(|| encode_jpeg_baseline_frame(&shown.frame, QUALITY)).map(|(bytes, _)| bytes.into())
            }
            Making::Fragment => {
                let shown = self.shown(services, number)?;
                let (mut bytes, _) = on_pool(|| encode_jpeg_baseline_frame(&shown.frame, QUALITY))?;
                if bytes.len() % 2 == 1 {
                    bytes.push(0);
                }
                let length = u32::try_from(bytes.len()).map_err(Fault::internal)?;
                let mut fragment = fragment_header(length).to_vec();
                fragment.append(&mut bytes);
                Ok(fragment.into())
            }
            Making::Picture(rendering) => {
                let shown = self.shown(services, number)?;
                on_pool(|| draw(&shown, rendering)).map(Bytes::from)
            }
        }
    }

    /// A frame, decoded, with how its data set wants it shown. Blocks.
    pub fn shown(&self, services: &Services, number: u32) -> Result<Arc<Shown>, Fault> {
        let blob = self.opened.blob.sha256;
        if let Some(shown) = services.imaging.shown(&blob, number) {
            return Ok(shown);
        }
        if let Some(PixelLayout::Native { kind: PixelKind::Float | PixelKind::Double, .. }) =
            self.opened.layout
        {
            return Err(Fault::new(
                FaultKind::NotAcceptable,
                "codec-unsupported",
                "Float pixel data is served as it is stored; ask for application/octet-stream.",
            ));
        }
        let scanned = self.header(services)?;
        let info = picture::frame_info(&scanned.header)?;
        let samples = u64::from(info.rows) * u64::from(info.columns) * u64::from(info.samples_per_pixel);
        let bytes = samples * u64::from(info.bits_allocated.div_ceil(8));
        if bytes > HELD {
            return Err(too_large(bytes));
        }
        let _turn = services.imaging.turn_of(bytes);
        let data = self.opened.frame(services, &self.source, number)?;
        let big_endian = scanned.encoding.big_endian;
        let options = picture::options(&scanned.header, number, &mut |bulk| {
            let mut bytes = self.source.read(services, bulk.offset, bulk.length).ok()?.to_vec();
            super::source::turn(&mut bytes, if big_endian { 2 } else { 1 });
            Some(bytes)
        });
        // Native samples were turned to little endian when they were read.
        let syntax =
            if self.opened.is_native() { super::choice::EXPLICIT } else { &self.opened.transfer_syntax };
        let frame = on_pool(|| decode_within(syntax, &info, &data, HELD))?;
        let shown = Arc::new(Shown { frame, options });
        services.imaging.keep(blob, number, shown.clone());
        Ok(shown)
    }
}

fn uneven(number: u32) -> Fault {
    Fault::new(
        FaultKind::NotAcceptable,
        "frame-broken",
        format!("Frame {number} decodes to another size than the first; ask with transfer-syntax=*."),
    )
}

/// Computes on the CPU pool, where as many run at once as there are cores.
fn on_pool<T: Send, E: Into<Fault> + Send>(work: impl FnOnce() -> Result<T, E> + Send) -> Result<T, Fault> {
    rayon::scope(|_| work()).map_err(Into::into)
}

/// A frame as a rewritten object holds it.
pub(crate) fn rewritten(frame: &Frame) -> Result<Frame, Fault> {
    match frame.info.samples_per_pixel {
        3 => Ok(to_rgb(frame)?),
        _ => Ok(frame.clone()),
    }
}

fn draw(shown: &Shown, rendering: &Rendering) -> Result<Vec<u8>, Fault> {
    let mut options = shown.options.clone();
    if let Some(window) = rendering.window {
        options.window = Some(window);
    }
    options.viewport = rendering.viewport;
    let picture = render(&shown.frame, &options)?;
    Ok(if rendering.png { encode_png(&picture)? } else { encode_jpeg(&picture, rendering.quality)? })
}

/// Samples by plane (Planar Configuration 1, PS3.3 §C.7.6.3.1.3).
fn by_plane(frame: &Frame) -> Vec<u8> {
    let sample = usize::from(frame.info.bits_allocated / 8).max(1);
    let channels = usize::from(frame.info.samples_per_pixel);
    let mut planes = Vec::with_capacity(frame.pixels.len());
    for channel in 0..channels {
        for pixel in frame.pixels.chunks_exact(sample * channels) {
            planes.extend_from_slice(&pixel[channel * sample..(channel + 1) * sample]);
        }
    }
    planes
}
