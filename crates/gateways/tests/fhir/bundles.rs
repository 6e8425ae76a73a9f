//! Batches and transactions.

use super::{Client, observation, patient, text};
use crate::house::House;
use http::StatusCode;
use lenticular_policy::Role;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_does_not_drop_a_precondition_that_it_cannot_read() {
    let house = House::open().await;
    let a = Client::a(&house);
    a.put(patient("p", "One")).await;
    let put = |tag: &str| json!({ "request": { "method": "PUT", "url": "Patient/p", "ifMatch": tag }, "resource": patient("p", "Two") });
    let answer = a.bundle("batch", json!([put("W/x"), put("W/\"5\""), put("W/\"1\"")])).await.json();
    let statuses: Vec<&str> =
        answer["entry"].as_array().unwrap().iter().map(|entry| text(&entry["response"]["status"])).collect();
    assert_eq!(statuses, ["400 Bad Request", "412 Precondition Failed", "200 OK"]);
    assert_eq!(answer["entry"][2]["resource"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_gives_back_what_was_written_where_asked() {
    let house = House::open().await;
    let a = Client::a(&house);
    let bundle = json!({ "resourceType": "Bundle", "type": "batch", "entry": [
        { "request": { "method": "POST", "url": "Patient" }, "resource": { "resourceType": "Patient" } },
    ] });
    let answer = a.send("POST", "", &[("prefer", "return=representation")], bundle.clone()).await.json();
    assert_eq!(answer["entry"][0]["resource"]["resourceType"], "Patient");
    let answer = a.send("POST", "", &[("prefer", "return=OperationOutcome")], bundle).await.json();
    assert_eq!(answer["entry"][0]["response"]["outcome"]["resourceType"], "OperationOutcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_would_read_what_is_not_offered_keeps_nothing() {
    let house = House::open().await;
    let a = Client::a(&house);
    let refused = a
        .bundle(
            "transaction",
            json!([
                { "request": { "method": "PUT", "url": "Patient/p" }, "resource": patient("p", "One") },
                { "request": { "method": "GET", "url": "Nothing/1" } },
            ]),
        )
        .await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert_eq!(refused.json()["issue"][0]["expression"], json!(["Bundle.entry[1].request.url"]));
    assert_eq!(a.get("/Patient/p").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_reads_its_own_result_in_place() {
    let house = House::open().await;
    let a = Client::a(&house);
    let answer = a
        .bundle(
            "transaction",
            json!([
                { "request": { "method": "GET", "url": "Patient?family=One" } },
                { "request": { "method": "PUT", "url": "Patient/p" }, "resource": patient("p", "One") },
                { "request": { "method": "GET", "url": "http://test/fhir/Patient/p" } },
            ]),
        )
        .await
        .json();
    assert_eq!(super::names(&answer["entry"][0]["resource"]), ["Patient/p One"]);
    assert_eq!(answer["entry"][1]["response"]["status"], "201 Created");
    assert_eq!(answer["entry"][2]["resource"]["id"], "p");
}

#[tokio::test(flavor = "multi_thread")]
async fn relative_references_stand_beside_their_full_url() {
    let house = House::open().await;
    let a = Client::a(&house);
    let answer = a
        .bundle(
            "transaction",
            json!([
                {
                    "fullUrl": "http://old/fhir/Patient/7", "request": { "method": "POST", "url": "Patient" },
                    "resource": patient("7", "Moved"),
                },
                {
                    "fullUrl": "http://old/fhir/Observation/8", "request": { "method": "POST", "url": "Observation" },
                    "resource": observation("8", "Patient/7"),
                },
                {
                    "fullUrl": "http://old/fhir/Observation/9", "request": { "method": "POST", "url": "Observation" },
                    "resource": observation("9", "http://test/fhir/Patient/other"),
                },
            ]),
        )
        .await
        .json();
    let location = |entry: usize| text(&answer["entry"][entry]["response"]["location"]).to_owned();
    let id = location(0).split('/').nth(1).unwrap().to_owned();
    let read = a.get(&format!("/{}", location(1))).await.json();
    assert_eq!(read["subject"]["reference"], format!("Patient/{id}"));
    let read = a.get(&format!("/{}", location(2))).await.json();
    assert_eq!(read["subject"]["reference"], "Patient/other");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_fails_is_named_with_the_place_in_it() {
    let house = House::open().await;
    let wrong = json!({ "resourceType": "Patient", "birthDate": "soon" });
    let entries = json!([
        { "request": { "method": "PUT", "url": "Patient/p" }, "resource": patient("p", "One") },
        { "request": { "method": "POST", "url": "Patient" }, "resource": wrong },
    ]);
    let refused = Client::a(&house).bundle("transaction", entries).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let place = refused.json()["issue"][0]["expression"][0].clone();
    assert_eq!(place, "Bundle.entry[1].resource.birthDate");
    assert_eq!(Client::a(&house).get("/Patient/p").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_finds_nothing_that_a_search_would_not_show() {
    let house = House::open().await;
    Client::a(&house).put(observation("o", "Patient/p")).await;
    let registrar = house.token("hospital-a", Role::Registrar).await;
    let registrar = Client { house: &house, token: &registrar };
    let appointment = |criteria: &str| {
        json!([{ "request": { "method": "POST", "url": "Appointment" }, "resource": {
            "resourceType": "Appointment", "status": "booked", "participant": [{ "status": "accepted" }],
            "reasonReference": [{ "reference": format!("Observation?{criteria}") }],
        } }])
    };
    let there = registrar.bundle("transaction", appointment("patient=p")).await;
    let absent = registrar.bundle("transaction", appointment("patient=q")).await;
    assert_eq!(there.status, StatusCode::BAD_REQUEST);
    let words = |answer: crate::house::Answer| String::from_utf8(answer.body).unwrap();
    assert_eq!(words(there).replace("patient=p", "patient=q"), words(absent));
}

fn reads(count: usize, url: &str) -> Value {
    json!(vec![json!({ "request": { "method": "GET", "url": url } }); count])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_of_whatever_kind_is_for_those_who_may_write() {
    let house = House::open().await;
    let a = Client::a(&house);
    a.put(patient("p", "One")).await;
    let link = a.send("POST", "/api/shares", &[], json!({ "patient": "p" })).await.json();
    let guest = Client { house: &house, token: text(&link["token"]) };
    assert_eq!(guest.get("/Patient/p").await.status, StatusCode::OK);
    for kind in ["batch", "transaction"] {
        let refused = guest.bundle(kind, reads(1, "Patient/p")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{kind}");
        assert_eq!(a.bundle(kind, reads(1, "Patient/p")).await.status, StatusCode::OK, "{kind}");
    }
    let refused = a.get("/AuditEvent?outcome=4&action=C").await.json();
    assert_eq!(super::names(&refused).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bundle_reads_has_a_limit_that_is_told() {
    let house = House::open().await;
    let a = Client::a(&house);
    for kind in ["batch", "transaction"] {
        let refused = a.bundle(kind, reads(1001, "Patient/p")).await;
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE, "{kind}");
        let words = refused.json()["issue"][0].to_string();
        assert!(words.contains("at most 1000") && words.contains("not 1001"), "{words}");
        assert_eq!(a.bundle(kind, reads(1000, "Patient/p")).await.status, StatusCode::OK, "{kind}");
    }
    let writes: Vec<Value> = (0..1001)
        .map(|n| json!({ "request": { "method": "PUT", "url": format!("Patient/p{n}") }, "resource": patient(&format!("p{n}"), "x") }))
        .collect();
    assert_eq!(a.bundle("transaction", json!(writes)).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_bundle_is_bounded_in_bytes() {
    let house = House::open().await;
    let a = Client::a(&house);
    let mut large = patient("p", "One");
    large["text"] = json!({
        "status": "generated",
        "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div>", "x".repeat(20 << 20)),
    });
    a.put(large).await;
    let status = |entry: &Value| text(&entry["response"]["status"])[..3].to_owned();
    for kind in ["batch", "transaction"] {
        let mut entries = reads(5, "Patient/p");
        entries.as_array_mut().unwrap().push(json!({
            "request": { "method": "POST", "url": "Patient", "ifNoneExist": "_id=p" },
            "resource": { "resourceType": "Patient" },
        }));
        let bundle = json!({ "resourceType": "Bundle", "type": kind, "entry": entries });
        let answer = a.send("POST", "", &[("prefer", "return=representation")], bundle).await;
        assert!(answer.body.len() < 64 << 20, "{kind} {}", answer.body.len());
        let answer = answer.json();
        let entries = answer["entry"].as_array().unwrap();
        let statuses: Vec<String> = entries.iter().map(status).collect();
        assert_eq!(statuses, ["200", "200", "200", "413", "413", "200"], "{kind}");
        assert_eq!(entries[3]["response"]["outcome"]["resourceType"], "OperationOutcome");
        assert_eq!(entries[5]["resource"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conditional_put_that_finds_nothing_overwrites_nobody() {
    let house = House::open().await;
    let a = Client::a(&house);
    a.put(patient("p", "One")).await;
    let put = |id: &str| json!([{ "request": { "method": "PUT", "url": "Patient?family=Nobody" }, "resource": patient(id, "Two") }]);
    assert_eq!(a.bundle("transaction", put("p")).await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(a.get("/Patient/p").await.json()["meta"]["versionId"], "1");
    assert_eq!(a.bundle("transaction", put("q")).await.status, StatusCode::OK);
    assert_eq!(a.get("/Patient/q").await.status, StatusCode::OK);
}
