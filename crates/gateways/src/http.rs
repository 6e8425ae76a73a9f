//! What all HTTP gateways share: who calls, how a fault reads, how a body is taken in.

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
pub use lenticular_base::text::{pairs, percent_decode, write_pairs};
use lenticular_base::{Fault, FaultKind};
use lenticular_policy::Purpose;
use lenticular_services::{Caller, Services};

/// Who calls, proved by the bearer token (RFC 6750); without one nobody does.
pub async fn caller(services: &Services, headers: &HeaderMap, way: &'static str) -> Result<Caller, Fault> {
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let principal = match token {
        Some(token) => services.authenticate(token).await?,
        None => None,
    };
    match principal {
        Some(principal) => Ok(Caller { principal, purpose: Purpose::Treat, way }),
        None => {
            let interaction = if token.is_some() { "unknown-token" } else { "no-token" };
            if token.is_some() {
                services.record_refusal(way, interaction, "").await?;
            }
            Err(Fault::new(
                FaultKind::Unauthenticated,
                "login",
                "This needs a bearer token that is known and not over. `lenticular token` makes one.",
            ))
        }
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

/// The HTTP status of a fault; its cause goes to the log, once, here.
pub fn status(fault: &Fault) -> StatusCode {
    let meaning = fault.kind.meaning();
    if let Some(source) = &fault.source {
        match meaning.log {
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
        headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
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
