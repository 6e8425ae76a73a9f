//! An entry of the log as the FHIR resource that says it.

use super::Names;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lenticular_base::tree::Tree;
use lenticular_store::AuditEntry;

/// The entry as an AuditEvent (R4 §6.4; patterns of IHE BALP).
pub(super) fn event_tree<'a>(entry: &'a AuditEntry, names: &'a Names) -> Tree<'a> {
    let coding = |system: &'a str, code: &'a str| {
        Tree::object([("system", Tree::string(system)), ("code", Tree::string(code))])
    };
    let name = |org: i64| names.members.get(&org).map_or("network", String::as_str);
    let mut entities = Vec::new();
    if let Some(patient) = &entry.patient {
        entities.push(Tree::object([
            ("what", Tree::object([("reference", Tree::string(format!("Patient/{patient}")))])),
            ("type", coding("http://terminology.hl7.org/CodeSystem/audit-entity-type", "1")),
            ("role", coding("http://terminology.hl7.org/CodeSystem/object-role", "1")),
        ]));
    }
    if !entry.entity.is_empty() {
        entities.push(Tree::object([
            ("what", what(entry)),
            ("type", coding("http://terminology.hl7.org/CodeSystem/audit-entity-type", "2")),
            ("role", coding("http://terminology.hl7.org/CodeSystem/object-role", "4")),
        ]));
    }
    if entry.entity.is_empty() && !entry.kind.is_empty() {
        // all of a kind, or one that is not told: its kind by name
        entities.push(Tree::object([
            ("type", coding("http://terminology.hl7.org/CodeSystem/audit-entity-type", "2")),
            ("role", coding("http://terminology.hl7.org/CodeSystem/object-role", "4")),
            ("name", Tree::string(entry.kind.as_str())),
        ]));
    }
    if let Some(query) = &entry.query {
        // sev-1: an entity has a name or a query, never both
        entities.push(Tree::object([
            ("type", coding("http://terminology.hl7.org/CodeSystem/audit-entity-type", "2")),
            ("role", coding("http://terminology.hl7.org/CodeSystem/object-role", "24")),
            ("query", Tree::string(BASE64_STANDARD.encode(query))),
        ]));
    }
    let mut agent = Tree::object([
        ("role", Tree::Array(vec![Tree::object([("text", Tree::string(entry.role.as_str()))])])),
        (
            "who",
            Tree::object([(
                "identifier",
                Tree::object([("value", Tree::string(format!("{}/{}", name(entry.agent_org), entry.agent)))]),
            )]),
        ),
        ("name", Tree::string(names.agent(entry).unwrap_or_else(|| "unknown".into()))),
        ("requestor", Tree::Bool(true)),
    ]);
    if let Some(object) = agent.as_object_mut().filter(|_| !entry.agent.is_empty()) {
        object.set("altId", Tree::string(entry.agent.as_str()));
    }
    let mut event = Tree::object([
        ("resourceType", Tree::string("AuditEvent")),
        ("type", coding("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest")),
        ("subtype", Tree::Array(vec![coding("http://hl7.org/fhir/restful-interaction", &entry.interaction)])),
        ("action", Tree::string(entry.action.to_string())),
        ("recorded", Tree::string(entry.time.to_string())),
        ("outcome", Tree::string(entry.outcome.to_string())),
        (
            "purposeOfEvent",
            Tree::Array(vec![Tree::object([(
                "coding",
                Tree::Array(vec![coding(
                    "http://terminology.hl7.org/CodeSystem/v3-ActReason",
                    &entry.purpose,
                )]),
            )])]),
        ),
        ("agent", Tree::Array(vec![agent])),
        (
            "source",
            Tree::object([
                ("site", Tree::string(name(entry.org))),
                ("observer", Tree::object([("display", Tree::string(format!("Lenticular, {}", entry.way)))])),
            ]),
        ),
    ]);
    if let Some(object) = event.as_object_mut().filter(|_| !entities.is_empty()) {
        object.set("entity", Tree::Array(entities));
    }
    event
}

/// A reference where the entity is a FHIR resource, an identifier where it is an image or a thing of the network.
fn what(entry: &AuditEntry) -> Tree<'_> {
    if lenticular_fhir::kinds::kind(&entry.kind).is_some() {
        return Tree::object([("reference", Tree::string(format!("{}/{}", entry.kind, entry.entity)))]);
    }
    let dicom = matches!(entry.kind.as_str(), "Study" | "Series" | "Instance");
    let value = if dicom { format!("urn:oid:{}", entry.entity) } else { entry.entity.clone() };
    let system = if dicom { "urn:dicom:uid" } else { "urn:ietf:rfc:3986" };
    let identifier = Tree::object([("system", Tree::string(system)), ("value", Tree::string(value))]);
    Tree::object([("identifier", identifier), ("display", Tree::string(entry.kind.as_str()))])
}
