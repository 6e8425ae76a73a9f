//! One search from its parameters.

use super::split::split;
use super::value::Reader;
use super::{
    MAX_PAIRS, MAX_TESTS, MAX_VALUE_BYTES, MAX_VALUES, Search, SearchContext, SearchError, Summary, Total,
};
use super::{control, modifier as modifiers};
use crate::kinds;
use crate::searchparams::{SearchType, by_code, params_of};
use lenticular_base::index::{Query, SEPARATOR};
use lenticular_base::{Instant, Kind};

/// Reads a search for resources of `kind` from its name and value pairs, which are percent-decoded already.
///
/// The answer's `self_pairs` hold every pair that was understood. Errors name the parameter and what is known; see
/// [`SearchError::issue`] for the OperationOutcome.
pub fn parse(
    kind: Kind,
    pairs: &[(String, String)],
    context: &SearchContext<'_>,
) -> Result<Search, SearchError> {
    if pairs.len() > MAX_PAIRS {
        return Err(SearchError::TooLarge { what: "parameters", limit: MAX_PAIRS });
    }
    let count = context.default_count.min(context.max_count);
    let mut search = Search {
        query: Query::all(kind, 0),
        count,
        total: Total::None,
        summary: Summary::False,
        elements: Vec::new(),
        includes: Vec::new(),
        revincludes: Vec::new(),
        self_pairs: Vec::with_capacity(pairs.len()),
        page: None,
        ignored: Vec::new(),
    };
    let mut budget = Budget { values: MAX_VALUES, tests: MAX_TESTS };
    for (name, value) in pairs {
        match take(&mut search, name, value, context, &mut budget) {
            Ok(()) if name == "_page" => {}
            Ok(()) => search.self_pairs.push((name.clone(), value.clone())),
            Err(SearchError::UnknownParameter { .. } | SearchError::UnknownModifier { .. })
                if context.lenient =>
            {
                search.ignored.push(name.clone());
            }
            Err(error) => return Err(error),
        }
    }
    search.query.limit = u64::from(search.count);
    Ok(search)
}

/// What is left of the limits of one search.
struct Budget {
    values: usize,
    tests: usize,
}

fn take(
    search: &mut Search,
    name: &str,
    value: &str,
    context: &SearchContext<'_>,
    budget: &mut Budget,
) -> Result<(), SearchError> {
    if value.len() > MAX_VALUE_BYTES || name.len() > MAX_VALUE_BYTES {
        return Err(SearchError::TooLarge { what: "bytes in one parameter", limit: MAX_VALUE_BYTES });
    }
    let kind = search.query.kind;
    let (code, modifier) = match name.split_once(':') {
        Some((code, modifier)) => (code, Some(modifier)),
        None => (name, None),
    };
    if control::take(search, kind, code, modifier, value, context)? {
        return Ok(());
    }
    let chained = code.contains('.') || modifier.is_some_and(|modifier| modifier.contains('.'));
    if chained
        && by_code(kind, code.split('.').next().unwrap_or(""))
            .is_some_and(|param| param.search_type == SearchType::Reference)
    {
        return Err(SearchError::not_supported(name, "a chained parameter"));
    }
    let param = by_code(kind, code).ok_or_else(|| unknown(kind, code))?;
    if !param.is_supported() {
        let search_type = param.search_type.code();
        return Err(SearchError::not_supported(name, format!("a parameter of type {search_type}")));
    }
    let values = split(value, ',');
    budget.values = budget
        .values
        .checked_sub(values.len())
        .ok_or(SearchError::TooLarge { what: "values", limit: MAX_VALUES })?;
    if values.iter().any(|value| value.is_empty()) {
        return Err(SearchError::value(name, value, "a value is empty"));
    }
    if value.contains(SEPARATOR) {
        return Err(SearchError::value(name, value, "control characters cannot be searched for"));
    }
    let reader = Reader { param, name, modifier: modifiers::read(param, modifier, name)?, context };
    let clause = reader.clause(&values)?;
    budget.tests = budget.tests.checked_sub(clause.any.len()).ok_or(SearchError::TooLarge {
        what: "alternatives; name the type of references (Type/id)",
        limit: MAX_TESTS,
    })?;
    search.query.all.push(clause);
    Ok(())
}

fn unknown(kind: Kind, code: &str) -> SearchError {
    let known: Vec<&str> =
        params_of(kind).iter().filter(|p| p.is_supported()).map(|param| param.code).collect();
    SearchError::UnknownParameter { kind: kinds::name(kind), name: code.to_owned(), known: known.join(", ") }
}

/// Reads a query string as searches on types with parameters of every kind. For fuzzing: it must end, and never panic.
pub fn fuzz(text: &str) {
    let pairs = lenticular_base::text::pairs(text);
    for lenient in [false, true] {
        let base_url = "http://localhost/fhir";
        let context =
            SearchContext { base_url, default_count: 50, max_count: 1000, lenient, now: Instant(0) };
        for name in ["Observation", "Patient", "Measure", "RiskAssessment"] {
            if let Some(kind) = kinds::kind(name)
                && let Ok(search) = parse(kind, &pairs, &context)
            {
                super::interpret::fuzz(&search);
            }
        }
    }
}
