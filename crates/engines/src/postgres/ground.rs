//! PostgreSQL as it is read: two pools of connections, and how memory is kept true while other nodes commit.
//!
//! Each read first makes sure that memory is true as of a moment after it began: the newest position is asked for, once for all reads
//! that wait ([`super::rounds`]). Reads of one request may share the answer.

use super::address::Address;
use super::clock::SharedClock;
use super::is_away;
use super::listener::Listener;
use super::pool::Pool;
use super::rounds::Rounds;
use super::wire::{Purpose, Wire};
use crate::faults::closing;
use crate::ground::{Ground, Sizes, Wall, Work};
use crate::memory::{Grants, Known, Memory};
use lenticular_base::{Fault, FaultKind, Instant, Kind, OrgNo};
use lenticular_store::commit;
use lenticular_store::dialect::Dialect;
use lenticular_store::notice;
use lenticular_store::sql::{Bind, Session, one_int};
use lenticular_store::{Freshening, Stamp, rows};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Steady};

/// Of so many names that other nodes changed each is forgotten by itself; of more, memory forgets all.
const NAMES: i64 = 10_000;

/// How long the newest position may take to be told.
const TOLD: Duration = Duration::from_secs(3);

/// A connection that fails later than this is not one that died long ago: asking again would only let readers wait longer.
const AT_ONCE: Duration = Duration::from_millis(500);

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

pub struct PgGround {
    reads: Pool,
    glances: Pool,
    memory: Memory,
    address: Arc<Address>,
    rounds: Arc<Rounds>,
    /// The connection that asks.
    asking: Mutex<Option<Wire>>,
    clock: SharedClock,
    listener: Mutex<Option<Listener>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PgGround {
    /// Knows everything as of now, and keeps at most `cache` bytes of records.
    pub fn open(
        address: Arc<Address>,
        wire: &Wire,
        readers: usize,
        cache: u64,
    ) -> Result<Arc<PgGround>, Fault> {
        let ground = PgGround {
            reads: Pool::new(address.clone(), Purpose::Read, readers),
            glances: Pool::new(address.clone(), Purpose::Upkeep, readers),
            memory: Memory::new(commit::newest(wire)?, cache),
            address,
            rounds: Arc::new(Rounds::new()),
            asking: Mutex::new(None),
            clock: SharedClock::default(),
            listener: Mutex::new(None),
        };
        // the statement is prepared by the first, so that the second is quick
        ground.newest(wire)?;
        ground.newest(wire)?;
        ground.in_snapshot(wire, |wire| ground.reload(wire))?;
        let rounds = ground.rounds.clone();
        let ground = Arc::new(ground);
        let asked = Arc::downgrade(&ground);
        std::thread::Builder::new()
            .name("fresh".into())
            .spawn(move || {
                rounds.run(|| asked.upgrade().map_or_else(|| Err(closing()), |ground| ground.ask()))
            })
            .map_err(Fault::internal)?;
        Ok(ground)
    }

    /// Hears from now on what other nodes commit, until it is closed.
    pub fn listen(self: &Arc<Self>) -> Result<(), Fault> {
        let listener = Listener::start(self.address.clone(), self)?;
        *lock(&self.listener) = Some(listener);
        Ok(())
    }

    fn in_snapshot<T>(&self, wire: &Wire, work: impl FnOnce(&Wire) -> Result<T, Fault>) -> Result<T, Fault> {
        wire.begin(SNAPSHOT);
        let result = work(wire);
        wire.finish();
        result
    }

    fn reload(&self, session: &dyn Session) -> Result<(), Fault> {
        let stamp = commit::newest(session)?;
        let grants = Arc::new(Grants::new(rows::grants(session)?));
        let orgs = Arc::new(rows::orgs(session)?);
        self.memory.replace(Known { stamp, grants, orgs });
        Ok(())
    }

    /// Learns what was committed since the position that memory knew before the session's state of the log, which is one throughout.
    pub(super) fn catch_up(&self, session: &dyn Session, known: Stamp) -> Result<(), Fault> {
        let stamp = commit::newest(session)?;
        if stamp == known {
            return Ok(());
        }
        // a server that took over may lack commits that were read here, and have others in their place
        let text = "SELECT 1 FROM log WHERE position=$1 AND time=$2";
        let binds = [Bind::Int(known.position.0), Bind::Int(known.time.0)];
        if known.position.0 > 0 && one_int(session, text, &binds)?.is_none() {
            tracing::error!(
                known = known.position.0,
                newest = stamp.position.0,
                "the database has lost commits; it was probably restored, or failed over to a server that lagged behind"
            );
            return self.reload(session);
        }
        let mut names: Vec<(Kind, String)> = Vec::new();
        let mut orgs: Vec<OrgNo> = Vec::new();
        let text = "SELECT kind,id,org FROM record WHERE position>$1 ORDER BY position LIMIT $2";
        session.query(text, &[Bind::Int(known.position.0), Bind::Int(NAMES)], &mut |row| {
            names.push((rows::kind(row.int(0)?)?, row.text(1)?.unwrap_or_default().to_owned()));
            orgs.push(OrgNo(row.int(2)?));
            Ok(true)
        })?;
        if stamp.position <= known.position || names.len() as i64 == NAMES {
            return self.reload(session);
        }
        let text = "SELECT max(position) FROM log WHERE position>$1 AND grants<>0";
        let changed = one_int(session, text, &[Bind::Int(known.position.0)])?.is_some();
        let grants = match changed {
            true => Some(Arc::new(Grants::new(rows::grants(session)?))),
            false => None,
        };
        self.memory.advance(stamp, &names, grants, orgs);
        Ok(())
    }

    /// Asks for the newest position, and catches up where it is another than the one known.
    fn ask(&self) -> Result<(), Fault> {
        let mut slot = lock(&self.asking);
        let (fresh, began) = (slot.is_none(), Steady::now());
        let result = self.ask_on(&mut slot);
        match result {
            // the connection may have died long ago
            Err(fault) if is_away(&fault) && !fresh && began.elapsed() < AT_ONCE => self.ask_on(&mut slot),
            result => result,
        }
    }

    fn ask_on(&self, slot: &mut Option<Wire>) -> Result<(), Fault> {
        let wire = match slot {
            Some(wire) if wire.is_idle() => wire,
            slot => {
                // reads must not be answered by a server that led before and does not know it is over
                self.address.renew();
                let wire = Wire::connect(&self.address, Purpose::Upkeep)?;
                wire.set_limit(TOLD);
                slot.insert(wire)
            }
        };
        // before the question: what this node commits meanwhile is no step back
        let known = self.memory.peek().stamp;
        let newest = self.newest(wire)?;
        if newest == known {
            return Ok(());
        }
        self.in_snapshot(wire, |wire| self.catch_up(wire, known))
    }

    /// The newest commit; keeps what time the database says it is.
    fn newest(&self, session: &dyn Session) -> Result<Stamp, Fault> {
        let asked = Steady::now();
        let (newest, now) = notice::newest_to_read(session, Dialect::Postgres)?;
        if let Some(now) = now {
            self.clock.tell(now, asked, Steady::now());
        }
        Ok(newest)
    }

    /// The same as [`Ground::refresh`], where nobody waits for it: a failure refuses no reader.
    pub(super) fn refresh_behind(&self) -> Result<(), Fault> {
        self.rounds.wait_behind()
    }

    /// The stamp that memory knows.
    pub(super) fn stamp(&self) -> Stamp {
        self.memory.peek().stamp
    }
}

impl Ground for PgGround {
    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn is_fresh(&self, since: Steady) -> bool {
        // only the database knows what other nodes commit
        self.rounds.reach(since)
    }

    fn freshen(&self, since: Steady) -> Option<Freshening> {
        (!self.rounds.reach(since)).then(|| self.rounds.next())
    }

    fn refresh(&self) -> Result<(), Fault> {
        self.rounds.wait()
    }

    /// The listener tells; what it misses while its connection is made anew is asked for.
    fn unheard(&self) -> Duration {
        Duration::from_secs(3)
    }

    fn now(&self) -> Option<Instant> {
        self.clock.now(Steady::now())
    }

    fn read(&self, wall: Wall<'_>, work: Work<'_>) -> Result<(), Fault> {
        let orgs = match wall {
            Wall::Open => "*".to_owned(),
            Wall::Members(orgs) => {
                let numbers: Vec<String> = orgs.iter().map(|org| org.0.to_string()).collect();
                numbers.join(",")
            }
        };
        self.reads.read(&orgs, |wire| work(wire))
    }

    fn glance(&self, work: Work<'_>) -> Result<(), Fault> {
        self.glances.run(|wire| work(wire))
    }

    /// A server that follows another one answers reads and takes no commit.
    fn ready(&self) -> Result<(), Fault> {
        crate::ground::glance(self, notice::let_work)?;
        crate::ground::glance(self, notice::let_read)?;
        let text = "SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END::bigint";
        if crate::ground::glance(self, |session| one_int(session, text, &[]))? == Some(0) {
            return Ok(());
        }
        let words = "The database follows another one and takes no commit. Nothing is lost; the address has to lead to the leader.";
        Err(Fault::new(FaultKind::Busy, "database-follows", words))
    }

    fn sizes(&self) -> Sizes {
        let mut sizes = Sizes::default();
        let asked = self.glances.run(|wire| {
            let text = "SELECT pg_database_size(current_database())";
            Ok(one_int(wire, text, &[])?.unwrap_or(0))
        });
        // what cannot be asked counts nothing
        sizes.database_bytes = asked.unwrap_or(0).unsigned_abs();
        sizes
    }

    fn close(&self) {
        drop(lock(&self.listener).take());
        self.reads.close();
        self.glances.close();
        self.rounds.close();
        lock(&self.asking).take();
    }
}

impl Drop for PgGround {
    fn drop(&mut self) {
        self.rounds.close();
    }
}
