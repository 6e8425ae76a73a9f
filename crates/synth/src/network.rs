//! The members of the sample network, with who works there and where.

use crate::bundle::Transaction;
use crate::json::Json;
use crate::names::{CULTURES, Culture, TOWNS, Town};
use crate::person::Sex;
use crate::random::Random;

/// What a member does in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberKind {
    Hospital,
    ReadingCentre,
}

/// One deployment's members.
#[derive(Debug, Clone)]
pub struct Network {
    /// `hospital-a`, `hospital-b`, `reading-centre`, in this order.
    pub members: Vec<Member>,
}

/// An organisation of the network.
#[derive(Debug, Clone)]
pub struct Member {
    /// The organisation's id in the network: `hospital-a`, `hospital-b` or `reading-centre`.
    pub id: &'static str,
    /// What its sign says: English, German, Chinese.
    pub name: &'static str,
    /// The same in Latin letters.
    pub latin_name: &'static str,
    pub kind: MemberKind,
    /// `Patient.identifier.system` of the medical record numbers that this member issues.
    pub mrn_system: String,
    /// Issuer of Patient ID (0010,0021): `HOSPITAL-A`.
    pub issuer: String,
    /// AE title of its CT scanner, or of its workstation.
    pub ae_title: &'static str,
    /// Hours ahead of UTC, the whole year.
    pub offset_hours: i8,
    pub locations: Vec<Location>,
    pub practitioners: Vec<Practitioner>,
}

/// A ward, clinic or room of a member.
#[derive(Debug, Clone)]
pub struct Location {
    /// Value of its identifier, unique in the network.
    pub code: String,
    pub name: &'static str,
}

/// Somebody who works for a member.
#[derive(Debug, Clone)]
pub struct Practitioner {
    /// Value of the identifier, unique in the network.
    pub code: String,
    /// As written at home: native script.
    pub family: &'static str,
    pub given: &'static str,
    /// In Latin letters.
    pub latin_family: &'static str,
    pub latin_given: &'static str,
    pub sex: Sex,
    pub specialty: &'static str,
    /// The family name is written first.
    family_first: bool,
}

impl Practitioner {
    /// The name as people read it.
    pub fn display(&self) -> String {
        if self.family_first {
            format!("{}{}", self.family, self.given)
        } else {
            format!("Dr {} {}", self.given, self.family)
        }
    }

    /// `Family^Given`, in Latin letters, for a PN attribute.
    pub fn dicom_name(&self) -> String {
        format!("{}^{}^^Dr", self.latin_family, self.latin_given)
    }
}

const SPECIALTIES: [&str; 6] =
    ["Internal medicine", "Radiology", "Respiratory medicine", "Family medicine", "Cardiology", "Surgery"];

/// The sample network. The members are always the same; the practitioners' names are drawn from the seed.
pub fn network(seed: u64) -> Network {
    let rooms: [&[(&str, &'static str)]; 3] = [
        &[
            ("ED", "Emergency Department"),
            ("WARD-3", "Ward 3, Respiratory"),
            ("OPD", "Outpatient Clinic"),
            ("CT-1", "CT Room 1"),
        ],
        &[
            ("NA", "Notaufnahme"),
            ("ST-2", "Station 2, Innere Medizin"),
            ("AMB", "Ambulanz"),
            ("RAD", "Radiologie"),
        ],
        &[("READ", "阅片室"), ("CONF", "会诊中心")],
    ];
    let signs = [
        (
            "hospital-a",
            "St Brigid General Hospital",
            "St Brigid General Hospital",
            MemberKind::Hospital,
            "STBRIGIDCT1",
        ),
        ("hospital-b", "Klinikum Lindenau", "Klinikum Lindenau", MemberKind::Hospital, "LINDENAUCT1"),
        (
            "reading-centre",
            "明远影像诊断中心",
            "Mingyuan Reading Centre",
            MemberKind::ReadingCentre,
            "MINGYUANWS1",
        ),
    ];
    let members = signs
        .into_iter()
        .zip(rooms)
        .zip(&TOWNS)
        .map(|(((id, name, latin_name, kind, ae_title), rooms), town)| Member {
            id,
            name,
            latin_name,
            kind,
            mrn_system: mrn_system(id),
            issuer: id.to_uppercase(),
            ae_title,
            offset_hours: town.offset_hours,
            locations: rooms
                .iter()
                .map(|(code, name)| Location { code: format!("{id}-{}", code.to_lowercase()), name })
                .collect(),
            practitioners: staff(seed, id, &CULTURES[town.culture]),
        })
        .collect();
    Network { members }
}

pub(crate) fn mrn_system(member: &str) -> String {
    format!("https://{member}.lenticular.example/mrn")
}

fn staff(seed: u64, member: &str, culture: &Culture) -> Vec<Practitioner> {
    let mut random = Random::new(seed, member, 0);
    let count = if member == "reading-centre" { 3 } else { SPECIALTIES.len() };
    (0..count)
        .map(|index| {
            let sex = if random.chance(0.5) { Sex::Female } else { Sex::Male };
            let family =
                (random.int(0, culture.family.len() as i64 - 1) as usize + index) % culture.family.len();
            let given = *random.pick(if sex == Sex::Female { culture.female } else { culture.male });
            Practitioner {
                code: format!("{member}-p{:02}", index + 1),
                family: culture.family[family].0,
                given: given.0,
                latin_family: culture.family[family].1,
                latin_given: given.1,
                sex,
                specialty: if count == 3 { "Radiology" } else { SPECIALTIES[index] },
                family_first: culture.family_first,
            }
        })
        .collect()
}

impl Network {
    /// The member of that id.
    pub fn member(&self, id: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }
}

impl Member {
    /// The member itself as a FHIR R4 transaction Bundle: Organization, Locations, Practitioners and
    /// PractitionerRoles. Each entry is conditional on its identifier, so that it may be sent again.
    pub fn transaction(&self) -> Vec<u8> {
        let mut bundle = Transaction::new(0, self.id);
        let organization = bundle.organization(self);
        for location in &self.locations {
            bundle.location(self, location, &organization);
        }
        for practitioner in &self.practitioners {
            bundle.practitioner(self, practitioner);
        }
        for practitioner in &self.practitioners {
            bundle.practitioner_role(self, practitioner);
        }
        bundle.finish()
    }

    pub(crate) fn town(&self) -> &'static Town {
        match self.id {
            "hospital-a" => &TOWNS[0],
            "hospital-b" => &TOWNS[1],
            _ => &TOWNS[2],
        }
    }

    /// The practitioner of that specialty, or the first.
    pub(crate) fn specialist(&self, specialty: &str) -> &Practitioner {
        self.practitioners
            .iter()
            .find(|practitioner| practitioner.specialty == specialty)
            .unwrap_or(&self.practitioners[0])
    }

    /// `Organization.address` and `Location.address`.
    pub(crate) fn write_address(&self, j: &mut Json) {
        let town = self.town();
        let street = town.streets[0];
        let line = if town.number_first { format!("1 {street}") } else { format!("{street} 1") };
        j.text("use", "work");
        j.list("line", |j| j.item_text(&line));
        j.text("city", town.city);
        j.shown("postalCode", format_args!("{}1", town.postal));
        j.text("country", town.country);
    }
}
