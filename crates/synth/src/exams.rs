//! Which pictures were taken of a person: the one list that the record's orders and reports and the images themselves
//! are made from.

use crate::calendar::{Date, Moment};
use crate::imaging::StudyFacts;
use crate::network::{Member, network};
use crate::person::{ChestCt, Person};
use crate::random::{Random, derive};
use crate::uid::uid;

/// What was examined, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExamKind {
    /// CT of the chest: one series; see [`crate::CtPhantom`].
    ChestCt,
    /// The same chest a year before, with smaller nodules.
    PriorChestCt,
    /// MR of the head: axial T1 and T2, sagittal T1 and an oblique T2 series; see [`crate::MrPhantom`].
    HeadMr,
    /// Digital X-ray of the chest, postero-anterior and lateral; see [`crate::ChestRadiograph`].
    ChestRadiograph,
    /// Multi-frame ultrasound of the heart; see [`crate::Echo`].
    Echo,
    /// Secondary captures: a page in RGB and a map in PALETTE COLOR.
    Captures,
}

impl ExamKind {
    /// Modality (0008,0060)
    pub fn modality(self) -> &'static str {
        match self {
            Self::ChestCt | Self::PriorChestCt => "CT",
            Self::HeadMr => "MR",
            Self::ChestRadiograph => "DX",
            Self::Echo => "US",
            Self::Captures => "OT",
        }
    }

    /// Study Description (0008,1030), and the text of the order and the report.
    pub fn description(self) -> &'static str {
        match self {
            Self::ChestCt => "CT chest with contrast",
            Self::PriorChestCt => "CT chest with contrast, first scan",
            Self::HeadMr => "MR head",
            Self::ChestRadiograph => "Chest X-ray PA and lateral",
            Self::Echo => "Transthoracic echocardiogram",
            Self::Captures => "Captured pages",
        }
    }

    pub(crate) fn referring(self) -> &'static str {
        match self {
            Self::ChestCt | Self::PriorChestCt | Self::ChestRadiograph => "Respiratory medicine",
            Self::Echo => "Cardiology",
            Self::HeadMr | Self::Captures => "Internal medicine",
        }
    }
}

/// One examination that made pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exam {
    pub kind: ExamKind,
    /// Accession Number (0008,0050), and an identifier of type ACSN on the ServiceRequest and the DiagnosticReport.
    pub accession: String,
    /// Study Instance UID.
    pub study_uid: String,
    pub when: Moment,
    /// Seed of the phantom.
    pub seed: u64,
}

/// The examinations of person `number`, oldest first. `key` is the person's own seed.
pub(crate) fn exams(
    number: u32,
    key: u64,
    today: Date,
    birth: Date,
    chest_ct: Option<&ChestCt>,
    offset_hours: i8,
) -> Vec<Exam> {
    let mut random = Random::new(key, "exams", 0);
    let mut found = Vec::new();
    let mut add = |kind: ExamKind, prefix: &str, date: Date, seed: u64| {
        found.push(Exam {
            kind,
            accession: format!("{prefix}{}{number:06}", date.parts().0),
            study_uid: uid(key, kind.description(), 0),
            when: Moment {
                date: date.max(birth),
                seconds: random.int(8 * 60, 16 * 60) as u32 * 60,
                offset_hours,
            },
            seed,
        });
    };
    let ago = |stream: &str, most: i64| today.plus(-(Random::new(key, stream, 0).int(1, most) as i32));
    let own = |stream: &str| derive(key, stream, 0);
    if number == 0 {
        let scan = chest_ct.map_or(today, |ct| ct.when.date);
        add(ExamKind::PriorChestCt, "CP", scan.plus(-371), chest_ct.map_or(key, |ct| ct.phantom_seed));
        add(ExamKind::ChestRadiograph, "DX", scan.plus(-16), own("radiograph"));
        add(ExamKind::Captures, "SC", scan, own("captures"));
    } else {
        if number % 67 == 3 {
            add(ExamKind::HeadMr, "MR", ago("head", 90), own("head"));
        }
        if number % 23 == 2 {
            add(ExamKind::ChestRadiograph, "DX", ago("radiograph", 200), own("radiograph"));
        }
        if number % 71 == 5 {
            add(ExamKind::Echo, "US", ago("echo", 60), own("echo"));
        }
        if number % 131 == 4 {
            add(ExamKind::Captures, "SC", ago("captures", 30), own("captures"));
        }
    }
    if let Some(ct) = chest_ct {
        found.push(Exam {
            kind: ExamKind::ChestCt,
            accession: ct.accession.clone(),
            study_uid: ct.study_uid.clone(),
            when: ct.when,
            seed: ct.phantom_seed,
        });
    }
    found.sort_by_key(|exam| exam.when);
    found
}

impl Person {
    /// What goes into the Study, Series and Equipment modules of an examination of this person.
    pub fn exam_facts(&self, exam: &Exam) -> StudyFacts {
        let network = network(self.seed);
        let member = network.member(self.member).expect("every person belongs to a member of the network");
        facts(exam, member)
    }
}

fn facts(exam: &Exam, member: &Member) -> StudyFacts {
    StudyFacts {
        study_uid: exam.study_uid.clone(),
        accession: exam.accession.clone(),
        study_id: exam.accession.clone(),
        when: exam.when,
        description: exam.kind.description().to_owned(),
        referring: member.specialist(exam.kind.referring()).dicom_name(),
        institution: member.latin_name.to_owned(),
        station: match exam.kind.modality() {
            "CT" => member.ae_title.to_owned(),
            modality => format!("{modality}-1"),
        },
    }
}
