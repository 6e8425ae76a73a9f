use super::{PASSWORD, administered, session_cookie};
use crate::house::House;
use lenticular_policy::Role;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_person_signs_in_works_and_signs_out() {
    let house = House::open().await;
    house.user("hospital-a", "anna", Role::Clinician).await;
    let page = house.get("", "/login?next=/patients", "text/html").await;
    assert_eq!(page.status, 200);
    let html = String::from_utf8(page.body.clone()).unwrap();
    assert!(html.contains("name=\"next\" value=\"/patients\"") && !html.contains("<script"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(
        house.get("", "/login/style.css", "text/css").await.header("content-type").starts_with("text/css")
    );

    let form = "login=+Anna+&password=correct+horse+battery&next=%2Fpatients%3Fq%3D1";
    let answer = house
        .post_form("/login", &[("origin", "http://test"), ("sec-fetch-site", "same-origin")], form)
        .await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/patients?q=1"));
    let set = answer.headers.get_all("set-cookie").iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
    let session = set.iter().find(|cookie| cookie.starts_with("lenticular=")).unwrap();
    for part in ["; Path=/;", "; HttpOnly", "; SameSite=Strict", "; Max-Age=43200"] {
        assert!(session.contains(part), "{part} is in {session}");
    }
    assert!(!session.contains("Secure"), "over plain http a Secure cookie would never come back");

    let cookie = session_cookie(&answer);
    let session = house.session(&cookie).await.json();
    assert_eq!(session["user"], json!({ "login": "anna", "name": "anna" }));
    assert_eq!(session["member"]["id"], "hospital-a");
    assert_eq!(
        (session["member"]["timezone"].as_str(), session["member"]["locale"].as_str()),
        (Some("UTC"), Some("en"))
    );
    assert_eq!((session["role"].as_str(), session["operator"].as_bool()), (Some("clinician"), Some(false)));
    assert_eq!(
        session["memberships"],
        json!([{ "member": "hospital-a", "name": "hospital-a", "role": "clinician" }])
    );
    assert!(session["can"].as_array().unwrap().contains(&json!("share")));
    assert!(!session["can"].as_array().unwrap().contains(&json!("administer")));
    for path in ["/fhir/Patient", "/dicom-web/studies", "/api/shares"] {
        let answer = house.app(&cookie, "GET", path, Value::Null).await;
        assert!(answer.status.is_success(), "{path} takes the cookie: {}", answer.status);
    }
    assert_eq!(house.app(&cookie, "DELETE", "/api/session", Value::Null).await.status, 204);
    assert_eq!(house.session(&cookie).await.status, 401, "a session that ended is over at once");
    let again = house.sign_in("anna", PASSWORD).await;
    let out = house.post_form("/logout", &[("cookie", &again)], "").await;
    assert_eq!((out.status.as_u16(), out.header("location")), (303, "/login?notice=out"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(house.session(&again).await.status, 401);
}

#[tokio::test]
async fn nobody_learns_which_logins_there_are() {
    let house = House::open().await;
    house.user("hospital-a", "anna", Role::Clinician).await;
    let mut pages = Vec::new();
    for login in ["anna", "otto"] {
        let answer =
            house.post_form("/login", &[], &format!("login={login}&password=not+the+right+one")).await;
        assert_eq!(answer.status, 401);
        assert!(answer.headers.get("set-cookie").is_none());
        pages.push(String::from_utf8(answer.body).unwrap().replace(login, "LOGIN"));
    }
    assert_eq!(pages[0], pages[1], "a wrong password and an unknown login look the same");
    let log = house.network_log();
    assert_eq!(log.iter().filter(|entry| entry.interaction == "login" && entry.outcome == 4).count(), 2);
    assert!(log.iter().all(|entry| entry.agent.is_empty()), "what was typed is in no log");
}

#[tokio::test]
async fn what_is_typed_into_the_page_stays_text_and_leads_nowhere_else() {
    let house = House::open().await;
    house.user("hospital-a", "anna", Role::Clinician).await;
    let typed = "login=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E&password=x&next=%22%3E%3Cimg+src%3Dx%3E";
    let page = String::from_utf8(house.post_form("/login?lang=de", &[], typed).await.body).unwrap();
    assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    assert!(page.contains("<html lang=\"de\">") && page.contains("role=\"alert\""));
    for next in [
        "//evil.example",
        "/%5Cevil.example",
        "https%3A%2F%2Fevil.example",
        "/%09/evil.example",
        "%0d%0aset-cookie:a=b",
    ] {
        let form = format!("login=anna&password=correct+horse+battery&next={next}");
        let answer = house.post_form("/login", &[], &form).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/"), "{next}");
    }
    let chinese = house.send("", "GET", "/login", &[("accept-language", "zh-CN,en;q=0.5")], Vec::new()).await;
    assert!(String::from_utf8(chinese.body).unwrap().contains("<title>登录"));
}

#[tokio::test]
async fn other_sites_change_nothing_with_the_cookie() {
    let (house, cookie) = administered().await;
    let foreign: [&[(&str, &str)]; 6] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://test.evil.example")],
        &[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")],
    ];
    let doors = [
        ("POST", "/api/tokens"),
        ("PUT", "/api/preferences"),
        ("DELETE", "/api/session"),
        ("POST", "/fhir/Organization"),
        ("POST", "/dicom-web/studies"),
        ("POST", "/logout"),
        ("POST", "/login"),
    ];
    for headers in foreign {
        for (method, path) in doors {
            let headers: Vec<_> = headers.iter().copied().chain([("cookie", cookie.as_str())]).collect();
            let answer = house.send("", method, path, &headers, b"{}".to_vec()).await;
            assert_eq!(answer.status, 403, "{method} {path} {headers:?}");
        }
    }
    assert_eq!(house.session(&cookie).await.status, 200, "nothing of it signed anybody out");
    let strangers =
        house.post_form("/login", &[("origin", "http://evil.example")], "login=admin&password=x").await;
    assert_eq!(strangers.status, 403, "nobody is signed in by another site");
    assert_eq!(
        house.app(&cookie, "PUT", "/api/preferences", json!({})).await.status,
        204,
        "the app itself may"
    );
    let bare = house.send("", "PUT", "/api/preferences", &[("cookie", &cookie)], b"{}".to_vec()).await;
    assert_eq!(bare.status, 204, "what is no browser says nothing of sites");
    let scripts = [("sec-fetch-site", "cross-site"), ("origin", "http://elsewhere.example")];
    let share = house.send(&house.a, "POST", "/api/shares", &scripts, b"{}".to_vec()).await;
    assert_ne!(share.status, 403, "a bearer token is never added unasked");
}

#[tokio::test]
async fn a_planted_session_is_not_taken_over() {
    let house = House::open().await;
    house.user("hospital-a", "anna", Role::Clinician).await;
    house.user("hospital-a", "mallory", Role::Clinician).await;
    let planted = house.sign_in("mallory", PASSWORD).await;
    let form = "login=anna&password=correct+horse+battery";
    let answer = house.post_form("/login", &[("cookie", &planted)], form).await;
    let own = session_cookie(&answer);
    assert_ne!(own, planted);
    assert_eq!(house.session(&own).await.json()["user"]["login"], "anna");
    assert_eq!(house.session(&planted).await.status, 401, "the session that the browser had before is over");
    let both = format!("{own}; {planted}");
    assert_eq!(house.session(&both).await.status, 401, "of two cookies none is believed");
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours_whatever_happens_in_it() {
    let (house, cookie) = administered().await;
    for _ in 0..11 {
        house.clock.fetch_add(3_600_000, Ordering::Relaxed);
        assert_eq!(house.session(&cookie).await.status, 200);
    }
    house.clock.fetch_add(3_600_000, Ordering::Relaxed);
    assert_eq!(house.session(&cookie).await.status, 401);
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let (house, cookie) = administered().await;
    let elsewhere = house.sign_in("admin", PASSWORD).await;
    let change = |current: &str, new: &str| json!({ "current": current, "new": new });
    let wrong =
        house.app(&cookie, "POST", "/api/password", change("not it at all", "a new long password")).await;
    assert_eq!(wrong.status, 403);
    let weak = house.app(&cookie, "POST", "/api/password", change(PASSWORD, "short")).await;
    assert_eq!((weak.status.as_u16(), weak.json()["error"].as_str()), (400, Some("password")));
    let good = house.app(&cookie, "POST", "/api/password", change(PASSWORD, "a new long password")).await;
    assert_eq!(good.status, 204);
    assert_eq!(house.session(&cookie).await.status, 200, "this session goes on");
    assert_eq!(house.session(&elsewhere).await.status, 401, "the other one is over");
    let old = house.post_form("/login", &[], "login=admin&password=correct+horse+battery").await;
    assert_eq!(old.status, 401);
    house.sign_in("admin", "a new long password").await;
}

#[tokio::test]
async fn a_person_of_two_members_moves_between_them_and_to_no_third() {
    let house = House::open().await;
    house.user("hospital-a", "anna", Role::Clinician).await;
    house.user("hospital-b", "anna", Role::Radiologist).await;
    house.services.add_member(lenticular_base::OrgId::parse("hospital-c").unwrap(), "C").await.unwrap();
    let made = house.send(&house.b, "POST", "/fhir/Patient", &[], super::patient("Berg")).await.json();
    let path = format!("/fhir/Patient/{}", made["id"].as_str().unwrap());
    let cookie = house.sign_in("anna", PASSWORD).await;
    let elsewhere = house.sign_in("anna", PASSWORD).await;
    assert_eq!(house.app(&cookie, "GET", &path, Value::Null).await.status, 404);
    let moved = house.app(&cookie, "POST", "/api/session", json!({ "member": "hospital-b" })).await.json();
    assert_eq!(
        (moved["member"]["id"].as_str(), moved["role"].as_str()),
        (Some("hospital-b"), Some("radiologist"))
    );
    assert_eq!(moved["memberships"].as_array().unwrap().len(), 2);
    assert_eq!(house.app(&cookie, "GET", &path, Value::Null).await.status, 200);
    assert_eq!(house.app(&elsewhere, "GET", &path, Value::Null).await.status, 404, "another browser stays");
    let third = house.app(&cookie, "POST", "/api/session", json!({ "member": "hospital-c" })).await;
    let none = house.app(&cookie, "POST", "/api/session", json!({ "member": "hospital-z" })).await;
    assert_eq!((third.status.as_u16(), none.status.as_u16()), (404, 404));
    assert_eq!(third.body, none.body, "another member's name is not told");
    let later = house.sign_in("anna", PASSWORD).await;
    assert_eq!(
        house.session(&later).await.json()["member"]["id"],
        "hospital-b",
        "the next session begins there"
    );
}

#[tokio::test]
async fn preferences_are_kept_for_each_user() {
    let (house, cookie) = administered().await;
    house.user("hospital-a", "anna", Role::Clinician).await;
    let kept = json!({ "theme": "reading", "columns": ["name", "date"] });
    assert_eq!(house.app(&cookie, "PUT", "/api/preferences", kept.clone()).await.status, 204);
    assert_eq!(house.session(&cookie).await.json()["preferences"], kept);
    let anna = house.sign_in("anna", PASSWORD).await;
    assert_eq!(house.session(&anna).await.json()["preferences"], json!({}));
    let large = json!({ "a": "x".repeat(17_000) });
    assert_eq!(house.app(&anna, "PUT", "/api/preferences", large).await.status, 413);
    assert_eq!(house.app(&anna, "PUT", "/api/preferences", json!([1])).await.status, 400);
    let script = house.send(&house.a, "PUT", "/api/preferences", &[], b"{}".to_vec()).await;
    assert_eq!(script.status, 403, "a token of no user keeps nothing");
}

#[tokio::test]
async fn many_failures_slow_down_whoever_fails_and_lock_nobody_out() {
    let house = House::open().await;
    house.user("hospital-a", "anna", Role::Clinician).await;
    let begun = std::time::Instant::now();
    for _ in 0..7 {
        let wrong = house.post_form("/login", &[], "login=anna&password=not+the+right+one").await;
        assert_eq!(wrong.status, 401);
    }
    assert!(begun.elapsed().as_millis() >= 700, "the sixth and seventh attempt wait");
    house.sign_in("anna", PASSWORD).await;
}
