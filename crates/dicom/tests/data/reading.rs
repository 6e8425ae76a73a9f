use super::build::*;
use lenticular_dicom::dataset::{Element, Value};
use lenticular_dicom::file_meta::sanitize_preamble;
use lenticular_dicom::json::{read_json, to_json};
use lenticular_dicom::pixels::{PixelKind, PixelLayout};
use lenticular_dicom::read::{Limits, ReadError, Scanned, Scanner, scan_file};
use lenticular_dicom::tag::{Tag, tags};
use lenticular_dicom::vr::Vr;
use lenticular_dicom::write::{NewPixels, write_dataset};
use lenticular_dicom::write::{Piece, rewrite};

#[track_caller]
pub fn scan(transfer_syntax: &str, bytes: &[u8]) -> Scanned {
    let mut scanner = Scanner::for_dataset(transfer_syntax, Limits::default());
    scanner.push(bytes).unwrap();
    scanner.finish().unwrap()
}

fn refuse(transfer_syntax: &str, bytes: &[u8]) -> ReadError {
    let mut scanner = Scanner::for_dataset(transfer_syntax, Limits::default());
    match scanner.push(bytes) {
        Err(error) => error,
        Ok(()) => scanner.finish().unwrap_err(),
    }
}

#[test]
fn a_file_is_its_meta_information_and_its_data_set() {
    let bytes = file(EXPLICIT, &image());
    let scanned = scan_file(&bytes, Limits::default()).unwrap();
    let meta = scanned.meta.as_ref().unwrap();
    assert_eq!(meta.transfer_syntax().as_deref(), Some(EXPLICIT));
    assert_eq!(meta.sop_instance().as_deref(), Some("1.2.3"));
    assert_eq!(meta.elements().string(tags::SOURCE_APPLICATION_ENTITY_TITLE).as_deref(), Some("SCANNER1"));
    assert_eq!(bytes[scanned.dataset_offset as usize..], image());
    assert_eq!(scanned.length, bytes.len() as u64);
    assert_eq!(scanned.header.string(tags::PATIENT_NAME).as_deref(), Some("Müller^Jörg^^Dr."));
}

#[test]
fn files_without_preamble_or_meta_information_are_read() {
    let whole = file(EXPLICIT, &image());
    for bytes in [&whole[132..], &image()] {
        let scanned = scan_file(bytes, Limits::default()).unwrap();
        assert_eq!(scanned.header.string(tags::PATIENT_ID).as_deref(), Some("PAT-17"));
        assert_eq!(scanned.transfer_syntax, EXPLICIT);
    }
    for bytes in [&b"GIF89a and then some more"[..], b"", &[0; 500], b"{\"resourceType\":\"Patient\"}"] {
        assert_eq!(scan_file(bytes, Limits::default()), Err(ReadError::NotDicom));
    }
}

#[test]
fn every_encoding_gives_the_same_header() {
    let little =
        [implicit(0x0010_0020, b"AB"), implicit(0x0028_0010, &[2, 1]), implicit(0x0028_0106, &[0xff, 0xff])];
    let big = [
        big(0x0010_0020, "LO", b"AB"),
        big(0x0028_0010, "US", &[1, 2]),
        big(0x0028_0106, "US", &[0xff, 0xff]),
    ];
    let plain = [
        explicit(0x0010_0020, "LO", b"AB"),
        explicit(0x0028_0010, "US", &[2, 1]),
        explicit(0x0028_0106, "US", &[0xff, 0xff]),
    ];
    let expected = r#"{"00100020":{"vr":"LO","Value":["AB"]},"00280010":{"vr":"US","Value":[258]},"00280106":{"vr":"US","Value":[65535]}}"#;
    assert_eq!(to_json(&scan(IMPLICIT, &little.concat()).header), expected);
    assert_eq!(to_json(&scan(BIG_ENDIAN, &big.concat()).header), expected);
    assert_eq!(to_json(&scan(EXPLICIT, &plain.concat()).header), expected);
    // What the presentation context says may be wrong.
    assert_eq!(to_json(&scan(EXPLICIT, &little.concat()).header), expected);
    assert_eq!(to_json(&scan(IMPLICIT, &plain.concat()).header), expected);
}

#[test]
fn pixel_representation_decides_us_or_ss() {
    let bytes = [implicit(0x0028_0103, &[1, 0]), implicit(0x0028_0106, &[0xff, 0xff])].concat();
    assert_eq!(scan(IMPLICIT, &bytes).header.integer(Tag(0x0028_0106)), Some(-1));
}

#[test]
fn a_deflated_data_set_is_inflated_as_it_streams() {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&image()).unwrap();
    let bytes = file(DEFLATED, &encoder.finish().unwrap());
    let scanned = scan_file(&bytes, Limits::default()).unwrap();
    assert!(scanned.encoding.deflated);
    assert_eq!(to_json(&scanned.header), to_json(&scan(EXPLICIT, &image()).header));
    let damaged = &bytes[..bytes.len() - 9];
    assert!(matches!(scan_file(damaged, Limits::default()), Err(ReadError::Deflate { .. })));
}

#[test]
fn sequences_of_any_length_and_unknown_ones_are_trees() {
    let inner = explicit(0x0008_1150, "UI", b"1.2\0");
    let open_item = [announced(0xfffe_e000, u32::MAX, &inner), implicit(0xfffe_e00d, &[])].concat();
    let hidden = implicit(0x0008_1150, b"1.2\0");
    for bytes in [
        explicit(0x0008_1140, "SQ", &item(&inner)),
        explicit(0x0008_1140, "SQ", &open_item),
        undefined(0x0008_1140, "SQ", &[item(&inner), sequence_end()].concat()),
        undefined(0x0008_1140, "SQ", &[open_item.clone(), sequence_end()].concat()),
        // A delimiter left out.
        undefined(0x0008_1140, "SQ", &[announced(0xfffe_e000, u32::MAX, &inner), sequence_end()].concat()),
        undefined(0x0008_1140, "UN", &[item(&hidden), sequence_end()].concat()),
        undefined(0x0008_1140, "UN", &[item(&inner), sequence_end()].concat()),
        explicit(0x0008_1140, "UN", &item(&hidden)),
    ] {
        let bytes = [bytes, explicit(0x0010_0020, "LO", b"AB")].concat();
        let header = scan(EXPLICIT, &bytes).header;
        assert_eq!(
            to_json(&header),
            r#"{"00081140":{"vr":"SQ","Value":[{"00081150":{"vr":"UI","Value":["1.2"]}}]},"00100020":{"vr":"LO","Value":["AB"]}}"#
        );
    }
    let no_items = scan(EXPLICIT, &explicit(0x0008_1140, "UN", b"12345678")).header;
    assert_eq!(to_json(&no_items), r#"{"00081140":{"vr":"UN","InlineBinary":"MTIzNDU2Nzg="}}"#);
}

#[test]
fn items_have_their_own_character_set() {
    let inner =
        [explicit(0x0008_0005, "CS", b"ISO_IR 144"), explicit(0x0010_0010, "PN", b"\xbb\xee\xda ")].concat();
    let bytes = [
        explicit(0x0008_0005, "CS", b"ISO_IR 100"),
        explicit(0x0010_1002, "SQ", &[item(&inner), item(&explicit(0x0010_0010, "PN", b"\xe9 "))].concat()),
    ];
    assert_eq!(
        to_json(&scan(EXPLICIT, &bytes.concat()).header),
        r#"{"00080005":{"vr":"CS","Value":["ISO_IR 100"]},"00101002":{"vr":"SQ","Value":[{"00080005":{"vr":"CS","Value":["ISO_IR 144"]},"00100010":{"vr":"PN","Value":[{"Alphabetic":"Люк"}]}},{"00100010":{"vr":"PN","Value":[{"Alphabetic":"é"}]}}]}}"#
    );
}

#[test]
fn json_has_every_kind_of_value() {
    let bytes = [
        explicit(0x0008_0008, "CS", b"ORIGINAL\\\\AXIAL "),
        explicit(0x0010_0010, "PN", b"A^B=C^D=E^F\\=X "),
        explicit(0x0018_0050, "DS", b"1.50\\+3\\x"),
        explicit(0x0018_1151, "IS", b"0012"),
        explicit(0x0018_9073, "FD", &f64::NAN.to_le_bytes()),
        explicit(0x0018_9074, "DT", b""),
        explicit(0x0018_9087, "FD", &1.25f64.to_le_bytes()),
        explicit(0x0028_0009, "AT", &[0x18, 0, 0x63, 0x10]),
        explicit(0x0028_1201, "OW", &[1, 0, 2, 0]),
        explicit(0x0040_a160, "UT", b"line\\one \"two\""),
        explicit(0x7fe0_0010, "OW", &[0; 4]),
    ];
    let mut json = String::new();
    let header = scan(EXPLICIT, &bytes.concat()).header;
    lenticular_dicom::json::write_json(&header, &mut |path| Some(format!("bulk/{path}")), &mut json);
    let expected = [
        r#"{"00080008":{"vr":"CS","Value":["ORIGINAL",null,"AXIAL"]}"#,
        r#""00100010":{"vr":"PN","Value":[{"Alphabetic":"A^B","Ideographic":"C^D","Phonetic":"E^F"},{"Ideographic":"X"}]}"#,
        r#""00180050":{"vr":"DS","Value":[1.50,3,"x"]}"#,
        r#""00181151":{"vr":"IS","Value":[12]}"#,
        r#""00189073":{"vr":"FD","Value":["NaN"]}"#,
        r#""00189074":{"vr":"DT"}"#,
        r#""00189087":{"vr":"FD","Value":[1.25]}"#,
        r#""00280009":{"vr":"AT","Value":["00181063"]}"#,
        r#""00281201":{"vr":"OW","InlineBinary":"AQACAA=="}"#,
        r#""0040A160":{"vr":"UT","Value":["line\\one \"two\""]}"#,
        r#""7FE00010":{"vr":"OW","BulkDataURI":"bulk/7FE00010"}}"#,
    ];
    assert_eq!(json, expected.join(","));
}

#[test]
fn what_is_cut_short_or_lies_is_refused_by_tag_and_byte() {
    let bytes = explicit(0x0010_0020, "LO", b"PATIENT1");
    let error = refuse(EXPLICIT, &bytes[..12]);
    assert_eq!(error, ReadError::Truncated { offset: 12, tag: tags::PATIENT_ID });
    assert_eq!(error.to_string(), "the stream ends at byte 12, within (0010,0020)");
    let huge = announced(0x7fe0_0010, 0xffff_fff0, b"abcd");
    assert_eq!(refuse(IMPLICIT, &huge), ReadError::Truncated { offset: 12, tag: tags::PIXEL_DATA });
    let beyond = explicit(0x0008_1140, "SQ", &item(&announced(0x0008_1150, 100, b"x")));
    assert!(matches!(refuse(EXPLICIT, &beyond), ReadError::Overrun { length: 100, .. }));
    let stray = explicit(0x0008_1140, "SQ", &explicit(0x0008_1150, "UI", b"1.2\0"));
    assert!(matches!(refuse(EXPLICIT, &stray), ReadError::Unexpected { offset: 12, .. }));
    let open = undefined(0x0008_1140, "SQ", &item(&[]));
    assert!(matches!(refuse(EXPLICIT, &open), ReadError::Truncated { .. }));
    let unnamed = [explicit(0x0008_0060, "CS", b"CT"), announced(0xfffe_bcff, 2, b"xx")].concat();
    assert!(matches!(refuse(EXPLICIT, &unnamed), ReadError::Unexpected { offset: 10, .. }));
}

#[test]
fn a_tag_cut_short_is_told_the_same_however_the_stream_was_cut() {
    let bytes = [explicit(0x0008_0060, "CS", b"CT"), vec![0x10, 0]].concat();
    for (syntax, bytes) in
        [(EXPLICIT, bytes), (BIG_ENDIAN, [big(0x0008_0060, "CS", b"CT"), vec![0, 0x10]].concat())]
    {
        let told = ReadError::Truncated { offset: 12, tag: Tag(0x0010_0000) };
        assert_eq!(refuse(syntax, &bytes), told);
        let mut scanner = Scanner::for_dataset(syntax, Limits::default());
        bytes.iter().try_for_each(|byte| scanner.push(std::slice::from_ref(byte))).unwrap();
        assert_eq!(scanner.finish().unwrap_err(), told);
    }
}

#[test]
fn zeros_after_the_data_set_are_padding() {
    let bytes = [explicit(0x0010_0020, "LO", b"AB"), vec![0; 513]].concat();
    assert_eq!(to_json(&scan(EXPLICIT, &bytes).header), r#"{"00100020":{"vr":"LO","Value":["AB"]}}"#);
    let bytes = [explicit(0x0010_0020, "LO", b"AB"), vec![0; 3]].concat();
    assert_eq!(scan(EXPLICIT, &bytes).header.elements().len(), 1);
}

#[test]
fn a_rewritten_object_is_explicit_and_keeps_what_was_not_changed() {
    let dataset = [
        big(0x0008_0016, "UI", b"1.2.840.10008.5.1.4.1.1.2\0"),
        big(0x0008_0018, "UI", b"1.2.3\0"),
        big(0x0028_0010, "US", &[0, 1]),
        big(0x7fe0_0010, "OW", &[1, 2, 3, 4]),
        big(0xfffc_fffc, "OB", &[0, 0]),
    ];
    let stored = file(BIG_ENDIAN, &dataset.concat());
    let scanned = scan_file(&stored, Limits::default()).unwrap();
    let mut sent = Vec::new();
    for piece in rewrite(&scanned, EXPLICIT, &[], &NewPixels::Stored).unwrap() {
        match piece {
            Piece::Bytes(bytes) => sent.extend(bytes),
            Piece::Copy { offset, length, unit } => {
                let mut bytes = stored[offset as usize..(offset + length) as usize].to_vec();
                bytes.chunks_exact_mut(unit).for_each(<[u8]>::reverse);
                sent.extend(bytes);
            }
            Piece::Pixels => unreachable!("stored pixels were asked for"),
        }
    }
    let again = scan_file(&sent, Limits::default()).unwrap();
    assert_eq!(again.transfer_syntax, EXPLICIT);
    assert_eq!(again.header.integer(tags::ROWS), Some(1));
    let Some(Value::Bulk(bulk)) = again.header.get(tags::PIXEL_DATA).map(|element| &element.value) else {
        panic!("pixel data stays in the stream")
    };
    assert_eq!(sent[bulk.offset as usize..][..4], [2, 1, 4, 3]);
    assert_eq!(again.header.elements().len(), 5);
}

#[test]
fn new_pixels_take_the_place_of_the_stored_ones() {
    let content = [item(&[]), item(b"ab\xff\xd9"), sequence_end()].concat();
    let dataset = [
        explicit(0x0008_0018, "UI", b"1.2.3\0"),
        explicit(0x0028_0004, "CS", b"YBR_FULL_422"),
        undefined(0x7fe0_0010, "OB", &content),
        explicit(0xfffc_fffc, "OB", &[0, 0]),
    ];
    let scanned = scan(JPEG, &dataset.concat());
    let changes = [Element::new(tags::PHOTOMETRIC_INTERPRETATION, Vr::Cs, "RGB")];
    let native = |length| NewPixels::Native { length, kind: PixelKind::Integer, vr: Vr::Ow };
    let mut sent = Vec::new();
    for piece in rewrite(&scanned, EXPLICIT, &changes, &native(4)).unwrap() {
        match piece {
            Piece::Bytes(bytes) => sent.extend(bytes),
            Piece::Copy { .. } => panic!("nothing of the stored object is long"),
            Piece::Pixels => sent.extend([1, 2, 3, 4]),
        }
    }
    let again = scan_file(&sent, Limits::default()).unwrap();
    assert_eq!(again.header.string(tags::PHOTOMETRIC_INTERPRETATION).as_deref(), Some("RGB"));
    let tags_sent: Vec<Tag> = again.header.elements().iter().map(|element| element.tag).collect();
    assert_eq!(tags_sent, [0x0008_0018, 0x0028_0004, 0x7fe0_0010, 0xfffc_fffc].map(Tag));
    assert!(matches!(again.pixels, Some(PixelLayout::Native { length: 4, .. })));
    assert!(rewrite(&scanned, EXPLICIT, &[], &native(1 << 33)).is_err());
}

#[test]
fn a_preamble_is_cleared_unless_it_is_a_picture() {
    let mut program = [7; 128];
    program[..2].copy_from_slice(b"MZ");
    sanitize_preamble(&mut program);
    assert_eq!(program, [0; 128]);
    let mut picture = [7; 128];
    picture[..4].copy_from_slice(b"II*\0");
    sanitize_preamble(&mut picture);
    assert_eq!(picture[4], 7);
}

#[test]
fn json_reads_as_utf_8_whatever_it_was_made_of() {
    let json = r#"{"00080005":{"vr":"CS","Value":[null,"ISO 2022 IR 87"]},"00100010":{"vr":"PN","Value":[{"Alphabetic":"Yamada^Tarou","Ideographic":"山田^太郎"}]},"00400275":{"vr":"SQ","Value":[{"00400007":{"vr":"LO","Value":["é"]}}]},"7FE00010":{"vr":"OW","BulkDataURI":"bulk/1"}}"#;
    let read = read_json(&lenticular_base::tree::parse(json.as_bytes()).unwrap()).unwrap();
    assert_eq!(read.dataset.string(tags::PATIENT_NAME).as_deref(), Some("Yamada^Tarou=山田^太郎"));
    assert_eq!(read.dataset.string(tags::SPECIFIC_CHARACTER_SET).as_deref(), Some("ISO_IR 192"));
    assert_eq!(read.bulk[0].1, "bulk/1");
    let again = to_json(&scan(EXPLICIT, &write_dataset(&read.dataset)).header);
    assert!(again.contains("山田^太郎") && again.contains("é"), "{again}");
    for bad in [
        r#"[]"#,
        r#"{"0010":{}}"#,
        r#"{"00100010":{"vr":"XX"}}"#,
        r#"{"00280010":{"vr":"US","Value":[70000]}}"#,
        r#"{"00281201":{"vr":"OW","InlineBinary":"*"}}"#,
    ] {
        assert!(read_json(&lenticular_base::tree::parse(bad.as_bytes()).unwrap()).is_err(), "{bad}");
    }
}

#[test]
fn text_does_not_change_from_json_to_json() {
    let nested = item(&[explicit(0x0008_0005, "CS", b""), explicit(0x0010_0010, "PN", b"J\xe9r")].concat());
    let bytes = [
        explicit(0x0008_0005, "OB", b"ISO_IR 100"),
        explicit(0x0008_0060, "CS", b"\xc4\\\xd6 "),
        explicit(0x0010_1002, "SQ", &nested),
    ];
    let mut json = to_json(&scan(EXPLICIT, &bytes.concat()).header);
    for _ in 0..3 {
        assert!(json.contains(r#"["Ä","Ö"]"#) && json.contains("Jér"), "{json}");
        json = to_json(&read_json(&lenticular_base::tree::parse(json.as_bytes()).unwrap()).unwrap().dataset);
    }
    let delimiter = r#"{"FFFEE00D":{"vr":"UN","InlineBinary":"AAA="}}"#;
    assert!(read_json(&lenticular_base::tree::parse(delimiter.as_bytes()).unwrap()).is_err());
}

#[test]
fn sequences_as_deep_as_they_may_be_are_json() {
    let mut dataset = explicit(0x0010_0010, "PN", b"A^B ");
    for _ in 0..Limits::default().depth {
        dataset = undefined(0x0040_a730, "SQ", &[item(&dataset), sequence_end()].concat());
    }
    let json = to_json(&scan(EXPLICIT, &dataset).header);
    let read = read_json(&lenticular_base::tree::parse(json.as_bytes()).unwrap()).unwrap();
    assert!(to_json(&read.dataset).contains("A^B"));
}

#[test]
fn elements_of_the_files_head_in_a_data_set_are_not_written_to_its_front() {
    let dataset =
        [explicit(0x0002_0010, "UI", b"1.2.840.10008.1.2.4.50"), explicit(0x0008_0060, "CS", b"CT")];
    let bytes = dataset.concat();
    let scanned = scan(EXPLICIT, &bytes);
    let mut file = Vec::new();
    for piece in rewrite(&scanned, EXPLICIT, &[], &NewPixels::Stored).unwrap() {
        if let Piece::Bytes(bytes) = piece {
            file.extend(bytes);
        }
    }
    let read = scan_file(&file, Limits::default()).unwrap();
    assert_eq!(read.transfer_syntax, EXPLICIT);
    assert_eq!(read.header.string(tags::MODALITY).as_deref(), Some("CT"));
}
