//! What clients of the gateways see: requests through the whole router, over a store in a folder of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod assets;
mod dicomweb;
mod doors;
mod fhir;
mod house;
mod identity;
mod limits;
mod operations;
