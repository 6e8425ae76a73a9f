//! Vital signs and laboratory values along a person's courses.

use super::chart::{Chart, LOINC, Visit};
use crate::bundle::{Link, coding, concept};
use crate::json::Json;
use crate::person::{Person, Sex};
use crate::random::Random;

/// Where a person's values stand at the first visit and at the last; visits between lie on the way.
#[derive(Debug)]
pub(super) struct Course {
    systolic: [f64; 2],
    diastolic: [f64; 2],
    hba1c: [f64; 2],
    glucose: [f64; 2],
    creatinine: [f64; 2],
    ldl: [f64; 2],
    haemoglobin: [f64; 2],
    saturation: [f64; 2],
    /// FEV1 in percent of predicted.
    spirometry: [f64; 2],
    weight_kg: [f64; 2],
    pulse: f64,
}

impl Course {
    pub(super) fn new(person: &Person, random: &mut Random) -> Self {
        let age = f64::from(person.age_on(person.today));
        let treated = |random: &mut Random, before: [f64; 2], after: [f64; 2]| {
            [random.between(before[0], before[1]), random.between(after[0], after[1])]
        };
        let child = age < 18.0;
        let (systolic, diastolic) = match () {
            () if child => {
                let now = 84.0 + 2.0 * age;
                ([now - 4.0, now], [now * 0.62, now * 0.62])
            }
            () if person.hypertension => (
                treated(random, [152.0, 176.0], [126.0, 142.0]),
                treated(random, [90.0, 102.0], [74.0, 86.0]),
            ),
            () => {
                let now = random.between(108.0, 122.0) + 0.15 * (age - 40.0).max(0.0);
                ([now - 2.0, now], [now * 0.61, now * 0.62])
            }
        };
        let hba1c = if person.diabetes {
            treated(random, [7.8, 9.9], [6.4, 7.4])
        } else {
            [5.3, random.between(5.1, 5.7)]
        };
        let kidney = random.between(0.65, 0.95)
            + if person.sex == Sex::Male { 0.15 } else { 0.0 }
            + 0.004 * (age - 40.0).max(0.0);
        let kidney_end = kidney * if person.diabetes { random.between(1.05, 1.5) } else { 1.03 };
        let blood = random.between(12.4, 14.2) + if person.sex == Sex::Male { 1.2 } else { 0.0 };
        let weight = f64::from(person.weight_g) / 1000.0;
        let drift = if child { 1.0 - 0.35 * (6.0 / age.max(6.0)) } else { random.between(0.95, 1.06) };
        Self {
            systolic,
            diastolic,
            glucose: hba1c.map(|value| 28.7 * value - 46.7),
            hba1c,
            creatinine: [kidney, kidney_end],
            ldl: treated(random, [128.0, 182.0], [78.0, 124.0]),
            haemoglobin: [blood, blood - random.between(0.0, 0.9)],
            saturation: if person.copd { [94.0, random.between(89.0, 93.0)] } else { [98.0, 98.0] },
            spirometry: if person.copd { treated(random, [66.0, 78.0], [45.0, 62.0]) } else { [98.0, 96.0] },
            weight_kg: [weight * drift, weight],
            pulse: if child { 112.0 - 2.2 * age } else { random.between(62.0, 80.0) },
        }
    }
}

/// A measurable quantity.
struct Quantity {
    /// LOINC
    code: &'static str,
    display: &'static str,
    /// UCUM, printed and coded alike.
    unit: &'static str,
    digits: u8,
    /// In the unit; none where it is not judged.
    range: Option<[f64; 2]>,
    category: &'static str,
}

const fn vital(
    code: &'static str,
    display: &'static str,
    unit: &'static str,
    digits: u8,
    range: Option<[f64; 2]>,
) -> Quantity {
    Quantity { code, display, unit, digits, range, category: "vital-signs" }
}

const fn lab(
    code: &'static str,
    display: &'static str,
    unit: &'static str,
    digits: u8,
    low: f64,
    high: f64,
) -> Quantity {
    Quantity { code, display, unit, digits, range: Some([low, high]), category: "laboratory" }
}

const HEART_RATE: Quantity = vital("8867-4", "Heart rate", "/min", 0, Some([50.0, 100.0]));
const CHILD_HEART_RATE: Quantity = vital("8867-4", "Heart rate", "/min", 0, Some([65.0, 150.0]));
const BREATHS: Quantity = vital("9279-1", "Respiratory rate", "/min", 0, None);
const TEMPERATURE: Quantity = vital("8310-5", "Body temperature", "Cel", 1, Some([36.0, 37.7]));
const SATURATION: Quantity =
    vital("2708-6", "Oxygen saturation in arterial blood", "%", 0, Some([94.0, 100.0]));
const WEIGHT: Quantity = vital("29463-7", "Body weight", "kg", 1, None);
const HEIGHT: Quantity = vital("8302-2", "Body height", "cm", 1, None);
const MASS_INDEX: Quantity = vital("39156-5", "Body mass index", "kg/m2", 1, None);
const HBA1C: Quantity = lab("4548-4", "Haemoglobin A1c in blood", "%", 1, 4.0, 5.6);
const GLUCOSE: Quantity = lab("2345-7", "Glucose in serum or plasma", "mg/dL", 0, 70.0, 99.0);
const CREATININE: Quantity = lab("2160-0", "Creatinine in serum or plasma", "mg/dL", 2, 0.55, 1.2);
const LDL: Quantity = lab("13457-7", "LDL cholesterol, calculated", "mg/dL", 0, 0.0, 130.0);
const HAEMOGLOBIN: Quantity = lab("718-7", "Haemoglobin in blood", "g/dL", 1, 12.0, 17.2);
const POTASSIUM: Quantity = lab("2823-3", "Potassium in serum or plasma", "mmol/L", 1, 3.5, 5.1);
const SODIUM: Quantity = lab("2951-2", "Sodium in serum or plasma", "mmol/L", 0, 136.0, 145.0);
const SPIROMETRY: Quantity = Quantity {
    code: "20150-9",
    display: "Forced expiratory volume in one second",
    unit: "L",
    digits: 2,
    range: None,
    category: "procedure",
};
pub(super) fn vital_signs(chart: &mut Chart<'_>, visit: &Visit, course: &Course, progress: f64) {
    let (years, height_cm) =
        (chart.person.age_on(visit.start.date), f64::from(chart.person.height_mm) / 10.0);
    let child = years < 18;
    let systolic = chart.jitter(course.systolic, progress, 5.0);
    let diastolic = chart.jitter(course.diastolic, progress, 3.0);
    if years >= 3 {
        blood_pressure(chart, visit, [systolic, diastolic], child);
    }
    let pulse = chart.jitter([course.pulse; 2], progress, 4.0);
    chart.observe(visit, if child { &CHILD_HEART_RATE } else { &HEART_RATE }, pulse);
    let weight = chart.jitter(course.weight_kg, progress, 0.4).max(2.5);
    chart.observe(visit, &WEIGHT, weight);
    if child {
        let breaths =
            chart.jitter([34.0 - f64::from(years), 30.0 - f64::from(years)], progress, 2.0).max(12.0);
        chart.observe(visit, &BREATHS, breaths);
        let temperature = chart.jitter([36.8, 36.8], progress, 0.25);
        chart.observe(visit, &TEMPERATURE, temperature);
        let grown = height_cm * (0.9 + 0.1 * progress);
        chart.observe(visit, &HEIGHT, grown);
    } else {
        let metres = height_cm / 100.0;
        chart.observe(visit, &MASS_INDEX, weight / (metres * metres));
        if progress == 0.0 {
            chart.observe(visit, &HEIGHT, height_cm);
        }
    }
    if chart.person.copd || progress == 1.0 {
        let saturation = chart.jitter(course.saturation, progress, 0.8).min(100.0);
        chart.observe(visit, &SATURATION, saturation);
    }
}

/// Writes the visit's laboratory Observations and gives links to them. Children have none at a check-up.
pub(super) fn laboratory(
    chart: &mut Chart<'_>,
    visit: &Visit,
    course: &Course,
    progress: f64,
    results: &mut Vec<Link>,
) {
    let years = chart.person.age_on(visit.start.date);
    if years < 18 {
        return;
    }
    let (diabetes, copd) = (chart.person.diabetes, chart.person.copd);
    let mut panel: Vec<(&Quantity, f64)> = vec![
        (&HAEMOGLOBIN, chart.jitter(course.haemoglobin, progress, 0.25)),
        (&CREATININE, chart.jitter(course.creatinine, progress, 0.04)),
        (&POTASSIUM, chart.jitter([4.2, 4.2], progress, 0.25)),
        (&SODIUM, chart.jitter([140.0, 140.0], progress, 1.6)),
    ];
    if diabetes || years >= 45 {
        panel.push((&HBA1C, chart.jitter(course.hba1c, progress, 0.12)));
        panel.push((&GLUCOSE, chart.jitter(course.glucose, progress, 7.0)));
    }
    if years >= 40 {
        panel.push((&LDL, chart.jitter(course.ldl, progress, 6.0)));
    }
    results.extend(panel.into_iter().map(|(quantity, value)| chart.observe(visit, quantity, value)));
    if copd {
        // Predicted volume from height and age, roughly; the course is in percent of it.
        let height = f64::from(chart.person.height_mm) / 1000.0;
        let predicted = (4.3 * height - 0.029 * f64::from(years) - 2.5).max(1.2);
        let percent = chart.jitter(course.spirometry, progress, 2.0);
        chart.observe(visit, &SPIROMETRY, predicted * percent / 100.0);
    }
}

impl Chart<'_> {
    /// A value of a course at `progress` (0 first visit, 1 last), with a person's day-to-day variation.
    fn jitter(&mut self, course: [f64; 2], progress: f64, deviation: f64) -> f64 {
        // Treatment works quickly at first.
        let eased = 1.0 - (1.0 - progress) * (1.0 - progress);
        let value = course[0] + (course[1] - course[0]) * eased;
        self.random.normal(value, deviation)
    }

    /// Writes one Observation with a quantity, its range and interpretation.
    fn observe(&mut self, visit: &Visit, quantity: &Quantity, value: f64) -> Link {
        let minutes = self.random.int(3, 18) as u32;
        let patient = &self.patient;
        self.bundle.post("Observation", quantity.display, |j| {
            j.text("status", "final");
            category(j, quantity.category);
            concept(j, "code", LOINC, quantity.code, quantity.display);
            patient.write(j, "subject");
            visit.link.write(j, "encounter");
            j.shown("effectiveDateTime", visit.start.plus_seconds(minutes * 60));
            j.shown("issued", visit.start.plus_seconds(minutes * 60 + 900));
            j.one("performer", |j| visit.doctor.write_inside(j));
            let scaled = write_value(j, quantity, value);
            if let Some(range) = quantity.range {
                interpretation(j, scaled, range);
                reference_range(j, quantity, range);
            }
        })
    }
}

fn category(j: &mut Json, code: &str) {
    let display = match code {
        "vital-signs" => "Vital Signs",
        "laboratory" => "Laboratory",
        _ => "Procedure",
    };
    j.one("category", |j| {
        coding(j, "http://terminology.hl7.org/CodeSystem/observation-category", code, display);
    });
}

/// Writes `valueQuantity` and gives the value as it was rounded.
fn write_value(j: &mut Json, quantity: &Quantity, value: f64) -> f64 {
    let scale = 10_f64.powi(i32::from(quantity.digits));
    let scaled = (value * scale).round();
    j.at("valueQuantity", |j| write_quantity(j, scaled as i64, quantity));
    scaled / scale
}

fn write_quantity(j: &mut Json, scaled: i64, quantity: &Quantity) {
    j.decimal("value", scaled, quantity.digits);
    j.text("unit", quantity.unit);
    j.text("system", "http://unitsofmeasure.org");
    j.text("code", quantity.unit);
}

fn interpretation(j: &mut Json, value: f64, range: [f64; 2]) {
    let (code, display) = match () {
        () if value < range[0] => ("L", "Low"),
        () if value > range[1] => ("H", "High"),
        () => ("N", "Normal"),
    };
    j.one("interpretation", |j| {
        coding(j, "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", code, display);
    });
}

fn reference_range(j: &mut Json, quantity: &Quantity, range: [f64; 2]) {
    let scale = 10_f64.powi(i32::from(quantity.digits));
    j.one("referenceRange", |j| {
        for (name, bound) in [("low", range[0]), ("high", range[1])] {
            j.at(name, |j| write_quantity(j, (bound * scale).round() as i64, quantity));
        }
    });
}

fn blood_pressure(chart: &mut Chart<'_>, visit: &Visit, values: [f64; 2], child: bool) {
    let pressure = |code, display, high: f64, low: f64| vital(code, display, "mm[Hg]", 0, Some([low, high]));
    let parts = if child {
        [
            pressure("8480-6", "Systolic blood pressure", 125.0, 75.0),
            pressure("8462-4", "Diastolic blood pressure", 82.0, 40.0),
        ]
    } else {
        [
            pressure("8480-6", "Systolic blood pressure", 139.0, 90.0),
            pressure("8462-4", "Diastolic blood pressure", 89.0, 55.0),
        ]
    };
    let patient = &chart.patient;
    chart.bundle.post("Observation", "Blood pressure", |j| {
        j.text("status", "final");
        category(j, "vital-signs");
        concept(j, "code", LOINC, "85354-9", "Blood pressure, systolic and diastolic");
        patient.write(j, "subject");
        visit.link.write(j, "encounter");
        j.shown("effectiveDateTime", visit.start.plus_seconds(240));
        j.shown("issued", visit.start.plus_seconds(600));
        j.one("performer", |j| visit.doctor.write_inside(j));
        j.at("bodySite", |j| j.text("text", "Left upper arm"));
        j.list("component", |j| {
            for (part, value) in parts.iter().zip(values) {
                j.item(|j| {
                    concept(j, "code", LOINC, part.code, part.display);
                    let value = write_value(j, part, value);
                    if let Some(range) = part.range {
                        interpretation(j, value, range);
                        reference_range(j, part, range);
                    }
                });
            }
        });
    });
}
