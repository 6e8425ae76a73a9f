//! The pages of the app: every GET path that no protocol has. The files themselves are handed in, so that nothing here
//! depends on how the app was built.

use crate::doors::{Door, open};
use crate::http::{answer, empty};
use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};

/// The doors of the app's pages.
pub const DOORS: &[Door] = &[open("GET", "/{app}")];

/// One file of the app, as small as the client takes it.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    pub bytes: &'static [u8],
    /// `Content-Type`.
    pub media: &'static str,
    /// `Content-Encoding`.
    pub encoding: Option<&'static str>,
    /// A strong entity tag, quotes included.
    pub etag: &'static str,
    /// The name tells the content: it may be kept for ever.
    pub immutable: bool,
}

/// Finds a file by its path (without a leading slash) and the request's `Accept-Encoding`.
pub type Assets = fn(path: &str, accept_encoding: &str) -> Option<Asset>;

/// First segments of paths that machines talk to: what is not found there is never the app's page.
const MACHINES: &[&str] = &[
    "api",
    "assets",
    "auth",
    "cds-services",
    "dicom-web",
    "epcis",
    "fhir",
    "healthz",
    "log",
    "login",
    "logout",
    "metrics",
    "readyz",
    "sql",
];

/// What a page of the app may do: talk to this server, and nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' \
     'unsafe-inline'; img-src 'self' data: blob:; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Of every page, where it has none of its own.
const PAGE: &[(&str, &str)] = &[
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    // with no-referrer a form of ours would be sent with `Origin: null`
    ("referrer-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), fullscreen=(self)",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("x-frame-options", "DENY"),
];

/// Answers a request that no route took.
pub fn serve(assets: Assets, request: &Request<Body>) -> Response {
    let (path, headers) = (request.uri().path().trim_start_matches('/'), request.headers());
    let head = request.method() == Method::HEAD;
    if !head && request.method() != Method::GET {
        return wrong_method(path);
    }
    let coding = text(headers, ACCEPT_ENCODING);
    let page =
        || (takes_html(headers) && !is_of_machines(path)).then(|| assets("index.html", coding)).flatten();
    match assets(path, coding).or_else(page) {
        Some(asset) => file(asset, headers, head),
        None => not_found(),
    }
}

/// Adds what every answer says: bytes are what their type says they are, and private unless the answer knows better; pages
/// say what they may do.
pub fn guard(headers: &mut HeaderMap) {
    let mut absent = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    absent(HeaderName::from_static("x-content-type-options"), "nosniff");
    absent(CACHE_CONTROL, "no-store");
    if text(headers, CONTENT_TYPE).starts_with("text/html") {
        for (name, value) in PAGE {
            headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
        }
    }
}

fn file(asset: Asset, headers: &HeaderMap, head: bool) -> Response {
    let known = text(headers, IF_NONE_MATCH).split(',').any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == asset.etag
    });
    let mut response = match known {
        true => empty(StatusCode::NOT_MODIFIED),
        false if head => empty(StatusCode::OK),
        false => Response::new(Body::from(asset.bytes)),
    };
    let caching = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let fields = response.headers_mut();
    fields.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    fields.insert(ETAG, HeaderValue::from_static(asset.etag));
    fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(asset.media));
    if !known {
        if let Some(encoding) = asset.encoding {
            fields.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        if head {
            fields.insert(http::header::CONTENT_LENGTH, HeaderValue::from(asset.bytes.len()));
        }
    }
    response
}

fn not_found() -> Response {
    let body = r#"{"error":"not-found","message":"There is nothing here."}"#;
    answer(StatusCode::NOT_FOUND, "application/json", body)
}

fn wrong_method(path: &str) -> Response {
    if is_of_machines(path) {
        return not_found();
    }
    let body = r#"{"error":"method","message":"The app's pages are read with GET."}"#;
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, "application/json", body);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

fn is_of_machines(path: &str) -> bool {
    MACHINES.contains(&path.split('/').next().unwrap_or(""))
}

/// A browser that opens an address names HTML; scripts and images ask for anything (`*/*`) and get no page in its place.
fn takes_html(headers: &HeaderMap) -> bool {
    let lower = text(headers, ACCEPT).to_ascii_lowercase();
    lower.split(',').any(|range| {
        let mut parts = range.split(';');
        let html = matches!(parts.next().map(str::trim), Some("text/html" | "application/xhtml+xml"));
        html && !parts.any(|part| part.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32)))
    })
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}
