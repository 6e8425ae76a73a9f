//! Blobs in an object store that speaks S3, as immutable objects that are byte for byte the files of the embedded engine.
//!
//! Blobs never go there one by one: they land first, where a commit makes them durable, and closed segments are packed into objects
//! behind ([`files`]). An object is put once, under a number that is never given again, and compared when it is read.

mod claim;
#[cfg(test)]
pub mod faulty;
pub mod fetch;
pub mod files;
#[cfg(test)]
pub mod keeping;
pub mod landing;
pub mod objects;
mod pack;
pub mod packer;
pub mod place;
pub mod rows;
#[cfg(test)]
mod scenes;
#[cfg(test)]
pub mod shared;
pub mod spans;
pub mod spool;
pub mod table;
pub mod walk;

use crate::engine::ObjectPlace;
use crate::files::blobs::{Limits, SegmentFiles};
use crate::ground::Ground;
use fetch::Fetch;
use files::LandedInFiles;
use lenticular_base::Fault;
use object_store::ObjectStore;
use object_store::path::Path;
use objects::{Objects, Patience};
use rows::LandedInRows;
use std::sync::Arc;
use std::time::Duration;

/// When segments are closed and taken to the object store, and what is kept in memory of what was read there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Bytes after which a segment is closed.
    pub segment_size: u64,
    /// Time after which it is.
    pub segment_age: Duration,
    /// The rest between two rounds of the packer.
    pub pack_every: Duration,
    /// How long the packer's lease lasts where it is not renewed.
    pub lease: Duration,
    /// Bytes of blobs kept in memory.
    pub cached: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            segment_size: 64 << 20,
            segment_age: Duration::from_secs(600),
            pack_every: Duration::from_secs(15),
            lease: Duration::from_secs(300),
            cached: 64 << 20,
        }
    }
}

/// An object store, and how it is used.
pub(crate) struct Bucket {
    pub store: Arc<dyn ObjectStore>,
    pub prefix: Path,
    pub settings: Settings,
    pub patience: Patience,
}

impl Bucket {
    /// The one that settings and environment name. Nothing is asked yet: it may be away.
    pub fn of(place: &ObjectPlace) -> Result<Bucket, Fault> {
        let environment: Vec<(String, String)> = std::env::vars().collect();
        let (store, prefix) = place::client(place, &environment)?;
        Ok(Bucket { store, prefix, settings: Settings::default(), patience: Patience::default() })
    }

    /// When files that are its landing are left.
    pub fn limits(&self) -> Limits {
        Limits { size: self.settings.segment_size, age: Some(self.settings.segment_age) }
    }

    fn fetch(self) -> Result<(Fetch, Settings), Fault> {
        let objects = Objects::new(self.store, self.prefix, self.patience)?;
        Ok((Fetch::new(Arc::new(objects), self.settings.cached), self.settings))
    }

    /// Blobs that land in files.
    pub fn behind_files(self, files: SegmentFiles, ground: Arc<dyn Ground>) -> Result<LandedInFiles, Fault> {
        let (fetch, settings) = self.fetch()?;
        Ok(LandedInFiles::new(files, fetch, ground, &settings))
    }

    /// Blobs that land in the database. Large ones pass through a file in `folder` that has no name.
    pub fn behind_rows(
        self,
        folder: &std::path::Path,
        ground: Arc<dyn Ground>,
    ) -> Result<LandedInRows, Fault> {
        let (fetch, settings) = self.fetch()?;
        Ok(LandedInRows::new(folder, fetch, ground, settings))
    }
}
