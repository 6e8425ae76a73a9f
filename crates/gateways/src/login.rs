//! Sign-in and sign-out: pages that need no JavaScript, and the cookie.

mod page;

use crate::doors::{Door, open};
use crate::http::{
    COOKIE, Peer, answer, cookie, is_own_page, percent_decode, public_url, read_body, status, user_agent,
};
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::header::{ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use lenticular_base::FaultKind;
use lenticular_services::Services;
use lenticular_services::sessions::{LIFETIME, LoggedIn, Whence};
use page::{Language, Notice, Page};

/// The doors of this gateway.
pub const DOORS: &[Door] = &[
    open("GET", "/login"),
    open("POST", "/login"),
    open("GET", "/login/style.css"),
    open("POST", "/logout"),
];

/// What this browser was signed in with once; only `/login` sees it.
const BROWSER: &str = "lenticular-browser";
const BROWSER_LIFETIME: i64 = 400 * 86_400;
const LARGEST_FORM: u64 = 8 * 1024;
const STYLE: &str = include_str!("login/style.css");

/// What the page may do: be looked at, and send its form here.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; \
     base-uri 'none'";

/// The routes of this gateway.
pub fn router() -> Router<Services> {
    Router::new()
        .route("/login", get(form).post(log_in))
        .route("/login/style.css", get(async || answer(StatusCode::OK, "text/css; charset=utf-8", STYLE)))
        .route("/logout", post(log_out))
}

/// The pairs of a form or a query (URL Standard §5.1).
fn fields(text: &str) -> Vec<(String, String)> {
    let decoded = |part: &str| percent_decode(part, true);
    text.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (decoded(k), decoded(v))).collect()
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

/// Where to go after sign-in: a path of this server in visible ASCII. Anything that a browser could take for another origin
/// (`//`, `\`, control characters it drops) is the start page, and so is sign-in itself.
fn local(next: &str) -> &str {
    let bytes = next.as_bytes();
    let plain = next.len() <= 2000 && bytes.iter().all(|b| (0x21..0x7f).contains(b) && *b != b'\\');
    let path = bytes.first() == Some(&b'/') && bytes.get(1) != Some(&b'/');
    let of_login = ["/login", "/logout"].iter().any(|own| next.starts_with(own));
    if plain && path && !of_login { next } else { "/" }
}

fn language(headers: &HeaderMap, query: &[(String, String)]) -> Language {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    Language::of(field(query, "lang"), accepted)
}

async fn form(headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = fields(query.as_deref().unwrap_or(""));
    let notice = (field(&query, "notice") == "out").then_some(Notice::SignedOut);
    let next = local(field(&query, "next"));
    show(StatusCode::OK, &Page { language: language(&headers, &query), next, login: "", notice })
}

async fn log_in(
    State(services): State<Services>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Body,
) -> Response {
    let query = fields(query.as_deref().unwrap_or(""));
    let language = language(&headers, &query);
    let show_notice = |status, notice, login: &str, next: &str| {
        show(status, &Page { language, next, login, notice: Some(notice) })
    };
    if !is_own_page(&services, &headers) {
        return show_notice(StatusCode::FORBIDDEN, Notice::OtherSite, "", "/");
    }
    let form = match read_body(&headers, body, LARGEST_FORM).await {
        Ok(bytes) => fields(&String::from_utf8_lossy(&bytes)),
        Err(fault) => return show_notice(status(&fault), Notice::Failed, "", "/"),
    };
    let next = local(field(&form, "next"));
    let login = field(&form, "login");
    let address = peer.map(|Extension(Peer(at))| at.ip().to_canonical().to_string()).unwrap_or_default();
    let browser = cookie(&headers, BROWSER);
    let whence = Whence { address: &address, browser, user_agent: user_agent(&headers) };
    let before = cookie(&headers, COOKIE).map(str::to_owned);
    match services.log_in(login, field(&form, "password"), whence).await {
        Ok(begun) => {
            if let Some(before) = before {
                // the session that this browser had ends with the new one
                if let Err(fault) = services.log_out(&before).await {
                    let _ = status(&fault);
                }
            }
            let mut response = crate::http::empty(StatusCode::SEE_OTHER);
            response.headers_mut().insert(LOCATION, header(next));
            with_cookie(&services, &headers, response, &begun)
        }
        Err(fault) => {
            let notice = match fault.kind {
                FaultKind::Unauthenticated => Notice::Wrong,
                FaultKind::Busy => Notice::Busy,
                _ => Notice::Failed,
            };
            let mut response = show_notice(status(&fault), notice, login, next);
            if fault.kind == FaultKind::Busy {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
            }
            response
        }
    }
}

async fn log_out(State(services): State<Services>, headers: HeaderMap) -> Response {
    if !is_own_page(&services, &headers) {
        let page =
            Page { language: language(&headers, &[]), next: "/", login: "", notice: Some(Notice::OtherSite) };
        return show(StatusCode::FORBIDDEN, &page);
    }
    let ended = services.log_out(cookie(&headers, COOKIE).unwrap_or_default()).await;
    if let Err(fault) = ended {
        let page =
            Page { language: language(&headers, &[]), next: "/", login: "", notice: Some(Notice::Failed) };
        return show(status(&fault), &page);
    }
    let mut response = crate::http::empty(StatusCode::SEE_OTHER);
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/login?notice=out"));
    without_cookie(&services, &headers, response)
}

fn show(status: StatusCode, page: &Page<'_>) -> Response {
    let mut response = answer(status, "text/html; charset=utf-8", page.html());
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("/"))
}

/// RFC 6265 §4.1: no script reads it, no other site sends it, and over https it goes over https alone.
fn set(
    services: &Services,
    headers: &HeaderMap,
    name: &str,
    value: &str,
    path: &str,
    seconds: i64,
) -> HeaderValue {
    let secure = if public_url(services, headers).starts_with("https://") { "; Secure" } else { "" };
    header(&format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"))
}

/// Adds the cookies of a session that was begun.
pub(crate) fn with_cookie(
    services: &Services,
    headers: &HeaderMap,
    mut response: Response,
    begun: &LoggedIn,
) -> Response {
    let session = set(services, headers, COOKIE, &begun.token, "/", LIFETIME / 1000);
    let browser = set(services, headers, BROWSER, &begun.browser, "/login", BROWSER_LIFETIME);
    response.headers_mut().append(SET_COOKIE, session);
    response.headers_mut().append(SET_COOKIE, browser);
    response
}

/// Takes the session's cookie away.
pub(crate) fn without_cookie(services: &Services, headers: &HeaderMap, mut response: Response) -> Response {
    response.headers_mut().append(SET_COOKIE, set(services, headers, COOKIE, "", "/", 0));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_origin() {
        for inside in ["/", "/patients/p1?tab=images", "/studies/1.2.3", "/a//b"] {
            assert_eq!(local(inside), inside);
        }
        let outside = [
            "",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/",
            "evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "/a b",
            "/ü",
            "/login",
            "/logout",
        ];
        for outside in outside {
            assert_eq!(local(outside), "/", "{outside:?}");
        }
        assert_eq!(local(&format!("/{}", "a".repeat(3000))), "/");
    }
}
