//! JSON as an ordered tree over the text that arrived (RFC 8259).
//!
//! Numbers and strings keep their lexemes: what is printed again is byte for byte what was read, without the white
//! space between tokens. Depth and the number of values are bounded, duplicate member names are refused.

mod parse;

pub use parse::{Limits, ParseError, parse, parse_with};

use std::borrow::Cow;
use std::fmt::Write;

/// One JSON value. Borrowed where it was read, owned where it was made.
#[derive(Clone, PartialEq, Debug)]
pub enum Tree<'a> {
    Null,
    Bool(bool),
    /// The number's lexeme, such as `1.00`.
    Number(Cow<'a, str>),
    String(Text<'a>),
    Array(Vec<Tree<'a>>),
    Object(Object<'a>),
}

/// The members of an object in the order they arrived.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Object<'a> {
    pub members: Vec<(Text<'a>, Tree<'a>)>,
}

/// A JSON string: its lexeme between the quotes, escapes as they arrived.
#[derive(Clone, PartialEq, Debug)]
pub struct Text<'a> {
    raw: Cow<'a, str>,
}

impl<'a> Text<'a> {
    /// A string from plain text; escapes what JSON must escape.
    pub fn new(plain: impl Into<Cow<'a, str>>) -> Text<'a> {
        let plain = plain.into();
        if plain.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\') {
            return Text { raw: plain };
        }
        let mut raw = String::with_capacity(plain.len() + 8);
        escape_into(&mut raw, &plain);
        Text { raw: Cow::Owned(raw) }
    }

    /// The lexeme between the quotes.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The text, escapes resolved; a lone surrogate reads as U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        if !self.raw.contains('\\') {
            return Cow::Borrowed(&self.raw);
        }
        Cow::Owned(parse::unescape(&self.raw))
    }

    /// Whether the text is `plain`.
    pub fn is(&self, plain: &str) -> bool {
        if self.raw.contains('\\') { self.text() == plain } else { self.raw == plain }
    }
}

/// Appends `plain` with the escapes that RFC 8259 §7 asks for, without quotes.
pub fn escape_into(out: &mut String, plain: &str) {
    for c in plain.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

impl<'a> Object<'a> {
    /// The value of the member called `name`.
    pub fn get(&self, name: &str) -> Option<&Tree<'a>> {
        self.members.iter().find(|(key, _)| key.is(name)).map(|(_, value)| value)
    }

    /// The value of the member called `name`, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Tree<'a>> {
        self.members.iter_mut().find(|(key, _)| key.is(name)).map(|(_, value)| value)
    }

    /// Sets a member: in its place where it exists, else at the end.
    pub fn set(&mut self, name: &'a str, value: Tree<'a>) {
        match self.get_mut(name) {
            Some(place) => *place = value,
            None => self.members.push((Text::new(name), value)),
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Tree<'a>> {
        let at = self.members.iter().position(|(key, _)| key.is(name))?;
        Some(self.members.remove(at).1)
    }
}

impl<'a> Tree<'a> {
    /// A string value from plain text.
    pub fn string(plain: impl Into<Cow<'a, str>>) -> Tree<'a> {
        Tree::String(Text::new(plain))
    }

    /// A number value from an integer.
    pub fn integer(value: i64) -> Tree<'a> {
        Tree::Number(Cow::Owned(value.to_string()))
    }

    /// An object from members in order.
    pub fn object<const N: usize>(members: [(&'a str, Tree<'a>); N]) -> Tree<'a> {
        Tree::Object(Object { members: members.map(|(k, v)| (Text::new(k), v)).into() })
    }

    /// The member `name` where this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Tree<'a>> {
        self.as_object()?.get(name)
    }

    /// This as an object.
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Tree::Object(object) => Some(object),
            _ => None,
        }
    }

    /// This as an object, to change it.
    pub fn as_object_mut(&mut self) -> Option<&mut Object<'a>> {
        match self {
            Tree::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The elements where this is an array, else nothing.
    pub fn items(&self) -> &[Tree<'a>] {
        match self {
            Tree::Array(items) => items,
            _ => &[],
        }
    }

    /// The text where this is a string.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Tree::String(text) => Some(text.text()),
            _ => None,
        }
    }

    /// The text of the member `name` where it is a string.
    pub fn text_at(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name)?.text()
    }

    /// Appends this value as compact JSON, lexemes as they were.
    pub fn write(&self, out: &mut String) {
        match self {
            Tree::Null => out.push_str("null"),
            Tree::Bool(true) => out.push_str("true"),
            Tree::Bool(false) => out.push_str("false"),
            Tree::Number(lexeme) => out.push_str(lexeme),
            Tree::String(text) => write_text(out, text),
            Tree::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Tree::Object(object) => {
                out.push('{');
                for (at, (key, value)) in object.members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    write_text(out, key);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// This value as compact JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// Appends this value as indented JSON, two blanks a level.
    pub fn write_pretty(&self, out: &mut String, level: usize) {
        let line = |out: &mut String, level: usize| {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", level));
        };
        match self {
            Tree::Array(items) if !items.is_empty() => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    line(out, level + 1);
                    item.write_pretty(out, level + 1);
                }
                line(out, level);
                out.push(']');
            }
            Tree::Object(object) if !object.members.is_empty() => {
                out.push('{');
                for (at, (key, value)) in object.members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    line(out, level + 1);
                    write_text(out, key);
                    out.push_str(": ");
                    value.write_pretty(out, level + 1);
                }
                line(out, level);
                out.push('}');
            }
            plain => plain.write(out),
        }
    }

    /// The same value owning all its text.
    pub fn into_owned(self) -> Tree<'static> {
        let own = |text: Text<'a>| Text { raw: Cow::Owned(text.raw.into_owned()) };
        match self {
            Tree::Null => Tree::Null,
            Tree::Bool(value) => Tree::Bool(value),
            Tree::Number(lexeme) => Tree::Number(Cow::Owned(lexeme.into_owned())),
            Tree::String(text) => Tree::String(own(text)),
            Tree::Array(items) => Tree::Array(items.into_iter().map(Tree::into_owned).collect()),
            Tree::Object(object) => Tree::Object(Object {
                members: object.members.into_iter().map(|(k, v)| (own(k), v.into_owned())).collect(),
            }),
        }
    }
}

fn write_text(out: &mut String, text: &Text<'_>) {
    out.push('"');
    out.push_str(text.raw());
    out.push('"');
}
