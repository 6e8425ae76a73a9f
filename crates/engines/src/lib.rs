//! Where Lenticular keeps things: the engines that implement the contract of `store`.
//!
//! An engine is a database ([`sqlite`]: log, records, indexes), a place for blobs and one for the audit log ([`files`]). What they
//! do for the one writer and the one reader is said by [`ground`]; `memory` is what is known without asking.
//!
//! Invariants
//! - The only crate with a database driver. SQL text comes from `store`; here are connections, threads and files.
//! - One writer thread; what has queued while the last fsync ran is the next group. It never waits for company.
//! - A data folder may be open in several processes: SQLite's lock serialises their commits, and each notices the
//!   others' commits before its next read.
//! - Nothing half is left visible: blobs are durable before the commit that names them, and what no commit names is reclaimed.
//!
//! Start reading at [`open`], then [`ground`] and [`writer`].

mod audit;
pub mod copy;
mod engine;
mod faults;
pub mod files;
pub mod ground;
pub mod memory;
pub mod pack;
pub mod postgres;
pub mod reader;
mod ready;
pub mod rebuild;
pub mod s3;
pub mod sqlite;
mod standing;
pub mod verify;
pub mod writer;

pub use engine::{Clock, Engine, Extract, ObjectPlace, OpenOptions, Stats, is_there, open};
pub use verify::{Finding, VerifyReport};
