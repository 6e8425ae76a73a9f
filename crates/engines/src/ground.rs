//! What a database does for the one reader and the one writer of this crate.

use crate::memory::Memory;
use crate::verify::VerifyReport;
use crate::writer::WriterHandle;
use lenticular_base::{Fault, Instant, OrgNo, Vid};
use lenticular_store::commit::Touched;
use lenticular_store::sql::Session;
use lenticular_store::{Audits, BlobRef, Blobs, Freshening, Stamp};
use std::collections::HashSet;
use std::time::{Duration, Instant as Steady};

/// Whose rows a snapshot may hold at all: a second wall where the database can build one, behind the scope in every statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wall<'a> {
    /// Rows of every member: the engine's own reads, whose answers a scope still decides.
    Open,
    /// Rows of these members alone.
    Members(&'a [OrgNo]),
}

/// Reads inside a snapshot. May be called again on another connection where the first one broke.
pub type Work<'a> = &'a mut dyn FnMut(&dyn Session) -> Result<(), Fault>;

/// How large the database is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sizes {
    pub database_bytes: u64,
    pub wal_bytes: u64,
}

/// A database that is read. Everything here blocks, but for `memory`, `is_fresh` and `freshen`.
pub trait Ground: Send + Sync {
    /// What is known without asking.
    fn memory(&self) -> &Memory;
    /// Whether what is in memory is true as of `since` or a later moment; `false` where that cannot be told without asking.
    fn is_fresh(&self, since: Steady) -> bool;
    /// Makes it so without blocking; `None` where there is nothing to wait for.
    fn freshen(&self, _since: Steady) -> Option<Freshening> {
        None
    }
    /// Makes memory true as of a moment after this call.
    fn refresh(&self) -> Result<(), Fault>;
    /// How long memory may stay behind what others commit without anybody telling it.
    fn unheard(&self) -> Duration;
    /// What time it is for all nodes, where the database says so.
    fn now(&self) -> Option<Instant> {
        None
    }
    /// Runs reads in one snapshot, no older than the newest refresh.
    fn read(&self, wall: Wall<'_>, work: Work<'_>) -> Result<(), Fault>;
    /// Runs single statements, each in a snapshot of its own.
    fn glance(&self, work: Work<'_>) -> Result<(), Fault>;
    fn sizes(&self) -> Sizes;
    /// Whether it can do its work now, for `/readyz`. May take as long as the database does.
    fn ready(&self) -> Result<(), Fault> {
        self.glance(&mut |session| session.query("SELECT 1", &[], &mut |_| Ok(false)))
    }
    /// Closes the connections that are not in use.
    fn close(&self);
}

/// What a transaction of the writer goes on from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Begun {
    pub last: Stamp,
    pub vid: Vid,
    pub now: Instant,
    /// Whether the database may carry notices that somebody has to look at.
    pub noticed: bool,
    /// Whether the database may be another one than at the last transaction: one that took over, and lacks what was committed last.
    pub anew: bool,
}

/// The writer's own connection.
pub trait Hand: Send {
    /// Begins a transaction. Until it ends nobody else commits; memory knows everything that was committed before.
    fn begin(&mut self) -> Result<Begun, Fault>;
    /// The connection, inside the transaction.
    fn session(&self) -> &dyn Session;
    /// Commits a group, and lets memory know of it before anybody else may look.
    fn commit_group(&mut self, stamp: Stamp, touched: &Touched) -> Result<(), Fault>;
    /// Commits what touched no row's meaning: the engine's own work.
    fn commit(&mut self) -> Result<(), Fault>;
    /// Ends a transaction that is still open, without a trace.
    fn rollback(&mut self);
    /// Nothing is to do: gives back what it can.
    fn rest(&mut self);
}

/// Blobs as the writer, `verify` and the engine know them.
pub trait Holding: Blobs {
    /// Makes blobs durable that the commit inside `session` is about to name.
    fn make_durable(&self, session: &dyn Session, named: &[BlobRef]) -> Result<(), Fault>;
    /// Compares every one of these with its hash, in their order; asks together for those that lie together.
    fn verify_all(&self, blobs: &[BlobRef]) -> Vec<Result<bool, Fault>> {
        blobs.iter().map(|blob| self.verify(blob)).collect()
    }
    /// Counts what no commit names, and says what is missing. `named` holds segment and offset of every blob of a record.
    fn walk(&self, named: &HashSet<(i64, u64)>, report: &mut VerifyReport) -> Result<(), Fault>;
    /// How many bytes they take.
    fn bytes(&self) -> u64;
    /// Whether blobs can be read and written now, for `/readyz`.
    fn ready(&self) -> Result<(), Fault>;
    /// Lets it work behind, with transactions of its own; called once, before the first blob.
    fn attach(&self, _writer: &WriterHandle) -> Result<(), Fault> {
        Ok(())
    }
    /// Takes to the object store at once what is ripe for it, as is done behind all the time; gives how many files that were.
    fn pack(&self) -> Result<u64, Fault> {
        Ok(0)
    }
    /// Ends what works behind; called once, after the writer has ended.
    fn close(&self) {}
}

/// The audit log as `verify` and the engine know it.
pub trait Witness: Audits {
    /// Reads every entry again.
    fn walk(&self, report: &mut VerifyReport) -> Result<(), Fault>;
    fn bytes(&self) -> u64;
    /// Whether entries can be written now, for `/readyz`.
    fn ready(&self) -> Result<(), Fault>;
    /// Makes the last entries durable and ends.
    fn close(&self);
}

/// Runs reads and gives what they came to.
pub fn read<T>(
    ground: &dyn Ground,
    wall: Wall<'_>,
    mut work: impl FnMut(&dyn Session) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut value = None;
    ground.read(wall, &mut |session| {
        value = Some(work(session)?);
        Ok(())
    })?;
    value.ok_or_else(nothing_ran)
}

/// The same, each statement in a snapshot of its own.
pub fn glance<T>(
    ground: &dyn Ground,
    mut work: impl FnMut(&dyn Session) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut value = None;
    ground.glance(&mut |session| {
        value = Some(work(session)?);
        Ok(())
    })?;
    value.ok_or_else(nothing_ran)
}

fn nothing_ran() -> Fault {
    Fault::internal("a snapshot ended before its reads began")
}
