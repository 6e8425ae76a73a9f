//! The forms of primitive values (FHIR R4 §2.24.0.1).

use super::narrative;
use crate::definitions::Primitive;
use lenticular_base::LogicalId;
use lenticular_base::calendar::parse_span;
use lenticular_base::tree::Tree;

/// What is wrong with a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wrong {
    /// It has another JSON type than this.
    Type(&'static str),
    /// It breaks this rule, and is too long to quote.
    Form(&'static str),
    /// It breaks this rule.
    Value(&'static str),
}

/// The longest string: 1 MB (§2.24.0.1 `string`).
const MAX_STRING: usize = 1024 * 1024;

/// Checks the JSON type and the form of a primitive value.
pub(super) fn check(primitive: Primitive, value: &Tree<'_>) -> Result<(), Wrong> {
    match primitive {
        Primitive::Boolean => match value {
            Tree::Bool(_) => Ok(()),
            _ => Err(Wrong::Type("true or false")),
        },
        Primitive::Decimal => match value {
            Tree::Number(_) => Ok(()),
            _ => Err(Wrong::Type("a number")),
        },
        Primitive::Integer => integer(value, i32::MIN, "a whole number of 32 bits"),
        Primitive::UnsignedInt => integer(value, 0, "a whole number from 0 to 2147483647"),
        Primitive::PositiveInt => integer(value, 1, "a whole number from 1 to 2147483647"),
        _ => match value {
            Tree::String(text) if primitive == Primitive::Base64Binary && !text.raw().contains('\\') => {
                base64(text.raw())
            }
            Tree::String(text) => string(primitive, &text.text()),
            _ => Err(Wrong::Type("a string")),
        },
    }
}

fn integer(value: &Tree<'_>, least: i32, rule: &'static str) -> Result<(), Wrong> {
    match value {
        Tree::Number(lexeme) => match lexeme.parse::<i32>() {
            Ok(number) if number >= least => Ok(()),
            _ => Err(Wrong::Value(rule)),
        },
        _ => Err(Wrong::Type("a number")),
    }
}

fn string(primitive: Primitive, text: &str) -> Result<(), Wrong> {
    if text.is_empty() {
        return Err(Wrong::Form("a string must not be empty"));
    }
    let (fits, rule) = match primitive {
        Primitive::Code => (is_code(text), "no space at its ends, and single ones within"),
        Primitive::Id => (LogicalId::fits(text), "1 to 64 characters of A-Z, a-z, 0-9, '-' and '.'"),
        Primitive::Uri | Primitive::Url | Primitive::Canonical => {
            (!text.contains(is_space_or_control), "no white space")
        }
        Primitive::Oid => (is_oid(text), "urn:oid: and numbers with dots between"),
        Primitive::Uuid => (is_uuid(text), "urn:uuid: and 32 hexadecimal digits as 8-4-4-4-12"),
        Primitive::Date => (is_date(text), "YYYY, YYYY-MM or YYYY-MM-DD"),
        Primitive::DateTime => (
            is_date(text) || is_instant(text),
            "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a zone",
        ),
        Primitive::Instant => (is_instant(text), "YYYY-MM-DDThh:mm:ss with a zone"),
        Primitive::Time => (is_time(text), "hh:mm:ss"),
        Primitive::Base64Binary => return base64(text),
        Primitive::Xhtml => return narrative::check(text).map_err(Wrong::Form),
        _ if text.len() > MAX_STRING => return Err(Wrong::Form("a string has at most 1 MB")),
        _ if text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{80}'..='\u{9f}')) =>
        {
            return Err(Wrong::Form("no control characters but tab, carriage return and line feed"));
        }
        _ => return Ok(()),
    };
    if fits { Ok(()) } else { Err(Wrong::Value(rule)) }
}

fn is_space_or_control(c: char) -> bool {
    c <= ' ' || (c > '~' && (c.is_whitespace() || c.is_control()))
}

fn is_code(text: &str) -> bool {
    let mut after_space = true;
    for c in text.chars() {
        let space = is_space_or_control(c);
        if space && (after_space || c != ' ') {
            return false;
        }
        after_space = space;
    }
    !after_space
}

fn is_oid(text: &str) -> bool {
    let Some(numbers) = text.strip_prefix("urn:oid:") else { return false };
    let number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part.len() == 1 || !part.starts_with('0'))
    };
    numbers.contains('.') && matches!(numbers.as_bytes()[0], b'0'..=b'2') && numbers.split('.').all(number)
}

fn is_uuid(text: &str) -> bool {
    let Some(uuid) = text.strip_prefix("urn:uuid:") else { return false };
    uuid.len() == 36
        && uuid.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_date(text: &str) -> bool {
    text.len() <= 10 && parse_span(text).is_some()
}

/// To the second at least, with a zone.
fn is_instant(text: &str) -> bool {
    text.len() >= 20 && text.as_bytes()[16] == b':' && parse_span(text).is_some_and(|span| span.zoned)
}

fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let two = |at: usize, most: u8| {
        let (tens, ones) = (bytes[at].wrapping_sub(b'0'), bytes[at + 1].wrapping_sub(b'0'));
        tens <= 9 && ones <= 9 && tens * 10 + ones <= most
    };
    if bytes.len() < 8 || bytes[2] != b':' || bytes[5] != b':' {
        return false;
    }
    let fraction = &bytes[8..];
    let fraction_fits = fraction.is_empty()
        || (fraction.len() > 1 && fraction[0] == b'.' && fraction[1..].iter().all(u8::is_ascii_digit));
    two(0, 23) && two(3, 59) && two(6, 60) && fraction_fits
}

/// RFC 4648 §4 with white space between; padded to a multiple of four.
fn base64(text: &str) -> Result<(), Wrong> {
    let (mut digits, mut padding) = (0usize, 0usize);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => digits += 1,
            b'=' if padding < 2 => padding += 1,
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => return Err(Wrong::Form("no base64: a character that does not belong there")),
        }
    }
    if digits == 0 || !(digits + padding).is_multiple_of(4) {
        return Err(Wrong::Form("no base64: it is not a multiple of four characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lenticular_base::tree::Tree;
    use proptest::prelude::*;

    #[track_caller]
    fn check_texts(primitive: Primitive, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(check(primitive, &Tree::string(*text)), Ok(()), "{text:?}");
        }
        for text in bad {
            assert!(check(primitive, &Tree::string(*text)).is_err(), "{text:?}");
        }
    }

    #[test]
    fn each_type_has_its_form() {
        check_texts(
            Primitive::Date,
            &["2026", "2026-02", "2024-02-29"],
            &["", "2026-2", "2026-02-29", "26", "2026-01-01T00:00:00Z", "0000"],
        );
        check_texts(
            Primitive::DateTime,
            &["2026", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00.1234567+02:00"],
            &[
                "2026-11-23T12:00Z",
                "2026-11-23T12:00:00",
                "2026-11-23 12:00:00Z",
                "x",
                "2026-11-23T24:00:00Z",
            ],
        );
        check_texts(
            Primitive::Instant,
            &["2026-11-23T12:00:00.1Z"],
            &["2026-11-23", "2026-11-23T12:00+02:00:00"],
        );
        check_texts(
            Primitive::Time,
            &["12:00:00", "23:59:59.999"],
            &["24:00:00", "12:00", "12:00:00.", "aa:bb:cc"],
        );
        check_texts(Primitive::Code, &["a", "a b"], &["", " a", "a ", "a  b", "a\tb"]);
        check_texts(Primitive::Id, &["a-1."], &["a_b", &"x".repeat(65)]);
        check_texts(Primitive::Uri, &["urn:x", "http://a/ü"], &["", "a b", "a\u{a0}b"]);
        check_texts(
            Primitive::Oid,
            &["urn:oid:1.2.840.10008"],
            &["1.2", "urn:oid:", "urn:oid:1", "urn:oid:1.02", "urn:oid:3.1"],
        );
        check_texts(
            Primitive::Uuid,
            &["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
            &["c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:c757873dec9a4326a141556f43239520"],
        );
        check_texts(
            Primitive::Base64Binary,
            &["aGk=", "aG\nk="],
            &["", "a", "aGk", "a=Gk", "aGk=aGk=", "äää="],
        );
        check_texts(Primitive::String, &["a", " ", "a\nb", "ü"], &["", "a\u{0}", "\u{7f}"]);
    }

    #[test]
    fn numbers_are_numbers() {
        let number = |lexeme: &'static str| Tree::Number(lexeme.into());
        assert_eq!(check(Primitive::Decimal, &number("1.00e5")), Ok(()));
        assert!(check(Primitive::Decimal, &Tree::string("1")).is_err());
        assert_eq!(check(Primitive::Integer, &number("-5")), Ok(()));
        for bad in ["1.0", "2147483648", "1e2"] {
            assert!(check(Primitive::Integer, &number(bad)).is_err(), "{bad}");
        }
        assert!(check(Primitive::PositiveInt, &number("0")).is_err());
        assert_eq!(check(Primitive::UnsignedInt, &number("0")), Ok(()));
        assert!(check(Primitive::Boolean, &Tree::string("true")).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), near in "[0-9T:.Zé+-]{0,24}") {
            for primitive in [Primitive::Date, Primitive::DateTime, Primitive::Instant, Primitive::Time,
                Primitive::Oid, Primitive::Uuid, Primitive::Base64Binary, Primitive::Xhtml, Primitive::Code] {
                let _ = check(primitive, &Tree::string(text.as_str()));
                let _ = check(primitive, &Tree::string(near.as_str()));
            }
        }
    }
}
