//! Commits: order, isolation, versions.

use super::Harness;
use super::world::{KIND, Submit, add, author, ids, put, receipt, sure, text};
use crate::contract::{Decided, HistoryQuery, Proposal, Write};
use lenticular_base::index::{Query, Test};
use lenticular_base::{Fault, FaultKind, Instant, OrgNo, Position};
use lenticular_policy::Scope;
use std::sync::mpsc::channel;

const A: OrgNo = OrgNo(1);

pub fn numbered_in_order(harness: &mut dyn Harness) {
    let store = harness.store();
    assert_eq!(store.log.position(), Position(0));
    let mut ends = Vec::new();
    for n in 0..50 {
        let row = put(&store, A, &format!("r{n}"), vec![text(&format!("v{n}"))]);
        ends.push(store.propose(A, move |view| {
            // each sees the one before it, by name and by index, whether in the same group or not
            if n > 0 {
                let before = view.current(A, KIND, &format!("r{}", n - 1))?;
                assert!(before.is_some(), "r{} is not there for r{n}", n - 1);
                let query = Query::all(KIND, 5).with(Test::Is(super::world::TEXT, format!("v{}", n - 1)));
                assert_eq!(ids(&view.find(A, &query)?), [format!("r{}", n - 1)]);
            }
            assert!(view.current(A, KIND, &format!("r{n}"))?.is_none());
            Ok(vec![Write::Put(Box::new(row))])
        }));
    }
    for (end, n) in ends.iter().zip(1..) {
        let receipt = receipt(end);
        assert_eq!(receipt.stamp.position, Position(n));
        assert_eq!(receipt.versions, [1]);
    }
    assert_eq!(store.log.position(), Position(50));
    let nothing = store.write(A, Vec::new());
    assert_eq!(nothing.stamp.position, Position(50), "no writes make no commit");
    assert_eq!(store.log.position(), Position(50));
}

pub fn one_winner(harness: &mut dyn Harness) {
    let store = harness.store();
    let winners: usize = std::thread::scope(|threads| {
        let tries: Vec<_> = (0..64)
            .map(|n| {
                let store = store.clone();
                threads.spawn(move || {
                    let row = put(&store, A, &format!("r{n}"), vec![text("the one")]);
                    let end = store.propose(A, move |view| {
                        let query = Query::all(KIND, 2).with(Test::Is(super::world::TEXT, "the one".into()));
                        if view.find(A, &query)?.is_empty() {
                            return Ok(vec![Write::Put(Box::new(row))]);
                        }
                        Ok(Vec::new())
                    });
                    receipt(&end).versions.len()
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap_or(0)).sum()
    });
    assert_eq!(winners, 1);
    let query = Query::all(KIND, 10);
    assert_eq!(sure(store.reader.search(&Scope::of_own_work(A), &query)).rows.len(), 1);
}

pub fn fails_alone(harness: &mut dyn Harness) {
    let store = harness.store();
    let good = put(&store, A, "good", Vec::new());
    let refused = store.propose(A, |_| Err(Fault::new(FaultKind::Conflict, "no", "no")));
    let missing = store.propose(A, |_| Ok(vec![Write::Delete { org: A, kind: KIND, id: "never".into() }]));
    let panicked = store.propose(A, |_| std::panic::panic_any("a defect"));
    let kept = store.propose(A, move |_| Ok(vec![Write::Put(Box::new(good))]));
    let kind = |end: &std::sync::mpsc::Receiver<_>| match end.recv() {
        Ok(Err(fault)) => {
            let fault: Fault = fault;
            Some(fault.kind)
        }
        _ => None,
    };
    assert_eq!(kind(&refused), Some(FaultKind::Conflict));
    assert_eq!(kind(&missing), Some(FaultKind::NotFound));
    assert_eq!(kind(&panicked), Some(FaultKind::Internal));
    assert_eq!(receipt(&kept).stamp.position, Position(1), "what failed left no gap");
}

pub fn versions(harness: &mut dyn Harness) {
    let store = harness.store();
    let scope = Scope::of_own_work(A);
    assert_eq!(add(&store, A, "r", vec![text("one")]).versions, [1]);
    assert_eq!(add(&store, A, "r", vec![text("two")]).versions, [2]);
    assert_eq!(add(&store, A, "other", vec![text("x")]).versions, [1]);
    let delete = || Write::Delete { org: A, kind: KIND, id: "r".into() };
    assert_eq!(store.write(A, vec![delete()]).versions, [3]);
    let get = |id: &str| sure(store.reader.get(&scope, A, KIND, id));
    let gone = get("r").map(|row| (row.deleted, row.version, row.body.len()));
    assert_eq!(gone, Some((true, 3, 0)));
    assert_eq!(get("nothing"), None);
    let version = |n| sure(store.reader.version(&scope, A, KIND, "r", n)).map(|row| row.deleted);
    assert_eq!(
        [version(1), version(2), version(3), version(4)],
        [Some(false), Some(false), Some(true), None]
    );
    let search = |value: &str| {
        let query = Query::all(KIND, 10).with(Test::Is(super::world::TEXT, value.into()));
        sure(store.reader.search(&scope, &query)).rows.len()
    };
    assert_eq!([search("one"), search("two"), search("x")], [0, 0, 1]);
    assert_eq!(add(&store, A, "r", vec![text("one")]).versions, [4]);
    assert_eq!(search("one"), 1);
    let ask = |id: Option<&str>, limit| HistoryQuery {
        kind: Some(KIND),
        id: id.map(str::to_owned),
        since: None,
        before: None,
        limit,
    };
    let page = sure(store.reader.history(&scope, &ask(Some("r"), 3)));
    assert_eq!(page.rows.iter().map(|row| row.version).collect::<Vec<_>>(), [4, 3, 2]);
    assert!(page.more);
    let mut rest = ask(Some("r"), 3);
    rest.before = page.rows.last().map(|row| row.vid);
    let rest = sure(store.reader.history(&scope, &rest));
    assert_eq!((rest.rows.len(), rest.more), (1, false));
    let mut whole = ask(None, 10);
    whole.kind = None;
    assert_eq!(sure(store.reader.history(&scope, &whole)).rows.len(), 5);
    whole.since = Some(harness.clock().now().plus(1));
    assert_eq!(sure(store.reader.history(&scope, &whole)).rows.len(), 0);
}

pub fn in_place(harness: &mut dyn Harness) {
    let store = harness.store();
    let scope = Scope::of_own_work(A);
    let write = |value: &str| {
        let mut row = put(&store, A, "study", vec![text("stays"), text(value)]);
        row.in_place = true;
        Write::Put(Box::new(row))
    };
    assert_eq!(store.write(A, vec![write("one")]).versions, [1]);
    let first = sure(store.reader.get(&scope, A, KIND, "study"));
    // twice in one commit, and many in one group
    assert_eq!(store.write(A, vec![write("two"), write("three")]).versions, [2, 3]);
    let ends: Vec<_> = (0..20)
        .map(|n| {
            let write = write(&format!("n{n}"));
            store.propose(A, move |_| Ok(vec![write]))
        })
        .collect();
    ends.iter().for_each(|end| drop(receipt(end)));
    let last = sure(store.reader.get(&scope, A, KIND, "study"));
    let vid = |row: &Option<crate::contract::Record>| row.as_ref().map(|row| row.vid);
    assert_eq!(vid(&first), vid(&last), "the row keeps its number");
    assert_eq!(last.map(|row| row.version), Some(23));
    let search = |value: &str| {
        let query = Query::all(KIND, 10).with(Test::Is(super::world::TEXT, value.into()));
        sure(store.reader.search(&scope, &query)).rows.len()
    };
    assert_eq!([search("stays"), search("one"), search("n3"), search("n19")], [1, 0, 0, 1]);
    // new and replaced in one group
    let both = vec![Write::Put(Box::new(put(&store, A, "fresh", vec![text("a"), text("b")]))), {
        let mut row = put(&store, A, "fresh", vec![text("b"), text("c")]);
        row.in_place = true;
        Write::Put(Box::new(row))
    }];
    assert_eq!(store.write(A, both).versions, [1, 2]);
    assert_eq!([search("a"), search("b"), search("c")], [0, 1, 1]);
}

pub fn time(harness: &mut dyn Harness) {
    let store = harness.store();
    let first = add(&store, A, "a", Vec::new()).stamp.time;
    harness.clock().set(Instant(first.0 - 60_000));
    let second = add(&store, A, "b", Vec::new()).stamp.time;
    assert_eq!(second, first);
    let (sender, end) = channel();
    store.log.submit(Proposal {
        author: author(A),
        blobs: Vec::new(),
        decide: Box::new(|_, stamp| Ok(Decided { writes: Vec::new(), answer: Box::new(stamp) })),
        done: Box::new(move |result| drop(sender.send(result))),
    });
    let told = receipt(&end).answer.downcast::<crate::contract::Stamp>().map(|stamp| *stamp).ok();
    assert_eq!(told.map(|stamp| (stamp.position, stamp.time)), Some((Position(3), first)));
}
