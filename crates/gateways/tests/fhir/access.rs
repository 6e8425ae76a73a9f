//! Two members and one network: what is not shared is as if it were not there, and what is shared is the owner's.

use super::{Client, names, observation, patient, text};
use crate::dicomweb::{image, stow};
use crate::house::House;
use http::StatusCode;
use lenticular_synth::SmallImage;
use serde_json::{Value, json};

/// Every URL by which a patient's record could show.
const URLS: [&str; 16] = [
    "/Patient/{p}",
    "/Patient/{p}?_summary=true",
    "/Patient/{p}/_history",
    "/Patient/{p}/_history?_since=2020-01-01T00:00:00Z",
    "/Patient/{p}/_history/1",
    "/Patient/{p}/_history/2",
    "/Patient?_id={p}&_total=accurate",
    "/Patient?family={p}&_summary=count",
    "/Patient?_id={p}&_revinclude=Observation:subject",
    "/Observation/o-{p}",
    "/Observation/o-{p}/_history",
    "/Observation?patient={p}",
    "/Observation?subject=Patient/{p}&_include=Observation:subject",
    "/Observation?_id=o-{p},x",
    "/Observation/gone-{p}",
    "/Observation/gone-{p}/_history/1",
];

async fn record(client: &Client<'_>, id: &str) {
    client.put(patient(id, id)).await;
    client.put(patient(id, id)).await;
    client.put(observation(&format!("o-{id}"), &format!("Patient/{id}"))).await;
    client.put(observation(&format!("gone-{id}"), &format!("Patient/{id}"))).await;
    let gone = client.send("DELETE", &format!("/Observation/gone-{id}"), &[], Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
}

/// What a client gets for an id at every URL, the id itself blotted out.
async fn answers(client: &Client<'_>, id: &str) -> Vec<String> {
    let mut all = Vec::new();
    for url in URLS {
        for method in ["GET", "HEAD"] {
            let answer = client
                .send(method, &url.replace("{p}", id), &[("if-none-match", "W/\"1\"")], Value::Null)
                .await;
            let body = String::from_utf8(answer.body).unwrap();
            let mut headers: Vec<String> =
                answer.headers.iter().map(|(k, v)| format!("{k}: {v:?}")).collect();
            headers.sort();
            all.push(format!("{method} {url} {} {headers:?} {body}", answer.status).replace(id, "ID"));
        }
    }
    for kind in ["batch", "transaction"] {
        let reads = json!([
            { "request": { "method": "GET", "url": format!("Patient/{id}") } },
            { "request": { "method": "GET", "url": format!("Observation?patient={id}") } },
        ]);
        let answer = client.bundle(kind, reads).await;
        all.push(format!("{kind} {}", String::from_utf8(answer.body).unwrap().replace(id, "ID")));
    }
    let reference = json!([{
        "request": { "method": "POST", "url": "Observation" },
        "resource": { "resourceType": "Observation", "status": "final", "code": { "text": "x" },
            "subject": { "reference": format!("Patient?_id={id}") } },
    }]);
    let answer = client.bundle("transaction", reference).await;
    all.push(format!("reference {}", String::from_utf8(answer.body).unwrap().replace(id, "ID")));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_shared_answers_as_what_does_not_exist() {
    let house = House::open().await;
    let (a, b) = (Client::a(&house), Client::b(&house));
    record(&a, "real").await;
    record(&a, "also").await;
    let unknown = answers(&b, "none").await;
    assert_eq!(answers(&b, "real").await, unknown);
    let share = a.share("real", "hospital-b").await;
    let shared = answers(&b, "real").await;
    for (shared, unknown) in shared.iter().zip(&unknown).filter(|(shared, _)| shared.starts_with("GET")) {
        assert_ne!(shared, unknown);
    }
    assert_eq!(answers(&b, "also").await, unknown);
    let page = b.get("/Patient/real/_history?_count=1").await.json()["link"][1]["url"].clone();
    let page = page.as_str().unwrap().strip_prefix("http://test/fhir").unwrap().to_owned();
    assert_eq!(b.get(&page).await.status, StatusCode::OK);
    let taken = a.send("DELETE", &format!("/api/shares/{share}"), &[], Value::Null).await;
    assert_eq!(taken.status, StatusCode::NO_CONTENT);
    assert_eq!(answers(&b, "real").await, unknown);
    let (real, none) = (b.get(&page).await, b.get(&page.replace("real", "none")).await);
    assert_eq!((real.status, real.body), (none.status, none.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_means_a_row_of_the_same_member() {
    let house = House::open().await;
    let (a, b) = (Client::a(&house), Client::b(&house));
    record(&a, "p").await;
    b.put(patient("p", "Somebody")).await;
    b.put(observation("own", "Patient/p")).await;
    a.share("p", "hospital-b").await;
    let found = b.get("/Observation?_id=o-p&_include=Observation:subject").await.json();
    assert_eq!(names(&found), ["Observation/o-p", "Patient/p p"]);
    let found = b.get("/Observation?_id=own&_include=Observation:subject").await.json();
    assert_eq!(names(&found), ["Observation/own", "Patient/p Somebody"]);
    let found = b.get("/Patient?family=Somebody&_revinclude=Observation:subject").await.json();
    assert_eq!(names(&found), ["Patient/p Somebody", "Observation/own"]);
    let found = b.get("/Patient?family=p&_revinclude=Observation:subject").await.json();
    assert_eq!(names(&found), ["Patient/p p", "Observation/o-p"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_name_shows_the_versions_of_one_row() {
    let house = House::open().await;
    let (a, b) = (Client::a(&house), Client::b(&house));
    record(&a, "p").await;
    b.put(patient("p", "Somebody")).await;
    a.share("p", "hospital-b").await;
    let shared = b.get("/Observation/o-p/_history").await.json();
    assert_eq!(names(&shared), ["Observation/o-p"]);
    assert_eq!(names(&b.get("/Patient/p/_history").await.json()), ["Patient/p Somebody"]);
    assert_eq!(b.get("/Patient/p/_history/2").await.status, StatusCode::NOT_FOUND);
    assert_eq!(b.get("/Patient/p").await.json()["name"][0]["family"], "Somebody");
    assert_eq!(a.get("/Patient/p").await.json()["name"][0]["family"], "p");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_what_is_anothers() {
    let house = House::open().await;
    let (a, b) = (Client::a(&house), Client::b(&house));
    record(&a, "p").await;
    a.share("p", "hospital-b").await;
    for (method, path, body) in [
        ("PUT", "/Patient/p", patient("p", "Taken")),
        ("PUT", "/Patient?family=nobody", patient("p", "Taken")),
        ("DELETE", "/Patient/p", Value::Null),
    ] {
        assert_eq!(b.send(method, path, &[], body).await.status, StatusCode::FORBIDDEN, "{method} {path}");
    }
    let entry = json!([{ "request": { "method": "PUT", "url": "Patient?family=nobody" }, "resource": patient("p", "Taken") }]);
    assert_eq!(b.bundle("transaction", entry).await.status, StatusCode::FORBIDDEN);
    let found = b.send("DELETE", "/Observation?patient=p", &[], Value::Null).await;
    assert_eq!((found.status, found.header("etag")), (StatusCode::NO_CONTENT, ""));
    let made = b.send("PUT", "/Observation?_id=o-p", &[], observation("mine", "Patient/p")).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(a.get("/Patient/p").await.header("etag"), "W/\"2\"");
    assert_eq!(a.get("/Observation/o-p").await.header("etag"), "W/\"1\"");
    assert_eq!(b.get("/Patient/p").await.json()["name"][0]["family"], "p");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_one_patient_until_it_is_taken_back() {
    let house = House::open().await;
    let a = Client::a(&house);
    record(&a, "p").await;
    record(&a, "q").await;
    let link = a.send("POST", "/api/shares", &[], json!({ "patient": "p" })).await.json();
    let guest = Client { house: &house, token: link["token"].as_str().unwrap() };
    assert_eq!(names(&guest.get("/Patient").await.json()), ["Patient/p p"]);
    assert_eq!(guest.get("/Observation/o-q").await.status, StatusCode::NOT_FOUND);
    assert_eq!(guest.get("/AuditEvent").await.status, StatusCode::FORBIDDEN);
    assert_eq!(guest.send("POST", "/Patient", &[], patient("x", "x")).await.status, StatusCode::FORBIDDEN);
    a.send("DELETE", &format!("/api/shares/{}", link["id"].as_str().unwrap()), &[], Value::Null).await;
    assert_eq!(guest.get("/Patient").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_is_shared_with_its_patient_and_its_endpoint() {
    let house = House::open().await;
    let (a, b) = (Client::a(&house), Client::b(&house));
    let image = image(SmallImage::Radiograph);
    let stored = stow(&house, &house.a, "/dicom-web/studies", &[&image.file]).await;
    assert_eq!(stored.status, StatusCode::OK);
    let study = a.get("/ImagingStudy").await.json()["entry"][0]["resource"].clone();
    let subject = text(&study["subject"]["reference"]).to_owned();
    a.put(observation("o", &subject)).await;
    let share =
        a.send("POST", "/api/shares", &[], json!({ "study": image.study, "to": "hospital-b" })).await.json();
    let path = format!("/ImagingStudy/{}", text(&study["id"]));
    let page = "/ImagingStudy?_include=ImagingStudy:subject&_include=ImagingStudy:endpoint";
    let kinds = async || {
        let page = b.get(page).await.json();
        let entries = page["entry"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| text(&entry["resource"]["resourceType"]).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds().await, ["ImagingStudy", "Patient", "Endpoint"]);
    assert_eq!(b.get("/Observation/o").await.status, StatusCode::NOT_FOUND);
    assert_eq!(b.get("/Observation").await.json()["entry"], Value::Null);
    let mut noted = study.clone();
    noted["note"] = json!([{ "text": "seen" }]);
    a.put(noted).await;
    assert_eq!(b.get(&path).await.json()["note"][0]["text"], "seen");
    a.send("DELETE", &format!("/api/shares/{}", text(&share["id"])), &[], Value::Null).await;
    assert_eq!(kinds().await, [""; 0]);
    assert_eq!(b.get(&path).await.body, b.get("/ImagingStudy/none").await.body);
}
