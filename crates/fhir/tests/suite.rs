//! What a user of this crate sees, scene by scene.

#[path = "suite/extract.rs"]
mod extract;
#[path = "suite/search.rs"]
mod search;
#[path = "suite/subset.rs"]
mod subset;
#[path = "suite/validate.rs"]
mod validate;
