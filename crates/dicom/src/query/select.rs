//! The part of a stored row that a query is answered with.

use super::IncludeFields;
use crate::attributes::{level_tags, levels};
use crate::tag::Tag;
use lenticular_base::Kind;
use lenticular_base::tree::Tree;

/// Appends the attributes of a stored row that answer a query of its level (PS3.18 §10.6.3.3): those of the level, of
/// the levels above it too where `upper` is set (the URL did not name the study, or the series), and those of `include`.
pub fn select(row: &Tree<'_>, kind: Kind, upper: bool, include: &IncludeFields, out: &mut String) {
    let levels = if upper { levels(kind) } else { &levels(kind)[..1] };
    let wanted = |tag: Tag| match include {
        IncludeFields::All => true,
        IncludeFields::Tags(tags) => {
            tags.contains(&tag) || levels.iter().any(|level| level_tags(*level).binary_search(&tag.0).is_ok())
        }
    };
    out.push('{');
    let mut first = true;
    for (key, value) in row.as_object().map_or(&[][..], |object| &object.members) {
        if !Tag::parse(key.raw()).is_some_and(wanted) {
            continue;
        }
        out.push_str(if std::mem::take(&mut first) { "\"" } else { ",\"" });
        out.push_str(key.raw());
        out.push_str("\":");
        value.write(out);
    }
    out.push('}');
}
