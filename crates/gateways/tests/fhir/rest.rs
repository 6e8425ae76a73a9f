//! One resource at a time: headers, preconditions, refusals.

use super::{Client, observation, patient, text};
use crate::house::House;
use http::StatusCode;
use lenticular_base::tree;
use serde_json::{Value, json};

const LATER: &str = "Fri, 01 Jan 2100 00:00:00 GMT";

#[tokio::test(flavor = "multi_thread")]
async fn preconditions_guard_writes() {
    let house = House::open().await;
    let a = Client::a(&house);
    a.put(patient("p", "One")).await;
    let put = async |name, value| a.send("PUT", "/Patient/p", &[(name, value)], patient("p", "Two")).await;
    let stale = put("if-match", "W/\"9\"").await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    assert!(text(&stale.json()["issue"][0]["details"]["text"]).contains("The current version is W/\"1\""));
    assert_eq!(put("if-match", "W/\"x\"").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(put("if-none-match", "*").await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(put("if-match", "*").await.header("etag"), "W/\"2\"");
    assert_eq!(put("if-match", "W/\"2\"").await.header("etag"), "W/\"3\"");
    let fresh = a.send("PUT", "/Patient/q", &[("if-match", "*")], patient("q", "New")).await;
    assert_eq!(fresh.status, StatusCode::PRECONDITION_FAILED);
    let fresh = a.send("PUT", "/Patient/q", &[("if-none-match", "*")], patient("q", "New")).await;
    assert_eq!(fresh.status, StatusCode::CREATED);
    let delete = a.send("DELETE", "/Patient?family=New", &[("if-match", "W/\"7\"")], Value::Null).await;
    assert_eq!(delete.status, StatusCode::PRECONDITION_FAILED);
    let delete = a.send("DELETE", "/Patient?family=New", &[("if-match", "W/\"1\"")], Value::Null).await;
    assert_eq!((delete.status, delete.header("etag")), (StatusCode::NO_CONTENT, "W/\"2\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_it_is_told_so() {
    let house = House::open().await;
    let a = Client::a(&house);
    a.put(patient("p", "One")).await;
    for (header, status) in [
        (("if-none-match", "W/\"1\""), StatusCode::NOT_MODIFIED),
        (("if-none-match", "W/\"2\""), StatusCode::OK),
        (("if-modified-since", LATER), StatusCode::NOT_MODIFIED),
        (("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT"), StatusCode::OK),
        (("if-modified-since", "yesterday"), StatusCode::OK),
    ] {
        let read = a.send("GET", "/Patient/p", &[header], Value::Null).await;
        assert_eq!(read.status, status, "{header:?}");
        assert_eq!(read.header("etag"), "W/\"1\"");
        assert_eq!(read.body.is_empty(), status == StatusCode::NOT_MODIFIED);
    }
    let read = a.get("/Patient/p").await;
    assert_eq!(read.header("content-location"), "http://test/fhir/Patient/p/_history/1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_body_has_no_type_of_one() {
    let house = House::open().await;
    let a = Client::a(&house);
    let written = a.send("PUT", "/Patient/p", &[("prefer", "return=minimal")], patient("p", "x")).await;
    assert_eq!((written.status, written.header("content-type")), (StatusCode::CREATED, ""));
    assert_eq!(written.header("location"), "http://test/fhir/Patient/p/_history/1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_path_does_not_take_says_what_it_takes() {
    let house = House::open().await;
    let a = Client::a(&house);
    for (method, path, allow) in [
        ("PATCH", "/Patient/p", "GET, HEAD, PUT, DELETE"),
        ("POST", "/Patient/p", "GET, HEAD, PUT, DELETE"),
        ("GET", "", "POST"),
        ("DELETE", "/metadata", "GET, HEAD"),
        ("GET", "/Patient/_search", "POST"),
        ("PUT", "/AuditEvent/x", "GET, HEAD"),
    ] {
        let refused = a.send(method, path, &[], patient("x", "x")).await;
        assert_eq!(
            (refused.status, refused.header("allow")),
            (StatusCode::METHOD_NOT_ALLOWED, allow),
            "{method} {path}"
        );
        assert_eq!(refused.json()["issue"][0]["code"], "not-supported");
    }
    let options = a.send("OPTIONS", "/Patient", &[], Value::Null).await;
    assert_eq!(
        (options.status, options.header("allow")),
        (StatusCode::NO_CONTENT, "GET, HEAD, POST, PUT, DELETE")
    );
    assert_eq!(a.get("/Patient/p/x/y/z").await.status, StatusCode::NOT_FOUND);
    assert_eq!(a.get("/Patient?name=%ff").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_empty_is_still_one() {
    let house = House::open().await;
    let a = Client::a(&house);
    a.put(patient("p", "One")).await;
    for (path, status) in [
        ("/Patient/p/_history?_count=0", StatusCode::OK),
        ("/Patient/p/_history?_since=2099-01-01T00:00:00Z", StatusCode::OK),
        ("/Patient/p/_history?_since=2020-01", StatusCode::OK),
        ("/Patient/q/_history?_since=2020-01-01T00:00:00Z", StatusCode::NOT_FOUND),
        ("/Patient/p/_history?_count=-1", StatusCode::BAD_REQUEST),
        ("/Patient/p/_history?_count=99999999999", StatusCode::OK),
    ] {
        assert_eq!(a.get(path).await.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_link_that_was_not_made_here_is_refused() {
    let house = House::open().await;
    let a = Client::a(&house);
    for page in ["1~1~-9223372036854775808", "1~1~9223372036854775807", "1~1", "x", "1~1~1795437600000~n"] {
        let status = a.get(&format!("/Patient?_page={page}")).await.status;
        assert!(matches!(status, StatusCode::BAD_REQUEST | StatusCode::GONE), "{page}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_ids_are_one_search() {
    let house = House::open().await;
    let a = Client::a(&house);
    for id in ["p1", "p2", "p3"] {
        a.put(patient(id, id)).await;
    }
    let mut ids: Vec<String> = (0..990).map(|n| format!("n{n}")).collect();
    ids.extend(["p1".into(), "p3".into()]);
    let found = a.get(&format!("/Patient?_id={}", ids.join(","))).await;
    assert_eq!(super::names(&found.json()), ["Patient/p1 p1", "Patient/p3 p3"]);
    let families = a.get(&format!("/Patient?family={}", ids.join(","))).await;
    assert_eq!(super::names(&families.json()).len(), 2);
    let both = a.get(&format!("/Patient?_id=p1&family:exact={}", ids.join(","))).await;
    assert_eq!(super::names(&both.json()).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn references_to_this_server_are_kept_relative() {
    let house = House::open().await;
    let (a, b) = (Client::a(&house), Client::b(&house));
    a.put(patient("p", "One")).await;
    a.put(observation("o1", "http://test/fhir/Patient/p")).await;
    a.put(observation("o2", "http://elsewhere/fhir/Patient/p")).await;
    let references = [("o1", "Patient/p"), ("o2", "http://elsewhere/fhir/Patient/p")];
    for (id, reference) in references {
        assert_eq!(a.get(&format!("/Observation/{id}")).await.json()["subject"]["reference"], reference);
    }
    let found = a.get("/Observation?patient=p").await;
    assert_eq!(super::names(&found.json()), ["Observation/o1"]);
    a.share("p", "hospital-b").await;
    assert_eq!(b.get("/Observation/o1").await.status, StatusCode::OK);
    assert_eq!(b.get("/Observation/o2").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_may_move_a_record_to_another_patient() {
    let house = House::open().await;
    let (a, b) = (Client::a(&house), Client::b(&house));
    a.put(patient("p", "One")).await;
    a.put(patient("q", "Two")).await;
    a.put(observation("o", "Patient/p")).await;
    a.share("p", "hospital-b").await;
    assert_eq!(b.get("/Observation/o").await.status, StatusCode::OK);
    a.put(observation("o", "Patient/q")).await;
    assert_eq!(b.get("/Observation/o").await.status, StatusCode::NOT_FOUND);
    assert_eq!(b.get("/Observation?patient=p").await.json()["entry"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_capability_statement_is_a_valid_resource() {
    let house = House::open().await;
    let statement = house.send("", "GET", "/fhir/metadata", &[], Vec::new()).await;
    let tree = tree::parse(&statement.body).unwrap();
    let issues = lenticular_fhir::validate::validate(&tree, Some("CapabilityStatement"));
    assert!(issues.is_ok(), "{issues:?}");
    for resource in statement.json()["rest"][0]["resource"].as_array().unwrap() {
        let names: Vec<&str> =
            resource["searchParam"].as_array().unwrap().iter().map(|p| text(&p["name"])).collect();
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len(), "{}", resource["type"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_without_an_id_is_told_which() {
    let house = House::open().await;
    let refused =
        Client::a(&house).send("PUT", "/Patient/p", &[], json!({ "resourceType": "Patient" })).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let issue = &refused.json()["issue"][0];
    assert_eq!(issue["expression"], json!(["id"]));
    assert!(text(&issue["details"]["text"]).starts_with("The body has no id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn includes_are_whole_or_refused() {
    let house = House::open().await;
    let a = Client::a(&house);
    a.put(patient("p", "One")).await;
    let observations = async |numbers: std::ops::Range<usize>| {
        let put = |n: usize| {
            json!({
                "request": { "method": "PUT", "url": format!("Observation/o{n}") },
                "resource": observation(&format!("o{n}"), "Patient/p"),
            })
        };
        let entries: Vec<Value> = numbers.map(put).collect();
        assert_eq!(a.bundle("transaction", json!(entries)).await.status, StatusCode::OK);
    };
    let list = async |items: usize| {
        let item = |n: usize| json!({ "item": { "reference": format!("Observation/o{n}") } });
        let items: Vec<Value> = (0..items).map(item).collect();
        a.put(json!({ "resourceType": "List", "id": "l", "status": "current", "mode": "working", "entry": items }))
            .await;
    };
    let referring = "/Patient?_id=p&_revinclude=Observation:subject";
    let referenced = "/List?_include=List:item&_include:iterate=Observation:subject";
    observations(0..2500).await;
    list(2500).await;
    assert_eq!(super::names(&a.get(referring).await.json()).len(), 2501);
    assert_eq!(super::names(&a.get(referenced).await.json()).len(), 2502);
    observations(2500..10_001).await;
    list(10_001).await;
    for url in [referring, referenced] {
        let refused = a.get(url).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{url}");
        assert!(refused.json().to_string().contains("more than 10000 included"), "{url}");
    }
}
