//! The one thread that appends audit entries, wherever they are kept: what came together is written together.

use crate::faults::{Streak, closing, copy};
use crate::standing::Standing;
use lenticular_base::Fault;
use lenticular_store::AuditEntry;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Entries written together at most.
const GROUP: usize = 4096;

/// Told when the entries are durable, or why they are not.
pub(crate) type Done = Box<dyn FnOnce(Result<(), Fault>) + Send>;
type Batch = (Vec<AuditEntry>, Done);

/// Where entries are kept.
pub(crate) trait Append: Send + 'static {
    /// Returns when the entries are durable.
    fn append(&mut self, entries: &[AuditEntry]) -> Result<(), Fault>;
    /// Indexes some entries where nobody waits; true where more may be left.
    fn index_quietly(&mut self) -> bool;
    /// Nothing comes any more.
    fn leave(&mut self) {}
}

/// The way to the thread.
pub(crate) struct Queue {
    batches: Mutex<Option<Sender<Batch>>>,
    /// What the last groups came to.
    pub standing: Arc<Standing>,
}

impl Queue {
    /// Starts the thread.
    pub fn start(mut appender: impl Append) -> Result<(Queue, JoinHandle<()>), Fault> {
        let (sender, batches) = channel();
        let standing = Arc::new(Standing::default());
        let told = standing.clone();
        let thread = std::thread::Builder::new()
            .name("audit".into())
            .spawn(move || run(&mut appender, &batches, &told))
            .map_err(Fault::internal)?;
        Ok((Queue { batches: Mutex::new(Some(sender)), standing }, thread))
    }

    pub fn record(&self, entries: Vec<AuditEntry>, done: Done) {
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = match &*batches {
            Some(sender) => sender.send((entries, done)).err().map(|refused| refused.0.1),
            None => Some(done),
        };
        drop(batches);
        if let Some(done) = refused {
            done(Err(closing()));
        }
    }

    /// Lets the thread end once everything is durable.
    pub fn close(&self) {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn run(appender: &mut impl Append, batches: &Receiver<Batch>, standing: &Standing) {
    let mut behind = true;
    let mut refused = Streak::default();
    loop {
        let wait = if behind { Duration::from_millis(100) } else { Duration::from_secs(2) };
        let first = match batches.recv_timeout(wait) {
            Ok(batch) => batch,
            Err(RecvTimeoutError::Timeout) => {
                behind = behind && appender.index_quietly();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return appender.leave(),
        };
        behind = true;
        let mut together = first.0;
        let mut waiting = vec![first.1];
        while together.len() < GROUP
            && let Ok((entries, done)) = batches.try_recv()
        {
            together.extend(entries);
            waiting.push(done);
        }
        let write = standing.begin();
        let result = appender.append(&together);
        standing.end(write, result.as_ref().map(|()| true));
        match &result {
            Err(fault) if refused.goes_on(together.len() as u64, fault) => {}
            Err(fault) => {
                tracing::error!(%fault, entries = together.len(), "audit entries were not written");
            }
            Ok(()) => {
                if let Some(entries) = refused.end() {
                    tracing::info!(entries, "audit entries are written again after so many were not");
                }
            }
        }
        for done in waiting {
            done(result.as_ref().map_err(copy).copied());
        }
    }
}
