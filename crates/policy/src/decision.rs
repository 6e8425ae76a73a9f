//! The decision itself: pure and total.

use crate::grant::Grantee;
use crate::principal::{Principal, Purpose, Role};
use crate::scope::{Filter, Scope};
use lenticular_base::{Instant, Kind};

/// What somebody wants to do. Every route, DIMSE service and command declares one of these.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Read by id, version, history, frames, rendered pictures.
    Read,
    /// Search, and what comes along by `_include`.
    Search,
    /// Create, update or delete records of the own member.
    Write,
    /// Store images for the own member.
    Store,
    /// Give a study or patient of the own member to somebody, see and take back what was given.
    Share,
    /// Decide conflicts in the own member's tray.
    Reconcile,
    /// Read the own member's audit entries.
    Audit,
    /// Members, users, devices, tokens of the own member.
    Administer,
    /// The deployment: new members, storage, the log level. Opens no row of anybody.
    Operate,
    /// What is the caller's own: session, preferences, password, tokens. Everybody may who is somebody.
    Own,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 10] = [
        Action::Read,
        Action::Search,
        Action::Write,
        Action::Store,
        Action::Share,
        Action::Reconcile,
        Action::Audit,
        Action::Administer,
        Action::Operate,
        Action::Own,
    ];

    /// The action's name as the app's API carries it.
    pub fn name(self) -> &'static str {
        match self {
            Action::Read => "read",
            Action::Search => "search",
            Action::Write => "write",
            Action::Store => "store",
            Action::Share => "share",
            Action::Reconcile => "reconcile",
            Action::Audit => "audit",
            Action::Administer => "administer",
            Action::Operate => "operate",
            Action::Own => "own",
        }
    }
}

/// Why not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The role does not do this.
    Role,
    /// The role does not touch this kind.
    Kind,
}

/// The answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    Deny(Reason),
    /// Allowed, on the rows that the scope lets through.
    Permit(Scope),
}

/// What `decide` needs to know beyond the request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub now: Instant,
    /// The kinds of administrative records (Patient, Appointment, Coverage …): what a registrar works with.
    pub administrative: &'a [Kind],
    /// The kinds that describe the member itself (Organization, Practitioner, Location, Endpoint …).
    pub directory: &'a [Kind],
}

/// Decides what `principal` may do, for one kind or for any kind where it is `None`.
pub fn decide(
    principal: &Principal,
    action: Action,
    kind: Option<Kind>,
    _purpose: Purpose,
    facts: Facts<'_>,
) -> Decision {
    match action {
        Action::Read | Action::Search => read(principal, facts),
        Action::Write => write(principal, kind, facts),
        Action::Store => {
            permit_if(principal, &[Role::Clinician, Role::Radiologist, Role::Registrar, Role::Device])
        }
        Action::Share => permit_if(principal, &[Role::Clinician, Role::Radiologist]),
        Action::Reconcile => permit_if(principal, &[Role::Clinician, Role::Radiologist, Role::Registrar]),
        Action::Audit => audit(principal),
        Action::Administer => permit_if(principal, &[Role::Administrator]),
        Action::Operate => nothing_of_anybody(principal.operator),
        Action::Own => nothing_of_anybody(true),
    }
}

fn own(principal: &Principal) -> Filter {
    Filter::Org(principal.org)
}

fn permit(filter: Filter) -> Decision {
    Decision::Permit(Scope::new(filter))
}

fn permit_if(principal: &Principal, roles: &[Role]) -> Decision {
    if roles.contains(&principal.role) { permit(own(principal)) } else { Decision::Deny(Reason::Role) }
}

/// Allowed, and opens no row.
fn nothing_of_anybody(allowed: bool) -> Decision {
    if allowed { permit(Filter::False) } else { Decision::Deny(Reason::Role) }
}

/// With no consent on record a member sees its own data for treatment, and what it was given; nothing else of anybody's.
fn read(principal: &Principal, facts: Facts<'_>) -> Decision {
    let now = facts.now;
    let given = |grantee| Filter::Granted { grantee, now };
    match principal.role {
        Role::Clinician | Role::Radiologist => {
            permit(Filter::Or(vec![own(principal), given(Grantee::Member(principal.org))]))
        }
        Role::Registrar => {
            let mut kinds = facts.administrative.to_vec();
            kinds.extend_from_slice(facts.directory);
            permit(Filter::And(vec![own(principal), Filter::Kind(kinds)]))
        }
        Role::Administrator => permit(Filter::And(vec![
            own(principal),
            Filter::NoPatient,
            Filter::Kind(facts.directory.to_vec()),
        ])),
        Role::Guest => match &principal.link {
            Some(share) => permit(given(Grantee::Link(share.clone()))),
            None => Decision::Deny(Reason::Role),
        },
        Role::Patient => match &principal.patient {
            Some(patient) => permit(Filter::And(vec![
                own(principal),
                Filter::Or(vec![
                    Filter::Patient(patient.clone()),
                    Filter::And(vec![Filter::NoPatient, Filter::Kind(facts.directory.to_vec())]),
                ]),
            ])),
            None => Decision::Deny(Reason::Role),
        },
        Role::Device => Decision::Deny(Reason::Role),
    }
}

fn write(principal: &Principal, kind: Option<Kind>, facts: Facts<'_>) -> Decision {
    let within = |kinds: &[Kind]| kind.is_none_or(|kind| kinds.contains(&kind));
    match principal.role {
        Role::Clinician | Role::Radiologist => permit(own(principal)),
        Role::Registrar if within(facts.administrative) => {
            permit(Filter::And(vec![own(principal), Filter::Kind(facts.administrative.to_vec())]))
        }
        Role::Administrator if within(facts.directory) => permit(Filter::And(vec![
            own(principal),
            Filter::NoPatient,
            Filter::Kind(facts.directory.to_vec()),
        ])),
        Role::Registrar | Role::Administrator => Decision::Deny(Reason::Kind),
        Role::Patient | Role::Guest | Role::Device => Decision::Deny(Reason::Role),
    }
}

/// The administrator sees the log's shape: entries that name no patient.
fn audit(principal: &Principal) -> Decision {
    match principal.role {
        Role::Clinician | Role::Radiologist | Role::Registrar => permit(own(principal)),
        Role::Administrator => permit(Filter::And(vec![own(principal), Filter::NoPatient])),
        Role::Patient | Role::Guest | Role::Device => Decision::Deny(Reason::Role),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Grant;
    use crate::scope::Columns;
    use lenticular_base::{Labels, OrgNo};

    const PATIENT: Kind = Kind(103);
    const ORGANIZATION: Kind = Kind(96);
    const OBSERVATION: Kind = Kind(92);

    fn facts() -> Facts<'static> {
        Facts { now: Instant(1000), administrative: &[PATIENT], directory: &[ORGANIZATION] }
    }

    fn principal(role: Role) -> Principal {
        Principal {
            link: (role == Role::Guest).then(|| "s1".to_owned()),
            patient: (role == Role::Patient).then(|| "me".to_owned()),
            ..Principal::new(OrgNo(2), role, "u")
        }
    }

    fn row(org: i64, kind: Kind, patient: Option<&str>) -> Columns<'_> {
        Columns {
            org: OrgNo(org),
            patient,
            kind,
            labels: Labels(0),
            author_org: OrgNo(org),
            time: Instant(0),
            study: None,
        }
    }

    fn reads(role: Role, row: Columns<'_>, grants: &[Grant]) -> bool {
        match decide(&principal(role), Action::Read, Some(row.kind), Purpose::Treat, facts()) {
            Decision::Permit(scope) => scope.permits(&row, grants),
            Decision::Deny(_) => false,
        }
    }

    fn grant(grantee: Grantee, expires: Option<i64>) -> Grant {
        Grant {
            source: "s1".into(),
            grantee,
            org: OrgNo(1),
            patient: Some("p".into()),
            study: None,
            kind: None,
            expires: expires.map(Instant),
        }
    }

    #[test]
    fn the_default_scope_reads_nothing() {
        assert!(!Scope::default().permits(&row(2, PATIENT, None), &[]));
    }

    #[test]
    fn a_member_sees_its_own_and_what_it_was_given() {
        let given = [grant(Grantee::Member(OrgNo(2)), Some(1001))];
        assert!(reads(Role::Clinician, row(2, OBSERVATION, Some("x")), &[]));
        assert!(!reads(Role::Clinician, row(1, OBSERVATION, Some("p")), &[]));
        assert!(reads(Role::Clinician, row(1, OBSERVATION, Some("p")), &given));
        assert!(!reads(Role::Clinician, row(1, OBSERVATION, Some("q")), &given));
        assert!(!reads(Role::Clinician, row(3, OBSERVATION, Some("p")), &given));
    }

    #[test]
    fn a_grant_ends_when_it_expires() {
        assert!(!reads(
            Role::Clinician,
            row(1, OBSERVATION, Some("p")),
            &[grant(Grantee::Member(OrgNo(2)), Some(1000))]
        ));
        assert!(reads(
            Role::Clinician,
            row(1, OBSERVATION, Some("p")),
            &[grant(Grantee::Member(OrgNo(2)), None)]
        ));
    }

    #[test]
    fn a_grant_that_names_nothing_opens_nothing() {
        let mut all = grant(Grantee::Member(OrgNo(2)), None);
        all.patient = None;
        assert!(!reads(Role::Clinician, row(1, OBSERVATION, Some("p")), &[all]));
    }

    #[test]
    fn the_administrator_sees_no_patient() {
        assert!(!reads(Role::Administrator, row(2, PATIENT, Some("p")), &[]));
        assert!(!reads(Role::Administrator, row(2, OBSERVATION, None), &[]));
        assert!(reads(Role::Administrator, row(2, ORGANIZATION, None), &[]));
        assert!(!reads(
            Role::Administrator,
            row(1, PATIENT, Some("p")),
            &[grant(Grantee::Member(OrgNo(2)), None)]
        ));
    }

    #[test]
    fn a_guest_sees_the_link_alone() {
        let given = [grant(Grantee::Link("s1".into()), None)];
        assert!(reads(Role::Guest, row(1, OBSERVATION, Some("p")), &given));
        assert!(!reads(Role::Guest, row(2, OBSERVATION, Some("x")), &given));
        assert!(!reads(
            Role::Guest,
            row(1, OBSERVATION, Some("p")),
            &[grant(Grantee::Link("s2".into()), None)]
        ));
    }

    #[test]
    fn devices_store_and_never_read() {
        assert!(!reads(Role::Device, row(2, PATIENT, Some("p")), &[]));
        let store = decide(&principal(Role::Device), Action::Store, None, Purpose::Treat, facts());
        assert!(matches!(store, Decision::Permit(_)));
    }

    #[test]
    fn a_patient_sees_its_own_rows_and_what_describes_the_member() {
        let given = [grant(Grantee::Member(OrgNo(2)), None)];
        assert!(reads(Role::Patient, row(2, PATIENT, Some("me")), &[]));
        assert!(reads(Role::Patient, row(2, OBSERVATION, Some("me")), &[]));
        assert!(reads(Role::Patient, row(2, ORGANIZATION, None), &[]));
        assert!(!reads(Role::Patient, row(2, OBSERVATION, Some("you")), &[]));
        assert!(!reads(Role::Patient, row(2, OBSERVATION, None), &[]));
        assert!(
            !reads(Role::Patient, row(1, OBSERVATION, Some("me")), &[]),
            "another member's patient of that id"
        );
        assert!(!reads(Role::Patient, row(1, OBSERVATION, Some("p")), &given), "what the member was given");
    }

    #[test]
    fn a_patient_of_nobody_sees_nothing() {
        let nobody = Principal::new(OrgNo(2), Role::Patient, "u");
        for action in [Action::Read, Action::Search] {
            assert_eq!(decide(&nobody, action, None, Purpose::Treat, facts()), Decision::Deny(Reason::Role));
        }
    }

    #[test]
    fn patients_change_nothing() {
        for action in
            Action::ALL.into_iter().filter(|a| !matches!(a, Action::Read | Action::Search | Action::Own))
        {
            let decision = decide(&principal(Role::Patient), action, None, Purpose::Treat, facts());
            assert_eq!(decision, Decision::Deny(Reason::Role), "{action:?}");
        }
    }

    #[test]
    fn to_operate_and_to_own_opens_no_row() {
        let operator = Principal { operator: true, ..principal(Role::Administrator) };
        for action in [Action::Operate, Action::Own] {
            let Decision::Permit(scope) = decide(&operator, action, None, Purpose::Treat, facts()) else {
                panic!("an operator may {action:?}");
            };
            assert!(!scope.permits(&row(2, ORGANIZATION, None), &[]));
        }
        let other = decide(&principal(Role::Administrator), Action::Operate, None, Purpose::Treat, facts());
        assert_eq!(other, Decision::Deny(Reason::Role));
    }
}
