//! The state machine that turns bytes into elements (PS3.5 §7.1, §7.5, §A.4).

use super::{Encoding, Limits, ReadError};
use crate::dataset::{Bulk, DataSet, Element, Value};
use crate::dictionary;
use crate::pixels::{EncapsulatedSource, PixelKind, PixelSource};
use crate::tag::{Tag, tags};
use crate::vr::Vr;

const UNDEFINED: u32 = u32::MAX;

/// What is open while the stream goes on, the data set itself at the bottom.
enum Level {
    Item { elements: Vec<Element>, explicit: bool, undefined: bool, fresh: bool },
    Sequence { tag: Tag, items: Vec<DataSet>, explicit: bool, undefined: bool, was_unknown: Option<u32> },
    Fragments { tag: Tag, vr: Vr, start: u64, source: EncapsulatedSource, table_seen: bool },
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

struct Header {
    tag: Tag,
    vr: Vr,
    length: u32,
    /// The value representation was not written, or was not one.
    implicit: bool,
}

impl Header {
    /// The 8 bytes that an implicit, little endian header was.
    fn to_bytes(&self) -> [u8; 8] {
        let ([a, b], [c, d]) = (self.tag.group().to_le_bytes(), self.tag.element().to_le_bytes());
        let [e, f, g, h] = self.length.to_le_bytes();
        [a, b, c, d, e, f, g, h]
    }
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

    /// Reads one tag, length and what lies between; `false` where bytes are lacking.
    fn header(&mut self, input: &mut &[u8]) -> Result<bool, ReadError> {
        if self.carried == 0 && input.len() >= 12 {
            let (header, size) = self.interpret(input);
            if self.stops_at(&header) {
                self.state = State::Stopped;
                return Ok(true);
            }
            *input = &input[size..];
            return self.act(&header, size);
        }
        for wanted in [8, 12] {
            while self.carried < wanted {
                let Some((first, rest)) = input.split_first() else { return Ok(false) };
                self.carry[self.carried] = *first;
                self.carried += 1;
                *input = rest;
            }
            let carry = self.carry;
            let (header, size) = self.interpret(&carry);
            if self.stops_at(&header) {
                self.state = State::Stopped;
                return Ok(true);
            }
            if size <= wanted {
                self.carried = 0;
                return self.act(&header, size);
            }
        }
        Ok(true)
    }

    fn stops_at(&self, header: &Header) -> bool {
        self.group.is_some_and(|group| header.tag.group() != group) && self.open.len() == 1
    }

    /// What 12 bytes say, the last 4 of which matter only where the size that comes back is 12.
    fn interpret(&self, bytes: &[u8]) -> (Header, usize) {
        let big = self.encoding.big_endian;
        let half = |at: usize| {
            let field = [bytes[at], bytes[at + 1]];
            if big { u16::from_be_bytes(field) } else { u16::from_le_bytes(field) }
        };
        let word = |at: usize| {
            let field = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
            if big { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) }
        };
        let tag = Tag::new(half(0), half(2));
        let (explicit, fresh) = match self.open.last().map(|open| &open.level) {
            Some(Level::Item { explicit, fresh, .. }) => (*explicit, *fresh),
            _ => (false, false),
        };
        let code = [bytes[4], bytes[5]];
        let named = Vr::from_bytes(code);
        let plain = |implicit| Header { tag, vr: dictionary::implicit_vr(tag), length: word(4), implicit };
        // An item in a sequence of representation UN is implicit by the standard, explicit by some writers.
        let explicit = explicit || (fresh && self.encoding.explicit && named.is_some());
        if !explicit || tag.group() == 0xfffe {
            return (plain(true), 8);
        }
        match named {
            Some(vr) if vr.is_long() => (Header { tag, vr, length: word(8), implicit: false }, 12),
            Some(vr) => (Header { tag, vr, length: u32::from(half(6)), implicit: false }, 8),
            // PS3.5 §7.1.2: representations that are yet to come have the long form.
            None if code.iter().all(u8::is_ascii_uppercase) => {
                let long = half(6) == 0;
                let (length, size) = if long { (word(8), 12) } else { (u32::from(half(6)), 8) };
                (Header { tag, vr: Vr::Un, length, implicit: false }, size)
            }
            None => (plain(true), 8),
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
            tags::ITEM => return Err(ReadError::Unexpected { offset: at, tag, expected: "an element" }),
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

    fn undefined(&mut self, tag: Tag, vr: Vr, implicit: bool, at: u64) -> Result<(), ReadError> {
        let unknown = vr == Vr::Un;
        if vr == Vr::Sq || unknown {
            // UN of undefined length holds items in Implicit VR Little Endian (PS3.5 §6.2.2 note 4).
            let explicit = !implicit && !unknown;
            return self.open_sequence(tag, explicit, None, None, at);
        }
        if !matches!(vr, Vr::Ob | Vr::Ow | Vr::Of | Vr::Od | Vr::Ol | Vr::Ov) {
            return Err(ReadError::UndefinedLength { offset: at, tag, vr });
        }
        // Where nothing else was written, fragments of pixel data are bytes (PS3.5 §A.4).
        let vr = if implicit && tag == tags::PIXEL_DATA { Vr::Ob } else { vr };
        let source = EncapsulatedSource::new(self.offset);
        let level = Level::Fragments { tag, vr, start: self.offset, source, table_seen: false };
        self.enter(level, None, tag, at)
    }

    fn open_sequence(
        &mut self,
        tag: Tag,
        explicit: bool,
        end: Option<u64>,
        was_unknown: Option<u32>,
        at: u64,
    ) -> Result<(), ReadError> {
        let level =
            Level::Sequence { tag, items: Vec::new(), explicit, undefined: end.is_none(), was_unknown };
        self.enter(level, end, tag, at)
    }

    fn enter(&mut self, level: Level, end: Option<u64>, tag: Tag, at: u64) -> Result<(), ReadError> {
        if self.open.len() > self.limits.depth * 2 {
            let limit = self.limits.depth as u64;
            return Err(ReadError::Limit { offset: at, tag, limit, what: "nested sequences" });
        }
        let outer = self.open.last().map_or(u64::MAX, |open| open.end);
        self.open.push(Open { level, end: end.unwrap_or(outer) });
        self.state = State::Header;
        Ok(())
    }

    fn sequence_part(&mut self, header: &Header, at: u64) -> Result<(), ReadError> {
        let &Header { tag, length, .. } = header;
        let Some(Open { level: Level::Sequence { tag: of, items, explicit, undefined, was_unknown }, end }) =
            self.open.last_mut()
        else {
            return Ok(());
        };
        let (explicit, end, of) = (*explicit, *end, *of);
        match tag {
            tags::SEQUENCE_DELIMITATION => {
                if *undefined {
                    self.close();
                }
                Ok(())
            }
            tags::ITEM_DELIMITATION => Ok(()),
            tags::ITEM => {
                // An item that claims more than its sequence has room for ends with the sequence.
                let item_end =
                    (length != UNDEFINED).then(|| end.min(self.offset.saturating_add(u64::from(length))));
                self.count(tag, at)?;
                let level = Level::Item {
                    elements: Vec::new(),
                    explicit,
                    undefined: item_end.is_none(),
                    fresh: !explicit,
                };
                self.enter(level, item_end, tag, at)
            }
            _ => {
                let Some(length) = was_unknown.filter(|_| items.is_empty()) else {
                    return Err(ReadError::Unexpected { offset: at, tag, expected: "an item" });
                };
                // The dictionary says sequence, the bytes say no: they stay what they were written as.
                self.open.pop();
                let left = u64::from(length).saturating_sub(8);
                if length > self.limits.inline {
                    let bulk = Bulk { offset: at, length: u64::from(length), encapsulated: false };
                    self.add(Element { tag: of, vr: Vr::Un, value: Value::Bulk(bulk) });
                    self.state = State::Skip { tag: of, left };
                    return Ok(());
                }
                self.spend(u64::from(length), of, at)?;
                self.state = State::Value { tag: of, vr: Vr::Un, left, bytes: header.to_bytes().to_vec() };
                Ok(())
            }
        }
    }

    fn fragment_part(&mut self, header: &Header, at: u64) -> Result<(), ReadError> {
        let &Header { tag, length, .. } = header;
        let Some(Open { level: Level::Fragments { source, table_seen, .. }, end }) = self.open.last_mut()
        else {
            return Ok(());
        };
        match tag {
            tags::SEQUENCE_DELIMITATION => {
                self.close_fragments(at);
                Ok(())
            }
            tags::ITEM if length != UNDEFINED && self.offset + u64::from(length) <= *end => {
                let table = !std::mem::replace(table_seen, true);
                if !table {
                    if source.fragments.len() >= self.limits.fragments as usize {
                        let limit = u64::from(self.limits.fragments);
                        return Err(ReadError::Limit { offset: at, tag, limit, what: "fragments" });
                    }
                    source.begin(self.offset, length);
                } else {
                    source.base = self.offset;
                    self.spend(u64::from(length), tag, at)?;
                }
                self.state = State::Fragment { left: u64::from(length), table };
                Ok(())
            }
            tags::ITEM => Err(ReadError::Overrun { offset: at, tag, length: u64::from(length) }),
            _ => Err(ReadError::Unexpected { offset: at, tag, expected: "a fragment" }),
        }
    }

    fn close_fragments(&mut self, end: u64) {
        let Some(Open { level: Level::Fragments { tag, vr, start, mut source, .. }, .. }) = self.open.pop()
        else {
            return;
        };
        source.length = end - start;
        let bulk = Bulk { offset: start, length: end - start, encapsulated: true };
        self.add(Element { tag, vr, value: Value::Bulk(bulk) });
        if self.open.len() == 1 && tag == tags::PIXEL_DATA {
            self.pixels = Some(PixelSource::Encapsulated(source));
        }
        self.state = State::Header;
    }

    /// A delimiter where an element may stand: ends an item of undefined length, else is passed over.
    fn delimiter(&mut self, tag: Tag, at: u64) -> Result<(), ReadError> {
        match self.open.last().map(|open| &open.level) {
            Some(Level::Item { undefined: true, .. }) => {
                self.close();
                // Some writers leave out the delimiter of the last item.
                if tag == tags::SEQUENCE_DELIMITATION {
                    let header = Header { tag, vr: Vr::Un, length: 0, implicit: true };
                    return self.sequence_part(&header, at);
                }
                Ok(())
            }
            _ => Ok(()),
        }
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
            (State::Header, _) if !padding => {
                let field = |at: usize| u16::from_le_bytes([self.carry[at], self.carry[at + 1]]);
                Tag::new(field(0), field(2))
            }
            _ => return Ok(()),
        };
        Err(ReadError::Truncated { offset: self.offset + self.carried as u64, tag })
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
