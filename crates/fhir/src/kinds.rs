//! Resource types as numbers: what stands in the column `kind`.
//!
//! The numbers are on disk: they are those of FHIR R4's 146 resource types in alphabetical order, from 1, for ever.

use lenticular_base::Kind;
use std::sync::OnceLock;

const TABLE: &str = include_str!("definitions/resource_types.txt");

fn names() -> &'static [&'static str] {
    static NAMES: OnceLock<Vec<&'static str>> = OnceLock::new();
    NAMES.get_or_init(|| TABLE.lines().collect())
}

/// The number of a resource type; `None` where R4 has no such type. Names are case sensitive.
pub fn kind(resource_type: &str) -> Option<Kind> {
    let at = names().binary_search(&resource_type).ok()?;
    u16::try_from(at + 1).ok().map(Kind)
}

/// The name of a kind; empty where it is no FHIR resource type.
pub fn name(kind: Kind) -> &'static str {
    let at = usize::from(kind.0).wrapping_sub(1);
    names().get(at).copied().unwrap_or("")
}

/// Every resource type in the order of its number.
pub fn all() -> impl Iterator<Item = (Kind, &'static str)> {
    (1..).map(Kind).zip(names().iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_on_disk_never_change() {
        let golden = [
            ("Account", 1),
            ("AuditEvent", 7),
            ("Binary", 9),
            ("Bundle", 12),
            ("Condition", 28),
            ("DiagnosticReport", 40),
            ("Encounter", 44),
            ("Endpoint", 45),
            ("ImagingStudy", 61),
            ("MedicationRequest", 79),
            ("Observation", 96),
            ("Organization", 100),
            ("Patient", 103),
            ("Practitioner", 108),
            ("Procedure", 110),
            ("VisionPrescription", 146),
        ];
        for (name, number) in golden {
            assert_eq!(kind(name), Some(Kind(number)), "{name}");
        }
        assert_eq!(all().count(), 146);
        assert!(all().all(|(k, n)| kind(n) == Some(k) && name(k) == n));
        assert!(TABLE.lines().is_sorted());
    }

    #[test]
    fn what_is_no_resource_type_has_no_number() {
        for name in ["", "patient", "DomainResource", "Resource", "SubscriptionStatus", "HumanName"] {
            assert_eq!(kind(name), None, "{name}");
        }
        assert_eq!((name(Kind(0)), name(Kind(147)), name(Kind::STUDY)), ("", "", ""));
    }
}
