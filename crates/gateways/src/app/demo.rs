//! The demo's way back to its beginning.

use super::openapi::{Operation, operation};
use super::respond;
use crate::doors::{Door, door};
use crate::http::caller;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use lenticular_policy::Action;
use lenticular_services::Services;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// The doors of this subject.
pub const DOORS: &[Door] = &[door("POST", "/api/demo/reset", Action::Operate, "Demo")];

/// The operations of this subject.
pub const OPERATIONS: &[Operation] =
    &[operation("POST", "/api/demo/reset", "Loads the demo anew; operators do.", 202).gives::<Reset>()];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/demo/reset", post(reset))
}

/// The reset is under way.
#[derive(Serialize, ToSchema)]
struct Reset {
    reset: bool,
}

/// The answer leaves, then everything else begins anew.
async fn reset(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        services.reset_demo(&caller).await?;
        Ok((StatusCode::ACCEPTED, json!(Reset { reset: true })))
    };
    respond(outcome.await)
}
