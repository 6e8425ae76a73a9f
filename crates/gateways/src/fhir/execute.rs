//! Running one interaction: the same for a request of its own and for an entry of a batch.

use super::interaction::Interaction;
use super::outcome::{Outcome, etag, read_http_date, version_url};
use super::{batch, pages};
use crate::http::pairs;
use bytes::Bytes;
use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use lenticular_base::{Fault, FaultKind, Kind};
use lenticular_fhir::{kinds, outcome as fhir_outcome};
use lenticular_services::history::HistoryRequest;
use lenticular_services::records::Criteria;
use lenticular_services::resources::{Precondition, Version, Written, parse_etag};
use lenticular_services::{Caller, Services};

/// What `Prefer: return=` asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Return {
    Minimal,
    #[default]
    Representation,
    OperationOutcome,
}

/// What the request's headers ask for, beyond its URL.
#[derive(Clone, Debug, Default)]
pub struct Preferences {
    pub returns: Return,
    /// Whether `return=` was there at all.
    pub returns_asked: bool,
    pub lenient: bool,
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
    pub if_modified_since: Option<String>,
    pub if_none_exist: Option<String>,
}

impl Preferences {
    /// Reads the headers of FHIR R4 §3.1.0.1.
    pub fn of(headers: &HeaderMap) -> Preferences {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut preferences = Preferences {
            if_match: text(IF_MATCH.as_str()),
            if_none_match: text(IF_NONE_MATCH.as_str()),
            if_modified_since: text(IF_MODIFIED_SINCE.as_str()),
            if_none_exist: text("if-none-exist"),
            ..Preferences::default()
        };
        let prefers = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        for part in prefers.flat_map(|value| value.split([',', ';'])) {
            let part = part.trim();
            preferences.returns_asked |= part.starts_with("return=");
            match part {
                "return=minimal" => preferences.returns = Return::Minimal,
                "return=representation" => preferences.returns = Return::Representation,
                "return=OperationOutcome" => preferences.returns = Return::OperationOutcome,
                "handling=lenient" => preferences.lenient = true,
                _ => {}
            }
        }
        preferences
    }

    /// What a write asks of the current version.
    fn precondition(&self) -> Result<Precondition, Fault> {
        Precondition::of(self.if_match.as_deref(), self.if_none_match.as_deref())
    }
}

/// Runs one interaction for a caller.
pub async fn execute(
    services: &Services,
    caller: &Caller,
    interaction: Interaction,
    body: Bytes,
    preferences: &Preferences,
    base: &str,
) -> Result<Outcome, Fault> {
    let criteria = |pairs| Criteria { pairs, base: base.to_owned() };
    match interaction {
        Interaction::History { kind: Some(kind), .. } | Interaction::Vread { kind, .. } if is_audit(kind) => {
            Err(Fault::new(
                FaultKind::Unsupported,
                "interaction",
                "Audit events have one version and no history; they are read and searched.",
            ))
        }
        Interaction::Read { kind, id, .. } if is_audit(kind) => {
            let event = services.read_audit_event(caller, &id).await?;
            Ok(Outcome::new(StatusCode::OK, Some(event.to_bytes())).of_version(&event))
        }
        Interaction::Read { kind, id, pairs } => {
            let version = services.read(caller, kind, &id).await?;
            let owners = services.owners(caller, [&version]).await?;
            if unchanged(&version, preferences) {
                return Ok(Outcome::new(StatusCode::NOT_MODIFIED, None).of_version(&version));
            }
            let body = pages::narrowed(&version, &pairs)?;
            let outcome = Outcome::new(StatusCode::OK, Some(body)).of_version(&version);
            Ok(outcome.at_version(&version, base).owned_by(owners.of(&version)))
        }
        Interaction::Vread { kind, id, version } => {
            let version = services.vread(caller, kind, &id, version).await?;
            let owners = services.owners(caller, [&version]).await?;
            let outcome = Outcome::new(StatusCode::OK, Some(version.to_bytes())).of_version(&version);
            Ok(outcome.owned_by(owners.of(&version)))
        }
        Interaction::History { kind, id, pairs } => {
            let request = HistoryRequest::parse(kind, id, &pairs)?;
            let history = services.history(caller, request.clone()).await?;
            let owners = services.owners(caller, &history.versions).await?;
            let body = pages::history(&history, &owners, &request, &pairs, base);
            Ok(Outcome::new(StatusCode::OK, Some(body)))
        }
        Interaction::Search { kind, pairs, .. } if is_audit(kind) => {
            let page = services.search_audit_events(caller, pairs, base).await?;
            Ok(Outcome::new(StatusCode::OK, Some(pages::audit_events(&page, base))))
        }
        Interaction::Search { kind, pairs, .. } => {
            let found = services.search(caller, kind, pairs, base, preferences.lenient).await?;
            let owners = services.owners(caller, found.matches.iter().chain(&found.included)).await?;
            Ok(Outcome::new(StatusCode::OK, Some(pages::searchset(&found, &owners, kind, base)?)))
        }
        Interaction::Create { kind, pairs: mut wanted } => {
            let header = preferences.if_none_exist.as_deref().map(criteria_pairs);
            let conditional = header.is_some() || !wanted.is_empty();
            wanted.extend(header.unwrap_or_default());
            let if_none_exist = conditional.then(|| criteria(wanted));
            let written = services.create(caller, kind, body, if_none_exist, base).await?;
            Ok(outcome_of(written, preferences, base))
        }
        Interaction::Update { kind, id } => {
            let written = services.update(caller, kind, &id, body, preferences.precondition()?, base).await?;
            Ok(outcome_of(written, preferences, base))
        }
        Interaction::UpdateWhere { kind, pairs } => {
            let precondition = preferences.precondition()?;
            let written = services.update_where(caller, kind, criteria(pairs), body, precondition).await?;
            Ok(outcome_of(written, preferences, base))
        }
        Interaction::Delete { kind, id } => {
            let version = services.delete(caller, kind, &id, preferences.precondition()?).await?;
            Ok(Outcome { version, ..Outcome::new(StatusCode::NO_CONTENT, None) })
        }
        Interaction::DeleteWhere { kind, pairs } => {
            let version =
                services.delete_where(caller, kind, criteria(pairs), preferences.precondition()?).await?;
            Ok(Outcome { version, ..Outcome::new(StatusCode::NO_CONTENT, None) })
        }
        Interaction::Bundle => Box::pin(batch::process(services, caller, body, preferences, base)).await,
    }
}

fn is_audit(kind: Kind) -> bool {
    kinds::name(kind) == "AuditEvent"
}

/// `name=value&…` of `If-None-Exist`, perhaps behind `Type?` or `?`.
pub fn criteria_pairs(text: &str) -> Vec<(String, String)> {
    let query = text.split_once('?').map_or(text, |(_, query)| query);
    pairs(query)
}

/// Whether the client has it already (RFC 9110 §13.1.2, §13.1.3).
fn unchanged(version: &Version, preferences: &Preferences) -> bool {
    match (&preferences.if_none_match, &preferences.if_modified_since) {
        (Some(tags), _) => tags.split(',').any(|tag| {
            let tag = tag.trim();
            tag == "*" || parse_etag(tag).is_ok_and(|known| known == version.version)
        }),
        (None, Some(date)) => {
            read_http_date(date).is_some_and(|known| version.updated.0.div_euclid(1000) <= known)
        }
        (None, None) => false,
    }
}

/// What a write came to, in words.
pub fn words_of(written: &Written) -> String {
    let version = &written.version;
    let words = match (written.created, written.existed) {
        (true, _) => "Created",
        (_, true) => "Exists already; nothing was written",
        _ => "Updated",
    };
    let text =
        format!("{words}: {}/{} version {}", kinds::name(version.kind), version.id, etag(version.version));
    fhir_outcome::informational(&text)
}

fn outcome_of(written: Written, preferences: &Preferences, base: &str) -> Outcome {
    let version = &written.version;
    let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
    let body = match preferences.returns {
        Return::Minimal => None,
        Return::Representation => Some(version.to_bytes()),
        Return::OperationOutcome => Some(words_of(&written).into_bytes()),
    };
    let mut outcome = Outcome::new(status, body).of_version(version);
    outcome.location = Some(version_url(version, base));
    outcome
}

/// How a body that should be there and is not reads.
pub fn missing_body() -> Fault {
    Fault::new(FaultKind::Invalid, "body", "The request has no resource.")
}
