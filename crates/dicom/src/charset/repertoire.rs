//! The code elements of ISO 2022 and the escape sequences that designate them (PS3.3 Tables C.12-3 and C.12-4).

use encoding_rs::{
    EUC_JP, EUC_KR, Encoding, GBK, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6, ISO_8859_7,
    ISO_8859_8, ISO_8859_15, SHIFT_JIS, WINDOWS_874,
};

/// What bytes below 0x80 mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum G0 {
    Ascii,
    /// ISO IR 14, which DICOM text shows as ASCII.
    Romaji,
    /// JIS X 0208, ISO IR 87.
    Kanji,
    /// JIS X 0212, ISO IR 159.
    SupplementaryKanji,
}

/// What bytes from 0x80 on mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum G1 {
    /// None: shown as Latin-1, which is what writers mean who name nothing.
    Unnamed,
    Latin1,
    Latin5,
    Single(&'static Encoding),
    Katakana,
    Korean,
    Chinese,
}

impl G0 {
    pub fn is_wide(self) -> bool {
        matches!(self, G0::Kanji | G0::SupplementaryKanji)
    }

    /// Appends the character of two bytes; tells how many bytes it took.
    pub fn decode_pair(self, first: u8, second: Option<u8>, text: &mut String) -> usize {
        let Some(second) = second.filter(|byte| (0x21..=0x7e).contains(byte)) else {
            text.push('\u{fffd}');
            return 1;
        };
        let (first, second) = (first | 0x80, second | 0x80);
        let bytes: &[u8] =
            if self == G0::SupplementaryKanji { &[0x8f, first, second] } else { &[first, second] };
        text.push_str(&EUC_JP.decode_without_bom_handling(bytes).0);
        2
    }
}

impl G1 {
    /// By the number of its registration (ISO IR).
    pub fn of_number(number: &str) -> Option<G1> {
        Some(match number {
            "" | "6" | "87" | "159" => G1::Unnamed,
            "100" => G1::Latin1,
            "101" => G1::Single(ISO_8859_2),
            "109" => G1::Single(ISO_8859_3),
            "110" => G1::Single(ISO_8859_4),
            "126" => G1::Single(ISO_8859_7),
            "127" => G1::Single(ISO_8859_6),
            "138" => G1::Single(ISO_8859_8),
            "144" => G1::Single(ISO_8859_5),
            "148" => G1::Latin5,
            "166" => G1::Single(WINDOWS_874),
            "203" => G1::Single(ISO_8859_15),
            "13" => G1::Katakana,
            "149" => G1::Korean,
            "58" => G1::Chinese,
            _ => return None,
        })
    }

    /// Appends the character that begins with a byte of 0x80 or more; tells how many bytes it took.
    pub fn decode(self, first: u8, second: Option<u8>, text: &mut String) -> usize {
        let encoding = match self {
            _ if first < 0xa0 && !matches!(self, G1::Korean | G1::Chinese) => {
                text.push(char::from(first));
                return 1;
            }
            G1::Unnamed | G1::Latin1 => {
                text.push(char::from(first));
                return 1;
            }
            G1::Latin5 => {
                text.push(match first {
                    0xd0 => 'Ğ',
                    0xdd => 'İ',
                    0xde => 'Ş',
                    0xf0 => 'ğ',
                    0xfd => 'ı',
                    0xfe => 'ş',
                    other => char::from(other),
                });
                return 1;
            }
            G1::Single(encoding) => encoding,
            G1::Katakana => SHIFT_JIS,
            G1::Korean => EUC_KR,
            G1::Chinese => GBK,
        };
        let wide = matches!(self, G1::Korean | G1::Chinese);
        let (pair, used) = match second.filter(|byte| wide && *byte >= 0x80) {
            Some(second) => ([first, second], 2),
            None => ([first, 0], 1),
        };
        text.push_str(&encoding.decode_without_bom_handling(&pair[..used]).0);
        used
    }
}

/// An escape sequence at the start of `bytes`: its length and what it designates.
pub fn escape(bytes: &[u8]) -> Option<(usize, Option<G0>, Option<G1>)> {
    let rest = bytes.strip_prefix(b"\x1b")?;
    let single = |number| Some((3, None, G1::of_number(number)));
    match rest {
        [b'(', b'B', ..] => Some((3, Some(G0::Ascii), None)),
        [b'(', b'J', ..] => Some((3, Some(G0::Romaji), None)),
        [b')', b'I', ..] => single("13"),
        [b'$', b'B' | b'@', ..] => Some((3, Some(G0::Kanji), None)),
        [b'$', b'(', b'D', ..] => Some((4, Some(G0::SupplementaryKanji), None)),
        [b'$', b')', b'C', ..] => Some((4, None, Some(G1::Korean))),
        [b'$', b')', b'A', ..] => Some((4, None, Some(G1::Chinese))),
        [b'-', set, ..] => match set {
            b'A' => single("100"),
            b'B' => single("101"),
            b'C' => single("109"),
            b'D' => single("110"),
            b'F' => single("126"),
            b'G' => single("127"),
            b'H' => single("138"),
            b'L' => single("144"),
            b'M' => single("148"),
            b'T' => single("166"),
            b'b' => single("203"),
            _ => None,
        },
        _ => None,
    }
}
