//! Deflated data sets (PS3.5 §A.5), inflated as they stream.

use super::parser::Parser;
use super::{Encoding, Limits, ReadError};
use crate::tag::tags;
use flate2::{Decompress, FlushDecompress, Status};

const CHUNK: usize = 32 << 10;

/// Inflates what is pushed, and parses what comes out.
pub struct Inflater {
    stream: Decompress,
    parser: Parser,
    buffer: Vec<u8>,
    limit: u64,
    ended: bool,
}

impl Inflater {
    pub fn new(encoding: Encoding, limits: Limits) -> Inflater {
        Inflater {
            stream: Decompress::new(false),
            parser: Parser::new(encoding, limits, 0),
            buffer: vec![0; CHUNK],
            limit: limits.inflated,
            ended: false,
        }
    }

    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), ReadError> {
        while !self.ended {
            let (read, written) = (self.stream.total_in(), self.stream.total_out());
            let damaged = |_| ReadError::Deflate { offset: written };
            let status =
                self.stream.decompress(bytes, &mut self.buffer, FlushDecompress::None).map_err(damaged)?;
            let consumed = usize::try_from(self.stream.total_in() - read).unwrap_or(usize::MAX);
            let produced = usize::try_from(self.stream.total_out() - written).unwrap_or(usize::MAX);
            if self.stream.total_out() > self.limit {
                let (offset, tag) = (self.limit, tags::PIXEL_DATA);
                return Err(ReadError::Limit { offset, tag, limit: self.limit, what: "inflated bytes" });
            }
            self.parser.push(self.buffer.get(..produced).unwrap_or_default())?;
            bytes = bytes.get(consumed..).unwrap_or_default();
            self.ended = status == Status::StreamEnd;
            if bytes.is_empty() && produced < CHUNK || consumed == 0 && produced == 0 {
                break;
            }
        }
        Ok(())
    }

    pub fn finish(self) -> Result<Parser, ReadError> {
        if !self.ended {
            return Err(ReadError::Deflate { offset: self.stream.total_out() });
        }
        Ok(self.parser)
    }
}
