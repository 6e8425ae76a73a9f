//! A few connections that read.

use super::fault;
use lenticular_base::Fault;
use rusqlite::Connection;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

/// Connections that read, given out one at a time; the last one given back is warm and goes first.
pub struct Pool {
    path: PathBuf,
    cache: u64,
    mapped: u64,
    state: Mutex<State>,
    back: Condvar,
}

struct State {
    idle: Vec<Connection>,
    /// How many more may be opened.
    left: usize,
}

/// A connection, given back when dropped.
pub struct Lease<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Pool {
    pub fn new(path: &Path, size: usize, cache: u64, mapped: u64) -> Pool {
        let state = Mutex::new(State { idle: Vec::new(), left: size.max(1) });
        Pool { path: path.to_owned(), cache, mapped, state, back: Condvar::new() }
    }

    /// A connection; waits while all are in use.
    pub fn take(&self) -> Result<Lease<'_>, Fault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = state.idle.pop() {
                return Ok(Lease { pool: self, connection: Some(connection) });
            }
            if state.left > 0 {
                state.left -= 1;
                drop(state);
                return match super::connect(&self.path, self.cache, self.mapped, true) {
                    Ok(connection) => Ok(Lease { pool: self, connection: Some(connection) }),
                    Err(fault) => {
                        self.state.lock().unwrap_or_else(PoisonError::into_inner).left += 1;
                        self.back.notify_one();
                        Err(fault)
                    }
                };
            }
            state = self.back.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Runs `work` in one snapshot.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let lease = self.take()?;
        lease.prepare_cached("BEGIN").and_then(|mut begin| begin.execute([])).map_err(fault)?;
        let result = work(&lease);
        let ended = lease.prepare_cached("COMMIT").and_then(|mut end| end.execute([]));
        match (result, ended) {
            (Ok(value), Ok(_)) => Ok(value),
            (Ok(_), Err(error)) => Err(fault(error)),
            (Err(fault), _) => Err(fault),
        }
    }

    /// A connection outside the pool that may checkpoint.
    pub fn checkpointer(&self) -> Result<Connection, Fault> {
        super::connect(&self.path, 256 << 10, 0, false)
    }

    /// Closes the connections that are not in use.
    pub fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.left += state.idle.len();
        state.idle.clear();
    }
}

impl Deref for Lease<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a lease holds its connection until it is dropped")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock().unwrap_or_else(PoisonError::into_inner);
        match self.connection.take() {
            // a transaction that a panic left open must not be handed on
            Some(connection) if connection.is_autocommit() => state.idle.push(connection),
            _ => state.left += 1,
        }
        drop(state);
        self.pool.back.notify_one();
    }
}
