//! Tokens and sessions in force.

use super::openapi::{Operation, operation};
use super::{read, respond};
use crate::doors::{Door, door};
use crate::http::caller;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{delete, get};
use http::{HeaderMap, StatusCode};
use lenticular_policy::Action;
use lenticular_services::Services;
use lenticular_services::network::tokens::{NewToken, TokenSummary};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The doors of this subject.
pub const DOORS: &[Door] = &[
    door("GET", "/api/tokens", Action::Own, "Token"),
    door("POST", "/api/tokens", Action::Own, "Token"),
    door("DELETE", "/api/tokens/{id}", Action::Own, "Token"),
];

/// The operations of this subject.
pub const OPERATIONS: &[Operation] = &[
    operation(
        "GET",
        "/api/tokens",
        "Tokens and sessions in force: the own ones, an administrator's of all.",
        200,
    )
    .gives::<Tokens>(),
    operation("POST", "/api/tokens", "Makes a token that acts for the caller; it is shown this once.", 201)
        .takes::<TokenRequest>()
        .gives::<NewToken>(),
    operation("DELETE", "/api/tokens/{id}", "Takes a token or a session back, at once.", 204),
];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/tokens", get(tokens).post(create)).route("/api/tokens/{id}", delete(revoke))
}

/// The tokens in force.
#[derive(Serialize, ToSchema)]
struct Tokens {
    tokens: Vec<TokenSummary>,
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    /// What it is for: 1 to 64 characters.
    name: String,
    /// The own role; administrators may give others.
    role: String,
    /// 1 to 366.
    days: u32,
}

async fn tokens(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        Ok((StatusCode::OK, json!(Tokens { tokens: services.tokens(&caller).await? })))
    };
    respond(outcome.await)
}

async fn create(State(services): State<Services>, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let request: TokenRequest = read(&headers, body).await?;
        let made = services.create_token(&caller, &request.name, &request.role, request.days).await?;
        Ok((StatusCode::CREATED, json!(made)))
    };
    respond(outcome.await)
}

async fn revoke(State(services): State<Services>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        services.revoke_token(&caller, &id).await?;
        Ok((StatusCode::NO_CONTENT, Value::Null))
    };
    respond(outcome.await)
}
