//! An object in the tray, opened: what it says, what is here in its way, and what can be decided.

use super::Identity;
use super::rows::{Arrived, Standing, Taken, Verdict, choices};
use crate::Services;
use crate::access::Caller;
use crate::frames::Opened;
use crate::instance_body::InstanceBody;
use lenticular_base::index::{Query, Test};
use lenticular_base::{Fault, Kind, OrgNo};
use lenticular_dicom::attributes;
use lenticular_dicom::dataset::{Bulk, DataSet, Element, Value};
use lenticular_dicom::read::Scanned;
use lenticular_dicom::tag::tags;
use lenticular_policy::Scope;
use lenticular_store::Record;

/// One object of the tray.
pub(crate) struct Waiting {
    row: Record,
    pub scanned: Scanned,
    identity: Identity,
}

/// Bytes of bulk values that are compared; larger ones of one length count as different unless the objects are one.
const COMPARED: u64 = 256 << 20;

impl Waiting {
    /// Opens it. Blocks.
    pub fn open(services: &Services, row: Record) -> Result<Waiting, Fault> {
        let scanned = Opened::of(&row)?.scan(services)?;
        let identity = Identity::of(&scanned.header)?;
        Ok(Waiting { row, scanned, identity })
    }

    /// What can be decided now. Blocks.
    pub fn choices(&self, services: &Services, scope: &Scope) -> Result<Vec<Verdict>, Fault> {
        let org = self.row.columns.org;
        let standing =
            Standing::of(&self.identity, |kind, uid| services.store.reader.get(scope, org, kind, uid))?;
        choices(&standing, &self.identity, &self.scanned.header)
    }

    /// What stands in its way: the object of its UID, else the first of its series, else of its study. Blocks.
    pub fn current(&self, services: &Services, scope: &Scope) -> Result<Option<Record>, Fault> {
        let reader = &services.store.reader;
        let org = self.row.columns.org;
        let named = reader.get(scope, org, Kind::INSTANCE, &self.identity.instance)?;
        if let Some(row) = named.filter(|row| !row.deleted) {
            return Ok(Some(row));
        }
        let places = [
            (tags::SERIES_INSTANCE_UID, &self.identity.series),
            (tags::STUDY_INSTANCE_UID, &self.identity.study),
        ];
        for (tag, uid) in places {
            let Some(param) = attributes::param(Kind::INSTANCE, &[tag]) else { continue };
            let query = Query::all(Kind::INSTANCE, 1).with(Test::Is(param, uid.clone()));
            if let Some(row) = reader.search(scope, &query)?.rows.pop() {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// Puts a verdict in force; durable when it returns. Blocks.
    pub fn resolve(self, services: &Services, caller: &Caller, verdict: Verdict) -> Result<Taken, Fault> {
        let mut body = InstanceBody::decode(&self.row.body)?;
        body.conflict.clear();
        let (org, id): (OrgNo, String) = (self.row.columns.org, self.row.id);
        let offset = self.scanned.dataset_offset;
        let arrived = Arrived::new(services, org, self.scanned.header, self.identity, body, offset, None)?;
        let within = services.clone();
        let committed = services.commit_blocking(caller.author(), Vec::new(), move |view, _| {
            arrived.resolve(&within, view, &id, verdict)
        })?;
        Ok(committed.answer)
    }

    /// The top-level elements that differ from those of another object, by tag. Blocks.
    pub fn differences(
        &self,
        services: &Services,
        other: &Record,
        header: &DataSet,
    ) -> Result<Vec<lenticular_dicom::tag::Tag>, Fault> {
        let (mine, others) = (&self.scanned.header, header);
        let opened = (Opened::of(&self.row)?, Opened::of(other)?);
        let mut tags: Vec<_> =
            mine.elements().iter().chain(others.elements()).map(|element| element.tag).collect();
        tags.sort_unstable();
        tags.dedup();
        // A blob's offsets mean nothing in a data set that had to be inflated.
        let comparable = opened.0.is_comparable() && opened.1.is_comparable();
        let same_bulk = |one: &Bulk, two: &Bulk| {
            if opened.0.blob.sha256 == opened.1.blob.sha256 {
                return Ok(true);
            }
            if !comparable || one.length != two.length || one.length > COMPARED {
                return Ok(false);
            }
            services.same_bulk((&opened.0.blob, one), (&opened.1.blob, two))
        };
        let mut differing = Vec::new();
        for tag in tags {
            // group lengths and padding say nothing
            if tag.element() == 0 || tag.0 == 0xFFFC_FFFC {
                continue;
            }
            let same = match (mine.get(tag), others.get(tag)) {
                (Some(one), Some(two)) => same_value(one, two, &same_bulk)?,
                _ => false,
            };
            if !same {
                differing.push(tag);
            }
        }
        Ok(differing)
    }
}

fn same_value(
    one: &Element,
    two: &Element,
    same_bulk: &dyn Fn(&Bulk, &Bulk) -> Result<bool, Fault>,
) -> Result<bool, Fault> {
    match (&one.value, &two.value) {
        (Value::Bytes(one), Value::Bytes(two)) => Ok(one == two),
        (Value::Bulk(one), Value::Bulk(two)) => same_bulk(one, two),
        (Value::Items(one), Value::Items(two)) if one.len() == two.len() => {
            for (one, two) in one.iter().zip(two) {
                let (one, two) = (one.elements(), two.elements());
                if one.len() != two.len() {
                    return Ok(false);
                }
                for (one, two) in one.iter().zip(two) {
                    if one.tag != two.tag || !same_value(one, two, same_bulk)? {
                        return Ok(false);
                    }
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}
