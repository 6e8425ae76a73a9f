//! The contract on PostgreSQL, and what only it has to show: several nodes, a server that goes away, the second wall.

use super::cluster::{self, Cluster};
use super::copies::{audit, audited};
use lenticular_base::index::{Entry, Param, Query, Value};
use lenticular_base::{Fault, FaultKind, Instant, Kind, OrgNo, Position};
use lenticular_engines::{Engine, OpenOptions, open};
use lenticular_policy::{Grant, Grantee, Scope};
use lenticular_store::conformance::{Clock, Harness, SOON, Submit, put, run, woken};
use lenticular_store::{Record, Store, Write};
use tempfile::TempDir;

/// One node on a database.
pub struct Node {
    pub folder: TempDir,
    pub clock: Clock,
    pub url: String,
    pub engine: Option<Engine>,
}

impl Node {
    pub fn make(cluster: &Cluster) -> Node {
        Node::on(cluster.database())
    }

    /// Another node on a database that is there.
    pub fn on(url: String) -> Node {
        let mut node = Node { folder: TempDir::new().unwrap(), clock: Clock::default(), url, engine: None };
        node.clock.set(Instant(1_700_000_000_000));
        node.reopen();
        node
    }

    pub fn options(&self) -> OpenOptions {
        let clock = self.clock.clone();
        let mut options = OpenOptions::new(self.folder.path(), move || clock.now());
        options.database = Some(self.url.clone());
        options.own_clock = true;
        options
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        self.url.rsplit('/').next().unwrap()
    }

    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
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
        self.engine = Some(open(self.options()).unwrap());
    }
}

#[test]
fn keeps_the_contract() {
    let Some(cluster) = cluster::shared() else { return };
    run(&|| Box::new(Node::make(cluster)));
}

const A: OrgNo = OrgNo(1);
const KIND: Kind = Kind(92);

pub fn add(node: &Node, id: &str) -> Result<Position, Fault> {
    let store = node.store();
    let row = put(&store, A, id, Vec::new());
    let end = store.propose(A, move |_| Ok(vec![Write::Put(Box::new(row))]));
    end.recv().unwrap().map(|receipt| receipt.stamp.position)
}

pub fn read(node: &Node, id: &str) -> Result<bool, Fault> {
    Ok(node.store().reader.get(&Scope::of_own_work(A), A, KIND, id)?.is_some())
}

#[test]
fn what_one_node_commits_another_reads_at_once() {
    let Some(cluster) = cluster::shared() else { return };
    let one = Node::make(cluster);
    let two = Node::on(one.url.clone());
    add(&one, "a").unwrap();
    assert!(read(&two, "a").unwrap());
    assert!(read(&two, "a").unwrap(), "from memory");
    one.store().write(A, vec![Write::Delete { org: A, kind: KIND, id: "a".into() }]);
    let found = two.store().reader.get(&Scope::of_own_work(A), A, KIND, "a").unwrap();
    assert!(found.is_some_and(|row| row.deleted), "memory of the other node is old");
    // a grant that ends is not in force at the next read of any node
    let grant = Grant {
        source: "share".into(),
        grantee: Grantee::Member(OrgNo(2)),
        org: A,
        patient: None,
        study: None,
        kind: Some(KIND),
        expires: None,
    };
    one.store().write(A, vec![Write::Grant(grant)]);
    assert_eq!(two.store().reader.grants().len(), 1);
    two.store().write(A, vec![Write::Ungrant { source: "share".into() }]);
    assert_eq!(one.store().reader.grants().len(), 0);
}

#[test]
fn positions_of_several_nodes_have_no_gap() {
    let Some(cluster) = cluster::shared() else { return };
    let one = Node::make(cluster);
    let nodes = [Node::on(one.url.clone()), Node::on(one.url.clone()), one];
    let mut positions: Vec<i64> = std::thread::scope(|threads| {
        let work: Vec<_> = nodes
            .iter()
            .enumerate()
            .map(|(at, node)| {
                threads.spawn(move || -> Vec<i64> {
                    (0..40).map(|n| add(node, &format!("n{at}-{n}")).unwrap().0).collect()
                })
            })
            .collect();
        work.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    positions.sort_unstable();
    assert_eq!(positions, (1..=120).collect::<Vec<i64>>());
    let report = nodes[0].engine().verify(&|_| Vec::new(), &mut |_, _| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
}

#[test]
fn a_server_that_goes_away_is_said_soon_and_used_again_without_a_restart() {
    let Some(cluster) = Cluster::own() else { return };
    let node = Node::make(&cluster);
    add(&node, "before").unwrap();
    assert!(read(&node, "before").unwrap());
    for how in ["stop", "crash"] {
        cluster.order(how);
        let begin = std::time::Instant::now();
        assert_eq!(read(&node, "before").unwrap_err().kind, FaultKind::Busy);
        assert_eq!(add(&node, "during").unwrap_err().kind, FaultKind::Busy);
        assert!(node.store().reader.grants().is_empty());
        assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
        cluster.order("start");
        // a failure stands for a moment, so that a dead server is not asked by every read
        let begin = std::time::Instant::now();
        while let Err(fault) = read(&node, "before") {
            assert!(begin.elapsed().as_secs() < 10, "{fault}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert!(!read(&node, "during").unwrap(), "{how}: what was refused was kept");
        add(&node, how).unwrap();
        assert!(read(&node, how).unwrap());
    }
    let report = node.engine().verify(&|_| Vec::new(), &mut |_, _| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
}

#[test]
fn connections_that_are_ended_from_outside_disturb_nobody() {
    let Some(cluster) = cluster::shared() else { return };
    let node = Node::make(cluster);
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname=current_database() AND pid<>pg_backend_pid()";
    for round in 0..3 {
        add(&node, &format!("r{round}")).unwrap();
        cluster.admin(Some(node.database()), &[end]);
        assert!(read(&node, &format!("r{round}")).unwrap());
        cluster.admin(Some(node.database()), &[end]);
        let query = Query::all(KIND, 10);
        let page = node.store().reader.search(&Scope::of_own_work(A), &query).unwrap();
        assert_eq!(page.rows.len(), round + 1);
        cluster.admin(Some(node.database()), &[end]);
    }
}

#[test]
fn without_a_scope_the_database_itself_shows_nothing() {
    let Some(cluster) = cluster::shared() else { return };
    let node = Node::make(cluster);
    let store = node.store();
    let rows = (0..1000).map(|n| Write::Put(Box::new(put(&store, A, &format!("n{n}"), Vec::new()))));
    store.write(A, rows.collect());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&node.url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        for (orgs, expected) in [(None, 0), (Some(""), 0), (Some("2,3"), 0), (Some("1,2"), 1000), (Some("*"), 1000)] {
            if let Some(orgs) = orgs {
                client.batch_execute(&format!("SET lenticular.orgs='{orgs}'")).await.unwrap();
            }
            let seen: i64 = client.query_one("SELECT count(*) FROM record", &[]).await.unwrap().get(0);
            assert_eq!(seen, expected, "{orgs:?}");
        }
        // the wall costs no index: the plan looks a name up
        client.batch_execute("ANALYZE record; SET lenticular.orgs='1'; SET enable_seqscan=off").await.unwrap();
        let text = "EXPLAIN SELECT vid FROM record WHERE kind=92 AND id='a' AND until_position=9223372036854775807 AND org=1";
        let plan: Vec<String> =
            client.query(text, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert!(plan.iter().any(|line| line.contains("id = 'a'") && line.contains("Index Cond")), "{plan:?}");
    });
}

/// The one entry of each row of the test below: its id.
fn entry(record: &Record) -> Vec<Entry> {
    vec![Entry { param: Param::of(KIND, 1), value: Value::Text(record.id.clone()) }]
}

#[test]
fn verify_reads_many_rows_at_a_time_and_names_each_that_is_wrong() {
    let Some(cluster) = cluster::shared() else { return };
    let node = Node::make(cluster);
    let store = node.store();
    let row = |id: &str| {
        let mut row = put(&store, A, id, Vec::new());
        row.entries = vec![Entry { param: Param::of(KIND, 1), value: Value::Text(id.into()) }];
        row
    };
    // more than are read together, bodies of more bytes than are held, and versions that ended
    for from in [0, 700, 1400] {
        let rows = (from..from + 700).map(|n| Write::Put(Box::new(row(&format!("n{n}")))));
        store.write(A, rows.collect());
    }
    for n in 0..4 {
        let mut large = row(&format!("large{n}"));
        large.body = store.reader.pack(KIND, &vec![b'x'; 5 << 20], lenticular_store::Packing::Raw);
        store.write(A, vec![Write::Put(Box::new(large))]);
    }
    store.write(A, vec![Write::Put(Box::new(row("n7")))]);
    store.write(A, vec![Write::Delete { org: A, kind: KIND, id: "n8".into() }]);
    let mut steps = 0;
    let report = node.engine().verify(&entry, &mut |_, _| steps += 1).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((report.records, report.positions, steps), (2106, 9, 6));
    cluster.admin(
        Some(node.database()),
        &[
            "UPDATE record SET body='\\x0102' WHERE vid IN (3,1500)",
            "DELETE FROM ix_text WHERE vid=1200",
            "UPDATE ix_text SET value='other' WHERE vid=1201",
            "DELETE FROM record WHERE vid=900",
            "INSERT INTO ix_text (vid,param,value,org) VALUES (-5,1,'x',1),(99999,1,'x',1)",
            "UPDATE record SET until_position=77 WHERE vid=2000",
            "UPDATE record SET position=0 WHERE vid=2001",
            "INSERT INTO record SELECT 5000,org,patient,kind,labels,author_org,time,study,id,version+1,from_position,\
             until_position,position,deleted,dictionary,length,splice,body FROM record WHERE vid=1",
        ],
    );
    let report = node.engine().verify(&entry, &mut |_, _| {}).unwrap();
    let mut found: Vec<(&str, i64)> =
        report.findings.iter().map(|finding| (finding.code, finding.vid.unwrap())).collect();
    found.sort_unstable();
    let expected = [
        ("body-unreadable", 3),
        ("body-unreadable", 1500),
        ("entries-differ", 1200),
        ("entries-differ", 1201),
        ("entries-differ", 5000),
        ("entry-without-row", -5),
        ("entry-without-row", 900),
        ("entry-without-row", 99999),
        ("position-not-in-log", 2000),
        ("position-not-in-log", 2001),
        ("positions-out-of-order", 2001),
        ("several-current", 1),
    ];
    assert_eq!(found, expected);
}

/// The connection that listens is idle after `LISTEN`.
const LISTENING: &str = "datname=current_database() AND query='LISTEN lenticular_log'";

#[test]
fn a_commit_on_one_node_wakes_who_waits_on_another() {
    let Some(cluster) = cluster::shared() else { return };
    let one = Node::make(cluster);
    let two = Node::on(one.url.clone());
    for round in 0..5 {
        let mut at = None;
        let (told, took) = woken(&two.store().log, || at = add(&one, &format!("r{round}")).ok());
        assert_eq!(Some(told), at);
        assert!(took < SOON, "round {round}: {took:?}");
    }
    let (told, took) = woken(&one.store().log, || assert_eq!(add(&two, "back").unwrap(), Position(6)));
    assert_eq!((told, took < SOON), (Position(6), true), "{took:?}");
}

#[test]
fn who_waits_is_woken_though_the_connection_that_listens_was_ended() {
    let Some(cluster) = cluster::shared() else { return };
    let one = Node::make(cluster);
    let two = Node::on(one.url.clone());
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENING}");
    for round in 0..4 {
        // both before the commit and at the same time as it
        cluster.admin(Some(one.database()), &[&end]);
        let (told, took) = woken(&two.store().log, || {
            if round % 2 == 1 {
                cluster.admin(Some(one.database()), &[&end]);
            }
            add(&one, &format!("r{round}")).unwrap();
        });
        assert_eq!(told, Position(round + 1));
        assert!(took < SOON, "round {round}: {took:?}");
    }
}

#[test]
fn what_another_node_commits_is_known_before_anybody_reads() {
    let Some(cluster) = cluster::shared() else { return };
    let one = Node::make(cluster);
    let two = Node::on(one.url.clone());
    add(&one, "a").unwrap();
    assert!(read(&two, "a").unwrap());
    one.store().write(A, vec![Write::Delete { org: A, kind: KIND, id: "a".into() }]);
    let begin = std::time::Instant::now();
    // the numbers for operators ask nobody
    while two.engine().stats().position < 2 {
        assert!(begin.elapsed() < SOON, "nobody listens");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let hits = two.engine().stats().cache_hits;
    assert!(
        two.store().reader.get(&Scope::of_own_work(A), A, KIND, "a").unwrap().is_some_and(|row| row.deleted)
    );
    assert_eq!(two.engine().stats().cache_hits, hits, "what was forgotten came from memory");
}

#[test]
fn audit_entries_are_written_while_another_node_hangs_amid_indexing() {
    let Some(cluster) = cluster::shared() else { return };
    let node = Node::make(cluster);
    let store = node.store();
    let lock = i64::from_be_bytes(*b"LENSAUDI");
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let hold = format!("SELECT pg_advisory_lock({lock});SELECT pg_sleep(8)");
            cluster.admin(Some(node.database()), &["SET application_name='hanging'", &hold]);
        });
        let held = "DO $$ BEGIN WHILE NOT EXISTS (SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) \
                    WHERE locktype='advisory' AND granted AND application_name='hanging') \
                    LOOP PERFORM pg_stat_clear_snapshot(),pg_sleep(0.02); END LOOP; END $$";
        cluster.admin(Some(node.database()), &[held]);
        let began = std::time::Instant::now();
        for no in 0..10 {
            audit(&store, &format!("e{no}"));
            // as long as the thread waits before it looks whether there is something to index
            std::thread::sleep(std::time::Duration::from_millis(150));
        }
        assert!(began.elapsed().as_secs() < 6, "entries waited for {:?}", began.elapsed());
    });
    assert_eq!(audited(&store).len(), 10, "what was written meanwhile is indexed afterwards");
}
