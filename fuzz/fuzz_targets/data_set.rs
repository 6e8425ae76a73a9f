//! Files and data sets. The first byte says as what the bytes are read, the second how they are cut. What must hold:
//! - however the bytes are cut, the same is read, or the same error told;
//! - DICOM JSON of what was read is JSON within the usual limits, reads back, and is then at rest;
//! - a data set that was written reads back and is written the same;
//! - each frame that is counted lies within the stream, its layout survives its compact form;
//! - a rewritten object copies from within the stream, and is a file with the same frames.
#![no_main]

use lenticular_base::Kind;
use lenticular_base::index::{SEPARATOR, TEXT_LIMIT, Value};
use lenticular_base::tree;
use lenticular_dicom::dataset::DataSet;
use lenticular_dicom::fuzz::{fuzz_json, fuzz_layout};
use lenticular_dicom::pixels::{FrameGeometry, PixelLayout};
use lenticular_dicom::read::{Limits, ReadError, Scanned, Scanner, scan_file};
use lenticular_dicom::write::{NewPixels, Piece, rewrite, write_dataset};
use lenticular_dicom::{attributes, json};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    inline: 64 << 10,
    header: 1 << 20,
    elements: 50_000,
    depth: 32,
    fragments: 50_000,
    inflated: 4 << 20,
};

const EXPLICIT: &str = "1.2.840.10008.1.2.1";

const SYNTAXES: [&str; 6] = [
    "1.2.840.10008.1.2",
    EXPLICIT,
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.113619.5.2",
];

fuzz_target!(|bytes: &[u8]| {
    let [manner, step, stream @ ..] = bytes else { return };
    let step = usize::from(*step) + 1;
    match usize::from(*manner) % 9 {
        0 => check_stream(&|| Scanner::for_file(LIMITS), stream, step),
        7 => fuzz_json(stream),
        8 => check_layout(stream),
        syntax => check_stream(&|| Scanner::for_dataset(SYNTAXES[syntax - 1], LIMITS), stream, step),
    }
});

fn scan(mut scanner: Scanner, stream: &[u8], step: usize) -> Result<Scanned, ReadError> {
    for slice in stream.chunks(step) {
        scanner.push(slice)?;
    }
    scanner.finish()
}

fn check_layout(bytes: &[u8]) {
    fuzz_layout(bytes);
    if let Ok(layout) = PixelLayout::decode(bytes) {
        assert_eq!(PixelLayout::decode(&layout.encode()), Ok(layout), "a layout, written and read");
    }
}

fn check_stream(start: &dyn Fn() -> Scanner, stream: &[u8], step: usize) {
    let (whole, cut) = (scan(start(), stream, usize::MAX), scan(start(), stream, step));
    // Where a deflated stream is both damaged and no data set, the cut decides which is seen first.
    let either = |error: &ReadError| {
        matches!(error, ReadError::Deflate { .. } | ReadError::Limit { what: "inflated bytes", .. })
    };
    match (&whole, &cut) {
        (Err(first), Err(second)) if either(first) || either(second) => {}
        _ => assert_eq!(whole, cut, "however the bytes are cut"),
    }
    let Ok(scanned) = whole else { return };
    assert_eq!(scanned.length, stream.len() as u64);
    assert!(scanned.dataset_offset <= scanned.length);
    check_json(&scanned.header);
    check_rows(&scanned.header);
    check_written(&scanned);
    if let Some(pixels) = &scanned.pixels {
        check_frames(&scanned, pixels);
    }
    check_rewritten(&scanned, stream);
}

fn check_json(header: &DataSet) {
    let written = json::to_json(header);
    let tree = tree::parse(written.as_bytes()).unwrap_or_else(|error| panic!("{error}: {written}"));
    let read = json::read_json(&tree).unwrap_or_else(|error| panic!("{error}: {written}")).dataset;
    let again = json::to_json(&read);
    let tree = tree::parse(again.as_bytes()).expect("JSON again");
    let reread = json::read_json(&tree).unwrap_or_else(|error| panic!("{error}: {again}")).dataset;
    assert_eq!(json::to_json(&reread), again, "DICOM JSON, read and written twice");
}

fn check_rows(header: &DataSet) {
    for kind in [Kind::STUDY, Kind::SERIES, Kind::INSTANCE] {
        let row = attributes::row_attributes(kind, header);
        assert!(row.elements().len() <= header.elements().len());
        let _ = attributes::uid(kind, header);
        for entry in attributes::entries(kind, header) {
            assert_eq!(entry.param.kind(), kind);
            match entry.value {
                Value::Text(text) => {
                    assert!(text.len() <= TEXT_LIMIT);
                    assert!(text.matches(SEPARATOR).count() <= 1, "{text:?}");
                }
                Value::Time { low, high } => assert!(low < high, "{low}..{high}"),
                Value::Number { low, high, .. } => assert!(low <= high, "{low}..={high}"),
            }
        }
    }
}

fn check_written(scanned: &Scanned) {
    let again = |dataset: &[u8]| {
        let read = scan(Scanner::for_dataset(EXPLICIT, Limits::default()), dataset, usize::MAX);
        write_dataset(&read.unwrap_or_else(|error| panic!("{error}: {dataset:?}")).header)
    };
    let written = write_dataset(&scanned.header);
    let read = again(&written);
    if scanned.encoding.big_endian {
        // An attribute of representation UN stays so while it is big endian, and is then read as what it is.
        assert_eq!(again(&read), read, "a data set, read and written twice");
    } else {
        assert_eq!(read, written, "a data set, written, read and written");
    }
}

fn check_frames(scanned: &Scanned, pixels: &PixelLayout) {
    assert_eq!(PixelLayout::decode(&pixels.encode()).as_ref(), Ok(pixels), "a layout, written and read");
    let geometry = FrameGeometry::of(&scanned.header);
    let count = pixels.frame_count(geometry.as_ref());
    assert!(pixels.frame(0, geometry.as_ref()).is_none());
    assert!(count == u32::MAX || pixels.frame(count + 1, geometry.as_ref()).is_none());
    let (start, end) = match scanned.encoding.deflated {
        true => (0, LIMITS.inflated),
        false => (scanned.dataset_offset, scanned.length),
    };
    for number in (1..=count.min(500)).chain([count]).filter(|number| *number > 0) {
        let frame = pixels.frame(number, geometry.as_ref()).expect("a frame that was counted");
        for range in frame.ranges {
            let last = range.offset.checked_add(range.length);
            assert!(
                range.offset >= start && last.is_some_and(|last| last <= end),
                "{number}: {range:?} of {end}"
            );
        }
    }
}

fn check_rewritten(scanned: &Scanned, stream: &[u8]) {
    let new = [NewPixels::Stored, NewPixels::Absent, NewPixels::Encapsulated];
    let syntax = match &scanned.pixels {
        Some(PixelLayout::Encapsulated(_)) => "1.2.840.10008.1.2.4.50",
        _ => EXPLICIT,
    };
    for pixels in new {
        let pieces = rewrite(scanned, syntax, &[], &pixels).expect("nothing is too long here");
        if scanned.encoding.deflated {
            continue;
        }
        let mut file = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => file.extend(bytes),
                Piece::Copy { offset, length, unit } => {
                    let (from, to) = (offset as usize, (offset + length) as usize);
                    let copied = stream.get(from..to).expect("a piece within the stream");
                    assert!(unit > 0);
                    copied.chunks(unit).for_each(|sample| match sample.len() == unit {
                        true => file.extend(sample.iter().rev()),
                        false => file.extend(sample),
                    });
                }
                Piece::Pixels => {
                    file.extend([0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0])
                }
            }
        }
        let read = scan_file(&file, Limits::default()).unwrap_or_else(|error| panic!("{pixels:?}: {error}"));
        // What a big endian file says of unknown representation keeps its bytes, and is then little endian.
        if pixels == NewPixels::Stored && !scanned.encoding.big_endian {
            let count = |scanned: &Scanned| {
                let geometry = FrameGeometry::of(&scanned.header);
                scanned.pixels.as_ref().map(|pixels| pixels.frame_count(geometry.as_ref()))
            };
            assert_eq!(count(&read), count(scanned), "frames of a rewritten file");
        }
    }
}
