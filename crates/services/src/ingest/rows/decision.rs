//! A decision about an object in the tray, put in force within one commit: instance, series, study and ImagingStudy are
//! afterwards as if the object had come at once, and the one that gave way had never been. What gave way stays as history.

use super::{About, Arrived, Disposition, Identity, Taken, read_row, same_patient};
use super::{Change, SERIES_INSTANCES, STUDY_INSTANCES, STUDY_SERIES, count_up, imaging_study, patient};
use crate::Services;
use crate::instance_body::Parts;
use crate::resources::kind_of;
use crate::studies::members;
use lenticular_base::{Fault, FaultKind, Kind};
use lenticular_dicom::dataset::DataSet;
use lenticular_dicom::tag::{Tag, tags};
use lenticular_store::{Record, View, Write};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody decides about an object that waits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// What is here stays as it is; the object leaves the tray.
    Keep,
    /// The object becomes the one under its SOP Instance UID.
    Replace,
    /// The same, in the study that is here: its patient and the object's are one person.
    SamePatient,
}

impl Verdict {
    /// As clients write it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Keep => "keep",
            Verdict::Replace => "replace",
            Verdict::SamePatient => "same_patient",
        }
    }
}

/// What is here under the three UIDs of an object.
pub(crate) struct Standing {
    instance: Option<Record>,
    series: Option<Record>,
    study: Option<Record>,
}

impl Standing {
    /// As `current` knows it; what was deleted is not here.
    pub fn of(
        identity: &Identity,
        current: impl Fn(Kind, &str) -> Result<Option<Record>, Fault>,
    ) -> Result<Standing, Fault> {
        let here = |kind, uid: &str| -> Result<Option<Record>, Fault> {
            Ok(current(kind, uid)?.filter(|record| !record.deleted))
        };
        Ok(Standing {
            instance: here(Kind::INSTANCE, &identity.instance)?,
            series: here(Kind::SERIES, &identity.series)?,
            study: here(Kind::STUDY, &identity.study)?,
        })
    }

    /// Study and series of the instance that is here.
    fn old_place(&self) -> Option<(String, String)> {
        let row = self.instance.as_ref()?;
        let attributes = Parts::of(&row.body).ok()?.attributes;
        let series = members::value_of(attributes, tags::SERIES_INSTANCE_UID)?;
        Some((row.columns.study.clone()?, String::from_utf8_lossy(series).into_owned()))
    }
}

/// What can be decided. A series stays in one study, and a study with one patient: what would part them is not offered.
pub(crate) fn choices(
    standing: &Standing,
    identity: &Identity,
    header: &DataSet,
) -> Result<Vec<Verdict>, Fault> {
    let old = standing.old_place();
    if let Some(series) = &standing.series
        && series.columns.study.as_deref() != Some(&identity.study)
    {
        let gives_way = old.as_ref().is_some_and(|(_, of)| *of == identity.series)
            && is_last(&read_row(series)?, SERIES_INSTANCES);
        if !gives_way {
            return Ok(vec![Verdict::Keep]);
        }
    }
    let other_patient = match &standing.study {
        Some(study) => {
            let row = read_row(study)?;
            let gives_way =
                old.as_ref().is_some_and(|(of, _)| *of == identity.study) && is_last(&row, STUDY_INSTANCES);
            !gives_way && !same_patient(&row, header)
        }
        None => false,
    };
    let taken_in = if other_patient { Verdict::SamePatient } else { Verdict::Replace };
    Ok(vec![Verdict::Keep, taken_in])
}

impl Arrived {
    /// What to write so that the verdict about the object, which waits under that id, is in force.
    pub fn resolve(
        mut self,
        services: &Services,
        view: &dyn View,
        waiting: &str,
        verdict: Verdict,
    ) -> Result<(Vec<Write>, Taken), Fault> {
        let org = self.org;
        if view.current(org, Kind::CONFLICT, waiting)?.is_none_or(|record| record.deleted) {
            return Err(Fault::not_found());
        }
        let mut writes = vec![Write::Delete { org, kind: Kind::CONFLICT, id: waiting.to_owned() }];
        let standing = Standing::of(&self.identity, |kind, uid| view.current(org, kind, uid))?;
        if !choices(&standing, &self.identity, &self.header)?.contains(&verdict) {
            return Err(Fault::new(
                FaultKind::Conflict,
                "decision",
                format!("\"{}\" cannot be decided of this object as things are now.", verdict.name()),
            ));
        }
        if verdict == Verdict::Keep {
            let patient = standing.study.and_then(|study| study.columns.patient);
            return Ok((writes, (self.stored(Disposition::Conflict), patient)));
        }
        let patient = self.take_in(services, view, &standing, &mut writes)?;
        Ok((writes, (self.stored(Disposition::Stored), patient)))
    }

    /// The object comes, and what it replaces leaves. Gives the patient of the study.
    fn take_in(
        &mut self,
        services: &Services,
        view: &dyn View,
        standing: &Standing,
        writes: &mut Vec<Write>,
    ) -> Result<Option<String>, Fault> {
        let org = self.org;
        let mut study = standing.study.as_ref().map(read_row).transpose()?;
        let mut series = match &standing.series {
            Some(row) if row.columns.study.as_deref() == Some(&self.identity.study) => Some(read_row(row)?),
            _ => None,
        };
        let patient = match (&standing.study, &study) {
            (Some(here), Some(row)) if !is_last(row, STUDY_INSTANCES) || same_patient(row, &self.header) => {
                here.columns.patient.clone()
            }
            _ => Some(patient::resolve(services, view, org, &self.header, writes)?),
        };
        let about = About { org, patient: patient.clone(), study: self.identity.study.clone() };
        let mut left_series = None;
        match standing.old_place() {
            Some((of, left)) if of == self.identity.study && left == self.identity.series => {
                leave(&mut series, SERIES_INSTANCES);
                leave_study(&mut study, series.is_none());
            }
            Some((of, left)) => {
                let row = self.leave_series(view, &left)?;
                if of == self.identity.study {
                    leave_study(&mut study, row.is_none());
                    if let Some(row) = &row {
                        writes.push(about.row(view, Kind::SERIES, &left, row, true)?);
                    }
                    left_series = Some((left.clone(), row.is_none(), row));
                } else {
                    self.leave_other_study(services, view, (of, left.clone()), row.as_ref(), writes)?;
                    left_series = Some((left.clone(), row.is_none(), None));
                }
                if left_series.as_ref().is_some_and(|(_, gone, _)| *gone) && left != self.identity.series {
                    writes.push(Write::Delete { org, kind: Kind::SERIES, id: left });
                }
            }
            None => {}
        }
        let new_series = series.is_none();
        let series_row = self.series_row(series);
        let study_row = self.study_row(study, new_series);
        let mut changes = vec![Change::Is(&series_row)];
        match &left_series {
            Some((_, _, Some(row))) => changes.push(Change::Is(row)),
            Some((uid, true, None)) if *uid != self.identity.series => changes.push(Change::Gone(uid)),
            _ => {}
        }
        imaging_study::keep_current(services, view, &about, &changes, &study_row, writes)?;
        writes.push(about.row(view, Kind::STUDY, &self.identity.study, &study_row, true)?);
        writes.push(about.row(view, Kind::SERIES, &self.identity.series, &series_row, true)?);
        writes.push(self.instance(&about));
        Ok(patient)
    }

    /// The row of a series without the object that leaves it; `None` where that was the last.
    fn leave_series(&self, view: &dyn View, uid: &str) -> Result<Option<DataSet>, Fault> {
        let known = view.current(self.org, Kind::SERIES, uid)?.filter(|record| !record.deleted);
        let mut row = known.as_ref().map(read_row).transpose()?;
        leave(&mut row, SERIES_INSTANCES);
        Ok(row)
    }

    /// Writes another study, and what is left of its series, without the object that leaves it.
    fn leave_other_study(
        &self,
        services: &Services,
        view: &dyn View,
        (study, series): (String, String),
        left: Option<&DataSet>,
        writes: &mut Vec<Write>,
    ) -> Result<(), Fault> {
        let org = self.org;
        let Some(known) = view.current(org, Kind::STUDY, &study)?.filter(|record| !record.deleted) else {
            return Ok(());
        };
        let mut row = Some(read_row(&known)?);
        leave_study(&mut row, left.is_none());
        let about = About { org, patient: known.columns.patient.clone(), study: study.clone() };
        let Some(row) = row else {
            writes.push(Write::Delete { org, kind: Kind::STUDY, id: study.clone() });
            let (kind, id) = (kind_of("ImagingStudy")?, imaging_study::id_of(&study));
            if view.current(org, kind, &id)?.is_some_and(|record| !record.deleted) {
                writes.push(Write::Delete { org, kind, id });
            }
            return Ok(());
        };
        let change = match left {
            Some(left) => {
                writes.push(about.row(view, Kind::SERIES, &series, left, true)?);
                Change::Is(left)
            }
            None => Change::Gone(&series),
        };
        imaging_study::keep_current(services, view, &about, &[change], &row, writes)?;
        writes.push(about.row(view, Kind::STUDY, &study, &row, true)?);
        Ok(())
    }
}

fn is_last(row: &DataSet, count: Tag) -> bool {
    row.integer(count).unwrap_or(0) <= 1
}

/// One object fewer; nothing where it was the last.
fn leave(row: &mut Option<DataSet>, count: Tag) {
    match row {
        Some(held) if !is_last(held, count) => count_up(held, count, -1),
        _ => *row = None,
    }
}

fn leave_study(row: &mut Option<DataSet>, series_gone: bool) {
    leave(row, STUDY_INSTANCES);
    if let Some(row) = row.as_mut().filter(|_| series_gone) {
        count_up(row, STUDY_SERIES, -1);
    }
}
