//! JSON answers in gzip for clients that take it: a Bundle is a tenth of its size on the wire. What is compressed already
//! (metadata of images, the app's files), what is streamed, and what is no JSON or text is left as it is.

use crate::dicomweb::accept::takes_gzip;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Method};
use std::io::Write;

/// Below, nothing is won; above, nobody has waited for the whole.
const SIZES: std::ops::RangeInclusive<u64> = 1024..=64 << 20;
/// What is compressed at once on the thread that answers, in bytes: a tenth of a millisecond.
const AT_ONCE: usize = 32 << 10;

/// A layer around all routes.
pub async fn shrink(request: Request, next: Next) -> Response {
    let takes = request.method() != Method::HEAD && takes_gzip(request.headers());
    let mut response = next.run(request).await;
    if !is_text(response.headers()) || has_chosen(response.headers()) {
        return response;
    }
    let size = response.body().size_hint().exact();
    if !size.is_some_and(|size| SIZES.contains(&size)) {
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    if !takes {
        return response;
    }
    let (mut head, body) = response.into_parts();
    // The size is known, so the whole is here already.
    let Ok(plain) = axum::body::to_bytes(body, usize::MAX).await else {
        return crate::http::empty(http::StatusCode::INTERNAL_SERVER_ERROR);
    };
    let small = if plain.len() <= AT_ONCE {
        gzip(&plain)
    } else {
        let plain = plain.clone();
        tokio::task::spawn_blocking(move || gzip(&plain)).await.ok().flatten()
    };
    let body: Bytes = match small {
        Some(small) if small.len() < plain.len() => {
            head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            head.headers.remove(CONTENT_LENGTH);
            head.headers.remove(ACCEPT_RANGES);
            small.into()
        }
        _ => plain,
    };
    Response::from_parts(head, Body::from(body))
}

/// Whether the answer has seen to its encoding itself.
fn has_chosen(headers: &HeaderMap) -> bool {
    let named = |value: &HeaderValue| {
        value.to_str().is_ok_and(|text| text.to_ascii_lowercase().contains("accept-encoding"))
    };
    headers.contains_key(CONTENT_ENCODING) || headers.get_all(VARY).iter().any(named)
}

fn gzip(plain: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}

fn is_text(headers: &HeaderMap) -> bool {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = media.split(';').next().unwrap_or("").trim();
    media == "application/json" || media.ends_with("+json") || media.starts_with("text/")
}
