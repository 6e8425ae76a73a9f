//! The short list of exceptions, each with its reason: `xtask/tidy.toml`.

use super::{File, Finding};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;

/// What is excepted, by rule: path to reason.
#[derive(Default, Debug)]
pub struct Exceptions {
    /// Files that may be longer than the limit.
    pub long: BTreeMap<String, String>,
    /// Files that may call `Scope::of_own_work` or `Scope::of_whole_store`.
    pub scope: BTreeMap<String, String>,
    /// Files that may name a folder of a machine.
    pub machine: BTreeMap<String, String>,
    /// The folders of machines that committed text does not name.
    pub machine_paths: Vec<String>,
}

impl Exceptions {
    /// Reads the tables `long-files`, `scope-callers`, `machine-path-files` and the list `machine-paths`.
    pub fn parse(text: &str) -> Result<Exceptions> {
        let table: toml::Table = text.parse().context("it is not TOML")?;
        let mut exceptions = Exceptions::default();
        for (key, value) in table {
            match key.as_str() {
                "long-files" => exceptions.long = reasons(&key, &value)?,
                "scope-callers" => exceptions.scope = reasons(&key, &value)?,
                "machine-path-files" => exceptions.machine = reasons(&key, &value)?,
                "machine-paths" => {
                    let list = value.as_array().context("machine-paths is a list of texts")?;
                    exceptions.machine_paths =
                        list.iter().filter_map(|one| one.as_str()).map(str::to_owned).collect();
                }
                _ => bail!("`{key}` is no rule of tidy"),
            }
        }
        Ok(exceptions)
    }

    /// Exceptions for files that are no longer there.
    pub fn stale(&self, files: &[File]) -> Vec<Finding> {
        [&self.long, &self.scope, &self.machine]
            .into_iter()
            .flat_map(|rule| rule.keys())
            .filter(|path| !files.iter().any(|file| file.path == **path))
            .map(|path| Finding::at("xtask/tidy.toml", 0, format!("excepts `{path}`, which is not there")))
            .collect()
    }
}

fn reasons(key: &str, value: &toml::Value) -> Result<BTreeMap<String, String>> {
    let table = value.as_table().with_context(|| format!("{key} is a table: path = reason"))?;
    table
        .iter()
        .map(|(path, reason)| match reason.as_str() {
            Some(reason) if reason.len() >= 10 => Ok((path.clone(), reason.to_owned())),
            _ => bail!("{key}: `{path}` needs a reason in words"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_needs_a_reason() {
        assert!(Exceptions::parse("[long-files]\n\"a.rs\" = \"one table, read as a whole\"").is_ok());
        assert!(Exceptions::parse("[long-files]\n\"a.rs\" = \"\"").is_err());
        assert!(Exceptions::parse("[other]\n").is_err());
    }

    #[test]
    fn an_exception_for_a_file_that_is_gone_is_named() {
        let list = Exceptions::parse("[scope-callers]\n\"gone.rs\" = \"it rebuilds indexes\"").unwrap();
        assert_eq!(list.stale(&[]).len(), 1);
    }
}
