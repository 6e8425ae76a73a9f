//! Configuration: defaults, then one TOML file, then `LENTICULAR__SECTION__KEY`, then the command line. Unknown keys are errors.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

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
    (
        "store.url",
        "",
        "the database: empty is SQLite below --data; else postgres://user:password@host/database (PostgreSQL 15 or later)",
    ),
    ("store.connections", "8", "connections that read at one time, of this process"),
    (
        "blobs.url",
        "",
        "where images lie: empty is files below --data; else s3://bucket/prefix (keys from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION)",
    ),
    (
        "blobs.endpoint",
        "",
        "address of the object store, such as https://s3.example.org; empty: AWS_ENDPOINT_URL, else Amazon's",
    ),
    ("blobs.path_style", "true", "whether the bucket stands in the path (true) or in the host name (false)"),
    (
        "blobs.ca",
        "",
        "a PEM file of the authority that signed the object store's certificate; empty: the system's",
    ),
    ("limits.body", "268435456", "largest request body that is read into memory, in bytes"),
    ("limits.object", "17179869184", "largest DICOM object, in bytes"),
    ("fhir.page_default", "50", "rows on a search page where _count is absent"),
    ("fhir.page_limit", "1000", "rows on a search page at most"),
    (
        "drain.seconds",
        "0",
        "how long a node that is to stop says so at /readyz and serves on, so that a proxy can leave it; 0 to 3600",
    ),
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
        for key in [
            "dimse.max_associations",
            "store.connections",
            "limits.body",
            "limits.object",
            "fhir.page_default",
            "fhir.page_limit",
        ] {
            self.number(key)?;
        }
        self.drain()?;
        if !["true", "false"].contains(&self.text("blobs.path_style")) {
            bail!("blobs.path_style is true or false");
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

    /// How long a node that is to stop serves on.
    pub fn drain(&self) -> Result<Duration> {
        let setting = &self.settings["drain.seconds"];
        match setting.value.parse() {
            Ok(seconds) if seconds <= 3600 => Ok(Duration::from_secs(seconds)),
            _ => bail!(
                "drain.seconds is a whole number from 0 to 3600, not \"{}\" (from {})",
                setting.value,
                setting.origin
            ),
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
            out.push_str(&format!(
                "# {meaning}\n{name} = {}",
                toml::Value::String(without_password(&setting.value))
            ));
            if origin {
                out.push_str(&format!("  # from {}", setting.origin));
            }
            out.push('\n');
        }
        out
    }
}

/// An address without what proves who calls: of one with a user, the last `@` before any parameter ends them, as database
/// drivers read it, and of its parameters a password and a key are left out.
pub fn without_password(address: &str) -> String {
    let is_hidden = |name: &str| {
        ["pass", "secret", "key", "token"].iter().any(|word| name.to_ascii_lowercase().contains(word))
    };
    let Some((scheme, rest)) = address.split_once("://") else {
        // settings of a database driver in a row, perhaps, or a mistyped address: not to be taken apart without its rules
        return if address.contains('@') || address.contains('=') && is_hidden(address) {
            "***".to_owned()
        } else {
            address.to_owned()
        };
    };
    let (rest, parameters) = match rest.split_once('?') {
        Some((rest, parameters)) => (rest, Some(parameters)),
        None => (rest, None),
    };
    let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
    let mut shown = format!("{scheme}://");
    if let Some(user) = user {
        match user.split_once(':') {
            Some((user, _)) => shown.push_str(&format!("{user}:***@")),
            None => shown.push_str(&format!("{user}@")),
        }
    }
    shown.push_str(place);
    for (at, parameter) in parameters.into_iter().flat_map(|all| all.split('&')).enumerate() {
        let name = parameter.split('=').next().unwrap_or_default();
        shown.push(if at == 0 { '?' } else { '&' });
        shown.push_str(&if is_hidden(name) { format!("{name}=***") } else { parameter.to_owned() });
    }
    shown
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
        assert!(load(&[], &[("drain.seconds", "3601")]).is_err());
        assert_eq!(load(&[], &[("drain.seconds", "5")]).unwrap().drain().unwrap().as_secs(), 5);
    }

    #[test]
    fn what_is_printed_reads_back() {
        let printed = load(&[], &[]).unwrap().print(true);
        let table: toml::Table = printed.parse().unwrap();
        assert_eq!(table["dimse"]["ae_title"].as_str(), Some("LENTICULAR"));
    }

    #[test]
    fn no_password_is_printed() {
        let environment = [("LENTICULAR__STORE__URL", "postgres://u:p@ss:w@h:5432,h2/d?x=a@b")];
        let printed = load(&environment, &[]).unwrap().print(false);
        assert!(printed.contains("postgres://u:***@h:5432,h2/d?x=a@b"), "{printed}");
        assert!(!printed.contains("p@ss"));
        assert_eq!(without_password("postgres://h/d"), "postgres://h/d");
        assert_eq!(without_password("postgres://u:pa/ss@h/d"), "postgres://u:***@h/d");
        assert_eq!(
            without_password("postgres:///d?host=h&user=u&password=pw"),
            "postgres:///d?host=h&user=u&password=***"
        );
        assert_eq!(without_password("127.0.0.1:0"), "127.0.0.1:0");
        assert_eq!(without_password("/etc/keys.pem"), "/etc/keys.pem");
        assert_eq!(without_password("host=h password='a b'"), "***");
    }
}
