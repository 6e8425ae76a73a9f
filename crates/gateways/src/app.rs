//! `/api`: what the app, scripts and administrators need that no standard names. One module a subject, each with its doors
//! and routes.

mod annotations;
mod audit;
mod demo;
mod devices;
mod members;
mod openapi;
mod session;
mod setup;
mod shares;
mod system;
mod tokens;
mod tray;
mod users;

use crate::doors::Door;
use crate::http::{answer, empty, fault_json, read_body};
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use lenticular_base::{Fault, FaultKind};
use lenticular_services::Services;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The doors of this gateway.
pub fn doors() -> Vec<Door> {
    [
        annotations::DOORS,
        audit::DOORS,
        system::DOORS,
        shares::DOORS,
        tray::DOORS,
        members::DOORS,
        devices::DOORS,
        setup::DOORS,
        demo::DOORS,
        session::DOORS,
        users::DOORS,
        tokens::DOORS,
        openapi::DOORS,
    ]
    .concat()
}

/// What the doors take and give, each subject's beside its doors.
pub fn operations() -> Vec<openapi::Operation> {
    [
        members::OPERATIONS,
        setup::OPERATIONS,
        demo::OPERATIONS,
        annotations::OPERATIONS,
        audit::OPERATIONS,
        system::OPERATIONS,
        shares::OPERATIONS,
        tray::OPERATIONS,
        devices::OPERATIONS,
        session::OPERATIONS,
        users::OPERATIONS,
        tokens::OPERATIONS,
        openapi::OPERATIONS,
    ]
    .concat()
}

const LARGEST_BODY: u64 = 64 * 1024;

/// The routes of this gateway.
pub fn router() -> Router<Services> {
    Router::new()
        .merge(annotations::router())
        .merge(audit::router())
        .merge(system::router())
        .merge(shares::router())
        .merge(tray::router())
        .merge(members::router())
        .merge(devices::router())
        .merge(setup::router())
        .merge(demo::router())
        .merge(session::router())
        .merge(users::router())
        .merge(tokens::router())
        .merge(openapi::router())
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
