//! `cargo xtask tidy`: the rules of ARCHITECTURE.md that a compiler does not know.
//!
//! Each rule is a function from the house (its packages, its text files, the short list of exceptions) to findings.

mod code;
mod edges;
mod exceptions;
mod text;

use anyhow::{Context, Result, bail};
use exceptions::Exceptions;
use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// All that the rules look at.
pub struct House {
    pub packages: Vec<Package>,
    pub files: Vec<File>,
    pub exceptions: Exceptions,
}

/// One package of the workspace.
pub struct Package {
    /// Without the prefix: `base`, `fhir`, …, `xtask`.
    pub name: String,
    pub dependencies: Vec<Dependency>,
}

/// One line of a package's `[dependencies]`.
pub struct Dependency {
    pub name: String,
    /// Only for tests: `[dev-dependencies]`.
    pub dev: bool,
}

/// One text file that is, or is about to be, committed.
pub struct File {
    /// From the root of the workspace, with `/`.
    pub path: String,
    pub text: String,
}

/// One place that breaks a rule.
#[derive(PartialEq, Eq, Debug)]
pub struct Finding {
    pub path: String,
    /// 1-based; 0 where the whole file is meant.
    pub line: usize,
    pub words: String,
}

impl Finding {
    pub fn at(path: &str, line: usize, words: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, words: words.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.words),
            line => write!(f, "{}:{line}: {}", self.path, self.words),
        }
    }
}

/// Checks the house and prints each finding; fails where there is one.
pub fn run(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask tidy");
    }
    let started = Instant::now();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask stands in the workspace")?;
    let house = read(root)?;
    let findings = check(&house);
    for finding in &findings {
        println!("{finding}");
    }
    println!(
        "tidy: {} packages and {} files read, {} finding(s), {:.1} s",
        house.packages.len(),
        house.files.len(),
        findings.len(),
        started.elapsed().as_secs_f64()
    );
    if !findings.is_empty() {
        bail!("the house is not tidy");
    }
    Ok(())
}

/// Every rule over the whole house.
pub fn check(house: &House) -> Vec<Finding> {
    let mut findings = edges::check(&house.packages);
    findings.extend(text::check(house));
    findings.extend(house.exceptions.stale(&house.files));
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    findings
}

fn read(root: &Path) -> Result<House> {
    let exceptions =
        std::fs::read_to_string(root.join("xtask/tidy.toml")).context("reading xtask/tidy.toml")?;
    Ok(House {
        packages: edges::read(root)?,
        files: committed(root)?,
        exceptions: Exceptions::parse(&exceptions).context("reading xtask/tidy.toml")?,
    })
}

/// The text files that git knows or would add.
fn committed(root: &Path) -> Result<Vec<File>> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("running git ls-files")?;
    if !listed.status.success() {
        bail!("git ls-files failed: {}", String::from_utf8_lossy(&listed.stderr));
    }
    let names = String::from_utf8(listed.stdout).context("git ls-files gave a name that is not UTF-8")?;
    let mut files = Vec::new();
    for name in names.split('\0').filter(|name| text::is_text(name)) {
        // Listed but gone from the work tree: deleted and not yet committed.
        if let Ok(text) = std::fs::read_to_string(root.join(name)) {
            files.push(File { path: name.to_owned(), text });
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_itself_can_be_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let house = read(root).unwrap();
        assert!(house.packages.iter().any(|package| package.name == "base"));
        assert!(house.files.iter().any(|file| file.path == "crates/base/src/lib.rs"));
    }
}
