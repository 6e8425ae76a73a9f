//! A few connections that read.

use super::address::Address;
use super::is_away;
use super::wire::{Purpose, Wire};
use lenticular_base::{Fault, FaultKind};
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a read waits for a connection.
const WAIT: Duration = Duration::from_secs(10);

/// Connections that read, given out one at a time; the last one given back is warm and goes first.
pub struct Pool {
    address: Arc<Address>,
    purpose: Purpose,
    state: Mutex<State>,
    back: Condvar,
}

struct State {
    idle: Vec<Wire>,
    /// How many more may be opened.
    left: usize,
}

/// A connection, given back when dropped.
pub struct Lease<'a> {
    pool: &'a Pool,
    wire: Option<Wire>,
}

impl Pool {
    pub fn new(address: Arc<Address>, purpose: Purpose, size: usize) -> Pool {
        let state = Mutex::new(State { idle: Vec::new(), left: size.max(1) });
        Pool { address, purpose, state, back: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection; waits while all are in use.
    ///
    /// # Errors
    /// `Busy` where none comes back in time, or the database does not answer.
    pub fn take(&self) -> Result<Lease<'_>, Fault> {
        let until = Instant::now() + WAIT;
        let mut state = self.lock();
        loop {
            while let Some(wire) = state.idle.pop() {
                if wire.epoch() != self.address.epoch() {
                    state.left += 1;
                    continue;
                }
                return Ok(Lease { pool: self, wire: Some(wire) });
            }
            if state.left > 0 {
                state.left -= 1;
                drop(state);
                return self.open();
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Fault::new(
                    FaultKind::Busy,
                    "connections-busy",
                    "Every connection to the database is in use. Try again; nothing was read.",
                ));
            }
            state = self.back.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A place was taken already: fills it, or gives it back.
    fn open(&self) -> Result<Lease<'_>, Fault> {
        match Wire::connect(&self.address, self.purpose) {
            Ok(wire) => Ok(Lease { pool: self, wire: Some(wire) }),
            Err(fault) => {
                self.lock().left += 1;
                self.back.notify_one();
                Err(fault)
            }
        }
    }

    /// A connection that was made just now. What is idle was made before, and whatever ended that one may have ended those.
    fn renewed(&self) -> Result<Lease<'_>, Fault> {
        let mut state = self.lock();
        state.left += state.idle.len();
        let old = std::mem::take(&mut state.idle);
        drop(state);
        drop(old);
        self.take()
    }

    /// Runs `work` on a connection; once more on a new one where the first turns out to be dead.
    pub fn run<T>(&self, mut work: impl FnMut(&Wire) -> Result<T, Fault>) -> Result<T, Fault> {
        let lease = self.take()?;
        let result = work(&lease);
        match result {
            Err(fault) if is_away(&fault) => {
                drop(lease);
                work(&*self.renewed()?)
            }
            result => result,
        }
    }

    /// Runs `work` in one snapshot that shows rows of these members alone: their numbers with commas, or `*` for all.
    pub fn read<T>(&self, orgs: &str, mut work: impl FnMut(&Wire) -> Result<T, Fault>) -> Result<T, Fault> {
        self.run(|wire| {
            wire.begin(&format!(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;SET LOCAL lenticular.orgs='{orgs}'"
            ));
            let result = work(wire);
            wire.finish();
            result
        })
    }

    /// Closes the connections that are not in use.
    pub fn close(&self) {
        let mut state = self.lock();
        state.left += state.idle.len();
        let old = std::mem::take(&mut state.idle);
        drop(state);
        drop(old);
    }
}

impl Deref for Lease<'_> {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        self.wire.as_ref().expect("a lease holds its connection until it is dropped")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let wire = self.wire.take();
        let mut state = self.pool.lock();
        match wire {
            // one that is lost, or in a transaction that a panic left open, must not be handed on
            Some(wire) if wire.is_idle() && wire.epoch() == self.pool.address.epoch() => {
                state.idle.push(wire);
            }
            _ => state.left += 1,
        }
        drop(state);
        self.pool.back.notify_one();
    }
}
