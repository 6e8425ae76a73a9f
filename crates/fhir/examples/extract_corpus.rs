//! Extracts every resource of the bundles in a folder and prints entries and time for each resource type.
//!
//! `cargo run --release -p lenticular-fhir --example extract_corpus -- FOLDER`

use lenticular_base::tree::{self, Tree};
use lenticular_fhir::{extract::extract, kinds};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("a folder of FHIR bundles is expected")?;
    let mut by_type: BTreeMap<String, (usize, usize, Duration)> = BTreeMap::new();
    for file in std::fs::read_dir(folder)? {
        let text = std::fs::read(file?.path())?;
        let bundle = tree::parse(&text)?;
        for entry in bundle.get("entry").map_or(&[][..], Tree::items) {
            let Some(resource) = entry.get("resource") else { continue };
            let name = resource.text_at("resourceType").ok_or("a resource without a type")?;
            let kind = kinds::kind(&name).ok_or("an unknown type")?;
            // The first call of a type compiles its parameters.
            extract(resource, kind);
            let start = Instant::now();
            let entries = extract(resource, kind).len();
            let row = by_type.entry(name.into_owned()).or_default();
            *row = (row.0 + 1, row.1 + entries, row.2 + start.elapsed());
        }
    }
    println!("{:32}{:>10}{:>12}{:>12}", "type", "resources", "entries", "µs");
    let mut all = (0, 0, Duration::ZERO);
    for (name, (count, entries, time)) in &by_type {
        all = (all.0 + count, all.1 + entries, all.2 + *time);
        print(name, *count, *entries, *time);
    }
    print("all, for each resource", all.0, all.1, all.2);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "averages for people to read")]
fn print(name: &str, count: usize, entries: usize, time: Duration) {
    let each = |total: f64| total / count as f64;
    println!("{name:32}{count:>10}{:>12.1}{:>12.2}", each(entries as f64), each(time.as_secs_f64() * 1e6));
}
