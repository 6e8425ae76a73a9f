//! Unique identifiers of the standard: storage SOP Classes and transfer syntaxes (PS3.6 Annex A).
//!
//! Both tables are sorted by the UID's text, so that a look-up is a binary search.

mod sop_classes;
mod transfer_syntaxes;

pub use sop_classes::STORAGE;
pub use transfer_syntaxes::TRANSFER_SYNTAXES;

/// PS3.8 §A.2.1: the one application context.
pub const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";
/// PS3.4 Annex A: the SOP Class behind C-ECHO.
pub const VERIFICATION: &str = "1.2.840.10008.1.1";
pub const IMPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2";
pub const EXPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";
pub const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
pub const DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1.99";

/// Retired transfer syntaxes whose bytes are no data set (MIME and XML, PS3.6): nothing we could store.
const NOT_DATA_SETS: [&str; 2] = ["1.2.840.10008.1.2.6.1", "1.2.840.10008.1.2.6.2"];

/// A registered SOP Class of the Storage service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SopClass {
    pub uid: &'static str,
    pub name: &'static str,
    pub retired: bool,
}

/// How a data set and its pixels are written (PS3.5 §10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferSyntax {
    pub uid: &'static str,
    pub name: &'static str,
    /// The VR is written with each element.
    pub explicit_vr: bool,
    /// The whole data set is big endian (PS3.5 §A.3).
    pub big_endian: bool,
    /// Only the pixel data is big endian (a private syntax of GE).
    pub big_endian_pixels: bool,
    /// Pixel data comes in fragments (PS3.5 §A.4).
    pub encapsulated: bool,
    /// The whole data set went through deflate (PS3.5 §A.5).
    pub deflated: bool,
    /// The pixels lie elsewhere, behind a URL (JPIP, PS3.5 §A.6).
    pub referenced_pixels: bool,
    /// The codec may lose information; a single object need not have.
    pub lossy: bool,
    pub retired: bool,
}

/// Implicit VR Little Endian without a name: what each row of the table starts from.
const PLAIN: TransferSyntax = TransferSyntax {
    uid: "",
    name: "",
    explicit_vr: false,
    big_endian: false,
    big_endian_pixels: false,
    encapsulated: false,
    deflated: false,
    referenced_pixels: false,
    lossy: false,
    retired: false,
};

/// The transfer syntax with this UID; `None` for one that is not registered.
pub fn transfer_syntax(uid: &str) -> Option<&'static TransferSyntax> {
    let row = TRANSFER_SYNTAXES.binary_search_by(|row| row.uid.cmp(uid)).ok()?;
    TRANSFER_SYNTAXES.get(row)
}

/// The storage SOP Class with this UID; `None` for one that is private, unknown, or of another service.
pub fn storage_sop_class(uid: &str) -> Option<&'static SopClass> {
    let row = STORAGE.binary_search_by(|row| row.uid.cmp(uid)).ok()?;
    STORAGE.get(row)
}

/// The name of a storage SOP Class, as PS3.6 writes it.
pub fn storage_sop_class_name(uid: &str) -> Option<&'static str> {
    storage_sop_class(uid).map(|class| class.name)
}

/// Whether this SOP Class is registered for another service than Storage (query, worklist, print, …).
pub fn is_other_service(uid: &str) -> bool {
    uid == VERIFICATION || sop_classes::NOT_STORAGE.binary_search(&uid).is_ok()
}

/// Whether objects of this transfer syntax can be kept as they come: registered ones, private ones,
/// and those that the standard adds after this table was made (all of them Explicit VR Little Endian).
pub fn is_storable_transfer_syntax(uid: &str) -> bool {
    !NOT_DATA_SETS.contains(&uid)
}

/// PS3.5 §9.1, read generously: 1 to 64 digits and dots. Leading zeros, which some scanners write, pass.
pub fn is_plausible_uid(uid: &str) -> bool {
    !uid.is_empty() && uid.len() <= 64 && uid.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}
