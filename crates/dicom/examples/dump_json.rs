//! Prints what is read of DICOM files: one JSON object a line, with header, frames and errors.
//!
//!     cargo run -p lenticular-dicom --example dump_json -- FILE...

use lenticular_base::tree;
use lenticular_dicom::pixels::FrameGeometry;
use lenticular_dicom::read::{Limits, Scanned, scan_file};
use std::fmt::Write;

fn main() {
    for path in std::env::args().skip(1) {
        let mut line = String::from("{\"path\":\"");
        tree::escape_into(&mut line, &path);
        line.push('"');
        match std::fs::read(&path)
            .map_err(|e| e.to_string())
            .and_then(|bytes| scan_file(&bytes, Limits::default()).map_err(|e| e.to_string()))
        {
            Ok(scanned) => describe(&scanned, &mut line),
            Err(error) => {
                line.push_str(",\"error\":\"");
                tree::escape_into(&mut line, &error);
                line.push('"');
            }
        }
        println!("{line}}}");
    }
}

fn describe(scanned: &Scanned, line: &mut String) {
    let _ = write!(line, ",\"transferSyntax\":\"{}\"", scanned.transfer_syntax);
    let _ = write!(line, ",\"datasetOffset\":{},\"header\":", scanned.dataset_offset);
    let mut bulk = |path: &lenticular_dicom::tag::TagPath| Some(path.to_string());
    lenticular_dicom::json::write_json(&scanned.header, &mut bulk, line);
    let geometry = FrameGeometry::of(&scanned.header);
    let Some(pixels) = &scanned.pixels else { return };
    let compact = pixels.encode().len();
    let _ = write!(line, ",\"compact\":{compact},\"frames\":[");
    for number in 1..=pixels.frame_count(geometry.as_ref()) {
        let ranges = pixels.frame(number, geometry.as_ref()).map(|frame| frame.ranges).unwrap_or_default();
        line.push_str(if number > 1 { ",[" } else { "[" });
        for (at, range) in ranges.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let _ = write!(line, "{comma}[{},{}]", range.offset, range.length);
        }
        line.push(']');
    }
    line.push(']');
}
