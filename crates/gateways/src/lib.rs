//! The ways in: the only crate with axum and sockets. Each gateway reads its protocol, asks one service, writes its protocol.
//!
//! Invariants
//! - Every way in is a [`Door`](doors::Door) that declares its action and kind; a golden test prints them all (the path matrix).
//! - A caller is known before anything is read: bearer token (HTTP) or AE title and address (DIMSE).
//! - Nothing here decides access or touches the store.
//!
//! Start reading at [`http`] and [`doors`]; one module a protocol: [`fhir`], [`dicomweb`], [`dimse`], [`app`], [`metrics`];
//! and [`assets`] for the pages of the app.

pub mod app;
pub mod assets;
mod compress;
pub mod dicomweb;
pub mod dimse;
pub mod doors;
pub mod fhir;
pub mod http;
pub mod login;
pub mod metrics;
mod refusals;
pub mod server;
mod unread;
