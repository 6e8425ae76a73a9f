use super::{PASSWORD, administered, patient};
use lenticular_policy::Role;
use serde_json::{Value, json};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn an_administrator_adds_changes_and_removes_users() {
    let (house, cookie) = administered().await;
    let request = json!({ "login": "Anna@Example", "name": "Anna Berg", "role": "clinician" });
    let made = house.app(&cookie, "POST", "/api/users", request.clone()).await;
    assert_eq!(made.status, 201);
    let password = text(&made.json()["password"]).to_owned();
    assert_eq!(made.json()["login"], "anna@example");
    assert_eq!(house.app(&cookie, "POST", "/api/users", request).await.status, 409, "once is enough");
    let anna = house.sign_in("anna@example", &password).await;
    let listed = house.app(&cookie, "GET", "/api/users", Value::Null).await.json();
    let listed = listed["users"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    let row = listed.iter().find(|user| user["login"] == "anna@example").unwrap();
    assert_eq!(
        (text(&row["name"]), text(&row["role"]), &row["disabled"]),
        ("Anna Berg", "clinician", &json!(false))
    );
    assert!(row["last_seen"].is_string() && row.get("password").is_none());
    assert_eq!(house.app(&anna, "GET", "/api/users", Value::Null).await.status, 403);

    let patch = |body: Value| house.app(&cookie, "PATCH", "/api/users/anna@example", body);
    assert_eq!(patch(json!({ "name": "Anna Tal" })).await.status, 200);
    assert_eq!(house.session(&anna).await.json()["user"]["name"], "Anna Tal", "a name ends no session");
    assert_eq!(patch(json!({ "role": "registrar" })).await.status, 200);
    assert_eq!(house.session(&anna).await.status, 401, "another role begins with another session");
    let anna = house.sign_in("anna@example", &password).await;
    assert_eq!(house.session(&anna).await.json()["role"], "registrar");
    assert_eq!(patch(json!({ "disabled": true })).await.status, 200);
    assert_eq!(house.session(&anna).await.status, 401);
    let form = format!("login=anna%40example&password={password}");
    assert_eq!(house.post_form("/login", &[], &form).await.status, 401, "who is disabled is not let in");
    assert_eq!(patch(json!({ "disabled": false })).await.status, 200);
    assert_eq!(house.session(&anna).await.status, 401, "what ended stays ended");
    let anna = house.sign_in("anna@example", &password).await;
    let reset = patch(json!({ "reset_password": true })).await.json();
    assert_eq!(house.session(&anna).await.status, 401);
    let anna = house.sign_in("anna@example", text(&reset["password"])).await;
    assert_eq!(house.app(&cookie, "DELETE", "/api/users/anna@example", Value::Null).await.status, 204);
    assert_eq!(house.session(&anna).await.status, 401, "who is removed is nobody at the next request");
    assert_eq!(patch(json!({ "name": "x" })).await.status, 404);

    let again = json!({ "login": "anna@example", "name": "Another Anna", "role": "clinician" });
    let made = house.app(&cookie, "POST", "/api/users", again).await.json();
    assert_eq!(house.session(&anna).await.status, 401, "an old session does not come back with its login");
    house.sign_in("anna@example", text(&made["password"])).await;
}

#[tokio::test]
async fn what_has_no_form_is_refused() {
    let (house, cookie) = administered().await;
    let refused = [
        json!({ "login": "", "name": "x", "role": "clinician" }),
        json!({ "login": "a b", "name": "x", "role": "clinician" }),
        json!({ "login": "ä", "name": "x", "role": "clinician" }),
        json!({ "login": "x".repeat(65), "name": "x", "role": "clinician" }),
        json!({ "login": "x", "name": "", "role": "clinician" }),
        json!({ "login": "x", "name": "x", "role": "guest" }),
        json!({ "login": "x", "name": "x", "role": "device" }),
        json!({ "login": "x", "name": "x", "role": "patient" }),
        json!({ "login": "x", "name": "x", "role": "patient", "patient": "nobody" }),
        json!({ "login": "x", "name": "x", "role": "clinician", "patient": "p" }),
        json!({ "login": "x", "name": "x", "role": "clinician", "password": "short" }),
        json!({ "login": "x", "name": "x", "role": "clinician", "operator": true }),
    ];
    for body in refused {
        let answer = house.app(&cookie, "POST", "/api/users", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
    }
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let (house, cookie) = administered().await;
    let change = |login: &str, body: Value| {
        let path = format!("/api/users/{login}");
        let (house, cookie) = (&house, cookie.clone());
        async move { house.app(&cookie, "PATCH", &path, body).await.status.as_u16() }
    };
    assert_eq!(change("admin", json!({ "role": "clinician" })).await, 409);
    assert_eq!(change("admin", json!({ "disabled": true })).await, 409);
    assert_eq!(house.app(&cookie, "DELETE", "/api/users/admin", Value::Null).await.status, 409);
    house.user("hospital-a", "second", Role::Administrator).await;
    assert_eq!(change("second", json!({ "disabled": true })).await, 200);
    assert_eq!(change("admin", json!({ "disabled": true })).await, 409, "a disabled one does not count");
    assert_eq!(change("second", json!({ "disabled": false })).await, 200);
    assert_eq!(change("admin", json!({ "role": "clinician" })).await, 200);
}

#[tokio::test]
async fn nobody_is_taken_over_through_another_member() {
    let (house, cookie) = administered().await;
    house.user("hospital-b", "bert", Role::Clinician).await;
    let bert = house.sign_in("bert", PASSWORD).await;
    for (method, body) in [("PATCH", json!({ "reset_password": true })), ("DELETE", Value::Null)] {
        let answer = house.app(&cookie, method, "/api/users/bert", body).await;
        assert_eq!(answer.status, 404, "a user of another member is not there");
    }
    let request =
        json!({ "login": "bert", "name": "Someone", "role": "registrar", "password": "chosen by the other" });
    let made = house.app(&cookie, "POST", "/api/users", request).await;
    assert_eq!((made.status.as_u16(), made.json().get("password")), (201, None));
    let session = house.session(&bert).await.json();
    assert_eq!((text(&session["user"]["name"]), text(&session["member"]["id"])), ("bert", "hospital-b"));
    house.sign_in("bert", PASSWORD).await;
    for body in [json!({ "reset_password": true }), json!({ "name": "Someone" })] {
        assert_eq!(house.app(&cookie, "PATCH", "/api/users/bert", body).await.status, 409);
    }
    assert_eq!(house.app(&cookie, "PATCH", "/api/users/bert", json!({ "disabled": true })).await.status, 200);
    assert_eq!(house.session(&bert).await.status, 200, "at the other member nothing changed");
    house.sign_in("bert", PASSWORD).await;
}

#[tokio::test]
async fn a_patient_sees_their_own_record_and_writes_nothing() {
    let (house, cookie) = administered().await;
    let id = |body: Value| text(&body["id"]).to_owned();
    let me = id(house.send(&house.a, "POST", "/fhir/Patient", &[], patient("Berg")).await.json());
    let you = id(house.send(&house.a, "POST", "/fhir/Patient", &[], patient("Tal")).await.json());
    for of in [&me, &you] {
        let subject = json!({ "reference": format!("Patient/{of}") });
        let observation = json!({ "resourceType": "Observation", "status": "final", "code": { "text": "x" }, "subject": subject });
        let made = house
            .send(&house.a, "POST", "/fhir/Observation", &[], observation.to_string().into_bytes())
            .await;
        assert_eq!(made.status, 201);
    }
    let request =
        json!({ "login": "berg", "name": "B. Berg", "role": "patient", "patient": me, "password": PASSWORD });
    assert_eq!(house.app(&cookie, "POST", "/api/users", request).await.status, 201);
    let berg = house.sign_in("berg", PASSWORD).await;
    let session = house.session(&berg).await.json();
    assert_eq!((text(&session["role"]), text(&session["patient"])), ("patient", me.as_str()));
    assert_eq!(session["can"], json!(["read", "search", "own"]));
    let get = |path: String| {
        let (house, berg) = (&house, berg.clone());
        async move { house.app(&berg, "GET", &path, Value::Null).await }
    };
    assert_eq!(get(format!("/fhir/Patient/{me}")).await.status, 200);
    assert_eq!(get(format!("/fhir/Patient/{you}")).await.status, 404);
    let found = get("/fhir/Observation?_total=accurate".into()).await.json();
    assert_eq!(found["total"], 1, "only the own observation is found and counted");
    assert_eq!(get(format!("/fhir/Observation?subject=Patient/{you}")).await.json().get("entry"), None);
    assert!(get("/dicom-web/studies".into()).await.status.is_success());
    for (method, path) in
        [("POST", "/fhir/Observation"), ("POST", "/api/shares"), ("POST", "/dicom-web/studies")]
    {
        let answer = house.app(&berg, method, path, json!({ "resourceType": "Observation" })).await;
        assert!(answer.status.is_client_error(), "{method} {path}: {}", answer.status);
    }
    for path in ["/api/users", "/api/conflicts", "/api/devices", "/api/shares", "/fhir/AuditEvent"] {
        assert_eq!(get(path.into()).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn a_patient_opens_their_own_images_and_nobody_elses() {
    let (house, images) = crate::dicomweb::stocked().await;
    let id = |body: &Value| text(&body["id"]).to_owned();
    let pictured = house.get(&house.a, "/fhir/Patient", "*/*").await.json();
    let pictured = id(&pictured["entry"][0]["resource"]);
    let other = id(&house.send(&house.a, "POST", "/fhir/Patient", &[], patient("Tal")).await.json());
    let member = house.services.member("hospital-a").await.unwrap();
    let mut cookies = Vec::new();
    for (login, of) in [("pictured", pictured), ("other", other)] {
        let add = house.services.add_user(&member, login, login, Role::Patient, Some(of), PASSWORD, false);
        assert!(add.await.unwrap());
        cookies.push(house.sign_in(login, PASSWORD).await);
    }
    let image = &images[0];
    let paths = [
        format!("/dicom-web/studies/{}/metadata", image.study),
        image.path(),
        format!("{}/frames/1", image.path()),
        format!("{}/rendered", image.path()),
        format!("/api/annotations/{}", image.study),
    ];
    for path in &paths {
        assert_eq!(house.app(&cookies[0], "GET", path, Value::Null).await.status, 200, "{path}");
        assert_eq!(house.app(&cookies[1], "GET", path, Value::Null).await.status, 404, "{path}");
    }
    let found = |cookie: String| {
        let house = &house;
        async move { house.app(&cookie, "GET", "/dicom-web/studies", Value::Null).await }
    };
    let own = found(cookies[0].clone()).await.json();
    assert!(
        own.as_array()
            .unwrap()
            .iter()
            .any(|study| crate::dicomweb::first(study, "0020000D") == image.study.as_str())
    );
    let none = found(cookies[1].clone()).await;
    assert!(none.body.is_empty() || none.json() == json!([]), "no study of anybody else is found");
}
