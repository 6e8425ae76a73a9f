//! A stored object in another transfer syntax: its header rewritten, its frames made one by one as they leave.

use super::choice::{BASELINE, EXPLICIT, ObjectForm};
use super::outflow::{Part, Step};
use super::source::Opened;
use super::work::{Making, QUALITY, Work, rewritten};
use crate::Services;
use bytes::Bytes;
use lenticular_base::{Fault, FaultKind};
use lenticular_codecs::{FrameInfo, Photometric, encode_jpeg_baseline_frame};
use lenticular_dicom::dataset::Element;
use lenticular_dicom::file_meta::{FileMetaFields, write_file_meta};
use lenticular_dicom::pixels::{PixelKind, number_of_frames};
use lenticular_dicom::tag::{Tag, tags};
use lenticular_dicom::vr::Vr;
use lenticular_dicom::write::{NewPixels, Piece, SEQUENCE_END, fragment_header, rewrite};
use std::collections::VecDeque;
use std::sync::Arc;

const LOSSY_IMAGE_COMPRESSION: Tag = Tag(0x0028_2110);
const LOSSY_METHOD: Tag = Tag(0x0028_2114);

/// The part that an object leaves as. Blocks.
pub(crate) fn part(services: &Services, opened: Opened, form: ObjectForm) -> Result<Part, Fault> {
    let location = opened.path.clone();
    if form == ObjectForm::Stored {
        let media = format!("application/dicom; transfer-syntax={}", opened.transfer_syntax);
        let head = missing_head(services, &opened)?.map(Step::Bytes);
        return Ok(Part::new(media, location, head.into_iter().chain([Step::object(&opened)])));
    }
    let pixels = opened.layout.is_some();
    let native = opened.is_native();
    let work = Work::new(services, opened, Making::Rewritten)?;
    let (syntax, steps) = match form {
        ObjectForm::Jpeg => (BASELINE, jpeg(services, &work)?),
        _ if native || !pixels => (EXPLICIT, copied(services, &work)?),
        _ => (EXPLICIT, decoded(services, &work)?),
    };
    Ok(Part::new(format!("application/dicom; transfer-syntax={syntax}"), location, steps))
}

/// What a data set that was taken without the head of a file lacks to be one (PS3.10 §7.1): clients read nothing else.
fn missing_head(services: &Services, opened: &Opened) -> Result<Option<Bytes>, Fault> {
    let start = services.store.blobs.read(&opened.blob, 0..opened.blob.length.min(132))?;
    if start.get(128..) == Some(b"DICM") {
        return Ok(None);
    }
    let scanned = opened.scan(services)?;
    if scanned.meta.is_some() {
        return Ok(Some(Bytes::from([&[0; 128], &b"DICM"[..]].concat())));
    }
    let uid = |tag| scanned.header.plain(tag).map(|uid| uid.into_owned()).unwrap_or_default();
    Ok(Some(Bytes::from(write_file_meta(FileMetaFields {
        sop_class: &uid(tags::SOP_CLASS_UID),
        sop_instance: &uid(tags::SOP_INSTANCE_UID),
        transfer_syntax: &opened.transfer_syntax,
        source_ae_title: None,
    }))))
}

/// Pixels as they lie, in little endian.
fn copied(services: &Services, work: &Work) -> Result<VecDeque<Step>, Fault> {
    plan(services, work, EXPLICIT, &[], &NewPixels::Stored, VecDeque::new())
}

/// Pixels decoded. All frames must come out as the first does, for the length stands before them.
fn decoded(services: &Services, work: &Work) -> Result<VecDeque<Step>, Fault> {
    let first = rewritten(&work.shown(services, 1)?.frame)?;
    let frames = work.opened.frame_count();
    let length = (first.pixels.len() as u64).saturating_mul(u64::from(frames));
    let header = work.header(services)?;
    let mut changes = pixel_module(&first.info, first.info.photometric);
    if number_of_frames(&header.header) != frames {
        changes.push(Element::new(tags::NUMBER_OF_FRAMES, Vr::Is, frames.to_string()));
    }
    let vr = if first.info.bits_allocated > 8 { Vr::Ow } else { Vr::Ob };
    let expected = first.pixels.len();
    let made = Arc::new(work.for_making(Making::Rewritten));
    let mut steps: VecDeque<Step> =
        (1..=frames).map(|number| Step::Frame { work: made.clone(), number }).collect();
    if length % 2 == 1 {
        steps.push_back(Step::Bytes(Bytes::from_static(&[0])));
    }
    made.expect_length(expected);
    let pixels = NewPixels::Native { length: length + length % 2, kind: PixelKind::Integer, vr };
    plan(services, work, EXPLICIT, &changes, &pixels, steps)
}

/// Pixels as JPEG Baseline, a fragment for each frame and an empty offset table (PS3.5 §A.4).
fn jpeg(services: &Services, work: &Work) -> Result<VecDeque<Step>, Fault> {
    let first = work.shown(services, 1)?;
    let (_, photometric) = encode_jpeg_baseline_frame(&first.frame, QUALITY)?;
    let mut changes = pixel_module(&first.frame.info, photometric);
    changes.push(Element::new(LOSSY_IMAGE_COMPRESSION, Vr::Cs, "01"));
    changes.push(Element::new(LOSSY_METHOD, Vr::Cs, "ISO_10918_1"));
    let made = Arc::new(work.for_making(Making::Fragment));
    let mut steps = VecDeque::from([Step::Bytes(Bytes::copy_from_slice(&fragment_header(0)))]);
    steps.extend((1..=work.opened.frame_count()).map(|number| Step::Frame { work: made.clone(), number }));
    steps.push_back(Step::Bytes(Bytes::from_static(&SEQUENCE_END)));
    plan(services, work, BASELINE, &changes, &NewPixels::Encapsulated, steps)
}

fn plan(
    services: &Services,
    work: &Work,
    syntax: &str,
    changes: &[Element],
    pixels: &NewPixels,
    made: VecDeque<Step>,
) -> Result<VecDeque<Step>, Fault> {
    let header = work.header(services)?;
    let pieces = rewrite(&header, syntax, changes, pixels).map_err(|e| {
        Fault::new(FaultKind::NotAcceptable, "too-long", format!("The object cannot leave in {syntax}: {e}."))
    })?;
    let mut made = Some(made);
    let mut steps = VecDeque::new();
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => steps.push_back(Step::Bytes(bytes.into())),
            Piece::Copy { offset, length, unit } => {
                steps.push_back(Step::Copy { source: work.source.clone(), offset, length, unit });
            }
            Piece::Pixels => steps.extend(made.take().unwrap_or_default()),
        }
    }
    Ok(steps)
}

/// The Image Pixel Module of frames that were decoded.
fn pixel_module(info: &FrameInfo, photometric: Photometric) -> Vec<Element> {
    let number = |tag, value: u16| Element::new(tag, Vr::Us, value.to_le_bytes());
    let mut changes = vec![
        number(tags::BITS_ALLOCATED, info.bits_allocated),
        number(tags::BITS_STORED, info.bits_stored),
        number(tags::HIGH_BIT, info.high_bit),
    ];
    if photometric != Photometric::Other {
        changes.push(Element::new(tags::PHOTOMETRIC_INTERPRETATION, Vr::Cs, photometric.as_str()));
    }
    if info.samples_per_pixel > 1 {
        changes.push(number(tags::PLANAR_CONFIGURATION, 0));
    }
    changes
}
