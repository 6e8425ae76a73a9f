//! The own session: who I am, what I may, what is kept for me.

use super::openapi::{Operation, operation};
use super::{read, respond};
use crate::doors::{Door, door};
use crate::http::{caller, credential, empty, fault_json, read_body};
use crate::login;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post, put};
use http::{HeaderMap, StatusCode};
use lenticular_base::{Fault, FaultKind};
use lenticular_policy::Action;
use lenticular_services::sessions::{PREFERENCES, Session};
use lenticular_services::{Caller, Services};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The doors of this subject.
pub const DOORS: &[Door] = &[
    door("GET", "/api/session", Action::Own, "Session"),
    door("POST", "/api/session", Action::Own, "Session"),
    door("DELETE", "/api/session", Action::Own, "Session"),
    door("PUT", "/api/preferences", Action::Own, "Preferences"),
    door("POST", "/api/password", Action::Own, "User"),
];

/// The operations of this subject.
pub const OPERATIONS: &[Operation] = &[
    operation("GET", "/api/session", "Who the caller is and what they may.", 200).gives::<Session>(),
    operation("POST", "/api/session", "Moves the session to another member of its user.", 200)
        .takes::<Switch>()
        .gives::<Session>(),
    operation("DELETE", "/api/session", "Signs out.", 204),
    operation("PUT", "/api/preferences", "Keeps any JSON object of at most 16 KiB for the user.", 204)
        .takes::<Preferences>(),
    operation("POST", "/api/password", "Changes the password; ends the user's other sessions.", 204)
        .takes::<PasswordChange>(),
];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new()
        .route("/api/session", get(session).post(switch).delete(log_out))
        .route("/api/preferences", put(set_preferences))
        .route("/api/password", post(change_password))
}

/// The member to move to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Switch {
    /// The member's id.
    member: String,
}

/// What the app keeps for its user.
#[derive(Deserialize, ToSchema)]
#[schema(value_type = std::collections::HashMap<String, Value>)]
struct Preferences(Map<String, Value>);

/// The password as it is and as it shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    current: String,
    /// 12 to 256 characters.
    new: String,
}

async fn answered(services: &Services, caller: &Caller, token: &str) -> Result<(StatusCode, Value), Fault> {
    let session = services.session(caller, token).await?;
    Ok((StatusCode::OK, serde_json::to_value(session).map_err(Fault::internal)?))
}

async fn session(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        answered(&services, &caller, credential(&headers).unwrap_or_default()).await
    };
    respond(outcome.await)
}

async fn switch(State(services): State<Services>, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let wanted: Switch = read(&headers, body).await?;
        let token = credential(&headers).unwrap_or_default();
        let caller = services.switch_member(&caller, token, &wanted.member).await?;
        answered(&services, &caller, token).await
    };
    respond(outcome.await)
}

async fn log_out(State(services): State<Services>, headers: HeaderMap) -> Response {
    match services.log_out(credential(&headers).unwrap_or_default()).await {
        Ok(()) => login::without_cookie(&services, &headers, empty(StatusCode::NO_CONTENT)),
        Err(fault) => fault_json(&fault),
    }
}

async fn set_preferences(State(services): State<Services>, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let bytes = read_body(&headers, body, PREFERENCES as u64).await?;
        let invalid = |e: serde_json::Error| {
            Fault::new(FaultKind::Invalid, "json", format!("Preferences are a JSON object: {e}."))
        };
        let Preferences(preferences) = serde_json::from_slice(&bytes).map_err(invalid)?;
        services.set_preferences(&caller, preferences).await?;
        Ok((StatusCode::NO_CONTENT, Value::Null))
    };
    respond(outcome.await)
}

async fn change_password(State(services): State<Services>, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let change: PasswordChange = read(&headers, body).await?;
        let token = credential(&headers).unwrap_or_default();
        services.change_password(&caller, token, change.current, change.new).await?;
        Ok((StatusCode::NO_CONTENT, Value::Null))
    };
    respond(outcome.await)
}
