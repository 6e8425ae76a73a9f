//! Two hospitals over a fresh data folder, and a client at each.

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, StatusCode};
use lenticular_base::{Instant, OrgId};
use lenticular_engines::{Engine, OpenOptions, open};
use lenticular_gateways::server;
use lenticular_policy::Role;
use lenticular_services::{Clock, Services, Settings};
use lenticular_store::{AuditEntry, AuditFilter, Parts, Store};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tower::ServiceExt;

/// A running house: the folder goes when it does.
pub struct House {
    router: Router,
    pub a: String,
    pub b: String,
    pub services: Services,
    /// What time it is.
    pub clock: Arc<AtomicI64>,
    engine: Engine,
    folder: tempfile::TempDir,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

const NOW: Instant = Instant(1_795_437_600_000);

impl House {
    pub async fn open() -> House {
        let house = House::empty();
        let mut tokens = Vec::new();
        for name in ["hospital-a", "hospital-b"] {
            let member = house.services.add_member(OrgId::parse(name).unwrap(), name).await.unwrap();
            tokens.push(house.services.issue_token(&member, Role::Clinician, "dr", 3_600_000).await.unwrap());
        }
        let [a, b] = tokens.try_into().unwrap();
        House { a, b, ..house }
    }

    /// A house that nobody has set up.
    pub fn empty() -> House {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(OpenOptions::new(folder.path(), || NOW)).unwrap();
        let time = Arc::new(AtomicI64::new(NOW.0));
        let ticking = time.clone();
        let clock: Clock = Arc::new(move || Instant(ticking.load(Ordering::Relaxed)));
        let services = Services::new(engine.store.clone(), clock, Settings::default());
        let (a, b) = (String::new(), String::new());
        House { router: server::router(services.clone()), a, b, services, clock: time, engine, folder }
    }

    /// The same house over an engine whose parts say this of themselves.
    pub fn with_parts(self, ready: Parts) -> House {
        let store = Store { ready, ..self.services.store().clone() };
        let services = Services::new(store, Arc::new(|| NOW), Settings::default());
        House { router: server::router(services.clone()), services, ..self }
    }

    /// The network's own log: those that were let in nowhere.
    pub fn network_log(&self) -> Vec<AuditEntry> {
        let filter = AuditFilter { limit: 100, ..AuditFilter::default() };
        let found = self.engine.store.audits.search(&filter).unwrap();
        found.into_iter().map(|(_, entry)| entry).collect()
    }

    /// What verification finds wrong.
    pub fn findings(&self) -> Vec<String> {
        let extract = &lenticular_services::extract::entries;
        let report = self.engine.verify(extract, &mut |_, _| {}).unwrap();
        report.findings.iter().map(|finding| format!("{finding:?}")).collect()
    }

    /// The data folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub async fn send(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// A token of another role at one of the hospitals.
    pub async fn token(&self, member: &str, role: Role) -> String {
        let member = self.services.member(member).await.unwrap();
        self.services.issue_token(&member, role, role.name(), 3_600_000).await.unwrap()
    }

    pub async fn get(&self, token: &str, path: &str, accept: &str) -> Answer {
        self.send(token, "GET", path, &[("accept", accept)], Vec::new()).await
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The parts of a multipart answer: Content-Type and body.
    pub fn parts(&self) -> Vec<(String, Vec<u8>)> {
        let boundary = self.header("content-type").split("boundary=").nth(1).unwrap();
        let mark = format!("\r\n--{boundary}").into_bytes();
        let body = [b"\r\n", &self.body[..]].concat();
        let mut ends: Vec<usize> =
            body.windows(mark.len()).enumerate().filter(|(_, w)| *w == mark).map(|(at, _)| at).collect();
        let last = ends.pop().unwrap();
        assert!(body[last + mark.len()..].starts_with(b"--"), "the body has an end");
        let starts = ends.iter().map(|at| at + mark.len());
        let stops = ends.iter().skip(1).copied().chain([last]);
        starts
            .zip(stops)
            .map(|(start, stop)| {
                let part = &body[start + 2..stop];
                let split = part.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
                let head = String::from_utf8(part[..split].to_vec()).unwrap();
                let media = head.lines().find_map(|line| line.strip_prefix("Content-Type: ")).unwrap();
                (media.to_owned(), part[split + 4..].to_vec())
            })
            .collect()
    }
}
