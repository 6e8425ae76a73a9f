//! Writing data sets in Explicit VR Little Endian (PS3.5 §A.2), and rewriting stored objects for those who ask for
//! another transfer syntax than they came in.
//!
//! What is long stays where it is: the result is a plan of pieces, bytes to send and ranges of the stored object to copy.

use crate::dataset::{Bulk, DataSet, Element, Value};
use crate::file_meta::{FileMetaFields, write_file_meta};
use crate::pixels::{FrameGeometry, PixelKind};
use crate::read::Scanned;
use crate::tag::{Tag, tags};
use crate::vr::Vr;
use thiserror::Error;

/// Explicit VR Little Endian.
pub const EXPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";

/// One stretch of an object that is being sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    Bytes(Vec<u8>),
    /// Bytes of what was scanned; each `unit` of them is to be turned round (1: none).
    Copy {
        offset: u64,
        length: u64,
        unit: usize,
    },
    /// Here the caller sends the new pixel data: exactly the announced length, or items and a delimiter.
    Pixels,
}

/// A data set in memory as bytes. Values that were left in a stream are written empty; group lengths are left out.
pub fn write_dataset(dataset: &DataSet) -> Vec<u8> {
    let mut writer = Writer::default();
    for element in dataset.elements() {
        match element.value {
            Value::Bulk(_) => writer.head(element.tag, element.vr, Some(0)),
            _ => writer.element(element, false),
        }
    }
    writer.bytes
}

/// Why an object cannot be rewritten.
#[derive(Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteError {
    /// PS3.5 §7.1: lengths have 32 bits.
    #[error("{tag} of {length} bytes is too long to be written without fragments")]
    TooLong { tag: Tag, length: u64 },
}

/// What becomes of pixel data when an object is rewritten.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NewPixels {
    /// Native samples of this many bytes in all, padded by the caller to even length.
    Native { length: u64, kind: PixelKind, vr: Vr },
    /// Fragments, offset table first, which the caller frames with [`fragment_header`] and [`SEQUENCE_END`].
    Encapsulated,
    /// The pixel data as it is stored: native samples, turned to little endian where they are not.
    Stored,
    /// None: for metadata alone.
    Absent,
}

/// The item header of a fragment of `length` bytes, which must be even.
pub fn fragment_header(length: u32) -> [u8; 8] {
    let [a, b, c, d] = length.to_le_bytes();
    [0xfe, 0xff, 0x00, 0xe0, a, b, c, d]
}

/// The delimiter after the last fragment.
pub const SEQUENCE_END: [u8; 8] = [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];

/// Plans a stored object as a file in `transfer_syntax` (Explicit VR Little Endian, or one that is encapsulated), the
/// elements of `changes` put in place of those stored.
///
/// The offsets of [`Piece::Copy`] count as those of `scanned` do: in the inflated data set where the object is deflated.
pub fn rewrite(
    scanned: &Scanned,
    transfer_syntax: &str,
    changes: &[Element],
    pixels: &NewPixels,
) -> Result<Vec<Piece>, WriteError> {
    if let NewPixels::Native { length, kind, .. } = pixels
        && *length >= u64::from(u32::MAX - 1)
    {
        return Err(WriteError::TooLong { tag: pixel_tag(*kind), length: *length });
    }
    let header = &scanned.header;
    let source = scanned.meta.as_ref().and_then(|meta| {
        meta.elements().plain(tags::SOURCE_APPLICATION_ENTITY_TITLE).map(|title| title.into_owned())
    });
    let geometry = FrameGeometry::of(header);
    let pixel_unit = scanned.pixels.as_ref().map_or(1, |layout| layout.swap_unit(geometry.as_ref()));
    let mut writer = Writer { big_endian: scanned.encoding.big_endian, pixel_unit, ..Writer::default() };
    writer.bytes = write_file_meta(FileMetaFields {
        sop_class: &header.plain(tags::SOP_CLASS_UID).unwrap_or_default(),
        sop_instance: &header.plain(tags::SOP_INSTANCE_UID).unwrap_or_default(),
        transfer_syntax,
        source_ae_title: source.as_deref(),
    });
    let mut dataset = header.clone();
    changes.iter().cloned().for_each(|change| dataset.set(change));
    let stored = matches!(pixels, NewPixels::Stored);
    let mut waiting = !stored;
    for element in dataset.elements() {
        if waiting && element.tag > tags::PIXEL_DATA {
            writer.new_pixels(pixels);
            waiting = false;
        }
        // Groups 0000 and 0002 belong to commands and to the file's head (PS3.7 §6.3, PS3.10 §7.1); some senders leave
        // theirs in the data set, where a reader would take them for the head.
        if matches!(element.tag.group(), 0 | 2) {
            continue;
        }
        if is_pixel_attribute(element.tag) && !stored {
            continue;
        }
        writer.element(element, true);
    }
    if waiting {
        writer.new_pixels(pixels);
    }
    Ok(writer.finish())
}

fn pixel_tag(kind: PixelKind) -> Tag {
    match kind {
        PixelKind::Integer => tags::PIXEL_DATA,
        PixelKind::Float => tags::FLOAT_PIXEL_DATA,
        PixelKind::Double => tags::DOUBLE_FLOAT_PIXEL_DATA,
    }
}

fn is_pixel_attribute(tag: Tag) -> bool {
    tag.group() == 0x7fe0 && tag <= tags::PIXEL_DATA
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    big_endian: bool,
    /// For pixel data of the object itself, not of its icon.
    pixel_unit: usize,
    depth: usize,
}

impl Writer {
    fn head(&mut self, tag: Tag, vr: Vr, length: Option<u32>) {
        self.bytes.extend_from_slice(&tag.group().to_le_bytes());
        self.bytes.extend_from_slice(&tag.element().to_le_bytes());
        let short = length.and_then(|length| u16::try_from(length).ok());
        // PS3.5 §6.2.2: what is too long for its 16-bit length is written as UN.
        let vr = if !vr.is_long() && short.is_none() { Vr::Un } else { vr };
        self.bytes.extend_from_slice(vr.as_str().as_bytes());
        match short.filter(|_| !vr.is_long()) {
            Some(length) => self.bytes.extend_from_slice(&length.to_le_bytes()),
            None => {
                self.bytes.extend_from_slice(&[0, 0]);
                self.bytes.extend_from_slice(&length.unwrap_or(u32::MAX).to_le_bytes());
            }
        }
    }

    fn element(&mut self, element: &Element, copying: bool) {
        let &Element { tag, vr, ref value } = element;
        if tag.is_group_length() {
            return;
        }
        match value {
            Value::Bytes(bytes) => {
                let padding = bytes.len() % 2;
                self.head(tag, vr, Some(u32::try_from(bytes.len() + padding).unwrap_or(u32::MAX - 1)));
                self.bytes.extend_from_slice(bytes);
                self.pad(padding == 1, vr);
            }
            Value::Items(items) => {
                self.head(tag, Vr::Sq, None);
                self.depth += 1;
                for item in items {
                    self.bytes.extend_from_slice(&[0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff]);
                    item.elements().iter().for_each(|element| self.element(element, copying));
                    self.bytes.extend_from_slice(&[0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0]);
                }
                self.depth -= 1;
                self.bytes.extend_from_slice(&SEQUENCE_END);
            }
            Value::Bulk(_) if !copying => self.head(tag, vr, Some(0)),
            Value::Bulk(bulk) => self.bulk(tag, vr, bulk),
        }
    }

    fn bulk(&mut self, tag: Tag, vr: Vr, bulk: &Bulk) {
        let unit = match tag {
            _ if self.depth == 0 && is_pixel_attribute(tag) => self.pixel_unit,
            _ if self.big_endian => vr.unit(),
            _ => 1,
        };
        let copy = Piece::Copy { offset: bulk.offset, length: bulk.length, unit };
        if bulk.encapsulated {
            self.head(tag, Vr::Ob, None);
            self.piece(copy);
            self.bytes.extend_from_slice(&SEQUENCE_END);
            return;
        }
        let length = bulk.length + bulk.length % 2;
        self.head(tag, vr, Some(u32::try_from(length).unwrap_or(u32::MAX - 1)));
        self.piece(copy);
        self.pad(bulk.length % 2 == 1, vr);
    }

    fn pad(&mut self, odd: bool, vr: Vr) {
        if odd {
            self.bytes.push(if vr.is_text() && vr != Vr::Ui { b' ' } else { 0 });
        }
    }

    fn new_pixels(&mut self, pixels: &NewPixels) {
        match pixels {
            NewPixels::Native { length, kind, vr } => {
                let length = u32::try_from(length + length % 2).unwrap_or(u32::MAX - 1);
                self.head(pixel_tag(*kind), *vr, Some(length));
                self.piece(Piece::Pixels);
            }
            NewPixels::Encapsulated => {
                self.head(tags::PIXEL_DATA, Vr::Ob, None);
                self.piece(Piece::Pixels);
            }
            NewPixels::Stored | NewPixels::Absent => {}
        }
    }

    fn piece(&mut self, piece: Piece) {
        let before = std::mem::take(&mut self.bytes);
        self.pieces.push(Piece::Bytes(before));
        self.pieces.push(piece);
    }

    fn finish(mut self) -> Vec<Piece> {
        if !self.bytes.is_empty() {
            self.pieces.push(Piece::Bytes(self.bytes));
        }
        self.pieces
    }
}
