//! Commands that copy a whole network: `migrate`, `backup`, `restore`.

use crate::Place;
use crate::config::{Config, without_password};
use crate::run::{clock, options};
use anyhow::{Context, Result, anyhow, bail};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use lenticular_base::Position;
use lenticular_engines::copy::{self, Options, Phase, Progress, Rederive, Report, pg};
use lenticular_engines::{ObjectPlace, OpenOptions};
use lenticular_services::{derived, extract};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// What `migrate` is asked.
#[derive(clap::Args)]
#[group(skip)]
pub struct Migrate {
    /// Where to: a folder, or postgres://user:password@host/database, or env:NAME for what that variable says.
    #[arg(long, required_unless_present = "take_back")]
    to: Option<String>,
    /// Where the images go: s3://bucket/prefix; absent: files, in the folder, or below --data.
    #[arg(long, requires = "to")]
    blobs: Option<String>,
    /// Address of that object store; absent: what blobs.endpoint says.
    #[arg(long, requires = "blobs")]
    blobs_endpoint: Option<String>,
    /// Compare the two places and change nothing: after a move, or to look at any two.
    #[arg(long, requires = "to")]
    check: bool,
    /// Make the place that was moved away the place again. What was written at the other is not here.
    #[arg(long, conflicts_with_all = ["to", "check"])]
    take_back: bool,
    /// Go on where images of the source are damaged or missing, and say which.
    #[arg(long)]
    despite_damage: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// What `backup` is asked.
#[derive(clap::Args)]
#[group(skip)]
pub struct Backup {
    /// The folder of the backup; the second time, what is new is added.
    #[arg(long, required_unless_present = "check")]
    to: Option<PathBuf>,
    /// Read a backup again and compare it with its manifest.
    #[arg(long, value_name = "FOLDER", conflicts_with = "to")]
    check: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// What `restore` is asked.
#[derive(clap::Args)]
#[group(skip)]
pub struct Restore {
    /// The folder of the backup.
    #[arg(long)]
    from: PathBuf,
    /// As of this position of the log; absent: all of it.
    #[arg(long)]
    to_position: Option<i64>,
    /// Go on where images of the backup are damaged or missing, and say which.
    #[arg(long)]
    despite_damage: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// The place that the settings name.
fn settled(place: &Place, config: &Config) -> Result<copy::Place> {
    let database = config.text("store.url");
    let objects = config.text("blobs.url");
    let mut name = match database {
        "" => place.data().display().to_string(),
        url => pg::name_of(url),
    };
    if !objects.is_empty() {
        name = format!("{name} with {objects}");
    }
    Ok(copy::Place { options: options(place.data(), config)?, name })
}

/// An embedded place in a folder.
fn folder(path: &Path, config: &Config) -> Result<copy::Place> {
    let mut options = options(path, config)?;
    (options.database, options.objects) = (None, None);
    let path = std::path::absolute(path).with_context(|| format!("{}", path.display()))?;
    Ok(copy::Place { options, name: path.display().to_string() })
}

/// A network is not put among other files: who names such a folder mistyped it.
fn refuse_strangers(path: &Path) -> Result<()> {
    const OURS: [&str; 4] = ["lenticular.db", "audit", "blobs", "lost+found"];
    let Ok(entries) = std::fs::read_dir(path) else { return Ok(()) };
    for entry in entries {
        let name = entry.with_context(|| format!("{}", path.display()))?.file_name();
        let name = name.to_string_lossy();
        if !OURS.iter().any(|ours| name.starts_with(ours)) && !name.ends_with(".toml") {
            bail!(
                "{} holds something else already ({name}); nothing was changed there. Name an empty folder, or the one where this copy was begun",
                path.display()
            );
        }
    }
    Ok(())
}

/// The place that `migrate --to` names.
fn target(place: &Place, config: &Config, asked: &Migrate, to: &str) -> Result<copy::Place> {
    let is_database = to.starts_with("postgres://") || to.starts_with("postgresql://");
    let mut named = match is_database {
        true => copy::Place { options: options(place.data(), config)?, name: pg::name_of(to) },
        false => folder(Path::new(to), config)?,
    };
    if !is_database {
        refuse_strangers(Path::new(to))?;
    }
    named.options.database = is_database.then(|| to.to_owned());
    let setting = |key: &str| Some(config.text(key).to_owned()).filter(|text| !text.is_empty());
    named.options.objects = asked.blobs.as_ref().map(|url| ObjectPlace {
        url: url.clone(),
        endpoint: asked.blobs_endpoint.clone().or_else(|| setting("blobs.endpoint")),
        path_style: config.text("blobs.path_style") == "true",
        ca: setting("blobs.ca").map(PathBuf::from),
    });
    if let Some(url) = &asked.blobs {
        named.name = format!("{} with {url}", named.name);
    }
    Ok(named)
}

/// A bar for each phase, on a terminal.
struct Bars {
    bar: ProgressBar,
    phase: Option<Phase>,
}

impl Bars {
    fn new() -> Bars {
        Bars { bar: ProgressBar::hidden(), phase: None }
    }

    fn show(&mut self, Progress { phase, done, all }: Progress) {
        if self.phase != Some(phase) {
            self.bar.finish_and_clear();
            let (what, counted) = match phase {
                Phase::Rows => ("rows", "{human_pos}/{human_len} versions, {per_sec}"),
                Phase::Blobs => ("images", "{bytes}/{total_bytes}, {binary_bytes_per_sec}"),
                Phase::Changes => ("changes", "{human_pos}/{human_len} versions"),
                Phase::Comparison => ("compare", "{human_pos}/{human_len} versions, {per_sec}"),
                Phase::Hashing => ("hash", "{bytes}/{total_bytes}, {binary_bytes_per_sec}"),
            };
            let style =
                ProgressStyle::with_template(&format!("{{prefix:8}} [{{bar:36}}] {counted}, {{eta}} left"))
                    .expect("the template of the bar is well formed");
            self.bar = ProgressBar::new(all);
            self.bar.set_style(style.progress_chars("=> "));
            self.bar.set_prefix(what);
            self.phase = Some(phase);
        }
        self.bar.set_length(all);
        self.bar.set_position(done);
    }
}

/// Runs a copy with bars.
fn with_bars(
    despite_damage: bool,
    work: impl FnOnce(Options<'_>) -> Result<Report, lenticular_base::Fault>,
) -> Result<Report> {
    let mut bars = Bars::new();
    let outcome = work(Options { despite_damage, progress: &mut |at| bars.show(at) });
    bars.bar.finish_and_clear();
    outcome.map_err(|fault| anyhow!("{fault}"))
}

/// `lenticular migrate`
pub fn migrate(place: &Place, asked: &Migrate) -> Result<ExitCode> {
    let config = place.load()?;
    let from = settled(place, &config)?;
    let Some(to) = &asked.to else {
        let moved = copy::take_back(&from).map_err(|fault| anyhow!("{fault}"))?;
        match (&moved, asked.json) {
            (moved, true) => println!("{}", json!({ "place": from.name, "had_moved_to": moved })),
            (Some(to), false) => {
                println!(
                    "{} is the place again; what was written at {to} is not here. Stop every server there: it would go on taking changes",
                    from.name
                );
            }
            (None, false) => println!("{} had not moved", from.name),
        }
        return Ok(ExitCode::SUCCESS);
    };
    let to = match to.strip_prefix("env:") {
        Some(name) => std::env::var(name).with_context(|| format!("the variable {name}"))?,
        None => to.clone(),
    };
    let target = target(place, &config, asked, &to)?;
    if asked.check {
        let report = with_bars(true, |options| copy::check(&from, &target, options))?;
        return print(&report, asked.json, &format!("{} and {}", from.name, target.name), &[]);
    }
    let report = with_bars(asked.despite_damage, |options| copy::migrate(&from, &target, options))?;
    let seconds = report.read_only_ms as f64 / 1000.0;
    let mut more =
        vec![format!("The network is at {} now; it took no changes for {seconds:.1} s.", target.name)];
    more.push("Stop the server here, and start it there:".to_owned());
    more.extend(settings_of(&target.options, &config, place));
    print(&report, asked.json, "moved", &more)
}

/// How a server is started at a place, a line for each setting that says where it is. Secrets are left out, and said to be.
fn settings_of(of: &OpenOptions, config: &Config, place: &Place) -> Vec<String> {
    let mut lines = Vec::new();
    let mut set = |key: &str, value: &str| {
        let name = format!("LENTICULAR__{}", key.to_uppercase().replace('.', "__"));
        lines.push(format!("  {name}={} \\", quoted(value)));
    };
    match &of.database {
        Some(url) => set("store.url", &without_password(url)),
        None if config.text("store.url").is_empty() => {}
        None => set("store.url", ""),
    }
    match &of.objects {
        Some(objects) => {
            set("blobs.url", &objects.url);
            if let Some(endpoint) = &objects.endpoint {
                set("blobs.endpoint", endpoint);
            }
            set("blobs.path_style", &objects.path_style.to_string());
            if let Some(ca) = &objects.ca {
                set("blobs.ca", &ca.display().to_string());
            }
        }
        None if config.text("blobs.url").is_empty() => {}
        None => set("blobs.url", ""),
    }
    let data = if of.database.is_some() { place.data() } else { &of.data };
    let file = place.config.as_ref().map(|file| format!(" --config {}", quoted(&file.display().to_string())));
    let data = quoted(&data.display().to_string());
    lines.push(format!("  lenticular serve --data {data}{}", file.unwrap_or_default()));
    let mut secrets = Vec::new();
    if of.database.as_ref().is_some_and(|url| without_password(url) != *url) {
        secrets.push("the password stands where *** is");
    }
    if of.objects.is_some() {
        secrets.push("the AWS_* variables are those of this command");
    }
    if !secrets.is_empty() {
        lines.push(format!("Not printed: {}.", secrets.join("; ")));
    }
    lines
}

/// A word as a shell reads it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    match text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// `lenticular backup`
pub fn backup(place: &Place, asked: &Backup) -> Result<ExitCode> {
    let config = place.load()?;
    if let Some(path) = &asked.check {
        let held = folder(path, &config)?;
        let manifest = read_manifest(path)?;
        let report = with_bars(true, |options| copy::check_alone(&held, &manifest, options))?;
        return print(&report, asked.json, &format!("the backup in {}", held.name), &[]);
    }
    let path = asked.to.as_ref().context("--to names the folder of the backup")?;
    let (from, to) = (settled(place, &config)?, folder(path, &config)?);
    let report = with_bars(true, |options| copy::back_up(&from, &to, options))?;
    write_manifest(path, &from.name, &report)?;
    print(&report, asked.json, &format!("backed up to {}", to.name), &[])
}

/// `lenticular restore`
pub fn restore(place: &Place, asked: &Restore) -> Result<ExitCode> {
    let config = place.load()?;
    let (from, to) = (folder(&asked.from, &config)?, settled(place, &config)?);
    if to.options.database.is_none() {
        refuse_strangers(place.data())?;
    }
    let rederive = Rederive {
        extract: &extract::entries,
        row: Arc::new(derived::row),
        cause: derived::CAUSE,
        grants: Arc::new(derived::grants),
    };
    let until = asked.to_position.map(Position);
    let report =
        with_bars(asked.despite_damage, |options| copy::restore(&from, &to, until, &rederive, options))?;
    let mut more = Vec::new();
    if let Some(cut) = &report.cut {
        more.push(format!(
            "As of position {}: {} later versions dropped, {} current again, {} rows and {} grants made anew.",
            cut.position, cut.dropped, cut.current_again, cut.derived, cut.grants
        ));
        more.push(
            "Users, passwords, tokens and shares are those of then: end the sessions that must not go on, and look through the shares."
                .to_owned(),
        );
        if cut.kept > 0 {
            more.push(format!(
                "{} rows of notes are as they were later: what they held then is kept nowhere.",
                cut.kept
            ));
        }
    }
    print(&report, asked.json, &format!("restored to {}", to.name), &more)
}

/// Prints a report; exits 1 where something is wrong.
fn print(report: &Report, json: bool, what: &str, more: &[String]) -> Result<ExitCode> {
    if json {
        let mut value = serde_json::to_value(report)?;
        value["clean"] = report.is_clean().into();
        println!("{value}");
    } else {
        println!(
            "{what}: position {}, {} versions, {} images ({}) re-hashed in {} files, {} audit entries; {} versions and {} copied in {:.1} s",
            report.position,
            report.versions,
            report.blobs,
            HumanBytes(report.blob_bytes),
            report.containers,
            report.audit.rows,
            report.copied_versions,
            HumanBytes(report.copied_bytes),
            report.took_ms as f64 / 1000.0
        );
        for finding in &report.findings {
            println!("WRONG: {finding}");
        }
        match report.is_clean() {
            true => println!("equal, by hashes of every table and every image"),
            false => println!("NOT clean: {} findings", report.findings.len()),
        }
        for line in more {
            println!("{line}");
        }
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

const MANIFEST: &str = "manifest.json";

/// What a backup held when it was ended, beside it, and one for each position that it was ended at.
fn write_manifest(folder: &Path, from: &str, report: &Report) -> Result<()> {
    let made = clock()();
    let value = json!({ "made": made.to_string(), "from": from, "program": env!("CARGO_PKG_VERSION"), "report": report });
    let text = serde_json::to_string_pretty(&value)?;
    let history = folder.join("manifests");
    std::fs::create_dir_all(&history)?;
    std::fs::write(history.join(format!("{}.json", report.position)), &text)?;
    let (next, last) = (folder.join("manifest.next"), folder.join(MANIFEST));
    std::fs::write(&next, &text)
        .and_then(|()| std::fs::File::open(&next)?.sync_all())
        .and_then(|()| std::fs::rename(&next, &last))
        .with_context(|| format!("{}", last.display()))
}

fn read_manifest(folder: &Path) -> Result<Report> {
    let path = folder.join(MANIFEST);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{}: a backup that was ended has one", path.display()))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{}", path.display()))?;
    serde_json::from_value(value["report"].clone()).with_context(|| format!("{}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Config {
        let own: Vec<(String, String)> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Config::load(None, std::iter::empty(), &own).unwrap()
    }

    fn place(data: &str, file: Option<&str>) -> Place {
        Place { data: data.into(), config: file.map(PathBuf::from), settings: Vec::new() }
    }

    fn to(asked: &str, blobs: Option<&str>, config: &Config) -> Result<copy::Place> {
        let asked = Migrate {
            to: Some(asked.to_owned()),
            blobs: blobs.map(str::to_owned),
            blobs_endpoint: None,
            check: false,
            take_back: false,
            despite_damage: false,
            json: false,
        };
        target(&place("/srv/len ticular", None), config, &asked, asked.to.as_deref().unwrap_or_default())
    }

    #[test]
    fn the_settings_that_are_printed_lead_to_the_new_place() {
        let known = config(&[
            ("blobs.endpoint", "https://s3.example.org"),
            ("blobs.path_style", "true"),
            ("blobs.ca", "/etc/our ca.pem"),
        ]);
        let url = "postgres://len:secret@db/net?sslmode=verify-full&sslrootcert=/etc/db.pem";
        let moved = to(url, Some("s3://images/net"), &known).unwrap();
        assert_eq!(moved.name, "postgres://db:5432/net with s3://images/net");
        assert_eq!(
            settings_of(&moved.options, &known, &place("/srv/len ticular", Some("/etc/l.toml"))),
            [
                "  LENTICULAR__STORE__URL='postgres://len:***@db/net?sslmode=verify-full&sslrootcert=/etc/db.pem' \\",
                "  LENTICULAR__BLOBS__URL=s3://images/net \\",
                "  LENTICULAR__BLOBS__ENDPOINT=https://s3.example.org \\",
                "  LENTICULAR__BLOBS__PATH_STYLE=true \\",
                "  LENTICULAR__BLOBS__CA='/etc/our ca.pem' \\",
                "  lenticular serve --data '/srv/len ticular' --config /etc/l.toml",
                "Not printed: the password stands where *** is; the AWS_* variables are those of this command.",
            ]
        );
        // back to a folder: what leads elsewhere is unset
        let known = config(&[("store.url", url), ("blobs.url", "s3://images/net")]);
        let back = to("/srv/new", None, &known).unwrap();
        assert_eq!(
            settings_of(&back.options, &known, &place("/srv/old", None)),
            [
                "  LENTICULAR__STORE__URL= \\",
                "  LENTICULAR__BLOBS__URL= \\",
                "  lenticular serve --data /srv/new",
            ]
        );
    }

    #[test]
    fn an_address_is_not_taken_for_a_folder() {
        let known = config(&[]);
        for bad in [
            "host=db password=secret",
            "dbname=net user=u",
            "PASSWORD=secret",
            "mysql://u:secret@h/d",
            "s3://b/p",
            "postgres:/u:secret@h/d",
            "postgres//u:secret@h/d",
            "s3:b/secret",
        ] {
            let refused = to(bad, None, &known).map(drop).unwrap_err().to_string();
            assert!(!refused.contains("secret"), "{refused}");
            assert!(folder(Path::new(bad), &known).is_err(), "{bad}");
        }
        for good in ["/srv/a=b", "/srv/2026-11-24T10:00", "/mnt/@home/net"] {
            assert!(to(good, None, &known).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_network_is_not_put_among_other_files() {
        let folder = std::env::temp_dir().join(format!("lenticular-strangers-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("blobs")).unwrap();
        for ours in ["lenticular.db", "lenticular.db-wal", "audit.db", "node.toml"] {
            std::fs::write(folder.join(ours), "").unwrap();
        }
        assert!(refuse_strangers(&folder).is_ok());
        assert!(refuse_strangers(&folder.join("not-there")).is_ok());
        std::fs::write(folder.join("Patient.json"), "").unwrap();
        let refused = refuse_strangers(&folder).unwrap_err().to_string();
        assert!(refused.contains("Patient.json"), "{refused}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
