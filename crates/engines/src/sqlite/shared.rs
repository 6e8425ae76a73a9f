//! What readers and the writer know in common: the newest stamp, the grants, the members, and the records in memory.
//!
//! Another process may commit to the same folder. Its commits are noticed by the counter in the header of the write-ahead
//! log's index, which every commit of every process raises (sqlite.org/walformat.html §2.1, `iChange`): reading it is one
//! `pread`. While it is as we know it, what is in memory is true; else the log is asked.

use super::pool::Pool;
use super::{Db, fault};
use crate::engine::{OpenOptions, Stats};
use lenticular_base::{Fault, Kind, OrgNo};
use lenticular_policy::{Filter, Grant, Scope};
use lenticular_store::commit::{self, Touched};
use lenticular_store::{Record, Stamp, rows};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// No counter has this value: 32 bits are counted.
const UNKNOWN: u64 = u64::MAX;

/// Where the counter lies in the index of the write-ahead log.
const CHANGE_AT: u64 = 8;

/// Records larger than this are not kept in memory.
const CACHED_AT_MOST: usize = 256 << 10;

type Name = (Kind, String);
type Rows = Arc<Vec<Record>>;

#[derive(Clone)]
struct Weight;

impl Weighter<Name, Rows> for Weight {
    fn weight(&self, name: &Name, rows: &Rows) -> u64 {
        let body: usize = rows.iter().map(|row| row.body.len() + 300).sum();
        (name.1.len() + body + 100) as u64
    }
}

/// Grants in the order of their grantees, so that a scope asks those of its own grantee alone.
#[derive(Default)]
pub struct Grants {
    pub all: Arc<Vec<Grant>>,
    ranges: std::collections::HashMap<String, Range<usize>>,
}

impl Grants {
    fn new(all: Vec<Grant>) -> Grants {
        let mut ranges: std::collections::HashMap<String, Range<usize>> = std::collections::HashMap::new();
        for (at, grant) in all.iter().enumerate() {
            ranges.entry(grant.grantee.key()).and_modify(|range| range.end = at + 1).or_insert(at..at + 1);
        }
        Grants { all: Arc::new(all), ranges }
    }

    /// The grants that this scope can ask about.
    pub fn of(&self, scope: &Scope) -> &[Grant] {
        let mut keys = BTreeSet::new();
        grantees(scope.filter(), &mut keys);
        let mut keys = keys.into_iter();
        match (keys.next(), keys.next()) {
            (None, _) => &[],
            (Some(key), None) => {
                self.ranges.get(&key).and_then(|range| self.all.get(range.clone())).unwrap_or(&[])
            }
            _ => &self.all,
        }
    }
}

fn grantees(filter: &Filter, keys: &mut BTreeSet<String>) {
    match filter {
        Filter::Granted { grantee, .. } => drop(keys.insert(grantee.key())),
        Filter::And(parts) | Filter::Or(parts) => parts.iter().for_each(|part| grantees(part, keys)),
        _ => {}
    }
}

/// What is known of the newest position.
#[derive(Clone)]
pub struct Known {
    pub stamp: Stamp,
    pub grants: Arc<Grants>,
    pub orgs: Arc<Vec<OrgNo>>,
}

pub struct Shared {
    pub pool: Pool,
    path: PathBuf,
    known: RwLock<Known>,
    /// The counter up to which `known` and `records` are true.
    change: AtomicU64,
    /// Held by the writer around COMMIT, and by whoever catches up with another process.
    turning: Mutex<()>,
    records: Cache<Name, Rows, Weight>,
    /// Grows with every change of `known`; held while records come and go.
    generation: Mutex<u64>,
    hits: AtomicU64,
    misses: AtomicU64,
    /// Never closed: closing any descriptor of a file ends all locks that the process holds on it (POSIX fcntl), SQLite's too.
    index: Option<ManuallyDrop<File>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn open(path: &Path, options: &OpenOptions, connection: &Connection) -> Result<Shared, Fault> {
        let session = Db(connection);
        let stamp = commit::newest(&session)?;
        let mut index = path.as_os_str().to_owned();
        index.push("-shm");
        let known = Known { stamp, grants: Arc::default(), orgs: Arc::default() };
        let shared = Shared {
            pool: Pool::new(path, options.readers, options.reader_cache, options.mapped),
            path: path.to_owned(),
            known: RwLock::new(known),
            change: AtomicU64::new(UNKNOWN),
            turning: Mutex::new(()),
            records: Cache::with_weighter(20_000, options.record_cache, Weight),
            generation: Mutex::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            index: File::open(index).ok().map(ManuallyDrop::new),
        };
        shared.reload(connection, stamp)?;
        Ok(shared)
    }

    /// The counter now; `UNKNOWN` where it cannot be read, so that the log is asked each time.
    fn counter(&self) -> u64 {
        let mut bytes = [0; 4];
        match &self.index {
            Some(file) if file.read_exact_at(&mut bytes, CHANGE_AT).is_ok() => {
                u32::from_ne_bytes(bytes).into()
            }
            _ => UNKNOWN,
        }
    }

    /// Whether what is in memory is true now.
    pub fn is_fresh(&self) -> bool {
        let counter = self.counter();
        counter != UNKNOWN && counter == self.change.load(Ordering::Acquire)
    }

    /// What is known, after catching up with other processes.
    pub fn known(&self) -> Result<Known, Fault> {
        if !self.is_fresh() {
            let _turn = lock(&self.turning);
            if !self.is_fresh() {
                let lease = self.pool.take()?;
                let counter = self.counter();
                let newest = commit::newest(&Db(&lease))?;
                if newest != self.peek().stamp {
                    self.reload(&lease, newest)?;
                }
                self.change.store(counter, Ordering::Release);
            }
        }
        Ok(self.peek())
    }

    /// What is known without asking.
    pub fn peek(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The writer has the lock of the database: nobody else commits until it is done. Catches up first.
    ///
    /// Gives the stamp to go on from, and the counter.
    pub fn begin(&self, connection: &Connection) -> Result<(Stamp, u64), Fault> {
        let counter = self.counter();
        let newest = commit::newest(&Db(connection))?;
        if newest == self.peek().stamp {
            return Ok((newest, counter));
        }
        let _turn = lock(&self.turning);
        self.reload(connection, newest)?;
        self.change.store(counter, Ordering::Release);
        Ok((newest, counter))
    }

    /// Commits, and takes over what was touched before anybody else may look.
    pub fn commit(
        &self,
        connection: &Connection,
        counter: u64,
        stamp: Stamp,
        touched: &Touched,
    ) -> Result<(), Fault> {
        let grants =
            if touched.grants { Some(Arc::new(Grants::new(rows::grants(&Db(connection))?))) } else { None };
        let _turn = lock(&self.turning);
        connection.execute_batch("COMMIT").map_err(fault)?;
        let mut generation = lock(&self.generation);
        *generation += 1;
        for (kind, id) in &touched.names {
            self.records.remove(&(*kind, id.clone()));
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.stamp = stamp;
        if let Some(grants) = grants {
            known.grants = grants;
        }
        if touched.orgs.iter().any(|org| known.orgs.binary_search(org).is_err()) {
            let mut orgs: BTreeSet<OrgNo> = known.orgs.iter().copied().collect();
            orgs.extend(&touched.orgs);
            known.orgs = Arc::new(orgs.into_iter().collect());
        }
        drop(known);
        // one commit raises the counter by one; where another process was quicker, the next reader sees that it differs
        if counter != UNKNOWN {
            self.change.store(u64::from((counter as u32).wrapping_add(1)), Ordering::Release);
        }
        Ok(())
    }

    fn reload(&self, connection: &Connection, stamp: Stamp) -> Result<(), Fault> {
        let session = Db(connection);
        let grants = Arc::new(Grants::new(rows::grants(&session)?));
        let orgs = Arc::new(rows::orgs(&session)?);
        let mut generation = lock(&self.generation);
        *generation += 1;
        self.records.clear();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known { stamp, grants, orgs };
        Ok(())
    }

    /// The rows of a name from memory, of every member.
    pub fn remembered(&self, kind: Kind, id: &str) -> Option<Rows> {
        let found = self.records.get(&(kind, id.to_owned()));
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// The generation before a read whose rows are to be remembered.
    pub fn generation(&self) -> u64 {
        *lock(&self.generation)
    }

    /// Remembers rows read since `generation`, unless something was committed meanwhile.
    pub fn remember(&self, generation: u64, kind: Kind, id: &str, rows: &Rows) {
        let fits = !rows.is_empty() && rows.iter().all(|row| row.body.len() <= CACHED_AT_MOST);
        let now = lock(&self.generation);
        if fits && *now == generation {
            self.records.insert((kind, id.to_owned()), rows.clone());
        }
    }

    pub fn stats(&self) -> Stats {
        let size = |suffix: &str| {
            let mut path = self.path.as_os_str().to_owned();
            path.push(suffix);
            std::fs::metadata(path).map_or(0, |file| file.len())
        };
        let vid = self.pool.take().and_then(|lease| commit::last_vid(&Db(&lease)));
        Stats {
            position: self.peek().stamp.position.0,
            versions: vid.map_or(0, |vid| vid.0),
            database_bytes: size(""),
            wal_bytes: size("-wal"),
            cache_hits: self.hits.load(Ordering::Relaxed),
            cache_misses: self.misses.load(Ordering::Relaxed),
            ..Stats::default()
        }
    }
}
