//! Folding of text for search (case, accents and spacing do not count), and the text of URLs.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Text as a search compares it: compatibility decomposed, without combining marks, in lower case,
/// runs of white space as one space, trimmed (FHIR R4 §3.1.1.4.8; PS3.4 §C.2.2.2.1 for names).
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return fold_ascii(text);
    }
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        if c.is_whitespace() || c.is_control() {
            gap = true;
            continue;
        }
        if gap && !folded.is_empty() {
            folded.push(' ');
        }
        gap = false;
        match c {
            'ß' => folded.push_str("ss"),
            'ø' => folded.push('o'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            _ => folded.push(c),
        }
    }
    folded
}

fn fold_ascii(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    for byte in text.bytes() {
        if byte <= b' ' || byte == 0x7f {
            gap = true;
            continue;
        }
        if gap && !folded.is_empty() {
            folded.push(' ');
        }
        gap = false;
        folded.push(char::from(byte.to_ascii_lowercase()));
    }
    folded
}

/// The most pairs that are read. Every search language here takes fewer, so that what is left unread is refused, not ignored.
pub const MAX_PAIRS: usize = 2000;

/// Percent-decoded name and value pairs of a query or of an `application/x-www-form-urlencoded` body; at most [`MAX_PAIRS`].
pub fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .take(MAX_PAIRS)
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (percent_decode(name, true), percent_decode(value, true))
        })
        .collect()
}

/// Resolves `%XX` (and `+` as a blank where `plus` is set); what is no UTF-8 reads as U+FFFD.
pub fn percent_decode(text: &str, plus: bool) -> String {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex_value(*high).zip(hex_value(*low)).map(|(h, l)| h << 4 | l),
            _ => None,
        };
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(if *first == b'+' && plus { b' ' } else { *first });
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Pairs as a query; [`pairs`] gives them back.
pub fn write_pairs<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&percent_encode(name));
        query.push('=');
        query.push_str(&percent_encode(value));
    }
    query
}

/// Percent-encodes what may not stand in a name or value of a query (RFC 3986 §3.4); the marks that search languages use
/// (`,` `:` `/` `$` `*` `~`) stay readable.
pub fn percent_encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,*$".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let read = pairs("name=M%C3%BCller&x=a+b&code=http://l|1%7C2&bad=%zz&flag");
        let expected =
            [("name", "Müller"), ("x", "a b"), ("code", "http://l|1|2"), ("bad", "%zz"), ("flag", "")];
        assert_eq!(read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_written_reads_back() {
        let written = [("name", "Müller & Söhne=+"), ("code", "http://l|1,2"), ("_sort", "-date")];
        let text = write_pairs(written);
        assert_eq!(text, "name=M%C3%BCller%20%26%20S%C3%B6hne%3D%2B&code=http://l%7C1,2&_sort=-date");
        assert_eq!(pairs(&text).iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), written);
    }

    proptest::proptest! {
        #[test]
        fn pairs_come_back(written in proptest::collection::vec(("\\PC{0,9}", proptest::prelude::any::<String>()), 0..9)) {
            let text = write_pairs(written.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            proptest::prop_assert_eq!(pairs(&text), written);
        }
    }

    #[test]
    fn case_accents_and_spacing_do_not_count() {
        assert_eq!(fold("  Müller-LÜDENSCHEIDT \t Ärzte"), "muller-ludenscheidt arzte");
        assert_eq!(fold("Straße"), "strasse");
        assert_eq!(fold("Łódź Øre"), "lodz ore");
        assert_eq!(fold("王小东"), "王小东");
        assert_eq!(fold("ＡＢＣ"), "abc");
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for text in ["Müller", "ﬁn", "İstanbul", "Ǆ", "ΑΣ"] {
            assert_eq!(fold(&fold(text)), fold(text));
        }
    }
}
