//! Whether two objects with one SOP Instance UID are one object: sent again, perhaps by another way that wrote the
//! lengths of sequences anew. What differs in any value or pixel is other content.

use crate::Services;
use crate::instance_body::Parts;
use lenticular_base::{Fault, Kind, OrgNo, Vid};
use lenticular_dicom::dataset::{Bulk, DataSet, Element, Value};
use lenticular_dicom::read::{Limits, Scanned, Scanner};
use lenticular_dicom::tag::Tag;
use lenticular_policy::Scope;
use lenticular_store::BlobRef;

/// Bytes of two objects that are held beside each other.
const COMPARED_AT_ONCE: usize = 1 << 20;
/// Lengths written anew move the size of an object by no more than this.
const REWRITTEN: u64 = 1 << 20;
/// Data Set Trailing Padding (PS3.10 §7.2): says nothing.
const PADDING: Tag = Tag(0xFFFC_FFFC);

impl Services {
    /// The version of the instance of that UID that is here, where it is the same object as the new one.
    pub(super) fn same_object(
        &self,
        org: OrgNo,
        uid: &str,
        new: &BlobRef,
        scanned: &Scanned,
    ) -> Result<Option<Vid>, Fault> {
        let scope = Scope::of_own_work(org);
        let Some(record) = self.store.reader.get(&scope, org, Kind::INSTANCE, uid)? else { return Ok(None) };
        let known = Parts::of(&record.body)?.blob;
        let same = self.same_bytes(&known, new, scanned.dataset_offset)?
            || self.same_values(&known, new, scanned)?;
        Ok(same.then_some(record.vid))
    }

    /// Whether two objects have the same data set, which is `data_set` bytes into the new one. Headers differ with the
    /// way an object came: what is compared are the ends.
    pub(super) fn same_bytes(&self, known: &BlobRef, new: &BlobRef, data_set: u64) -> Result<bool, Fault> {
        if known.sha256 == new.sha256 {
            return Ok(true);
        }
        let length = new.length.saturating_sub(data_set);
        let Some(start) = known.length.checked_sub(length) else { return Ok(false) };
        self.same_range((known, start), (new, data_set), length)
    }

    /// Whether two objects have the same values in one transfer syntax, however their lengths are written (PS3.5 §7.5).
    fn same_values(&self, known: &BlobRef, new: &BlobRef, scanned: &Scanned) -> Result<bool, Fault> {
        if scanned.encoding.deflated || known.length.abs_diff(new.length) > REWRITTEN {
            return Ok(false);
        }
        let mut scanner = Scanner::for_file(Limits::default());
        for at in (0..known.length).step_by(COMPARED_AT_ONCE) {
            let end = (at + COMPARED_AT_ONCE as u64).min(known.length);
            if scanner.push(&self.store.blobs.read(known, at..end)?).is_err() {
                return Ok(false);
            }
        }
        let Ok(other) = scanner.finish() else { return Ok(false) };
        if other.transfer_syntax != scanned.transfer_syntax || other.encoding != scanned.encoding {
            return Ok(false);
        }
        self.same_elements((known, &other.header), (new, &scanned.header))
    }

    fn same_elements(&self, known: (&BlobRef, &DataSet), new: (&BlobRef, &DataSet)) -> Result<bool, Fault> {
        let (mut left, mut right) = (telling(known.1), telling(new.1));
        loop {
            let (one, other) = match (left.next(), right.next()) {
                (None, None) => return Ok(true),
                (Some(one), Some(other)) if one.tag == other.tag && one.vr == other.vr => (one, other),
                _ => return Ok(false),
            };
            let same = match (&one.value, &other.value) {
                (Value::Bytes(one), Value::Bytes(other)) => one == other,
                (Value::Items(one), Value::Items(other)) if one.len() == other.len() => {
                    let mut same = true;
                    for (one, other) in one.iter().zip(other) {
                        same = same && self.same_elements((known.0, one), (new.0, other))?;
                    }
                    same
                }
                (Value::Bulk(one), Value::Bulk(other)) => self.same_bulk((known.0, one), (new.0, other))?,
                _ => false,
            };
            if !same {
                return Ok(false);
            }
        }
    }

    pub(super) fn same_bulk(&self, known: (&BlobRef, &Bulk), new: (&BlobRef, &Bulk)) -> Result<bool, Fault> {
        if known.1.length != new.1.length || known.1.encapsulated != new.1.encapsulated {
            return Ok(false);
        }
        self.same_range((known.0, known.1.offset), (new.0, new.1.offset), known.1.length)
    }

    fn same_range(&self, known: (&BlobRef, u64), new: (&BlobRef, u64), length: u64) -> Result<bool, Fault> {
        for at in (0..length).step_by(COMPARED_AT_ONCE) {
            let end = (at + COMPARED_AT_ONCE as u64).min(length);
            let arrived = self.store.blobs.read(new.0, new.1 + at..new.1 + end)?;
            if arrived != self.store.blobs.read(known.0, known.1 + at..known.1 + end)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The elements that say something: group lengths (PS3.5 §7.2) and padding do not.
fn telling(data_set: &DataSet) -> impl Iterator<Item = &Element> {
    data_set.elements().iter().filter(|element| element.tag.element() != 0 && element.tag != PADDING)
}
