//! Long work and how far it is: a short list in memory, for the system screen and whoever waits. What is in it is gone with
//! the process; the work itself can be begun again.

use crate::Services;
use lenticular_base::{Fault, FaultKind, Instant, OrgNo};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use utoipa::ToSchema;

/// Where a piece of work stands.
#[derive(Clone, Copy, Serialize, PartialEq, Eq, Debug, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    Queued,
    Running,
    Done,
    Failed,
}

/// One piece of long work.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, ToSchema)]
pub struct Job {
    pub id: String,
    /// What kind of work: `sample`, …
    pub kind: &'static str,
    pub state: JobState,
    /// Of `total` steps; a total of 0 is not known yet.
    pub done: u64,
    pub total: u64,
    /// What is done at the moment, or why it failed: words, never anything about a patient.
    pub message: String,
    /// FHIR instants.
    pub started: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The member it is for; its administrators see it.
    #[serde(skip)]
    pub org: OrgNo,
}

/// So many are kept; the oldest that ended go first.
const KEPT: usize = 100;
/// So many may be under way at one time.
const AT_ONCE: usize = 16;

/// The list.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<VecDeque<Job>>);

impl Jobs {
    fn list(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, job: Job) -> Result<(), Fault> {
        let mut list = self.list();
        if list.iter().filter(|job| job.ended.is_none()).count() >= AT_ONCE {
            let words = "So much work is under way already; try again when some of it is done.";
            return Err(Fault::new(FaultKind::Busy, "jobs", words));
        }
        if list.iter().any(|known| known.ended.is_none() && (known.kind, known.org) == (job.kind, job.org)) {
            return Err(Fault::new(FaultKind::Conflict, "job", "This work is under way already."));
        }
        if list.len() >= KEPT
            && let Some(oldest) = list.iter().position(|job| job.ended.is_some())
        {
            list.remove(oldest);
        }
        list.push_back(job);
        Ok(())
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Job)) {
        if let Some(job) = self.list().iter_mut().find(|job| job.id == id) {
            change(job);
        }
    }
}

impl Services {
    /// Long work of this process, newest first. Each member's administrators see their own.
    pub fn jobs(&self) -> Vec<Job> {
        self.jobs.list().iter().rev().cloned().collect()
    }

    /// Puts a piece of work on the list, as queued.
    ///
    /// # Errors
    /// `Conflict` where the member has work of this kind under way; `Busy` where there is too much of any kind.
    pub fn begin_job(&self, kind: &'static str, org: OrgNo) -> Result<Progress, Fault> {
        let id = crate::fresh_id()?.as_str().to_owned();
        let job = Job {
            id: id.clone(),
            kind,
            state: JobState::Queued,
            done: 0,
            total: 0,
            message: String::new(),
            started: self.now().to_string(),
            ended: None,
            org,
        };
        self.jobs.begin(job)?;
        Ok(Progress(Arc::new(Handle { id, services: self.clone() })))
    }
}

/// Tells the list how a piece of work gets on. When the last clone is dropped without [`Progress::end`], it has failed.
#[derive(Clone)]
pub struct Progress(Arc<Handle>);

struct Handle {
    id: String,
    services: Services,
}

impl Progress {
    /// The job's id.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The work runs, has so many steps, and does this first.
    pub fn run(&self, total: u64, message: &str) {
        self.change(|job| {
            job.state = JobState::Running;
            (job.total, job.message) = (total, message.to_owned());
        });
    }

    /// One more step is done.
    pub fn step(&self) {
        self.change(|job| job.done = (job.done + 1).min(job.total));
    }

    /// The work is over.
    pub fn end(&self, outcome: &Result<(), Fault>) {
        self.0.end(match outcome {
            Ok(()) => (JobState::Done, None),
            Err(fault) => (JobState::Failed, Some(fault.public.clone())),
        });
    }

    fn change(&self, change: impl FnOnce(&mut Job)) {
        self.0.services.jobs.change(&self.0.id, change);
    }
}

impl Handle {
    fn end(&self, (state, why): (JobState, Option<String>)) {
        let now: Instant = self.services.now();
        self.services.jobs.change(&self.id, |job| {
            if job.ended.is_none() {
                (job.state, job.ended) = (state, Some(now.to_string()));
                job.message = why.unwrap_or_default();
            }
        });
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end((JobState::Failed, Some("The work ended early.".into())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: usize, org: i64, ended: bool) -> Job {
        Job {
            id: id.to_string(),
            kind: "sample",
            state: JobState::Queued,
            done: 0,
            total: 0,
            message: String::new(),
            started: String::new(),
            ended: ended.then(String::new),
            org: OrgNo(org),
        }
    }

    #[test]
    fn the_list_is_bounded_and_one_kind_runs_once_for_a_member() {
        let jobs = Jobs::default();
        for id in 0..500 {
            jobs.begin(job(id, 1, true)).unwrap();
        }
        assert_eq!(jobs.list().len(), KEPT);
        for org in 0..AT_ONCE {
            jobs.begin(job(1000 + org, org as i64, false)).unwrap();
        }
        assert_eq!(jobs.list().len(), KEPT);
        assert_eq!(jobs.begin(job(2000, 99, false)).unwrap_err().code, "jobs");
        jobs.change("1000", |job| job.ended = Some(String::new()));
        assert_eq!(jobs.begin(job(2001, 1, false)).unwrap_err().code, "job");
        jobs.begin(job(2002, 0, false)).unwrap();
    }
}
