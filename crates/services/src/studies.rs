//! Images as DICOMweb names them: a study, a series or an instance, by the UIDs of a URL.
//!
//! Rows of several members may be visible under one UID (the own member's, and what another one shared). Searches list
//! each of them, the own first; whatever is retrieved is the own one where there is one.
//!
//! Start reading at [`Place`], then [`search`] (QIDO-RS) and [`metadata`] (WADO-RS); [`crate::frames`] has the pixels.

mod gzip;
pub(crate) mod members;
pub mod metadata;
pub mod search;

use crate::Services;
use crate::instance_body::Parts;
use lenticular_base::index::{After, Query, Test};
use lenticular_base::{Fault, FaultKind, Kind, OrgNo};
use lenticular_dicom::attributes;
use lenticular_dicom::tag::tags;
use lenticular_policy::Scope;
use lenticular_store::Record;
use std::collections::HashSet;

/// A study, one of its series, or one of its instances.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    pub study: String,
    pub series: Option<String>,
    pub instance: Option<String>,
}

/// Whether text has the form of a UID: digits and dots, at most 64 (PS3.5 §9.1).
pub fn is_uid(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

impl Place {
    /// A study.
    pub fn study(uid: impl Into<String>) -> Place {
        Place { study: uid.into(), series: None, instance: None }
    }

    /// The level of it, as audit entries name it.
    pub fn level(&self) -> &'static str {
        match (&self.series, &self.instance) {
            (_, Some(_)) => "Instance",
            (Some(_), None) => "Series",
            (None, None) => "Study",
        }
    }

    /// Its own UID.
    pub fn uid(&self) -> &str {
        self.instance.as_deref().or(self.series.as_deref()).unwrap_or(&self.study)
    }

    /// `studies/…/series/…/instances/…` as far as it goes.
    pub fn path(&self) -> String {
        let mut path = format!("studies/{}", self.study);
        if let Some(series) = &self.series {
            path.push_str("/series/");
            path.push_str(series);
        }
        if let Some(instance) = &self.instance {
            path.push_str("/instances/");
            path.push_str(instance);
        }
        path
    }

    /// Nothing is known under a name that is no UID.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let given = [Some(&self.study), self.series.as_ref(), self.instance.as_ref()];
        match given.into_iter().flatten().all(|uid| is_uid(uid)) {
            true => Ok(()),
            false => Err(Fault::not_found()),
        }
    }
}

pub(crate) fn corrupt() -> Fault {
    Fault::new(FaultKind::Corrupt, "image-row", "A stored row cannot be read; `lenticular verify` says more.")
}

/// Rows that are held at once while a study is walked through.
const PAGE: u64 = 200;

/// The instances of a place, a page at a time, each SOP Instance UID once.
pub(crate) struct Instances {
    place: Place,
    scope: Scope,
    org: OrgNo,
    /// `None`: all were given.
    query: Option<Query>,
}

impl Instances {
    pub fn of(place: Place, scope: Scope, org: OrgNo) -> Result<Instances, Fault> {
        place.check()?;
        let (tag, uid) = match (&place.instance, &place.series) {
            (Some(instance), _) => (tags::SOP_INSTANCE_UID, instance),
            (None, Some(series)) => (tags::SERIES_INSTANCE_UID, series),
            (None, None) => (tags::STUDY_INSTANCE_UID, &place.study),
        };
        let param = attributes::param(Kind::INSTANCE, &[tag])
            .ok_or_else(|| Fault::internal("a UID of instances is not indexed"))?;
        let query = Some(Query::all(Kind::INSTANCE, PAGE).with(Test::Is(param, uid.clone())));
        Ok(Instances { place, scope, org, query })
    }

    /// Whether all were given.
    pub fn is_done(&self) -> bool {
        self.query.is_none()
    }

    /// The next rows; empty only where there are none left. Blocks.
    pub fn page(&mut self, services: &Services) -> Result<Vec<Record>, Fault> {
        while let Some(mut query) = self.query.take() {
            let reader = &services.store.reader;
            if let Some(instance) = &self.place.instance {
                // The usual case is answered by name, often from memory.
                let named = reader.get(&self.scope, self.org, Kind::INSTANCE, instance)?;
                if let Some(row) = named.filter(|row| !row.deleted)
                    && self.holds(&row)?
                {
                    return Ok(vec![row]);
                }
            }
            let page = reader.search(&self.scope, &query)?;
            if let (true, Some(last)) = (page.more, page.rows.last()) {
                query.at = Some(page.position);
                query.after = Some(After { values: page.last, vid: last.vid });
                self.query = Some(query);
            }
            let mut rows = page.rows;
            self.keep_preferred(services, page.position, &mut rows)?;
            let mut kept = Vec::with_capacity(rows.len());
            for row in rows {
                if self.holds(&row)? {
                    kept.push(row);
                }
            }
            if self.place.instance.is_some() {
                kept.truncate(1);
            }
            if !kept.is_empty() {
                return Ok(kept);
            }
        }
        Ok(Vec::new())
    }

    /// Whether the row lies where the URL says.
    fn holds(&self, row: &Record) -> Result<bool, Fault> {
        if row.columns.study.as_deref() != Some(&self.place.study) {
            return Ok(false);
        }
        match (&self.place.series, &self.place.instance) {
            (Some(series), Some(_)) => {
                let attributes = Parts::of(&row.body)?.attributes;
                Ok(members::value_of(attributes, tags::SERIES_INSTANCE_UID) == Some(series.as_bytes()))
            }
            _ => Ok(true),
        }
    }

    /// Leaves out rows of other members where a preferred row bears the same UID in the same study.
    fn keep_preferred(
        &self,
        services: &Services,
        at: lenticular_base::Position,
        rows: &mut Vec<Record>,
    ) -> Result<(), Fault> {
        let foreign = |row: &Record| row.columns.org != self.org;
        let names: Vec<(Kind, String)> =
            rows.iter().filter(|row| foreign(row)).map(|row| (Kind::INSTANCE, row.id.clone())).collect();
        if names.is_empty() {
            return Ok(());
        }
        let preferred = services.store.reader.get_many(&self.scope, self.org, &names, Some(at))?;
        let shadowed: HashSet<&str> = preferred
            .iter()
            .filter(|row| row.columns.study.as_deref() == Some(&self.place.study))
            .filter(|row| !rows.iter().any(|found| found.vid == row.vid && foreign(found)))
            .map(|row| row.id.as_str())
            .collect();
        let mut seen = HashSet::new();
        rows.retain(|row| {
            !foreign(row) || (!shadowed.contains(row.id.as_str()) && seen.insert(row.id.clone()))
        });
        Ok(())
    }

    /// The rows of the study that the scope sees: whose they are is told to the audit log. An instance tells that itself.
    pub fn studies(&self, services: &Services) -> Result<Vec<Record>, Fault> {
        if self.place.instance.is_some() {
            return Ok(Vec::new());
        }
        let Some(param) = attributes::param(Kind::STUDY, &[tags::STUDY_INSTANCE_UID]) else {
            return Ok(Vec::new());
        };
        let query = Query::all(Kind::STUDY, 100).with(Test::Is(param, self.place.study.clone()));
        Ok(services.store.reader.search(&self.scope, &query)?.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_itself() {
        let mut place = Place::study("1.2");
        assert_eq!((place.path().as_str(), place.level(), place.uid()), ("studies/1.2", "Study", "1.2"));
        place.series = Some("1.3".into());
        place.instance = Some("1.4".into());
        assert_eq!(place.path(), "studies/1.2/series/1.3/instances/1.4");
        assert_eq!((place.level(), place.uid()), ("Instance", "1.4"));
        assert!(place.check().is_ok());
        for bad in ["", "*", "1.2,1.3", "1.2?", &"1".repeat(65)] {
            assert!(Place::study(bad).check().is_err(), "{bad}");
        }
    }
}
