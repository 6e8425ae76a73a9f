//! The state machine that turns bytes into elements (PS3.5 §7.1, §7.5, §A.4).

mod header;
mod nested;

use super::{Encoding, Limits, ReadError};
use crate::dataset::{Bulk, DataSet, Element, Value};
use crate::dictionary;
use crate::pixels::{EncapsulatedSource, PixelKind, PixelSource};
use crate::tag::{Tag, tags};
use crate::vr::Vr;
use header::Header;

const UNDEFINED: u32 = u32::MAX;

/// What is open while the stream goes on, the data set itself at the bottom.
enum Level {
    Item {
        elements: Vec<Element>,
        explicit: bool,
        undefined: bool,
        /// No element has been read yet, and whether representations are written is not sure.
        fresh: bool,
    },
    Sequence {
        tag: Tag,
        items: Vec<DataSet>,
        explicit: bool,
        undefined: bool,
        /// The length that was written, where the element was written as UN and the dictionary says SQ.
        was_unknown: Option<u32>,
    },
    Fragments {
        tag: Tag,
        vr: Vr,
        start: u64,
        source: EncapsulatedSource,
        /// The first item, which holds the offset table, has gone by.
        table_seen: bool,
    },
}

/// A level and the offset that nothing in it may go beyond.
struct Open {
    level: Level,
    end: u64,
}

enum State {
    Header,
    /// Collecting a value that is kept.
    Value {
        tag: Tag,
        vr: Vr,
        left: u64,
        bytes: Vec<u8>,
    },
    /// Passing over a value that is not.
    Skip {
        tag: Tag,
        left: u64,
    },
    /// Within a fragment: the first holds the offset table.
    Fragment {
        left: u64,
        table: bool,
    },
    /// Zeros after the data set, which some writers leave.
    Trailing,
    /// The next element belongs to another group than the one asked for.
    Stopped,
}

/// One data set in the making.
pub struct Parser {
    encoding: Encoding,
    limits: Limits,
    /// Of the next byte.
    offset: u64,
    carry: [u8; 12],
    carried: usize,
    state: State,
    open: Vec<Open>,
    kept: u64,
    elements: u32,
    pixels: Option<PixelSource>,
    group: Option<u16>,
}

impl Parser {
    pub fn new(encoding: Encoding, limits: Limits, offset: u64) -> Parser {
        let root =
            Level::Item { elements: Vec::new(), explicit: encoding.explicit, undefined: false, fresh: false };
        Parser {
            encoding,
            limits,
            offset,
            carry: [0; 12],
            carried: 0,
            state: State::Header,
            open: vec![Open { level: root, end: u64::MAX }],
            kept: 0,
            elements: 0,
            pixels: None,
            group: None,
        }
    }

    /// Stops before the first element of another group.
    pub fn within_group(mut self, group: u16) -> Parser {
        self.group = Some(group);
        self
    }

    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Takes bytes; where the group has ended, tells how many at the end of `input` were not touched.
    pub fn push(&mut self, mut input: &[u8]) -> Result<Option<usize>, ReadError> {
        loop {
            match &mut self.state {
                State::Header => {
                    self.close_ended()?;
                    if !self.header(&mut input)? {
                        return Ok(None);
                    }
                }
                State::Value { left, bytes, .. } => {
                    let taken = take(&mut input, left);
                    bytes.extend_from_slice(taken);
                    self.offset += taken.len() as u64;
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.keep_value();
                }
                State::Skip { left, .. } => {
                    self.offset += take(&mut input, left).len() as u64;
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.state = State::Header;
                }
                State::Fragment { left, table } => {
                    let taken = take(&mut input, left);
                    self.offset += taken.len() as u64;
                    let (done, table) = (*left == 0, *table);
                    if let Some(Open { level: Level::Fragments { source, .. }, .. }) = self.open.last_mut() {
                        if table {
                            source.table.extend_from_slice(taken)
                        } else {
                            source.pass(taken)
                        }
                        if done && table {
                            source.base = self.offset;
                        }
                    }
                    if !done {
                        return Ok(None);
                    }
                    self.state = State::Header;
                }
                State::Trailing => {
                    self.offset += input.len() as u64;
                    return Ok(None);
                }
                State::Stopped => return Ok(Some(input.len())),
            }
        }
    }

    fn act(&mut self, header: &Header, size: usize) -> Result<bool, ReadError> {
        let at = self.offset;
        self.offset += size as u64;
        if self.open.last().is_some_and(|open| self.offset > open.end) {
            return Err(ReadError::Overrun { offset: at, tag: header.tag, length: size as u64 });
        }
        match self.open.last_mut().map(|open| &mut open.level) {
            Some(Level::Item { .. }) => self.element(header, at)?,
            Some(Level::Sequence { .. }) => self.sequence_part(header, at)?,
            Some(Level::Fragments { .. }) => self.fragment_part(header, at)?,
            None => return Err(ReadError::NotDicom),
        }
        Ok(true)
    }

    fn element(&mut self, header: &Header, at: u64) -> Result<(), ReadError> {
        let &Header { tag, vr, length, implicit } = header;
        let root = self.open.len() == 1;
        match tag {
            tags::ITEM_DELIMITATION | tags::SEQUENCE_DELIMITATION => return self.delimiter(tag, at),
            // PS3.5 §7.5: the group has no other tags than those of items and delimiters.
            tag if tag.group() == tags::ITEM.group() => {
                return Err(ReadError::Unexpected { offset: at, tag, expected: "an element" });
            }
            Tag(0) if root && length == 0 && self.elements > 0 => {
                self.state = State::Trailing;
                return Ok(());
            }
            _ => {}
        }
        self.count(tag, at)?;
        if let Some(Open { level: Level::Item { explicit, fresh, .. }, .. }) = self.open.last_mut() {
            *explicit |= std::mem::take(fresh) && !implicit;
        }
        let vr = self.known_vr(tag, vr);
        if length == UNDEFINED {
            return self.undefined(tag, vr, implicit, at);
        }
        let (length, end) = (u64::from(length), self.offset + u64::from(length));
        if end > self.open.last().map_or(u64::MAX, |open| open.end) {
            return Err(ReadError::Overrun { offset: at, tag, length });
        }
        let too_short = header.vr == Vr::Un && (1..8).contains(&length);
        if vr == Vr::Sq && !too_short {
            let was_unknown = (header.vr == Vr::Un).then_some(header.length);
            return self.open_sequence(tag, !implicit && header.vr != Vr::Un, Some(end), was_unknown, at);
        }
        let kind = pixel_kind(tag);
        let table = matches!(tag, tags::EXTENDED_OFFSET_TABLE | tags::EXTENDED_OFFSET_TABLE_LENGTHS);
        if kind.is_some() || (length > u64::from(self.limits.inline) && !table) {
            let bulk = Bulk { offset: self.offset, length, encapsulated: false };
            if let (Some(kind), true) = (kind, root) {
                let big_endian = self.encoding.big_endian;
                self.pixels = Some(PixelSource::Native { kind, offset: self.offset, length, vr, big_endian });
            }
            self.add(Element { tag, vr, value: Value::Bulk(bulk) });
            self.state = State::Skip { tag, left: length };
            return Ok(());
        }
        self.spend(length, tag, at)?;
        self.state = State::Value { tag, vr, left: length, bytes: Vec::new() };
        Ok(())
    }

    /// PS3.5 §6.2.2: an attribute that somebody who did not know it wrote as UN is read as what it is.
    fn known_vr(&self, tag: Tag, vr: Vr) -> Vr {
        if vr != Vr::Un || tag.is_private() || self.encoding.big_endian {
            return vr;
        }
        dictionary::attribute(tag).map_or(vr, |attribute| attribute.vr)
    }

    /// Closes what has reached the end that it announced.
    fn close_ended(&mut self) -> Result<(), ReadError> {
        while self.carried == 0 && self.open.len() > 1 {
            let Some(open) = self.open.last() else { break };
            if open.end > self.offset {
                break;
            }
            if let Level::Fragments { tag, .. } = open.level {
                return Err(ReadError::Truncated { offset: self.offset, tag });
            }
            self.close();
        }
        Ok(())
    }

    /// Closes the innermost item or sequence, and gives it to the one that holds it.
    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        match open.level {
            Level::Item { elements, .. } => {
                if let Some(Open { level: Level::Sequence { items, .. }, .. }) = self.open.last_mut() {
                    items.push(DataSet::new(elements));
                }
            }
            Level::Sequence { tag, items, .. } => {
                self.add(Element { tag, vr: Vr::Sq, value: Value::Items(items) });
            }
            Level::Fragments { .. } => {}
        }
        self.state = State::Header;
    }

    fn add(&mut self, element: Element) {
        if let Some(Open { level: Level::Item { elements, .. }, .. }) = self.open.last_mut() {
            elements.push(element);
        }
    }

    fn keep_value(&mut self) {
        let State::Value { tag, vr, mut bytes, .. } = std::mem::replace(&mut self.state, State::Header)
        else {
            return;
        };
        if self.encoding.big_endian && vr.unit() > 1 {
            bytes.chunks_exact_mut(vr.unit()).for_each(<[u8]>::reverse);
        }
        self.add(Element { tag, vr, value: Value::Bytes(bytes.into()) });
    }

    fn count(&mut self, tag: Tag, at: u64) -> Result<(), ReadError> {
        self.elements += 1;
        if self.elements > self.limits.elements {
            let limit = u64::from(self.limits.elements);
            return Err(ReadError::Limit { offset: at, tag, limit, what: "elements" });
        }
        Ok(())
    }

    fn spend(&mut self, length: u64, tag: Tag, at: u64) -> Result<(), ReadError> {
        self.kept = self.kept.saturating_add(length);
        if self.kept > self.limits.header {
            let limit = self.limits.header;
            return Err(ReadError::Limit { offset: at, tag, limit, what: "bytes of header" });
        }
        Ok(())
    }

    /// The offset and first bytes of what follows the group, and the group's elements.
    pub fn stop(mut self) -> (u64, Vec<u8>, DataSet) {
        let begun = self.carry.get(..self.carried).unwrap_or_default().to_vec();
        let elements = match self.open.pop().map(|open| open.level) {
            Some(Level::Item { elements, .. }) => elements,
            _ => Vec::new(),
        };
        (self.offset, begun, DataSet::new(elements))
    }

    /// Whether the stream may end here.
    pub fn check_end(&self) -> Result<(), ReadError> {
        let padding = self.carry.get(..self.carried).unwrap_or_default().iter().all(|byte| *byte == 0);
        let tag = match (&self.state, self.open.last().map(|open| &open.level)) {
            (State::Value { tag, .. } | State::Skip { tag, .. }, _) => *tag,
            (_, Some(Level::Sequence { tag, .. } | Level::Fragments { tag, .. })) => *tag,
            (_, Some(Level::Item { .. })) if self.open.len() > 1 => tags::ITEM,
            (State::Header, _) if !padding => self.begun_tag(),
            _ => return Ok(()),
        };
        Err(ReadError::Truncated { offset: self.offset + self.carried as u64, tag })
    }

    /// The tag of the element that has begun; what has not come of it is zero.
    fn begun_tag(&self) -> Tag {
        let mut field = [0; 4];
        field.iter_mut().zip(&self.carry[..self.carried]).for_each(|(to, from)| *to = *from);
        if self.encoding.big_endian {
            return Tag(u32::from_be_bytes(field));
        }
        let [a, b, c, d] = field;
        Tag::new(u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]))
    }

    pub fn finish(mut self) -> Result<(DataSet, Option<PixelSource>), ReadError> {
        self.push(&[])?;
        self.check_end()?;
        let pixels = self.pixels.take();
        let (_, _, dataset) = self.stop();
        Ok((dataset, pixels))
    }
}

fn take<'a>(input: &mut &'a [u8], left: &mut u64) -> &'a [u8] {
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
    let (taken, rest) = input.split_at(count);
    *left -= count as u64;
    *input = rest;
    taken
}

fn pixel_kind(tag: Tag) -> Option<PixelKind> {
    match tag {
        tags::PIXEL_DATA => Some(PixelKind::Integer),
        tags::FLOAT_PIXEL_DATA => Some(PixelKind::Float),
        tags::DOUBLE_FLOAT_PIXEL_DATA => Some(PixelKind::Double),
        _ => None,
    }
}
