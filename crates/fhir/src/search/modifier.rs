//! Modifiers: what stands behind the colon of a parameter's name (FHIR R4 §3.1.1.4.5).

use super::SearchError;
use crate::kinds;
use crate::searchparams::{SearchParam, SearchType};
use lenticular_base::Kind;

/// A modifier that is understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Modifier {
    None,
    Missing,
    Exact,
    Contains,
    Not,
    /// The type of a reference.
    Type(Kind),
}

/// Modifiers of the standard that are refused by name.
fn later(search_type: SearchType) -> &'static [&'static str] {
    match search_type {
        SearchType::Token => &["text", "in", "not-in", "above", "below", "of-type"],
        SearchType::Reference => &["identifier", "above", "below"],
        SearchType::Uri => &["above", "below"],
        SearchType::String => &["text"],
        _ => &[],
    }
}

fn known(param: &SearchParam) -> &'static str {
    match param.search_type {
        _ if is_column(param) && param.code == "_id" => ":not",
        _ if is_column(param) => "none",
        SearchType::Token => ":missing, :not",
        SearchType::String => ":missing, :exact, :contains",
        SearchType::Reference => ":missing, :[type]",
        _ => ":missing",
    }
}

/// Parameters that are columns of the row, and always there.
pub(super) fn is_column(param: &SearchParam) -> bool {
    matches!(param.code, "_id" | "_lastUpdated")
}

/// Reads the modifier of a parameter.
pub(super) fn read(param: &SearchParam, modifier: Option<&str>, name: &str) -> Result<Modifier, SearchError> {
    let Some(modifier) = modifier else { return Ok(Modifier::None) };
    let found = match (modifier, param.search_type) {
        ("missing", _) if !is_column(param) => Some(Modifier::Missing),
        ("exact", SearchType::String) => Some(Modifier::Exact),
        ("contains", SearchType::String) => Some(Modifier::Contains),
        ("not", SearchType::Token) => Some(Modifier::Not),
        (name, SearchType::Reference) => kinds::kind(name).map(Modifier::Type),
        _ => None,
    };
    if let Some(found) = found {
        return Ok(found);
    }
    if later(param.search_type).contains(&modifier) {
        return Err(SearchError::not_supported(name, format!("the modifier ':{modifier}'")));
    }
    Err(SearchError::UnknownModifier {
        name: param.code.to_owned(),
        modifier: modifier.to_owned(),
        known: known(param).to_owned(),
    })
}
