//! The rules that single structures have beyond their tables.

use super::place::Place;
use super::{Validator, plain, quote};
use crate::definitions::{Element, StructureId, ValueSetId, definitions};
use crate::kinds;
use lenticular_base::tree::{Object, Tree};
use std::collections::HashSet;
use std::sync::OnceLock;

/// The structures that have rules of their own.
pub(super) struct Special {
    pub(super) element: StructureId,
    extension: StructureId,
    reference: StructureId,
    coding: StructureId,
    codeable_concept: StructureId,
}

pub(super) fn special() -> &'static Special {
    static SPECIAL: OnceLock<Special> = OnceLock::new();
    SPECIAL.get_or_init(|| {
        let id = |name| definitions().structure_id(name).expect("the data types of FHIR R4 are in the table");
        Special {
            element: id("Element"),
            extension: id("Extension"),
            reference: id("Reference"),
            coding: id("Coding"),
            codeable_concept: id("CodeableConcept"),
        }
    })
}

impl Validator {
    /// Rules that hold wherever a structure stands.
    pub(super) fn special_object(&mut self, structure: StructureId, object: &Object<'_>, place: &Place<'_>) {
        if structure == self.special.extension {
            // ext-1
            let has = |wanted: fn(&str) -> bool| object.members.iter().any(|(key, _)| wanted(&plain(key)));
            let value = has(|name| name.strip_prefix('_').unwrap_or(name).starts_with("value"));
            let extension = has(|name| name == "extension");
            if value == extension {
                let text = "an extension has either a value or extensions of its own (ext-1)";
                self.report(place, "structure", text);
            }
        }
    }

    /// Rules that depend on the element: what a reference may point to, what a code is bound to.
    pub(super) fn special_element(
        &mut self,
        element: &Element,
        structure: StructureId,
        object: &Object<'_>,
        place: &Place<'_>,
    ) {
        if structure == self.special.reference && !element.targets.is_empty() {
            self.reference(element, object, place);
        }
        let Some(set) = element.binding else { return };
        if structure == self.special.coding && !self.is_bound(set, object) {
            self.report(place, "code-invalid", self.not_of(set));
        }
        if structure == self.special.codeable_concept {
            let codings = object.get("coding").map_or(&[][..], Tree::items);
            let bound = codings.iter().filter_map(Tree::as_object).any(|coding| self.is_bound(set, coding));
            // A concept that is absent for a stated reason has an extension instead.
            if !bound && object.get("extension").is_none() {
                self.report(place, "code-invalid", self.not_of(set));
            }
        }
    }

    fn not_of(&self, set: ValueSetId) -> String {
        format!("a code of {} is required here", self.definitions.value_set(set).name)
    }

    fn is_bound(&self, set: ValueSetId, coding: &Object<'_>) -> bool {
        let text = |name| match coding.get(name) {
            Some(Tree::String(text)) => Some(plain(text)),
            _ => None,
        };
        text("code").is_some_and(|code| self.definitions.has_code(set, text("system").as_deref(), &code))
    }

    /// The type that a relative or conditional reference names must be one that may stand here.
    fn reference(&mut self, element: &Element, object: &Object<'_>, place: &Place<'_>) {
        let Some(Tree::String(text)) = object.get("reference") else { return };
        let reference = plain(text);
        let Some(end) = reference.find(['/', '?']) else { return };
        let target = &reference[..end];
        if kinds::kind(target).is_some() && !element.targets.split('|').any(|allowed| allowed == target) {
            let allowed = element.targets.replace('|', ", ");
            let text = format!("a reference to {} may not stand here, only to {allowed}", quote(target));
            self.report(&place.child("reference"), "value", text);
        }
    }

    /// dom-2 to dom-5: contained resources have an id, contain nothing themselves, and are no version of anything.
    pub(super) fn contained(&mut self, object: &Object<'_>, place: &Place<'_>, contained: bool) {
        if contained {
            if object.get("contained").is_some() {
                let text = "a contained resource contains no others (dom-2)";
                self.report(&place.child("contained"), "structure", text);
            }
            if object.get("id").is_none() {
                self.report(&place.child("id"), "required", "a contained resource has an id (dom-3)");
            }
            for (name, rule) in [("versionId", "dom-4"), ("lastUpdated", "dom-4"), ("security", "dom-5")] {
                if object.get("meta").and_then(|meta| meta.get(name)).is_some() {
                    let text = format!("a contained resource has no meta.{name} ({rule})");
                    self.report(&place.child("meta"), "structure", text);
                }
            }
            return;
        }
        let items = object.get("contained").map_or(&[][..], Tree::items);
        if items.len() < 2 {
            return;
        }
        let mut ids = HashSet::new();
        for (at, item) in items.iter().enumerate() {
            if let Some(id) = item.text_at("id")
                && !ids.insert(id)
            {
                let text = "two contained resources have this id";
                self.report(&place.child("contained").at(at), "duplicate", text);
            }
        }
    }
}
