//! Statistics for the planner while tables grow quickly: statements are planned once, and what was planned over empty tables
//! reads whole indexes over full ones. The server's own rounds come once a minute at best.

use super::address::Address;
use super::wire::{Purpose, Wire};
use lenticular_base::Fault;
use lenticular_store::sql::one_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The first statistics are made at so many versions, further ones whenever there are four times as many.
const FIRST: i64 = 400;
const TIMES: i64 = 4;

const ANALYZE: &str = "ANALYZE record,log,ix_text,ix_time,ix_number,grants,sweep";

/// When statistics are made again.
pub struct Statistics {
    address: Arc<Address>,
    /// The number of versions from which on they are due.
    due: i64,
    /// Some are being made.
    busy: Arc<AtomicBool>,
}

impl Statistics {
    /// Goes on from what the server knows.
    pub fn open(address: Arc<Address>, wire: &Wire) -> Result<Statistics, Fault> {
        let text = "SELECT reltuples::bigint FROM pg_class WHERE oid='record'::regclass";
        let rows = one_int(wire, text, &[])?.unwrap_or(0);
        Ok(Statistics { address, due: next(rows), busy: Arc::default() })
    }

    /// There are so many versions now: makes statistics behind the writer's back where they are due.
    pub fn at(&mut self, versions: i64) {
        if versions < self.due || self.busy.swap(true, Ordering::AcqRel) {
            return;
        }
        self.due = next(versions);
        let (address, busy) = (self.address.clone(), self.busy.clone());
        let work = move || {
            let made = Wire::connect(&address, Purpose::Upkeep).and_then(|wire| wire.run(ANALYZE));
            if let Err(fault) = made {
                tracing::warn!(%fault, "no statistics were made");
            }
            busy.store(false, Ordering::Release);
        };
        if let Err(error) = std::thread::Builder::new().name("statistics".into()).spawn(work) {
            tracing::warn!(%error, "no statistics were made");
            self.busy.store(false, Ordering::Release);
        }
    }
}

fn next(rows: i64) -> i64 {
    rows.max(0).saturating_mul(TIMES).max(FIRST)
}
