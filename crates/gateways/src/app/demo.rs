//! The demo's way back to its beginning.

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
use serde_json::json;

/// The doors of this subject.
pub const DOORS: &[Door] = &[door("POST", "/api/demo/reset", Action::Administer, "Demo")];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/demo/reset", post(reset))
}

/// The answer leaves, then everything else begins anew.
async fn reset(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        services.reset_demo(&caller).await?;
        Ok((StatusCode::ACCEPTED, json!({ "reset": true })))
    };
    respond(outcome.await)
}
