//! What rows of studies, series and instances hold of a header (PS3.18 §10.6.3.3, Tables 10.6.3-3 to -5), and what they
//! are found by.
//!
//! A series row holds its study's attributes too, an instance row those of both: any of them may be asked for at any
//! lower level. Every indexed attribute has one number for all levels; numbers are only ever added.

mod entries;
mod tables;

pub(crate) use entries::{date_span, strip_name, time_span};
pub use entries::{entries, uid};
pub use tables::{Form, INDEXED, Indexed, PATIENT_NAME_WORDS, REFERRING_NAME_WORDS, indexed};

use crate::dataset::DataSet;
use crate::tag::{Tag, tags};
use lenticular_base::Kind;
use lenticular_base::index::Param;

/// The attributes that QIDO-RS answers at one level, required ones and those that clients come to expect, ascending.
///
/// Those that only the server knows (Modalities in Study, numbers of related series and instances, Retrieve URL, Instance
/// Availability) are among them; the caller sets them.
pub fn level_tags(kind: Kind) -> &'static [u32] {
    match kind {
        Kind::STUDY => tables::STUDY,
        Kind::SERIES => tables::SERIES,
        _ => tables::INSTANCE,
    }
}

/// The levels whose attributes a row of this kind holds, its own first.
pub fn levels(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::STUDY => &[Kind::STUDY],
        Kind::SERIES => &[Kind::SERIES, Kind::STUDY],
        _ => &[Kind::INSTANCE, Kind::SERIES, Kind::STUDY],
    }
}

/// The parameter of an indexed attribute for rows of a kind; `None` where the attribute is not indexed at that level.
pub fn param(kind: Kind, path: &[Tag]) -> Option<Param> {
    indexed(kind, path).map(|indexed| Param::of(kind, indexed.number))
}

/// What a study row holds of the header of one of its instances.
pub fn study_attributes(header: &DataSet) -> DataSet {
    row_attributes(Kind::STUDY, header)
}

/// What a series row holds.
pub fn series_attributes(header: &DataSet) -> DataSet {
    row_attributes(Kind::SERIES, header)
}

/// What an instance row holds.
pub fn instance_attributes(header: &DataSet) -> DataSet {
    row_attributes(Kind::INSTANCE, header)
}

/// The part of a header that belongs to rows of a kind, with its character set. Attributes that a header lacks are left out.
pub fn row_attributes(kind: Kind, header: &DataSet) -> DataSet {
    let held = |tag: Tag| {
        tag == tags::SPECIFIC_CHARACTER_SET
            || levels(kind).iter().any(|level| level_tags(*level).binary_search(&tag.0).is_ok())
    };
    let elements = header.elements().iter().filter(|element| held(element.tag) && element.bytes_or_items());
    DataSet::new(elements.cloned().collect())
}
