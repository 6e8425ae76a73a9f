//! The table `segment`: which files there are, how far they go, and how far they have come.
//!
//! | state | of a segment | of a large object |
//! |---|---|---|
//! | 0 | may grow | no commit names it, or it waits for the packer |
//! | 1 | is closed, waits for the packer | waits for the packer |
//! | 2 | lies in the object store | lies in the object store |
//! | 3 | | was given up, its object is about to be removed |
//! | 4 | no commit ever named it, nothing lies anywhere | the same |
//!
//! Rows stay, so that no number is ever given twice.

use lenticular_base::{Fault, Instant};
use lenticular_store::sql::{Bind, Session, one_int};
use std::hash::{BuildHasher, RandomState};

pub const OPEN: i64 = 0;
pub const CLOSED: i64 = 1;
pub const PACKED: i64 = 2;
pub const GIVEN_UP: i64 = 3;
pub const EMPTY: i64 = 4;

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentRow {
    pub no: i64,
    /// How far commits name it, the head of a large object included; 0 where none does.
    pub length: u64,
    pub state: i64,
    /// When its number was drawn.
    pub began: Instant,
}

/// Draws the next number and keeps it: no two processes ever draw the same. Runs inside the writer.
pub fn draw(session: &dyn Session, large: bool, now: Instant, owner: &str) -> Result<i64, Fault> {
    let text = if large { "SELECT min(no) FROM segment" } else { "SELECT max(no) FROM segment" };
    let last = one_int(session, text, &[])?.unwrap_or(0);
    let no = if large { last.min(0) - 1 } else { last.max(0) + 1 };
    keep(session, no, now, owner)
}

/// Draws a number for a large object that no other process ever draws, even where the database has lost this row: uploads in parts
/// know no condition, so that two of one name would replace each other.
pub fn draw_apart(session: &dyn Session, now: Instant, owner: &str) -> Result<i64, Fault> {
    // 1 to 2^62, at random
    let no = i64::try_from(RandomState::new().hash_one(owner) >> 2).map_err(Fault::internal)? + 1;
    keep(session, -no, now, owner)
}

fn keep(session: &dyn Session, no: i64, now: Instant, owner: &str) -> Result<i64, Fault> {
    let text = "INSERT INTO segment (no,length,state,began,owner) VALUES ($1,0,0,$2,$3)";
    session.execute(text, &[Bind::Int(no), Bind::Int(now.0), Bind::Text(owner)])?;
    Ok(no)
}

pub fn row(session: &dyn Session, no: i64) -> Result<Option<SegmentRow>, Fault> {
    let mut found = None;
    let text = "SELECT no,length,state,began FROM segment WHERE no=$1";
    session.query(text, &[Bind::Int(no)], &mut |row| {
        found = Some(SegmentRow {
            no: row.int(0)?,
            length: row.int(1)?.unsigned_abs(),
            state: row.int(2)?,
            began: Instant(row.int(3)?),
        });
        Ok(false)
    })?;
    Ok(found)
}

/// All rows in the order of their numbers.
pub fn rows(session: &dyn Session) -> Result<Vec<SegmentRow>, Fault> {
    collect(session, "SELECT no,length,state,began FROM segment ORDER BY no")
}

/// Rows of what has still to come to the object store, or to be removed, in the order of their numbers.
pub fn unpacked(session: &dyn Session) -> Result<Vec<SegmentRow>, Fault> {
    collect(session, "SELECT no,length,state,began FROM segment WHERE state IN (0,1,3) ORDER BY no")
}

fn collect(session: &dyn Session, text: &str) -> Result<Vec<SegmentRow>, Fault> {
    let mut found = Vec::new();
    session.query(text, &[], &mut |row| {
        found.push(SegmentRow {
            no: row.int(0)?,
            length: row.int(1)?.unsigned_abs(),
            state: row.int(2)?,
            began: Instant(row.int(3)?),
        });
        Ok(true)
    })?;
    Ok(found)
}

/// Makes the row where a file was never named by a commit.
pub fn ensure(session: &dyn Session, no: i64) -> Result<(), Fault> {
    let text = "INSERT INTO segment (no,length,state,began) VALUES ($1,0,0,0) ON CONFLICT (no) DO NOTHING";
    session.execute(text, &[Bind::Int(no)]).map(drop)
}

/// Nothing lies under a number that no commit names; gives 0 where one does.
pub fn empty(session: &dyn Session, no: i64) -> Result<u64, Fault> {
    session
        .execute("UPDATE segment SET state=4 WHERE no=$1 AND length=0 AND state IN (0,3)", &[Bind::Int(no)])
}

/// From here on no commit can name it; gives 0 where one does.
pub fn give_up(session: &dyn Session, no: i64) -> Result<u64, Fault> {
    session.execute("UPDATE segment SET state=3 WHERE no=$1 AND length=0 AND state=0", &[Bind::Int(no)])
}

/// Commits of its owner name it up to `end` at least; gives 0 where it is closed, or somebody else's.
pub fn grow(session: &dyn Session, no: i64, end: u64, owner: &str) -> Result<u64, Fault> {
    let text = "UPDATE segment SET length=CASE WHEN length<$1 THEN $1 ELSE length END \
                WHERE no=$2 AND state=0 AND owner=$3";
    let end = i64::try_from(end).map_err(Fault::internal)?;
    session.execute(text, &[Bind::Int(end), Bind::Int(no), Bind::Text(owner)])
}

/// A commit names a large object, which waits for the packer or lies in the object store; gives 0 where that was known, or it was
/// given up, or is somebody else's.
pub fn settle(session: &dyn Session, no: i64, end: u64, state: i64, owner: &str) -> Result<u64, Fault> {
    let text = "UPDATE segment SET length=$1,state=$2 WHERE no=$3 AND state=0 AND owner=$4";
    let end = i64::try_from(end).map_err(Fault::internal)?;
    session.execute(text, &[Bind::Int(end), Bind::Int(state), Bind::Int(no), Bind::Text(owner)])
}

/// Lets nothing be added to it any more; it goes at least to `length`.
pub fn close(session: &dyn Session, no: i64, length: u64) -> Result<(), Fault> {
    let text = "UPDATE segment SET state=1,length=CASE WHEN length<$1 THEN $1 ELSE length END WHERE no=$2 AND state=0";
    let length = i64::try_from(length).map_err(Fault::internal)?;
    session.execute(text, &[Bind::Int(length), Bind::Int(no)]).map(drop)
}

/// It lies in the object store from here on.
pub fn packed(session: &dyn Session, no: i64) -> Result<u64, Fault> {
    session.execute("UPDATE segment SET state=2 WHERE no=$1 AND state<>2", &[Bind::Int(no)])
}

/// How many bytes lie in the object store.
pub fn packed_bytes(session: &dyn Session) -> Result<i64, Fault> {
    Ok(one_int(session, "SELECT CAST(sum(length) AS bigint) FROM segment WHERE state=2", &[])?.unwrap_or(0))
}

/// How many bytes commits name, wherever they lie.
pub fn named_bytes(session: &dyn Session) -> Result<i64, Fault> {
    Ok(one_int(session, "SELECT CAST(sum(length) AS bigint) FROM segment", &[])?.unwrap_or(0))
}
