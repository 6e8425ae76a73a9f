//! A data set as a tree of elements (PS3.5 §7), as it was read or made.

use crate::charset::SpecificCharacterSet;
use crate::tag::{Tag, tags};
use crate::vr::Vr;
use lenticular_base::index;
use std::borrow::Cow;

/// Elements in ascending order of tag, each tag once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DataSet {
    elements: Vec<Element>,
}

/// One data element.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Element {
    pub tag: Tag,
    pub vr: Vr,
    pub value: Value,
}

/// What an element holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// The value field, padding included; numbers are little endian whatever the stream was.
    Bytes(Box<[u8]>),
    /// The items of a sequence.
    Items(Vec<DataSet>),
    /// Left in the stream: pixel data, and values longer than [`Limits::inline`](crate::read::Limits::inline).
    Bulk(Bulk),
}

/// Where a value lies in the stream; its bytes have the byte order of the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bulk {
    /// Of the first byte of the value field, from the start of what was scanned.
    pub offset: u64,
    /// In bytes. Where encapsulated: from the first item tag up to the sequence delimiter.
    pub length: u64,
    /// Items of fragments with an offset table first (PS3.5 §A.4).
    pub encapsulated: bool,
}

impl Element {
    /// An element with the bytes of its value, padded to even length as its representation asks (PS3.5 §6.2).
    pub fn new(tag: Tag, vr: Vr, bytes: impl Into<Vec<u8>>) -> Element {
        let mut bytes = bytes.into();
        if bytes.len() % 2 == 1 {
            bytes.push(if vr.is_text() && vr != Vr::Ui { b' ' } else { 0 });
        }
        Element { tag, vr, value: Value::Bytes(bytes.into()) }
    }

    /// A sequence.
    pub fn sequence(tag: Tag, items: Vec<DataSet>) -> Element {
        Element { tag, vr: Vr::Sq, value: Value::Items(items) }
    }

    /// The bytes of the value where they are at hand.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.value {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The items; none where this is no sequence.
    pub fn items(&self) -> &[DataSet] {
        match &self.value {
            Value::Items(items) => items,
            _ => &[],
        }
    }

    /// Whether the value is at hand, not left in the stream.
    pub(crate) fn bytes_or_items(&self) -> bool {
        !matches!(self.value, Value::Bulk(_))
    }

    /// Whether the value has zero length.
    pub fn is_empty(&self) -> bool {
        match &self.value {
            Value::Bytes(bytes) => bytes.is_empty(),
            Value::Items(items) => items.is_empty(),
            Value::Bulk(bulk) => bulk.length == 0,
        }
    }

    /// The values as text, padding removed; empty for numbers, bulk and sequences.
    pub fn strings(&self, charset: &SpecificCharacterSet) -> Vec<String> {
        match self.bytes() {
            Some(bytes) if self.vr.is_text() && !bytes.is_empty() => {
                crate::charset::decode_text(bytes, charset, self.vr)
            }
            _ => Vec::new(),
        }
    }

    /// The values as whole numbers: binary integers, or IS.
    pub fn integers(&self) -> Vec<i64> {
        let Some(bytes) = self.bytes() else { return Vec::new() };
        match self.vr {
            Vr::Us | Vr::At | Vr::Ow => words(bytes, |b: [u8; 2]| i64::from(u16::from_le_bytes(b))),
            Vr::Ss => words(bytes, |b: [u8; 2]| i64::from(i16::from_le_bytes(b))),
            Vr::Ul | Vr::Ol => words(bytes, |b: [u8; 4]| i64::from(u32::from_le_bytes(b))),
            Vr::Sl => words(bytes, |b: [u8; 4]| i64::from(i32::from_le_bytes(b))),
            Vr::Sv => words(bytes, i64::from_le_bytes),
            Vr::Uv | Vr::Ov => {
                words(bytes, |b: [u8; 8]| i64::try_from(u64::from_le_bytes(b)).unwrap_or(i64::MAX))
            }
            Vr::Is | Vr::Ds => {
                let text = String::from_utf8_lossy(bytes);
                let trimmed = |part: &str| part.trim_matches([' ', '\0']).parse().ok();
                text.split('\\').map_while(trimmed).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The values as floating point numbers: binary numbers, DS or IS; stops at the first that is none.
    pub fn floats(&self) -> Vec<f64> {
        let Some(bytes) = self.bytes() else { return Vec::new() };
        match self.vr {
            Vr::Fl | Vr::Of => words(bytes, |b: [u8; 4]| f64::from(f32::from_le_bytes(b))),
            Vr::Fd | Vr::Od => words(bytes, f64::from_le_bytes),
            Vr::Ds | Vr::Is => {
                let text = String::from_utf8_lossy(bytes);
                let trimmed = |part: &str| part.trim_matches([' ', '\0']).parse().ok();
                text.split('\\').map_while(trimmed).collect()
            }
            #[allow(clippy::cast_precision_loss)] // integers of 32 bits and less are exact
            _ => self.integers().into_iter().map(|value| value as f64).collect(),
        }
    }
}

fn words<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.chunks_exact(N).filter_map(|chunk| chunk.try_into().ok()).map(read).collect()
}

impl DataSet {
    /// A data set of these elements, put in order; of two with the same tag the later one stays.
    pub fn new(mut elements: Vec<Element>) -> DataSet {
        if !elements.windows(2).all(|pair| pair[0].tag < pair[1].tag) {
            elements.reverse();
            elements.sort_by_key(|element| element.tag);
            elements.dedup_by_key(|element| element.tag);
        }
        DataSet { elements }
    }

    /// The elements in ascending order.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    pub(crate) fn elements_mut(&mut self) -> &mut [Element] {
        &mut self.elements
    }

    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The element with this tag.
    pub fn get(&self, tag: Tag) -> Option<&Element> {
        let at = self.elements.binary_search_by_key(&tag, |element| element.tag).ok()?;
        self.elements.get(at)
    }

    /// Puts an element in its place, instead of the one that had its tag.
    pub fn set(&mut self, element: Element) {
        match self.elements.binary_search_by_key(&element.tag, |present| present.tag) {
            Ok(at) => self.elements[at] = element,
            Err(at) => self.elements.insert(at, element),
        }
    }

    /// Takes an element out.
    pub fn remove(&mut self, tag: Tag) -> Option<Element> {
        let at = self.elements.binary_search_by_key(&tag, |element| element.tag).ok()?;
        Some(self.elements.remove(at))
    }

    /// The character set of this data set, where it names one (PS3.3 §C.12.1.1.2).
    pub fn charset(&self) -> Option<SpecificCharacterSet> {
        let bytes = self.get(tags::SPECIFIC_CHARACTER_SET)?.bytes()?;
        Some(SpecificCharacterSet::parse(bytes))
    }

    /// The first value as text, trimmed, in this data set's own character set; `None` where absent or empty.
    pub fn string(&self, tag: Tag) -> Option<String> {
        let element = self.get(tag)?;
        let charset =
            if element.vr.is_localised() { self.charset().unwrap_or_default() } else { Default::default() };
        let first = element.strings(&charset).into_iter().next()?;
        let trimmed = first.trim();
        (!trimmed.is_empty())
            .then(|| if trimmed.len() == first.len() { first.clone() } else { trimmed.to_owned() })
    }

    /// The first value as text without decoding: for UIDs, codes and other plain values.
    pub fn plain(&self, tag: Tag) -> Option<Cow<'_, str>> {
        let bytes = self.get(tag)?.bytes()?;
        let first = bytes.split(|byte| *byte == b'\\').next()?;
        let text = String::from_utf8_lossy(first);
        match text {
            Cow::Borrowed(text) => Some(Cow::Borrowed(text.trim_matches([' ', '\0']))),
            Cow::Owned(text) => Some(Cow::Owned(text.trim_matches([' ', '\0']).to_owned())),
        }
        .filter(|text| !text.is_empty())
    }

    /// The first value as a whole number.
    pub fn integer(&self, tag: Tag) -> Option<i64> {
        self.get(tag)?.integers().first().copied()
    }

    /// The first value as a floating point number.
    pub fn float(&self, tag: Tag) -> Option<f64> {
        self.get(tag)?.floats().first().copied()
    }

    /// The items of a sequence; none where it is absent.
    pub fn items(&self, tag: Tag) -> &[DataSet] {
        self.get(tag).map_or(&[], Element::items)
    }
}

/// Text without what index values may not hold.
pub(crate) fn without_separator(text: &str) -> Cow<'_, str> {
    if text.contains(index::SEPARATOR) {
        return Cow::Owned(text.replace(index::SEPARATOR, " "));
    }
    Cow::Borrowed(text)
}
