//! Every access is in the member's log, refusals too, and is found there at once.

use super::{Client, patient, text};
use crate::house::House;
use bytes::Bytes;
use futures_util::FutureExt;
use http::StatusCode;
use lenticular_base::Kind;
use lenticular_policy::{Principal, Purpose, Role};
use lenticular_services::Caller;
use lenticular_services::records::Criteria;
use lenticular_services::resources::{Precondition, kind_of};
use lenticular_services::shares::ShareRequest;
use serde_json::{Value, json};
use std::time::Duration;

/// The interactions of what a search of the log finds, newest first.
async fn interactions(client: &Client<'_>, query: &str) -> Vec<String> {
    let page = client.get(&format!("/AuditEvent?{query}")).await;
    assert_eq!(page.status, StatusCode::OK, "{query}");
    let entries = page.json()["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| text(&entry["resource"]["subtype"][0]["code"]).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patients_log_shows_reads_and_writes() {
    let house = House::open().await;
    let a = Client::a(&house);
    a.put(patient("p", "One")).await;
    a.get("/Patient/p").await;
    a.get("/Patient?family=One").await;
    a.send("DELETE", "/Patient?family=One", &[], Value::Null).await;
    assert_eq!(interactions(&a, "patient=p").await, ["delete", "search-type", "read", "update"]);
    assert_eq!(interactions(&a, "patient=Patient/p&action=D").await, ["delete"]);
    assert_eq!(interactions(&a, "patient=http://test/fhir/Patient/p&action=R&date=ge2020").await, ["read"]);
    assert_eq!(interactions(&a, "entity=Patient/p&outcome=0&action=U").await, ["update"]);
    assert!(interactions(&a, "patient=p&date=lt2020").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_in_the_log() {
    let house = House::open().await;
    let a = Client::a(&house);
    a.put(patient("p", "One")).await;
    let token = house.token("hospital-a", Role::Administrator).await;
    let administrator = Client { house: &house, token: &token };
    for (method, path) in [
        ("POST", "/Patient"),
        ("PUT", "/Patient/p"),
        ("DELETE", "/Patient/p"),
        ("DELETE", "/Patient?family=One"),
    ] {
        let refused = administrator.send(method, path, &[], patient("p", "Two")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method} {path}");
    }
    let refused = interactions(&a, "agent-name=administrator&outcome=4").await;
    assert_eq!(refused, ["delete", "delete", "update", "create"]);
    let link = a.send("POST", "/api/shares", &[], json!({ "patient": "p" })).await.json();
    let guest = Client { house: &house, token: text(&link["token"]) };
    for path in ["/AuditEvent", "/AuditEvent/x", "/api/conflicts"] {
        assert_eq!(guest.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let refused = interactions(&a, &format!("agent-name=link:{}&outcome=4", text(&link["id"]))).await;
    assert_eq!(refused, ["search-type", "read", "search-type"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_learns_who_read_what_was_shared() {
    let house = House::open().await;
    let (a, b) = (Client::a(&house), Client::b(&house));
    a.put(patient("p", "One")).await;
    a.share("p", "hospital-b").await;
    b.get("/Patient/p").await;
    let page = a.get("/AuditEvent?patient=p&action=R").await.json();
    let agent = &page["entry"][0]["resource"]["agent"][0]["who"]["identifier"]["value"];
    assert_eq!(text(agent), "hospital-b/dr");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_is_not_searched_by_is_refused() {
    let house = House::open().await;
    let a = Client::a(&house);
    for query in [
        "foo=1",
        "action=C,R",
        "action=CREATE",
        "patient=a&patient=b",
        "outcome=x",
        "date=soon",
        "patient=",
        "_count=x",
    ] {
        assert_eq!(a.get(&format!("/AuditEvent?{query}")).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
    assert_eq!(a.get("/AuditEvent/_history").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_learns_of_no_patient_but_its_own() {
    let house = House::open().await;
    let (a, b) = (Client::a(&house), Client::b(&house));
    a.put(patient("theirs", "One")).await;
    b.put(patient("ours", "One")).await;
    a.share("theirs", "hospital-b").await;
    let found = b.get("/Patient?family=One").await.json();
    assert_eq!(super::names(&found).len(), 2);
    let log = a.get("/AuditEvent?action=E").await.json().to_string();
    assert!(log.contains("Patient/theirs"));
    assert!(!log.contains("Patient/ours") && !log.contains("\"query\""), "{log}");
    assert_eq!(interactions(&b, "patient=ours&action=E").await, ["search-type"]);
    assert_eq!(interactions(&b, "patient=theirs&action=E").await, ["search-type"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_in_the_log_of_each_patient() {
    let house = House::open().await;
    let a = Client::a(&house);
    a.put(patient("p0", "Gone")).await;
    let mut entries: Vec<Value> = (1..40)
        .map(|n| json!({ "request": { "method": "PUT", "url": format!("Patient/p{n}") }, "resource": patient(&format!("p{n}"), "x") }))
        .collect();
    entries.push(json!({ "request": { "method": "DELETE", "url": "Patient/p0" } }));
    assert_eq!(a.bundle("transaction", json!(entries)).await.status, StatusCode::OK);
    for id in ["p0", "p1", "p39"] {
        assert_eq!(interactions(&a, &format!("patient={id}&action=C")).await, ["transaction"], "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_stands_once_however_many_it_finds() {
    let house = House::open().await;
    let a = Client::a(&house);
    for n in 0..5 {
        a.put(patient(&format!("p{n}"), "One")).await;
    }
    a.get("/Patient?family=One").await;
    let log = a.get("/AuditEvent?action=E").await.json();
    let events = log["entry"].as_array().unwrap();
    assert_eq!(events.len(), 5);
    assert_eq!(log.to_string().matches("\"query\"").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_of_a_megabyte_hides_nothing_behind_it() {
    let house = House::open().await;
    let a = Client::a(&house);
    let form = format!("family={}", "x".repeat(1_100_000));
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    a.house.send(a.token, "POST", "/fhir/Patient/_search", &headers, form.into_bytes()).await;
    a.put(patient("p", "One")).await;
    assert_eq!(interactions(&a, "patient=p").await, ["update"]);
    assert_eq!(interactions(&a, "action=E&_count=1").await, ["search-type"]);
}

/// Begins a write and hangs up at the first wait: the proposal is with the writer then, or not even made.
fn hang_up<T>(write: impl Future<Output = T>) {
    assert!(write.now_or_never().is_none(), "a write waits until it is durable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_client_hangs_up_is_done_and_in_the_log() {
    const BASE: &str = "http://test/fhir";
    let house = House::open().await;
    let (a, services) = (Client::a(&house), &house.services);
    let org = lenticular_base::OrgNo(services.member("hospital-a").await.unwrap().no);
    let principal = Principal::new(org, Role::Clinician, "dr");
    let caller = Caller { principal, purpose: Purpose::Treat, way: "fhir", asked: None };
    let kind: Kind = kind_of("Patient").unwrap();
    let body = |id: &str| Bytes::from(patient(id, "One").to_string());
    let criteria = |id: &str| Criteria { pairs: vec![("_id".into(), id.into())], base: BASE.into() };
    let free = || Precondition::of(None, None).unwrap();
    let logged = async |action: char, expected: &[&str]| {
        let query = format!("agent-name=dr&action={action}");
        let there = async {
            while interactions(&a, &query).await != expected {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), there).await.expect("the write is in the log");
    };
    hang_up(services.create(&caller, kind, body("x"), None, BASE));
    logged('C', &["create"]).await;
    hang_up(services.update(&caller, kind, "p", body("p"), free(), BASE));
    logged('U', &["update"]).await;
    hang_up(services.update_where(&caller, kind, criteria("p"), body("p"), free()));
    logged('U', &["update", "update"]).await;
    assert_eq!(a.get("/Patient/p").await.header("etag"), "W/\"2\"");
    hang_up(services.share(&caller, ShareRequest { patient: Some("p".into()), ..ShareRequest::default() }));
    logged('C', &["share", "create"]).await;
    let share = services.shares(&caller).await.unwrap().pop().unwrap();
    hang_up(services.unshare(&caller, &share.id));
    logged('D', &["unshare"]).await;
    hang_up(services.delete(&caller, kind, "p", free()));
    logged('D', &["delete", "unshare"]).await;
    let put = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "request": { "method": "PUT", "url": "Patient/p" }, "resource": patient("p", "One") },
    ] });
    hang_up(services.transaction(&caller, Bytes::from(put.to_string()), BASE));
    logged('C', &["transaction", "share", "create"]).await;
    hang_up(services.delete_where(&caller, kind, criteria("p"), free()));
    logged('D', &["delete", "delete", "unshare"]).await;
    assert_eq!(a.get("/Patient/p").await.status, StatusCode::GONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_learns_of_no_patient_from_the_log() {
    let house = House::open().await;
    let a = Client::a(&house);
    for path in [
        "/Patient?family=Meier",
        "/Patient?foo=Meier",
        "/Patient/Meier",
        "/Organization?_has:Patient:organization:family=Meier",
        "/Organization?patient=Meier",
        "/Device?patient=Meier",
        "/AuditEvent?patient=Meier",
        "/Organization?name=Ward",
        "/Organization/ward-7",
    ] {
        a.get(path).await;
    }
    house.send(a.token, "GET", "/dicom-web/studies/1.2.3.45678/metadata", &[], Vec::new()).await;
    let whole = a.get("/AuditEvent?_count=100").await.json().to_string();
    assert!(whole.contains("Patient/Meier") && whole.contains("1.2.3.45678"));
    let token = house.token("hospital-a", Role::Administrator).await;
    let administrator = Client { house: &house, token: &token };
    let log = administrator.get("/AuditEvent?_count=100").await.json();
    let events = log["entry"].as_array().unwrap();
    assert!(events.len() >= 10);
    assert!(!log.to_string().contains("Meier") && !log.to_string().contains("1.2.3.45678"), "{log}");
    assert!(log.to_string().contains("Organization/ward-7"));
    let queries: Vec<&Value> = events
        .iter()
        .filter_map(|event| event["resource"]["entity"].as_array())
        .flatten()
        .filter(|entity| !entity["query"].is_null())
        .collect();
    assert_eq!(queries.len(), 1, "the name of an organisation alone: {queries:?}");
    for event in events {
        let id = text(&event["resource"]["id"]);
        let one = administrator.get(&format!("/AuditEvent/{id}")).await.json();
        assert_eq!(one["entity"], event["resource"]["entity"]);
    }
    for query in ["patient=Meier", "entity=Patient/Meier", "entity=Study/1.2.3.45678"] {
        let refused = administrator.get(&format!("/AuditEvent?{query}")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{query}");
    }
    assert_eq!(interactions(&administrator, "entity=Organization/ward-7").await, ["read"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transaction_finds_there_is_in_its_patients_log() {
    let house = House::open().await;
    let a = Client::a(&house);
    a.put(patient("p", "One")).await;
    let entry = json!({
        "request": { "method": "POST", "url": "Patient", "ifNoneExist": "family=One" },
        "resource": patient("x", "One"),
    });
    assert_eq!(a.bundle("transaction", json!([entry])).await.status, StatusCode::OK);
    assert_eq!(interactions(&a, "patient=p&action=C").await, ["transaction"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lists_of_the_network_are_in_the_log() {
    let house = House::open().await;
    let a = Client::a(&house);
    let token = house.token("hospital-a", Role::Administrator).await;
    let administrator = Client { house: &house, token: &token };
    assert_eq!(administrator.get("/api/members").await.status, StatusCode::OK);
    assert_eq!(administrator.get("/api/devices").await.status, StatusCode::OK);
    assert_eq!(a.get("/api/devices").await.status, StatusCode::FORBIDDEN);
    assert_eq!(interactions(&a, "agent-name=administrator&outcome=0").await, ["search-type", "search-type"]);
    assert_eq!(interactions(&a, "agent-name=dr&outcome=4").await, ["search-type"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn set_up_is_in_the_log_whether_it_succeeds_or_not() {
    let house = House::empty();
    let secret = house.services.setup_secret().await.unwrap().unwrap();
    let anybody = Client { house: &house, token: "" };
    let ask = |secret: &str| json!({ "secret": secret, "id": "hospital-a", "name": "A" });
    let json_body = [("content-type", "application/json")];
    for (body, status) in [
        (ask("guessed"), StatusCode::NOT_FOUND),
        (json!({ "secret": 1 }), StatusCode::BAD_REQUEST),
        (ask(&secret), StatusCode::CREATED),
        (ask(&secret), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(anybody.send("POST", "/api/setup", &json_body, body).await.status, status);
    }
    let token = house.token("hospital-a", Role::Administrator).await;
    let administrator = Client { house: &house, token: &token };
    assert_eq!(interactions(&administrator, "agent-name=owner").await, ["set-up"]);
    let refused: Vec<(String, u8)> =
        house.network_log().into_iter().map(|entry| (entry.interaction, entry.outcome)).collect();
    assert_eq!(refused, vec![("set-up".to_owned(), 4); 3]);
}

/// The events that a search of the log finds, newest first.
async fn events(client: &Client<'_>, query: &str) -> Vec<Value> {
    let page = client.get(&format!("/AuditEvent?{query}")).await;
    assert_eq!(page.status, StatusCode::OK, "{query}");
    let entries = page.json()["entry"].as_array().cloned().unwrap_or_default();
    entries.into_iter().map(|entry| entry["resource"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_says_its_kind_and_is_found_by_it() {
    let house = House::open().await;
    let a = Client::a(&house);
    a.put(patient("p", "One")).await;
    a.get("/Patient?family=None").await;
    a.get("/Organization").await;
    a.get("/api/shares").await;
    let shares = events(&a, "entity-type=Share").await;
    assert_eq!(shares.len(), 1);
    assert_eq!(shares[0]["entity"][0]["name"], "Share", "a list of a kind names the kind");
    assert_eq!(shares[0]["entity"][0]["role"]["code"], "4");
    let asked = "entity-type=http://hl7.org/fhir/resource-types%7CPatient";
    assert_eq!(interactions(&a, asked).await, ["search-type", "update"]);
    assert_eq!(interactions(&a, "entity-type=Patient&action=U&entity=Patient/p").await, ["update"]);
    assert!(interactions(&a, "entity-type=Immunization").await.is_empty());
    for event in events(&a, "_count=50").await {
        for entity in event["entity"].as_array().unwrap() {
            assert!(entity["name"].is_null() || entity["query"].is_null(), "sev-1: {entity}");
        }
    }
    let page = a.get("/AuditEvent?entity-type=AuditEvent&_count=2").await.json();
    let links = page["link"].as_array().unwrap();
    let next = text(&links.iter().find(|link| link["relation"] == "next").unwrap()["url"]).to_owned();
    assert!(next.contains("entity-type=AuditEvent"), "{next}");
    let rest = interactions(&a, next.split_once('?').unwrap().1).await;
    assert!(!rest.is_empty(), "and the next page is of that kind too");
    for query in
        ["entity-type=Patient,Study", "entity-type=1", "entity-type=Study&entity=Patient/p", "entity-type="]
    {
        assert_eq!(a.get(&format!("/AuditEvent?{query}")).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
    let lines = a.get("/api/audit.csv?entity-type=Share").await;
    let lines = String::from_utf8(lines.body.clone()).unwrap();
    assert_eq!(lines.lines().count(), 2, "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_sees_what_was_done_to_the_network() {
    let house = House::open().await;
    let a = Client::a(&house);
    house.user("hospital-a", "admin", Role::Administrator).await;
    let cookie = house.sign_in("admin", crate::identity::PASSWORD).await;
    let post = |path: &'static str, body: Value| house.app(&cookie, "POST", path, body);
    let anna = json!({ "login": "anna", "name": "Anna", "role": "clinician" });
    assert_eq!(post("/api/users", anna).await.status, 201);
    assert_eq!(post("/api/devices", json!({ "ae": "CT1" })).await.status, 201);
    let token = json!({ "name": "script", "role": "clinician", "days": 1 });
    let token = post("/api/tokens", token).await.json();
    a.get("/Device/Meier").await;
    a.get("/Device?patient=Meier").await;
    house.send(a.token, "DELETE", "/api/users/Meier", &[], Vec::new()).await;
    house.send(a.token, "DELETE", "/api/devices/MEIER", &[], Vec::new()).await;
    let administrator = house.token("hospital-a", Role::Administrator).await;
    let administrator = Client { house: &house, token: &administrator };
    let log = Value::from(events(&administrator, "_count=100").await).to_string();
    assert!(!log.contains("Meier") && !log.contains("MEIER"), "{log}");
    for seen in ["anna", "CT1", text(&token["id"])] {
        assert!(log.contains(seen), "{seen}: {log}");
    }
    assert_eq!(interactions(&administrator, "entity=User/anna").await, ["create"]);
    assert!(interactions(&administrator, "entity=User/Meier").await.is_empty());
    assert_eq!(interactions(&administrator, "entity-type=Device&action=C").await, ["create"]);
    assert_eq!(interactions(&administrator, "entity-type=Patient").await, [""; 0]);
    for query in ["entity=User/Meier&outcome=4", "entity=Device/Meier"] {
        let refused = administrator.get(&format!("/AuditEvent?{query}")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{query}");
    }
    let refused = events(&administrator, "outcome=4&entity-type=User").await;
    assert_eq!(refused[0]["entity"][0]["name"], "User", "what kind of thing it was is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_the_member_are_named() {
    let house = House::open().await;
    let (a, b) = (Client::a(&house), Client::b(&house));
    let member = house.services.member("hospital-a").await.unwrap();
    let password = crate::identity::PASSWORD;
    let add =
        house.services.add_user(&member, "adam", "Dr Adam Bärlow", Role::Clinician, None, password, false);
    add.await.unwrap();
    a.put(patient("p", "One")).await;
    a.share("p", "hospital-b").await;
    let cookie = house.sign_in("adam", password).await;
    house.app(&cookie, "GET", "/fhir/Patient/p", Value::Null).await;
    let token = json!({ "name": "PACS", "role": "clinician", "days": 1 });
    let token = house.app(&cookie, "POST", "/api/tokens", token).await.json();
    let script = Client { house: &house, token: text(&token["token"]) };
    script.get("/Patient/p").await;
    b.get("/Patient/p").await;
    let names: Vec<(String, String)> = events(&a, "patient=p&action=R")
        .await
        .iter()
        .map(|event| &event["agent"][0])
        .map(|agent| (text(&agent["name"]).to_owned(), text(&agent["altId"]).to_owned()))
        .collect();
    let expected = [("dr", "dr"), ("Dr Adam Bärlow (PACS)", "adam/PACS"), ("Dr Adam Bärlow", "adam")];
    assert_eq!(names, expected.map(|(name, login)| (name.to_owned(), login.to_owned())));
    for asked in ["agent-name=adam", "altid=adam", "agent-name=dr%20adam%20B%C3%84RLOW"] {
        assert_eq!(interactions(&a, &format!("{asked}&patient=p")).await, ["read"], "{asked}");
    }
    let lines = a.get("/api/audit.csv?agent-name=Dr%20Adam%20B%C3%A4rlow&patient=p").await;
    assert_eq!(String::from_utf8(lines.body.clone()).unwrap().lines().count(), 2);
    let theirs = events(&b, "patient=p&action=R").await;
    assert!(
        theirs.iter().all(|event| !event.to_string().contains("Adam")),
        "no other member learns the name"
    );
}
