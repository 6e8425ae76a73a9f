//! OpenJPEG's stream and codec handles, each freed on every way out.
#![allow(unsafe_code)] // OpenJPEG's interface is that of C; every call's condition is stated beside it.

use std::ffi::c_void;
use std::ptr;

use super::codestream::Size;
use super::{CODEC, openjpeg};
use crate::CodecError;

/// Bytes that OpenJPEG reads from.
struct Source<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// SAFETY: OpenJPEG passes the `user` pointer of `Stream::new` and a buffer of `length` bytes.
unsafe extern "C" fn read(buffer: *mut c_void, length: usize, user: *mut c_void) -> usize {
    let source = unsafe { &mut *user.cast::<Source>() };
    let rest = source.bytes.get(source.at..).unwrap_or(&[]);
    let count = rest.len().min(length);
    if count == 0 || buffer.is_null() {
        return usize::MAX;
    }
    unsafe { ptr::copy_nonoverlapping(rest.as_ptr(), buffer.cast::<u8>(), count) };
    source.at += count;
    count
}

/// SAFETY: as for `read`.
unsafe extern "C" fn skip(count: i64, user: *mut c_void) -> i64 {
    let source = unsafe { &mut *user.cast::<Source>() };
    let target = usize::try_from(count).ok().and_then(|count| source.at.checked_add(count));
    match target.filter(|&target| target <= source.bytes.len()) {
        Some(target) => {
            source.at = target;
            count
        }
        None => -1,
    }
}

/// SAFETY: as for `read`.
unsafe extern "C" fn seek(offset: i64, user: *mut c_void) -> i32 {
    let source = unsafe { &mut *user.cast::<Source>() };
    match usize::try_from(offset).ok().filter(|&offset| offset <= source.bytes.len()) {
        Some(offset) => {
            source.at = offset;
            1
        }
        None => 0,
    }
}

struct Stream(*mut openjpeg::opj_stream_t);

impl Stream {
    /// `source` must outlive the stream.
    fn new(source: &mut Source) -> Option<Self> {
        let length = source.bytes.len() as u64;
        let user = ptr::from_mut(source).cast::<c_void>();
        // SAFETY: the stream is used only while `source` lives (see `decode`); all pointers come from OpenJPEG itself.
        unsafe {
            let stream = openjpeg::opj_stream_create(source.bytes.len().clamp(64, 1 << 20), 1);
            if stream.is_null() {
                return None;
            }
            openjpeg::opj_stream_set_read_function(stream, Some(read));
            openjpeg::opj_stream_set_skip_function(stream, Some(skip));
            openjpeg::opj_stream_set_seek_function(stream, Some(seek));
            openjpeg::opj_stream_set_user_data(stream, user, None);
            openjpeg::opj_stream_set_user_data_length(stream, length);
            Some(Self(stream))
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: made by `opj_stream_create`, destroyed once.
        unsafe { openjpeg::opj_stream_destroy(self.0) }
    }
}

/// One plane of `rows * columns` numbers for each component.
pub(super) fn decode(data: &[u8], size: &Size) -> Result<Vec<Vec<i32>>, CodecError> {
    let failed = |what: &str| CodecError::corrupt(CODEC, what);
    let mut source = Source { bytes: &data[size.start..], at: 0 };
    // Declared after `source`, so dropped before it.
    let stream = Stream::new(&mut source).ok_or_else(|| failed("no stream"))?;
    let mut codec =
        openjp2::Codec::new_decoder(openjp2::OPJ_CODEC_J2K).ok_or_else(|| failed("no decoder"))?;
    let mut parameters = openjp2::opj_dparameters::default();
    if codec.setup_decoder(&mut parameters) != 1 || codec.decoder_set_strict_mode(1) != 1 {
        return Err(failed("no decoder"));
    }
    // SAFETY: the pointer is the live stream's, and nothing else refers to it.
    let input = unsafe { &mut *stream.0.cast::<openjp2::Stream>() };
    let mut image = codec.read_header(input).ok_or_else(|| failed("the main header is broken"))?;
    if codec.decode(input, &mut image) != 1 || codec.end_decompress(input) != 1 {
        return Err(failed("the codestream is broken or ends early"));
    }
    let components = image.comps().unwrap_or(&[]);
    if components.len() != usize::from(size.components) {
        return Err(failed("the decoder gave another number of components"));
    }
    components
        .iter()
        .map(|component| {
            let plane = component.data().filter(|_| (component.w, component.h) == (size.columns, size.rows));
            plane.map(<[i32]>::to_vec).ok_or_else(|| failed("a component is missing"))
        })
        .collect()
}
