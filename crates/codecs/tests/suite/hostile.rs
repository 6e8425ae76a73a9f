//! Whatever the bytes, there is a frame or an error, never a panic.

use lenticular_codecs::render::{Lut, Viewport};
use lenticular_codecs::{CodecError, FrameInfo, Photometric, decode};
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
}
