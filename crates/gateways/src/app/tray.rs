//! The tray of conflicts: seen, compared, decided.

use super::openapi::{Operation, operation};
use super::{read, respond};
use crate::doors::{Door, door};
use crate::http::{answer, caller, fault_json};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, StatusCode};
use lenticular_base::{Fault, FaultKind};
use lenticular_policy::Action;
use lenticular_services::Services;
use lenticular_services::tray::{Conflict, ConflictDetails, Verdict, Which};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The doors of this subject.
pub const DOORS: &[Door] = &[
    door("GET", "/api/conflicts", Action::Reconcile, "Conflict"),
    door("GET", "/api/conflicts/{id}", Action::Reconcile, "Conflict"),
    door("POST", "/api/conflicts/{id}", Action::Reconcile, "Conflict"),
    door("GET", "/api/conflicts/{id}/rendered", Action::Reconcile, "Conflict"),
];

/// The operations of this subject.
pub const OPERATIONS: &[Operation] = &[
    operation("GET", "/api/conflicts", "Objects that contradict what is here, in the order of arrival.", 200)
        .gives::<Conflicts>(),
    operation("GET", "/api/conflicts/{id}", "One of them beside what is in its way.", 200)
        .gives::<ConflictDetails>(),
    operation("POST", "/api/conflicts/{id}", "Decides about it.", 204).takes::<DecisionRequest>(),
    operation("GET", "/api/conflicts/{id}/rendered", "The first frame of one of the two.", 200)
        .asks(&[("which", "incoming or current")])
        .gives_media("image/jpeg"),
];

/// The tray.
#[derive(Serialize, ToSchema)]
struct Conflicts {
    conflicts: Vec<Conflict>,
}

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new()
        .route("/api/conflicts", get(conflicts))
        .route("/api/conflicts/{id}", get(conflict).post(decide))
        .route("/api/conflicts/{id}/rendered", get(rendered))
}

async fn conflicts(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let conflicts = services.conflicts(&caller).await?;
        Ok((StatusCode::OK, json!(Conflicts { conflicts })))
    };
    respond(outcome.await)
}

async fn conflict(State(services): State<Services>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let details = services.conflict(&caller, &id).await?;
        Ok((StatusCode::OK, serde_json::to_value(details).map_err(Fault::internal)?))
    };
    respond(outcome.await)
}

/// What is decided.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DecisionRequest {
    decision: Verdict,
    /// The same for all that wait in that study for that reason.
    #[serde(default)]
    all: bool,
}

async fn decide(
    State(services): State<Services>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let request: DecisionRequest = read(&headers, body).await?;
        services.decide_conflict(&caller, &id, request.decision, request.all).await?;
        Ok((StatusCode::NO_CONTENT, Value::Null))
    };
    respond(outcome.await)
}

async fn rendered(
    State(services): State<Services>,
    headers: HeaderMap,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let which = match query.as_deref() {
            Some("which=incoming") => Which::Incoming,
            Some("which=current") => Which::Current,
            _ => {
                let words = "The picture is which=incoming or which=current.";
                return Err(Fault::new(FaultKind::Invalid, "which", words));
            }
        };
        services.conflict_picture(&caller, &id, which).await
    };
    match outcome.await {
        Ok(picture) => {
            let mut response = answer(StatusCode::OK, "image/jpeg", picture);
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(fault) => fault_json(&fault),
    }
}
