//! JPEG placeholder while the decoder is being written.

use crate::{CodecError, Frame, FrameInfo};

pub(crate) fn decode(_info: &FrameInfo, _data: &[u8]) -> Result<Frame, CodecError> {
    Err(CodecError::unsupported("JPEG", "all of it, for now"))
}
