//! Many pieces of DEFLATE, compressed at ingest, as one gzip member (RFC 1952) without compressing anything again.
//!
//! Each piece ends byte-aligned and refers to nothing before itself, so pieces may follow one another; what stands
//! between them goes into stored blocks (RFC 1951 §3.2.4).

use crate::instance_body::Parts;
use crc32fast::Hasher;

/// A gzip member that is being joined.
#[derive(Default)]
pub struct JoinedGzip {
    crc: Hasher,
    length: u32,
}

impl JoinedGzip {
    /// Appends the header.
    pub fn start(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    }

    /// Appends a piece.
    pub fn piece(&mut self, piece: &Parts<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(piece.metadata);
        self.crc.combine(&Hasher::new_with_initial_len(piece.crc, u64::from(piece.length)));
        self.length = self.length.wrapping_add(piece.length);
    }

    /// Appends one byte.
    pub fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.block(0, byte, out);
    }

    /// Appends the last byte and the trailer.
    pub fn finish(mut self, byte: u8, out: &mut Vec<u8>) {
        self.block(1, byte, out);
        out.extend_from_slice(&self.crc.finalize().to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
    }

    fn block(&mut self, last: u8, byte: u8, out: &mut Vec<u8>) {
        out.extend_from_slice(&[last, 1, 0, 0xfe, 0xff, byte]);
        self.crc.update(&[byte]);
        self.length = self.length.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance_body::{Deflated, InstanceBody};
    use lenticular_store::BlobRef;
    use std::io::Read;

    #[test]
    fn joined_pieces_inflate_to_their_join() {
        let texts: Vec<String> = (0..50).map(|n| format!("{{\"n\":\"{}\"}}", "abc".repeat(n * n))).collect();
        let bodies: Vec<Vec<u8>> = texts
            .iter()
            .map(|text| {
                let body = InstanceBody {
                    blob: BlobRef { segment: 0, offset: 0, length: 0, sha256: [0; 32] },
                    transfer_syntax: String::new(),
                    conflict: String::new(),
                    attributes: String::new(),
                    layout: Vec::new(),
                    metadata: Deflated::of(text.as_bytes()).unwrap(),
                };
                body.encode()
            })
            .collect();
        let (mut gzip, mut out) = (JoinedGzip::default(), Vec::new());
        gzip.start(&mut out);
        for (at, body) in bodies.iter().enumerate() {
            gzip.byte(if at == 0 { b'[' } else { b',' }, &mut out);
            gzip.piece(&Parts::of(body).unwrap(), &mut out);
        }
        gzip.finish(b']', &mut out);
        let mut plain = String::new();
        flate2::read::GzDecoder::new(&out[..]).read_to_string(&mut plain).unwrap();
        assert_eq!(plain, format!("[{}]", texts.join(",")));
    }
}
