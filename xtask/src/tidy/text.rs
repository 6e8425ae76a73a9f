//! Rules over single files: length, purity, unsafe, opening docs, scopes, leftovers, machine paths.

use super::code::{bare, has_word, without_tests};
use super::edges::layer_of;
use super::{File, Finding, House};

/// A file tells one story; beyond this many lines it tells two.
const LONGEST: usize = 600;

/// What layers 0 and 1 do not know: sockets, files, clocks, async runtimes.
const IMPURE: &[&str] = &[
    "tokio",
    "std::fs",
    "std::net",
    "std::env",
    "SystemTime::now",
    "Instant::now",
    "std::time::SystemTime",
    "std::thread::sleep",
];

/// Calls that make a scope which no decision gave.
const SCOPES: &[&str] = &["of_own_work", "of_whole_store"];

const LEFTOVERS: &[&str] = &["todo!", "unimplemented!", "dbg!"];

const TEXT_ENDINGS: &[&str] = &[
    "rs", "toml", "md", "py", "mjs", "js", "ts", "tsx", "json", "sh", "txt", "ini", "yml", "yaml", "css",
    "html", "sql", "tsv", "csv",
];

/// Whether the rules read a file of this name.
pub fn is_text(path: &str) -> bool {
    match path.rsplit('/').next().unwrap_or(path).rsplit_once('.') {
        Some((_, ending)) => TEXT_ENDINGS.contains(&ending) || path.ends_with(".gitignore"),
        None => !path.is_empty(),
    }
}

pub fn check(house: &House) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &house.files {
        machine_paths(house, file, &mut findings);
        if is_program(&file.path) {
            length(house, file, &mut findings);
        }
        if file.path.ends_with(".rs") {
            rust(house, file, &mut findings);
        }
    }
    findings
}

fn is_program(path: &str) -> bool {
    [".rs", ".py", ".ts", ".tsx", ".mjs", ".sh"].iter().any(|ending| path.ends_with(ending))
}

fn length(house: &House, file: &File, findings: &mut Vec<Finding>) {
    let lines = file.text.lines().count();
    if lines > LONGEST && !house.exceptions.long.contains_key(&file.path) {
        findings.push(Finding::at(
            &file.path,
            0,
            format!("{lines} lines; a file tells one story in at most {LONGEST}"),
        ));
    }
}

fn machine_paths(house: &House, file: &File, findings: &mut Vec<Finding>) {
    if file.path == "xtask/tidy.toml" || house.exceptions.machine.contains_key(&file.path) {
        return;
    }
    for (number, line) in file.text.lines().enumerate() {
        for word in &house.exceptions.machine_paths {
            // `/usr/local/work/` or `https://host/work/` is somebody else's folder.
            let found = line.match_indices(word.as_str()).any(|(at, _)| {
                line[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !"._-}".contains(c))
            });
            if found {
                findings.push(Finding::at(
                    &file.path,
                    number + 1,
                    format!("names a folder of one machine, `{word}`"),
                ));
            }
        }
    }
}

fn rust(house: &House, file: &File, findings: &mut Vec<Finding>) {
    let path = file.path.as_str();
    if path.ends_with("/mod.rs") {
        findings.push(Finding::at(path, 0, "is a mod.rs; the module `search` is search.rs beside search/"));
    }
    if path.starts_with("crates/") && path.ends_with("/src/lib.rs") {
        opening_doc(file, findings);
    }
    let bare = bare(&file.text);
    let product = without_tests(&bare);
    let in_tests =
        ["/tests/", "/benches/", "/examples/", "/conformance/"].iter().any(|folder| path.contains(folder))
            || path.ends_with("/tests.rs");
    let krate = path.strip_prefix("crates/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let pure = !in_tests && path.contains("/src/") && layer_of(krate).is_some_and(|layer| layer <= 1);

    let lines = bare.lines().zip(product.lines()).zip(file.text.lines()).enumerate();
    let mut before = "";
    for (number, ((all, product), raw)) in lines {
        let mut say = |words: String| findings.push(Finding::at(path, number + 1, words));
        for word in LEFTOVERS.iter().filter(|word| has_word(all, word)) {
            say(format!("`{word}` is left over"));
        }
        if krate != "codecs" && !path.starts_with("fuzz/") && has_word(all, "unsafe") {
            say("`unsafe` lives in `codecs` alone".to_owned());
        }
        if pure && let Some(word) = IMPURE.iter().find(|word| has_word(product, word)) {
            say(format!("`{word}` in layer 0 or 1: time, files and sockets come in as arguments"));
        }
        let scoped = SCOPES.iter().find(|word| has_word(product, word));
        if let Some(word) =
            scoped.filter(|_| !in_tests && krate != "policy" && !house.exceptions.scope.contains_key(path))
        {
            say(format!("calls `Scope::{word}`, and is not one of the callers that xtask/tidy.toml lists"));
        }
        let silences = all.contains("#[allow(") || all.contains("#![allow(") || all.contains("#[expect(");
        if silences
            && !raw.contains("reason =")
            && !raw.contains("//")
            && !before.trim_start().starts_with("//")
        {
            say("silences a lint without the reason beside it".to_owned());
        }
        before = raw;
    }
}

fn opening_doc(file: &File, findings: &mut Vec<Finding>) {
    let opening = file.text.lines().take_while(|line| line.starts_with("//!")).count();
    if opening < 3 {
        findings.push(Finding::at(
            &file.path,
            1,
            "opens without a doc: what the crate is, its invariants, where to start reading",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::exceptions::Exceptions;
    use super::*;

    const DOC: &str = "//! What it is.\n//! Invariants.\n//! Start reading at.\n";

    fn found(path: &str, text: &str) -> Vec<String> {
        let exceptions = "machine-paths = [\"/somewhere/\"]\n[scope-callers]\n\"crates/services/src/verify.rs\" = \"it re-reads the whole store\"\n[long-files]\n\"crates/store/src/long.rs\" = \"one table, read as a whole\"\n";
        let house = House {
            packages: Vec::new(),
            files: vec![File { path: path.to_owned(), text: text.to_owned() }],
            exceptions: Exceptions::parse(exceptions).unwrap(),
        };
        check(&house).into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn long_files_are_named_unless_listed() {
        let long = "fn f() {}\n".repeat(601);
        assert_eq!(found("crates/store/src/other.rs", &long).len(), 1);
        assert!(found("crates/store/src/long.rs", &long).is_empty());
    }

    #[test]
    fn the_core_is_pure_but_its_tests_may_read_files() {
        assert_eq!(found("crates/fhir/src/a.rs", "use std::fs;\n").len(), 1);
        assert_eq!(found("crates/synth/src/a.rs", "let t = Instant::now();\n").len(), 1);
        assert!(
            found("crates/fhir/src/a.rs", "// std::fs\n#[cfg(test)]\nmod tests {\n use std::fs;\n}\n")
                .is_empty()
        );
        assert!(found("crates/fhir/tests/a.rs", "use std::fs;\n").is_empty());
        assert!(found("crates/engines/src/a.rs", "use std::fs;\n").is_empty());
    }

    #[test]
    fn unsafe_and_leftovers_are_named() {
        assert_eq!(found("crates/store/src/a.rs", "unsafe { x() }\n").len(), 1);
        assert!(found("crates/codecs/src/a.rs", "unsafe { x() }\n").is_empty());
        assert_eq!(found("crates/store/src/a.rs", "fn f() { todo!() }\n").len(), 1);
    }

    #[test]
    fn a_crate_opens_with_a_doc() {
        assert_eq!(found("crates/store/src/lib.rs", "//! Short.\n").len(), 1);
        assert!(found("crates/store/src/lib.rs", DOC).is_empty());
    }

    #[test]
    fn scopes_without_a_decision_have_listed_callers() {
        let text = "let s = Scope::of_whole_store();\n";
        assert_eq!(found("crates/services/src/read.rs", text).len(), 1);
        assert!(found("crates/services/src/verify.rs", text).is_empty());
        assert!(found("crates/policy/src/scope.rs", text).is_empty());
    }

    #[test]
    fn machine_paths_and_silent_allows_are_named() {
        assert_eq!(found("README.md", "see /somewhere/else\n").len(), 1);
        assert!(found("README.md", "see docs/somewhere/else\n").is_empty());
        assert_eq!(found("crates/store/src/a.rs", "#[allow(dead_code)]\nfn f() {}\n").len(), 1);
        assert!(
            found("crates/store/src/a.rs", "// kept for the next engine\n#[allow(dead_code)]\nfn f() {}\n")
                .is_empty()
        );
    }

    #[test]
    fn no_mod_rs() {
        assert_eq!(found("crates/store/src/plan/mod.rs", "fn f() {}\n").len(), 1);
    }
}
