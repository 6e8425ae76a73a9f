//! The thread that takes to the object store what has landed.

use crate::writer::WriterHandle;
use lenticular_base::{Fault, FaultKind, Instant};
use lenticular_store::sql::Session;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// One round of it; gives how many files or segments were taken.
pub trait Work: Send + Sync {
    fn round(&self) -> Result<u64, Fault>;
}

/// The way to transactions of our own, once the writer is there.
#[derive(Default)]
pub struct Tasks(OnceLock<WriterHandle>);

impl Tasks {
    pub fn attach(&self, writer: &WriterHandle) {
        let _ = self.0.set(writer.clone());
    }

    pub fn writer(&self) -> Result<&WriterHandle, Fault> {
        self.0.get().ok_or_else(|| Fault::internal("blobs were used before their engine was whole"))
    }

    /// Runs work inside the writer, at the time of its transaction, and waits for its commit.
    pub fn run(
        &self,
        work: impl FnOnce(&dyn Session, Instant) -> Result<i64, Fault> + Send + 'static,
    ) -> Result<i64, Fault> {
        self.writer()?.task(work)
    }
}

/// Rounds, one after another, with a rest between them.
pub struct Packing {
    every: Duration,
    running: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl Packing {
    pub fn new(every: Duration) -> Packing {
        Packing { every, running: Mutex::default() }
    }

    pub fn start(&self, work: Arc<dyn Work>) -> Result<(), Fault> {
        let (stop, stopped) = channel::<()>();
        let every = self.every;
        let thread = std::thread::Builder::new()
            .name("packer".into())
            .spawn(move || {
                while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(every) {
                    match work.round() {
                        Ok(0) => {}
                        Ok(packed) => tracing::info!(packed, "taken to the object store"),
                        Err(fault) if fault.kind == FaultKind::Busy => {
                            tracing::warn!(%fault, "nothing was taken to the object store; tried again soon");
                        }
                        Err(fault) => tracing::error!(%fault, "a segment was not taken to the object store"),
                    }
                }
            })
            .map_err(Fault::internal)?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some((stop, thread));
        Ok(())
    }

    pub fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = running {
            drop(stop);
            if thread.join().is_err() {
                tracing::error!("the packer ended by a panic");
            }
        }
    }
}
