//! `/api`: what the app, scripts and administrators need that no standard names.

use crate::doors::{Door, door, open};
use crate::http::{answer, caller, empty, fault_json, public_url, read_body};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{delete, get, post};
use http::{HeaderMap, StatusCode};
use lenticular_base::{Fault, FaultKind, OrgId, OrgNo};
use lenticular_policy::{Action, Principal, Purpose, Role};
use lenticular_services::audit::Access;
use lenticular_services::network::{Member, NETWORK};
use lenticular_services::shares::ShareRequest;
use lenticular_services::{Caller, Services};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The doors of this gateway.
pub const DOORS: &[Door] = &[
    door("POST", "/api/shares", Action::Share, "Share"),
    door("GET", "/api/shares", Action::Share, "Share"),
    door("DELETE", "/api/shares/{id}", Action::Share, "Share"),
    door("GET", "/api/conflicts", Action::Reconcile, "Conflict"),
    door("GET", "/api/members", Action::Read, "Member"),
    door("GET", "/api/devices", Action::Administer, "Device"),
    open("POST", "/api/setup"),
    open("GET", "/api/openapi.json"),
];

const LARGEST_BODY: u64 = 64 * 1024;

/// The routes of this gateway.
pub fn router() -> Router<Services> {
    Router::new()
        .route("/api/shares", post(share).get(shares))
        .route("/api/shares/{id}", delete(unshare))
        .route("/api/conflicts", get(conflicts))
        .route("/api/members", get(members))
        .route("/api/devices", get(devices))
        .route("/api/setup", post(set_up))
        .route("/api/openapi.json", get(openapi))
}

fn respond(outcome: Result<(StatusCode, Value), Fault>) -> Response {
    match outcome {
        Ok((StatusCode::NO_CONTENT, _)) => empty(StatusCode::NO_CONTENT),
        Ok((status, value)) => answer(status, "application/json", value.to_string()),
        Err(fault) => fault_json(&fault),
    }
}

async fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Fault> {
    let bytes = read_body(headers, body, LARGEST_BODY).await?;
    serde_json::from_slice(&bytes)
        .map_err(|e| Fault::new(FaultKind::Invalid, "json", format!("The body does not read: {e}.")))
}

async fn share(State(services): State<Services>, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let request: ShareRequest = read(&headers, body).await?;
        let shared = services.share(&caller, request).await?;
        let mut value = json!({ "id": shared.share.id, "expires": shared.share.expires });
        if let Some(token) = shared.token {
            value["link"] = json!(format!("{}/link#{token}", public_url(&services, &headers)));
            value["token"] = json!(token);
        }
        Ok((StatusCode::CREATED, value))
    };
    respond(outcome.await)
}

async fn shares(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let mut shares = serde_json::to_value(services.shares(&caller).await?).map_err(Fault::internal)?;
        for share in shares.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            let by_link = share.remove("link_key").is_some();
            share.insert("link".into(), json!(by_link));
        }
        Ok((StatusCode::OK, json!({ "shares": shares })))
    };
    respond(outcome.await)
}

async fn unshare(State(services): State<Services>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        services.unshare(&caller, &id).await?;
        Ok((StatusCode::NO_CONTENT, Value::Null))
    };
    respond(outcome.await)
}

async fn conflicts(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let conflicts = services.conflicts(&caller).await?;
        Ok((StatusCode::OK, json!({ "conflicts": conflicts })))
    };
    respond(outcome.await)
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
    let principal = Principal { org, role, agent: agent.to_owned(), link: None };
    let caller = Caller { principal, purpose: Purpose::Treat, way: "app" };
    services.audited(&caller, Access::of('C', "set-up", "Member", entity), outcome).await
}

async fn openapi() -> Response {
    let mut paths = serde_json::Map::new();
    for door in DOORS {
        let operation = json!({
            "summary": format!("{} ({})", door.kind, door.action.map_or("open".into(), |a| format!("{a:?}"))),
            "security": if door.action.is_some() { json!([{ "bearer": [] }]) } else { json!([]) },
            "responses": { "default": { "description": "JSON; errors as {\"error\": code, \"message\": words}" } },
        });
        let path = paths.entry(door.path).or_insert_with(|| json!({}));
        path[door.method.to_ascii_lowercase()] = operation;
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Lenticular app API", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": { "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } } },
    });
    answer(StatusCode::OK, "application/json", document.to_string())
}
