//! One value to its index entries, by search type and FHIR type (FHIR R4 §3.1.1.4).

use super::quantity;
use crate::searchparams::SearchType;
use lenticular_base::calendar::parse_span;
use lenticular_base::index::{Entry, Param, SEPARATOR, Value, cut};
use lenticular_base::text::fold;
use lenticular_base::tree::Tree;
use std::cmp::Ordering;

/// The end of time in an index, in milliseconds since the epoch; its negative is the beginning. A period without an
/// end ends here.
pub const FAR: i64 = 1 << 52;

/// How values at the end of a path become entries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Convert {
    /// A string-like primitive, for strings.
    Text,
    HumanName,
    Address,
    /// The text and displays of a concept, for strings.
    ConceptText,
    /// A primitive, for tokens: without a system.
    Code,
    Coding,
    CodeableConcept,
    Identifier,
    ContactPoint,
    /// A reference, to this type alone where one is given.
    Reference(Option<String>),
    Canonical,
    /// A resource in its place, of this type alone where one is given: a reference to its type and id.
    Resource(Option<String>),
    Date,
    Period,
    Timing,
    Number,
    Quantity,
    Money,
    Range,
    SampledData,
    Uri,
}

impl Convert {
    /// The conversion of a FHIR type for a search type; `None` where the standard has none.
    pub fn choose(search_type: SearchType, kind: &str, only: Option<&str>) -> Option<Convert> {
        Some(match (search_type, kind) {
            (SearchType::String, "string" | "markdown" | "code" | "id" | "uri" | "url") => Convert::Text,
            (SearchType::String, "HumanName") => Convert::HumanName,
            (SearchType::String, "Address") => Convert::Address,
            (SearchType::String, "CodeableConcept") => Convert::ConceptText,
            (
                SearchType::Token,
                "code" | "string" | "id" | "uri" | "url" | "canonical" | "boolean" | "oid",
            ) => Convert::Code,
            (SearchType::Token, "Coding") => Convert::Coding,
            (SearchType::Token, "CodeableConcept") => Convert::CodeableConcept,
            (SearchType::Token, "Identifier") => Convert::Identifier,
            (SearchType::Token, "ContactPoint") => Convert::ContactPoint,
            (SearchType::Reference, "Reference") => Convert::Reference(only.map(str::to_owned)),
            (SearchType::Reference, "canonical" | "uri" | "url") => Convert::Canonical,
            (SearchType::Reference, "Resource") => Convert::Resource(only.map(str::to_owned)),
            (SearchType::Date, "date" | "dateTime" | "instant") => Convert::Date,
            (SearchType::Date, "Period") => Convert::Period,
            (SearchType::Date, "Timing") => Convert::Timing,
            (SearchType::Number, "decimal" | "integer" | "positiveInt" | "unsignedInt") => Convert::Number,
            (SearchType::Number | SearchType::Quantity, "Quantity") => Convert::Quantity,
            (SearchType::Number | SearchType::Quantity, "Range") => Convert::Range,
            (SearchType::Quantity, "Money") => Convert::Money,
            (SearchType::Quantity, "SampledData") => Convert::SampledData,
            (SearchType::Uri, "uri" | "url" | "canonical" | "oid" | "uuid") => Convert::Uri,
            _ => return None,
        })
    }
}

/// The entries of one resource while they are gathered.
pub struct Entries {
    list: Vec<Entry>,
}

impl Entries {
    pub fn with_capacity(capacity: usize) -> Entries {
        Entries { list: Vec::with_capacity(capacity) }
    }

    pub fn push(&mut self, param: Param, value: Value) {
        self.list.push(Entry { param, value });
    }

    fn text(&mut self, param: Param, text: String) {
        self.push(param, Value::Text(cut(text)));
    }

    /// `code` U+0001 `system`
    pub fn token(&mut self, param: Param, code: &str, system: &str) {
        self.text(param, pair(code, system));
    }

    /// `fold(text)` U+0001 `text`
    fn string(&mut self, param: Param, text: &str) {
        if !text.is_empty() {
            self.text(param, pair(&fold(text), text));
        }
    }

    fn time(&mut self, param: Param, low: i64, high: i64) {
        self.push(param, Value::Time { low, high });
    }

    /// The entries in order and without doubles.
    pub fn finish(mut self) -> Vec<Entry> {
        self.list.sort_unstable_by(order);
        self.list.dedup();
        self.list
    }
}

fn pair(first: &str, second: &str) -> String {
    let mut text = String::with_capacity(first.len() + second.len() + 1);
    text.push_str(first);
    text.push(SEPARATOR);
    text.push_str(second);
    text
}

fn order(a: &Entry, b: &Entry) -> Ordering {
    a.param.cmp(&b.param).then_with(|| match (&a.value, &b.value) {
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Time { low: a, high: b }, Value::Time { low: c, high: d }) => (a, b).cmp(&(c, d)),
        (Value::Number { low: a, high: b, unit }, Value::Number { low: c, high: d, unit: other }) => {
            a.total_cmp(c).then(b.total_cmp(d)).then_with(|| unit.cmp(other))
        }
        (a, b) => rank(a).cmp(&rank(b)),
    })
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Text(_) => 0,
        Value::Time { .. } => 1,
        Value::Number { .. } => 2,
    }
}

/// Adds the entries of one value, which is no array.
pub fn convert(out: &mut Entries, param: Param, how: &Convert, value: &Tree<'_>) {
    match how {
        Convert::Text => {
            if let Some(text) = value.text() {
                out.string(param, &text);
            }
        }
        Convert::HumanName => strings(out, param, value, &["family", "given", "prefix", "suffix", "text"]),
        Convert::Address => {
            const PARTS: [&str; 7] = ["line", "city", "district", "state", "postalCode", "country", "text"];
            strings(out, param, value, &PARTS);
        }
        Convert::ConceptText => {
            strings(out, param, value, &["text"]);
            for coding in value.get("coding").map_or(&[][..], Tree::items) {
                strings(out, param, coding, &["display"]);
            }
        }
        Convert::Code => code(out, param, value),
        Convert::Coding => pair_of(out, param, value, "code", "system"),
        Convert::CodeableConcept => {
            for coding in value.get("coding").map_or(&[][..], Tree::items) {
                pair_of(out, param, coding, "code", "system");
            }
        }
        Convert::Identifier => pair_of(out, param, value, "value", "system"),
        Convert::ContactPoint => pair_of(out, param, value, "value", "use"),
        Convert::Reference(only) => reference(out, param, value, only.as_deref()),
        Convert::Canonical => {
            if let Some(text) = value.text().filter(|text| is_reference(text)) {
                let (url, version) = text.split_once('|').unwrap_or((&text, ""));
                out.token(param, url, version);
            }
        }
        Convert::Resource(only) => {
            if let (Some(kind), Some(id)) = (value.text_at("resourceType"), value.text_at("id"))
                && only.as_ref().is_none_or(|only| *only == kind)
            {
                out.text(param, format!("{kind}/{id}"));
            }
        }
        Convert::Date => {
            if let Some(span) = value.text().and_then(|text| parse_span(&text)) {
                out.time(param, span.low, span.high);
            }
        }
        Convert::Period => {
            if let Some((low, high)) = period(value) {
                out.time(param, low, high);
            }
        }
        Convert::Timing => timing(out, param, value),
        Convert::Number => quantity::number(out, param, value),
        Convert::Quantity => quantity::quantity(out, param, value),
        Convert::Money => quantity::money(out, param, value),
        Convert::Range => quantity::range(out, param, value),
        Convert::SampledData => quantity::sampled_data(out, param, value),
        Convert::Uri => {
            if let Some(text) = value.text().filter(|text| !text.is_empty()) {
                out.text(param, text.into_owned());
            }
        }
    }
}

/// Each string, or each of an array of them, among the members.
fn strings(out: &mut Entries, param: Param, value: &Tree<'_>, members: &[&str]) {
    let Some(object) = value.as_object() else { return };
    for (key, part) in &object.members {
        if !members.contains(&&*key.text()) {
            continue;
        }
        if let Some(text) = part.text() {
            out.string(param, &text);
        }
        for text in part.items().iter().filter_map(Tree::text) {
            out.string(param, &text);
        }
    }
}

fn code(out: &mut Entries, param: Param, value: &Tree<'_>) {
    match value {
        Tree::Bool(true) => out.token(param, "true", ""),
        Tree::Bool(false) => out.token(param, "false", ""),
        Tree::String(text) if !text.raw().is_empty() => out.token(param, &text.text(), ""),
        _ => {}
    }
}

fn pair_of(out: &mut Entries, param: Param, value: &Tree<'_>, code: &str, system: &str) {
    let system = value.text_at(system).unwrap_or_default();
    match value.text_at(code) {
        Some(code) => out.token(param, &code, &system),
        // Found by `system|` alone.
        None if !system.is_empty() && code == "code" => out.token(param, "", &system),
        None => {}
    }
}

/// Whether a reference leads out of the resource.
fn is_reference(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('#')
}

fn reference(out: &mut Entries, param: Param, value: &Tree<'_>, only: Option<&str>) {
    let Some(text) = value.text_at("reference").filter(|text| is_reference(text)) else { return };
    let fits = |only: &str| match type_of_reference(&text) {
        Some(kind) => kind == only,
        None => value.text_at("type").is_some_and(|kind| kind == only),
    };
    if only.is_none_or(fits) {
        out.text(param, without_version(&text).to_owned());
    }
}

/// `Type/id` of `Type/id/_history/version`; absolute URLs and URNs as they are.
pub fn without_version(reference: &str) -> &str {
    if is_absolute(reference) {
        return reference;
    }
    reference.split_once("/_history/").map_or(reference, |(plain, _)| plain)
}

/// Whether a reference is a URL or URN of its own.
pub fn is_absolute(reference: &str) -> bool {
    reference.contains("://") || reference.starts_with("urn:")
}

/// The type that a RESTful reference names: the last segment but one.
fn type_of_reference(reference: &str) -> Option<&str> {
    if reference.starts_with("urn:") {
        return None;
    }
    let plain = reference.split_once("/_history/").map_or(reference, |(plain, _)| plain);
    let (path, _id) = plain.rsplit_once('/')?;
    let kind = path.rsplit('/').next()?;
    kind.starts_with(|c: char| c.is_ascii_uppercase()).then_some(kind)
}

/// The span of a Period, without ends where it has none; `None` where it has neither end.
fn period(value: &Tree<'_>) -> Option<(i64, i64)> {
    let end_of = |name: &str| value.text_at(name).and_then(|text| parse_span(&text));
    let (start, end) = (end_of("start"), end_of("end"));
    match (start, end) {
        (None, None) => None,
        // It ends before it starts (invariant per-1, which is not checked): found from the one to the other.
        (Some(start), Some(end)) if start.low >= end.high => Some((end.low, start.high)),
        _ => Some((start.map_or(-FAR, |span| span.low), end.map_or(FAR, |span| span.high))),
    }
}

/// The outer limits of a Timing: of its events and its bounds; the details of a schedule do not count.
fn timing(out: &mut Entries, param: Param, value: &Tree<'_>) {
    let events = value.get("event").map_or(&[][..], Tree::items);
    let spans = events.iter().filter_map(Tree::text).filter_map(|text| parse_span(&text));
    let bounds = value.get("repeat").and_then(|repeat| repeat.get("boundsPeriod")).and_then(period);
    let limits = spans.map(|span| (span.low, span.high)).chain(bounds);
    if let Some((low, high)) = limits.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) {
        out.time(param, low, high);
    }
}
