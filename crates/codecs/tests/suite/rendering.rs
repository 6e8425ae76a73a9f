//! Pictures against the formulas of the standard.

use lenticular_codecs::render::{
    Lut, Palette, RenderOptions, Rescale, Viewport, Window, WindowFunction, render,
};
use lenticular_codecs::{CodecError, Frame, FrameInfo, Photometric, Picture};

fn signed_frame(values: &[i16]) -> Frame {
    Frame {
        info: FrameInfo {
            rows: 1,
            columns: values.len() as u32,
            samples_per_pixel: 1,
            bits_allocated: 16,
            bits_stored: 16,
            high_bit: 15,
            signed: true,
            photometric: Photometric::Monochrome2,
            planar_configuration: 0,
        },
        pixels: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

fn byte_frame(rows: u32, columns: u32, pixels: Vec<u8>) -> Frame {
    let samples_per_pixel = (pixels.len() as u32 / (rows * columns)) as u16;
    Frame {
        info: FrameInfo {
            rows,
            columns,
            samples_per_pixel,
            bits_allocated: 8,
            bits_stored: 8,
            high_bit: 7,
            signed: false,
            photometric: if samples_per_pixel == 1 { Photometric::Monochrome2 } else { Photometric::Rgb },
            planar_configuration: 0,
        },
        pixels,
    }
}

fn windowed(values: &[i16], center: f64, width: f64, function: WindowFunction) -> Vec<u8> {
    let window = Some(Window { center, width, function });
    let options = RenderOptions { window, ..RenderOptions::default() };
    render(&signed_frame(values), &options).expect("it renders").pixels
}

fn viewport(text: &str) -> RenderOptions {
    RenderOptions { viewport: Some(Viewport::parse(text).expect("a viewport")), ..RenderOptions::default() }
}

/// PS3.3 §C.11.2.1.2.1, its own examples.
#[test]
fn linear_windows() {
    let linear = WindowFunction::Linear;
    // c = 2048, w = 4096: y = (x - 2047.5) / 4095 + 0.5.
    assert_eq!(
        windowed(&[-1, 0, 1, 2047, 2048, 4094, 4095, 4096], 2048.0, 4096.0, linear),
        [0, 0, 0, 127, 128, 255, 255, 255]
    );
    // c = 2048, w = 1: a threshold at 2047.5.
    assert_eq!(windowed(&[2047, 2048], 2048.0, 1.0, linear), [0, 255]);
    // c = 0, w = 100: 0 up to -50, 255 above 49.
    assert_eq!(windowed(&[-51, -50, -49, 0, 49, 50], 0.0, 100.0, linear), [0, 0, 3, 129, 255, 255]);
    // c = 0, w = 1: 0 up to -0.5.
    assert_eq!(windowed(&[-1, 0], 0.0, 1.0, linear), [0, 255]);
}

/// PS3.3 §C.11.2.1.3.2 and §C.11.2.1.3.1.
#[test]
fn exact_and_sigmoid_windows() {
    assert_eq!(
        windowed(&[-50, -25, 0, 25, 50], 0.0, 100.0, WindowFunction::LinearExact),
        [0, 64, 128, 191, 255]
    );
    let sigmoid = windowed(&[-1000, -50, 0, 50, 1000], 0.0, 100.0, WindowFunction::Sigmoid);
    // 255 / (1 + e^2) = 30.4; 255 / (1 + e^-2) = 224.6.
    assert_eq!(sigmoid, [0, 30, 128, 225, 255]);
}

#[test]
fn windows_that_mean_nothing_are_refused() {
    for (width, function) in [
        (0.5, WindowFunction::Linear),
        (0.0, WindowFunction::LinearExact),
        (f64::NAN, WindowFunction::Sigmoid),
    ] {
        let window = Some(Window { center: 0.0, width, function });
        let result = render(&signed_frame(&[1]), &RenderOptions { window, ..RenderOptions::default() });
        assert!(matches!(result, Err(CodecError::BadOption(_))));
    }
}

#[test]
fn the_window_is_in_rescaled_units() {
    let options = RenderOptions {
        rescale: Rescale { slope: 2.0, intercept: -1024.0 },
        window: Some(Window { center: 0.5, width: 2.0, function: WindowFunction::Linear }),
        ..RenderOptions::default()
    };
    // 511 -> -2, 512 -> 0, 513 -> 2.
    assert_eq!(render(&signed_frame(&[511, 512, 513]), &options).unwrap().pixels, [0, 128, 255]);
}

#[test]
fn without_a_window_the_whole_range_is_shown_but_for_padding() {
    let plain = RenderOptions::default();
    assert_eq!(render(&signed_frame(&[-100, 0, 100]), &plain).unwrap().pixels, [0, 128, 255]);
    let padded = RenderOptions { padding: Some((-2000, -2000)), ..RenderOptions::default() };
    assert_eq!(render(&signed_frame(&[-2000, -100, 0, 100]), &padded).unwrap().pixels, [0, 0, 128, 255]);
    assert_eq!(render(&signed_frame(&[7, 7]), &plain).unwrap().pixels, [128, 128]);
}

#[test]
fn monochrome1_and_inverse_turn_white_to_black_and_together_cancel() {
    let mut frame = signed_frame(&[0, 1]);
    let inverse = RenderOptions { inverse: true, ..RenderOptions::default() };
    assert_eq!(render(&frame, &inverse).unwrap().pixels, [255, 0]);
    frame.info.photometric = Photometric::Monochrome1;
    assert_eq!(render(&frame, &RenderOptions::default()).unwrap().pixels, [255, 0]);
    assert_eq!(render(&frame, &inverse).unwrap().pixels, [0, 255]);
}

#[test]
fn modality_and_voi_tables_come_one_after_the_other() {
    let words = |values: &[u16]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let options = RenderOptions {
        modality_lut: Some(Lut::new(3, 0, 16, &words(&[30, 20, 10])).unwrap()),
        voi_lut: Some(Lut::new(3, 10, 12, &words(&[0, 2048, 4095])).unwrap()),
        ..RenderOptions::default()
    };
    // -5 and 9 fall on the nearest ends of the modality table: 30 and 10; 30 lies past the VOI table's last entry (12).
    assert_eq!(render(&signed_frame(&[-5, 0, 2, 9]), &options).unwrap().pixels, [255, 255, 0, 0]);
}

#[test]
fn bits_outside_the_stored_ones_are_not_looked_at() {
    let mut frame = signed_frame(&[0x7005u16 as i16, 0x0FFF, 0x0007]);
    frame.info.bits_stored = 12;
    frame.info.high_bit = 11;
    // 5, -1, 7
    assert_eq!(render(&frame, &RenderOptions::default()).unwrap().pixels, [191, 0, 255]);
}

#[test]
fn palettes_map_to_colour() {
    let mut frame = byte_frame(1, 3, vec![0, 1, 9]);
    frame.info.photometric = Photometric::PaletteColor;
    assert!(matches!(render(&frame, &RenderOptions::default()), Err(CodecError::BadAttributes(_))));
    let words = |values: [u16; 2]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let wide = |values| Lut::new(2, 0, 16, &words(values)).unwrap();
    let palette = Palette::new(wide([0, 0xFF00]), wide([0x8000, 0]), wide([0, 0x1234]));
    let options = RenderOptions { palette: Some(palette), ..RenderOptions::default() };
    let picture = render(&frame, &options).unwrap();
    assert_eq!((picture.channels, picture.pixels), (3, vec![0, 128, 0, 255, 0, 18, 255, 0, 18]));

    let narrow = |values| Lut::new(2, 0, 8, values).unwrap();
    let palette = Palette::new(narrow(&[1, 2]), narrow(&[3, 4]), narrow(&[5, 6]));
    assert_eq!(palette.color(1), [2, 4, 6]);
}

/// PS3.3 §C.7.9.2: discrete, linear and indirect segments.
#[test]
fn segmented_tables_unfold() {
    let words = |values: &[u16]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    // Discrete 0, 100; linear to 500 in 4; then the first segment again (1 segment at byte 0).
    let data = words(&[0, 2, 0, 100, 1, 4, 500, 2, 1, 0, 0]);
    let lut = Lut::segmented(8, 0, 16, &data).unwrap();
    let entries: Vec<u16> = (0..8).map(|index| lut.value(index)).collect();
    assert_eq!(entries, [0, 100, 200, 300, 400, 500, 0, 100]);
    assert!(Lut::segmented(9, 0, 16, &data).is_err());
    // A segment that points at itself.
    assert!(Lut::segmented(8, 0, 16, &words(&[2, 1, 0, 0])).is_err());
}

#[test]
fn colour_frames_are_shown_as_rgb() {
    let frame = byte_frame(1, 2, vec![1, 2, 3, 4, 5, 6]);
    let picture = render(&frame, &RenderOptions::default()).unwrap();
    assert_eq!(picture, Picture { width: 2, height: 1, channels: 3, pixels: vec![1, 2, 3, 4, 5, 6] });
}

fn ramp() -> Frame {
    // 0 to 255, so that the automatic range changes nothing.
    byte_frame(2, 4, vec![0, 10, 20, 30, 40, 50, 60, 255])
}

#[test]
fn a_viewport_crops_and_flips() {
    let crop = render(&ramp(), &viewport("2,2,1,0,2,2")).unwrap();
    assert_eq!((crop.width, crop.height, crop.pixels), (2, 2, vec![10, 20, 50, 60]));
    let flipped = render(&ramp(), &viewport("4,2,,,-4,")).unwrap();
    assert_eq!(flipped.pixels, [30, 20, 10, 0, 255, 60, 50, 40]);
    let upside_down = render(&ramp(), &viewport("4,2,,,,-2")).unwrap();
    assert_eq!(upside_down.pixels, [40, 50, 60, 255, 0, 10, 20, 30]);
}

#[test]
fn shrinking_averages_and_growing_is_smooth_and_both_keep_the_aspect() {
    let small = render(&ramp(), &viewport("2,2")).unwrap();
    assert_eq!((small.width, small.height, small.pixels), (2, 1, vec![25, 91]));
    let large = render(&byte_frame(1, 2, vec![0, 255]), &viewport("4,9")).unwrap();
    assert_eq!((large.width, large.height), (4, 2));
    assert_eq!(large.pixels, [0, 64, 191, 255, 0, 64, 191, 255]);
}

#[test]
fn pixels_that_are_not_square_become_so_in_a_viewport() {
    let size = |shape, text: &str| {
        let picture = render(&ramp(), &RenderOptions { pixel_shape: shape, ..viewport(text) }).unwrap();
        (picture.width, picture.height)
    };
    // 4 by 2 pixels
    assert_eq!(size(None, "80,80"), (80, 40));
    assert_eq!(size(Some(2.0), "80,80"), (80, 80));
    assert_eq!(size(Some(4.0), "80,80"), (40, 80));
    assert_eq!(size(Some(0.5), "80,80"), (80, 20));
    assert_eq!(size(Some(2.0), "80,80,0,0,2,2"), (40, 80), "a region keeps its shape too");
    assert_eq!(size(Some(f64::NAN), "80,80"), (80, 40));
    let options = RenderOptions { pixel_shape: Some(2.0), ..RenderOptions::default() };
    assert_eq!(render(&ramp(), &options).unwrap().height, 2, "as stored without a viewport");
}

#[test]
fn viewports_outside_the_image_are_refused() {
    for text in ["2,2,4,0,1,1", "2,2,-1,0,1,1", "2,2,0,0,0,1"] {
        let result = render(&ramp(), &viewport(text));
        assert!(matches!(result, Err(CodecError::BadOption(_))), "{text}: {result:?}");
    }
    for text in ["", "2", "0,5", "a,b", "2,2,1", "20000,1", "1,1,inf,0,1,1"] {
        assert_eq!(Viewport::parse(text), None, "{text}");
    }
}
