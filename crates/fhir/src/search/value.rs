//! The values of one parameter as a clause of tests, by the parameter's type (FHIR R4 §3.1.1.4).

use super::modifier::Modifier;
use super::split::{split, unescape};
use super::{SearchContext, SearchError, ordered, reference};
use crate::definitions::{ValueSetId, definitions};
use crate::extract::{Shape, shape_of};
use crate::searchparams::{SearchParam, SearchType};
use lenticular_base::LogicalId;
use lenticular_base::index::{Clause, Param, SEPARATOR, Test, cut};
use lenticular_base::text::fold;

/// One parameter of a search on its way to a clause.
pub(super) struct Reader<'a> {
    pub param: &'static SearchParam,
    /// The name as it was given, with its modifier.
    pub name: &'a str,
    pub modifier: Modifier,
    pub context: &'a SearchContext<'a>,
}

impl Reader<'_> {
    /// Any of the values, which are split at commas and still escaped.
    pub(super) fn clause(&self, values: &[&str]) -> Result<Clause, SearchError> {
        let mut any = Vec::with_capacity(values.len());
        for value in values {
            self.tests(value, &mut any)?;
        }
        Ok(Clause { any, not: self.modifier == Modifier::Not })
    }

    /// An error about one value of this parameter.
    pub(super) fn wrong(&self, value: &str, why: impl Into<String>) -> SearchError {
        SearchError::value(self.name, value, why)
    }

    fn tests(&self, value: &str, any: &mut Vec<Test>) -> Result<(), SearchError> {
        let param = self.param.param;
        if self.modifier == Modifier::Missing {
            any.push(Test::Missing(param, self.missing(value)?));
            return Ok(());
        }
        match (self.param.code, self.param.search_type) {
            ("_id", _) => any.push(id(value)),
            ("_lastUpdated", _) => {
                let (compare, low, high) = ordered::time(self, value)?;
                any.push(Test::Updated(compare, low, high));
            }
            (_, SearchType::String) => any.push(self.string(value)?),
            (_, SearchType::Token) => any.push(self.token(value)?),
            (_, SearchType::Uri) => any.push(Test::Is(param, cut(unescape(value)))),
            (_, SearchType::Reference) => reference::tests(self, value, any)?,
            (_, SearchType::Date) => {
                let (compare, low, high) = ordered::time(self, value)?;
                any.push(Test::Time(param, compare, low, high));
            }
            (_, SearchType::Number) => any.push(ordered::number(self, value)?),
            (_, SearchType::Quantity) => any.push(ordered::quantity(self, value)?),
            (_, search_type @ (SearchType::Composite | SearchType::Special)) => {
                let code = search_type.code();
                return Err(SearchError::not_supported(self.name, format!("a parameter of type {code}")));
            }
        }
        Ok(())
    }

    fn missing(&self, value: &str) -> Result<bool, SearchError> {
        match value {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.wrong(value, "true or false is expected")),
        }
    }

    /// §3.1.1.4.8: the beginning of the text by default; case and accents do not count.
    fn string(&self, value: &str) -> Result<Test, SearchError> {
        let param = self.param.param;
        let text = unescape(value);
        let folded = fold(&text);
        if self.modifier == Modifier::Exact {
            return Ok(Test::Is(param, cut(format!("{folded}{SEPARATOR}{text}"))));
        }
        if folded.is_empty() {
            return Err(self.wrong(value, "nothing is left to search for"));
        }
        Ok(match self.modifier {
            Modifier::Contains => Test::Contains(param, cut(folded)),
            _ => Test::Prefix(param, cut(folded)),
        })
    }

    /// §3.1.1.4.10: `code`, `system|code`, `|code`, `system|`.
    fn token(&self, value: &str) -> Result<Test, SearchError> {
        let parts: Vec<String> = split(value, '|').into_iter().map(unescape).collect();
        match parts.as_slice() {
            [code] => Ok(any_system(self.param.param, code)),
            [system, code] => self.system_and_code(value, system, code),
            _ => Err(self.wrong(value, "a token has one '|' at most; write '\\|' for one in a code")),
        }
    }

    fn system_and_code(&self, value: &str, system: &str, code: &str) -> Result<Test, SearchError> {
        let param = self.param.param;
        match (system.is_empty(), code.is_empty()) {
            (true, true) => Err(self.wrong(value, "neither a system nor a code is given")),
            (false, true) => Ok(Test::Suffix(param, format!("{SEPARATOR}{system}"))),
            (false, false) => {
                let shape = shape_of(param);
                Ok(if shape.systems {
                    exactly(param, code, system)
                } else {
                    implied(param, &shape, code, system)
                })
            }
            (true, false) => Ok(exactly(param, code, system)),
        }
    }
}

fn exactly(param: Param, code: &str, system: &str) -> Test {
    Test::Is(param, cut(format!("{code}{SEPARATOR}{system}")))
}

/// A plain code or boolean has its system implied by its element, so there is none in the index: where the element is
/// bound to codes that are known, the system must be theirs; else it is taken as right.
fn implied(param: Param, shape: &Shape, code: &str, system: &str) -> Test {
    let fits = |set: &ValueSetId| definitions().has_code(*set, Some(system), code);
    if shape.bindings.is_empty() || shape.bindings.iter().any(fits) {
        return any_system(param, code);
    }
    Test::Never
}

fn any_system(param: Param, code: &str) -> Test {
    Test::Prefix(param, cut(format!("{code}{SEPARATOR}")))
}

/// What can be no id is the id of nothing.
fn id(value: &str) -> Test {
    if LogicalId::fits(value) { Test::Id(value.to_owned()) } else { Test::Never }
}
