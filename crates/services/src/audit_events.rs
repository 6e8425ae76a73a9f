//! The audit log as FHIR AuditEvent: read and search, for the member whose log it is.

mod event;
mod names;
mod visible;

pub(crate) use names::{Names, member_names};
pub(crate) use visible::shown;

use crate::Services;
use crate::access::{Caller, directory};
use crate::audit::Access;
use crate::resources::{Version, own_org, short};
use lenticular_base::{Fault, FaultKind, LogicalId, calendar};
use lenticular_fhir::resource;
use lenticular_policy::Action;
use lenticular_store::{AuditEntry, AuditFilter};
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
                    let names = Names::of(services, [&found.1])?;
                    services.event(shown(found.1, &filter), &names)
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
        if filter.no_patient {
            hide_patients(&mut filter).ok_or_else(|| {
                let role = caller.principal.role.name();
                let words = format!(
                    "The role {role} may not search the audit log by patient, nor by what a patient may be told from."
                );
                Fault::new(FaultKind::Forbidden, "role", words)
            })?;
        }
        Ok(filter)
    }

    fn audit_page(&self, mut filter: AuditFilter, pairs: Vec<(String, String)>) -> Result<AuditPage, Fault> {
        let wanted = filter.limit;
        filter.limit += 1;
        self.resolve_agents(&mut filter)?;
        let mut found = self.store.audits.search(&filter)?;
        let more = found.len() as u64 > wanted;
        found.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        let names = Names::of(self, found.iter().map(|(_, entry)| entry))?;
        let next = found.last().filter(|_| more).map(|(sequence, _)| *sequence);
        let shown = found.into_iter().map(|(_, entry)| shown(entry, &filter));
        let events = shown.map(|entry| self.event(entry, &names)).collect::<Result<_, _>>()?;
        Ok(AuditPage { events, next, pairs: pairs.into_iter().filter(|(name, _)| name != "_page").collect() })
    }

    fn audit_filter(&self, caller: &Caller) -> Result<AuditFilter, Fault> {
        let scope = self.authorise(caller, Action::Audit, None)?;
        Ok(AuditFilter {
            org: own_org(caller).0,
            no_patient: visible::names_no_patient(&scope),
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
            "agent-name" | "altid" => !filter.agents.is_empty(),
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
            "agent-name" | "altid" => filter.agents.push(value.to_owned()),
            "entity" => {
                let (kind, id) = relative.split_once('/').ok_or_else(invalid)?;
                narrow_kind(filter, kind)?;
                filter.entity = Some(id.to_owned());
            }
            "entity-type" => {
                let kind = code_of(value, "http://hl7.org/fhir/resource-types").ok_or_else(invalid)?;
                let word = (1..=64).contains(&kind.len()) && kind.bytes().all(|b| b.is_ascii_alphabetic());
                narrow_kind(filter, Some(kind).filter(|_| word).ok_or_else(invalid)?)?;
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
                        "AuditEvent is searched by _id, date, _lastUpdated, patient, agent-name, altid, entity, entity-type, action, outcome, _count and _sort=-date; not by {}.",
                        short(name)
                    ),
                ));
            }
        }
        Ok(())
    }

    fn event(&self, entry: AuditEntry, names: &Names) -> Result<Version, Fault> {
        let kind = crate::resources::kind_of("AuditEvent")?;
        let body =
            resource::prepare(&event::event_tree(&entry, names), &entry.id).map_err(Fault::internal)?;
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

/// Whose a thing of a kind can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EntityKind {
    /// Describes a member: no patient's, nor is what was searched for, nor an id that is not there.
    Directory,
    /// The network's own: users, tokens, devices that send. It names no patient where it is there.
    Network,
    /// May be a patient's.
    Records,
}

impl EntityKind {
    /// The word `Device` stands for a sender where the app asks, and for a FHIR Device, which may be a patient's, elsewhere.
    fn of(kind: &str, way: &str) -> EntityKind {
        match kind {
            "User" | "Token" | "Session" | "Preferences" | "Member" | "System" | "Demo" => {
                EntityKind::Network
            }
            "Device" if way == "app" => EntityKind::Network,
            _ if lenticular_fhir::kinds::kind(kind).is_some_and(|kind| directory().contains(&kind)) => {
                EntityKind::Directory
            }
            _ => EntityKind::Records,
        }
    }
}

/// The code of a token, `code`, `|code` or `system|code` of the one system it can have.
fn code_of<'v>(value: &'v str, system: &str) -> Option<&'v str> {
    match value.split_once('|') {
        None => Some(value),
        Some((given, code)) => (given.is_empty() || given == system).then_some(code),
    }
}

/// A kind of `entity-type`, or that of an `entity`: both are one.
fn narrow_kind(filter: &mut AuditFilter, kind: &str) -> Result<(), Fault> {
    if filter.kind.as_deref().is_some_and(|known| known != kind) {
        let words = "entity-type takes one value here, once, and it is that of entity.";
        return Err(Fault::new(FaultKind::Invalid, "search-value", words));
    }
    filter.kind = Some(kind.to_owned());
    Ok(())
}

/// Keeps a search from finding what [`shown`] hides; `None` where nothing else is asked for.
fn hide_patients(filter: &mut AuditFilter) -> Option<()> {
    if filter.patient.is_some() {
        return None;
    }
    if filter.entity.is_some() {
        match EntityKind::of(filter.kind.as_deref().unwrap_or(""), "") {
            EntityKind::Directory => {}
            EntityKind::Network if filter.outcome.unwrap_or(0) == 0 => filter.outcome = Some(0),
            EntityKind::Network | EntityKind::Records => return None,
        }
    }
    Some(())
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
