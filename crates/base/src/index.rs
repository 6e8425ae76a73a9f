//! The neutral language of indexes: what a resource or an image is found by, and what a search asks.
//!
//! `fhir` and `dicom` extract [`Entry`]s and compile searches to a [`Query`]; `store` writes the one and compiles the
//! other to SQL. Neither knows the other.
//!
//! How values are laid down, so that every search is a range of a sorted index:
//!
//! | type | stored as | found by |
//! |---|---|---|
//! | string | `fold(text)` U+0001 `text` | prefix: `Prefix(fold(q))`; exact: `Is(fold(q) U+0001 q)`; contains: `Contains(fold(q))` |
//! | token | `code` U+0001 `system` | `code`: `Prefix(code U+0001)`; `system\|code` and `\|code`: `Is(…)`; `system\|`: `Suffix(U+0001 system)` |
//! | reference | `Type/id`, an absolute URL, or a canonical `url` U+0001 `version` | `Is`, `Prefix` |
//! | uri, DICOM UI | the text | `Is` |
//! | date, DICOM DA/DT | milliseconds `low..high` | [`Test::Time`] |
//! | number, quantity | `low..=high` and `code` U+0001 `system` as unit | [`Test::Number`] |
//! | DICOM text (LO, SH, PN, CS …) | `fold(text)` U+0001 `text` | `Like` with `%` and `_` escaped by `\` for wildcards |

use crate::ids::{Kind, Position, Vid};

/// Between the parts of an index value; no FHIR or DICOM text may hold it.
pub const SEPARATOR: char = '\u{1}';

/// The number of an indexed attribute: `kind << 16 | number within the kind`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Param(pub u32);

impl Param {
    /// The `number`th parameter of `kind`.
    pub fn of(kind: Kind, number: u16) -> Param {
        Param(u32::from(kind.0) << 16 | u32::from(number))
    }

    /// The kind that it belongs to.
    pub fn kind(self) -> Kind {
        Kind((self.0 >> 16) as u16)
    }
}

/// One index entry of one version of one row.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    pub param: Param,
    pub value: Value,
}

/// What is laid down in an index.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// At most [`TEXT_LIMIT`] bytes; longer text is cut at a character.
    Text(String),
    /// Milliseconds since the epoch, `low <= t < high`.
    Time { low: i64, high: i64 },
    /// The bounds that the stated precision implies, and the unit (empty where there is none).
    Number { low: f64, high: f64, unit: String },
}

/// The longest text in an index, in bytes.
pub const TEXT_LIMIT: usize = 512;

/// Cuts `text` to at most [`TEXT_LIMIT`] bytes at a character boundary.
pub fn cut(mut text: String) -> String {
    if text.len() > TEXT_LIMIT {
        let mut end = TEXT_LIMIT;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

/// How two quantities of time or number compare (FHIR R4 §3.1.1.4.4 prefixes).
///
/// `v` is a value of the index and `low`, `high` are those of the test; the same rule for times and numbers. A test
/// holds for a row where any one of its values of that parameter (and unit) passes:
///
/// | | passes where |
/// |---|---|
/// | Eq | `v.low >= low && v.high <= high` |
/// | Ne | not as Eq (a row without a value does not pass) |
/// | Gt | `v.high > high` |
/// | Lt | `v.low < low` |
/// | Ge | as Gt or as Eq |
/// | Le | as Lt or as Eq |
/// | Sa | `v.low >= high` |
/// | Eb | `v.high <= low` |
///
/// For [`Test::Updated`] the value of a row that was changed at `t` is `t..t + 1`, in milliseconds.
///
/// Whoever compiles a search sees to it that these rules, all of them inclusive, mean what the search says: a number
/// in a resource is exact (`v.low == v.high`); `eq100` has `low` 99.5 and as `high` the greatest float below 100.5;
/// `gt100` has 100 as both; `sa100` has as `high` the least float above 100, `eb100` as `low` the greatest below it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compare {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    /// Starts after.
    Sa,
    /// Ends before.
    Eb,
}

/// One test on one row.
#[derive(Clone, PartialEq, Debug)]
pub enum Test {
    /// The text value is this.
    Is(Param, String),
    /// The text value begins with this.
    Prefix(Param, String),
    /// The text value ends with this.
    Suffix(Param, String),
    /// The part of the text value before the separator contains this.
    Contains(Param, String),
    /// The part before the separator is LIKE this pattern (`%`, `_`, escaped by `\`).
    Like(Param, String),
    /// The time compares thus with `low <= t < high`.
    Time(Param, Compare, i64, i64),
    /// The number compares thus with the range, in this unit where one is given: `code` U+0001 `system`, or a
    /// prefix of it ending with the separator for any system.
    Number(Param, Compare, f64, f64, Option<String>),
    /// There is no value (`true`) or some value (`false`).
    Missing(Param, bool),
    /// The logical id (FHIR) or UID (DICOM) is this.
    Id(String),
    /// The time of the last change compares thus.
    Updated(Compare, i64, i64),
    /// Always false: such as a token of a value set that is empty.
    Never,
}

/// Any of `any`, or none of them where `not` is set.
#[derive(Clone, PartialEq, Debug)]
pub struct Clause {
    pub any: Vec<Test>,
    /// `:not`, and rows without any value match too (FHIR R4 §3.1.1.4.8).
    pub not: bool,
}

/// One key to sort by.
#[derive(Clone, PartialEq, Debug)]
pub struct Sort {
    pub key: SortKey,
    pub descending: bool,
}

/// What to sort by; rows without the value come last in both directions.
#[derive(Clone, PartialEq, Debug)]
pub enum SortKey {
    Id,
    Updated,
    /// The least text value ascending, the greatest descending.
    Text(Param),
    Time(Param),
    Number(Param),
}

/// A page to go on after: the sort values of the last row shown, and its version number.
#[derive(Clone, PartialEq, Debug)]
pub struct After {
    pub values: Vec<SortValue>,
    pub vid: Vid,
}

/// The value of one sort key on one row.
#[derive(Clone, PartialEq, Debug)]
pub enum SortValue {
    None,
    Text(String),
    Integer(i64),
    Real(f64),
}

/// A search over rows of one kind as of one position.
#[derive(Clone, PartialEq, Debug)]
pub struct Query {
    pub kind: Kind,
    /// All of these.
    pub all: Vec<Clause>,
    pub sort: Vec<Sort>,
    /// As of this position; `None` is now.
    pub at: Option<Position>,
    pub after: Option<After>,
    pub offset: u64,
    /// At most this many rows.
    pub limit: u64,
}

impl Query {
    /// All rows of a kind, newest position, in the order they were written.
    pub fn all(kind: Kind, limit: u64) -> Query {
        Query { kind, all: Vec::new(), sort: Vec::new(), at: None, after: None, offset: 0, limit }
    }

    /// This query with one more test that must hold.
    pub fn with(mut self, test: Test) -> Query {
        self.all.push(Clause { any: vec![test], not: false });
        self
    }
}
