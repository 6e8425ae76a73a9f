//! How a resource is kept: its body as it arrived, but for what the server owns.
//!
//! The store keeps a body without `meta.versionId` and `meta.lastUpdated`; a read splices them in. So a body is the same
//! bytes whatever version it becomes, and no read prints JSON.

use lenticular_base::Instant;
use lenticular_base::tree::{Text, Tree};
use std::io::Write;
use thiserror::Error;

/// A body ready to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Body {
    /// Compact JSON: `resourceType`, `id`, `meta`, then the members in the order they arrived.
    pub json: String,
    /// The byte right after the `{` of `meta`.
    pub splice: u32,
}

/// Why a tree cannot be kept as a resource.
#[derive(Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyError {
    #[error("a resource is a JSON object")]
    NotAnObject,
    #[error("resourceType is missing or no string")]
    NoType,
    #[error("a resource of more than 4 GB")]
    TooLarge,
}

/// The body of `tree` under the logical id `id`. Lexemes stay as they arrived; `meta.versionId` and `meta.lastUpdated`
/// of the sender are dropped, `meta` is there even where it is empty.
pub fn prepare(tree: &Tree<'_>, id: &str) -> Result<Body, BodyError> {
    let object = tree.as_object().ok_or(BodyError::NotAnObject)?;
    let Some(Tree::String(resource_type)) = object.get("resourceType") else { return Err(BodyError::NoType) };
    let mut json = String::with_capacity(1024);
    json.push_str("{\"resourceType\":\"");
    json.push_str(resource_type.raw());
    json.push_str("\",\"id\":\"");
    json.push_str(Text::new(id).raw());
    json.push_str("\",\"meta\":{");
    let splice = json.len();
    let mut first = true;
    for (key, value) in object.get("meta").and_then(Tree::as_object).map_or(&[][..], |meta| &meta.members) {
        let name = key.text();
        if matches!(name.as_ref(), "versionId" | "lastUpdated" | "_versionId" | "_lastUpdated") {
            continue;
        }
        if !std::mem::take(&mut first) {
            json.push(',');
        }
        write_member(&mut json, key, value);
    }
    json.push('}');
    for (key, value) in &object.members {
        if !matches!(key.text().as_ref(), "resourceType" | "id" | "meta") {
            json.push(',');
            write_member(&mut json, key, value);
        }
    }
    json.push('}');
    let splice = u32::try_from(json.len()).map(|_| splice as u32).map_err(|_| BodyError::TooLarge)?;
    Ok(Body { json, splice })
}

fn write_member(json: &mut String, key: &Text<'_>, value: &Tree<'_>) {
    json.push('"');
    json.push_str(key.raw());
    json.push_str("\":");
    value.write(json);
}

/// Appends the body that [`prepare`] made with its version and time: `"versionId":"3","lastUpdated":"…"` come first in
/// `meta`. A `splice` that does not fit the body appends the body as it is.
pub fn splice(json: &str, splice: u32, version: u64, updated: Instant, out: &mut Vec<u8>) {
    let Some((head, tail)) = json.split_at_checked(splice as usize) else {
        out.extend_from_slice(json.as_bytes());
        return;
    };
    out.reserve(json.len() + 80);
    out.extend_from_slice(head.as_bytes());
    // Writing to a Vec does not fail.
    let _ = write!(out, "\"versionId\":\"{version}\",\"lastUpdated\":\"{updated}\"");
    if !tail.starts_with('}') {
        out.push(b',');
    }
    out.extend_from_slice(tail.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use lenticular_base::tree::parse;

    #[track_caller]
    fn check(arrived: &str, kept: &str, served: &str) {
        let body = prepare(&parse(arrived.as_bytes()).unwrap(), "a1").unwrap();
        assert_eq!(body.json, kept);
        let mut out = Vec::new();
        splice(&body.json, body.splice, 7, Instant(0), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), served);
    }

    #[test]
    fn what_the_server_owns_is_spliced_and_all_else_stays() {
        check(
            r#"{ "value": 1.00, "resourceType": "Basic", "note": "\u00e9\/" }"#,
            r#"{"resourceType":"Basic","id":"a1","meta":{},"value":1.00,"note":"\u00e9\/"}"#,
            concat!(
                r#"{"resourceType":"Basic","id":"a1","meta":{"versionId":"7","#,
                r#""lastUpdated":"1970-01-01T00:00:00.000Z"},"value":1.00,"note":"\u00e9\/"}"#
            ),
        );
        check(
            r#"{"resourceType":"Basic","id":"other","meta":{"versionId":"9","tag":[],"lastUpdated":"x"},"a":1}"#,
            r#"{"resourceType":"Basic","id":"a1","meta":{"tag":[]},"a":1}"#,
            concat!(
                r#"{"resourceType":"Basic","id":"a1","meta":{"versionId":"7","#,
                r#""lastUpdated":"1970-01-01T00:00:00.000Z","tag":[]},"a":1}"#
            ),
        );
    }

    #[test]
    fn what_is_no_resource_is_refused() {
        assert_eq!(prepare(&Tree::Null, "a"), Err(BodyError::NotAnObject));
        assert_eq!(prepare(&Tree::object([]), "a"), Err(BodyError::NoType));
        let mut out = Vec::new();
        splice("{}", 99, 1, Instant(0), &mut out);
        assert_eq!(out, b"{}");
    }
}
