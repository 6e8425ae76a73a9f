//! What a copy is doing, and what it came to.

use super::compare::Sum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a copy is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// All rows as of the beginning; counted in versions.
    Rows,
    /// Blobs; counted in bytes.
    Blobs,
    /// What changed since; counted in versions.
    Changes,
    /// Both sides are hashed; counted in versions.
    Comparison,
    /// Blobs of the target are hashed; counted in bytes.
    Hashing,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    pub phase: Phase,
    pub done: u64,
    pub all: u64,
}

/// What a copy came to.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Which network it is.
    pub network: String,
    /// The newest position in the target, and the newest version.
    pub position: i64,
    pub versions: i64,
    /// Whether an earlier run had begun it.
    pub resumed: bool,
    /// Versions and bytes of blobs that this run copied.
    pub copied_versions: u64,
    pub copied_bytes: u64,
    /// Each table of the target: rows, and a hash over them in the order of their keys.
    pub tables: BTreeMap<String, Sum>,
    /// Blobs that were read from the target and have the hash that they should, and their bytes.
    pub blobs: u64,
    pub blob_bytes: u64,
    /// Files or objects that hold them.
    pub containers: u64,
    pub audit: Sum,
    /// Ranges that differed when they were compared, and were copied again.
    pub repaired: u64,
    /// What is wrong: places by number, never what is in them.
    pub findings: Vec<String>,
    /// How long the source took no commits, in milliseconds.
    pub read_only_ms: u64,
    /// How long all of it took, in milliseconds.
    pub took_ms: u64,
    /// Rows of a network brought back to a position: dropped, current again, derived anew, and kept as they were later.
    #[serde(default)]
    pub cut: Option<Cut>,
}

/// What bringing a network back to a position came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Cut {
    /// The position that it was brought back to; the commit behind it is the restore's own, where rows had to be derived.
    pub position: i64,
    pub dropped: u64,
    pub current_again: u64,
    pub derived: u64,
    pub grants: u64,
    /// Rows replaced in place later, whose earlier content nobody kept: they stay as they were later.
    pub kept: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}
