//! What can be wrong with a search.

use lenticular_base::{Fault, FaultKind};
use thiserror::Error;

/// A search that is refused; the text is for the client.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum SearchError {
    /// The type has no such search parameter.
    #[error("{kind} has no search parameter '{name}'; known are: {known}")]
    UnknownParameter { kind: &'static str, name: String, known: String },
    /// The parameter has no such modifier.
    #[error("'{name}' does not take the modifier ':{modifier}'; it takes: {known}")]
    UnknownModifier { name: String, modifier: String, known: String },
    /// A part of the standard that this server does not answer.
    #[error("'{name}': {what} is not supported here")]
    NotSupported { name: String, what: String },
    /// A value that does not have the form of its parameter's type.
    #[error("'{name}={value}': {why}")]
    Value { name: String, value: String, why: String },
    /// More than one search may hold.
    #[error("a search may have at most {limit} {what}")]
    TooLarge { what: &'static str, limit: usize },
}

impl SearchError {
    pub(super) fn value(name: &str, value: &str, why: impl Into<String>) -> SearchError {
        let shown: String = value.chars().take(200).collect();
        SearchError::Value { name: name.into(), value: shown, why: why.into() }
    }

    pub(super) fn not_supported(name: &str, what: impl Into<String>) -> SearchError {
        SearchError::NotSupported { name: name.into(), what: what.into() }
    }

    /// The code of the OperationOutcome's issue (value set issue-type); the HTTP status is 400 for all.
    pub fn issue(&self) -> &'static str {
        match self {
            SearchError::UnknownParameter { .. }
            | SearchError::UnknownModifier { .. }
            | SearchError::NotSupported { .. } => "not-supported",
            SearchError::Value { .. } => "invalid",
            SearchError::TooLarge { .. } => "too-costly",
        }
    }
}

impl From<SearchError> for Fault {
    fn from(error: SearchError) -> Fault {
        let code = match &error {
            SearchError::UnknownParameter { .. } => "search-parameter-unknown",
            SearchError::UnknownModifier { .. } => "search-modifier-unknown",
            SearchError::NotSupported { .. } => "search-not-supported",
            SearchError::Value { .. } => "search-value",
            SearchError::TooLarge { .. } => "search-too-large",
        };
        Fault::new(FaultKind::Invalid, code, error.to_string())
    }
}
