//! The audit log as a file for spreadsheets; the app reads it as `/fhir/AuditEvent`.

use super::openapi::{Operation, operation};
use crate::doors::{Door, door};
use crate::http::{answer, caller, fault_json, pairs, public_url};
use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use http::{HeaderMap, HeaderValue, StatusCode};
use lenticular_policy::Action;
use lenticular_services::Services;

/// The doors of this subject.
pub const DOORS: &[Door] = &[door("GET", "/api/audit.csv", Action::Audit, "AuditEvent")];

/// The operations of this subject.
pub const OPERATIONS: &[Operation] = &[operation(
    "GET",
    "/api/audit.csv",
    "The own member's audit log as CSV, newest first; at most 100,000 lines.",
    200,
)
.asks(&[
    ("date", "as in a search for AuditEvents, such as ge2026-11-01"),
    ("patient", "a Patient id"),
    ("agent-name", "who acted: a login, a device, or the name of a user"),
    ("entity", "what was touched, such as Patient/p1"),
    ("entity-type", "the kind of what was touched, such as Study or Token"),
    ("action", "one of C R U D E"),
    ("outcome", "0, 4 or 8"),
])
.gives_media("text/csv")];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/audit.csv", get(audit))
}

async fn audit(State(services): State<Services>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let base = format!("{}/fhir", public_url(&services, &headers));
        let asked = pairs(query.as_deref().unwrap_or(""));
        services.audit_lines(&caller, asked, &base).await
    };
    let lines = match outcome.await {
        Ok(lines) => lines,
        Err(fault) => return fault_json(&fault),
    };
    let body = Body::from_stream(stream::unfold(lines, |mut lines| async {
        let next = lines.next().await?;
        Some((next, lines))
    }));
    let mut response = answer(StatusCode::OK, "text/csv; charset=utf-8; header=present", body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"audit.csv\""));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
