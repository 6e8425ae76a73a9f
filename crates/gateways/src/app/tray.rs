//! The tray of conflicts.

use super::respond;
use crate::doors::{Door, door};
use crate::http::caller;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use lenticular_policy::Action;
use lenticular_services::Services;
use serde_json::json;

/// The doors of this subject.
pub const DOORS: &[Door] = &[door("GET", "/api/conflicts", Action::Reconcile, "Conflict")];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/conflicts", get(conflicts))
}

async fn conflicts(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let conflicts = services.conflicts(&caller).await?;
        Ok((StatusCode::OK, json!({ "conflicts": conflicts })))
    };
    respond(outcome.await)
}
