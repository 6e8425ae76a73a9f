//! What changed since a copy was last true: new versions, the versions that they superseded, rows replaced in place, grants.

use super::compare::RANGE;
use super::tables::{DICTIONARY, GRANTS, LOG, OF_VERSIONS, SWEEP, hash_of_all};
use lenticular_base::Fault;
use lenticular_store::commit;
use lenticular_store::sql::{Bind, Session};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Rows of version numbers that are removed and copied together.
const AT_ONCE: usize = 500;

/// How far a copy is true.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Mark {
    pub position: i64,
    pub vid: i64,
}

impl Mark {
    /// The newest of a database.
    pub fn newest(session: &dyn Session) -> Result<Mark, Fault> {
        Ok(Mark { position: commit::newest(session)?.position.0, vid: commit::last_vid(session)?.0 })
    }
}

/// What one pass came to.
#[derive(Debug, Default)]
pub struct Pass {
    pub mark: Mark,
    /// Versions that were copied, new or again.
    pub versions: u64,
    /// Older versions that were copied again.
    pub again: Vec<i64>,
}

/// Copies what changed since the mark. The reads are of one snapshot, the writes of one transaction: afterwards both sides hold the same.
pub fn bring(
    from: &dyn Session,
    to: &dyn Session,
    since: Mark,
    copied: &mut dyn FnMut(u64),
) -> Result<Pass, Fault> {
    let mark = Mark::newest(from)?;
    let mut again = BTreeSet::new();
    replaced(from, since, &mut again)?;
    superseded(from, since, mark, &mut again)?;
    swept(from, to, &mut again)?;
    let again: Vec<i64> = again.into_iter().collect();
    for some in again.chunks(AT_ONCE) {
        for table in OF_VERSIONS {
            table.remove_some(to, some)?;
            table.copy_some(from, to, some)?;
        }
        copied(some.len() as u64);
    }
    let mut low = since.vid;
    while low < mark.vid {
        let high = (low + RANGE).min(mark.vid);
        for table in OF_VERSIONS {
            table.copy_range(from, to, (low, high))?;
        }
        copied((high - low).unsigned_abs());
        low = high;
    }
    LOG.copy_range(from, to, (since.position, mark.position))?;
    grants(from, to)?;
    dictionaries(from, to)?;
    let versions = again.len() as u64 + (mark.vid - since.vid).unsigned_abs();
    Ok(Pass { mark, versions, again })
}

/// Rows that were replaced in place.
fn replaced(from: &dyn Session, since: Mark, again: &mut BTreeSet<i64>) -> Result<(), Fault> {
    let text = "SELECT vid FROM record WHERE position>$1 AND vid<=$2";
    from.query(text, &[Bind::Int(since.position), Bind::Int(since.vid)], &mut |row| {
        again.insert(row.int(0)?);
        Ok(true)
    })
}

/// Versions that are not current any more because of a later one: the predecessors of new versions, by name.
fn superseded(from: &dyn Session, since: Mark, mark: Mark, again: &mut BTreeSet<i64>) -> Result<(), Fault> {
    let mut low = since.vid;
    while low < mark.vid {
        let high = (low + RANGE).min(mark.vid);
        let mut names: Vec<(i64, String, i64, i64)> = Vec::new();
        let text = "SELECT kind,id,from_position,org FROM record WHERE vid>$1 AND vid<=$2 AND version>1";
        from.query(text, &[Bind::Int(low), Bind::Int(high)], &mut |row| {
            names.push((row.int(0)?, row.text(1)?.unwrap_or_default().to_owned(), row.int(2)?, row.int(3)?));
            Ok(true)
        })?;
        let binds: Vec<Bind<'_>> = names
            .iter()
            .flat_map(|(kind, id, position, org)| {
                [Bind::Int(*kind), Bind::Text(id), Bind::Int(*position), Bind::Int(*org)]
            })
            .collect();
        let text = "SELECT vid FROM record WHERE kind=$1 AND id=$2 AND until_position=$3 AND org=$4";
        from.query_many(text, 4, &binds, &mut |_, row| {
            again.extend(Some(row.int(0)?).filter(|vid| *vid <= since.vid));
            Ok(true)
        })?;
        low = high;
    }
    Ok(())
}

fn queue(session: &dyn Session) -> Result<BTreeSet<(i64, i64)>, Fault> {
    let mut found = BTreeSet::new();
    session.query("SELECT until_position,vid FROM sweep", &[], &mut |row| {
        found.insert((row.int(0)?, row.int(1)?));
        Ok(true)
    })?;
    Ok(found)
}

/// Versions that lost their entries since, and the queue of those that will.
fn swept(from: &dyn Session, to: &dyn Session, again: &mut BTreeSet<i64>) -> Result<(), Fault> {
    let (wanted, held) = (queue(from)?, queue(to)?);
    let pairs = |set: Vec<&(i64, i64)>| -> Vec<Bind<'static>> {
        set.into_iter().flat_map(|(position, vid)| [Bind::Int(*position), Bind::Int(*vid)]).collect()
    };
    let gone: Vec<&(i64, i64)> = held.difference(&wanted).collect();
    again.extend(gone.iter().map(|(_, vid)| *vid));
    to.execute_many("DELETE FROM sweep WHERE until_position=$1 AND vid=$2", 2, &pairs(gone))?;
    let come = pairs(wanted.difference(&held).collect());
    to.execute_many("INSERT INTO sweep (until_position,vid) VALUES ($1,$2)", SWEEP.width(), &come)
}

/// Dictionaries that the target lacks: one that a failover had lost may come back behind later ones.
fn dictionaries(from: &dyn Session, to: &dyn Session) -> Result<(), Fault> {
    let numbers = |session: &dyn Session| {
        let mut found = BTreeSet::new();
        session.query("SELECT no FROM dictionary", &[], &mut |row| {
            found.insert(row.int(0)?);
            Ok(true)
        })?;
        Ok::<_, Fault>(found)
    };
    let held = numbers(to)?;
    for no in numbers(from)?.difference(&held) {
        DICTIONARY.copy_range(from, to, (no - 1, *no))?;
    }
    Ok(())
}

fn grants(from: &dyn Session, to: &dyn Session) -> Result<(), Fault> {
    let wanted = GRANTS.all(from)?;
    if hash_of_all(&wanted) != hash_of_all(&GRANTS.all(to)?) {
        to.execute("DELETE FROM grants", &[])?;
        GRANTS.add(to, wanted)?;
    }
    Ok(())
}
