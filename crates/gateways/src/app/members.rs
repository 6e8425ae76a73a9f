//! The members of the network.

use super::respond;
use crate::doors::{Door, door};
use crate::http::caller;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use lenticular_base::Fault;
use lenticular_policy::Action;
use lenticular_services::Services;
use lenticular_services::audit::Access;
use serde_json::{Value, json};

/// The doors of this subject.
pub const DOORS: &[Door] = &[door("GET", "/api/members", Action::Read, "Member")];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/members", get(members))
}

async fn members(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let found = match &caller.principal.link {
            Some(_) => Err(Fault::not_found()),
            None => services.members().await,
        };
        let found = services.audited(&caller, Access::of('R', "search-type", "Member", ""), found).await?;
        let members: Vec<Value> = found.iter().map(|m| json!({ "id": m.id, "name": m.name })).collect();
        Ok((StatusCode::OK, json!({ "members": members })))
    };
    respond(outcome.await)
}
