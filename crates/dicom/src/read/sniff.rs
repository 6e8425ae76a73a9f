//! Seeing from the first bytes what a stream is.

use super::Encoding;
use crate::dictionary;
use crate::tag::Tag;
use crate::vr::Vr;

/// Bytes of a file that are looked at: preamble, prefix and one element.
pub const HEAD: usize = 140;
/// Bytes of a data set that are looked at: tag, value representation, length.
pub const START: usize = 8;

fn tag_at(bytes: &[u8], big_endian: bool) -> Option<Tag> {
    let field: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    let [a, b, c, d] = field;
    Some(if big_endian {
        Tag(u32::from_be_bytes(field))
    } else {
        Tag::new(u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]))
    })
}

fn vr_at(bytes: &[u8]) -> Option<Vr> {
    Vr::from_bytes(bytes.get(4..6)?.try_into().ok()?)
}

/// Whether bytes begin with group 0002, in little endian as it must be.
pub fn is_meta(bytes: &[u8]) -> bool {
    let in_group = tag_at(bytes, false).is_some_and(|tag| tag.group() == 2 && tag.element() <= 0x0102);
    in_group && (vr_at(bytes).is_some() || is_plausible(bytes))
}

/// Whether bytes without preamble may be a data set: a known tag of a low group, a believable length.
pub fn is_plausible(bytes: &[u8]) -> bool {
    [false, true].into_iter().any(|big_endian| {
        let Some(tag) = tag_at(bytes, big_endian) else { return false };
        let low = (0x0002..=0x0040).contains(&tag.group());
        let known = tag.is_group_length() || dictionary::attribute(tag).is_some();
        let length =
            bytes.get(4..8).and_then(|field| field.try_into().ok()).map_or(u32::MAX, u32::from_le_bytes);
        low && known && (vr_at(bytes).is_some() || (!big_endian && length < 1 << 20))
    })
}

/// The uncompressed transfer syntax that a data set looks like.
pub fn transfer_syntax(start: &[u8]) -> &'static str {
    let (little, big) = (tag_at(start, false), tag_at(start, true));
    let reversed = little > big && big.is_some_and(|tag| tag.group() < 0x0100);
    match (vr_at(start), reversed) {
        (Some(_), true) => "1.2.840.10008.1.2.2",
        (Some(_), false) => "1.2.840.10008.1.2.1",
        (None, _) => "1.2.840.10008.1.2",
    }
}

/// Whether a data set names value representations, against what its transfer syntax says if need be.
pub fn is_explicit(start: &[u8], encoding: Encoding) -> bool {
    let letters = start.get(4..6).is_some_and(|code| code.iter().all(u8::is_ascii_uppercase));
    match tag_at(start, encoding.big_endian) {
        _ if encoding.big_endian => true,
        Some(_) if encoding.explicit => letters,
        Some(_) => vr_at(start).is_some(),
        None => encoding.explicit,
    }
}
