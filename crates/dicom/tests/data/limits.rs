use super::build::*;
use lenticular_dicom::read::{Limits, ReadError, Scanner};

fn push(transfer_syntax: &str, limits: Limits, bytes: &[u8]) -> Result<(), ReadError> {
    let mut scanner = Scanner::for_dataset(transfer_syntax, limits);
    scanner.push(bytes)?;
    scanner.finish().map(|_| ())
}

#[track_caller]
fn check(transfer_syntax: &str, limits: Limits, bytes: &[u8], expected: &str) {
    match push(transfer_syntax, limits, bytes) {
        Err(ReadError::Limit { what, .. }) => assert_eq!(what, expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn depth_count_and_size_are_bounded() {
    let limits = Limits::default();
    let nested =
        |depth: usize| (0..depth).fold(Vec::new(), |inner, _| explicit(0x0040_a730, "SQ", &item(&inner)));
    assert!(push(EXPLICIT, limits, &nested(32)).is_ok());
    check(EXPLICIT, limits, &nested(33), "nested sequences");
    let open = [undefined(0x0040_a730, "SQ", &[]), announced(0xfffe_e000, u32::MAX, &[])].concat();
    check(EXPLICIT, limits, &open.repeat(100_000), "nested sequences");
    let many = explicit(0x0008_1140, "UN", &item(&[]).repeat(100));
    check(EXPLICIT, Limits { elements: 50, ..limits }, &many, "elements");
    let long = explicit(0x0010_0020, "LO", &[b'x'; 1000]).repeat(20);
    check(EXPLICIT, Limits { header: 10_000, ..limits }, &long, "bytes of header");
    let fragments = undefined(0x7fe0_0010, "OB", &item(&[]).repeat(100));
    check(JPEG, Limits { fragments: 50, ..limits }, &fragments, "fragments");
}

#[test]
fn a_deflate_bomb_is_stopped() {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&announced(0x7fe0_0010, u32::MAX - 1, &[])).unwrap();
    encoder.write_all(&vec![0; 8 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    check(DEFLATED, Limits { inflated: 1 << 20, ..Limits::default() }, &bomb, "inflated bytes");
}

#[test]
fn long_values_and_pixels_stay_in_the_stream() {
    let text = explicit(0x0040_a160, "UT", &[b'x'; 100_000]);
    let bytes = [text, explicit(0x7fe0_0010, "OW", &[0; 10])].concat();
    let mut scanner = Scanner::for_dataset(EXPLICIT, Limits::default()).starting_at(1000);
    scanner.push(&bytes).unwrap();
    let scanned = scanner.finish().unwrap();
    let bulk = |at: usize| match scanned.header.elements()[at].value {
        lenticular_dicom::dataset::Value::Bulk(bulk) => (bulk.offset, bulk.length),
        ref other => panic!("{other:?}"),
    };
    assert_eq!(bulk(0), (1012, 100_000));
    assert_eq!(bulk(1), (1012 + 100_000 + 12, 10));
    assert_eq!((scanned.dataset_offset, scanned.length), (1000, 1000 + bytes.len() as u64));
}
