//! Bytes to pixels and back, for each DICOM transfer syntax, and frames to 8-bit pictures.
//!
//! [`decode`] takes the bytes of **one** frame, as stored, with the attributes that describe it ([`FrameInfo`])
//! and gives native little-endian, pixel-interleaved samples. [`render`](render::render) turns such a frame into a
//! [`Picture`] (modality LUT, VOI LUT or window, palette, viewport), and [`encode_png`] and [`encode_jpeg`] write it.
//!
//! Invariants:
//! - No sockets, files, clocks or threads; the same input gives the same output.
//! - No memory is taken from an unchecked length: a frame's size is known from [`FrameInfo`] and bounded
//!   ([`MAX_FRAME_BYTES`]) before anything is allocated, and a codestream whose own header says another size is refused.
//! - Hostile bytes give a [`CodecError`], never a panic: decoders of others run behind a guard.
//! - This is the only crate of the workspace that may use C, C++ or `unsafe`. It uses no C, and `unsafe` in one file (`jpeg2000/decoder.rs`).
//!
//! ```
//! use lenticular_codecs::render::{RenderOptions, Window, WindowFunction, render};
//! use lenticular_codecs::{FrameInfo, Photometric, decode, encode_png};
//!
//! let info = FrameInfo {
//!     rows: 2, columns: 2, samples_per_pixel: 1, bits_allocated: 16, bits_stored: 12, high_bit: 11, signed: true,
//!     photometric: Photometric::Monochrome2, planar_configuration: 0,
//! };
//! let frame = decode("1.2.840.10008.1.2.1", &info, &[0, 0, 10, 0, 20, 0, 0xFF, 0x0F])?;
//! assert_eq!(&frame.pixels[6..], [0xFF, 0xFF]); // -1: the unused bits have taken the sign
//!
//! let window = Some(Window { center: 10.5, width: 21.0, function: WindowFunction::Linear });
//! let picture = render(&frame, &RenderOptions { window, ..RenderOptions::default() })?;
//! assert_eq!(picture.pixels, [0, 128, 255, 0]);
//! assert!(encode_png(&picture)?.starts_with(b"\x89PNG"));
//! # Ok::<(), lenticular_codecs::CodecError>(())
//! ```
//!
//! Start reading at [`decode`] in `transfer_syntax.rs`, which names every codec; then `jpeg.rs` (own decoder for
//! ITU-T T.81, DCT and lossless), `jpegls.rs` (own, T.87), `rle.rs`, and `render.rs`.

mod bits;
mod color;
mod error;
mod frame;
mod guard;
mod jpeg;
mod jpeg2000;
mod jpegls;
mod jpegxl;
mod native;
mod picture;
pub mod render;
pub mod rle;
mod transfer_syntax;

pub use bits::swap_words;
pub use color::to_rgb;
pub use error::CodecError;
pub use frame::{Frame, FrameInfo, MAX_FRAME_BYTES, Photometric};
pub use picture::{Picture, encode_jpeg, encode_jpeg_baseline_frame, encode_png};
pub use transfer_syntax::{Support, decode, decode_within, support};
