//! Which transfer syntax goes to which codec (PS3.5 §A, PS3.6 table A-1).

use crate::{CodecError, Frame, FrameInfo, MAX_FRAME_BYTES, jpeg, jpeg2000, jpegls, jpegxl, native, rle};

/// What [`decode`] can do with a transfer syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Frames lie in the data set as samples.
    Native,
    /// Frames are encapsulated (compressed, as a rule) and can be decoded.
    Decodes,
    /// Stored and served as it is; not decoded.
    Unsupported,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    LittleEndian,
    /// Uncompressed, but in fragments (PS3.5 §A.4.11).
    EncapsulatedLittleEndian,
    BigEndian,
    Rle,
    Jpeg,
    JpegLs,
    Jpeg2000,
    JpegXl,
}

fn codec(transfer_syntax_uid: &str) -> Option<Codec> {
    let suffix = transfer_syntax_uid.trim_end_matches(['\0', ' ']).strip_prefix("1.2.840.10008.1.2")?;
    Some(match suffix {
        "" | ".1" | ".1.99" => Codec::LittleEndian,
        ".1.98" => Codec::EncapsulatedLittleEndian,
        ".2" => Codec::BigEndian,
        ".5" => Codec::Rle,
        ".4.50" | ".4.51" | ".4.53" | ".4.55" | ".4.57" | ".4.70" => Codec::Jpeg,
        ".4.80" | ".4.81" => Codec::JpegLs,
        ".4.90" | ".4.91" | ".4.201" | ".4.202" | ".4.203" => Codec::Jpeg2000,
        ".4.110" | ".4.111" | ".4.112" => Codec::JpegXl,
        _ => return None,
    })
}

/// What [`decode`] does with frames of this transfer syntax.
pub fn support(transfer_syntax_uid: &str) -> Support {
    match codec(transfer_syntax_uid) {
        Some(Codec::LittleEndian | Codec::BigEndian) => Support::Native,
        Some(_) => Support::Decodes,
        None => Support::Unsupported,
    }
}

/// Decodes one frame of at most [`MAX_FRAME_BYTES`]; see [`decode_within`].
pub fn decode(transfer_syntax_uid: &str, info: &FrameInfo, data: &[u8]) -> Result<Frame, CodecError> {
    decode_within(transfer_syntax_uid, info, data, MAX_FRAME_BYTES)
}

/// Decodes one frame.
///
/// `data` is the frame's native bytes, or the concatenated fragments of one encapsulated frame. For 16-bit samples in big endian
/// the bytes are as stored; 8-bit samples of a big-endian OW element go through [`crate::swap_words`] first. A frame of a bit-packed image (1 bit allocated) starts at bit 0 of `data[0]`; the caller has aligned it.
///
/// The frame's `info` differs from the data set's where decoding changes what the pixels are:
/// - `planar_configuration` is 0; `bits_allocated` is 8 where 1 was packed, and as wide as the codestream needs.
/// - Bits above the stored ones are cleared, or filled with the sign, where the stored bits are the lowest.
/// - YBR_FULL_422 and YBR_PARTIAL_42x are upsampled to one Cb and Cr per pixel: YBR_FULL (or, for the partial forms, the same name).
/// - JPEG 2000's own colour transforms are undone: YBR_RCT and YBR_ICT become RGB. JPEG's YCbCr is not; see [`crate::to_rgb`].
///
/// # Errors
/// Any [`CodecError`]; `limit` (bytes of the decoded frame) is checked before memory is taken.
pub fn decode_within(
    transfer_syntax_uid: &str,
    info: &FrameInfo,
    data: &[u8],
    limit: u64,
) -> Result<Frame, CodecError> {
    let Some(codec) = codec(transfer_syntax_uid) else {
        return Err(CodecError::UnsupportedTransferSyntax(transfer_syntax_uid.to_owned()));
    };
    info.checked_size(limit)?;
    match codec {
        Codec::LittleEndian | Codec::EncapsulatedLittleEndian => {
            native::decode(info, data, native::ByteOrder::Little)
        }
        Codec::BigEndian => native::decode(info, data, native::ByteOrder::Big),
        Codec::Rle => rle::decode(info, data),
        Codec::Jpeg => jpeg::decode(info, data),
        Codec::JpegLs => jpegls::decode(info, data),
        Codec::Jpeg2000 => jpeg2000::decode(info, data),
        Codec::JpegXl => jpegxl::decode(info, data),
    }
}
