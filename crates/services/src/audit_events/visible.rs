//! What of an entry those see who see no patients: administrators.

use super::EntityKind;
use lenticular_policy::{Filter, Scope};
use lenticular_store::{AuditEntry, AuditFilter};

/// Whether the scope leaves out what names a patient.
pub(super) fn names_no_patient(scope: &Scope) -> bool {
    matches!(scope.filter(), Filter::And(parts) if parts.contains(&Filter::NoPatient))
}

/// The entry as who asks may see it. Where that is no patient's, what was touched and what was searched for may still tell
/// of one: `name=…`, the id of a read that failed, a study's UID. Its kind alone tells of none. A search of the directory
/// tells of none where it was understood and does not look back from another type (`_has`). Of what is the network's own,
/// the entity is shown where it is there: what failed may name anything.
pub(crate) fn shown(entry: AuditEntry, filter: &AuditFilter) -> AuditEntry {
    if !filter.no_patient {
        return entry;
    }
    let succeeded = entry.outcome == 0;
    match EntityKind::of(&entry.kind, &entry.way) {
        EntityKind::Directory => {
            let query = entry.query.filter(|query| succeeded && !query.contains("_has"));
            AuditEntry { query, ..entry }
        }
        EntityKind::Network if succeeded => AuditEntry { query: None, ..entry },
        _ => AuditEntry { entity: String::new(), query: None, ..entry },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(way: &str, kind: &str, outcome: u8, expected: &str) {
        let entry = AuditEntry {
            id: "1".into(),
            time: lenticular_base::Instant(0),
            org: 1,
            agent_org: 1,
            agent: "anna".into(),
            role: "administrator".into(),
            action: 'R',
            way: way.into(),
            interaction: "read".into(),
            kind: kind.into(),
            entity: "thing".into(),
            patient: None,
            query: None,
            outcome,
            purpose: "TREAT".into(),
        };
        let seen = shown(entry.clone(), &AuditFilter { no_patient: true, ..AuditFilter::default() });
        assert_eq!((seen.entity.as_str(), seen.kind.as_str()), (expected, kind), "{way} {kind} {outcome}");
        assert_eq!(shown(entry.clone(), &AuditFilter::default()), entry);
    }

    #[test]
    fn what_is_the_networks_own_is_shown_where_it_is_there() {
        for kind in ["User", "Token", "Session", "Preferences", "Member", "System", "Demo", "Device"] {
            check("app", kind, 0, "thing");
            check("app", kind, 4, "");
        }
        check("fhir", "Organization", 4, "thing");
        check("fhir", "Device", 0, "");
        check("fhir", "Patient", 0, "");
        check("dicomweb", "Study", 0, "");
        check("app", "Conflict", 0, "");
        check("app", "Annotation", 0, "");
    }
}
