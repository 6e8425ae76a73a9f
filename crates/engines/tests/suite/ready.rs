//! What a node says of itself while its database reads well and keeps nothing.

use super::cluster;
use super::shared::{Node, add};
use lenticular_base::Fault;
use lenticular_engines::{OpenOptions, is_there, open};
use lenticular_store::AuditEntry;
use lenticular_store::conformance::Harness;
use std::sync::mpsc::channel;
use tempfile::TempDir;

/// As when there is no room for rows any more.
const FULL: &str = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE='disk_full'; END $$;\
    CREATE TRIGGER refuse BEFORE INSERT ON log EXECUTE FUNCTION refuse();\
    CREATE TRIGGER refuse BEFORE INSERT ON lease EXECUTE FUNCTION refuse();\
    CREATE TRIGGER refuse BEFORE INSERT ON audit_log EXECUTE FUNCTION refuse()";
const ROOM: &str = "DROP FUNCTION refuse CASCADE";

fn codes(node: &Node) -> Vec<&'static str> {
    let parts = (node.store().ready)();
    parts.into_iter().map(|part| part.state.err().map_or("ready", |fault| fault.code)).collect()
}

fn audited(node: &Node) -> Result<(), Fault> {
    let (told, result) = channel();
    let entry = AuditEntry { id: "1".into(), org: 1, action: 'R', ..AuditEntry::default() };
    node.store().audits.record(vec![entry], Box::new(move |outcome| told.send(outcome).unwrap()));
    result.recv().unwrap()
}

#[test]
fn a_node_whose_writes_are_not_kept_is_not_ready_until_they_are() {
    let Some(cluster) = cluster::shared() else { return };
    let node = Node::make(cluster);
    let order = |statements| cluster.admin(Some(node.database()), &[statements]);
    add(&node, "before").unwrap();
    audited(&node).unwrap();
    order(FULL);
    assert_eq!(codes(&node), ["ready", "ready", "ready"], "nobody has written yet");
    assert_eq!(add(&node, "lost").unwrap_err().code, "out-of-space");
    assert_eq!(codes(&node), ["out-of-space", "ready", "ready"]);
    assert_eq!(audited(&node).unwrap_err().code, "out-of-space");
    assert_eq!(codes(&node), ["out-of-space", "out-of-space", "ready"]);
    assert_eq!(
        codes(&node),
        ["out-of-space", "out-of-space", "ready"],
        "an attempt of its own fails as well"
    );
    order(ROOM);
    assert_eq!(codes(&node), ["ready", "ready", "ready"], "nobody wrote, and it goes on by itself");
    audited(&node).unwrap();
    assert_eq!(add(&node, "after").unwrap().0, 2);
    let traces = "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM audit_log WHERE file=0); \
                  ASSERT NOT EXISTS (SELECT FROM lease WHERE name='ready'); END $$";
    order(traces);
}

#[test]
fn asking_whether_a_network_is_there_makes_none() {
    let folder = TempDir::new().unwrap();
    let mut options = OpenOptions::new(folder.path().join("new"), || lenticular_base::Instant(0));
    assert!(!is_there(&options).unwrap());
    assert!(!options.data.exists());
    open(options.clone()).unwrap().close();
    assert!(is_there(&options).unwrap());
    let Some(cluster) = cluster::shared() else { return };
    options.database = Some(cluster.database());
    assert!(!is_there(&options).unwrap());
    assert!(!is_there(&options).unwrap(), "asking made it");
    open(options.clone()).unwrap().close();
    assert!(is_there(&options).unwrap());
}
