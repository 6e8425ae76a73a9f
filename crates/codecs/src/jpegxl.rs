//! JPEG XL, 1.2.840.10008.1.2.4.110 to .112 (ISO/IEC 18181), decoded by jxl-oxide.

use jxl_oxide::image::BitDepth;
use jxl_oxide::{AllocTracker, InitializeResult, JxlImage, JxlThreadPool};

use crate::bits::{self, Codestream};
use crate::guard::fenced;
use crate::{CodecError, Frame, FrameInfo, Photometric};

const CODEC: &str = "JPEG XL";

/// Working memory of the decoder: that many bytes for each sample, plus the base.
const BYTES_PER_SAMPLE: usize = 64;
const BASE_BYTES: usize = 64 << 20;

pub(crate) fn decode(info: &FrameInfo, data: &[u8]) -> Result<Frame, CodecError> {
    let samples = info.sample_count()?;
    fenced(CODEC, || {
        let failed =
            |error: Box<dyn std::error::Error + Send + Sync>| CodecError::corrupt(CODEC, error.to_string());
        let tracker =
            AllocTracker::with_limit(samples.saturating_mul(BYTES_PER_SAMPLE).saturating_add(BASE_BYTES));
        let mut start = JxlImage::builder().pool(JxlThreadPool::none()).alloc_tracker(tracker).build_uninit();
        let consumed = start.feed_bytes(data).map_err(failed)?;
        let InitializeResult::Initialized(mut image) = start.try_init().map_err(failed)? else {
            return Err(CodecError::corrupt(CODEC, "no image header"));
        };
        let BitDepth::IntegerSample { bits_per_sample } = image.image_header().metadata.bit_depth else {
            return Err(CodecError::unsupported(CODEC, "floating point samples"));
        };
        let format = image.pixel_format();
        let codestream = Codestream {
            codec: CODEC,
            rows: image.height(),
            columns: image.width(),
            samples: if format.is_grayscale() { 1 } else { 3 },
            precision: bits_per_sample as u16,
        };
        let mut out = codestream.reconcile(info)?;
        codestream.refuse_bomb(data.len())?;
        image.feed_bytes(&data[consumed.min(data.len())..]).map_err(failed)?;
        image.finalize().map_err(failed)?;
        let rendered = image.render_frame(0).map_err(failed)?;
        let mut stream = rendered.stream_no_alpha();
        if (stream.width(), stream.height(), stream.channels())
            != (info.columns, info.rows, u32::from(codestream.samples))
        {
            return Err(CodecError::corrupt(CODEC, "the decoder gave another size than the header"));
        }
        let mut values = vec![0f32; samples];
        stream.write_to_buffer(&mut values);
        let top = 2f32.powi(bits_per_sample as i32) - 1.0;
        let numbers = values.iter().map(|value| (value * top).round().clamp(0.0, top) as i32);
        let pixels = bits::write_samples(numbers, out.bits_allocated, samples);
        if codestream.samples == 3 {
            out.photometric = Photometric::Rgb;
        }
        Ok(Frame { info: out, pixels })
    })
}
