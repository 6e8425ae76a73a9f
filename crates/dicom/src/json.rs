//! DICOM JSON (PS3.18 Annex F), written from data sets and read back.
//!
//! Text leaves as UTF-8 whatever it came in; Specific Character Set keeps telling what that was (§F.2.2 note 3). Numbers
//! written as text (DS, IS) keep their digits: `1.50` stays `1.50`.

mod number;
mod read;

pub(crate) use read::person_name;
pub use read::{JsonDataSet, JsonError, read_json};

use crate::charset::SpecificCharacterSet;
use crate::dataset::{DataSet, Element, Value};
use crate::tag::{Tag, TagPath, tags};
use crate::vr::Vr;
use lenticular_base::tree;
use number::{decimal_into, float_into};
use std::fmt::{Display, Write};

/// Appends a data set as a DICOM JSON object.
///
/// `bulk` is asked for the URI of each value that is not in memory; without one the element has no value. Group lengths
/// and group 0002 are left out.
pub fn write_json(dataset: &DataSet, bulk: &mut dyn FnMut(&TagPath) -> Option<String>, out: &mut String) {
    let mut writer = Writer { bulk, path: TagPath::default(), out };
    writer.dataset(dataset, SpecificCharacterSet::default());
}

/// A data set as DICOM JSON, bulk values without any.
pub fn to_json(dataset: &DataSet) -> String {
    let mut out = String::new();
    write_json(dataset, &mut |_| None, &mut out);
    out
}

/// Available Transfer Syntax UID (0008,3002), which retrieved metadata carries (PS3.18 §8.7.3.5.2), in its place.
pub fn with_available_transfer_syntax(dataset: &mut DataSet, transfer_syntax: &str) {
    dataset.set(Element::new(tags::AVAILABLE_TRANSFER_SYNTAX_UID, Vr::Ui, transfer_syntax.as_bytes()));
}

struct Writer<'w> {
    bulk: &'w mut dyn FnMut(&TagPath) -> Option<String>,
    path: TagPath,
    out: &'w mut String,
}

impl Writer<'_> {
    fn dataset(&mut self, dataset: &DataSet, outer: SpecificCharacterSet) {
        let charset = dataset.charset().unwrap_or(outer);
        self.out.push('{');
        let mut first = true;
        for element in dataset.elements() {
            if element.tag.is_group_length() || matches!(element.tag.group(), 0 | 2) {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.out.push(',');
            }
            let _ = write!(self.out, "\"{:08X}\":{{\"vr\":\"{}\"", element.tag.0, element.vr);
            self.value(element, &charset);
            self.out.push('}');
        }
        self.out.push('}');
    }

    fn value(&mut self, element: &Element, charset: &SpecificCharacterSet) {
        if element.is_empty() {
            return;
        }
        match &element.value {
            Value::Bulk(_) => {
                self.path.tag = element.tag;
                if let Some(uri) = (self.bulk)(&self.path) {
                    self.member("BulkDataURI", &uri);
                }
            }
            Value::Items(items) => self.items(element.tag, items, *charset),
            Value::Bytes(bytes) if element.vr.is_binary() => {
                self.out.push_str(",\"InlineBinary\":\"");
                base64_into(self.out, bytes);
                self.out.push('"');
            }
            Value::Bytes(bytes) => self.plain(element.vr, bytes, charset),
        }
    }

    fn member(&mut self, name: &str, text: &str) {
        let _ = write!(self.out, ",\"{name}\":");
        self.string(text);
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        tree::escape_into(self.out, text);
        self.out.push('"');
    }

    fn items(&mut self, tag: Tag, items: &[DataSet], charset: SpecificCharacterSet) {
        self.out.push_str(",\"Value\":[");
        for (item, number) in items.iter().zip(0u32..) {
            if number > 0 {
                self.out.push(',');
            }
            self.path.items.push((tag, number));
            self.dataset(item, charset);
            self.path.items.pop();
        }
        self.out.push(']');
    }

    fn plain(&mut self, vr: Vr, bytes: &[u8], charset: &SpecificCharacterSet) {
        match vr {
            Vr::At => self.numbers(bytes, |out, b: [u8; 4]| {
                let (group, element) = (u16::from_le_bytes([b[0], b[1]]), u16::from_le_bytes([b[2], b[3]]));
                let _ = write!(out, "\"{group:04X}{element:04X}\"");
            }),
            Vr::Us => self.numbers(bytes, |out, b| print(out, u16::from_le_bytes(b))),
            Vr::Ss => self.numbers(bytes, |out, b| print(out, i16::from_le_bytes(b))),
            Vr::Ul => self.numbers(bytes, |out, b| print(out, u32::from_le_bytes(b))),
            Vr::Sl => self.numbers(bytes, |out, b| print(out, i32::from_le_bytes(b))),
            Vr::Uv => self.numbers(bytes, |out, b| print(out, u64::from_le_bytes(b))),
            Vr::Sv => self.numbers(bytes, |out, b| print(out, i64::from_le_bytes(b))),
            Vr::Fl => self.numbers(bytes, |out, b| float_into(out, f64::from(f32::from_le_bytes(b)))),
            Vr::Fd => self.numbers(bytes, |out, b| float_into(out, f64::from_le_bytes(b))),
            _ => self.texts(vr, bytes, charset),
        }
    }

    fn numbers<const N: usize>(&mut self, bytes: &[u8], print: impl Fn(&mut String, [u8; N])) {
        let mut opened = false;
        for chunk in bytes.chunks_exact(N) {
            let Ok(chunk) = chunk.try_into() else { continue };
            self.out.push_str(if opened { "," } else { ",\"Value\":[" });
            opened = true;
            print(self.out, chunk);
        }
        if opened {
            self.out.push(']');
        }
    }

    fn texts(&mut self, vr: Vr, bytes: &[u8], charset: &SpecificCharacterSet) {
        let values = crate::charset::decode_text(bytes, charset, vr);
        for (at, value) in values.iter().enumerate() {
            self.out.push_str(if at > 0 { "," } else { ",\"Value\":[" });
            match vr {
                _ if value.is_empty() => self.out.push_str("null"),
                Vr::Pn => self.name(value),
                Vr::Ds | Vr::Is if decimal_into(self.out, value) => {}
                _ => self.string(value),
            }
        }
        if !values.is_empty() {
            self.out.push(']');
        }
    }

    /// PS3.18 §F.2.2: the component groups of a name.
    fn name(&mut self, value: &str) {
        let mut separator = '{';
        for (group, name) in value.splitn(3, '=').zip(["Alphabetic", "Ideographic", "Phonetic"]) {
            if group.is_empty() {
                continue;
            }
            self.out.push(separator);
            separator = ',';
            let _ = write!(self.out, "\"{name}\":");
            self.string(group);
        }
        self.out.push_str(if separator == '{' { "null" } else { "}" });
    }
}

fn print(out: &mut String, value: impl Display) {
    let _ = write!(out, "{value}");
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base 64 with padding (RFC 4648 §4).
fn base64_into(out: &mut String, bytes: &[u8]) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * at)) as usize & 63];
            out.push(if at > chunk.len() { '=' } else { char::from(digit) });
        }
    }
}
