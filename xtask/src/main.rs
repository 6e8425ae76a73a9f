//! Developer commands: `cargo xtask <command>`. Each prints what it does and how long it took.

mod bench;
mod codegen;
mod package;
mod screenshots;
mod suites;
mod tidy;

use anyhow::{Result, bail};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask <command>

  tidy                   the rules of ARCHITECTURE.md that a compiler does not know
  test [--only SUITE]    every suite, with its own set-up: rust, dicom, fhir, share, durable, bounded, cli, powercut,
                         deploy, twin, cluster, browser;
                         the end-to-end ones on both stores, or on one: --store embedded | postgres
  cluster                three nodes behind haproxy, with every fault several times, against the release binary
  bench [--only NAME]    the running server measured, beside its peers
  package [--dev]        the Debian package, with manual pages and completions
  codegen [--check]      tables from the published FHIR definitions
  screenshots            the pictures of README and guide, from the release binary
  demo                   the server with its sample network";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rest = args.get(1..).unwrap_or_default();
    match args.first().map(String::as_str) {
        Some("tidy") => tidy::run(rest),
        Some("test") => suites::run(rest),
        Some("cluster") => suites::cluster(rest),
        Some("bench") => bench::run(rest),
        Some("package") => package::run(rest),
        Some("codegen") => codegen::run(rest),
        Some("screenshots") => screenshots::run(rest),
        Some("demo") => suites::demo(rest),
        _ => bail!("{USAGE}"),
    }
}
