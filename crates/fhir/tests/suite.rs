//! What a user of this crate sees, scene by scene.
// Clippy knows the functions marked #[test] as tests, not those that they call.
#![allow(clippy::unwrap_used)]

#[path = "suite/extract.rs"]
mod extract;
#[path = "suite/search.rs"]
mod search;
#[path = "suite/subset.rs"]
mod subset;
#[path = "suite/validate.rs"]
mod validate;
