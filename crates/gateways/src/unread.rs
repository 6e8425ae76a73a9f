//! Bodies that nobody read: a refusal that leaves before its request's body has been read must not leave the rest of
//! that body to be taken for the next request, nor end the connection without a word.
//!
//! What is left is read and dropped where it is little; else the answer says `Connection: close` (RFC 9112 §9.6).

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::CONNECTION;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// The rest of a body that is read and dropped, in bytes, and how long that may take.
const LITTLE: usize = 4 << 20;
const SHORTLY: Duration = Duration::from_secs(2);

/// A layer around all routes.
pub async fn settle(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let shared = Shared(Arc::new(Mutex::new(body)));
    let mut response = next.run(Request::from_parts(parts, Body::new(shared.clone()))).await;
    let drained = tokio::time::timeout(SHORTLY, shared.drain()).await;
    if !drained.unwrap_or(false) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A body that can be read on by another when its reader is gone.
#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

impl Shared {
    /// Reads what is left; tells whether that was all.
    async fn drain(mut self) -> bool {
        let mut length = 0;
        while !self.is_end_stream() {
            let frame = std::future::poll_fn(|context| Pin::new(&mut self).poll_frame(context)).await;
            match frame {
                None => return true,
                Some(Err(_)) => return false,
                Some(Ok(frame)) => length += frame.data_ref().map_or(0, Bytes::len),
            }
            if length > LITTLE {
                return false;
            }
        }
        true
    }

    fn with<T>(&self, work: impl FnOnce(&mut Body) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.with(|body| Pin::new(body).poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::post;
    use tower::ServiceExt;

    async fn closes(length: usize, reads: bool) -> bool {
        let read = |body: Body| async {
            axum::body::to_bytes(body, usize::MAX).await.map(|bytes| bytes.len()).unwrap().to_string()
        };
        let router = match reads {
            true => Router::new().route("/", post(read)),
            false => Router::new().route("/", post(|| async { "no" })),
        };
        let pieces = (0..length.div_ceil(1000)).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![0; 1000])));
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let request = Request::post("/").body(body).unwrap();
        let response = router.layer(axum::middleware::from_fn(settle)).oneshot(request).await.unwrap();
        response.headers().contains_key(CONNECTION)
    }

    #[tokio::test]
    async fn what_is_left_of_a_body_is_dropped_or_ends_the_connection() {
        assert!(!closes(100_000, false).await, "a little is dropped");
        assert!(closes(LITTLE + 2000, false).await, "much ends the connection");
        assert!(!closes(LITTLE + 2000, true).await, "what was read is no matter");
        assert!(!closes(0, false).await);
    }
}
