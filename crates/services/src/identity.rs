//! What is remembered of who comes and goes while the server runs: when tokens were used, who failed to sign in, whose
//! turn it is to be hashed. Nothing here decides who anybody is.

use crate::passwords::Turns;
use lenticular_base::Instant;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

/// The most names that are remembered of a kind.
const REMEMBERED: usize = 10_000;
/// A token that was used is noted once in this time, in milliseconds.
const NOTED: i64 = 60_000;

/// Attempts that cost nothing: people mistype.
const FREE: u32 = 5;
/// The longest that one attempt waits, in milliseconds.
const LONGEST_WAIT: i64 = 4_000;
/// Attempts are forgotten after this time, in milliseconds.
const FORGOTTEN: i64 = 15 * 60_000;
/// Attempts of one kind that may wait at a time.
const WAITING: i64 = 4;

/// See the module.
#[derive(Default)]
pub(crate) struct Identity {
    pub(crate) turns: Turns,
    used: RwLock<HashMap<String, Instant>>,
    attempts: Mutex<HashMap<String, Attempts>>,
}

#[derive(Clone, Copy)]
struct Attempts {
    count: u32,
    last: Instant,
    /// When the next attempt may be looked at.
    next: Instant,
}

impl Identity {
    /// Notes that a token was used.
    pub(crate) fn used(&self, id: &str, now: Instant) {
        let last = self.last_used(id);
        if last.is_some_and(|last| now.0 - last.0 < NOTED) {
            return;
        }
        let mut used = self.used.write().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= REMEMBERED && !used.contains_key(id) {
            // the older half makes room
            let mut times: Vec<i64> = used.values().map(|at| at.0).collect();
            let middle = times.len() / 2;
            let (_, median, _) = times.select_nth_unstable(middle);
            let median = *median;
            used.retain(|_, at| at.0 > median);
        }
        used.insert(id.to_owned(), now);
    }

    /// When a token was used last, to the minute.
    pub(crate) fn last_used(&self, id: &str) -> Option<Instant> {
        self.used.read().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    /// Counts an attempt to sign in, before anybody knows whether it is right, and says how long it waits until it is looked
    /// at: not at all at first, then longer with each one of the same `key` that did not succeed, one after the other.
    /// `None`: too many of them wait already.
    pub(crate) fn attempt(&self, key: &str, now: Instant) -> Option<Duration> {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() >= REMEMBERED && !attempts.contains_key(key) {
            attempts.retain(|_, known| now.0 - known.last.0 < FORGOTTEN);
            if attempts.len() >= REMEMBERED {
                let oldest = attempts.iter().min_by_key(|(_, known)| known.last).map(|(key, _)| key.clone());
                oldest.map(|key| attempts.remove(&key));
            }
        }
        let known = attempts.entry(key.to_owned()).or_insert(Attempts { count: 0, last: now, next: now });
        if now.0 - known.last.0 >= FORGOTTEN {
            *known = Attempts { count: 0, last: now, next: now };
        }
        known.last = now;
        if known.count < FREE {
            known.count += 1;
            return Some(Duration::ZERO);
        }
        let pause = (250_i64 << (known.count - FREE).min(5)).min(LONGEST_WAIT);
        let start = known.next.0.max(now.0);
        if start - now.0 > pause * WAITING {
            return None;
        }
        known.count = known.count.saturating_add(1);
        known.next = Instant(start + pause);
        Some(Duration::from_millis((known.next.0 - now.0).unsigned_abs()))
    }

    /// Forgets the attempts of somebody who has signed in.
    pub(crate) fn succeeded(&self, key: &str) {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_slow_down_their_own_kind_alone() {
        let identity = Identity::default();
        let now = Instant(1_000_000);
        for _ in 0..FREE {
            assert_eq!(identity.attempt("anna 10.0.0.9", now), Some(Duration::ZERO));
        }
        let first = identity.attempt("anna 10.0.0.9", now).unwrap();
        let second = identity.attempt("anna 10.0.0.9", now).unwrap();
        assert!(first > Duration::ZERO && second > first, "one after the other: {first:?} {second:?}");
        assert_eq!(identity.attempt("anna 10.0.0.7", now), Some(Duration::ZERO), "anna herself, elsewhere");
        assert_eq!(identity.attempt("anna 10.0.0.9", now.plus(FORGOTTEN)), Some(Duration::ZERO));
        for _ in 0..FREE {
            identity.attempt("anna 10.0.0.9", now.plus(FORGOTTEN));
        }
        identity.succeeded("anna 10.0.0.9");
        assert_eq!(identity.attempt("anna 10.0.0.9", now.plus(FORGOTTEN)), Some(Duration::ZERO));
    }

    #[test]
    fn a_flood_of_attempts_waits_for_nothing_without_end() {
        let identity = Identity::default();
        let now = Instant(1_000_000);
        let waits: Vec<_> = (0..60).map(|_| identity.attempt("k", now)).collect();
        assert!(waits.iter().flatten().all(|wait| wait.as_secs() <= 21), "{waits:?}");
        assert!(waits.last().unwrap().is_none());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let identity = Identity::default();
        for at in 0..10_300_i64 {
            identity.attempt(&at.to_string(), Instant(at));
            identity.used(&at.to_string(), Instant(at * NOTED));
        }
        assert!(identity.attempts.lock().unwrap().len() <= REMEMBERED);
        assert!(identity.used.read().unwrap().len() <= REMEMBERED);
        assert!(identity.last_used("10299").is_some());
    }
}
