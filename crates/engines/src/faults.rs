//! Faults that several parts of an engine have in common.

use lenticular_base::{Fault, FaultKind};

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
