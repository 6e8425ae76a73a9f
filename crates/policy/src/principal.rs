//! Who acts, in which role, and why.

use lenticular_base::OrgNo;

/// What somebody is to their member.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Runs the member's part of the network: members, users, devices. Sees no patient.
    Administrator,
    /// Treats patients: reads and writes records and images, shares them.
    Clinician,
    /// Reads images: as a clinician.
    Radiologist,
    /// Registers patients and decides conflicts of identity; sees no clinical content.
    Registrar,
    /// A patient of the member: reads the rows of its own Patient, and what describes the member. Writes nothing.
    Patient,
    /// Holds a link that somebody gave away: reads what the link names.
    Guest,
    /// A device of the member (a scanner) or an import by the owner of the data folder: stores, never reads.
    Device,
}

impl Role {
    /// The roles that people can be given.
    pub const OF_PEOPLE: [Role; 5] =
        [Role::Administrator, Role::Clinician, Role::Radiologist, Role::Registrar, Role::Patient];

    /// The role's name as tokens and audit entries carry it.
    pub fn name(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Clinician => "clinician",
            Role::Radiologist => "radiologist",
            Role::Registrar => "registrar",
            Role::Patient => "patient",
            Role::Guest => "guest",
            Role::Device => "device",
        }
    }

    /// The role of that name, of those that people can be given.
    pub fn parse(name: &str) -> Option<Role> {
        Role::OF_PEOPLE.into_iter().find(|role| role.name() == name)
    }
}

/// Why somebody acts (HL7 v3 PurposeOfUse).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Purpose {
    #[default]
    Treat,
    HOperat,
    HPaymt,
    HResch,
    PatRqt,
}

impl Purpose {
    /// The code in `http://terminology.hl7.org/CodeSystem/v3-ActReason`.
    pub fn code(self) -> &'static str {
        match self {
            Purpose::Treat => "TREAT",
            Purpose::HOperat => "HOPERAT",
            Purpose::HPaymt => "HPAYMT",
            Purpose::HResch => "HRESCH",
            Purpose::PatRqt => "PATRQT",
        }
    }
}

/// Who acts: proved by a session, a token, a link or a device's binding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    /// The member that this one acts for.
    pub org: OrgNo,
    pub role: Role,
    /// The user's login, the token's or the link's name, the device's AE title: as the audit log names it.
    pub agent: String,
    /// The share that a guest's link stands for.
    pub link: Option<String>,
    /// The Patient of the member that a [`Role::Patient`] is.
    pub patient: Option<String>,
    /// The login of the user whose session or token this is.
    pub user: Option<String>,
    /// Whether this one runs the deployment: makes members, sees its storage. It opens no row of anybody.
    pub operator: bool,
}

impl Principal {
    /// Somebody of a member, who is no patient, no guest, no operator and no user with a login.
    pub fn new(org: OrgNo, role: Role, agent: impl Into<String>) -> Principal {
        Principal { org, role, agent: agent.into(), link: None, patient: None, user: None, operator: false }
    }
}
