//! FHIR R4 REST at `/fhir` (FHIR R4 §3.1): a URL becomes an [`Interaction`], a service runs it, an [`Outcome`] goes back.
//!
//! Start reading at [`interaction`], then [`execute`]; [`batch`] runs the same interactions inside a Bundle.

mod batch;
mod capability;
mod execute;
mod interaction;
mod outcome;
mod pages;

use crate::doors::{Door, door, open};
use crate::http::{caller, pairs, public_url, read_body};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use execute::Preferences;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};
use interaction::{Interaction, allowed_methods};
use lenticular_base::{Fault, FaultKind};
use lenticular_policy::Action;
use lenticular_services::Services;
use outcome::Outcome;

/// The doors of this gateway.
pub const DOORS: &[Door] = &[
    open("GET", "/fhir/metadata"),
    door("GET", "/fhir/{type}", Action::Search, "{type}"),
    door("POST", "/fhir/{type}/_search", Action::Search, "{type}"),
    door("POST", "/fhir/{type}", Action::Write, "{type}"),
    door("PUT", "/fhir/{type}", Action::Write, "{type}"),
    door("DELETE", "/fhir/{type}", Action::Write, "{type}"),
    door("GET", "/fhir/{type}/{id}", Action::Read, "{type}"),
    door("PUT", "/fhir/{type}/{id}", Action::Write, "{type}"),
    door("DELETE", "/fhir/{type}/{id}", Action::Write, "{type}"),
    door("GET", "/fhir/{type}/{id}/_history", Action::Read, "{type}"),
    door("GET", "/fhir/{type}/{id}/_history/{version}", Action::Read, "{type}"),
    door("GET", "/fhir/{type}/_history", Action::Read, "{type}"),
    door("GET", "/fhir/_history", Action::Read, "every type"),
    door("POST", "/fhir", Action::Write, "each entry's own"),
    door("GET", "/fhir/AuditEvent", Action::Audit, "AuditEvent"),
    door("GET", "/fhir/AuditEvent/{id}", Action::Audit, "AuditEvent"),
];

/// The routes of this gateway.
pub fn router() -> Router<Services> {
    Router::new().route("/fhir", any(handle)).route("/fhir/", any(handle)).route("/fhir/{*path}", any(handle))
}

async fn handle(State(services): State<Services>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let query = pairs(parts.uri.query().unwrap_or(""));
    let format = match Format::of(&parts.headers, &query) {
        Ok(format) => format,
        Err(fault) => return Outcome::fault(&fault).respond(false),
    };
    let garbled = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
    if query.iter().any(|(name, value)| garbled(name) || garbled(value)) {
        let words = "The percent-encoding of the query is not of UTF-8 text.";
        return Outcome::fault(&Fault::new(FaultKind::Invalid, "query", words)).respond(format.pretty);
    }
    let base = format!("{}/fhir", public_url(&services, &parts.headers));
    let path = parts.uri.path().strip_prefix("/fhir").unwrap_or("");
    if parts.method == Method::OPTIONS {
        return Outcome::new(StatusCode::NO_CONTENT, None).allowing(allowed_methods(path)).respond(false);
    }
    let outcome = run(&services, &parts.method, path, query, &parts.headers, &base, body).await;
    let mut outcome = outcome.unwrap_or_else(|fault| Outcome::fault(&fault));
    if outcome.status == StatusCode::METHOD_NOT_ALLOWED {
        outcome = outcome.allowing(allowed_methods(path));
    }
    outcome.respond(format.pretty)
}

async fn run(
    services: &Services,
    method: &Method,
    path: &str,
    query: Vec<(String, String)>,
    headers: &HeaderMap,
    base: &str,
    body: Body,
) -> Result<Outcome, Fault> {
    if matches!(*method, Method::GET | Method::HEAD) && path.trim_matches('/') == "metadata" {
        return Ok(capability::statement(services, base));
    }
    let caller = caller(services, headers, "fhir").await?;
    let mut interaction = Interaction::parse(method, path, query)?;
    let preferences = Preferences::of(headers);
    let body = match interaction.wants_body() {
        true => read_body(headers, body, interaction.body_limit(services.settings().body_limit)).await?,
        false => Bytes::new(),
    };
    check_content_type(headers, &interaction, &body)?;
    if let Interaction::Search { pairs: all, form: true, .. } = &mut interaction {
        let text = std::str::from_utf8(&body)
            .map_err(|_| Fault::new(FaultKind::Invalid, "form", "The form is no UTF-8 text."))?;
        all.extend(pairs(text));
    }
    execute::execute(services, &caller, interaction, body, &preferences, base).await
}

fn check_content_type(headers: &HeaderMap, interaction: &Interaction, body: &Bytes) -> Result<(), Fault> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = media.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let fits = match interaction {
        Interaction::Search { form: true, .. } => {
            body.is_empty() || media == "application/x-www-form-urlencoded"
        }
        _ => {
            media.is_empty()
                || media == "application/json"
                || media == "text/json"
                || media == "application/fhir+json"
        }
    };
    if fits || !interaction.wants_body() {
        return Ok(());
    }
    Err(Fault::new(
        FaultKind::UnsupportedMedia,
        "content-type",
        "FHIR bodies are application/fhir+json here; forms for _search are application/x-www-form-urlencoded.",
    ))
}

/// What the client wants to read.
struct Format {
    pretty: bool,
}

impl Format {
    /// `_format` wins over `Accept` (FHIR R4 §3.1.0.1.11); only JSON is made.
    fn of(headers: &HeaderMap, query: &[(String, String)]) -> Result<Format, Fault> {
        let named = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let pretty = named("_pretty") == Some("true");
        let acceptable = match named("_format") {
            Some(format) => is_json(&format.replace(' ', "+")),
            None => {
                let mut accepts =
                    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
                accepts.peek().is_none() || accepts.flat_map(|value| value.split(',')).any(accepts_json)
            }
        };
        if acceptable {
            return Ok(Format { pretty });
        }
        Err(Fault::new(
            FaultKind::NotAcceptable,
            "format",
            "Resources are served as application/fhir+json here.",
        ))
    }
}

fn is_json(media: &str) -> bool {
    matches!(media, "json" | "application/json" | "application/fhir+json" | "text/json")
}

/// Whether one part of an `Accept` header lets JSON through, with a quality above 0 (RFC 9110 §12.5.1).
fn accepts_json(part: &str) -> bool {
    let mut pieces = part.split(';').map(str::trim);
    let media = pieces.next().unwrap_or("").to_ascii_lowercase();
    let refused = pieces.any(|piece| {
        piece.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|quality| quality <= 0.0)
    });
    !refused && (is_json(&media) || media == "*/*" || media == "application/*" || media.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_what_is_made() {
        let format = |accept: Option<&str>, query: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(ACCEPT, accept.parse().unwrap());
            }
            let query: Vec<_> = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            Format::of(&headers, &query).is_ok()
        };
        assert!(format(None, &[]));
        assert!(format(Some("application/fhir+xml;q=0.9, application/fhir+json"), &[]));
        assert!(format(Some("text/html,*/*;q=0.8"), &[]));
        assert!(format(Some("application/fhir+xml"), &[("_format", "application/fhir json")]));
        assert!(!format(Some("application/fhir+xml"), &[]));
        assert!(!format(Some("application/json;q=0"), &[]));
        assert!(!format(None, &[("_format", "xml")]));
    }
}
