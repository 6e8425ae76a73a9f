//! Configuration: defaults, then one TOML file, then `LENTICULAR__SECTION__KEY`, then the command line. Unknown keys are errors.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::Path;

/// Every key there is: name, default, what it means. The order is that of `lenticular config`.
const KEYS: &[(&str, &str, &str)] = &[
    (
        "http.listen",
        "127.0.0.1:8080",
        "address and port of HTTP (FHIR, DICOMweb, app); port 0 picks a free one",
    ),
    (
        "http.public_url",
        "",
        "the address clients use, such as https://cloud.example.org; empty: what the request says",
    ),
    (
        "dimse.listen",
        "127.0.0.1:11112",
        "address and port of DIMSE; port 0 picks a free one; \"off\" opens none",
    ),
    ("dimse.ae_title", "LENTICULAR", "the AE title that devices call"),
    ("dimse.max_associations", "64", "associations at one time; more are rejected as transient"),
    ("limits.body", "268435456", "largest request body that is read into memory, in bytes"),
    ("limits.object", "17179869184", "largest DICOM object, in bytes"),
    ("fhir.page_default", "50", "rows on a search page where _count is absent"),
    ("fhir.page_limit", "1000", "rows on a search page at most"),
    ("log.level", "info", "error, warn, info, debug or trace"),
];

/// One value and where it came from.
#[derive(Clone, Debug)]
pub struct Setting {
    pub value: String,
    pub origin: String,
}

/// All settings, by key.
#[derive(Clone, Debug)]
pub struct Config {
    settings: BTreeMap<&'static str, Setting>,
}

impl Config {
    /// Reads the defaults, `file` where one is named, the `environment`, and the command line's `overrides`.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        overrides: &[(String, String)],
    ) -> Result<Config> {
        let settings = KEYS
            .iter()
            .map(|(key, value, _)| (*key, Setting { value: (*value).into(), origin: "default".into() }))
            .collect();
        let mut config = Config { settings };
        if let Some(path) = file {
            config.read_file(path)?;
        }
        for (name, value) in environment {
            let Some(rest) = name.strip_prefix("LENTICULAR__") else { continue };
            let key = rest.to_ascii_lowercase().replace("__", ".");
            config.set(&key, value, &name).with_context(|| format!("environment variable {name}"))?;
        }
        for (key, value) in overrides {
            config.set(key, value.clone(), "command line")?;
        }
        config.check()?;
        Ok(config)
    }

    fn read_file(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let table: toml::Table = text.parse().with_context(|| format!("reading {}", path.display()))?;
        for (section, keys) in &table {
            let Some(keys) = keys.as_table() else {
                bail!("{}: \"{section}\" stands outside a section", path.display());
            };
            for (key, value) in keys {
                let text = match value {
                    toml::Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let name = format!("{section}.{key}");
                self.set(&name, text, &path.display().to_string())?;
            }
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: String, origin: &str) -> Result<()> {
        let Some((_, setting)) = self.settings.iter_mut().find(|(known, _)| **known == key) else {
            let known: Vec<&str> = KEYS.iter().map(|(key, ..)| *key).collect();
            bail!("there is no setting \"{key}\"; known are {}", known.join(", "));
        };
        *setting = Setting { value, origin: origin.to_owned() };
        Ok(())
    }

    fn check(&self) -> Result<()> {
        for key in
            ["dimse.max_associations", "limits.body", "limits.object", "fhir.page_default", "fhir.page_limit"]
        {
            self.number(key)?;
        }
        if !["error", "warn", "info", "debug", "trace"].contains(&self.text("log.level")) {
            bail!("log.level is one of error, warn, info, debug and trace");
        }
        Ok(())
    }

    /// The value of a key of [`KEYS`].
    pub fn text(&self, key: &str) -> &str {
        self.settings.get(key).map(|setting| setting.value.as_str()).expect("keys are those of the table")
    }

    /// The value of a key as a number above zero.
    pub fn number(&self, key: &str) -> Result<u64> {
        let setting = &self.settings[key];
        match setting.value.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => {
                bail!("{key} is a whole number above 0, not \"{}\" (from {})", setting.value, setting.origin)
            }
        }
    }

    /// All keys with value, origin and meaning, as TOML that `--config` reads.
    pub fn print(&self, origin: bool) -> String {
        let mut out = String::new();
        let mut section = "";
        for (key, _, meaning) in KEYS {
            let (of, name) = key.split_once('.').expect("keys have a section");
            if of != section {
                out.push_str(&format!("{}[{of}]\n", if section.is_empty() { "" } else { "\n" }));
                section = of;
            }
            let setting = &self.settings[key];
            out.push_str(&format!("# {meaning}\n{name} = {}", toml::Value::String(setting.value.clone())));
            if origin {
                out.push_str(&format!("  # from {}", setting.origin));
            }
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(environment: &[(&str, &str)], overrides: &[(&str, &str)]) -> Result<Config> {
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        Config::load(None, own(environment).into_iter(), &own(overrides))
    }

    #[test]
    fn the_command_line_wins_over_the_environment() {
        let environment = [("LENTICULAR__HTTP__LISTEN", "127.0.0.1:0"), ("HOME", "x")];
        let config = load(&environment, &[]).unwrap();
        assert_eq!(config.text("http.listen"), "127.0.0.1:0");
        let config = load(&environment, &[("http.listen", "127.0.0.1:1")]).unwrap();
        assert_eq!(config.text("http.listen"), "127.0.0.1:1");
        assert!(config.print(true).contains("listen = \"127.0.0.1:1\"  # from command line"));
    }

    #[test]
    fn unknown_keys_and_bad_numbers_are_errors() {
        assert!(load(&[("LENTICULAR__HTTP__LISTENN", "x")], &[]).is_err());
        assert!(load(&[("LENTICULAR__LIMITS__BODY", "many")], &[]).is_err());
        assert!(load(&[("LENTICULAR__LOG__LEVEL", "loud")], &[]).is_err());
    }

    #[test]
    fn what_is_printed_reads_back() {
        let printed = load(&[], &[]).unwrap().print(true);
        let table: toml::Table = printed.parse().unwrap();
        assert_eq!(table["dimse"]["ae_title"].as_str(), Some("LENTICULAR"));
    }
}
