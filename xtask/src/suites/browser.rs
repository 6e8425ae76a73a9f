//! The browser tests: Chromium, driven by playwright-core, at the release binary on fresh folders.

use super::{Place, cargo, outside};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn sources(place: &Place) -> PathBuf {
    place.root.join("tests/browser")
}

/// Traces, screenshots, logs and data folders of the last run.
fn kept(place: &Place) -> PathBuf {
    place.target.join("browser")
}

/// What `tests/browser/package.json` names, beside it: modules are found from where they are imported.
pub fn packages(place: &Place) -> Result<()> {
    let folder = sources(place);
    let (wanted, stamp) = (folder.join("package.json"), folder.join("node_modules/installed.json"));
    if outside::same(&wanted, &stamp) {
        println!("as {} says", wanted.display());
        return Ok(());
    }
    outside::run(
        Command::new("npm")
            .args([
                "install",
                "--no-audit",
                "--no-fund",
                "--no-package-lock",
                "--ignore-scripts",
                "--loglevel=error",
            ])
            .current_dir(&folder),
    )
    .context("npm could not get the packages of the browser tests")?;
    fs::copy(&wanted, &stamp)?;
    Ok(())
}

/// Files in every compression, and what is true of each of their pixels.
pub fn known_images(place: &Place) -> Result<()> {
    let script = sources(place).join("inputs/truth.py");
    let folder = kept(place).join("known");
    let stamp = folder.join("made-by.py");
    if outside::same(&script, &stamp) {
        println!("as {} makes them", script.display());
        return Ok(());
    }
    let _ = fs::remove_dir_all(&folder);
    outside::run(Command::new(place.python()).args(["-P"]).arg(&script).arg(&folder))?;
    fs::copy(&script, &stamp)?;
    Ok(())
}

/// The binary as people get it, with the app inside.
pub fn build(place: &Place) -> Result<()> {
    let mut command = cargo();
    command.args(["build", "--release", "--package", "lenticular-server"]);
    outside::run(command.current_dir(&place.root))
}

/// What the app's own modules promise: types, dates over the change of clocks, every text in every language.
pub fn units(place: &Place) -> Result<()> {
    let folder = place.root.join("web");
    let npm = |args: &[&str]| outside::run(Command::new("npm").args(args).current_dir(&folder));
    // the build of the binary brought them, unless it found the app built already
    if !folder.join("node_modules/vitest").is_dir() {
        npm(&["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])?;
    }
    npm(&["run", "--silent", "check"])?;
    npm(&["test", "--silent"])
}

/// Runs the tests one after another: each has the machine for itself, since some of them measure. `rest` names files, or options of
/// Node's test runner.
pub fn tests(place: &Place, rest: &[String]) -> Result<()> {
    let folder = sources(place);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    let (options, chosen): (Vec<&String>, Vec<&String>) = rest.iter().partition(|arg| arg.starts_with('-'));
    let names = |path: &PathBuf| chosen.iter().any(|name| path.to_string_lossy().contains(name.as_str()));
    files.retain(|path| chosen.is_empty() || names(path));
    let mut command = Command::new("node");
    command.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]).args(options).args(files);
    known(&mut command, place);
    command.env("LENTICULAR_PYTHON", place.python());
    command.env("LENTICULAR_CORPUS", place.e2e.join("corpus"));
    outside::run(command.current_dir(&folder))
}

/// Runs one of the scripts beside the tests, with the folder that it writes to.
pub fn script(place: &Place, name: &str, target: &Path) -> Result<()> {
    let mut command = Command::new("node");
    command.arg(name).arg(target).current_dir(sources(place));
    known(&mut command, place);
    outside::run(&mut command)
}

/// Tells a program of ours which binary, and where to keep things.
fn known(command: &mut Command, place: &Place) {
    command.env("LENTICULAR_BINARY", place.target.join("release/lenticular"));
    command.env("LENTICULAR_BROWSER", kept(place));
}
