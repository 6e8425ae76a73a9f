//! The contract over an object store, and what only that has to show: it is away, it damages, it is slower than those who write.

use super::faulty::Faulty;
use super::objects::{AWAY, Patience};
use super::{Bucket, Settings};
use crate::engine::{Engine, OpenOptions, open_on};
use lenticular_base::{Fault, FaultKind, Instant, Kind, OrgNo};
use lenticular_store::conformance::{Clock, Harness, author, put, run};
use lenticular_store::{BlobRef, Decided, Packing, Proposal, Receipt, Store, Write};
use object_store::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::Duration;
use tempfile::TempDir;

const A: OrgNo = OrgNo(1);
const START: Instant = Instant(1_700_000_000_000);

/// Packs as soon as it may, in rounds that only the test asks for.
pub const AT_ONCE: Settings = Settings {
    segment_size: 64 << 20,
    segment_age: Duration::ZERO,
    pack_every: Duration::from_secs(3600),
    lease: Duration::from_secs(300),
    cached: 64 << 20,
};

/// Packs all the time, behind.
pub const ALL_THE_TIME: Settings = Settings {
    segment_size: 300_000,
    segment_age: Duration::from_millis(30),
    pack_every: Duration::from_millis(100),
    lease: Duration::from_secs(300),
    cached: 64 << 20,
};

/// A node, its object store, and where its database is.
pub struct Node {
    pub folder: TempDir,
    pub clock: Clock,
    pub store: Faulty,
    pub settings: Settings,
    pub patience: Patience,
    pub database: Option<String>,
    pub engine: Option<Engine>,
}

impl Node {
    pub fn make(settings: Settings, database: Option<String>, store: Faulty) -> Node {
        let folder = TempDir::new().unwrap();
        let patience = match settings {
            // as ever where many scenes run beside others on a busy machine; short where a test takes the store away
            ALL_THE_TIME => Patience::default(),
            _ => Patience { read: Duration::from_millis(500), write: Duration::from_millis(900) },
        };
        let clock = Clock::default();
        let mut node = Node { folder, clock, store, settings, patience, database, engine: None };
        node.clock.set(START);
        node.reopen();
        node
    }

    pub fn options(&self) -> OpenOptions {
        let clock = self.clock.clone();
        let mut options = OpenOptions::new(self.folder.path(), move || clock.now());
        options.database.clone_from(&self.database);
        options.own_clock = true;
        options
    }

    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    pub fn pack(&self) -> Result<u64, Fault> {
        self.engine().parts.blobs.pack()
    }

    /// The names of the files in its folder of blobs.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("blobs")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn verify(&self) -> crate::VerifyReport {
        self.engine().verify(&|_| Vec::new(), &mut |_, _| {}).unwrap()
    }
}

impl Harness for Node {
    fn store(&self) -> Store {
        self.engine().store.clone()
    }

    fn clock(&self) -> Clock {
        self.clock.clone()
    }

    fn reopen(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.close();
        }
        self.engine = Some(self.open().unwrap());
    }
}

impl Node {
    /// Another engine on what this one stands on.
    pub fn open(&self) -> Result<Engine, Fault> {
        let bucket = Bucket {
            store: Arc::new(self.store.clone()),
            prefix: Path::from("net"),
            settings: self.settings,
            patience: self.patience,
        };
        open_on(&self.options(), Some(bucket))
    }
}

pub fn noise(seed: u64, length: usize) -> Vec<u8> {
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

pub fn finish(store: &Store, bytes: &[u8]) -> Result<BlobRef, Fault> {
    let mut writer = store.blobs.begin()?;
    for piece in bytes.chunks(700_000) {
        writer.write(piece)?;
    }
    writer.finish()
}

pub fn commit(store: &Store, id: &str, blob: BlobRef) -> Result<Receipt, Fault> {
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
    end.recv().unwrap()
}

pub fn keep(store: &Store, id: &str, bytes: &[u8]) -> BlobRef {
    let blob = finish(store, bytes).unwrap();
    commit(store, id, blob).unwrap();
    blob
}

pub fn read(store: &Store, blob: &BlobRef) -> Result<Vec<u8>, Fault> {
    store.blobs.read(blob, 0..blob.length)
}

#[test]
fn files_behind_which_objects_lie_keep_the_contract() {
    run(&|| Box::new(Node::make(ALL_THE_TIME, None, Faulty::default())));
}

#[test]
fn a_file_is_uploaded_whole_and_only_then_removed() {
    let mut node = Node::make(AT_ONCE, None, Faulty::default());
    let (small, large) = (noise(1, 50_000), noise(2, 5 << 20));
    let kept = [("a", small), ("b", large)].map(|(id, bytes)| (keep(&node.store(), id, &bytes), bytes));
    assert_eq!(node.files(), ["o-1", "s-1"]);
    let as_it_was = std::fs::read(node.folder.path().join("blobs/s-1")).unwrap();
    assert_eq!(node.pack().unwrap(), 2);
    assert_eq!(
        (node.files(), node.store.names()),
        (vec![], vec!["net/o-1".to_owned(), "net/s-1".to_owned()])
    );
    assert_eq!(node.store.bytes("net/s-1").unwrap(), as_it_was);
    for _ in 0..2 {
        for (blob, bytes) in &kept {
            assert_eq!(read(&node.store(), blob).unwrap(), *bytes);
            assert!(node.store().blobs.verify(blob).unwrap());
        }
        assert!(node.verify().is_clean());
        node.reopen();
    }
    // numbers are not given again, though the folder is empty
    let next = keep(&node.store(), "c", b"more");
    assert_eq!((next.segment, node.pack().unwrap()), (2, 1));
    assert_eq!(keep(&node.store(), "d", &noise(3, 5 << 20)).segment, -2);
    // without the object store it would not be whole
    let options = node.options();
    node.engine.take().unwrap().close();
    let refused = open_on(&options, None).map(drop).unwrap_err();
    assert_eq!((refused.kind, refused.code), (FaultKind::Conflict, "blobs-elsewhere"));
}

#[test]
fn the_frames_of_an_instance_cost_one_request() {
    let node = Node::make(AT_ONCE, None, Faulty::default());
    let bytes = noise(4, 3 << 20);
    let blob = keep(&node.store(), "a", &bytes);
    node.pack().unwrap();
    let before = node.store.faults.gets.load(Ordering::SeqCst);
    std::thread::scope(|scope| {
        for frame in 0..24 {
            let (store, bytes) = (node.store(), &bytes);
            scope.spawn(move || {
                let range = frame * 100_000..(frame + 1) * 100_000;
                let part = store.blobs.read(&blob, range.start as u64..range.end as u64).unwrap();
                assert_eq!(part, bytes[range]);
            });
        }
    });
    assert_eq!(node.store.faults.gets.load(Ordering::SeqCst) - before, 1);
}

#[test]
fn verify_reads_small_objects_together() {
    let settings = Settings { segment_size: 300_000, segment_age: Duration::from_secs(3600), ..AT_ONCE };
    let node = Node::make(settings, None, Faulty::default());
    for n in 0..40 {
        keep(&node.store(), &format!("i{n}"), &noise(n, 9000));
    }
    assert_eq!(node.pack().unwrap(), 1, "the first 33 or so; the others lie in a file still");
    let before = node.store.faults.gets.load(Ordering::SeqCst);
    let report = node.verify();
    assert!(report.is_clean() && report.blobs == 40, "{report:?}");
    let asked = node.store.faults.gets.load(Ordering::SeqCst) - before;
    assert_eq!(asked, 1, "requests for the objects of one segment");
}

#[test]
fn what_arrives_while_the_store_is_away_is_acknowledged_and_packed_later() {
    let mut node = Node::make(AT_ONCE, None, Faulty::default());
    let first = keep(&node.store(), "a", b"packed before");
    node.pack().unwrap();
    node.store.faults.away.store(true, Ordering::SeqCst);
    node.reopen();
    let kept = [("b", noise(5, 80_000)), ("c", noise(6, 6 << 20))]
        .map(|(id, bytes)| (keep(&node.store(), id, &bytes), bytes));
    let failed = node.pack().unwrap_err();
    assert_eq!((failed.kind, failed.code), (FaultKind::Busy, AWAY));
    for (blob, bytes) in &kept {
        assert_eq!(read(&node.store(), blob).unwrap(), *bytes);
    }
    assert_eq!(read(&node.store(), &first).unwrap_err().code, AWAY);
    assert!(node.engine().verify(&|_| Vec::new(), &mut |_, _| {}).is_err_and(|fault| fault.code == AWAY));
    node.store.faults.away.store(false, Ordering::SeqCst);
    assert_eq!(node.pack().unwrap(), 2);
    assert_eq!(node.files(), [""; 0]);
    for (blob, bytes) in &kept {
        assert_eq!(read(&node.store(), blob).unwrap(), *bytes);
    }
    assert_eq!(read(&node.store(), &first).unwrap(), b"packed before");
}

#[test]
fn damage_and_loss_are_said_and_never_shown() {
    let node = Node::make(AT_ONCE, None, Faulty::default());
    let blobs = [noise(7, 10_000), noise(8, 10_000), noise(9, 5 << 20)]
        .iter()
        .zip(["a", "b", "c"])
        .map(|(bytes, id)| {
            let blob = keep(&node.store(), id, bytes);
            node.pack().unwrap();
            blob
        })
        .collect::<Vec<_>>();
    node.store.damage("net/s-1", Some(100));
    node.store.lose("net/s-2");
    node.store.damage("net/o-1", None);
    for blob in &blobs {
        let fault = read(&node.store(), blob).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Corrupt, "{fault}");
    }
    let report = node.verify();
    let mut codes: Vec<&str> = report.findings.iter().map(|finding| finding.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["blob-damaged", "blob-damaged", "blob-missing", "object-missing"]);
}

#[test]
fn an_upload_that_arrives_damaged_does_not_cost_the_file() {
    let node = Node::make(AT_ONCE, None, Faulty::default());
    let bytes = noise(10, 10_000);
    let blob = keep(&node.store(), "a", &bytes);
    // somebody else's object bears the name
    let other =
        super::objects::Objects::new(Arc::new(node.store.clone()), Path::from("net"), Patience::default());
    other.unwrap().put_if_absent("s-1", vec![noise(11, 500).into()]).unwrap();
    assert_eq!(node.pack().unwrap_err().code, "object-taken");
    assert_eq!(node.files(), ["s-1"]);
    assert_eq!(read(&node.store(), &blob).unwrap(), bytes);
    node.store.lose("net/s-1");
    assert_eq!(node.pack().unwrap(), 1);
    assert_eq!(read(&node.store(), &blob).unwrap(), bytes);
}

#[test]
fn a_commit_may_come_after_its_segment_was_packed() {
    let node = Node::make(AT_ONCE, None, Faulty::default());
    let store = node.store();
    keep(&store, "a", b"first");
    let late = finish(&store, b"finished, and committed late").unwrap();
    let never = finish(&store, b"finished, and never committed").unwrap();
    while node.pack().unwrap() > 0 {}
    assert_eq!(node.files(), [""; 0]);
    commit(&store, "b", late).unwrap();
    store.blobs.forget(&never);
    assert_eq!(read(&store, &late).unwrap(), b"finished, and committed late");
    assert!(node.verify().is_clean());
}

#[test]
fn what_a_process_left_open_is_packed_by_the_next() {
    let mut node =
        Node::make(Settings { segment_age: Duration::from_secs(600), ..AT_ONCE }, None, Faulty::default());
    let blob = keep(&node.store(), "a", b"left");
    assert_eq!((node.pack().unwrap(), node.files()), (0, vec!["s-1".to_owned()]));
    node.settings.segment_age = Duration::ZERO;
    node.reopen();
    assert_eq!((node.pack().unwrap(), node.files()), (1, vec![]));
    assert_eq!(read(&node.store(), &blob).unwrap(), b"left");
    let again = keep(&node.store(), "b", b"goes on elsewhere");
    assert_eq!(again.segment, 2);
}
