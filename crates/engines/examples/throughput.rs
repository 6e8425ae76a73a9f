//! How fast the store is, without FHIR above it: `cargo run --release -p lenticular-engines --example throughput [ROWS] [FOLDER]`.
//! `STORE=postgres://…` measures PostgreSQL.
//!
//! Rows are like Synthea's: bundles of 660 for one patient, 20 index entries and a body of about 1.2 KB each.

use lenticular_base::index::{Compare, Entry, Param, Query, Sort, SortKey, Test, Value};
use lenticular_base::{Instant, Kind, Labels, OrgNo};
use lenticular_engines::{OpenOptions, open};
use lenticular_policy::Scope;
use lenticular_store::{AuditEntry, Author, Decided, Packing, Proposal, Put, Store, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const A: OrgNo = OrgNo(1);
const KIND: Kind = Kind(92);
const BUNDLE: u64 = 660;
const DAY: i64 = 86_400_000;

fn param(number: u16) -> Param {
    Param::of(KIND, number)
}

/// The next of a fixed sequence.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn id(seed: u64) -> String {
    let mut state = seed;
    format!("{:016x}-{:016x}", next(&mut state), next(&mut state))
}

fn row(store: &Store, patient: u64, n: u64) -> Put {
    let mut state = patient << 32 | n;
    let me = id(state);
    let subject = format!("Patient/{}", id(patient));
    let encounter = format!("Encounter/{}", id((patient << 20) | (n / 20)));
    let code = next(&mut state) % 100;
    let at =
        1_500_000_000_000 + (next(&mut state) % 3650) as i64 * DAY + (next(&mut state) % 86_400_000) as i64;
    let number = (next(&mut state) % 10_000) as f64 / 10.0;
    let body = format!(
        "{{\"resourceType\":\"Observation\",\"id\":\"{me}\",\"status\":\"final\",\"category\":[{{\"coding\":[{{\"system\":\
         \"http://terminology.hl7.org/CodeSystem/observation-category\",\"code\":\"laboratory\",\"display\":\"laboratory\"}}]}}],\
         \"code\":{{\"coding\":[{{\"system\":\"http://loinc.org\",\"code\":\"{code}-1\",\"display\":\"Something measured {code}\"}}],\
         \"text\":\"Something measured {code}\"}},\"subject\":{{\"reference\":\"{subject}\"}},\"encounter\":{{\"reference\":\
         \"{encounter}\"}},\"effectiveDateTime\":\"{}\",\"issued\":\"{}\",\"valueQuantity\":{{\"value\":{number},\"unit\":\"mg/dL\",\
         \"system\":\"http://unitsofmeasure.org\",\"code\":\"mg/dL\"}}}}",
        Instant(at),
        Instant(at)
    );
    let text = |number: u16, value: String| Entry { param: param(number), value: Value::Text(value) };
    let mut entries = vec![
        text(1, subject.clone()),
        text(2, subject),
        text(3, encounter),
        text(4, format!("{code}-1\u{1}http://loinc.org")),
        text(5, format!("{code}-1\u{1}http://loinc.org")),
        text(6, format!("something measured {code}\u{1}Something measured {code}")),
        text(7, "laboratory\u{1}http://terminology.hl7.org/CodeSystem/observation-category".into()),
        text(8, "final\u{1}http://hl7.org/fhir/observation-status".into()),
        text(9, format!("{me}\u{1}urn:ietf:rfc:3986")),
        text(10, format!("mg/dL {number}\u{1}")),
        Entry { param: param(11), value: Value::Time { low: at, high: at + 1000 } },
        Entry { param: param(12), value: Value::Time { low: at, high: at + 1 } },
        Entry {
            param: param(13),
            value: Value::Number {
                low: number,
                high: number,
                unit: "mg/dL\u{1}http://unitsofmeasure.org".into(),
            },
        },
    ];
    entries.extend((14..21).map(|n| text(n, format!("value {}", next(&mut state) % 50))));
    Put {
        org: A,
        patient: Some(id(patient)),
        kind: KIND,
        labels: Labels(0),
        study: None,
        id: me,
        body: store.reader.pack(KIND, body.as_bytes(), Packing::Zstd),
        splice: 60,
        entries,
        in_place: false,
    }
}

fn commit(store: &Store, rows: Vec<Put>) {
    let (sender, end) = channel();
    store.log.submit(Proposal {
        author: Author { org: A, agent: "bench".into() },
        blobs: Vec::new(),
        decide: Box::new(move |_, _| {
            let writes = rows.into_iter().map(|row| Write::Put(Box::new(row))).collect();
            Ok(Decided { writes, answer: Box::new(()) })
        }),
        done: Box::new(move |result| drop(sender.send(result.map(drop)))),
    });
    end.recv().expect("the writer answers").expect("the commit succeeds");
}

/// Runs `work` on some threads until `until` says no more; gives the rate of what they did.
fn clients(count: u64, seconds: u64, work: impl Fn(u64, u64) -> u64 + Sync) -> f64 {
    let begin = std::time::Instant::now();
    let done = AtomicU64::new(0);
    std::thread::scope(|threads| {
        for client in 0..count {
            let (work, done) = (&work, &done);
            threads.spawn(move || {
                let mut round = 0;
                while begin.elapsed() < Duration::from_secs(seconds) {
                    done.fetch_add(work(client, round), Ordering::Relaxed);
                    round += 1;
                }
            });
        }
    });
    done.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64()
}

fn latencies(store: &Store, name: &str, query: impl Fn(u64) -> Query + Sync) {
    let times = std::sync::Mutex::new(Vec::new());
    let rate = clients(8, 4, |client, round| {
        let query = query(client << 32 | round);
        let begin = std::time::Instant::now();
        let page = store.reader.search(&Scope::of_own_work(A), &query).expect("the search succeeds");
        let took = begin.elapsed().as_secs_f64() * 1000.0;
        times.lock().expect("no client panicked").push((took, page.rows.len()));
        1
    });
    let mut times = times.into_inner().expect("no client panicked");
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].0;
    let rows = times.iter().map(|(_, rows)| rows).sum::<usize>() as f64 / times.len() as f64;
    println!("  {name:<34} {rate:>8.0}/s  p50 {:>7.2} ms  p99 {:>7.2} ms  {rows:.1} rows", at(0.5), at(0.99));
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS unknown").to_owned()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let folder = arguments.next().unwrap_or_else(|| "target/throughput".into());
    let now = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Instant(since.as_millis() as i64)
    };
    let begin = std::time::Instant::now();
    let mut options = OpenOptions::new(&folder, now);
    if let Some(mapped) = std::env::var("MAPPED").ok().and_then(|text| text.parse().ok()) {
        options.mapped = mapped;
    }
    if let Some(cache) = std::env::var("READER_CACHE").ok().and_then(|text| text.parse().ok()) {
        options.reader_cache = cache;
    }
    options.database = std::env::var("STORE").ok();
    let engine = open(options.clone()).expect("the folder opens");
    let store = engine.store.clone();
    println!("open with {} versions: {:?}; {}", engine.stats().versions, begin.elapsed(), resident());
    let bundles = AtomicU64::new(store.log.position().0.unsigned_abs() * 7 + 1);
    let bundle = |store: &Store| {
        let patient = bundles.fetch_add(1, Ordering::Relaxed);
        commit(store, (0..BUNDLE).map(|n| row(store, patient, n)).collect());
        BUNDLE
    };
    let writes = std::env::var("READS_ONLY").is_err();
    for round in (0..3).filter(|_| writes) {
        println!("bundles, 1 client, round {round}: {:.0} rows/s", clients(1, 4, |_, _| bundle(&store)));
    }
    if writes {
        println!("bundles, 4 clients: {:.0} rows/s", clients(4, 5, |_, _| bundle(&store)));
        let single = |client: u64, round: u64| {
            commit(&store, vec![row(&store, 1 << 30 | client, round)]);
            1
        };
        println!("single rows, 32 clients: {:.0} commits/s", clients(32, 4, single));
        let audit = |client: u64, round: u64| {
            let entries: Vec<AuditEntry> = (0..16)
                .map(|n| AuditEntry {
                    id: id(client << 40 | round << 8 | n),
                    time: now(),
                    org: 1,
                    agent: "somebody".into(),
                    action: 'R',
                    way: "fhir".into(),
                    interaction: "read".into(),
                    kind: "Patient".into(),
                    entity: id(n),
                    patient: Some(id(n)),
                    ..AuditEntry::default()
                })
                .collect();
            let (sender, end) = channel();
            store.audits.record(entries, Box::new(move |result| drop(sender.send(result))));
            end.recv().expect("the audit log answers").expect("the entries are durable");
            16
        };
        println!("audit entries, 32 clients of 16: {:.0}/s", clients(32, 3, audit));
    }
    let begin = std::time::Instant::now();
    let first = engine.stats().versions.unsigned_abs();
    while engine.stats().versions.unsigned_abs() < rows {
        bundle(&store);
    }
    let loaded = engine.stats().versions.unsigned_abs() - first;
    println!("loaded {loaded} more: {:.0} rows/s", loaded as f64 / begin.elapsed().as_secs_f64());
    println!("{:?}", engine.stats());
    let some_patient = |seed: u64| {
        let mut state = seed;
        format!("Patient/{}", id(next(&mut state) % bundles.load(Ordering::Relaxed).max(2)))
    };
    println!("searches, 8 clients, {} rows:", engine.stats().versions);
    latencies(&store, "by patient", |seed| Query::all(KIND, 50).with(Test::Is(param(1), some_patient(seed))));
    latencies(&store, "by patient, newest first", |seed| {
        let mut query = Query::all(KIND, 50).with(Test::Is(param(1), some_patient(seed)));
        query.sort = vec![Sort { key: SortKey::Time(param(11)), descending: true }];
        query
    });
    let code = |seed: u64| Test::Is(param(4), format!("{}-1\u{1}http://loinc.org", seed % 100));
    let day = |seed: u64| 1_500_000_000_000 + (seed.wrapping_mul(7919) % 3600) as i64 * DAY;
    let dated = |seed: u64, days: i64| {
        Query::all(KIND, 50)
            .with(code(seed))
            .with(Test::Time(param(11), Compare::Ge, day(seed), day(seed) + DAY))
            .with(Test::Time(param(11), Compare::Lt, day(seed) + days * DAY, day(seed) + (days + 1) * DAY))
    };
    latencies(&store, "by code", |seed| Query::all(KIND, 50).with(code(seed)));
    latencies(&store, "by code and a day", |seed| dated(seed, 1));
    latencies(&store, "by code and a month", |seed| dated(seed, 30));
    latencies(&store, "by code and a year", |seed| dated(seed, 365));
    latencies(&store, "by code and ten years", |seed| dated(seed, 3650));
    latencies(&store, "by patient and code", |seed| {
        Query::all(KIND, 50).with(Test::Is(param(1), some_patient(seed))).with(code(seed))
    });
    latencies(&store, "by a day", |seed| {
        Query::all(KIND, 50).with(Test::Time(param(11), Compare::Eq, day(seed), day(seed) + DAY))
    });
    latencies(&store, "newest 50 by _lastUpdated", |_| {
        let mut query = Query::all(KIND, 50);
        query.sort = vec![Sort { key: SortKey::Updated, descending: true }];
        query
    });
    latencies(&store, "by identifier (unknown)", |seed| {
        Query::all(KIND, 50).with(Test::Is(param(9), format!("{}\u{1}urn:ietf:rfc:3986", id(seed))))
    });
    latencies(&store, "by identifier", |seed| {
        let patient = seed % (bundles.load(Ordering::Relaxed) - 1) + 1;
        let me = id((patient << 32) | (seed % BUNDLE));
        Query::all(KIND, 50).with(Test::Prefix(param(9), format!("{me}\u{1}")))
    });
    let names: Vec<String> = {
        let page = store.reader.search(&Scope::of_own_work(A), &Query::all(KIND, 1000));
        page.expect("the search succeeds").rows.into_iter().map(|row| row.id).collect()
    };
    let scope = Scope::of_own_work(A);
    let read = |client: u64, round: u64| {
        let name = &names[(client * 31 + round) as usize % names.len()];
        match store.reader.get_cached(std::time::Instant::now(), &scope, A, KIND, name) {
            Some(_) => {}
            None => drop(store.reader.get(&scope, A, KIND, name).expect("the read succeeds")),
        }
        1
    };
    println!("reads by id, 8 clients: {:.0}/s", clients(8, 2, read));
    println!("{}", resident());
    std::thread::sleep(Duration::from_secs(4));
    println!("idle: {}", resident());
    let begin = std::time::Instant::now();
    engine.close();
    println!("close: {:?}", begin.elapsed());
    let begin = std::time::Instant::now();
    let engine = open(options).expect("the folder opens");
    println!("open with {} versions: {:?}; {}", engine.stats().versions, begin.elapsed(), resident());
}
