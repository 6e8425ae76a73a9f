//! Protocol data units of the DICOM upper layer (PS3.8 §9.3), without a socket.
//!
//! Seven PDUs cross the wire. Six are small and handed out whole, as [`Pdu`]. P-DATA-TF is not: its
//! fragments are handed out as slices of the caller's own buffer while they arrive ([`PduDecoder`]), so a
//! PDU of 256 KiB costs no more memory than one of 1 KiB.
//!
//! Start at [`PduDecoder::next`] for reading, [`Pdu::encode`] for writing.
//!
//! Invariants: a length from the wire is compared with its limit before a byte is kept for it; memory grows
//! only with bytes that have arrived; no input panics.

mod associate;
mod decoder;
mod encode;
mod items;

pub use associate::*;
pub use decoder::{Fragment, Part, PduDecoder};

/// What a PDU must not exceed, header excluded, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// P-DATA-TF: what we announced as maximum length; 0 for no limit. Longer ones are refused.
    pub data: u32,
    /// A-ASSOCIATE-RQ and -AC, which are kept in memory until complete.
    pub associate: u32,
}

/// 256 KiB: what Lenticular announces by default.
pub const DEFAULT_MAX_PDU: u32 = 256 * 1024;
/// Room for 128 presentation contexts with every registered transfer syntax each, twice over.
pub const MAX_ASSOCIATE: u32 = 512 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self { data: DEFAULT_MAX_PDU, associate: MAX_ASSOCIATE }
    }
}

/// Why bytes are not a PDU.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PduError {
    #[error("PDU type {0:#04x} is not one of PS3.8 §9.3")]
    UnrecognizedPdu(u8),
    #[error("PDU of type {kind:#04x} announces {length} bytes; at most {limit} are allowed")]
    TooLong { kind: u8, length: u32, limit: u32 },
    #[error("PDU of type {kind:#04x} announces {length} bytes, which such a PDU cannot have")]
    WrongLength { kind: u8, length: u32 },
    #[error("malformed PDU: {0}")]
    Malformed(&'static str),
    #[error("{0} is too long for its field")]
    FieldTooLong(&'static str),
}

impl PduError {
    /// The reason that an A-ABORT for this error carries (PS3.8 §9.3.8).
    pub fn abort_reason(&self) -> AbortReason {
        match self {
            Self::UnrecognizedPdu(_) => AbortReason::UnrecognizedPdu,
            _ => AbortReason::InvalidPduParameter,
        }
    }
}

/// One protocol data unit, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pdu {
    /// PS3.8 §9.3.2
    AssociateRq(Box<AssociateRq>),
    /// PS3.8 §9.3.3
    AssociateAc(Box<AssociateAc>),
    /// PS3.8 §9.3.4
    AssociateRj(Reject),
    /// PS3.8 §9.3.5
    PData(Vec<Pdv>),
    /// PS3.8 §9.3.6
    ReleaseRq,
    /// PS3.8 §9.3.7
    ReleaseRp,
    /// PS3.8 §9.3.8
    Abort(Abort),
}

impl From<AssociateRq> for Pdu {
    fn from(request: AssociateRq) -> Self {
        Self::AssociateRq(Box::new(request))
    }
}

impl From<AssociateAc> for Pdu {
    fn from(accept: AssociateAc) -> Self {
        Self::AssociateAc(Box::new(accept))
    }
}

/// A presentation data value with its message control header (PS3.8 §9.3.5.1, §E.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdv {
    pub context_id: u8,
    /// Part of a command set rather than of a data set.
    pub command: bool,
    /// The last fragment of its command or data set.
    pub last: bool,
    pub data: Vec<u8>,
}

pub(crate) mod kind {
    pub const ASSOCIATE_RQ: u8 = 0x01;
    pub const ASSOCIATE_AC: u8 = 0x02;
    pub const ASSOCIATE_RJ: u8 = 0x03;
    pub const P_DATA: u8 = 0x04;
    pub const RELEASE_RQ: u8 = 0x05;
    pub const RELEASE_RP: u8 = 0x06;
    pub const ABORT: u8 = 0x07;
}

/// Bytes of a P-DATA-TF PDU with one PDV before the PDV's data.
pub const DATA_HEADER: usize = 12;

/// The bytes before `length` bytes of data in a P-DATA-TF PDU with a single PDV (PS3.8 §9.3.5, §E.2).
/// `length` must be at most `u32::MAX - 6`.
pub fn data_header(context_id: u8, command: bool, last: bool, length: u32) -> [u8; DATA_HEADER] {
    let pdu = length.saturating_add(6).to_be_bytes();
    let item = length.saturating_add(2).to_be_bytes();
    let control = u8::from(command) | (u8::from(last) << 1);
    [
        kind::P_DATA,
        0,
        pdu[0],
        pdu[1],
        pdu[2],
        pdu[3], //
        item[0],
        item[1],
        item[2],
        item[3],
        context_id,
        control,
    ]
}
