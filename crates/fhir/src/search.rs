//! The FHIR R4 search language (§3.1.1): query parameters in, a neutral [`Query`] and the controls of the answer out.
//!
//! [`parse()`] never ignores what it does not understand: a parameter or modifier that is unknown is an error that
//! names it, unless the client asked for lenient handling. [`interpret`] is the meaning of a compiled test, on the
//! entries of one resource; the store's SQL must agree with it.
//!
//! Start reading at [`parse()`], then `value` (one parameter's value to tests).

mod control;
mod error;
mod include;
pub mod interpret;
mod modifier;
mod ordered;
mod parse;
mod reference;
mod split;
mod subset;
mod value;

pub use error::SearchError;
pub use include::Include;
pub use parse::{fuzz, parse};
pub use subset::summarise;

use lenticular_base::Instant;
use lenticular_base::index::Query;

/// The most parameters in one search.
pub const MAX_PAIRS: usize = 200;
/// The most comma-separated values in one search, all parameters together.
pub const MAX_VALUES: usize = 1000;
/// The longest value of one parameter, in bytes.
pub const MAX_VALUE_BYTES: usize = 8192;
/// The most tests that one search may compile to.
pub const MAX_TESTS: usize = 5000;

/// What a search is read against.
#[derive(Clone, Copy, Debug)]
pub struct SearchContext<'a> {
    /// The server's FHIR base without a slash at its end, such as `https://example.org/fhir`.
    pub base_url: &'a str,
    /// The page size where `_count` is not given.
    pub default_count: u32,
    /// The largest page; a larger `_count` is lowered to it.
    pub max_count: u32,
    /// `Prefer: handling=lenient`: unknown parameters and modifiers are left out and listed in [`Search::ignored`].
    pub lenient: bool,
    /// The present moment, for the prefix `ap` on dates.
    pub now: Instant,
}

/// A search that was understood.
#[derive(Clone, PartialEq, Debug)]
pub struct Search {
    /// What to find; its `limit` is `count`, its `at`, `after` and `offset` are left to the caller.
    pub query: Query,
    /// The page size, at most `max_count`; 0 asks for the total alone, as does [`Summary::Count`].
    pub count: u32,
    pub total: Total,
    pub summary: Summary,
    /// Names of top-level elements (`_elements`); empty means all.
    pub elements: Vec<String>,
    pub includes: Vec<Include>,
    pub revincludes: Vec<Include>,
    /// What was understood, in order, not percent-encoded, without `_page`: the `self` link.
    pub self_pairs: Vec<(String, String)>,
    /// The text of `_page` as it came; the caller made it and reads it.
    pub page: Option<String>,
    /// Names of parameters that lenient handling left out.
    pub ignored: Vec<String>,
}

/// `_total` (FHIR R4 §3.1.1.5.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Total {
    #[default]
    None,
    Estimate,
    Accurate,
}

/// `_summary` (FHIR R4 §3.1.1.5.8).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Summary {
    #[default]
    False,
    True,
    Text,
    Data,
    Count,
}
