//! A user's own notes on a study.

use super::{get, send};
use crate::dicomweb::stocked;
use lenticular_policy::Role;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_the_users_and_end_with_the_sight_of_the_study() {
    let (house, images) = stocked().await;
    let study = &images[0].study;
    let path = format!("/api/annotations/{study}");
    let notes =
        json!({ "measurements": [{ "kind": "length", "mm": 12.5 }], "key_images": [images[0].instance] });
    let empty = json!({ "measurements": [], "key_images": [] });
    assert_eq!(get(&house, &house.a, &path).await.json(), empty);
    assert_eq!(send(&house, &house.a, "PUT", &path, notes.clone()).await.status, 204);
    let kept = get(&house, &house.a, &path).await.json();
    assert_eq!((&kept["measurements"], &kept["key_images"]), (&notes["measurements"], &notes["key_images"]));
    assert!(kept["changed"].is_string());
    // what was read is written back as it is
    assert_eq!(send(&house, &house.a, "PUT", &path, kept).await.status, 204);
    // a colleague has none
    let colleague = house.token("hospital-a", Role::Radiologist).await;
    assert_eq!(get(&house, &colleague, &path).await.json(), empty);
    // another member: not the study, and once it is shared not the notes of others
    assert_eq!(get(&house, &house.b, &path).await.status, 404);
    assert_eq!(send(&house, &house.b, "PUT", &path, notes.clone()).await.status, 404);
    let shared = send(&house, &house.a, "POST", "/api/shares", json!({ "study": study, "to": "hospital-b" }))
        .await
        .json();
    assert_eq!(get(&house, &house.b, &path).await.json(), empty);
    assert_eq!(send(&house, &house.b, "PUT", &path, notes.clone()).await.status, 204);
    assert_eq!(get(&house, &house.b, &path).await.json()["measurements"], notes["measurements"]);
    let id = shared["id"].as_str().unwrap();
    send(&house, &house.a, "DELETE", &format!("/api/shares/{id}"), Value::Null).await;
    let gone = get(&house, &house.b, &path).await;
    let unknown = get(&house, &house.b, "/api/annotations/1.2.3").await;
    assert_eq!((gone.status.as_u16(), gone.body), (404, unknown.body));
    assert_eq!(send(&house, &house.b, "PUT", &path, notes.clone()).await.status, 404);
    assert_eq!(get(&house, &house.a, &path).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_bounded_and_links_keep_none() {
    let (house, images) = stocked().await;
    let path = format!("/api/annotations/{}", images[0].study);
    for bad in [json!([]), json!({ "more": 1 }), json!({ "measurements": [1] }), json!({ "key_images": [2] })]
    {
        assert_eq!(send(&house, &house.a, "PUT", &path, bad).await.status, 400);
    }
    let large = json!({ "measurements": [{ "text": "x".repeat(1 << 20) }] });
    assert_eq!(send(&house, &house.a, "PUT", &path, large).await.status, 413);
    let link =
        send(&house, &house.a, "POST", "/api/shares", json!({ "study": images[0].study })).await.json();
    let token = link["token"].as_str().unwrap();
    assert_eq!(get(&house, token, &path).await.status, 200);
    assert_eq!(send(&house, token, "PUT", &path, json!({})).await.status, 403);
    assert_eq!(get(&house, "", &path).await.status, 401);
}
