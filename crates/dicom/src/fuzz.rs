//! Entries for fuzzing: any bytes may be given, none may panic or take more memory than the limits allow.

use crate::pixels::{FrameGeometry, PixelLayout};
use crate::read::{Limits, Scanner};
use crate::{json, write};
use lenticular_base::tree;

const LIMITS: Limits = Limits {
    inline: 64 << 10,
    header: 1 << 20,
    elements: 50_000,
    depth: 32,
    fragments: 50_000,
    inflated: 16 << 20,
};

/// Reads bytes as a file; what is read is written as JSON and as a data set, and all its frames are located.
pub fn fuzz_file(bytes: &[u8]) {
    scan(Scanner::for_file(LIMITS), bytes);
}

/// Reads bytes as a data set; the first byte picks the transfer syntax and how the rest is cut.
pub fn fuzz_dataset(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let transfer_syntax = match first % 5 {
        0 => "1.2.840.10008.1.2",
        1 => "1.2.840.10008.1.2.1",
        2 => "1.2.840.10008.1.2.2",
        3 => "1.2.840.10008.1.2.1.99",
        _ => "1.2.840.10008.1.2.4.50",
    };
    scan(Scanner::for_dataset(transfer_syntax, LIMITS), rest);
}

fn scan(mut scanner: Scanner, bytes: &[u8]) {
    let step = bytes.first().map_or(1, |byte| usize::from(*byte) + 1);
    for slice in bytes.chunks(step) {
        if scanner.push(slice).is_err() {
            return;
        }
    }
    let Ok(scanned) = scanner.finish() else { return };
    let _ = json::to_json(&scanned.header);
    let _ = write::write_dataset(&scanned.header);
    let geometry = FrameGeometry::of(&scanned.header);
    if let Some(pixels) = scanned.pixels {
        assert_eq!(PixelLayout::decode(&pixels.encode()).as_ref(), Ok(&pixels), "layouts read back");
        for number in 0..pixels.frame_count(geometry.as_ref()).min(1000) {
            let _ = pixels.frame(number, geometry.as_ref());
        }
    }
}

/// Reads bytes as a stored layout.
pub fn fuzz_layout(bytes: &[u8]) {
    let _ = PixelLayout::decode(bytes);
}

/// Reads bytes as DICOM JSON.
pub fn fuzz_json(bytes: &[u8]) {
    if let Ok(tree) = tree::parse(bytes)
        && let Ok(read) = json::read_json(&tree)
    {
        let _ = json::to_json(&read.dataset);
    }
}
