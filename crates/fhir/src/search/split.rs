//! Lists, parts and escapes in the value of a parameter (FHIR R4 §3.1.1.4.2): `\,` `\$` `\|` `\\`.

/// The parts of `text` between unescaped `separator`s; escapes stay as they are.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == separator {
            parts.push(&text[start..at]);
            start = at + c.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The text with its escapes resolved; a backslash before any other character stands for itself.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match letters.peek() {
            Some(&next @ (',' | '$' | '|' | '\\')) if c == '\\' => {
                plain.push(next);
                letters.next();
            }
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_separators_do_not_separate() {
        assert_eq!(split(r"a\,b,c\\,d", ','), [r"a\,b", r"c\\", "d"]);
        assert_eq!(split("", ','), [""]);
        assert_eq!(split("é|ü|", '|'), ["é", "ü", ""]);
        assert_eq!(unescape(r"a\,b\|c\\d\$e\n\"), r"a,b|c\d$e\n\");
    }
}
