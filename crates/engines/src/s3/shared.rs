//! Blobs that land in PostgreSQL: several nodes, an object store that comes and goes, and what a node that is gone leaves.

#[path = "../../tests/suite/cluster.rs"]
pub mod cluster;

use super::faulty::Faulty;
use super::fetch::name_of;
use super::keeping::{ALL_THE_TIME, AT_ONCE, Node, commit, finish, keep, noise, read};
use super::objects::Patience;
use super::{Settings, landing, table};
use crate::files::blobs::HEAD;
use crate::ground::{Wall, glance, read as snapshot};
use lenticular_base::{FaultKind, Instant};
use lenticular_store::BlobRef;
use lenticular_store::conformance::{Harness, run};
use lenticular_store::sql::one_int;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Days and minutes in milliseconds.
const MINUTE: i64 = 60_000;

fn node(settings: Settings) -> Option<Node> {
    Some(Node::make(settings, Some(cluster::shared()?.database()), Faulty::default()))
}

/// Another node on the same database and object store.
fn beside(node: &Node) -> Node {
    let mut beside = Node::make(node.settings, node.database.clone(), node.store.clone());
    beside.clock = node.clock.clone();
    beside.reopen();
    beside
}

fn pass(node: &Node, minutes: i64) {
    node.clock.set(Instant(node.clock.now().0 + minutes * MINUTE));
}

fn landed(node: &Node) -> i64 {
    glance(&*node.engine().parts.ground, |session| one_int(session, "SELECT count(*) FROM landing", &[]))
        .unwrap()
        .unwrap()
}

fn object_of(blob: &BlobRef) -> String {
    format!("net/{}", name_of(blob.segment))
}

fn states(node: &Node) -> Vec<(i64, i64)> {
    let rows = snapshot(&*node.engine().parts.ground, Wall::Open, |session| table::rows(session)).unwrap();
    rows.into_iter().map(|row| (row.no, row.state)).collect()
}

#[test]
fn rows_behind_which_objects_lie_keep_the_contract() {
    if cluster::shared().is_some() {
        run(&|| Box::new(node(ALL_THE_TIME).unwrap()));
    }
}

#[test]
fn an_object_is_in_every_node_at_once_and_outlives_its_own() {
    let Some(mut one) = node(AT_ONCE) else { return };
    let two = beside(&one);
    let (small, large) = (noise(1, 60_000), noise(2, 9 << 20));
    let blobs = [keep(&one.store(), "a", &small), keep(&one.store(), "b", &large)];
    assert_eq!(read(&two.store(), &blobs[0]).unwrap(), small);
    assert_eq!(read(&two.store(), &blobs[1]).unwrap(), large);
    // its folder is lost with it
    one.engine.take().unwrap().close();
    drop(one.folder);
    pass(&two, 2);
    assert_eq!((two.pack().unwrap(), landed(&two)), (1, 0));
    assert_eq!(two.store.names(), [object_of(&blobs[1]), "net/s-1".to_owned()]);
    assert_eq!(read(&two.store(), &blobs[0]).unwrap(), small);
    assert!(two.verify().is_clean());
}

#[test]
fn what_arrives_while_the_store_is_away_lies_in_the_database_until_it_is_back() {
    let Some(node) = node(AT_ONCE) else { return };
    node.store.faults.away.store(true, Ordering::SeqCst);
    let (small, large) = (noise(3, 60_000), noise(4, (5 << 20) + 77));
    let blobs = [keep(&node.store(), "a", &small), keep(&node.store(), "b", &large)];
    assert_eq!(landed(&node), 1 + 6);
    let two = beside(&node);
    for store in [node.store(), two.store()] {
        assert_eq!(read(&store, &blobs[0]).unwrap(), small);
        assert_eq!(read(&store, &blobs[1]).unwrap(), large);
        let part = store.blobs.read(&blobs[1], (1 << 20) - 100..(3 << 20) + 5).unwrap();
        assert_eq!(part, large[(1 << 20) - 100..(3 << 20) + 5]);
    }
    assert_eq!(node.pack().unwrap_err().kind, FaultKind::Busy);
    node.store.faults.away.store(false, Ordering::SeqCst);
    assert_eq!((node.pack().unwrap(), landed(&node)), (2, 0));
    assert_eq!(read(&two.store(), &blobs[1]).unwrap(), large);
    assert!(node.store().blobs.verify(&blobs[0]).unwrap() && node.store().blobs.verify(&blobs[1]).unwrap());
    assert!(two.verify().is_clean());
}

#[test]
fn a_node_that_starts_while_the_store_is_away_takes_large_objects_soon() {
    let Some(mut node) = node(AT_ONCE) else { return };
    node.patience = Patience::default();
    node.store.faults.away.store(true, Ordering::SeqCst);
    let begun = std::time::Instant::now();
    node.reopen();
    let bytes = [noise(9, 5 << 20), noise(10, 6 << 20), noise(11, 5 << 20)];
    let blobs: Vec<BlobRef> = bytes.iter().map(|bytes| keep(&node.store(), "a", bytes)).collect();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    node.store.faults.away.store(false, Ordering::SeqCst);
    assert_eq!((node.pack().unwrap(), landed(&node)), (3, 0));
    // it has answered, so that it is asked at once again
    let next = keep(&node.store(), "b", &bytes[0]);
    assert_eq!(landed(&node), 0);
    for (blob, bytes) in blobs.iter().chain([&next]).zip(bytes.iter().chain([&bytes[0]])) {
        assert_eq!(read(&node.store(), blob).unwrap(), *bytes);
    }
}

#[test]
fn the_lease_is_renewed_for_as_long_as_an_object_takes() {
    let lasts = 200;
    let Some(node) = node(Settings { lease: Duration::from_millis(lasts), ..AT_ONCE }) else { return };
    node.store.faults.away.store(true, Ordering::SeqCst);
    keep(&node.store(), "a", &noise(12, 5 << 20));
    node.store.faults.away.store(false, Ordering::SeqCst);
    node.store.faults.slow.store(300, Ordering::SeqCst);
    let began = node.clock.now();
    std::thread::scope(|scope| {
        let packing = scope.spawn(|| node.pack());
        while !packing.is_finished() {
            // time stands still up to each renewal, and then jumps to just before the end
            let found = glance(&*node.engine().parts.ground, |session| {
                one_int(session, "SELECT expires FROM lease WHERE name='packer'", &[])
            });
            if let Some(expires) = found.unwrap().filter(|expires| *expires > 0) {
                node.clock.set(Instant(expires - 1));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(packing.join().unwrap().unwrap(), 1);
    });
    let passed = node.clock.now().0 - began.0;
    assert!(passed > 2 * lasts as i64, "{passed} ms");
    assert_eq!(landed(&node), 0);
}

#[test]
fn a_segment_with_gaps_reads_like_a_file() {
    let Some(node) = node(Settings { segment_age: Duration::from_secs(600), ..AT_ONCE }) else { return };
    let store = node.store();
    let mut kept = Vec::new();
    for no in 0..6_u64 {
        let bytes = noise(no, 1000 * no as usize);
        let blob = finish(&store, &bytes).unwrap();
        if no % 2 == 1 {
            commit(&store, &format!("b{no}"), blob).unwrap();
            kept.push((blob, bytes));
        } else {
            store.blobs.forget(&blob);
        }
    }
    drop(node.engine().parts.blobs.pack());
    let two = beside(&node);
    pass(&two, 60);
    assert_eq!(two.pack().unwrap(), 1);
    let object = node.store.bytes("net/s-1").unwrap();
    let (mut at, mut heads) = (0, Vec::new());
    while at < object.len() {
        assert_eq!(&object[at..at + 8], b"LENSBLOB");
        let length = u64::from_be_bytes(object[at + 8..at + 16].try_into().unwrap());
        heads.push(at as u64 + HEAD);
        at += (HEAD + length) as usize;
    }
    assert_eq!(at, object.len());
    for (blob, bytes) in &kept {
        assert!(heads.contains(&blob.offset));
        assert_eq!(read(&two.store(), blob).unwrap(), *bytes);
        // out of memory where it was finished, out of the object elsewhere
        assert_eq!(read(&node.store(), blob).unwrap(), *bytes);
    }
}

#[test]
fn who_was_thought_gone_notices_and_goes_on_in_a_segment_of_its_own() {
    let Some(node) = node(Settings { segment_age: Duration::from_secs(600), ..AT_ONCE }) else { return };
    let store = node.store();
    keep(&store, "a", b"first");
    let late = finish(&store, b"finished before").unwrap();
    let two = beside(&node);
    pass(&two, 60);
    assert_eq!(two.pack().unwrap(), 1);
    let refused = commit(&store, "b", late).map(drop).unwrap_err();
    assert_eq!((refused.kind, refused.code), (FaultKind::Busy, "segment-closed"));
    store.blobs.forget(&late);
    let again = keep(&store, "b", b"finished after");
    assert_ne!(again.segment, late.segment);
    assert_eq!(read(&two.store(), &again).unwrap(), b"finished after");
    assert!(two.verify().is_clean());
}

#[test]
fn one_packs_at_a_time_and_who_lost_its_lease_writes_nothing() {
    let Some(node) = node(AT_ONCE) else { return };
    let store = node.store();
    let blob = keep(&store, "a", &noise(5, 5000));
    let writer: &dyn lenticular_store::Leases = &*store.leases;
    let other = writer.take("packer", "somebody else", 10 * MINUTE).unwrap().unwrap();
    assert_eq!((node.pack().unwrap(), landed(&node)), (0, 1));
    writer.give_back(&other).unwrap();
    // taken over while it uploads
    let before = node.store.faults.puts.load(Ordering::SeqCst);
    node.store.faults.slow.store(150, Ordering::SeqCst);
    std::thread::scope(|scope| {
        let packing = scope.spawn(|| node.pack());
        while node.store.faults.puts.load(Ordering::SeqCst) == before {
            std::thread::yield_now();
        }
        pass(&node, 20);
        writer.take("packer", "somebody else", MINUTE).unwrap().unwrap();
        let lost = packing.join().unwrap().unwrap_err();
        assert_eq!((lost.kind, lost.code), (FaultKind::Busy, "lease-lost"));
    });
    node.store.faults.slow.store(0, Ordering::SeqCst);
    assert_eq!((landed(&node), states(&node)), (1, vec![(1, table::CLOSED)]));
    pass(&node, 2);
    assert_eq!((node.pack().unwrap(), landed(&node)), (1, 0));
    assert_eq!(read(&store, &blob).unwrap(), noise(5, 5000));
}

#[test]
fn what_was_given_up_leaves_nothing() {
    let Some(node) = node(AT_ONCE) else { return };
    let store = node.store();
    let uploaded = finish(&store, &noise(6, 5 << 20)).unwrap();
    store.blobs.forget(&uploaded);
    node.store.faults.away.store(true, Ordering::SeqCst);
    store.blobs.forget(&finish(&store, &noise(7, 5 << 20)).unwrap());
    store.blobs.forget(&finish(&store, b"small").unwrap());
    let _crashed = finish(&store, &noise(8, 5 << 20)).unwrap();
    node.store.faults.away.store(false, Ordering::SeqCst);
    assert_eq!((landed(&node), node.store.names()), (12, vec![object_of(&uploaded)]));
    node.pack().unwrap();
    // of the third nobody knows until a day is over
    assert_eq!((landed(&node), node.store.names().len()), (6, 0));
    pass(&node, 25 * 60);
    node.pack().unwrap();
    assert_eq!(landed(&node), 0);
    assert!(states(&node).iter().all(|(_, state)| *state == table::EMPTY), "{:?}", states(&node));
    assert!(glance(&*node.engine().parts.ground, |session| landing::next(session, 1, 0)).unwrap().is_empty());
}

#[test]
fn many_write_and_read_while_all_is_packed() {
    let Some(node) = node(ALL_THE_TIME) else { return };
    let two = beside(&node);
    let done = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for packer in [&node, &two] {
            let done = &done;
            scope.spawn(move || {
                while done.load(Ordering::SeqCst) < 4 {
                    // the other one may be at it, or have taken over
                    match packer.pack() {
                        Ok(_) => {}
                        Err(fault) => assert_eq!(fault.kind, FaultKind::Busy, "{fault}"),
                    }
                }
            });
        }
        for worker in 0..4_u64 {
            let done = &done;
            let stores = [node.store(), two.store()];
            scope.spawn(move || {
                for no in 0..25 {
                    let bytes = noise(worker * 100 + no, 20_000 + (no as usize) * 1000);
                    let id = format!("w{worker}-{no}");
                    let store = &stores[(worker % 2) as usize];
                    let blob = keep(store, &id, &bytes);
                    assert_eq!(read(&stores[0], &blob).unwrap(), bytes);
                    assert_eq!(read(&stores[1], &blob).unwrap(), bytes);
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    // what is left: nothing fails, and both take part
    std::thread::sleep(2 * ALL_THE_TIME.segment_age);
    while node.pack().unwrap() + two.pack().unwrap() > 0 {}
    assert!(node.store.names().len() > 2, "{:?}", states(&node));
    let report = two.verify();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.blobs, 100);
}

#[test]
fn what_others_have_put_is_never_removed() {
    let Some(node) = node(AT_ONCE) else { return };
    // another upload of the same names comes behind, twice
    node.store.faults.replaced.store(2, Ordering::SeqCst);
    let bytes = noise(21, 5 << 20);
    let blob = keep(&node.store(), "a", &bytes);
    assert_eq!(node.store.names().len(), 3);
    pass(&node, 25 * 60);
    node.pack().unwrap();
    assert_eq!(node.store.names().len(), 3);
    assert_eq!(read(&node.store(), &blob).unwrap(), bytes);
    // another network on the same prefix does not even start
    let mut other = Node::make(AT_ONCE, cluster::shared().map(cluster::Cluster::database), Faulty::default());
    other.engine.take().unwrap().close();
    other.store = node.store.clone();
    assert_eq!(other.open().map(drop).unwrap_err().code, "objects-of-another");
}

#[test]
fn who_drew_a_number_that_was_lost_does_not_write_under_it() {
    let Some(node) = node(Settings { segment_age: Duration::from_secs(600), ..AT_ONCE }) else { return };
    let store = node.store();
    keep(&store, "a", b"first");
    let late = finish(&store, b"finished before the failover").unwrap();
    // a failover has lost the row, and another node has drawn the number again
    let lost = |session: &dyn lenticular_store::sql::Session, _| {
        session.execute("UPDATE segment SET owner='somebody else'", &[]).map(|rows| rows as i64)
    };
    node.engine().task(lost).unwrap();
    assert_eq!(commit(&store, "b", late).map(drop).unwrap_err().code, "segment-closed");
    assert_ne!(keep(&store, "b", b"again").segment, late.segment);
}

#[test]
fn a_large_number_that_was_lost_is_not_drawn_again() {
    let Some(node) = node(AT_ONCE) else { return };
    let store = node.store();
    let late = finish(&store, &noise(30, 5 << 20)).unwrap();
    let lost = |session: &dyn lenticular_store::sql::Session, _| {
        session.execute("DELETE FROM segment", &[]).map(|rows| rows as i64)
    };
    node.engine().task(lost).unwrap();
    // an upload in parts would replace the other one, whoever ends last
    let kept = keep(&store, "a", &noise(31, 5 << 20));
    assert_ne!(kept.segment, late.segment);
    assert_eq!(commit(&store, "b", late).map(drop).unwrap_err().code, "segment-closed");
    assert_eq!(read(&store, &kept).unwrap(), noise(31, 5 << 20));
}
