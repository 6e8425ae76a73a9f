//! What imaging remembers between requests: pictures decoded of late, and whose views were audited of late.

use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use lenticular_base::{Fault, Instant};
use lenticular_codecs::Frame;
use lenticular_codecs::render::RenderOptions;
use lenticular_store::Record;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A decoded frame, and how its data set wants it shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub frame: Frame,
    pub options: RenderOptions,
}

/// The hash of the stored object, and the number of the frame.
type ShownKey = ([u8; 32], u32);

#[derive(Clone)]
struct Bytes;

impl Weighter<ShownKey, Arc<Shown>> for Bytes {
    fn weight(&self, _: &ShownKey, shown: &Arc<Shown>) -> u64 {
        shown.frame.pixels.len() as u64 + 1024
    }
}

/// Who looks at a study: member, agent, way, study.
type Viewing = (i64, String, &'static str, String);

/// Bytes of decoded frames that are kept.
const PICTURES: u64 = 64 << 20;
/// Frames of more bytes than these take their turn, so that memory stays bounded however many ask.
const LARGE: u64 = 16 << 20;
/// Viewings that are remembered; one that is forgotten is audited once more.
const VIEWINGS: usize = 10_000;
/// Frames of one study are one entry for each viewer and this long, in milliseconds.
const ONE_ENTRY: i64 = 10 * 60_000;

/// What imaging keeps in memory.
pub(crate) struct ImagingState {
    shown: Cache<ShownKey, Arc<Shown>, Bytes>,
    /// Of each owner whose images were seen: since when.
    viewings: Cache<Viewing, Vec<(i64, Instant)>>,
    large: Mutex<()>,
}

impl Default for ImagingState {
    fn default() -> ImagingState {
        ImagingState {
            shown: Cache::with_weighter(256, PICTURES, Bytes),
            viewings: Cache::new(VIEWINGS),
            large: Mutex::new(()),
        }
    }
}

impl ImagingState {
    pub fn shown(&self, blob: &[u8; 32], frame: u32) -> Option<Arc<Shown>> {
        self.shown.get(&(*blob, frame))
    }

    /// Large frames are decoded one after the other; `None` for those that are not.
    pub fn turn_of(&self, bytes: u64) -> Option<MutexGuard<'_, ()>> {
        (bytes > LARGE).then(|| self.large.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn keep(&self, blob: [u8; 32], frame: u32, shown: Arc<Shown>) {
        self.shown.insert((blob, frame), shown);
    }
}

impl Services {
    /// Records that somebody looks at frames of a study, once in ten minutes; returns when that is durable.
    pub(crate) async fn audit_viewing(
        &self,
        caller: &Caller,
        interaction: &str,
        study: &str,
        rows: &[Record],
    ) -> Result<(), Fault> {
        let now = self.now();
        let key = viewing(caller, study);
        let mut seen = self.imaging.viewings.get(&key).unwrap_or_default();
        seen.retain(|(_, since)| (0..ONE_ENTRY).contains(&(now.0 - since.0)));
        let known = seen.len();
        for row in rows {
            let owner = row.columns.org.0;
            if !seen.iter().any(|(org, _)| *org == owner) {
                seen.push((owner, now));
            }
        }
        let fresh = &seen[known..];
        if fresh.is_empty() {
            return Ok(());
        }
        let shown = rows.iter().filter(|row| fresh.iter().any(|(org, _)| *org == row.columns.org.0));
        let access = Access::of('R', interaction, "Study", study).showing(shown);
        self.record_access(caller, access, 0).await?;
        self.imaging.viewings.insert(key, seen);
        Ok(())
    }

    /// Whoever was refused begins a new viewing when the study is open again.
    pub(crate) fn end_viewing(&self, caller: &Caller, study: &str) {
        self.imaging.viewings.remove(&viewing(caller, study));
    }
}

fn viewing(caller: &Caller, study: &str) -> Viewing {
    (caller.principal.org.0, caller.principal.agent.clone(), caller.way, study.to_owned())
}
