//! How long `verify` takes: `cargo run --release -p lenticular-engines --example verify [ROWS] [FOLDER]`.
//! `STORE=postgres://…` measures PostgreSQL.
//!
//! Rows have 18 index entries and a body of about 1.2 KB; each twentieth names an image of 4 KB, each tenth is there in two versions.

use lenticular_base::index::{Entry, Param, Value};
use lenticular_base::{Instant, Kind, Labels, OrgNo};
use lenticular_engines::{OpenOptions, open};
use lenticular_store::{Author, BlobRef, Decided, Packing, Proposal, Put, Record, Store, Write};
use std::sync::mpsc::channel;
use std::time::{SystemTime, UNIX_EPOCH};

const A: OrgNo = OrgNo(1);
const KIND: Kind = Kind(92);
const BUNDLE: u64 = 500;

/// What the index holds of a row: made of its number alone, so that it can be made again.
fn entries(n: u64) -> Vec<Entry> {
    let param = |number: u16| Param::of(KIND, number);
    let text = |number| Entry {
        param: param(number),
        value: Value::Text(format!("value {} of {number}\u{1}http://example.org/system", n % 977)),
    };
    let at = 1_500_000_000_000 + (n % 3650) as i64 * 86_400_000;
    let number = (n % 1000) as f64 / 10.0;
    let unit = "mg/dL\u{1}http://unitsofmeasure.org".to_owned();
    let others = [
        Entry { param: param(20), value: Value::Time { low: at, high: at + 1000 } },
        Entry { param: param(21), value: Value::Number { low: number, high: number, unit } },
    ];
    (1..17).map(text).chain(others).collect()
}

fn number(id: &str) -> u64 {
    id.trim_start_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap_or(0)
}

fn extract(record: &Record) -> Vec<Entry> {
    entries(number(&record.id))
}

fn row(store: &Store, n: u64) -> Put {
    let body = format!(
        "{{\"resourceType\":\"Observation\",\"id\":\"r{n}\",\"text\":\"{}\"}}",
        "0123456789 ".repeat(100)
    );
    Put {
        org: A,
        patient: Some(format!("p{}", n / 600)),
        kind: KIND,
        labels: Labels(0),
        study: None,
        id: format!("r{n}"),
        body: store.reader.pack(KIND, body.as_bytes(), Packing::Zstd),
        splice: 60,
        entries: entries(n),
        in_place: false,
    }
}

fn instance(store: &Store, n: u64) -> (Put, BlobRef) {
    let mut writer = store.blobs.begin().expect("a blob begins");
    writer.write(&n.to_be_bytes().repeat(512)).expect("a blob is written");
    let blob = writer.finish().expect("a blob is finished");
    let mut put = row(store, n);
    put.kind = Kind::INSTANCE;
    put.id = format!("i{n}");
    put.body = store.reader.pack(Kind::INSTANCE, &blob.to_bytes(), Packing::Raw);
    (put, blob)
}

fn bundle(store: &Store, from: u64) {
    let mut puts: Vec<Put> = (from..from + BUNDLE).map(|n| row(store, n)).collect();
    let again = from.saturating_sub(BUNDLE)..from.saturating_sub(BUNDLE) + BUNDLE / 10;
    puts.extend(again.map(|n| row(store, n)).filter(|_| from > 0));
    let mut blobs = Vec::new();
    for n in from..from + BUNDLE / 20 {
        let (put, blob) = instance(store, n);
        puts.push(put);
        blobs.push(blob);
    }
    let (sender, end) = channel();
    store.log.submit(Proposal {
        author: Author { org: A, agent: "bench".into() },
        blobs,
        decide: Box::new(move |_, _| {
            let writes = puts.into_iter().map(|put| Write::Put(Box::new(put))).collect();
            Ok(Decided { writes, answer: Box::new(()) })
        }),
        done: Box::new(move |result| drop(sender.send(result.map(drop)))),
    });
    end.recv().expect("the writer answers").expect("the commit succeeds");
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown").to_owned()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let folder = arguments.next().unwrap_or_else(|| "target/verify".into());
    let mut options = OpenOptions::new(&folder, || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Instant(since.as_millis() as i64)
    });
    options.database = std::env::var("STORE").ok();
    let engine = open(options).expect("the place opens");
    if engine.stats().versions == 0 {
        (0..rows).step_by(BUNDLE as usize).for_each(|from| bundle(&engine.store, from));
    }
    println!("{} versions; {}", engine.stats().versions, peak());
    let begin = std::time::Instant::now();
    let report = engine.verify(&extract, &mut |_, _| {}).expect("it can be read");
    let took = begin.elapsed();
    println!(
        "verify: {took:?}, {:.3} ms a version; {} versions, {} blobs, {} wrong; {}",
        took.as_secs_f64() * 1000.0 / report.records.max(1) as f64,
        report.records,
        report.blobs,
        report.wrong,
        peak()
    );
    engine.close();
}
