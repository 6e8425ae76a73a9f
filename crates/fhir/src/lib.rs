//! FHIR R4 (4.0.1) as data: what the standard says is in tables, not in generated types.
//!
//! Invariants
//! - Pure: bytes, trees and values in, bytes, trees and values out. Time, ids and randomness are arguments.
//! - A resource is a [`Tree`](lenticular_base::tree::Tree) over the text that arrived; its lexemes are never rewritten.
//! - The tables below `definitions/` are generated (`cargo xtask codegen`); nothing else knows an element by name
//!   unless the standard gives it a meaning of its own (`meta`, `Bundle.entry`, `Reference.reference`).
//! - Whatever arrives, nothing here panics; a wrong resource gives [`Issue`](validate::Issue)s with their paths.
//!
//! Start reading at [`definitions`] (elements and value sets), then [`validate`], [`resource`] (how a body is kept)
//! and [`bundle`]. Search begins at `search`, what is indexed at `extract`.

pub mod bundle;
pub mod compartment;
pub mod definitions;
pub mod extract;
pub mod kinds;
pub mod outcome;
pub mod reference;
pub mod resource;
pub mod search;
pub mod searchparams;
pub mod validate;
