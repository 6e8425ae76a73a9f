//! `cargo xtask bench`: the running server, measured; where a peer is named, both in one run on one machine.
//!
//! Each figure goes to a table on standard output and to `target/bench/report.json`. The server is the release binary
//! with its durable defaults; each scenario has a fresh data folder.

mod engines;
mod http;
mod imaging;
mod process;
mod records;
mod report;

use crate::suites::{Place, cargo};
use anyhow::{Context, Result, bail};
use report::Report;
use std::path::PathBuf;
use std::process::Command;

/// What a scenario may use.
pub struct Bench {
    pub place: Place,
    /// The release binary.
    pub binary: PathBuf,
    /// Fresh data folders are made in here.
    pub data: PathBuf,
    /// How many resources the large store holds.
    pub resources: u64,
    pub report: Report,
}

type Scenario = (&'static str, fn(&mut Bench) -> Result<()>);

const SCENARIOS: &[Scenario] = &[
    ("imaging", imaging::run),
    ("transactions", records::transactions),
    ("creates", records::creates),
    ("reads", records::reads),
    ("search", records::search),
    ("footprint", records::footprint),
    ("engines", engines::run_all),
];

/// Builds what is measured, runs the scenarios asked for, prints the table.
pub fn run(args: &[String]) -> Result<()> {
    let mut only = None;
    let mut resources = 1_000_000;
    let mut inner = false;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--only" => only = Some(rest.next().context("--only names a scenario")?.clone()),
            "--resources" => {
                resources = rest
                    .next()
                    .context("--resources takes a number")?
                    .parse()
                    .context("--resources takes a number")?;
            }
            "--inner" => inner = true,
            _ => bail!("usage: cargo xtask bench [--only SCENARIO] [--resources N]"),
        }
    }
    let names: Vec<&str> = SCENARIOS.iter().map(|(name, _)| *name).collect();
    if only.as_deref().is_some_and(|only| !names.contains(&only)) {
        bail!("no such scenario; there are {}", names.join(", "));
    }
    let place = Place::here()?;
    if !inner {
        return rerun_optimised(&place, args);
    }
    let target = place.target.join("bench");
    let data = target.join("data");
    let mut bench = Bench {
        binary: place.target.join("release/lenticular"),
        data,
        resources,
        report: Report::new(),
        place,
    };
    for (name, scenario) in
        SCENARIOS.iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name))
    {
        println!("\n== {name}");
        let _ = std::fs::remove_dir_all(&bench.data);
        std::fs::create_dir_all(&bench.data)?;
        if let Err(error) = scenario(&mut bench) {
            bench.report.failed(name, &format!("{error:#}"));
            eprintln!("{name}: {error:#}");
        }
    }
    bench.report.print();
    bench.report.save(&target.join("report.json"))?;
    match bench.report.failures() {
        0 => Ok(()),
        failures => bail!("{failures} scenario(s) did not run to their end"),
    }
}

/// The load client must not take the CPU that the server is measured by: it runs optimised too.
fn rerun_optimised(place: &Place, args: &[String]) -> Result<()> {
    let run = |command: &mut Command| -> Result<()> {
        let status = command.current_dir(&place.root).status().context("running cargo")?;
        if !status.success() {
            bail!("cargo ended with {status}");
        }
        Ok(())
    };
    run(cargo().args(["build", "--release", "--package", "lenticular-server", "--package", "xtask"]))?;
    crate::suites::real_inputs(place)?;
    run(Command::new(place.target.join("release/xtask")).arg("bench").arg("--inner").args(args))
}
