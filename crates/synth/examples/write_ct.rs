//! Writes the chest CT of somebody who is not of the demonstration as DICOM files into `FOLDER/images`, and what is true of
//! it into `FOLDER/truth.json`.
//!
//!     cargo run --release -p lenticular-synth --example write_ct -- FOLDER [SEED] [SLICES]

use lenticular_synth::{DEMO_PEOPLE, Date, PhantomSize, person};
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "ct".to_owned()));
    let seed = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let slices = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(160);
    let today = Date::new(2026, 1, 15).expect("a day of the calendar");
    let somebody = (DEMO_PEOPLE..)
        .map(|number| person(seed, number, today))
        .find(|person| person.member == "hospital-a" && person.chest_ct.is_some())
        .expect("one in twenty has a chest CT");
    let facts = somebody.facts();
    let study = somebody.study_facts().expect("it was looked for");
    let phantom =
        somebody.ct_phantom(PhantomSize { slices, ..PhantomSize::default() }).expect("it was looked for");
    let images = folder.join("images");
    std::fs::create_dir_all(&images)?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|worker| {
                let (phantom, images) = (&phantom, &images);
                scope.spawn(move || -> std::io::Result<()> {
                    for index in (worker..phantom.slices()).step_by(2) {
                        std::fs::write(images.join(format!("ct-{index:03}.dcm")), phantom.slice(index))?;
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a slice never panics"))
    })?;
    let truth = phantom.truth();
    // `{:?}` of finite numbers and of ASCII without quotes is JSON
    let words = format!(
        r#"{{"study":{:?},"mrn":{:?},"family":{:?},"given":{:?},"size":{:?},"spacingMm":{:?},"sphere":{{"centerMm":{:?},"centerVoxel":{:?},"radiusMm":{:?},"hu":{:?},"backgroundHu":{:?}}}}}"#,
        study.study_uid,
        facts.mrn,
        somebody.family,
        somebody.given,
        truth.size,
        truth.spacing_mm,
        truth.sphere.sphere_center_mm,
        truth.sphere.sphere_center_voxel,
        truth.sphere.radius_mm,
        truth.sphere.hu,
        truth.sphere.background_hu
    );
    std::fs::write(folder.join("truth.json"), words)
}
