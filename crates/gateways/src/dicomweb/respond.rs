//! Answers: JSON, one body, or multipart/related (RFC 2387, PS3.18 §8.6.1), streamed as the client takes them.

use super::accept::Wanted;
use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream::{self, StreamExt};
use http::header::{CONTENT_ENCODING, CONTENT_LOCATION, CONTENT_TYPE, VARY, WARNING};
use http::{HeaderValue, StatusCode};
use lenticular_base::Fault;
use lenticular_base::ids::hex;
use lenticular_services::frames::{Event, Parts};
use lenticular_services::studies::metadata::MetadataStream;
use lenticular_services::studies::search::FoundImages;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

pub const DICOM_JSON: &str = "application/dicom+json";
/// An answer that is complete within this many bytes is sent with its length.
const WHOLE: usize = 2 << 20;

fn ok(content_type: &str, body: Body) -> Result<Response, Fault> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    let value = HeaderValue::from_str(content_type).map_err(Fault::internal)?;
    response.headers_mut().insert(CONTENT_TYPE, value);
    Ok(response)
}

/// What a search found (PS3.18 §10.6.4).
pub fn found(found: FoundImages) -> Response {
    let mut response = crate::http::answer(StatusCode::OK, DICOM_JSON, found.json);
    if found.more {
        let words =
            "299 lenticular \"There are more results; ask again with a larger limit, or with offset.\"";
        response.headers_mut().insert(WARNING, HeaderValue::from_static(words));
    }
    response
}

/// Metadata as it is joined.
pub async fn metadata(mut metadata: MetadataStream, gzip: bool) -> Result<Response, Fault> {
    let first = metadata.next().await.transpose()?.unwrap_or_default();
    let body = if metadata.is_done() {
        Body::from(first)
    } else {
        let rest = stream::unfold(metadata, |mut metadata| async {
            let next = metadata.next().await?;
            Some((next.inspect_err(cut_short), metadata))
        });
        Body::from_stream(stream::iter([Ok(first)]).chain(rest))
    };
    let mut response = ok(DICOM_JSON, body)?;
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if gzip {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// Parts in the form that was chosen.
pub async fn parts(parts: Parts, wanted: &Wanted, base: &str) -> Result<Response, Fault> {
    match wanted.is_multipart(parts.chosen) {
        true => multipart(parts, base).await,
        false => single(parts, base).await,
    }
}

fn cut_short(fault: &Fault) {
    tracing::warn!(code = fault.code, source = ?fault.source, "an answer was cut short");
}

/// The first part alone, as the body.
async fn single(mut parts: Parts, base: &str) -> Result<Response, Fault> {
    let Some(Event::Part { media, location }) = parts.next().await.transpose()? else {
        return Err(Fault::internal("an answer without parts"));
    };
    let body = Writer { parts, framing: None, open: true }.body(Vec::new()).await?;
    let mut response = ok(&media, body)?;
    let location = HeaderValue::from_str(&format!("{base}/{location}")).map_err(Fault::internal)?;
    response.headers_mut().insert(CONTENT_LOCATION, location);
    Ok(response)
}

async fn multipart(mut parts: Parts, base: &str) -> Result<Response, Fault> {
    let first = parts.next().await.transpose()?;
    let Some(Event::Part { media, location }) = first else {
        return Err(Fault::internal("an answer without parts"));
    };
    // Nobody who writes an object may know the boundary that it will be sent between.
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|e| Fault::internal(e.to_string()))?;
    let essence = media.split(';').next().unwrap_or("").trim().to_owned();
    let framing = Framing { boundary: hex(&random), base: base.to_owned() };
    let content_type = format!("multipart/related; type=\"{essence}\"; boundary={}", framing.boundary);
    let head = framing.head(&media, &location, true);
    let body = Writer { parts, framing: Some(framing), open: true }.body(vec![head]).await?;
    ok(&content_type, body)
}

struct Framing {
    boundary: String,
    base: String,
}

impl Framing {
    fn head(&self, media: &str, location: &str, first: bool) -> Bytes {
        let lead = if first { "" } else { "\r\n" };
        let Framing { boundary, base } = self;
        format!("{lead}--{boundary}\r\nContent-Type: {media}\r\nContent-Location: {base}/{location}\r\n\r\n")
            .into()
    }
}

/// Writes events as bytes.
struct Writer {
    parts: Parts,
    /// `None`: one part alone.
    framing: Option<Framing>,
    open: bool,
}

impl Writer {
    async fn next(&mut self) -> Option<Result<Bytes, Fault>> {
        if !self.open {
            return None;
        }
        match (self.parts.next().await, &self.framing) {
            (Some(Ok(Event::Bytes(bytes))), _) => Some(Ok(bytes)),
            (Some(Ok(Event::Part { media, location })), Some(framing)) => {
                Some(Ok(framing.head(&media, &location, false)))
            }
            (Some(Err(fault)), _) => {
                self.open = false;
                cut_short(&fault);
                Some(Err(fault))
            }
            (None, Some(framing)) => {
                self.open = false;
                Some(Ok(format!("\r\n--{}--\r\n", framing.boundary).into()))
            }
            (None | Some(Ok(Event::Part { .. })), None) => {
                self.open = false;
                None
            }
        }
    }

    /// Gathers what fits into one body; streams what does not.
    async fn gather(&mut self, mut gathered: Vec<Bytes>) -> Result<Vec<Bytes>, Fault> {
        let mut length: usize = gathered.iter().map(Bytes::len).sum();
        while self.open && length <= WHOLE {
            match self.next().await {
                Some(bytes) => {
                    let bytes = bytes?;
                    length += bytes.len();
                    gathered.push(bytes);
                }
                None => break,
            }
        }
        Ok(gathered)
    }

    /// A body of `head` and all that follows.
    async fn body(mut self, head: Vec<Bytes>) -> Result<Body, Fault> {
        let gathered = self.gather(head).await?;
        if !self.open {
            let length: usize = gathered.iter().map(Bytes::len).sum();
            return Ok(match &gathered[..] {
                [one] => Body::from(one.clone()),
                many if length <= JOINED => Body::from(many.concat()),
                _ => Body::new(Pieces { left: length as u64, pieces: gathered.into() }),
            });
        }
        let rest = stream::unfold(self, |mut writer| async {
            let next = writer.next().await?;
            Some((next, writer))
        });
        Ok(Body::from_stream(stream::iter(gathered.into_iter().map(Ok)).chain(rest)))
    }
}

/// Pieces up to so many bytes in all are joined; larger ones are sent as they are, without being copied.
const JOINED: usize = 64 << 10;

/// A body of several pieces whose length is known.
struct Pieces {
    pieces: VecDeque<Bytes>,
    left: u64,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        let next = self.pieces.pop_front();
        self.left -= next.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(next.map(|piece| Ok(http_body::Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.left)
    }
}
