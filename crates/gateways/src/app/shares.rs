//! Shares: given, seen, taken back.

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
use lenticular_services::shares::ShareRequest;
use serde_json::{Value, json};

/// The doors of this subject.
pub const DOORS: &[Door] = &[
    door("POST", "/api/shares", Action::Share, "Share"),
    door("GET", "/api/shares", Action::Share, "Share"),
    door("DELETE", "/api/shares/{id}", Action::Share, "Share"),
];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/shares", post(share).get(shares)).route("/api/shares/{id}", delete(unshare))
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

/// Which shares: those that the own member made, or with `direction=incoming` those that were made to it.
async fn shares(State(services): State<Services>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let shares = match query.as_deref() {
            None | Some("" | "direction=outgoing") => {
                let mut shares =
                    serde_json::to_value(services.listed_shares(&caller).await?).map_err(Fault::internal)?;
                for share in shares.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
                    let by_link = share.remove("link_key").is_some();
                    share.insert("link".into(), json!(by_link));
                }
                shares
            }
            Some("direction=incoming") => json!(services.incoming_shares(&caller).await?),
            Some(_) => {
                let words = "The list takes direction=outgoing or direction=incoming.";
                return Err(Fault::new(FaultKind::Invalid, "direction", words));
            }
        };
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
