//! Scenes of FHIR R4 REST (§3.1).

mod access;
mod audit;
mod bundles;
mod races;
mod rest;

use crate::house::{Answer, House};
use serde_json::{Value, json};

/// A client of one hospital.
pub struct Client<'h> {
    pub house: &'h House,
    pub token: &'h str,
}

impl<'h> Client<'h> {
    pub fn a(house: &'h House) -> Client<'h> {
        Client { house, token: &house.a }
    }

    pub fn b(house: &'h House) -> Client<'h> {
        Client { house, token: &house.b }
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let mut headers = headers.to_vec();
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        if !bytes.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            headers.push(("content-type", "application/fhir+json"));
        }
        let path = if path.starts_with("/api") { path.to_owned() } else { format!("/fhir{path}") };
        self.house.send(self.token, method, &path, &headers, bytes).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Value::Null).await
    }

    /// Writes a resource under its own id.
    pub async fn put(&self, resource: Value) -> Answer {
        let path = format!("/{}/{}", text(&resource["resourceType"]), text(&resource["id"]));
        let answer = self.send("PUT", &path, &[], resource).await;
        assert!(answer.status.is_success(), "{}", String::from_utf8_lossy(&answer.body));
        answer
    }

    pub async fn bundle(&self, kind: &str, entries: Value) -> Answer {
        self.send("POST", "", &[], json!({ "resourceType": "Bundle", "type": kind, "entry": entries })).await
    }

    pub async fn share(&self, patient: &str, to: &str) -> String {
        let answer = self.send("POST", "/api/shares", &[], json!({ "patient": patient, "to": to })).await;
        text(&answer.json()["id"]).to_owned()
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text was expected, not {value}"))
}

pub fn patient(id: &str, family: &str) -> Value {
    json!({ "resourceType": "Patient", "id": id, "name": [{ "family": family }] })
}

pub fn observation(id: &str, subject: &str) -> Value {
    json!({
        "resourceType": "Observation", "id": id, "status": "final", "code": { "text": "x" },
        "subject": { "reference": subject },
    })
}

/// The resources of a Bundle as `Type/id`, with the family name of patients.
pub fn names(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let name = |resource: &Value| {
        let family =
            resource["name"][0]["family"].as_str().map(|family| format!(" {family}")).unwrap_or_default();
        format!("{}/{}{family}", text(&resource["resourceType"]), text(&resource["id"]))
    };
    entries.iter().map(|entry| name(&entry["resource"])).collect()
}
