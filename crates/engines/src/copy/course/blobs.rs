//! Blobs on their way: containers that the target lacks, and the walk that reads them there.

use super::super::base::{reading, writing};
use super::super::compare::segments;
use super::super::containers::{name, short};
use super::super::report::{Phase, Progress};
use super::Course;
use lenticular_base::Fault;
use lenticular_store::notice;
use lenticular_store::sql::{Bind, Session};
use std::collections::BTreeMap;
use std::ops::Range;

impl Course<'_, '_> {
    /// Copies what the target lacks of these containers.
    pub(super) fn blobs(&mut self, wanted: &BTreeMap<i64, u64>) -> Result<(), Fault> {
        let held = reading(&*self.to.base, segments)?;
        let mut lacking: Vec<(i64, u64, u64)> = Vec::new();
        for (no, length) in wanted {
            if self.state.again.contains(no) || !self.from.blobs.is_settled(*no)? {
                lacking.push((*no, 0, *length));
            } else if held.get(no).is_none_or(|held| held < length) {
                lacking.push((*no, held.get(no).copied().unwrap_or(0), *length));
            }
        }
        let all: u64 = lacking.iter().map(|(_, held, length)| length - held).sum();
        let mut done = 0;
        // only the database moves
        let stay = self.to.blobs.folder().is_some() && self.to.blobs.folder() == self.from.blobs.folder();
        let from = self.from;
        for (no, held, length) in lacking {
            if stay {
                writing(&*self.to.base, |session| note_segment(session, no, length, 0))?;
                continue;
            }
            from.blobs.hold_still(no, &mut |settled| {
                self.container(no, held..length, settled, &mut |more| {
                    done += more;
                    Progress { phase: Phase::Blobs, done, all }
                })
            })?;
        }
        Ok(())
    }

    /// Copies a part of a container, and notes that it is there; one that is not settled is copied whole once more later.
    fn container(
        &mut self,
        no: i64,
        part: Range<u64>,
        settled: bool,
        done: &mut dyn FnMut(u64) -> Progress,
    ) -> Result<(), Fault> {
        let there = self.from.blobs.length(no)?;
        if there.is_none_or(|there| there < part.end) {
            if !self.options.despite_damage {
                return Err(short(no, there.unwrap_or(0)));
            }
            self.damaged = true;
            self.finding(format!("{} of the source is missing or short", name(no)));
            return Ok(());
        }
        if part.start == 0 {
            self.walked_to.remove(&no);
            self.walked.forget(no);
        }
        let (from, progress) = (&self.from.blobs, &mut self.options.progress);
        self.to.blobs.put(no, part.start, part.end, &mut |at, wanted| {
            let bytes = from.read(no, at, wanted)?;
            progress(done(bytes.len() as u64));
            Ok(bytes)
        })?;
        self.report.copied_bytes += part.end - part.start;
        let mut next = self.state.clone();
        match settled {
            true => next.again.remove(&no),
            false => next.again.insert(no),
        };
        let state = self.to.blobs.state();
        writing(&*self.to.base, |session| {
            note_segment(session, no, part.end, state)?;
            if next.again != self.state.again {
                notice::put(session, self.kept_as, &next.text()?)?;
            }
            Ok(())
        })?;
        self.state = next;
        Ok(())
    }

    /// Reads every blob of the target that was not read yet.
    pub fn walk(&mut self) -> Result<(), Fault> {
        let held = reading(&*self.to.base, segments)?;
        let from = |course: &Self, no: i64| course.walked_to.get(&no).copied().unwrap_or(0);
        let all: u64 = held.iter().map(|(no, length)| length.saturating_sub(from(self, *no))).sum();
        let mut done = 0;
        for (no, length) in held {
            let start = from(self, no);
            if start < length {
                self.walked.walk(&*self.to.blobs, no, start, length)?;
                self.walked_to.insert(no, length);
                done += length - start;
                self.tell(Phase::Hashing, done, all);
            }
        }
        for (no, at) in std::mem::take(&mut self.walked.damaged) {
            self.damaged = true;
            self.mend.insert(no);
            self.finding(format!("{} at {at}: not the bytes that were stored", name(no)));
        }
        self.report.containers = self.walked_to.len() as u64;
        (self.report.blobs, self.report.blob_bytes) = (self.walked.blobs(), self.walked.bytes());
        Ok(())
    }
}

fn note_segment(session: &dyn Session, no: i64, length: u64, state: i64) -> Result<(), Fault> {
    let text = "INSERT INTO segment (no,length,state) VALUES ($1,$2,$3) \
                ON CONFLICT (no) DO UPDATE SET length=excluded.length,state=excluded.state";
    let length = i64::try_from(length).map_err(Fault::internal)?;
    session.execute(text, &[Bind::Int(no), Bind::Int(length), Bind::Int(state)]).map(drop)
}
