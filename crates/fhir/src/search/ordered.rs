//! Dates, numbers and quantities in search values: prefixes and implied precision (FHIR R4 §3.1.1.4.4 to .6, .11).
//!
//! `eq`, `ne` and `ap` look for the whole span that the value's precision implies. For numbers the other prefixes
//! take the value as exact; for dates they take the span's ends. Upper ends are exclusive in the standard; for
//! numbers the greatest float below the end is handed on, so that one inclusive rule serves all comparisons.

use super::SearchError;
use super::split::{split, unescape};
use super::value::Reader;
use lenticular_base::calendar::parse_span;
use lenticular_base::index::{Compare, SEPARATOR, Test, cut};

/// A prefix of the standard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Prefix {
    Plain(Compare),
    /// `ap`: within a tenth.
    About,
}

fn prefix(text: &str) -> (Prefix, &str) {
    let plain = |compare| Some(Prefix::Plain(compare));
    let found = match text.get(..2) {
        Some("eq") => plain(Compare::Eq),
        Some("ne") => plain(Compare::Ne),
        Some("gt") => plain(Compare::Gt),
        Some("lt") => plain(Compare::Lt),
        Some("ge") => plain(Compare::Ge),
        Some("le") => plain(Compare::Le),
        Some("sa") => plain(Compare::Sa),
        Some("eb") => plain(Compare::Eb),
        Some("ap") => Some(Prefix::About),
        _ => None,
    };
    match found {
        Some(prefix) => (prefix, &text[2..]),
        None => (Prefix::Plain(Compare::Eq), text),
    }
}

/// A date: how to compare, and the span it covers in milliseconds, the upper end exclusive.
pub(super) fn time(reader: &Reader<'_>, value: &str) -> Result<(Compare, i64, i64), SearchError> {
    let (prefix, text) = prefix(value);
    // A `+` of a time zone that was not percent-encoded arrives as a blank.
    let text = text.replace(' ', "+");
    let span = parse_span(&text).ok_or_else(|| {
        reader.wrong(
            value,
            "a date is expected: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss[.sss]][zone]",
        )
    })?;
    Ok(match prefix {
        Prefix::Plain(compare) => (compare, span.low, span.high),
        Prefix::About => {
            let margin = reader.context.now.0.saturating_sub(span.low).saturating_abs() / 10;
            (Compare::Eq, span.low.saturating_sub(margin), span.high.saturating_add(margin))
        }
    })
}

/// A number (§3.1.1.4.6).
pub(super) fn number(reader: &Reader<'_>, value: &str) -> Result<Test, SearchError> {
    let (compare, low, high) = bounds(reader, value, value)?;
    Ok(Test::Number(reader.param.param, compare, low, high, None))
}

/// A quantity (§3.1.1.4.11): `number`, `number|system|code`, `number||code`.
pub(super) fn quantity(reader: &Reader<'_>, value: &str) -> Result<Test, SearchError> {
    let parts = split(value, '|');
    let (text, unit) = match parts.as_slice() {
        [text] => (*text, None),
        [text, system, code] => (*text, unit(reader, value, &unescape(system), &unescape(code))?),
        _ => return Err(reader.wrong(value, "number, number|system|code or number||code is expected")),
    };
    let (compare, low, high) = bounds(reader, text, value)?;
    Ok(Test::Number(reader.param.param, compare, low, high, unit))
}

fn unit(reader: &Reader<'_>, value: &str, system: &str, code: &str) -> Result<Option<String>, SearchError> {
    match (system.is_empty(), code.is_empty()) {
        (true, true) => Ok(None),
        (false, true) => Err(reader.wrong(value, "the code of the unit is missing")),
        // Of any system: all that begins with the code and the separator.
        (true, false) => Ok(Some(cut(format!("{code}{SEPARATOR}")))),
        (false, false) => Ok(Some(cut(format!("{code}{SEPARATOR}{system}")))),
    }
}

fn bounds(reader: &Reader<'_>, text: &str, value: &str) -> Result<(Compare, f64, f64), SearchError> {
    let (prefix, digits) = prefix(text);
    let number = Decimal::parse(digits).ok_or_else(|| reader.wrong(value, "a number is expected"))?;
    let exact = number.value;
    Ok(match prefix {
        Prefix::Plain(compare @ (Compare::Eq | Compare::Ne)) => {
            (compare, number.low, number.high.next_down())
        }
        Prefix::Plain(Compare::Sa) => (Compare::Sa, exact, exact.next_up()),
        Prefix::Plain(Compare::Eb) => (Compare::Eb, exact.next_down(), exact),
        Prefix::Plain(compare) => (compare, exact, exact),
        Prefix::About => {
            let margin = exact.abs() / 10.0;
            (Compare::Eq, number.low.min(exact - margin), number.high.next_down().max(exact + margin))
        }
    })
}

/// A decimal with the bounds that its digits imply: half a unit of the last digit to each side, the upper exclusive.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Decimal {
    value: f64,
    low: f64,
    high: f64,
}

impl Decimal {
    /// The most digits of a mantissa.
    const DIGITS: usize = 30;

    fn parse(text: &str) -> Option<Decimal> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (text, None),
        };
        let power: i32 = match exponent {
            Some(digits) if digits.len() <= 4 => digits.parse().ok()?,
            Some(_) => return None,
            None => 0,
        };
        let (negative, unsigned) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let all_digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) || whole.len() + fraction.len() > Decimal::DIGITS {
            return None;
        }
        let fraction = unsigned.split_once('.').map_or("", |(_, fraction)| fraction);
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let digits = if negative { -digits } else { digits };
        let unit = power - i32::try_from(fraction.len()).ok()?;
        // The standard's own example: 1e2 is [95, 105), one place finer than its digits; 100 is [99.5, 100.5).
        let places = if exponent.is_some() && fraction.is_empty() { 2 } else { 1 };
        let scaled = digits * if places == 2 { 100 } else { 10 };
        let at = |digits: i128| format!("{digits}e{}", unit - places).parse::<f64>().ok();
        let decimal = Decimal { value: at(scaled)?, low: at(scaled - 5)?, high: at(scaled + 5)? };
        (decimal.low.is_finite() && decimal.high.is_finite()).then_some(decimal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_imply_bounds() {
        let check = |text: &str, value: f64, low: f64, high: f64| {
            assert_eq!(Decimal::parse(text), Some(Decimal { value, low, high }), "{text}");
        };
        check("100", 100.0, 99.5, 100.5);
        check("100.00", 100.0, 99.995, 100.005);
        check("1e2", 100.0, 95.0, 105.0);
        check("5.4", 5.4, 5.35, 5.45);
        check("-5.40", -5.4, -5.405, -5.395);
        check("5.40e-3", 0.0054, 0.005395, 0.005405);
        check("0", 0.0, -0.5, 0.5);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let long = "1".repeat(31);
        for bad in
            ["", "x", "1.", ".5", "1e", "1e99999", "1e400", "--1", "1,5", "NaN", "inf", "0x1", "١", &long]
        {
            assert_eq!(Decimal::parse(bad), None, "{bad}");
        }
    }
}
