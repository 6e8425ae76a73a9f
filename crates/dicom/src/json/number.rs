//! Numbers as JSON lexemes.

use std::fmt::Write;

/// Appends a DS or IS as a JSON number with the digits that it has; `false`, and nothing appended, where it is no number.
pub fn decimal_into(out: &mut String, text: &str) -> bool {
    let text = text.trim_matches(' ');
    let (sign, unsigned) = match text.as_bytes().first() {
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("", &text[1..]),
        _ => ("", text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let power = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    let lacks_digits = whole.is_empty() && fraction.is_empty() || power.is_some_and(str::is_empty);
    if lacks_digits || !digits(whole) || !digits(fraction) || !power.is_none_or(digits) {
        return false;
    }
    let significant = whole.trim_start_matches('0');
    out.push_str(sign);
    out.push_str(if significant.is_empty() { "0" } else { significant });
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    if let Some(exponent) = exponent {
        out.push('e');
        out.push_str(exponent);
    }
    true
}

/// Appends a float as the shortest JSON number that reads back the same; what JSON has no number for as a string.
pub fn float_into(out: &mut String, value: f64) {
    let _ = match value {
        _ if value.is_nan() => write!(out, "\"NaN\""),
        _ if value.is_infinite() => write!(out, "\"{}inf\"", if value < 0.0 { "-" } else { "" }),
        _ if value != 0.0 && !(1e-5..1e16).contains(&value.abs()) => write!(out, "{value:e}"),
        _ => write!(out, "{value:?}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_digits() {
        for (text, json) in [
            ("1.50", "1.50"),
            ("+001", "1"),
            ("-0", "-0"),
            (".5", "0.5"),
            ("-5.", "-5"),
            ("1E+03", "1e+03"),
            (" 12 ", "12"),
            ("000", "0"),
        ] {
            let mut out = String::new();
            assert!(decimal_into(&mut out, text), "{text}");
            assert_eq!(out, json);
        }
        for text in ["", "-", ".", "1e", "1,5", "0x1", "1 2", "NaN", "--1"] {
            let mut out = String::new();
            assert!(!decimal_into(&mut out, text) && out.is_empty(), "{text}");
        }
    }
}
