//! Writes the chest CT of person 0 of a seed, and its small companions, as DICOM files into a folder.
//!
//!     cargo run --release -p lenticular-synth --example write_phantom -- FOLDER [SEED] [SLICES]

use lenticular_synth::{Date, PhantomSize, SmallImage, person, single_frame};
use std::path::Path;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "phantom".to_owned());
    let seed = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let slices = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(160);
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let today = Date::new(2026, 1, 15).expect("a day of the calendar");
    let somebody = person(seed, 0, today);
    let study = somebody.study_facts().expect("person 0 has a chest CT");
    let phantom = somebody
        .ct_phantom(PhantomSize { slices, ..PhantomSize::default() })
        .expect("person 0 has a chest CT");

    let started = std::time::Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|worker| {
                let phantom = &phantom;
                scope.spawn(move || -> std::io::Result<()> {
                    for index in (worker..phantom.slices()).step_by(2) {
                        std::fs::write(folder.join(format!("ct-{index:03}.dcm")), phantom.slice(index))?;
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a slice never panics"))
    })?;
    println!("{} slices in {:.2?}", phantom.slices(), started.elapsed());
    println!("{:#?}", phantom.truth());
    for (name, kind) in [
        ("cr", SmallImage::Radiograph),
        ("us-cine", SmallImage::UltrasoundCine),
        ("us-palette", SmallImage::UltrasoundPalette),
        ("mr", SmallImage::MagneticResonance),
    ] {
        std::fs::write(
            folder.join(format!("{name}.dcm")),
            single_frame(seed, kind, &somebody.facts(), &study),
        )?;
    }
    std::fs::write(folder.join("person.json"), somebody.transaction())
}
