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
