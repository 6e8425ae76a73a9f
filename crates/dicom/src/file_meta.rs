//! File meta information (PS3.10 §7.1): the header that makes a data set a file.

use crate::dataset::{DataSet, Element};
use crate::tag::{Tag, tags};
use crate::vr::Vr;
use crate::write;
use std::borrow::Cow;

/// Who wrote the file (PS3.10 §7.1, (0002,0012)).
pub const IMPLEMENTATION_CLASS_UID: &str = "2.25.101286302943675280160217394046781525021";
/// The name of this version (PS3.10 §7.1, (0002,0013)).
pub const IMPLEMENTATION_VERSION_NAME: &str = "LENTICULAR_01";

/// Group 0002 of a file as it was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileMeta {
    elements: DataSet,
}

impl FileMeta {
    pub(crate) fn new(elements: DataSet) -> FileMeta {
        FileMeta { elements }
    }

    /// All elements of the group.
    pub fn elements(&self) -> &DataSet {
        &self.elements
    }

    pub fn transfer_syntax(&self) -> Option<Cow<'_, str>> {
        self.elements.plain(tags::TRANSFER_SYNTAX_UID)
    }

    pub fn sop_class(&self) -> Option<Cow<'_, str>> {
        self.elements.plain(tags::MEDIA_STORAGE_SOP_CLASS_UID)
    }

    pub fn sop_instance(&self) -> Option<Cow<'_, str>> {
        self.elements.plain(tags::MEDIA_STORAGE_SOP_INSTANCE_UID)
    }
}

/// What the header of a file states.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileMetaFields<'a> {
    pub sop_class: &'a str,
    pub sop_instance: &'a str,
    pub transfer_syntax: &'a str,
    /// The AE title that the object came from, where it came by DIMSE.
    pub source_ae_title: Option<&'a str>,
}

/// The first bytes of a file: empty preamble, prefix and group 0002 in Explicit VR Little Endian. The data set follows.
pub fn write_file_meta(fields: FileMetaFields<'_>) -> Vec<u8> {
    let element = |tag: Tag, vr: Vr, value: &[u8]| Element::new(tag, vr, value);
    let mut elements = vec![
        element(Tag(0x0002_0001), Vr::Ob, &[0, 1]),
        element(tags::MEDIA_STORAGE_SOP_CLASS_UID, Vr::Ui, fields.sop_class.as_bytes()),
        element(tags::MEDIA_STORAGE_SOP_INSTANCE_UID, Vr::Ui, fields.sop_instance.as_bytes()),
        element(tags::TRANSFER_SYNTAX_UID, Vr::Ui, fields.transfer_syntax.as_bytes()),
        element(tags::IMPLEMENTATION_CLASS_UID, Vr::Ui, IMPLEMENTATION_CLASS_UID.as_bytes()),
        element(tags::IMPLEMENTATION_VERSION_NAME, Vr::Sh, IMPLEMENTATION_VERSION_NAME.as_bytes()),
    ];
    if let Some(title) = fields.source_ae_title {
        elements.push(element(tags::SOURCE_APPLICATION_ENTITY_TITLE, Vr::Ae, title.as_bytes()));
    }
    let group = write::write_dataset(&DataSet::new(elements));
    let length = u32::try_from(group.len()).unwrap_or(u32::MAX);
    let mut file = vec![0; 128];
    file.extend_from_slice(b"DICM\x02\0\0\0UL\x04\0");
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&group);
    file
}

/// Clears a preamble that is not the header of a TIFF file, so that no object can pass for a program
/// (PS3.10 §7.1, CVE-2019-11687).
pub fn sanitize_preamble(preamble: &mut [u8; 128]) {
    let tiff = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];
    if !tiff.iter().any(|magic| preamble.starts_with(*magic)) {
        *preamble = [0; 128];
    }
}
