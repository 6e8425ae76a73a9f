//! The examinations that made pictures: the visit, the order, and a report that describes what the phantom holds and
//! names the study.

use super::chart::{Chart, LOINC, VisitKind, base64};
use crate::bundle::{Link, coding, concept};
use crate::exams::{Exam, ExamKind};
use crate::imaging::ct::{nodules, prior_nodules};
use crate::imaging::truth::Nodule;
use crate::json::Json;
use std::fmt::Write as _;

/// Writes the visit, the ServiceRequest and the DiagnosticReport of every examination. `reason` is why a chest was looked at.
pub(super) fn imaging(chart: &mut Chart<'_>, reason: Option<&Link>) {
    for exam in &chart.person.exams {
        let chest =
            matches!(exam.kind, ExamKind::ChestCt | ExamKind::PriorChestCt | ExamKind::ChestRadiograph);
        write(chart, exam, reason.filter(|_| chest));
    }
}

/// LOINC code and our own display text, and the modality's part of a visit's name.
fn code(kind: ExamKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        ExamKind::ChestCt | ExamKind::PriorChestCt => {
            ("24628-6", "CT of the chest with contrast", "CT of the chest")
        }
        ExamKind::HeadMr => ("24590-2", "MR of the brain", "MR of the head"),
        ExamKind::ChestRadiograph => ("36643-5", "X-ray of the chest, two views", "X-ray of the chest"),
        ExamKind::Echo => ("34552-0", "Two-dimensional echocardiogram", "Echocardiogram"),
        ExamKind::Captures => ("18748-4", "Diagnostic imaging study", "Captured pages"),
    }
}

fn write(chart: &mut Chart<'_>, exam: &Exam, reason: Option<&Link>) {
    let (loinc, title, visit_text) = code(exam.kind);
    let ordered = chart.member.specialist(exam.kind.referring());
    let requester = chart.bundle.practitioner(chart.member, ordered);
    let visit = chart.encounter(exam.when, VisitKind::Imaging, visit_text);
    let (patient, organization) = (&chart.patient, &chart.organization);
    let system = format!("https://{}.lenticular.example/accession", chart.member.id);

    let order = chart.bundle.post("ServiceRequest", title, |j| {
        j.one("identifier", |j| write_accession(j, &system, exam, organization));
        j.text("status", "completed");
        j.text("intent", "order");
        j.one("category", |j| j.text("text", "Imaging"));
        j.text("priority", "routine");
        concept(j, "code", LOINC, loinc, title);
        patient.write(j, "subject");
        visit.link.write(j, "encounter");
        j.shown("occurrenceDateTime", exam.when);
        j.shown("authoredOn", exam.when.date.plus(-4).max(chart.person.birth));
        requester.write(j, "requester");
        if let Some(reason) = reason {
            j.one("reasonReference", |j| reason.write_inside(j));
        }
    });

    let (findings, conclusion) = read(chart, exam);
    let text = format!("{}\n\n{findings}\nConclusion:\n{conclusion}\n", title.to_uppercase());
    let (patient, organization) = (&chart.patient, &chart.organization);
    chart.bundle.post("DiagnosticReport", title, |j| {
        j.one("identifier", |j| write_accession(j, &system, exam, organization));
        j.one("basedOn", |j| order.write_inside(j));
        j.text("status", "final");
        j.one("category", |j| coding(j, "http://terminology.hl7.org/CodeSystem/v2-0074", "RAD", "Radiology"));
        concept(j, "code", LOINC, loinc, title);
        patient.write(j, "subject");
        visit.link.write(j, "encounter");
        j.shown("effectiveDateTime", exam.when);
        // Read within the hour: nothing is issued after the day of the scan.
        j.shown("issued", exam.when.plus_seconds(3000));
        j.one("performer", |j| organization.write_inside(j));
        j.one("resultsInterpreter", |j| visit.doctor.write_inside(j));
        // The images come by another way, so the study is named rather than pointed at (R4 §2.3.0.1).
        j.one("imagingStudy", |j| {
            j.text("type", "ImagingStudy");
            j.at("identifier", |j| {
                j.text("system", "urn:dicom:uid");
                j.shown("value", format_args!("urn:oid:{}", exam.study_uid));
            });
            j.text("display", exam.kind.description());
        });
        j.text("conclusion", &conclusion);
        j.one("presentedForm", |j| {
            j.text("contentType", "text/plain; charset=utf-8");
            j.text("language", "en");
            j.text("data", &base64(text.as_bytes()));
            j.text("title", title);
        });
    });
}

/// Technique and findings, and the conclusion.
fn read(chart: &Chart<'_>, exam: &Exam) -> (String, String) {
    let facts = chart.person.facts();
    let plain = |findings: &str, conclusion: &str| (findings.to_owned(), conclusion.to_owned());
    match exam.kind {
        ExamKind::ChestCt => chest(&nodules(exam.seed, &facts), 40, chart.person.copd),
        ExamKind::PriorChestCt => chest(&prior_nodules(exam.seed, &facts), 30, chart.person.copd),
        ExamKind::HeadMr => plain(
            "Technique: T1 and T2 axial, T1 sagittal, T2 oblique; no contrast.\n\nFindings:\n\
             - Round lesion of 24 mm in the left frontal lobe, dark in T1, bright in T2, with oedema around it.\n\
             - Ventricles of normal size, midline not shifted.\n- Oil capsule on the left temple as a marker.\n",
            "Lesion of 24 mm in the left frontal lobe with oedema. MR with contrast is advised.",
        ),
        ExamKind::ChestRadiograph => plain(
            "Technique: postero-anterior and left lateral, 125 kV.\n\nFindings:\n\
             - Round shadow of 22 mm in the left upper lobe.\n- Heart of normal size.\n- No pleural effusion.\n",
            "Round shadow of 22 mm in the left upper lobe. CT of the chest is advised.",
        ),
        ExamKind::Echo => plain(
            "Technique: four chamber view, 30 frames a second.\n\nFindings:\n\
             - Left ventricle of normal size, contracting evenly.\n- Valves open and close freely.\n",
            "Normal function of both ventricles.",
        ),
        ExamKind::Captures => {
            plain("A page and a map sent by another department.\n", "Kept for comparison; not judged.")
        }
    }
}

fn write_accession(j: &mut Json, system: &str, exam: &Exam, assigner: &Link) {
    j.text("use", "official");
    j.at("type", |j| coding(j, "http://terminology.hl7.org/CodeSystem/v2-0203", "ACSN", "Accession ID"));
    j.text("system", system);
    j.text("value", &exam.accession);
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

/// `sphere` is the diameter of the liver's lesion in mm.
fn chest(nodules: &[Nodule], sphere: u32, emphysema: bool) -> (String, String) {
    let mut text = String::from("Technique: helical, 120 kV, iodinated contrast.\n\nFindings:\n");
    for nodule in nodules {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "- {}: {} nodule of {} mm.", nodule.lobe, kind(nodule), nodule.diameter_mm);
    }
    text.push_str("- Heart and great vessels of normal size. No pericardial or pleural effusion.\n");
    if emphysema {
        text.push_str("- No consolidation. Known chronic obstructive pulmonary disease.\n");
    }
    let _ = writeln!(text, "- Liver: round hypodense lesion of {sphere} mm, 60 HU.");
    text.push_str("- No destructive lesion of bone.\n");
    (text, conclusion(nodules))
}
