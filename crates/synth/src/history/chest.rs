//! The chest CT in the record: the order, and a report that describes what the phantom holds.

use super::chart::{Chart, LOINC, VisitKind, base64};
use crate::bundle::{Link, coding, concept};
use crate::imaging::ct::nodules;
use crate::imaging::truth::Nodule;
use crate::json::Json;
use crate::person::ChestCt;
use std::fmt::Write as _;

/// Writes the visit, the ServiceRequest and the DiagnosticReport of a chest CT.
pub(super) fn imaging(chart: &mut Chart<'_>, ct: &ChestCt, reason: Option<&Link>) {
    let ordered = chart.member.specialist("Respiratory medicine");
    let requester = chart.bundle.practitioner(chart.member, ordered);
    let visit = chart.encounter(ct.when, VisitKind::Imaging, "CT of the chest");
    let (patient, organization) = (&chart.patient, &chart.organization);
    let system = format!("https://{}.lenticular.example/accession", chart.member.id);

    let order = chart.bundle.post("ServiceRequest", "CT of the chest with contrast", |j| {
        j.one("identifier", |j| write_accession(j, &system, ct, organization));
        j.text("status", "completed");
        j.text("intent", "order");
        j.one("category", |j| j.text("text", "Imaging"));
        j.text("priority", "routine");
        concept(j, "code", LOINC, "24628-6", "CT of the chest with contrast");
        patient.write(j, "subject");
        visit.link.write(j, "encounter");
        j.shown("occurrenceDateTime", ct.when);
        j.shown("authoredOn", ct.when.date.plus(-4).max(chart.person.birth));
        requester.write(j, "requester");
        if let Some(reason) = reason {
            j.one("reasonReference", |j| reason.write_inside(j));
        }
    });

    let findings = nodules(ct.phantom_seed, &chart.person.facts());
    let text = report(&findings, chart.person.copd);
    let conclusion = conclusion(&findings);
    let (patient, organization) = (&chart.patient, &chart.organization);
    chart.bundle.post("DiagnosticReport", "CT of the chest with contrast", |j| {
        j.one("identifier", |j| write_accession(j, &system, ct, organization));
        j.one("basedOn", |j| order.write_inside(j));
        j.text("status", "final");
        j.one("category", |j| coding(j, "http://terminology.hl7.org/CodeSystem/v2-0074", "RAD", "Radiology"));
        concept(j, "code", LOINC, "24628-6", "CT of the chest with contrast");
        patient.write(j, "subject");
        visit.link.write(j, "encounter");
        j.shown("effectiveDateTime", ct.when);
        // Read within the hour: nothing is issued after the day of the scan.
        j.shown("issued", ct.when.plus_seconds(3000));
        j.one("performer", |j| organization.write_inside(j));
        j.one("resultsInterpreter", |j| visit.doctor.write_inside(j));
        j.text("conclusion", &conclusion);
        j.one("presentedForm", |j| {
            j.text("contentType", "text/plain; charset=utf-8");
            j.text("language", "en");
            j.text("data", &base64(text.as_bytes()));
            j.text("title", "CT of the chest with contrast");
        });
    });
}

fn write_accession(j: &mut Json, system: &str, ct: &ChestCt, assigner: &Link) {
    j.text("use", "official");
    j.at("type", |j| coding(j, "http://terminology.hl7.org/CodeSystem/v2-0203", "ACSN", "Accession ID"));
    j.text("system", system);
    j.text("value", &ct.accession);
    assigner.write(j, "assigner");
}

fn kind(nodule: &Nodule) -> &'static str {
    match nodule.hu {
        hu if hu < -200.0 => "ground-glass",
        hu if hu > 120.0 => "calcified",
        _ => "solid",
    }
}

fn largest(findings: &[Nodule]) -> Option<&Nodule> {
    findings.iter().max_by(|a, b| a.diameter_mm.total_cmp(&b.diameter_mm))
}

fn conclusion(findings: &[Nodule]) -> String {
    match largest(findings) {
        Some(nodule) => format!(
            "{} pulmonary nodules; the largest is {}, {} mm, in the {}. {}",
            findings.len(),
            kind(nodule),
            nodule.diameter_mm,
            nodule.lobe,
            if nodule.diameter_mm >= 8.0 {
                "Follow-up CT in three months."
            } else {
                "Follow-up CT in twelve months."
            }
        ),
        None => "No pulmonary nodule.".to_owned(),
    }
}

fn report(findings: &[Nodule], emphysema: bool) -> String {
    let mut text = String::from(
        "CT OF THE CHEST WITH CONTRAST\n\nTechnique: helical, 120 kV, 2 mm slices, iodinated contrast.\n\nFindings:\n",
    );
    for nodule in findings {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "- {}: {} nodule of {} mm.", nodule.lobe, kind(nodule), nodule.diameter_mm);
    }
    text.push_str("- Heart and great vessels of normal size. No pericardial or pleural effusion.\n");
    if emphysema {
        text.push_str("- No consolidation. Known chronic obstructive pulmonary disease.\n");
    }
    text.push_str("- No destructive lesion of bone.\n\nConclusion:\n");
    text.push_str(&conclusion(findings));
    text.push('\n');
    text
}
