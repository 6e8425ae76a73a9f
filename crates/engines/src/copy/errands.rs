//! What people ask for: a move, a backup, a restore, a comparison.

use super::base::{reading, writing};
use super::chronicle;
use super::compare::Repair;
use super::course::{Course, Options, State, conflict, fresh_network, millis};
use super::cut::{self, Rederive};
use super::delta::Mark;
use super::place::{End, Place};
use super::report::Report;
use lenticular_base::{Fault, FaultKind, Position};
use lenticular_store::notice::{self, BACKUP, COPYING, MOVED, MOVING, NETWORK};
use std::time::Instant;

/// Moves a network: afterwards it is at `to`, and `from` says so.
///
/// # Errors
/// `Conflict` where the target holds something else, or the source is none to move; `Corrupt` where the two are not equal in the end.
pub fn migrate(from: &Place, to: &Place, options: Options<'_>) -> Result<Report, Fault> {
    move_between(&from.open()?, &to.open_or_make()?, options)
}

pub(super) fn move_between(from: &End, to: &End, options: Options<'_>) -> Result<Report, Fault> {
    let began = Instant::now();
    if let Some(place) = reading(&*from.base, |session| notice::read(session, MOVED))?
        && place != to.name
    {
        return Err(conflict("moved", format!("This network has moved to {place} already.")));
    }
    no_copy(from)?;
    let mut course = Course::begin(from, to, options, "migrate")?;
    course.fill()?;
    course.settle()?;
    course.compare_all(Repair::Everything)?;
    course.settle()?;
    course.turn()?;
    course.finish()?;
    course.report.took_ms = millis(began);
    Ok(course.report)
}

/// Brings a backup up to now; the first time it copies everything.
pub fn back_up(from: &Place, to: &Place, options: Options<'_>) -> Result<Report, Fault> {
    back_up_between(&from.open()?, &to.open_or_make()?, options)
}

pub(super) fn back_up_between(from: &End, to: &End, options: Options<'_>) -> Result<Report, Fault> {
    let began = Instant::now();
    reading(&*from.base, notice::let_open)?;
    let mut course = Course::begin(from, to, options, "backup")?;
    course.fill()?;
    if course.kept_as == COPYING {
        course.settle()?;
        course.compare_all(Repair::Everything)?;
        course.turn_into_backup()?;
    } else {
        course.compare_all(Repair::Entries)?;
    }
    course.audits()?;
    course.compare_audits()?;
    course.report.took_ms = millis(began);
    Ok(course.report)
}

/// Makes a network of a backup, in an empty place; as of a position, where one is named.
pub fn restore(
    from: &Place,
    to: &Place,
    until: Option<Position>,
    rederive: &Rederive<'_>,
    options: Options<'_>,
) -> Result<Report, Fault> {
    let began = Instant::now();
    let (from, to) = (from.open()?, to.open_or_make()?);
    let newest = reading(&*from.base, |session| {
        if notice::read(session, BACKUP)?.is_none() {
            let words =
                format!("{} is no backup that was ended: `lenticular backup --to` makes one.", from.name);
            return Err(conflict("no-backup", words));
        }
        Mark::newest(session)
    })?;
    if let Some(until) = until.filter(|until| until.0 < 1 || until.0 > newest.position) {
        let words = format!("The backup has the positions 1 to {}, not {}.", newest.position, until.0);
        return Err(Fault::new(FaultKind::Invalid, "position", words));
    }
    let mut course = Course::begin(&from, &to, options, "restore")?;
    course.fill()?;
    course.settle()?;
    course.compare_all(Repair::Everything)?;
    course.compare_audits()?;
    course.stop_where_different()?;
    let network = fresh_network()?;
    to.audits.draw_on()?;
    to.base.draw_on()?;
    course.report.cut = writing(&*to.base, |session| {
        let cut = match until {
            Some(until) if until.0 < newest.position => {
                Some(cut::back_to(session, until, to.base.now()?, rederive)?)
            }
            _ => None,
        };
        // what comes of it is another network than the one that was backed up: the two go on apart
        notice::put(session, NETWORK, &network)?;
        notice::remove(session, COPYING)?;
        Ok(cut)
    })?;
    course.report.network = network;
    course.report.took_ms = millis(began);
    Ok(course.report)
}

/// Compares two places that nobody writes to.
pub fn check(from: &Place, to: &Place, options: Options<'_>) -> Result<Report, Fault> {
    let began = Instant::now();
    let (from, to) = (from.open()?, to.open()?);
    let mark = reading(&*to.base, Mark::newest)?;
    let state =
        State { purpose: "check".into(), mark, vid: mark.vid, position: mark.position, ..State::default() };
    let mut course = Course::new(&from, &to, options, state, COPYING);
    let theirs = reading(&*from.base, Mark::newest)?;
    if theirs != mark {
        course.finding(format!("the newest position is {}, not {}", mark.position, theirs.position));
    }
    course.walk()?;
    from.base.begin_reading()?;
    let compared =
        reading(&*to.base, |session| course.compare(from.base.session(), session, Repair::Nothing, None));
    from.base.rollback();
    compared?;
    course.compare_audits()?;
    course.report.took_ms = millis(began);
    Ok(course.report)
}

/// Reads a backup again and compares it with what it was when it was ended.
pub fn check_alone(held: &Place, then: &Report, options: Options<'_>) -> Result<Report, Fault> {
    let began = Instant::now();
    let held = held.open()?;
    let mark = reading(&*held.base, Mark::newest)?;
    let state =
        State { purpose: "check".into(), mark, vid: mark.vid, position: mark.position, ..State::default() };
    let mut course = Course::new(&held, &held, options, state, BACKUP);
    course.walk()?;
    reading(&*held.base, |session| course.compare(session, session, Repair::Nothing, None))?;
    course.report.audit = chronicle::sum(&*held.audits, None)?;
    course.report.network.clone_from(&then.network);
    let now = &course.report;
    let mut findings = Vec::new();
    for (name, sum) in &then.tables {
        if now.tables.get(name) != Some(sum) {
            findings.push(format!("{name} is not what it was when the backup was made"));
        }
    }
    if (now.position, now.versions) != (then.position, then.versions) {
        findings.push("positions and versions are not those of the manifest".into());
    }
    if now.audit != then.audit {
        findings.push("the audit entries are not what they were when the backup was made".into());
    }
    findings.into_iter().for_each(|finding| course.finding(finding));
    course.report.took_ms = millis(began);
    Ok(course.report)
}

/// Makes the place from which a network was moved, or is being moved, the place again. What was written at the other is not here.
pub fn take_back(place: &Place) -> Result<Option<String>, Fault> {
    let end = place.open()?;
    writing(&*end.base, |session| {
        let moved = notice::read(session, MOVED)?;
        notice::remove(session, MOVED)?;
        notice::remove(session, MOVING)?;
        // the new place may have gone on in the same files: what it wrote there is its own
        if moved.is_some() && end.blobs.folder().is_some() {
            session.execute("UPDATE segment SET state=1 WHERE no>0 AND state=0", &[])?;
        }
        Ok(moved)
    })
}

fn no_copy(end: &End) -> Result<(), Fault> {
    reading(&*end.base, |session| {
        for name in [COPYING, BACKUP] {
            if notice::read(session, name)?.is_some() {
                let words =
                    format!("{} is a copy that is not whole, or a backup: it cannot be moved.", end.name);
                return Err(conflict("copy", words));
            }
        }
        Ok(())
    })
}
