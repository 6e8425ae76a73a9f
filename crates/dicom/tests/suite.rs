//! The one test binary of this crate.

#![allow(clippy::unwrap_used, reason = "in a test, a value that is not there is a failure")]

#[path = "data/scenes.rs"]
mod data;
#[path = "dimse/scenes.rs"]
mod dimse;
