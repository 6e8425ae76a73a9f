//! A user's own measurements and key images on a study.

use super::openapi::{Operation, operation};
use super::respond;
use crate::doors::{Door, door};
use crate::http::{caller, read_body};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use lenticular_base::Fault;
use lenticular_policy::Action;
use lenticular_services::Services;
use lenticular_services::annotations::{Annotations, LARGEST};
use serde_json::Value;

/// The doors of this subject: whoever reads a study keeps notes on it.
pub const DOORS: &[Door] = &[
    door("GET", "/api/annotations/{study}", Action::Read, "Study"),
    door("PUT", "/api/annotations/{study}", Action::Read, "Study"),
];

/// The operations of this subject.
pub const OPERATIONS: &[Operation] = &[
    operation("GET", "/api/annotations/{study}", "The caller's own notes on a study.", 200)
        .gives::<Annotations>(),
    operation("PUT", "/api/annotations/{study}", "Writes them anew, at most 1 MiB.", 204)
        .takes::<Annotations>(),
];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/annotations/{study}", get(annotations).put(annotate))
}

async fn annotations(
    State(services): State<Services>,
    headers: HeaderMap,
    Path(study): Path<String>,
) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let notes = services.annotations(&caller, &study).await?;
        Ok((StatusCode::OK, serde_json::to_value(notes).map_err(Fault::internal)?))
    };
    respond(outcome.await)
}

async fn annotate(
    State(services): State<Services>,
    headers: HeaderMap,
    Path(study): Path<String>,
    body: Body,
) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let bytes = read_body(&headers, body, LARGEST).await?;
        services.annotate(&caller, &study, Annotations::parse(&bytes)?).await?;
        Ok((StatusCode::NO_CONTENT, Value::Null))
    };
    respond(outcome.await)
}
