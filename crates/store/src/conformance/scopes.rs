//! Scopes: the interpreter and the SQL agree, grants end at the next read.

use super::Harness;
use super::world::{KIND, Submit, TEXT, clinician, freshen, ids, put, sure, text};
use crate::contract::{HistoryQuery, Store, Write};
use lenticular_base::index::{Query, Sort, SortKey, Test};
use lenticular_base::{Instant, Kind, Labels, OrgNo};
use lenticular_policy::{Action, Decision, Facts, Grant, Grantee, Principal, Purpose, Role, Scope, decide};
use std::time::Instant as Steady;

const A: OrgNo = OrgNo(1);
const B: OrgNo = OrgNo(2);
const C: OrgNo = OrgNo(3);
const OTHER: Kind = Kind(103);

fn grant(source: &str, grantee: Grantee, org: OrgNo) -> Grant {
    Grant { source: source.into(), grantee, org, patient: None, study: None, kind: None, expires: None }
}

/// Members x patients x studies x kinds x labels: every combination one row.
fn fill(store: &Store) {
    for org in [A, B, C] {
        let mut writes = Vec::new();
        for patient in [None, Some("p"), Some("q")] {
            for study in [None, Some("1.2.3")] {
                for kind in [KIND, OTHER] {
                    for labels in 0..4 {
                        let id = format!("{}{patient:?}{study:?}{}{labels}", org.0, kind.0);
                        let id: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
                        let mut row = put(store, org, &id, vec![text("x")]);
                        (row.patient, row.study) = (patient.map(str::to_owned), study.map(str::to_owned));
                        (row.kind, row.labels) = (kind, Labels(labels));
                        writes.push(Write::Put(Box::new(row)));
                    }
                }
            }
        }
        store.write(org, writes);
    }
}

/// Every scope that a principal of these members can come by.
fn scopes(now: Instant) -> Vec<Scope> {
    let facts = Facts { now, administrative: &[OTHER], directory: &[KIND] };
    let mut found = vec![Scope::default(), Scope::of_whole_store(), Scope::of_own_work(B)];
    for org in [A, B, OrgNo(9)] {
        for role in
            [Role::Administrator, Role::Clinician, Role::Registrar, Role::Patient, Role::Guest, Role::Device]
        {
            for action in [Action::Read, Action::Write, Action::Audit] {
                let link = (role == Role::Guest).then(|| "link".to_owned());
                let patient = (role == Role::Patient).then(|| "p".to_owned());
                let principal = Principal { link, patient, ..Principal::new(org, role, "u") };
                if let Decision::Permit(scope) = decide(&principal, action, None, Purpose::Treat, facts) {
                    for scope in [scope.within_kinds(vec![KIND]), scope.within_kinds(Vec::new()), scope] {
                        // many come to the same
                        if !found.contains(&scope) {
                            found.push(scope);
                        }
                    }
                }
            }
        }
    }
    found
}

fn check(store: &Store, now: Instant) {
    let grants = store.reader.grants();
    for scope in scopes(now) {
        for kind in [KIND, OTHER] {
            let whole = sure(store.reader.search(&Scope::of_whole_store(), &Query::all(kind, 1000)));
            assert_eq!(whole.rows.len(), 72);
            let expected: Vec<&str> = whole
                .rows
                .iter()
                .filter(|row| scope.permits(&row.columns.borrowed(), &grants))
                .map(|row| row.id.as_str())
                .collect();
            let query = Query::all(kind, 1000);
            let page = sure(store.reader.search(&scope, &query));
            assert_eq!(ids(&page.rows), expected, "{scope:?}");
            // the same by an index, sorted, counted, through history, by name and from memory
            let by_index = Query::all(kind, 1000).with(Test::Missing(TEXT, false));
            assert_eq!(ids(&sure(store.reader.search(&scope, &by_index)).rows), expected, "{scope:?}");
            let mut sorted = query.clone();
            sorted.sort = vec![Sort { key: SortKey::Updated, descending: false }];
            assert_eq!(ids(&sure(store.reader.search(&scope, &sorted)).rows), expected, "{scope:?}");
            assert_eq!(sure(store.reader.count(&scope, &query, 1000)), expected.len() as u64);
            let history = HistoryQuery { kind: Some(kind), id: None, since: None, before: None, limit: 1000 };
            let mut versions = sure(store.reader.history(&scope, &history)).rows;
            versions.reverse();
            assert_eq!(ids(&versions), expected, "{scope:?}");
            for row in &whole.rows {
                let permitted = expected.contains(&row.id.as_str());
                let name = || (kind, row.id.clone());
                let got = sure(store.reader.get(&scope, A, kind, &row.id));
                assert_eq!(got.is_some(), permitted, "{scope:?} {}", row.id);
                let since = Steady::now();
                freshen(&store.reader, since);
                let cached = store.reader.get_cached(since, &scope, A, kind, &row.id);
                assert_eq!(cached, Some(got), "read a moment ago, it is in memory");
                let version = sure(store.reader.version(&scope, A, kind, &row.id, 1));
                assert_eq!(version.is_some(), permitted);
                assert_eq!(
                    sure(store.reader.get_many(&scope, A, &[name()], None)).len(),
                    usize::from(permitted)
                );
            }
        }
    }
}

pub fn agree(harness: &mut dyn Harness) {
    let store = harness.store();
    let now = harness.clock().now();
    fill(&store);
    check(&store, now);
    let to_b = || Grantee::Member(B);
    let mut patient = grant("s1", to_b(), A);
    patient.patient = Some("p".into());
    let mut study = grant("s2", Grantee::Link("link".into()), A);
    study.study = Some("1.2.3".into());
    let mut kind = grant("s3", to_b(), C);
    (kind.kind, kind.patient) = (Some(OTHER), Some("q".into()));
    let mut ended = grant("s4", to_b(), C);
    (ended.patient, ended.expires) = (Some("p".into()), Some(now));
    let mut own = grant("s5", to_b(), B);
    own.patient = Some("p".into());
    let mut whole_kind = grant("s6", Grantee::Member(A), C);
    whole_kind.kind = Some(KIND);
    let nothing = grant("s7", to_b(), C);
    for grant in [patient, study, kind, ended, own, whole_kind, nothing] {
        store.write(grant.org, vec![Write::Grant(grant)]);
        check(&store, now);
    }
}

pub fn grants(harness: &mut dyn Harness) {
    let store = harness.store();
    let now = harness.clock().now();
    let mut row = put(&store, A, "r", vec![text("x")]);
    row.patient = Some("p".into());
    store.write(A, vec![Write::Put(Box::new(row))]);
    let sees = |now: Instant| {
        let scope = clinician(B, now);
        let got = sure(store.reader.get(&scope, B, KIND, "r")).is_some();
        let found = sure(store.reader.search(&scope, &Query::all(KIND, 5).with(Test::Is(TEXT, "x".into()))));
        let since = Steady::now();
        freshen(&store.reader, since);
        let cached = store.reader.get_cached(since, &scope, B, KIND, "r").map(|row| row.is_some());
        assert_eq!(found.rows.len(), usize::from(got));
        assert!(cached.is_none_or(|cached| cached == got));
        got
    };
    assert!(!sees(now));
    let mut given = grant("share", Grantee::Member(B), A);
    (given.patient, given.expires) = (Some("p".into()), Some(now.plus(1000)));
    store.write(A, vec![Write::Grant(given)]);
    assert!(sees(now));
    assert!(sees(now.plus(999)));
    assert!(!sees(now.plus(1000)), "it ends when it expires");
    for _ in 0..20 {
        store.write(A, vec![Write::Ungrant { source: "share".into() }]);
        assert!(!sees(now), "it ends when it is taken back");
        let mut again = grant("share", Grantee::Member(B), A);
        again.patient = Some("p".into());
        store.write(A, vec![Write::Grant(again)]);
        assert!(sees(now));
    }
    // rows that come later are open too, and two members' rows of one name stay apart
    let mut twin = put(&store, B, "r", vec![text("x")]);
    twin.patient = Some("other".into());
    store.write(B, vec![Write::Put(Box::new(twin))]);
    let org =
        |prefer| sure(store.reader.get(&clinician(B, now), prefer, KIND, "r")).map(|row| row.columns.org);
    assert_eq!([org(A), org(B)], [Some(A), Some(B)]);
}

pub fn nothing(harness: &mut dyn Harness) {
    let store = harness.store();
    fill(&store);
    let scope = Scope::default();
    assert_eq!(sure(store.reader.search(&scope, &Query::all(KIND, 10))).rows.len(), 0);
    assert_eq!(sure(store.reader.count(&scope, &Query::all(KIND, 10), 10)), 0);
    let history = HistoryQuery { kind: None, id: None, since: None, before: None, limit: 10 };
    assert_eq!(sure(store.reader.history(&scope, &history)).rows.len(), 0);
}
