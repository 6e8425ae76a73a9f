//! Whose the prefix is: the object `network` holds the id of the one network that puts and removes objects there.

use super::objects::{Objects, TAKEN};
use super::packer::Tasks;
use bytes::Bytes;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::notice;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

const NAME: &str = "network";

/// How long a start waits for the answer. Where none comes by then, it is asked for again before anything is put there or removed.
pub const AT_START: Duration = Duration::from_secs(2);

/// Whether that was asked.
#[derive(Default)]
pub struct Claim(AtomicBool);

impl Claim {
    /// Makes sure that the prefix is this network's, and makes it so where it is nobody's. Asks once, for so long at most.
    ///
    /// # Errors
    /// `Conflict` where it is another network's; `Busy` where the store is away.
    pub fn check(&self, objects: &Objects, tasks: &Tasks, patience: Duration) -> Result<(), Fault> {
        if self.0.load(Ordering::Acquire) {
            return Ok(());
        }
        let (sender, found) = sync_channel(1);
        tasks.run(move |session, _| {
            let id = match notice::read(session, notice::NETWORK)? {
                Some(id) => id,
                None => {
                    let half = || RandomState::new().hash_one(0);
                    let id = format!("{:016x}{:016x}", half(), half());
                    notice::put(session, notice::NETWORK, &id)?;
                    id
                }
            };
            // the receiver waits below
            let _ = sender.send(id);
            Ok(0)
        })?;
        let id = found.recv().map_err(Fault::internal)?;
        match objects.put_if_absent_within(patience, NAME, vec![Bytes::from(id)]) {
            Err(fault) if fault.code == TAKEN => Err(Fault::new(
                FaultKind::Conflict,
                "objects-of-another",
                "Bucket and prefix of blobs.url belong to another network; nothing there was touched. Name a prefix of its own.",
            )),
            Err(fault) => Err(fault),
            Ok(()) => {
                self.0.store(true, Ordering::Release);
                Ok(())
            }
        }
    }
}
