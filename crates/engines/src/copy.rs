//! A whole network copied from one place to another: moved, backed up, restored; from either engine to either.
//!
//! - [`base`], [`pg`]: a database that is read from, or written to.
//! - [`tables`]: rows on their way, as they are: numbers of versions, positions, packed bodies, index entries.
//! - [`delta`]: what changed since.
//! - [`containers`], [`stored`], [`chronicle`]: blobs as whole files or objects, and the audit log by sequence numbers.
//! - [`compare`]: both sides hashed in the order of their keys, a range at a time; a range that differs is copied again.
//! - `errands` and `course`: what is asked for, and how these follow one another, and what is kept in the target so that a copy goes on where it was ended.
//! - [`cut`]: a copy brought back to an earlier position.
//!
//! Invariants
//! - The source is only read, but for its notices ([`lenticular_store::notice`]).
//! - What is in the target is visible to nobody until it is whole: it carries the notice `copying`.
//! - Blobs are in the target, durable, before the rows that name them.

pub mod base;
pub mod chronicle;
pub mod compare;
pub mod containers;
mod course;
pub mod cut;
pub mod delta;
mod errands;
#[cfg(test)]
mod landed;
pub mod pg;
pub mod place;
pub mod report;
pub mod stored;
pub mod tables;

pub use course::Options;
pub use cut::Rederive;
pub use errands::{back_up, check, check_alone, migrate, restore, take_back};
pub use place::Place;
pub use report::{Phase, Progress, Report};
