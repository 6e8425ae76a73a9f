//! One connection, driven by the thread that calls: it has a runtime of its own, so that no query hops between threads.
//!
//! Statements may be sent ahead ([`Wire::send`]): they are on their way with the next one that is waited for, and their
//! failure is that one's. PostgreSQL ends a transaction at its first failure, so nothing half can be committed.

use super::address::{Address, CONNECT};
use super::value::{Encoded, Value};
use super::{away, connect_fault, fault, is_away};
use futures_util::StreamExt;
use futures_util::future::{join, join_all, ready};
use futures_util::stream::{FuturesUnordered, poll_fn};
use lenticular_base::Fault;
use lenticular_store::sql::Bind;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use tokio::sync::mpsc::Sender;
use tokio_postgres::{AsyncMessage, Client, Config, Error, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long an answer may take: a little longer than the server's own limit for a statement.
const ANSWER: Duration = Duration::from_secs(35);

/// A host that says nothing for so long is not waited for alone.
const SILENT: Duration = Duration::from_millis(500);

/// How many statements stay prepared.
const PREPARED: usize = 512;

/// So many bytes, or statements, sent ahead are waited for.
const AHEAD_BYTES: usize = 8 << 20;
const AHEAD: usize = 2000;
const PUSH_BYTES: usize = 64 << 10;

/// Settings of every connection. The plan of a query is what the text says: it was chosen by counts, not by statistics.
const SETTINGS: &str = "SET statement_timeout='30s';SET lock_timeout='20s';SET plan_cache_mode=force_generic_plan;\
    SET join_collapse_limit=1;SET from_collapse_limit=1;SET jit=off;SET enable_seqscan=off;SET enable_hashjoin=off;\
    SET enable_mergejoin=off;SET max_parallel_workers_per_gather=0;SET standard_conforming_strings=on;\
    SELECT set_config('synchronous_commit',CASE current_setting('synchronous_commit') \
    WHEN 'off' THEN 'local' ELSE current_setting('synchronous_commit') END,false)";

/// What a connection is for: what the server calls it, and how long it may sit in a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Reads within a scope.
    Read,
    /// Holds the lock of the log while it commits.
    Write,
    /// Audit, leases, and what else the engine does by itself.
    Upkeep,
}

impl Purpose {
    /// The server's system asks the client's after `probe` seconds of silence, and each second from then on, and gives it up after
    /// `lost` milliseconds, amid a statement or between two: a node that was cut off must not keep the lock of the log, or what
    /// else others wait for. The system answers also where the node is busy for longer; one that hangs is ended by the time it may
    /// sit `idle` in a transaction.
    fn settings(self) -> String {
        let (name, idle, probe, lost) = match self {
            Purpose::Read => ("lenticular read", "300s", 5, 10_000),
            Purpose::Write => ("lenticular write", "10s", 1, 3000),
            Purpose::Upkeep => ("lenticular upkeep", "30s", 1, 3000),
        };
        // without a member named, row-level security shows nothing; what the engine itself reads and writes is of all
        let orgs = if self == Purpose::Read { "" } else { "*" };
        format!(
            "{SETTINGS};SET application_name='{name}';SET idle_in_transaction_session_timeout='{idle}';\
             SET tcp_keepalives_idle={probe};SET tcp_keepalives_interval=1;SET tcp_keepalives_count=5;SET tcp_user_timeout={lost};\
             SET lenticular.orgs='{orgs}'"
        )
    }
}

/// Statements that the server has prepared.
#[derive(Default)]
struct Prepared {
    of: HashMap<Box<str>, (Statement, u64)>,
    tick: u64,
}

impl Prepared {
    fn get(&mut self, text: &str) -> Option<Statement> {
        self.tick += 1;
        let (statement, used) = self.of.get_mut(text)?;
        *used = self.tick;
        Some(statement.clone())
    }

    /// Keeps one more; where there are too many, the quarter that was not used for longest goes.
    fn keep(&mut self, text: &str, statement: Statement) {
        if self.of.len() >= PREPARED {
            let mut used: Vec<u64> = self.of.values().map(|(_, used)| *used).collect();
            used.sort_unstable();
            let oldest = used.get(PREPARED / 4).copied().unwrap_or(u64::MAX);
            self.of.retain(|_, (_, used)| *used > oldest);
        }
        self.of.insert(text.into(), (statement, self.tick));
    }
}

type Sent = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// An open connection.
pub struct Wire {
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
    client: Arc<Client>,
    prepared: RefCell<Prepared>,
    /// What was sent and not yet waited for.
    sent: RefCell<Vec<Sent>>,
    sent_bytes: Cell<usize>,
    /// How many of them were put on the wire.
    pushed: Cell<usize>,
    limit: Cell<Duration>,
    /// The epoch of its address when it was made.
    epoch: u64,
    /// Nothing more can be said on it.
    lost: Cell<bool>,
    /// A transaction is open, or may be.
    open: Cell<bool>,
    /// A statement of the open transaction failed: it can only be rolled back.
    failed: Cell<bool>,
}

/// Runs `work` where the thread may wait, be it one of an asynchronous runtime or not.
fn waiting<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

impl Wire {
    /// Connects to the first host that takes reads and writes.
    ///
    /// # Errors
    /// `Busy` where none answers; `Internal` where it refuses us.
    pub fn connect(address: &Address, purpose: Purpose) -> Result<Wire, Fault> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Fault::internal)?;
        let epoch = address.epoch();
        let found = waiting(|| runtime.block_on(Wire::first(address, purpose, None)));
        match found {
            Ok((at, client)) => {
                address.preferred.store(at, Ordering::Relaxed);
                Ok(Wire::new(runtime, client, epoch))
            }
            Err(fault) => {
                runtime.shutdown_background();
                Err(fault)
            }
        }
    }

    /// The first host that answers and takes writes, and its number. The next one is asked where one refuses, or is silent for a moment: a
    /// server whose power is gone says nothing. What is notified on the connection goes to `told`, as long as there is room.
    pub(super) async fn first(
        address: &Address,
        purpose: Purpose,
        told: Option<Sender<String>>,
    ) -> Result<(usize, Client), Fault> {
        let (first, count) = (address.preferred.load(Ordering::Relaxed), address.hosts.len());
        let mut left = (0..count).map(|step| (first + step) % count);
        let (mut asked, mut last) = (FuturesUnordered::new(), away());
        loop {
            let next = left.next().and_then(|at| address.hosts.get(at).map(|host| (at, host)));
            let patience = if next.is_some() { SILENT } else { CONNECT };
            if let Some((at, host)) = next {
                let told = told.clone();
                asked.push(async move {
                    Wire::greet(host, address.tls.clone(), purpose, told).await.map(|client| (at, client))
                });
            }
            match tokio::time::timeout(patience, asked.next()).await {
                Ok(Some(Ok(found))) => return Ok(found),
                // a host that refuses us says more than one that is not there
                Ok(Some(Err(fault))) if is_away(&last) => last = fault,
                Ok(None) => return Err(last),
                Ok(Some(Err(_))) | Err(_) => {}
            }
        }
    }

    async fn greet(
        host: &Config,
        tls: MakeRustlsConnect,
        purpose: Purpose,
        told: Option<Sender<String>>,
    ) -> Result<Client, Fault> {
        let settings = purpose.settings();
        let ready = async {
            let (client, mut connection) = host.connect(tls).await?;
            tokio::spawn(async move {
                let mut messages = poll_fn(|context| connection.poll_message(context));
                while let Some(message) = messages.next().await {
                    match (message, &told) {
                        // where there is no room, who listens has enough to do already
                        (Ok(AsyncMessage::Notification(said)), Some(told)) => {
                            drop(told.try_send(said.payload().to_owned()));
                        }
                        (Ok(_), _) => {}
                        (Err(error), _) => {
                            tracing::debug!(%error, "a connection to the database ended");
                            return;
                        }
                    }
                }
            });
            client.batch_execute(&settings).await?;
            Ok(client)
        };
        match tokio::time::timeout(CONNECT, ready).await {
            Ok(result) => result.map_err(connect_fault),
            Err(elapsed) => Err(away().caused_by(elapsed)),
        }
    }

    fn new(runtime: Runtime, client: Client, epoch: u64) -> Wire {
        Wire {
            runtime: Some(runtime),
            client: Arc::new(client),
            prepared: RefCell::default(),
            sent: RefCell::default(),
            sent_bytes: Cell::new(0),
            pushed: Cell::new(0),
            limit: Cell::new(ANSWER),
            epoch,
            lost: Cell::new(false),
            open: Cell::new(false),
            failed: Cell::new(false),
        }
    }

    /// How long answers may take.
    pub fn limit(&self) -> Duration {
        self.limit.get()
    }

    /// Lets answers take no longer than this.
    pub fn set_limit(&self, limit: Duration) {
        self.limit.set(limit);
    }

    /// Whether it can be used again by anybody: not lost, and in no transaction.
    pub fn is_idle(&self) -> bool {
        !self.lost.get() && !self.open.get() && !self.client.is_closed()
    }

    /// The epoch of its address when it was made.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether nothing more can be said on it.
    pub fn is_lost(&self) -> bool {
        self.lost.get() || self.client.is_closed()
    }

    pub(super) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Runs `work` on this thread until it is done, with all that was sent before it.
    pub(super) fn drive<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Fault> {
        if self.lost.get() {
            return Err(away());
        }
        let Some(runtime) = &self.runtime else { return Err(away()) };
        let sent = std::mem::take(&mut *self.sent.borrow_mut());
        self.sent_bytes.set(0);
        self.pushed.set(0);
        let all = async {
            if sent.is_empty() {
                return work.await;
            }
            let (sent, done) = join(join_all(sent), work).await;
            // the first failure is the cause of those behind it
            sent.into_iter().collect::<Result<(), Error>>()?;
            done
        };
        let limit = self.limit.get();
        let result = waiting(|| runtime.block_on(async { tokio::time::timeout(limit, all).await }));
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failure(fault(error))),
            Err(elapsed) => Err(self.failure(away().caused_by(elapsed))),
        }
    }

    /// Takes note of a failure.
    pub(super) fn failure(&self, fault: Fault) -> Fault {
        self.failed.set(true);
        if is_away(&fault) || self.client.is_closed() {
            self.lost.set(true);
        }
        fault
    }

    /// Sends without waiting. The work is asked once, here, so that it stands in line before what comes later.
    fn ahead(&self, bytes: usize, work: impl Future<Output = Result<(), Error>> + Send + 'static) {
        let mut work: Sent = Box::pin(work);
        match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => return,
            Poll::Ready(Err(error)) => work = Box::pin(ready(Err(error))),
            Poll::Pending => {}
        }
        self.sent.borrow_mut().push(work);
        self.sent_bytes.set(self.sent_bytes.get().saturating_add(bytes));
    }

    /// The statement, prepared.
    pub(super) fn prepare(&self, text: &str) -> Result<Statement, Fault> {
        if let Some(statement) = self.prepared.borrow_mut().get(text) {
            return Ok(statement);
        }
        let statement = self.drive(self.client.prepare(text))?;
        self.prepared.borrow_mut().keep(text, statement.clone());
        Ok(statement)
    }

    /// Runs a statement and waits; gives how many rows it changed.
    pub(super) fn execute(&self, text: &str, binds: &[Bind<'_>]) -> Result<u64, Fault> {
        let statement = self.prepare(text)?;
        self.drive(self.client.execute_raw(&statement, binds.iter().map(|bind| Value(*bind))))
    }

    /// Runs a statement of which nobody needs to know anything but whether the transaction succeeds.
    pub(super) fn send(&self, text: &str, binds: &[Bind<'_>]) -> Result<(), Fault> {
        let statement = self.prepare(text)?;
        let encoded: Result<Vec<Encoded>, Fault> =
            binds.iter().zip(statement.params()).map(|(bind, of)| Encoded::of(bind, of)).collect();
        self.send_encoded(statement, encoded?)
    }

    pub(super) fn send_encoded(&self, statement: Statement, values: Vec<Encoded>) -> Result<(), Fault> {
        let bytes = values.iter().map(|value| value.0.as_ref().map_or(0, bytes::Bytes::len) + 16).sum();
        let client = self.client.clone();
        self.ahead(bytes, async move { client.execute_raw(&statement, values).await.map(drop) });
        if self.sent_bytes.get() > AHEAD_BYTES || self.sent.borrow().len() > AHEAD {
            return self.wait();
        }
        if self.sent_bytes.get() - self.pushed.get() > PUSH_BYTES {
            // the server begins with it while the rest is made
            self.pushed.set(self.sent_bytes.get());
            self.flush();
        }
        Ok(())
    }

    /// Waits for what was sent.
    pub fn wait(&self) -> Result<(), Fault> {
        if self.sent.borrow().is_empty() {
            return Ok(());
        }
        self.drive(ready(Ok(())))
    }

    /// Begins a transaction, with the next statement.
    pub fn begin(&self, text: &str) {
        self.open.set(true);
        self.failed.set(false);
        self.batch(text);
    }

    fn batch(&self, text: &str) {
        let (client, text) = (self.client.clone(), text.to_owned());
        self.ahead(text.len(), async move { client.batch_execute(&text).await });
    }

    /// Commits and waits.
    ///
    /// # Errors
    /// `Busy` with the code of a lost connection where it is not known whether it was committed.
    pub fn commit(&self) -> Result<(), Fault> {
        if self.failed.get() {
            // COMMIT after a failure is answered as if all were well
            self.rollback();
            return Err(Fault::internal("a transaction with a failed statement cannot be committed"));
        }
        if self.sent.borrow().is_empty() {
            // COMMIT of a transaction that failed unheard answers as if all were well; any other statement does not
            self.batch("SELECT 1");
        }
        self.drive(self.client.batch_execute("COMMIT"))?;
        self.open.set(false);
        Ok(())
    }

    /// Ends a transaction that changed nothing, without waiting for the answer.
    pub fn finish(&self) {
        if self.failed.get() || self.lost.get() {
            return self.rollback();
        }
        self.open.set(false);
        self.batch("COMMIT");
        self.flush();
    }

    /// Rolls back what is open. A connection on which that fails is lost.
    pub fn rollback(&self) {
        if !self.open.get() || self.lost.get() {
            return;
        }
        // what was sent ahead may have failed: its failure ends here
        let _ = self.wait();
        match self.drive(self.client.batch_execute("ROLLBACK")) {
            Ok(()) => {
                self.open.set(false);
                self.failed.set(false);
            }
            Err(fault) => {
                tracing::warn!(%fault, "a transaction could not be rolled back");
                self.lost.set(true);
            }
        }
    }

    /// Puts on the wire what was sent.
    fn flush(&self) {
        if let Some(runtime) = &self.runtime {
            waiting(|| runtime.block_on(tokio::task::yield_now()));
        }
    }

    /// Runs statements of our own, one behind the other, as plain text.
    pub fn run(&self, text: &str) -> Result<(), Fault> {
        self.drive(self.client.batch_execute(text))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // a runtime that is waited for must not be dropped on an asynchronous thread
            runtime.shutdown_background();
        }
    }
}
