//! What every engine must keep, as tests that any engine can be handed to.
//!
//! An engine's own tests call [`run`] with a [`Harness`] that opens it on an empty folder. Each scene says what a user of
//! the store would see; a scene that fails panics with the place and the values, as a test does.

mod commits;
mod keeping;
mod leases;
mod scopes;
mod searches;
mod waking;
mod world;

use crate::contract::Store;
use lenticular_base::Instant;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub use waking::{SOON, woken};
pub use world::{Submit, author, put, receipt};

/// A clock that the suite moves by hand.
#[derive(Clone, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// The time now.
    pub fn now(&self) -> Instant {
        Instant(self.0.load(Ordering::SeqCst))
    }

    /// Sets the time, forwards or backwards.
    pub fn set(&self, now: Instant) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

/// One engine on a folder of its own.
pub trait Harness {
    /// The store, open.
    fn store(&self) -> Store;
    /// The clock that the engine was given.
    fn clock(&self) -> Clock;
    /// Closes the engine and opens it again on the same folder.
    fn reopen(&mut self);
}

/// A scene: its name, and what it plays.
type Scene = (&'static str, fn(&mut dyn Harness));

const SCENES: &[Scene] = &[
    ("commits are numbered in order and see each other", commits::numbered_in_order),
    ("of 64 who create the same, one wins", commits::one_winner),
    ("a refusal or a panic fails alone", commits::fails_alone),
    ("versions, deletions and history", commits::versions),
    ("rows replaced in place", commits::in_place),
    ("time never runs backwards", commits::time),
    ("every test of text", searches::texts),
    ("every comparison of time", searches::times),
    ("every comparison of numbers", searches::numbers),
    ("missing, not, id, updated, never", searches::others),
    ("sorting and paging through", searches::sorts),
    ("pages of one position while others write", searches::stable_pages),
    ("offsets and counts", searches::counts),
    ("common values, none of them rare", searches::common_values),
    ("pages of large bodies end early", searches::large_bodies),
    ("a scope in memory and in SQL agree", scopes::agree),
    ("grants end at the next read", scopes::grants),
    ("the default scope reads nothing", scopes::nothing),
    ("blobs come back bit for bit", keeping::blobs),
    ("audit entries are found", keeping::audits),
    ("what was acknowledged is there after reopening", keeping::reopened),
    ("bodies of every size come back", keeping::bodies),
    ("a lease has one holder, and fences only grow", leases::one_holder),
    ("of many who ask for a lease, one gets it", leases::one_of_many),
    ("a commit wakes who waits for it", waking::commits_wake),
    ("a commit wakes all who wait", waking::all_wake),
    ("the log is read in order", waking::log_is_read_in_order),
];

/// Plays every scene, each on a fresh engine.
pub fn run(make: &dyn Fn() -> Box<dyn Harness>) {
    for (name, scene) in SCENES {
        eprintln!("scene: {name}");
        let mut harness = make();
        harness.clock().set(Instant(1_700_000_000_000));
        scene(&mut *harness);
    }
}
