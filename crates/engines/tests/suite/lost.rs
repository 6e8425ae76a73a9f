//! The answer to a COMMIT is lost: whether it was kept is found out, and said as it is.

use super::cluster;
use super::shared::{Node, add, read};
use lenticular_base::FaultKind;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

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
    what.store(LOSE_COMMIT, Ordering::SeqCst);
    let fault = add(&node, "lost").unwrap_err();
    assert_eq!((fault.kind, fault.code), (FaultKind::Busy, "database-away"));
    assert!(!read(&direct, "lost").unwrap());
    assert!(!read(&node, "lost").unwrap());
    assert_eq!(add(&node, "after").unwrap().0, 3);
}
