//! Identifiers derived from the seed: UUIDs, and the DICOM UIDs made of them below 2.25 (PS3.5 §B.2).

use crate::random::derive;

/// A UUID of version 8 (RFC 9562 §5.8), as its 128 bits.
pub(crate) fn uuid(seed: u64, stream: &str, number: u64) -> u128 {
    let high = derive(seed, stream, number);
    let low = derive(high, stream, number);
    let bits = (u128::from(high) << 64) | u128::from(low);
    (bits & !(0xf << 76) & !(0x3 << 62)) | (0x8 << 76) | (0x2 << 62)
}

/// `xxxxxxxx-xxxx-8xxx-xxxx-xxxxxxxxxxxx`
pub(crate) fn uuid_text(bits: u128) -> String {
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// `2.25.` and the UUID as a decimal number: at most 44 characters.
pub(crate) fn uid(seed: u64, stream: &str, number: u64) -> String {
    format!("2.25.{}", uuid(seed, stream, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_their_version_and_variant() {
        for number in 0..100 {
            let text = uuid_text(uuid(5, "x", number));
            assert_eq!(text.len(), 36);
            assert_eq!(&text[14..15], "8");
            assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
            assert!(uid(5, "x", number).len() <= 44);
        }
    }
}
