//! Which Patient of the member an object is about; one is made where there is none.

use crate::resources::kind_of;
use crate::{Services, fresh_id};
use lenticular_base::index::{Query, SEPARATOR, Test};
use lenticular_base::tree::Tree;
use lenticular_base::{Fault, OrgNo};
use lenticular_dicom::dataset::DataSet;
use lenticular_dicom::tag::{Tag, tags};
use lenticular_fhir::searchparams::by_code;
use lenticular_store::{View, Write};

const ISSUER_QUALIFIERS: Tag = Tag(0x0010_0024);
const UNIVERSAL_ENTITY_ID: Tag = Tag(0x0040_0032);
const UNIVERSAL_ENTITY_TYPE: Tag = Tag(0x0040_0033);
const BIRTH_DATE: Tag = Tag(0x0010_0030);
const SEX: Tag = Tag(0x0010_0040);

/// The id of the Patient with the object's Patient ID: with its issuer where one is named by a URI or OID, else by the
/// value alone, the oldest record first. Without a Patient ID, and where nobody has it, a Patient is made.
pub(super) fn resolve(
    services: &Services,
    view: &dyn View,
    org: OrgNo,
    header: &DataSet,
    writes: &mut Vec<Write>,
) -> Result<String, Fault> {
    let kind = kind_of("Patient")?;
    let id = header.string(tags::PATIENT_ID).map(|id| id.trim().to_owned()).unwrap_or_default();
    let system = issuer(header);
    let identifier = by_code(kind, "identifier").map(|parameter| parameter.param);
    if let (false, Some(identifier)) = (id.is_empty(), identifier) {
        let test = match &system {
            Some(system) => Test::Is(identifier, format!("{id}{SEPARATOR}{system}")),
            None => Test::Prefix(identifier, format!("{id}{SEPARATOR}")),
        };
        if let Some(found) = view.find(org, &Query::all(kind, 1).with(test))?.pop() {
            return Ok(found.id);
        }
    }
    let fresh = fresh_id()?;
    let tree = describe(header, &id, system.as_deref());
    let prepared = services.prepare_valid(&tree, kind, fresh.as_str())?;
    writes.push(Write::Put(Box::new(prepared.put(org))));
    Ok(fresh.as_str().to_owned())
}

/// Who issued the Patient ID, as a URI (PS3.3 §10.14).
fn issuer(header: &DataSet) -> Option<String> {
    let item = header.items(ISSUER_QUALIFIERS).first()?;
    let id = item.string(UNIVERSAL_ENTITY_ID)?.trim().to_owned();
    match item.string(UNIVERSAL_ENTITY_TYPE)?.trim() {
        "URI" => Some(id),
        "ISO" => Some(format!("urn:oid:{id}")),
        "UUID" => Some(format!("urn:uuid:{}", id.to_ascii_lowercase())),
        _ => None,
    }
}

/// A Patient from what an image says.
fn describe(header: &DataSet, id: &str, system: Option<&str>) -> Tree<'static> {
    let mut patient = Tree::object([("resourceType", Tree::string("Patient"))]);
    let Some(object) = patient.as_object_mut() else { return patient };
    if !id.is_empty() {
        let mut identifier = Tree::object([(
            "type",
            Tree::object([(
                "coding",
                Tree::Array(vec![Tree::object([
                    ("system", Tree::string("http://terminology.hl7.org/CodeSystem/v2-0203")),
                    ("code", Tree::string("MR")),
                ])]),
            )]),
        )]);
        if let Some(identifier) = identifier.as_object_mut() {
            if let Some(system) = system {
                identifier.set("system", Tree::string(system.to_owned()));
            }
            identifier.set("value", Tree::string(id.to_owned()));
        }
        object.set("identifier", Tree::Array(vec![identifier]));
    }
    let names = header.string(tags::PATIENT_NAME).map(|name| human_names(&name)).unwrap_or_default();
    if !names.is_empty() {
        object.set("name", Tree::Array(names));
    }
    let gender = match header.plain(SEX).as_deref().map(str::trim) {
        Some("M") => Some("male"),
        Some("F") => Some("female"),
        Some("O") => Some("other"),
        _ => None,
    };
    if let Some(gender) = gender {
        object.set("gender", Tree::string(gender));
    }
    if let Some(date) = header.plain(BIRTH_DATE).and_then(|date| fhir_date(&date)) {
        object.set("birthDate", Tree::string(date));
    }
    patient
}

/// The groups of a person name (alphabetic, ideographic, phonetic; PS3.5 §6.2.1) as HumanNames.
fn human_names(name: &str) -> Vec<Tree<'static>> {
    let groups = name.split('=').take(3).map(str::trim).filter(|group| group.chars().any(|c| c != '^'));
    groups
        .map(|group| {
            let mut parts = group.split('^').map(str::trim);
            let family = parts.next().unwrap_or("");
            let (given, middle) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            let (prefix, suffix) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            let words = [prefix, given, middle, family, suffix];
            let text = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
            let mut human = Tree::object([("text", Tree::string(text))]);
            if let Some(human) = human.as_object_mut() {
                if !family.is_empty() {
                    human.set("family", Tree::string(family.to_owned()));
                }
                for (member, values) in
                    [("given", vec![given, middle]), ("prefix", vec![prefix]), ("suffix", vec![suffix])]
                {
                    let values: Vec<Tree<'static>> = values
                        .into_iter()
                        .filter(|value| !value.is_empty())
                        .map(|value| Tree::string(value.to_owned()))
                        .collect();
                    if !values.is_empty() {
                        human.set(member, Tree::Array(values));
                    }
                }
            }
            human
        })
        .collect()
}

/// `20260131` as `2026-01-31`; `None` where it is no date.
pub(super) fn fhir_date(date: &str) -> Option<String> {
    let date = date.trim();
    if date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let text = format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]);
    lenticular_base::calendar::parse_span(&text).map(|_| text)
}
