//! `cargo xtask test`: every suite with all of its own set-up, so that a fresh machine needs nothing else.
//!
//! What cannot be got is said at once and again at the end, and fails the run; what can be run is run all the same.

pub mod browser;
pub mod ceph;
pub mod outside;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The suites of `tests/e2e`, in the order in which they run.
const END_TO_END: &[&str] = &["cli", "dicom", "fhir", "share", "durable", "bounded"];

/// What a server stands on in the end-to-end suites, as `LENTICULAR_E2E_STORE` names it: each suite runs on all of them.
const STORES: &[(&str, &str)] = &[("embedded", "SQLite and files"), ("postgres", "PostgreSQL and S3")];

/// The suites that run once: each with the store that it is about, and its step.
const ONCE: &[(&str, &str, &str)] = &[
    ("powercut", "embedded", "power cuts"),
    ("deploy", "embedded", "the files that operators run it with"),
    ("twin", "both", "the same answers from both stores"),
    ("moving", "embedded", "a network moves to the other stores and back"),
    ("cluster", "both", "three nodes while things break, in short"),
];

/// What `cargo xtask test` was asked for.
struct Asked {
    /// `None`: all.
    only: Option<String>,
    /// One of [`STORES`]; `None`: one after the other.
    store: Option<String>,
    /// Handed on to pytest, or to Node's test runner, behind `--`.
    rest: Vec<String>,
}

impl Asked {
    fn parse(args: &[String]) -> Result<Asked> {
        let mut asked = Asked { only: None, store: None, rest: Vec::new() };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--only" => {
                    let suite = args.next().context("--only names a suite")?;
                    if !suites().any(|known| known == suite) {
                        bail!("no suite `{suite}`; there are {}", suites().collect::<Vec<_>>().join(", "));
                    }
                    asked.only = Some(suite.clone());
                }
                "--store" => {
                    let store = args.next().context("--store names a store")?;
                    let names: Vec<&str> = STORES.iter().map(|(name, _)| *name).collect();
                    if !names.contains(&store.as_str()) {
                        bail!("no store `{store}`; there are {}", names.join(", "));
                    }
                    asked.store = Some(store.clone());
                }
                "--" => asked.rest = args.by_ref().cloned().collect(),
                _ => bail!("usage: cargo xtask test [--only SUITE] [--store STORE] [-- PYTEST-ARGUMENTS]"),
            }
        }
        Ok(asked)
    }

    fn wants(&self, suite: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == suite)
    }

    fn stores(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        STORES.iter().filter(|(name, _)| self.store.as_deref().is_none_or(|store| store == *name))
    }
}

/// Every suite by its name.
fn suites() -> impl Iterator<Item = &'static str> {
    let once = ONCE.iter().map(|(suite, ..)| *suite);
    ["rust"].into_iter().chain(END_TO_END.iter().copied()).chain(once).chain(["ceph", "browser"])
}

/// The folders and programs that the steps share.
pub struct Place {
    /// The workspace.
    pub root: PathBuf,
    /// Where cargo builds.
    pub target: PathBuf,
    /// What the end-to-end suites install and unpack.
    pub e2e: PathBuf,
}

impl Place {
    pub fn here() -> Result<Place> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask stands in the workspace")?;
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Place { root: root.to_path_buf(), e2e: target.join("e2e"), target })
    }

    /// The Python of the suites' own environment.
    pub fn python(&self) -> PathBuf {
        self.e2e.join("venv/bin/python")
    }

    /// Where the real inputs lie packed: `LENTICULAR_CORPUS`, or `shared/data` beside the workspace.
    pub fn packed_corpus(&self) -> PathBuf {
        std::env::var_os("LENTICULAR_CORPUS").map_or_else(|| self.root.join("../shared/data"), PathBuf::from)
    }
}

/// How the steps went.
#[derive(Default)]
struct Report {
    lines: Vec<String>,
    failures: Vec<String>,
}

impl Report {
    /// Runs a step, says how long it took, and keeps what failed.
    fn step(&mut self, name: &str, work: impl FnOnce() -> Result<()>) {
        println!("\n== {name}");
        let started = Instant::now();
        let outcome = work();
        let seconds = started.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => self.lines.push(format!("ok      {name:<44}{seconds:8.1} s")),
            Err(error) => {
                eprintln!("{name}: {error:#}");
                self.lines.push(format!("FAILED  {name:<44}{seconds:8.1} s"));
                self.failures.push(format!("{name}: {error:#}"));
            }
        }
    }
}

/// Sets up, runs the suites asked for, and sums up; fails where anything failed or could not be got.
pub fn run(args: &[String]) -> Result<()> {
    let asked = Asked::parse(args)?;
    let place = Place::here()?;
    let started = Instant::now();
    let mut report = Report::default();
    let end_to_end: Vec<&str> = END_TO_END.iter().copied().filter(|suite| asked.wants(suite)).collect();

    let once: Vec<_> = ONCE.iter().filter(|(suite, ..)| asked.wants(suite)).collect();
    let outside_clients = !end_to_end.is_empty() || !once.is_empty() || asked.wants("ceph");

    let browser = asked.wants("browser");
    report.step("system packages", || {
        outside::system_packages(outside_clients, browser)?;
        if asked.wants("cluster") {
            outside::cluster_packages()?;
        }
        if asked.wants("ceph") { outside::ceph_packages() } else { Ok(()) }
    });
    report.step("real inputs", || outside::corpus(&place));
    if asked.wants("rust") {
        report.step("unit, property, conformance and golden tests", || rust_tests(&place));
    }
    if outside_clients || browser {
        report.step("Python clients", || outside::python_clients(&place));
    }
    if outside_clients {
        report.step("Node clients", || outside::node_clients(&place));
        report.step("the binary", || build_server(&place));
        if asked.wants("deploy") {
            report.step("Helm", || outside::helm(&place));
            report.step("the Debian package", || crate::package::make(&place, true));
        }
    }
    if !end_to_end.is_empty() {
        for (store, words) in asked.stores() {
            let name = format!("end-to-end suites on {words}");
            report.step(&name, || pytest(&place, store, &end_to_end, &asked.rest));
        }
    }
    for (suite, store, words) in once {
        report.step(words, || pytest(&place, store, &[suite], &asked.rest));
    }
    if asked.wants("ceph") {
        report.step("images in Ceph", || ceph::tests(&place, &asked.rest));
    }
    if browser {
        report.step("Node packages of the browser tests", || browser::packages(&place));
        report.step("images whose pixels are known", || browser::known_images(&place));
        report.step("the release binary", || browser::build(&place));
        report.step("the app's own tests", || browser::units(&place));
        report.step("browser tests", || browser::tests(&place, &asked.rest));
    }

    println!("\n== summary, {:.0} s", started.elapsed().as_secs_f64());
    for line in &report.lines {
        println!("{line}");
    }
    if !report.failures.is_empty() {
        bail!("{} step(s) failed:\n  {}", report.failures.len(), report.failures.join("\n  "));
    }
    Ok(())
}

/// `cargo xtask cluster`: three nodes behind haproxy with every fault, several times, against the release binary. Arguments go to pytest.
pub fn cluster(args: &[String]) -> Result<()> {
    let place = Place::here()?;
    outside::system_packages(true, false)?;
    outside::cluster_packages()?;
    outside::corpus(&place)?;
    outside::python_clients(&place)?;
    browser::build(&place)?;
    let mut command = pytest_command(&place, "both", &["cluster"], args);
    command.arg("-s").env("LENTICULAR_CLUSTER", "full");
    command.env("LENTICULAR_BINARY", place.target.join("release/lenticular"));
    outside::run(&mut command)
}

/// `cargo xtask demo`: the release binary with its sample network.
pub fn demo(args: &[String]) -> Result<()> {
    let place = Place::here()?;
    let mut command = cargo();
    command.args(["run", "--release", "--package", "lenticular-server", "--", "demo"]).args(args);
    outside::run(command.current_dir(&place.root))
}

/// Chromium, what drives it, and the release binary.
pub fn with_browser() -> Result<Place> {
    let place = Place::here()?;
    outside::system_packages(false, true)?;
    browser::packages(&place)?;
    browser::build(&place)?;
    Ok(place)
}

/// Unpacks the real inputs for whoever measures with them.
pub fn real_inputs(place: &Place) -> Result<()> {
    outside::corpus(place)
}

/// The cargo that runs this program.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn rust_tests(place: &Place) -> Result<()> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]).env("LENTICULAR_CORPUS", place.packed_corpus());
    outside::run(command.current_dir(&place.root))
}

/// The dev profile: dependencies and codecs are optimised there, and it is the one that the Rust tests built already.
fn build_server(place: &Place) -> Result<()> {
    outside::run(cargo().args(["build", "--package", "lenticular-server"]).current_dir(&place.root))
}

fn pytest(place: &Place, store: &str, suites: &[&str], rest: &[String]) -> Result<()> {
    outside::run(&mut pytest_command(place, store, suites, rest))
}

fn pytest_command(place: &Place, store: &str, suites: &[&str], rest: &[String]) -> Command {
    let folder = place.root.join("tests/e2e");
    let mut command = Command::new(place.python());
    command.args(["-P", "-m", "pytest"]).args(suites).args(rest).current_dir(&folder);
    command.env("LENTICULAR_BINARY", place.target.join("debug/lenticular"));
    command.env("LENTICULAR_E2E", &place.e2e);
    command.env("LENTICULAR_E2E_STORE", store);
    // No bytecode beside the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(args: &[&str]) -> Result<Asked> {
        Asked::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_suite_can_be_run_alone() {
        let one = asked(&["--only", "dicom", "--", "-k", "names"]).unwrap();
        assert!(one.wants("dicom") && !one.wants("rust") && !one.wants("fhir"));
        assert_eq!(one.rest, ["-k", "names"]);
        assert!(asked(&[]).unwrap().wants("rust"));
        assert!(asked(&["--only", "everything"]).is_err());
        assert!(asked(&["dicom"]).is_err());
    }

    #[test]
    fn both_stores_are_tested_unless_one_is_named() {
        let names = |asked: Asked| asked.stores().map(|(name, _)| *name).collect::<Vec<_>>();
        assert_eq!(names(asked(&[]).unwrap()), ["embedded", "postgres"]);
        assert_eq!(names(asked(&["--store", "postgres"]).unwrap()), ["postgres"]);
        assert!(asked(&["--store", "oracle"]).is_err());
    }

    #[test]
    fn every_folder_with_end_to_end_tests_is_a_suite() {
        let holds_tests = |folder: &Path| {
            let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
            files.map(|file| file.file_name()).any(|name| name.to_string_lossy().starts_with("test_"))
        };
        let folders = std::fs::read_dir(Place::here().unwrap().root.join("tests/e2e")).unwrap();
        let found: Vec<PathBuf> =
            folders.map(|entry| entry.unwrap().path()).filter(|path| holds_tests(path)).collect();
        assert!(found.len() > 6, "{found:?}");
        for folder in found {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            assert!(suites().any(|suite| suite == name), "the tests in tests/e2e/{name} run nowhere");
        }
    }

    #[test]
    fn a_failed_step_is_kept_and_the_next_one_runs() {
        let mut report = Report::default();
        report.step("one", || bail!("no such tool"));
        report.step("two", || Ok(()));
        assert_eq!(report.failures, ["one: no such tool"]);
        assert_eq!(report.lines.len(), 2);
    }
}
