//! The parameters that shape the answer rather than select from it (FHIR R4 §3.1.1.5).

use super::include::{parse_include, parse_revinclude};
use super::{Search, SearchContext, SearchError, Summary, Total};
use crate::searchparams::{SearchType, by_code};
use lenticular_base::Kind;
use lenticular_base::index::{Sort, SortKey};

/// The most keys of one sort.
const MAX_SORT_KEYS: usize = 8;

/// Parameters of the standard that are refused by name rather than as unknown.
const LATER: [&str; 12] = [
    "_has",
    "_text",
    "_content",
    "_list",
    "_filter",
    "_query",
    "_contained",
    "_containedType",
    "_type",
    "_score",
    "_at",
    "_since",
];

/// Takes a control parameter into the search; `false` where `name` is none.
pub(super) fn take(
    search: &mut Search,
    kind: Kind,
    name: &str,
    modifier: Option<&str>,
    value: &str,
    context: &SearchContext<'_>,
) -> Result<bool, SearchError> {
    if LATER.contains(&name) {
        return Err(SearchError::not_supported(name, "this parameter"));
    }
    let includes = matches!(name, "_include" | "_revinclude");
    let known = includes
        || matches!(
            name,
            "_count" | "_sort" | "_summary" | "_elements" | "_total" | "_format" | "_pretty" | "_page"
        );
    if !known {
        return Ok(false);
    }
    let iterate = match modifier {
        None => false,
        Some("iterate") if includes => true,
        Some(modifier) => {
            let known = if includes { ":iterate" } else { "none" };
            return Err(SearchError::UnknownModifier {
                name: name.into(),
                modifier: modifier.into(),
                known: known.into(),
            });
        }
    };
    match name {
        "_count" => search.count = count(value)?.min(context.max_count),
        "_sort" => search.query.sort.extend(sort(kind, value, MAX_SORT_KEYS - search.query.sort.len())?),
        "_include" => search.includes.extend(parse_include(kind, value, iterate)?),
        "_revinclude" => search.revincludes.extend(parse_revinclude(kind, value, iterate)?),
        "_summary" => search.summary = summary(value)?,
        "_elements" => search.elements.extend(elements(value)?),
        "_total" => search.total = total(value)?,
        "_page" => search.page = Some(value.to_owned()),
        // `_format` and `_pretty` are for whoever writes the answer.
        _ => {}
    }
    Ok(true)
}

fn count(value: &str) -> Result<u32, SearchError> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(SearchError::value("_count", value, "a whole number from 0 is expected"));
    }
    // More digits than a number holds is more than any page.
    Ok(value.parse().unwrap_or(u32::MAX))
}

fn sort(kind: Kind, value: &str, room: usize) -> Result<Vec<Sort>, SearchError> {
    let mut keys = Vec::new();
    for part in value.split(',') {
        if keys.len() == room {
            return Err(SearchError::TooLarge { what: "sort keys", limit: MAX_SORT_KEYS });
        }
        let (code, descending) = match part.strip_prefix('-') {
            Some(code) => (code, true),
            None => (part, false),
        };
        keys.push(Sort { key: sort_key(kind, code, value)?, descending });
    }
    Ok(keys)
}

fn sort_key(kind: Kind, code: &str, value: &str) -> Result<SortKey, SearchError> {
    match code {
        "_id" => return Ok(SortKey::Id),
        "_lastUpdated" => return Ok(SortKey::Updated),
        _ => {}
    }
    let param = by_code(kind, code).ok_or_else(|| {
        SearchError::value("_sort", value, format!("'{code}' is not a search parameter of this type"))
    })?;
    Ok(match param.search_type {
        SearchType::Date => SortKey::Time(param.param),
        SearchType::Number | SearchType::Quantity => SortKey::Number(param.param),
        SearchType::String | SearchType::Token | SearchType::Reference | SearchType::Uri => {
            SortKey::Text(param.param)
        }
        SearchType::Composite | SearchType::Special => {
            let code = param.search_type.code();
            return Err(SearchError::not_supported("_sort", format!("sorting by a {code} parameter")));
        }
    })
}

fn summary(value: &str) -> Result<Summary, SearchError> {
    Ok(match value {
        "true" => Summary::True,
        "false" => Summary::False,
        "text" => Summary::Text,
        "data" => Summary::Data,
        "count" => Summary::Count,
        _ => {
            return Err(SearchError::value(
                "_summary",
                value,
                "one of true, false, text, data, count is expected",
            ));
        }
    })
}

fn total(value: &str) -> Result<Total, SearchError> {
    Ok(match value {
        "none" => Total::None,
        "estimate" => Total::Estimate,
        "accurate" => Total::Accurate,
        _ => return Err(SearchError::value("_total", value, "one of none, estimate, accurate is expected")),
    })
}

fn elements(value: &str) -> Result<Vec<String>, SearchError> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
    let names = value.split(',').map(str::trim);
    names
        .map(|name| {
            let wrong = || SearchError::value("_elements", value, "names of top-level elements are expected");
            is_name(name).then(|| name.to_owned()).ok_or_else(wrong)
        })
        .collect()
}
