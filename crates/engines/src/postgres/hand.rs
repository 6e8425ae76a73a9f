//! The writer's connection: its transactions stand in line with those of other nodes behind one lock, so that positions have
//! no gap and come in order.

use super::address::Address;
use super::ground::PgGround;
use super::is_away;
use super::migrate::LOG_LOCK;
use super::statistics::Statistics;
use super::wire::{Purpose, Wire};
use crate::engine::Clock;
use crate::ground::{Begun, Ground, Hand};
use crate::memory::Grants;
use lenticular_base::{Fault, FaultKind, Instant, Position, Vid};
use lenticular_store::commit::Touched;
use lenticular_store::schema;
use lenticular_store::sql::{Bind, Session, one_int};
use lenticular_store::{Stamp, rows};
use std::sync::Arc;
use std::time::Duration;

/// The channel on which each commit is told with its position.
pub const CHANNEL: &str = "lenticular_log";

/// How long, and how often, it is tried to learn whether a commit was kept whose answer was lost.
const ASK_FOR: Duration = Duration::from_secs(25);
const ASK_EVERY: Duration = Duration::from_millis(250);

/// Nothing but a record in the database's log: its COMMIT is answered once whatever went before it is where commits are
/// promised to be, be it a standby too.
const MARK: &str = "SELECT pg_logical_emit_message(true,'lenticular','kept')::text";

const LOCK: &str = "SELECT pg_advisory_xact_lock($1)";

/// The newest commit, the newest version, the time, the number of this transaction, and whether there are notices, or tables that
/// this program does not know.
const WHERE_WE_ARE: &str = "SELECT l.position,l.time,(SELECT max(vid) FROM record),\
    (extract(epoch FROM clock_timestamp())*1000)::bigint,pg_current_xact_id()::text,\
    (SELECT count(*) FROM notice WHERE name<>'network')+(SELECT count(*) FROM migration WHERE number>$1 AND additive=0) \
    FROM (SELECT 1) one LEFT JOIN (SELECT position,time FROM log ORDER BY position DESC LIMIT 1) l ON true";

pub struct PgHand {
    address: Arc<Address>,
    ground: Arc<PgGround>,
    /// Dates commits instead of the database's clock.
    clock: Option<Clock>,
    wire: Wire,
    /// The number of the open transaction.
    transaction: String,
    /// The newest version when it began.
    versions: i64,
    /// Nothing was said on this connection yet, and there was another one before.
    anew: bool,
    statistics: Statistics,
}

impl PgHand {
    /// The writer's hand; `clock` where commits are not dated by the database.
    pub fn new(address: Arc<Address>, ground: Arc<PgGround>, clock: Option<Clock>) -> Result<PgHand, Fault> {
        let wire = Wire::connect(&address, Purpose::Write)?;
        let statistics = Statistics::open(address.clone(), &wire)?;
        let (transaction, versions, anew) = (String::new(), 0, false);
        Ok(PgHand { address, ground, clock, wire, transaction, versions, anew, statistics })
    }

    fn connect(&mut self) -> Result<(), Fault> {
        self.wire = Wire::connect(&self.address, Purpose::Write)?;
        self.anew = true;
        Ok(())
    }

    fn enter(&mut self) -> Result<Begun, Fault> {
        let wire = &self.wire;
        wire.begin("BEGIN ISOLATION LEVEL READ COMMITTED");
        // the next statement takes its snapshot once the lock is ours
        wire.send(LOCK, &[Bind::Int(LOG_LOCK)])?;
        let mut begun = Begun {
            last: Stamp { position: Position(0), time: Instant(i64::MIN) },
            vid: Vid(0),
            now: Instant(0),
            noticed: false,
            anew: false,
        };
        let transaction = &mut self.transaction;
        wire.query(WHERE_WE_ARE, &[Bind::Int(schema::NEWEST)], &mut |row| {
            begun.last = Stamp {
                position: Position(row.int(0)?),
                time: Instant(row.maybe_int(1)?.unwrap_or(i64::MIN)),
            };
            begun.vid = Vid(row.int(2)?);
            begun.now = Instant(row.int(3)?);
            begun.noticed = row.int(5)? > 0;
            *transaction = row.text(4)?.unwrap_or_default().to_owned();
            Ok(false)
        })?;
        self.versions = begun.vid.0;
        if let Some(clock) = &self.clock {
            begun.now = clock();
        }
        let known = self.ground.stamp();
        if begun.last != known {
            self.ground.catch_up(wire, known)?;
        }
        begun.anew = std::mem::take(&mut self.anew);
        Ok(begun)
    }

    /// The answer to COMMIT was lost. Once the lock is ours again, that transaction has ended, one way or the other.
    fn was_kept(&mut self, stamp: Stamp) -> Result<bool, Fault> {
        let until = std::time::Instant::now() + ASK_FOR;
        loop {
            match self.ask_whether_kept(stamp) {
                Err(fault) if is_away(&fault) && std::time::Instant::now() < until => {
                    tracing::warn!(%fault, position = stamp.position.0, "whether a commit was kept is not known yet");
                    std::thread::sleep(ASK_EVERY);
                }
                result => return result,
            }
        }
    }

    fn ask_whether_kept(&mut self, stamp: Stamp) -> Result<bool, Fault> {
        self.connect()?;
        let wire = &self.wire;
        wire.begin("BEGIN ISOLATION LEVEL READ COMMITTED");
        wire.send(LOCK, &[Bind::Int(LOG_LOCK)])?;
        // after a failover the number may be another transaction's, or of the future: then the log does not have our line
        let text = "SELECT 1 FROM log WHERE position=$1 AND time=$2";
        let stands = one_int(wire, text, &[Bind::Int(stamp.position.0), Bind::Int(stamp.time.0)])?.is_some();
        let kept = stands && {
            let text = "SELECT CASE pg_xact_status($1::text::xid8) WHEN 'committed' THEN 1 ELSE 0 END";
            one_int(wire, text, &[Bind::Text(&self.transaction)])? == Some(1)
        };
        if kept {
            // what a server shows after its own crash its standby may not have yet
            wire.query(MARK, &[], &mut |_| Ok(false))?;
            wire.commit()?;
        }
        wire.rollback();
        Ok(kept)
    }
}

/// It could not be learnt whether a group was kept.
fn unknown(cause: Fault) -> Fault {
    Fault::new(
        // not Busy: nobody should try again without looking
        FaultKind::Internal,
        "database-unknown",
        "The database went away while it committed: this request may have been kept, or not. Look before trying again.",
    )
    .caused_by(cause.to_string())
}

impl Hand for PgHand {
    fn begin(&mut self) -> Result<Begun, Fault> {
        if self.wire.is_idle() {
            match self.enter() {
                Err(fault) if is_away(&fault) => {
                    tracing::info!(%fault, "the writer connects anew");
                    self.address.renew();
                }
                result => return result,
            }
        }
        self.connect()?;
        self.enter()
    }

    fn session(&self) -> &dyn Session {
        &self.wire
    }

    fn commit_group(&mut self, stamp: Stamp, touched: &Touched) -> Result<(), Fault> {
        let grants = match touched.grants {
            true => Some(Arc::new(Grants::new(rows::grants(&self.wire)?))),
            false => None,
        };
        self.wire.send(
            "SELECT pg_notify($1,$2)",
            &[Bind::Text(CHANNEL), Bind::Text(&stamp.position.0.to_string())],
        )?;
        // where the connection is lost on the way, COMMIT may have arrived, though not all answers before it
        if let Err(fault) = self.wire.commit() {
            match self.was_kept(stamp) {
                Ok(true) => {
                    tracing::info!(position = stamp.position.0, "a commit was kept whose answer was lost");
                }
                Ok(false) => return Err(fault),
                Err(asked) => return Err(unknown(asked)),
            }
        }
        self.ground.memory().advance(stamp, &touched.names, grants, touched.orgs.iter().copied());
        self.statistics.at(self.versions);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Fault> {
        self.wire.commit().map_err(|fault| if is_away(&fault) { unknown(fault) } else { fault })
    }

    fn rollback(&mut self) {
        self.wire.rollback();
    }

    fn rest(&mut self) {}
}
