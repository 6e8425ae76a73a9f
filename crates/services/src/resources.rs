//! From JSON that arrived to a row that can be written: read, validated, indexed and packed before the writer is asked.

use crate::Services;
use crate::access::Caller;
use lenticular_base::index::Entry;
use lenticular_base::tree::{self, Tree};
use lenticular_base::{Fault, FaultKind, Instant, Kind, Labels, LogicalId, OrgNo};
use lenticular_fhir::outcome::Issue;
use lenticular_fhir::{compartment, extract, kinds, resource, validate};
use lenticular_store::{PackedBody, Packing, Put, Record};
use std::fmt;
use std::sync::Arc;

/// Everything that is wrong with a resource; the gateway shows each with its path. It prints as a count: values of
/// patients stay out of the log.
#[derive(Debug)]
pub struct Issues(pub Vec<Issue>);

impl fmt::Display for Issues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} issues", self.0.len())
    }
}

impl std::error::Error for Issues {}

/// A resource that is ready to be written.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub kind: Kind,
    pub id: String,
    pub patient: Option<String>,
    pub json: Arc<[u8]>,
    pub splice: i32,
    pub packed: PackedBody,
    pub entries: Vec<Entry>,
}

impl Prepared {
    /// The change that writes it for one member.
    pub fn put(self, org: OrgNo) -> Put {
        Put {
            org,
            patient: self.patient,
            kind: self.kind,
            labels: Labels(0),
            study: None,
            id: self.id,
            body: self.packed,
            splice: self.splice,
            entries: self.entries,
            in_place: false,
        }
    }
}

/// One version of a resource on its way out.
#[derive(Clone, Debug)]
pub struct Version {
    pub kind: Kind,
    pub id: String,
    pub version: i64,
    pub updated: Instant,
    pub deleted: bool,
    pub body: Arc<[u8]>,
    pub splice: i32,
}

impl Version {
    /// Appends the resource with its `versionId` and `lastUpdated`.
    pub fn write(&self, out: &mut Vec<u8>) {
        match (u32::try_from(self.splice), std::str::from_utf8(&self.body)) {
            (Ok(at), Ok(json)) => resource::splice(json, at, self.version.unsigned_abs(), self.updated, out),
            _ => out.extend_from_slice(&self.body),
        }
    }

    /// The resource with its `versionId` and `lastUpdated`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.body.len() + 80);
        self.write(&mut out);
        out
    }
}

impl From<Record> for Version {
    fn from(record: Record) -> Version {
        Version {
            kind: record.columns.kind,
            id: record.id,
            version: record.version,
            updated: record.columns.time,
            deleted: record.deleted,
            body: record.body,
            splice: record.splice,
        }
    }
}

/// The number of a FHIR resource type; types that do not exist are refused as FHIR asks (404).
pub fn kind_of(resource_type: &str) -> Result<Kind, Fault> {
    kinds::kind(resource_type).ok_or_else(|| {
        Fault::new(FaultKind::NotFound, "unknown-type", format!("FHIR R4 has no resource type \"{}\".", short(resource_type)))
    })
}

/// At most 64 characters of what a caller sent, to show it back.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Reads a body as JSON.
pub fn parse(bytes: &[u8]) -> Result<Tree<'_>, Fault> {
    tree::parse(bytes).map_err(|e| Fault::new(FaultKind::Invalid, "structure", format!("The body is no JSON that FHIR can have: {e}.")))
}

/// Whether the kind is one that only the server writes.
pub(crate) fn refuse_server_owned(kind: Kind) -> Result<(), Fault> {
    if kinds::name(kind) == "AuditEvent" {
        return Err(Fault::new(
            FaultKind::Unsupported,
            "server-owned",
            "Audit events are written by the server alone.",
        ));
    }
    Ok(())
}

impl Services {
    /// Checks the structure and makes everything that a commit needs. CPU work.
    pub fn prepare(&self, tree: &Tree<'_>, kind: Kind, id: &str) -> Result<Prepared, Fault> {
        if let Err(issues) = validate::validate(tree, Some(kinds::name(kind))) {
            let first = issues.first();
            let mut fault = Fault::new(
                FaultKind::Invalid,
                "structure",
                first.map_or_else(String::new, |issue| issue.text.clone()),
            );
            fault.path = first.map(|issue| issue.path.clone());
            return Err(fault.caused_by(Issues(issues)));
        }
        self.prepare_valid(tree, kind, id)
    }

    /// The same for a resource that the server made or has checked.
    pub(crate) fn prepare_valid(&self, tree: &Tree<'_>, kind: Kind, id: &str) -> Result<Prepared, Fault> {
        let body = resource::prepare(tree, id)
            .map_err(|e| Fault::new(FaultKind::Invalid, "structure", format!("The body is no resource: {e}.")))?;
        let patient = match kinds::name(kind) {
            "Patient" => Some(id.to_owned()),
            _ => compartment::patient_of(tree, kind),
        };
        let splice = i32::try_from(body.splice).map_err(Fault::internal)?;
        Ok(Prepared {
            kind,
            id: id.to_owned(),
            patient,
            packed: self.store.reader.pack(kind, body.json.as_bytes(), Packing::Zstd),
            splice,
            entries: extract::extract(tree, kind),
            json: Arc::from(body.json.into_bytes()),
        })
    }
}

/// The logical id that a body carries, checked.
pub(crate) fn id_in_body(tree: &Tree<'_>) -> Result<Option<LogicalId>, Fault> {
    match tree.text_at("id") {
        Some(id) => LogicalId::parse(&id).map(Some).map_err(|fault| fault.at("id")),
        None => Ok(None),
    }
}

/// The version that an `If-Match` header asks for: `W/"3"` or `"3"` (RFC 9110 §13.1.1, FHIR R4 §3.1.0.6).
pub fn parse_etag(text: &str) -> Result<i64, Fault> {
    let inner = text.trim().trim_start_matches("W/").trim_matches('"');
    inner.parse().ok().filter(|version| *version > 0).ok_or_else(|| {
        Fault::new(FaultKind::Invalid, "if-match", "If-Match is a version such as W/\"3\".")
    })
}

/// Refuses where the current version is not the one that was asked for.
pub(crate) fn check_match(current: Option<&Record>, wanted: Option<i64>) -> Result<(), Fault> {
    let Some(wanted) = wanted else { return Ok(()) };
    let found = current.filter(|record| !record.deleted).map(|record| record.version);
    if found == Some(wanted) {
        return Ok(());
    }
    let words = match found {
        Some(version) => format!("The current version is W/\"{version}\", not W/\"{wanted}\"; nothing was changed."),
        None => format!("There is no current version, so it is not W/\"{wanted}\"; nothing was changed."),
    };
    Err(Fault::new(FaultKind::PreconditionFailed, "version-conflict", words))
}

/// What one write came to.
#[derive(Clone, Debug)]
pub struct Written {
    pub version: Version,
    /// A row that was not there before (201), or a new version of one (200).
    pub created: bool,
    /// Nothing was written: `If-None-Exist` found this one.
    pub existed: bool,
}

pub(crate) fn written(prepared: &WrittenParts, version: i64, updated: Instant, created: bool) -> Written {
    Written {
        version: Version {
            kind: prepared.kind,
            id: prepared.id.clone(),
            version,
            updated,
            deleted: false,
            body: prepared.json.clone(),
            splice: prepared.splice,
        },
        created,
        existed: false,
    }
}

/// What is kept of a [`Prepared`] while its packed form goes to the writer.
#[derive(Clone, Debug)]
pub(crate) struct WrittenParts {
    pub kind: Kind,
    pub id: String,
    pub json: Arc<[u8]>,
    pub splice: i32,
}

impl From<&Prepared> for WrittenParts {
    fn from(prepared: &Prepared) -> WrittenParts {
        WrittenParts {
            kind: prepared.kind,
            id: prepared.id.clone(),
            json: prepared.json.clone(),
            splice: prepared.splice,
        }
    }
}

/// The base that conditional criteria and references are read against; relative forms are what counts.
pub(crate) fn search_context<'a>(services: &'a Services, base: &'a str) -> lenticular_fhir::search::SearchContext<'a> {
    lenticular_fhir::search::SearchContext {
        base_url: base,
        default_count: services.settings.page_default,
        max_count: services.settings.page_limit,
        lenient: false,
        now: services.now(),
    }
}

/// Whose rows a caller writes: always the own member's.
pub(crate) fn own_org(caller: &Caller) -> OrgNo {
    caller.principal.org
}
