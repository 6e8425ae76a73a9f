//! Waiting for commits, and reading the log.

use super::Harness;
use super::world::{add, sure};
use crate::contract::{Log, Store};
use lenticular_base::{OrgNo, Position};
use std::sync::Arc;
use std::time::{Duration, Instant};

const A: OrgNo = OrgNo(1);
const B: OrgNo = OrgNo(2);

/// A commit wakes whoever waits within this.
pub const SOON: Duration = Duration::from_secs(1);

/// Waits on a thread of its own for what follows the newest position; gives what it was told, and how long that took from
/// `work` on.
///
/// # Panics
/// Where the waiter does.
pub fn woken(log: &Arc<dyn Log>, work: impl FnOnce()) -> (Position, Duration) {
    let known = log.position();
    std::thread::scope(|threads| {
        let waiter = threads.spawn(move || {
            let told = log.wait(known, Duration::from_secs(20));
            (told, Instant::now())
        });
        // it may begin to wait before the work or after it: it must be told either way
        std::thread::sleep(Duration::from_millis(50));
        let begin = Instant::now();
        work();
        let Ok((told, at)) = waiter.join() else { panic!("the waiter panicked") };
        (told, at.saturating_duration_since(begin))
    })
}

fn position(store: &Store) -> Position {
    store.log.position()
}

pub fn commits_wake(harness: &mut dyn Harness) {
    let store = harness.store();
    let begin = Instant::now();
    assert_eq!(store.log.wait(position(&store), Duration::from_millis(100)), position(&store));
    assert!(begin.elapsed() >= Duration::from_millis(100), "it did not wait");
    for n in 0..3 {
        let (told, took) = woken(&store.log, || drop(add(&store, A, &format!("r{n}"), Vec::new())));
        assert_eq!(told, Position(n + 1));
        assert!(took < SOON, "{took:?}");
    }
    // what came already is told at once, and so is a log that is not as far as somebody thought
    let begin = Instant::now();
    for known in [Position(0), Position(2), Position(99)] {
        assert_eq!(store.log.wait(known, Duration::from_secs(20)), Position(3));
    }
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
}

pub fn all_wake(harness: &mut dyn Harness) {
    let store = harness.store();
    let known = position(&store);
    std::thread::scope(|threads| {
        let log = &store.log;
        let waiters: Vec<_> =
            (0..8).map(|_| threads.spawn(move || log.wait(known, Duration::from_secs(20)))).collect();
        add(&store, A, "r", Vec::new());
        for waiter in waiters {
            assert_eq!(waiter.join().ok(), Some(Position(1)));
        }
    });
}

pub fn log_is_read_in_order(harness: &mut dyn Harness) {
    let store = harness.store();
    assert_eq!(sure(store.log.read(Position(0), 10)), []);
    for (n, org) in [A, B, A, A, B].into_iter().enumerate() {
        add(&store, org, &format!("r{n}"), Vec::new());
    }
    let all = sure(store.log.read(Position(0), 10));
    let found: Vec<(i64, OrgNo, i64)> =
        all.iter().map(|entry| (entry.stamp.position.0, entry.author_org, entry.changes)).collect();
    assert_eq!(found, [(1, A, 1), (2, B, 1), (3, A, 1), (4, A, 1), (5, B, 1)]);
    assert!(all.is_sorted_by_key(|entry| entry.stamp.time));
    assert_eq!(sure(store.log.read(Position(2), 2)), all[2..4]);
    assert_eq!(sure(store.log.read(Position(5), 2)), []);
}
