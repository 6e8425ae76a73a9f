//! The answer to a COMMIT is lost: whether it was kept is found out, and said as it is.

use super::cluster::{self, Cluster};
use super::shared::{Node, add, read};
use lenticular_base::{FaultKind, Kind, OrgNo};
use lenticular_policy::Scope;
use lenticular_store::conformance::{Harness, Submit, put};
use lenticular_store::{Packing, Write as Change};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

const A: OrgNo = OrgNo(1);
const KIND: Kind = Kind(92);

/// What happens to the next COMMIT.
const PASS: u8 = 0;
/// It arrives; its answer does not.
const LOSE_ANSWER: u8 = 1;
/// It does not arrive.
const LOSE_COMMIT: u8 = 2;

/// Between the node and the server.
fn between(server: String, what: Arc<AtomicU8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
            let what = what.clone();
            let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || pass(from, to, |_| true));
            std::thread::spawn(move || {
                let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
                pass(client, server, |bytes| {
                    let commits = bytes.windows(7).any(|part| part == b"COMMIT\0");
                    let now = if commits { what.swap(PASS, Ordering::SeqCst) } else { PASS };
                    if now == LOSE_ANSWER {
                        ends.0.shutdown(std::net::Shutdown::Both).unwrap();
                    }
                    if now == LOSE_COMMIT {
                        ends.0.shutdown(std::net::Shutdown::Both).unwrap();
                        ends.1.shutdown(std::net::Shutdown::Both).unwrap();
                    }
                    now != LOSE_COMMIT
                });
            });
        }
    });
    port
}

fn pass(mut from: TcpStream, mut to: TcpStream, goes_on: impl Fn(&[u8]) -> bool) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if !goes_on(&bytes[..length]) || to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
}

#[test]
fn a_commit_whose_answer_is_lost_is_answered_truthfully() {
    let Some(cluster) = cluster::shared() else { return };
    let direct = Node::make(cluster);
    let what = Arc::new(AtomicU8::new(PASS));
    let (head, rest) = direct.url.split_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let port = between(server.to_owned(), what.clone());
    let node = Node::on(format!("{head}@127.0.0.1:{port}/{name}"));
    add(&node, "before").unwrap();
    // a read's snapshot ends with COMMIT, too: none is under way here
    what.store(LOSE_ANSWER, Ordering::SeqCst);
    let position = add(&node, "kept").unwrap();
    assert_eq!((position.0, what.load(Ordering::SeqCst)), (2, PASS));
    assert!(read(&direct, "kept").unwrap());
    let mut last = position.0;
    let fault = loop {
        what.store(LOSE_COMMIT, Ordering::SeqCst);
        match add(&node, "lost") {
            Err(fault) => break fault,
            // it struck a transaction of the writer's own, which tidies up when nothing is asked of it for a while
            Ok(position) => last = position.0,
        }
    };
    assert_eq!((fault.kind, fault.code), (FaultKind::Busy, "database-away"));
    assert_eq!(add(&direct, "beside").unwrap().0, last + 1, "what was refused was kept");
    assert!(read(&node, "beside").unwrap());
    assert_eq!(add(&node, "after").unwrap().0, last + 2);
}

#[test]
fn a_commit_that_a_server_shows_after_its_crash_is_answered_once_its_standby_has_it() {
    let Some(cluster) = Cluster::own() else { return };
    let node = Node::make(&cluster);
    add(&node, "before").unwrap();
    // COMMIT waits for a standby that is not there, and the server crashes meanwhile
    let reload = "SELECT pg_reload_conf()";
    cluster.admin(None, &["ALTER SYSTEM SET synchronous_standby_names='nobody'", reload]);
    std::thread::scope(|threads| {
        let adding = threads.spawn(|| {
            // where the crash meets the writer's own tidying, this one comes too early, and again
            loop {
                match add(&node, "kept") {
                    Err(fault) if fault.kind == FaultKind::Busy => {
                        std::thread::sleep(Duration::from_millis(50))
                    }
                    result => return result,
                }
            }
        });
        let waits = "DO $$ BEGIN WHILE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event='SyncRep') \
                     LOOP PERFORM pg_sleep(0.02), pg_stat_clear_snapshot(); END LOOP; END $$";
        cluster.admin(None, &[waits]);
        cluster.order("crash");
        cluster.order("start");
        cluster.admin(None, &[waits]);
        std::thread::sleep(Duration::from_millis(300));
        assert!(!adding.is_finished(), "answered though no standby has it");
        cluster.admin(None, &["ALTER SYSTEM RESET synchronous_standby_names", reload]);
        assert_eq!(adding.join().unwrap().unwrap().0, 2);
    });
    assert!(read(&node, "kept").unwrap());
}

#[test]
fn a_dictionary_that_a_failover_lost_is_put_back() {
    let Some(cluster) = cluster::shared() else { return };
    let node = Node::make(cluster);
    let body = |n: i64| {
        format!("{{\"resourceType\":\"Observation\",\"id\":\"o{n}\",\"valueQuantity\":{{\"value\":{n}.5}}}}")
    };
    let row = |n: i64| {
        let mut row = put(&node.store(), A, &format!("o{n}"), Vec::new());
        row.body = node.store().reader.pack(KIND, body(n).as_bytes(), Packing::Zstd);
        row
    };
    let rows = |range: std::ops::Range<i64>| range.map(|n| Change::Put(Box::new(row(n)))).collect::<Vec<_>>();
    node.store().write(A, rows(0..400));
    let trained = || row(1000).body.dictionary > 0;
    let begun = std::time::Instant::now();
    while !trained() {
        assert!(begun.elapsed() < Duration::from_secs(30), "no dictionary was trained");
        std::thread::sleep(Duration::from_millis(20));
    }
    let on_their_way = rows(400..410);
    // a standby that lagged behind took over, where another node has trained one of its own
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname=current_database() AND pid<>pg_backend_pid()";
    let theirs = "INSERT INTO dictionary (no,kind,bytes) VALUES (1,92,'\\x00')";
    cluster.admin(Some(node.database()), &["DELETE FROM dictionary", theirs, end]);
    node.store().write(A, on_their_way);
    let other = Node::on(node.url.clone());
    for n in 400..410 {
        let scope = Scope::of_own_work(A);
        let found = other.store().reader.get(&scope, A, KIND, &format!("o{n}")).unwrap().unwrap();
        assert_eq!(&*found.body, body(n).as_bytes());
    }
}
