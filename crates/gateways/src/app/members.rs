//! The members of the network.

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
use lenticular_base::Fault;
use lenticular_policy::Action;
use lenticular_services::Services;
use lenticular_services::audit::Access;
use lenticular_services::members::{FirstAdministrator, MemberDetails};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The doors of this subject.
pub const DOORS: &[Door] = &[
    door("GET", "/api/members", Action::Read, "Member"),
    door("POST", "/api/members", Action::Operate, "Member"),
    door("PATCH", "/api/members/{id}", Action::Administer, "Member"),
];

/// The operations of this subject.
pub const OPERATIONS: &[Operation] = &[
    operation("GET", "/api/members", "The members of the network.", 200).gives::<Members>(),
    operation("POST", "/api/members", "Makes a member with its first administrator; operators do.", 201)
        .takes::<MemberRequest>()
        .gives::<CreatedMember>(),
    operation(
        "PATCH",
        "/api/members/{id}",
        "Changes a member: its own administrators do, and operators.",
        204,
    )
    .takes::<MemberChange>(),
];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/members", get(members).post(create)).route("/api/members/{id}", patch(change))
}

/// The members of the network.
#[derive(Serialize, ToSchema)]
struct Members {
    members: Vec<MemberSummary>,
}

/// A member as all others see it.
#[derive(Serialize, ToSchema)]
struct MemberSummary {
    id: String,
    name: String,
    /// Whether it is the caller's.
    own: bool,
    /// IANA name; absent: UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    /// `en`, `de` or `zh`; absent: English.
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
}

/// A member to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberRequest {
    /// 1 to 63 of `a-z 0-9 -`.
    id: String,
    name: String,
    /// An IANA name, such as `Europe/Berlin`.
    timezone: Option<String>,
    /// `en`, `de` or `zh`.
    locale: Option<String>,
    administrator: AdministratorRequest,
}

/// The first administrator of a member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AdministratorRequest {
    login: String,
    name: String,
}

/// A member that was made.
#[derive(Serialize, ToSchema)]
struct CreatedMember {
    id: String,
    /// The administrator's, where the login was new: shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// A change of a member. What is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberChange {
    name: Option<String>,
    timezone: Option<String>,
    locale: Option<String>,
}

async fn members(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let found = match &caller.principal.link {
            Some(_) => Err(Fault::not_found()),
            None => services.members().await,
        };
        let found = services.audited(&caller, Access::of('R', "search-type", "Member", ""), found).await?;
        let own = caller.principal.org.0;
        let members = found
            .into_iter()
            .map(|m| MemberSummary {
                own: m.no == own,
                id: m.id,
                name: m.name,
                timezone: m.timezone,
                locale: m.locale,
            })
            .collect();
        Ok((StatusCode::OK, json!(Members { members })))
    };
    respond(outcome.await)
}

async fn create(State(services): State<Services>, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let request: MemberRequest = read(&headers, body).await?;
        let MemberRequest { id, name, timezone, locale, administrator } = request;
        let first = FirstAdministrator { login: administrator.login, name: administrator.name };
        let details = MemberDetails { name: Some(name), timezone, locale };
        let password = services.create_member(&caller, &id, details, first).await?;
        Ok((StatusCode::CREATED, json!(CreatedMember { id, password })))
    };
    respond(outcome.await)
}

async fn change(
    State(services): State<Services>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let MemberChange { name, timezone, locale } = read(&headers, body).await?;
        services.change_member(&caller, &id, MemberDetails { name, timezone, locale }).await?;
        Ok((StatusCode::NO_CONTENT, Value::Null))
    };
    respond(outcome.await)
}
