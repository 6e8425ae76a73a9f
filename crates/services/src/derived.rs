//! Rows that follow from others, made anew: what a restore to an earlier position has to say of them.

use crate::network::kinds;
use crate::{ingest, shares};
use lenticular_base::{Fault, Kind};
use lenticular_policy::Grant;
use lenticular_store::{Put, Record, View};

/// The kind of row that causes grants.
pub const CAUSE: Kind = kinds::SHARE;

/// A row that is kept in place, as what is stored says it should be; `None` where nothing else says it.
///
/// # Errors
/// `Corrupt` where what it follows from cannot be read.
pub fn row(view: &dyn View, record: &Record) -> Result<Option<Put>, Fault> {
    ingest::made_anew(view, record)
}

/// The grants that a share causes; none where what it was about is not here any more.
///
/// # Errors
/// `Corrupt` where the share cannot be read.
pub fn grants(view: &dyn View, record: &Record) -> Result<Vec<Grant>, Fault> {
    shares::caused_by(view, record)
}
