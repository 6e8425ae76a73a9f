//! Grants: what a member has given to another member or to the holder of a link, one flattened row each.

use crate::scope::Columns;
use lenticular_base::{Instant, Kind, OrgNo};

/// Who was given something.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Grantee {
    Member(OrgNo),
    /// Whoever holds the link of this share.
    Link(String),
}

impl Grantee {
    /// The key that grant rows are found by: `m3` or `l<share id>`.
    pub fn key(&self) -> String {
        match self {
            Grantee::Member(org) => format!("m{}", org.0),
            Grantee::Link(share) => format!("l{share}"),
        }
    }
}

/// One row of permission. `None` does not narrow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The share that caused it; taking the share back removes all its rows.
    pub source: String,
    pub grantee: Grantee,
    /// Whose rows.
    pub org: OrgNo,
    pub patient: Option<String>,
    pub study: Option<String>,
    pub kind: Option<Kind>,
    /// Exclusive; `None` is without end.
    pub expires: Option<Instant>,
}

impl Grant {
    /// Whether this grant opens a row to `grantee` at `now`.
    pub fn opens(&self, row: &Columns<'_>, grantee: &Grantee, now: Instant) -> bool {
        let narrowed_by_something = self.patient.is_some() || self.study.is_some() || self.kind.is_some();
        narrowed_by_something
            && self.grantee == *grantee
            && self.org == row.org
            && self.expires.is_none_or(|end| now < end)
            && self.patient.as_deref().is_none_or(|patient| row.patient == Some(patient))
            && self.study.as_deref().is_none_or(|study| row.study == Some(study))
            && self.kind.is_none_or(|kind| row.kind == kind)
    }
}
