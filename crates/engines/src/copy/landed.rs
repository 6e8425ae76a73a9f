//! Copies of a network whose blobs are still on their way through PostgreSQL to the object store.

use super::base::{reading, writing};
use super::compare::segments;
use super::containers::name;
use super::errands::{back_up_between, check_alone, move_between};
use super::pg::{self, Groups, Pg};
use super::place::End;
use super::stored::{Landing, Stored};
use super::{Options, Phase, Place, Progress, Report};
use crate::engine::{OpenOptions, open_on};
use crate::s3::Settings;
use crate::s3::faulty::Faulty;
use crate::s3::keeping::{AT_ONCE, Node, commit, finish, keep, noise};
use crate::s3::objects::{Objects, Patience};
use crate::s3::shared::cluster;
use lenticular_base::Instant;
use lenticular_store::BlobRef;
use lenticular_store::conformance::Harness;
use lenticular_store::sql::Bind;
use object_store::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// One segment for all of a test, until it is packed.
const LATER: Settings = Settings { segment_age: Duration::from_secs(600), ..AT_ONCE };

fn node() -> Option<Node> {
    Some(Node::make(LATER, Some(cluster::shared()?.database()), Faulty::default()))
}

/// Where a node's network lies, as an end of a copy.
fn end(node: &Node) -> End {
    let address = pg::address(node.database.as_ref().unwrap()).unwrap();
    let objects = Objects::new(Arc::new(node.store.clone()), Path::from("net"), Patience::default()).unwrap();
    End {
        base: Box::new(Pg::open(&address, node.clock().now()).unwrap()),
        blobs: Box::new(Stored::of(objects, Landing::rows(&address).unwrap())),
        audits: Box::new(Groups::open(&address).unwrap()),
        name: "the region".into(),
    }
}

fn folder(of: &TempDir) -> Place {
    let mut options = OpenOptions::new(of.path(), || Instant(1_700_000_000_000));
    options.readers = 2;
    Place { options, name: "a folder".into() }
}

/// Backs up, and looks at each piece of progress meanwhile.
fn back_up(from: &Node, to: &TempDir, see: &mut dyn FnMut(Progress)) -> Report {
    let to = folder(to).open_or_make().unwrap();
    back_up_between(&end(from), &to, Options { despite_damage: true, progress: see }).unwrap()
}

#[track_caller]
fn clean(report: &Report) {
    assert_eq!(report.findings, [""; 0]);
}

/// What a folder holds of a blob.
fn held(of: &TempDir, blob: &BlobRef) -> Vec<u8> {
    let bytes = std::fs::read(of.path().join("blobs").join(name(blob.segment))).unwrap();
    let at = blob.offset as usize;
    bytes[at..at + blob.length as usize].to_vec()
}

/// All that nodes hold is closed and packed, as after ten minutes.
fn pack(node: &mut Node) {
    node.settings.segment_age = Duration::ZERO;
    node.reopen();
    node.clock.set(Instant(node.clock.now().0 + 3_600_000));
    while node.pack().unwrap() > 0 {}
}

/// Moves to a folder; when that comes to a phase, this blob is committed and all is packed.
fn move_while_one_comes(node: &mut Node, to: &TempDir, phase: Phase, late: BlobRef) -> Report {
    let from = end(node);
    let mut waiting = Some(late);
    let mut progress = |at: Progress| {
        if at.phase == phase
            && let Some(late) = waiting.take()
        {
            commit(&node.store(), "late", late).unwrap();
            pack(node);
        }
    };
    let options = Options { despite_damage: false, progress: &mut progress };
    let report = move_between(&from, &folder(to).open_or_make().unwrap(), options).unwrap();
    clean(&report);
    assert_eq!(waiting, None);
    report
}

#[test]
fn small_images_that_wait_for_the_packer_are_in_a_backup() {
    let Some(node) = node() else { return };
    let kept: Vec<_> = (0..300)
        .map(|n| {
            let bytes = noise(n, 8000 + n as usize);
            (keep(&node.store(), &format!("i{n}"), &bytes), bytes)
        })
        .collect();
    let to = TempDir::new().unwrap();
    let report = back_up(&node, &to, &mut |_| ());
    clean(&report);
    assert_eq!(report.blobs, 300);
    for (blob, bytes) in &kept {
        assert_eq!(held(&to, blob), *bytes);
    }
}

#[test]
fn what_was_committed_behind_others_is_in_the_next_backup() {
    let Some(mut node) = node() else { return };
    let before = keep(&node.store(), "before", &noise(1, 9000));
    let late = finish(&node.store(), &noise(2, 3 << 20)).unwrap();
    let behind = keep(&node.store(), "behind", &noise(3, 7000));
    assert_eq!((late.segment, behind.segment), (before.segment, before.segment));
    let to = TempDir::new().unwrap();
    clean(&back_up(&node, &to, &mut |_| ()));
    assert_eq!(held(&to, &late), vec![0; 3 << 20]);
    commit(&node.store(), "late", late).unwrap();
    pack(&mut node);
    let report = back_up(&node, &to, &mut |_| ());
    clean(&report);
    assert_eq!((report.blobs, report.copied_versions), (3, 1));
    for (blob, seed, length) in [(&before, 1, 9000), (&late, 2, 3 << 20), (&behind, 3, 7000)] {
        assert_eq!(held(&to, blob), noise(seed, length));
    }
    // from then on it is not copied again
    let report = back_up(&node, &to, &mut |_| ());
    clean(&report);
    assert_eq!((report.blobs, report.copied_bytes), (0, 0));
    clean(
        &check_alone(&folder(&to), &report, Options { despite_damage: true, progress: &mut |_| () }).unwrap(),
    );
}

#[test]
fn a_row_that_comes_while_its_gap_is_copied_tears_nothing() {
    let Some(node) = node() else { return };
    let before = keep(&node.store(), "before", &noise(1, 7000));
    let to = TempDir::new().unwrap();
    clean(&back_up(&node, &to, &mut |_| ()));
    let late = finish(&node.store(), &noise(2, 3 << 20)).unwrap();
    let behind = keep(&node.store(), "behind", &noise(3, 7000));
    let mut waiting = Some(late);
    let report = back_up(&node, &to, &mut |at| {
        if at.phase == Phase::Blobs
            && let Some(late) = waiting.take()
        {
            commit(&node.store(), "late", late).unwrap();
        }
    });
    clean(&report);
    assert_eq!(waiting, None);
    for (blob, seed) in [(&before, 1), (&behind, 3)] {
        assert_eq!(held(&to, blob), noise(seed, 7000));
    }
    // it came behind the moment of that backup
    clean(&back_up(&node, &to, &mut |_| ()));
    assert_eq!(held(&to, &late), noise(2, 3 << 20));
}

#[test]
fn what_is_packed_while_it_is_copied_is_read_as_it_was() {
    let Some(mut node) = node() else { return };
    let late = finish(&node.store(), &noise(1, 3 << 20)).unwrap();
    let behind = keep(&node.store(), "behind", &noise(2, 7000));
    let to = TempDir::new().unwrap();
    let report = move_while_one_comes(&mut node, &to, Phase::Blobs, late);
    assert_eq!(report.blobs, 2);
    for (blob, seed, length) in [(&late, 1, 3 << 20), (&behind, 2, 7000)] {
        assert_eq!(held(&to, blob), noise(seed, length));
    }
}

#[test]
fn what_fills_a_gap_between_comparison_and_turn_moves_too() {
    let Some(mut node) = node() else { return };
    let late = finish(&node.store(), &noise(1, 2 << 20)).unwrap();
    let behind = keep(&node.store(), "behind", &noise(2, 7000));
    let to = TempDir::new().unwrap();
    move_while_one_comes(&mut node, &to, Phase::Comparison, late);
    for (blob, seed, length) in [(&late, 1, 2 << 20), (&behind, 2, 7000)] {
        assert_eq!(held(&to, blob), noise(seed, length));
    }
}

#[test]
fn a_gap_larger_than_what_is_read_at_a_time_is_filled() {
    let Some(node) = node() else { return };
    // finished and given up: a gap of more than 8 MiB
    for n in 0..3 {
        let blob = finish(&node.store(), &noise(n, 3 << 20)).unwrap();
        node.store().blobs.forget(&blob);
    }
    let behind = keep(&node.store(), "behind", &noise(9, 7000));
    let from = end(&node);
    let wanted = reading(&*from.base, segments).unwrap();
    let length = wanted[&behind.segment];
    let mut whole = Vec::new();
    while (whole.len() as u64) < length {
        let bytes = from.blobs.read(behind.segment, whole.len() as u64, 1 << 20).unwrap();
        assert!(bytes.len() == 1 << 20 || whole.len() as u64 + bytes.len() as u64 == length);
        whole.extend(bytes);
    }
    assert_eq!(whole[behind.offset as usize..], noise(9, 7000));
    let to = TempDir::new().unwrap();
    clean(&back_up(&node, &to, &mut |_| ()));
}

#[test]
fn damage_is_told_by_every_backup_until_it_is_mended() {
    let Some(mut node) = node() else { return };
    let blob = keep(&node.store(), "one", &noise(1, 9000));
    keep(&node.store(), "two", &noise(2, 9000));
    pack(&mut node);
    let object = format!("net/{}", name(blob.segment));
    node.store.damage(&object, Some(100));
    let to = TempDir::new().unwrap();
    for _ in 0..3 {
        let report = back_up(&node, &to, &mut |_| ());
        assert_eq!(report.findings.len(), 2, "{:?}", report.findings);
        keep(&node.store(), "more", &noise(3, 100));
    }
    node.store.damage(&object, Some(100));
    let report = back_up(&node, &to, &mut |_| ());
    clean(&report);
    assert_eq!(held(&to, &blob), noise(1, 9000));
}

#[test]
fn a_network_whose_images_lie_in_files_does_not_open_without_them() {
    let Some(mut node) = node() else { return };
    node.engine.take().unwrap().close();
    let files = open_on(&node.options(), None).unwrap();
    keep(&files.store, "one", &noise(1, 9000));
    files.close();
    let refused = node.open().map(drop).unwrap_err();
    assert_eq!(refused.code, "blobs-elsewhere");
}

#[test]
fn a_dictionary_that_came_back_behind_later_ones_is_in_the_next_backup() {
    let Some(node) = node() else { return };
    let from = end(&node);
    let to = TempDir::new().unwrap();
    for no in [70_000, 66_000] {
        let text = "INSERT INTO dictionary (no,kind,bytes) VALUES ($1,96,$2)";
        writing(&*from.base, |session| session.execute(text, &[Bind::Int(no), Bind::Bytes(&[7; 100])]))
            .unwrap();
        clean(&back_up(&node, &to, &mut |_| ()));
    }
}
