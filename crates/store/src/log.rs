//! Reading the log: what was committed, in order, and not a word of what it was.

use crate::contract::Stamp;
use crate::sql::{Bind, Session};
use lenticular_base::{Fault, Instant, OrgNo, Position};

/// One commit, as the log has it. It names no row, and nobody's patient: it needs no scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    pub stamp: Stamp,
    /// Whose change it was.
    pub author_org: OrgNo,
    /// How many changes it made.
    pub changes: i64,
}

/// The commits behind `after`, oldest first, at most `limit`.
pub fn entries(session: &dyn Session, after: Position, limit: u32) -> Result<Vec<Entry>, Fault> {
    let mut found = Vec::new();
    let text =
        "SELECT position,time,author_org,changes FROM log WHERE position>$1 ORDER BY position LIMIT $2";
    session.query(text, &[Bind::Int(after.0), Bind::Int(limit.into())], &mut |row| {
        found.push(Entry {
            stamp: Stamp { position: Position(row.int(0)?), time: Instant(row.int(1)?) },
            author_org: OrgNo(row.int(2)?),
            changes: row.int(3)?,
        });
        Ok(true)
    })?;
    Ok(found)
}
