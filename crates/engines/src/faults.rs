//! Faults that several parts of an engine have in common.

use lenticular_base::{Fault, FaultKind};
use std::error::Error;

/// The disk is full.
pub(crate) fn full() -> Fault {
    Fault::new(
        FaultKind::OutOfSpace,
        "out-of-space",
        "The disk is full; nothing of this request was kept. It will work again once there is space.",
    )
}

/// A fault for each of several who failed together.
pub(crate) fn copy(fault: &Fault) -> Fault {
    let copied = Fault::new(fault.kind, fault.code, fault.public.clone());
    match &fault.source {
        Some(source) => copied.caused_by(source.to_string()),
        None => copied,
    }
}

/// What is submitted after the end.
pub(crate) fn closing() -> Fault {
    Fault::new(FaultKind::Busy, "closing", "The server is shutting down; nothing of this request was kept.")
}

/// Whether a connection was given up because of the certificate that the other side showed. It is told by its words: what wraps it on its way
/// through the drivers cannot be taken apart.
pub(crate) fn distrusts(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source())
        .any(|error| error.to_string().contains("invalid peer certificate"))
}

/// Counts what fails for the same passing reason, so that the log has a line when that begins and one when it ends.
#[derive(Default)]
pub(crate) struct Streak {
    failed: u64,
}

impl Streak {
    /// Counts failures; true where it was told already that they began. What does not pass by itself is always to be told.
    pub fn goes_on(&mut self, failed: u64, fault: &Fault) -> bool {
        let told = self.failed > 0 && fault.kind.meaning().retry;
        self.failed = self.failed.saturating_add(failed);
        told
    }

    /// Something succeeded: how many failed before it, if any.
    pub fn end(&mut self) -> Option<u64> {
        match std::mem::take(&mut self.failed) {
            0 => None,
            failed => Some(failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_once() {
        let mut streak = Streak::default();
        assert_eq!(streak.end(), None);
        assert!(!streak.goes_on(2, &full()), "the first is told");
        assert!(streak.goes_on(3, &closing()));
        assert!(!streak.goes_on(1, &Fault::internal("a defect")), "a defect is always told");
        assert_eq!(streak.end(), Some(6));
        assert!(!streak.goes_on(1, &full()), "it begins again");
    }
}
