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
    /// Holds a link that somebody gave away: reads what the link names.
    Guest,
    /// A device of the member (a scanner) or an import by the owner of the data folder: stores, never reads.
    Device,
}

impl Role {
    /// The role's name as tokens and audit entries carry it.
    pub fn name(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Clinician => "clinician",
            Role::Radiologist => "radiologist",
            Role::Registrar => "registrar",
            Role::Guest => "guest",
            Role::Device => "device",
        }
    }

    /// The role of that name, of those that people can be given.
    pub fn parse(name: &str) -> Option<Role> {
        [Role::Administrator, Role::Clinician, Role::Radiologist, Role::Registrar]
            .into_iter()
            .find(|role| role.name() == name)
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

/// Who acts: proved by a token, a link or a device's binding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    /// The member that this one acts for.
    pub org: OrgNo,
    pub role: Role,
    /// The user's id, the device's AE title or the link's id, as the audit log names it.
    pub agent: String,
    /// The share that a guest's link stands for.
    pub link: Option<String>,
}
