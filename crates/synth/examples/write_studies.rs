//! Writes the studies of the demonstration as DICOM files, one folder for each study with its truth beside them, and says
//! how long each took.
//!
//!     cargo run --release -p lenticular-synth --example write_studies -- FOLDER [SEED]

use lenticular_synth::{Date, Network};
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "studies".to_owned()));
    let seed = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let today = Date::new(2026, 1, 15).expect("a day of the calendar");
    for study in Network::studies(seed, today) {
        let started = std::time::Instant::now();
        let place = folder.join(format!("{:03}-{:?}", study.person, study.kind));
        std::fs::create_dir_all(&place)?;
        let mut bytes = 0;
        for index in 0..study.instances() {
            let file = study.instance(index);
            bytes += file.len();
            std::fs::write(place.join(format!("{index:04}.dcm")), file)?;
        }
        std::fs::write(place.join("truth.json"), study.truth_json())?;
        println!(
            "{:<28} {:>4} instances {:>10} bytes {:>9.1?}",
            place.file_name().map(|name| name.to_string_lossy()).unwrap_or_default(),
            study.instances(),
            bytes,
            started.elapsed()
        );
    }
    Ok(())
}
