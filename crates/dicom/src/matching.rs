//! Attribute matching (PS3.4 §C.2.2.2) on stored DICOM JSON: for attributes that no index holds.

use crate::attributes::{date_span, strip_name, time_span};
use crate::json::person_name;
use crate::tag::Tag;
use lenticular_base::text::fold;
use lenticular_base::tree::Tree;

/// One key of a query that has to be compared with the row itself.
#[derive(Clone, PartialEq, Debug)]
pub struct Residual {
    /// Sequences first, then the attribute.
    pub path: Vec<Tag>,
    pub rule: Rule,
}

/// What a value has to be like.
#[derive(Clone, PartialEq, Debug)]
pub enum Rule {
    /// One of these UIDs (PS3.4 §C.2.2.2.2).
    UidList(Vec<String>),
    /// One of these folded texts with `*` and `?` (PS3.4 §C.2.2.2.1, §C.2.2.2.4).
    Text(Vec<String>),
    /// Any component group of a name like this, folded.
    Name(String),
    /// Each of these folded words begins a word of the name (PS3.4 §C.2.2.2.1.1).
    Words(Vec<String>),
    /// A DA within `low <= value < high`, in milliseconds since the epoch (PS3.4 §C.2.2.2.5).
    Date(i64, i64),
    /// A TM within, in milliseconds since midnight.
    Time(i64, i64),
    /// A DT within, in milliseconds since the epoch; a value without offset is taken as UTC.
    DateTime(i64, i64),
    /// The same number.
    Number(f64),
}

impl Residual {
    /// Whether a DICOM JSON object (a stored row, or whole metadata) has a value that fits, in any item.
    pub fn matches(&self, json: &Tree<'_>) -> bool {
        any_value(json, &self.path, &|value| self.rule.fits(value))
    }
}

fn any_value(json: &Tree<'_>, path: &[Tag], fits: &dyn Fn(&Tree<'_>) -> bool) -> bool {
    let Some((tag, rest)) = path.split_first() else { return fits(json) };
    let values = json.get(&tag.hex()).and_then(|element| element.get("Value"));
    values.is_some_and(|values| values.items().iter().any(|value| any_value(value, rest, fits)))
}

impl Rule {
    fn fits(&self, value: &Tree<'_>) -> bool {
        let text = match value {
            Tree::Object(_) => person_name(value),
            Tree::Number(lexeme) => lexeme.to_string(),
            other => other.text().map(|text| text.into_owned()).unwrap_or_default(),
        };
        let within = |span: Option<(i64, i64)>, low: &i64, high: &i64| {
            span.is_some_and(|(from, to)| *low <= from && to <= *high)
        };
        match self {
            Rule::UidList(uids) => uids.contains(&text),
            Rule::Text(patterns) => {
                let folded = fold(&text);
                patterns.iter().any(|pattern| wildcard(pattern, &folded))
            }
            Rule::Name(pattern) => text.split('=').any(|group| wildcard(pattern, &fold(strip_name(group)))),
            Rule::Words(words) => {
                let folded = fold(&text);
                let parts: Vec<&str> = folded.split([' ', '^', '=', '-', ',', '.']).collect();
                words.iter().all(|word| parts.iter().any(|part| part.starts_with(word)))
            }
            Rule::Date(low, high) => within(date_span(&text), low, high),
            Rule::Time(low, high) => within(time_span(&text), low, high),
            Rule::DateTime(low, high) => within(datetime_span(&text), low, high),
            Rule::Number(number) => text.parse() == Ok(*number),
        }
    }
}

/// Whether folded text has the form of a pattern: `*` for any run of characters, `?` for one.
pub fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star stood, and how far it has stretched.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, stretched)) = star else { return false };
                star = Some((at, stretched + 1));
                (p, t) = (at + 1, stretched + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The span of a DT value (PS3.5 §6.2), in milliseconds since the epoch.
pub(crate) fn datetime_span(text: &str) -> Option<(i64, i64)> {
    let text = text.trim();
    if !text.is_ascii() {
        return None;
    }
    let zone_at = text.rfind(['+', '-']).filter(|at| *at >= 4 && text.len() - at == 5).unwrap_or(text.len());
    let (stamp, zone) = text.split_at(zone_at);
    let offset = match zone {
        "" => 0,
        _ => {
            let (from, _) = time_span(&zone[1..])?;
            if zone.starts_with('-') { -from } else { from }
        }
    };
    let (date, clock) = stamp.split_at(stamp.len().min(8));
    let (low, high) = date_span(date)?;
    let (low, high) = if clock.is_empty() {
        (low, high)
    } else {
        let (from, to) = time_span(clock)?;
        (low + from, low + to)
    };
    Some((low - offset, high - offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stretch() {
        for (pattern, text) in [
            ("*", ""),
            ("do?", "doe"),
            ("d*e", "de"),
            ("*o*", "doe"),
            ("a**b", "ab"),
            ("*ab", "aab"),
            ("", ""),
        ] {
            assert!(wildcard(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("?", ""), ("d?e", "de"), ("doe", "doe^john"), ("*x", "xy"), ("", "a")] {
            assert!(!wildcard(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_date_time_knows_its_offset() {
        let utc = datetime_span("20261123120000").expect("a date-time");
        assert_eq!(datetime_span("20261123140000+0200"), Some(utc));
        assert_eq!(datetime_span("20261123120000.0000-0000").map(|span| span.0), Some(utc.0));
        assert_eq!(datetime_span("2026-0500").map(|(low, high)| (high - low) / 86_400_000), Some(365));
        assert_eq!(datetime_span("2026112312é"), None);
    }
}
