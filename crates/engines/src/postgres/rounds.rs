//! Questions for the newest position, in rounds: one is under way at a time, and whoever comes meanwhile waits for the next, for one that is
//! under way may have been answered before he came.
//!
//! A thread asks, so that those who wait need none of their own: a request waits on the asynchronous side.

use crate::faults::{closing, copy};
use lenticular_base::Fault;
use lenticular_store::Freshening;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// For so long after a question that failed readers are refused without another one.
const STANDS: Duration = Duration::from_secs(1);

/// Told what the round came to.
type Told = Box<dyn FnOnce(Result<(), Fault>) + Send>;

pub struct Rounds {
    /// Moments are counted from here, in nanoseconds.
    origin: Instant,
    /// When the last question was asked that was answered; 0 before the first.
    asked: AtomicU64,
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Told>,
    /// Whether readers are among them.
    read: bool,
    /// What the last question failed with, and when; `None` where it did not.
    failed: Option<(Fault, Instant)>,
    closed: bool,
}

impl Rounds {
    pub fn new() -> Rounds {
        Rounds {
            origin: Instant::now(),
            asked: AtomicU64::new(0),
            state: Mutex::default(),
            came: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.origin).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether a question that was asked at `since` or later has been answered.
    pub fn reach(&self, since: Instant) -> bool {
        self.asked.load(Ordering::Acquire) > self.count(since)
    }

    /// Waits for the next round.
    pub fn wait(&self) -> Result<(), Fault> {
        self.wait_as(true)
    }

    /// The same for one who works behind: a failure refuses no reader.
    pub fn wait_behind(&self) -> Result<(), Fault> {
        self.wait_as(false)
    }

    fn wait_as(&self, reads: bool) -> Result<(), Fault> {
        let (tell, told) = sync_channel(1);
        self.join(reads, Box::new(move |outcome| drop(tell.send(outcome))));
        told.recv().unwrap_or_else(|_| Err(closing()))
    }

    /// The next round, to be awaited.
    pub fn next(&self) -> Freshening {
        let (tell, told) = oneshot::channel();
        self.join(true, Box::new(move |outcome| drop(tell.send(outcome))));
        Box::pin(async { told.await.unwrap_or_else(|_| Err(closing())) })
    }

    fn join(&self, reads: bool, told: Told) {
        let mut state = self.lock();
        let refusal = match &state.failed {
            _ if state.closed => Some(closing()),
            Some((fault, at)) if at.elapsed() < STANDS => Some(copy(fault)),
            _ => None,
        };
        match refusal {
            Some(fault) => {
                drop(state);
                told(Err(fault));
            }
            None => {
                state.waiting.push(told);
                state.read |= reads;
                // the thread waits only while nobody does
                let first = state.waiting.len() == 1;
                drop(state);
                if first {
                    self.came.notify_one();
                }
            }
        }
    }

    /// Asks by `ask` whenever somebody waits, until it is closed.
    pub fn run(&self, mut ask: impl FnMut() -> Result<(), Fault>) {
        while let Some((read, waiting)) = self.come() {
            let asked = Instant::now();
            let outcome = catch_unwind(AssertUnwindSafe(&mut ask))
                .unwrap_or_else(|_| Err(Fault::internal("asking for the newest position panicked")));
            let mut all = waiting;
            match &outcome {
                Ok(()) => {
                    self.asked.fetch_max(self.count(asked), Ordering::AcqRel);
                    self.lock().failed = None;
                }
                Err(fault) if read => {
                    let mut state = self.lock();
                    state.failed = Some((copy(fault), Instant::now()));
                    // what failed since they came failed for them, too
                    all.append(&mut state.waiting);
                    state.read = false;
                }
                Err(_) => {}
            }
            for told in all {
                told(outcome.as_ref().map_err(copy).copied());
            }
        }
    }

    /// Those who wait for the next round, and whether readers are among them; `None` once it is closed.
    fn come(&self) -> Option<(bool, Vec<Told>)> {
        let mut state = self.lock();
        while state.waiting.is_empty() && !state.closed {
            state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.waiting.is_empty() {
            return None;
        }
        Some((std::mem::take(&mut state.read), std::mem::take(&mut state.waiting)))
    }

    /// Lets the thread end once nobody waits; who comes later is refused.
    pub fn close(&self) {
        self.lock().closed = true;
        self.came.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lenticular_base::FaultKind;
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::thread;

    /// Rounds whose questions are answered by hand, and a way to know that one was asked.
    fn scene() -> (Arc<Rounds>, std::sync::mpsc::Receiver<()>, std::sync::mpsc::Sender<Result<(), Fault>>) {
        let rounds = Arc::new(Rounds::new());
        let (asked, was_asked) = channel();
        let (answer, answers) = channel();
        let theirs = rounds.clone();
        thread::spawn(move || {
            theirs.run(|| {
                let _ = asked.send(());
                answers.recv().unwrap_or_else(|_| Err(closing()))
            });
        });
        (rounds, was_asked, answer)
    }

    fn away() -> Fault {
        Fault::new(FaultKind::Busy, "away", "It does not answer.")
    }

    #[test]
    fn who_comes_while_a_question_is_under_way_waits_for_the_next() {
        let (rounds, asked, answer) = scene();
        let first = Instant::now();
        let one = thread::spawn({
            let rounds = rounds.clone();
            move || rounds.wait()
        });
        asked.recv().unwrap();
        let second = Instant::now();
        let two = thread::spawn({
            let rounds = rounds.clone();
            move || rounds.wait()
        });
        while rounds.lock().waiting.is_empty() {
            thread::yield_now();
        }
        answer.send(Ok(())).unwrap();
        one.join().unwrap().unwrap();
        assert!(rounds.reach(first));
        assert!(!rounds.reach(second), "that question was asked before");
        asked.recv().unwrap();
        assert!(!two.is_finished());
        answer.send(Ok(())).unwrap();
        two.join().unwrap().unwrap();
        assert!(rounds.reach(second));
        assert!(!rounds.reach(Instant::now()));
    }

    #[test]
    fn one_question_is_asked_for_all_who_wait() {
        let (rounds, asked, answer) = scene();
        let mut all: Vec<Freshening> = vec![rounds.next()];
        asked.recv().unwrap();
        all.extend((0..50).map(|_| rounds.next()));
        answer.send(Ok(())).unwrap();
        asked.recv().unwrap();
        answer.send(Ok(())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for one in all {
            runtime.block_on(one).unwrap();
        }
        assert!(asked.try_recv().is_err(), "two questions were enough");
    }

    #[test]
    fn a_failure_is_everybodys_who_waits_and_stands_for_a_moment() {
        let (rounds, asked, answer) = scene();
        let one = rounds.next();
        asked.recv().unwrap();
        let two = rounds.next();
        answer.send(Err(away())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for outcome in [one, two, rounds.next()] {
            assert_eq!(runtime.block_on(outcome).unwrap_err().code, "away");
        }
        assert_eq!(rounds.wait().unwrap_err().code, "away");
        assert!(asked.try_recv().is_err(), "nobody was asked again");
        thread::sleep(STANDS);
        let later = rounds.next();
        asked.recv().unwrap();
        answer.send(Ok(())).unwrap();
        runtime.block_on(later).unwrap();
    }

    #[test]
    fn a_failure_behind_refuses_no_reader() {
        let (rounds, asked, answer) = scene();
        let behind = thread::spawn({
            let rounds = rounds.clone();
            move || rounds.wait_behind()
        });
        asked.recv().unwrap();
        let reader = rounds.next();
        answer.send(Err(away())).unwrap();
        behind.join().unwrap().unwrap_err();
        asked.recv().unwrap();
        answer.send(Ok(())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(reader).unwrap();
    }

    #[test]
    fn nobody_waits_for_what_is_closed() {
        let (rounds, ..) = scene();
        rounds.close();
        assert_eq!(rounds.wait().unwrap_err().code, "closing");
    }

    #[test]
    fn a_question_that_panics_is_a_failure() {
        let rounds = Arc::new(Rounds::new());
        let theirs = rounds.clone();
        let thread = thread::spawn(move || theirs.run(|| panic!("no")));
        rounds.wait().unwrap_err();
        rounds.close();
        thread.join().unwrap();
    }
}
