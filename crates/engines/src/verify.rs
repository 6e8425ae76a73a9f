//! Reads everything again and says what is wrong.
//!
//! Rows, and the entries that they have, are read many at a time: a database that is far away is asked some times for a thousand
//! rows, not for each.

mod versions;

use crate::ground::{self, Ground, Holding, Wall, Witness};
use crate::pack::Packs;
use crate::rebuild;
use lenticular_base::index::Entry;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::schema::FOREVER;
use lenticular_store::sql::{Bind, one_int};
use lenticular_store::{BlobRef, Record};
use std::collections::HashSet;
use versions::{End, Line};

/// The most findings that are listed; the rest is counted.
const LISTED: usize = 1000;

/// Something that is wrong. Names rows by number, never by what is in them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What is wrong, such as `blob-damaged`.
    pub code: &'static str,
    pub vid: Option<i64>,
    pub kind: Option<u16>,
    pub position: Option<i64>,
    /// Where, for what is no row: a segment and an offset, a file.
    pub place: Option<String>,
}

/// What was read, and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VerifyReport {
    pub records: u64,
    pub positions: u64,
    pub blobs: u64,
    pub blob_bytes: u64,
    pub audit_entries: u64,
    /// At most the first 1,000.
    pub findings: Vec<Finding>,
    /// How many there are.
    pub wrong: u64,
    /// Blobs that no commit names, and their bytes: left by what was not committed; no error.
    pub reclaimable: u64,
    pub reclaimable_bytes: u64,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.wrong == 0
    }

    fn merge(&mut self, other: VerifyReport) {
        self.records += other.records;
        self.wrong += other.wrong;
        let room = LISTED.saturating_sub(self.findings.len());
        self.findings.extend(other.findings.into_iter().take(room));
    }

    fn add(&mut self, finding: Finding) {
        self.wrong += 1;
        if self.findings.len() < LISTED {
            self.findings.push(finding);
        }
    }

    fn at_version(&mut self, code: &'static str, vid: i64) {
        self.add(Finding { code, vid: Some(vid), kind: None, position: None, place: None });
    }

    pub(crate) fn at_place(&mut self, code: &'static str, place: String) {
        self.add(Finding { code, vid: None, kind: None, position: None, place: Some(place) });
    }
}

/// Verifies one open data folder. Each batch of rows is one snapshot, so writers go on.
pub fn run(
    ground: &dyn Ground,
    packs: &Packs,
    blobs: &dyn Holding,
    audits: &dyn Witness,
    extract: &dyn Fn(&Record) -> Vec<Entry>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<VerifyReport, Fault> {
    let mut report = VerifyReport::default();
    check_log(ground, &mut report)?;
    let newest = ground::glance(ground, |session| one_int(session, "SELECT max(vid) FROM record", &[]))?;
    let total = newest.unwrap_or(0);
    check_names(ground, &mut report)?;
    let mut named = HashSet::new();
    let (mut last, mut one_by_one) = (i64::MIN, i64::MIN);
    while last < total {
        let at_most = if last < one_by_one { 1 } else { versions::TOGETHER };
        let batch = ground::read(ground, Wall::Open, |session| {
            versions::look(session, packs, extract, last, at_most)
        })?;
        match batch.end {
            End::None => break,
            End::Unreadable(until) => {
                one_by_one = until;
                continue;
            }
            End::At(vid) => last = vid,
        }
        check_blobs(blobs, &batch.blobs, &mut report)?;
        named.extend(batch.blobs.iter().map(|(_, blob)| (blob.segment, blob.offset)));
        report.merge(batch.report);
        progress(last.max(0).unsigned_abs(), total.unsigned_abs());
    }
    check_entries_behind(ground, last, &mut report)?;
    blobs.walk(&named, &mut report)?;
    audits.walk(&mut report)?;
    Ok(report)
}

/// So many lines of a table are read at a time: no statement takes long, whatever there is.
const AT_ONCE: i64 = 10_000;

fn check_log(ground: &dyn Ground, report: &mut VerifyReport) -> Result<(), Fault> {
    let (mut last, mut time) = (0, i64::MIN);
    let text = "SELECT position,time FROM log WHERE position>$1 ORDER BY position LIMIT $2";
    loop {
        let some = ground::glance(ground, |session| {
            let mut some = Vec::new();
            session.query(text, &[Bind::Int(last), Bind::Int(AT_ONCE)], &mut |row| {
                some.push((row.int(0)?, row.int(1)?));
                Ok(true)
            })?;
            Ok(some)
        })?;
        if some.is_empty() {
            return Ok(());
        }
        for (position, at) in some {
            let mut add = |code| {
                report.add(Finding { code, vid: None, kind: None, position: Some(position), place: None });
            };
            if position != last + 1 {
                add("log-gap");
            }
            if at < time {
                add("log-time-runs-backwards");
            }
            (last, time) = (position, at);
            report.positions += 1;
        }
    }
}

/// A current version: kind, id, member, version number.
type Current = (i64, String, i64, i64);

/// One current version for each name.
fn check_names(ground: &dyn Ground, report: &mut VerifyReport) -> Result<(), Fault> {
    let text = "SELECT kind,id,org,vid FROM record WHERE (kind,id)>=($1,$2) AND until_position=$3 \
                ORDER BY kind,id,org,vid LIMIT $4";
    let mut last: Current = (i64::MIN, String::new(), 0, 0);
    loop {
        let some = ground::read(ground, Wall::Open, |session| {
            let mut some: Vec<Current> = Vec::new();
            let binds = [Bind::Int(last.0), Bind::Text(&last.1), Bind::Int(FOREVER), Bind::Int(AT_ONCE)];
            session.query(text, &binds, &mut |row| {
                some.push((
                    row.int(0)?,
                    row.text(1)?.unwrap_or_default().to_owned(),
                    row.int(2)?,
                    row.int(3)?,
                ));
                Ok(true)
            })?;
            Ok(some)
        })?;
        let whole = some.len() as i64 == AT_ONCE;
        // the rows of the last name came with the batch before
        let fresh = some.into_iter().filter(|row| *row > last).collect::<Vec<Current>>();
        for row in &fresh {
            if (row.0, &row.1, row.2) == (last.0, &last.1, last.2) {
                let kind = u16::try_from(row.0).ok();
                report.add(Finding {
                    code: "several-current",
                    vid: Some(last.3),
                    kind,
                    position: None,
                    place: None,
                });
            }
            last.clone_from(row);
        }
        if !whole || fresh.is_empty() {
            return Ok(());
        }
    }
}

/// Behind the last row there are entries only where there is a row by now.
fn check_entries_behind(ground: &dyn Ground, last: i64, report: &mut VerifyReport) -> Result<(), Fault> {
    for table in rebuild::TABLES {
        let text = format!(
            "SELECT DISTINCT vid FROM {table} WHERE vid>$1 AND {} LIMIT 1000",
            rebuild::without_row(table)
        );
        let found = ground::read(ground, Wall::Open, |session| {
            let mut found = Vec::new();
            session.query(&text, &[Bind::Int(last)], &mut |row| {
                found.push(row.int(0)?);
                Ok(true)
            })?;
            Ok(found)
        })?;
        found.into_iter().for_each(|vid| report.at_version("entry-without-row", vid));
    }
    Ok(())
}

fn check_blobs(
    blobs: &dyn Holding,
    named: &[(Line, BlobRef)],
    report: &mut VerifyReport,
) -> Result<(), Fault> {
    let refs: Vec<BlobRef> = named.iter().map(|(_, blob)| *blob).collect();
    for ((line, blob), verified) in named.iter().zip(blobs.verify_all(&refs)) {
        report.blobs += 1;
        report.blob_bytes += blob.length;
        match verified {
            Ok(true) => {}
            Ok(false) => report.add(line.finding("blob-damaged")),
            // what cannot be asked just now is not known to be missing
            Err(fault) if fault.kind == FaultKind::Busy => return Err(fault),
            Err(_) => report.add(line.finding("blob-missing")),
        }
    }
    Ok(())
}
