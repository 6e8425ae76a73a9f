//! The audit log as FHIR AuditEvent: read and search, for the member whose log it is.

use crate::Services;
use crate::access::{Caller, directory};
use crate::audit::Access;
use crate::network::Member;
use crate::resources::{Version, own_org, short};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lenticular_base::tree::Tree;
use lenticular_base::{Fault, FaultKind, LogicalId, calendar};
use lenticular_fhir::resource;
use lenticular_policy::{Action, Filter, Scope};
use lenticular_store::{AuditEntry, AuditFilter};
use std::collections::HashMap;
use std::sync::Arc;

/// A page of audit events, newest first.
#[derive(Clone, Debug)]
pub struct AuditPage {
    pub events: Vec<Version>,
    pub next: Option<i64>,
    /// What was understood, for the `self` link.
    pub pairs: Vec<(String, String)>,
}

impl Services {
    /// Reads one entry of the own member's log.
    pub async fn read_audit_event(&self, caller: &Caller, id: &str) -> Result<Version, Fault> {
        let outcome = match self.audit_filter(caller) {
            Ok(filter) => {
                let filter = AuditFilter { id: Some(id.to_owned()), limit: 1, ..filter };
                self.blocking(move |services| {
                    let found = services.store.audits.search(&filter)?.pop().ok_or_else(Fault::not_found)?;
                    services.event(shown(found.1, &filter), &member_names(services)?)
                })
                .await
            }
            Err(fault) => Err(fault),
        };
        self.audited(caller, Access::of('R', "read", "AuditEvent", &short(id)), outcome).await
    }

    /// Searches the own member's log. `base` is the FHIR base of this request.
    pub async fn search_audit_events(
        &self,
        caller: &Caller,
        pairs: Vec<(String, String)>,
        base: &str,
    ) -> Result<AuditPage, Fault> {
        let query = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        let outcome = match self.read_audit_search(caller, &pairs, base) {
            Ok(filter) => self.blocking(move |services| services.audit_page(filter, pairs)).await,
            Err(fault) => Err(fault),
        };
        self.audited(caller, Access::of('E', "search-type", "AuditEvent", "").query(query), outcome).await
    }

    pub(crate) fn read_audit_search(
        &self,
        caller: &Caller,
        pairs: &[(String, String)],
        base: &str,
    ) -> Result<AuditFilter, Fault> {
        let mut filter = self.audit_filter(caller)?;
        filter.limit = u64::from(self.settings.page_default);
        for (name, value) in pairs {
            self.narrow(&mut filter, name, value, base)?;
        }
        let of_patient =
            filter.patient.is_some() || filter.kind.as_deref().is_some_and(|kind| !is_open(kind));
        if filter.no_patient && of_patient {
            return Err(Fault::new(
                FaultKind::Forbidden,
                "role",
                format!(
                    "The role {} may not search the audit log by patient, nor by what a patient may be told from.",
                    caller.principal.role.name()
                ),
            ));
        }
        Ok(filter)
    }

    fn audit_page(&self, mut filter: AuditFilter, pairs: Vec<(String, String)>) -> Result<AuditPage, Fault> {
        let wanted = filter.limit;
        filter.limit += 1;
        let mut found = self.store.audits.search(&filter)?;
        let more = found.len() as u64 > wanted;
        found.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        let names = member_names(self)?;
        let next = found.last().filter(|_| more).map(|(sequence, _)| *sequence);
        let shown = found.into_iter().map(|(_, entry)| shown(entry, &filter));
        let events = shown.map(|entry| self.event(entry, &names)).collect::<Result<_, _>>()?;
        Ok(AuditPage { events, next, pairs: pairs.into_iter().filter(|(name, _)| name != "_page").collect() })
    }

    fn audit_filter(&self, caller: &Caller) -> Result<AuditFilter, Fault> {
        let scope = self.authorise(caller, Action::Audit, None)?;
        Ok(AuditFilter {
            org: own_org(caller).0,
            no_patient: names_no_patient(&scope),
            ..AuditFilter::default()
        })
    }

    /// Takes one parameter in. Each is given once, with one value, but for `date`, which narrows each time.
    fn narrow(&self, filter: &mut AuditFilter, name: &str, value: &str, base: &str) -> Result<(), Fault> {
        let invalid = || {
            Fault::new(FaultKind::Invalid, "search-value", format!("{name} does not read: {}.", short(value)))
        };
        let repeated = match name {
            "_id" => filter.id.is_some(),
            "patient" | "patient:Patient" => filter.patient.is_some(),
            "agent-name" => filter.agent.is_some(),
            "entity" => filter.entity.is_some(),
            "action" => filter.action.is_some(),
            "outcome" => filter.outcome.is_some(),
            _ => false,
        };
        let several = value.is_empty() || value.contains(',') || repeated;
        if several && !name.starts_with("_page") && !matches!(name, "_format" | "_pretty" | "_sort") {
            let words = format!("{name} takes one value here, once.");
            return Err(Fault::new(FaultKind::Invalid, "search-value", words));
        }
        let relative = value.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')).unwrap_or(value);
        match name {
            "_id" => filter.id = Some(value.to_owned()),
            "date" | "_lastUpdated" => narrow_date(filter, value).ok_or_else(invalid)?,
            "patient" | "patient:Patient" => {
                let id = relative.strip_prefix("Patient/").unwrap_or(relative);
                filter.patient = Some(LogicalId::parse(id).map_err(|_| invalid())?.as_str().to_owned());
            }
            "agent-name" => filter.agent = Some(value.to_owned()),
            "entity" => {
                let (kind, id) = relative.split_once('/').ok_or_else(invalid)?;
                filter.kind = Some(kind.to_owned());
                filter.entity = Some(id.to_owned());
            }
            "action" => {
                let mut letters =
                    code_of(value, "http://hl7.org/fhir/audit-event-action").ok_or_else(invalid)?.chars();
                let action =
                    letters.next().filter(|letter| "CRUDE".contains(*letter) && letters.next().is_none());
                filter.action = Some(action.ok_or_else(invalid)?);
            }
            "outcome" => {
                let code = code_of(value, "http://hl7.org/fhir/audit-event-outcome").ok_or_else(invalid)?;
                filter.outcome = Some(code.parse().map_err(|_| invalid())?);
            }
            "_count" => {
                let count: u64 = value.parse().map_err(|_| invalid())?;
                filter.limit = count.clamp(1, u64::from(self.settings.page_limit));
            }
            "_page" => filter.before = Some(value.parse().map_err(|_| invalid())?),
            "_sort" if matches!(value, "-date" | "-_lastUpdated") => {}
            "_format" | "_pretty" => {}
            _ => {
                return Err(Fault::new(
                    FaultKind::Invalid,
                    "search-parameter-unknown",
                    format!(
                        "AuditEvent is searched by _id, date, _lastUpdated, patient, agent-name, entity, action, outcome, _count and _sort=-date; not by {}.",
                        short(name)
                    ),
                ));
            }
        }
        Ok(())
    }

    fn event(&self, entry: AuditEntry, names: &HashMap<i64, String>) -> Result<Version, Fault> {
        let kind = crate::resources::kind_of("AuditEvent")?;
        let body = resource::prepare(&event_tree(&entry, names), &entry.id).map_err(Fault::internal)?;
        Ok(Version {
            kind,
            id: entry.id,
            version: 1,
            updated: entry.time,
            deleted: false,
            splice: i32::try_from(body.splice).map_err(Fault::internal)?,
            body: Arc::from(body.json.into_bytes()),
            owner: None,
        })
    }
}

/// The ids of the members by their numbers.
pub(crate) fn member_names(services: &Services) -> Result<HashMap<i64, String>, Fault> {
    let members: Vec<Member> = services.network_rows(crate::kinds::MEMBER)?;
    Ok(members.into_iter().map(|member| (member.no, member.id)).collect())
}

/// The code of a token, `code`, `|code` or `system|code` of the one system it can have.
fn code_of<'v>(value: &'v str, system: &str) -> Option<&'v str> {
    match value.split_once('|') {
        None => Some(value),
        Some((given, code)) => (given.is_empty() || given == system).then_some(code),
    }
}

fn names_no_patient(scope: &Scope) -> bool {
    matches!(scope.filter(), Filter::And(parts) if parts.contains(&Filter::NoPatient))
}

/// Whether a thing of this kind belongs to no patient: the directory and the network's members. A Device may be a patient's.
fn is_open(kind: &str) -> bool {
    kind == "Member" || lenticular_fhir::kinds::kind(kind).is_some_and(|kind| directory().contains(&kind))
}

/// The entry as who asks may see it. Where that is no patient's, what was touched and what was searched for may still tell
/// of one: `name=…`, the id of a read that failed, a study's UID. A search of the directory tells of none where it
/// was understood and does not look back from another type (`_has`).
pub(crate) fn shown(entry: AuditEntry, filter: &AuditFilter) -> AuditEntry {
    if !filter.no_patient {
        return entry;
    }
    if !is_open(&entry.kind) {
        return AuditEntry { entity: String::new(), query: None, ..entry };
    }
    let succeeded = entry.outcome == 0;
    let query = entry.query.filter(|query| succeeded && !query.contains("_has"));
    AuditEntry { query, ..entry }
}

/// `ge2026-01-01`, `2026-11`, `lt…`: narrows to the span of the date.
fn narrow_date(filter: &mut AuditFilter, value: &str) -> Option<()> {
    let (prefix, date) = match value.get(..2) {
        Some(prefix @ ("eq" | "ge" | "gt" | "le" | "lt" | "sa" | "eb")) => (prefix, &value[2..]),
        _ => ("eq", value),
    };
    let span = calendar::parse_span(date)?;
    let (low, high) = match prefix {
        "ge" => (Some(span.low), None),
        "gt" | "sa" => (Some(span.high), None),
        "le" => (None, Some(span.high)),
        "lt" | "eb" => (None, Some(span.low)),
        _ => (Some(span.low), Some(span.high)),
    };
    filter.low = [filter.low, low].into_iter().flatten().max();
    filter.high = [filter.high, high].into_iter().flatten().min();
    Some(())
}

/// The entry as an AuditEvent (R4 §6.4; patterns of IHE BALP).
fn event_tree<'a>(entry: &'a AuditEntry, names: &'a HashMap<i64, String>) -> Tree<'a> {
    let coding = |system: &'a str, code: &'a str| {
        Tree::object([("system", Tree::string(system)), ("code", Tree::string(code))])
    };
    let name = |org: i64| names.get(&org).map_or("network", String::as_str);
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
    if let Some(query) = &entry.query {
        entities.push(Tree::object([
            ("type", coding("http://terminology.hl7.org/CodeSystem/audit-entity-type", "2")),
            ("role", coding("http://terminology.hl7.org/CodeSystem/object-role", "24")),
            ("name", Tree::string(entry.kind.as_str())),
            ("query", Tree::string(BASE64_STANDARD.encode(query))),
        ]));
    }
    let agent = Tree::object([
        ("role", Tree::Array(vec![Tree::object([("text", Tree::string(entry.role.as_str()))])])),
        (
            "who",
            Tree::object([(
                "identifier",
                Tree::object([("value", Tree::string(format!("{}/{}", name(entry.agent_org), entry.agent)))]),
            )]),
        ),
        ("name", Tree::string(if entry.agent.is_empty() { "unknown" } else { entry.agent.as_str() })),
        ("requestor", Tree::Bool(true)),
    ]);
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
