//! Bundles of type batch and transaction (FHIR R4 §3.1.0.11).

use super::execute::{Preferences, Return, execute, missing_body, words_of};
use super::interaction::Interaction;
use super::outcome::Outcome;
use super::pages::content;
use crate::http::pairs;
use bytes::Bytes;
use http::{Method, StatusCode};
use lenticular_base::{Fault, tree};
use lenticular_fhir::bundle::{self, Content, EntryOut, Head, Response, Writer};
use lenticular_fhir::kinds;
use lenticular_services::resources::parse;
use lenticular_services::transactions::EntryOutcome;
use lenticular_services::{Caller, Services};

/// Does a Bundle.
pub async fn process(
    services: &Services,
    caller: &Caller,
    body: Bytes,
    preferences: &Preferences,
    base: &str,
) -> Result<Outcome, Fault> {
    if body.is_empty() {
        return Err(missing_body());
    }
    let own = base.to_owned();
    let check = move |url: &str| read_of(url, &own).map(|_| ());
    match services.transaction_or_batch(caller, body.clone(), base, check).await? {
        Some(outcomes) => answer_transaction(services, caller, &outcomes, preferences, base).await,
        None => batch(services, caller, body, preferences, base).await,
    }
}

/// The interaction of a URL to read: what cannot be done is told before a transaction is.
fn read_of(url: &str, base: &str) -> Result<Interaction, Fault> {
    let (path, query) = split(url, base);
    Interaction::parse(&Method::GET, path, pairs(query))
}

/// Path and query behind the base; entries' URLs are relative to it, or begin with it.
fn split<'u>(url: &'u str, base: &str) -> (&'u str, &'u str) {
    let relative = url.strip_prefix(base).filter(|rest| rest.starts_with(['/', '?'])).unwrap_or(url);
    relative.split_once('?').unwrap_or((relative, ""))
}

async fn answer_transaction(
    services: &Services,
    caller: &Caller,
    outcomes: &[EntryOutcome],
    preferences: &Preferences,
    base: &str,
) -> Result<Outcome, Fault> {
    let mut writer = Writer::new(&Head { kind: "transaction-response", ..Head::default() });
    let returns = if preferences.returns_asked { preferences.returns } else { Return::Minimal };
    let read_preferences = Preferences { lenient: preferences.lenient, ..Preferences::default() };
    for outcome in outcomes {
        match outcome {
            EntryOutcome::Written(written) => {
                let version = &written.version;
                let location =
                    format!("{}/{}/_history/{}", kinds::name(version.kind), version.id, version.version);
                let words = (returns == Return::OperationOutcome).then(|| words_of(written));
                writer.entry(&EntryOut {
                    resource: content(version).filter(|_| returns == Return::Representation),
                    response: Some(Response {
                        status: if written.created { "201 Created" } else { "200 OK" },
                        location: Some(&location),
                        version: Some(version.version.unsigned_abs()),
                        last_modified: Some(version.updated),
                        outcome: words.as_deref(),
                    }),
                    ..EntryOut::default()
                });
            }
            EntryOutcome::Deleted(version) => writer.entry(&EntryOut {
                response: Some(Response {
                    status: "204 No Content",
                    version: version.map(i64::unsigned_abs),
                    ..Response::default()
                }),
                ..EntryOut::default()
            }),
            EntryOutcome::Read(url) => {
                let read = request(
                    services,
                    caller,
                    &Method::GET,
                    url,
                    Bytes::new(),
                    read_preferences.clone(),
                    base,
                );
                entry(&mut writer, &read.await);
            }
        }
    }
    Ok(Outcome::new(StatusCode::OK, Some(writer.finish())))
}

async fn batch(
    services: &Services,
    caller: &Caller,
    body: Bytes,
    asked: &Preferences,
    base: &str,
) -> Result<Outcome, Fault> {
    let asked = asked.clone();
    let (mut answers, requests) = services.compute(move |_| read_batch(&body, &asked)).await?;
    for (index, method, url, resource, preferences) in requests {
        answers[index] = Some(request(services, caller, &method, &url, resource, preferences, base).await);
    }
    let mut writer = Writer::new(&Head { kind: "batch-response", ..Head::default() });
    for answer in answers.iter().flatten() {
        entry(&mut writer, answer);
    }
    Ok(Outcome::new(StatusCode::OK, Some(writer.finish())))
}

/// An entry of a batch: its place, and the request it is.
type Requested = (usize, Method, String, Bytes, Preferences);

/// The entries of a batch, and the answers to those that cannot be done. CPU work.
fn read_batch(body: &[u8], asked: &Preferences) -> Result<(Vec<Option<Outcome>>, Vec<Requested>), Fault> {
    let returns = if asked.returns_asked { asked.returns } else { Return::Minimal };
    let mut answers = Vec::new();
    let mut requests = Vec::new();
    let bundle = bundle::read(parse(body)?).map_err(Fault::from)?;
    answers.resize_with(bundle.count, || None);
    for (index, error) in bundle.refused {
        answers[index] = Some(Outcome::fault(&error.into()));
    }
    for entry in bundle.entries {
        let preferences = Preferences {
            returns,
            returns_asked: asked.returns_asked,
            lenient: asked.lenient,
            if_match: entry.if_match,
            if_none_match: entry.if_none_match,
            if_modified_since: entry.if_modified_since,
            if_none_exist: entry.if_none_exist,
        };
        let method = Method::from_bytes(entry.method.name().as_bytes()).map_err(Fault::internal)?;
        let resource = entry.resource.map(|tree| Bytes::from(tree.to_json())).unwrap_or_default();
        requests.push((entry.index, method, entry.url, resource, preferences));
    }
    Ok((answers, requests))
}

/// One entry as a request of its own.
async fn request(
    services: &Services,
    caller: &Caller,
    method: &Method,
    url: &str,
    body: Bytes,
    preferences: Preferences,
    base: &str,
) -> Outcome {
    let (path, query) = split(url, base);
    let done = async {
        let interaction = Interaction::parse(method, path, pairs(query))?;
        if interaction == Interaction::Bundle {
            return Err(Fault::new(
                lenticular_base::FaultKind::Invalid,
                "bundle",
                "A Bundle within a Bundle is not done.",
            ));
        }
        execute(services, caller, interaction, body, &preferences, base).await
    };
    done.await.unwrap_or_else(|fault| Outcome::fault(&fault))
}

fn entry(writer: &mut Writer, outcome: &Outcome) {
    let status = format!("{} {}", outcome.status.as_u16(), outcome.status.canonical_reason().unwrap_or(""))
        .trim()
        .to_owned();
    let body = outcome.body.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
    let failed = !outcome.status.is_success() || body.is_some_and(is_operation_outcome);
    writer.entry(&EntryOut {
        resource: body.filter(|_| !failed).map(Content::Json),
        response: Some(Response {
            status: &status,
            location: outcome.location.as_deref(),
            version: outcome.version.map(i64::unsigned_abs),
            last_modified: outcome.modified,
            outcome: body.filter(|_| failed),
        }),
        ..EntryOut::default()
    });
}

fn is_operation_outcome(json: &str) -> bool {
    json.starts_with("{\"resourceType\":\"OperationOutcome\"") && tree::parse(json.as_bytes()).is_ok()
}
