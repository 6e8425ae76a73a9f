//! What every room of the house stands on: ids, time, faults, JSON trees, and the neutral language of indexes.
//!
//! Invariants
//! - No socket, file, clock or async runtime: values in, values out.
//! - A [`Tree`](tree::Tree) keeps every number and string lexeme as it arrived (`1.00` stays `1.00`).
//! - [`Fault`] is the one error that leaves a crate; its kind decides every protocol's status by one table.
//! - A [`Position`] is handed out by a commit alone.
//!
//! Start reading at [`tree`], then [`index`] (what FHIR and DICOM both compile to, and the store compiles to SQL).

pub mod calendar;
pub mod fault;
pub mod ids;
pub mod index;
pub mod instant;
pub mod text;
pub mod tree;

pub use fault::{Fault, FaultKind};
pub use ids::{Kind, Labels, LogicalId, OrgId, OrgNo, Position, Vid};
pub use instant::Instant;
