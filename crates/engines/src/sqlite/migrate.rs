//! Our own checksummed migrations.

use super::fault;
use lenticular_base::{Fault, FaultKind, Instant};
use lenticular_store::dialect::Dialect;
use lenticular_store::schema;
use rusqlite::{Connection, TransactionBehavior, params};
use sha2::{Digest, Sha256};
use std::sync::Arc;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, time INTEGER NOT NULL)";

const ADDITIVE: &str = "ALTER TABLE migration ADD COLUMN additive INTEGER NOT NULL DEFAULT 0";

/// Brings the tables to the newest form; refuses what it does not know.
pub fn run(connection: &Connection, clock: &Arc<dyn Fn() -> Instant + Send + Sync>) -> Result<(), Fault> {
    let transaction =
        rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(fault)?;
    transaction.execute_batch(TABLE).map_err(fault)?;
    // tables of the first version do not say it
    if transaction.prepare("SELECT additive FROM migration").is_err() {
        transaction.execute_batch(ADDITIVE).map_err(fault)?;
    }
    let known = schema::migrations(Dialect::Sqlite);
    let latest = known.last().map_or(0, |migration| migration.number);
    let newer: Option<i64> = transaction
        .query_row("SELECT max(number) FROM migration WHERE number>?1 AND additive=0", [latest], |row| {
            row.get(0)
        })
        .map_err(fault)?;
    if let Some(number) = newer {
        return Err(refuse(format!(
            "This data folder was written by a newer Lenticular (tables of version {number}, this program knows {latest}). Use that one.",
        )));
    }
    for migration in known {
        let sum = lenticular_base::ids::hex(&Sha256::digest(&migration.text));
        let done: Option<String> = transaction
            .query_row("SELECT sha256 FROM migration WHERE number=?1", [migration.number], |row| row.get(0))
            .map(Some)
            .or_else(|error| match error {
                rusqlite::Error::QueryReturnedNoRows => Ok(None),
                other => Err(fault(other)),
            })?;
        match done {
            Some(done) if done == sum => {}
            Some(_) => {
                return Err(refuse(format!(
                    "Table version {} of this data folder was made by another text than this program knows. \
                     Use the program that made it.",
                    migration.number
                )));
            }
            None => {
                transaction.execute_batch(&migration.text).map_err(fault)?;
                transaction
                    .execute(
                        "INSERT INTO migration (number,sha256,time,additive) VALUES (?1,?2,?3,?4)",
                        params![migration.number, sum, clock().0, migration.additive],
                    )
                    .map_err(fault)?;
            }
        }
    }
    transaction.commit().map_err(fault)
}

fn refuse(words: String) -> Fault {
    Fault::new(FaultKind::Conflict, "data-folder-version", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Arc<dyn Fn() -> Instant + Send + Sync> {
        Arc::new(|| Instant(5))
    }

    #[test]
    fn refuses_what_is_newer_and_what_was_changed() {
        let connection = Connection::open_in_memory().unwrap();
        run(&connection, &clock()).unwrap();
        run(&connection, &clock()).unwrap();
        connection.execute("UPDATE migration SET sha256='x'", []).unwrap();
        assert!(run(&connection, &clock()).unwrap_err().public.contains("another text"));
        connection.execute("INSERT INTO migration VALUES (98,'x',0,1)", []).unwrap();
        assert!(run(&connection, &clock()).unwrap_err().public.contains("another text"));
        connection.execute("INSERT INTO migration VALUES (99,'x',0,0)", []).unwrap();
        assert!(run(&connection, &clock()).unwrap_err().public.contains("newer Lenticular"));
    }
}
