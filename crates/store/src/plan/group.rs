//! Alternatives of one clause, those that ask alike taken together: a search may name a thousand ids or codes, and
//! engines bound how deep conditions nest and how many SELECTs one UNION has.

use super::test;
use crate::dialect::Dialect;
use crate::sql::Sql;
use lenticular_base::index::{Param, Test};
use lenticular_base::{Kind, OrgNo};

/// Some alternatives of a clause.
pub enum Group<'t> {
    /// The text value is one of these.
    Values(Param, Vec<&'t str>),
    /// The logical id is one of these.
    Ids(Vec<&'t str>),
    One(&'t Test),
}

/// The alternatives, in the order in which each kind of them first came.
pub fn groups(tests: &[Test]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for test in tests {
        let taken = groups.iter_mut().any(|group| match (group, test) {
            (Group::Values(of, values), Test::Is(param, value)) if of == param => {
                values.push(value);
                true
            }
            (Group::Ids(ids), Test::Id(id)) => {
                ids.push(id);
                true
            }
            _ => false,
        });
        if taken {
            continue;
        }
        groups.push(match test {
            Test::Is(param, value) => Group::Values(*param, vec![value]),
            Test::Id(id) => Group::Ids(vec![id]),
            test => Group::One(test),
        });
    }
    groups
}

/// Any of the tests as one condition.
pub fn condition(sql: &mut Sql, dialect: Dialect, vid: &str, tests: &[Test]) {
    let groups = groups(tests);
    if groups.is_empty() {
        sql.push("1=0");
        return;
    }
    any(sql, dialect, vid, &groups);
}

/// `a OR b OR …`, halved again and again, so that it nests as deep as the logarithm of its length.
fn any(sql: &mut Sql, dialect: Dialect, vid: &str, groups: &[Group<'_>]) {
    match groups {
        [] => {}
        [Group::One(test)] => test::condition(sql, dialect, vid, test),
        [Group::Ids(ids)] => one_of(sql, "r.id", ids),
        [Group::Values(param, values)] => {
            test::exists(sql, "ix_text", vid, *param);
            sql.push(" AND ");
            one_of(sql, "e.value", values);
            sql.push(")");
        }
        _ => {
            let (head, tail) = groups.split_at(groups.len() / 2);
            sql.push("(");
            any(sql, dialect, vid, head);
            sql.push(" OR ");
            any(sql, dialect, vid, tail);
            sql.push(")");
        }
    }
}

/// The SELECT of what one of several values or ids finds.
pub fn source(sql: &mut Sql, org: OrgNo, kind: Kind, group: &Group<'_>) {
    match group {
        Group::Values(param, values) => {
            sql.push("SELECT e.vid AS vid FROM ix_text e WHERE e.org=").int(org.0);
            sql.push(" AND e.param=").int(param.0.into()).push(" AND ");
            one_of(sql, "e.value", values);
        }
        Group::Ids(ids) => {
            sql.push("SELECT i.vid AS vid FROM record i WHERE i.kind=").int(kind.0.into()).push(" AND ");
            one_of(sql, "i.id", ids);
        }
        Group::One(_) => {}
    }
}

fn one_of(sql: &mut Sql, column: &str, values: &[&str]) {
    sql.push(column);
    if let [value] = values {
        sql.push("=").str(*value);
        return;
    }
    sql.push(" IN (");
    for (at, value) in values.iter().enumerate() {
        sql.push(if at > 0 { "," } else { "" }).str(*value);
    }
    sql.push(")");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_alike_is_asked_once() {
        let is = |param, value: &str| Test::Is(Param(param), value.into());
        let tests =
            [is(1, "a"), Test::Id("x".into()), is(1, "b"), is(2, "c"), Test::Id("y".into()), Test::Never];
        let mut sql = Sql::default();
        condition(&mut sql, Dialect::Sqlite, "d.vid", &tests);
        assert_eq!(
            sql.text,
            "((EXISTS (SELECT 1 FROM ix_text e WHERE e.vid=d.vid AND e.param=$1 AND e.value IN ($2,$3)) OR r.id IN \
             ($4,$5)) OR (EXISTS (SELECT 1 FROM ix_text e WHERE e.vid=d.vid AND e.param=$6 AND e.value=$7) OR 1=0))"
        );
    }

    #[test]
    fn a_thousand_alternatives_do_not_nest_deep() {
        let tests: Vec<Test> = (0..1000).map(|n| Test::Prefix(Param(1), n.to_string())).collect();
        let mut sql = Sql::default();
        condition(&mut sql, Dialect::Sqlite, "d.vid", &tests);
        let mut depth = 0_i32;
        let deepest = sql.text.bytes().map(|b| {
            depth += i32::from(b == b'(') - i32::from(b == b')');
            depth
        });
        assert!(deepest.max().unwrap() < 20);
    }
}
