//! Illnesses, what is prescribed for them, allergies, procedures, immunisations and the plan of care.

use super::chart::{ATC, Chart, Code, ICD10, Medicine, Visit, VisitKind};
use crate::bundle::{Link, coding, concept};
use crate::calendar::Date;

const fn icd(code: &'static str, display: &'static str) -> Code {
    Code { system: ICD10, code, display }
}

const fn medicine(
    code: &'static str,
    display: &'static str,
    instruction: &'static str,
    times_a_day: i64,
    dose: i64,
    dose_digits: u8,
    unit: &'static str,
) -> Medicine {
    Medicine { code: Code { system: ATC, code, display }, instruction, times_a_day, dose, dose_digits, unit }
}

const METFORMIN: Medicine =
    medicine("A10BA02", "Metformin 850 mg tablet", "One tablet with breakfast and dinner", 2, 850, 0, "mg");
const EMPAGLIFLOZIN: Medicine =
    medicine("A10BK03", "Empagliflozin 10 mg tablet", "One tablet in the morning", 1, 10, 0, "mg");
const RAMIPRIL: Medicine =
    medicine("C09AA05", "Ramipril 5 mg tablet", "One tablet in the morning", 1, 5, 0, "mg");
const AMLODIPINE: Medicine =
    medicine("C08CA01", "Amlodipine 5 mg tablet", "One tablet in the evening", 1, 5, 0, "mg");
const ATORVASTATIN: Medicine =
    medicine("C10AA05", "Atorvastatin 20 mg tablet", "One tablet in the evening", 1, 20, 0, "mg");
const TIOTROPIUM: Medicine = medicine(
    "R03BB04",
    "Tiotropium 18 ug inhalation powder",
    "Inhale one capsule each morning",
    1,
    18,
    0,
    "ug",
);
const AMOXICILLIN: Medicine =
    medicine("J01CA04", "Amoxicillin 500 mg capsule", "One capsule three times a day", 3, 500, 0, "mg");
const DOXYCYCLINE: Medicine =
    medicine("J01AA02", "Doxycycline 100 mg capsule", "One capsule twice a day", 2, 100, 0, "mg");
const PREDNISOLONE: Medicine =
    medicine("H02AB06", "Prednisolone 20 mg tablet", "Two tablets in the morning", 1, 40, 0, "mg");
const PARACETAMOL: Medicine =
    medicine("N02BE01", "Paracetamol oral suspension", "As directed for the child's weight", 3, 150, 0, "mg");

/// Links to the chronic illnesses of a person.
#[derive(Debug, Default)]
pub(super) struct Chronic {
    pub(super) diabetes: Option<Link>,
    pub(super) hypertension: Option<Link>,
    pub(super) copd: Option<Link>,
}

/// Writes the chronic illnesses and their medicines, which the first visit of the window finds or confirms.
pub(super) fn chronic(chart: &mut Chart<'_>, visit: &Visit) -> Chronic {
    let person = chart.person;
    let mut found = Chronic::default();
    // Illness begins in adult life, and before the first visit.
    let latest = visit.start.date;
    let onset = |chart: &mut Chart<'_>, youngest: i32| -> Date {
        let earliest = chart.person.birth.plus(youngest * 366);
        let back = i64::from((latest.days() - earliest.days()).clamp(0, 3000));
        latest.plus(-(chart.random.int(0, back) as i32))
    };
    if person.hypertension {
        let since = onset(chart, 25);
        let link = chart.condition(visit, icd("I10", "Essential (primary) hypertension"), since, None);
        chart.medication(visit, &RAMIPRIL, &link, None);
        if chart.random.chance(0.5) {
            chart.medication(visit, &AMLODIPINE, &link, None);
        }
        found.hypertension = Some(link);
    }
    if person.diabetes {
        let since = onset(chart, 25);
        let link = chart.condition(visit, icd("E11", "Type 2 diabetes mellitus"), since, None);
        chart.medication(visit, &METFORMIN, &link, None);
        if chart.random.chance(0.35) {
            chart.medication(visit, &EMPAGLIFLOZIN, &link, None);
        }
        found.diabetes = Some(link);
    }
    if person.copd {
        let since = onset(chart, 38);
        let link = chart.condition(visit, icd("J44", "Chronic obstructive pulmonary disease"), since, None);
        chart.medication(visit, &TIOTROPIUM, &link, None);
        found.copd = Some(link);
    }
    if person.age_on(latest) >= 45 && (person.diabetes || chart.random.chance(0.3)) {
        let since = onset(chart, 35);
        let link = chart.condition(visit, icd("E78", "Disorder of lipoprotein metabolism"), since, None);
        chart.medication(visit, &ATORVASTATIN, &link, None);
    }
    smoking(chart, visit);
    found
}

/// The smoking status of adults, as LOINC 72166-2 with answers of LOINC.
fn smoking(chart: &mut Chart<'_>, visit: &Visit) {
    if chart.person.age_on(visit.start.date) < 16 {
        return;
    }
    let (code, display) =
        if chart.person.smoker { ("LA15920-4", "Former smoker") } else { ("LA18978-9", "Never smoker") };
    let patient = &chart.patient;
    chart.bundle.post("Observation", "Tobacco smoking status", |j| {
        j.text("status", "final");
        j.one("category", |j| {
            coding(
                j,
                "http://terminology.hl7.org/CodeSystem/observation-category",
                "social-history",
                "Social History",
            );
        });
        concept(j, "code", "http://loinc.org", "72166-2", "Tobacco smoking status");
        patient.write(j, "subject");
        visit.link.write(j, "encounter");
        j.shown("effectiveDateTime", visit.start);
        concept(j, "valueCodeableConcept", "http://loinc.org", code, display);
    });
}

/// An allergy for one in three.
pub(super) fn allergy(chart: &mut Chart<'_>, visit: &Visit) {
    if !chart.random.chance(0.35) {
        return;
    }
    let (substance, category, criticality, reaction, severity) = *chart.random.pick(&[
        ("Penicillin", "medication", "high", "Urticaria", "moderate"),
        ("Iodinated contrast medium", "medication", "low", "Flushing", "mild"),
        ("Peanut", "food", "high", "Angioedema", "severe"),
        ("Birch pollen", "environment", "low", "Rhinitis", "mild"),
        ("Latex", "environment", "low", "Contact dermatitis", "mild"),
    ]);
    let patient = &chart.patient;
    chart.bundle.post("AllergyIntolerance", substance, |j| {
        j.at("clinicalStatus", |j| {
            coding(
                j,
                "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                "active",
                "Active",
            );
        });
        j.at("verificationStatus", |j| {
            coding(
                j,
                "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
                "confirmed",
                "Confirmed",
            );
        });
        j.text("type", "allergy");
        j.list("category", |j| j.item_text(category));
        j.text("criticality", criticality);
        j.at("code", |j| j.text("text", substance));
        patient.write(j, "patient");
        visit.link.write(j, "encounter");
        j.shown("recordedDate", visit.start);
        visit.doctor.write(j, "recorder");
        j.one("reaction", |j| {
            j.one("manifestation", |j| j.text("text", reaction));
            j.text("severity", severity);
        });
    });
}

/// An acute illness of the chest in the last two years: an exacerbation in hospital for COPD, an infection for others.
pub(super) fn chest_illness(chart: &mut Chart<'_>) {
    let person = chart.person;
    let years = person.age_on(person.today);
    let lifetime = person.today.days() - person.birth.days();
    if lifetime < 90 || !(person.copd || chart.random.chance(0.7)) {
        return;
    }
    let days_ago = chart.random.int(40, i64::from(lifetime.min(730)) - 20) as i32;
    let seconds = chart.random.int(9 * 3600, 20 * 3600) as u32;
    let start = chart.moment(person.today.plus(-days_ago), seconds);
    let (kind, reason, code, length) = match () {
        () if person.copd => {
            (VisitKind::Inpatient(5), "Breathlessness", icd("J44.1", "COPD with acute exacerbation"), 9)
        }
        () if years >= 60 => (VisitKind::Inpatient(4), "Fever and cough", icd("J18", "Pneumonia"), 16),
        () if years < 12 => (VisitKind::Emergency, "Earache", icd("H66", "Suppurative otitis media"), 8),
        () => (VisitKind::Emergency, "Cough", icd("J20", "Acute bronchitis"), 12),
    };
    let visit = chart.encounter(start, kind, reason);
    let end = start.date.plus(length);
    let link = chart.condition(&visit, code, start.date, Some(end));
    match () {
        () if person.copd => {
            chart.medication(&visit, &PREDNISOLONE, &link, Some(5));
            chart.medication(&visit, &DOXYCYCLINE, &link, Some(7));
        }
        () if years < 12 => {
            chart.medication(&visit, &PARACETAMOL, &link, Some(3));
        }
        () => {
            chart.medication(&visit, &AMOXICILLIN, &link, Some(7));
        }
    }
}

/// Operations and examinations of earlier years, as old people have more of.
pub(super) fn past_procedures(chart: &mut Chart<'_>, before: Date) {
    let years = chart.person.age_on(before);
    let menu: [(i32, f64, &str, &str); 5] = [
        (8, 0.15, "Appendicectomy", "Abdomen"),
        (50, 0.5, "Colonoscopy", "Colon"),
        (60, 0.2, "Cataract extraction with lens implant", "Right eye"),
        (64, 0.2, "Total hip replacement", "Left hip"),
        (40, if chart.person.copd { 1.0 } else { 0.05 }, "Spirometry with bronchodilator", "Lungs"),
    ];
    for (youngest, likelihood, text, site) in menu {
        if years <= youngest || !chart.random.chance(likelihood) {
            continue;
        }
        let span = i64::from((years - youngest).min(15)) * 365;
        let day = before.plus(-(chart.random.int(30, span.max(31)) as i32));
        let performer = chart.bundle.practitioner(chart.member, chart.member.specialist("Surgery"));
        let patient = &chart.patient;
        chart.bundle.post("Procedure", text, |j| {
            j.text("status", "completed");
            j.at("code", |j| j.text("text", text));
            patient.write(j, "subject");
            j.shown("performedDateTime", day);
            j.one("performer", |j| performer.write(j, "actor"));
            j.one("bodySite", |j| j.text("text", site));
        });
    }
}

/// Immunisations due at the person's age: code of CVX, and days of life or of the year.
pub(super) fn immunizations(chart: &mut Chart<'_>) {
    let person = chart.person;
    let today = person.today;
    let mut given: Vec<(Date, &str, &str)> = Vec::new();
    if person.age_on(today) < 18 {
        for (age_days, code, text) in [
            (60, "146", "Diphtheria, tetanus, pertussis, polio, Hib, hepatitis B, first dose"),
            (120, "146", "Diphtheria, tetanus, pertussis, polio, Hib, hepatitis B, second dose"),
            (335, "146", "Diphtheria, tetanus, pertussis, polio, Hib, hepatitis B, third dose"),
            (340, "03", "Measles, mumps, rubella, first dose"),
            (470, "03", "Measles, mumps, rubella, second dose"),
            (370, "114", "Meningococcal conjugate"),
        ] {
            given.push((person.birth.plus(age_days + chart.random.int(0, 14) as i32), code, text));
        }
    } else {
        let years_ago = chart.random.int(1, 9) as i32;
        given.push((today.plus(-365 * years_ago), "115", "Tetanus, diphtheria, pertussis"));
        given.push((today.plus(-(chart.random.int(400, 1100) as i32)), "208", "SARS-CoV-2 mRNA"));
        if person.age_on(today) >= 60 || person.copd || person.diabetes {
            for year in 0..3 {
                let october = Date::new(today.parts().0 - year - 1, 10, 1).unwrap_or(today);
                given.push((october.plus(chart.random.int(0, 45) as i32), "150", "Influenza, seasonal"));
            }
            given.push((today.plus(-(chart.random.int(300, 1500) as i32)), "133", "Pneumococcal conjugate"));
        }
    }
    let performer = chart.bundle.practitioner(chart.member, chart.member.specialist("Family medicine"));
    for (day, code, text) in given {
        if day > today || day < person.birth {
            continue;
        }
        let (patient, lot) = (&chart.patient, chart.random.int(1000, 9999));
        chart.bundle.post("Immunization", text, |j| {
            j.text("status", "completed");
            concept(j, "vaccineCode", "http://hl7.org/fhir/sid/cvx", code, text);
            patient.write(j, "patient");
            j.shown("occurrenceDateTime", day);
            j.flag("primarySource", true);
            j.shown("lotNumber", format_args!("SYN{lot}"));
            j.one("performer", |j| performer.write(j, "actor"));
        });
    }
}

/// One CarePlan for whoever has a chronic illness.
pub(super) fn care_plan(chart: &mut Chart<'_>, chronic: &Chronic) {
    let goals = [
        (&chronic.diabetes, "HbA1c every three months; yearly eye and foot examination"),
        (&chronic.hypertension, "Home blood pressure diary; less salt; exercise"),
        (&chronic.copd, "Breathing exercises; yearly influenza immunisation; no smoking"),
    ];
    let followed: Vec<(&Link, &str)> =
        goals.iter().filter_map(|(link, text)| link.as_ref().map(|link| (link, *text))).collect();
    if followed.is_empty() {
        return;
    }
    let author = chart.bundle.practitioner(chart.member, chart.member.specialist("Family medicine"));
    let since = chart.person.today.plus(-(chart.random.int(30, 300) as i32));
    let patient = &chart.patient;
    chart.bundle.post("CarePlan", "Care of chronic illness", |j| {
        j.text("status", "active");
        j.text("intent", "plan");
        j.text("title", "Care of chronic illness");
        patient.write(j, "subject");
        j.at("period", |j| j.shown("start", since));
        author.write(j, "author");
        j.list("addresses", |j| {
            for (link, _) in &followed {
                j.item(|j| link.write_inside(j));
            }
        });
        j.list("activity", |j| {
            for (_, text) in &followed {
                j.item(|j| {
                    j.at("detail", |j| {
                        j.text("status", "in-progress");
                        j.text("description", text);
                    });
                });
            }
        });
    });
}

/// An order still to be carried out, for each chronic illness.
pub(super) fn referrals(chart: &mut Chart<'_>, chronic: &Chronic) {
    let orders = [
        (&chronic.diabetes, "Retinal screening"),
        (&chronic.hypertension, "Ambulatory blood pressure monitoring"),
        (&chronic.copd, "Pulmonary rehabilitation"),
    ];
    let requester = chart.bundle.practitioner(chart.member, chart.member.specialist("Family medicine"));
    for (reason, text) in orders {
        let Some(reason) = reason else { continue };
        let authored = chart.person.today.plus(-(chart.random.int(1, 60) as i32));
        let patient = &chart.patient;
        chart.bundle.post("ServiceRequest", text, |j| {
            j.text("status", "active");
            j.text("intent", "order");
            j.text("priority", "routine");
            j.at("code", |j| j.text("text", text));
            patient.write(j, "subject");
            j.shown("authoredOn", authored);
            requester.write(j, "requester");
            j.one("reasonReference", |j| reason.write_inside(j));
        });
    }
}
