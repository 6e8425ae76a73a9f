//! The HTTP listener: all routers behind one port, with limits on headers and time, drained on stop.

use crate::doors::Door;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use lenticular_services::Services;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Every way in over HTTP and DIMSE.
pub fn doors() -> Vec<Door> {
    [crate::fhir::DOORS, crate::dicomweb::DOORS, crate::app::DOORS, crate::metrics::DOORS, crate::dimse::DOORS].concat()
}

/// All HTTP routes over the services.
pub fn router(services: Services) -> Router {
    Router::new()
        .merge(crate::metrics::router())
        .merge(crate::app::router())
        .merge(crate::fhir::router())
        .merge(crate::dicomweb::router())
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
        let service = TowerToHyperService::new(router.clone());
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
