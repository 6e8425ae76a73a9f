//! The database's clock, which all nodes share, kept between its answers by this machine's steady one.
//!
//! Grants and tokens end at a time. Were that each node's own, a node whose clock is behind would show what others no longer do.

use lenticular_base::Instant;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Steady};

/// Steady clocks of two machines part by less than one in so many.
const DRIFT: u32 = 1000;

/// What the database said last that is of use.
#[derive(Clone, Copy)]
struct Reading {
    /// Its time, half way between question and answer.
    told: Instant,
    at: Steady,
    /// By how much that can be wrong: half the way there and back.
    doubt: Duration,
}

impl Reading {
    fn after(&self, since: Duration) -> Instant {
        self.told.plus(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// See the module.
#[derive(Default)]
pub struct SharedClock(Mutex<Option<Reading>>);

impl SharedClock {
    fn lock(&self) -> MutexGuard<'_, Option<Reading>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database said `told` between these two moments. An answer that took long displaces a better one when that is old, or
    /// cannot be true any more: a clock was set, or this machine slept.
    pub fn tell(&self, told: Instant, asked: Steady, answered: Steady) {
        let doubt = answered.saturating_duration_since(asked) / 2;
        let mut reading = self.lock();
        let better = reading.is_none_or(|before| {
            let since = (asked + doubt).saturating_duration_since(before.at);
            let known = before.doubt + since / DRIFT;
            let apart = told.0.abs_diff(before.after(since).0);
            // a millisecond for each that was rounded
            doubt <= known || u128::from(apart) > (doubt + known).as_millis() + 2
        });
        if better {
            *reading = Some(Reading { told, at: asked + doubt, doubt });
        }
    }

    /// What time it is there; `None` while it has told nothing.
    pub fn now(&self, here: Steady) -> Option<Instant> {
        let reading = (*self.lock())?;
        Some(reading.after(here.saturating_duration_since(reading.at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Steady, ms: u64) -> Steady {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn time_goes_on_between_answers() {
        let (clock, start) = (SharedClock::default(), Steady::now());
        assert_eq!(clock.now(start), None);
        clock.tell(Instant(1_000_000), start, after(start, 4));
        assert_eq!(clock.now(after(start, 2)), Some(Instant(1_000_000)));
        assert_eq!(clock.now(after(start, 502)), Some(Instant(1_000_500)));
        // before the answer: it does not go back
        assert_eq!(clock.now(start), Some(Instant(1_000_000)));
    }

    #[test]
    fn a_slow_answer_counts_once_the_good_one_is_old() {
        let (clock, start) = (SharedClock::default(), Steady::now());
        clock.tell(Instant(1_000_000), start, after(start, 2));
        clock.tell(Instant(1_001_700), after(start, 1000), after(start, 2000));
        assert_eq!(clock.now(after(start, 2001)), Some(Instant(1_002_000)), "half a second of doubt");
        clock.tell(Instant(1_600_500), after(start, 599_900), after(start, 600_900));
        assert_eq!(clock.now(after(start, 600_400)), Some(Instant(1_600_500)));
    }

    #[test]
    fn a_clock_that_was_set_counts_at_once() {
        let (clock, start) = (SharedClock::default(), Steady::now());
        clock.tell(Instant(1_000_000), start, after(start, 2));
        clock.tell(Instant(1_303_000), after(start, 3000), after(start, 3400));
        assert_eq!(clock.now(after(start, 3200)), Some(Instant(1_303_000)));
        clock.tell(Instant(1_004_000), after(start, 4000), after(start, 4400));
        assert_eq!(clock.now(after(start, 4200)), Some(Instant(1_004_000)));
    }
}
