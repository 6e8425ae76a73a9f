//! Developer commands: `cargo xtask <command>`.

mod codegen;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("codegen") => codegen::run(&args[1..]),
        _ => bail!("usage: cargo xtask codegen [--check]"),
    }
}
