//! The patient compartment: whose record a resource belongs to (FHIR R4 §2.32, CompartmentDefinition `patient`).

use crate::kinds;
use crate::reference::{self, Reference};
use lenticular_base::Kind;
use lenticular_base::tree::Tree;
use std::sync::OnceLock;

const COMPARTMENT: &str = include_str!("definitions/patient_compartment.tsv");
const PARAMETERS: &str = include_str!("definitions/search_parameters.tsv");

/// Parameters that say whose record it is, before those that say who else took part.
const FIRST: [&str; 3] = ["patient", "subject", "beneficiary"];

/// The id of the patient whose record a resource belongs to: a Patient's own id, else that of the first relative
/// reference to a Patient among the elements of the compartment's parameters, the subject's before all others.
///
/// A Group of several people is nobody's record, so it has none.
pub fn patient_of(tree: &Tree<'_>, kind: Kind) -> Option<String> {
    let name = kinds::name(kind);
    if name == "Patient" {
        return tree.text_at("id").map(|id| id.into_owned());
    }
    if name == "Group" {
        return None;
    }
    let paths = paths().get(usize::from(kind.0))?;
    paths.iter().find_map(|path| first_patient(tree, path))
}

/// Element paths by kind, in the order they are asked.
fn paths() -> &'static [Vec<Vec<String>>] {
    static PATHS: OnceLock<Vec<Vec<Vec<String>>>> = OnceLock::new();
    PATHS.get_or_init(|| {
        let mut paths = vec![Vec::new(); kinds::all().count() + 1];
        for line in COMPARTMENT.lines() {
            let (name, codes) = line.split_once('\t').unwrap_or((line, ""));
            let Some(kind) = kinds::kind(name) else { continue };
            let mut codes: Vec<&str> = codes.split(',').collect();
            codes.sort_by_key(|code| FIRST.iter().position(|first| first == code).unwrap_or(FIRST.len()));
            for code in codes {
                paths[usize::from(kind.0)].extend(expression_paths(name, code));
            }
        }
        paths
    })
}

/// The element paths of a search parameter: `Appointment.participant.actor` gives `participant`, `actor`.
fn expression_paths(name: &str, code: &str) -> Vec<Vec<String>> {
    let prefix = format!("{name}\t{code}\t");
    let row = PARAMETERS.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or("");
    let expression = row.split('\t').nth(1).unwrap_or("");
    let steps = |part: &str| {
        let part = part.trim().replace(".where(resolve() is Patient)", "");
        let part = part.replace(".ofType(Reference)", "Reference");
        part.split('.').skip(1).map(str::to_owned).collect::<Vec<String>>()
    };
    expression.split(" | ").map(steps).filter(|path| !path.is_empty()).collect()
}

fn first_patient(tree: &Tree<'_>, path: &[String]) -> Option<String> {
    if let Tree::Array(items) = tree {
        return items.iter().find_map(|item| first_patient(item, path));
    }
    if let Some((step, rest)) = path.split_first() {
        return first_patient(tree.get(step)?, rest);
    }
    let text = tree.text_at("reference")?;
    match reference::parse(&text)? {
        Reference::Relative(target) if target.resource_type == "Patient" => Some(target.id.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lenticular_base::tree::parse;

    #[track_caller]
    fn check(json: &str, patient: Option<&str>) {
        let tree = parse(json.as_bytes()).unwrap();
        let kind = kinds::kind(&tree.text_at("resourceType").unwrap()).unwrap();
        assert_eq!(patient_of(&tree, kind).as_deref(), patient);
    }

    #[test]
    fn a_resource_belongs_to_its_subject() {
        check(r#"{"resourceType":"Patient","id":"1"}"#, Some("1"));
        check(r#"{"resourceType":"Observation","subject":{"reference":"Patient/1"}}"#, Some("1"));
        check(r#"{"resourceType":"Observation","subject":{"reference":"Patient/1/_history/3"}}"#, Some("1"));
        check(
            r#"{"resourceType":"Observation","performer":[{"reference":"Patient/2"}],"subject":{"reference":"Patient/1"}}"#,
            Some("1"),
        );
        check(r#"{"resourceType":"Observation","subject":{"reference":"Group/1"}}"#, None);
        check(
            r#"{"resourceType":"Coverage","policyHolder":{"reference":"Patient/2"},"beneficiary":{"reference":"Patient/1"}}"#,
            Some("1"),
        );
        check(
            concat!(
                r#"{"resourceType":"Appointment","participant":[{"actor":{"reference":"Practitioner/1"}},"#,
                r#"{"actor":{"reference":"Patient/1"}}]}"#
            ),
            Some("1"),
        );
        check(r#"{"resourceType":"Organization","partOf":{"reference":"Patient/1"}}"#, None);
        check(r#"{"resourceType":"Group","member":[{"entity":{"reference":"Patient/1"}}]}"#, None);
        check(r#"{"resourceType":"Observation","subject":{"reference":"http://other/Patient/1"}}"#, None);
    }

    #[test]
    fn every_type_of_the_compartment_has_a_path() {
        for line in COMPARTMENT.lines() {
            let (name, codes) = line.split_once('\t').unwrap();
            for code in codes.split(',') {
                let paths = expression_paths(name, code);
                assert!(!paths.is_empty(), "{name}.{code}");
                let plain = |step: &String| step.bytes().all(|b| b.is_ascii_alphanumeric());
                assert!(paths.iter().flatten().all(plain), "{name}.{code}: {paths:?}");
            }
        }
    }
}
