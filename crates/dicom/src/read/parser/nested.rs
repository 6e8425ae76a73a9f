//! What lies within an element: the items of sequences (PS3.5 §7.5) and the fragments of pixel data (§A.4).

use super::header::Header;
use super::{Level, Open, Parser, State, UNDEFINED};
use crate::dataset::{Bulk, Element, Value};
use crate::pixels::{EncapsulatedSource, PixelSource};
use crate::read::ReadError;
use crate::tag::{Tag, tags};
use crate::vr::Vr;

impl Parser {
    pub(super) fn undefined(&mut self, tag: Tag, vr: Vr, implicit: bool, at: u64) -> Result<(), ReadError> {
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

    pub(super) fn open_sequence(
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

    pub(super) fn enter(
        &mut self,
        level: Level,
        end: Option<u64>,
        tag: Tag,
        at: u64,
    ) -> Result<(), ReadError> {
        if self.open.len() > self.limits.depth * 2 {
            let limit = self.limits.depth as u64;
            return Err(ReadError::Limit { offset: at, tag, limit, what: "nested sequences" });
        }
        let outer = self.open.last().map_or(u64::MAX, |open| open.end);
        self.open.push(Open { level, end: end.unwrap_or(outer) });
        self.state = State::Header;
        Ok(())
    }

    pub(super) fn sequence_part(&mut self, header: &Header, at: u64) -> Result<(), ReadError> {
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

    pub(super) fn fragment_part(&mut self, header: &Header, at: u64) -> Result<(), ReadError> {
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

    pub(super) fn close_fragments(&mut self, end: u64) {
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
    pub(super) fn delimiter(&mut self, tag: Tag, at: u64) -> Result<(), ReadError> {
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
}
