//! A database that is read from, or written to, by one connection of its own.

use crate::sqlite::{self, Db, migrate};
use lenticular_base::{Fault, Instant};
use lenticular_store::sql::Session;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;

/// Bytes of pages that a connection keeps.
const CACHE: u64 = 32 << 20;

/// Reads the time.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// One connection.
pub trait Base {
    fn session(&self) -> &dyn Session;
    /// Begins reads of one moment.
    fn begin_reading(&self) -> Result<(), Fault>;
    /// Begins a transaction beside which nobody else commits.
    fn begin_writing(&self) -> Result<(), Fault>;
    fn commit(&self) -> Result<(), Fault>;
    /// Ends what is open, without a trace.
    fn rollback(&self);
    /// The time as commits know it.
    fn now(&self) -> Result<Instant, Fault>;
    /// Lets what draws numbers by itself go on behind what was copied.
    fn draw_on(&self) -> Result<(), Fault> {
        Ok(())
    }
}

/// Runs `work` in one snapshot.
pub fn reading<T>(base: &dyn Base, work: impl FnOnce(&dyn Session) -> Result<T, Fault>) -> Result<T, Fault> {
    base.begin_reading()?;
    let result = work(base.session());
    base.rollback();
    result
}

/// Runs `work` in one transaction, and commits where it succeeds.
pub fn writing<T>(base: &dyn Base, work: impl FnOnce(&dyn Session) -> Result<T, Fault>) -> Result<T, Fault> {
    base.begin_writing()?;
    let result = work(base.session()).and_then(|value| base.commit().map(|()| value));
    base.rollback();
    result
}

/// SQLite in a data folder.
pub struct Lite {
    db: Db<Connection>,
    clock: Clock,
}

impl Lite {
    /// Opens the database file, making or migrating its tables first.
    pub fn open(path: &Path, clock: Clock) -> Result<Lite, Fault> {
        let connection = sqlite::connect(path, CACHE, 0, false)?;
        migrate::run(&connection, &clock)?;
        Ok(Lite { db: Db(connection), clock })
    }

    fn run(&self, text: &str) -> Result<(), Fault> {
        self.db.0.execute_batch(text).map_err(sqlite::fault)
    }
}

impl Base for Lite {
    fn session(&self) -> &dyn Session {
        &self.db
    }

    fn begin_reading(&self) -> Result<(), Fault> {
        self.run("BEGIN")?;
        // a snapshot begins with the first read, not with BEGIN
        lenticular_store::commit::newest(&self.db).map(drop)
    }

    fn begin_writing(&self) -> Result<(), Fault> {
        self.run("BEGIN IMMEDIATE")
    }

    fn commit(&self) -> Result<(), Fault> {
        self.run("COMMIT")
    }

    fn rollback(&self) {
        if !self.db.0.is_autocommit()
            && let Err(fault) = self.run("ROLLBACK")
        {
            tracing::error!(%fault, "a transaction could not be rolled back");
        }
    }

    fn now(&self) -> Result<Instant, Fault> {
        Ok((self.clock)())
    }
}
