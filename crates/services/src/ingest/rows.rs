//! The rows that one object makes: instance, series, study; decided inside the single writer.

mod anew;
mod decision;

pub(crate) use anew::made_anew;
pub use decision::Verdict;
pub(super) use decision::{Standing, choices};

use super::imaging_study::Change;
use super::{Disposition, Identity, Stored, imaging_study, patient};
use crate::Services;
use crate::instance_body::{InstanceBody, Parts};
use lenticular_base::ids::hex;
use lenticular_base::index::Entry;
use lenticular_base::{Fault, FaultKind, Kind, Labels, OrgNo, Vid, tree};
use lenticular_dicom::attributes;
use lenticular_dicom::dataset::{DataSet, Element};
use lenticular_dicom::json;
use lenticular_dicom::tag::{Tag, tags};
use lenticular_dicom::vr::Vr;
use lenticular_store::{PackedBody, Packing, Put, Record, View, Write};

const INSTANCE_AVAILABILITY: Tag = Tag(0x0008_0056);
const SOP_CLASSES_IN_STUDY: Tag = Tag(0x0008_0062);
const ISSUER_OF_PATIENT_ID: Tag = Tag(0x0010_0021);
const STUDY_SERIES: Tag = Tag(0x0020_1206);
const STUDY_INSTANCES: Tag = Tag(0x0020_1208);
const SERIES_INSTANCES: Tag = Tag(0x0020_1209);

/// An object with everything about it that does not depend on the store.
pub(super) struct Arrived {
    org: OrgNo,
    header: DataSet,
    identity: Identity,
    body: InstanceBody,
    data_set: u64,
    packed: PackedBody,
    entries: Vec<Entry>,
    /// The version of the instance that is here with the same data set.
    same_as: Option<Vid>,
}

impl Arrived {
    pub fn new(
        services: &Services,
        org: OrgNo,
        header: DataSet,
        identity: Identity,
        body: InstanceBody,
        data_set: u64,
        same_as: Option<Vid>,
    ) -> Result<Arrived, Fault> {
        let entries = entries_of(Kind::INSTANCE, &body.attributes)?;
        let packed = services.pack_raw(&body.encode());
        Ok(Arrived { org, header, identity, body, data_set, packed, entries, same_as })
    }

    /// What to write, and what became of the object, with the patient it is about.
    pub fn decide(mut self, services: &Services, view: &dyn View) -> Result<(Vec<Write>, Taken), Fault> {
        let org = self.org;
        let current = |kind: Kind, id: &str| -> Result<Option<Record>, Fault> {
            Ok(view.current(org, kind, id)?.filter(|record| !record.deleted))
        };
        let study = current(Kind::STUDY, &self.identity.study)?;
        let series = current(Kind::SERIES, &self.identity.series)?;
        if let Some(known) = current(Kind::INSTANCE, &self.identity.instance)? {
            if self.is_same_as(services, &known)? {
                return Ok((Vec::new(), (self.stored(Disposition::Duplicate), known.columns.patient)));
            }
            return self.keep_aside(view, "the SOP Instance UID is here with other content");
        }
        if series.as_ref().is_some_and(|row| row.columns.study.as_deref() != Some(&self.identity.study)) {
            return self.keep_aside(view, "the Series Instance UID is here in another study");
        }
        let study_row = study.as_ref().map(read_row).transpose()?;
        if study_row.as_ref().is_some_and(|row| !same_patient(row, &self.header)) {
            return self.keep_aside(view, "the Study Instance UID is here for another patient");
        }
        let mut writes = Vec::with_capacity(6);
        let patient = match &study {
            Some(study) => study.columns.patient.clone(),
            None => Some(patient::resolve(services, view, org, &self.header, &mut writes)?),
        };
        let about = About { org, patient: patient.clone(), study: self.identity.study.clone() };
        let new_series = series.is_none();
        let series_row = self.series_row(series.as_ref().map(read_row).transpose()?);
        let study_row = self.study_row(study_row, new_series);
        let changed = [Change::Is(&series_row)];
        imaging_study::keep_current(services, view, &about, &changed, &study_row, &mut writes)?;
        writes.push(about.row(view, Kind::STUDY, &self.identity.study, &study_row, true)?);
        writes.push(about.row(view, Kind::SERIES, &self.identity.series, &series_row, true)?);
        writes.push(self.instance(&about));
        Ok((writes, (self.stored(Disposition::Stored), patient)))
    }

    /// The row of the object itself; once.
    fn instance(&mut self, about: &About) -> Write {
        let entries = std::mem::take(&mut self.entries);
        let packed =
            std::mem::replace(&mut self.packed, PackedBody { bytes: Vec::new(), dictionary: -1, length: 0 });
        let put = about.put(Kind::INSTANCE, &self.identity.instance, packed, entries, false);
        Write::Put(Box::new(put))
    }

    fn stored(&self, disposition: Disposition) -> Stored {
        Stored {
            sop_class: self.identity.sop_class.clone(),
            sop_instance: self.identity.instance.clone(),
            series: self.identity.series.clone(),
            study: self.identity.study.clone(),
            disposition,
        }
    }

    fn is_same_as(&self, services: &Services, known: &Record) -> Result<bool, Fault> {
        if self.same_as == Some(known.vid) {
            return Ok(true);
        }
        // It came between the comparison and the commit: the same object over two associations.
        let blob = Parts::of(&known.body)?.blob;
        services.same_bytes(&blob, &self.body.blob, self.data_set)
    }

    /// Keeps the object as non-primary: in the tray, seen in no study, found by no search for images.
    fn keep_aside(mut self, view: &dyn View, reason: &str) -> Result<(Vec<Write>, Taken), Fault> {
        let id = format!("{}.{}", self.identity.instance, hex(&self.body.blob.sha256[..8]));
        let stored = self.stored(Disposition::Conflict);
        // what was decided and comes again waits again: somebody may have another mind by now
        if view.current(self.org, Kind::CONFLICT, &id)?.is_some_and(|waiting| !waiting.deleted) {
            return Ok((Vec::new(), (stored, None)));
        }
        reason.clone_into(&mut self.body.conflict);
        let put = Put {
            org: self.org,
            patient: None,
            kind: Kind::CONFLICT,
            labels: Labels(0),
            study: None,
            id,
            body: view.pack(Kind::CONFLICT, &self.body.encode(), Packing::Raw),
            splice: -1,
            entries: Vec::new(),
            in_place: false,
        };
        Ok((vec![Write::Put(Box::new(put))], (stored, None)))
    }

    fn series_row(&self, known: Option<DataSet>) -> DataSet {
        let mut row = known.unwrap_or_else(|| {
            let mut row = attributes::series_attributes(&self.header);
            row.set(Element::new(INSTANCE_AVAILABILITY, Vr::Cs, "ONLINE"));
            row
        });
        count_up(&mut row, SERIES_INSTANCES, 1);
        row
    }

    fn study_row(&self, known: Option<DataSet>, new_series: bool) -> DataSet {
        let mut row = known.unwrap_or_else(|| {
            let mut row = attributes::study_attributes(&self.header);
            row.set(Element::new(INSTANCE_AVAILABILITY, Vr::Cs, "ONLINE"));
            row
        });
        count_up(&mut row, STUDY_SERIES, i64::from(new_series));
        count_up(&mut row, STUDY_INSTANCES, 1);
        let modality = self.header.plain(tags::MODALITY).map(|text| text.into_owned()).unwrap_or_default();
        add_value(&mut row, tags::MODALITIES_IN_STUDY, Vr::Cs, &modality);
        add_value(&mut row, SOP_CLASSES_IN_STUDY, Vr::Ui, &self.identity.sop_class);
        row
    }
}

/// What became of an object, and the patient it is about.
pub(super) type Taken = (Stored, Option<String>);

/// The columns that all rows of one study share.
pub(super) struct About {
    pub org: OrgNo,
    pub patient: Option<String>,
    pub study: String,
}

impl About {
    pub fn put(&self, kind: Kind, id: &str, body: PackedBody, entries: Vec<Entry>, in_place: bool) -> Put {
        Put {
            org: self.org,
            patient: self.patient.clone(),
            kind,
            labels: Labels(0),
            study: Some(self.study.clone()),
            id: id.to_owned(),
            body,
            splice: -1,
            entries,
            in_place,
        }
    }

    fn row(
        &self,
        view: &dyn View,
        kind: Kind,
        id: &str,
        row: &DataSet,
        in_place: bool,
    ) -> Result<Write, Fault> {
        let json = json::to_json(row);
        let entries = entries_of(kind, &json)?;
        let body = view.pack(kind, json.as_bytes(), Packing::Zstd);
        Ok(Write::Put(Box::new(self.put(kind, id, body, entries, in_place))))
    }
}

/// The index entries of a row from its stored JSON: the same when it is written and when indexes are rebuilt.
pub(crate) fn entries_of(kind: Kind, json: &str) -> Result<Vec<Entry>, Fault> {
    Ok(attributes::entries(kind, &read_json(json.as_bytes())?))
}

fn read_row(record: &Record) -> Result<DataSet, Fault> {
    read_json(&record.body)
}

fn read_json(bytes: &[u8]) -> Result<DataSet, Fault> {
    let corrupt = |e: Box<dyn std::error::Error + Send + Sync>| {
        Fault::new(
            FaultKind::Corrupt,
            "image-row",
            "A stored row cannot be read; `lenticular verify` says more.",
        )
        .caused_by(e)
    };
    let tree = tree::parse(bytes).map_err(|e| corrupt(e.into()))?;
    Ok(json::read_json(&tree).map_err(|e| corrupt(e.into()))?.dataset)
}

/// Whether the patient of a study's row is the patient of another object: Patient ID and its issuer.
fn same_patient(row: &DataSet, header: &DataSet) -> bool {
    [tags::PATIENT_ID, ISSUER_OF_PATIENT_ID].into_iter().all(|tag| {
        let text =
            |dataset: &DataSet| dataset.string(tag).map(|text| text.trim().to_owned()).unwrap_or_default();
        text(row) == text(header)
    })
}

fn count_up(row: &mut DataSet, tag: Tag, by: i64) {
    let count = row.integer(tag).unwrap_or(0) + by;
    row.set(Element::new(tag, Vr::Is, count.to_string().into_bytes()));
}

/// Adds a value to a multi-valued attribute, once.
fn add_value(row: &mut DataSet, tag: Tag, vr: Vr, value: &str) {
    let known = row.plain(tag).map(|text| text.into_owned()).unwrap_or_default();
    let mut values: Vec<&str> = known.split('\\').filter(|text| !text.is_empty()).collect();
    if !value.is_empty() && !values.contains(&value) && values.len() < 64 {
        values.push(value);
    }
    row.set(Element::new(tag, vr, values.join("\\").into_bytes()));
}
