//! The writer's connection, and with it a thread that checkpoints ahead of it.

use super::ground::{SqliteGround, UNKNOWN};
use super::{Db, fault};
use crate::engine::Clock;
use crate::ground::{Begun, Ground, Hand};
use crate::memory::Grants;
use lenticular_base::Fault;
use lenticular_store::commit::{self, Touched};
use lenticular_store::sql::Session;
use lenticular_store::{Stamp, rows};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the checkpointer looks whether there was a commit.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);

pub struct SqliteHand {
    db: Db<Connection>,
    ground: Arc<SqliteGround>,
    clock: Clock,
    /// The counter of changes when the transaction began.
    counter: u64,
    /// Tells the checkpointer that there was a commit.
    dirty: Arc<AtomicBool>,
    /// Dropped, it lets the checkpointer end.
    stop: Option<Sender<()>>,
    checkpointer: Option<JoinHandle<()>>,
}

impl SqliteHand {
    pub fn new(connection: Connection, ground: Arc<SqliteGround>, clock: Clock) -> Result<SqliteHand, Fault> {
        let dirty = Arc::new(AtomicBool::new(false));
        let (stop, checkpointer) = start_checkpointer(ground.clone(), dirty.clone())?;
        Ok(SqliteHand {
            db: Db(connection),
            ground,
            clock,
            counter: UNKNOWN,
            dirty,
            stop: Some(stop),
            checkpointer: Some(checkpointer),
        })
    }

    fn finish(&self) -> Result<(), Fault> {
        self.db.0.execute_batch("COMMIT").map_err(fault)?;
        self.dirty.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Copies the write-ahead log into the database while the writer goes on, so that its own checkpoints are short.
fn start_checkpointer(
    ground: Arc<SqliteGround>,
    dirty: Arc<AtomicBool>,
) -> Result<(Sender<()>, JoinHandle<()>), Fault> {
    let (stop, stopped) = channel::<()>();
    let thread = std::thread::Builder::new()
        .name("checkpointer".into())
        .spawn(move || {
            let connection = ground.pool.checkpointer();
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(CHECKPOINT_EVERY) {
                if let Ok(connection) = &connection
                    && dirty.swap(false, Ordering::Relaxed)
                {
                    let done = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
                    if let Err(error) = done {
                        tracing::warn!(%error, "no checkpoint");
                    }
                }
            }
        })
        .map_err(Fault::internal)?;
    Ok((stop, thread))
}

impl Hand for SqliteHand {
    fn begin(&mut self) -> Result<Begun, Fault> {
        let connection = &self.db.0;
        let mut statement = connection.prepare_cached("BEGIN IMMEDIATE").map_err(fault)?;
        statement.execute([]).map_err(fault)?;
        // The lock is ours: nobody else commits until it ends.
        self.counter = self.ground.counter();
        let last = commit::newest(&Db(connection))?;
        if last != self.ground.memory().peek().stamp {
            let _turn = self.ground.turn();
            self.ground.reload(connection, last)?;
            self.ground.is_true_at(self.counter);
        }
        // Another process may have committed, and a reader of this one may have noticed first: the table is asked.
        let vid = commit::last_vid(&Db(connection))?;
        Ok(Begun { last, vid, now: (self.clock)(), noticed: true, anew: false })
    }

    fn session(&self) -> &dyn Session {
        &self.db
    }

    fn commit_group(&mut self, stamp: Stamp, touched: &Touched) -> Result<(), Fault> {
        let grants = match touched.grants {
            true => Some(Arc::new(Grants::new(rows::grants(&self.db)?))),
            false => None,
        };
        let _turn = self.ground.turn();
        self.finish()?;
        self.ground.memory().advance(stamp, &touched.names, grants, touched.orgs.iter().copied());
        // one commit raises the counter by one; where another process was quicker, the next reader sees that it differs
        if self.counter != UNKNOWN {
            self.ground.is_true_at(u64::from((self.counter as u32).wrapping_add(1)));
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Fault> {
        self.finish()
    }

    fn rollback(&mut self) {
        if !self.db.0.is_autocommit()
            && let Err(error) = self.db.0.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    fn rest(&mut self) {
        if let Err(error) = self.db.0.release_memory() {
            tracing::warn!(%error, "memory was not given back");
        }
    }
}

impl Drop for SqliteHand {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(checkpointer) = self.checkpointer.take()
            && checkpointer.join().is_err()
        {
            tracing::error!("the checkpointer ended by a panic");
        }
    }
}
