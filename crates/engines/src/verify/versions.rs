//! Versions as `verify` reads them: many in one snapshot, each table once for all of them.

use super::{Finding, LISTED, VerifyReport};
use crate::pack::Packs;
use lenticular_base::index::Entry;
use lenticular_base::{Fault, FaultKind, Kind, OrgNo, Vid};
use lenticular_store::entries::Entries;
use lenticular_store::schema::FOREVER;
use lenticular_store::sql::{Bind, Session};
use lenticular_store::{BlobRef, Record, rows};
use std::collections::{BTreeSet, HashMap, HashSet};

/// So many versions are read together, as long as their bodies have no more bytes than these.
pub const TOGETHER: i64 = 1000;
const BODIES: i64 = 8 << 20;

/// Positions no further apart are asked for as one range.
const NEAR: i64 = 16;

/// What one snapshot came to.
#[derive(Default)]
pub struct Batch {
    pub report: VerifyReport,
    /// Blobs that rows name, to be read once the snapshot is given back.
    pub blobs: Vec<(Line, BlobRef)>,
    pub end: End,
}

/// How far a batch came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum End {
    /// There are no more versions.
    #[default]
    None,
    /// This version is the last one that was looked at.
    At(i64),
    /// The database cannot read all of the versions up to this one: they have to be read one by one to find which.
    Unreadable(i64),
}

/// A version without its body.
#[derive(Clone, Copy)]
pub struct Line {
    vid: i64,
    kind: i64,
    from: i64,
    until: i64,
    position: i64,
}

impl Line {
    pub fn finding(&self, code: &'static str) -> Finding {
        Finding {
            code,
            vid: Some(self.vid),
            kind: u16::try_from(self.kind).ok(),
            position: Some(self.position),
            place: None,
        }
    }

    /// The positions that it names.
    fn positions(&self) -> impl Iterator<Item = i64> {
        let again = (self.position != self.from).then_some(self.position);
        let ended = (self.until != FOREVER).then_some(self.until);
        [Some(self.from), again, ended].into_iter().flatten()
    }
}

/// Looks at the first versions behind `after`, at most so many, and at all entries up to the last of them.
pub fn look(
    session: &dyn Session,
    packs: &Packs,
    extract: &dyn Fn(&Record) -> Vec<Entry>,
    after: i64,
    at_most: i64,
) -> Result<Batch, Fault> {
    let lines = lines(session, after, at_most)?;
    let mut batch = Batch::default();
    let Some(last) = lines.last().map(|line| line.vid) else { return Ok(batch) };
    batch.end = End::At(last);
    check_positions(session, &lines, &mut batch.report)?;
    match check_bodies(session, packs, extract, (after, last), &lines, &mut batch) {
        Ok(current) => check_entries(session, (after, last), &lines, current, &mut batch.report)?,
        Err(fault) if fault.kind != FaultKind::Corrupt => return Err(fault),
        Err(_) if lines.len() > 1 => batch.end = End::Unreadable(last),
        Err(_) => {
            batch.report.records += 1;
            lines.iter().for_each(|line| batch.report.add(line.finding("body-unreadable")));
        }
    }
    Ok(batch)
}

fn lines(session: &dyn Session, after: i64, at_most: i64) -> Result<Vec<Line>, Fault> {
    let mut lines: Vec<Line> = Vec::new();
    let mut bytes = 0_i64;
    let text = "SELECT vid,kind,from_position,until_position,position,length FROM record WHERE vid>$1 ORDER BY vid LIMIT $2";
    session.query(text, &[Bind::Int(after), Bind::Int(at_most)], &mut |row| {
        bytes = bytes.saturating_add(row.int(5)?.max(0));
        if bytes > BODIES && !lines.is_empty() {
            return Ok(false);
        }
        lines.push(Line {
            vid: row.int(0)?,
            kind: row.int(1)?,
            from: row.int(2)?,
            until: row.int(3)?,
            position: row.int(4)?,
        });
        Ok(true)
    })?;
    Ok(lines)
}

fn check_positions(session: &dyn Session, lines: &[Line], report: &mut VerifyReport) -> Result<(), Fault> {
    let named: BTreeSet<i64> = lines.iter().flat_map(Line::positions).collect();
    let named: Vec<i64> = named.into_iter().collect();
    let ends = named.chunk_by(|one, next| next.saturating_sub(*one) <= NEAR).filter_map(|near| {
        let (first, last) = (near.first()?, near.last()?);
        Some([Bind::Int(*first), Bind::Int(*last)])
    });
    let binds: Vec<Bind<'_>> = ends.flatten().collect();
    let mut logged = HashSet::new();
    let text = "SELECT position FROM log WHERE position>=$1 AND position<=$2";
    session.query_many(text, 2, &binds, &mut |_, row| {
        logged.insert(row.int(0)?);
        Ok(true)
    })?;
    for line in lines {
        for _ in line.positions().filter(|position| !logged.contains(position)) {
            report.add(line.finding("position-not-in-log"));
        }
        if line.until < line.from || line.position < line.from {
            report.add(line.finding("positions-out-of-order"));
        }
    }
    Ok(())
}

/// What the index has to hold of versions that are current and can be read.
type Current = HashMap<i64, (OrgNo, Vec<Entry>)>;

/// # Errors
/// `Corrupt` where the database itself cannot read a row: its snapshot is of no use any more.
fn check_bodies(
    session: &dyn Session,
    packs: &Packs,
    extract: &dyn Fn(&Record) -> Vec<Entry>,
    (after, last): (i64, i64),
    lines: &[Line],
    batch: &mut Batch,
) -> Result<Current, Fault> {
    let mut current = Current::default();
    let mut read = VerifyReport::default();
    let mut blobs = Vec::new();
    let text = format!("SELECT {} FROM record r WHERE r.vid>$1 AND r.vid<=$2 ORDER BY r.vid", rows::COLUMNS);
    session.query(&text, &[Bind::Int(after), Bind::Int(last)], &mut |row| {
        let vid = row.int(0)?;
        let Some(line) = lines.binary_search_by_key(&vid, |line| line.vid).ok().and_then(|at| lines.get(at))
        else {
            return Ok(true);
        };
        read.records += 1;
        let record = match rows::record(row, packs) {
            Ok(record) => record,
            Err(fault) if fault.kind == FaultKind::Corrupt => {
                read.add(line.finding("body-unreadable"));
                return Ok(true);
            }
            Err(fault) => return Err(fault),
        };
        if !record.deleted && matches!(record.columns.kind, Kind::INSTANCE | Kind::CONFLICT) {
            match record.body.get(..56).and_then(BlobRef::from_bytes) {
                None => read.add(line.finding("blob-not-named")),
                Some(blob) => blobs.push((*line, blob)),
            }
        }
        if line.until == FOREVER {
            let entries = if record.deleted { Vec::new() } else { extract(&record) };
            current.insert(vid, (record.columns.org, entries));
        }
        Ok(true)
    })?;
    batch.report.merge(read);
    batch.blobs.append(&mut blobs);
    Ok(current)
}

/// Entries only where there is a row, and for current rows exactly those that they have.
fn check_entries(
    session: &dyn Session,
    (after, last): (i64, i64),
    lines: &[Line],
    mut current: Current,
    report: &mut VerifyReport,
) -> Result<(), Fault> {
    let mut strays = BTreeSet::new();
    let stored = Entries::stored_between(session, after, last, &mut |vid| {
        if strays.len() < LISTED && lines.binary_search_by_key(&vid, |line| line.vid).is_err() {
            strays.insert(vid);
        }
        current.contains_key(&vid)
    })?;
    let none = Entries::default();
    strays.into_iter().for_each(|vid| report.at_version("entry-without-row", vid));
    for line in lines {
        let Some((org, expected)) = current.remove(&line.vid) else { continue };
        let stored = stored.get(&line.vid).unwrap_or(&none);
        if !stored.are_those_of(org, Vid(line.vid), expected) {
            report.add(line.finding("entries-differ"));
        }
    }
    Ok(())
}
