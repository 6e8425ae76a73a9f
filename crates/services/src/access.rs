//! From a caller to a scope: the one place where services ask `policy`.

use crate::Services;
use lenticular_base::{Fault, FaultKind, Kind};
use lenticular_policy::{Action, Decision, Facts, Principal, Purpose, Reason, Scope, decide};
use lenticular_store::Author;
use std::sync::OnceLock;
use std::time::Instant as Steady;

/// Who calls, why, and through which door.
#[derive(Clone, Debug)]
pub struct Caller {
    pub principal: Principal,
    pub purpose: Purpose,
    /// `fhir`, `dicomweb`, `dimse`, `app`, `import`.
    pub way: &'static str,
    /// When the request came, where the caller lives no longer than one: what was known to be true since then is true for it.
    /// `None` asks anew at each read.
    pub asked: Option<Steady>,
}

impl Caller {
    /// Whose change it is, for the log.
    pub fn author(&self) -> Author {
        Author { org: self.principal.org, agent: self.principal.agent.clone() }
    }
}

/// The kinds that a registrar works with, and those that describe a member.
fn kind_lists() -> &'static (Vec<Kind>, Vec<Kind>) {
    static LISTS: OnceLock<(Vec<Kind>, Vec<Kind>)> = OnceLock::new();
    LISTS.get_or_init(|| {
        let named =
            |names: &[&str]| names.iter().filter_map(|name| lenticular_fhir::kinds::kind(name)).collect();
        let mut administrative: Vec<Kind> = named(&[
            "Patient",
            "Person",
            "RelatedPerson",
            "Account",
            "Appointment",
            "AppointmentResponse",
            "Coverage",
            "Encounter",
            "EpisodeOfCare",
            "Schedule",
            "Slot",
        ]);
        administrative.extend([Kind::STUDY, Kind::CONFLICT]);
        let directory = named(&[
            "Organization",
            "OrganizationAffiliation",
            "Practitioner",
            "PractitionerRole",
            "Location",
            "HealthcareService",
            "Endpoint",
        ]);
        (administrative, directory)
    })
}

/// The kinds that describe a member: none of them belongs to a patient.
pub(crate) fn directory() -> &'static [Kind] {
    &kind_lists().1
}

impl Services {
    /// What the caller may see of it, or why not.
    pub fn authorise(&self, caller: &Caller, action: Action, kind: Option<Kind>) -> Result<Scope, Fault> {
        let (administrative, directory) = kind_lists();
        let facts = Facts { now: self.now(), administrative, directory };
        match decide(&caller.principal, action, kind, caller.purpose, facts) {
            Decision::Permit(scope) => Ok(scope),
            Decision::Deny(reason) => Err(refusal(caller, action, reason)),
        }
    }
}

fn refusal(caller: &Caller, action: Action, reason: Reason) -> Fault {
    let role = caller.principal.role.name();
    let what = match action {
        Action::Read | Action::Search => "read records",
        Action::Write => "write records",
        Action::Store => "store images",
        Action::Share => "share",
        Action::Reconcile => "decide conflicts",
        Action::Audit => "read the audit log",
        Action::Administer => "administer members, users and devices",
        Action::Operate => "run the deployment",
        Action::Own => "sign in or keep anything of its own",
    };
    let words = match reason {
        Reason::Role => format!("The role {role} may not {what}."),
        Reason::Kind => format!("The role {role} may not {what} of this type."),
    };
    Fault::new(FaultKind::Forbidden, "role", words)
}
