//! The HTTP listener: all routers behind one port, with limits on headers and time, drained on stop.

use crate::assets::Assets;
use crate::doors::Door;
use crate::http::answer;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::Response;
use http::header::{CONNECTION, HOST, HeaderValue};
use http::{HeaderMap, StatusCode};
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use lenticular_services::Services;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower::util::MapRequest;

/// Every way in over HTTP and DIMSE.
pub fn doors() -> Vec<Door> {
    [
        crate::fhir::DOORS,
        crate::dicomweb::DOORS,
        &crate::app::doors(),
        crate::login::DOORS,
        crate::metrics::DOORS,
        crate::assets::DOORS,
        crate::dimse::DOORS,
    ]
    .concat()
}

/// All HTTP routes over the services, without the pages of the app.
pub fn router(services: Services) -> Router {
    site(services, |_, _| None)
}

/// All HTTP routes over the services, with the app at every path that no protocol has.
pub fn site(services: Services, assets: Assets) -> Router {
    Router::new()
        .merge(crate::metrics::router())
        .merge(
            crate::app::router()
                .merge(crate::login::router())
                .layer(from_fn(|request, next| in_time(ANSWER, request, next))),
        )
        .merge(crate::fhir::router())
        .merge(crate::dicomweb::router())
        .fallback(move |request: Request| async move { crate::assets::serve(assets, &request) })
        .layer(from_fn_with_state(services.clone(), crate::http::guard))
        .layer(from_fn(crate::unread::settle))
        .layer(from_fn(crate::compress::shrink))
        .layer(map_response({
            let is_draining = services.draining();
            move |mut response: Response| {
                crate::metrics::COUNTERS.answer(response.status());
                crate::refusals::settle();
                let headers = response.headers_mut();
                crate::assets::guard(headers);
                if is_draining() {
                    // who is to come no more should not learn it by a connection that ends under the next request
                    headers.insert(CONNECTION, HeaderValue::from_static("close"));
                }
                std::future::ready(response)
            }
        }))
        .with_state(services)
}

/// What has small bodies, and takes one of them (set-up) before it knows who sends it, answers within this time.
const ANSWER: Duration = Duration::from_secs(30);

/// Gives a request up whose body drips in; [`settle`](crate::unread::settle) then ends the connection.
async fn in_time(limit: Duration, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let body =
            r#"{"error":"timeout","message":"The request did not come, or could not be answered, in time."}"#;
        answer(StatusCode::REQUEST_TIMEOUT, "application/json", body)
    })
}

/// A connection that is drained ends within this time.
const DRAIN: Duration = Duration::from_secs(20);

/// What callers may take of the listener before anybody knows who they are.
#[derive(Clone, Copy)]
struct Limits {
    /// The most connections at a time; others wait in the system's queue.
    connections: usize,
    /// How long a connection may wait for a request's head to be whole: its first, and each later one (keep-alive).
    head: Duration,
}

const LIMITS: Limits = Limits { connections: 1024, head: Duration::from_secs(30) };

/// Serves until `stop` says so, then lets requests under way finish.
pub async fn serve(listener: TcpListener, router: Router, stop: watch::Receiver<bool>) {
    serve_within(LIMITS, listener, router, stop).await;
}

async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(limits.connections));
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(64)
        .max_buf_size(64 * 1024)
        .keep_alive(true);
    loop {
        let accepted = tokio::select! {
            accepted = async {
                let place = room.clone().acquire_owned().await;
                (listener.accept().await, place)
            } => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (accepted, place) = accepted;
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().ok();
        let peer = stream.peer_addr().ok();
        let service = MapRequest::new(router.clone(), move |mut request: http::Request<_>| {
            if let Some(local) = local {
                complete_host(request.headers_mut(), local);
            }
            if let Some(peer) = peer {
                request.extensions_mut().insert(crate::http::Peer(peer));
            }
            request
        });
        let service = TowerToHyperService::new(service);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

/// Some clients leave the port out of `Host` (RFC 9110 §7.2), dicomweb-client among them. Where they name the very address
/// that they came to, the port that they came to is meant; a proxy's own name is left alone.
fn complete_host(headers: &mut HeaderMap, local: SocketAddr) {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return };
    let bare = host.trim_matches(['[', ']']);
    let is_local = bare == "localhost" && local.ip().is_loopback() || bare.parse() == Ok(local.ip());
    if local.port() == 80 || !is_local {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(&format!("{host}:{}", local.port())) {
        headers.insert(HOST, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    /// A listener with room for two connections of short patience.
    async fn small() -> (SocketAddr, watch::Sender<bool>, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let length = |body: axum::body::Bytes| async move { body.len().to_string() };
        let router = Router::new()
            .route("/", axum::routing::get(|| async { "here" }).post(length))
            .layer(from_fn(|request, next| in_time(Duration::from_millis(300), request, next)))
            .layer(from_fn(crate::unread::settle));
        let (stop, stopped) = watch::channel(false);
        let limits = Limits { connections: 2, head: Duration::from_millis(300) };
        (address, stop, tokio::spawn(serve_within(limits, listener, router, stopped)))
    }

    /// What comes until the server closes the connection.
    async fn rest(stream: &mut TcpStream) -> String {
        let mut text = Vec::new();
        let read = stream.read_to_end(&mut text);
        // a reset is a close, too
        let _ = tokio::time::timeout(Duration::from_secs(10), read).await.expect("the server closes");
        String::from_utf8_lossy(&text).into_owned()
    }

    #[tokio::test]
    async fn silent_dripping_and_idle_connections_end_and_make_room() {
        let (address, stop, server) = small().await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut dripping = TcpStream::connect(address).await.unwrap();
        let mut waiting = TcpStream::connect(address).await.unwrap();
        waiting.write_all(ASK).await.unwrap();
        let drip = async {
            let (mut from, mut to) = dripping.split();
            let mut byte = [0];
            let sending = async {
                for byte in b"GET / HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'x')) {
                    if to.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            let closed = async { while from.read(&mut byte).await.is_ok_and(|length| length > 0) {} };
            tokio::select! { () = sending => {}, () = closed => {} }
        };
        tokio::time::timeout(Duration::from_secs(10), drip).await.expect("a dripping head is closed");
        drop(dripping);
        rest(&mut silent).await;
        // answered once there was room, then closed because nothing more came
        assert!(rest(&mut waiting).await.ends_with("here"));
        stop.send(true).unwrap();
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let (address, _stop, _server) = small().await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nbegun").await.unwrap();
        let said = rest(&mut stream).await;
        assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
        assert!(said.contains("connection: close"), "{said}");
    }

    #[tokio::test]
    async fn stopping_ends_though_all_room_is_taken() {
        let (address, stop, server) = small().await;
        let mut open = Vec::new();
        for _ in 0..3 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(ASK).await.unwrap();
            open.push(stream);
        }
        let mut start = [0; 12];
        open[0].read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
        stop.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(10), server).await.expect("the server ends").unwrap();
    }

    #[track_caller]
    fn check(host: &'static str, local: &str, expected: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        complete_host(&mut headers, local.parse().unwrap());
        assert_eq!(headers[HOST], expected);
    }

    #[test]
    fn a_host_without_its_port_gets_the_port_that_the_client_came_to() {
        check("127.0.0.1", "127.0.0.1:8080", "127.0.0.1:8080");
        check("localhost", "127.0.0.1:8080", "localhost:8080");
        check("[::1]", "[::1]:8080", "[::1]:8080");
        check("127.0.0.1:9000", "127.0.0.1:8080", "127.0.0.1:9000");
        check("cloud.example.org", "127.0.0.1:8080", "cloud.example.org");
        check("127.0.0.1", "127.0.0.1:80", "127.0.0.1");
    }
}
