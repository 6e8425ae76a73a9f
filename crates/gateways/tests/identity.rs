//! Who signs in, as whom, for how long; and what of it other sites, other members and patients can do about it.

mod people;
mod sessions;
mod setup;
mod tokens;

use crate::house::{Answer, House};
use lenticular_policy::Role;
use serde_json::{Value, json};

pub const PASSWORD: &str = "correct horse battery";

impl House {
    /// A user of one of the hospitals, with [`PASSWORD`].
    pub async fn user(&self, member: &str, login: &str, role: Role) {
        let member = self.services.member(member).await.unwrap();
        self.services.add_user(&member, login, login, role, None, PASSWORD, false).await.unwrap();
    }

    /// Sends the form of the sign-in page.
    pub async fn post_form(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let headers: Vec<_> = headers.iter().copied().chain([kind]).collect();
        self.send("", "POST", path, &headers, form.as_bytes().to_vec()).await
    }

    /// Signs in and gives the cookie as the browser sends it back.
    pub async fn sign_in(&self, login: &str, password: &str) -> String {
        let form = format!("login={login}&password={}&next=/", password.replace(' ', "+"));
        let answer = self.post_form("/login", &[], &form).await;
        assert_eq!(answer.status, 303, "{login} is let in: {}", String::from_utf8_lossy(&answer.body));
        session_cookie(&answer)
    }

    /// A request of the app: JSON, proved by the cookie, from its own page.
    pub async fn app(&self, cookie: &str, method: &str, path: &str, body: Value) -> Answer {
        let headers = [("cookie", cookie), ("sec-fetch-site", "same-origin"), ("origin", "http://test")];
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.send("", method, path, &headers, body).await
    }

    pub async fn session(&self, cookie: &str) -> Answer {
        self.app(cookie, "GET", "/api/session", Value::Null).await
    }
}

/// `lenticular=…` of an answer that sets it.
pub fn session_cookie(answer: &Answer) -> String {
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let found =
        set.filter_map(|cookie| cookie.split(';').next()).find(|pair| pair.starts_with("lenticular="));
    found.expect("the answer sets the session's cookie").to_owned()
}

/// A house with an administrator at hospital A who is signed in.
pub async fn administered() -> (House, String) {
    let house = House::open().await;
    house.user("hospital-a", "admin", Role::Administrator).await;
    let cookie = house.sign_in("admin", PASSWORD).await;
    (house, cookie)
}

pub fn patient(family: &str) -> Vec<u8> {
    json!({ "resourceType": "Patient", "name": [{ "family": family }] }).to_string().into_bytes()
}
