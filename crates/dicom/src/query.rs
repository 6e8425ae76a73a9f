//! QIDO-RS queries (PS3.18 §8.3.4, §10.6; PS3.4 §C.2.2.2) compiled to the neutral language of indexes.
//!
//! What an index holds becomes a test on it; any other attribute of the dictionary becomes a [`Residual`] that is
//! compared with the row itself. Attributes that nobody knows are refused, never passed over.

mod keys;
mod select;

pub use keys::{Key, compile};
pub use select::select;

use crate::dictionary;
use crate::matching::Residual;
use crate::tag::Tag;
use lenticular_base::fault::{Fault, FaultKind};
use lenticular_base::{Kind, index};
use thiserror::Error;

/// Keys of one query at most, UIDs of one list, and bytes of one value.
const KEYS: usize = 100;
const UIDS: usize = 1000;
const VALUE: usize = 64 << 10;

/// A query, understood.
#[derive(Clone, PartialEq, Debug)]
pub struct DicomQuery {
    /// Holds `limit` and `offset` too; where there are residuals the caller applies these after them instead.
    pub query: index::Query,
    pub residual: Vec<Residual>,
    pub include: IncludeFields,
    pub fuzzy: bool,
    /// As asked for; `None` leaves it to the server.
    pub limit: Option<u64>,
    pub offset: u64,
}

/// What is answered besides the attributes of the level (PS3.18 §8.3.4.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IncludeFields {
    All,
    /// The first tag of each path.
    Tags(Vec<Tag>),
}

/// Why a query cannot be answered.
#[derive(Error, Clone, PartialEq, Eq, Debug)]
pub enum QueryError {
    #[error("\"{0}\" is no query parameter and no attribute of DICOM")]
    UnknownAttribute(String),
    #[error("includefield: \"{0}\" is no attribute of DICOM")]
    UnknownIncludeField(String),
    #[error("{name}: \"{value}\" is not {expected}")]
    Value { name: String, value: String, expected: &'static str },
    #[error("a query holds at most {limit} {what}")]
    TooMuch { what: &'static str, limit: usize },
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Fault {
        Fault::new(FaultKind::Invalid, "dicom-query", error.to_string())
    }
}

/// Reads the pairs of a query string, percent decoded, for rows of `kind`; identifiers from the path of the URL are given
/// as pairs too (`StudyInstanceUID`, …).
///
/// `default_limit` holds where the query has no limit.
pub fn parse_query(
    kind: Kind,
    pairs: &[(String, String)],
    default_limit: u64,
) -> Result<DicomQuery, QueryError> {
    let mut keys = Vec::new();
    let mut include = IncludeFields::Tags(Vec::new());
    let (mut fuzzy, mut limit, mut offset) = (false, None, 0);
    for (name, value) in pairs {
        if value.len() > VALUE {
            return Err(QueryError::TooMuch { what: "bytes in one value", limit: VALUE });
        }
        match name.as_str() {
            "includefield" => add_include_fields(&mut include, value)?,
            "fuzzymatching" => fuzzy = flag(name, value)?,
            "limit" => limit = Some(count(name, value)?),
            "offset" => offset = count(name, value)?,
            _ => keys.push(Key { path: parse_path(name)?, value: value.clone() }),
        }
    }
    if keys.len() > KEYS {
        return Err(QueryError::TooMuch { what: "attributes to match", limit: KEYS });
    }
    let (all, residual) = compile(kind, &keys, fuzzy)?;
    let mut query = index::Query::all(kind, limit.unwrap_or(default_limit));
    query.all = all;
    query.offset = offset;
    Ok(DicomQuery { query, residual, include, fuzzy, limit, offset })
}

fn flag(name: &str, value: &str) -> Result<bool, QueryError> {
    match value {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err(wrong(name, value, "true or false")),
    }
}

fn count(name: &str, value: &str) -> Result<u64, QueryError> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| value.parse().ok()).flatten().filter(|number| i64::try_from(*number).is_ok());
    number.ok_or_else(|| wrong(name, value, "a whole number"))
}

fn wrong(name: &str, value: &str, expected: &'static str) -> QueryError {
    let value = value.chars().take(100).collect();
    QueryError::Value { name: name.to_owned(), value, expected }
}

/// An attribute by keyword or eight digits, in sequences with dots between (PS3.18 §8.3.4.1).
fn parse_path(name: &str) -> Result<Vec<Tag>, QueryError> {
    let attribute = |part: &str| {
        let tag = dictionary::tag_of(part).or_else(|| Tag::parse(part))?;
        (dictionary::attribute(tag).is_some() || tag.is_private()).then_some(tag)
    };
    let unknown = || QueryError::UnknownAttribute(name.chars().take(100).collect());
    let path: Option<Vec<Tag>> = name.split('.').take(33).map(attribute).collect();
    path.filter(|path| path.len() <= 32).ok_or_else(unknown)
}

fn add_include_fields(include: &mut IncludeFields, value: &str) -> Result<(), QueryError> {
    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if name == "all" {
            *include = IncludeFields::All;
        }
        let IncludeFields::Tags(fields) = include else { return Ok(()) };
        let path = parse_path(name)
            .map_err(|_| QueryError::UnknownIncludeField(name.chars().take(100).collect()))?;
        fields.extend(
            path.first().filter(|tag| !fields.contains(tag)).copied().into_iter().collect::<Vec<_>>(),
        );
        if fields.len() > KEYS * 10 {
            return Err(QueryError::TooMuch { what: "fields to include", limit: KEYS * 10 });
        }
    }
    Ok(())
}
