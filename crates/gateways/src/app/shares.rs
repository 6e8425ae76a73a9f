//! Shares: given, seen, taken back.

use super::openapi::{Operation, operation};
use super::{read, respond};
use crate::doors::{Door, door};
use crate::http::{caller, public_url};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::{delete, post};
use http::{HeaderMap, StatusCode};
use lenticular_base::{Fault, FaultKind};
use lenticular_policy::Action;
use lenticular_services::Services;
use lenticular_services::shares::{Incoming, ListedShare, ShareRequest};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The doors of this subject.
pub const DOORS: &[Door] = &[
    door("POST", "/api/shares", Action::Share, "Share"),
    door("GET", "/api/shares", Action::Share, "Share"),
    door("DELETE", "/api/shares/{id}", Action::Share, "Share"),
];

/// The operations of this subject.
pub const OPERATIONS: &[Operation] = &[
    operation(
        "POST",
        "/api/shares",
        "Gives a study or a patient to a member, or to whoever holds a link.",
        201,
    )
    .takes::<ShareRequest>()
    .gives::<CreatedShare>(),
    operation("GET", "/api/shares", "What the own member gave, or was given.", 200)
        .asks(&[("direction", "outgoing (where it is absent) or incoming")])
        .gives::<Shares>(),
    operation("DELETE", "/api/shares/{id}", "Takes a share back, in force at the next request.", 204),
];

/// A share that was made. The link and its token are shown this once.
#[derive(Serialize, ToSchema)]
struct CreatedShare {
    id: String,
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// Shares: those that the own member made, or those that were made to it.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Shares {
    Outgoing { shares: Vec<OutgoingShare> },
    Incoming { shares: Vec<Incoming> },
}

/// A share that the own member has made.
#[derive(Serialize, ToSchema)]
struct OutgoingShare {
    #[serde(flatten)]
    share: ListedShare,
    /// Whether it is for whoever holds its link.
    link: bool,
}

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/shares", post(share).get(shares)).route("/api/shares/{id}", delete(unshare))
}

async fn share(State(services): State<Services>, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let request: ShareRequest = read(&headers, body).await?;
        let shared = services.share(&caller, request).await?;
        let created = CreatedShare {
            id: shared.share.id,
            expires: shared.share.expires,
            link: shared
                .token
                .as_ref()
                .map(|token| format!("{}/link#{token}", public_url(&services, &headers))),
            token: shared.token,
        };
        Ok((StatusCode::CREATED, json!(created)))
    };
    respond(outcome.await)
}

/// Which shares: those that the own member made, or with `direction=incoming` those that were made to it.
async fn shares(State(services): State<Services>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let shares = match query.as_deref() {
            None | Some("" | "direction=outgoing") => {
                let listed = services.listed_shares(&caller).await?.into_iter().map(|mut share| {
                    // the key of its token is nobody's business
                    let link = share.share.link_key.take().is_some();
                    OutgoingShare { share, link }
                });
                Shares::Outgoing { shares: listed.collect() }
            }
            Some("direction=incoming") => {
                Shares::Incoming { shares: services.incoming_shares(&caller).await? }
            }
            Some(_) => {
                let words = "The list takes direction=outgoing or direction=incoming.";
                return Err(Fault::new(FaultKind::Invalid, "direction", words));
            }
        };
        Ok((StatusCode::OK, json!(shares)))
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
