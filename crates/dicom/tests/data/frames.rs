use super::build::*;
use super::reading::scan;
use lenticular_dicom::pixels::{FrameGeometry, PixelLayout, align_bits};
use lenticular_dicom::read::Scanned;

fn frames(scanned: &Scanned, stream: &[u8]) -> Vec<Vec<u8>> {
    let geometry = FrameGeometry::of(&scanned.header);
    let pixels = scanned.pixels.as_ref().unwrap();
    assert_eq!(PixelLayout::decode(&pixels.encode()).as_ref(), Ok(pixels));
    assert!(pixels.frame(0, geometry.as_ref()).is_none());
    let count = pixels.frame_count(geometry.as_ref());
    assert!(pixels.frame(count + 1, geometry.as_ref()).is_none());
    let frame = |number| {
        let frame = pixels.frame(number, geometry.as_ref()).unwrap();
        let range = |r: &lenticular_dicom::pixels::ByteRange| {
            stream[r.offset as usize..(r.offset + r.length) as usize].to_vec()
        };
        let bytes: Vec<u8> = frame.ranges.iter().flat_map(range).collect();
        if frame.is_packed() { align_bits(&bytes, frame.first_bit, frame.bits) } else { bytes }
    };
    (1..=count).map(frame).collect()
}

fn encapsulated(number_of_frames: &str, before: Vec<u8>, table: &[u32], fragments: &[&[u8]]) -> Vec<u8> {
    let table: Vec<u8> = table.iter().flat_map(|offset| offset.to_le_bytes()).collect();
    let mut content = item(&table);
    fragments.iter().for_each(|fragment| content.extend(item(fragment)));
    content.extend(sequence_end());
    let frames = explicit(0x0028_0008, "IS", number_of_frames.as_bytes());
    [frames, before, undefined(0x7fe0_0010, "OB", &content)].concat()
}

#[track_caller]
fn check(number_of_frames: &str, table: &[u32], fragments: &[&[u8]], expected: &[&[u8]]) {
    let bytes = encapsulated(number_of_frames, Vec::new(), table, fragments);
    assert_eq!(frames(&scan(JPEG, &bytes), &bytes), expected);
}

#[test]
fn native_frames_follow_each_other() {
    let bytes = image();
    assert_eq!(frames(&scan(EXPLICIT, &bytes), &bytes), [[1, 2, 3, 4], [5, 6, 7, 8]]);
}

#[test]
fn single_bits_are_packed_over_the_bytes() {
    let bytes = [
        explicit(0x0028_0008, "IS", b"3 "),
        explicit(0x0028_0010, "US", &[1, 0]),
        explicit(0x0028_0011, "US", &[3, 0]),
        explicit(0x0028_0100, "US", &[1, 0]),
        explicit(0x7fe0_0010, "OB", &[0b1111_0101, 0b1]),
    ]
    .concat();
    assert_eq!(frames(&scan(EXPLICIT, &bytes), &bytes), [[0b101], [0b110], [0b111]]);
}

#[test]
fn fragments_become_frames_by_table_by_count_or_by_their_ends() {
    check("2 ", &[0, 10], &[b"aa", b"bb"], &[b"aa", b"bb"]);
    check("2 ", &[0, 20], &[b"aa", b"bb", b"cc"], &[b"aabb", b"cc"]);
    check("2 ", &[], &[b"aa", b"bb"], &[b"aa", b"bb"]);
    check("1 ", &[], &[b"aa", b"bb"], &[b"aabb"]);
    check("2 ", &[], &[b"aa", b"b\xff\xd9\0", b"cc", b"\xff\xd9"], &[b"aab\xff\xd9\0", b"cc\xff\xd9"]);
    check("2 ", &[0], &[b"a\xff\xd9\0", b"c\xff\xd9\0"], &[b"a\xff\xd9\0", b"c\xff\xd9\0"]);
    check("3 ", &[0, 20], &[b"aa", b"bb", b"cc", b"dd"], &[b"aabb", b"ccdd"]);
    // A table that fits nothing counts for nothing.
    check("2 ", &[0, 11], &[b"aa", b"bb"], &[b"aa", b"bb"]);
    check("2 ", &[10, 0], &[b"aa", b"bb"], &[b"aa", b"bb"]);
    check("9 ", &[], &[b"aa", b"bb"], &[b"aa", b"bb"]);
    check("1 ", &[], &[], &[]);
}

#[test]
fn the_extended_offset_table_knows_lengths_without_padding() {
    let table = |numbers: &[u64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let before =
        [explicit(0x7fe0_0001, "OV", &table(&[0, 12])), explicit(0x7fe0_0002, "OV", &table(&[3, 4]))];
    let bytes = encapsulated("2 ", before.concat(), &[], &[b"aaa\0", b"bbbb"]);
    assert_eq!(frames(&scan(JPEG, &bytes), &bytes), [b"aaa".as_slice(), b"bbbb"]);
}

#[test]
fn thousands_of_frames_are_a_few_kilobytes() {
    let fragments = vec![[7u8; 300].as_slice(); 5000];
    let bytes = encapsulated("5000", Vec::new(), &[], &fragments);
    let pixels = scan(JPEG, &bytes).pixels.unwrap();
    assert!(pixels.encode().len() < 3 * 5000, "{}", pixels.encode().len());
}

#[test]
fn big_endian_samples_say_how_to_turn_them() {
    let bytes = |bits: u8| {
        [
            big(0x0028_0010, "US", &[0, 1]),
            big(0x0028_0011, "US", &[0, 1]),
            big(0x0028_0100, "US", &[0, bits]),
            big(0x7fe0_0010, "OW", &[0; 4]),
        ]
        .concat()
    };
    for (bits, unit) in [(8, 2), (16, 2), (32, 4)] {
        let scanned = scan(BIG_ENDIAN, &bytes(bits));
        let geometry = FrameGeometry::of(&scanned.header);
        assert_eq!(scanned.pixels.unwrap().swap_unit(geometry.as_ref()), unit);
    }
    let scanned = scan("1.2.840.113619.5.2", &implicit(0x7fe0_0010, &[0; 4]));
    assert_eq!(scanned.pixels.unwrap().swap_unit(None), 2);
}
