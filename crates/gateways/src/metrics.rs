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
use std::time::Duration;

/// The doors of this gateway.
pub const DOORS: &[Door] = &[open("GET", "/healthz"), open("GET", "/readyz"), open("GET", "/metrics")];

/// What is counted since the start.
#[derive(Default)]
pub struct Counters {
    pub associations: AtomicU64,
    pub associations_rejected: AtomicU64,
    pub instances_stored: AtomicU64,
    pub instances_failed: AtomicU64,
    /// Answers over HTTP with a status of 1xx, 2xx, 3xx, 4xx and 5xx.
    pub answers: [AtomicU64; 5],
}

impl Counters {
    /// Counts an answer over HTTP.
    pub fn answer(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100);
        if let Some(counter) = self.answers.get(class.wrapping_sub(1)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The counters of this process.
pub static COUNTERS: Counters = Counters {
    associations: AtomicU64::new(0),
    associations_rejected: AtomicU64::new(0),
    instances_stored: AtomicU64::new(0),
    instances_failed: AtomicU64::new(0),
    answers: [const { AtomicU64::new(0) }; 5],
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

/// The engine's numbers come within this time or are left out.
const GAUGES: Duration = Duration::from_secs(2);

async fn metrics(State(services): State<Services>) -> Response {
    let mut text = String::new();
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
    for (name, help, counter) in counters {
        number(&mut text, "counter", name, help, counter.load(Ordering::Relaxed) as f64);
    }
    head(
        &mut text,
        "counter",
        "lenticular_http_answers_total",
        "Answers over HTTP, by class of their status",
    );
    for (class, counter) in (1..).zip(&COUNTERS.answers) {
        let value = counter.load(Ordering::Relaxed);
        let _ = writeln!(text, "lenticular_http_answers_total{{class=\"{class}xx\"}} {value}");
    }
    let store = services.store().clone();
    let (around, failing) = (services.surroundings(), services.failing().await);
    let asked = tokio::task::spawn_blocking(move || {
        let free = around.free.map(|measure| measure());
        ((store.gauges)(), free)
    });
    // where the database is away, what is known without it is told all the same
    let (gauges, free) = match tokio::time::timeout(GAUGES, asked).await {
        Ok(told) => told.unwrap_or_default(),
        Err(_) => Default::default(),
    };
    for gauge in gauges {
        number(&mut text, "gauge", &format!("lenticular_{}", gauge.name), gauge.help, gauge.value);
    }
    if let Some(Ok(free)) = free {
        let help = "Room on the file system of the data folder";
        number(&mut text, "gauge", "lenticular_free_bytes", help, free as f64);
    }
    let ready = if failing.is_empty() { 1.0 } else { 0.0 };
    number(&mut text, "gauge", "lenticular_ready", "Whether this node takes work, as /readyz says", ready);
    head(
        &mut text,
        "gauge",
        "lenticular_failing",
        "1 for each part that does not work, with the name of the fault",
    );
    for Failing { part, code } in failing.iter() {
        let _ = writeln!(text, "lenticular_failing{{part=\"{part}\",code=\"{code}\"}} 1");
    }
    head(&mut text, "gauge", "lenticular_build_info", "1, with the version of this node");
    let _ = writeln!(text, "lenticular_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    if let Some(started) = services.surroundings().started {
        let help = "When this process started, in seconds since 1970";
        number(&mut text, "gauge", "process_start_time_seconds", help, started.0 as f64 / 1000.0);
    }
    answer(StatusCode::OK, "text/plain; version=0.0.4", text)
}

fn head(text: &mut String, form: &str, name: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {form}");
}

fn number(text: &mut String, form: &str, name: &str, help: &str, value: f64) {
    head(text, form, name, help);
    let _ = writeln!(text, "{name} {value}");
}
