//! The system: health, sizes, listeners, work under way, the level of the log.

use super::openapi::{Operation, operation};
use super::{read, respond};
use crate::doors::{Door, door};
use crate::http::caller;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, put};
use http::{HeaderMap, StatusCode};
use lenticular_base::Fault;
use lenticular_policy::Action;
use lenticular_services::Services;
use lenticular_services::system::System;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The doors of this subject.
pub const DOORS: &[Door] = &[
    door("GET", "/api/system", Action::Administer, "System"),
    door("PUT", "/api/system/log", Action::Operate, "System"),
];

/// The operations of this subject.
pub const OPERATIONS: &[Operation] = &[
    operation("GET", "/api/system", "Health, sizes, listeners and work under way.", 200).gives::<System>(),
    operation("PUT", "/api/system/log", "Sets the level of the log; operators do.", 204)
        .takes::<LogRequest>(),
];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/system", get(system)).route("/api/system/log", put(set_log_level))
}

async fn system(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let system = services.system(&caller).await?;
        Ok((StatusCode::OK, serde_json::to_value(system).map_err(Fault::internal)?))
    };
    respond(outcome.await)
}

/// A level, or a filter such as `info,lenticular_services=debug`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LogRequest {
    level: String,
}

async fn set_log_level(State(services): State<Services>, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let request: LogRequest = read(&headers, body).await?;
        services.set_log_level(&caller, &request.level).await?;
        Ok((StatusCode::NO_CONTENT, Value::Null))
    };
    respond(outcome.await)
}
