//! RLE Lossless, 1.2.840.10008.1.2.5 (PS3.5 Annex G): byte planes, most significant first, each packed by PackBits.

use crate::{CodecError, Frame, FrameInfo, bits};

const CODEC: &str = "RLE";
const HEADER: usize = 64;
const MAX_SEGMENTS: usize = 15;

fn corrupt(reason: impl Into<String>) -> CodecError {
    CodecError::corrupt(CODEC, reason)
}

pub(crate) fn decode(info: &FrameInfo, data: &[u8]) -> Result<Frame, CodecError> {
    if info.bits_allocated == 1 {
        return Err(CodecError::unsupported(CODEC, "1 bit allocated"));
    }
    let width = info.sample_bytes()?;
    let samples = usize::from(info.samples_per_pixel);
    let pixels_count = info.sample_count()? / samples;
    let segments = segments(data)?;
    if segments.len() != width * samples {
        return Err(CodecError::mismatch(
            CODEC,
            format!("{samples} samples of {width} bytes"),
            format!("{} segments", segments.len()),
        ));
    }
    // A run of three bytes gives 128 at most: a frame that the data cannot fill takes no memory.
    if pixels_count > data.len().saturating_mul(64) {
        return Err(corrupt(format!("{} bytes for {pixels_count} pixels", data.len())));
    }
    let stride = width * samples;
    let mut pixels = vec![0; pixels_count * stride];
    for (index, segment) in segments.into_iter().enumerate() {
        let (sample, significance) = (index / width, index % width);
        let offset = sample * width + (width - 1 - significance);
        unpack(segment, pixels[offset..].iter_mut().step_by(stride), pixels_count)?;
    }
    bits::settle_unused_bits(info, &mut pixels);
    Ok(Frame { info: FrameInfo { planar_configuration: 0, ..info.clone() }, pixels })
}

/// The segments by the header's offsets (PS3.5 §G.5).
fn segments(data: &[u8]) -> Result<Vec<&[u8]>, CodecError> {
    let header = data.get(..HEADER).ok_or_else(|| corrupt("no header"))?;
    let words: Vec<usize> = header
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]) as usize)
        .collect();
    let count = words[0];
    if count == 0 || count > MAX_SEGMENTS {
        return Err(corrupt(format!("{count} segments")));
    }
    (1..=count)
        .map(|index| {
            let end = if index < count { words[index + 1] } else { data.len() };
            data.get(words[index]..end)
                .filter(|_| words[index] >= HEADER)
                .ok_or_else(|| corrupt(format!("segment {index} lies outside")))
        })
        .collect()
}

/// PS3.5 §G.3.2. Bytes after the last sample are padding.
fn unpack<'a>(
    segment: &[u8],
    mut out: impl Iterator<Item = &'a mut u8>,
    count: usize,
) -> Result<(), CodecError> {
    let mut left = count;
    let mut input = segment;
    while left > 0 {
        let Some((&control, rest)) = input.split_first() else {
            return Err(corrupt(format!("a segment ends {left} bytes early")));
        };
        let control = control as i8;
        if control >= 0 {
            let length = usize::from(control as u8) + 1;
            // The last literal of a segment may run into padding, never past the end of the data.
            let taken = length.min(left);
            let Some(literal) = rest.get(..taken) else {
                return Err(corrupt("a literal run is cut short"));
            };
            literal.iter().zip(out.by_ref()).for_each(|(&value, target)| *target = value);
            left -= taken;
            input = rest.get(length..).unwrap_or(&[]);
        } else if control != i8::MIN {
            let length = 1 + usize::from(control.unsigned_abs());
            let Some((&value, rest)) = rest.split_first() else {
                return Err(corrupt("a replicate run is cut short"));
            };
            let taken = length.min(left);
            out.by_ref().take(taken).for_each(|target| *target = value);
            left -= taken;
            input = rest;
        } else {
            input = rest;
        }
    }
    Ok(())
}

/// Encodes a frame; each row is packed on its own, as PS3.5 §G.3.1 asks.
///
/// # Errors
/// [`CodecError::NotRepresentable`] when the frame needs more than 15 segments (4 samples of 32 bits) or is 4 GiB long.
pub fn encode(frame: &Frame) -> Result<Vec<u8>, CodecError> {
    let info = &frame.info;
    let size = info.checked_size(crate::MAX_FRAME_BYTES)?;
    let width = info.sample_bytes()?;
    let samples = usize::from(info.samples_per_pixel);
    let stride = width * samples;
    if size != frame.pixels.len() || info.planar_configuration != 0 {
        return Err(CodecError::BadAttributes("the frame is not what its attributes say".to_owned()));
    }
    if stride > MAX_SEGMENTS {
        return Err(CodecError::NotRepresentable(format!("{stride} segments in RLE")));
    }
    let mut out = vec![0; HEADER];
    out[..4].copy_from_slice(&(stride as u32).to_le_bytes());
    let mut plane = Vec::with_capacity(info.columns as usize);
    for index in 0..stride {
        let (sample, significance) = (index / width, index % width);
        let offset = sample * width + (width - 1 - significance);
        let start = u32::try_from(out.len())
            .map_err(|_| CodecError::NotRepresentable("more than 4 GiB in RLE".to_owned()))?;
        out[4 + index * 4..8 + index * 4].copy_from_slice(&start.to_le_bytes());
        for row in frame.pixels.chunks_exact(info.columns as usize * stride) {
            plane.clear();
            plane.extend(row[offset..].iter().step_by(stride));
            pack(&plane, &mut out);
        }
        if out.len() % 2 == 1 {
            out.push(0);
        }
    }
    Ok(out)
}

/// Replicates of three or more, literals between.
fn pack(row: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    let mut literal = 0;
    while at < row.len() {
        let run = row[at..].iter().take(128).take_while(|&&value| value == row[at]).count();
        if run >= 3 || (run == 2 && literal == at) {
            flush(&row[literal..at], out);
            out.push((257 - run) as u8);
            out.push(row[at]);
            at += run;
            literal = at;
        } else {
            at += run;
        }
    }
    flush(&row[literal..], out);
}

fn flush(literal: &[u8], out: &mut Vec<u8>) {
    for chunk in literal.chunks(128) {
        out.push((chunk.len() - 1) as u8);
        out.extend_from_slice(chunk);
    }
}
