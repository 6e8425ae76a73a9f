//! `cargo xtask screenshots`: the pictures of the README and of the guide, taken from the release binary with its sample network.

use crate::suites::{self, browser};
use anyhow::{Result, bail};
use std::fs;

/// Writes `docs/pictures/*.png`.
pub fn run(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask screenshots");
    }
    let place = suites::with_browser()?;
    let folder = place.root.join("docs/pictures");
    fs::create_dir_all(&folder)?;
    browser::script(&place, "screenshots.mjs", &folder)
}
