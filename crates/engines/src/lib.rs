//! Where Lenticular keeps things: the engines that implement the contract of `store`.
//!
//! Today there is one pair, for a single machine: [`sqlite`] (log, records, indexes) and [`files`] (blobs, audit log).
//!
//! Invariants
//! - The only crate with a database driver. SQL text comes from `store`; here are connections, threads and files.
//! - One writer thread; what has queued while the last fsync ran is the next group. It never waits for company.
//! - A data folder may be open in several processes: SQLite's lock serialises their commits, and each notices the
//!   others' commits before its next read.
//! - Nothing half is left visible: blobs are durable before the commit that names them, and what no commit names is reclaimed.
//!
//! Start reading at [`open`], then [`sqlite::writer`].

mod engine;
pub mod files;
pub mod sqlite;

pub use engine::{Engine, Extract, OpenOptions, Stats, open};
pub use sqlite::verify::{Finding, VerifyReport};
