//! Torn tails, full disks, damage, second processes.

use super::Embedded;
use lenticular_base::index::{Entry, Param, Query, Test, Value};
use lenticular_base::{FaultKind, Kind, Labels, OrgNo};
use lenticular_engines::open;
use lenticular_policy::{Grant, Grantee, Scope};
use lenticular_store::conformance::{Harness, Submit, put};
use lenticular_store::{
    AuditEntry, AuditFilter, Author, BlobRef, Decided, Packing, Proposal, Put, Receipt, Record, Store, Write,
};
use std::io::{Read, Seek, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Instant as Steady;

const A: OrgNo = OrgNo(1);
const KIND: Kind = Kind(92);
const PARAM: Param = Param(92 << 16 | 1);

fn entries(id: &str) -> Vec<Entry> {
    vec![Entry { param: PARAM, value: Value::Text(format!("v{id}")) }]
}

fn extract(record: &Record) -> Vec<Entry> {
    if record.columns.kind == KIND { entries(&record.id) } else { Vec::new() }
}

fn blob(store: &Store, byte: u8, length: usize) -> BlobRef {
    let mut writer = store.blobs.begin().unwrap();
    writer.write(&vec![byte; length]).unwrap();
    writer.finish().unwrap()
}

/// Commits an instance that names the blob.
pub fn instance(store: &Store, id: &str, blob: BlobRef) -> Result<Receipt, lenticular_base::Fault> {
    let row = Put {
        org: A,
        patient: None,
        kind: Kind::INSTANCE,
        labels: Labels(0),
        study: None,
        id: id.into(),
        body: store.reader.pack(Kind::INSTANCE, &blob.to_bytes(), Packing::Raw),
        splice: -1,
        entries: Vec::new(),
        in_place: false,
    };
    let (sender, end) = channel();
    store.log.submit(Proposal {
        author: Author { org: A, agent: "t".into() },
        blobs: vec![blob],
        decide: Box::new(move |_, _| {
            Ok(Decided { writes: vec![Write::Put(Box::new(row))], answer: Box::new(()) })
        }),
        done: Box::new(move |result| drop(sender.send(result))),
    });
    end.recv().unwrap()
}

fn add(store: &Store, id: &str) {
    store.write(A, vec![Write::Put(Box::new(put(store, A, id, entries(id))))]);
}

fn file(harness: &Embedded, name: &str) -> PathBuf {
    harness.folder.path().join(name)
}

fn append(path: PathBuf, bytes: &[u8]) {
    std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn flip(path: PathBuf, at: u64) {
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte[0] ^ 1]).unwrap();
}

fn codes(harness: &Embedded) -> Vec<&'static str> {
    let report = harness.engine().verify(&extract, &mut |_, _| {}).unwrap();
    report.findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn verify_is_clean_and_finds_damage() {
    let mut harness = Embedded::make();
    let store = harness.store();
    for n in 0..30 {
        add(&store, &format!("r{n}"));
    }
    add(&store, "r3");
    store.write(A, vec![Write::Delete { org: A, kind: KIND, id: "r4".into() }]);
    let small = blob(&store, 1, 5000);
    let large = blob(&store, 2, 5 << 20);
    instance(&store, "small", small).unwrap();
    instance(&store, "large", large).unwrap();
    blob(&store, 3, 700);
    let report = harness.engine().verify(&extract, &mut |_, _| {}).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.records, report.positions, report.blobs, report.reclaimable), (34, 34, 2, 1));
    drop(store);
    flip(file(&harness, "blobs/s-1"), small.offset + 10);
    assert_eq!(codes(&harness), ["blob-damaged"]);
    flip(file(&harness, "blobs/s-1"), small.offset + 10);
    std::fs::remove_file(file(&harness, &format!("blobs/o-{}", -large.segment))).unwrap();
    harness.reopen();
    assert_eq!(codes(&harness), ["blob-missing"]);
    // entries that are gone, and others that should not be
    let database = rusqlite::Connection::open(file(&harness, "lenticular.db")).unwrap();
    database.execute("DELETE FROM ix_text WHERE vid=2", []).unwrap();
    database.execute("INSERT INTO ix_text (vid,param,value,org) VALUES (99,1,'x',1)", []).unwrap();
    database.execute("UPDATE record SET body=x'0102' WHERE vid=6", []).unwrap();
    database.execute("DELETE FROM log WHERE position=10", []).unwrap();
    drop(database);
    let mut found = codes(&harness);
    found.sort_unstable();
    let expected = [
        "blob-missing",
        "body-unreadable",
        "entries-differ",
        "entry-without-row",
        "log-gap",
        "position-not-in-log",
    ];
    assert_eq!(found, expected);
}

#[test]
fn indexes_can_be_dropped_and_rebuilt() {
    let harness = Embedded::make();
    let store = harness.store();
    for n in 0..1200 {
        let row = put(&store, A, &format!("r{n}"), entries(&format!("r{n}")));
        store.propose(A, move |_| Ok(vec![Write::Put(Box::new(row))]));
    }
    add(&store, "last");
    let find = |id: &str| {
        let query = Query::all(KIND, 5).with(Test::Is(PARAM, format!("v{id}")));
        store.reader.search(&Scope::of_own_work(A), &query).unwrap().rows.len()
    };
    assert_eq!(find("r1100"), 1);
    let database = rusqlite::Connection::open(file(&harness, "lenticular.db")).unwrap();
    database.execute("DELETE FROM ix_text", []).unwrap();
    database.execute("INSERT INTO ix_text (vid,param,value,org) VALUES (9999,1,'x',1)", []).unwrap();
    assert_eq!(find("r1100"), 0);
    let mut steps = 0;
    let rebuilt =
        harness.engine().rebuild_indexes(std::sync::Arc::new(extract), &mut |_, _| steps += 1).unwrap();
    assert_eq!((rebuilt, steps), (1201, 3));
    assert_eq!(find("r1100"), 1);
    assert_eq!(codes(&harness), [""; 0]);
}

#[test]
fn torn_tails_are_passed_over() {
    let mut harness = Embedded::make();
    let record = |harness: &Embedded, id: &str| {
        let (sender, end) = channel();
        let entry = AuditEntry { id: id.into(), org: 1, action: 'R', ..AuditEntry::default() };
        let store = harness.store();
        store.audits.record(vec![entry], Box::new(move |result| drop(sender.send(result))));
        end.recv().unwrap().unwrap();
    };
    let first = blob(&harness.store(), 1, 3000);
    instance(&harness.store(), "first", first).unwrap();
    record(&harness, "e1");
    // as if the power went while more was being written
    append(file(&harness, "blobs/s-1"), b"LENSBLOB\0\0\0\0\0\0\xff\xff half");
    append(file(&harness, "audit/a-1"), &[200, 0, 0, 0, 1, 2, 3, 4, b'{', b'"']);
    std::fs::write(file(&harness, "blobs/t-77"), b"never committed").unwrap();
    harness.reopen();
    assert!(!file(&harness, "blobs/t-77").exists());
    let second = blob(&harness.store(), 2, 4000);
    instance(&harness.store(), "second", second).unwrap();
    assert_eq!(second.segment, first.segment);
    record(&harness, "e2");
    let found = harness.store().audits.search(&AuditFilter { org: 1, limit: 9, ..AuditFilter::default() });
    let mut found: Vec<String> = found.unwrap().into_iter().map(|(_, entry)| entry.id).collect();
    found.sort();
    assert_eq!(found, ["e1", "e2"]);
    assert!(harness.store().blobs.verify(&first).unwrap());
    assert!(harness.store().blobs.verify(&second).unwrap());
    assert_eq!(codes(&harness), [""; 0]);
    // the index of the audit log is derived: without it everything is found again
    harness.engine.take().unwrap().close();
    std::fs::remove_file(file(&harness, "audit.db")).unwrap();
    harness.reopen();
    let found = harness.store().audits.search(&AuditFilter { org: 1, limit: 9, ..AuditFilter::default() });
    assert_eq!(found.unwrap().len(), 2);
}

#[test]
fn a_full_database_refuses_and_heals() {
    let mut harness = Embedded::make();
    harness.engine.take().unwrap().close();
    let mut options = harness.options();
    options.max_pages = Some(120);
    let engine = open(options).unwrap();
    let store = engine.store.clone();
    let mut kept = Vec::new();
    let refused = loop {
        let id = format!("r{}", kept.len());
        let mut row = put(&store, A, &id, entries(&id));
        let noise: Vec<u8> = (0..3000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        row.body = store.reader.pack(KIND, &noise, Packing::Raw);
        match store.propose(A, move |_| Ok(vec![Write::Put(Box::new(row))])).recv().unwrap() {
            Ok(_) => kept.push(id),
            Err(fault) => break fault,
        }
        assert!(kept.len() < 1000);
    };
    assert_eq!(refused.kind, FaultKind::OutOfSpace, "{refused}");
    assert_eq!(store.log.position().0, kept.len() as i64, "nothing of it is there");
    let page = store.reader.search(&Scope::of_own_work(A), &Query::all(KIND, 1000)).unwrap();
    assert_eq!(page.rows.len(), kept.len());
    drop(store);
    engine.close();
    harness.reopen();
    add(&harness.store(), "after");
    assert_eq!(codes(&harness), [""; 0]);
}

#[test]
fn another_process_is_noticed_at_the_next_read() {
    // two engines on one folder share nothing but the files, as two processes do
    let harness = Embedded::make();
    let here = harness.store();
    let other = open(harness.options()).unwrap();
    let there = other.store.clone();
    let own = Scope::of_own_work(A);
    add(&here, "r");
    let version = |store: &Store| {
        let got = store.reader.get(&own, A, KIND, "r").unwrap().map(|row| row.version);
        if let Some(cached) = store.reader.get_cached(Steady::now(), &own, A, KIND, "r") {
            assert_eq!(cached.map(|row| row.version), got);
        }
        got
    };
    for round in 0..20 {
        assert_eq!([version(&here), version(&there)], [Some(2 * round + 1); 2]);
        add(&there, "r");
        assert_eq!(
            here.reader.get_cached(Steady::now(), &own, A, KIND, "r").map(|row| row.map(|row| row.version)),
            None
        );
        assert_eq!([version(&here), version(&there)], [Some(2 * round + 2); 2]);
        add(&here, "r");
    }
    let grant = Grant {
        source: "s".into(),
        grantee: Grantee::Member(OrgNo(2)),
        org: A,
        patient: Some("p".into()),
        study: None,
        kind: None,
        expires: None,
    };
    there.write(A, vec![Write::Grant(grant)]);
    assert_eq!(here.reader.grants().len(), 1);
    there.write(OrgNo(5), vec![Write::Put(Box::new(put(&there, OrgNo(5), "far", entries("far"))))]);
    let page = here.reader.search(&Scope::of_whole_store(), &Query::all(KIND, 10)).unwrap();
    assert_eq!(page.rows.len(), 2, "members that another process brought are searched");
    assert_eq!(here.log.position(), there.log.position());
    // each appends to segments of its own
    let (one, two) = (blob(&here, 1, 900), blob(&there, 2, 900));
    assert_ne!(one.segment, two.segment);
    instance(&here, "one", one).unwrap();
    instance(&there, "two", two).unwrap();
    assert!(here.blobs.verify(&two).unwrap());
    assert!(there.blobs.verify(&one).unwrap());
    // many commits from both at once: gapless, each seen by the other
    std::thread::scope(|threads| {
        for (name, store) in [("x", &here), ("y", &there)] {
            threads.spawn(move || (0..50).for_each(|n| add(store, &format!("{name}{n}"))));
        }
    });
    assert_eq!(codes(&harness), [""; 0]);
    drop((there, here));
    other.close();
}

#[test]
fn what_comes_after_the_end_is_refused() {
    let mut harness = Embedded::make();
    let store = harness.store();
    let ends: Vec<_> = (0..100)
        .map(|n| {
            let row = put(&store, A, &format!("r{n}"), Vec::new());
            store.propose(A, move |_| Ok(vec![Write::Put(Box::new(row))]))
        })
        .collect();
    harness.engine.take().unwrap().close();
    assert!(ends.iter().all(|end| end.recv().unwrap().is_ok()), "what was accepted is committed");
    let late = store.propose(A, |_| Ok(Vec::new())).recv().unwrap();
    assert!(late.is_err_and(|fault| fault.kind == FaultKind::Busy));
}
