//! Seeded generator of the sample network: members, people with plausible linked histories, endless streams of
//! resources for load tests, and image phantoms with known truth.
//!
//! *Invariants.* Everything is a pure function of its arguments: the seed and the reference date come in, no clock, no
//! entropy, no file. The same arguments give the same bytes. Nothing here stems from a real person; names are common
//! ones combined at random. Nothing depends on the other crates: this crate has its own writers of JSON and of DICOM
//! Part 10, so that a reader tested with its output is tested against an independent writer.
//!
//! *Start reading* at [`network`] for the members, [`people`] for the people and [`Person::transaction`] for a history,
//! [`Network::studies`] for the studies of the demonstration and [`Study::instance`] for their files, [`resources`] and
//! [`load_bundle`] for load. [`Person::exams`] is the one list that orders, reports and images are made from. Phantoms can
//! be had alone: [`ct_phantom`] of any [`PhantomSize`], [`prior_ct_phantom`], [`MrPhantom`], [`ChestRadiograph`], [`Echo`],
//! [`Captures`], [`single_frame`] for small images and [`hostile_study`] for texts that a reader must survive. Each knows
//! its truth: [`CtTruth`], [`MrTruth`], [`RadiographTruth`], [`EchoTruth`].
//!
//! A few single LOINC codes name common observations, with display texts of our own. This material contains content
//! from LOINC (<https://loinc.org>). LOINC is copyright © Regenstrief Institute, Inc. and the Logical Observation
//! Identifiers Names and Codes (LOINC) Committee and is available at no cost under the license at
//! <https://loinc.org/license>. Diagnoses carry ICD-10 category codes and medicines ATC codes of the World Health
//! Organization, again singly and with display texts of our own.

mod bundle;
mod calendar;
mod exams;
mod history;
mod imaging;
mod json;
mod load;
mod names;
mod network;
mod person;
mod random;
mod uid;

pub use calendar::{Date, Moment};
pub use exams::{Exam, ExamKind};
pub use imaging::capture::Captures;
pub use imaging::cine::{Echo, EchoSize, EchoTruth};
pub use imaging::ct::{CtPhantom, PhantomSize, ct_phantom, prior_ct_phantom};
pub use imaging::hostile::hostile_study;
pub use imaging::mr::{MrPhantom, MrSeries, MrSize, MrTruth};
pub use imaging::radiograph::{ChestRadiograph, RadiographTruth};
pub use imaging::small::{SmallImage, single_frame};
pub use imaging::study::{DEMO_PEOPLE, Study};
pub use imaging::truth::{CtTruth, Insert, Nodule, PhantomTruth};
pub use imaging::{PatientFacts, StudyFacts};
pub use load::{LOAD_MRN_SYSTEM, Resource, Resources, load_bundle, load_mrn, resources};
pub use network::{Location, Member, MemberKind, Network, Practitioner, network};
pub use person::{ChestCt, NativeName, People, Person, Sex, people, person};
