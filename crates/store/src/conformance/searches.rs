//! Searches: every test, sorts, pages.

use super::Harness;
use super::world::{KIND, NUMBER, Submit, TEXT, TIME, add, ids, number, put, receipt, sure, text, time};
use crate::contract::{HistoryQuery, Packing, Store, Write};
use lenticular_base::index::{After, Clause, Compare, Query, Sort, SortKey, Test};
use lenticular_base::{OrgNo, Position};
use lenticular_policy::Scope;

const A: OrgNo = OrgNo(1);
const DAY: i64 = 86_400_000;
const ALL: [Compare; 8] =
    [Compare::Eq, Compare::Ne, Compare::Gt, Compare::Lt, Compare::Ge, Compare::Le, Compare::Sa, Compare::Eb];

fn find(store: &Store, query: &Query) -> Vec<String> {
    let page = sure(store.reader.search(&Scope::of_own_work(A), query));
    let count = sure(store.reader.count(&Scope::of_own_work(A), query, 10_000));
    assert_eq!(count, page.rows.len() as u64, "count and search disagree on {query:?}");
    ids(&page.rows).into_iter().map(str::to_owned).collect()
}

fn one(store: &Store, test: Test) -> Vec<String> {
    find(store, &Query::all(KIND, 1000).with(test))
}

pub fn texts(harness: &mut dyn Harness) {
    let store = harness.store();
    let rows = [
        ("a", "smith\u{1}Smith"),
        ("b", "smithers\u{1}Smithers"),
        ("c", "o%neil_x\u{1}O%Neil_X"),
        ("d", "1234-5\u{1}http://loinc.org"),
        ("e", "王小东\u{1}王小东"),
        ("f", "plain"),
        ("g", ""),
    ];
    for (id, value) in rows {
        add(&store, A, id, vec![text(value)]);
    }
    let check = |test: Test, expected: &[&str]| assert_eq!(one(&store, test.clone()), expected, "{test:?}");
    let s = |text: &str| text.to_owned();
    check(Test::Is(TEXT, s("smith\u{1}Smith")), &["a"]);
    check(Test::Is(TEXT, s("smith")), &[]);
    check(Test::Is(TEXT, s("")), &["g"]);
    check(Test::Prefix(TEXT, s("smith")), &["a", "b"]);
    check(Test::Prefix(TEXT, s("1234-5\u{1}")), &["d"]);
    check(Test::Prefix(TEXT, s("王")), &["e"]);
    check(Test::Prefix(TEXT, s("")), &["a", "b", "c", "d", "e", "f", "g"]);
    check(Test::Suffix(TEXT, s("\u{1}http://loinc.org")), &["d"]);
    check(Test::Suffix(TEXT, s("org")), &["d"]);
    check(Test::Suffix(TEXT, s("a longer text than any value has")), &[]);
    check(Test::Contains(TEXT, s("mith")), &["a", "b"]);
    check(Test::Contains(TEXT, s("Smith")), &[]);
    check(Test::Contains(TEXT, s("loinc")), &[]);
    check(Test::Contains(TEXT, s("lai")), &["f"]);
    check(Test::Contains(TEXT, s("%")), &["c"]);
    check(Test::Like(TEXT, s("smith%")), &["a", "b"]);
    check(Test::Like(TEXT, s("%mith")), &["a"]);
    check(Test::Like(TEXT, s("sm_th")), &["a"]);
    check(Test::Like(TEXT, s("SMITH")), &[]);
    check(Test::Like(TEXT, s("o\\%neil\\_x")), &["c"]);
    check(Test::Like(TEXT, s("o\\%%")), &["c"]);
    check(Test::Like(TEXT, s("_小%")), &["e"]);
    let both = Clause { any: vec![Test::Is(TEXT, s("plain")), Test::Prefix(TEXT, s("smithe"))], not: false };
    let mut query = Query::all(KIND, 10);
    query.all.push(both.clone());
    assert_eq!(find(&store, &query), ["b", "f"]);
    query.all[0].not = true;
    assert_eq!(find(&store, &query), ["a", "c", "d", "e", "g"]);
    query.all.push(Clause { any: Vec::new(), not: false });
    assert_eq!(find(&store, &query), [""; 0]);
}

/// Whether a stored range meets a comparison, written down a second time: the table at [`Compare`].
fn meets<T: PartialOrd + Copy>(compare: Compare, stored: (T, T), asked: (T, T)) -> bool {
    let within = stored.0 >= asked.0 && stored.1 <= asked.1;
    match compare {
        Compare::Eq => within,
        Compare::Ne => !within,
        Compare::Gt => stored.1 > asked.1,
        Compare::Lt => stored.0 < asked.0,
        Compare::Ge => stored.1 > asked.1 || within,
        Compare::Le => stored.0 < asked.0 || within,
        Compare::Sa => stored.0 >= asked.1,
        Compare::Eb => stored.1 <= asked.0,
    }
}

pub fn times(harness: &mut dyn Harness) {
    let store = harness.store();
    let mut rows: Vec<(String, Vec<(i64, i64)>)> = Vec::new();
    for day in [-400, -40, -2, -1, 0, 1, 2, 3, 35, 400] {
        for width in [1, DAY, 20 * DAY, 300 * DAY, 4000 * DAY] {
            rows.push((format!("s{day}w{width}"), vec![(day * DAY, day * DAY + width)]));
        }
    }
    rows.push(("no-start".into(), vec![(i64::MIN, DAY)]));
    rows.push(("no-end".into(), vec![(DAY, i64::MAX)]));
    rows.push(("two".into(), vec![(-50 * DAY, -49 * DAY), (50 * DAY, 51 * DAY)]));
    let writes = rows
        .iter()
        .map(|(id, spans)| {
            let entries = spans.iter().map(|(low, high)| time(*low, *high)).collect();
            Write::Put(Box::new(put(&store, A, id, entries)))
        })
        .collect();
    store.write(A, writes);
    let asked = [(0, 1), (0, DAY), (-DAY, 2 * DAY), (-500 * DAY, 500 * DAY), (10 * DAY, 10 * DAY + 1000)];
    let expected = |tests: &[(Compare, (i64, i64))]| -> Vec<String> {
        let hit = |spans: &[(i64, i64)], (compare, asked): &(Compare, (i64, i64))| {
            spans.iter().any(|stored| meets(*compare, *stored, *asked))
        };
        let found = rows.iter().filter(|(_, spans)| tests.iter().all(|test| hit(spans, test)));
        found.map(|(id, _)| id.clone()).collect()
    };
    for compare in ALL {
        for span in asked {
            let found = one(&store, Test::Time(TIME, compare, span.0, span.1));
            assert_eq!(found, expected(&[(compare, span)]), "{compare:?} {span:?}");
            for other in ALL {
                let query = Query::all(KIND, 1000)
                    .with(Test::Time(TIME, compare, span.0, span.1))
                    .with(Test::Time(TIME, other, 5 * DAY, 6 * DAY));
                let both = expected(&[(compare, span), (other, (5 * DAY, 6 * DAY))]);
                assert_eq!(find(&store, &query), both, "{compare:?} {span:?} and {other:?}");
            }
        }
    }
}

pub fn numbers(harness: &mut dyn Harness) {
    let store = harness.store();
    let values = [(-1.0, -1.0), (0.0, 0.0), (-0.5, 0.5), (99.5, 100.5), (100.0, 100.0), (1e300, 1e308)];
    for (n, (low, high)) in values.iter().enumerate() {
        add(&store, A, &format!("n{n}"), vec![number(*low, *high, "mg\u{1}http://unitsofmeasure.org")]);
    }
    add(&store, A, "none", vec![number(100.0, 100.0, "")]);
    for compare in ALL {
        for asked in [(99.5, 100.5), (0.0, 0.0), (-0.0, 0.0), (100.0, 100.0), (1e301, 1e302)] {
            let expected: Vec<String> = values
                .iter()
                .enumerate()
                .filter(|(_, stored)| meets(compare, **stored, asked))
                .map(|(n, _)| format!("n{n}"))
                .collect();
            let unit = Some("mg\u{1}".to_owned());
            assert_eq!(
                one(&store, Test::Number(NUMBER, compare, asked.0, asked.1, unit)),
                expected,
                "{compare:?} {asked:?}"
            );
        }
    }
    let unit = |unit: &str| one(&store, Test::Number(NUMBER, Compare::Eq, 100.0, 100.0, Some(unit.into())));
    assert_eq!(unit("mg\u{1}http://unitsofmeasure.org"), ["n4"]);
    assert_eq!(unit("mg\u{1}other"), [""; 0]);
    assert_eq!(one(&store, Test::Number(NUMBER, Compare::Eq, 100.0, 100.0, None)), ["n4", "none"]);
}

pub fn others(harness: &mut dyn Harness) {
    let store = harness.store();
    let clock = harness.clock();
    let begin = clock.now();
    add(&store, A, "t", vec![text("x")]);
    clock.set(begin.plus(1000));
    add(&store, A, "n", vec![number(1.0, 1.0, "")]);
    clock.set(begin.plus(2000));
    add(&store, A, "e", Vec::new());
    assert_eq!(one(&store, Test::Missing(TEXT, true)), ["n", "e"]);
    assert_eq!(one(&store, Test::Missing(TEXT, false)), ["t"]);
    assert_eq!(one(&store, Test::Missing(NUMBER, false)), ["n"]);
    assert_eq!(one(&store, Test::Id("n".into())), ["n"]);
    assert_eq!(one(&store, Test::Never), [""; 0]);
    let moment = begin.0 + 1000;
    let updated = |compare| one(&store, Test::Updated(compare, moment, moment + 1));
    assert_eq!(updated(Compare::Eq), ["n"]);
    assert_eq!(updated(Compare::Ne), ["t", "e"]);
    assert_eq!(updated(Compare::Gt), ["e"]);
    assert_eq!(updated(Compare::Ge), ["n", "e"]);
    assert_eq!(updated(Compare::Lt), ["t"]);
    assert_eq!(updated(Compare::Le), ["t", "n"]);
    let range = Query::all(KIND, 9).with(Test::Updated(Compare::Ge, moment, moment + 1)).with(Test::Updated(
        Compare::Lt,
        moment + 1000,
        moment + 1001,
    ));
    assert_eq!(find(&store, &range), ["n"]);
    let mut not = Query::all(KIND, 9);
    not.all.push(Clause { any: vec![Test::Never], not: true });
    assert_eq!(find(&store, &not), ["t", "n", "e"]);
}

/// Reads page after page and gives all ids in order.
fn through(store: &Store, mut query: Query) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let page = sure(store.reader.search(&Scope::of_own_work(A), &query));
        found.extend(ids(&page.rows).into_iter().map(str::to_owned));
        let Some(last) = page.rows.last().filter(|_| page.more) else {
            return found;
        };
        query.after = Some(After { values: page.last.clone(), vid: last.vid });
        query.at = Some(page.position);
    }
}

pub fn sorts(harness: &mut dyn Harness) {
    let store = harness.store();
    let mut writes = Vec::new();
    for n in 0..40 {
        let mut entries = Vec::new();
        if n % 5 != 0 {
            entries.push(text(&format!("t{}", n % 7)));
            entries.push(text(&format!("u{}", n % 3)));
        }
        if n % 4 != 0 {
            entries.push(time(i64::from(n % 6) * DAY, i64::from(n % 6) * DAY + 1));
        }
        if n % 3 != 0 {
            entries.push(number(f64::from(n % 8), f64::from(n % 8), ""));
        }
        writes.push(Write::Put(Box::new(put(&store, A, &format!("r{:02}", (n * 17) % 40), entries))));
    }
    store.write(A, writes);
    let all = through(&store, Query::all(KIND, 1000));
    assert_eq!(all.len(), 40);
    let keys =
        [SortKey::Id, SortKey::Updated, SortKey::Text(TEXT), SortKey::Time(TIME), SortKey::Number(NUMBER)];
    for first in &keys {
        for second in &keys {
            for directions in 0..4 {
                let sort = vec![
                    Sort { key: first.clone(), descending: directions & 1 > 0 },
                    Sort { key: second.clone(), descending: directions & 2 > 0 },
                ];
                let mut query = Query::all(KIND, 1000);
                query.sort.clone_from(&sort);
                let whole = through(&store, query.clone());
                assert_eq!(whole.len(), 40, "{sort:?}");
                query.limit = 7;
                assert_eq!(through(&store, query), whole, "{sort:?}");
            }
        }
    }
    let mut by_text = Query::all(KIND, 1000);
    by_text.sort = vec![Sort { key: SortKey::Text(TEXT), descending: true }];
    let sorted = sure(store.reader.search(&Scope::of_own_work(A), &by_text)).rows;
    let values: Vec<Option<String>> = sorted
        .iter()
        .map(|row| {
            let texts = sure(store.reader.texts(&[row.vid], &[TEXT]));
            texts.into_iter().map(|(_, _, value)| value).max()
        })
        .collect();
    let mut expected = values.clone();
    expected.sort_by(|a, b| b.cmp(a));
    assert_eq!(values, expected, "descending, rows without a value last");
    let mut by_id = Query::all(KIND, 5);
    by_id.sort = vec![Sort { key: SortKey::Id, descending: false }];
    assert_eq!(through(&store, by_id), (0..40).map(|n| format!("r{n:02}")).collect::<Vec<_>>());
}

pub fn stable_pages(harness: &mut dyn Harness) {
    let store = harness.store();
    for n in 0..60 {
        add(&store, A, &format!("r{n:02}"), vec![text("x"), time(n * DAY, n * DAY + 1)]);
    }
    let position = store.log.position();
    let before: Vec<String> = through(&store, Query::all(KIND, 100));
    std::thread::scope(|threads| {
        let writer = store.clone();
        let busy = threads.spawn(move || {
            for n in 0..60 {
                add(&writer, A, &format!("new{n}"), vec![text("x")]);
                add(&writer, A, &format!("r{n:02}"), vec![text("changed")]);
                let end = writer.propose(A, move |_| {
                    Ok(vec![Write::Delete { org: A, kind: KIND, id: format!("r{:02}", 59 - n) }])
                });
                drop(end.recv());
            }
        });
        for round in 0..20 {
            let mut query = Query::all(KIND, 7).with(Test::Is(TEXT, "x".into()));
            query.at = Some(position);
            if round % 2 == 0 {
                query.sort = vec![Sort { key: SortKey::Time(TIME), descending: false }];
            }
            assert_eq!(through(&store, query), before, "round {round}");
        }
        assert!(busy.join().is_ok());
    });
    let mut late = Query::all(KIND, 1000);
    late.at = Some(Position(0));
    assert_eq!(find(&store, &late), [""; 0], "nothing was there at the beginning");
}

pub fn counts(harness: &mut dyn Harness) {
    let store = harness.store();
    let ends: Vec<_> = (0..300)
        .map(|n| {
            let row =
                put(&store, A, &format!("r{n:03}"), vec![text(if n % 2 == 0 { "even" } else { "odd" })]);
            store.propose(A, move |_| Ok(vec![Write::Put(Box::new(row))]))
        })
        .collect();
    ends.iter().for_each(|end| drop(receipt(end)));
    let scope = Scope::of_own_work(A);
    let even = Query::all(KIND, 10).with(Test::Is(TEXT, "even".into()));
    let count = |at_most| sure(store.reader.count(&scope, &even, at_most));
    assert_eq!([count(1000), count(100), count(0)], [150, 100, 0]);
    let mut later = even.clone();
    later.offset = 145;
    let page = sure(store.reader.search(&scope, &later));
    assert_eq!(ids(&page.rows), ["r290", "r292", "r294", "r296", "r298"]);
    assert!(!page.more);
    later.offset = 1000;
    assert_eq!(sure(store.reader.search(&scope, &later)).rows.len(), 0);
    // two values, both common: the rarer part decides
    let both = Query::all(KIND, 10).with(Test::Is(TEXT, "odd".into())).with(Test::Prefix(TEXT, "o".into()));
    assert_eq!(sure(store.reader.search(&scope, &both)).rows.len(), 10);
}

/// Nothing is rare: the common value is read in order where a trial says that a page is soon full, else it is not.
pub fn common_values(harness: &mut dyn Harness) {
    let store = harness.store();
    let rows = 1200;
    let puts: Vec<Write> = (0..rows)
        .map(|n| {
            let entries = vec![text("x"), time(n * DAY, n * DAY + 1)];
            Write::Put(Box::new(put(&store, A, &format!("r{n:04}"), entries)))
        })
        .collect();
    store.write(A, puts);
    for from in [0, 300, 600, 900, 1190] {
        let mut query = Query::all(KIND, 5).with(Test::Is(TEXT, "x".into()));
        query = query.with(Test::Time(TIME, Compare::Ge, from * DAY, from * DAY + 1));
        let expected: Vec<String> = (from..rows).map(|n| format!("r{n:04}")).collect();
        assert_eq!(through(&store, query), expected, "from {from}");
    }
}

/// A page ends early once its bodies have many bytes, and the next one goes on.
pub fn large_bodies(harness: &mut dyn Harness) {
    let store = harness.store();
    for n in 0..4 {
        let mut row = put(&store, A, &format!("r{n}"), vec![text("x")]);
        row.body = store.reader.pack(KIND, &vec![b'x'; 30 << 20], Packing::Zstd);
        store.write(A, vec![Write::Put(Box::new(row))]);
    }
    let scope = Scope::of_own_work(A);
    let page = sure(store.reader.search(&scope, &Query::all(KIND, 100)));
    assert_eq!((ids(&page.rows), page.more), (vec!["r0", "r1", "r2"], true));
    assert_eq!(through(&store, Query::all(KIND, 100)), ["r0", "r1", "r2", "r3"]);
    let history = HistoryQuery { kind: Some(KIND), id: None, since: None, before: None, limit: 100 };
    let page = sure(store.reader.history(&scope, &history));
    assert_eq!((ids(&page.rows), page.more), (vec!["r3", "r2", "r1"], true));
}
