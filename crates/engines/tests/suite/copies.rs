//! Networks that are moved, backed up and restored, while they are written.

use super::{Embedded, cluster, crash};
use lenticular_base::index::{Entry, Param, Query, Test, Value};
use lenticular_base::{FaultKind, Instant, Kind, Labels, OrgNo, Position};
use lenticular_engines::copy::{self, Options, Phase, Place, Progress, Rederive, Report};
use lenticular_engines::{OpenOptions, open};
use lenticular_policy::{Grant, Grantee, Scope};
use lenticular_store::conformance::{Harness, Submit, put};
use lenticular_store::{AuditEntry, AuditFilter, BlobRef, Packing};
use lenticular_store::{Put, Record, Store, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use tempfile::TempDir;

const A: OrgNo = OrgNo(1);
const KIND: Kind = Kind(92);
const PARAM: Param = Param(92 << 16 | 1);

fn entries(id: &str) -> Vec<Entry> {
    vec![
        Entry { param: PARAM, value: Value::Text(format!("v{id}")) },
        Entry { param: Param(PARAM.0 + 1), value: Value::Time { low: 5, high: 9 } },
        Entry {
            param: Param(PARAM.0 + 2),
            value: Value::Number { low: -0.0, high: 1.5e300, unit: "µg".into() },
        },
    ]
}

/// Of a row of [`put`] by its id, of one of [`set`] by its text.
fn extract(record: &Record) -> Vec<Entry> {
    match std::str::from_utf8(&record.body) {
        Ok(text) if record.columns.kind == KIND && !text.starts_with('{') => entries(text),
        Ok(_) if record.columns.kind == KIND => entries(&record.id),
        _ => Vec::new(),
    }
}

fn place(folder: &Path) -> Place {
    let mut options = OpenOptions::new(folder, || Instant(1_700_000_000_000));
    options.readers = 2;
    Place { options, name: folder.display().to_string() }
}

fn copying<'a>(progress: &'a mut dyn FnMut(Progress)) -> Options<'a> {
    Options { despite_damage: false, progress }
}

fn add(store: &Store, id: &str) -> Result<(), lenticular_base::Fault> {
    let row = put(store, A, id, entries(id));
    store.propose(A, move |_| Ok(vec![Write::Put(Box::new(row))])).recv().unwrap().map(drop)
}

/// A row that is replaced in place, as those of studies are.
fn set(store: &Store, id: &str, text: &str) -> Result<(), lenticular_base::Fault> {
    let body = store.reader.pack(KIND, text.as_bytes(), Packing::Zstd);
    let row = Put { in_place: true, body, ..put(store, A, id, entries(text)) };
    store.propose(A, move |_| Ok(vec![Write::Put(Box::new(row))])).recv().unwrap().map(drop)
}

fn instance(store: &Store, id: &str, byte: u8, length: usize) -> Result<BlobRef, lenticular_base::Fault> {
    let mut writer = store.blobs.begin()?;
    writer.write(&vec![byte; length])?;
    let blob = writer.finish()?;
    crash::instance(store, id, blob).map(|_| blob)
}

pub fn audit(store: &Store, id: &str) {
    let (sender, end) = channel();
    let entry = AuditEntry { id: id.into(), org: 1, action: 'R', ..AuditEntry::default() };
    store.audits.record(vec![entry], Box::new(move |result| drop(sender.send(result))));
    end.recv().unwrap().unwrap();
}

pub fn audited(store: &Store) -> Vec<(i64, String)> {
    let filter = AuditFilter { org: 1, limit: 10_000, ..AuditFilter::default() };
    let found = store.audits.search(&filter).unwrap();
    found.into_iter().map(|(seq, entry)| (seq, entry.id)).collect()
}

fn grant(source: &str) -> Grant {
    Grant {
        source: source.into(),
        grantee: Grantee::Member(OrgNo(2)),
        org: A,
        patient: Some("p".into()),
        study: None,
        kind: None,
        expires: None,
    }
}

/// Something of everything: several versions, deletions, rows in place, grants, blobs small and large, audit entries.
fn furnish(store: &Store) {
    for n in 0..300 {
        let row = put(store, A, &format!("r{n}"), entries(&format!("r{n}")));
        store.propose(A, move |_| Ok(vec![Write::Put(Box::new(row))]));
    }
    for n in 0..20 {
        add(store, &format!("r{n}")).unwrap();
        set(store, "kept", &format!("t{n}")).unwrap();
        instance(store, &format!("i{n}"), n, 1000 + 7 * usize::from(n)).unwrap();
        audit(store, &format!("e{n}"));
    }
    instance(store, "large", 9, 5 << 20).unwrap();
    store.write(A, vec![Write::Delete { org: A, kind: KIND, id: "r7".into() }]);
    store.write(A, vec![Write::Grant(grant("s1")), Write::Grant(grant("s2"))]);
    store.write(A, vec![Write::Ungrant { source: "s1".into() }]);
}

#[track_caller]
fn clean(report: &Report) {
    assert_eq!(report.findings, [""; 0]);
}

fn moved(from: &Path, to: &Path) -> Report {
    let report = copy::migrate(&place(from), &place(to), copying(&mut |_| ())).unwrap();
    clean(&report);
    report
}

#[track_caller]
fn same(from: &Path, to: &Path) -> Report {
    let report = copy::check(&place(from), &place(to), copying(&mut |_| ())).unwrap();
    clean(&report);
    report
}

/// Writes of every kind until `work` has ended, and gives how many were acknowledged; the last ones were refused.
fn written_meanwhile(store: &Store, work: impl FnOnce()) -> usize {
    let (stop, kept, refused) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|threads| {
        let (stop, kept, refused) = (&stop, &kept, &refused);
        threads.spawn(move || {
            for n in 0.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let id = format!("w{n}");
                let done = match n % 4 {
                    0 => add(store, &id),
                    1 => set(store, "kept", &id),
                    2 => instance(store, &id, 1, 3000).map(drop),
                    _ => add(store, &format!("r{}", n % 300)),
                };
                match done {
                    Ok(()) => drop(kept.fetch_add(1, Ordering::SeqCst)),
                    Err(fault) => {
                        assert!(["moving", "moved"].contains(&fault.code), "{fault}");
                        refused.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(std::time::Duration::from_millis(2));
                        continue;
                    }
                }
                audit(store, &id);
            }
        });
        // on a busy machine the work may be done before anything was written
        let begun = std::time::Instant::now();
        while kept.load(Ordering::SeqCst) < 12 && begun.elapsed().as_secs() < 30 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        work();
        stop.store(true, Ordering::SeqCst);
    });
    let (kept, refused) = (kept.into_inner(), refused.into_inner());
    assert!(kept > 10 && refused > 0, "{kept} kept, {refused} refused");
    kept
}

#[test]
fn a_network_moves_there_and_back_and_goes_on() {
    let mut first = Embedded::make();
    furnish(&first.store());
    let (position, entries_before) = (first.store().log.position(), audited(&first.store()));
    let (second, third) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let report = moved(first.folder.path(), second.path());
    assert_eq!((report.position, report.blobs), (position.0, 21));
    assert_eq!(report.audit.rows, 20);
    // whoever still runs there takes nothing and shows nothing
    let refused = add(&first.store(), "late").unwrap_err();
    assert_eq!((refused.kind, refused.code), (FaultKind::Busy, "moved"));
    let refused = first.store().reader.get(&Scope::of_own_work(A), A, KIND, "r1").unwrap_err();
    assert_eq!(refused.code, "moved");
    first.engine.take().unwrap().close();
    let refused = open(first.options()).err().unwrap();
    assert_eq!(refused.kind, FaultKind::Conflict);
    assert!(refused.public.contains(&second.path().display().to_string()), "{refused}");
    same(first.folder.path(), second.path());

    let engine = open(place(second.path()).options).unwrap();
    let report = engine.verify(&extract, &mut |_, _| {}).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(audited(&engine.store), entries_before);
    assert_eq!(engine.store.reader.grants().len(), 1);
    add(&engine.store, "r3").unwrap();
    instance(&engine.store, "later", 3, 10).unwrap();
    audit(&engine.store, "later");
    assert_eq!(engine.store.log.position().0, position.0 + 2, "the log goes on");
    let sequences: Vec<i64> = audited(&engine.store).into_iter().map(|(seq, _)| seq).collect();
    assert!(sequences[0] > sequences[1]);
    engine.close();

    moved(second.path(), third.path());
    same(second.path(), third.path());
    // what was moved away and is taken back is as it was
    let back = copy::take_back(&place(first.folder.path())).unwrap();
    assert_eq!(back, Some(second.path().display().to_string()));
    first.reopen();
    add(&first.store(), "again").unwrap();
    assert!(first.engine().verify(&extract, &mut |_, _| {}).unwrap().is_clean());
}

fn on_database(folder: &Path, url: &str) -> Place {
    let mut named = place(folder);
    named.options.database = Some(url.to_owned());
    named.name = "the database".into();
    named
}

#[test]
fn to_postgres_and_back_while_it_is_written() {
    let Some(cluster) = cluster::shared() else { return };
    let mut first = Embedded::make();
    furnish(&first.store());
    let (folder, third) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let second = on_database(folder.path(), &cluster.database());
    let from = place(first.folder.path());
    let kept = written_meanwhile(&first.store(), || {
        clean(&copy::migrate(&from, &second, copying(&mut |_| ())).unwrap());
    });
    clean(&copy::check(&from, &second, copying(&mut |_| ())).unwrap());
    let entries_before = audited(&first.store());
    first.engine.take().unwrap().close();

    let engine = open(second.options.clone()).unwrap();
    let verified = engine.verify(&extract, &mut |_, _| {}).unwrap();
    assert!(verified.is_clean(), "{verified:?}");
    assert_eq!(engine.store.log.position().0, 300 + 60 + 4 + kept as i64);
    // what was told while the network was moving away stands there alone: at most a request of each thread
    let entries_there = audited(&engine.store);
    assert!(entries_before.len() - entries_there.len() <= 1);
    assert!(entries_there.iter().all(|entry| entries_before.contains(entry)));
    let then = engine.store.log.position().0;
    let back = place(third.path());
    let kept = written_meanwhile(&engine.store, || {
        clean(&copy::migrate(&second, &back, copying(&mut |_| ())).unwrap());
    });
    clean(&copy::check(&second, &back, copying(&mut |_| ())).unwrap());
    let refused = engine.store.reader.get(&Scope::of_own_work(A), A, KIND, "r1").unwrap_err();
    assert_eq!(refused.code, "moved");
    engine.close();
    let refused = open(second.options.clone()).err().unwrap();
    assert_eq!(refused.code, "moved");
    let engine = open(back.options.clone()).unwrap();
    assert!(engine.verify(&extract, &mut |_, _| {}).unwrap().is_clean());
    assert_eq!(engine.store.log.position().0, then + kept as i64);
    add(&engine.store, "on").unwrap();
    engine.close();
    // and a backup of a database, restored into another
    assert_eq!(copy::take_back(&second).unwrap(), Some(back.name.clone()));
    let (backup, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    clean(&copy::back_up(&second, &place(backup.path()), copying(&mut |_| ())).unwrap());
    let restored = on_database(other.path(), &cluster.database());
    let until = Some(Position(then - 3));
    let report =
        copy::restore(&place(backup.path()), &restored, until, &rederive(), copying(&mut |_| ())).unwrap();
    clean(&report);
    let engine = open(restored.options.clone()).unwrap();
    let verified = engine.verify(&extract, &mut |_, _| {}).unwrap();
    assert!(verified.is_clean(), "{verified:?}");
    add(&engine.store, "on").unwrap();
    engine.close();
}

#[test]
fn who_takes_a_network_back_leaves_the_files_of_the_new_place_alone() {
    let Some(cluster) = cluster::shared() else { return };
    for old_server_runs in [false, true] {
        let mut first = Embedded::make();
        let old = instance(&first.store(), "old", 1, 5000).unwrap();
        // the images stay where they are
        let second = on_database(first.folder.path(), &cluster.database());
        clean(&copy::migrate(&place(first.folder.path()), &second, copying(&mut |_| ())).unwrap());
        if !old_server_runs {
            first.engine.take().unwrap().close();
        }
        let engine = open(second.options.clone()).unwrap();
        let there = instance(&engine.store, "there", 2, 9000).unwrap();
        // while the old server has the last file, the new one begins another
        assert_eq!(there.segment != old.segment, old_server_runs);
        engine.close();
        assert!(copy::take_back(&place(first.folder.path())).unwrap().is_some());
        first.reopen();
        instance(&first.store(), "again", 3, 100).unwrap();
        assert!(first.engine().verify(&extract, &mut |_, _| {}).unwrap().is_clean());
        let engine = open(second.options.clone()).unwrap();
        assert!(engine.store.blobs.verify(&there).unwrap(), "an image of the new place was cut off");
        assert!(engine.verify(&extract, &mut |_, _| {}).unwrap().is_clean());
        engine.close();
    }
}

#[test]
fn nothing_acknowledged_while_it_moves_is_lost() {
    let first = Embedded::make();
    furnish(&first.store());
    let second = TempDir::new().unwrap();
    let mut report = Report::default();
    let kept = written_meanwhile(&first.store(), || report = moved(first.folder.path(), second.path()));
    assert_eq!(report.position, first.engine().stats().position);
    assert_eq!(report.position, 300 + 60 + 4 + kept as i64);
    assert!(report.read_only_ms < 20_000, "{report:?}");
    let engine = open(place(second.path()).options).unwrap();
    let verified = engine.verify(&extract, &mut |_, _| {}).unwrap();
    assert!(verified.is_clean(), "{verified:?}");
    let page = engine.store.reader.search(&Scope::of_own_work(A), &Query::all(KIND, 100_000)).unwrap();
    let there = page.rows.iter().filter(|row| row.id.starts_with('w')).count();
    let expected = (0..).step_by(4).take_while(|n| *n < kept).count();
    assert_eq!(there, expected);
    engine.close();
}

#[test]
fn a_copy_that_was_ended_anywhere_is_gone_on_with() {
    let first = Embedded::make();
    furnish(&first.store());
    let mut steps = 0;
    {
        let whole = TempDir::new().unwrap();
        let place_of_whole = place(whole.path());
        copy::back_up(&place(first.folder.path()), &place_of_whole, copying(&mut |_| steps += 1)).unwrap();
    }
    assert!(steps > 6, "{steps}");
    let second = TempDir::new().unwrap();
    for end in 0..steps {
        let mut step = 0;
        let mut progress = |_| {
            step += 1;
            assert!(step <= end, "ended");
        };
        let (from, to) = (place(first.folder.path()), place(second.path()));
        let ended =
            catch_unwind(AssertUnwindSafe(|| copy::migrate(&from, &to, copying(&mut progress)).map(drop)));
        if ended.is_ok() {
            break;
        }
        let half = open(place(second.path()).options).err().unwrap();
        assert!(half.public.contains("half a copy"), "{half}");
        // the source goes on: what was left when the process ended holds nobody
        add(&first.store(), &format!("x{end}")).unwrap();
        instance(&first.store(), &format!("y{end}"), 1, 100).unwrap();
    }
    // the last run may have ended behind the turn
    let _ = copy::migrate(&place(first.folder.path()), &place(second.path()), copying(&mut |_| ()))
        .map(|report| clean(&report));
    same(first.folder.path(), second.path());
}

#[test]
fn only_an_empty_place_is_copied_to() {
    let (first, second) = (Embedded::make(), Embedded::make());
    furnish(&first.store());
    add(&second.store(), "own").unwrap();
    let (from, to) = (place(first.folder.path()), place(second.folder.path()));
    let refused = copy::migrate(&from, &to, copying(&mut |_| ())).unwrap_err();
    assert_eq!(refused.code, "target-not-empty");
    let nothing = TempDir::new().unwrap();
    let refused = copy::migrate(&place(nothing.path()), &to, copying(&mut |_| ())).unwrap_err();
    assert_eq!(refused.kind, FaultKind::NotFound);
    add(&first.store(), "goes on").unwrap();
}

fn rederive() -> Rederive<'static> {
    Rederive {
        extract: &extract,
        row: Arc::new(|view, record| {
            if record.id == "lost" {
                return Ok(None);
            }
            // what stands for the instances of a study: r0
            let of = view.current(A, KIND, "r0")?.map_or(0, |record| record.version);
            let id = format!("{}-{of}", record.id);
            let body = view.pack(KIND, id.as_bytes(), Packing::Zstd);
            Ok(Some(Put {
                org: A,
                patient: None,
                kind: KIND,
                labels: Labels(0),
                study: None,
                id: record.id.clone(),
                body,
                splice: -1,
                entries: entries(&id),
                in_place: true,
            }))
        }),
        cause: KIND,
        grants: Arc::new(|_, record| Ok((record.id == "r5").then(|| grant("s5")).into_iter().collect())),
    }
}

#[test]
fn backups_grow_and_are_restored_to_a_position() {
    let first = Embedded::make();
    let store = first.store();
    furnish(&store);
    let (backup, all, earlier) = (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let back_up = || {
        let report =
            copy::back_up(&place(first.folder.path()), &place(backup.path()), copying(&mut |_| ())).unwrap();
        clean(&report);
        report
    };
    set(&store, "lost", "before").unwrap();
    let report = back_up();
    let n = store.log.position();
    assert_eq!((report.position, report.copied_versions), (n.0, report.versions.unsigned_abs()));
    let rows = store.reader.search(&Scope::of_own_work(A), &Query::all(KIND, 1000)).unwrap().rows;
    // the same, again: nothing new
    assert_eq!(back_up().copied_versions, 0);
    for id in ["r1", "r2", "new"] {
        add(&store, id).unwrap();
    }
    store.write(A, vec![Write::Delete { org: A, kind: KIND, id: "r9".into() }]);
    set(&store, "kept", "later").unwrap();
    set(&store, "lost", "later").unwrap();
    instance(&store, "after", 5, 5000).unwrap();
    store.write(A, vec![Write::Ungrant { source: "s2".into() }]);
    let report = back_up();
    // four versions and an instance are new; three superseded and two in place are copied again
    assert_eq!((report.copied_versions, report.blobs), (5 + 5, 1));
    let refused = open(place(backup.path()).options).err().unwrap();
    assert!(refused.public.contains("backup"), "{refused}");

    let restored = |to: &Path, until| {
        let report =
            copy::restore(&place(backup.path()), &place(to), until, &rederive(), copying(&mut |_| ()))
                .unwrap();
        clean(&report);
        report
    };
    restored(all.path(), None);
    let report = copy::check(&place(first.folder.path()), &place(all.path()), copying(&mut |_| ())).unwrap();
    clean(&report);

    let report = restored(earlier.path(), Some(Position(n.0)));
    let cut = report.cut.unwrap();
    assert_eq!((cut.dropped, cut.current_again, cut.derived, cut.kept, cut.grants), (5, 3, 1, 1, 1));
    let engine = open(place(earlier.path()).options).unwrap();
    let verified = engine.verify(&extract, &mut |_, _| {}).unwrap();
    assert!(verified.is_clean(), "{verified:?}");
    let then = engine.store.reader.search(&Scope::of_own_work(A), &Query::all(KIND, 1000)).unwrap().rows;
    for (old, new) in rows.iter().zip(&then) {
        if !["kept", "lost"].contains(&old.id.as_str()) {
            assert_eq!(old, new);
        }
    }
    assert_eq!(rows.len(), then.len());
    let derived = then.iter().find(|row| row.id == "kept").unwrap();
    assert_eq!(&*derived.body, b"kept-2");
    assert_eq!(derived.position, Position(n.0 + 1));
    let found = Query::all(KIND, 5).with(Test::Is(PARAM, "vr9".into()));
    assert_eq!(engine.store.reader.search(&Scope::of_own_work(A), &found).unwrap().rows.len(), 1);
    assert_eq!(
        engine.store.reader.grants().iter().map(|grant| grant.source.as_str()).collect::<Vec<_>>(),
        ["s5"]
    );
    add(&engine.store, "on").unwrap();
    assert_eq!(engine.store.log.position().0, n.0 + 3, "derived rows, grants, and this");
    engine.close();
}

#[test]
fn damage_is_found_and_said() {
    let first = Embedded::make();
    furnish(&first.store());
    let blob = instance(&first.store(), "hurt", 4, 2000).unwrap();
    let path = first.folder.path().join("blobs/s-1");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[usize::try_from(blob.offset).unwrap() + 5] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (second, third) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let refused =
        copy::migrate(&place(first.folder.path()), &place(second.path()), copying(&mut |_| ())).unwrap_err();
    assert_eq!(refused.code, "copy-differs");
    add(&first.store(), "goes on").unwrap();
    let mut phases = Vec::new();
    let mut progress = |at: Progress| {
        assert!(at.done <= at.all, "{at:?}");
        phases.push(at.phase);
    };
    let options = Options { despite_damage: true, progress: &mut progress };
    let report = copy::back_up(&place(first.folder.path()), &place(third.path()), options).unwrap();
    assert_eq!(report.findings.len(), 2, "the place and the row: {:?}", report.findings);
    assert!([Phase::Rows, Phase::Blobs, Phase::Hashing].iter().all(|phase| phases.contains(phase)));
}
