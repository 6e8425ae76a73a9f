//! The description of this gateway in OpenAPI 3.1. Each subject describes its operations beside its doors; a test sees to it
//! that no door is without one.

use crate::doors::{Door, open};
use crate::http::answer;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use lenticular_services::Services;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The doors of this subject.
pub const DOORS: &[Door] = &[open("GET", "/api/openapi.json")];

/// The operations of this subject.
pub const OPERATIONS: &[Operation] =
    &[operation("GET", "/api/openapi.json", "This description.", 200).gives_media("application/json")];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/openapi.json", get(openapi))
}

/// The JSON of a type, with all that it is made of.
#[derive(Clone, Copy)]
pub struct Shape {
    name: fn() -> Cow<'static, str>,
    schema: fn() -> RefOr<Schema>,
    parts: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl Shape {
    /// The shape of `T`; it is named as the type is, so no two types of the API share a name.
    pub const fn of<T: ToSchema>() -> Shape {
        Shape {
            name: <T as ToSchema>::name,
            schema: <T as PartialSchema>::schema,
            parts: <T as ToSchema>::schemas,
        }
    }
}

/// One operation in words and shapes.
#[derive(Clone, Copy)]
pub struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    summary: &'static str,
    /// Name and meaning of each query parameter; all are optional texts.
    query: &'static [(&'static str, &'static str)],
    request: Option<Shape>,
    status: u16,
    response: Option<Shape>,
    media: &'static str,
}

/// An operation that takes no body and, with `status`, gives none.
pub const fn operation(
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    status: u16,
) -> Operation {
    Operation { method, path, summary, query: &[], request: None, status, response: None, media: "" }
}

impl Operation {
    /// The same with query parameters: name and meaning.
    pub const fn asks(self, query: &'static [(&'static str, &'static str)]) -> Operation {
        Operation { query, ..self }
    }

    /// The same with a JSON body in the request.
    pub const fn takes<T: ToSchema>(self) -> Operation {
        Operation { request: Some(Shape::of::<T>()), ..self }
    }

    /// The same with a JSON body in the answer.
    pub const fn gives<T: ToSchema>(self) -> Operation {
        Operation { response: Some(Shape::of::<T>()), ..self }
    }

    /// The same with a body of another media type in the answer.
    pub const fn gives_media(self, media: &'static str) -> Operation {
        Operation { media, ..self }
    }

    fn describe(&self, open: bool) -> Value {
        let parameter = |place: &str, name: &str, description: &str, required: bool| {
            let schema = json!({ "type": "string" });
            json!({ "in": place, "name": name, "description": description, "required": required, "schema": schema })
        };
        let in_path = self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let mut parameters: Vec<Value> = in_path.map(|name| parameter("path", name, name, true)).collect();
        parameters.extend(self.query.iter().map(|(name, words)| parameter("query", name, words, false)));
        let mut good = json!({ "description": self.summary });
        if let Some(shape) = &self.response {
            good["content"] = content(shape);
        } else if !self.media.is_empty() {
            good["content"] = json!({ self.media: {} });
        }
        let mut description = json!({
            "operationId": self.id(),
            "summary": self.summary,
            "parameters": parameters,
            "security": if open { json!([]) } else { json!([{ "bearer": [] }, { "session": [] }]) },
            "responses": {
                self.status.to_string(): good,
                "default": { "description": "What went wrong.", "content": content(&Shape::of::<Problem>()) },
            },
        });
        if let Some(shape) = &self.request {
            description["requestBody"] = json!({ "required": true, "content": content(shape) });
        }
        description
    }

    /// Such as `deleteSharesId`.
    fn id(&self) -> String {
        let mut id = self.method.to_ascii_lowercase();
        let path = self.path.trim_start_matches("/api");
        for word in path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
            let (first, rest) = word.split_at(1);
            id.push_str(&first.to_ascii_uppercase());
            id.push_str(rest);
        }
        id
    }
}

fn content(shape: &Shape) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{}", (shape.name)()) });
    json!({ "application/json": { "schema": schema } })
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
pub struct Problem {
    /// A stable short name for programs.
    pub error: String,
    /// What happened and what to do.
    pub message: String,
}

async fn openapi() -> Response {
    answer(StatusCode::OK, "application/json", document().to_string())
}

/// The whole description.
pub fn document() -> Value {
    let operations = super::operations();
    let mut paths = Map::new();
    for door in super::doors() {
        let described = operations.iter().find(|o| o.method == door.method && o.path == door.path);
        let path = paths.entry(door.path).or_insert_with(|| json!({}));
        if let Some(operation) = described {
            path[door.method.to_ascii_lowercase()] = operation.describe(door.action.is_none());
        }
    }
    let mut schemas = Map::new();
    let shapes = operations.iter().flat_map(|operation| [operation.request, operation.response]).flatten();
    for shape in shapes.chain([Shape::of::<Problem>()]) {
        let mut parts = vec![((shape.name)().into_owned(), (shape.schema)())];
        (shape.parts)(&mut parts);
        for (name, schema) in parts {
            schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Lenticular app API", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": crate::http::COOKIE },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_door_of_the_app_is_described_and_nothing_else() {
        let doors: BTreeSet<_> = crate::app::doors().iter().map(|door| (door.path, door.method)).collect();
        let described: BTreeSet<_> =
            crate::app::operations().iter().map(|operation| (operation.path, operation.method)).collect();
        let missing: Vec<_> = doors.difference(&described).collect();
        assert!(missing.is_empty(), "doors without a description: {missing:?}");
        let surplus: Vec<_> = described.difference(&doors).collect();
        assert!(surplus.is_empty(), "descriptions of no door: {surplus:?}");
    }

    #[test]
    fn every_shape_that_is_referred_to_is_there() {
        let document = document();
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name} is referred to and not described");
        }
        let mut ids = BTreeSet::new();
        for operation in crate::app::operations() {
            assert!(ids.insert(operation.id()), "{} is the name of two operations", operation.id());
        }
    }
}
