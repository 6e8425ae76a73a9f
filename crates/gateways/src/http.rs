//! What all HTTP gateways share: who calls, how a fault reads, how a body is taken in.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
pub use lenticular_base::text::{pairs, percent_decode, write_pairs};
use lenticular_base::{Fault, FaultKind};
use lenticular_policy::Purpose;
use lenticular_services::{Caller, Services};
use std::time::Instant;

/// The cookie of a browser's session.
pub const COOKIE: &str = "lenticular";

/// Where a request comes from, as the listener saw it.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub std::net::SocketAddr);

/// The bearer token of a request (RFC 6750 §2.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The value of a cookie (RFC 6265 §5.4). Two different ones of a name: none, for one of them was planted by a neighbour.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // a neighbour's cookie in whatever bytes does not hide ours
    let fields =
        headers.get_all(http::header::COOKIE).iter().flat_map(|field| field.as_bytes().split(|b| *b == b';'));
    let pairs = fields.filter_map(|pair| str::from_utf8(pair).ok()?.trim().split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

/// What a browser calls itself; empty where it says nothing that can be read.
pub fn user_agent(headers: &HeaderMap) -> &str {
    headers.get(http::header::USER_AGENT).and_then(|field| field.to_str().ok()).unwrap_or("")
}

/// What proves who calls: the bearer token, else the session's cookie.
pub fn credential(headers: &HeaderMap) -> Option<&str> {
    bearer(headers).or_else(|| cookie(headers, COOKIE))
}

/// Who calls, proved by the bearer token or the session's cookie; without one nobody does.
pub async fn caller(services: &Services, headers: &HeaderMap, way: &'static str) -> Result<Caller, Fault> {
    let asked = Instant::now();
    let token = credential(headers);
    let principal = match token {
        Some(token) => services.authenticate(token, asked).await?,
        None => None,
    };
    match principal {
        Some(principal) => Ok(Caller { principal, purpose: Purpose::Treat, way, asked: Some(asked) }),
        None => {
            let interaction = if token.is_some() { "unknown-token" } else { "no-token" };
            if token.is_some() {
                services.record_refusal(way, interaction, "").await?;
            }
            Err(Fault::new(
                FaultKind::Unauthenticated,
                "login",
                "Sign in at /login, or send a bearer token that is known and not over; `lenticular token` makes one.",
            ))
        }
    }
}

/// Whether a browser says that one of our own pages sent this, or a person's address bar; what is no browser says nothing.
pub fn is_own_page(services: &Services, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    let Some(origin) = text("origin") else { return true };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let public = services.settings().public_url.as_deref().and_then(origin_of);
    let authority =
        |origin: &str| origin.split_once("://").map(|(_, authority)| authority.to_ascii_lowercase());
    let by_host = authority(origin);
    if let Some(public) = public
        && by_host.is_some()
        && authority(public) == by_host
    {
        // plain http under the public name is whoever sits on the line
        return public.eq_ignore_ascii_case(origin);
    }
    host.zip(by_host).is_some_and(|(host, by)| host.eq_ignore_ascii_case(&by))
}

/// Scheme and authority of an address.
fn origin_of(url: &str) -> Option<&str> {
    let start = url.find("://")? + 3;
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    Some(&url[..end])
}

/// A layer around all routes: what changes something and is proved by the cookie alone comes from our own pages. A browser
/// adds the cookie whoever made it send the request, a bearer token nobody adds unasked.
pub async fn guard(State(services): State<Services>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let by_cookie = bearer(headers).is_none() && headers.contains_key(http::header::COOKIE);
    if reads || !by_cookie || is_own_page(&services, headers) {
        return next.run(request).await;
    }
    let refused = Fault::new(
        FaultKind::Forbidden,
        "cross-site",
        "Another site's page sent this; nothing was done. Open the app itself.",
    );
    match services.record_refusal("app", "cross-site", "").await {
        Ok(()) => fault_json(&refused),
        Err(fault) => fault_json(&fault),
    }
}

/// The address of this server as its clients see it, without a trailing slash.
pub fn public_url(services: &Services, headers: &HeaderMap) -> String {
    if let Some(url) = &services.settings().public_url {
        return url.clone();
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|host| is_host(host));
    format!("http://{}", host.unwrap_or("localhost"))
}

fn is_host(host: &str) -> bool {
    host.len() <= 255 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]_".contains(&b))
}

/// The HTTP status of a fault; its cause goes to the log, once, here: where it may be tried again, not for each request.
pub fn status(fault: &Fault) -> StatusCode {
    let meaning = fault.kind.meaning();
    if let Some(source) = &fault.source {
        match meaning.log {
            _ if meaning.retry => crate::refusals::note(fault),
            "error" => tracing::error!(code = fault.code, %source, "request failed"),
            "warn" => tracing::warn!(code = fault.code, %source, "request failed"),
            _ => tracing::debug!(code = fault.code, %source, "request failed"),
        }
    }
    StatusCode::from_u16(meaning.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A fault as `application/json` for `/api` and `application/dicom+json` clients: `{"error": code, "message": words}`.
pub fn fault_json(fault: &Fault) -> Response {
    let body = serde_json::json!({ "error": fault.code, "message": fault.public });
    let mut response = answer(status(fault), "application/json", body.to_string());
    challenge(fault, response.headers_mut());
    response
}

/// Adds what RFC 6750 §3 and RFC 9110 §10.2.3 ask for.
pub fn challenge(fault: &Fault, headers: &mut HeaderMap) {
    if fault.kind == FaultKind::Unauthenticated {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lenticular\""));
    }
    if fault.kind.meaning().retry {
        again_later(headers);
    }
}

/// The same request may succeed in a moment.
pub fn again_later(headers: &mut HeaderMap) {
    headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static("5"));
}

/// A response with a body.
pub fn answer(status: StatusCode, media: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

/// A response without a body.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Reads a whole body of at most `limit` bytes, inflated where `Content-Encoding` is gzip or deflate.
pub async fn read_body(headers: &HeaderMap, body: Body, limit: u64) -> Result<Bytes, Fault> {
    let too_large = || {
        Fault::new(
            FaultKind::TooLarge,
            "body-limit",
            format!(
                "The body is larger than {limit} bytes, or inflates more than {RATIO} times; nothing was kept. The \
                 setting limits.body raises the former."
            ),
        )
    };
    let bytes =
        axum::body::to_bytes(body, usize::try_from(limit).unwrap_or(usize::MAX)).await.map_err(|e| {
            let text = e.to_string();
            if text.contains("length limit") {
                return too_large();
            }
            Fault::new(FaultKind::Invalid, "body", "The body ended before it was complete; nothing was kept.")
        })?;
    let encoding = headers.get(http::header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    let inflated = match encoding.map(|text| text.trim().to_ascii_lowercase()).as_deref() {
        None | Some("identity" | "") => return Ok(bytes),
        Some("gzip" | "x-gzip") => {
            off_thread(move || inflate(flate2::read::MultiGzDecoder::new(&bytes[..]), bytes.len(), limit))
                .await?
        }
        Some("deflate") => {
            off_thread(move || inflate(flate2::read::ZlibDecoder::new(&bytes[..]), bytes.len(), limit))
                .await?
        }
        Some(_) => {
            return Err(Fault::new(
                FaultKind::UnsupportedMedia,
                "content-encoding",
                "Content-Encoding is gzip, deflate or absent here.",
            ));
        }
    };
    match inflated {
        Ok(Some(plain)) => Ok(Bytes::from(plain)),
        Ok(None) => Err(too_large()),
        Err(_) => Err(Fault::new(FaultKind::Invalid, "body", "The compressed body cannot be read.")),
    }
}

/// Inflating a bomb up to the limit takes a second: not on a thread that serves others.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(Fault::internal)
}

/// Real bodies deflate to a tenth, repetitive ones to a fiftieth; beyond this, and [`NO_BOMB`], it is a bomb.
const RATIO: u64 = 200;
/// Whatever its ratio, so much is no harm, in bytes.
const NO_BOMB: u64 = 8 << 20;

/// `None` where it inflates `packed` bytes to more than `limit`, or to what only a bomb does.
fn inflate(mut reader: impl std::io::Read, packed: usize, limit: u64) -> std::io::Result<Option<Vec<u8>>> {
    let most = limit.min(NO_BOMB.max(RATIO.saturating_mul(packed as u64)));
    let mut plain = Vec::new();
    let mut piece = vec![0; 256 << 10];
    loop {
        let read = reader.read(&mut piece)?;
        if read == 0 {
            return Ok(Some(plain));
        }
        if (plain.len() + read) as u64 > most {
            return Ok(None);
        }
        plain.extend_from_slice(&piece[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_not_where_two_differ() {
        let headers = |fields: &[&'static str]| {
            let values = fields.iter().map(|field| (http::header::COOKIE, HeaderValue::from_static(field)));
            values.collect::<HeaderMap>()
        };
        let found = |fields: &[&'static str]| cookie(&headers(fields), COOKIE).map(str::to_owned);
        assert_eq!(found(&["a=b; lenticular=lt_1; c=d"]).as_deref(), Some("lt_1"));
        assert_eq!(found(&["xlenticular=lt_0; lenticular-browser=lt_2"]), None);
        assert_eq!(found(&["lenticular=lt_1; lenticular=lt_2"]), None);
        assert_eq!(found(&["lenticular=lt_1", "lenticular=lt_2"]), None);
        let odd = HeaderValue::from_bytes(b"name=M\xFCller; lenticular=lt_1; x=\xC3\xBC").unwrap();
        let headers = HeaderMap::from_iter([(http::header::COOKIE, odd)]);
        assert_eq!(cookie(&headers, COOKIE), Some("lt_1"), "another one's bytes do not sign anybody out");
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        use std::io::Write;
        let zeros = |length| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(&vec![0; length]).unwrap();
            encoder.finish().unwrap()
        };
        let inflated = |packed: &[u8], limit| {
            inflate(flate2::read::GzDecoder::new(packed), packed.len(), limit).unwrap()
        };
        assert_eq!(inflated(&zeros(1 << 20), 1000), None);
        assert!(inflated(&zeros(1 << 20), 1 << 20).is_some());
        assert_eq!(inflated(&zeros(16 << 20), 1 << 30), None, "a thousandfold");
    }
}
