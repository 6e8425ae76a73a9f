//! The pages of the app: what a browser gets, and what is never given in place of a machine's answer.

use crate::house::House;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::{Request, StatusCode};
use lenticular_gateways::assets::Asset;
use lenticular_gateways::server;
use tower::ServiceExt;

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

fn assets(path: &str, accept_encoding: &str) -> Option<Asset> {
    let small = accept_encoding.contains("br");
    let (bytes, media, immutable): (&[u8], _, _) = match path {
        "index.html" if small => (b"small", "text/html; charset=utf-8", false),
        "index.html" => (b"<!doctype html>", "text/html; charset=utf-8", false),
        "assets/app-1a2b.js" => (b"run()", "text/javascript; charset=utf-8", true),
        _ => return None,
    };
    let (encoding, etag) = if small { (Some("br"), "\"1-br\"") } else { (None, "\"1\"") };
    Some(Asset { bytes, media, encoding, etag, immutable })
}

async fn ask(house: &House, method: &str, path: &str, headers: &[(&str, &str)]) -> (Response, Vec<u8>) {
    let mut request = Request::builder().method(method).uri(path).header("host", "test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let site = server::site(house.services.clone(), assets);
    let (head, body) = site.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    (Response::from_parts(head, Body::empty()), body)
}

fn field<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn every_address_of_the_app_is_its_page() {
    let house = House::empty();
    for path in ["/", "/index.html", "/patients/x?tab=images", "/link", "/setup", "/fhirs"] {
        let (page, body) = ask(&house, "GET", path, &[HTML]).await;
        assert_eq!((page.status(), &body[..]), (StatusCode::OK, &b"<!doctype html>"[..]), "{path}");
        assert_eq!(field(&page, "cache-control"), "no-cache", "{path}");
        assert!(field(&page, "content-security-policy").contains("default-src 'self'; script-src 'self'"));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("vary", "accept-encoding"),
            ("etag", "\"1\""),
        ] {
            assert_eq!(field(&page, name), value, "{name} of {path}");
        }
        assert!(field(&page, "permissions-policy").contains("geolocation=()"));
    }
}

#[tokio::test]
async fn machines_get_their_own_refusals_and_never_the_page() {
    let house = House::empty();
    for path in ["/api/nothing", "/auth/x", "/log/x", "/epcis", "/assets/app-old.js", "/assets/", "/login/x"]
    {
        let (answer, body) = ask(&house, "GET", path, &[HTML]).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(field(&answer, "content-type"), "application/json", "{path}");
        assert!(!body.starts_with(b"<"), "{path}");
    }
    for path in ["/fhir/Patient/x", "/dicom-web/studies", "/fhir/no/such/place/at/all", "/dicom-web/x"] {
        let (answer, _) = ask(&house, "GET", path, &[HTML]).await;
        assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
        assert!(!field(&answer, "content-type").starts_with("text/html"), "{path}");
        assert_eq!(field(&answer, "cache-control"), "no-store", "{path}");
        assert_eq!(field(&answer, "x-content-type-options"), "nosniff", "{path}");
    }
    let (health, body) = ask(&house, "GET", "/healthz", &[HTML]).await;
    assert_eq!((health.status(), &body[..]), (StatusCode::OK, &b"ok\n"[..]));
    // What does not ask for a page gets none: a picture that is missing is missing.
    for accept in ["*/*", "image/avif,image/webp,*/*", "text/html;q=0", "application/json"] {
        let (answer, _) = ask(&house, "GET", "/picture.png", &[("accept", accept)]).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{accept}");
    }
    let (answer, _) = ask(&house, "POST", "/patients", &[HTML]).await;
    assert_eq!((answer.status(), field(&answer, "allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
}

#[tokio::test]
async fn files_are_small_kept_and_asked_for_again_by_their_tag() {
    let house = House::empty();
    let (script, body) = ask(&house, "GET", "/assets/app-1a2b.js", &[("accept", "*/*")]).await;
    assert_eq!(&body[..], b"run()");
    assert_eq!(field(&script, "cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(field(&script, "content-encoding"), "");
    assert_eq!(field(&script, "content-security-policy"), "", "a script is no page");
    let (page, body) = ask(&house, "GET", "/", &[HTML, ("accept-encoding", "gzip, br")]).await;
    assert_eq!((field(&page, "content-encoding"), &body[..]), ("br", &b"small"[..]));
    for known in ["\"1\"", "W/\"1\"", "\"0\", \"1\"", "*"] {
        let (same, body) = ask(&house, "GET", "/", &[HTML, ("if-none-match", known)]).await;
        assert_eq!((same.status(), body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
        assert_eq!(field(&same, "etag"), "\"1\"");
    }
    let (other, _) = ask(&house, "GET", "/", &[HTML, ("if-none-match", "\"2\"")]).await;
    assert_eq!(other.status(), StatusCode::OK);
    let (head, body) = ask(&house, "HEAD", "/", &[HTML]).await;
    assert_eq!((head.status(), body.len(), field(&head, "content-length")), (StatusCode::OK, 0, "15"));
}

#[tokio::test]
async fn json_of_some_size_is_compressed_once_for_those_who_take_it() {
    let house = House::open().await;
    let ask = async |coding: &str| {
        let headers = [("accept", "application/fhir+json"), ("accept-encoding", coding)];
        house.send(&house.a, "GET", "/fhir/metadata", &headers, Vec::new()).await
    };
    let (plain, small) = (ask("identity").await, ask("gzip, br").await);
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    assert_eq!((small.header("content-encoding"), small.header("vary")), ("gzip", "accept-encoding"));
    assert!(small.body.len() * 4 < plain.body.len());
    let mut whole = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&small.body[..]), &mut whole).unwrap();
    assert_eq!(whole, plain.body);
    let health = house.send("", "GET", "/healthz", &[("accept-encoding", "gzip")], Vec::new()).await;
    assert_eq!(health.header("content-encoding"), "", "little is left as it is");
}
