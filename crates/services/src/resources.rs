//! From JSON that arrived to a row that can be written: read, validated, indexed and packed before the writer is asked.

use crate::Services;
use crate::access::Caller;
use lenticular_base::index::Entry;
use lenticular_base::tree::{self, Text, Tree};
use lenticular_base::{Fault, FaultKind, Instant, Kind, Labels, LogicalId, OrgNo};
use lenticular_fhir::outcome::Issue;
use lenticular_fhir::reference::{self, Place, Reference, for_each_reference_mut};
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

/// The same fault with every path in it told from further outside.
pub(crate) fn relocated(mut fault: Fault, outside: impl Fn(&str) -> String) -> Fault {
    fault.path = fault.path.map(|path| outside(&path));
    if let Some(Issues(issues)) = fault.source.as_mut().and_then(|source| source.downcast_mut()) {
        for issue in issues {
            issue.path = outside(&issue.path);
        }
    }
    fault
}

/// A resource that is ready to be written.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub kind: Kind,
    pub id: String,
    pub patient: Option<String>,
    /// The Study Instance UID that an ImagingStudy is about.
    pub study: Option<String>,
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
            study: self.study,
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
    /// The member whose row it is; `None` for what the caller wrote itself.
    pub owner: Option<OrgNo>,
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
            owner: Some(record.columns.org),
        }
    }
}

/// The number of a FHIR resource type; types that do not exist are refused as FHIR asks (404).
pub fn kind_of(resource_type: &str) -> Result<Kind, Fault> {
    kinds::kind(resource_type).ok_or_else(|| {
        Fault::new(
            FaultKind::NotFound,
            "unknown-type",
            format!("FHIR R4 has no resource type \"{}\".", short(resource_type)),
        )
    })
}

/// At most 64 characters of what a caller sent, to show it back.
pub fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Reads a body as JSON.
pub fn parse(bytes: &[u8]) -> Result<Tree<'_>, Fault> {
    tree::parse(bytes).map_err(|e| {
        Fault::new(FaultKind::Invalid, "structure", format!("The body is no JSON that FHIR can have: {e}."))
    })
}

/// Makes references to this server relative: whose record a resource is, and what it is found by, is told by relative
/// references alone, so that a row can be indexed again from itself. `bases` are FHIR bases without a slash at the end.
pub(crate) fn make_own_references_relative(tree: &mut Tree<'_>, bases: &[&str]) {
    for_each_reference_mut(tree, &mut |place, text| {
        if place != Place::Reference || !text.raw().contains("://") && !text.raw().contains('\\') {
            return;
        }
        let plain = text.text();
        let relative = bases.iter().find_map(|base| plain.strip_prefix(base)?.strip_prefix('/'));
        if let Some(relative) =
            relative.filter(|rest| matches!(reference::parse(rest), Some(Reference::Relative(_))))
        {
            *text = Text::new(relative.to_owned());
        }
    });
}

/// The authority of a base, `cloud.example.org:8080`: a body without it has no reference to that base.
fn authority(base: &str) -> &str {
    let rest = base.split_once("://").map_or(base, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// Reads a resource that arrived at `base`; references to this server become relative.
pub(crate) fn parse_resource<'a>(
    services: &Services,
    bytes: &'a [u8],
    base: &str,
) -> Result<Tree<'a>, Fault> {
    let mut tree = parse(bytes)?;
    let configured = configured_base(services);
    let bases: Vec<&str> = own_bases(configured.as_deref(), base)
        .into_iter()
        .filter(|base| memchr::memmem::find(bytes, authority(base).as_bytes()).is_some())
        .collect();
    if !bases.is_empty() {
        make_own_references_relative(&mut tree, &bases);
    }
    Ok(tree)
}

/// The FHIR base that the owner configured.
pub(crate) fn configured_base(services: &Services) -> Option<String> {
    services.settings.public_url.as_ref().map(|url| format!("{}/fhir", url.trim_end_matches('/')))
}

/// The bases that mean this server: that of the request, and the configured one.
pub(crate) fn own_bases<'a>(configured: Option<&'a str>, base: &'a str) -> Vec<&'a str> {
    let mut bases: Vec<&str> = [Some(base), configured].into_iter().flatten().collect();
    bases.retain(|base| base.contains("://"));
    bases.dedup();
    bases
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
        let body = resource::prepare(tree, id).map_err(|e| {
            Fault::new(FaultKind::Invalid, "structure", format!("The body is no resource: {e}."))
        })?;
        let patient = match kinds::name(kind) {
            "Patient" => Some(id.to_owned()),
            _ => compartment::patient_of(tree, kind),
        };
        let splice = i32::try_from(body.splice).map_err(Fault::internal)?;
        Ok(Prepared {
            kind,
            id: id.to_owned(),
            patient,
            study: study_of(tree, kind),
            packed: self.store.reader.pack(kind, body.json.as_bytes(), Packing::Zstd),
            splice,
            entries: extract::extract(tree, kind),
            json: Arc::from(body.json.into_bytes()),
        })
    }
}

/// The Study Instance UID in an ImagingStudy's identifiers (R4 §8.22.4): `urn:dicom:uid|urn:oid:1.2.3`. A share of the
/// study opens the row by it, also after a client has updated the resource.
fn study_of(tree: &Tree<'_>, kind: Kind) -> Option<String> {
    if kinds::name(kind) != "ImagingStudy" {
        return None;
    }
    let Some(Tree::Array(identifiers)) = tree.get("identifier") else { return None };
    identifiers.iter().find_map(|identifier| {
        let uid = identifier
            .text_at("value")
            .filter(|_| identifier.text_at("system").as_deref() == Some("urn:dicom:uid"))?;
        let uid = uid.strip_prefix("urn:oid:")?;
        let fits = (1..=64).contains(&uid.len()) && uid.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        fits.then(|| uid.to_owned())
    })
}

/// The logical id that a body carries, checked.
pub(crate) fn id_in_body(tree: &Tree<'_>) -> Result<Option<LogicalId>, Fault> {
    match tree.text_at("id") {
        Some(id) => LogicalId::parse(&id).map(Some).map_err(|fault| fault.at("id")),
        None => Ok(None),
    }
}

/// What has to be true of the current version before something is written (RFC 9110 §13.1, FHIR R4 §3.1.0.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Precondition {
    #[default]
    None,
    /// `If-Match: W/"3"`.
    Version(i64),
    /// `If-Match: *`: there is one.
    Exists,
    /// `If-None-Match: *`: there is none.
    Absent,
}

impl Precondition {
    /// What `If-Match` asks for.
    pub fn if_match(text: &str) -> Result<Precondition, Fault> {
        if text.trim() == "*" {
            Ok(Precondition::Exists)
        } else {
            parse_etag(text).map(Precondition::Version)
        }
    }

    /// What a write's `If-Match` and `If-None-Match` ask for; of the latter only `*` means anything for a write.
    pub fn of(if_match: Option<&str>, if_none_match: Option<&str>) -> Result<Precondition, Fault> {
        match (if_match, if_none_match.map(str::trim)) {
            (Some(text), _) => Precondition::if_match(text),
            (None, Some("*")) => Ok(Precondition::Absent),
            _ => Ok(Precondition::None),
        }
    }

    /// Refuses where the current version is not as it was asked for.
    pub(crate) fn check(self, current: Option<&Record>) -> Result<(), Fault> {
        let found = current.filter(|record| !record.deleted).map(|record| record.version);
        let words = match (self, found) {
            (Precondition::None, _) | (Precondition::Exists, Some(_)) | (Precondition::Absent, None) => {
                return Ok(());
            }
            (Precondition::Version(wanted), Some(version)) if wanted == version => return Ok(()),
            (Precondition::Version(wanted), Some(version)) => {
                format!("The current version is W/\"{version}\", not W/\"{wanted}\"; nothing was changed.")
            }
            (Precondition::Version(wanted), None) => {
                format!("There is no current version, so it is not W/\"{wanted}\"; nothing was changed.")
            }
            (Precondition::Exists, None) => "There is no current version; nothing was changed.".to_owned(),
            (Precondition::Absent, Some(version)) => {
                format!("It is there already, as version W/\"{version}\"; nothing was changed.")
            }
        };
        Err(Fault::new(FaultKind::PreconditionFailed, "version-conflict", words))
    }
}

/// The version in an entity tag: `W/"3"`, `"3"`, or the bare `3` that some clients send.
pub fn parse_etag(text: &str) -> Result<i64, Fault> {
    let text = text.trim();
    let tag = text.strip_prefix("W/").unwrap_or(text);
    let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag);
    let digits = !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_digit());
    inner
        .parse()
        .ok()
        .filter(|version| digits && *version > 0)
        .ok_or_else(|| Fault::new(FaultKind::Invalid, "if-match", "If-Match is a version such as W/\"3\"."))
}

/// What one write came to.
#[derive(Clone, Debug)]
pub struct Written {
    pub version: Version,
    /// The patient whose record it is.
    pub patient: Option<String>,
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
            owner: None,
        },
        patient: prepared.patient.clone(),
        created,
        existed: false,
    }
}

/// What is kept of a [`Prepared`] while its packed form goes to the writer.
#[derive(Clone, Debug)]
pub(crate) struct WrittenParts {
    pub kind: Kind,
    pub id: String,
    pub patient: Option<String>,
    pub json: Arc<[u8]>,
    pub splice: i32,
}

impl Written {
    /// What a condition found instead of writing.
    pub(crate) fn found(record: Record) -> Written {
        let patient = record.columns.patient.clone();
        Written { version: record.into(), patient, created: false, existed: true }
    }
}

impl From<&Prepared> for WrittenParts {
    fn from(prepared: &Prepared) -> WrittenParts {
        WrittenParts {
            kind: prepared.kind,
            id: prepared.id.clone(),
            patient: prepared.patient.clone(),
            json: prepared.json.clone(),
            splice: prepared.splice,
        }
    }
}

/// The base that conditional criteria and references are read against; relative forms are what counts.
pub(crate) fn search_context<'a>(
    services: &'a Services,
    base: &'a str,
) -> lenticular_fhir::search::SearchContext<'a> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imaging_study_tells_which_study_it_is_about() {
        let kind = kind_of("ImagingStudy").unwrap();
        let check = |identifiers: &str, study: Option<&str>| {
            let json = format!(r#"{{"resourceType":"ImagingStudy","identifier":[{identifiers}]}}"#);
            assert_eq!(study_of(&parse(json.as_bytes()).unwrap(), kind).as_deref(), study);
        };
        let uid = r#"{"system":"urn:dicom:uid","value":"urn:oid:1.2.3"}"#;
        check(uid, Some("1.2.3"));
        check(&format!(r#"{{"value":"x"}},{uid}"#), Some("1.2.3"));
        check(r#"{"system":"urn:dicom:uid","value":"1.2.3"}"#, None);
        check(r#"{"system":"urn:dicom:uid","value":"urn:oid:x"}"#, None);
        check("", None);
        let other = format!(r#"{{"resourceType":"Basic","identifier":[{uid}]}}"#);
        assert_eq!(study_of(&parse(other.as_bytes()).unwrap(), kind_of("Basic").unwrap()), None);
    }

    #[test]
    fn entity_tags_are_read_and_nothing_else() {
        for (text, version) in [("W/\"3\"", 3), ("\"3\"", 3), (" 12 ", 12)] {
            assert_eq!(parse_etag(text).unwrap(), version);
        }
        for bad in [
            "",
            "W/",
            "W/\"\"",
            "W/\"0\"",
            "W/\"-1\"",
            "W/\"+1\"",
            "W/\"1",
            "W/W/\"1\"",
            "\"a\"",
            "99999999999999999999",
        ] {
            assert!(parse_etag(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn references_to_this_server_become_relative() {
        let bases = ["http://a:1/fhir", "https://b/fhir"];
        for (before, after) in [
            ("http://a:1/fhir/Patient/1", "Patient/1"),
            ("https:\\/\\/b\\/fhir\\/Patient\\/1\\/_history\\/2", "Patient/1/_history/2"),
            ("http://a:1/fhirx/Patient/1", "http://a:1/fhirx/Patient/1"),
            ("http://a:1/fhir/metadata", "http://a:1/fhir/metadata"),
            ("Patient/1", "Patient/1"),
        ] {
            let json = format!(r#"{{"resourceType":"Basic","subject":{{"reference":"{before}"}}}}"#);
            let mut tree = parse(json.as_bytes()).unwrap();
            make_own_references_relative(&mut tree, &bases);
            assert_eq!(tree.get("subject").unwrap().text_at("reference").unwrap(), after);
        }
    }
}
