//! The CapabilityStatement, generated from what exists: types, search parameters and the doors.

use super::outcome::Outcome;
use http::StatusCode;
use lenticular_fhir::kinds;
use lenticular_fhir::searchparams::params_of;
use lenticular_services::Services;
use serde_json::{Value, json};

/// `GET /fhir/metadata` (FHIR R4 §3.1.0.9).
pub fn statement(services: &Services, base: &str) -> Outcome {
    let resources: Vec<Value> = kinds::all().map(|(kind, name)| resource(kind, name)).collect();
    let statement = json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": services.now().to_string(),
        "kind": "instance",
        "software": { "name": "Lenticular", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "Lenticular, the open health cloud", "url": base },
        "fhirVersion": "4.0.1",
        "format": ["json", "application/fhir+json"],
        "rest": [{
            "mode": "server",
            "security": {
                "cors": false,
                "description": "Bearer tokens; every access is decided once and recorded before its answer leaves.",
            },
            "resource": resources,
            "interaction": [
                { "code": "transaction" }, { "code": "batch" }, { "code": "history-system" },
            ],
        }],
    });
    Outcome::new(StatusCode::OK, Some(statement.to_string().into_bytes()))
}

fn resource(kind: lenticular_base::Kind, name: &str) -> Value {
    if name == "AuditEvent" {
        return audit_event();
    }
    let parameters: Vec<Value> = params_of(kind)
        .iter()
        .filter(|parameter| parameter.is_supported())
        .map(|parameter| json!({ "name": parameter.code, "type": parameter.search_type.code() }))
        .collect();
    let includes: Vec<String> = params_of(kind)
        .iter()
        .filter(|parameter| parameter.search_type.code() == "reference")
        .map(|parameter| format!("{name}:{}", parameter.code))
        .collect();
    let codes =
        ["read", "vread", "update", "delete", "history-instance", "history-type", "create", "search-type"];
    let mut resource = json!({
        "type": name,
        "interaction": codes.map(|code| json!({ "code": code })),
        "versioning": "versioned-update",
        "readHistory": true,
        "updateCreate": true,
        "conditionalCreate": true,
        "conditionalRead": "full-support",
        "conditionalUpdate": true,
        "conditionalDelete": "single",
        "searchParam": parameters,
    });
    if !includes.is_empty() {
        resource["searchInclude"] = json!(includes);
    }
    let referring = referring(kind);
    if !referring.is_empty() {
        resource["searchRevInclude"] = json!(referring);
    }
    resource
}

/// Every `Type:parameter` that may refer to the kind.
fn referring(kind: lenticular_base::Kind) -> Vec<String> {
    let mut found = Vec::new();
    for (source, name) in kinds::all() {
        let refers = params_of(source).iter().filter(|parameter| {
            parameter.search_type.code() == "reference"
                && name != "AuditEvent"
                && parameter.targets.contains(&kind)
        });
        found.extend(refers.map(|parameter| format!("{name}:{}", parameter.code)));
    }
    found
}

/// Audit events are the server's: read and searched alone.
fn audit_event() -> Value {
    let parameters = [
        ("_id", "token"),
        ("_lastUpdated", "date"),
        ("date", "date"),
        ("patient", "reference"),
        ("agent-name", "string"),
        ("altid", "token"),
        ("entity", "reference"),
        ("entity-type", "token"),
        ("action", "token"),
        ("outcome", "token"),
    ];
    json!({
        "type": "AuditEvent",
        "interaction": [{ "code": "read" }, { "code": "search-type" }],
        "searchParam": parameters.map(|(name, kind)| json!({ "name": name, "type": kind })),
    })
}
