//! Devices: AE titles and where they call from.

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
use lenticular_services::audit::Access;
use serde_json::{Value, json};

/// The doors of this subject.
pub const DOORS: &[Door] = &[door("GET", "/api/devices", Action::Administer, "Device")];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/devices", get(devices))
}

async fn devices(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let found = match services.authorise(&caller, Action::Administer, None) {
            Ok(_) => services.devices().await,
            Err(fault) => Err(fault),
        };
        let found = services.audited(&caller, Access::of('R', "search-type", "Device", ""), found).await?;
        let own: Vec<Value> = found
            .iter()
            .filter(|device| device.org == caller.principal.org.0)
            .map(|device| json!({ "ae": device.ae, "peer": device.peer }))
            .collect();
        Ok((StatusCode::OK, json!({ "devices": own })))
    };
    respond(outcome.await)
}
