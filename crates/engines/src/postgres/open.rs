//! A PostgreSQL database, opened.

use super::address::Address;
use super::ground::PgGround;
use super::hand::PgHand;
use super::migrate;
use super::wire::{Purpose, Wire};
use crate::engine::OpenOptions;
use crate::ground::Hand;
use crate::pack::{self, Packs};
use lenticular_base::Fault;
use lenticular_store::sql::one_int;
use std::sync::{Arc, Mutex, PoisonError};

/// Everything but blobs and the audit log.
pub struct Opened {
    pub address: Arc<Address>,
    pub ground: Arc<PgGround>,
    pub hand: Box<dyn Hand>,
    pub packs: Packs,
}

/// Connects, makes or migrates the tables, and reads what is kept in memory.
///
/// # Errors
/// `Busy` where the database does not answer; `Invalid` where `url` is none; `Conflict` where its tables are not ours.
pub fn open(url: &str, options: &OpenOptions) -> Result<Opened, Fault> {
    let address = Arc::new(address(url)?);
    let wire = Wire::connect(&address, Purpose::Upkeep)?;
    migrate::run(&wire, (options.clock)())?;
    let packs = Packs::open(&wire, loader(address.clone()))?;
    let ground = PgGround::open(address.clone(), &wire, options.readers, options.record_cache)?;
    ground.listen()?;
    let clock = options.own_clock.then(|| options.clock.clone());
    let hand = Box::new(PgHand::new(address.clone(), ground.clone(), clock)?);
    Ok(Opened { address, ground, hand, packs })
}

/// Whether the database has our tables. Changes nothing.
pub fn is_there(url: &str) -> Result<bool, Fault> {
    let wire = Wire::connect(&address(url)?, Purpose::Upkeep)?;
    let text = "SELECT CASE WHEN to_regclass('log') IS NULL THEN 0 ELSE 1 END::bigint";
    Ok(one_int(&wire, text, &[])? == Some(1))
}

fn address(url: &str) -> Result<Address, Fault> {
    Address::parse(url, std::env::var_os("PGSSLROOTCERT").map(Into::into))
}

/// Reads dictionaries by a connection of its own, made when one is needed: every other one may be in use by whoever needs it.
fn loader(address: Arc<Address>) -> pack::Load {
    let slot: Mutex<Option<Wire>> = Mutex::new(None);
    Box::new(move |no| {
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wire) = slot.as_ref().filter(|wire| wire.is_idle())
            && let Ok(found) = pack::stored(wire, no)
        {
            return Ok(found);
        }
        let wire = slot.insert(Wire::connect(&address, Purpose::Upkeep)?);
        pack::stored(wire, no)
    })
}
