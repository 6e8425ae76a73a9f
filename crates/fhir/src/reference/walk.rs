//! Visiting every reference of a resource, wherever it stands.

use crate::definitions::{Content, Definitions, Element, Primitive, StructureId, definitions};
use lenticular_base::tree::{Text, Tree};
use std::sync::OnceLock;

/// Where a text stands that may name another resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// `Reference.reference`: it must name something.
    Reference,
    /// An element of type uri, url, canonical, oid or uuid, or `href` and `src` of a narrative: it may happen to name a
    /// resource of the same Bundle, and is rewritten only then (§3.1.0.11.2).
    Uri,
}

/// Shows `visit` every text of a resource that may name another one, to change it in place: in elements of every depth,
/// extensions, contained resources and narratives. What the definitions do not know is passed over.
pub fn for_each_reference_mut<'a>(tree: &mut Tree<'a>, visit: &mut dyn FnMut(Place, &mut Text<'a>)) {
    let mut walk = Walk { definitions: definitions(), visit };
    walk.resource(tree);
}

struct Walk<'w, 'a> {
    definitions: &'static Definitions,
    visit: &'w mut dyn FnMut(Place, &mut Text<'a>),
}

/// `Reference.reference` is a `string`, and the only string that is a reference.
fn reference_structure() -> Option<StructureId> {
    static ID: OnceLock<Option<StructureId>> = OnceLock::new();
    *ID.get_or_init(|| definitions().structure_id("Reference"))
}

impl<'a> Walk<'_, 'a> {
    fn resource(&mut self, tree: &mut Tree<'a>) {
        let id = tree.text_at("resourceType").and_then(|name| self.definitions.structure_id(&name));
        if let Some(id) = id {
            self.object(id, tree);
        }
    }

    fn object(&mut self, structure: StructureId, tree: &mut Tree<'a>) {
        let Some(object) = tree.as_object_mut() else { return };
        let is_reference = Some(structure) == reference_structure();
        for (key, value) in &mut object.members {
            let name = key.text();
            if let Some(primitive) = name.strip_prefix('_') {
                let element = self.definitions.element(structure, primitive);
                if let (Some(_), Some(id)) = (element, self.definitions.structure_id("Element")) {
                    each(value, &mut |item| self.object(id, item));
                }
                continue;
            }
            let Some(element) = self.definitions.element(structure, &name) else { continue };
            if is_reference && element.name == "reference" {
                if let Tree::String(text) = value {
                    (self.visit)(Place::Reference, text);
                }
                continue;
            }
            each(value, &mut |item| self.value(element, item));
        }
    }

    fn value(&mut self, element: &Element, value: &mut Tree<'a>) {
        match element.content {
            Content::Structure(id) => self.object(id, value),
            Content::Resource => self.resource(value),
            Content::Primitive(
                Primitive::Uri | Primitive::Url | Primitive::Canonical | Primitive::Oid | Primitive::Uuid,
            ) => {
                if let Tree::String(text) = value {
                    (self.visit)(Place::Uri, text);
                }
            }
            Content::Primitive(Primitive::Xhtml) => {
                if let Tree::String(text) = value {
                    self.narrative(text);
                }
            }
            Content::Primitive(_) => {}
        }
    }

    /// Shows the values of `href` and `src`; the text is printed again only where one of them changed.
    fn narrative(&mut self, text: &mut Text<'a>) {
        if !(text.raw().contains("href") || text.raw().contains("src")) {
            return;
        }
        let plain = text.text().into_owned();
        let mut changed = String::new();
        let mut copied = 0;
        let mut at = 0;
        while let Some((start, end)) = next_link(&plain, at) {
            let mut link = Text::new(plain[start..end].to_owned());
            (self.visit)(Place::Uri, &mut link);
            if !link.is(&plain[start..end]) {
                changed.push_str(&plain[copied..start]);
                changed.push_str(&link.text());
                copied = end;
            }
            at = end;
        }
        if copied > 0 {
            changed.push_str(&plain[copied..]);
            *text = Text::new(changed);
        }
    }
}

/// The next value of `href="…"` or `src='…'` from `from` on.
fn next_link(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    for at in memchr::memchr_iter(b'=', bytes.get(from..)?).map(|at| from + at) {
        let is_link = bytes[from..at].ends_with(b"href") || bytes[from..at].ends_with(b"src");
        if let (true, Some(quote @ (b'"' | b'\''))) = (is_link, bytes.get(at + 1)) {
            let start = at + 2;
            return memchr::memchr(*quote, &bytes[start..]).map(|length| (start, start + length));
        }
    }
    None
}

/// Each item of an array, or the value itself.
fn each<'a>(value: &mut Tree<'a>, act: &mut dyn FnMut(&mut Tree<'a>)) {
    match value {
        Tree::Array(items) => items.iter_mut().for_each(act),
        single => act(single),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lenticular_base::tree::parse;

    #[test]
    fn every_reference_is_found_and_can_be_changed() {
        let json = concat!(
            r#"{"resourceType":"Observation","text":{"status":"generated","div":"<div>a <a href=\"urn:uuid:1\">b</a>"#,
            r#"<img src='urn:uuid:2'/></div>"},"contained":[{"resourceType":"Basic","subject":{"reference":"#,
            r#""urn:uuid:3"}}],"extension":[{"url":"http://x","valueReference":{"reference":"urn:uuid:4"}}],"#,
            r#""_status":{"extension":[{"url":"http://x","valueUri":"urn:uuid:5"}]},"#,
            r#""subject":{"reference":"urn:uuid:6","display":"urn:uuid:no"},"#,
            r#""performer":[{"reference":"urn:uuid:7"}],"instantiatesCanonical":"urn:uuid:8","#,
            r#""valueString":"urn:uuid:no","unknown":{"reference":"urn:uuid:no"}}"#
        );
        let mut tree = parse(json.as_bytes()).unwrap();
        let mut places = Vec::new();
        for_each_reference_mut(&mut tree, &mut |place, text| {
            if let Some(number) = text.text().strip_prefix("urn:uuid:") {
                places.push((number.to_owned(), place));
                *text = Text::new(format!("Patient/{number}"));
            }
        });
        places.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let numbers: Vec<&str> = places.iter().map(|(number, _)| number.as_str()).collect();
        assert_eq!(numbers, ["1", "2", "3", "4", "5", "6", "7"]);
        assert_eq!(places[2].1, Place::Reference);
        assert_eq!(places[4].1, Place::Uri);
        let changed = json.replace("urn:uuid:", "Patient/");
        let changed = changed.replace("Patient/no", "urn:uuid:no").replace("Patient/8", "urn:uuid:8");
        assert_eq!(tree.to_json(), changed);
    }
}
