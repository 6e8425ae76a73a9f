//! Where a network lies, opened for a copy.

use super::base::{Base, Lite};
use super::chronicle::{Chronicle, Frames};
use super::containers::{Containers, Files};
use super::pg::{self, Groups, Pg};
use super::stored::{Landing, Stored};
use crate::engine::{OpenOptions, make_folder};
use lenticular_base::{Fault, FaultKind};
use lenticular_store::notice;

/// A place, and how it is called where people read it: without passwords.
#[derive(Clone)]
pub struct Place {
    pub options: OpenOptions,
    pub name: String,
}

/// A place that is open.
pub struct End {
    pub base: Box<dyn Base>,
    pub blobs: Box<dyn Containers>,
    pub audits: Box<dyn Chronicle>,
    pub name: String,
}

impl Place {
    /// Opens what is there.
    ///
    /// # Errors
    /// `NotFound` where nothing is; what opening an engine fails with.
    pub fn open(&self) -> Result<End, Fault> {
        if self.options.database.is_none() && !self.options.data.join("lenticular.db").is_file() {
            let words = format!("There is no network in {}.", self.name);
            return Err(Fault::new(FaultKind::NotFound, "no-network", words));
        }
        self.open_or_make()
    }

    /// Opens what is there, or makes an empty one.
    ///
    /// # Errors
    /// What opening an engine fails with; `Conflict` where its tables have more than this program knows.
    pub fn open_or_make(&self) -> Result<End, Fault> {
        let end = self.end()?;
        super::base::reading(&*end.base, notice::let_copy)?;
        Ok(end)
    }

    fn end(&self) -> Result<End, Fault> {
        let OpenOptions { data, clock, database, objects, .. } = &self.options;
        make_folder(data)?;
        let files = Files { folder: make_folder(&data.join("blobs"))? };
        if let Some(url) = database {
            let address = pg::address(url)?;
            let blobs: Box<dyn Containers> = match objects {
                Some(objects) => Box::new(Stored::open(objects, Landing::rows(&address)?)?),
                None => Box::new(files),
            };
            let base = Box::new(Pg::open(&address, clock())?);
            let audits = Box::new(Groups::open(&address)?);
            return Ok(End { base, blobs, audits, name: self.name.clone() });
        }
        let blobs: Box<dyn Containers> = match objects {
            Some(objects) => Box::new(Stored::open(objects, Landing::Files(files))?),
            None => Box::new(files),
        };
        let base = Box::new(Lite::open(&data.join("lenticular.db"), clock.clone())?);
        let audits = Box::new(Frames::new(make_folder(&data.join("audit"))?));
        Ok(End { base, blobs, audits, name: self.name.clone() })
    }
}
