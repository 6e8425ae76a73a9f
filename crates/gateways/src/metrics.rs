//! `/healthz`, `/readyz` and `/metrics` (Prometheus text format 0.0.4): for operators; no patient is in them.

use crate::doors::{Door, open};
use crate::http::answer;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use lenticular_services::Services;
use lenticular_services::readiness::Failing;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// The doors of this gateway.
pub const DOORS: &[Door] = &[open("GET", "/healthz"), open("GET", "/readyz"), open("GET", "/metrics")];

/// What is counted since the start.
#[derive(Default)]
pub struct Counters {
    pub associations: AtomicU64,
    pub associations_rejected: AtomicU64,
    pub instances_stored: AtomicU64,
    pub instances_failed: AtomicU64,
}

/// The counters of this process.
pub static COUNTERS: Counters = Counters {
    associations: AtomicU64::new(0),
    associations_rejected: AtomicU64::new(0),
    instances_stored: AtomicU64::new(0),
    instances_failed: AtomicU64::new(0),
};

/// The routes of this gateway.
pub fn router() -> Router<Services> {
    Router::new()
        .route("/healthz", get(|| async { answer(StatusCode::OK, "text/plain", "ok\n") }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// One line for each part that does not work: its name and why, as `store: out-of-space`.
async fn ready(State(services): State<Services>) -> Response {
    let failing = services.failing().await;
    if failing.is_empty() {
        return answer(StatusCode::OK, "text/plain", "ready\n");
    }
    let lines: String = failing.iter().map(|Failing { part, code }| format!("{part}: {code}\n")).collect();
    answer(StatusCode::SERVICE_UNAVAILABLE, "text/plain", lines)
}

async fn metrics(State(services): State<Services>) -> Response {
    let counters = [
        ("lenticular_associations_total", "DIMSE associations accepted", &COUNTERS.associations),
        (
            "lenticular_associations_rejected_total",
            "DIMSE associations rejected",
            &COUNTERS.associations_rejected,
        ),
        ("lenticular_instances_stored_total", "DICOM objects stored", &COUNTERS.instances_stored),
        ("lenticular_instances_failed_total", "DICOM objects not stored", &COUNTERS.instances_failed),
    ];
    let mut text = String::new();
    for (name, help, counter) in counters {
        let value = counter.load(Ordering::Relaxed);
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
    }
    let gauges = services.store().gauges.clone();
    let gauges = tokio::task::spawn_blocking(move || gauges()).await.unwrap_or_default();
    for gauge in gauges {
        let name = format!("lenticular_{}", gauge.name);
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} gauge\n{name} {}", gauge.help, gauge.value);
    }
    answer(StatusCode::OK, "text/plain; version=0.0.4", text)
}
