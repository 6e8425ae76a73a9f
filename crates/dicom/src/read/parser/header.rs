//! The few bytes before a value (PS3.5 §7.1.1 to §7.1.3).

use super::{Level, Parser, State};
use crate::dictionary;
use crate::read::ReadError;
use crate::tag::Tag;
use crate::vr::Vr;

/// Tag, representation and length of an element, an item or a delimiter.
pub(super) struct Header {
    pub(super) tag: Tag,
    pub(super) vr: Vr,
    pub(super) length: u32,
    /// The value representation was not written, or was not one.
    pub(super) implicit: bool,
}

impl Header {
    /// The 8 bytes that an implicit, little endian header was.
    pub(super) fn to_bytes(&self) -> [u8; 8] {
        let ([a, b], [c, d]) = (self.tag.group().to_le_bytes(), self.tag.element().to_le_bytes());
        let [e, f, g, h] = self.length.to_le_bytes();
        [a, b, c, d, e, f, g, h]
    }
}

impl Parser {
    /// Reads one tag, length and what lies between; `false` where bytes are lacking.
    pub(super) fn header(&mut self, input: &mut &[u8]) -> Result<bool, ReadError> {
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

    pub(super) fn stops_at(&self, header: &Header) -> bool {
        self.group.is_some_and(|group| header.tag.group() != group) && self.open.len() == 1
    }

    /// What 12 bytes say, the last 4 of which matter only where the size that comes back is 12.
    pub(super) fn interpret(&self, bytes: &[u8]) -> (Header, usize) {
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
}
