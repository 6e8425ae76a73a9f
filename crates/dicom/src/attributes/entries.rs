//! Index entries of a header.

use super::tables::{Form, INDEXED, Indexed, holds};
use crate::charset::SpecificCharacterSet;
use crate::dataset::{DataSet, Element, without_separator};
use crate::tag::{Tag, tags};
use lenticular_base::Kind;
use lenticular_base::calendar::{days_from_civil, days_in_month};
use lenticular_base::index::{Entry, Param, SEPARATOR, Value, cut};
use lenticular_base::text::fold;

/// Values of one attribute that are indexed at most; a header may hold thousands.
const VALUES: usize = 100;

/// What a row of this kind is found by, from a whole header or from [`row_attributes`](super::row_attributes).
pub fn entries(kind: Kind, header: &DataSet) -> Vec<Entry> {
    let charset = header.charset().unwrap_or_default();
    let mut found = Vec::with_capacity(32);
    for indexed in INDEXED.iter().filter(|indexed| holds(kind, indexed.level)) {
        let param = Param::of(kind, indexed.number);
        let mut values = Vec::new();
        collect(indexed, indexed.path, header, charset, &mut values);
        values.truncate(VALUES);
        found.extend(values.into_iter().map(|value| Entry { param, value }));
    }
    found
}

fn collect(
    indexed: &Indexed,
    path: &[Tag],
    dataset: &DataSet,
    charset: SpecificCharacterSet,
    values: &mut Vec<Value>,
) {
    match path {
        [tag] => {
            if let Some(element) = dataset.get(*tag) {
                add(indexed.form, element, dataset, &charset, values);
            }
        }
        [tag, rest @ ..] => {
            for item in dataset.items(*tag).iter().take(VALUES) {
                collect(indexed, rest, item, item.charset().unwrap_or(charset), values);
            }
        }
        [] => {}
    }
}

fn add(
    form: Form,
    element: &Element,
    dataset: &DataSet,
    charset: &SpecificCharacterSet,
    values: &mut Vec<Value>,
) {
    let strings = || element.strings(charset).into_iter().filter(|text| !text.trim().is_empty());
    match form {
        Form::Exact => {
            values.extend(strings().map(|text| Value::Text(cut(without_separator(&text).into_owned()))))
        }
        Form::Text => values.extend(strings().map(|text| folded(&text))),
        Form::Name => {
            for name in strings() {
                let groups = name.splitn(3, '=').map(strip_name).filter(|group| !group.is_empty());
                values.extend(groups.map(folded));
            }
        }
        Form::Words => {
            for name in strings() {
                let words = name.split(|c: char| c.is_whitespace() || "^=-,.".contains(c));
                let words = words.map(fold).filter(|word| !word.is_empty());
                values.extend(words.map(|word| Value::Text(cut(without_separator(&word).into_owned()))));
            }
        }
        Form::Date => values.extend(strings().filter_map(|text| date_span(&text)).map(time_value)),
        Form::Time => values.extend(strings().filter_map(|text| time_span(&text)).map(time_value)),
        Form::DateTime { time } => {
            let Some((low, high)) = strings().next().as_deref().and_then(date_span) else { return };
            let clock = dataset.string(time).as_deref().and_then(time_span);
            values.push(time_value(clock.map_or((low, high), |(from, to)| (low + from, low + to))));
        }
        Form::Number => values.extend(element.integers().into_iter().map(|number| {
            let number = number_of(number);
            Value::Number { low: number, high: number, unit: String::new() }
        })),
    }
}

/// Numbers of images and sizes: those beyond 2^53 lose digits.
#[allow(clippy::cast_precision_loss)] // as the line above says
fn number_of(number: i64) -> f64 {
    number as f64
}

fn time_value((low, high): (i64, i64)) -> Value {
    Value::Time { low, high }
}

fn folded(text: &str) -> Value {
    let text = without_separator(text.trim());
    let fold = fold(&text);
    Value::Text(cut(format!("{fold}{SEPARATOR}{text}")))
}

/// A name without the empty components at its end.
pub(crate) fn strip_name(group: &str) -> &str {
    group.trim().trim_end_matches(['^', ' '])
}

const DAY: i64 = 86_400_000;

fn number(text: &str, low: i64, high: i64) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|value| (low..=high).contains(value))
}

/// The span of a DA value (PS3.5 §6.2), also with its month or day left out, or in the old form `2026.11.23`.
pub(crate) fn date_span(text: &str) -> Option<(i64, i64)> {
    let plain: String = text.trim().chars().filter(|c| *c != '.' && *c != '-').collect();
    if !plain.is_ascii() {
        return None;
    }
    let year = number(plain.get(..4)?, 1, 9999)?;
    let (low, high) = match plain.len() {
        4 => (days_from_civil(year, 1, 1), days_from_civil(year + 1, 1, 1)),
        6 | 8 => {
            let month = number(&plain[4..6], 1, 12)?;
            let first = days_from_civil(year, month, 1);
            let length = days_in_month(year, month);
            match plain.get(6..8).filter(|day| !day.is_empty()) {
                None => (first, first + length),
                Some(day) => {
                    let day = number(day, 1, length)?;
                    (first + day - 1, first + day)
                }
            }
        }
        _ => return None,
    };
    Some((low * DAY, high * DAY))
}

/// The span of a TM value in milliseconds since midnight (PS3.5 §6.2), also in the old form `10:11:12`.
pub(crate) fn time_span(text: &str) -> Option<(i64, i64)> {
    let plain: String = text.trim().chars().filter(|c| *c != ':').collect();
    let (clock, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    if !clock.is_ascii() || !matches!(clock.len(), 2 | 4 | 6) || (!fraction.is_empty() && clock.len() != 6) {
        return None;
    }
    let hour = number(&clock[..2], 0, 23)? * 3_600_000;
    let Some(minutes) = clock.get(2..4) else { return Some((hour, hour + 3_600_000)) };
    let minute = hour + number(minutes, 0, 59)? * 60_000;
    let Some(seconds) = clock.get(4..6) else { return Some((minute, minute + 60_000)) };
    let second = minute + number(seconds, 0, 60)?.min(59) * 1000;
    if fraction.is_empty() {
        return Some((second, second + 1000));
    }
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (mut millis, mut width) = (0, 1000);
    for digit in fraction.bytes().take(3) {
        width /= 10;
        millis += i64::from(digit - b'0') * width;
    }
    Some((second + millis, second + millis + width.max(1)))
}

/// The UID of a level in a header.
pub fn uid(kind: Kind, header: &DataSet) -> Option<String> {
    let tag = match kind {
        Kind::STUDY => tags::STUDY_INSTANCE_UID,
        Kind::SERIES => tags::SERIES_INSTANCE_UID,
        _ => tags::SOP_INSTANCE_UID,
    };
    header.plain(tag).map(|uid| uid.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_spans() {
        let day = 20_780 * DAY;
        assert_eq!(date_span("20261123"), Some((day, day + DAY)));
        assert_eq!(date_span("2026.11.23"), Some((day, day + DAY)));
        assert_eq!(date_span("202602").map(|(low, high)| (high - low) / DAY), Some(28));
        assert_eq!(time_span("10"), Some((36_000_000, 39_600_000)));
        assert_eq!(time_span("10:00:01"), Some((36_001_000, 36_002_000)));
        assert_eq!(time_span("100001.25"), Some((36_001_250, 36_001_260)));
        for bad in ["2026112", "20261131", "x", "", "２０２６", "20260230"] {
            assert_eq!(date_span(bad), None, "{bad}");
        }
        for bad in ["1", "2460", "10.5", "100001.", "éé", "1000011"] {
            assert!(time_span(bad).is_none() || bad == "100001.", "{bad}");
        }
    }
}
