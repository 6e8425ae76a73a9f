//! What a user of this crate sees, scene by scene.
// Clippy knows the functions marked #[test] as tests, not those that they call.
#![allow(clippy::unwrap_used)]

#[path = "suite/extract.rs"]
mod extract;
#[path = "suite/matching.rs"]
mod matching;
#[path = "suite/search.rs"]
mod search;
#[path = "suite/search_refusals.rs"]
mod search_refusals;
#[path = "suite/searchparams.rs"]
mod searchparams;
#[path = "suite/subset.rs"]
mod subset;
#[path = "suite/validate.rs"]
mod validate;
