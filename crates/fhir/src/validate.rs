//! Whether a resource has the structure that the definitions ask for.
//!
//! Checked: unknown elements, JSON types, cardinality, choices, the form of primitives, extensions on primitives,
//! contained resources, types of references, required bindings whose codes ship, narratives. Not checked: invariants in
//! FHIRPath, profiles, SNOMED CT, LOINC and other terminology that does not ship.
//!
//! A good resource is walked without an allocation, but for its narrative.

mod narrative;
mod place;
mod primitive;
mod special;

pub use crate::outcome::{Issue, Severity};

use crate::definitions::{Content, Definitions, Element, Primitive, StructureId, definitions};
use crate::kinds;
use lenticular_base::tree::{Object, Text, Tree};
use place::Place;
use special::Special;
use std::borrow::Cow;

/// The most issues that are told of one resource.
pub const MAX_ISSUES: usize = 50;

/// Checks a resource and all that is in it, entries of a Bundle included. `expected_type` is the type that its URL names.
///
/// Gives up to [`MAX_ISSUES`] issues, all of them errors, in the order of the document.
pub fn validate(tree: &Tree<'_>, expected_type: Option<&str>) -> Result<(), Vec<Issue>> {
    let mut validator =
        Validator { definitions: definitions(), special: special::special(), issues: Vec::new() };
    let root = tree.text_at("resourceType");
    let known = root.as_deref().and_then(kinds::kind).map_or("Resource", kinds::name);
    let place = Place::root(known);
    if let (Some(expected), Some(found)) = (expected_type, root.as_deref())
        && expected != found
    {
        let text = format!("a {expected} was expected, not a {}", quote(found));
        validator.report(&place.child("resourceType"), "invalid", text);
    }
    validator.resource(tree, &place, false);
    if validator.issues.is_empty() { Ok(()) } else { Err(validator.issues) }
}

/// `resourceType` has no slot of its own; no structure has as many elements as there are bits.
const TYPE_BIT: u128 = 1 << 127;

struct Validator {
    definitions: &'static Definitions,
    special: &'static Special,
    issues: Vec<Issue>,
}

/// A little of the caller's input, for an error text.
fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if quoted.len() < text.len() && text.chars().nth(60).is_some() {
        quoted.push('…');
    }
    format!("\"{quoted}\"")
}

/// A string's text, borrowed where it has no escapes.
fn plain<'t>(text: &'t Text<'_>) -> Cow<'t, str> {
    text.text()
}

fn json_type(value: &Tree<'_>) -> &'static str {
    match value {
        Tree::Null => "null",
        Tree::Bool(_) => "a boolean",
        Tree::Number(_) => "a number",
        Tree::String(_) => "a string",
        Tree::Array(_) => "an array",
        Tree::Object(_) => "an object",
    }
}

impl Validator {
    fn report(&mut self, place: &Place<'_>, code: &'static str, text: impl Into<String>) {
        if !self.is_full() {
            let text = text.into();
            self.issues.push(Issue { severity: Severity::Error, code, path: place.to_string(), text });
        }
    }

    fn is_full(&self) -> bool {
        self.issues.len() >= MAX_ISSUES
    }

    fn resource(&mut self, tree: &Tree<'_>, place: &Place<'_>, contained: bool) {
        let Tree::Object(object) = tree else {
            return self.report(
                place,
                "structure",
                format!("a resource is an object, not {}", json_type(tree)),
            );
        };
        let name = match object.get("resourceType") {
            Some(Tree::String(name)) => plain(name),
            Some(other) => {
                let text = format!("resourceType is a string, not {}", json_type(other));
                return self.report(&place.child("resourceType"), "structure", text);
            }
            None => return self.report(&place.child("resourceType"), "required", "resourceType is missing"),
        };
        if kinds::kind(&name).is_none() {
            let text = format!("{} is no resource type of FHIR R4", quote(&name));
            return self.report(&place.child("resourceType"), "invalid", text);
        }
        let Some(structure) = self.definitions.structure_id(&name) else { return };
        self.object(structure, object, place, true);
        self.contained(object, place, contained);
    }

    fn object(&mut self, structure: StructureId, object: &Object<'_>, place: &Place<'_>, is_resource: bool) {
        if self.is_full() {
            return;
        }
        if object.members.is_empty() {
            return self.report(place, "structure", "an object must not be empty");
        }
        let mut seen = Seen::default();
        for (key, value) in &object.members {
            if self.is_full() {
                return;
            }
            let name = plain(key);
            if is_resource && name == "resourceType" {
                // The parser knows the same lexeme twice, not the same name once with escapes.
                if seen.values & TYPE_BIT != 0 {
                    self.report(&place.child("resourceType"), "structure", "resourceType stands there twice");
                }
                seen.values |= TYPE_BIT;
                continue;
            }
            if let Some(primitive) = name.strip_prefix('_') {
                self.primitive_element(structure, object, primitive, value, place, &mut seen);
                continue;
            }
            let Some(element) = self.definitions.element(structure, &name) else {
                self.unknown(structure, place, &name);
                continue;
            };
            self.mark(element, place, &mut seen.values);
            self.element(element, object, value, place);
        }
        let missing = self.definitions.structure(structure).required & !seen.values;
        if missing != 0 {
            self.missing(structure, missing, place);
        }
        self.special_object(structure, object, place);
    }

    fn unknown(&mut self, structure: StructureId, place: &Place<'_>, name: &str) {
        let owner = self.definitions.structure(structure).name;
        let text = format!("{owner} has no element {}", quote(name));
        let fits = !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric());
        match fits {
            true => self.report(&place.child(name), "structure", text),
            false => self.report(place, "structure", text),
        }
    }

    /// Notes that an element is there; two names of one choice are one too many.
    fn mark(&mut self, element: &Element, place: &Place<'_>, seen: &mut u128) {
        let bit = 1u128 << element.slot;
        if *seen & bit != 0 {
            let text = format!("only one {}{} may be there", element.path_name(), element.choice_suffix());
            self.report(&place.element(element), "structure", text);
        }
        *seen |= bit;
    }

    fn missing(&mut self, structure: StructureId, missing: u128, place: &Place<'_>) {
        let mut left = missing;
        for element in self.definitions.elements(structure) {
            let bit = 1u128 << element.slot;
            if left & bit != 0 {
                left &= !bit;
                let text = format!("{}{} is required", element.path_name(), element.choice_suffix());
                self.report(&place.child(element.path_name()), "required", text);
            }
        }
    }

    fn element(&mut self, element: &Element, object: &Object<'_>, value: &Tree<'_>, place: &Place<'_>) {
        let place = place.element(element);
        match (element.many, value) {
            (false, Tree::Array(_)) => {
                self.report(&place, "structure", format!("{} does not repeat; it is no array", element.name));
            }
            (false, single) => self.value(element, single, &place),
            (true, Tree::Array(items)) if items.is_empty() => {
                self.report(&place, "structure", "an array must not be empty");
            }
            (true, Tree::Array(items)) => {
                // A null stands for a value that has extensions alone, in the array beside.
                let has_gaps = items.contains(&Tree::Null);
                let beside = if has_gaps { items_beside(element, object) } else { &[] };
                for (at, item) in items.iter().enumerate() {
                    let is_gap = matches!((item, beside.get(at)), (Tree::Null, Some(Tree::Object(_))));
                    if !is_gap {
                        self.value(element, item, &place.at(at));
                    }
                    if self.is_full() {
                        return;
                    }
                }
            }
            (true, other) => {
                let text = format!("{} repeats: it is an array, not {}", element.name, json_type(other));
                self.report(&place, "structure", text);
            }
        }
    }

    fn value(&mut self, element: &Element, value: &Tree<'_>, place: &Place<'_>) {
        match (element.content, value) {
            (Content::Primitive(primitive), value) => self.primitive(element, primitive, value, place),
            (Content::Structure(id), Tree::Object(object)) => {
                self.object(id, object, place, false);
                self.special_element(element, id, object, place);
            }
            (Content::Resource, value) => self.resource(value, place, element.name == "contained"),
            (Content::Structure(_), other) => {
                let text = format!("{} is an object, not {}", element.type_name, json_type(other));
                self.report(place, "structure", text);
            }
        }
    }

    fn primitive(&mut self, element: &Element, primitive: Primitive, value: &Tree<'_>, place: &Place<'_>) {
        if let Err(wrong) = primitive::check(primitive, value) {
            let text = match wrong {
                primitive::Wrong::Type(expected) => {
                    let text = format!("{} is {expected}, not {}", primitive.name(), json_type(value));
                    return self.report(place, "structure", text);
                }
                primitive::Wrong::Form(rule) => rule.to_owned(),
                primitive::Wrong::Value(rule) => {
                    let shown = value.text().map_or_else(|| value.to_json(), |text| quote(&text));
                    format!("{shown} is no {}: {rule}", primitive.name())
                }
            };
            return self.report(place, "value", text);
        }
        if let (Some(set), Tree::String(text)) = (element.binding, value) {
            let code = plain(text);
            if !self.definitions.has_code(set, None, &code) {
                let name = self.definitions.value_set(set).name;
                self.report(place, "code-invalid", format!("{} is no code of {name}", quote(&code)));
            }
        }
    }

    /// `_birthDate`: the id and extensions of a primitive (FHIR R4 §2.6.2.3).
    fn primitive_element(
        &mut self,
        structure: StructureId,
        object: &Object<'_>,
        name: &str,
        value: &Tree<'_>,
        place: &Place<'_>,
        seen: &mut Seen,
    ) {
        let element = match self.definitions.element(structure, name) {
            Some(element) if matches!(element.content, Content::Primitive(_)) => element,
            Some(_) => {
                let text = format!("{} is no primitive, so there is no _{name}", quote(name));
                return self.report(&place.child(name), "structure", text);
            }
            None => return self.unknown(structure, place, name),
        };
        let bit = 1u128 << element.slot;
        if seen.extensions & bit != 0 {
            let text = format!("only one _{}{} may be there", element.path_name(), element.choice_suffix());
            return self.report(&place.element(element), "structure", text);
        }
        seen.extensions |= bit;
        let sibling = object.get(name);
        if sibling.is_none() {
            self.mark(element, place, &mut seen.values);
        }
        let place = place.element(element);
        match (element.many, value) {
            (false, Tree::Object(inner)) => self.object(self.special.element, inner, &place, false),
            (true, Tree::Array(items)) => {
                if sibling.is_some_and(|sibling| sibling.items().len() != items.len()) {
                    let text = format!("{name} and _{name} have a different number of items");
                    self.report(&place, "structure", text);
                }
                if items.iter().all(|item| matches!(item, Tree::Null)) {
                    self.report(&place, "structure", format!("_{name} holds nothing"));
                }
                for (at, item) in items.iter().enumerate() {
                    match item {
                        Tree::Null => {}
                        Tree::Object(inner) => {
                            self.object(self.special.element, inner, &place.at(at), false);
                        }
                        other => {
                            let text = format!("_{name} holds objects and nulls, not {}", json_type(other));
                            self.report(&place.at(at), "structure", text);
                        }
                    }
                }
            }
            (false, other) => {
                let text = format!("_{name} is an object, not {}", json_type(other));
                self.report(&place, "structure", text);
            }
            (true, other) => {
                let text = format!("_{name} is an array, not {}", json_type(other));
                self.report(&place, "structure", text);
            }
        }
    }
}

/// The slots that are filled.
#[derive(Default)]
struct Seen {
    values: u128,
    /// Of the ids and extensions of primitives, `_birthDate`.
    extensions: u128,
}

/// The array of ids and extensions beside a repeating primitive.
fn items_beside<'t, 'a>(element: &Element, object: &'t Object<'a>) -> &'t [Tree<'a>] {
    let beside = object.members.iter().find(|(key, _)| plain(key).strip_prefix('_') == Some(element.name));
    beside.map_or(&[], |(_, value)| value.items())
}
