//! References: their forms, and finding every one of a resource (FHIR R4 §2.3.0.1, §3.1.0.11.2).

mod walk;

pub use walk::{Place, for_each_reference_mut};

use crate::kinds;
use lenticular_base::LogicalId;

/// A reference, by its form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reference<'a> {
    /// `Patient/1`, `Patient/1/_history/2`.
    Relative(Target<'a>),
    /// `https://other/fhir/Patient/1`: the base without its last `/`, and what it names there.
    Absolute { base: &'a str, target: Target<'a> },
    /// Any other absolute URL.
    Url(&'a str),
    /// `urn:uuid:…` or `urn:oid:…`.
    Urn(&'a str),
    /// `#id`, a contained resource; empty for the container itself.
    Contained(&'a str),
    /// `Patient?identifier=…` (§3.1.0.11.2, in a transaction).
    Conditional { resource_type: &'a str, query: &'a str },
}

/// What a literal reference names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target<'a> {
    pub resource_type: &'a str,
    pub id: &'a str,
    pub version: Option<&'a str>,
}

/// Reads the form of a reference; `None` where it has none of them.
pub fn parse(text: &str) -> Option<Reference<'_>> {
    if let Some(id) = text.strip_prefix('#') {
        return (id.is_empty() || LogicalId::fits(id)).then_some(Reference::Contained(id));
    }
    if text.starts_with("urn:uuid:") || text.starts_with("urn:oid:") {
        return Some(Reference::Urn(text));
    }
    if text.is_empty() || text.contains(char::is_whitespace) {
        return None;
    }
    // Criteria may hold a URL of their own: `Practitioner?identifier=http://…|1`.
    if let Some((resource_type, query)) = text.split_once('?')
        && kinds::kind(resource_type).is_some()
    {
        return Some(Reference::Conditional { resource_type, query });
    }
    if let Some(after) = text.find("://") {
        let path = after + 3;
        return Some(match absolute(text, path) {
            Some((base, target)) => Reference::Absolute { base, target },
            None => Reference::Url(text),
        });
    }
    relative(text).map(Reference::Relative)
}

/// `Type/id` or `Type/id/_history/version`.
fn relative(text: &str) -> Option<Target<'_>> {
    let mut parts = text.split('/');
    let (resource_type, id) = (parts.next()?, parts.next()?);
    let version = match (parts.next(), parts.next()) {
        (None, _) => None,
        (Some("_history"), Some(version)) => Some(version),
        _ => return None,
    };
    let fits = parts.next().is_none()
        && kinds::kind(resource_type).is_some()
        && LogicalId::fits(id)
        && version.is_none_or(LogicalId::fits);
    fits.then_some(Target { resource_type, id, version })
}

/// The last two segments of a URL (four with a version), where they name a resource.
fn absolute(text: &str, path: usize) -> Option<(&str, Target<'_>)> {
    let mut slashes = text.char_indices().rev().filter(|(at, c)| *c == '/' && *at > path).map(|(at, _)| at);
    let (_, second) = (slashes.next()?, slashes.next()?);
    if let Some(target) = relative(&text[second + 1..]) {
        return Some((&text[..second], target));
    }
    let (_, fourth) = (slashes.next()?, slashes.next()?);
    Some((&text[..fourth], relative(&text[fourth + 1..])?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target<'a>(resource_type: &'a str, id: &'a str, version: Option<&'a str>) -> Target<'a> {
        Target { resource_type, id, version }
    }

    #[test]
    fn every_form_is_read() {
        let check = |text, form| assert_eq!(parse(text), form, "{text}");
        check("Patient/1", Some(Reference::Relative(target("Patient", "1", None))));
        check("Patient/1/_history/2", Some(Reference::Relative(target("Patient", "1", Some("2")))));
        check(
            "https://a.example/fhir/Patient/1/_history/2",
            Some(Reference::Absolute {
                base: "https://a.example/fhir",
                target: target("Patient", "1", Some("2")),
            }),
        );
        check(
            "http://a/Patient/1",
            Some(Reference::Absolute { base: "http://a", target: target("Patient", "1", None) }),
        );
        check("http://a.example/x", Some(Reference::Url("http://a.example/x")));
        check("http://Patient/1", Some(Reference::Url("http://Patient/1")));
        check("urn:oid:1.2", Some(Reference::Urn("urn:oid:1.2")));
        check("#p1", Some(Reference::Contained("p1")));
        check("#", Some(Reference::Contained("")));
        check(
            "Patient?identifier=a|b",
            Some(Reference::Conditional { resource_type: "Patient", query: "identifier=a|b" }),
        );
        let query = "identifier=http://a.example/npi|1";
        let text = format!("Practitioner?{query}");
        check(&text, Some(Reference::Conditional { resource_type: "Practitioner", query }));
        for bad in
            ["", "Patient", "Patient/", "patient/1", "Patient/1/2", "Patient/ü", "/Patient/1", "Nobody?x=1"]
        {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(http://|#|urn:uuid:|Patient|[/?_#]|history|é|[a-z0-9]){0,12}") {
            let _ = parse(&text);
        }
    }
}
