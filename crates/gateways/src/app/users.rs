//! Users of the own member.

use super::openapi::{Operation, operation};
use super::{read, respond};
use crate::doors::{Door, door};
use crate::http::caller;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, patch};
use http::{HeaderMap, StatusCode};
use lenticular_policy::Action;
use lenticular_services::Services;
use lenticular_services::users::{MembershipChange, NewUser, UserSummary};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The doors of this subject.
pub const DOORS: &[Door] = &[
    door("GET", "/api/users", Action::Administer, "User"),
    door("POST", "/api/users", Action::Administer, "User"),
    door("PATCH", "/api/users/{login}", Action::Administer, "User"),
    door("DELETE", "/api/users/{login}", Action::Administer, "User"),
];

/// The operations of this subject.
pub const OPERATIONS: &[Operation] = &[
    operation("GET", "/api/users", "The users of the own member.", 200).gives::<Users>(),
    operation(
        "POST",
        "/api/users",
        "Adds a user; a login of another member becomes a user of this one too.",
        201,
    )
    .takes::<NewUser>()
    .gives::<CreatedUser>(),
    operation("PATCH", "/api/users/{login}", "Changes a user of the own member.", 200)
        .takes::<MembershipChange>()
        .gives::<ChangedUser>(),
    operation(
        "DELETE",
        "/api/users/{login}",
        "Removes a user from the own member, with sessions and tokens.",
        204,
    ),
];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new()
        .route("/api/users", get(users).post(create))
        .route("/api/users/{login}", patch(change).delete(remove))
}

/// The users of a member.
#[derive(Serialize, ToSchema)]
struct Users {
    users: Vec<UserSummary>,
}

/// A user that was added.
#[derive(Serialize, ToSchema)]
struct CreatedUser {
    login: String,
    /// Where it was made here: shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// A user that was changed.
#[derive(Serialize, ToSchema)]
struct ChangedUser {
    /// Where a new one was asked for: shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

async fn users(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        Ok((StatusCode::OK, json!(Users { users: services.users(&caller).await? })))
    };
    respond(outcome.await)
}

async fn create(State(services): State<Services>, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let request: NewUser = read(&headers, body).await?;
        let (login, password) = services.create_user(&caller, request).await?;
        Ok((StatusCode::CREATED, json!(CreatedUser { login, password })))
    };
    respond(outcome.await)
}

async fn change(
    State(services): State<Services>,
    headers: HeaderMap,
    Path(login): Path<String>,
    body: Body,
) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let change: MembershipChange = read(&headers, body).await?;
        let password = services.change_user(&caller, &login, change).await?;
        Ok((StatusCode::OK, json!(ChangedUser { password })))
    };
    respond(outcome.await)
}

async fn remove(State(services): State<Services>, headers: HeaderMap, Path(login): Path<String>) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        services.remove_user(&caller, &login).await?;
        Ok((StatusCode::NO_CONTENT, Value::Null))
    };
    respond(outcome.await)
}
