//! Index entries on their way into the tables: collected, sorted into the order of the index, written together.

use crate::sql::{Bind, Session, storable};
use lenticular_base::index::{Entry, Param, Value};
use lenticular_base::{Fault, OrgNo, Vid};
use std::collections::HashMap;

const DAY: i64 = 86_400_000;

/// The longest text of an index row in bytes: a page of PostgreSQL's indexes holds three rows of 2,704 bytes. Whoever makes
/// entries cuts them at [`lenticular_base::index::TEXT_LIMIT`] already.
const VALUE_LIMIT: usize = 2048;

/// The longest width of each span class in milliseconds; the last has no bound.
pub const SPAN_WIDTHS: [Option<i64>; 4] = [Some(DAY), Some(32 * DAY), Some(367 * DAY), None];

/// Added to the span class where a row has more than one time under the parameter.
pub const SEVERAL: i64 = 4;

/// The class of a span by its width, so that every comparison is a range bounded on both sides.
pub fn span_class(low: i64, high: i64) -> i64 {
    let width = high.saturating_sub(low);
    (0..)
        .zip(SPAN_WIDTHS)
        .find(|(_, most)| most.is_none_or(|most| width <= most))
        .map_or(3, |(class, _)| class)
}

/// A row of `ix_text`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Text {
    org: i64,
    param: u32,
    value: String,
    vid: i64,
}

/// A row of `ix_time`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Time {
    org: i64,
    param: u32,
    span: i64,
    low: i64,
    high: i64,
    vid: i64,
}

/// A row of `ix_number`.
#[derive(Clone, PartialEq, Debug)]
struct Number {
    org: i64,
    param: u32,
    low: f64,
    high: f64,
    unit: String,
    vid: i64,
}

impl Number {
    fn order(&self, other: &Number) -> std::cmp::Ordering {
        (self.org, self.param)
            .cmp(&(other.org, other.param))
            .then(self.low.total_cmp(&other.low))
            .then(self.high.total_cmp(&other.high))
            .then_with(|| self.unit.cmp(&other.unit))
            .then(self.vid.cmp(&other.vid))
    }
}

/// The text as the tables can hold it: see [`storable`], and at most [`VALUE_LIMIT`] bytes.
fn kept(text: String) -> String {
    if text.len() <= VALUE_LIMIT && !text.contains('\0') {
        return text;
    }
    let mut text = storable(&text).into_owned();
    text.truncate(text.floor_char_boundary(VALUE_LIMIT));
    text
}

/// Rows of the three index tables.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Entries {
    texts: Vec<Text>,
    times: Vec<Time>,
    numbers: Vec<Number>,
}

const INSERT_TEXT: &str = "INSERT INTO ix_text (vid,param,value,org) VALUES ($1,$2,$3,$4)";
const INSERT_TIME: &str = "INSERT INTO ix_time (vid,param,low,high,org,span) VALUES ($1,$2,$3,$4,$5,$6)";
const INSERT_NUMBER: &str = "INSERT INTO ix_number (vid,param,low,high,unit,org) VALUES ($1,$2,$3,$4,$5,$6)";
const DELETE_TEXT: &str = "DELETE FROM ix_text WHERE vid=$1 AND param=$2 AND value=$3";
const DELETE_TIME: &str = "DELETE FROM ix_time WHERE vid=$1 AND param=$2 AND low=$3 AND high=$4";
const DELETE_NUMBER: &str =
    "DELETE FROM ix_number WHERE vid=$1 AND param=$2 AND low=$3 AND high=$4 AND unit=$5";

impl Entries {
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.times.is_empty() && self.numbers.is_empty()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.texts.len() + self.times.len() + self.numbers.len()
    }

    /// Adds the entries of one version.
    pub fn add(&mut self, org: OrgNo, vid: Vid, entries: Vec<Entry>) {
        let (org, vid) = (org.0, vid.0);
        let mut times: HashMap<Param, i64> = HashMap::new();
        for entry in &entries {
            if let Value::Time { .. } = entry.value {
                *times.entry(entry.param).or_default() += 1;
            }
        }
        for Entry { param, value } in entries {
            match value {
                Value::Text(value) => {
                    let value = kept(value);
                    self.texts.push(Text { org, param: param.0, value, vid });
                }
                Value::Time { low, high } => {
                    let several = if times.get(&param).is_some_and(|n| *n > 1) { SEVERAL } else { 0 };
                    let span = span_class(low, high) + several;
                    self.times.push(Time { org, param: param.0, span, low, high, vid });
                }
                Value::Number { low, high, unit } if !low.is_nan() && !high.is_nan() => {
                    // -0.0 and 0.0 are one key in the database
                    let (low, high, unit) = (low + 0.0, high + 0.0, kept(unit));
                    self.numbers.push(Number { org, param: param.0, low, high, unit, vid });
                }
                Value::Number { .. } => {}
            }
        }
    }

    fn sort(&mut self) {
        self.texts.sort_unstable();
        self.texts.dedup();
        self.times.sort_unstable();
        self.times.dedup();
        self.numbers.sort_unstable_by(Number::order);
        self.numbers.dedup();
    }

    /// Writes the rows in the order of their index and leaves this empty.
    pub fn flush(&mut self, session: &dyn Session) -> Result<(), Fault> {
        self.sort();
        self.run(session, INSERT_TEXT, INSERT_TIME, INSERT_NUMBER, true)?;
        *self = Entries::default();
        Ok(())
    }

    /// Deletes these rows.
    pub fn delete(&self, session: &dyn Session) -> Result<(), Fault> {
        self.run(session, DELETE_TEXT, DELETE_TIME, DELETE_NUMBER, false)
    }

    fn run(
        &self,
        session: &dyn Session,
        text: &str,
        time: &str,
        number: &str,
        whole: bool,
    ) -> Result<(), Fault> {
        let mut binds = Vec::with_capacity(self.texts.len() * 4);
        for row in &self.texts {
            binds.extend([Bind::Int(row.vid), Bind::Int(row.param.into()), Bind::Text(&row.value)]);
            binds.extend(whole.then_some(Bind::Int(row.org)));
        }
        session.execute_many(text, if whole { 4 } else { 3 }, &binds)?;
        binds.clear();
        for row in &self.times {
            binds.extend([Bind::Int(row.vid), Bind::Int(row.param.into())]);
            binds.extend([Bind::Int(row.low), Bind::Int(row.high)]);
            binds.extend(whole.then_some([Bind::Int(row.org), Bind::Int(row.span)]).into_iter().flatten());
        }
        session.execute_many(time, if whole { 6 } else { 4 }, &binds)?;
        binds.clear();
        for row in &self.numbers {
            binds.extend([Bind::Int(row.vid), Bind::Int(row.param.into())]);
            binds.extend([Bind::Real(row.low), Bind::Real(row.high), Bind::Text(&row.unit)]);
            binds.extend(whole.then_some(Bind::Int(row.org)));
        }
        session.execute_many(number, if whole { 6 } else { 5 }, &binds)
    }

    /// What the tables hold for one version.
    pub fn stored(session: &dyn Session, vid: Vid) -> Result<Entries, Fault> {
        let mut found = Entries::read(session, "vid=$1", &[Bind::Int(vid.0)], &mut |_| true)?;
        Ok(found.remove(&vid.0).unwrap_or_default())
    }

    /// What the tables hold for versions `low < vid <= high`, of each by itself; what `keep` declines is passed over.
    pub fn stored_between(
        session: &dyn Session,
        low: i64,
        high: i64,
        keep: &mut dyn FnMut(i64) -> bool,
    ) -> Result<HashMap<i64, Entries>, Fault> {
        Entries::read(session, "vid>$1 AND vid<=$2", &[Bind::Int(low), Bind::Int(high)], keep)
    }

    fn read(
        session: &dyn Session,
        condition: &str,
        binds: &[Bind<'_>],
        keep: &mut dyn FnMut(i64) -> bool,
    ) -> Result<HashMap<i64, Entries>, Fault> {
        let mut found: HashMap<i64, Entries> = HashMap::new();
        let param =
            |number: i64| u32::try_from(number).map_err(|_| crate::rows::corrupt(format!("param {number}")));
        let text = format!("SELECT vid,param,value,org FROM ix_text WHERE {condition}");
        session.query(&text, binds, &mut |row| {
            let vid = row.int(0)?;
            if keep(vid) {
                let value = row.text(2)?.unwrap_or_default().to_owned();
                let text = Text { org: row.int(3)?, param: param(row.int(1)?)?, value, vid };
                found.entry(vid).or_default().texts.push(text);
            }
            Ok(true)
        })?;
        let text = format!("SELECT vid,param,low,high,org,span FROM ix_time WHERE {condition}");
        session.query(&text, binds, &mut |row| {
            let vid = row.int(0)?;
            if keep(vid) {
                let (low, high, org, span) = (row.int(2)?, row.int(3)?, row.int(4)?, row.int(5)?);
                let time = Time { org, param: param(row.int(1)?)?, span, low, high, vid };
                found.entry(vid).or_default().times.push(time);
            }
            Ok(true)
        })?;
        let text = format!("SELECT vid,param,low,high,unit,org FROM ix_number WHERE {condition}");
        session.query(&text, binds, &mut |row| {
            let vid = row.int(0)?;
            if keep(vid) {
                let (low, high) = (row.real(2)?.unwrap_or_default(), row.real(3)?.unwrap_or_default());
                let unit = row.text(4)?.unwrap_or_default().to_owned();
                let (param, org) = (param(row.int(1)?)?, row.int(5)?);
                let number = Number { org, param, low, high, unit, vid };
                found.entry(vid).or_default().numbers.push(number);
            }
            Ok(true)
        })?;
        found.values_mut().for_each(Entries::sort);
        Ok(found)
    }

    /// Rows of the one and not of the other: what has to go, and what has to come.
    pub fn difference(old: &Entries, new: &mut Entries) -> (Entries, Entries) {
        new.sort();
        let gone = |from: &Entries, other: &Entries| Entries {
            texts: from.texts.iter().filter(|t| other.texts.binary_search(t).is_err()).cloned().collect(),
            times: from.times.iter().filter(|t| other.times.binary_search(t).is_err()).cloned().collect(),
            numbers: from
                .numbers
                .iter()
                .filter(|n| other.numbers.binary_search_by(|o| o.order(n)).is_err())
                .cloned()
                .collect(),
        };
        (gone(old, new), gone(new, old))
    }

    /// Whether these, as they were read, are exactly the rows that `entries` would lay down.
    pub fn are_those_of(&self, org: OrgNo, vid: Vid, entries: Vec<Entry>) -> bool {
        let mut expected = Entries::default();
        expected.add(org, vid, entries);
        expected.sort();
        *self == expected
    }
}

/// Deletes all entries of one version.
pub fn remove(session: &dyn Session, vid: Vid) -> Result<(), Fault> {
    for text in [
        "DELETE FROM ix_text WHERE vid=$1",
        "DELETE FROM ix_time WHERE vid=$1",
        "DELETE FROM ix_number WHERE vid=$1",
    ] {
        session.execute(text, &[Bind::Int(vid.0)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_classed_by_width() {
        assert_eq!(span_class(0, DAY), 0);
        assert_eq!(span_class(0, DAY + 1), 1);
        assert_eq!(span_class(0, 366 * DAY), 2);
        assert_eq!(span_class(0, i64::MAX), 3);
        assert_eq!(span_class(i64::MIN, i64::MAX), 3);
    }
}
