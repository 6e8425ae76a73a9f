//! Whether this node takes work: what a proxy asks at `/readyz` before it sends anybody here.

use crate::Services;
use lenticular_base::Fault;
use lenticular_store::Part;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Parts that have not answered within this time do not work.
const PATIENCE: Duration = Duration::from_secs(2);
/// Several proxies ask often: for so long the answer before is good.
const GOOD: Duration = Duration::from_secs(1);

/// A part that does not work, and why, as the stable name of the fault. Neither names a patient, an address or a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failing {
    /// `node`, `store`, `audit`, `blobs`.
    pub part: &'static str,
    pub code: &'static str,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Readiness {
    draining: AtomicBool,
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    /// What was found, and when.
    last: Option<(Instant, Arc<[Failing]>)>,
    /// A question that nobody waits for any more: no second thread is spent beside it.
    running: Option<JoinHandle<Vec<Part>>>,
}

impl Services {
    /// Says to whoever asks from now on that this node takes no more work; it goes on working.
    pub fn drain(&self) {
        self.readiness.draining.store(true, Ordering::SeqCst);
    }

    /// Whether [`Services::drain`] was called.
    pub fn is_draining(&self) -> bool {
        self.readiness.draining.load(Ordering::SeqCst)
    }

    /// The same for who asks at every answer: a handle on this alone.
    pub fn draining(&self) -> impl Fn() -> bool + Clone + Send + Sync + 'static {
        let readiness = self.readiness.clone();
        move || readiness.draining.load(Ordering::SeqCst)
    }

    /// The parts that do not work now; none where this node takes work. Answers within two seconds.
    pub async fn failing(&self) -> Arc<[Failing]> {
        if self.is_draining() {
            return Arc::new([Failing { part: "node", code: "draining" }]);
        }
        // who comes while one asks gets that one's answer
        let mut asked = self.readiness.asked.lock().await;
        if let Some((at, found)) = &asked.last
            && at.elapsed() < GOOD
        {
            return found.clone();
        }
        let parts = self.store.ready.clone();
        let mut running =
            asked.running.take().unwrap_or_else(|| tokio::task::spawn_blocking(move || parts()));
        let found: Arc<[Failing]> = match timeout(PATIENCE, &mut running).await {
            Ok(Ok(parts)) => parts.into_iter().filter_map(failure).collect(),
            Ok(Err(error)) => {
                failure(Part { name: "store", state: Err(Fault::internal(error)) }).into_iter().collect()
            }
            Err(_) => {
                asked.running = Some(running);
                Arc::new([Failing { part: "store", code: "no-answer" }])
            }
        };
        let before = asked.last.replace((Instant::now(), found.clone())).map(|(_, before)| before);
        tell_changes(before.as_deref().unwrap_or_default(), &found);
        found
    }
}

fn failure(part: Part) -> Option<Failing> {
    let fault = part.state.err()?;
    tracing::debug!(part = part.name, %fault, cause = ?fault.source, "a part does not work");
    Some(Failing { part: part.name, code: fault.code })
}

/// One line when something ceases to work, one when it works again.
fn tell_changes(before: &[Failing], now: &[Failing]) {
    for Failing { part, code } in now.iter().filter(|failing| !before.contains(failing)) {
        tracing::error!(part, code, "not ready");
    }
    if now.is_empty() && !before.is_empty() {
        tracing::info!("ready again");
    }
}
