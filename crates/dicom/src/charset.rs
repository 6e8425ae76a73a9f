//! Character sets (PS3.3 §C.12.1.1.2, PS3.5 §6.1 and §6.2.1.2).
//!
//! A value of (0008,0005) names what text begins in; more than one value allow switching by ISO 2022 escape sequences.
//! Terms with the usual spelling mistakes are read as what they mean, unknown ones as Latin-1, bytes that do not fit as
//! U+FFFD: text is always shown, never refused.

mod repertoire;

use crate::vr::Vr;
use encoding_rs::{Encoding, GB18030, GBK, SHIFT_JIS, UTF_8};
use repertoire::{G0, G1, escape};

/// The value of Specific Character Set, understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpecificCharacterSet {
    base: Base,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Base {
    /// Stands alone, without escape sequences.
    Whole(&'static Encoding),
    /// ISO 2022: what is in force at the start of each value.
    Switching { g0: G0, g1: G1 },
}

/// The default repertoire, ISO IR 6; bytes beyond it are read as Latin-1.
impl Default for SpecificCharacterSet {
    fn default() -> SpecificCharacterSet {
        SpecificCharacterSet { base: Base::Switching { g0: G0::Ascii, g1: G1::Unnamed } }
    }
}

impl SpecificCharacterSet {
    /// From the bytes of (0008,0005).
    pub fn parse(bytes: &[u8]) -> SpecificCharacterSet {
        let first = bytes.split(|byte| *byte == b'\\').next().unwrap_or_default();
        SpecificCharacterSet::of(&String::from_utf8_lossy(first))
    }

    /// From the first defined term (PS3.3 Tables C.12-2 to C.12-5). The others only announce escape sequences, which
    /// are understood anyway.
    pub fn of(term: &str) -> SpecificCharacterSet {
        let plain: String =
            term.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        let name = plain.strip_prefix("ISO2022").or_else(|| plain.strip_prefix("ISO")).unwrap_or(&plain);
        let name = name.strip_prefix("IR").unwrap_or(name);
        let switching = |g1| Base::Switching { g0: G0::Ascii, g1 };
        let base = match name {
            "192" | "UTF8" => Base::Whole(UTF_8),
            "GB18030" => Base::Whole(GB18030),
            "GBK" | "GB2312" => Base::Whole(GBK),
            // Half-width Katakana by the standard; writers that put Shift JIS here are understood too.
            "13" if !plain.starts_with("ISO2022") => Base::Whole(SHIFT_JIS),
            "13" => Base::Switching { g0: G0::Romaji, g1: G1::Katakana },
            "149" => switching(G1::Korean),
            "58" => switching(G1::Chinese),
            name => switching(G1::of_number(name).unwrap_or(G1::Unnamed)),
        };
        SpecificCharacterSet { base }
    }

    /// The text that bytes stand for; `delimiters` end what an escape sequence has begun (PS3.5 §6.1.2.5.3).
    fn decode(&self, bytes: &[u8], delimiters: &[u8]) -> String {
        if bytes.is_ascii() && !bytes.contains(&0x1b) {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        match self.base {
            Base::Whole(encoding) if encoding == SHIFT_JIS && bytes.contains(&0x1b) => {
                switch(bytes, G0::Romaji, G1::Katakana, delimiters)
            }
            Base::Whole(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
            Base::Switching { g0, g1 } => switch(bytes, g0, g1, delimiters),
        }
    }
}

/// Runs the ISO 2022 machine over one value field.
fn switch(bytes: &[u8], first_g0: G0, first_g1: G1, delimiters: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let (mut g0, mut g1) = (first_g0, first_g1);
    let mut rest = bytes;
    while let Some(&byte) = rest.first() {
        if let Some((length, set0, set1)) = escape(rest) {
            g0 = set0.unwrap_or(g0);
            g1 = set1.unwrap_or(g1);
            rest = &rest[length..];
            continue;
        }
        let wide = rest.get(1).copied();
        let used = match byte {
            0x21..=0x7e if g0.is_wide() => g0.decode_pair(byte, wide, &mut text),
            0x80.. => g1.decode(byte, wide, &mut text),
            _ => {
                if byte < 0x20 || delimiters.contains(&byte) {
                    g0 = first_g0;
                    // Where text begins in plain ASCII, bytes beyond it can only mean what was last designated.
                    g1 = if first_g1 == G1::Unnamed { g1 } else { first_g1 };
                }
                text.push(char::from(byte));
                1
            }
        };
        rest = rest.get(used..).unwrap_or_default();
    }
    text
}

/// Text that no character set applies to (PS3.5 §6.1.2.3): ASCII by the standard. Of writers that go beyond it some mean
/// UTF-8, as our own reader of DICOM JSON does; what is not UTF-8 is read as Latin-1.
fn plain(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// The values of a text element: decoded, split at backslashes that are no part of a character, padding removed.
///
/// Leading spaces are kept, as PS3.5 §6.2 has them count in LT, ST, UT, and a reader may want to see them elsewhere.
/// Empty bytes have no values; `A\\B` has three.
pub fn decode_text(bytes: &[u8], charset: &SpecificCharacterSet, vr: Vr) -> Vec<String> {
    let padded = |c: char| c == ' ' || c == '\0';
    let delimiters: &[u8] = match vr {
        Vr::Pn => b"\\^=",
        _ if vr.is_single_text() => b"",
        _ => b"\\",
    };
    let text = if vr.is_localised() { charset.decode(bytes, delimiters) } else { plain(bytes) };
    if vr.is_single_text() {
        let value = text.trim_end_matches(padded);
        return if value.is_empty() { Vec::new() } else { vec![value.to_owned()] };
    }
    if text.trim_matches(padded).is_empty() {
        return Vec::new();
    }
    let trim = |value: &str| match vr {
        Vr::Lo | Vr::Sh | Vr::Uc | Vr::Pn => value.trim_end_matches(padded).to_owned(),
        _ => value.trim_matches(padded).to_owned(),
    };
    text.split('\\').map(trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(term: &str, bytes: &[u8], expected: &[&str]) {
        let charset = SpecificCharacterSet::parse(term.as_bytes());
        assert_eq!(decode_text(bytes, &charset, Vr::Pn), expected, "{term}");
    }

    #[test]
    fn single_byte_repertoires() {
        check("ISO_IR 100", b"Buc^J\xe9r\xf4me", &["Buc^Jérôme"]);
        check("ISO_IR 144", b"\xbb\xee\xda", &["Люк"]);
        check("ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", &["Διονυσιος"]);
        check("", b"caf\xe9", &["café"]);
        check("ISO-IR 100", b"caf\xe9", &["café"]);
        check("nonsense", b"caf\xe9", &["café"]);
        check("ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", &["ﾔﾏﾀﾞ^ﾀﾛｳ"]);
    }

    #[test]
    fn escape_sequences_switch_and_delimiters_reset() {
        check(
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            &["Yamada^Tarou=山田^太郎=やまだ^たろう"],
        );
        check(
            "\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            &["Hong^Gildong=洪^吉洞=홍^길동"],
        );
        check(
            "\\ISO 2022 IR 58",
            b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab",
            &["Zhang^XiaoDong=张^小东"],
        );
        check("ISO 2022 IR 100\\ISO 2022 IR 126", b"A\xe9\\\x1b-F\xc4\\\xe9", &["Aé", "Δ", "é"]);
    }

    #[test]
    fn a_backslash_within_a_character_splits_nothing() {
        check("GB18030", b"\x98\x5c\\A", &["榎", "A"]);
        check("ISO_IR 13", b"\x83\x5c\\A", &["ソ", "A"]);
        check("GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", &["Wang^XiaoDong=王^小东"]);
        check("ISO_IR 192", "Wang^XiaoDong=王^小東\\é".as_bytes(), &["Wang^XiaoDong=王^小東", "é"]);
    }

    #[test]
    fn text_beyond_character_sets_is_read_the_same_again() {
        let charset = SpecificCharacterSet::of("ISO_IR 100");
        let read = |bytes: &[u8]| decode_text(bytes, &charset, Vr::Cs);
        assert_eq!(read(b"\xc4\\B"), ["Ä", "B"]);
        assert_eq!(read("Ä\\B".as_bytes()), ["Ä", "B"]);
        assert_eq!(read(b"\x1b$B;3"), ["\x1b$B;3"]);
    }

    #[test]
    fn what_does_not_decode_is_still_shown() {
        check("ISO_IR 192", b"a\xffb", &["a\u{fffd}b"]);
        check("\\ISO 2022 IR 87", b"\x1b$B;", &["\u{fffd}"]);
        check("ISO_IR 100", b"a\x1bZb", &["a\x1bZb"]);
    }
}
