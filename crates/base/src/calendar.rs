//! Partial dates as spans of time: `2026` is the whole year, `2026-11-23T12:00` the whole minute.
//!
//! FHIR R4 §2.24.0.1 (`date`, `dateTime`, `instant`) and §3.1.1.4.5 (a partial date matches as a range).

/// A half-open span of time in milliseconds since the epoch, `low <= t < high`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    pub low: i64,
    pub high: i64,
    /// Whether the text named a time zone; a time without one is read as UTC.
    pub zoned: bool,
}

const DAY: i64 = 86_400_000;

/// Days since 1970-01-01 of a proleptic Gregorian date.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month (1-12) and day (1-31) of a day counted from 1970-01-01.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The number of days of a month.
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// The span that a FHIR `date`, `dateTime` or `instant` covers; `None` where the text is none of them.
///
/// Accepts hours and minutes without seconds, as search values may have (§3.1.1.4.5). A leap second reads as :59.
pub fn parse_span(text: &str) -> Option<Span> {
    if !text.is_ascii() {
        return None;
    }
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year_text = parts.next()?;
    let year = digits(year_text).filter(|_| year_text.len() == 4)?;
    let (month_text, day_text) = (parts.next(), parts.next());
    if parts.next().is_some() || year == 0 {
        return None;
    }
    let two = |t: &str| digits(t).filter(|_| t.len() == 2);
    let Some(month_text) = month_text else {
        return time.is_none().then(|| days(days_from_civil(year, 1, 1), days_from_civil(year + 1, 1, 1)));
    };
    let month = two(month_text).filter(|m| (1..=12).contains(m))?;
    let first = days_from_civil(year, month, 1);
    let length = days_in_month(year, month);
    let Some(day_text) = day_text else {
        return time.is_none().then(|| days(first, first + length));
    };
    let day = two(day_text).filter(|d| (1..=length).contains(d))?;
    let midnight = first + day - 1;
    match time {
        None => Some(days(midnight, midnight + 1)),
        Some(time) => parse_time(midnight * DAY, time),
    }
}

fn days(low: i64, high: i64) -> Span {
    Span { low: low * DAY, high: high * DAY, zoned: false }
}

fn parse_time(midnight: i64, text: &str) -> Option<Span> {
    let zone_at = text.find(['Z', '+', '-']).unwrap_or(text.len());
    let (clock, zone) = text.split_at(zone_at);
    let two = |t: &str| digits(t).filter(|_| t.len() == 2);
    let offset = match zone {
        "" | "Z" => 0,
        _ => {
            let (hours, minutes) = zone[1..].split_once(':')?;
            let span = two(hours).filter(|h| *h <= 14)? * 60 + two(minutes).filter(|m| *m < 60)?;
            if zone.starts_with('-') { -span } else { span }
        }
    };
    let mut parts = clock.split(':');
    let hour = two(parts.next()?).filter(|h| *h < 24)?;
    let minute = two(parts.next()?).filter(|m| *m < 60)?;
    let seconds = parts.next();
    if parts.next().is_some() {
        return None;
    }
    let low = midnight + (hour * 60 + minute - offset) * 60_000;
    let zoned = !zone.is_empty();
    let Some(seconds) = seconds else {
        return Some(Span { low, high: low + 60_000, zoned });
    };
    let (whole, fraction) = match seconds.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (seconds, None),
    };
    let second = two(whole).filter(|s| *s <= 60)?.min(59);
    let low = low + second * 1000;
    let Some(fraction) = fraction else {
        return Some(Span { low, high: low + 1000, zoned });
    };
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut millis = 0;
    let mut width = 1000;
    for digit in fraction.bytes().take(3) {
        width /= 10;
        millis += i64::from(digit - b'0') * width;
    }
    Some(Span { low: low + millis, high: low + millis + width.max(1), zoned })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, low: &str, high: &str) {
        let span = parse_span(text).expect(text);
        let print = |ms| crate::Instant(ms).to_string();
        assert_eq!((print(span.low).as_str(), print(span.high).as_str()), (low, high));
    }

    #[test]
    fn a_partial_date_is_a_range() {
        check("2024", "2024-01-01T00:00:00.000Z", "2025-01-01T00:00:00.000Z");
        check("2024-02", "2024-02-01T00:00:00.000Z", "2024-03-01T00:00:00.000Z");
        check("2024-12-31", "2024-12-31T00:00:00.000Z", "2025-01-01T00:00:00.000Z");
        check("2024-01-01T10:00+02:00", "2024-01-01T08:00:00.000Z", "2024-01-01T08:01:00.000Z");
        check("2024-01-01T10:00:05.25Z", "2024-01-01T10:00:05.250Z", "2024-01-01T10:00:05.260Z");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for bad in [
            "",
            "24",
            "2024-13",
            "2023-02-29",
            "2024-1-1",
            "2024T10:00",
            "2024-01-01T25:00",
            "x",
            "0000",
            "２０２４",
        ] {
            assert_eq!(parse_span(bad), None, "{bad}");
        }
    }
}
