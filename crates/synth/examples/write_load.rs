//! Writes transaction Bundles of the endless load stream to a folder, for trials with millions of resources.
//!
//!     cargo run --release -p lenticular-synth --example write_load -- FOLDER BUNDLES ENTRIES

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "load".to_owned()));
    let mut number = |default| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (bundles, entries) = (number(1000), number(1000));
    std::fs::create_dir_all(&folder)?;
    for bundle in 0..u64::from(bundles) {
        std::fs::write(
            folder.join(format!("{bundle:05}.json")),
            lenticular_synth::load_bundle(1, bundle, entries),
        )?;
    }
    Ok(())
}
