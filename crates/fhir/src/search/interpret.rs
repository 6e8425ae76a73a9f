//! The meaning of a compiled search on the entries of one resource.
//!
//! This is the reference that the store's SQL must agree with, and what notifications match by.

use super::Search;
use lenticular_base::Instant;
use lenticular_base::index::{Clause, Compare, Entry, Param, SEPARATOR, Test, Value};

/// One resource as a search sees it.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The logical id.
    pub id: &'a str,
    /// The time of the last change.
    pub updated: Instant,
    pub entries: &'a [Entry],
}

/// Whether a row is found by all of these clauses.
pub fn row_matches(row: &Row<'_>, all: &[Clause]) -> bool {
    all.iter().all(|clause| clause.any.iter().any(|test| test_row(row, test)) != clause.not)
}

fn test_row(row: &Row<'_>, test: &Test) -> bool {
    match test {
        Test::Id(id) => row.id == id,
        Test::Updated(compare, low, high) => {
            let moment = row.updated.0;
            compares(*compare, (moment, moment.saturating_add(1)), (*low, *high))
        }
        test => index_matches(row.entries, test),
    }
}

/// Whether entries pass a test; [`Test::Id`] and [`Test::Updated`] ask for the row and never pass here.
pub fn index_matches(entries: &[Entry], test: &Test) -> bool {
    let values =
        |param: Param| entries.iter().filter(move |entry| entry.param == param).map(|entry| &entry.value);
    let texts = |param: Param| {
        values(param).filter_map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
    };
    let folded = |text: &'_ str| text.split(SEPARATOR).next().map_or(0, str::len);
    match test {
        Test::Is(param, wanted) => texts(*param).any(|text| text == wanted),
        Test::Prefix(param, wanted) => texts(*param).any(|text| text.starts_with(wanted.as_str())),
        Test::Suffix(param, wanted) => texts(*param).any(|text| text.ends_with(wanted.as_str())),
        Test::Contains(param, wanted) => {
            texts(*param).any(|text| text[..folded(text)].contains(wanted.as_str()))
        }
        Test::Like(param, pattern) => texts(*param).any(|text| is_like(&text[..folded(text)], pattern)),
        Test::Time(param, compare, low, high) => values(*param).any(|value| match value {
            Value::Time { low: from, high: to } => compares(*compare, (*from, *to), (*low, *high)),
            _ => false,
        }),
        Test::Number(param, compare, low, high, unit) => values(*param).any(|value| match value {
            Value::Number { low: from, high: to, unit: of } => {
                unit.as_deref().is_none_or(|unit| has_unit(of, unit))
                    && compares(*compare, (*from, *to), (*low, *high))
            }
            _ => false,
        }),
        Test::Missing(param, missing) => values(*param).next().is_none() == *missing,
        Test::Id(_) | Test::Updated(..) | Test::Never => false,
    }
}

/// A unit that ends with the separator is a code of any system.
fn has_unit(unit: &str, wanted: &str) -> bool {
    if wanted.ends_with(SEPARATOR) { unit.starts_with(wanted) } else { unit == wanted }
}

/// The rule of [`Compare`].
fn compares<T: PartialOrd>(compare: Compare, value: (T, T), search: (T, T)) -> bool {
    let contained = value.0 >= search.0 && value.1 <= search.1;
    match compare {
        Compare::Eq => contained,
        Compare::Ne => !contained,
        Compare::Gt => value.1 > search.1,
        Compare::Lt => value.0 < search.0,
        Compare::Ge => value.1 > search.1 || contained,
        Compare::Le => value.0 < search.0 || contained,
        Compare::Sa => value.0 >= search.1,
        Compare::Eb => value.1 <= search.0,
    }
}

/// SQL's LIKE with `\` as its escape, in time linear in the product of the lengths.
fn is_like(text: &str, pattern: &str) -> bool {
    enum Part {
        Any,
        One,
        Letter(char),
    }
    let mut parts = Vec::new();
    let mut letters = pattern.chars();
    while let Some(c) = letters.next() {
        parts.push(match c {
            '%' => Part::Any,
            '_' => Part::One,
            '\\' => Part::Letter(letters.next().unwrap_or('\\')),
            c => Part::Letter(c),
        });
    }
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut part) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match parts.get(part) {
            Some(Part::Any) => {
                retry = Some((part + 1, at));
                part += 1;
                continue;
            }
            Some(Part::One) => {}
            Some(Part::Letter(letter)) if *letter == text[at] => {}
            _ => {
                let Some((after, from)) = retry else { return false };
                retry = Some((after, from + 1));
                (part, at) = (after, from + 1);
                continue;
            }
        }
        at += 1;
        part += 1;
    }
    parts[part.min(parts.len())..].iter().all(|part| matches!(part, Part::Any))
}

/// Runs every test of a search on a few entries.
pub(super) fn fuzz(search: &Search) {
    let row = Row { id: "a", updated: Instant(0), entries: &[] };
    row_matches(&row, &search.query.all);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_is_that_of_sql() {
        for (text, pattern) in
            [("abc", "a%"), ("abc", "%c"), ("abc", "a_c"), ("a%c", r"a\%c"), ("", "%"), ("aab", "%ab")]
        {
            assert!(is_like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [("abc", "a"), ("abc", "_"), ("abc", r"a\%c"), ("", "_"), ("ab", "%a")] {
            assert!(!is_like(text, pattern), "{text} {pattern}");
        }
    }
}
