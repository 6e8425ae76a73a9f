use super::{PASSWORD, administered};
use crate::house::House;
use lenticular_policy::Role;
use serde_json::{Value, json};

async fn create(house: &House, cookie: &str, role: &str) -> crate::house::Answer {
    house.app(cookie, "POST", "/api/tokens", json!({ "name": "PACS script", "role": role, "days": 30 })).await
}

async fn listed(house: &House, cookie: &str) -> Vec<Value> {
    let answer = house.app(cookie, "GET", "/api/tokens", Value::Null).await.json();
    answer["tokens"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_token_works_until_it_is_taken_back() {
    let house = House::open().await;
    house.user("hospital-a", "anna", Role::Clinician).await;
    let cookie = house.sign_in("anna", PASSWORD).await;
    let made = create(&house, &cookie, "clinician").await;
    assert_eq!(made.status, 201);
    let (id, token) =
        (made.json()["id"].as_str().unwrap().to_owned(), made.json()["token"].as_str().unwrap().to_owned());
    assert!(!token.contains(&id), "the id tells nothing of the token");
    assert_eq!(house.get(&token, "/fhir/Patient", "*/*").await.status, 200);
    let tokens = listed(&house, &cookie).await;
    assert_eq!(tokens.len(), 2, "the token and the session, and nobody else's");
    let row = tokens.iter().find(|row| row["id"] == json!(id)).unwrap();
    assert_eq!(
        (&row["agent"], &row["session"], &row["own"]),
        (&json!("anna/PACS script"), &json!(false), &json!(true))
    );
    assert!(row["last_used"].is_string());
    assert!(!row.to_string().contains(&token[3..]));
    assert_eq!(house.app(&cookie, "DELETE", &format!("/api/tokens/{id}"), Value::Null).await.status, 204);
    assert_eq!(
        house.get(&token, "/fhir/Patient", "*/*").await.status,
        401,
        "at the next request it is unknown"
    );
    assert_eq!(house.app(&cookie, "DELETE", &format!("/api/tokens/{id}"), Value::Null).await.status, 404);
}

#[tokio::test]
async fn nobody_makes_a_token_of_more_than_they_are() {
    let (house, admin) = administered().await;
    house.user("hospital-a", "anna", Role::Clinician).await;
    let anna = house.sign_in("anna", PASSWORD).await;
    for role in ["administrator", "radiologist", "registrar", "patient"] {
        assert_eq!(create(&house, &anna, role).await.status, 403, "{role}");
    }
    for role in ["guest", "device", "owner"] {
        assert_eq!(create(&house, &anna, role).await.status, 400, "{role}");
    }
    assert_eq!(create(&house, &admin, "registrar").await.status, 201);
    assert_eq!(create(&house, &admin, "patient").await.status, 403);
    let script = house.send(
        &house.a,
        "POST",
        "/api/tokens",
        &[],
        br#"{"name":"x","role":"clinician","days":1}"#.to_vec(),
    );
    assert_eq!(script.await.status, 403, "a token of no user makes no tokens");
    for days in [0, 367] {
        let body = json!({ "name": "x", "role": "clinician", "days": days });
        assert_eq!(house.app(&anna, "POST", "/api/tokens", body).await.status, 400);
    }
}

#[tokio::test]
async fn administrators_see_and_end_what_is_of_their_member_alone() {
    let (house, admin) = administered().await;
    house.user("hospital-a", "anna", Role::Clinician).await;
    house.user("hospital-b", "bert", Role::Administrator).await;
    let (anna, bert) = (house.sign_in("anna", PASSWORD).await, house.sign_in("bert", PASSWORD).await);
    let made = create(&house, &anna, "clinician").await.json();
    let path = format!("/api/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(
        house.app(&bert, "DELETE", &path, Value::Null).await.status,
        404,
        "another member's token is not there"
    );
    let of_anna: Vec<_> = listed(&house, &anna).await;
    assert!(of_anna.iter().all(|row| row["own"] == json!(true)));
    let of_admin: Vec<_> = listed(&house, &admin).await;
    // admin's and anna's sessions, anna's token, and the clinician's token that the house began with
    assert_eq!(of_admin.len(), 4);
    let session =
        of_admin.iter().find(|row| row["agent"] == "anna" && row["session"] == json!(true)).unwrap();
    let path = format!("/api/tokens/{}", session["id"].as_str().unwrap());
    assert_eq!(house.app(&admin, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(house.session(&anna).await.status, 401, "a session is taken back like a token");
}

#[tokio::test]
async fn a_token_ends_with_its_user() {
    let (house, admin) = administered().await;
    house.user("hospital-a", "anna", Role::Clinician).await;
    let anna = house.sign_in("anna", PASSWORD).await;
    let token = create(&house, &anna, "clinician").await.json()["token"].as_str().unwrap().to_owned();
    let patch = |body: Value| house.app(&admin, "PATCH", "/api/users/anna", body);
    assert_eq!(patch(json!({ "disabled": true })).await.status, 200);
    assert_eq!(house.get(&token, "/fhir/Patient", "*/*").await.status, 401);
    assert_eq!(patch(json!({ "disabled": false })).await.status, 200);
    assert_eq!(house.get(&token, "/fhir/Patient", "*/*").await.status, 401, "what ended stays ended");
    let anna = house.sign_in("anna", PASSWORD).await;
    let token = create(&house, &anna, "clinician").await.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(house.app(&admin, "DELETE", "/api/users/anna", Value::Null).await.status, 204);
    assert_eq!(house.get(&token, "/fhir/Patient", "*/*").await.status, 401);
}

#[tokio::test]
async fn a_session_says_with_what_it_was_begun() {
    let house = House::open().await;
    house.user("hospital-a", "anna", Role::Clinician).await;
    let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0 <secret>";
    let form = "login=anna&password=correct+horse+battery";
    let cookie = super::session_cookie(&house.post_form("/login", &[("user-agent", agent)], form).await);
    house.sign_in("anna", PASSWORD).await;
    create(&house, &cookie, "clinician").await;
    let tokens = listed(&house, &cookie).await;
    let browsers: Vec<_> = tokens.iter().map(|token| token["browser"].clone()).collect();
    assert_eq!(browsers.iter().filter(|browser| browser.is_null()).count(), 2, "{tokens:?}");
    assert!(browsers.contains(&json!({ "name": "Firefox", "system": "Windows" })), "{browsers:?}");
    assert!(!Value::from(tokens).to_string().contains("secret"));
}
