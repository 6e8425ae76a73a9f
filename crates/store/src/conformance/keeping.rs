//! Keeping: blobs, the audit log, bodies, and what is there after reopening.

use super::Harness;
use super::world::{KIND, Submit, add, author, put, receipt, sure, text};
use crate::contract::{AuditEntry, AuditFilter, BlobRef, Decided, Packing, Proposal, Store, Write};
use lenticular_base::index::Query;
use lenticular_base::{FaultKind, Kind, OrgNo};
use lenticular_policy::Scope;
use std::sync::mpsc::channel;

const A: OrgNo = OrgNo(1);

/// Bytes that differ from place to place, from a seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn store_blob(store: &Store, bytes: &[u8]) -> BlobRef {
    let mut writer = sure(store.blobs.begin());
    for piece in bytes.chunks(100_000) {
        sure(writer.write(piece));
    }
    assert_eq!(writer.length(), bytes.len() as u64);
    sure(writer.finish())
}

fn commit_blob(store: &Store, id: &str, blob: BlobRef) {
    let mut row = put(store, A, id, Vec::new());
    row.kind = Kind::INSTANCE;
    row.body = store.reader.pack(Kind::INSTANCE, &blob.to_bytes(), Packing::Raw);
    let (sender, end) = channel();
    store.log.submit(Proposal {
        author: author(A),
        blobs: vec![blob],
        decide: Box::new(move |_, _| {
            Ok(Decided { writes: vec![Write::Put(Box::new(row))], answer: Box::new(()) })
        }),
        done: Box::new(move |result| drop(sender.send(result))),
    });
    receipt(&end);
}

pub fn blobs(harness: &mut dyn Harness) {
    let sizes = [0, 1, 1000, 100_000, 4 << 20, (4 << 20) + 1, 9_000_000];
    let mut kept = Vec::new();
    {
        let store = harness.store();
        for (size, seed) in sizes.into_iter().zip(1..) {
            let bytes = noise(seed, size);
            let blob = store_blob(&store, &bytes);
            assert_eq!(sure(store.blobs.read(&blob, 0..blob.length)), bytes, "before the commit");
            commit_blob(&store, &format!("b{size}"), blob);
            // the same again, given up: the first stays
            store.blobs.forget(&store_blob(&store, &bytes));
            kept.push((blob, bytes));
        }
        // dropped, or finished and never named by a commit: nothing of it is in the way
        let mut dropped = sure(store.blobs.begin());
        sure(dropped.write(&noise(99, 6_000_000)));
        drop(dropped);
        store_blob(&store, &noise(98, 5000));
        store_blob(&store, &noise(97, 5_000_000));
    }
    for round in 0..2 {
        let store = harness.store();
        for (blob, bytes) in &kept {
            assert_eq!(sure(store.blobs.read(blob, 0..blob.length)), *bytes);
            assert!(sure(store.blobs.verify(blob)));
            let middle = blob.length / 3..blob.length / 2;
            let part = bytes.get(middle.start as usize..middle.end as usize).unwrap_or_default();
            assert_eq!(sure(store.blobs.read(blob, middle)), part);
            let beyond = store.blobs.read(blob, 0..blob.length + 1);
            assert!(beyond.is_err_and(|fault| fault.kind == FaultKind::Corrupt));
            let wrong = BlobRef { sha256: [7; 32], ..*blob };
            assert!(!sure(store.blobs.verify(&wrong)));
            let row = sure(store.reader.get(
                &Scope::of_own_work(A),
                A,
                Kind::INSTANCE,
                &format!("b{}", blob.length),
            ));
            assert_eq!(row.and_then(|row| BlobRef::from_bytes(&row.body)), Some(*blob));
        }
        drop(store);
        if round == 0 {
            harness.reopen();
            let store = harness.store();
            let bytes = noise(1000, 3000);
            let blob = store_blob(&store, &bytes);
            commit_blob(&store, "b3000", blob);
            kept.push((blob, bytes));
        }
    }
}

fn entry(n: i64, org: i64, patient: Option<&str>) -> AuditEntry {
    AuditEntry {
        id: format!("e{n}"),
        time: lenticular_base::Instant(1000 + n),
        org,
        agent_org: 1,
        agent: if n % 2 == 0 { "even" } else { "odd" }.into(),
        role: "clinician".into(),
        action: if n % 3 == 0 { 'R' } else { 'E' },
        way: "fhir".into(),
        interaction: "search-type".into(),
        kind: "Patient".into(),
        entity: format!("x{}", n % 4),
        patient: patient.map(str::to_owned),
        query: Some("name=\"Müller\"\\".into()),
        outcome: if n == 7 { 4 } else { 0 },
        purpose: "TREAT".into(),
    }
}

fn record(store: &Store, entries: Vec<AuditEntry>) {
    let (sender, end) = channel();
    store.audits.record(entries, Box::new(move |result| drop(sender.send(result))));
    match end.recv() {
        Ok(result) => sure(result),
        Err(_) => panic!("an audit entry was never answered"),
    }
}

pub fn audits(harness: &mut dyn Harness) {
    let filter = |org| AuditFilter { org, limit: 100, ..AuditFilter::default() };
    let search = |store: &Store, filter: &AuditFilter| -> Vec<String> {
        sure(store.audits.search(filter)).into_iter().map(|(_, entry)| entry.id).collect()
    };
    {
        let store = harness.store();
        assert_eq!(search(&store, &filter(1)), [""; 0]);
        for n in 0..12 {
            record(&store, vec![entry(n, 1, (n % 2 == 0).then_some("p")), entry(100 + n, 2, None)]);
        }
    }
    for _ in 0..2 {
        let store = harness.store();
        assert_eq!(search(&store, &filter(1)), (0..12).rev().map(|n| format!("e{n}")).collect::<Vec<_>>());
        let whole = sure(store.audits.search(&filter(1)));
        assert_eq!(whole.last().map(|(_, entry)| entry.clone()), Some(entry(0, 1, Some("p"))));
        assert_eq!(search(&store, &filter(3)), [""; 0]);
        let with = |change: &dyn Fn(&mut AuditFilter)| {
            let mut asked = filter(1);
            change(&mut asked);
            search(&store, &asked).len()
        };
        assert_eq!(with(&|f| f.no_patient = true), 6);
        assert_eq!(with(&|f| f.patient = Some("p".into())), 6);
        assert_eq!(with(&|f| f.agents = vec!["odd".into(), "nobody".into()]), 6);
        assert_eq!(with(&|f| f.entity = Some("x1".into())), 3);
        assert_eq!(with(&|f| f.kind = Some("Study".into())), 0);
        assert_eq!(with(&|f| f.action = Some('R')), 4);
        assert_eq!(with(&|f| f.outcome = Some(4)), 1);
        assert_eq!(with(&|f| f.id = Some("e3".into())), 1);
        assert_eq!(with(&|f| (f.low, f.high) = (Some(1002), Some(1005))), 3);
        let mut page = AuditFilter { limit: 5, ..filter(1) };
        let mut paged = Vec::new();
        loop {
            let found = sure(store.audits.search(&page));
            let Some((last, _)) = found.last() else { break };
            page.before = Some(*last);
            paged.extend(found.into_iter().map(|(_, entry)| entry.id));
        }
        assert_eq!(paged, search(&store, &filter(1)));
        drop(store);
        harness.reopen();
    }
    let store = harness.store();
    record(&store, vec![entry(50, 1, None)]);
    assert_eq!(search(&store, &filter(1)).first().map(String::as_str), Some("e50"));
}

pub fn reopened(harness: &mut dyn Harness) {
    let mut expected = Vec::new();
    for round in 0..3 {
        {
            let store = harness.store();
            for n in 0..10 {
                let id = format!("r{round}-{n}");
                let receipt = add(&store, A, &id, vec![text(&id)]);
                expected.push((id, receipt.stamp.position));
            }
        }
        harness.reopen();
        let store = harness.store();
        let page = sure(store.reader.search(&Scope::of_own_work(A), &Query::all(KIND, 1000)));
        let found: Vec<_> = page.rows.iter().map(|row| (row.id.clone(), row.position)).collect();
        assert_eq!(found, expected);
        assert_eq!(Some(store.log.position()), expected.last().map(|(_, position)| *position));
    }
}

pub fn bodies(harness: &mut dyn Harness) {
    let store = harness.store();
    let text = |n: usize| {
        let mut body =
            format!("{{\"resourceType\":\"Observation\",\"id\":\"b{n}\",\"status\":\"final\",\"note\":\"");
        body.extend(std::iter::repeat_n('x', n % 700));
        body + "\"}"
    };
    // enough of one kind for a dictionary, written before and after there is one
    for n in 0..700 {
        let mut row = put(&store, A, &format!("b{n}"), Vec::new());
        row.body = store.reader.pack(KIND, text(n).as_bytes(), Packing::Zstd);
        let end = store.propose(A, move |_| Ok(vec![Write::Put(Box::new(row))]));
        if n % 50 == 0 {
            receipt(&end);
        }
    }
    let large = noise(5, 3_000_000);
    for (id, bytes, packing) in [
        ("empty", &[][..], Packing::Zstd),
        ("noise", &large[..], Packing::Zstd),
        ("raw", &large[..], Packing::Raw),
    ] {
        let mut row = put(&store, A, id, Vec::new());
        row.body = store.reader.pack(KIND, bytes, packing);
        store.write(A, vec![Write::Put(Box::new(row))]);
        let got = sure(store.reader.get(&Scope::of_own_work(A), A, KIND, id));
        assert_eq!(got.map(|row| row.body.to_vec()).as_deref(), Some(bytes), "{id}");
    }
    drop(store);
    harness.reopen();
    let store = harness.store();
    for n in 0..700 {
        let got = sure(store.reader.get(&Scope::of_own_work(A), A, KIND, &format!("b{n}")));
        assert_eq!(got.map(|row| row.body.to_vec()), Some(text(n).into_bytes()), "b{n}");
    }
}
