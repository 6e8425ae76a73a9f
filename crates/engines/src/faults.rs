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
