//! The one writer: takes all that is queued, commits it as one transaction with one fsync, and goes round.

use crate::faults::{Streak, closing, copy};
use crate::ground::{self, Begun, Ground, Hand, Holding};
use crate::pack::Packs;
use crate::standing::Standing;
use lenticular_base::{Fault, Instant, Position};
use lenticular_store::commit::{self, Group};
use lenticular_store::log;
use lenticular_store::notice;
use lenticular_store::sql::Session;
use lenticular_store::{BlobRef, Done, Lease, Leases, Log, Proposal, Receipt, leases};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The most proposals in one transaction.
const GROUP: usize = 1000;

/// After so long without work the writer tidies up and gives its memory back.
const IDLE: Duration = Duration::from_secs(2);

/// How many superseded versions lose their index entries at a time, and how often at most, in milliseconds.
const SWEEP_AT_ONCE: i64 = 200;
const SWEEP_EVERY: i64 = 1000;

type Work = Box<dyn FnOnce(&dyn Session, Instant) -> Result<i64, Fault> + Send>;

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
    standing: Standing,
}

/// The way to the writer.
#[derive(Clone)]
pub struct WriterHandle {
    jobs: Arc<Mutex<Option<Sender<Job>>>>,
    numbers: Arc<Numbers>,
    ground: Arc<dyn Ground>,
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

    /// Runs work of the engine itself inside the writer, at the time of its transaction, and waits for its commit.
    pub fn task(
        &self,
        work: impl FnOnce(&dyn Session, Instant) -> Result<i64, Fault> + Send + 'static,
    ) -> Result<i64, Fault> {
        let (answer, result) = sync_channel(1);
        self.send(Job::Task(Box::new(work), answer));
        result.recv().unwrap_or_else(|_| Err(closing()))
    }

    /// Lets the writer end once it has done what is queued.
    pub fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether groups are kept, for `/readyz`. After one that was not, a row is written and removed.
    pub fn ready(&self) -> Result<(), Fault> {
        let attempt = |session: &dyn Session, _| {
            let text = "INSERT INTO lease (name,holder,fence,expires) VALUES ('ready','',0,0) ON CONFLICT (name) DO NOTHING";
            session.execute(text, &[])?;
            session.execute("DELETE FROM lease WHERE name='ready'", &[])?;
            Ok(0)
        };
        self.numbers.standing.ready(|| self.task(attempt).map(drop))
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
        // where it cannot be asked, the newest that is known is durable as well
        let _ = self.ground.refresh();
        self.ground.memory().position()
    }

    fn wait(&self, known: Position, at_most: Duration) -> Position {
        let begun = std::time::Instant::now();
        loop {
            let position = self.position();
            let left = at_most.saturating_sub(begun.elapsed());
            if position != known || left.is_zero() {
                return position;
            }
            self.ground.memory().wait(known, left.min(self.ground.unheard()));
        }
    }

    fn read(&self, after: Position, limit: u32) -> Result<Vec<log::Entry>, Fault> {
        ground::glance(&*self.ground, |session| log::entries(session, after, limit))
    }
}

impl Leases for WriterHandle {
    fn take(&self, name: &str, holder: &str, ttl: i64) -> Result<Option<Lease>, Fault> {
        let (sender, taken) = sync_channel(1);
        let (name, holder) = (name.to_owned(), holder.to_owned());
        self.task(move |session, now| {
            // the receiver waits below
            let _ = sender.send(leases::take(session, &name, &holder, now, ttl)?);
            Ok(0)
        })?;
        taken.recv().map_err(Fault::internal)
    }

    fn give_back(&self, lease: &Lease) -> Result<(), Fault> {
        let lease = lease.clone();
        self.task(move |session, _| leases::give_back(session, &lease).map(|()| 0)).map(drop)
    }
}

struct Writer {
    hand: Box<dyn Hand>,
    packs: Arc<Packs>,
    blobs: Arc<dyn Holding>,
    numbers: Arc<Numbers>,
    /// When old entries were last swept.
    swept: Instant,
    /// The database may lack dictionaries by which bodies are packed.
    anew: bool,
    refused: Streak,
}

/// Starts the writer's thread.
pub fn start(
    hand: Box<dyn Hand>,
    ground: Arc<dyn Ground>,
    packs: Arc<Packs>,
    blobs: Arc<dyn Holding>,
) -> Result<(WriterHandle, JoinHandle<()>), Fault> {
    let (sender, jobs) = channel();
    let numbers = Arc::new(Numbers::default());
    let handle = WriterHandle { jobs: Arc::new(Mutex::new(Some(sender))), numbers: numbers.clone(), ground };
    let writer = Writer {
        hand,
        packs,
        blobs,
        numbers,
        swept: Instant(i64::MIN),
        anew: false,
        refused: Streak::default(),
    };
    let thread = std::thread::Builder::new()
        .name("writer".into())
        .spawn(move || writer.run(&jobs))
        .map_err(Fault::internal)?;
    Ok((handle, thread))
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
        let swept = self.begin().and_then(|begun| {
            let swept = commit::sweep(self.hand.session(), begun.now, 10 * SWEEP_AT_ONCE)?;
            self.hand.commit()?;
            Ok(swept)
        });
        self.hand.rollback();
        self.hand.rest();
        match swept {
            Ok(swept) => swept == 0,
            Err(fault) if notice::forbids(&fault) => true,
            Err(fault) => {
                tracing::warn!(%fault, "old index entries were not swept");
                true
            }
        }
    }

    /// Begins a transaction, where the database is one to commit to.
    fn begin(&mut self) -> Result<Begun, Fault> {
        loop {
            let begun = self.hand.begin()?;
            self.anew |= begun.anew;
            if begun.noticed {
                notice::let_commit(self.hand.session(), begun.now)?;
            }
            if !self.anew {
                return Ok(begun);
            }
            let any = self.packs.put_back(self.hand.session())?;
            if any {
                self.hand.commit()?;
            }
            self.anew = false;
            if !any {
                return Ok(begun);
            }
        }
    }

    fn task(&mut self, work: Work) -> Result<i64, Fault> {
        let result = self.begin().and_then(|begun| {
            let value = catch_unwind(AssertUnwindSafe(|| work(self.hand.session(), begun.now)))
                .unwrap_or_else(|_| Err(Fault::internal("a task of the writer panicked")))?;
            self.hand.commit()?;
            Ok(value)
        });
        self.hand.rollback();
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
        let write = self.numbers.standing.begin();
        let ended = self.transact(asked, &mut waiting);
        self.hand.rollback();
        self.numbers.standing.end(write, ended.as_ref().copied());
        let outcome = ended.map(drop);
        match &outcome {
            Err(fault) if notice::forbids(fault) => {
                tracing::info!(%fault, proposals = count, "a group was refused");
            }
            Err(fault) if self.refused.goes_on(count, fault) => {}
            Err(fault) => tracing::error!(%fault, proposals = count, "a group was not committed"),
            Ok(()) => {
                if let Some(proposals) = self.refused.end() {
                    tracing::info!(proposals, "groups are committed again after so many proposals were not");
                }
            }
        }
        self.numbers.groups.fetch_add(1, Ordering::Relaxed);
        self.numbers.commits.fetch_add(count, Ordering::Relaxed);
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

    /// True where something was committed.
    fn transact(
        &mut self,
        asked: Vec<(lenticular_store::Author, Vec<BlobRef>, lenticular_store::Decide)>,
        waiting: &mut [Waiting],
    ) -> Result<bool, Fault> {
        let Begun { last, vid, now, .. } = self.begin()?;
        let session = self.hand.session();
        let mut group = Group::new(session, &*self.packs, last, vid, now);
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
            return Ok(false);
        }
        if now.0.saturating_sub(self.swept.0) >= SWEEP_EVERY {
            self.swept = now;
            commit::sweep(session, now, SWEEP_AT_ONCE)?;
        }
        if !named.is_empty() {
            self.blobs.make_durable(session, &named)?;
        }
        self.hand.commit_group(stamp, &touched)?;
        Ok(true)
    }
}
