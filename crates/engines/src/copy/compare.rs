//! Both sides hashed in the order of their keys, a range at a time.

use super::tables::{Cell, GRANTS, Hashed, LOG, OF_VERSIONS, SEGMENT, SWEEP, Table, hash_of_all};
use super::tables::{DICTIONARY, RECORD};
use lenticular_base::{Fault, Kind};
use lenticular_store::BlobRef;
use lenticular_store::schema::FOREVER;
use lenticular_store::sql::Session;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// How many version numbers, or positions, make a range.
pub const RANGE: i64 = 4096;

/// What a table came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Sum {
    pub rows: u64,
    /// Over the hashes of its ranges.
    pub sha256: String,
}

/// A blob that a row names: version, and where it is. `None`: the row should name one and does not.
pub type Named<'a> = &'a mut dyn FnMut(i64, Option<BlobRef>) -> Result<(), Fault>;

/// The hash of a range, and what blobs its rows name.
fn hash(
    session: &dyn Session,
    table: &Table,
    range: (i64, i64),
    named: Option<Named<'_>>,
) -> Result<([u8; 32], u64), Fault> {
    let mut hashed = Hashed::default();
    match named.filter(|_| table.name == RECORD.name) {
        Some(named) => table.each(session, range, |cells| {
            hashed.add(&cells);
            if let Some((vid, blob)) = blob_of(&cells) {
                named(vid, blob)?;
            }
            Ok(())
        })?,
        None => table.each(session, range, |cells| {
            hashed.add(&cells);
            Ok(())
        })?,
    }
    Ok(hashed.end())
}

/// The version and the blob that a row of `record` names, where it is of a kind that names one.
fn blob_of(cells: &[Cell]) -> Option<(i64, Option<BlobRef>)> {
    let int = |at: usize| match cells.get(at) {
        Some(Cell::Int(value)) => Some(*value),
        _ => None,
    };
    let kind = int(3)?;
    let names_one = [Kind::INSTANCE, Kind::CONFLICT].iter().any(|known| i64::from(known.0) == kind);
    if !names_one || int(13)? != 0 {
        return None;
    }
    let blob = match cells.get(17) {
        Some(Cell::Bytes(body)) if int(14)? == -1 => body.get(..56).and_then(BlobRef::from_bytes),
        _ => None,
    };
    Some((int(0)?, blob))
}

/// The ranges that cover `0 < key <= last`.
pub fn ranges(last: i64) -> impl Iterator<Item = (i64, i64)> {
    (0..).map(|at: i64| (at * RANGE, (at + 1) * RANGE)).take_while(move |(low, _)| *low < last)
}

/// The range that a key is in.
pub fn range_of(key: i64) -> (i64, i64) {
    let low = (key - 1).div_euclid(RANGE) * RANGE;
    (low, low + RANGE)
}

/// Which ranges that differ are copied again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repair {
    Nothing,
    /// Index entries: they may be made anew without a commit. What else differs is another history.
    Entries,
    Everything,
}

impl Repair {
    fn allows(self, table: &Table) -> bool {
        match self {
            Repair::Nothing => false,
            Repair::Entries => table.name.starts_with("ix_"),
            Repair::Everything => true,
        }
    }
}

/// A comparison while it goes on.
pub struct Comparison<'a> {
    pub from: &'a dyn Session,
    pub to: &'a dyn Session,
    pub repair: Repair,
    /// How many were.
    pub repaired: u64,
    /// Ranges that still differ, such as `ix_text 4096`.
    pub different: Vec<String>,
}

impl Comparison<'_> {
    /// Compares a range of a table; gives the hash of the target.
    pub fn range(
        &mut self,
        table: &Table,
        range: (i64, i64),
        named: Option<Named<'_>>,
    ) -> Result<([u8; 32], u64), Fault> {
        let wanted = hash(self.from, table, range, None)?;
        let mut blobs = Vec::new();
        let mut held = self.held(table, range, &mut blobs)?;
        if wanted != held && self.repair.allows(table) {
            table.remove_range(self.to, range)?;
            table.copy_range(self.from, self.to, range)?;
            self.repaired += 1;
            held = self.held(table, range, &mut blobs)?;
        }
        if wanted != held {
            self.different.push(format!("{} {}", table.name, range.0));
        }
        if let Some(named) = named {
            for (vid, blob) in blobs {
                named(vid, blob)?;
            }
        }
        Ok(held)
    }

    fn held(
        &self,
        table: &Table,
        range: (i64, i64),
        blobs: &mut Vec<(i64, Option<BlobRef>)>,
    ) -> Result<([u8; 32], u64), Fault> {
        blobs.clear();
        let mut named = |vid, blob| {
            blobs.push((vid, blob));
            Ok(())
        };
        hash(self.to, table, range, Some(&mut named))
    }

    /// Compares every table but `segment`, which tells how far the blobs of each side are.
    pub fn all(
        &mut self,
        last: super::delta::Mark,
        named: Named<'_>,
        done: &mut dyn FnMut(u64),
    ) -> Result<BTreeMap<&'static str, Sum>, Fault> {
        let mut folds: BTreeMap<&'static str, Fold> = BTreeMap::new();
        for range in ranges(last.vid) {
            for table in OF_VERSIONS {
                let held = self.range(table, range, Some(&mut *named))?;
                folds.entry(table.name).or_default().add(range, held);
            }
            done((range.1.min(last.vid) - range.0).unsigned_abs());
        }
        for range in ranges(last.position) {
            let held = self.range(&LOG, range, None)?;
            folds.entry(LOG.name).or_default().add(range, held);
        }
        for table in [&DICTIONARY, &SWEEP] {
            let held = self.range(table, (i64::MIN, FOREVER), None)?;
            folds.entry(table.name).or_default().add((0, 0), held);
        }
        let mut sums: BTreeMap<&'static str, Sum> =
            folds.into_iter().map(|(name, fold)| (name, fold.end())).collect();
        sums.insert(GRANTS.name, self.grants()?);
        Ok(sums)
    }

    /// The same for the ranges of some version numbers and for positions after `position`; small tables whole.
    pub fn some(
        &mut self,
        vids: impl IntoIterator<Item = i64>,
        position: i64,
        last: super::delta::Mark,
        named: Named<'_>,
    ) -> Result<(), Fault> {
        let touched: std::collections::BTreeSet<(i64, i64)> = vids.into_iter().map(range_of).collect();
        for range in touched {
            for table in OF_VERSIONS {
                self.range(table, range, Some(&mut *named))?;
            }
        }
        for range in ranges(last.position).filter(|(_, high)| *high > position) {
            self.range(&LOG, range, None)?;
        }
        for table in [&DICTIONARY, &SWEEP] {
            self.range(table, (i64::MIN, FOREVER), None)?;
        }
        self.grants().map(drop)
    }

    fn grants(&mut self) -> Result<Sum, Fault> {
        let held = hash_of_all(&GRANTS.all(self.to)?);
        if held != hash_of_all(&GRANTS.all(self.from)?) {
            self.different.push("grants".into());
        }
        Ok(Sum { rows: held.1, sha256: lenticular_base::ids::hex(&held.0) })
    }
}

/// What every table of one database comes to, hashed as [`Comparison::all`] does.
pub fn sums(
    session: &dyn Session,
    last: super::delta::Mark,
    named: Named<'_>,
    done: &mut dyn FnMut(u64),
) -> Result<BTreeMap<&'static str, Sum>, Fault> {
    Comparison { from: session, to: session, repair: Repair::Nothing, repaired: 0, different: Vec::new() }
        .all(last, named, done)
}

/// The lengths of the containers that a database knows.
pub fn segments(session: &dyn Session) -> Result<BTreeMap<i64, u64>, Fault> {
    let mut found = BTreeMap::new();
    SEGMENT.each(session, (i64::MIN, FOREVER), |cells| {
        if let [Cell::Int(no), Cell::Int(length)] = cells.as_slice() {
            // a number that was drawn and holds nothing has no length
            if *length > 0 {
                found.insert(*no, length.unsigned_abs());
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// The hashes of ranges, one after another; ranges without rows do not count.
#[derive(Default)]
struct Fold {
    hash: Sha256,
    rows: u64,
}

impl Fold {
    fn add(&mut self, range: (i64, i64), (sum, rows): ([u8; 32], u64)) {
        if rows > 0 {
            self.hash.update(range.0.to_be_bytes());
            self.hash.update(sum);
            self.rows += rows;
        }
    }

    fn end(self) -> Sum {
        let sha256: [u8; 32] = self.hash.finalize().into();
        Sum { rows: self.rows, sha256: lenticular_base::ids::hex(&sha256) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_every_key_once() {
        assert_eq!(ranges(0).count(), 0);
        assert_eq!(ranges(4096).collect::<Vec<_>>(), [(0, 4096)]);
        assert_eq!(ranges(4097).count(), 2);
        for key in [1, 2, 4095, 4096, 4097, 8192, 8193] {
            let (low, high) = range_of(key);
            assert!(low < key && key <= high && high - low == RANGE, "{key}");
        }
    }
}
