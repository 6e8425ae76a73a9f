//! One function per use case: authorise, plan, store, audit. Every gateway calls these and nothing below them.
//!
//! Invariants
//! - Nothing is read without a `Scope` that [`access`] got from `policy`, and no answer leaves before its audit entry is
//!   durable.
//! - An engine is never named: a [`Store`] is handed in.
//! - Nothing that blocks runs on an async thread: reads go through [`Services::blocking`], CPU work through [`Services::compute`].
//!
//! Start reading at [`Services`], then [`records`] (FHIR) and [`ingest`] (DICOM).

pub mod access;
pub mod annotations;
pub mod audit;
pub mod audit_events;
pub mod audit_lines;
pub mod browsers;
pub mod commit;
pub mod demo;
pub mod deployment;
pub mod derived;
pub mod extract;
pub mod frames;
pub mod history;
mod identity;
pub mod import;
pub mod ingest;
pub mod instance_body;
pub mod jobs;
pub mod members;
mod naming;
pub mod network;
pub mod owners;
mod passwords;
pub mod readiness;
pub mod records;
pub mod resources;
pub mod sample;
pub mod search;
pub mod sessions;
pub mod shares;
pub mod studies;
pub mod system;
pub mod transactions;
pub mod tray;
pub mod users;

pub use access::Caller;
pub use network::kinds;

use lenticular_base::{Fault, Instant, LogicalId};
use lenticular_store::Store;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Where time and chance come from.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// What the owner of the deployment decided.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address that clients use, without a trailing slash, such as `https://cloud.example.org`; `None`: the request's
    /// own `Host`. Links that are stored (BulkDataURI) are relative then.
    pub public_url: Option<String>,
    /// The largest request body that is read into memory, in bytes.
    pub body_limit: u64,
    /// The largest DICOM object that is taken, in bytes.
    pub object_limit: u64,
    /// Rows on a search page: where `_count` is absent, and at most.
    pub page_default: u32,
    pub page_limit: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            public_url: None,
            body_limit: 256 << 20,
            object_limit: 16 << 30,
            page_default: 50,
            page_limit: 1000,
        }
    }
}

/// The use cases over one store. Cloning shares it.
#[derive(Clone)]
pub struct Services {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) settings: Arc<Settings>,
    pub(crate) imaging: Arc<frames::ImagingState>,
    pub(crate) identity: Arc<identity::Identity>,
    pub(crate) jobs: Arc<jobs::Jobs>,
    pub(crate) reset: Option<demo::Reset>,
    pub(crate) deployment: Arc<deployment::Deployment>,
    pub(crate) readiness: Arc<readiness::Readiness>,
}

impl Services {
    /// The use cases over `store`.
    pub fn new(store: Store, clock: Clock, settings: Settings) -> Services {
        Services {
            store,
            clock,
            settings: Arc::new(settings),
            imaging: Arc::default(),
            identity: Arc::default(),
            jobs: Arc::default(),
            reset: None,
            deployment: Arc::default(),
            readiness: Arc::default(),
        }
    }

    /// What time it is.
    pub fn now(&self) -> Instant {
        (self.clock)()
    }

    /// What the owner decided.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The store below, for health and metrics.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Runs what may wait for the disk on a thread that may wait.
    pub async fn blocking<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Services) -> Result<T, Fault> + Send + 'static,
    {
        let services = self.clone();
        tokio::task::spawn_blocking(move || work(&services)).await.map_err(Fault::internal)?
    }

    /// Runs what only computes (decode, render, parse at length) on the CPU pool.
    pub async fn compute<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Services) -> Result<T, Fault> + Send + 'static,
    {
        let (send, receive) = tokio::sync::oneshot::channel();
        let services = self.clone();
        rayon::spawn(move || {
            let _ = send.send(caught(|| work(&services)));
        });
        receive.await.map_err(Fault::internal)?
    }

    /// Runs a use case that writes to its end, even where nobody waits for it any more: a client that hangs up takes
    /// back neither the commit nor its audit entry.
    pub(crate) async fn to_the_end<T, F, W>(&self, caller: &Caller, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(Services, Caller) -> W,
        W: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        tokio::spawn(work(self.clone(), caller.clone())).await.map_err(Fault::internal)?
    }
}

/// A panic becomes a fault: on the CPU pool it would end the process.
fn caught<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Fault::internal("the work panicked")))
}

/// A fresh logical id. The system is asked for the randomness of many ids at once.
pub(crate) fn fresh_id() -> Result<LogicalId, Fault> {
    const IDS: usize = 256;
    thread_local! {
        static POOL: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
    }
    POOL.with_borrow_mut(|pool| {
        if pool.is_empty() {
            pool.extend_from_slice(random::<{ 16 * IDS }>()?.as_chunks::<16>().0);
        }
        pool.pop().map(LogicalId::from_random).ok_or_else(|| Fault::internal("no randomness"))
    })
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| Fault::internal(e.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_on_the_cpu_pool_is_a_fault() {
        let (send, receive) = std::sync::mpsc::channel();
        rayon::spawn(move || {
            let _ = send.send(caught(|| -> Result<(), Fault> { panic!("on purpose") }));
        });
        let fault = receive.recv().unwrap().unwrap_err();
        assert_eq!(fault.kind.meaning().http, 500);
        assert_eq!(caught(|| Ok(7)).unwrap(), 7);
    }
}
