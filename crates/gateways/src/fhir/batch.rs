//! Bundles of type batch and transaction (FHIR R4 §3.1.0.11).

use super::execute::{Preferences, Return, execute, missing_body, words_of};
use super::interaction::Interaction;
use super::outcome::Outcome;
use super::pages::content;
use crate::http::pairs;
use bytes::Bytes;
use http::{Method, StatusCode};
use lenticular_base::{Fault, FaultKind, tree};
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
    let mut asking = Asking { services, caller, base, room: Room(LARGEST_ANSWER) };
    for outcome in outcomes {
        match outcome {
            EntryOutcome::Written(written) => {
                let version = &written.version;
                let location =
                    format!("{}/{}/_history/{}", kinds::name(version.kind), version.id, version.version);
                let words = (returns == Return::OperationOutcome).then(|| words_of(written));
                writer.entry(&EntryOut {
                    resource: content(version).filter(|_| {
                        returns == Return::Representation && asking.room.take(version.body.len())
                    }),
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
                let preferences = read_preferences.clone();
                let read = asking.request(&Method::GET, url, Bytes::new(), preferences);
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
    let mut asking = Asking { services, caller, base, room: Room(LARGEST_ANSWER) };
    for (index, method, url, resource, preferences) in requests {
        answers[index] = Some(asking.request(&method, &url, resource, preferences).await);
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

/// Who asks for the entries, and what their answers may still carry.
struct Asking<'a> {
    services: &'a Services,
    caller: &'a Caller,
    base: &'a str,
    room: Room,
}

impl Asking<'_> {
    /// One entry as a request of its own.
    async fn request(
        &mut self,
        method: &Method,
        url: &str,
        body: Bytes,
        preferences: Preferences,
    ) -> Outcome {
        let (path, query) = split(url, self.base);
        // what changed while those before it ran holds for it
        let caller = Caller { asked: None, ..self.caller.clone() };
        let mut reads = false;
        let done = async {
            let interaction = Interaction::parse(method, path, pairs(query))?;
            if interaction == Interaction::Bundle {
                return Err(Fault::new(
                    FaultKind::Invalid,
                    "bundle",
                    "A Bundle within a Bundle is not done.",
                ));
            }
            reads = interaction.reads();
            if reads && self.room.0 == 0 {
                return Err(too_much());
            }
            execute(self.services, &caller, interaction, body, &preferences, self.base).await
        };
        let mut outcome = done.await.unwrap_or_else(|fault| Outcome::fault(&fault));
        let fits = outcome.body.as_ref().is_none_or(|body| self.room.take(body.len()));
        if !fits && outcome.status.is_success() {
            match reads {
                true => outcome = Outcome::fault(&too_much()),
                false => outcome.body = None,
            }
        }
        outcome
    }
}

/// The most bytes of resources that a Bundle is answered with.
const LARGEST_ANSWER: usize = 64 << 20;

/// How many more bytes the answer to a Bundle may carry. Where it is full, what is written is not given back, and what
/// was to be read is refused.
struct Room(usize);

impl Room {
    /// Whether so many bytes fit; where they do not, nothing does any more.
    fn take(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

fn too_much() -> Fault {
    let words = format!(
        "The answer to a Bundle carries at most {} MB; send this entry as a request of its own.",
        LARGEST_ANSWER >> 20
    );
    Fault::new(FaultKind::TooLarge, "bundle-answer", words)
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
