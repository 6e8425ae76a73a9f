//! What the scenes share: putting rows and waiting for receipts.

use crate::contract::{Author, Decided, Packing, Proposal, Put, Reader, Receipt, Record, Store, View, Write};
use lenticular_base::index::{Entry, Param, Value};
use lenticular_base::{Fault, Kind, Labels, OrgNo};
use lenticular_policy::{Action, Decision, Facts, Principal, Purpose, Role, Scope, decide};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Instant;

pub const KIND: Kind = Kind(92);
pub const TEXT: Param = Param(92 << 16 | 1);
pub const TIME: Param = Param(92 << 16 | 2);
pub const NUMBER: Param = Param(92 << 16 | 3);

/// Who writes in these scenes.
pub fn author(org: OrgNo) -> Author {
    Author { org, agent: "suite".into() }
}

/// A row of [`KIND`] with a small body.
pub fn put(store: &Store, org: OrgNo, id: &str, entries: Vec<Entry>) -> Put {
    let body = format!("{{\"id\":\"{id}\"}}");
    Put {
        org,
        patient: None,
        kind: KIND,
        labels: Labels(0),
        study: None,
        id: id.into(),
        body: store.reader.pack(KIND, body.as_bytes(), Packing::Zstd),
        splice: -1,
        entries,
        in_place: false,
    }
}

/// An index entry of text.
pub fn text(value: &str) -> Entry {
    Entry { param: TEXT, value: Value::Text(value.into()) }
}

/// An index entry of time.
pub fn time(low: i64, high: i64) -> Entry {
    Entry { param: TIME, value: Value::Time { low, high } }
}

/// An index entry of a number.
pub fn number(low: f64, high: f64, unit: &str) -> Entry {
    Entry { param: NUMBER, value: Value::Number { low, high, unit: unit.into() } }
}

/// Submitting to a store and waiting.
pub trait Submit {
    /// Submits a decision; the receiver gets its end.
    fn propose(
        &self,
        org: OrgNo,
        decide: impl FnOnce(&dyn View) -> Result<Vec<Write>, Fault> + Send + 'static,
    ) -> Receiver<Result<Receipt, Fault>>;
    /// Writes and waits for the receipt.
    fn write(&self, org: OrgNo, writes: Vec<Write>) -> Receipt;
}

impl Submit for Store {
    fn propose(
        &self,
        org: OrgNo,
        decide: impl FnOnce(&dyn View) -> Result<Vec<Write>, Fault> + Send + 'static,
    ) -> Receiver<Result<Receipt, Fault>> {
        let (sender, end) = channel();
        self.log.submit(Proposal {
            author: author(org),
            blobs: Vec::new(),
            decide: Box::new(move |view, _| Ok(Decided { writes: decide(view)?, answer: Box::new(()) })),
            done: Box::new(move |result| drop(sender.send(result))),
        });
        end
    }

    fn write(&self, org: OrgNo, writes: Vec<Write>) -> Receipt {
        receipt(&self.propose(org, move |_| Ok(writes)))
    }
}

/// Waits for a receipt.
///
/// # Panics
/// Where the commit failed: the scene has failed.
pub fn receipt(end: &Receiver<Result<Receipt, Fault>>) -> Receipt {
    match end.recv() {
        Ok(Ok(receipt)) => receipt,
        Ok(Err(fault)) => panic!("a commit failed: {fault}"),
        Err(_) => panic!("a commit was never answered"),
    }
}

/// Puts one row and waits.
pub fn add(store: &Store, org: OrgNo, id: &str, entries: Vec<Entry>) -> Receipt {
    let row = put(store, org, id, entries);
    store.write(org, vec![Write::Put(Box::new(row))])
}

/// What a clinician of a member may read at a moment.
pub fn clinician(org: OrgNo, now: lenticular_base::Instant) -> Scope {
    let principal = Principal::new(org, Role::Clinician, "c");
    let facts = Facts { now, administrative: &[], directory: &[] };
    match decide(&principal, Action::Read, None, Purpose::Treat, facts) {
        Decision::Permit(scope) => scope,
        Decision::Deny(reason) => panic!("a clinician may not read: {reason:?}"),
    }
}

/// The ids of rows, in order.
pub fn ids(rows: &[Record]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

/// The value, or the scene has failed.
#[track_caller]
pub fn sure<T>(result: Result<T, Fault>) -> T {
    match result {
        Ok(value) => value,
        Err(fault) => panic!("{fault}"),
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits until memory is true as of `since`.
pub fn freshen(reader: &Arc<dyn Reader>, since: Instant) {
    let Some(mut fresh) = reader.freshen(since) else { return };
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match fresh.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => return sure(outcome),
            Poll::Pending => std::thread::park(),
        }
    }
}
