//! The tables of PS3.6 that decide what is taken.

use super::*;
use lenticular_dicom::uids::*;

#[test]
fn tables_are_sorted_and_complete_enough_to_be_searched() {
    assert!(STORAGE.windows(2).all(|pair| pair[0].uid < pair[1].uid));
    assert!(TRANSFER_SYNTAXES.windows(2).all(|pair| pair[0].uid < pair[1].uid));
    assert!(
        STORAGE
            .iter()
            .all(|class| storage_sop_class(class.uid) == Some(class) && !is_other_service(class.uid))
    );
    assert!(TRANSFER_SYNTAXES.iter().all(|syntax| transfer_syntax(syntax.uid) == Some(syntax)));
}

#[test]
fn sop_classes_have_their_names() {
    assert_eq!(storage_sop_class_name(CT), Some("CT Image Storage"));
    assert_eq!(
        storage_sop_class_name("1.2.840.10008.5.1.4.1.1.66.7"),
        Some("Label Map Segmentation Storage")
    );
    assert!(storage_sop_class("1.2.840.10008.5.1.4.1.1.3").is_some_and(|class| class.retired));
    assert_eq!(storage_sop_class("1.2.840.10008.5.1.4.31"), None);
    assert!(is_other_service("1.2.840.10008.5.1.4.31"));
    assert!(is_other_service(VERIFICATION));
    assert!(is_other_service("1.2.840.10008.1.20.1"), "storage commitment stores nothing");
}

#[test]
fn transfer_syntaxes_say_how_they_are_written() {
    let flags = |uid| {
        let syntax = transfer_syntax(uid).unwrap();
        (syntax.explicit_vr, syntax.big_endian, syntax.encapsulated, syntax.deflated, syntax.lossy)
    };
    assert_eq!(flags(IMPLICIT_VR_LITTLE_ENDIAN), (false, false, false, false, false));
    assert_eq!(flags(EXPLICIT_VR_LITTLE_ENDIAN), (true, false, false, false, false));
    assert_eq!(flags(EXPLICIT_VR_BIG_ENDIAN), (true, true, false, false, false));
    assert_eq!(flags(DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN), (true, false, false, true, false));
    assert_eq!(flags(JPEG_LOSSLESS), (true, false, true, false, false));
    assert_eq!(flags("1.2.840.10008.1.2.4.50"), (true, false, true, false, true));
    assert_eq!(flags("1.2.840.10008.1.2.4.102.1"), (true, false, true, false, true));
    assert_eq!(flags("1.2.840.10008.1.2.4.201"), (true, false, true, false, false));
    assert_eq!(flags("1.2.840.10008.1.2.4.205"), (true, false, false, true, true));
    assert_eq!(flags("1.2.840.10008.1.2.4.110"), (true, false, true, false, false));
    assert_eq!(flags("1.2.840.10008.1.2.8.1"), (true, false, true, false, false));
    assert_eq!(flags("1.2.840.10008.1.2.1.98"), (true, false, true, false, false));
    assert!(transfer_syntax("1.2.840.113619.5.2").unwrap().big_endian_pixels);
    assert!(transfer_syntax("1.2.3").is_none());
}

#[test]
fn uids_are_read_generously() {
    assert!(is_plausible_uid("1.2.840.010"));
    assert!(is_plausible_uid(&"1".repeat(64)));
    assert!(!is_plausible_uid(&"1".repeat(65)));
    assert!(!is_plausible_uid(""));
    assert!(!is_plausible_uid("1.2/3"));
}
