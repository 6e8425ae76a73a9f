//! DICOM JSON back into data sets.

use crate::dataset::{DataSet, Element};
use crate::dictionary;
use crate::tag::{Tag, TagPath, tags};
use crate::vr::Vr;
use lenticular_base::tree::Tree;
use std::borrow::Cow;
use thiserror::Error;

const DEPTH: usize = 32;

/// Why JSON is no data set.
#[derive(Error, Clone, PartialEq, Eq, Debug)]
pub enum JsonError {
    #[error("a data set is a JSON object")]
    NotAnObject,
    #[error("\"{0}\" is neither a tag of eight hexadecimal digits nor a keyword")]
    Name(String),
    #[error("{path}: \"{vr}\" is no value representation")]
    Vr { path: TagPath, vr: String },
    #[error("{path}: expected {expected}")]
    Value { path: TagPath, expected: &'static str },
    #[error("{0}: sequences are nested too deeply")]
    Depth(TagPath),
}

/// A data set that came as JSON. Its text is UTF-8, and Specific Character Set says so, whatever it said in the JSON:
/// there it tells of the object that the JSON was made of (PS3.18 §F.2.2 note 3).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JsonDataSet {
    pub dataset: DataSet,
    /// The values that lie elsewhere, in the order they came; the elements are not in `dataset`.
    pub bulk: Vec<(TagPath, String)>,
}

/// Reads a DICOM JSON object.
pub fn read_json(json: &Tree<'_>) -> Result<JsonDataSet, JsonError> {
    let mut reader = Reader { path: TagPath::default(), bulk: Vec::new() };
    let mut dataset = reader.dataset(json)?;
    if dataset.elements().iter().any(|element| element.vr.is_localised() || element.vr == Vr::Sq) {
        dataset.set(utf_8());
    }
    Ok(JsonDataSet { dataset, bulk: reader.bulk })
}

fn utf_8() -> Element {
    Element::new(tags::SPECIFIC_CHARACTER_SET, Vr::Cs, "ISO_IR 192")
}

struct Reader {
    path: TagPath,
    bulk: Vec<(TagPath, String)>,
}

impl Reader {
    fn wrong(&self, expected: &'static str) -> JsonError {
        JsonError::Value { path: self.path.clone(), expected }
    }

    fn dataset(&mut self, json: &Tree<'_>) -> Result<DataSet, JsonError> {
        let object = json.as_object().ok_or(JsonError::NotAnObject)?;
        let mut elements = Vec::with_capacity(object.members.len());
        for (key, value) in &object.members {
            let name = key.text();
            let tag = Tag::parse(&name).or_else(|| dictionary::tag_of(&name));
            // Tags of items and delimiters are no attributes (PS3.5 §7.5).
            let tag = tag.filter(|tag| tag.group() != tags::ITEM.group());
            self.path.tag = tag.ok_or_else(|| JsonError::Name(name.into_owned()))?;
            elements.extend(self.element(value)?);
        }
        Ok(DataSet::new(elements))
    }

    fn element(&mut self, json: &Tree<'_>) -> Result<Option<Element>, JsonError> {
        let tag = self.path.tag;
        let vr = match json.text_at("vr") {
            Some(code) => Vr::parse(&code)
                .ok_or_else(|| JsonError::Vr { path: self.path.clone(), vr: code.into_owned() })?,
            None => dictionary::implicit_vr(tag),
        };
        if tag == tags::SPECIFIC_CHARACTER_SET {
            return Ok(Some(utf_8()));
        }
        if let Some(uri) = json.text_at("BulkDataURI") {
            self.bulk.push((self.path.clone(), uri.into_owned()));
            return Ok(None);
        }
        if let Some(text) = json.text_at("InlineBinary") {
            let bytes = base64_decode(&text).ok_or_else(|| self.wrong("base 64"))?;
            return Ok(Some(Element::new(tag, vr, bytes)));
        }
        let values = match json.get("Value") {
            None | Some(Tree::Null) => &[],
            Some(Tree::Array(values)) => values.as_slice(),
            Some(_) => return Err(self.wrong("an array")),
        };
        if vr != Vr::Sq {
            return Ok(Some(Element::new(tag, vr, self.values(vr, values)?)));
        }
        if self.path.items.len() >= DEPTH {
            return Err(JsonError::Depth(self.path.clone()));
        }
        let mut items = Vec::with_capacity(values.len());
        for (item, number) in values.iter().zip(0u32..) {
            self.path.items.push((tag, number));
            items.push(self.dataset(item)?);
            self.path.items.pop();
            self.path.tag = tag;
        }
        Ok(Some(Element::sequence(tag, items)))
    }

    fn values(&self, vr: Vr, values: &[Tree<'_>]) -> Result<Vec<u8>, JsonError> {
        let mut bytes = Vec::new();
        for (at, value) in values.iter().enumerate() {
            if at > 0 && vr.is_text() {
                bytes.push(b'\\');
            }
            if *value != Tree::Null {
                self.value(vr, value, &mut bytes)?;
            }
        }
        Ok(bytes)
    }

    fn value(&self, vr: Vr, value: &Tree<'_>, bytes: &mut Vec<u8>) -> Result<(), JsonError> {
        let text = match value {
            Tree::String(text) => text.text(),
            Tree::Number(lexeme) => Cow::Borrowed(lexeme.as_ref()),
            Tree::Object(_) if vr == Vr::Pn => Cow::Owned(person_name(value)),
            _ => return Err(self.wrong("a text or a number")),
        };
        macro_rules! number {
            ($type:ty) => {
                bytes.extend_from_slice(
                    &text.parse::<$type>().map_err(|_| self.wrong("a number in range"))?.to_le_bytes(),
                )
            };
        }
        match vr {
            Vr::Us => number!(u16),
            Vr::Ss => number!(i16),
            Vr::Ul => number!(u32),
            Vr::Sl => number!(i32),
            Vr::Uv => number!(u64),
            Vr::Sv => number!(i64),
            Vr::Fl => number!(f32),
            Vr::Fd => number!(f64),
            Vr::At => {
                let tag = Tag::parse(&text).ok_or_else(|| self.wrong("eight hexadecimal digits"))?;
                bytes.extend_from_slice(&tag.group().to_le_bytes());
                bytes.extend_from_slice(&tag.element().to_le_bytes());
            }
            _ if vr.is_text() => bytes.extend_from_slice(text.as_bytes()),
            _ => return Err(self.wrong("InlineBinary or BulkDataURI")),
        }
        Ok(())
    }
}

/// A name as its component groups joined by `=`.
pub(crate) fn person_name(value: &Tree<'_>) -> String {
    let group = |name| value.text_at(name).unwrap_or_default();
    let joined = format!("{}={}={}", group("Alphabetic"), group("Ideographic"), group("Phonetic"));
    joined.trim_end_matches('=').to_owned()
}

fn base64_decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for chunk in digits.chunks(4) {
        let mut bits = 0u32;
        for at in 0..4 {
            let digit = chunk.get(at).copied().unwrap_or(b'A');
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        if chunk.len() < 2 {
            return None;
        }
        bytes.extend_from_slice(bits.to_be_bytes().get(1..chunk.len())?);
    }
    Some(bytes)
}
