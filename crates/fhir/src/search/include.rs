//! `_include` and `_revinclude` (FHIR R4 §3.1.1.5.4).

use super::SearchError;
use crate::kinds;
use crate::searchparams::{SearchParam, SearchType, by_code, params_of};
use lenticular_base::Kind;
use lenticular_base::index::Param;

/// Resources to add to the answer along references.
#[derive(Clone, PartialEq, Debug)]
pub struct Include {
    /// The type that holds the references.
    pub source: Kind,
    /// The reference parameters to follow: one, or all of `source` where the wildcard was given.
    pub params: Vec<Param>,
    /// Only referenced resources of this type.
    pub target: Option<Kind>,
    /// `:iterate`: also from resources that were themselves included.
    pub iterate: bool,
}

/// Reads the value of `_include` on a search for `kind`.
pub(super) fn parse_include(kind: Kind, value: &str, iterate: bool) -> Result<Vec<Include>, SearchError> {
    if value == "*" {
        return Ok(vec![Include { source: kind, params: references(kind, None), target: None, iterate }]);
    }
    let include = parse_triple("_include", value, iterate)?;
    if !iterate && include.source != kind {
        let found = kinds::name(kind);
        return Err(SearchError::value(
            "_include",
            value,
            format!("without :iterate the source type is {found}"),
        ));
    }
    Ok(vec![include])
}

/// Reads the value of `_revinclude` on a search for `kind`.
pub(super) fn parse_revinclude(kind: Kind, value: &str, iterate: bool) -> Result<Vec<Include>, SearchError> {
    if value == "*" {
        let all = kinds::all().map(|(source, _)| (source, references(source, Some(kind))));
        let used = all.filter(|(_, params)| !params.is_empty());
        return Ok(used
            .map(|(source, params)| Include { source, params, target: Some(kind), iterate })
            .collect());
    }
    let include = parse_triple("_revinclude", value, iterate)?;
    if iterate {
        return Ok(vec![include]);
    }
    let found = kinds::name(kind);
    let params: Vec<Param> = references(include.source, Some(kind))
        .into_iter()
        .filter(|param| include.params.contains(param))
        .collect();
    if params.is_empty() || include.target.is_some_and(|target| target != kind) {
        return Err(SearchError::value("_revinclude", value, format!("it does not refer to {found}")));
    }
    Ok(vec![Include { params, target: Some(kind), ..include }])
}

/// `Type:param`, `Type:*`, each with an optional `:Target`.
fn parse_triple(name: &str, value: &str, iterate: bool) -> Result<Include, SearchError> {
    let bad = |why: String| SearchError::value(name, value, why);
    let mut parts = value.split(':');
    let (source, code, target) = (parts.next().unwrap_or(""), parts.next(), parts.next());
    if parts.next().is_some() {
        return Err(bad("the form is Type:parameter or Type:parameter:Target".into()));
    }
    let source = kinds::kind(source).ok_or_else(|| bad(format!("'{source}' is not a resource type")))?;
    let target = match target.filter(|target| !target.is_empty()) {
        None => None,
        Some(target) => {
            Some(kinds::kind(target).ok_or_else(|| bad(format!("'{target}' is not a resource type")))?)
        }
    };
    let params = match code {
        None => return Err(bad("the form is Type:parameter or Type:parameter:Target".into())),
        Some("*") => references(source, target),
        Some(code) => {
            let param = by_code(source, code).filter(|param| param.search_type == SearchType::Reference);
            vec![param.ok_or_else(|| bad(unknown_reference(source, code)))?.param]
        }
    };
    Ok(Include { source, params, target, iterate })
}

fn references(source: Kind, target: Option<Kind>) -> Vec<Param> {
    let fits = |param: &&SearchParam| {
        param.search_type == SearchType::Reference && target.is_none_or(|target| param.may_refer_to(target))
    };
    params_of(source).iter().filter(fits).map(|param| param.param).collect()
}

fn unknown_reference(source: Kind, code: &str) -> String {
    let of_type = |param: &&SearchParam| param.search_type == SearchType::Reference;
    let known: Vec<&str> = params_of(source).iter().filter(of_type).map(|param| param.code).collect();
    let source = kinds::name(source);
    format!("'{code}' is not a reference parameter of {source}; known are: {}", known.join(", "))
}
