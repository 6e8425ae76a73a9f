//! A small study whose texts are whatever a test wants to throw at a reader.

use super::part10::DataSet;
use super::pixels::{ellipse, pixel_module};
use crate::uid::uid;

const SIDE: u16 = 64;

/// Two instances of one secondary capture series (8 bits, MONOCHROME2, 64 x 64), as Part 10 files in UTF-8
/// (`ISO_IR 192`), with these bytes as Patient's Name, Study Description and Series Description. Nothing is escaped or
/// checked, and each is cut only at the 65,534 bytes that its length field can say. Patient ID is `HOSTILE-<seed>`, the
/// same seed gives the same UIDs.
pub fn hostile_study(
    seed: u64,
    patient_name: &[u8],
    study_description: &[u8],
    series_description: &[u8],
) -> Vec<Vec<u8>> {
    let mut set = DataSet::default();
    set.text(0x0008_0005, b"CS", "ISO_IR 192");
    set.text(0x0008_0008, b"CS", "DERIVED\\SECONDARY");
    set.text(0x0008_0020, b"DA", "20250102");
    set.text(0x0008_0030, b"TM", "101500");
    set.text(0x0008_0050, b"SH", "");
    set.text(0x0008_0060, b"CS", "OT");
    set.text(0x0008_0064, b"CS", "SYN");
    set.text(0x0008_0090, b"PN", "");
    set.raw_text(0x0008_1030, b"LO", study_description);
    set.raw_text(0x0008_103e, b"LO", series_description);
    set.raw_text(0x0010_0010, b"PN", patient_name);
    set.text(0x0010_0020, b"LO", &format!("HOSTILE-{seed}"));
    set.text(0x0010_0030, b"DA", "");
    set.text(0x0010_0040, b"CS", "");
    set.text(0x0020_000d, b"UI", &uid(seed, "hostile study", 0));
    set.text(0x0020_000e, b"UI", &uid(seed, "hostile series", 0));
    set.text(0x0020_0010, b"SH", "1");
    set.text(0x0020_0011, b"IS", "1");
    set.text(0x0020_0020, b"CS", "");
    set.text(0x0020_0060, b"CS", "");
    pixel_module(&mut set, "MONOCHROME2", 1, [SIDE, SIDE], [8, 8]);
    (0..2_u16)
        .map(|number| {
            let mut set = set.clone();
            set.text(0x0020_0013, b"IS", &(number + 1).to_string());
            let radius = 14.0 + 8.0 * f64::from(number);
            let pixels: Vec<u8> = (0..SIDE * SIDE)
                .map(|at| {
                    let (x, y) = (f64::from(at % SIDE), f64::from(at / SIDE));
                    (40.0 + 180.0 * ellipse(x, y, [32.0, 32.0], [radius, radius])) as u8
                })
                .collect();
            let instance = uid(seed, "hostile instance", u64::from(number));
            set.into_file("1.2.840.10008.5.1.4.1.1.7", &instance, b"OB", &pixels)
        })
        .collect()
}
