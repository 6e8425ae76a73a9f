//! A fence around decoders that others wrote.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::CodecError;

/// Runs a foreign decoder; a panic in it becomes [`CodecError::Corrupt`].
///
/// What `work` touches must be owned by it or thrown away on error, which is so for every decoder here.
pub(crate) fn fenced<T>(
    codec: &'static str,
    work: impl FnOnce() -> Result<T, CodecError>,
) -> Result<T, CodecError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(CodecError::corrupt(codec, "the decoder gave up on these bytes")))
}
