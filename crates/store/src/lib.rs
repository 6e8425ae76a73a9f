//! The contract between what Lenticular does and where it keeps it: Log, Reader, Blobs, Audit.
//!
//! Invariants
//! - Every accepted change is one commit at one [`Position`](lenticular_base::Position); positions are gapless.
//! - What is acknowledged is on disk: a [`Receipt`] leaves only after the commit, and the blobs it names, are durable.
//! - Every read takes a [`Scope`](lenticular_policy::Scope), which becomes part of the SQL.
//! - No driver is known here: SQL text is written once for a `Dialect`, and the conformance suite runs
//!   against any engine it is handed.
//!
//! Start reading at [`contract`]; then [`commit`] (how a group of proposals becomes a transaction), [`plan`] (how a search
//! becomes SQL), [`leases`], [`log`], [`schema`] (the tables), [`sql`] (what an engine must offer for these), [`conformance`] (what it must keep).

pub mod commit;
pub mod conformance;
pub mod contract;
pub mod dialect;
pub mod entries;
pub mod leases;
pub mod log;
pub mod notice;
pub mod plan;
pub mod rows;
pub mod schema;
pub mod sql;

pub use contract::{
    AuditEntry, AuditFilter, Audits, Author, BlobRef, BlobWriter, Blobs, Decide, Decided, Done, Freshening,
    Gauge, HistoryPage, HistoryQuery, Log, PackedBody, Packing, Part, Parts, Proposal, Put, Reader, Receipt,
    Record, RowColumns, SearchPage, Stamp, Store, View, Write,
};
pub use leases::{Lease, Leases};
