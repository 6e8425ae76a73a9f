//! What an open store knows without asking its database: the newest stamp, the grants, the members, and records read lately.

use lenticular_base::{Kind, OrgNo, Position};
use lenticular_policy::{Filter, Grant, Scope};
use lenticular_store::{Record, Stamp};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

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
    ranges: HashMap<String, Range<usize>>,
}

impl Grants {
    /// `all` comes ordered by grantee, as [`lenticular_store::rows::grants`] reads them.
    pub fn new(all: Vec<Grant>) -> Grants {
        let mut ranges: HashMap<String, Range<usize>> = HashMap::new();
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

/// True as of `Known::stamp`; whoever owns it says whether that is the newest.
pub struct Memory {
    known: RwLock<Known>,
    records: Cache<Name, Rows, Weight>,
    /// Grows with every change of `known`; held while records come and go.
    generation: Mutex<u64>,
    /// Rung with each of them.
    turned: Condvar,
    hits: AtomicU64,
    misses: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// Knows the stamp alone, and keeps at most `bytes` of records.
    pub fn new(stamp: Stamp, bytes: u64) -> Memory {
        Memory {
            known: RwLock::new(Known { stamp, grants: Arc::default(), orgs: Arc::default() }),
            records: Cache::with_weighter(20_000, bytes, Weight),
            generation: Mutex::new(0),
            turned: Condvar::new(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// What is known without asking.
    pub fn peek(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on to a newer stamp at which these names have other rows, these grants are all (`None`: as before), and
    /// these members have rows, besides those known. A stamp that is not newer changes names alone.
    pub fn advance<'a>(
        &self,
        stamp: Stamp,
        names: impl IntoIterator<Item = &'a (Kind, String)>,
        grants: Option<Arc<Grants>>,
        orgs: impl IntoIterator<Item = OrgNo>,
    ) {
        let mut generation = lock(&self.generation);
        *generation += 1;
        for name in names {
            self.records.remove(name);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if stamp.position > known.stamp.position {
            known.stamp = stamp;
            if let Some(grants) = grants {
                known.grants = grants;
            }
        }
        let fresh: Vec<OrgNo> =
            orgs.into_iter().filter(|org| known.orgs.binary_search(org).is_err()).collect();
        if !fresh.is_empty() {
            let mut orgs: BTreeSet<OrgNo> = known.orgs.iter().copied().collect();
            orgs.extend(fresh);
            known.orgs = Arc::new(orgs.into_iter().collect());
        }
        self.turned.notify_all();
    }

    /// Forgets every record and knows this instead.
    pub fn replace(&self, known: Known) {
        let mut generation = lock(&self.generation);
        *generation += 1;
        self.records.clear();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        self.turned.notify_all();
    }

    /// The newest position that is known.
    pub fn position(&self) -> Position {
        self.known.read().unwrap_or_else(PoisonError::into_inner).stamp.position
    }

    /// Waits until another position than this one is known, at most so long.
    pub fn wait(&self, known: Position, at_most: Duration) {
        let generation = lock(&self.generation);
        // only who holds the lock changes what is known
        let waiting = self.turned.wait_timeout_while(generation, at_most, |_| self.position() == known);
        drop(waiting.unwrap_or_else(PoisonError::into_inner));
    }

    /// The rows of a name, of every member.
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

    /// Reads by name answered from here, and not, since the start.
    pub fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }
}
