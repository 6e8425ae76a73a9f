//! Validates the resources of Bundles and says how long that takes: `validate_speed FILE.json…`.

use lenticular_base::tree::{self, Tree};
use lenticular_fhir::{definitions, reference, validate};
use std::time::Instant;

fn main() -> std::io::Result<()> {
    let start = Instant::now();
    definitions::definitions();
    println!("definitions read in {:?}", start.elapsed());
    let files: Vec<Vec<u8>> = std::env::args().skip(1).map(std::fs::read).collect::<Result<_, _>>()?;
    let (mut resources, mut bytes, mut wrong) = (0u64, 0usize, 0u64);
    let (mut parsing, mut validating, mut preparing, mut walking) = Default::default();
    let mut references = 0u64;
    for file in &files {
        let start = Instant::now();
        let mut tree = tree::parse(file).map_err(std::io::Error::other)?;
        parsing += start.elapsed();
        bytes += file.len();
        let start = Instant::now();
        for entry in tree.get("entry").map_or(&[][..], Tree::items) {
            let Some(resource) = entry.get("resource") else { continue };
            resources += 1;
            if let Err(issues) = validate::validate(resource, None) {
                wrong += 1;
                for issue in issues.iter().take(3) {
                    println!("{} {}: {}", issue.code, issue.path, issue.text);
                }
            }
        }
        validating += start.elapsed();
        let start = Instant::now();
        for resource in
            tree.get("entry").map_or(&[][..], Tree::items).iter().filter_map(|e| e.get("resource"))
        {
            std::hint::black_box(lenticular_fhir::resource::prepare(resource, "x").ok());
        }
        preparing += start.elapsed();
        let start = Instant::now();
        reference::for_each_reference_mut(&mut tree, &mut |place, _| {
            references += u64::from(place == reference::Place::Reference);
        });
        walking += start.elapsed();
        if let Err(issues) = validate::validate(&tree, Some("Bundle")) {
            println!("as a Bundle: {} issues, such as {:?}", issues.len(), issues[0]);
        }
    }
    let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / resources.max(1) as f64;
    println!("{resources} resources, {bytes} bytes, {references} references, {wrong} wrong");
    println!(
        "per resource: parse {:.2} us, validate {:.2} us, prepare {:.2} us, references {:.2} us",
        each(parsing),
        each(validating),
        each(preparing),
        each(walking)
    );
    Ok(())
}
