//! Records: transactions, single creates, reads, searches over a large store, and what the server costs at rest.

use super::Bench;
use super::http::{Client, Load, load};
use super::process::Server;
use super::report::Target;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

const FHIR: &str = "application/fhir+json";
/// How long a load lasts.
const SECONDS: u64 = 10;
/// The seed of the large store.
const SEED: u64 = 20260101;
const ENTRIES_PER_BUNDLE: u32 = 2600;

/// Synthea bundles, one client and four, durable.
pub fn transactions(bench: &mut Bench) -> Result<()> {
    for (clients, least) in [(1usize, 5000.0), (4, 8000.0)] {
        let mut rates = Vec::new();
        for round in 0..3 {
            let data = bench.data.join(format!("tx-{clients}-{round}"));
            rates.push(transaction_rate(bench, &data, &[], clients)?);
        }
        rates.sort_by(f64::total_cmp);
        bench.report.add(
            format!("FHIR transactions (Synthea), {clients} client(s)"),
            rates[rates.len() / 2],
            "resources/s",
            Target::AtLeast(least),
            "median of 3 runs, each on a fresh store",
        );
    }
    Ok(())
}

/// Resources per second of the Synthea bundles, sent by so many clients to a fresh store with these settings.
pub fn transaction_rate(
    bench: &Bench,
    data: &Path,
    settings: &[(String, String)],
    clients: usize,
) -> Result<f64> {
    let bundles = bundles(bench)?;
    let server = Server::with(bench, data, settings)?;
    let (directory, patients) = bundles.split_at(2);
    let mut client = server.client()?;
    let mut entries = 0;
    let began = Instant::now();
    for bundle in directory {
        entries += post_bundle(&mut client, bundle)?;
    }
    let queue = Mutex::new(patients.iter());
    let counts: Vec<Result<usize>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = server.client()?;
                    let mut entries = 0;
                    loop {
                        let next = queue.lock().map_err(|_| anyhow::anyhow!("a client panicked"))?.next();
                        let Some(bundle) = next else { return Ok(entries) };
                        entries += post_bundle(&mut client, bundle)?;
                    }
                })
            })
            .collect();
        threads.into_iter().map(|one| one.join().unwrap_or_else(|_| bail!("a client panicked"))).collect()
    });
    for count in counts {
        entries += count?;
    }
    Ok(entries as f64 / began.elapsed().as_secs_f64())
}

fn bundles(bench: &Bench) -> Result<Vec<Vec<u8>>> {
    let folder = bench.place.e2e.join("corpus/synthea");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    // Hospitals and practitioners first: the patients refer to them by criteria.
    files.sort_by_key(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (!name.contains("hospitalInformation"), !name.contains("Information"), name)
    });
    files
        .iter()
        .map(|file| std::fs::read(file).with_context(|| format!("reading {}", file.display())))
        .collect()
}

/// Sends one transaction; returns how many entries it had.
fn post_bundle(client: &mut Client, bundle: &[u8]) -> Result<usize> {
    let answer = client.send("POST", "/fhir", FHIR, bundle)?;
    if answer.status != 200 {
        bail!(
            "a transaction answered {}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)])
        );
    }
    // Cheaper than parsing the answer: each entry has one of these.
    Ok(answer.body.windows(10).filter(|window| window == b"\"location\"").count())
}

/// Single creates of 32 clients, durable.
pub fn creates(bench: &mut Bench) -> Result<()> {
    let server = Server::lenticular(bench, &bench.data.join("creates"))?;
    let resources: Vec<_> = lenticular_synth::resources(SEED, 20_000).collect();
    let resources: Vec<_> = resources.iter().filter(|one| one.kind == "Observation").collect();
    let result = load(&server.http, &server.token, 32, SECONDS, |client, number, count| {
        let one = resources[((number * 7919 + count) % resources.len() as u64) as usize];
        expect(client.send("POST", "/fhir/Observation", FHIR, &one.json)?.status, 201, "a create")
    })?;
    add_rate(bench, "FHIR creates, 32 clients, durable", &result, Target::AtLeast(2500.0));
    Ok(())
}

/// Reads by id beside `/healthz` of the same server under the same load.
pub fn reads(bench: &mut Bench) -> Result<()> {
    let server = Server::lenticular(bench, &bench.data.join("reads"))?;
    let ids = patients(&server)?;
    // With few clients a read waits for the fsync of its audit entry more than it works; with many it shares it.
    for (clients, target) in [(8, Target::None), (64, Target::AtLeast(0.5))] {
        let mut shares = Vec::new();
        let (mut read_rate, mut health_rate) = (0.0, 0.0);
        for _ in 0..3 {
            let health = rate(&server, &["/healthz".to_owned()], clients)?;
            let read = rate(&server, &ids, clients)?;
            shares.push(read / health);
            (read_rate, health_rate) = (read, health);
        }
        shares.sort_by(f64::total_cmp);
        bench.report.add(format!("read by id, {clients} clients"), read_rate, "/s", Target::None, "");
        bench.report.add(format!("/healthz, {clients} clients"), health_rate, "/s", Target::None, "");
        bench.report.add(
            format!("read by id as a share of /healthz, {clients} clients"),
            shares[1],
            "",
            target,
            "median of 3 turns",
        );
    }
    Ok(())
}

/// Puts patients there, and gives where they are read.
pub fn patients(server: &Server) -> Result<Vec<String>> {
    let mut client = server.client()?;
    let mut ids = Vec::new();
    for one in lenticular_synth::resources(SEED, 2600).filter(|one| one.kind == "Patient") {
        let path = format!("/fhir/Patient/{}", one.id);
        expect(client.send("PUT", &path, FHIR, &one.json)?.status, 201, "a put")?;
        ids.push(path);
    }
    Ok(ids)
}

/// Requests per second: by wrk where it is installed, since it takes the least CPU from the server.
pub fn rate(server: &Server, paths: &[String], clients: u64) -> Result<f64> {
    let url = format!("http://{}{}", server.http, paths[0]);
    let wrk = Command::new("wrk")
        .args([
            "-t",
            "1",
            "-c",
            &clients.to_string(),
            "-d",
            "5s",
            "-H",
            &format!("Authorization: Bearer {}", server.token),
            &url,
        ])
        .output();
    if let Ok(output) = wrk
        && output.status.success()
    {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.contains("Non-2xx") {
            bail!("wrk got errors from {url}: {text}");
        }
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("Requests/sec:"))
            .context("wrk without a rate")?;
        return line.trim().parse().context("wrk's rate");
    }
    let result = load(&server.http, &server.token, clients, 5, |client, number, count| {
        let path = &paths[((number * 31 + count) % paths.len() as u64) as usize];
        expect(client.get(path, "*/*")?.status, 200, path)
    })?;
    Ok(result.rate())
}

/// The path of request number `n`.
type Question<'a> = Box<dyn Fn(u64) -> String + Sync + 'a>;

/// Searches over the large store: by patient, by code and date, by identifier.
pub fn search(bench: &mut Bench) -> Result<()> {
    let data = bench.data.join("large");
    fill(bench, &data)?;
    let server = Server::lenticular(bench, &data)?;
    bench.report.add(
        format!("start on {} resources", bench.resources),
        server.start.as_secs_f64(),
        "s",
        Target::AtMost(1.0),
        "from exec to the ready line",
    );
    bench.report.add(
        format!("memory after start on {} resources", bench.resources),
        server.memory()?,
        "MB",
        Target::None,
        "",
    );
    let (patients, identifiers) = sample(&server)?;
    let questions: [(&str, Question<'_>); 3] = [
        (
            "by patient",
            Box::new(|n| {
                format!("/fhir/Observation?patient={}&_count=20", patients[n as usize % patients.len()])
            }),
        ),
        ("by code and date", {
            let codes = ["8867-4", "2345-7", "718-7", "85354-9", "2160-0"];
            Box::new(move |n| {
                let (year, month) = (2015 + n % 10, 1 + n % 12);
                format!(
                    "/fhir/Observation?code=http://loinc.org|{}&date=ge{year}-{month:02}-01&_count=20",
                    codes[n as usize % 5]
                )
            })
        }),
        (
            "by identifier",
            Box::new(|n| format!("/fhir/Patient?identifier={}", identifiers[n as usize % identifiers.len()])),
        ),
    ];
    for (name, question) in &questions {
        let result = load(&server.http, &server.token, 8, SECONDS, |client, number, count| {
            let path = question(number * 100_003 + count);
            expect(client.get(&path, FHIR)?.status, 200, &path)
        })?;
        bench.report.add(
            format!("search {name}, {} resources, 8 clients: p99", bench.resources),
            result.percentile(0.99),
            "ms",
            Target::AtMost(10.0),
            format!("median {:.2} ms, {:.0}/s", result.percentile(0.5), result.rate()),
        );
    }
    Ok(())
}

/// Loads the large store by transactions of four clients.
fn fill(bench: &mut Bench, data: &Path) -> Result<()> {
    let server = Server::lenticular(bench, data)?;
    let count = bench.resources.div_ceil(u64::from(ENTRIES_PER_BUNDLE));
    let next = Mutex::new(0..count);
    let began = Instant::now();
    let results: Vec<Result<()>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = server.client()?;
                    loop {
                        let number = next.lock().map_err(|_| anyhow::anyhow!("a client panicked"))?.next();
                        let Some(number) = number else { return Ok(()) };
                        post_bundle(
                            &mut client,
                            &lenticular_synth::load_bundle(SEED, number, ENTRIES_PER_BUNDLE),
                        )?;
                    }
                })
            })
            .collect();
        threads.into_iter().map(|one| one.join().unwrap_or_else(|_| bail!("a client panicked"))).collect()
    });
    results.into_iter().collect::<Result<()>>()?;
    let loaded = count * u64::from(ENTRIES_PER_BUNDLE);
    let rate = loaded as f64 / began.elapsed().as_secs_f64();
    bench.report.add(format!("loading {loaded} resources, 4 clients"), rate, "resources/s", Target::None, "");
    server.stop()
}

/// Ids of some patients, and `system|value` of their identifiers.
fn sample(server: &Server) -> Result<(Vec<String>, Vec<String>)> {
    let answer = server.client()?.get("/fhir/Patient?_count=200", FHIR)?;
    let bundle: Value = serde_json::from_slice(&answer.body).context("a page of patients")?;
    let resources: Vec<&Value> =
        bundle["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"]).collect();
    if resources.is_empty() {
        bail!("the large store has no patients");
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ids = resources.iter().map(|one| text(&one["id"])).collect();
    let identifiers = resources
        .iter()
        .map(|one| {
            format!("{}|{}", text(&one["identifier"][0]["system"]), text(&one["identifier"][0]["value"]))
        })
        .collect();
    Ok((ids, identifiers))
}

/// Memory and start of an empty server, and the size of the binary.
pub fn footprint(bench: &mut Bench) -> Result<()> {
    let data = bench.data.join("empty");
    Server::lenticular(bench, &data)?.stop()?;
    let server = Server::lenticular(bench, &data)?;
    bench.report.add("start, empty store", server.start.as_secs_f64(), "s", Target::AtMost(1.0), "");
    bench.report.add("idle memory", server.memory()?, "MB", Target::AtMost(80.0), "VmRSS");
    let size = std::fs::metadata(&bench.binary).context("the release binary")?.len() as f64 / 1e6;
    bench.report.add("size of the binary", size, "MB", Target::AtMost(60.0), "");
    Ok(())
}

fn add_rate(bench: &mut Bench, name: &str, result: &Load, target: Target) {
    let note = format!("median {:.2} ms, p99 {:.2} ms", result.percentile(0.5), result.percentile(0.99));
    bench.report.add(name, result.rate(), "/s", target, note);
}

fn expect(status: u16, wanted: u16, what: &str) -> Result<()> {
    if status == wanted { Ok(()) } else { bail!("{what} answered {status}, expected {wanted}") }
}
