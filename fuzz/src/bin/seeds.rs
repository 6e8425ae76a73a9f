//! Writes the seeds of all fuzz targets below `corpus/` (or the folder that is named), made by our own code.
#![forbid(unsafe_code)]

#[path = "../seeds/association.rs"]
mod association;
#[path = "../seeds/image.rs"]
mod image;
#[path = "../seeds/text.rs"]
mod text;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = env::args_os()
        .nth(1)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"), PathBuf::from);
    write(&folder, "pdu", &association::seeds())?;
    write(&folder, "data_set", &image::seeds())?;
    write(&folder, "json_tree", &text::json())?;
    write(&folder, "search_query", &text::searches())
}

fn write(folder: &Path, target: &str, seeds: &[Vec<u8>]) -> io::Result<()> {
    let folder = folder.join(target);
    fs::create_dir_all(&folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:03}")), seed)?;
    }
    println!("{target}: {} seeds, {} bytes", seeds.len(), seeds.iter().map(Vec::len).sum::<usize>());
    Ok(())
}
