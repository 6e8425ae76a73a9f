//! What the log says of requests that are refused for a while, such as those that come while the database is away: a line when it
//! begins, one each minute with a count, and one when it is over. A line for each would hide all others.

use lenticular_base::Fault;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often it is said that it goes on.
const EVERY: Duration = Duration::from_secs(60);
/// It is over when nothing was refused for so long.
const QUIET: Duration = Duration::from_secs(10);

/// All gateways count together.
static REFUSALS: Refusals = Refusals::new();

/// Refusals of one code, since the first.
struct Run {
    code: &'static str,
    began: Instant,
    last: Instant,
    told: Instant,
    refused: u64,
}

/// A code, how often it was answered, and for how many seconds.
type Sum = (&'static str, u64, u64);

#[derive(PartialEq, Debug)]
enum Line {
    Begins,
    GoesOn(Sum),
}

struct Refusals {
    /// One for each code, of which there are few.
    runs: Mutex<Vec<Run>>,
    /// Whether there is any: asked at each answer.
    any: AtomicBool,
}

/// Tells, or counts, that something was refused which is as good in a moment. Others are told by whoever refuses them.
pub fn note(fault: &Fault) {
    let (code, level) = (fault.code, fault.kind.meaning().log);
    match REFUSALS.add(code, Instant::now()) {
        Some(Line::Begins) => {
            let source = fault.source.as_deref().map(tracing::field::display);
            match level {
                "error" => tracing::error!(code, source, "requests are refused"),
                _ => tracing::warn!(code, source, "requests are refused"),
            }
        }
        Some(Line::GoesOn((code, refused, seconds))) => {
            tracing::warn!(code, refused, seconds, "requests are refused still");
        }
        None => {}
    }
}

/// Tells what failed beside an answer, each time unless it is as good in a moment.
pub fn tell(fault: &Fault, what: &'static str) {
    match fault.kind.meaning().retry {
        true => note(fault),
        false => tracing::error!(%fault, "{what}"),
    }
}

/// Tells what is over. Called at each answer: a proxy that asks for `/readyz` is enough.
pub fn settle() {
    for (code, refused, seconds) in REFUSALS.over(Instant::now()) {
        tracing::info!(code, refused, seconds, "requests are no longer refused");
    }
}

impl Refusals {
    const fn new() -> Refusals {
        Refusals { runs: Mutex::new(Vec::new()), any: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, code: &'static str, now: Instant) -> Option<Line> {
        let mut runs = self.lock();
        let Some(run) = runs.iter_mut().find(|run| run.code == code) else {
            runs.push(Run { code, began: now, last: now, told: now, refused: 1 });
            self.any.store(true, Ordering::Relaxed);
            return Some(Line::Begins);
        };
        run.refused += 1;
        run.last = now;
        let due = now.saturating_duration_since(run.told) >= EVERY;
        due.then(|| {
            run.told = now;
            Line::GoesOn(run.sum())
        })
    }

    fn over(&self, now: Instant) -> Vec<Sum> {
        if !self.any.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut runs = self.lock();
        let over = runs.extract_if(.., |run| now.saturating_duration_since(run.last) >= QUIET);
        let sums = over.map(|run| run.sum()).collect();
        self.any.store(!runs.is_empty(), Ordering::Relaxed);
        sums
    }
}

impl Run {
    fn sum(&self) -> Sum {
        (self.code, self.refused, self.last.saturating_duration_since(self.began).as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_refusals_are_three_lines() {
        let (refusals, began) = (Refusals::new(), Instant::now());
        let at = |tenths: u64| began + Duration::from_millis(100 * tenths);
        let lines: Vec<(u64, Line)> =
            (0..1000).filter_map(|n| refusals.add("away", at(n)).map(|line| (n, line))).collect();
        assert_eq!(lines, [(0, Line::Begins), (600, Line::GoesOn(("away", 601, 60)))]);
        assert_eq!(refusals.over(at(1050)), []);
        assert_eq!(refusals.over(at(1100)), [("away", 1000, 99)]);
        assert_eq!(refusals.over(at(2000)), []);
        assert_eq!(refusals.add("away", at(2001)), Some(Line::Begins), "it begins again");
    }

    #[test]
    fn each_code_has_its_own() {
        let (refusals, now) = (Refusals::new(), Instant::now());
        assert_eq!(refusals.add("away", now), Some(Line::Begins));
        assert_eq!(refusals.add("full", now), Some(Line::Begins));
        assert_eq!(refusals.add("away", now), None);
        assert_eq!(refusals.over(now + QUIET), [("away", 2, 0), ("full", 1, 0)]);
    }
}
