//! Tags of data elements (PS3.5 §7.1.1) and the paths of elements inside nested items.

use std::fmt;

/// Group and element number, `group << 16 | element`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Tag(pub u32);

impl Tag {
    /// A tag from its two numbers.
    pub const fn new(group: u16, element: u16) -> Tag {
        Tag((group as u32) << 16 | element as u32)
    }

    pub const fn group(self) -> u16 {
        (self.0 >> 16) as u16
    }

    pub const fn element(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// Private groups are odd (PS3.5 §7.8).
    pub const fn is_private(self) -> bool {
        self.group() & 1 == 1
    }

    /// Element 0000 of any group (PS3.5 §7.2), without meaning since 2008.
    pub const fn is_group_length(self) -> bool {
        self.element() == 0
    }

    /// A tag from eight hexadecimal digits, as DICOM JSON and QIDO-RS write it.
    pub fn parse(text: &str) -> Option<Tag> {
        let fits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| u32::from_str_radix(text, 16).ok().map(Tag)).flatten()
    }

    /// Eight hexadecimal digits in upper case (PS3.18 §F.2.2).
    pub fn hex(self) -> String {
        format!("{:08X}", self.0)
    }
}

/// `(0010,0020)`
impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:04X},{:04X})", self.group(), self.element())
    }
}

/// Where an element stands: the sequences and item numbers (from 0) above it, then its own tag.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct TagPath {
    pub items: Vec<(Tag, u32)>,
    pub tag: Tag,
}

impl TagPath {
    /// The path of an element at the top of a data set.
    pub fn root(tag: Tag) -> TagPath {
        TagPath { items: Vec::new(), tag }
    }

    /// Reads what [`TagPath`]'s `Display` prints; at most 32 levels deep.
    pub fn parse(text: &str) -> Option<TagPath> {
        let parts: Vec<&str> = text.split('/').take(66).collect();
        let (last, above) = parts.split_last()?;
        if above.len() % 2 != 0 || above.len() > 64 {
            return None;
        }
        let mut items = Vec::with_capacity(above.len() / 2);
        for pair in above.chunks_exact(2) {
            let number = pair[1];
            if number.is_empty() || number.len() > 9 || !number.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            items.push((Tag::parse(pair[0])?, number.parse().ok()?));
        }
        Some(TagPath { items, tag: Tag::parse(last)? })
    }
}

/// `00081115/0/00081199`: fit for the path of a URL.
impl fmt::Display for TagPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (tag, item) in &self.items {
            write!(f, "{:08X}/{item}/", tag.0)?;
        }
        write!(f, "{:08X}", self.tag.0)
    }
}

macro_rules! tags {
    ($($name:ident = $tag:literal;)*) => { $(pub const $name: Tag = Tag($tag);)* };
}

/// The attributes that this crate itself asks for, by their keywords.
pub mod tags {
    use super::Tag;

    tags! {
        FILE_META_GROUP_LENGTH = 0x0002_0000;
        MEDIA_STORAGE_SOP_CLASS_UID = 0x0002_0002;
        MEDIA_STORAGE_SOP_INSTANCE_UID = 0x0002_0003;
        TRANSFER_SYNTAX_UID = 0x0002_0010;
        IMPLEMENTATION_CLASS_UID = 0x0002_0012;
        IMPLEMENTATION_VERSION_NAME = 0x0002_0013;
        SOURCE_APPLICATION_ENTITY_TITLE = 0x0002_0016;
        SPECIFIC_CHARACTER_SET = 0x0008_0005;
        SOP_CLASS_UID = 0x0008_0016;
        SOP_INSTANCE_UID = 0x0008_0018;
        STUDY_DATE = 0x0008_0020;
        STUDY_TIME = 0x0008_0030;
        ACCESSION_NUMBER = 0x0008_0050;
        QUERY_RETRIEVE_LEVEL = 0x0008_0052;
        MODALITY = 0x0008_0060;
        MODALITIES_IN_STUDY = 0x0008_0061;
        TIMEZONE_OFFSET_FROM_UTC = 0x0008_0201;
        AVAILABLE_TRANSFER_SYNTAX_UID = 0x0008_3002;
        PATIENT_NAME = 0x0010_0010;
        PATIENT_ID = 0x0010_0020;
        STUDY_INSTANCE_UID = 0x0020_000D;
        SERIES_INSTANCE_UID = 0x0020_000E;
        INSTANCE_NUMBER = 0x0020_0013;
        SAMPLES_PER_PIXEL = 0x0028_0002;
        PHOTOMETRIC_INTERPRETATION = 0x0028_0004;
        PLANAR_CONFIGURATION = 0x0028_0006;
        NUMBER_OF_FRAMES = 0x0028_0008;
        ROWS = 0x0028_0010;
        COLUMNS = 0x0028_0011;
        BITS_ALLOCATED = 0x0028_0100;
        BITS_STORED = 0x0028_0101;
        HIGH_BIT = 0x0028_0102;
        PIXEL_REPRESENTATION = 0x0028_0103;
        LUT_DESCRIPTOR = 0x0028_3002;
        LUT_DATA = 0x0028_3006;
        REQUEST_ATTRIBUTES_SEQUENCE = 0x0040_0275;
        EXTENDED_OFFSET_TABLE = 0x7FE0_0001;
        EXTENDED_OFFSET_TABLE_LENGTHS = 0x7FE0_0002;
        ENCAPSULATED_PIXEL_DATA_VALUE_TOTAL_LENGTH = 0x7FE0_0003;
        FLOAT_PIXEL_DATA = 0x7FE0_0008;
        DOUBLE_FLOAT_PIXEL_DATA = 0x7FE0_0009;
        PIXEL_DATA = 0x7FE0_0010;
        DIGITAL_SIGNATURES_SEQUENCE = 0xFFFA_FFFA;
        DATA_SET_TRAILING_PADDING = 0xFFFC_FFFC;
        ITEM = 0xFFFE_E000;
        ITEM_DELIMITATION = 0xFFFE_E00D;
        SEQUENCE_DELIMITATION = 0xFFFE_E0DD;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_print_and_read_back() {
        let path =
            TagPath { items: vec![(Tag(0x0008_1115), 3), (Tag(0x0008_1199), 0)], tag: tags::PIXEL_DATA };
        assert_eq!(path.to_string(), "00081115/3/00081199/0/7FE00010");
        assert_eq!(TagPath::parse(&path.to_string()), Some(path));
        for bad in ["", "0008", "00081115/0", "00081115/-1/00080018", "00081115/x/00080018", "0008111ü"] {
            assert_eq!(TagPath::parse(bad), None, "{bad}");
        }
    }
}
