//! The proof of what may be read: a filter over the columns that every row has.

use crate::grant::{Grant, Grantee};
use lenticular_base::{Instant, Kind, Labels, OrgNo};

/// The columns that every row of every kind has; access is decided on these alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Columns<'a> {
    /// Who owns it.
    pub org: OrgNo,
    /// The owner's Patient id; `None` where it belongs to no patient.
    pub patient: Option<&'a str>,
    pub kind: Kind,
    pub labels: Labels,
    /// The member that wrote it.
    pub author_org: OrgNo,
    /// When this version was written.
    pub time: Instant,
    /// The Study Instance UID that it belongs to, where it does: a share of one study needs no list of its parts.
    pub study: Option<&'a str>,
}

/// A filter without negation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Filter {
    #[default]
    False,
    True,
    Org(OrgNo),
    Kind(Vec<Kind>),
    /// Rows that belong to no patient.
    NoPatient,
    Patient(String),
    /// No label beyond these bits.
    LabelsWithin(Labels),
    /// Rows that a grant in force at `now` opens to this grantee.
    Granted {
        grantee: Grantee,
        now: Instant,
    },
    And(Vec<Filter>),
    Or(Vec<Filter>),
}

/// Proof of what may be read. Only this crate makes one; the default reads nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scope {
    filter: Filter,
}

impl Scope {
    pub(crate) fn new(filter: Filter) -> Scope {
        Scope { filter }
    }

    /// The filter, for compilers to SQL.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The scope of the server's own work inside one commit or projection: all rows of one member. Answers to callers never
    /// use it; `tidy` lists its few callers.
    pub fn of_own_work(org: OrgNo) -> Scope {
        Scope::new(Filter::Org(org))
    }

    /// The scope of the owner of the data folder: verification, rebuilding, counting. As [`Scope::of_own_work`], never for answers.
    pub fn of_whole_store() -> Scope {
        Scope::new(Filter::True)
    }

    /// This scope, narrowed to some kinds.
    pub fn within_kinds(&self, kinds: Vec<Kind>) -> Scope {
        Scope::new(Filter::And(vec![self.filter.clone(), Filter::Kind(kinds)]))
    }

    /// This scope, narrowed to the rows of one member.
    pub fn within_org(&self, org: OrgNo) -> Scope {
        Scope::new(Filter::And(vec![Filter::Org(org), self.filter.clone()]))
    }

    /// Whether one row may be read, given the grants there are. Agrees with the compiled SQL.
    pub fn permits(&self, row: &Columns<'_>, grants: &[Grant]) -> bool {
        permits(&self.filter, row, grants)
    }
}

fn permits(filter: &Filter, row: &Columns<'_>, grants: &[Grant]) -> bool {
    match filter {
        Filter::False => false,
        Filter::True => true,
        Filter::Org(org) => row.org == *org,
        Filter::Kind(kinds) => kinds.contains(&row.kind),
        Filter::NoPatient => row.patient.is_none(),
        Filter::Patient(patient) => row.patient == Some(patient),
        Filter::LabelsWithin(labels) => row.labels.0 & !labels.0 == 0,
        Filter::Granted { grantee, now } => grants.iter().any(|grant| grant.opens(row, grantee, *now)),
        Filter::And(parts) => parts.iter().all(|part| permits(part, row, grants)),
        Filter::Or(parts) => parts.iter().any(|part| permits(part, row, grants)),
    }
}
