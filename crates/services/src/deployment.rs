//! The running deployment as its operators see it: what listens, where the data lie, which devices called. Set by whoever
//! wires the server; in memory alone.

use lenticular_base::Instant;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use utoipa::ToSchema;

/// Something that takes connections.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, ToSchema)]
pub struct Listener {
    /// `http`, `dimse`.
    pub name: String,
    /// Address and port, as bound.
    pub address: String,
    /// What callers have to know beside it, such as the AE title.
    pub detail: String,
}

/// What lies on the disk, in bytes.
#[derive(Clone, Copy, Serialize, PartialEq, Eq, Debug, Default, ToSchema)]
pub struct Space {
    /// Of the whole data folder.
    pub data_bytes: u64,
    /// Left on its file system for this process.
    pub free_bytes: u64,
    pub blobs_bytes: u64,
    pub database_bytes: u64,
}

/// Sets the level of the log, written as a filter such as `info` or `info,lenticular_services=debug`; or says why not.
pub type SetLogLevel = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// Measures the disk. May wait.
pub type MeasureSpace = Arc<dyn Fn() -> std::io::Result<Space> + Send + Sync>;

/// Measures the room that is left for the data, in bytes. May wait.
pub type MeasureRoom = Arc<dyn Fn() -> std::io::Result<u64> + Send + Sync>;

/// What only the process around the services knows and can do.
#[derive(Clone, Default)]
pub struct Surroundings {
    pub started: Option<Instant>,
    pub listeners: Vec<Listener>,
    /// The AE title of this server.
    pub ae_title: Option<String>,
    pub log_level: String,
    pub set_log_level: Option<SetLogLevel>,
    pub measure: Option<MeasureSpace>,
    pub free: Option<MeasureRoom>,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

/// When a device called last, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    pub at: Instant,
    /// `associated`, `stored`, `failed`, or `address`: it called from elsewhere than it is bound to.
    pub outcome: &'static str,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Deployment {
    surroundings: Mutex<Surroundings>,
    /// By AE title; only of those that are bound to a member.
    seen: Mutex<HashMap<String, Seen>>,
}

fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Deployment {
    pub fn surroundings(&self) -> Surroundings {
        open(&self.surroundings).clone()
    }

    pub fn change(&self, change: impl FnOnce(&mut Surroundings)) {
        change(&mut open(&self.surroundings));
    }

    pub fn saw(&self, ae: &str, at: Instant, outcome: &'static str) {
        let mut seen = open(&self.seen);
        match seen.get_mut(ae) {
            Some(known) => *known = Seen { at, outcome },
            None => {
                seen.insert(ae.to_owned(), Seen { at, outcome });
            }
        }
    }

    pub fn seen(&self, ae: &str) -> Option<Seen> {
        open(&self.seen).get(ae).cloned()
    }

    pub fn forget(&self, ae: &str) {
        open(&self.seen).remove(ae);
    }
}

impl crate::Services {
    /// What only the process around the services knows.
    pub fn surroundings(&self) -> Surroundings {
        self.deployment.surroundings()
    }

    /// Tells the services what only the process around them knows.
    pub fn surround(&self, change: impl FnOnce(&mut Surroundings)) {
        self.deployment.change(change);
    }
}
