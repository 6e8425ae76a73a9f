//! People: who they are, and the first line of what they suffer from.

use crate::bundle::{Link, Transaction, coding};
use crate::calendar::{Date, Moment};
use crate::exams::{Exam, ExamKind, exams};
use crate::imaging::ct::{CtPhantom, PhantomSize, ct_phantom};
use crate::imaging::{PatientFacts, StudyFacts};
use crate::json::Json;
use crate::names::{self, Culture, Town};
use crate::network::{Member, network};
use crate::random::{Random, derive};
use crate::uid::{uid, uuid, uuid_text};

/// Administrative sex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sex {
    Female,
    Male,
}

/// A name in the script of its language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeName {
    pub family: String,
    pub given: String,
    /// Ideographic (Chinese, Japanese) rather than alphabetic (Arabic, Cyrillic, Greek).
    pub ideographic: bool,
}

/// The chest CT that somebody had: what links the record to the images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChestCt {
    /// Accession Number (0008,0050), and an identifier of type ACSN on the ServiceRequest and the DiagnosticReport.
    pub accession: String,
    /// Study Instance UID.
    pub study_uid: String,
    pub when: Moment,
    /// Seed of the phantom whose nodules the report describes.
    pub phantom_seed: u64,
}

/// A person of the sample network, as one member knows them.
#[derive(Debug, Clone)]
pub struct Person {
    /// 0.. within the seed.
    pub number: u32,
    /// The member whose patient this is: `hospital-a` or `hospital-b`.
    pub member: &'static str,
    /// Medical record number: Patient ID (0010,0020), and `Patient.identifier` of type MR.
    pub mrn: String,
    /// `system` of that identifier, and universal entity id of the issuer.
    pub mrn_system: String,
    /// Issuer of Patient ID (0010,0021).
    pub issuer: String,
    /// In Latin letters, diacritics kept.
    pub family: String,
    pub given: String,
    /// Where the name's own script is not Latin.
    pub native: Option<NativeName>,
    pub sex: Sex,
    pub birth: Date,
    /// Body height in mm.
    pub height_mm: u32,
    /// Body weight in g.
    pub weight_g: u32,
    pub smoker: bool,
    pub diabetes: bool,
    pub hypertension: bool,
    pub copd: bool,
    /// Person 0 always has one.
    pub chest_ct: Option<ChestCt>,
    /// Every examination that made pictures, the chest CT among them, oldest first.
    pub exams: Vec<Exam>,
    pub(crate) seed: u64,
    pub(crate) today: Date,
    pub(crate) culture: &'static Culture,
}

/// The people of a seed, one after the other; [`people`] makes it.
#[derive(Debug, Clone)]
pub struct People {
    seed: u64,
    next: u32,
    end: u32,
    today: Date,
}

impl Iterator for People {
    type Item = Person;

    fn next(&mut self) -> Option<Person> {
        if self.next == self.end {
            return None;
        }
        self.next += 1;
        Some(person(self.seed, self.next - 1, self.today))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.end - self.next) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for People {}

/// The first `n` people of a seed. `today` is the day that the histories lead up to; nothing happens after it.
pub fn people(seed: u64, n: u32, today: Date) -> People {
    People { seed, next: 0, end: n, today }
}

/// Person `number` of a seed: the same as `people(seed, …, today).nth(number)`.
///
/// Person 0 is the one of the demonstration: a patient of `hospital-a` of 60 to 74 years who smoked, with COPD, whose
/// chest CT was taken in the last fortnight.
pub fn person(seed: u64, number: u32, today: Date) -> Person {
    let mut random = Random::new(seed, "person", u64::from(number));
    let demonstration = number == 0;
    let member = if demonstration || random.chance(0.55) { "hospital-a" } else { "hospital-b" };
    let town = town_of(member);
    let culture = names::culture(&mut random, town.culture, !demonstration);
    let sex = if random.chance(0.51) { Sex::Female } else { Sex::Male };
    let age = if demonstration { random.int(60, 74) } else { age(&mut random) };
    let birth = today.plus(-(age as i32 * 365 + age as i32 / 4 + random.int(1, 364) as i32));

    let family_index = random.int(0, culture.family.len() as i64 - 1) as usize;
    let family = match culture.family_female.get(family_index) {
        Some(&female) if sex == Sex::Female => female,
        _ => culture.family[family_index],
    };
    let given = *random.pick(if sex == Sex::Female { culture.female } else { culture.male });
    let native = (family.0 != family.1).then(|| NativeName {
        family: family.0.to_owned(),
        given: given.0.to_owned(),
        ideographic: culture.representation == "IDE",
    });

    let years = today.age_since(birth);
    let (height_mm, weight_g, mass_index) = stature(&mut random, years, sex);
    let adult = f64::from((years - 18).max(0));
    let smoker = years >= 18 && (demonstration || random.chance(0.24));
    let heavy = (mass_index - 25.0).max(0.0);
    let diabetes = years >= 30 && random.chance((0.0035 * adult + 0.022 * heavy).min(0.6));
    let hypertension = years >= 30
        && random.chance((0.009 * adult + 0.02 * heavy + if diabetes { 0.25 } else { 0.0 }).min(0.85));
    let copd = demonstration || (years >= 45 && random.chance(if smoker { 0.38 } else { 0.03 }));
    let had_ct =
        demonstration || (copd && random.chance(0.6)) || (smoker && years >= 55 && random.chance(0.3));
    let days_ago = if demonstration { random.int(1, 13) } else { random.int(1, 700) } as i32;
    let ct_seconds = random.int(8 * 3600, 16 * 3600) as u32;

    let key = derive(seed, "person", u64::from(number));
    let mrn = format!("{}{:06}", if member == "hospital-a" { "A" } else { "B" }, u64::from(number) + 100_000);
    let chest_ct = had_ct.then(|| ChestCt {
        accession: format!("CT{}{number:06}", today.parts().0),
        study_uid: uid(key, "study", 0),
        when: Moment { date: today.plus(-days_ago), seconds: ct_seconds, offset_hours: town.offset_hours },
        phantom_seed: derive(key, "phantom", 0),
    });
    let exams = exams(number, key, today, birth, chest_ct.as_ref(), town.offset_hours);
    Person {
        number,
        member,
        mrn,
        mrn_system: crate::network::mrn_system(member),
        issuer: member.to_uppercase(),
        family: family.1.to_owned(),
        given: given.1.to_owned(),
        native,
        sex,
        birth,
        height_mm,
        weight_g,
        smoker,
        diabetes,
        hypertension,
        copd,
        chest_ct,
        exams,
        seed,
        today,
        culture,
    }
}

fn town_of(member: &str) -> &'static Town {
    &names::TOWNS[usize::from(member != "hospital-a")]
}

/// Ages as a hospital sees them: some children, many old people.
fn age(random: &mut Random) -> i64 {
    match random.int(0, 99) {
        0..=9 => random.int(0, 14),
        10..=29 => random.int(15, 39),
        30..=59 => random.int(40, 64),
        60..=91 => random.int(65, 84),
        _ => random.int(85, 97),
    }
}

/// Height in mm, weight in g, and body mass index in kg/m².
fn stature(random: &mut Random, years: i32, sex: Sex) -> (u32, u32, f64) {
    let grown = if sex == Sex::Female { 1650.0 } else { 1780.0 };
    let height = if years < 18 {
        (760.0 + (grown - 760.0) * (f64::from(years) - 1.0).max(-0.3) / 17.0) * random.between(0.96, 1.04)
    } else {
        random.normal(grown, 68.0).clamp(1420.0, 2050.0)
    };
    let mass_index = if years < 18 {
        15.5 + 0.3 * f64::from(years) + random.between(-1.5, 2.5)
    } else {
        random.normal(26.8, 4.4).clamp(17.5, 46.0)
    };
    let metres = height / 1000.0;
    (height as u32, (mass_index * metres * metres * 1000.0) as u32, mass_index)
}

impl Person {
    /// `Given Family`, or `family given` in a script that writes it so.
    pub fn display(&self) -> String {
        match &self.native {
            Some(native) if self.culture.family_first => format!("{}{}", native.family, native.given),
            Some(native) => format!("{} {}", native.given, native.family),
            None if self.culture.family_first => format!("{} {}", self.family, self.given),
            None => format!("{} {}", self.given, self.family),
        }
    }

    /// What goes into the Patient module of this person's images.
    pub fn facts(&self) -> PatientFacts {
        PatientFacts {
            mrn: self.mrn.clone(),
            issuer: self.issuer.clone(),
            mrn_system: self.mrn_system.clone(),
            family: self.family.clone(),
            given: self.given.clone(),
            native: self.native.clone(),
            birth: self.birth,
            sex: self.sex,
            height_mm: self.height_mm,
            weight_g: self.weight_g,
        }
    }

    /// What goes into the Study, Series and Equipment modules of this person's chest CT.
    pub fn study_facts(&self) -> Option<StudyFacts> {
        self.exams.iter().find(|exam| exam.kind == ExamKind::ChestCt).map(|exam| self.exam_facts(exam))
    }

    /// This person's chest CT, whose nodules the report in [`Self::transaction`] describes.
    pub fn ct_phantom(&self, size: PhantomSize) -> Option<CtPhantom> {
        let ct = self.chest_ct.as_ref()?;
        Some(ct_phantom(ct.phantom_seed, &self.facts(), &self.study_facts()?, size))
    }

    /// The whole history as a FHIR R4 transaction Bundle, compact JSON: 30 to 120 resources that refer to each other
    /// by `urn:uuid`. Organization, Location and Practitioner entries carry `ifNoneExist`.
    pub fn transaction(&self) -> Vec<u8> {
        let network = network(self.seed);
        let member = network.member(self.member).expect("every person belongs to a member of the network");
        crate::history::write(self, member)
    }

    pub(crate) fn age_on(&self, day: Date) -> i32 {
        day.age_since(self.birth)
    }

    /// Adds the Patient entry.
    pub(crate) fn write_patient(
        &self,
        bundle: &mut Transaction,
        member: &Member,
        managing: &Link,
        general: &Link,
    ) -> Link {
        let mut random = Random::new(self.seed, "contact", u64::from(self.number));
        bundle.post("Patient", &self.display(), |j| {
            j.list("identifier", |j| self.write_identifiers(j, managing));
            j.flag("active", true);
            j.list("name", |j| self.write_names(j));
            j.list("telecom", |j| {
                j.item(|j| {
                    j.text("system", "phone");
                    j.shown(
                        "value",
                        format_args!("{} {:04}", member.town().telephone, random.int(200, 9999)),
                    );
                    j.text("use", "home");
                });
                j.item(|j| {
                    j.text("system", "email");
                    j.shown("value", format_args!("{}@mail.example", self.mrn.to_lowercase()));
                });
            });
            j.text("gender", if self.sex == Sex::Female { "female" } else { "male" });
            j.shown("birthDate", self.birth);
            j.one("address", |j| write_address(j, member.town(), &mut random));
            if self.age_on(self.today) >= 18 {
                let (code, display) = *random.pick(&[
                    ("M", "Married"),
                    ("S", "Never Married"),
                    ("W", "Widowed"),
                    ("D", "Divorced"),
                ]);
                j.at("maritalStatus", |j| {
                    coding(j, "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", code, display);
                });
            }
            j.one("communication", |j| {
                j.at("language", |j| {
                    coding(j, "urn:ietf:bcp:47", self.culture.language, self.culture.language_name);
                });
                j.flag("preferred", true);
            });
            j.one("generalPractitioner", |j| general.write_inside(j));
            managing.write(j, "managingOrganization");
        })
    }

    fn write_identifiers(&self, j: &mut Json, assigner: &Link) {
        let table = "http://terminology.hl7.org/CodeSystem/v2-0203";
        j.item(|j| {
            j.text("use", "usual");
            j.at("type", |j| coding(j, table, "MR", "Medical record number"));
            j.text("system", &self.mrn_system);
            j.text("value", &self.mrn);
            assigner.write(j, "assigner");
        });
        // A number that both hospitals would know, so that the same person can be matched between members.
        j.item(|j| {
            j.text("use", "official");
            j.at("type", |j| coding(j, table, "NI", "National unique individual identifier"));
            j.text("system", "https://lenticular.example/national-id");
            j.text("value", &uuid_text(uuid(self.seed, "national", u64::from(self.number)))[24..]);
        });
    }

    fn write_names(&self, j: &mut Json) {
        let extension = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation";
        if let Some(native) = &self.native {
            j.item(|j| {
                j.one("extension", |j| {
                    j.text("url", extension);
                    j.text("valueCode", self.culture.representation);
                });
                j.text("use", "official");
                j.text("text", &self.display());
                j.text("family", &native.family);
                j.list("given", |j| j.item_text(&native.given));
            });
        }
        j.item(|j| {
            j.text("use", if self.native.is_some() { "usual" } else { "official" });
            match &self.native {
                Some(_) => j.text("text", &format!("{} {}", self.given, self.family)),
                None => j.text("text", &self.display()),
            }
            j.text("family", &self.family);
            j.list("given", |j| j.item_text(&self.given));
        });
    }
}

fn write_address(j: &mut Json, town: &Town, random: &mut Random) {
    let street = *random.pick(town.streets);
    let number = random.int(2, 180);
    let line = if town.number_first { format!("{number} {street}") } else { format!("{street} {number}") };
    j.text("use", "home");
    j.text("type", "both");
    j.list("line", |j| j.item_text(&line));
    j.text("city", town.city);
    j.shown("postalCode", format_args!("{}{}", town.postal, random.int(1, 9)));
    j.text("country", town.country);
}
