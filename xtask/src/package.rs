//! `cargo xtask package`: the Debian package, as crates/server/Cargo.toml describes it.

use crate::suites::{Place, cargo, outside};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

/// What makes the package: its version is fixed, since maintainer scripts come from it.
const MAKER: (&str, &str) = ("cargo-deb", "3.8.0");

/// Builds the release binary, or with `--dev` that of the dev profile, and packs it.
pub fn run(args: &[String]) -> Result<()> {
    let dev = match args {
        [] => false,
        [one] if one == "--dev" => true,
        _ => bail!("usage: cargo xtask package [--dev]"),
    };
    let place = Place::here()?;
    let mut build = cargo();
    build.args(["build", "--package", "lenticular-server", "--profile", profile(dev)]);
    outside::run(build.current_dir(&place.root))?;
    make(&place, dev)
}

fn profile(dev: bool) -> &'static str {
    if dev { "dev" } else { "release" }
}

/// Packs a binary that was built: manual pages and completions come from itself. Gives `target/package/lenticular.deb`.
pub fn make(place: &Place, dev: bool) -> Result<()> {
    let maker = maker(place)?;
    // the assets of Cargo.toml name this folder, wherever cargo builds
    let folder = place.root.join("target/package");
    let binary = place.target.join(if dev { "debug" } else { "release" }).join("lenticular");
    for made in ["man", "completions"] {
        let made = folder.join(made);
        if made.is_dir() {
            fs::remove_dir_all(&made)?;
        }
        fs::create_dir_all(&made)?;
    }
    outside::run(Command::new(&binary).arg("manual").arg(folder.join("man")))?;
    for (shell, file) in [("bash", "lenticular.bash"), ("zsh", "_lenticular"), ("fish", "lenticular.fish")] {
        let path = folder.join("completions").join(file);
        let file = File::create(&path).with_context(|| format!("writing {}", path.display()))?;
        outside::run(Command::new(&binary).args(["completions", shell]).stdout(file))?;
    }
    let mut command = Command::new(maker);
    command.args(["--package", "lenticular-server", "--no-build", "--quiet", "--profile", profile(dev)]);
    if dev {
        command.arg("--fast");
    }
    let package = folder.join("lenticular.deb");
    outside::run(command.arg("--output").arg(&package).current_dir(&place.root))?;
    println!("{}", package.display());
    Ok(())
}

/// The program that makes packages, installed below `target` once.
fn maker(place: &Place) -> Result<PathBuf> {
    let (name, version) = MAKER;
    let tools = place.root.join("target/tools");
    let program = tools.join("bin").join(name);
    if !program.is_file() {
        let mut install = cargo();
        install.args(["install", "--locked", "--quiet", name, "--version", version, "--root"]).arg(&tools);
        outside::run(&mut install).with_context(|| format!("cargo could not install {name}"))?;
    }
    Ok(program)
}
