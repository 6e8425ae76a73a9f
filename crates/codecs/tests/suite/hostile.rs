//! Whatever the bytes, there is a frame or an error, never a panic.

use lenticular_codecs::render::{
    Lut, Palette, RenderOptions, Rescale, Viewport, Window, WindowFunction, render,
};
use lenticular_codecs::{CodecError, Frame, FrameInfo, Photometric, decode};
use proptest::prelude::*;

use super::codestreams::info;

const SUFFIXES: [&str; 13] = [
    "", ".1", ".2", ".5", ".4.50", ".4.51", ".4.57", ".4.70", ".4.80", ".4.90", ".4.201", ".4.110", ".4.112",
];

const SAMPLES: [(&str, &[u8], u16, u16); 11] = [
    (".4.90", include_bytes!("../data/grey16.j2k"), 1, 16),
    (".4.91", include_bytes!("../data/rgb8.j2k"), 3, 8),
    (".4.201", include_bytes!("../data/grey16.jph"), 1, 16),
    (".4.201", include_bytes!("../data/rgb8.jph"), 3, 8),
    (".4.110", include_bytes!("../data/grey12.jxl"), 1, 16),
    (".4.110", include_bytes!("../data/rgb8.jxl"), 3, 8),
    (".4.51", include_bytes!("../data/grey12.jpg"), 1, 16),
    (".4.81", include_bytes!("../data/grey8-near2.jls"), 1, 8),
    (".4.80", include_bytes!("../data/grey12.jls"), 1, 16),
    (".4.80", include_bytes!("../data/rgb8-line.jls"), 3, 8),
    (".4.80", include_bytes!("../data/rgb8-sample.jls"), 3, 8),
];

fn check(suffix: &str, info: &FrameInfo, data: &[u8]) {
    let uid = format!("1.2.840.10008.1.2{suffix}");
    if let Ok(frame) = decode(&uid, info, data) {
        let pixels = frame.info.rows as usize * frame.info.columns as usize;
        let bytes = usize::from(frame.info.samples_per_pixel * frame.info.bits_allocated / 8);
        assert_eq!(frame.pixels.len(), pixels * bytes);
    }
}

/// A JPEG 2000 header that says 32,000 by 32,000 in a few hundred bytes.
#[test]
fn a_bomb_takes_no_memory() {
    let mut data = include_bytes!("../data/grey16.j2k").to_vec();
    for offset in [8, 12, 24, 28] {
        data[offset..offset + 4].copy_from_slice(&32_000u32.to_be_bytes());
    }
    let declared = FrameInfo { rows: 32_000, columns: 32_000, ..info(1, 16, 16) };
    let result = decode("1.2.840.10008.1.2.4.90", &declared, &data);
    assert!(matches!(result, Err(CodecError::Corrupt { .. })), "{result:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(suffix in 0..SUFFIXES.len(), data in proptest::collection::vec(any::<u8>(), 0..300), samples in 1u16..4) {
        check(SUFFIXES[suffix], &info(samples, 16, 12), &data);
    }

    #[test]
    fn any_attributes(
        numbers in (0u32..70, 0u32..70, 0u16..6, 0u16..70, 0u16..70, 0u16..70),
        suffix in 0..SUFFIXES.len(),
        data in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let (rows, columns, samples_per_pixel, bits_allocated, bits_stored, high_bit) = numbers;
        let info = FrameInfo {
            rows, columns, samples_per_pixel, bits_allocated, bits_stored, high_bit,
            signed: rows % 2 == 0,
            photometric: Photometric::YbrFull422,
            planar_configuration: (columns % 2) as u16,
        };
        check(SUFFIXES[suffix], &info, &data);
    }

    #[test]
    fn changed_codestreams(
        sample in 0..SAMPLES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let (suffix, data, samples, allocated) = SAMPLES[sample];
        let mut data = data.to_vec();
        for (at, value) in changes {
            let at = at.index(data.len());
            data[at] = value;
        }
        if let Some(cut) = cut {
            data.truncate(cut.index(data.len()));
        }
        check(suffix, &info(samples, allocated, allocated), &data);
    }

    #[test]
    fn any_lookup_table(
        entries in any::<u16>(),
        first in any::<i32>(),
        bits in 0u16..20,
        data in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        for lut in [Lut::new(entries, first, bits, &data), Lut::segmented(entries, first, bits, &data)].into_iter().flatten() {
            lut.value(i64::MIN);
            lut.value(i64::MAX);
        }
    }

    #[test]
    fn any_viewport(text in "[0-9,.eE+-]{0,30}") {
        Viewport::parse(&text);
    }

    #[test]
    fn any_frame_and_options(
        shape in (1u32..9, 1u32..9, 1u16..=4, prop_oneof![Just(8u16), Just(16), Just(32), Just(64)], 1u16..=64, any::<bool>()),
        photometric in prop::sample::select(vec!["MONOCHROME1", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_RCT", "HSV"]),
        fill in any::<u64>(),
        numbers in (any::<f64>(), any::<f64>(), any::<f64>(), any::<f64>()),
        choices in (any::<bool>(), any::<bool>(), any::<bool>()),
        region in proptest::option::of((0u32..40, 0u32..40, any::<f64>(), any::<f64>())),
    ) {
        let (rows, columns, samples_per_pixel, bits_allocated, stored, signed) = shape;
        let bits_stored = stored.min(bits_allocated);
        let info = FrameInfo {
            rows, columns, samples_per_pixel, bits_allocated, bits_stored, signed,
            high_bit: bits_stored - 1,
            photometric: Photometric::parse(photometric),
            planar_configuration: 0,
        };
        let size = (rows * columns * u32::from(samples_per_pixel * bits_allocated / 8)) as usize;
        let pixels = (0..size as u64).map(|at| (fill.wrapping_mul(at * 2 + 1) >> 40) as u8).collect();
        let table = || Lut::new(4, -1, 16, &[0, 1, 2, 3, 4, 5, 6, 7]).expect("a table");
        let options = RenderOptions {
            rescale: Rescale { slope: numbers.0, intercept: numbers.1 },
            modality_lut: choices.0.then(table),
            window: choices.1.then_some(Window { center: numbers.2, width: numbers.3, function: WindowFunction::Linear }),
            voi_lut: choices.2.then(table),
            palette: Some(Palette::new(table(), table(), table())),
            inverse: signed,
            padding: None,
            viewport: region.map(|(vw, vh, sx, sw)| Viewport { vw, vh, sx: Some(sx), sy: None, sw: Some(sw), sh: None }),
            pixel_shape: Some(numbers.0),
        };
        if let Ok(picture) = render(&Frame { info, pixels }, &options) {
            let expected = picture.width * picture.height * u32::from(picture.channels);
            prop_assert_eq!(picture.pixels.len(), expected as usize);
        }
    }
}
