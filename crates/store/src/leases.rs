//! Leases: what may run once at a time, over all processes of a deployment (the packer, the notifier, jobs), has one holder.
//!
//! A lease that its holder does not renew ends, and somebody else takes it. Each new holder gets a greater *fence*; what a
//! holder writes, it writes in a transaction that [`holds`] the lease still. So one that was asleep, cut off or has a clock
//! of its own can do no harm when it comes back: its writes are refused. Times are those of the transaction, which on a database
//! that nodes share is the database's clock.

use crate::sql::{Bind, Session};
use lenticular_base::{Fault, FaultKind, Instant};

/// What its holder has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    pub name: String,
    pub holder: String,
    /// Greater than that of every holder before.
    pub fence: i64,
    /// When it ends, unless it is renewed.
    pub expires: Instant,
}

/// Leases of one deployment. Everything here blocks, and is durable when it returns.
pub trait Leases: Send + Sync {
    /// Takes a lease for `ttl` milliseconds from now on, or renews it where `holder` has it; `None` while somebody else has it.
    fn take(&self, name: &str, holder: &str, ttl: i64) -> Result<Option<Lease>, Fault>;
    /// Gives a lease back before its end. One that is somebody else's by now stays theirs.
    fn give_back(&self, lease: &Lease) -> Result<(), Fault>;
}

fn find(session: &dyn Session, name: &str) -> Result<Option<Lease>, Fault> {
    let mut found = None;
    let text = "SELECT holder,fence,expires FROM lease WHERE name=$1";
    session.query(text, &[Bind::Text(name)], &mut |row| {
        found = Some(Lease {
            name: name.to_owned(),
            holder: row.text(0)?.unwrap_or_default().to_owned(),
            fence: row.int(1)?,
            expires: Instant(row.int(2)?),
        });
        Ok(false)
    })?;
    Ok(found)
}

/// Takes or renews a lease inside a transaction of the writer, at its time.
pub fn take(
    session: &dyn Session,
    name: &str,
    holder: &str,
    now: Instant,
    ttl: i64,
) -> Result<Option<Lease>, Fault> {
    let expires = Instant(now.0.saturating_add(ttl));
    let before = find(session, name)?;
    let fence = match &before {
        Some(lease) if lease.holder == holder && now < lease.expires => lease.fence,
        Some(lease) if now < lease.expires => return Ok(None),
        Some(lease) => lease.fence + 1,
        None => 1,
    };
    let text = "INSERT INTO lease (name,holder,fence,expires) VALUES ($1,$2,$3,$4) ON CONFLICT (name) DO UPDATE SET \
                holder=excluded.holder,fence=excluded.fence,expires=excluded.expires";
    session.execute(text, &[Bind::Text(name), Bind::Text(holder), Bind::Int(fence), Bind::Int(expires.0)])?;
    Ok(Some(Lease { name: name.to_owned(), holder: holder.to_owned(), fence, expires }))
}

/// Ends a lease at once, where it is still this one. The fence stays, so that the next one is greater.
pub fn give_back(session: &dyn Session, lease: &Lease) -> Result<(), Fault> {
    let text = "UPDATE lease SET expires=0 WHERE name=$1 AND fence=$2 AND holder=$3";
    let binds = [Bind::Text(&lease.name), Bind::Int(lease.fence), Bind::Text(&lease.holder)];
    session.execute(text, &binds).map(drop)
}

/// Whether a lease is still held, at the time of the transaction that is about to write under it.
///
/// # Errors
/// `Busy` with the code `lease-lost` where it is not: the transaction must not go on.
pub fn holds(session: &dyn Session, lease: &Lease, now: Instant) -> Result<(), Fault> {
    match find(session, &lease.name)? {
        Some(held) if held.fence == lease.fence && held.holder == lease.holder && now < held.expires => {
            Ok(())
        }
        _ => {
            let words = "Another process does this work by now; nothing of this step was kept.";
            Err(Fault::new(FaultKind::Busy, "lease-lost", words))
        }
    }
}
