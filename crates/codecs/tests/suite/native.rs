//! Native samples and RLE.

use lenticular_codecs::{
    CodecError, Frame, FrameInfo, Photometric, Support, decode, decode_within, rle, support, swap_words,
    to_rgb,
};
use proptest::prelude::*;

const EXPLICIT_LE: &str = "1.2.840.10008.1.2.1";
const EXPLICIT_BE: &str = "1.2.840.10008.1.2.2";
const RLE: &str = "1.2.840.10008.1.2.5";

fn grey(rows: u32, columns: u32, allocated: u16, stored: u16, signed: bool) -> FrameInfo {
    FrameInfo {
        rows,
        columns,
        samples_per_pixel: 1,
        bits_allocated: allocated,
        bits_stored: stored,
        high_bit: stored - 1,
        signed,
        photometric: Photometric::Monochrome2,
        planar_configuration: 0,
    }
}

fn color(rows: u32, columns: u32, photometric: Photometric, planar_configuration: u16) -> FrameInfo {
    FrameInfo { samples_per_pixel: 3, photometric, planar_configuration, ..grey(rows, columns, 8, 8, false) }
}

#[test]
fn transfer_syntaxes_say_what_can_be_done() {
    assert_eq!(support("1.2.840.10008.1.2"), Support::Native);
    assert_eq!(support("1.2.840.10008.1.2.1.99\0"), Support::Native);
    assert_eq!(support("1.2.840.10008.1.2.1.98"), Support::Decodes);
    assert_eq!(support("1.2.840.10008.1.2.4.51"), Support::Decodes);
    assert_eq!(support("1.2.840.10008.1.2.4.203"), Support::Decodes);
    assert_eq!(support("1.2.840.10008.1.2.4.100"), Support::Unsupported);
    let result = decode("1.2.840.10008.1.2.4.100", &grey(1, 1, 8, 8, false), &[0]);
    assert!(matches!(result, Err(CodecError::UnsupportedTransferSyntax(_))));
}

#[test]
fn big_endian_words_are_turned_round() {
    let frame = decode(EXPLICIT_BE, &grey(1, 2, 16, 16, false), &[0x12, 0x34, 0xAB, 0xCD]).unwrap();
    assert_eq!(frame.pixels, [0x34, 0x12, 0xCD, 0xAB]);
}

#[test]
fn eight_bit_words_of_big_endian_are_swapped_by_the_caller() {
    let mut element = vec![2, 1, 0, 3];
    swap_words(&mut element);
    let frame = decode(EXPLICIT_BE, &grey(1, 3, 8, 8, false), &element).unwrap();
    assert_eq!(frame.pixels, [1, 2, 3]);
}

#[test]
fn planes_are_interleaved() {
    let frame = decode(EXPLICIT_LE, &color(1, 2, Photometric::Rgb, 1), &[1, 2, 3, 4, 5, 6]).unwrap();
    assert_eq!(frame.pixels, [1, 3, 5, 2, 4, 6]);
    assert_eq!(frame.info.planar_configuration, 0);
}

#[test]
fn packed_bits_become_bytes_lowest_bit_first() {
    let info = FrameInfo { bits_allocated: 1, bits_stored: 1, high_bit: 0, ..grey(2, 5, 8, 8, false) };
    let frame = decode(EXPLICIT_LE, &info, &[0b0000_0101, 0b10]).unwrap();
    assert_eq!(frame.pixels, [1, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!((frame.info.bits_allocated, frame.info.bits_stored), (8, 1));
}

#[test]
fn unused_bits_are_cleared_or_take_the_sign() {
    let stored = [0xFF, 0xAF, 0x01, 0x50];
    let unsigned = decode(EXPLICIT_LE, &grey(1, 2, 16, 12, false), &stored).unwrap();
    assert_eq!(unsigned.pixels, [0xFF, 0x0F, 0x01, 0x00]);
    let signed = decode(EXPLICIT_LE, &grey(1, 2, 16, 12, true), &stored).unwrap();
    assert_eq!(signed.pixels, [0xFF, 0xFF, 0x01, 0x00]);
}

#[test]
fn half_the_chroma_is_spread_over_pairs_of_pixels() {
    let info = color(1, 4, Photometric::YbrFull422, 0);
    let frame = decode(EXPLICIT_LE, &info, &[10, 20, 128, 129, 30, 40, 130, 131]).unwrap();
    assert_eq!(frame.pixels, [10, 128, 129, 20, 128, 129, 30, 130, 131, 40, 130, 131]);
    assert_eq!(frame.info.photometric, Photometric::YbrFull);
}

#[test]
fn colours_convert_as_the_standard_says() {
    let pixel = |photometric, pixel: [u8; 3]| {
        let frame = Frame { info: color(1, 1, photometric, 0), pixels: pixel.to_vec() };
        to_rgb(&frame).unwrap().pixels
    };
    // PS3.3 §C.7.6.3.1.2: pure red is Y 76, CB 85, CR 255.
    assert_eq!(pixel(Photometric::YbrFull, [76, 85, 255]), [254, 0, 0]);
    assert_eq!(pixel(Photometric::YbrFull, [255, 128, 128]), [255, 255, 255]);
    assert_eq!(pixel(Photometric::YbrPartial422, [16, 128, 128]), [0, 0, 0]);
    assert_eq!(pixel(Photometric::YbrPartial422, [235, 128, 128]), [255, 255, 255]);
    assert_eq!(pixel(Photometric::Rgb, [1, 2, 3]), [1, 2, 3]);
}

#[test]
fn twelve_bit_colour_converts_too() {
    let info =
        FrameInfo { samples_per_pixel: 3, photometric: Photometric::YbrFull, ..grey(1, 1, 16, 12, false) };
    let pixels = [1000u16, 2048, 3048].iter().flat_map(|value| value.to_le_bytes()).collect();
    let rgb = to_rgb(&Frame { info, pixels }).unwrap();
    let expected: Vec<u8> = [2402u16, 286, 1000].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!((rgb.pixels, rgb.info.photometric), (expected, Photometric::Rgb));
}

#[test]
fn a_frame_above_the_limit_is_refused() {
    let result = decode_within(EXPLICIT_LE, &grey(100, 100, 16, 16, false), &[], 19_999);
    assert_eq!(result, Err(CodecError::TooLarge { bytes: 20_000, limit: 19_999 }));
    let monster = FrameInfo { samples_per_pixel: 4, ..grey(u32::MAX, u32::MAX, 64, 64, false) };
    assert!(matches!(decode(RLE, &monster, &[]), Err(CodecError::TooLarge { .. })));
}

#[test]
fn a_short_frame_is_refused() {
    assert!(matches!(
        decode(EXPLICIT_LE, &grey(2, 2, 8, 8, false), &[1, 2, 3]),
        Err(CodecError::Corrupt { .. })
    ));
}

#[test]
fn attributes_that_contradict_themselves_are_refused() {
    for info in [
        grey(0, 1, 8, 8, false),
        grey(1, 1, 8, 9, false),
        grey(1, 1, 12, 12, false),
        FrameInfo { high_bit: 6, ..grey(1, 1, 8, 8, false) },
        FrameInfo { samples_per_pixel: 5, ..grey(1, 1, 8, 8, false) },
    ] {
        let result = decode(EXPLICIT_LE, &info, &[0; 16]);
        assert!(matches!(result, Err(CodecError::BadAttributes(_))), "{info:?}: {result:?}");
    }
}

/// PS3.5 §G.3: the literal and replicate runs, and a run that is a no-operation.
#[test]
fn rle_runs_read_as_the_standard_says() {
    let mut data = vec![0; 64];
    data[0] = 1;
    data[4] = 64;
    data.extend([2, 10, 20, 30, 0x80, 0xFE, 7, 0]);
    let frame = decode(RLE, &grey(1, 6, 8, 8, false), &data).unwrap();
    assert_eq!(frame.pixels, [10, 20, 30, 7, 7, 7]);
}

fn frames() -> impl Strategy<Value = Frame> {
    let widths = prop_oneof![Just(8u16), Just(16), Just(32)];
    (1u32..20, 1u32..200, prop_oneof![Just(1u16), Just(3)], widths).prop_flat_map(
        |(rows, columns, samples, bits)| {
            let info = FrameInfo { samples_per_pixel: samples, ..grey(rows, columns, bits, bits, false) };
            let size = rows as usize * columns as usize * usize::from(samples * bits / 8);
            // Few values, so that there are runs.
            proptest::collection::vec(0u8..4, size)
                .prop_map(move |pixels| Frame { info: info.clone(), pixels })
        },
    )
}

proptest! {
    #[test]
    fn rle_gives_every_bit_back(frame in frames()) {
        let encoded = rle::encode(&frame).unwrap();
        prop_assert_eq!(encoded.len() % 2, 0);
        prop_assert_eq!(decode(RLE, &frame.info, &encoded).unwrap(), frame);
    }
}
