//! The rows of studies and series made anew from the instances that are stored: after a restore to an earlier position, when what
//! they held then is kept nowhere else.

use super::{
    About, INSTANCE_AVAILABILITY, SERIES_INSTANCES, SOP_CLASSES_IN_STUDY, STUDY_INSTANCES, STUDY_SERIES,
};
use super::{add_value, count_up, entries_of, read_json};
use crate::instance_body::InstanceBody;
use lenticular_base::index::{After, Query, Test};
use lenticular_base::{Fault, Kind};
use lenticular_dicom::attributes;
use lenticular_dicom::dataset::{DataSet, Element};
use lenticular_dicom::json;
use lenticular_dicom::tag::tags;
use lenticular_dicom::vr::Vr;
use lenticular_store::{Packing, Put, Record, View};
use std::collections::BTreeSet;

/// Instances that are read together.
const PAGE: u64 = 100;

/// The row as its instances say, oldest first; `None` where it is no row of a study or series, or none of its instances is here.
///
/// The attributes are those of the oldest instance, as they were when that came. Where a decision in the tray had put another in
/// its place, they are the other's.
pub(crate) fn made_anew(view: &dyn View, record: &Record) -> Result<Option<Put>, Fault> {
    let kind = record.columns.kind;
    let uid = match kind {
        Kind::STUDY => tags::STUDY_INSTANCE_UID,
        Kind::SERIES => tags::SERIES_INSTANCE_UID,
        _ => return Ok(None),
    };
    let param = attributes::param(Kind::INSTANCE, &[uid])
        .ok_or_else(|| Fault::internal("a UID of instances is not indexed"))?;
    let mut query = Query::all(Kind::INSTANCE, PAGE).with(Test::Is(param, record.id.clone()));
    let mut made: Option<(DataSet, About)> = None;
    let mut series = BTreeSet::new();
    loop {
        let page = view.find(record.columns.org, &query)?;
        let Some(last) = page.last() else { break };
        query.after = Some(After { values: Vec::new(), vid: last.vid });
        for instance in &page {
            let header = header(instance)?;
            let (row, _) = made.get_or_insert_with(|| {
                let about = About {
                    org: record.columns.org,
                    patient: instance.columns.patient.clone(),
                    study: instance.columns.study.clone().unwrap_or_default(),
                };
                (begun(kind, &header), about)
            });
            count(kind, row, &header, &mut series);
        }
    }
    let Some((row, about)) = made else { return Ok(None) };
    let json = json::to_json(&row);
    let body = view.pack(kind, json.as_bytes(), Packing::Zstd);
    Ok(Some(about.put(kind, &record.id, body, entries_of(kind, &json)?, true)))
}

/// The header of an instance as its metadata hold it.
fn header(instance: &Record) -> Result<DataSet, Fault> {
    read_json(&InstanceBody::decode(&instance.body)?.metadata.inflate()?)
}

fn begun(kind: Kind, header: &DataSet) -> DataSet {
    let mut row = match kind {
        Kind::STUDY => attributes::study_attributes(header),
        _ => attributes::series_attributes(header),
    };
    row.set(Element::new(INSTANCE_AVAILABILITY, Vr::Cs, "ONLINE"));
    row
}

/// Counts one instance in.
fn count(kind: Kind, row: &mut DataSet, header: &DataSet, series: &mut BTreeSet<String>) {
    if kind == Kind::SERIES {
        return count_up(row, SERIES_INSTANCES, 1);
    }
    let text = |tag| header.plain(tag).map(|text| text.into_owned()).unwrap_or_default();
    let new = series.insert(text(tags::SERIES_INSTANCE_UID).trim_end_matches(['\0', ' ']).to_owned());
    count_up(row, STUDY_SERIES, i64::from(new));
    count_up(row, STUDY_INSTANCES, 1);
    add_value(row, tags::MODALITIES_IN_STUDY, Vr::Cs, &text(tags::MODALITY));
    add_value(row, SOP_CLASSES_IN_STUDY, Vr::Ui, text(tags::SOP_CLASS_UID).trim_end_matches(['\0', ' ']));
}
