//! Whole studies, instance by instance: what a loader sends.

use super::capture::Captures;
use super::cine::{Echo, EchoSize};
use super::ct::{CtPhantom, PhantomSize, ct_phantom, prior_ct_phantom};
use super::mr::{MrPhantom, MrSize};
use super::radiograph::ChestRadiograph;
use super::{PatientFacts, StudyFacts, truths};
use crate::calendar::Date;
use crate::exams::{Exam, ExamKind};
use crate::network::Network;
use crate::person::{Person, people};
use std::sync::OnceLock;

/// People of the demonstration.
pub const DEMO_PEOPLE: u32 = 200;

/// One study of one person. Instances may be made by many threads at once; the phantom behind them is built when the
/// first is asked for.
#[derive(Debug, Clone)]
pub struct Study {
    /// The member whose patient and study it is: `hospital-a` or `hospital-b`.
    pub member: &'static str,
    /// [`Person::number`]
    pub person: u32,
    pub kind: ExamKind,
    /// Modality (0008,0060)
    pub modality: &'static str,
    pub patient: PatientFacts,
    pub facts: StudyFacts,
    seed: u64,
    instances: usize,
    phantom: OnceLock<Phantom>,
}

#[derive(Debug, Clone)]
enum Phantom {
    Ct(Box<CtPhantom>),
    Mr(Box<MrPhantom>),
    Radiograph(Box<ChestRadiograph>),
    Echo(Box<Echo>),
    Captures(Box<Captures>),
}

impl Network {
    /// The studies of the demonstration: those of the first [`DEMO_PEOPLE`] people of the seed.
    pub fn studies(seed: u64, today: Date) -> Vec<Study> {
        people(seed, DEMO_PEOPLE, today).flat_map(|person| person.studies()).collect()
    }
}

impl Person {
    /// The studies of this person's [`Person::exams`], oldest first. Only the person of the demonstration has a CT of
    /// full size.
    pub fn studies(&self) -> Vec<Study> {
        self.exams.iter().map(|exam| self.study(exam)).collect()
    }

    fn study(&self, exam: &Exam) -> Study {
        Study {
            member: self.member,
            person: self.number,
            kind: exam.kind,
            modality: exam.kind.modality(),
            patient: self.facts(),
            facts: self.exam_facts(exam),
            seed: exam.seed,
            instances: match exam.kind {
                ExamKind::ChestCt | ExamKind::PriorChestCt => {
                    usize::from(ct_size(self.number, exam.kind).slices)
                }
                ExamKind::HeadMr => mr_size(self.number).instances(),
                ExamKind::ChestRadiograph => ChestRadiograph::INSTANCES,
                ExamKind::Echo => 1,
                ExamKind::Captures => Captures::INSTANCES,
            },
            phantom: OnceLock::new(),
        }
    }
}

fn ct_size(person: u32, kind: ExamKind) -> PhantomSize {
    match (person, kind) {
        (0, ExamKind::ChestCt) => PhantomSize::default(),
        (0, _) => PhantomSize { columns: 256, rows: 256, slices: 160 },
        _ => PhantomSize { columns: 256, rows: 256, slices: 20 },
    }
}

/// The first head of the demonstration is whole, the others are coarse.
fn mr_size(person: u32) -> MrSize {
    if person == 3 { MrSize::default() } else { MrSize { matrix: 128, slices: 12 } }
}

impl Study {
    /// How many instances there are; 1 at least.
    pub fn instances(&self) -> usize {
        self.instances
    }

    /// Instance `index` as a Part 10 file, Explicit VR Little Endian.
    ///
    /// # Panics
    /// Where `index` is not below [`Self::instances`].
    pub fn instance(&self, index: usize) -> Vec<u8> {
        match self.phantom() {
            Phantom::Ct(phantom) => phantom.slice(index),
            Phantom::Mr(phantom) => phantom.instance(index),
            Phantom::Radiograph(phantom) => phantom.instance(index),
            Phantom::Echo(phantom) => phantom.instance(),
            Phantom::Captures(phantom) => phantom.instance(index),
        }
    }

    /// The CT behind a CT study, with its truth.
    pub fn ct(&self) -> Option<&CtPhantom> {
        match self.phantom() {
            Phantom::Ct(phantom) => Some(phantom),
            _ => None,
        }
    }

    /// The head behind an MR study, with its truth.
    pub fn mr(&self) -> Option<&MrPhantom> {
        match self.phantom() {
            Phantom::Mr(phantom) => Some(phantom),
            _ => None,
        }
    }

    /// What measurements in this study must find, as a JSON object: the fields of [`crate::PhantomTruth`] with
    /// [`crate::CtTruth`], [`crate::MrTruth`], [`crate::RadiographTruth`], [`crate::EchoTruth`] or the red square of
    /// [`Captures`], in lower camel case.
    pub fn truth_json(&self) -> String {
        match self.phantom() {
            Phantom::Ct(phantom) => truths::ct(&phantom.truth()),
            Phantom::Mr(phantom) => truths::mr(&phantom.truth()),
            Phantom::Radiograph(phantom) => truths::radiograph(&phantom.truth()),
            Phantom::Echo(phantom) => truths::echo(&phantom.truth()),
            Phantom::Captures(_) => truths::captures(),
        }
    }

    fn phantom(&self) -> &Phantom {
        self.phantom.get_or_init(|| {
            let (seed, patient, study) = (self.seed, &self.patient, &self.facts);
            match self.kind {
                ExamKind::ChestCt => {
                    Phantom::Ct(Box::new(ct_phantom(seed, patient, study, ct_size(self.person, self.kind))))
                }
                ExamKind::PriorChestCt => Phantom::Ct(Box::new(prior_ct_phantom(
                    seed,
                    patient,
                    study,
                    ct_size(self.person, self.kind),
                ))),
                ExamKind::HeadMr => {
                    Phantom::Mr(Box::new(MrPhantom::new(seed, patient, study, mr_size(self.person))))
                }
                ExamKind::ChestRadiograph => {
                    Phantom::Radiograph(Box::new(ChestRadiograph::new(seed, patient, study)))
                }
                ExamKind::Echo => {
                    // The first echocardiogram of the demonstration is in RGB, the others in YBR_FULL_422.
                    let size = if self.person == 5 { EchoSize::default() } else { EchoSize::small() };
                    Phantom::Echo(Box::new(Echo::new(seed, patient, study, size)))
                }
                ExamKind::Captures => Phantom::Captures(Box::new(Captures::new(seed, patient, study))),
            }
        })
    }
}
