//! Who may do what: one pure decision over every way in.
//!
//! Invariants
//! - [`decide`] is total: every principal, action and kind gets a [`Decision`].
//! - A [`Scope`] can be made here alone; its default reads nothing. It has no negation, so what is unknown only narrows.
//! - One filter, two readings that agree: [`Scope::permits`] for one row, and the SQL that `store` compiles.
//!
//! Start reading at [`decision`]; [`scope`] is the filter, [`grant`] what members give each other.
//! Consent rules and SMART scopes narrow a permit by AND: they are added in [`decision`] as further filters.

pub mod decision;
pub mod grant;
pub mod principal;
pub mod scope;

pub use decision::{Action, Decision, Facts, Reason, decide};
pub use grant::{Grant, Grantee};
pub use principal::{Principal, Purpose, Role};
pub use scope::{Columns, Filter, Scope};
