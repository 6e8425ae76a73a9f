//! What a database says about itself to whoever opens it or commits: that it has moved, is moving, or is no place to serve from.
//!
//! A notice is a row of the table `notice`. The one writer asks for them inside its transaction ([`let_commit`]), so that a notice
//! that was committed holds for every later commit of every process. `network` is no such word: it tells one network from
//! another wherever its rows lie.

use crate::contract::Stamp;
use crate::dialect::Dialect;
use crate::schema;
use crate::sql::{Bind, Session, one_int};
use lenticular_base::{Fault, FaultKind, Instant, Position};

/// 32 hexadecimal digits: which network this is, carried along by every copy.
pub const NETWORK: &str = "network";
/// `<until> <place>`: no commits until that moment, in milliseconds; somebody copies the last changes to that place.
pub const MOVING: &str = "moving";
/// The place where the network is now, without passwords.
pub const MOVED: &str = "moved";
/// A copy that is not whole yet; how far it has come, for whoever goes on with it.
pub const COPYING: &str = "copying";
/// A backup; what it is of.
pub const BACKUP: &str = "backup";

/// The value of a notice.
pub fn read(session: &dyn Session, name: &str) -> Result<Option<String>, Fault> {
    let mut found = None;
    session.query("SELECT value FROM notice WHERE name=$1", &[Bind::Text(name)], &mut |row| {
        found = row.text(0)?.map(str::to_owned);
        Ok(false)
    })?;
    Ok(found)
}

/// Sets a notice.
pub fn put(session: &dyn Session, name: &str, value: &str) -> Result<(), Fault> {
    let text = "INSERT INTO notice (name,value) VALUES ($1,$2) ON CONFLICT (name) DO UPDATE SET value=excluded.value";
    session.execute(text, &[Bind::Text(name), Bind::Text(value)]).map(drop)
}

/// Removes a notice.
pub fn remove(session: &dyn Session, name: &str) -> Result<(), Fault> {
    session.execute("DELETE FROM notice WHERE name=$1", &[Bind::Text(name)]).map(drop)
}

/// The value of [`MOVING`].
pub fn moving(until: Instant, place: &str) -> String {
    format!("{} {place}", until.0)
}

fn standing(session: &dyn Session) -> Result<Vec<(String, String)>, Fault> {
    let mut found = Vec::new();
    session.query("SELECT name,value FROM notice WHERE name<>$1", &[Bind::Text(NETWORK)], &mut |row| {
        found
            .push((row.text(0)?.unwrap_or_default().to_owned(), row.text(1)?.unwrap_or_default().to_owned()));
        Ok(true)
    })?;
    Ok(found)
}

/// Where to is the operator's to say: who asks here may be anybody.
fn has_moved() -> Fault {
    let words = "This network has moved to another place; nothing of this request was kept or read. Ask whoever runs this server.";
    Fault::new(FaultKind::Busy, "moved", words)
}

/// Refuses to go on where the tables were changed, since this program began, into ones that it does not know: a newer Lenticular has
/// been started over them. Tables that only have something more are no hindrance.
///
/// # Errors
/// `Busy` with the code `tables-newer`.
pub fn let_work(session: &dyn Session) -> Result<(), Fault> {
    let text = "SELECT max(number) FROM migration WHERE number>$1 AND additive=0";
    match one_int(session, text, &[Bind::Int(schema::NEWEST)])? {
        None => Ok(()),
        Some(number) => {
            let words = "A newer Lenticular has changed the tables of this network; this server is too old for them and kept nothing of \
                         this request. Whoever runs it has to replace it by that version.";
            let cause = format!("tables of version {number}, this program knows {}", schema::NEWEST);
            Err(Fault::new(FaultKind::Busy, "tables-newer", words).caused_by(cause))
        }
    }
}

/// Refuses to copy a database that has more than this program knows: the copy would lack it.
///
/// # Errors
/// `Conflict`.
pub fn let_copy(session: &dyn Session) -> Result<(), Fault> {
    let text = "SELECT max(number) FROM migration WHERE number>$1";
    match one_int(session, text, &[Bind::Int(schema::NEWEST)])? {
        None => Ok(()),
        Some(number) => {
            let words = format!(
                "A newer Lenticular has added to these tables (version {number}, this program knows {}): a copy made by this one \
                 would lack what it added. Use the newer one. Nothing was copied.",
                schema::NEWEST
            );
            Err(Fault::new(FaultKind::Conflict, "tables", words))
        }
    }
}

/// Refuses a commit where the database is moving, has moved, or is a copy; to be asked inside the transaction of the commit.
///
/// # Errors
/// `Busy` with the code `moving` or `moved`, or `tables-newer`; `Conflict` for a copy.
pub fn let_commit(session: &dyn Session, now: Instant) -> Result<(), Fault> {
    let_work(session)?;
    for (name, value) in standing(session)? {
        match name.as_str() {
            // whoever moved it and went away does not hold it for ever
            MOVING => {
                let until = value.split_once(' ').and_then(|(until, _)| until.parse().ok());
                if until.is_some_and(|until: i64| now.0 < until) {
                    return Err(Fault::new(
                        FaultKind::Busy,
                        "moving",
                        "This network is moving to another place. Reading goes on; nothing of this request was kept. \
                         Try again in a minute.",
                    ));
                }
            }
            MOVED => return Err(has_moved()),
            _ => return Err(is_a_copy(&name)),
        }
    }
    Ok(())
}

/// Whether a fault is such a refusal.
pub fn forbids(fault: &Fault) -> bool {
    matches!(fault.code, "moving" | "moved" | "copy" | "tables-newer")
}

/// The newest stamp, unless the network has moved: what was decided elsewhere since is not known here; and what time it is
/// ([`Dialect::shared_time`]). One question.
///
/// # Errors
/// `Busy` with the code `moved`.
pub fn newest_to_read(session: &dyn Session, dialect: Dialect) -> Result<(Stamp, Option<Instant>), Fault> {
    let mut stamp = Stamp { position: Position(0), time: Instant(i64::MIN) };
    let (mut moved, mut now) = (None, None);
    let text = format!(
        "SELECT l.position,l.time,(SELECT value FROM notice WHERE name=$1),{} FROM (SELECT 1) one \
         LEFT JOIN (SELECT position,time FROM log ORDER BY position DESC LIMIT 1) l ON true",
        dialect.shared_time()
    );
    session.query(&text, &[Bind::Text(MOVED)], &mut |row| {
        moved = row.text(2)?.map(|_| has_moved());
        now = row.maybe_int(3)?.map(Instant);
        let time = row.maybe_int(1)?.unwrap_or(i64::MIN);
        stamp = Stamp { position: Position(row.int(0)?), time: Instant(time) };
        Ok(false)
    })?;
    moved.map_or(Ok((stamp, now)), Err)
}

/// Refuses to answer where the network has moved: what was decided elsewhere since is not known here.
///
/// # Errors
/// `Busy` with the code `moved`.
pub fn let_read(session: &dyn Session) -> Result<(), Fault> {
    read(session, MOVED)?.map_or(Ok(()), |_| Err(has_moved()))
}

/// Refuses to open what has moved away or is a copy.
///
/// # Errors
/// `Conflict`, with words for whoever starts the program.
pub fn let_open(session: &dyn Session) -> Result<(), Fault> {
    for (name, value) in standing(session)? {
        match name.as_str() {
            MOVING => {}
            MOVED => {
                let words = format!(
                    "This network has moved to {value}. Start the server with the settings of that place; or, where nothing was \
                     written there that is to be kept, `lenticular migrate --take-back` makes this the place again."
                );
                return Err(Fault::new(FaultKind::Conflict, "moved", words));
            }
            _ => return Err(is_a_copy(&name)),
        }
    }
    Ok(())
}

fn is_a_copy(name: &str) -> Fault {
    let words = match name {
        BACKUP => "This is a backup. `lenticular restore --from` makes a network of it, in another place.",
        COPYING => {
            "This is half a copy of another place. Run the command that makes it once more: it goes on where it ended."
        }
        _ => {
            "This database carries a notice that this program does not know: it was written by a newer Lenticular. Use that one."
        }
    };
    Fault::new(FaultKind::Conflict, "copy", words)
}
