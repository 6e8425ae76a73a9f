//! Images beside Orthanc: C-STORE of a CT of 100 slices, its metadata, one frame, its list of instances.

use super::Bench;
use super::process::Server;
use super::report::Target;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

const ASSOCIATIONS: usize = 4;
const ROUNDS: usize = 5;
const DICOM_JSON: &str = "application/dicom+json";
const FRAME: &str = "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*";

/// What one server needed.
struct Cost {
    store_cpu_ms: f64,
    store_wall_s: f64,
    metadata_cpu_ms: f64,
    frame_cpu_ms: f64,
    query_cpu_ms: f64,
}

/// What is compared: words, unit, the figure, and at most which share of the peer's.
type Row = (&'static str, &'static str, fn(&Cost) -> f64, f64);

pub fn run(bench: &mut Bench) -> Result<()> {
    let files = slices(bench)?;
    let version = Command::new("Orthanc").arg("--version").output().context("running Orthanc")?;
    let version = String::from_utf8_lossy(&version.stdout).lines().next().unwrap_or_default().to_owned();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // In turns, so that neither has the warmer machine.
    for round in 0..ROUNDS {
        let server = Server::lenticular(bench, &bench.data.join(format!("lenticular-{round}")))?;
        ours.push(cost(&server, "SCANNER1", "LENTICULAR", &files)?);
        let peer = Server::orthanc(&bench.data.join(format!("orthanc-{round}")))?;
        theirs.push(cost(&peer, "SCANNER1", "ORTHANC", &files)?);
    }
    let rows: [Row; 5] = [
        ("C-STORE, 4 associations: server CPU per instance", "ms", |c| c.store_cpu_ms, 0.6),
        ("C-STORE, 4 associations: wall for 100 instances", "s", |c| c.store_wall_s, 1.0),
        ("metadata of a series of 100: CPU per request", "ms", |c| c.metadata_cpu_ms, 0.1),
        ("one frame: CPU per request", "ms", |c| c.frame_cpu_ms, 0.2),
        ("QIDO-RS of 100 instances: CPU per request", "ms", |c| c.query_cpu_ms, 0.1),
    ];
    for (name, unit, pick, share) in rows {
        let (our, their) = (median(&ours, pick), median(&theirs, pick));
        bench.report.add(name, our, unit, Target::None, format!("{version}: {their:.3} {unit}"));
        bench.report.add(format!("  as a share of {version}"), our / their, "", Target::AtMost(share), "");
    }
    Ok(())
}

fn slices(bench: &Bench) -> Result<Vec<PathBuf>> {
    let folder = bench.place.e2e.join("corpus/ct");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    Ok(files)
}

fn cost(server: &Server, calling: &str, called: &str, files: &[PathBuf]) -> Result<Cost> {
    let (cpu, began) = (server.cpu()?, Instant::now());
    let mut senders = Vec::new();
    for number in 0..ASSOCIATIONS {
        let mine = files.iter().skip(number).step_by(ASSOCIATIONS);
        let sender = Command::new("storescu")
            .args(["-aet", calling, "-aec", called, "127.0.0.1", &server.dimse_port.to_string()])
            .args(mine)
            .stderr(Stdio::null())
            .spawn()
            .context("running storescu")?;
        senders.push(sender);
    }
    for mut sender in senders {
        let status = sender.wait()?;
        if !status.success() {
            bail!("storescu to {called} ended with {status}");
        }
    }
    let store_wall_s = began.elapsed().as_secs_f64();
    let store_cpu_ms = (server.cpu()? - cpu) * 1000.0 / files.len() as f64;

    let mut client = server.client()?;
    let list = client.get("/dicom-web/instances?limit=1", DICOM_JSON)?;
    let list: Value = serde_json::from_slice(&list.body).context("QIDO-RS")?;
    let uid = |tag: &str| list[0][tag]["Value"][0].as_str().unwrap_or_default().to_owned();
    let (study, series, instance) = (uid("0020000D"), uid("0020000E"), uid("00080018"));
    let series = format!("/dicom-web/studies/{study}/series/{series}");
    Ok(Cost {
        store_cpu_ms,
        store_wall_s,
        metadata_cpu_ms: per_request(server, &format!("{series}/metadata"), DICOM_JSON, 40)?,
        frame_cpu_ms: per_request(server, &format!("{series}/instances/{instance}/frames/1"), FRAME, 400)?,
        query_cpu_ms: per_request(server, &format!("{series}/instances?limit=100"), DICOM_JSON, 100)?,
    })
}

/// Server CPU in milliseconds for one of `count` equal requests on one connection.
fn per_request(server: &Server, path: &str, accept: &str, count: usize) -> Result<f64> {
    let mut client = server.client()?;
    let first = client.get(path, accept)?;
    if first.status != 200 {
        bail!("GET {path} answered {}", first.status);
    }
    let cpu = server.cpu()?;
    for _ in 0..count {
        client.get(path, accept)?;
    }
    Ok((server.cpu()? - cpu) * 1000.0 / count as f64)
}

fn median(costs: &[Cost], pick: fn(&Cost) -> f64) -> f64 {
    let mut values: Vec<f64> = costs.iter().map(pick).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
