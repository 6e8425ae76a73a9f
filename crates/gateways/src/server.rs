//! The HTTP listener: all routers behind one port, with limits on headers and time, drained on stop.

use crate::doors::Door;
use axum::Router;
use http::HeaderMap;
use http::header::{HOST, HeaderValue};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use lenticular_services::Services;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::util::MapRequest;

/// Every way in over HTTP and DIMSE.
pub fn doors() -> Vec<Door> {
    [
        crate::fhir::DOORS,
        crate::dicomweb::DOORS,
        crate::app::DOORS,
        crate::metrics::DOORS,
        crate::dimse::DOORS,
    ]
    .concat()
}

/// All HTTP routes over the services.
pub fn router(services: Services) -> Router {
    Router::new()
        .merge(crate::metrics::router())
        .merge(crate::app::router())
        .merge(crate::fhir::router())
        .merge(crate::dicomweb::router())
        .layer(axum::middleware::from_fn(crate::unread::settle))
        .with_state(services)
}

/// A request's head arrives within this time; a connection that is drained ends within [`DRAIN`].
const HEAD: Duration = Duration::from_secs(30);
const DRAIN: Duration = Duration::from_secs(20);

/// Serves until `stop` says so, then lets requests under way finish.
pub async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(64)
        .max_buf_size(64 * 1024)
        .keep_alive(true);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
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
        let service = MapRequest::new(router.clone(), move |mut request: http::Request<_>| {
            if let Some(local) = local {
                complete_host(request.headers_mut(), local);
            }
            request
        });
        let service = TowerToHyperService::new(service);
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
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
