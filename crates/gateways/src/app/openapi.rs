//! The description of this gateway in OpenAPI 3.1.

use crate::doors::{Door, open};
use crate::http::answer;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use lenticular_services::Services;
use serde_json::json;

/// The doors of this subject.
pub const DOORS: &[Door] = &[open("GET", "/api/openapi.json")];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/openapi.json", get(openapi))
}

async fn openapi() -> Response {
    let mut paths = serde_json::Map::new();
    for door in super::doors() {
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
