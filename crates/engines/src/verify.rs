//! Reads everything again and says what is wrong.

use crate::ground::{self, Ground, Holding, Wall, Witness};
use crate::pack::Packs;
use crate::rebuild;
use lenticular_base::index::Entry;
use lenticular_base::{Fault, FaultKind, Kind, Vid};
use lenticular_store::entries::Entries;
use lenticular_store::schema::FOREVER;
use lenticular_store::sql::{Bind, Session, one_int};
use lenticular_store::{BlobRef, Record, rows};
use std::collections::HashSet;

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

    pub(crate) fn at_place(&mut self, code: &'static str, place: String) {
        self.add(Finding { code, vid: None, kind: None, position: None, place: Some(place) });
    }
}

/// What one snapshot came to.
#[derive(Default)]
struct Batch {
    report: VerifyReport,
    /// Blobs that rows name, to be read once the snapshot is given back.
    blobs: Vec<(Line, BlobRef)>,
    last: i64,
}

#[derive(Clone, Copy)]
struct Line {
    vid: i64,
    kind: i64,
    from: i64,
    until: i64,
    position: i64,
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
    check_entries(ground, total, &mut report)?;
    let mut named = HashSet::new();
    let mut last = 0;
    while last < total {
        let batch = ground::read(ground, Wall::Open, |session| {
            let mut batch = Batch::default();
            for line in lines(session, last)? {
                check_line(session, &line, &mut batch.report)?;
                check_row(session, packs, &line, extract, &mut batch)?;
                batch.last = line.vid;
            }
            Ok(batch)
        })?;
        last = if batch.last > last { batch.last } else { total };
        check_blobs(blobs, &batch, &mut report)?;
        named.extend(batch.blobs.iter().map(|(_, blob)| (blob.segment, blob.offset)));
        report.merge(batch.report);
        progress(last.unsigned_abs(), total.unsigned_abs());
    }
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

/// Entries only where there is a row.
fn check_entries(ground: &dyn Ground, newest: i64, report: &mut VerifyReport) -> Result<(), Fault> {
    for table in rebuild::TABLES {
        let text = format!(
            "SELECT DISTINCT vid FROM {table} WHERE vid>$1 AND vid<=$2 AND {} LIMIT 1000",
            rebuild::without_row(table)
        );
        for range in rebuild::ranges(newest) {
            let found = ground::read(ground, Wall::Open, |session| {
                let mut found = Vec::new();
                session.query(&text, &range.map(Bind::Int), &mut |row| {
                    found.push(row.int(0)?);
                    Ok(true)
                })?;
                Ok(found)
            })?;
            for vid in found {
                let vid = Some(vid);
                report.add(Finding {
                    code: "entry-without-row",
                    vid,
                    kind: None,
                    position: None,
                    place: None,
                });
            }
        }
    }
    Ok(())
}

fn lines(session: &dyn Session, last: i64) -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::new();
    let text = "SELECT vid,kind,from_position,until_position,position FROM record WHERE vid>$1 ORDER BY vid LIMIT 200";
    session.query(text, &[Bind::Int(last)], &mut |row| {
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

fn finding(line: &Line, code: &'static str) -> Finding {
    Finding {
        code,
        vid: Some(line.vid),
        kind: u16::try_from(line.kind).ok(),
        position: Some(line.position),
        place: None,
    }
}

fn check_line(session: &dyn Session, line: &Line, report: &mut VerifyReport) -> Result<(), Fault> {
    let again = (line.position != line.from).then_some(line.position);
    let ended = (line.until != FOREVER).then_some(line.until);
    for position in [Some(line.from), again, ended].into_iter().flatten() {
        let text = "SELECT 1 FROM log WHERE position=$1";
        if one_int(session, text, &[Bind::Int(position)])?.is_none() {
            report.add(finding(line, "position-not-in-log"));
        }
    }
    if line.until < line.from || line.position < line.from {
        report.add(finding(line, "positions-out-of-order"));
    }
    Ok(())
}

fn check_row(
    session: &dyn Session,
    packs: &Packs,
    line: &Line,
    extract: &dyn Fn(&Record) -> Vec<Entry>,
    batch: &mut Batch,
) -> Result<(), Fault> {
    let report = &mut batch.report;
    report.records += 1;
    let record = match rows::by_vid(session, packs, Vid(line.vid)) {
        Ok(Some(record)) => record,
        Ok(None) => return Ok(()),
        Err(fault) if fault.kind == FaultKind::Corrupt => {
            report.add(finding(line, "body-unreadable"));
            return Ok(());
        }
        Err(fault) => return Err(fault),
    };
    if !record.deleted && matches!(record.columns.kind, Kind::INSTANCE | Kind::CONFLICT) {
        match record.body.get(..56).and_then(BlobRef::from_bytes) {
            None => report.add(finding(line, "blob-not-named")),
            Some(blob) => batch.blobs.push((*line, blob)),
        }
    }
    let report = &mut batch.report;
    if line.until == FOREVER {
        let expected = if record.deleted { Vec::new() } else { extract(&record) };
        if !Entries::agree(session, record.columns.org, record.vid, expected)? {
            report.add(finding(line, "entries-differ"));
        }
    }
    Ok(())
}

fn check_blobs(blobs: &dyn Holding, batch: &Batch, report: &mut VerifyReport) -> Result<(), Fault> {
    for (line, blob) in &batch.blobs {
        report.blobs += 1;
        report.blob_bytes += blob.length;
        match blobs.verify(blob) {
            Ok(true) => {}
            Ok(false) => report.add(finding(line, "blob-damaged")),
            // what cannot be asked just now is not known to be missing
            Err(fault) if fault.kind == FaultKind::Busy => return Err(fault),
            Err(_) => report.add(finding(line, "blob-missing")),
        }
    }
    Ok(())
}
