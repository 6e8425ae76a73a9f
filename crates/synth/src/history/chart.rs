//! The chart that a history is written into: encounters, and the resources that most steps of a history need.

use crate::bundle::{Link, NETWORK_SYSTEM, Transaction, coding, concept};
use crate::calendar::{Date, Moment};
use crate::network::Member;
use crate::person::Person;
use crate::random::Random;

pub(super) const LOINC: &str = "http://loinc.org";
pub(super) const ICD10: &str = "http://hl7.org/fhir/sid/icd-10";
pub(super) const ATC: &str = "http://www.whocc.no/atc";

pub(super) struct Chart<'a> {
    pub(super) person: &'a Person,
    pub(super) member: &'a Member,
    pub(super) organization: Link,
    pub(super) patient: Link,
    pub(super) bundle: Transaction,
    pub(super) random: Random,
}

/// An Encounter that was written, and who saw the patient.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) link: Link,
    pub(super) doctor: Link,
    pub(super) start: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VisitKind {
    CheckUp,
    Emergency,
    /// For so many days.
    Inpatient(u32),
    Imaging,
}

impl VisitKind {
    /// Code and display of v3-ActCode, place among the member's locations, specialty, minutes.
    fn facts(self) -> (&'static str, &'static str, usize, &'static str, u32) {
        match self {
            Self::CheckUp => ("AMB", "ambulatory", 2, "Family medicine", 25),
            Self::Emergency => ("EMER", "emergency", 0, "Internal medicine", 190),
            Self::Inpatient(days) => ("IMP", "inpatient encounter", 1, "Respiratory medicine", days * 1440),
            Self::Imaging => ("AMB", "ambulatory", 3, "Radiology", 35),
        }
    }
}

/// A code with its own display.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code {
    pub(super) system: &'static str,
    pub(super) code: &'static str,
    pub(super) display: &'static str,
}

impl Chart<'_> {
    pub(super) fn moment(&self, date: Date, seconds: u32) -> Moment {
        Moment { date, seconds, offset_hours: self.member.offset_hours }
    }

    /// Writes an Encounter with its practitioner, place and organisation.
    pub(super) fn encounter(&mut self, start: Moment, kind: VisitKind, reason: &str) -> Visit {
        let (class, class_display, room, specialty, minutes) = kind.facts();
        let member = self.member;
        let doctor = self.bundle.practitioner(member, member.specialist(specialty));
        let room = &member.locations[room.min(member.locations.len() - 1)];
        let location = self.bundle.location(member, room, &self.organization);
        // Nothing ends after the day that the history leads up to.
        let latest = self.moment(self.person.today, 86_399);
        let end = start.plus_seconds(minutes * 60).min(latest);
        let number = self.bundle.len();
        let (patient, organization) = (&self.patient, &self.organization);
        let identifier = format!("{}-{number:03}", self.person.mrn);
        let text = format!("{reason}, {}", start.date);
        let link = self.bundle.post("Encounter", &text, |j| {
            j.one("identifier", |j| {
                j.text("use", "official");
                j.shown("system", format_args!("https://{}.lenticular.example/visit", member.id));
                j.text("value", &identifier);
            });
            j.text("status", "finished");
            j.at("class", |j| {
                j.text("system", "http://terminology.hl7.org/CodeSystem/v3-ActCode");
                j.text("code", class);
                j.text("display", class_display);
            });
            j.one("type", |j| j.text("text", reason));
            patient.write(j, "subject");
            j.one("participant", |j| {
                j.one("type", |j| {
                    coding(
                        j,
                        "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                        "PPRF",
                        "primary performer",
                    );
                });
                doctor.write(j, "individual");
            });
            j.at("period", |j| {
                j.shown("start", start);
                j.shown("end", end);
            });
            if let VisitKind::Inpatient(_) = kind {
                j.at("hospitalization", |j| {
                    concept(
                        j,
                        "dischargeDisposition",
                        "http://terminology.hl7.org/CodeSystem/discharge-disposition",
                        "home",
                        "Home",
                    );
                });
            }
            j.one("location", |j| {
                location.write(j, "location");
                j.text("status", "completed");
            });
            organization.write(j, "serviceProvider");
        });
        Visit { link, doctor, start }
    }

    /// Writes a Condition; with an end it is resolved, without one active.
    pub(super) fn condition(&mut self, visit: &Visit, code: Code, onset: Date, end: Option<Date>) -> Link {
        let (patient, chronic) = (&self.patient, end.is_none());
        self.bundle.post("Condition", code.display, |j| {
            let (status, display) = if chronic { ("active", "Active") } else { ("resolved", "Resolved") };
            j.at("clinicalStatus", |j| {
                coding(j, "http://terminology.hl7.org/CodeSystem/condition-clinical", status, display);
            });
            j.at("verificationStatus", |j| {
                coding(
                    j,
                    "http://terminology.hl7.org/CodeSystem/condition-ver-status",
                    "confirmed",
                    "Confirmed",
                );
            });
            let (category, display) = if chronic {
                ("problem-list-item", "Problem List Item")
            } else {
                ("encounter-diagnosis", "Encounter Diagnosis")
            };
            j.one("category", |j| {
                coding(j, "http://terminology.hl7.org/CodeSystem/condition-category", category, display);
            });
            concept(j, "code", code.system, code.code, code.display);
            patient.write(j, "subject");
            visit.link.write(j, "encounter");
            j.shown("onsetDateTime", onset);
            if let Some(end) = end {
                j.shown("abatementDateTime", end);
            }
            j.shown("recordedDate", visit.start);
            visit.doctor.write(j, "recorder");
        })
    }

    /// Writes a MedicationRequest for `reason`: an order, active or (after `days`) completed.
    pub(super) fn medication(
        &mut self,
        visit: &Visit,
        medicine: &Medicine,
        reason: &Link,
        days: Option<u32>,
    ) -> Link {
        let patient = &self.patient;
        self.bundle.post("MedicationRequest", medicine.code.display, |j| {
            j.text("status", if days.is_some() { "completed" } else { "active" });
            j.text("intent", "order");
            concept(
                j,
                "medicationCodeableConcept",
                medicine.code.system,
                medicine.code.code,
                medicine.code.display,
            );
            patient.write(j, "subject");
            visit.link.write(j, "encounter");
            j.shown("authoredOn", visit.start);
            visit.doctor.write(j, "requester");
            j.one("reasonReference", |j| reason.write_inside(j));
            j.one("dosageInstruction", |j| {
                j.int("sequence", 1);
                j.text("text", medicine.instruction);
                j.at("timing", |j| {
                    j.at("repeat", |j| {
                        if let Some(days) = days {
                            j.at("boundsDuration", |j| {
                                j.int("value", i64::from(days));
                                j.text("unit", "days");
                                j.text("system", "http://unitsofmeasure.org");
                                j.text("code", "d");
                            });
                        }
                        j.int("frequency", medicine.times_a_day);
                        j.int("period", 1);
                        j.text("periodUnit", "d");
                    });
                });
                j.flag("asNeededBoolean", false);
                j.one("doseAndRate", |j| {
                    j.at("doseQuantity", |j| {
                        j.decimal("value", medicine.dose, medicine.dose_digits);
                        j.text("unit", medicine.unit);
                        j.text("system", "http://unitsofmeasure.org");
                        j.text("code", medicine.unit);
                    });
                });
            });
            j.at("dispenseRequest", |j| {
                j.int("numberOfRepeatsAllowed", if days.is_some() { 0 } else { 3 });
            });
        })
    }

    /// Writes the DiagnosticReport that gathers a visit's laboratory results.
    pub(super) fn laboratory_report(&mut self, visit: &Visit, results: &[Link]) {
        let performer = &self.organization;
        let patient = &self.patient;
        let number = self.bundle.len();
        let identifier = format!("{}-L{number:03}", self.person.mrn);
        self.bundle.post("DiagnosticReport", "Laboratory report", |j| {
            j.one("identifier", |j| {
                j.text("system", NETWORK_SYSTEM);
                j.text("value", &identifier);
            });
            j.text("status", "final");
            j.one("category", |j| {
                coding(j, "http://terminology.hl7.org/CodeSystem/v2-0074", "LAB", "Laboratory");
            });
            concept(j, "code", LOINC, "11502-2", "Laboratory report");
            patient.write(j, "subject");
            visit.link.write(j, "encounter");
            j.shown("effectiveDateTime", visit.start);
            j.shown("issued", visit.start.plus_seconds(3 * 3600));
            j.one("performer", |j| performer.write_inside(j));
            j.list("result", |j| {
                for result in results {
                    j.item(|j| result.write_inside(j));
                }
            });
        });
    }
}

/// A medicine and how it is taken.
#[derive(Debug)]
pub(super) struct Medicine {
    pub(super) code: Code,
    pub(super) instruction: &'static str,
    pub(super) times_a_day: i64,
    /// Dose in `unit`, times 10^`dose_digits`.
    pub(super) dose: i64,
    pub(super) dose_digits: u8,
    /// UCUM
    pub(super) unit: &'static str,
}

/// RFC 4648 §4, for `Attachment.data`.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            group.iter().enumerate().fold(0_u32, |bits, (i, &byte)| bits | u32::from(byte) << (16 - 8 * i));
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) as usize & 63;
            out.push(if place <= group.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_pads() {
        let encoded = ["", "f", "fo", "foo", "foob"].map(|text| super::base64(text.as_bytes()));
        assert_eq!(encoded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }
}
