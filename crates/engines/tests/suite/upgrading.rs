//! Nodes of this version beside tables of the next one.

use super::cluster::{self, Cluster};
use super::shared::{Node, add, read};
use lenticular_base::index::Query;
use lenticular_base::{FaultKind, Instant, Kind, OrgNo, Position};
use lenticular_engines::copy::{self, Options, Place};
use lenticular_engines::{OpenOptions, open};
use lenticular_policy::Scope;
use lenticular_store::conformance::{Harness, Submit, put};
use lenticular_store::{Write, schema};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tempfile::TempDir;

const A: OrgNo = OrgNo(1);
const KIND: Kind = Kind(92);

/// What the next version might add to every table that nodes write: columns with a default, a table, an index.
const MORE: &str = "
CREATE TABLE outbox (position BIGINT NOT NULL, receiver TEXT COLLATE \"C\" NOT NULL, PRIMARY KEY (position, receiver));
ALTER TABLE log ADD COLUMN kinds BIGINT NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN hue TEXT COLLATE \"C\" NOT NULL DEFAULT 'none';
ALTER TABLE ix_text ADD COLUMN weight BIGINT NOT NULL DEFAULT 1;
ALTER TABLE ix_time ADD COLUMN weight BIGINT NOT NULL DEFAULT 1;
ALTER TABLE grants ADD COLUMN purpose TEXT COLLATE \"C\";
ALTER TABLE segment ADD COLUMN tier BIGINT NOT NULL DEFAULT 0;
ALTER TABLE lease ADD COLUMN node TEXT COLLATE \"C\" NOT NULL DEFAULT '';
ALTER TABLE audit_log ADD COLUMN hash BYTEA;
ALTER TABLE audit_entry ADD COLUMN purpose TEXT COLLATE \"C\" NOT NULL DEFAULT '';
CREATE INDEX record_hue ON record (org, hue);
";

/// Brings the tables to the next version as a newer program does: in one transaction, under the lock of the tables, as their owner.
fn migrate(cluster: &Cluster, node: &Node, number: i64, text: &str, additive: bool) {
    let step = format!(
        "BEGIN;SET LOCAL ROLE {};SELECT pg_advisory_xact_lock({});{text};\
         INSERT INTO migration (number,sha256,time,additive) VALUES ({number},'of the next version',0,{});COMMIT",
        node.database(),
        0x6c65_6e74_0001_i64,
        i32::from(additive),
    );
    cluster.admin(Some(node.database()), &[&step]);
}

fn place(node: &Node) -> Place {
    Place { options: node.options(), name: "here".into() }
}

#[test]
fn a_node_works_on_while_the_next_version_adds_to_its_tables() {
    let Some(cluster) = cluster::shared() else { return };
    let mut node = Node::make(cluster);
    for n in 0..20 {
        add(&node, &format!("before{n}")).unwrap();
    }
    let (stop, kept) = (AtomicBool::new(false), AtomicI64::new(0));
    std::thread::scope(|threads| {
        let writer = threads.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let n = kept.load(Ordering::SeqCst);
                add(&node, &format!("during{n}")).unwrap();
                assert!(read(&node, &format!("during{n}")).unwrap());
                let page = node.store().reader.search(&Scope::of_own_work(A), &Query::all(KIND, 5)).unwrap();
                assert_eq!(page.rows.len(), 5);
                kept.fetch_add(1, Ordering::SeqCst);
            }
        });
        let wait_for = |more: i64| {
            let from = kept.load(Ordering::SeqCst);
            while kept.load(Ordering::SeqCst) < from + more && !writer.is_finished() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        };
        wait_for(10);
        migrate(cluster, &node, schema::NEWEST + 1, MORE, true);
        wait_for(30);
        stop.store(true, Ordering::SeqCst);
    });
    let kept = kept.into_inner();
    assert!(kept >= 40, "{kept}");
    // many rows at a time go another way than one
    let rows = (0..700).map(|n| Write::Put(Box::new(put(&node.store(), A, &format!("many{n}"), Vec::new()))));
    let rows: Vec<Write> = rows.collect();
    node.store().write(A, rows);
    assert!(node.store().leases.take("work", "old", 1000).unwrap().is_some());
    assert!((node.store().ready)().iter().all(|part| part.state.is_ok()));
    // what a program of the next version writes is read by this one
    cluster.admin(
        Some(node.database()),
        &["UPDATE record SET hue='blue' WHERE vid=1", "INSERT INTO outbox VALUES (1,'somebody')"],
    );
    assert!(read(&node, "before0").unwrap());
    // it starts again, and a second one of its version beside it
    node.reopen();
    let two = Node::on(node.url.clone());
    let last = add(&two, "after").unwrap();
    assert_eq!(last, Position(20 + kept + 2));
    assert!(read(&node, "after").unwrap());
    let report = node.engine().verify(&|_| Vec::new(), &mut |_, _| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(report.positions, last.0.unsigned_abs());
    // but a copy would lack what was added
    let folder = TempDir::new().unwrap();
    let to = Place { options: OpenOptions::new(folder.path(), || Instant(0)), name: "there".into() };
    let refused = copy::back_up(&place(&node), &to, Options { despite_damage: false, progress: &mut |_| () })
        .unwrap_err();
    assert_eq!((refused.kind, refused.code), (FaultKind::Conflict, "tables"), "{refused}");
    assert!(refused.public.contains("Use the newer one"), "{refused}");
}

#[test]
fn tables_that_it_does_not_know_are_refused_with_what_to_do() {
    let Some(cluster) = cluster::shared() else { return };
    let mut node = Node::make(cluster);
    add(&node, "before").unwrap();
    migrate(cluster, &node, schema::NEWEST + 1, "CREATE TABLE more (no BIGINT PRIMARY KEY)", true);
    migrate(cluster, &node, schema::NEWEST + 2, "ALTER TABLE record RENAME COLUMN labels TO marks", false);
    // whoever runs already takes nothing more, and says so to its proxy
    let refused = add(&node, "late").unwrap_err();
    assert_eq!((refused.kind, refused.code), (FaultKind::Busy, "tables-newer"), "{refused}");
    let store = (node.store().ready)().into_iter().find(|part| part.name == "store").unwrap();
    assert_eq!(store.state.unwrap_err().code, "tables-newer");
    // and does not start again
    node.engine.take().unwrap().close();
    let refused = open(node.options()).map(drop).unwrap_err();
    assert_eq!((refused.kind, refused.code), (FaultKind::Conflict, "tables"));
    let words = format!("tables of version {}, this program knows {}", schema::NEWEST + 2, schema::NEWEST);
    assert!(refused.public.contains(&words) && refused.public.contains("Use that one"), "{refused}");
}
