//! Endless plain resources for load tests and benchmarks: less story than [`crate::people`], more speed.

use crate::bundle::{coding, concept};
use crate::calendar::Date;
use crate::json::Json;
use crate::names::CULTURES;
use crate::random::{Random, derive, mix};
use crate::uid::{uuid, uuid_text};

/// One patient is followed by this many resources about them.
const PER_PATIENT: u64 = 25;

/// `system` of the identifiers of the patients of [`resources`] and [`load_bundle`].
pub const LOAD_MRN_SYSTEM: &str = "https://load.lenticular.example/mrn";

/// Identifier value of patient `number` (id `p<number>`) of the stream `resources(seed, …)`.
pub fn load_mrn(seed: u64, number: u64) -> String {
    // The seed keeps the numbers of different bundles apart.
    format!("L{:08x}-{number}", mix(seed) as u32)
}

/// A resource of the stream, with the id under which it is to be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// `Patient`, `Encounter`, `Condition` or `Observation`.
    pub kind: &'static str,
    /// Equals `id` in the JSON. Patient `n` has the id `p<n>`; others count through the stream: `r<number>`.
    pub id: String,
    /// Compact JSON.
    pub json: Vec<u8>,
}

/// The stream that [`resources`] gives.
#[derive(Debug, Clone)]
pub struct Resources {
    seed: u64,
    next: u64,
    end: u64,
}

impl Iterator for Resources {
    type Item = Resource;

    fn next(&mut self) -> Option<Resource> {
        if self.next >= self.end {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let ids = Ids::assigned(number);
        let mut json = Json::with_capacity(1024);
        let kind = kind_of(number);
        json.item(|j| write_resource(j, self.seed, number, kind, &ids));
        Some(Resource { kind, id: ids.own, json: json.into_bytes() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

impl Resources {
    /// Starts at resource `number` of the same stream, so that several writers can share it.
    #[must_use]
    pub fn starting_at(mut self, number: u64) -> Self {
        self.next = number.min(self.end);
        self
    }
}

/// The first `count` resources of a seed's stream: one Patient, then 25 Encounters, Conditions and Observations that
/// refer to it by id (`Patient/p0`), then the next Patient. A reference only points backwards.
pub fn resources(seed: u64, count: u64) -> Resources {
    Resources { seed, next: 0, end: count }
}

/// Transaction Bundle number `number` of a seed with `entries` entries (POST, `urn:uuid` references within it). Bundles of
/// different numbers share no patient.
pub fn load_bundle(seed: u64, number: u64, entries: u32) -> Vec<u8> {
    let seed = derive(seed, "bundle", number);
    let mut out = Vec::with_capacity(entries as usize * 900 + 64);
    out.extend_from_slice(br#"{"resourceType":"Bundle","type":"transaction","entry":["#);
    let mut buffer = Vec::new();
    for index in 0..u64::from(entries) {
        if index > 0 {
            out.push(b',');
        }
        let kind = kind_of(index);
        let ids = Ids::local(seed, index);
        let mut json = Json::reuse(buffer);
        json.item(|j| {
            j.text("fullUrl", &ids.own);
            j.at("resource", |j| write_resource(j, seed, index, kind, &ids));
            j.at("request", |j| {
                j.text("method", "POST");
                j.text("url", kind);
            });
        });
        buffer = json.into_bytes();
        out.extend_from_slice(&buffer);
    }
    out.extend_from_slice(b"]}");
    out
}

/// How a resource is named, and those that it refers to.
struct Ids {
    own: String,
    patient: String,
    encounter: Option<String>,
    /// Write `id`: the ids are assigned rather than left to the server.
    assigned: bool,
}

impl Ids {
    fn assigned(number: u64) -> Self {
        let patient = number / (PER_PATIENT + 1);
        let own =
            if number.is_multiple_of(PER_PATIENT + 1) { format!("p{patient}") } else { format!("r{number}") };
        let encounter = encounter_of(number).map(|n| format!("Encounter/r{n}"));
        Self { own, patient: format!("Patient/p{patient}"), encounter, assigned: true }
    }

    fn local(seed: u64, number: u64) -> Self {
        let url = |n| format!("urn:uuid:{}", uuid_text(uuid(seed, "load", n)));
        let patient = number - number % (PER_PATIENT + 1);
        Self {
            own: url(number),
            patient: url(patient),
            encounter: encounter_of(number).map(url),
            assigned: false,
        }
    }
}

/// The Encounter in which resource `number` came about: the last one before it, if any.
fn encounter_of(number: u64) -> Option<u64> {
    let place = number % (PER_PATIENT + 1);
    let back = place.checked_sub(1)? % 8;
    (back > 0).then(|| number - back)
}

fn kind_of(number: u64) -> &'static str {
    match number % (PER_PATIENT + 1) {
        0 => "Patient",
        place if place % 8 == 1 => "Encounter",
        place if place % 8 == 2 => "Condition",
        _ => "Observation",
    }
}

/// Code, display, UCUM unit, lowest and highest value in steps of the last digit, digits, category.
type Quantity = (&'static str, &'static str, &'static str, i64, i64, u8, &'static str);

static QUANTITIES: [Quantity; 12] = [
    ("8867-4", "Heart rate", "/min", 48, 118, 0, "vital-signs"),
    ("9279-1", "Respiratory rate", "/min", 11, 24, 0, "vital-signs"),
    ("8310-5", "Body temperature", "Cel", 359, 392, 1, "vital-signs"),
    ("29463-7", "Body weight", "kg", 462, 1280, 1, "vital-signs"),
    ("2708-6", "Oxygen saturation", "%", 88, 100, 0, "vital-signs"),
    ("4548-4", "HbA1c", "%", 48, 112, 1, "laboratory"),
    ("2345-7", "Glucose", "mg/dL", 68, 290, 0, "laboratory"),
    ("2160-0", "Creatinine", "mg/dL", 52, 240, 2, "laboratory"),
    ("718-7", "Haemoglobin", "g/dL", 84, 178, 1, "laboratory"),
    ("2823-3", "Potassium", "mmol/L", 31, 56, 1, "laboratory"),
    ("2951-2", "Sodium", "mmol/L", 128, 149, 0, "laboratory"),
    ("6690-2", "White cells", "10*3/uL", 31, 158, 1, "laboratory"),
];

static DIAGNOSES: [(&str, &str); 10] = [
    ("I10", "Essential hypertension"),
    ("E11", "Type 2 diabetes mellitus"),
    ("J44", "Chronic obstructive pulmonary disease"),
    ("E78", "Raised blood lipids"),
    ("J06", "Acute upper respiratory infection"),
    ("M54", "Back pain"),
    ("I48", "Atrial fibrillation"),
    ("N18", "Chronic kidney disease"),
    ("J18", "Pneumonia"),
    ("K21", "Gastro-oesophageal reflux"),
];

fn write_resource(j: &mut Json, seed: u64, number: u64, kind: &'static str, ids: &Ids) {
    let mut random = Random::new(seed, kind, number);
    j.text("resourceType", kind);
    if ids.assigned {
        j.text("id", &ids.own);
    }
    let patient_number = number / (PER_PATIENT + 1);
    match kind {
        "Patient" => write_patient(j, &mut random, seed, patient_number),
        "Encounter" => write_encounter(j, &mut random, ids),
        "Condition" => write_condition(j, &mut random, ids),
        _ => write_observation(j, &mut random, ids),
    }
}

/// A day of 2015..=2025.
fn day(random: &mut Random) -> Date {
    Date::from_days(random.int(16_436, 20_453) as i32)
}

fn write_patient(j: &mut Json, random: &mut Random, seed: u64, number: u64) {
    let culture = random.pick(&CULTURES);
    let female = random.chance(0.5);
    let family = random.pick(culture.family);
    let given = random.pick(if female { culture.female } else { culture.male });
    j.one("identifier", |j| {
        j.text("use", "usual");
        j.at("type", |j| {
            coding(j, "http://terminology.hl7.org/CodeSystem/v2-0203", "MR", "Medical record number");
        });
        j.text("system", LOAD_MRN_SYSTEM);
        j.text("value", &load_mrn(seed, number));
    });
    j.flag("active", true);
    j.one("name", |j| {
        j.text("use", "official");
        j.text("family", family.0);
        j.list("given", |j| j.item_text(given.0));
    });
    j.one("telecom", |j| {
        j.text("system", "phone");
        j.shown("value", format_args!("+44 1632 96 {:04}", random.int(0, 9999)));
        j.text("use", "home");
    });
    j.text("gender", if female { "female" } else { "male" });
    j.shown("birthDate", Date::from_days(random.int(-14_600, 18_000) as i32));
    j.one("address", |j| {
        j.text("use", "home");
        j.list("line", |j| j.item_text("7 Mill Road"));
        j.text("city", "Ashbourne-on-Wye");
        j.shown("postalCode", format_args!("AW4 {}", random.int(1, 9)));
        j.text("country", "GB");
    });
}

fn write_subject(j: &mut Json, ids: &Ids, with_encounter: bool) {
    j.at("subject", |j| j.text("reference", &ids.patient));
    if let Some(encounter) = ids.encounter.as_ref().filter(|_| with_encounter) {
        j.at("encounter", |j| j.text("reference", encounter));
    }
}

fn write_encounter(j: &mut Json, random: &mut Random, ids: &Ids) {
    let (code, display) = *random.pick(&[
        ("AMB", "ambulatory"),
        ("AMB", "ambulatory"),
        ("EMER", "emergency"),
        ("IMP", "inpatient encounter"),
    ]);
    j.text("status", "finished");
    j.at("class", |j| {
        j.text("system", "http://terminology.hl7.org/CodeSystem/v3-ActCode");
        j.text("code", code);
        j.text("display", display);
    });
    write_subject(j, ids, false);
    let start = day(random);
    let hour = random.int(7, 18);
    j.at("period", |j| {
        j.shown("start", format_args!("{start}T{hour:02}:15:00Z"));
        j.shown("end", format_args!("{start}T{:02}:40:00Z", hour + 1));
    });
}

fn write_condition(j: &mut Json, random: &mut Random, ids: &Ids) {
    let (code, display) = *random.pick(&DIAGNOSES);
    let active = random.chance(0.6);
    let status = if active { ("active", "Active") } else { ("resolved", "Resolved") };
    concept(
        j,
        "clinicalStatus",
        "http://terminology.hl7.org/CodeSystem/condition-clinical",
        status.0,
        status.1,
    );
    concept(
        j,
        "verificationStatus",
        "http://terminology.hl7.org/CodeSystem/condition-ver-status",
        "confirmed",
        "Confirmed",
    );
    j.one("category", |j| {
        coding(
            j,
            "http://terminology.hl7.org/CodeSystem/condition-category",
            "encounter-diagnosis",
            "Encounter Diagnosis",
        );
    });
    concept(j, "code", "http://hl7.org/fhir/sid/icd-10", code, display);
    write_subject(j, ids, true);
    let onset = day(random);
    j.shown("onsetDateTime", onset);
    if !active {
        j.shown("abatementDateTime", onset.plus(random.int(5, 40) as i32));
    }
    j.shown("recordedDate", onset);
}

fn write_observation(j: &mut Json, random: &mut Random, ids: &Ids) {
    let category = |j: &mut Json, code: &str| {
        let display = if code == "laboratory" { "Laboratory" } else { "Vital Signs" };
        j.one("category", |j| {
            coding(j, "http://terminology.hl7.org/CodeSystem/observation-category", code, display);
        });
    };
    let when = day(random);
    let clock = random.int(0, 86_399);
    let effective = |j: &mut Json| {
        j.shown(
            "effectiveDateTime",
            format_args!("{when}T{:02}:{:02}:{:02}Z", clock / 3600, clock / 60 % 60, clock % 60),
        );
    };
    j.text("status", "final");
    if random.chance(0.2) {
        category(j, "vital-signs");
        concept(j, "code", "http://loinc.org", "85354-9", "Blood pressure");
        write_subject(j, ids, true);
        effective(j);
        let systolic = random.int(98, 185);
        j.list("component", |j| {
            for (code, display, value) in [
                ("8480-6", "Systolic blood pressure", systolic),
                ("8462-4", "Diastolic blood pressure", systolic * 6 / 10),
            ] {
                j.item(|j| {
                    concept(j, "code", "http://loinc.org", code, display);
                    write_quantity(j, value, 0, "mm[Hg]");
                });
            }
        });
        return;
    }
    let &(code, display, unit, low, high, digits, kind) = random.pick(&QUANTITIES);
    category(j, kind);
    concept(j, "code", "http://loinc.org", code, display);
    write_subject(j, ids, true);
    effective(j);
    write_quantity(j, random.int(low, high), digits, unit);
}

fn write_quantity(j: &mut Json, value: i64, digits: u8, unit: &str) {
    j.at("valueQuantity", |j| {
        j.decimal("value", value, digits);
        j.text("unit", unit);
        j.text("system", "http://unitsofmeasure.org");
        j.text("code", unit);
    });
}
