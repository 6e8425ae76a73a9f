//! What a proxy learns at `/readyz`.

use crate::house::{Answer, House};
use http::StatusCode;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::Part;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};

fn text(answer: &Answer) -> (StatusCode, &str) {
    (answer.status, std::str::from_utf8(&answer.body).unwrap())
}

#[tokio::test]
async fn each_failing_part_has_a_line_and_nothing_else_is_told() {
    let parts = || {
        let secret = Fault::new(FaultKind::Busy, "database-away", "postgres://user:secret@db is away");
        vec![
            Part { name: "store", state: Err(secret.caused_by("secret")) },
            Part { name: "audit", state: Ok(()) },
            Part { name: "blobs", state: Err(Fault::new(FaultKind::OutOfSpace, "out-of-space", "full")) },
        ]
    };
    let house = House::empty().with_parts(Arc::new(parts));
    let answer = house.get("", "/readyz", "*/*").await;
    assert_eq!(
        text(&answer),
        (StatusCode::SERVICE_UNAVAILABLE, "store: database-away\nblobs: out-of-space\n")
    );
    assert_eq!(house.get("", "/healthz", "*/*").await.status, StatusCode::OK, "the process lives");
}

#[tokio::test]
async fn parts_that_do_not_answer_are_asked_by_one_thread_alone() {
    let (release, held) = channel::<()>();
    let (held, asked) = (Mutex::new(held), Arc::new(AtomicUsize::new(0)));
    let counted = asked.clone();
    let parts = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let _ = held.lock().unwrap_or_else(PoisonError::into_inner).recv();
        Vec::new()
    };
    let house = House::empty().with_parts(Arc::new(parts));
    for _ in 0..2 {
        let begun = std::time::Instant::now();
        let ask = || house.get("", "/readyz", "*/*");
        let answers = tokio::join!(ask(), ask(), ask());
        assert!(begun.elapsed().as_secs() < 4, "three who ask wait for one answer");
        for answer in [answers.0, answers.1, answers.2] {
            assert_eq!(text(&answer), (StatusCode::SERVICE_UNAVAILABLE, "store: no-answer\n"));
        }
        // what was found is good for a second; then the thread of before is asked again
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "a second thread was spent");
    drop(release);
    assert_eq!(text(&house.get("", "/readyz", "*/*").await), (StatusCode::OK, "ready\n"));
}

#[tokio::test]
async fn a_node_that_drains_says_so_and_goes_on_serving() {
    let house = House::open().await;
    let ready = house.get("", "/readyz", "*/*").await;
    assert_eq!(text(&ready), (StatusCode::OK, "ready\n"));
    assert!(!ready.headers.contains_key("connection"));
    house.services.drain();
    let draining = house.get("", "/readyz", "*/*").await;
    assert_eq!(text(&draining), (StatusCode::SERVICE_UNAVAILABLE, "node: draining\n"));
    let found = house.get(&house.a, "/fhir/Patient", "*/*").await;
    assert_eq!((found.status, found.headers["connection"].as_bytes()), (StatusCode::OK, &b"close"[..]));
    assert_eq!(house.get("", "/healthz", "*/*").await.status, StatusCode::OK);
}
