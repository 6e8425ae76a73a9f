//! Whether what is written is kept, as the last writes say, for `/readyz`: a database may answer every question and keep nothing.

use crate::faults::copy;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::notice;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A write that has been under way for so long hangs.
const HANGS: Duration = Duration::from_secs(10);

/// What writes came to. Several may be under way.
#[derive(Default)]
pub(crate) struct Standing(Mutex<State>);

#[derive(Default)]
struct State {
    /// When each write began that is under way.
    begun: BTreeMap<u64, Instant>,
    next: u64,
    /// What the last one failed with, and none was kept since.
    failed: Option<Fault>,
}

/// A write that is under way.
pub(crate) struct Begun(u64);

impl Standing {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A write begins.
    pub fn begin(&self) -> Begun {
        self.begin_at(Instant::now())
    }

    fn begin_at(&self, now: Instant) -> Begun {
        let mut state = self.lock();
        let no = state.next;
        state.next += 1;
        state.begun.insert(no, now);
        Begun(no)
    }

    /// It ended: `true` where something was kept, `false` where there was nothing to keep. A refusal while the network moves says nothing of
    /// the database.
    pub fn end(&self, write: Begun, ended: Result<bool, &Fault>) {
        let mut state = self.lock();
        state.begun.remove(&write.0);
        match ended {
            Ok(true) => state.failed = None,
            Err(fault) if !notice::forbids(fault) => state.failed = Some(copy(fault)),
            Ok(false) | Err(_) => {}
        }
    }

    /// Whether writes are kept. Where the last one was not, `attempt` is made: nobody is sent to a node that is not ready, so that
    /// nothing else would show that it works again.
    ///
    /// # Errors
    /// What the attempt fails with; `Busy` while a write hangs.
    pub fn ready(&self, attempt: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
        self.ready_at(Instant::now(), attempt)
    }

    fn ready_at(&self, now: Instant, attempt: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
        {
            let state = self.lock();
            if state.begun.values().any(|begun| now.saturating_duration_since(*begun) >= HANGS) {
                let words = "The database has not said for seconds whether it keeps what is written. It goes on by itself.";
                return Err(Fault::new(FaultKind::Busy, "no-answer", words));
            }
            if state.failed.is_none() {
                return Ok(());
            }
        }
        attempt()?;
        self.lock().failed = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Fault {
        Fault::new(FaultKind::Internal, "read-only", "It takes nothing.")
    }

    fn code(result: Result<(), Fault>) -> &'static str {
        result.map_or_else(|fault| fault.code, |()| "ready")
    }

    #[test]
    fn a_write_that_failed_is_followed_by_attempts_until_one_is_kept() {
        let standing = Standing::default();
        assert_eq!(code(standing.ready(|| Err(refused()))), "ready", "nothing was written: nothing is tried");
        standing.end(standing.begin(), Err(&refused()));
        standing.end(standing.begin(), Ok(false));
        let moving = Fault::new(FaultKind::Busy, "moving", "It moves.");
        standing.end(standing.begin(), Err(&moving));
        assert_eq!(code(standing.ready(|| Err(refused()))), "read-only");
        assert_eq!(code(standing.ready(|| Ok(()))), "ready");
        assert_eq!(code(standing.ready(|| Err(refused()))), "ready", "an attempt that was kept is enough");
        standing.end(standing.begin(), Err(&refused()));
        standing.end(standing.begin(), Ok(true));
        assert_eq!(code(standing.ready(|| Err(refused()))), "ready");
    }

    #[test]
    fn one_that_hangs_is_not_waited_for() {
        let (standing, now) = (Standing::default(), Instant::now());
        let (first, second) = (standing.begin_at(now), standing.begin_at(now + HANGS));
        let ready = |seconds| code(standing.ready_at(now + Duration::from_secs(seconds), || Ok(())));
        assert_eq!((ready(9), ready(10)), ("ready", "no-answer"));
        standing.end(first, Ok(true));
        assert_eq!((ready(10), ready(20)), ("ready", "no-answer"));
        standing.end(second, Ok(true));
        assert_eq!(ready(20), "ready");
    }
}
