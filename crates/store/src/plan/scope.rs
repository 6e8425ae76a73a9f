//! A scope, folded for one member and one kind, and its SQL.

use super::World;
use crate::sql::Sql;
use lenticular_base::{Instant, Kind, OrgNo};
use lenticular_policy::{Filter, Grant, Grantee};

/// The members whose rows of a kind the filter may open, each with what is left of the filter there; never `False`.
pub fn branches(filter: &Filter, kind: Kind, world: &World<'_>) -> Vec<(OrgNo, Filter)> {
    world
        .orgs
        .iter()
        .map(|org| (*org, fold(filter, *org, Some(kind), world.grants)))
        .filter(|(_, left)| *left != Filter::False)
        .collect()
}

/// The members whose rows the filter may open at all.
pub fn members(filter: &Filter, kind: Option<Kind>, world: &World<'_>) -> Vec<OrgNo> {
    let opens = |org: &OrgNo| fold(filter, *org, kind, world.grants) != Filter::False;
    world.orgs.iter().copied().filter(opens).collect()
}

/// What is left of a filter once the member (and the kind, where it is one) is known.
pub fn fold(filter: &Filter, org: OrgNo, kind: Option<Kind>, grants: &[Grant]) -> Filter {
    let known = |holds: bool| if holds { Filter::True } else { Filter::False };
    match filter {
        Filter::Org(of) => known(*of == org),
        Filter::Kind(kinds) => match kind {
            Some(kind) => known(kinds.contains(&kind)),
            None if kinds.is_empty() => Filter::False,
            None => filter.clone(),
        },
        Filter::Granted { grantee, now } if !gives(grants, grantee, *now, org) => Filter::False,
        Filter::And(parts) => {
            let mut left = Vec::new();
            for part in parts {
                match fold(part, org, kind, grants) {
                    Filter::False => return Filter::False,
                    Filter::True => {}
                    Filter::And(inner) => left.extend(inner),
                    other => left.push(other),
                }
            }
            one_or(left, Filter::True, Filter::And)
        }
        Filter::Or(parts) => {
            let mut left = Vec::new();
            for part in parts {
                match fold(part, org, kind, grants) {
                    Filter::True => return Filter::True,
                    Filter::False => {}
                    other => left.push(other),
                }
            }
            one_or(left, Filter::False, Filter::Or)
        }
        _ => filter.clone(),
    }
}

fn one_or(mut parts: Vec<Filter>, none: Filter, many: fn(Vec<Filter>) -> Filter) -> Filter {
    if parts.len() > 1 {
        return many(parts);
    }
    parts.pop().unwrap_or(none)
}

fn gives(grants: &[Grant], grantee: &Grantee, now: Instant, org: OrgNo) -> bool {
    grants.iter().any(|grant| {
        grant.org == org && grant.grantee == *grantee && grant.expires.is_none_or(|end| now < end)
    })
}

/// A grant that is demanded of every row: it can be the driver.
pub fn demanded_grant(filter: &Filter) -> Option<(&Grantee, Instant)> {
    match filter {
        Filter::Granted { grantee, now } => Some((grantee, *now)),
        Filter::And(parts) => parts.iter().find_map(demanded_grant),
        _ => None,
    }
}

/// The filter as a condition on the columns of `r`.
pub fn condition(sql: &mut Sql, filter: &Filter) {
    match filter {
        Filter::False => sql.push("1=0").end(),
        Filter::True => sql.push("1=1").end(),
        Filter::Org(org) => sql.push("r.org=").int(org.0).end(),
        Filter::Kind(kinds) if kinds.is_empty() => sql.push("1=0").end(),
        Filter::Kind(kinds) => {
            // numbers of our own, no text: written out, so that statements stay few
            let list: Vec<String> = kinds.iter().map(|kind| kind.0.to_string()).collect();
            sql.push("r.kind IN (").push(&list.join(",")).push(")");
        }
        Filter::NoPatient => sql.push("r.patient IS NULL").end(),
        Filter::Patient(patient) => sql.push("r.patient=").str(patient.as_str()).end(),
        Filter::LabelsWithin(labels) => sql.push("(r.labels & ").int(!labels.0).push(")=0").end(),
        Filter::Granted { grantee, now } => {
            sql.push("EXISTS (SELECT 1 FROM grants g WHERE ");
            in_force(sql, grantee, *now);
            sql.push(" AND g.org=r.org AND (g.patient IS NULL OR g.patient=r.patient)");
            sql.push(" AND (g.study IS NULL OR g.study=r.study) AND (g.kind IS NULL OR g.kind=r.kind))");
        }
        Filter::And(parts) => list(sql, parts, " AND ", "1=1"),
        Filter::Or(parts) => list(sql, parts, " OR ", "1=0"),
    }
}

fn list(sql: &mut Sql, parts: &[Filter], between: &str, none: &str) {
    sql.push("(");
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            sql.push(between);
        }
        condition(sql, part);
    }
    sql.push(if parts.is_empty() { none } else { "" }).push(")");
}

/// Conditions on `g`: this grantee's, in force, and narrowed by something.
pub fn in_force(sql: &mut Sql, grantee: &Grantee, now: Instant) {
    sql.push("g.grantee=").str(grantee.key());
    sql.push(" AND (g.expires IS NULL OR g.expires>").int(now.0);
    sql.push(") AND (g.patient IS NOT NULL OR g.study IS NOT NULL OR g.kind IS NOT NULL)");
}
