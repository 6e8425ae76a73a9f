//! `lenticular import`: files and folders, with a bar for people and a report for everybody.

use crate::Place;
use crate::commands::bar;
use crate::run::{open_there, runtime};
use anyhow::{Context, Result, anyhow};
use lenticular_base::OrgNo;
use lenticular_policy::{Principal, Purpose, Role};
use lenticular_services::import::{Form, Imported};
use lenticular_services::{Caller, Services};
use serde_json::json;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What was taken in, and what was not.
#[derive(Default)]
struct Report {
    files: u64,
    total: Imported,
    refused: Vec<(PathBuf, String, String)>,
}

/// Runs the command; exits 0 only if nothing was refused.
pub fn run(place: &Place, org: &str, json: bool, paths: &[PathBuf]) -> Result<ExitCode> {
    let config = place.load()?;
    let (engine, services) = open_there(place.data(), &config)?;
    let runtime = runtime()?;
    let outcome =
        runtime.block_on(services.member(org)).map_err(|fault| anyhow!(fault.public)).and_then(|member| {
            let files = files_below(paths)?;
            Ok(import_all(&services, &runtime, OrgNo(member.no), &files))
        });
    drop(services);
    drop(runtime);
    engine.close();
    let report = outcome?;
    print_report(&report, json);
    Ok(if report.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All files of the paths, folders with everything below them, in a steady order.
fn files_below(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = paths.iter().rev().cloned().collect();
    while let Some(path) = open.pop() {
        let about = std::fs::metadata(&path).with_context(|| path.display().to_string())?;
        if !about.is_dir() {
            files.push(path);
            continue;
        }
        let mut below: Vec<PathBuf> = std::fs::read_dir(&path)
            .with_context(|| path.display().to_string())?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()?;
        below.sort();
        open.extend(below.into_iter().rev());
    }
    Ok(files)
}

/// Files go in four at a time: while one waits for the disk, another is read.
fn import_all(
    services: &Services,
    runtime: &tokio::runtime::Runtime,
    org: OrgNo,
    files: &[PathBuf],
) -> Report {
    let bar = bar("import");
    bar.set_length(files.len() as u64);
    let next = AtomicUsize::new(0);
    let report = Mutex::new(Report::default());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = import_file(services, runtime, org, path);
                    let mut report = report.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    report.add(path, outcome);
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut report = report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    report.refused.sort();
    report
}

impl Report {
    fn add(&mut self, path: &Path, outcome: Result<Imported>) {
        self.files += 1;
        match outcome {
            Ok(imported) => {
                self.total.instances += imported.instances;
                self.total.duplicates += imported.duplicates;
                self.total.conflicts += imported.conflicts;
                self.total.resources += imported.resources;
                self.refused.extend(imported.refused.into_iter().map(|(at, why)| (path.to_owned(), at, why)));
            }
            Err(error) => self.refused.push((path.to_owned(), String::new(), format!("{error:#}"))),
        }
    }
}

fn import_file(
    services: &Services,
    runtime: &tokio::runtime::Runtime,
    org: OrgNo,
    path: &Path,
) -> Result<Imported> {
    let caller = |role| Caller {
        principal: Principal::new(org, role, "import"),
        purpose: Purpose::Treat,
        way: "import",
        asked: None,
    };
    let mut file = File::open(path)?;
    let mut head = vec![0; 1 << 20];
    let mut length = 0;
    while length < head.len() {
        match file.read(&mut head[length..])? {
            0 => break,
            read => length += read,
        }
    }
    head.truncate(length);
    file.rewind()?;
    let form = Form::of(&head);
    if form == Form::Dicom {
        let device = caller(Role::Device);
        return services.import_dicom(&device, BufReader::new(file)).map_err(|fault| anyhow!(fault.public));
    }
    let limit = services.settings().body_limit;
    if file.metadata()?.len() > limit {
        return Err(anyhow!("larger than {limit} bytes; the setting limits.body raises it"));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let clinician = caller(Role::Clinician);
    match form {
        Form::NdJson => Ok(runtime.block_on(services.import_ndjson(&clinician, bytes.into()))),
        _ => runtime.block_on(services.import_json(&clinician, bytes.into())).map_err(|fault| {
            match &fault.path {
                Some(at) => anyhow!("{at}: {}", fault.public),
                None => anyhow!(fault.public),
            }
        }),
    }
}

fn print_report(report: &Report, json: bool) {
    let total = &report.total;
    if json {
        let refused: Vec<_> = report
            .refused
            .iter()
            .map(|(path, at, why)| json!({ "file": path.display().to_string(), "at": at, "why": why }))
            .collect();
        println!(
            "{}",
            json!({
                "files": report.files,
                "instances": total.instances,
                "duplicates": total.duplicates,
                "conflicts": total.conflicts,
                "resources": total.resources,
                "refused": refused,
            })
        );
        return;
    }
    println!(
        "{} files: {} images stored, {} here already, {} in the conflict tray; {} resources; {} refused",
        report.files,
        total.instances,
        total.duplicates,
        total.conflicts,
        total.resources,
        report.refused.len()
    );
    for (path, at, why) in &report.refused {
        let at = if at.is_empty() { String::new() } else { format!(" {at}") };
        println!("refused {}{at}: {why}", path.display());
    }
}
