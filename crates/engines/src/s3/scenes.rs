//! What is asked of an object store, on doubles and on a real one.
//!
//! `LENTICULAR_TEST_S3` is the endpoint of a real one, such as Ceph's gateway, with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
//! `LENTICULAR_TEST_S3_BUCKET` (else `lenticular-test`), which exists. The scenes use a prefix of their own there.

use super::faulty::Faulty;
use super::objects::{AWAY, Objects, PART, Patience, is_missing};
use super::place;
use crate::engine::ObjectPlace;
use bytes::Bytes;
use lenticular_base::FaultKind;
use object_store::path::Path;
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const SHORT: Patience = Patience { read: Duration::from_millis(600), write: Duration::from_millis(800) };

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.push(state as u8);
    }
    bytes
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn put_large(objects: &Objects, name: &str, bytes: &[u8]) -> Result<(), lenticular_base::Fault> {
    objects.put_large(name, bytes.len() as u64, &hash(bytes), &|at, buffer| {
        buffer.copy_from_slice(&bytes[at as usize..at as usize + buffer.len()]);
        Ok(())
    })
}

fn names(objects: &Objects) -> Vec<(String, u64)> {
    let mut names = Vec::new();
    objects
        .list(&mut |found| {
            names.push((found.name, found.size));
            Ok(())
        })
        .unwrap();
    names
}

/// What every object store must do.
fn keeps(objects: &Objects) {
    let small = noise(1, 100_000);
    assert_eq!(objects.head("s-1").unwrap(), None);
    assert!(is_missing(&objects.get("s-1", None).unwrap_err()));
    let chunks = || small.chunks(33_333).map(Bytes::copy_from_slice).collect::<Vec<_>>();
    objects.put_if_absent("s-1", chunks()).unwrap();
    assert_eq!(objects.head("s-1").unwrap(), Some(100_000));
    assert_eq!(objects.get("s-1", None).unwrap(), small);
    assert_eq!(objects.get("s-1", Some(70_000..100_000)).unwrap(), small[70_000..]);
    assert_eq!(objects.get("s-1", Some(7..7)).unwrap(), Bytes::new());
    for beyond in [99_999..100_001, 100_000..100_001, 200_000..200_010] {
        let fault = objects.get("s-1", Some(beyond)).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Corrupt, "{fault}");
    }
    // once more the same is as good, other bytes are not
    objects.put_if_absent("s-1", chunks()).unwrap();
    let other = objects.put_if_absent("s-1", vec![Bytes::from(noise(2, 100_000))]).unwrap_err();
    assert_eq!((other.kind, other.code), (FaultKind::Conflict, "object-taken"));
    assert_eq!(objects.get("s-1", None).unwrap(), small);

    let large = noise(3, 2 * PART + 12_345);
    put_large(objects, "o-1", &large).unwrap();
    put_large(objects, "o-1", &large).unwrap();
    assert_eq!(objects.hash("o-1", large.len() as u64).unwrap(), hash(&large));
    assert_eq!(put_large(objects, "o-1", &small).unwrap_err().code, "object-taken");
    let exact = noise(4, PART);
    put_large(objects, "o-2", &exact).unwrap();
    assert_eq!(objects.get("o-2", Some(PART as u64 - 5..PART as u64)).unwrap(), exact[PART - 5..]);
    let unread =
        objects.put_large("o-3", 10, &[0; 32], &|_, _| Err(lenticular_base::Fault::internal("no disk")));
    assert_eq!(unread.unwrap_err().kind, FaultKind::Internal);
    assert_eq!(objects.head("o-3").unwrap(), None);

    let expected =
        [("o-1", large.len()), ("o-2", PART), ("s-1", 100_000)].map(|(n, s)| (n.to_owned(), s as u64));
    assert_eq!(names(objects), expected);
    for name in ["s-1", "o-1", "o-2", "o-2"] {
        objects.delete(name).unwrap();
    }
    assert_eq!(names(objects), []);
}

#[test]
fn a_store_in_memory_keeps_what_is_put() {
    let store = Faulty::default();
    keeps(&Objects::new(Arc::new(store), Path::from("north/one"), Patience::default()).unwrap());
}

#[test]
fn a_list_has_as_many_pages_as_it_needs() {
    let objects = Objects::new(Arc::new(Faulty::default()), Path::from("p"), Patience::default()).unwrap();
    for no in 0..2005 {
        objects.put_if_absent(&format!("s-{no:05}"), vec![Bytes::from_static(b"x")]).unwrap();
    }
    let found = names(&objects);
    assert_eq!((found.len(), found[2004].0.as_str()), (2005, "s-02004"));
}

#[test]
fn what_fails_at_first_is_tried_again_and_a_lost_answer_is_no_conflict() {
    let store = Faulty::default();
    let objects = Objects::new(Arc::new(store.clone()), Path::from("p"), Patience::default()).unwrap();
    store.faults.busy.store(3, Ordering::SeqCst);
    objects.put_if_absent("s-1", vec![Bytes::from_static(b"one")]).unwrap();
    store.faults.mute.store(1, Ordering::SeqCst);
    objects.put_if_absent("s-2", vec![Bytes::from_static(b"two")]).unwrap();
    store.faults.busy.store(2, Ordering::SeqCst);
    assert_eq!(objects.get("s-2", None).unwrap(), b"two".as_slice());
    // in the middle of an upload: it is begun anew
    let large = noise(5, PART + 1);
    store.faults.busy.store(1, Ordering::SeqCst);
    put_large(&objects, "o-1", &large).unwrap();
    assert_eq!(store.bytes("p/o-1").unwrap(), large);
}

#[test]
fn a_store_that_is_away_or_refuses_is_said_in_time() {
    let store = Faulty::default();
    let objects = Objects::new(Arc::new(store.clone()), Path::from("p"), SHORT).unwrap();
    objects.put_if_absent("s-1", vec![Bytes::from_static(b"one")]).unwrap();
    let begun = Instant::now();
    store.faults.away.store(true, Ordering::SeqCst);
    let faults = [
        objects.get("s-1", None).unwrap_err(),
        objects.get("s-1", Some(0..2)).unwrap_err(),
        objects.head("s-1").unwrap_err(),
        objects.put_if_absent("s-2", vec![Bytes::new()]).unwrap_err(),
        put_large(&objects, "o-1", b"x").unwrap_err(),
        objects.list(&mut |_| Ok(())).unwrap_err(),
        objects.delete("s-1").unwrap_err(),
    ];
    for fault in faults {
        assert_eq!((fault.kind, fault.code), (FaultKind::Busy, AWAY));
    }
    store.faults.away.store(false, Ordering::SeqCst);
    store.faults.slow.store(60_000, Ordering::SeqCst);
    assert_eq!(objects.get("s-1", None).unwrap_err().code, AWAY);
    assert!(begun.elapsed() < Duration::from_secs(20));
    store.faults.slow.store(0, Ordering::SeqCst);
    store.faults.denied.store(true, Ordering::SeqCst);
    let fault = objects.get("s-1", Some(0..2)).unwrap_err();
    assert_eq!(fault.code, "objects-denied");
    assert!(fault.public.contains("AWS_SECRET_ACCESS_KEY"));
    store.faults.denied.store(false, Ordering::SeqCst);
    assert_eq!(objects.get("s-1", None).unwrap(), b"one".as_slice());
}

#[test]
fn closing_ends_what_waits() {
    let store = Faulty::default();
    store.faults.slow.store(60_000, Ordering::SeqCst);
    let objects = Arc::new(Objects::new(Arc::new(store), Path::from("p"), Patience::default()).unwrap());
    let waiting = std::thread::spawn({
        let objects = objects.clone();
        move || objects.get("s-1", None).map(drop)
    });
    let begun = Instant::now();
    objects.close();
    assert_eq!(waiting.join().unwrap().unwrap_err().kind, FaultKind::Busy);
    assert_eq!(objects.head("s-1").unwrap_err().kind, FaultKind::Busy);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// The double that end-to-end suites use: a server of its own.
struct Double {
    process: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Double {
    fn start() -> Double {
        let folder = tempfile::tempdir().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/e2e/s3_double.py");
        let mut process = Command::new("python3")
            .args(["-B", script, "--bucket", "images", "--page", "2", "--folder"])
            .arg(folder.path())
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("http=").unwrap().1.to_owned();
        Double { process, address, _folder: folder }
    }

    fn objects(&self, secret: &str, patience: Patience) -> Objects {
        open(&format!("http://{}", self.address), "images", "net/one", &[("key", secret)], patience)
    }

    fn tell(&self, what: &str) {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "POST /-/{what} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn open(endpoint: &str, bucket: &str, prefix: &str, keys: &[(&str, &str)], patience: Patience) -> Objects {
    let environment: Vec<(String, String)> = keys
        .iter()
        .flat_map(|(key, secret)| [("AWS_ACCESS_KEY_ID", *key), ("AWS_SECRET_ACCESS_KEY", *secret)])
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let url = format!("s3://{bucket}/{prefix}");
    let place = ObjectPlace { url, endpoint: Some(endpoint.to_owned()), path_style: true, ca: None };
    let (store, prefix) = place::client(&place, &environment).unwrap();
    Objects::new(store, prefix, patience).unwrap()
}

#[test]
fn a_double_with_sockets_keeps_what_is_put() {
    let double = Double::start();
    let objects = double.objects("secret", Patience::default());
    keeps(&objects);
    double.tell("busy?count=2");
    objects.put_if_absent("s-1", vec![Bytes::from_static(b"one")]).unwrap();
    assert_eq!(double.objects("wrong", SHORT).get("s-1", None).unwrap_err().code, "objects-denied");
    let elsewhere = open(&format!("http://{}", double.address), "other", "p", &[("key", "secret")], SHORT);
    assert_eq!(elsewhere.head("s-1").unwrap_or(None), None);
    assert_eq!(elsewhere.get("s-1", None).unwrap_err().code, "objects-bucket");
    double.tell("away?seconds=60");
    let patient = double.objects("secret", SHORT);
    assert_eq!(patient.get("s-1", None).unwrap_err().code, AWAY);
    double.tell("away?seconds=0");
    assert_eq!(patient.get("s-1", None).unwrap(), b"one".as_slice());
    let nobody = open("http://127.0.0.1:9", "images", "p", &[("key", "secret")], SHORT);
    assert_eq!(nobody.head("s-1").unwrap_err().code, AWAY);
}

#[test]
fn a_real_one_keeps_what_is_put() {
    // where there is none, the double above is all that is asked
    let Ok(endpoint) = std::env::var("LENTICULAR_TEST_S3") else { return };
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let bucket = Some(variable("LENTICULAR_TEST_S3_BUCKET")).filter(|name| !name.is_empty());
    let keys = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"));
    let prefix = format!("scenes-{}", std::process::id());
    let bucket = bucket.unwrap_or_else(|| "lenticular-test".into());
    let of =
        |key: &str, secret: &str| open(&endpoint, &bucket, &prefix, &[(key, secret)], Patience::default());
    keeps(&of(&keys.0, &keys.1));
    assert_eq!(of(&keys.0, "wrong").get("s-1", None).unwrap_err().code, "objects-denied");
}
