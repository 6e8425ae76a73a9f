//! The keys of a query, each of them one test: what QIDO-RS and C-FIND have in common (PS3.4 §C.2.2.2).

use super::{QueryError, UIDS, wrong};
use crate::attributes::{
    Form, INDEXED, Indexed, PATIENT_NAME_WORDS, REFERRING_NAME_WORDS, date_span, indexed, strip_name,
    time_span,
};
use crate::dictionary;
use crate::matching::{Residual, Rule, datetime_span};
use crate::tag::{Tag, tags};
use crate::vr::Vr;
use lenticular_base::Kind;
use lenticular_base::index::{Clause, Compare, Param, SEPARATOR, Test};
use lenticular_base::text::fold;

/// One attribute to match, and what with; empty is universal matching.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    pub path: Vec<Tag>,
    pub value: String,
}

/// Before and after all times that a DA can name.
const EVER: (i64, i64) = (-62_135_596_800_000, 253_402_300_800_000);
const DAY: i64 = 86_400_000;

/// Compiles keys to clauses that must all hold, and to what remains to be compared with the row.
pub fn compile(kind: Kind, keys: &[Key], fuzzy: bool) -> Result<(Vec<Clause>, Vec<Residual>), QueryError> {
    let (mut all, mut residual) = (Vec::new(), Vec::new());
    let combined = combined(kind, keys);
    for key in keys {
        let universal = key.value.trim_matches(['*', ' ']).is_empty();
        if universal || combined.iter().any(|(date, time, _)| key.path == [*date] || key.path == [*time]) {
            continue;
        }
        let rules = rules(key, fuzzy)?;
        match indexed(kind, &key.path) {
            Some(entry) => all.extend(rules.into_iter().flat_map(|rule| clauses(kind, entry, rule))),
            None => residual.extend(rules.into_iter().map(|rule| Residual { path: key.path.clone(), rule })),
        }
    }
    all.extend(combined.into_iter().map(|(_, _, test)| Clause { any: vec![test], not: false }));
    Ok((all, residual))
}

fn name_of(key: &Key) -> String {
    let part = |tag: &Tag| dictionary::keyword(*tag).map_or_else(|| tag.hex(), str::to_owned);
    key.path.iter().map(part).collect::<Vec<_>>().join(".")
}

/// Ranges of a date and of its time are one range of moments (PS3.18 §8.3.4.1, PS3.4 §C.2.2.2.5).
fn combined(kind: Kind, keys: &[Key]) -> Vec<(Tag, Tag, Test)> {
    let value = |tag: Tag| keys.iter().find(|key| key.path == [tag]).map(|key| key.value.trim());
    let pairs = INDEXED.iter().filter(|entry| entry.level.0 <= kind.0).filter_map(|entry| match entry.form {
        Form::DateTime { time } => Some((entry.path[0], time, Param::of(kind, entry.number))),
        _ => None,
    });
    pairs
        .filter_map(|(date, time, param)| {
            let (days, clock) = (value(date)?, value(time)?);
            let ((from_day, to_day), (from, to)) = (days.split_once('-')?, clock.split_once('-')?);
            let low = match (from_day, from) {
                ("", _) => EVER.0,
                (day, "") => date_span(day)?.0,
                (day, time) => date_span(day)?.0 + time_span(time)?.0,
            };
            let high = match (to_day, to) {
                ("", _) => EVER.1,
                (day, "") => date_span(day)?.1,
                (day, time) => date_span(day)?.0 + time_span(time)?.1,
            };
            Some((date, time, Test::Time(param, Compare::Eq, low, high)))
        })
        .collect()
}

/// What one key asks, by the representation of its attribute. All rules must hold.
fn rules(key: &Key, fuzzy: bool) -> Result<Vec<Rule>, QueryError> {
    let tag = key.path.last().copied().unwrap_or_default();
    let vr = dictionary::implicit_vr(tag);
    let value = key.value.trim();
    let expected = |what| wrong(&name_of(key), value, what);
    let range = |span: fn(&str) -> Option<(i64, i64)>, ever, what| {
        range_of(value, span, ever).ok_or_else(|| expected(what))
    };
    let rule = match vr {
        Vr::Sq => return Err(expected("a value for a sequence: name an attribute within it")),
        Vr::Ui => return uid_list(key, value).map(|rule| vec![rule]),
        Vr::Da => {
            range(date_span, EVER, "a date or a range of dates").map(|(low, high)| Rule::Date(low, high))?
        }
        Vr::Tm => range(time_span, (0, DAY), "a time or a range of times")
            .map(|(low, high)| Rule::Time(low, high))?,
        Vr::Dt => datetime_range(value).ok_or_else(|| expected("a date-time or a range of them"))?,
        Vr::Pn if fuzzy => return Ok(fuzzy_rules(value)),
        Vr::Pn => {
            let groups: Vec<&str> =
                value.split('=').map(strip_name).filter(|group| !group.is_empty()).collect();
            return Ok(groups.into_iter().map(|group| Rule::Name(fold(group))).collect());
        }
        Vr::Is | Vr::Ds | Vr::Us | Vr::Ss | Vr::Ul | Vr::Sl | Vr::Sv | Vr::Uv | Vr::Fl | Vr::Fd => {
            let number = value.parse().ok().filter(|number: &f64| number.is_finite());
            Rule::Number(number.ok_or_else(|| expected("a number"))?)
        }
        _ if vr.is_binary() => return Err(expected("matched: its values are bytes")),
        // Codes hold neither comma nor backslash: several are a list, as viewers send them (`CT,MR`).
        Vr::Cs => Rule::Text(value.split([',', '\\']).map(fold).filter(|code| !code.is_empty()).collect()),
        _ => Rule::Text(vec![fold(value)]),
    };
    Ok(vec![rule])
}

fn uid_list(key: &Key, value: &str) -> Result<Rule, QueryError> {
    let parts = value.split([',', '\\']).map(str::trim).filter(|uid| !uid.is_empty());
    let uids: Vec<String> = parts.map(str::to_owned).take(UIDS + 1).collect();
    if uids.len() > UIDS {
        return Err(QueryError::TooMuch { what: "UIDs in one list", limit: UIDS });
    }
    let fits =
        |uid: &String| uid.len() <= 64 && uid.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match uids.iter().find(|uid| !fits(uid)) {
        Some(uid) => Err(wrong(&name_of(key), uid, "a UID")),
        None => Ok(Rule::UidList(uids)),
    }
}

fn range_of(value: &str, span: fn(&str) -> Option<(i64, i64)>, ever: (i64, i64)) -> Option<(i64, i64)> {
    match value.split_once('-') {
        None => span(value),
        Some((from, to)) => {
            let (from, to) = (from.trim(), to.trim());
            let low = if from.is_empty() { ever.0 } else { span(from)?.0 };
            let high = if to.is_empty() { ever.1 } else { span(to)?.1 };
            (!from.is_empty() || !to.is_empty()).then_some((low, high))
        }
    }
}

/// A hyphen may stand between two date-times, or before an offset from UTC.
fn datetime_range(value: &str) -> Option<Rule> {
    if let Some((low, high)) = datetime_span(value) {
        return Some(Rule::DateTime(low, high));
    }
    value.match_indices('-').find_map(|(at, _)| {
        let (from, to) = (value[..at].trim(), value[at + 1..].trim());
        let low = if from.is_empty() { EVER.0 } else { datetime_span(from)?.0 };
        let high = if to.is_empty() { EVER.1 } else { datetime_span(to)?.1 };
        (!from.is_empty() || !to.is_empty()).then_some(Rule::DateTime(low, high))
    })
}

/// Each word of the query begins a word of the name; a word with wildcards inside is found anywhere.
fn fuzzy_rules(value: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut plain = Vec::new();
    for word in value.split(|c: char| c.is_whitespace() || "^=-,.".contains(c)) {
        let word = fold(word);
        let stem = word.trim_end_matches('*');
        if stem.trim_matches('*').is_empty() {
            continue;
        }
        if stem.contains(['*', '?']) {
            rules.push(Rule::Name(format!("*{}*", stem.trim_matches('*'))));
        } else {
            plain.push(stem.to_owned());
        }
    }
    if !plain.is_empty() {
        rules.push(Rule::Words(plain));
    }
    rules
}

/// One rule as tests on the index; a rule of several words makes as many clauses.
fn clauses(kind: Kind, entry: &Indexed, rule: Rule) -> Vec<Clause> {
    let param = Param::of(kind, entry.number);
    let one = |test| vec![Clause { any: vec![test], not: false }];
    match rule {
        Rule::UidList(uids) => {
            vec![Clause { any: uids.into_iter().map(|uid| Test::Is(param, uid)).collect(), not: false }]
        }
        Rule::Name(pattern) => one(text_test(param, &pattern)),
        Rule::Text(patterns) => {
            let any = patterns.iter().map(|pattern| text_test(param, pattern)).collect();
            vec![Clause { any, not: false }]
        }
        Rule::Words(words) => {
            let number =
                if entry.path == [tags::PATIENT_NAME] { PATIENT_NAME_WORDS } else { REFERRING_NAME_WORDS };
            let param = Param::of(kind, number);
            words.into_iter().flat_map(|word| one(Test::Prefix(param, word))).collect()
        }
        Rule::Date(low, high) | Rule::Time(low, high) | Rule::DateTime(low, high) => {
            one(Test::Time(param, Compare::Eq, low, high))
        }
        Rule::Number(number) => one(Test::Number(param, Compare::Eq, number, number, None)),
    }
}

/// The cheapest test for a folded pattern: whole value, prefix, or LIKE.
fn text_test(param: Param, pattern: &str) -> Test {
    let body = pattern.trim_end_matches('*');
    if body.contains(['*', '?']) {
        let mut like = String::with_capacity(pattern.len() + 8);
        for c in pattern.chars() {
            match c {
                '*' => like.push('%'),
                '?' => like.push('_'),
                '%' | '_' | '\\' => like.extend(['\\', c]),
                c => like.push(c),
            }
        }
        return Test::Like(param, like);
    }
    if body.len() < pattern.len() {
        return Test::Prefix(param, body.to_owned());
    }
    Test::Prefix(param, format!("{body}{SEPARATOR}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_years_fit_between_the_ends_of_time() {
        assert_eq!(date_span("0001").map(|span| span.0), Some(EVER.0));
        assert_eq!(date_span("9999").map(|span| span.1), Some(EVER.1));
    }
}
