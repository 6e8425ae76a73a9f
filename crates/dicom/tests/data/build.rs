//! Streams put together by hand, byte for byte.

use lenticular_dicom::file_meta::{FileMetaFields, write_file_meta};

pub const IMPLICIT: &str = "1.2.840.10008.1.2";
pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
pub const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
pub const JPEG: &str = "1.2.840.10008.1.2.4.50";

fn tag(tag: u32, big: bool) -> Vec<u8> {
    let (group, element) = ((tag >> 16) as u16, tag as u16);
    if big {
        [group.to_be_bytes(), element.to_be_bytes()].concat()
    } else {
        [group.to_le_bytes(), element.to_le_bytes()].concat()
    }
}

/// An element in Explicit VR Little Endian.
pub fn explicit(at: u32, vr: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = tag(at, false);
    bytes.extend_from_slice(vr.as_bytes());
    if matches!(vr, "OB" | "OW" | "SQ" | "UN" | "UT" | "OV" | "UC" | "UR") {
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    } else {
        bytes.extend_from_slice(&(value.len() as u16).to_le_bytes());
    }
    bytes.extend_from_slice(value);
    bytes
}

/// The same in Big Endian; the value as given.
pub fn big(at: u32, vr: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = tag(at, true);
    bytes.extend_from_slice(vr.as_bytes());
    if matches!(vr, "OB" | "OW") {
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&(value.len() as u32).to_be_bytes());
    } else {
        bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
    }
    bytes.extend_from_slice(value);
    bytes
}

/// An element in Implicit VR Little Endian; also an item or a delimiter.
pub fn implicit(at: u32, value: &[u8]) -> Vec<u8> {
    announced(at, value.len() as u32, value)
}

/// The same with any length.
pub fn announced(at: u32, length: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = tag(at, false);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(value);
    bytes
}

/// A long explicit header of undefined length.
pub fn undefined(at: u32, vr: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = tag(at, false);
    bytes.extend_from_slice(vr.as_bytes());
    bytes.extend_from_slice(&[0, 0, 0xff, 0xff, 0xff, 0xff]);
    bytes.extend_from_slice(content);
    bytes
}

pub fn item(value: &[u8]) -> Vec<u8> {
    implicit(0xfffe_e000, value)
}

pub fn sequence_end() -> Vec<u8> {
    implicit(0xfffe_e0dd, &[])
}

pub fn file(transfer_syntax: &str, dataset: &[u8]) -> Vec<u8> {
    let fields = FileMetaFields {
        sop_class: "1.2.840.10008.5.1.4.1.1.2",
        sop_instance: "1.2.3",
        transfer_syntax,
        source_ae_title: Some("SCANNER1"),
    };
    [write_file_meta(fields), dataset.to_vec()].concat()
}

/// A small image in Explicit VR Little Endian, two frames of 2 x 2 bytes.
pub fn image() -> Vec<u8> {
    [
        explicit(0x0008_0005, "CS", b"ISO_IR 100"),
        explicit(0x0008_0016, "UI", b"1.2.840.10008.5.1.4.1.1.2\0"),
        explicit(0x0008_0018, "UI", b"1.2.3\0"),
        explicit(0x0008_0020, "DA", b"20261123"),
        explicit(0x0008_0030, "TM", b"101530.5"),
        explicit(0x0008_0060, "CS", b"CT"),
        explicit(0x0008_1030, "LO", b"CT Thorax nativ "),
        explicit(0x0009_0010, "LO", b"ACME"),
        explicit(0x0009_1001, "UN", &[1, 2]),
        explicit(0x0010_0010, "PN", b"M\xfcller^J\xf6rg^^Dr."),
        explicit(0x0010_0020, "LO", b"PAT-17"),
        explicit(0x0020_000d, "UI", b"1.2.3.4\0"),
        explicit(0x0020_000e, "UI", b"1.2.3.4.5\0"),
        explicit(0x0020_0013, "IS", b"7 "),
        explicit(0x0028_0002, "US", &[1, 0]),
        explicit(0x0028_0004, "CS", b"MONOCHROME2 "),
        explicit(0x0028_0008, "IS", b"2 "),
        explicit(0x0028_0010, "US", &[2, 0]),
        explicit(0x0028_0011, "US", &[2, 0]),
        explicit(0x0028_0030, "DS", b"0.50\\0.5"),
        explicit(0x0028_0100, "US", &[8, 0]),
        explicit(
            0x0040_0275,
            "SQ",
            &item(&[explicit(0x0040_0009, "SH", b"STEP-1"), explicit(0x0040_1001, "SH", b"REQ-1 ")].concat()),
        ),
        explicit(0x7fe0_0010, "OB", &[1, 2, 3, 4, 5, 6, 7, 8]),
    ]
    .concat()
}
