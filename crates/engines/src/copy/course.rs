//! How the steps of a copy follow one another.
//!
//! 1. All versions up to the newest of the beginning, a range in each transaction; then blobs. The source goes on being written.
//! 2. What changed since, in passes of one snapshot each, until little is left; then both sides are compared, also in one snapshot.
//! 3. Of a move: the source takes no commits (notice `moving`, which ends by itself when nobody holds it), the last changes are
//!    copied and compared, and the source says where the network is now (`moved`).
//!
//! The notice `copying` in the target keeps how far it is; a run that was ended at any moment is gone on with by the next.

mod blobs;

use super::base::{reading, writing};
use super::chronicle;
use super::compare::{Comparison, RANGE, Repair, segments};
use super::containers::Walked;
use super::delta::{self, Mark, Pass};
use super::place::End;
use super::report::{Phase, Progress, Report};
use super::tables::{LOG, OF_VERSIONS};
use lenticular_base::ids::hex;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::notice::{self, BACKUP, COPYING, MOVED, MOVING, NETWORK};
use lenticular_store::sql::Session;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// Passes go on until one copied no more versions, and no more bytes of blobs, than this; at most so many.
const FEW_VERSIONS: u64 = 2000;
const FEW_BYTES: u64 = 64 << 20;
const PASSES: usize = 12;

/// For how long the source takes no commits where nobody says that it goes on, in milliseconds.
const HOLD: i64 = 60_000;

/// The code of a copy that is not what its source is.
const DIFFERS: &str = "copy-differs";

/// Findings that are listed.
const LISTED: usize = 200;

/// How to copy.
pub struct Options<'a> {
    /// Go on where blobs of the source are damaged or missing, and say which.
    pub despite_damage: bool,
    pub progress: &'a mut dyn FnMut(Progress),
}

/// What the target keeps about a copy.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub purpose: String,
    /// How far the target is true, but for what changed since.
    pub mark: Mark,
    /// How far the first phase is.
    pub vid: i64,
    pub position: i64,
    /// Containers that are to be copied whole once more: rows of blobs were still landing in them, or what was copied is damaged.
    #[serde(default)]
    pub again: BTreeSet<i64>,
    /// Blobs were missing or damaged: the next run reads all of them again.
    #[serde(default)]
    pub damaged: bool,
}

impl State {
    fn is_whole(&self) -> bool {
        self.vid >= self.mark.vid && self.position >= self.mark.position
    }

    fn text(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(Fault::internal)
    }

    fn of(text: &str) -> Result<State, Fault> {
        serde_json::from_str(text).map_err(|error| lenticular_store::rows::corrupt(error.to_string()))
    }
}

pub(super) fn conflict(code: &'static str, words: String) -> Fault {
    Fault::new(FaultKind::Conflict, code, words)
}

/// A copy while it goes on.
pub(super) struct Course<'a, 'b> {
    from: &'a End,
    to: &'a End,
    pub options: Options<'b>,
    pub state: State,
    /// The notice that holds the state.
    pub kept_as: &'static str,
    pub report: Report,
    /// How many entries of each stream of the audit log are in the target.
    entries: HashMap<i64, i64>,
    walked: Walked,
    walked_to: BTreeMap<i64, u64>,
    /// This run found blobs that are missing or damaged, and in these containers.
    damaged: bool,
    mend: BTreeSet<i64>,
    /// Versions that changed since all were compared.
    since: BTreeSet<i64>,
}

impl<'a, 'b> Course<'a, 'b> {
    pub fn new(
        from: &'a End,
        to: &'a End,
        options: Options<'b>,
        state: State,
        kept_as: &'static str,
    ) -> Course<'a, 'b> {
        Course {
            from,
            to,
            options,
            state,
            kept_as,
            report: Report::default(),
            entries: HashMap::new(),
            walked: Walked::default(),
            walked_to: BTreeMap::new(),
            damaged: false,
            mend: BTreeSet::new(),
            since: BTreeSet::new(),
        }
    }

    /// Finds out how far an earlier run came, or begins.
    pub fn begin(
        from: &'a End,
        to: &'a End,
        options: Options<'b>,
        purpose: &str,
    ) -> Result<Course<'a, 'b>, Fault> {
        let known = reading(&*from.base, |session| notice::read(session, NETWORK))?;
        let network = match known {
            Some(network) => network,
            None => {
                let network = fresh_network()?;
                writing(&*from.base, |session| notice::put(session, NETWORK, &network))?;
                network
            }
        };
        let (held, theirs) = reading(&*to.base, |session| {
            let state = |name| Ok::<_, Fault>(notice::read(session, name)?.map(|text| (name, text)));
            let held = state(COPYING)?.or(state(BACKUP)?);
            Ok((held, notice::read(session, NETWORK)?))
        })?;
        let refuse = || {
            let words = format!(
                "{} holds something else already; nothing was changed there. Name an empty place, or the one where this copy was begun.",
                to.name
            );
            Err(conflict("target-not-empty", words))
        };
        let (state, kept_as, resumed) = match held {
            Some((name, text)) => {
                let state = State::of(&text)?;
                if theirs.as_ref() != Some(&network) || state.purpose != purpose {
                    return refuse();
                }
                (state, name, true)
            }
            None => {
                let empty = reading(&*to.base, |session| {
                    Ok(Mark::newest(session)? == Mark::default() && segments(session)?.is_empty())
                })?;
                let stay = to.blobs.folder().is_some() && to.blobs.folder() == from.blobs.folder();
                if !empty || theirs.is_some() || !(stay || to.blobs.is_empty()?) {
                    return refuse();
                }
                (Course::first(from, to, &network, purpose)?, COPYING, false)
            }
        };
        let mut course = Course::new(from, to, options, state, kept_as);
        course.report.network = network;
        course.report.resumed = resumed && kept_as == COPYING;
        let newest = reading(&*from.base, Mark::newest)?;
        if newest.position < course.state.mark.position || newest.vid < course.state.mark.vid {
            let words = format!(
                "{} is at position {}, {} already at {}: it is of a later time, or the network was restored meanwhile. Use another folder.",
                from.name, newest.position, to.name, course.state.mark.position
            );
            return Err(conflict("source-behind", words));
        }
        if kept_as == BACKUP && !course.state.damaged {
            // what an earlier run has read again is not read again
            course.walked_to = reading(&*to.base, segments)?;
        }
        Ok(course)
    }

    /// The first transaction of the target: which network it will be, and the queue of entries that are to go.
    fn first(from: &End, to: &End, network: &str, purpose: &str) -> Result<State, Fault> {
        from.base.begin_reading()?;
        let source = from.base.session();
        let state = Mark::newest(source).and_then(|mark| {
            let state = State { purpose: purpose.to_owned(), mark, ..State::default() };
            writing(&*to.base, |session| {
                notice::put(session, NETWORK, network)?;
                notice::put(session, COPYING, &state.text()?)?;
                super::tables::SWEEP.copy_range(source, session, (i64::MIN, i64::MAX)).map(drop)
            })?;
            Ok(state)
        });
        from.base.rollback();
        state
    }

    fn tell(&mut self, phase: Phase, done: u64, all: u64) {
        (self.options.progress)(Progress { phase, done, all });
    }

    pub fn finding(&mut self, words: String) {
        if self.report.findings.len() < LISTED && !self.report.findings.contains(&words) {
            self.report.findings.push(words);
        }
    }

    /// The first phase: every version and every position up to the mark.
    pub fn fill(&mut self) -> Result<(), Fault> {
        let all = self.state.mark.vid.unsigned_abs();
        while !self.state.is_whole() {
            let mut next = self.state.clone();
            next.vid = (next.vid + RANGE).min(next.mark.vid);
            next.position = (next.position + 8 * RANGE).min(next.mark.position);
            self.from.base.begin_reading()?;
            let source = self.from.base.session();
            let done = writing(&*self.to.base, |session| {
                for table in OF_VERSIONS {
                    table.copy_range(source, session, (self.state.vid, next.vid))?;
                }
                LOG.copy_range(source, session, (self.state.position, next.position))?;
                notice::put(session, self.kept_as, &next.text()?)
            });
            self.from.base.rollback();
            done?;
            self.report.copied_versions += (next.vid - self.state.vid).unsigned_abs();
            self.state = next;
            self.tell(Phase::Rows, self.state.vid.unsigned_abs(), all);
        }
        let known = reading(&*self.from.base, segments)?;
        self.blobs(&known)
    }

    /// Copies what changed, in one snapshot of the source and one transaction of the target.
    fn pass(&mut self) -> Result<Pass, Fault> {
        self.from.base.begin_reading()?;
        let done = self.pass_within();
        self.from.base.rollback();
        let pass = done?;
        self.audits()?;
        Ok(pass)
    }

    fn pass_within(&mut self) -> Result<Pass, Fault> {
        let wanted = segments(self.from.base.session())?;
        self.blobs(&wanted)?;
        let to = self.to;
        writing(&*to.base, |session| self.bring(session))
    }

    /// Inside a snapshot of the source and a transaction of the target.
    fn bring(&mut self, session: &dyn Session) -> Result<Pass, Fault> {
        let source = self.from.base.session();
        let (since, progress) = (self.state.mark, &mut self.options.progress);
        let all = (Mark::newest(source)?.vid - since.vid).unsigned_abs();
        let mut done = 0;
        let pass = delta::bring(source, session, since, &mut |copied| {
            done += copied;
            progress(Progress { phase: Phase::Changes, done, all: all.max(done) });
        })?;
        self.report.copied_versions += pass.versions;
        self.since.extend(pass.again.iter().copied());
        // one of each range is enough
        let mut vid = since.vid + 1;
        while vid <= pass.mark.vid {
            self.since.insert(vid);
            vid = super::compare::range_of(vid).1 + 1;
        }
        let State { mark, vid, position, .. } = &mut self.state;
        (*mark, *vid, *position) = (pass.mark, pass.mark.vid, pass.mark.position);
        notice::put(session, self.kept_as, &self.state.text()?)?;
        Ok(pass)
    }

    /// Passes until little is left.
    pub fn settle(&mut self) -> Result<(), Fault> {
        for _ in 0..PASSES {
            let before = self.report.copied_bytes;
            let pass = self.pass()?;
            if pass.versions <= FEW_VERSIONS && self.report.copied_bytes - before <= FEW_BYTES {
                break;
            }
        }
        Ok(())
    }

    /// Brings the target up to a snapshot of the source and compares all of it with that.
    pub fn compare_all(&mut self, repair: Repair) -> Result<(), Fault> {
        let backed_up = (self.kept_as == BACKUP && !self.state.damaged).then_some(self.state.mark.vid);
        self.walk()?;
        let before = self.state.clone();
        self.from.base.begin_reading()?;
        let (from, to) = (self.from, self.to);
        let compared = segments(from.base.session()).and_then(|wanted| {
            self.blobs(&wanted)?;
            self.walk()?;
            writing(&*to.base, |session| {
                self.bring(session)?;
                self.compare(from.base.session(), session, repair, backed_up)?;
                self.stop_where_different()?;
                self.state.damaged = self.damaged;
                // a move that goes on in spite of damage does not copy that again in each of its passes
                if self.state.purpose == "backup" {
                    self.state.again.extend(&self.mend);
                }
                notice::put(session, self.kept_as, &self.state.text()?)
            })
        });
        from.base.rollback();
        compared.inspect_err(|fault| self.keep_for_next(fault, before))?;
        self.since.clear();
        Ok(())
    }

    /// Whoever tries again, after a comparison that failed, begins with what was found damaged. `known` is what the target holds.
    fn keep_for_next(&self, fault: &Fault, mut known: State) {
        if fault.code != DIFFERS || self.mend.is_empty() {
            return;
        }
        known.again.clone_from(&self.state.again);
        known.again.extend(&self.mend);
        let kept = known
            .text()
            .and_then(|text| writing(&*self.to.base, |session| notice::put(session, self.kept_as, &text)));
        if let Err(fault) = kept {
            tracing::warn!(%fault, "what was found damaged could not be noted in the target");
        }
    }

    /// Compares all rows; blobs are looked for where the version is later than `backed_up`.
    pub fn compare(
        &mut self,
        from: &dyn Session,
        to: &dyn Session,
        repair: Repair,
        backed_up: Option<i64>,
    ) -> Result<(), Fault> {
        let (mark, walked, progress) = (self.state.mark, &self.walked, &mut self.options.progress);
        let (mut done, all) = (0, mark.vid.unsigned_abs());
        let mut lost = Vec::new();
        let mut comparison = Comparison { from, to, repair, repaired: 0, different: Vec::new() };
        let mut named = |vid: i64, blob: Option<lenticular_store::BlobRef>| {
            if backed_up.is_none_or(|known| vid > known) && !blob.is_some_and(|blob| walked.holds(&blob)) {
                lost.push((vid, blob.map(|blob| blob.segment)));
            }
            Ok(())
        };
        let sums = comparison.all(mark, &mut named, &mut |some| {
            done += some;
            progress(Progress { phase: Phase::Comparison, done, all });
        })?;
        let Comparison { repaired, different, .. } = comparison;
        self.report.tables = sums.into_iter().map(|(name, sum)| (name.to_owned(), sum)).collect();
        self.take_in(repaired, different, lost);
        Ok(())
    }

    /// `lost` are versions whose blobs were not found whole, with the containers of these.
    fn take_in(&mut self, repaired: u64, different: Vec<String>, lost: Vec<(i64, Option<i64>)>) {
        self.report.repaired += repaired;
        (self.report.position, self.report.versions) = (self.state.mark.position, self.state.mark.vid);
        for range in different {
            self.finding(format!("different: {range}"));
        }
        for (vid, container) in lost {
            self.damaged = true;
            self.mend.extend(container);
            self.finding(format!("version {vid}: its blob is not there whole"));
        }
    }

    pub fn stop_where_different(&self) -> Result<(), Fault> {
        let wrong = match self.options.despite_damage {
            true => self.report.findings.iter().any(|finding| finding.starts_with("different")),
            false => !self.report.findings.is_empty(),
        };
        if !wrong {
            return Ok(());
        }
        let words = format!(
            "{} is not what {} is: {}. Nothing was changed in the source. `lenticular verify` says whether it is whole.",
            self.to.name,
            self.from.name,
            self.report.findings.iter().take(3).cloned().collect::<Vec<_>>().join("; ")
        );
        Err(Fault::new(FaultKind::Corrupt, DIFFERS, words))
    }

    /// Copies audit entries.
    pub fn audits(&mut self) -> Result<u64, Fault> {
        chronicle::copy(&*self.from.audits, &*self.to.audits, &mut self.entries)
    }

    /// Hashes the audit entries of both sides, as far as the target has them.
    pub fn compare_audits(&mut self) -> Result<(), Fault> {
        let held = chronicle::sum(&*self.to.audits, None)?;
        let limits = (!self.entries.is_empty()).then_some(&self.entries);
        if chronicle::sum(&*self.from.audits, limits)? != held {
            self.finding("different: audit entries".into());
        }
        self.report.audit = held;
        Ok(())
    }

    /// The source takes no commits for the next minute.
    fn hold(&self) -> Result<(), Fault> {
        let base = &*self.from.base;
        writing(base, |session| {
            let until = base.now()?.plus(HOLD);
            notice::put(session, MOVING, &notice::moving(until, &self.to.name))
        })
    }

    /// The seconds without commits, at the end of which the source says where the network is.
    pub fn turn(&mut self) -> Result<(), Fault> {
        if reading(&*self.from.base, |session| notice::read(session, MOVED))?.is_some() {
            // an earlier run was ended behind the turn
            self.last_changes()?;
            return self.last_entries();
        }
        let held = Instant::now();
        let turned = self.turn_held();
        if turned.is_err() {
            // whoever asked may try again; the source goes on at once
            let _ = writing(&*self.from.base, |session| notice::remove(session, MOVING));
        }
        self.report.read_only_ms = millis(held);
        turned?;
        self.last_entries()
    }

    fn turn_held(&mut self) -> Result<(), Fault> {
        for _ in 0..5 {
            self.hold()?;
            self.last_changes()?;
            self.hold()?;
            let (mark, place) = (self.state.mark, self.to.name.clone());
            let turned = writing(&*self.from.base, |session| {
                if Mark::newest(session)? != mark {
                    return Ok(false);
                }
                notice::put(session, MOVED, &place)?;
                notice::remove(session, MOVING)?;
                Ok(true)
            })?;
            if turned {
                return Ok(());
            }
        }
        Err(Fault::new(
            FaultKind::Busy,
            "not-still",
            "The source did not stand still: a program that does not know of moving writes to it. Nothing was changed there.",
        ))
    }

    /// Copies what changed since all was compared, and compares that.
    fn last_changes(&mut self) -> Result<(), Fault> {
        self.pass()?;
        self.walk()?;
        self.from.base.begin_reading()?;
        let to = self.to;
        let compared = reading(&*to.base, |session| {
            let (mark, walked, source) = (self.state.mark, &self.walked, self.from.base.session());
            let mut lost = Vec::new();
            let mut named = |vid: i64, blob: Option<lenticular_store::BlobRef>| {
                let whole = blob.is_some_and(|blob| walked.holds(&blob));
                lost.extend((!whole).then(|| (vid, blob.map(|blob| blob.segment))));
                Ok(())
            };
            let mut comparison = Comparison {
                from: source,
                to: session,
                repair: Repair::Nothing,
                repaired: 0,
                different: Vec::new(),
            };
            comparison.some(self.since.iter().copied(), self.report.position, mark, &mut named)?;
            let Comparison { different, .. } = comparison;
            self.take_in(0, different, lost);
            self.stop_where_different()
        });
        self.from.base.rollback();
        compared.inspect_err(|fault| self.keep_for_next(fault, self.state.clone()))
    }

    /// Audit entries of the reads that were under way when the network had moved.
    fn last_entries(&mut self) -> Result<(), Fault> {
        let mut quiet = 0;
        for _ in 0..20 {
            quiet = if self.audits()? == 0 { quiet + 1 } else { 0 };
            if quiet == 3 {
                break;
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        self.compare_audits()
    }

    pub fn turn_into_backup(&mut self) -> Result<(), Fault> {
        let text = self.state.text()?;
        self.kept_as = BACKUP;
        writing(&*self.to.base, |session| {
            notice::remove(session, COPYING)?;
            notice::put(session, BACKUP, &text)
        })
    }

    /// The target is whole: it may be opened.
    pub fn finish(&mut self) -> Result<(), Fault> {
        self.stop_where_different()?;
        self.to.audits.draw_on()?;
        self.to.base.draw_on()?;
        writing(&*self.to.base, |session| notice::remove(session, COPYING))
    }
}

pub(super) fn fresh_network() -> Result<String, Fault> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Fault::internal(error.to_string()))?;
    Ok(hex(&bytes))
}

pub(super) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
