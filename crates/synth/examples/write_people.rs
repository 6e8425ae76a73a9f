//! Writes the members and the first N people of a seed as transaction bundles into a folder, and says how fast the
//! load stream runs.
//!
//!     cargo run --release -p lenticular-synth --example write_people -- FOLDER [N] [SEED]

use lenticular_synth::{Date, load_bundle, network, people, resources};
use std::path::Path;
use std::time::Instant;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "people".to_owned());
    let count = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(50);
    let seed = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let today = Date::new(2026, 1, 15).expect("a day of the calendar");

    for member in network(seed).members {
        std::fs::write(folder.join(format!("member-{}.json", member.id)), member.transaction())?;
    }
    let started = Instant::now();
    let mut bytes = 0;
    for person in people(seed, count, today) {
        let bundle = person.transaction();
        bytes += bundle.len();
        std::fs::write(folder.join(format!("person-{:04}.json", person.number)), bundle)?;
    }
    println!("{count} people, {bytes} bytes in {:.2?}", started.elapsed());
    std::fs::write(folder.join("load.json"), load_bundle(seed, 0, 200))?;

    let started = Instant::now();
    let total: usize = resources(seed, 500_000).map(|resource| resource.json.len()).sum();
    let seconds = started.elapsed().as_secs_f64();
    println!("500,000 resources, {total} bytes: {:.0}/s", 500_000.0 / seconds);
    Ok(())
}
