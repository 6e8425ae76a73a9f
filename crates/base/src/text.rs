//! Folding of text for search: case, accents and spacing do not count.

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

#[cfg(test)]
mod tests {
    use super::fold;

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
