//! Letters: what one doctor writes to another.

use super::chart::{Chart, LOINC, base64};
use crate::bundle::{coding, concept};
use crate::network::Member;
use crate::person::Person;

/// Writes a DocumentReference with a letter to the family doctor, in the language of the member.
pub(super) fn summary(chart: &mut Chart<'_>) {
    let member = chart.member;
    let author = chart.bundle.practitioner(member, member.specialist("Internal medicine"));
    let days_ago = chart.random.int(1, 40) as i32;
    let date = chart.person.today.plus(-days_ago).max(chart.person.birth);
    let when = chart.moment(date, 15 * 3600 + 600);
    let (language, title, text) = letter(chart.person, member);
    let (patient, organization) = (&chart.patient, &chart.organization);
    let identifier = format!("{}-D001", chart.person.mrn);
    chart.bundle.post("DocumentReference", title, |j| {
        j.one("identifier", |j| {
            j.shown("system", format_args!("https://{}.lenticular.example/letter", member.id));
            j.text("value", &identifier);
        });
        j.text("status", "current");
        j.text("docStatus", "final");
        concept(j, "type", LOINC, "34133-9", "Summary of care");
        j.one("category", |j| j.text("text", "Letter"));
        patient.write(j, "subject");
        j.shown("date", when);
        j.one("author", |j| author.write_inside(j));
        organization.write(j, "custodian");
        j.text("description", title);
        j.one("securityLabel", |j| {
            coding(j, "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "N", "normal");
        });
        j.one("content", |j| {
            j.at("attachment", |j| {
                j.text("contentType", "text/plain; charset=utf-8");
                j.text("language", language);
                j.text("data", &base64(text.as_bytes()));
                j.int("size", text.len() as i64);
                j.text("title", title);
                j.shown("creation", when);
            });
        });
    });
}

/// Language, title and text.
fn letter(person: &Person, member: &Member) -> (&'static str, &'static str, String) {
    let german = member.id == "hospital-b";
    let mut known = Vec::new();
    for (has, english, deutsch) in [
        (person.hypertension, "high blood pressure", "Bluthochdruck"),
        (person.diabetes, "type 2 diabetes", "Diabetes mellitus Typ 2"),
        (person.copd, "chronic obstructive pulmonary disease", "chronisch obstruktive Lungenerkrankung"),
    ] {
        if has {
            known.push(if german { deutsch } else { english });
        }
    }
    let (name, born) = (person.display(), person.birth);
    if german {
        let known =
            if known.is_empty() { "keine chronische Erkrankung".to_owned() } else { known.join(", ") };
        let text = format!(
            "{}\n\nSehr geehrte Kollegin, sehr geehrter Kollege,\n\nwir berichten über {name}, geboren am {born}.\n\n\
             Diagnosen: {known}.\n\nDie Laborwerte und Vitalzeichen finden Sie in der Akte. Wir bitten um eine Kontrolle in drei Monaten.\n\n\
             Mit freundlichen Grüßen\n",
            member.name
        );
        return ("de", "Arztbrief", text);
    }
    let known = if known.is_empty() { "no chronic illness".to_owned() } else { known.join(", ") };
    let text = format!(
        "{}\n\nDear colleague,\n\nwe report on {name}, born {born}.\n\nDiagnoses: {known}.\n\n\
         Laboratory values and vital signs are in the record. Please see the patient again in three months.\n\nKind regards\n",
        member.name
    );
    ("en", "Letter to the family doctor", text)
}
