//! The one writer: takes all that is queued, commits it as one transaction with one fsync, and goes round.

use super::pack::Packs;
use super::shared::Shared;
use super::{Db, copy, fault};
use crate::engine::closing;
use crate::files::blobs::SegmentFiles;
use lenticular_base::{Fault, Instant, Position};
use lenticular_store::commit::{self, Group};
use lenticular_store::sql::{Bind, Session};
use lenticular_store::{BlobRef, Done, Log, Proposal, Receipt};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// The most proposals in one transaction.
const GROUP: usize = 1000;

/// After so long without work the writer tidies up and gives its memory back.
const IDLE: Duration = Duration::from_secs(2);

/// How many superseded versions lose their index entries at a time, and how often at most, in milliseconds.
const SWEEP_AT_ONCE: i64 = 200;
const SWEEP_EVERY: i64 = 1000;

/// How often the checkpointer looks, and from how many pages of the write-ahead log on it works.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);

type Work = Box<dyn FnOnce(&Connection) -> Result<i64, Fault> + Send>;

enum Job {
    Proposal(Proposal),
    /// Work of the engine itself, in a transaction of its own.
    Task(Work, SyncSender<Result<i64, Fault>>),
}

#[derive(Default)]
struct Numbers {
    queued: AtomicUsize,
    groups: AtomicU64,
    commits: AtomicU64,
}

/// The way to the writer.
#[derive(Clone)]
pub struct WriterHandle {
    jobs: Arc<Mutex<Option<Sender<Job>>>>,
    numbers: Arc<Numbers>,
    shared: Arc<Shared>,
}

impl WriterHandle {
    fn send(&self, job: Job) {
        self.numbers.queued.fetch_add(1, Ordering::Relaxed);
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = match &*jobs {
            Some(sender) => sender.send(job).err().map(|refused| refused.0),
            None => Some(job),
        };
        drop(jobs);
        if let Some(job) = refused {
            self.numbers.queued.fetch_sub(1, Ordering::Relaxed);
            match job {
                Job::Proposal(proposal) => (proposal.done)(Err(closing())),
                Job::Task(_, answer) => drop(answer.send(Err(closing()))),
            }
        }
    }

    /// Runs work of the engine itself inside the writer and waits for its commit.
    pub fn task(
        &self,
        work: impl FnOnce(&Connection) -> Result<i64, Fault> + Send + 'static,
    ) -> Result<i64, Fault> {
        let (answer, result) = sync_channel(1);
        self.send(Job::Task(Box::new(work), answer));
        result.recv().unwrap_or_else(|_| Err(closing()))
    }

    /// Lets the writer end once it has done what is queued.
    pub fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Queued, groups, commits.
    pub fn numbers(&self) -> (usize, u64, u64) {
        let of = &self.numbers;
        (
            of.queued.load(Ordering::Relaxed),
            of.groups.load(Ordering::Relaxed),
            of.commits.load(Ordering::Relaxed),
        )
    }
}

impl Log for WriterHandle {
    fn submit(&self, proposal: Proposal) {
        self.send(Job::Proposal(proposal));
    }

    fn position(&self) -> Position {
        match self.shared.known() {
            Ok(known) => known.stamp.position,
            Err(_) => self.shared.peek().stamp.position,
        }
    }
}

struct Writer {
    connection: Connection,
    shared: Arc<Shared>,
    packs: Arc<Packs>,
    blobs: Arc<SegmentFiles>,
    clock: Clock,
    numbers: Arc<Numbers>,
    /// The newest version, while no other process commits.
    swept: Instant,
    /// Tells the checkpointer that there was a commit.
    dirty: Arc<AtomicBool>,
}

/// Starts the writer's thread, and with it one that checkpoints ahead of it.
pub fn start(
    connection: Connection,
    shared: Arc<Shared>,
    packs: Arc<Packs>,
    blobs: Arc<SegmentFiles>,
    clock: Clock,
) -> Result<(WriterHandle, JoinHandle<()>), Fault> {
    let (sender, jobs) = channel();
    let numbers = Arc::new(Numbers::default());
    let handle = WriterHandle {
        jobs: Arc::new(Mutex::new(Some(sender))),
        numbers: numbers.clone(),
        shared: shared.clone(),
    };
    let dirty = Arc::new(AtomicBool::new(false));
    let (stop, checkpointer) = start_checkpointer(shared.clone(), dirty.clone())?;
    let writer = Writer { connection, shared, packs, blobs, clock, numbers, swept: Instant(i64::MIN), dirty };
    let thread = std::thread::Builder::new()
        .name("writer".into())
        .spawn(move || {
            writer.run(&jobs);
            drop(stop);
            if checkpointer.join().is_err() {
                tracing::error!("the checkpointer ended by a panic");
            }
        })
        .map_err(Fault::internal)?;
    Ok((handle, thread))
}

/// Copies the write-ahead log into the database while the writer goes on, so that its own checkpoints are short.
fn start_checkpointer(
    shared: Arc<Shared>,
    dirty: Arc<AtomicBool>,
) -> Result<(Sender<()>, JoinHandle<()>), Fault> {
    let (stop, stopped) = channel::<()>();
    let thread = std::thread::Builder::new()
        .name("checkpointer".into())
        .spawn(move || {
            let connection = shared.pool.checkpointer();
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(CHECKPOINT_EVERY) {
                if let Ok(connection) = &connection
                    && dirty.swap(false, Ordering::Relaxed)
                {
                    let done = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
                    if let Err(error) = done {
                        tracing::warn!(%error, "no checkpoint");
                    }
                }
            }
        })
        .map_err(Fault::internal)?;
    Ok((stop, thread))
}

/// A proposal's end: who is told, and what, once that is known.
struct Waiting {
    done: Done,
    result: Option<Result<Receipt, Fault>>,
}

impl Writer {
    fn run(mut self, jobs: &Receiver<Job>) {
        let mut idle = false;
        loop {
            let first = match jobs.recv_timeout(if idle { Duration::from_secs(60) } else { IDLE }) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => {
                    idle = self.rest();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            idle = false;
            let mut proposals = Vec::new();
            let mut tasks = Vec::new();
            for job in std::iter::once(first).chain(std::iter::from_fn(|| jobs.try_recv().ok())) {
                match job {
                    Job::Proposal(proposal) => proposals.push(proposal),
                    Job::Task(work, answer) => tasks.push((work, answer)),
                }
                if proposals.len() >= GROUP {
                    break;
                }
            }
            self.numbers.queued.fetch_sub(proposals.len() + tasks.len(), Ordering::Relaxed);
            if !proposals.is_empty() {
                self.group(proposals);
            }
            for (work, answer) in tasks {
                let result = self.task(work);
                // whoever asked may have gone
                let _ = answer.send(result);
            }
        }
    }

    /// Nothing to do: sweeps what is due and gives memory back. True where nothing was due.
    fn rest(&mut self) -> bool {
        let now = (self.clock)();
        let swept = self.begin().and_then(|_| {
            let swept = commit::sweep(&Db(&self.connection), now, 10 * SWEEP_AT_ONCE)?;
            self.connection.execute_batch("COMMIT").map_err(fault)?;
            Ok(swept)
        });
        self.rollback();
        if let Err(error) = self.connection.release_memory() {
            tracing::warn!(%error, "memory was not given back");
        }
        match swept {
            Ok(swept) => swept == 0,
            Err(fault) => {
                tracing::warn!(%fault, "old index entries were not swept");
                true
            }
        }
    }

    fn begin(&self) -> Result<(), Fault> {
        let mut statement = self.connection.prepare_cached("BEGIN IMMEDIATE").map_err(fault)?;
        statement.execute([]).map(drop).map_err(fault)
    }

    fn rollback(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    fn task(&self, work: Work) -> Result<i64, Fault> {
        let result = self.begin().and_then(|()| {
            let value = catch_unwind(AssertUnwindSafe(|| work(&self.connection)))
                .unwrap_or_else(|_| Err(Fault::internal("a task of the writer panicked")))?;
            self.connection.execute_batch("COMMIT").map_err(fault)?;
            Ok(value)
        });
        self.rollback();
        self.dirty.store(true, Ordering::Relaxed);
        result
    }

    fn group(&mut self, proposals: Vec<Proposal>) {
        let count = proposals.len() as u64;
        let mut waiting = Vec::with_capacity(proposals.len());
        let mut asked = Vec::with_capacity(proposals.len());
        for Proposal { author, blobs, decide, done } in proposals {
            waiting.push(Waiting { done, result: None });
            asked.push((author, blobs, decide));
        }
        let outcome = self.transact(asked, &mut waiting);
        self.rollback();
        if let Err(fault) = &outcome {
            tracing::error!(%fault, proposals = count, "a group was not committed");
        }
        self.numbers.groups.fetch_add(1, Ordering::Relaxed);
        self.numbers.commits.fetch_add(count, Ordering::Relaxed);
        self.dirty.store(true, Ordering::Relaxed);
        for Waiting { done, result } in waiting {
            let result = match (result, &outcome) {
                (Some(Err(own)), _) => Err(own),
                (_, Err(fault)) => Err(copy(fault)),
                (Some(Ok(receipt)), Ok(())) => Ok(receipt),
                (None, Ok(())) => Err(Fault::internal("a proposal was passed over")),
            };
            if catch_unwind(AssertUnwindSafe(|| done(result))).is_err() {
                tracing::error!("whoever waited for a commit panicked");
            }
        }
    }

    fn transact(
        &mut self,
        asked: Vec<(lenticular_store::Author, Vec<BlobRef>, lenticular_store::Decide)>,
        waiting: &mut [Waiting],
    ) -> Result<(), Fault> {
        self.begin()?;
        let (last, counter) = self.shared.begin(&self.connection)?;
        let session = Db(&self.connection);
        // Another process may have committed, and a reader of this one may have noticed first: the table is asked.
        let vid = commit::last_vid(&session)?;
        let now = (self.clock)();
        let mut group = Group::new(&session, &*self.packs, last, vid, now);
        let mut named: Vec<BlobRef> = Vec::new();
        for ((author, blobs, decide), waiting) in asked.into_iter().zip(waiting) {
            let result = group.run(&author, decide)?;
            if result.as_ref().is_ok_and(|receipt| !receipt.versions.is_empty()) {
                named.extend(blobs);
            }
            waiting.result = Some(result);
        }
        group.flush()?;
        let (stamp, touched) = group.finish();
        if stamp == last {
            return Ok(());
        }
        if now.0.saturating_sub(self.swept.0) >= SWEEP_EVERY {
            self.swept = now;
            commit::sweep(&session, now, SWEEP_AT_ONCE)?;
        }
        for (segment, length) in self.blobs.make_durable(&named)? {
            let text = "INSERT INTO segment (no,length) VALUES ($1,$2) \
                        ON CONFLICT (no) DO UPDATE SET length=max(length,excluded.length)";
            session.execute(text, &[Bind::Int(segment), Bind::Int(length)])?;
        }
        self.shared.commit(&self.connection, counter, stamp, &touched)
    }
}
