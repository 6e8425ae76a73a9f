//! The one-time set-up of a fresh deployment.

use super::{read, respond};
use crate::doors::{Door, open};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use lenticular_base::{Fault, OrgId, OrgNo};
use lenticular_policy::{Principal, Purpose, Role};
use lenticular_services::audit::Access;
use lenticular_services::network::{Member, NETWORK};
use lenticular_services::{Caller, Services};
use serde::Deserialize;
use serde_json::json;

/// The doors of this subject.
pub const DOORS: &[Door] = &[open("POST", "/api/setup")];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/setup", post(set_up))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetupRequest {
    secret: String,
    id: String,
    name: String,
}

async fn set_up(State(services): State<Services>, headers: HeaderMap, body: Body) -> Response {
    let request = read(&headers, body).await;
    // to the end, with its entry in the log, even where nobody waits any more
    let done = tokio::spawn(async move { set_up_audited(&services, request).await });
    let outcome = done.await.map_err(Fault::internal).flatten();
    respond(outcome.map(|(member, token)| {
        (StatusCode::CREATED, json!({ "member": member.id, "role": "administrator", "token": token }))
    }))
}

/// A success is in the log of the member that it made, a failure in the network's.
async fn set_up_audited(
    services: &Services,
    request: Result<SetupRequest, Fault>,
) -> Result<(Member, String), Fault> {
    let outcome = async {
        let request = request?;
        services.set_up(&request.secret, OrgId::parse(&request.id)?, &request.name).await
    }
    .await;
    let (org, role, agent, entity) = match &outcome {
        Ok((member, _)) => (OrgNo(member.no), Role::Administrator, "owner", member.id.as_str()),
        Err(_) => (NETWORK, Role::Guest, "", ""),
    };
    let principal = Principal::new(org, role, agent);
    let caller = Caller { principal, purpose: Purpose::Treat, way: "app" };
    services.audited(&caller, Access::of('C', "set-up", "Member", entity), outcome).await
}
