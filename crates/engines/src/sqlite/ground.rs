//! SQLite as it is read: a pool of connections, and how its memory is kept true.
//!
//! Another process may commit to the same folder. Its commits are noticed by the counter in the header of the write-ahead
//! log's index, which every commit of every process raises (sqlite.org/walformat.html §2.1, `iChange`): reading it is one
//! `pread`. While it is as we know it, what is in memory is true; else the log is asked.

use super::Db;
use super::pool::Pool;
use crate::engine::OpenOptions;
use crate::ground::{Ground, Sizes, Wall, Work};
use crate::memory::{Grants, Known, Memory};
use lenticular_base::Fault;
use lenticular_store::commit;
use lenticular_store::dialect::Dialect;
use lenticular_store::notice;
use lenticular_store::{Stamp, rows};
use rusqlite::Connection;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Steady};

/// No counter has this value: 32 bits are counted.
pub(super) const UNKNOWN: u64 = u64::MAX;

/// Where the counter lies in the index of the write-ahead log.
const CHANGE_AT: u64 = 8;

pub struct SqliteGround {
    pub(super) pool: Pool,
    path: PathBuf,
    memory: Memory,
    /// The counter up to which `memory` is true.
    change: AtomicU64,
    /// Held by the writer around COMMIT, and by whoever catches up with another process.
    turning: Mutex<()>,
    /// Never closed: closing any descriptor of a file ends all locks that the process holds on it (POSIX fcntl), SQLite's too.
    index: Option<ManuallyDrop<File>>,
}

impl SqliteGround {
    pub fn open(path: &Path, options: &OpenOptions, connection: &Connection) -> Result<SqliteGround, Fault> {
        let stamp = commit::newest(&Db(connection))?;
        let mut index = path.as_os_str().to_owned();
        index.push("-shm");
        let ground = SqliteGround {
            pool: Pool::new(path, options.readers, options.reader_cache, options.mapped),
            path: path.to_owned(),
            memory: Memory::new(stamp, options.record_cache),
            change: AtomicU64::new(UNKNOWN),
            turning: Mutex::new(()),
            index: File::open(index).ok().map(ManuallyDrop::new),
        };
        ground.reload(connection, stamp)?;
        Ok(ground)
    }

    /// The counter now; `UNKNOWN` where it cannot be read, so that the log is asked each time.
    pub(super) fn counter(&self) -> u64 {
        let mut bytes = [0; 4];
        match &self.index {
            Some(file) if file.read_exact_at(&mut bytes, CHANGE_AT).is_ok() => {
                u32::from_ne_bytes(bytes).into()
            }
            _ => UNKNOWN,
        }
    }

    fn is_true_now(&self) -> bool {
        let counter = self.counter();
        counter != UNKNOWN && counter == self.change.load(Ordering::Acquire)
    }

    /// Memory is true up to this counter.
    pub(super) fn is_true_at(&self, counter: u64) {
        self.change.store(counter, Ordering::Release);
    }

    /// Nobody else catches up, and nobody looks whether memory is fresh, while this is held.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turning.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reload(&self, connection: &Connection, stamp: Stamp) -> Result<(), Fault> {
        let session = Db(connection);
        let grants = Arc::new(Grants::new(rows::grants(&session)?));
        let orgs = Arc::new(rows::orgs(&session)?);
        self.memory.replace(Known { stamp, grants, orgs });
        Ok(())
    }
}

impl Ground for SqliteGround {
    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn is_fresh(&self, _: Steady) -> bool {
        self.is_true_now()
    }

    fn refresh(&self) -> Result<(), Fault> {
        if self.is_true_now() {
            return Ok(());
        }
        let _turn = self.turn();
        if !self.is_true_now() {
            let lease = self.pool.take()?;
            let counter = self.counter();
            let (newest, _) = notice::newest_to_read(&Db(&*lease), Dialect::Sqlite)?;
            if newest != self.memory.peek().stamp {
                self.reload(&lease, newest)?;
            }
            self.is_true_at(counter);
        }
        Ok(())
    }

    /// Another process tells nobody: the counter says so, and reading it costs nothing.
    fn unheard(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn read(&self, _: Wall<'_>, work: Work<'_>) -> Result<(), Fault> {
        self.pool.read(|connection| work(&Db(connection)))
    }

    fn glance(&self, work: Work<'_>) -> Result<(), Fault> {
        work(&Db(&*self.pool.take()?))
    }

    fn ready(&self) -> Result<(), Fault> {
        crate::ready::reads(&self.path)?;
        crate::ready::has_room(&self.path)
    }

    fn sizes(&self) -> Sizes {
        let size = |suffix: &str| {
            let mut path = self.path.as_os_str().to_owned();
            path.push(suffix);
            std::fs::metadata(path).map_or(0, |file| file.len())
        };
        Sizes { database_bytes: size(""), wal_bytes: size("-wal") }
    }

    fn close(&self) {
        self.pool.close();
    }
}
