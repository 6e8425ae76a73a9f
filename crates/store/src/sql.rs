//! What the commit algorithm and the query plan ask of a connection: run text with values, read rows.
//!
//! Placeholders are `$1`, `$2` … and appear first in that order, which every engine reads alike.

use crate::contract::{PackedBody, Packing};
use lenticular_base::{Fault, Kind};
use std::borrow::Cow;
use std::sync::Arc;

/// A value that is bound to a placeholder.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Bind<'a> {
    Null,
    Int(i64),
    Real(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl<'a> Bind<'a> {
    /// Text, or NULL where there is none.
    pub fn optional(text: Option<&'a str>) -> Bind<'a> {
        text.map_or(Bind::Null, Bind::Text)
    }
}

/// Text as every engine can keep it: PostgreSQL has no U+0000, so that one becomes U+FFFD, where it is stored and where it is asked for.
pub fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{FFFD}")) } else { Cow::Borrowed(text) }
}

/// A value that a statement owns.
#[derive(Clone, PartialEq, Debug)]
pub enum Owned {
    Int(i64),
    Real(f64),
    Text(String),
}

impl Owned {
    fn bind(&self) -> Bind<'_> {
        match self {
            Owned::Int(value) => Bind::Int(*value),
            Owned::Real(value) => Bind::Real(*value),
            Owned::Text(value) => Bind::Text(value),
        }
    }
}

/// One row of an answer, columns counted from 0.
pub trait Row {
    /// An integer; 0 where the column is NULL.
    fn int(&self, column: usize) -> Result<i64, Fault>;
    /// A real number, `None` where the column is NULL.
    fn real(&self, column: usize) -> Result<Option<f64>, Fault>;
    /// An integer, `None` where the column is NULL.
    fn maybe_int(&self, column: usize) -> Result<Option<i64>, Fault>;
    /// Text, `None` where the column is NULL.
    fn text(&self, column: usize) -> Result<Option<&str>, Fault>;
    /// Bytes; empty where the column is NULL.
    fn bytes(&self, column: usize) -> Result<&[u8], Fault>;
}

/// What is done with each row; `false` ends the reading.
pub type Each<'a> = &'a mut dyn FnMut(&dyn Row) -> Result<bool, Fault>;

/// The same, told which of several queries a row answers.
pub type EachOf<'a> = &'a mut dyn FnMut(usize, &dyn Row) -> Result<bool, Fault>;

/// One connection inside one transaction.
pub trait Session {
    /// Runs a statement that answers no rows; gives how many rows it changed.
    fn execute(&self, text: &str, binds: &[Bind<'_>]) -> Result<u64, Fault>;
    /// Runs a statement of which nobody has to know more than that the transaction succeeds: an engine may run it
    /// later, but before the next query, and its failure may be that of the next statement or of the commit.
    fn send(&self, text: &str, binds: &[Bind<'_>]) -> Result<(), Fault> {
        self.execute(text, binds).map(drop)
    }
    /// Runs one statement for each `width` values of `binds`; an engine may run them later, as those of [`Session::send`].
    fn execute_many(&self, text: &str, width: usize, binds: &[Bind<'_>]) -> Result<(), Fault>;
    /// Runs a statement and hands over its rows.
    fn query(&self, text: &str, binds: &[Bind<'_>], each: Each<'_>) -> Result<(), Fault>;
    /// Runs a query once for each `width` values of `binds`, all of them sent before the first answer where the engine can;
    /// `each` is told which, from 0. `false` ends the reading.
    fn query_many(
        &self,
        text: &str,
        width: usize,
        binds: &[Bind<'_>],
        each: EachOf<'_>,
    ) -> Result<(), Fault> {
        let mut goes_on = true;
        for (at, binds) in binds.chunks_exact(width.max(1)).enumerate() {
            if !goes_on {
                break;
            }
            self.query(text, binds, &mut |row| {
                goes_on = each(at, row)?;
                Ok(goes_on)
            })?;
        }
        Ok(())
    }
    /// Which SQL it speaks.
    fn dialect(&self) -> crate::dialect::Dialect;
}

/// The first column of the first row, as an integer.
pub fn one_int(session: &dyn Session, text: &str, binds: &[Bind<'_>]) -> Result<Option<i64>, Fault> {
    let mut found = None;
    session.query(text, binds, &mut |row| {
        found = row.maybe_int(0)?;
        Ok(false)
    })?;
    Ok(found)
}

/// Packs bodies and unpacks them: compression is the engine's.
pub trait Packer {
    fn pack(&self, kind: Kind, bytes: &[u8], packing: Packing) -> PackedBody;
    fn unpack(&self, dictionary: i64, length: i64, bytes: &[u8]) -> Result<Arc<[u8]>, Fault>;
}

/// A statement while it is being written.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sql {
    pub text: String,
    pub binds: Vec<Owned>,
}

impl Sql {
    /// Adds text.
    pub fn push(&mut self, text: &str) -> &mut Sql {
        self.text.push_str(text);
        self
    }

    fn bind(&mut self, value: Owned) -> &mut Sql {
        self.binds.push(value);
        self.text.push('$');
        self.text.push_str(&self.binds.len().to_string());
        self
    }

    /// Adds a placeholder for an integer.
    pub fn int(&mut self, value: i64) -> &mut Sql {
        self.bind(Owned::Int(value))
    }

    /// Adds a placeholder for a real number.
    pub fn real(&mut self, value: f64) -> &mut Sql {
        self.bind(Owned::Real(value))
    }

    /// Adds a placeholder for text.
    pub fn str(&mut self, value: impl Into<String>) -> &mut Sql {
        self.bind(Owned::Text(storable(&value.into()).into_owned()))
    }

    /// Ends a chain of additions.
    pub fn end(&mut self) {}

    /// Runs it.
    pub fn query(&self, session: &dyn Session, each: Each<'_>) -> Result<(), Fault> {
        let binds: Vec<Bind<'_>> = self.binds.iter().map(Owned::bind).collect();
        session.query(&self.text, &binds, each)
    }
}
