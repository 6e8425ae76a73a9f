//! Asking the log for a commit, and waiting until it is durable.

use crate::Services;
use lenticular_base::Fault;
use lenticular_store::{Author, BlobRef, Decided, Proposal, Stamp, View, Write};
use std::any::Any;

/// What a commit came to.
#[derive(Debug)]
pub struct Committed<T> {
    pub stamp: Stamp,
    /// For each `Put` and `Delete` in order: the version it became.
    pub versions: Vec<i64>,
    pub answer: T,
}

impl Services {
    /// Decides inside the single writer and returns when the outcome is durable. See [`Proposal`].
    pub async fn commit<T, F>(
        &self,
        author: Author,
        blobs: Vec<BlobRef>,
        decide: F,
    ) -> Result<Committed<T>, Fault>
    where
        T: Any + Send,
        F: FnOnce(&dyn View, Stamp) -> Result<(Vec<Write>, T), Fault> + Send + 'static,
    {
        let (send, receive) = tokio::sync::oneshot::channel();
        self.store.log.submit(proposal(author, blobs, decide, move |outcome| {
            let _ = send.send(outcome);
        }));
        receive.await.map_err(Fault::internal)?
    }

    /// The same for threads that may wait.
    pub fn commit_blocking<T, F>(
        &self,
        author: Author,
        blobs: Vec<BlobRef>,
        decide: F,
    ) -> Result<Committed<T>, Fault>
    where
        T: Any + Send,
        F: FnOnce(&dyn View, Stamp) -> Result<(Vec<Write>, T), Fault> + Send + 'static,
    {
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        self.store.log.submit(proposal(author, blobs, decide, move |outcome| {
            let _ = send.send(outcome);
        }));
        receive.recv().map_err(Fault::internal)?
    }
}

fn proposal<T, F, D>(author: Author, blobs: Vec<BlobRef>, decide: F, done: D) -> Proposal
where
    T: Any + Send,
    F: FnOnce(&dyn View, Stamp) -> Result<(Vec<Write>, T), Fault> + Send + 'static,
    D: FnOnce(Result<Committed<T>, Fault>) + Send + 'static,
{
    Proposal {
        author,
        blobs,
        decide: Box::new(|view, stamp| {
            let (writes, answer) = decide(view, stamp)?;
            Ok(Decided { writes, answer: Box::new(answer) })
        }),
        done: Box::new(|outcome| {
            done(outcome.map(|receipt| Committed {
                stamp: receipt.stamp,
                versions: receipt.versions,
                answer: *receipt.answer.downcast::<T>().expect("the writer hands back what was decided"),
            }));
        }),
    }
}
