//! What a stored row is found by, from the row alone: the same when it is written, verified and indexed again.

use crate::ingest::entries_of;
use crate::instance_body::Parts;
use crate::{network, users};
use lenticular_base::index::Entry;
use lenticular_base::{Kind, tree};
use lenticular_fhir::{extract, kinds};
use lenticular_store::Record;

/// The index entries of a row; few for rows of the network itself, none for deleted versions.
pub fn entries(record: &Record) -> Vec<Entry> {
    if record.deleted {
        return Vec::new();
    }
    let kind = record.columns.kind;
    let image = |bytes: &[u8]| {
        let json = std::str::from_utf8(bytes).ok()?;
        entries_of(kind, json).ok()
    };
    match kind {
        Kind::STUDY | Kind::SERIES => image(&record.body).unwrap_or_default(),
        Kind::INSTANCE => {
            Parts::of(&record.body).ok().and_then(|parts| image(parts.attributes)).unwrap_or_default()
        }
        network::kinds::TOKEN => network::tokens::entries(record),
        network::kinds::USER => users::entries(record),
        _ if kinds::all().any(|(known, _)| known == kind) => {
            tree::parse(&record.body).map(|tree| extract::extract(&tree, kind)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}
