//! The lists of what was shared, by both sides.

use super::{get, send};
use crate::dicomweb::{first, stocked};
use lenticular_base::Instant;
use lenticular_policy::Role;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_see_what_is_shared_by_name() {
    let (house, images) = stocked().await;
    let study = &images[0].study;
    let found = get(&house, &house.a, &format!("/dicom-web/studies?StudyInstanceUID={study}")).await.json();
    let name = first(&found[0], "00100010")["Alphabetic"].as_str().unwrap().to_owned();
    let patient = get(&house, &house.a, "/fhir/Patient").await.json()["entry"][0]["resource"]["id"].clone();
    let end = Instant(1_795_437_600_000 + 86_400_000).to_string();
    send(
        &house,
        &house.a,
        "POST",
        "/api/shares",
        json!({ "study": study, "to": "hospital-b", "expires": end }),
    )
    .await;
    send(&house, &house.a, "POST", "/api/shares", json!({ "patient": patient, "to": "hospital-b" })).await;
    send(&house, &house.a, "POST", "/api/shares", json!({ "study": study })).await;
    let given = get(&house, &house.a, "/api/shares").await.json()["shares"].clone();
    assert_eq!(given.as_array().unwrap().len(), 3);
    assert_eq!((&given[0]["member_name"], &given[0]["to"]), (&json!("hospital-b"), &json!("hospital-b")));
    assert!(given[0]["patient_name"].as_str().unwrap().starts_with(&name));
    assert!(given[1]["patient_name"].is_string() && given[1]["study"].is_null());
    assert_eq!((&given[2]["link"], &given[2]["member_name"]), (&json!(true), &Value::Null));
    assert!(given.to_string().contains("\"link\":false") && !given.to_string().contains("link_key"));
    let got = get(&house, &house.b, "/api/shares?direction=incoming").await.json()["shares"].clone();
    assert_eq!(got.as_array().unwrap().len(), 2, "the link is nobody's");
    let one = got.as_array().unwrap().iter().find(|share| share["study"] == **study).unwrap();
    assert_eq!((&one["from"], &one["from_name"]), (&json!("hospital-a"), &json!("hospital-a")));
    assert_eq!((&one["expires"], &one["id"]), (&json!(end), &given[0]["id"]));
    assert!(one["created"].is_string() && one["patient_name"].as_str().unwrap().starts_with(&name));
    // the owner sees that its patient was named
    let seen = get(&house, &house.a, &format!("/fhir/AuditEvent?patient={}", patient.as_str().unwrap()))
        .await
        .json();
    assert!(seen.to_string().contains("hospital-b/dr"));
    // what is over is not listed as shared with anybody any more
    let token = house.token("hospital-b", Role::Clinician).await;
    house.clock.fetch_add(86_400_000, std::sync::atomic::Ordering::Relaxed);
    let member = house.services.member("hospital-b").await.unwrap();
    let late = house.services.issue_token(&member, Role::Clinician, "dr", 3_600_000).await.unwrap();
    assert_eq!(
        get(&house, &token, "/api/shares?direction=incoming").await.status,
        401,
        "the token is over too"
    );
    let left = get(&house, &late, "/api/shares?direction=incoming").await.json()["shares"].clone();
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["patient"], patient);
    house.clock.fetch_sub(86_400_000, std::sync::atomic::Ordering::Relaxed);
    // taken back, it is gone from both lists
    for share in given.as_array().unwrap() {
        let path = format!("/api/shares/{}", share["id"].as_str().unwrap());
        assert_eq!(send(&house, &house.a, "DELETE", &path, Value::Null).await.status, 204);
    }
    assert_eq!(get(&house, &house.b, "/api/shares?direction=incoming").await.json(), json!({ "shares": [] }));
    assert_eq!(get(&house, &house.a, "/api/shares").await.json(), json!({ "shares": [] }));
    assert_eq!(get(&house, &house.a, "/api/shares?direction=up").await.status, 400);
    let administrator = house.token("hospital-b", Role::Administrator).await;
    assert_eq!(get(&house, &administrator, "/api/shares?direction=incoming").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_member_shares_says_whose_it_is() {
    let (house, images) = stocked().await;
    let study = &images[0].study;
    let patient = get(&house, &house.a, "/fhir/Patient").await.json()["entry"][0]["resource"]["id"].clone();
    let patient = patient.as_str().unwrap();
    send(&house, &house.a, "POST", "/api/shares", json!({ "patient": patient, "to": "hospital-b" })).await;
    // beside the resource, which leaves as it came
    let mark = json!([{ "url": "urn:lenticular:owner", "valueString": "hospital-a" }]);
    let read = get(&house, &house.b, &format!("/fhir/Patient/{patient}")).await;
    assert_eq!(read.header("lenticular-owner"), "hospital-a");
    let own = get(&house, &house.a, &format!("/fhir/Patient/{patient}")).await;
    assert_eq!((own.header("lenticular-owner"), &own.body), ("", &read.body));
    for path in ["/fhir/Patient".to_owned(), format!("/fhir/Patient/{patient}/_history")] {
        let theirs = get(&house, &house.b, &path).await.json();
        assert_eq!(theirs["entry"][0]["extension"], mark, "{path}");
        let mut ours = get(&house, &house.a, &path).await.json();
        assert!(ours["entry"][0]["extension"].is_null());
        ours["entry"][0]["extension"] = mark.clone();
        assert_eq!(ours["entry"][0]["resource"], theirs["entry"][0]["resource"]);
    }
    let query = format!("/dicom-web/studies?StudyInstanceUID={study}");
    let theirs = get(&house, &house.b, &query).await.json();
    assert_eq!(
        (first(&theirs[0], "FFF10010"), first(&theirs[0], "FFF11001")),
        (&json!("LENTICULAR"), &json!("hospital-a"))
    );
    let ours = get(&house, &house.a, &query).await.json();
    assert!(ours[0]["FFF11001"].is_null());
}
