//! The data dictionary (PS3.6 §6 to §8): what a tag is called and how its value is written.
//!
//! `attributes.txt` has one attribute a line: tag, value representations that it may have, multiplicity, keyword, `R`
//! where it is retired; `x` in a tag stands for any digit (repeating groups, PS3.5 §7.6). Generated facts, sorted.

use crate::tag::Tag;
use crate::vr::Vr;
use std::collections::HashMap;
use std::sync::LazyLock;

/// One attribute of the dictionary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attribute {
    pub tag: Tag,
    /// What the standard allows, the one that Implicit VR means first (PS3.5 §A.1): `OB or OW` is `OW`.
    pub vr: Vr,
    /// `US or SS`: Pixel Representation decides.
    pub signed_by_pixels: bool,
    /// Such as `1`, `1-n`, `3-3n`.
    pub multiplicity: &'static str,
    /// Empty for the few retired attributes that have none.
    pub keyword: &'static str,
    pub retired: bool,
}

struct Repeating {
    mask: u32,
    attribute: Attribute,
}

struct Dictionary {
    tags: Vec<u32>,
    attributes: Vec<Attribute>,
    repeating: Vec<Repeating>,
    keywords: HashMap<&'static str, Tag>,
}

static DICTIONARY: LazyLock<Dictionary> = LazyLock::new(|| {
    let mut dictionary = Dictionary {
        tags: Vec::new(),
        attributes: Vec::new(),
        repeating: Vec::new(),
        keywords: HashMap::new(),
    };
    for line in include_str!("dictionary/attributes.txt").lines() {
        dictionary.add(line).expect("every line of the table has its four columns");
    }
    dictionary
});

impl Dictionary {
    fn add(&mut self, line: &'static str) -> Option<()> {
        let mut columns = line.split(' ');
        let (tag_text, vrs, multiplicity, keyword) =
            (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
        let keyword = if keyword == "-" { "" } else { keyword };
        let value = u32::from_str_radix(&tag_text.replace('x', "0"), 16).ok()?;
        let mask =
            tag_text.bytes().fold(0, |mask: u32, digit| mask << 4 | if digit == b'x' { 0 } else { 15 });
        let attribute = Attribute {
            tag: Tag(value),
            vr: if vrs.contains("OW") && !vrs.starts_with("US") { Vr::Ow } else { Vr::parse(vrs.get(..2)?)? },
            signed_by_pixels: vrs.starts_with("US|SS"),
            multiplicity,
            keyword,
            retired: columns.next().is_some(),
        };
        if !keyword.is_empty() {
            self.keywords.insert(keyword, attribute.tag);
        }
        if mask == u32::MAX {
            self.tags.push(value);
            self.attributes.push(attribute);
        } else {
            self.repeating.push(Repeating { mask, attribute });
        }
        Some(())
    }
}

/// The attribute with this tag; `None` for private ones and those unknown to this edition.
pub fn attribute(tag: Tag) -> Option<&'static Attribute> {
    let dictionary = &*DICTIONARY;
    if let Ok(at) = dictionary.tags.binary_search(&tag.0) {
        return dictionary.attributes.get(at);
    }
    if tag.is_private() {
        return None;
    }
    let repeats = |entry: &&Repeating| tag.0 & entry.mask == entry.attribute.tag.0;
    dictionary.repeating.iter().find(repeats).map(|entry| &entry.attribute)
}

/// The value representation that a tag has where the stream does not say (PS3.5 §6.2, §7.8.1, §A.1).
pub fn implicit_vr(tag: Tag) -> Vr {
    if tag.is_group_length() {
        return Vr::Ul;
    }
    if tag.is_private() {
        let creator = (0x0010..=0x00ff).contains(&tag.element());
        return if creator { Vr::Lo } else { Vr::Un };
    }
    attribute(tag).map_or(Vr::Un, |attribute| attribute.vr)
}

/// The keyword of a tag, such as `PatientName`.
pub fn keyword(tag: Tag) -> Option<&'static str> {
    attribute(tag).map(|attribute| attribute.keyword).filter(|keyword| !keyword.is_empty())
}

/// The tag of a keyword, in the standard's spelling; of a repeating group the first.
pub fn tag_of(keyword: &str) -> Option<Tag> {
    DICTIONARY.keywords.get(keyword).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_whole() {
        assert!(DICTIONARY.tags.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(DICTIONARY.tags.len() > 5_000 && DICTIONARY.repeating.len() > 70);
    }

    #[test]
    fn attributes_are_found_by_tag_keyword_and_repeating_group() {
        assert_eq!(tag_of("PatientName"), Some(Tag(0x0010_0010)));
        assert_eq!(keyword(Tag(0x6002_3000)), Some("OverlayData"));
        assert_eq!(implicit_vr(Tag(0x7fe0_0010)), Vr::Ow);
        assert_eq!(implicit_vr(Tag(0x0009_0010)), Vr::Lo);
        assert_eq!(implicit_vr(Tag(0x0009_1010)), Vr::Un);
        assert_eq!(implicit_vr(Tag(0x0028_0106)), Vr::Us);
        assert_eq!(implicit_vr(Tag(0x0028_3006)), Vr::Us);
        assert_eq!(attribute(Tag(0x0009_1010)), None);
    }
}
