use super::{PASSWORD, administered, session_cookie};
use crate::house::House;
use lenticular_policy::Role;
use serde_json::{Value, json};

async fn needed(house: &House) -> bool {
    house.get("", "/api/setup", "*/*").await.json()["needed"].as_bool().unwrap()
}

#[tokio::test]
async fn the_owner_sets_up_and_is_signed_in() {
    let house = House::empty();
    assert!(needed(&house).await);
    let secret = house.services.setup_secret().await.unwrap().unwrap();
    let owner = json!({ "login": "olga", "name": "Olga", "password": PASSWORD });
    let request = |secret: &str, owner: &Value| json!({ "secret": secret, "id": "clinic", "name": "Clinic", "timezone": "Europe/Berlin", "locale": "de", "owner": owner });
    let send = |body: Value| house.send("", "POST", "/api/setup", &[], body.to_string().into_bytes());
    assert_eq!(send(request("guessed", &owner)).await.status, 404);
    let weak = json!({ "login": "olga", "name": "Olga", "password": "short" });
    assert_eq!(send(request(&secret, &weak)).await.status, 400, "the link is not used up by a mistake");
    let made = send(request(&secret, &owner)).await;
    assert_eq!(made.status, 201);
    let body = made.json();
    assert_eq!((body["member"].as_str(), body["role"].as_str()), (Some("clinic"), Some("administrator")));
    assert_eq!(house.get(body["token"].as_str().unwrap(), "/api/devices", "*/*").await.status, 200);
    let cookie = session_cookie(&made);
    let session = house.session(&cookie).await.json();
    assert_eq!(session["operator"], true);
    assert_eq!(
        session["member"],
        json!({ "id": "clinic", "name": "Clinic", "timezone": "Europe/Berlin", "locale": "de" })
    );
    assert!(!needed(&house).await);
    assert_eq!(send(request(&secret, &owner)).await.status, 404, "once");
    house.sign_in("olga", PASSWORD).await;
}

#[tokio::test]
async fn operators_make_members_and_administrators_change_their_own() {
    let (house, admin) = administered().await;
    let a = house.services.member("hospital-a").await.unwrap();
    house.services.add_user(&a, "olga", "Olga", Role::Clinician, None, PASSWORD, true).await.unwrap();
    let olga = house.sign_in("olga", PASSWORD).await;
    let request = json!({ "id": "clinic", "name": "Clinic", "locale": "zh", "administrator": { "login": "carl", "name": "Carl" } });
    assert_eq!(house.app(&admin, "POST", "/api/members", request.clone()).await.status, 403);
    let made = house.app(&olga, "POST", "/api/members", request.clone()).await;
    assert_eq!(made.status, 201);
    assert_eq!(house.app(&olga, "POST", "/api/members", request).await.status, 409);
    let carl = house.sign_in("carl", made.json()["password"].as_str().unwrap()).await;
    let session = house.session(&carl).await.json();
    assert_eq!(
        (session["member"]["id"].as_str(), session["role"].as_str()),
        (Some("clinic"), Some("administrator"))
    );
    assert_eq!(session["operator"], false);
    let patch = |cookie: &str, id: &str, body: Value| {
        let (house, path, cookie) = (&house, format!("/api/members/{id}"), cookie.to_owned());
        async move { house.app(&cookie, "PATCH", &path, body).await.status.as_u16() }
    };
    let zone = json!({ "timezone": "Asia/Shanghai" });
    assert_eq!(patch(&carl, "clinic", zone.clone()).await, 204);
    assert_eq!(house.session(&carl).await.json()["member"]["timezone"], "Asia/Shanghai");
    assert_eq!(patch(&carl, "hospital-a", zone.clone()).await, 403);
    assert_eq!(patch(&olga, "clinic", json!({ "name": "Clinic C" })).await, 204);
    for wrong in [json!({ "timezone": "no zone" }), json!({ "locale": "fr" }), json!({ "name": " " })] {
        assert_eq!(patch(&carl, "clinic", wrong).await, 400);
    }
    let members = house.app(&carl, "GET", "/api/members", Value::Null).await.json();
    let own =
        members["members"].as_array().unwrap().iter().find(|member| member["own"] == json!(true)).unwrap();
    assert_eq!((own["id"].as_str(), own["name"].as_str()), (Some("clinic"), Some("Clinic C")));
    assert_eq!(
        house.app(&olga, "GET", "/fhir/Patient", Value::Null).await.status,
        200,
        "of her own member, as a clinician"
    );
    let found = house.app(&olga, "GET", "/api/users", Value::Null).await;
    assert_eq!(found.status, 403, "who runs the deployment is not everybody's administrator");
}

#[tokio::test]
async fn the_description_tells_shapes() {
    let house = House::open().await;
    let described = house.get("", "/api/openapi.json", "*/*").await.json();
    assert_eq!(described["openapi"], "3.1.0");
    let session = &described["components"]["schemas"]["Session"];
    assert_eq!(session["properties"]["role"]["type"], "string");
    let answer =
        &described["paths"]["/api/session"]["get"]["responses"]["200"]["content"]["application/json"];
    assert_eq!(answer["schema"]["$ref"], "#/components/schemas/Session");
    let path = &described["paths"]["/api/users/{login}"]["patch"]["parameters"][0];
    assert_eq!(
        (path["in"].as_str(), path["name"].as_str(), path["required"].as_bool()),
        (Some("path"), Some("login"), Some(true))
    );
}

/// The app's client is generated from this file: `npm run codegen` in `web/`.
#[tokio::test]
async fn the_description_is_the_one_that_the_app_is_built_from() {
    let house = House::empty();
    let described = house.get("", "/api/openapi.json", "*/*").await.json();
    let text = serde_json::to_string_pretty(&described).unwrap() + "\n";
    expect_test::expect_file!["../../../../web/openapi.json"].assert_eq(&text);
}
