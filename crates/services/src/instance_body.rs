//! The stored form of an instance row: where its bytes lie, what QIDO-RS and metadata answer, where its frames are.
//!
//! ```text
//! 56 bytes  the blob (segment, offset, length, SHA-256)
//! 1 byte    form of what follows: 1
//! 4 + n     transfer syntax UID
//! 4 + n     why it waits in the tray (empty for a primary instance)
//! 4 + n     QIDO-RS attributes: a DICOM JSON object
//! 4 + n     frame layout (dicom::pixels, compact); empty without pixel data
//! 4         CRC-32 of the metadata, uncompressed
//! 4         length of the metadata, uncompressed
//! 4 + n     metadata: a DICOM JSON object as a raw DEFLATE stream that ends byte-aligned and is not final
//! ```
//!
//! Metadata of a whole series is the join of such streams: one gzip member without compressing anything again.

use lenticular_base::{Fault, FaultKind};
use lenticular_store::BlobRef;

const FORM: u8 = 1;

/// What an instance row holds.
#[derive(Clone, PartialEq, Debug)]
pub struct InstanceBody {
    pub blob: BlobRef,
    pub transfer_syntax: String,
    pub conflict: String,
    pub attributes: String,
    pub layout: Vec<u8>,
    pub metadata: Deflated,
}

/// A piece of a raw DEFLATE stream (RFC 1951), and what it stands for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Deflated {
    pub crc: u32,
    pub length: u32,
    pub bytes: Vec<u8>,
}

impl Deflated {
    /// Compresses `plain`; the stream ends byte-aligned, so that another may follow.
    pub fn of(plain: &[u8]) -> Result<Deflated, Fault> {
        let mut compress = flate2::Compress::new(flate2::Compression::new(3), false);
        let mut bytes = Vec::with_capacity(plain.len() / 2 + 64);
        compress.compress_vec(plain, &mut bytes, flate2::FlushCompress::None).map_err(Fault::internal)?;
        let mut read = usize::try_from(compress.total_in()).unwrap_or(plain.len());
        loop {
            bytes.reserve(256.max(plain.len().saturating_sub(read)));
            compress
                .compress_vec(&plain[read..], &mut bytes, flate2::FlushCompress::Full)
                .map_err(Fault::internal)?;
            read = usize::try_from(compress.total_in()).unwrap_or(plain.len());
            if read == plain.len() && bytes.len() < bytes.capacity() {
                break;
            }
        }
        let length = u32::try_from(plain.len()).map_err(Fault::internal)?;
        Ok(Deflated { crc: crc32fast::hash(plain), length, bytes })
    }

    /// The bytes it stands for.
    pub fn inflate(&self) -> Result<Vec<u8>, Fault> {
        let mut inflate = flate2::Decompress::new(false);
        let mut plain = Vec::with_capacity(self.length as usize + 1);
        inflate
            .decompress_vec(&self.bytes, &mut plain, flate2::FlushDecompress::Sync)
            .map_err(|e| corrupt().caused_by(e))?;
        if plain.len() != self.length as usize {
            return Err(corrupt());
        }
        Ok(plain)
    }
}

fn corrupt() -> Fault {
    Fault::new(
        FaultKind::Corrupt,
        "instance-row",
        "A stored row cannot be read; `lenticular verify` says more.",
    )
}

impl InstanceBody {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.blob.to_bytes().to_vec();
        out.push(FORM);
        let texts = [
            self.transfer_syntax.as_bytes(),
            self.conflict.as_bytes(),
            self.attributes.as_bytes(),
            &self.layout,
        ];
        for part in texts {
            put(&mut out, part);
        }
        out.extend_from_slice(&self.metadata.crc.to_be_bytes());
        out.extend_from_slice(&self.metadata.length.to_be_bytes());
        put(&mut out, &self.metadata.bytes);
        out
    }

    /// Reads what [`InstanceBody::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<InstanceBody, Fault> {
        let parts = Parts::of(bytes)?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|e| corrupt().caused_by(e));
        Ok(InstanceBody {
            blob: parts.blob,
            transfer_syntax: text(parts.transfer_syntax)?,
            conflict: text(parts.conflict)?,
            attributes: text(parts.attributes)?,
            layout: parts.layout.to_vec(),
            metadata: Deflated { crc: parts.crc, length: parts.length, bytes: parts.metadata.to_vec() },
        })
    }
}

/// The same, borrowed from the row.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    pub blob: BlobRef,
    pub transfer_syntax: &'a [u8],
    pub conflict: &'a [u8],
    pub attributes: &'a [u8],
    pub layout: &'a [u8],
    pub crc: u32,
    pub length: u32,
    pub metadata: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Finds the parts of a row's body.
    pub fn of(bytes: &'a [u8]) -> Result<Parts<'a>, Fault> {
        let blob = BlobRef::from_bytes(bytes).ok_or_else(corrupt)?;
        let mut rest = bytes.get(57..).filter(|_| bytes[56] == FORM).ok_or_else(corrupt)?;
        let (transfer_syntax, conflict) = (take(&mut rest)?, take(&mut rest)?);
        let (attributes, layout) = (take(&mut rest)?, take(&mut rest)?);
        let (crc, length) = (number(&mut rest)?, number(&mut rest)?);
        let metadata = take(&mut rest)?;
        Ok(Parts { blob, transfer_syntax, conflict, attributes, layout, crc, length, metadata })
    }
}

fn put(out: &mut Vec<u8>, part: &[u8]) {
    // Rows are far below 4 GB: metadata is bounded by the header limit of the scanner.
    out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(part);
}

fn number(rest: &mut &[u8]) -> Result<u32, Fault> {
    let (head, tail) = rest.split_first_chunk::<4>().ok_or_else(corrupt)?;
    *rest = tail;
    Ok(u32::from_be_bytes(*head))
}

fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let length = number(rest)? as usize;
    let (part, tail) = rest.split_at_checked(length).ok_or_else(corrupt)?;
    *rest = tail;
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back() {
        let text: Vec<u8> = (0..100_000u32).flat_map(|n| n.to_string().into_bytes()).collect();
        let blob = BlobRef { segment: -1, offset: 7, length: 9, sha256: [3; 32] };
        let body = InstanceBody {
            blob,
            transfer_syntax: "1.2".into(),
            conflict: String::new(),
            attributes: "{}".into(),
            layout: vec![1, 2],
            metadata: Deflated::of(&text).unwrap(),
        };
        let read = InstanceBody::decode(&body.encode()).unwrap();
        assert_eq!(read, body);
        assert_eq!(read.metadata.inflate().unwrap(), text);
        assert_eq!(Deflated::of(b"").unwrap().inflate().unwrap(), b"");
        let encoded = body.encode();
        for cut in [0, 55, 56, 57, 60, 90, encoded.len() - 1] {
            assert!(InstanceBody::decode(&encoded[..cut]).is_err(), "{cut}");
        }
    }
}
