//! Parts of a resource for `_summary` and `_elements` (FHIR R4 §3.1.1.5.8 and §3.1.1.5.9).

use super::Summary;
use crate::definitions::{Content, Definitions, Element, StructureId, definitions};
use crate::kinds;
use lenticular_base::Kind;
use lenticular_base::tree::{Object, Text, Tree};

/// The code system of the tag that marks a part.
const OBSERVATION_VALUE: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";

/// A resource as compact JSON with the elements asked for, in their order, lexemes as they were.
///
/// `elements` are names of top-level elements, a choice without its type; where any are given they win over `summary`.
/// Always kept are `resourceType`, `id`, `meta`, mandatory elements, and what changes the meaning of the whole
/// (`implicitRules`, `modifierExtension`). Whatever is a part is tagged SUBSETTED. [`Summary::False`] and
/// [`Summary::Count`] without `elements` give the whole resource.
pub fn summarise(tree: &Tree<'_>, kind: Kind, summary: Summary, elements: &[String]) -> String {
    let structure = definitions().structure_id(kinds::name(kind));
    let (Some(object), Some(structure)) = (tree.as_object(), structure) else { return tree.to_json() };
    let part = if elements.is_empty() {
        match summary {
            Summary::False | Summary::Count => return tree.to_json(),
            Summary::True => summary_of(object, structure, true),
            Summary::Text => keep(object, structure, |element| element.name == "text" || element.required),
            Summary::Data => keep(object, structure, |element| element.name != "text"),
        }
    } else {
        let listed = |element: &Element| elements.iter().any(|name| is_named(element, name));
        keep(object, structure, |element| listed(element) || element.required)
    };
    let mut part = part;
    tag(&mut part);
    Tree::Object(part).to_json()
}

/// Elements that no part may lack.
fn is_kept_always(name: &str) -> bool {
    matches!(name, "resourceType" | "id" | "meta" | "implicitRules" | "modifierExtension")
}

/// The name of the element of which a member holds the value, or the id and extensions (`_birthDate`).
fn element_name(member: &str) -> &str {
    member.strip_prefix('_').unwrap_or(member)
}

/// Whether `name` is the element's, or that of the choice which it is one type of.
fn is_named(element: &Element, name: &str) -> bool {
    let Some(rest) = element.name.strip_prefix(name) else { return false };
    let (mut rest, mut kind) = (rest.chars(), element.type_name.chars());
    rest.as_str().is_empty()
        || (rest.next() == kind.next().map(|first| first.to_ascii_uppercase())
            && rest.as_str() == kind.as_str())
}

fn keep<'a>(object: &Object<'a>, structure: StructureId, wanted: impl Fn(&Element) -> bool) -> Object<'a> {
    let is_wanted = |(key, _): &&(Text<'a>, Tree<'a>)| {
        let member = key.text();
        let name = element_name(&member);
        is_kept_always(name) || definitions().element(structure, name).is_some_and(&wanted)
    };
    Object { members: object.members.iter().filter(is_wanted).cloned().collect() }
}

/// The elements that the definitions mark as summary, at every level; a resource within a resource stays whole.
fn summary_of<'a>(object: &Object<'a>, structure: StructureId, is_root: bool) -> Object<'a> {
    let all: &Definitions = definitions();
    let mut members = Vec::with_capacity(object.members.len());
    for (key, value) in &object.members {
        let member = key.text();
        let name = element_name(&member);
        let value = match all.element(structure, name) {
            _ if is_root && is_kept_always(name) => value.clone(),
            Some(element) if element.summary || element.required || element.modifier => match element.content
            {
                Content::Structure(below) if name == member => summary_value(value, below),
                _ => value.clone(),
            },
            _ => continue,
        };
        members.push((key.clone(), value));
    }
    Object { members }
}

fn summary_value<'a>(value: &Tree<'a>, structure: StructureId) -> Tree<'a> {
    match value {
        Tree::Array(items) => Tree::Array(items.iter().map(|item| summary_value(item, structure)).collect()),
        Tree::Object(object) => Tree::Object(summary_of(object, structure, false)),
        plain => plain.clone(),
    }
}

/// Marks a part, so that nobody stores it back as the whole (§3.1.1.5.8).
fn tag(part: &mut Object<'_>) {
    let subsetted =
        Tree::object([("system", Tree::string(OBSERVATION_VALUE)), ("code", Tree::string("SUBSETTED"))]);
    if part.get("meta").is_none() {
        let before =
            part.members.iter().take_while(|(key, _)| key.is("resourceType") || key.is("id")).count();
        part.members.insert(before, (Text::new("meta"), Tree::Object(Object::default())));
    }
    let Some(Tree::Object(meta)) = part.get_mut("meta") else { return };
    match meta.get_mut("tag") {
        Some(Tree::Array(tags)) => tags.push(subsetted),
        _ => meta.set("tag", Tree::Array(vec![subsetted])),
    }
}
