//! Images with known truth, written as DICOM Part 10 files.

mod anatomy;
mod canvas;
pub(crate) mod capture;
pub(crate) mod cine;
pub(crate) mod ct;
mod head;
pub(crate) mod hostile;
pub(crate) mod mr;
mod noise;
mod part10;
mod pixels;
pub(crate) mod radiograph;
pub(crate) mod small;
pub(crate) mod study;
mod thorax;
pub(crate) mod truth;
mod truths;
mod tubes;

use crate::calendar::{Date, Moment};
use crate::person::{NativeName, Sex};
use part10::DataSet;

/// The Patient module's facts (PS3.3 §C.7.1.1); [`crate::Person::facts`] gives a person's.
#[derive(Debug, Clone)]
pub struct PatientFacts {
    /// Patient ID (0010,0020)
    pub mrn: String,
    /// Issuer of Patient ID (0010,0021)
    pub issuer: String,
    /// Universal entity id of the issuer, a URI: the FHIR identifier's system.
    pub mrn_system: String,
    pub family: String,
    pub given: String,
    pub native: Option<NativeName>,
    pub birth: Date,
    pub sex: Sex,
    /// Body height in mm
    pub height_mm: u32,
    /// Body weight in g
    pub weight_g: u32,
}

/// What the Study, Series and Equipment modules say; [`crate::Person::exam_facts`] gives those of an examination.
#[derive(Debug, Clone)]
pub struct StudyFacts {
    pub study_uid: String,
    /// At most 16 characters.
    pub accession: String,
    /// At most 16 characters.
    pub study_id: String,
    pub when: Moment,
    /// At most 64 characters.
    pub description: String,
    /// Referring physician as a PN: `Family^Given`.
    pub referring: String,
    pub institution: String,
    /// At most 16 characters.
    pub station: String,
}

impl PatientFacts {
    /// PS3.5 §6.2.1: the alphabetic group, cut at 64 characters as a scanner's console does, and the ideographic one where the name has it.
    fn person_name(&self) -> String {
        let mut name = format!("{}^{}", self.family, self.given).chars().take(64).collect::<String>();
        if let Some(native) = self.native.as_ref().filter(|native| native.ideographic) {
            name.push_str(&format!("={}^{}", native.family, native.given));
        }
        name
    }

    /// Patient module, and of the Patient Study module the age, size and weight.
    fn write(&self, set: &mut DataSet, on: Date) {
        set.text(0x0010_0010, b"PN", &self.person_name());
        set.text(0x0010_0020, b"LO", &self.mrn);
        set.text(0x0010_0021, b"LO", &self.issuer);
        let mut qualifier = DataSet::default();
        qualifier.text(0x0040_0032, b"UT", &self.mrn_system);
        qualifier.text(0x0040_0033, b"CS", "URI");
        set.sequence(0x0010_0024, &[qualifier]);
        set.text(0x0010_0030, b"DA", &self.birth.dicom());
        set.text(0x0010_0040, b"CS", if self.sex == Sex::Female { "F" } else { "M" });
        if let Some(native) = self.native.as_ref().filter(|native| !native.ideographic) {
            set.text(0x0010_1001, b"PN", &format!("{}^{}", native.family, native.given));
        }
        let years = on.age_since(self.birth);
        let age = if years > 0 {
            format!("{:03}Y", years.min(999))
        } else {
            format!("{:03}D", (on.days() - self.birth.days()).clamp(0, 366))
        };
        set.text(0x0010_1010, b"AS", &age);
        set.text(0x0010_1020, b"DS", &format!("{}.{:03}", self.height_mm / 1000, self.height_mm % 1000));
        set.text(0x0010_1030, b"DS", &format!("{}.{}", self.weight_g / 1000, self.weight_g % 1000 / 100));
    }
}

impl StudyFacts {
    /// General Study, General Series and General Equipment modules.
    fn write(&self, set: &mut DataSet, series: &Series<'_>) {
        set.text(0x0008_0005, b"CS", "ISO_IR 192");
        let date = self.when.date.dicom();
        let time = self.when.dicom_time();
        let acquired = self.when.plus_seconds(series.seconds);
        set.text(0x0008_0020, b"DA", &date);
        set.text(0x0008_0030, b"TM", &time);
        for (date_tag, time_tag) in
            [(0x0008_0021, 0x0008_0031), (0x0008_0022, 0x0008_0032), (0x0008_0023, 0x0008_0033)]
        {
            set.text(date_tag, b"DA", &acquired.date.dicom());
            set.text(time_tag, b"TM", &acquired.dicom_time());
        }
        let offset = format!(
            "{}{:02}00",
            if self.when.offset_hours < 0 { '-' } else { '+' },
            self.when.offset_hours.unsigned_abs()
        );
        set.text(0x0008_0201, b"SH", &offset);
        set.text(0x0008_0050, b"SH", &self.accession);
        set.text(0x0008_0090, b"PN", &self.referring);
        set.text(0x0008_1030, b"LO", &self.description);
        set.text(0x0020_000d, b"UI", &self.study_uid);
        set.text(0x0020_0010, b"SH", &self.study_id);

        set.text(0x0008_0060, b"CS", series.modality);
        set.text(0x0008_103e, b"LO", series.description);
        set.text(0x0020_000e, b"UI", &series.uid);
        set.text(0x0020_0011, b"IS", &series.number.to_string());

        set.text(0x0008_0070, b"LO", "Lenticular");
        set.text(0x0008_0080, b"LO", &self.institution);
        set.text(0x0008_1010, b"SH", &self.station);
        set.text(0x0008_1090, b"LO", "Phantom");
        set.text(0x0018_1000, b"LO", "SYNTH-1");
        set.text(0x0018_1020, b"LO", env!("CARGO_PKG_VERSION"));
    }
}

/// What a series adds to its study.
struct Series<'a> {
    modality: &'a str,
    description: &'a str,
    uid: String,
    number: u32,
    /// Seconds between the start of the study and the acquisition.
    seconds: u32,
}
