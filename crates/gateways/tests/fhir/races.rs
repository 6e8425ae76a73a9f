//! Many clients at once.

use super::{Client, patient, text};
use crate::house::House;
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Runs a request of `a` many times at once; gives how each was answered.
async fn at_once(
    house: &Arc<House>,
    times: usize,
    method: &'static str,
    path: &'static str,
    header: Option<(&'static str, &'static str)>,
    body: Value,
) -> Vec<StatusCode> {
    let mut tasks = Vec::new();
    for _ in 0..times {
        let (house, body) = (house.clone(), body.clone());
        tasks.push(tokio::spawn(async move {
            Client::a(&house).send(method, path, header.as_slice(), body).await.status
        }));
    }
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses
}

fn identified() -> Value {
    json!({ "resourceType": "Patient", "identifier": [{ "system": "urn:x", "value": "1" }] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn racing_conditional_creates_make_one() {
    let house = Arc::new(House::open().await);
    let header = Some(("if-none-exist", "identifier=urn:x|1"));
    let statuses = at_once(&house, 64, "POST", "/Patient", header, identified()).await;
    let count = |status| statuses.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(StatusCode::CREATED), count(StatusCode::OK)), (1, 63));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn racing_conditional_updates_make_one() {
    let house = Arc::new(House::open().await);
    let statuses = at_once(&house, 32, "PUT", "/Patient?identifier=urn:x|1", None, identified()).await;
    let count = |status| statuses.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(StatusCode::CREATED), count(StatusCode::OK)), (1, 31));
    let history = Client::a(&house).get("/Patient/_history").await.json();
    assert_eq!(history["entry"].as_array().unwrap().len(), 32);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_racing_updates_with_one_version_one_wins() {
    let house = Arc::new(House::open().await);
    Client::a(&house).put(patient("p", "One")).await;
    let header = Some(("if-match", "W/\"1\""));
    let statuses = at_once(&house, 32, "PUT", "/Patient/p", header, patient("p", "Two")).await;
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::OK).count(), 1);
    assert!(statuses.iter().all(|s| matches!(*s, StatusCode::OK | StatusCode::PRECONDITION_FAILED)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_show_the_first_moment_while_others_write() {
    let house = Arc::new(House::open().await);
    let a = Client::a(&house);
    let id = |n: usize| format!("p{n:03}");
    let entries: Vec<Value> = (0..120)
        .map(|n| json!({ "request": { "method": "PUT", "url": format!("Patient/{}", id(n)) }, "resource": patient(&id(n), &format!("f{}", n % 7)) }))
        .collect();
    assert_eq!(a.bundle("transaction", json!(entries)).await.status, StatusCode::OK);
    let (writers, stop) = (house.clone(), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let stopping = stop.clone();
    let churn = tokio::spawn(async move {
        let a = Client::a(&writers);
        let mut turn = 0;
        while !stopping.load(std::sync::atomic::Ordering::Relaxed) {
            let name = id(turn * 37 % 120);
            match turn % 3 {
                0 => drop(a.put(patient(&name, &format!("g{}", turn % 5))).await),
                1 => drop(a.send("DELETE", &format!("/Patient/{name}"), &[], Value::Null).await),
                _ => drop(a.send("POST", "/Patient", &[], patient("new", "new")).await),
            }
            turn += 1;
        }
        turn
    });
    for sort in ["family", "-family", "_id", "-_lastUpdated"] {
        let mut page = a.get(&format!("/Patient?_sort={sort}&_count=11&_total=accurate")).await.json();
        let total = page["total"].as_u64().unwrap() as usize;
        let mut seen = Vec::new();
        loop {
            let entries = page["entry"].as_array().cloned().unwrap_or_default();
            seen.extend(entries.iter().map(|entry| text(&entry["resource"]["id"]).to_owned()));
            let links = page["link"].as_array().unwrap();
            let Some(next) = links.iter().find(|link| link["relation"] == "next") else { break };
            page = a.get(text(&next["url"]).strip_prefix("http://test/fhir").unwrap()).await.json();
        }
        let once: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(once.len(), seen.len(), "{sort}: a resource stands on two pages");
        assert_eq!(seen.len(), total, "{sort}");
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(churn.await.unwrap() > 0);
}
