//! DICOM without sockets: bytes and values in, bytes and values out.
//!
//! Invariants
//! - What arrives is kept bit for bit elsewhere; a [`DataSet`](dataset::DataSet) here is a view of its header.
//! - Memory grows with bytes that arrived, never with a length that somebody announced; all of it has limits.
//! - No input panics. What cannot be read is an error that names the tag and the byte.
//! - Values in memory are little endian, text is decoded when it is asked for, answers are UTF-8.
//!
//! Start reading at [`read::Scanner`] (a stream becomes a header and the places of its frames), then [`json`] (what
//! DICOMweb answers), [`attributes`] (what rows and indexes hold of it) and [`query`] (what QIDO-RS asks). The network
//! side begins at [`pdu`], with [`dimse`] above it.

pub mod attributes;
pub mod charset;
pub mod dataset;
pub mod dictionary;
pub mod dimse;
pub mod file_meta;
pub mod fuzz;
pub mod json;
pub mod matching;
pub mod pdu;
pub mod pixels;
pub mod query;
pub mod read;
pub mod tag;
pub mod uids;
pub mod vr;
pub mod write;
