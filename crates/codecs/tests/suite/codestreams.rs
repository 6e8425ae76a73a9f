//! Codestreams made by other encoders from one formula, and by the encoders at hand.

use lenticular_codecs::{
    CodecError, Frame, FrameInfo, Photometric, Picture, decode, encode_jpeg, encode_jpeg_baseline_frame,
    encode_png, to_rgb,
};

const COLUMNS: u32 = 21;
const ROWS: u32 = 13;

/// The formula that the files in `tests/data` were made from.
pub fn pattern(samples: u32, bits: u32) -> Vec<i32> {
    let mut out = Vec::new();
    for y in 0..ROWS {
        for x in 0..COLUMNS {
            for k in 0..samples {
                out.push(((x * x + 3 * y + 17 * k * x + (x * y / 5) * 11) % (1 << bits)) as i32);
            }
        }
    }
    out
}

pub fn info(samples: u16, allocated: u16, stored: u16) -> FrameInfo {
    FrameInfo {
        rows: ROWS,
        columns: COLUMNS,
        samples_per_pixel: samples,
        bits_allocated: allocated,
        bits_stored: stored,
        high_bit: stored - 1,
        signed: false,
        photometric: if samples == 1 { Photometric::Monochrome2 } else { Photometric::Rgb },
        planar_configuration: 0,
    }
}

fn bytes(values: &[i32], allocated: u16) -> Vec<u8> {
    match allocated {
        8 => values.iter().map(|&value| value as u8).collect(),
        _ => values.iter().flat_map(|&value| (value as u16).to_le_bytes()).collect(),
    }
}

fn check(suffix: &str, data: &[u8], info: &FrameInfo, expected: &[i32]) {
    let uid = format!("1.2.840.10008.1.2.{suffix}");
    let frame = decode(&uid, info, data).expect("it decodes");
    assert_eq!(frame.pixels, bytes(expected, info.bits_allocated), "{suffix}");
}

#[test]
fn jpeg_2000_is_exact() {
    check("4.90", include_bytes!("../data/grey16.j2k"), &info(1, 16, 16), &pattern(1, 16));
    let color = FrameInfo { photometric: Photometric::YbrRct, ..info(3, 8, 8) };
    check("4.90", include_bytes!("../data/rgb8.j2k"), &color, &pattern(3, 8));
    let frame = decode("1.2.840.10008.1.2.4.90", &color, include_bytes!("../data/rgb8.j2k")).unwrap();
    assert_eq!(frame.info.photometric, Photometric::Rgb);
}

#[test]
fn signed_jpeg_2000_is_exact() {
    let signed = FrameInfo { signed: true, ..info(1, 16, 16) };
    let expected: Vec<i32> = pattern(1, 12).iter().map(|value| value - 2048).collect();
    check("4.90", include_bytes!("../data/signed16.j2k"), &signed, &expected);
}

#[test]
fn high_throughput_jpeg_2000_is_exact() {
    check("4.201", include_bytes!("../data/grey16.jph"), &info(1, 16, 16), &pattern(1, 16));
    check("4.202", include_bytes!("../data/rgb8.jph"), &info(3, 8, 8), &pattern(3, 8));
}

#[test]
fn jpeg_xl_is_exact() {
    check("4.110", include_bytes!("../data/grey12.jxl"), &info(1, 16, 12), &pattern(1, 12));
    check("4.110", include_bytes!("../data/rgb8.jxl"), &info(3, 8, 8), &pattern(3, 8));
}

/// `grey12.raw` is what the reference decoder makes of `grey12.jpg`.
#[test]
fn twelve_bit_jpeg_equals_the_reference_decoder() {
    let data = include_bytes!("../data/grey12.jpg");
    let frame = decode("1.2.840.10008.1.2.4.51", &info(1, 16, 12), data).unwrap();
    assert_eq!(frame.pixels, include_bytes!("../data/grey12.raw"));
}

#[test]
fn jpeg_ls_is_exact_in_each_interleave_mode() {
    check("4.80", include_bytes!("../data/grey8.jls"), &info(1, 8, 8), &pattern(1, 8));
    check("4.80", include_bytes!("../data/grey12.jls"), &info(1, 16, 12), &pattern(1, 12));
    check("4.80", include_bytes!("../data/rgb8-plane.jls"), &info(3, 8, 8), &pattern(3, 8));
    check("4.80", include_bytes!("../data/rgb8-line.jls"), &info(3, 8, 8), &pattern(3, 8));
    check("4.80", include_bytes!("../data/rgb8-sample.jls"), &info(3, 8, 8), &pattern(3, 8));
}

#[test]
fn near_lossless_jpeg_ls_stays_within_its_bound() {
    let data = include_bytes!("../data/grey8-near2.jls");
    let frame = decode("1.2.840.10008.1.2.4.81", &info(1, 8, 8), data).unwrap();
    let values = pattern(1, 8);
    let apart = |(got, was): (&u8, &i32)| (i32::from(*got) - was).abs();
    assert_eq!(frame.pixels.iter().zip(&values).map(apart).max(), Some(2));
}

/// A scan that ends early fails at once.
#[test]
fn a_cut_jpeg_ls_is_refused() {
    let data = include_bytes!("../data/grey8.jls");
    let result = decode("1.2.840.10008.1.2.4.80", &info(1, 8, 8), &data[..120]);
    assert!(matches!(result, Err(CodecError::Corrupt { .. })), "{result:?}");
}

/// A smooth picture: JPEG at quality 95 stays close to it.
fn smooth(samples: u16) -> Frame {
    let pixels = (0..ROWS * COLUMNS)
        .flat_map(|index| {
            (0..u32::from(samples)).map(move |k| (index % COLUMNS * 6 + index / COLUMNS * 5 + k * 20) as u8)
        })
        .collect();
    Frame { info: info(samples, 8, 8), pixels }
}

#[test]
fn a_frame_goes_to_baseline_jpeg_and_back() {
    for samples in [1, 3] {
        let frame = smooth(samples);
        let (encoded, photometric) = encode_jpeg_baseline_frame(&frame, 95).unwrap();
        let declared = FrameInfo { photometric, ..frame.info.clone() };
        let mut decoded = decode("1.2.840.10008.1.2.4.50", &declared, &encoded).unwrap();
        if samples == 3 {
            assert_eq!(decoded.info.photometric, Photometric::YbrFull);
            decoded = to_rgb(&decoded).unwrap();
        }
        let worst = decoded.pixels.iter().zip(&frame.pixels).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(8), "{worst:?}");
    }
}

#[test]
fn what_baseline_jpeg_cannot_hold_is_refused() {
    let words = Frame { info: info(1, 16, 12), pixels: vec![0; (ROWS * COLUMNS * 2) as usize] };
    assert!(matches!(encode_jpeg_baseline_frame(&words, 90), Err(CodecError::NotRepresentable(_))));
    let indices = Frame {
        info: FrameInfo { photometric: Photometric::PaletteColor, ..info(1, 8, 8) },
        pixels: vec![0; (ROWS * COLUMNS) as usize],
    };
    assert!(matches!(encode_jpeg_baseline_frame(&indices, 90), Err(CodecError::NotRepresentable(_))));
}

#[test]
fn pictures_leave_as_png_and_jpeg() {
    for channels in [1u8, 3] {
        let pixels: Vec<u8> = (0..4 * 3 * u32::from(channels)).map(|value| value as u8 * 7).collect();
        let picture = Picture { width: 4, height: 3, channels, pixels };
        let encoded = encode_png(&picture).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(encoded)).read_info().unwrap();
        let mut decoded = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut decoded).unwrap();
        assert_eq!(decoded, picture.pixels);
        assert!(encode_jpeg(&picture, 90).unwrap().starts_with(&[0xFF, 0xD8, 0xFF]));
        let wrong = Picture { width: 5, ..picture };
        assert!(encode_png(&wrong).is_err() && encode_jpeg(&wrong, 90).is_err());
    }
}
