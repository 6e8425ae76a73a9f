//! The crate graph: who may import whom, and which outside crates live in one room alone.

use super::{Dependency, Finding, Package};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// The layer of each crate; an import goes to a lower layer. One line per crate: name, layer.
const LAYERS: &[(&str, u8)] = &[
    ("base", 0),
    ("codecs", 1),
    ("fhir", 1),
    ("epcis", 1),
    ("dicom", 1),
    ("hl7v2", 1),
    ("policy", 1),
    ("volume", 1),
    ("synth", 1),
    ("store", 2),
    ("engines", 3),
    ("services", 3),
    ("analytics", 4),
    ("gateways", 4),
    ("ui", 4),
    ("server", 5),
    ("xtask", 6),
];

/// The imports allowed within a layer.
const WITHIN: &[(&str, &[&str])] = &[
    ("dicom", &["codecs"]),
    ("hl7v2", &["fhir"]),
    ("policy", &["fhir"]),
    ("volume", &["codecs", "dicom"]),
    ("synth", &["codecs", "fhir", "epcis", "dicom", "hl7v2", "policy", "volume"]),
];

/// Outside crates that only one room may hold.
const ROOMS: &[(&str, &str)] = &[
    ("axum", "gateways"),
    ("hyper", "gateways"),
    ("hyper-util", "gateways"),
    ("rusqlite", "engines"),
    ("libsqlite3-sys", "engines"),
    ("sqlx", "engines"),
    ("tokio-postgres", "engines"),
    ("postgres", "engines"),
    ("deadpool-postgres", "engines"),
    ("object_store", "engines"),
    ("arrow", "analytics"),
    ("parquet", "analytics"),
    ("datafusion", "analytics"),
    ("openjp2", "codecs"),
    ("charls", "codecs"),
];

/// Outside crates that bring sockets, files, clocks or randomness into the pure layers.
const IMPURE: &[&str] =
    &["tokio", "tokio-util", "mio", "rand", "getrandom", "chrono", "time", "uuid", "reqwest"];

const PREFIX: &str = "lenticular-";

pub fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let manifest = manifest_of(&package.name);
        let Some(layer) = layer_of(&package.name) else {
            findings.push(Finding::at(
                &manifest,
                0,
                format!(
                    "`{}` has no layer; give it one in ARCHITECTURE.md and in xtask/src/tidy/edges.rs",
                    package.name
                ),
            ));
            continue;
        };
        for dependency in &package.dependencies {
            if let Some(words) = forbidden(package, layer, dependency) {
                findings.push(Finding::at(&manifest, 0, words));
            }
        }
    }
    findings
}

fn forbidden(package: &Package, layer: u8, dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    let Some(other) = name.strip_prefix(PREFIX) else {
        return forbidden_outside(package, layer, dependency);
    };
    let Some(below) = layer_of(other) else {
        return Some(format!("imports `{name}`, which has no layer"));
    };
    let within = WITHIN.iter().any(|(from, to)| *from == package.name && to.contains(&other));
    // Tests of the services need an engine to run on: same layer, for tests alone.
    if below < layer || within || (dependency.dev && below == layer) {
        return None;
    }
    Some(format!(
        "`{}` (layer {layer}) imports `{other}` (layer {below}): imports go to lower layers only",
        package.name
    ))
}

fn forbidden_outside(package: &Package, layer: u8, dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    if dependency.dev {
        return None;
    }
    if let Some((_, room)) = ROOMS.iter().find(|(outside, room)| *outside == name && *room != package.name) {
        return Some(format!("depends on `{name}`, which lives in `{room}` alone"));
    }
    if layer <= 1 && IMPURE.contains(&name) {
        return Some(format!(
            "depends on `{name}`: layers 0 and 1 know no socket, file, clock or randomness"
        ));
    }
    None
}

/// The layer of a crate by its name without prefix.
pub fn layer_of(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

fn manifest_of(name: &str) -> String {
    match name {
        "xtask" => "xtask/Cargo.toml".to_owned(),
        _ => format!("crates/{name}/Cargo.toml"),
    }
}

/// Reads the packages of the workspace by `cargo metadata`.
pub fn read(root: &Path) -> Result<Vec<Package>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()
        .context("running cargo metadata")?;
    anyhow::ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    Ok(metadata["packages"].as_array().into_iter().flatten().map(package).collect())
}

fn package(json: &Value) -> Package {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&json["name"]);
    Package {
        name: name.strip_prefix(PREFIX).unwrap_or(&name).to_owned(),
        dependencies: json["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| Dependency { name: text(&one["name"]), dev: one["kind"].as_str() == Some("dev") })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(name: &str, dependencies: &[(&str, bool)]) -> Vec<String> {
        let dependencies = dependencies
            .iter()
            .map(|(name, dev)| Dependency { name: (*name).to_owned(), dev: *dev })
            .collect();
        check(&[Package { name: name.to_owned(), dependencies }]).into_iter().map(|f| f.words).collect()
    }

    #[test]
    fn imports_go_down() {
        assert!(house("services", &[("lenticular-store", false), ("lenticular-fhir", false)]).is_empty());
        assert_eq!(house("store", &[("lenticular-services", false)]).len(), 1);
        assert_eq!(house("services", &[("lenticular-engines", false)]).len(), 1);
        assert_eq!(house("fhir", &[("lenticular-dicom", false)]).len(), 1);
    }

    #[test]
    fn layer_one_has_an_order_of_its_own() {
        assert!(house("dicom", &[("lenticular-codecs", false)]).is_empty());
        assert_eq!(house("codecs", &[("lenticular-dicom", false)]).len(), 1);
    }

    #[test]
    fn tests_may_use_a_neighbour() {
        assert!(house("services", &[("lenticular-engines", true)]).is_empty());
        assert_eq!(house("store", &[("lenticular-engines", true)]).len(), 1);
    }

    #[test]
    fn drivers_axum_and_impure_crates_have_their_rooms() {
        assert_eq!(house("services", &[("rusqlite", false)]).len(), 1);
        assert_eq!(house("server", &[("axum", false)]).len(), 1);
        assert_eq!(house("fhir", &[("tokio", false)]).len(), 1);
        assert!(house("engines", &[("rusqlite", false)]).is_empty());
        assert!(house("gateways", &[("axum", false), ("tokio", false)]).is_empty());
    }

    #[test]
    fn a_crate_without_a_layer_is_named() {
        assert_eq!(house("attic", &[]).len(), 1);
    }
}
