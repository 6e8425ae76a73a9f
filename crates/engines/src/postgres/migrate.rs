//! Our own checksummed migrations, one node at a time.

use super::wire::Wire;
use lenticular_base::{Fault, FaultKind, Instant};
use lenticular_store::dialect::Dialect;
use lenticular_store::schema;
use lenticular_store::sql::{Bind, Session, one_int};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// The advisory locks that are taken here: of the tables, and of the log while a group commits.
pub const TABLES_LOCK: i64 = 0x6c65_6e74_0001;
pub const LOG_LOCK: i64 = 0x6c65_6e74_0002;

/// How long a migration may take: an index of a large table takes its time.
const MIGRATING: Duration = Duration::from_secs(6 * 3600);

/// PostgreSQL 15.
const OLDEST: i64 = 150_000;

const TABLE: &str = "SET LOCAL client_min_messages=warning;\
    CREATE TABLE IF NOT EXISTS migration (number bigint PRIMARY KEY, sha256 text NOT NULL, time bigint NOT NULL);\
    ALTER TABLE migration ADD COLUMN IF NOT EXISTS additive bigint NOT NULL DEFAULT 0";

/// Brings the tables to the newest form; refuses what it does not know.
///
/// # Errors
/// `Conflict` where the tables are newer than this program, were made by another text, or the server cannot hold them; `Busy`.
pub fn run(wire: &Wire, now: Instant) -> Result<(), Fault> {
    check_server(wire)?;
    let limit = wire.limit();
    wire.set_limit(MIGRATING);
    wire.begin("BEGIN;SET LOCAL statement_timeout=0;SET LOCAL lock_timeout=0");
    let done = apply(wire, now).and_then(|()| wire.commit());
    wire.rollback();
    wire.set_limit(limit);
    done
}

fn check_server(wire: &Wire) -> Result<(), Fault> {
    let mut problem = None;
    let text = "SELECT current_setting('server_version_num')::bigint,current_setting('server_encoding'),\
                current_setting('server_version')";
    wire.query(text, &[], &mut |row| {
        let version = row.text(2)?.unwrap_or_default();
        if row.int(0)? < OLDEST {
            problem = Some(format!(
                "The database server is PostgreSQL {version}; 15 is the oldest that is used here."
            ));
        } else if row.text(1)? != Some("UTF8") {
            problem = Some(
                "The database is not encoded in UTF8. Make one that is: CREATE DATABASE … ENCODING 'UTF8'."
                    .into(),
            );
        }
        Ok(false)
    })?;
    let text = "SELECT 1 FROM pg_roles WHERE rolname=current_user AND (rolsuper OR rolbypassrls)";
    if one_int(wire, text, &[])?.is_some() {
        tracing::warn!(
            "the role of store.url passes by row-level security: the database's own wall between members is not there"
        );
    }
    problem.map_or(Ok(()), |words| Err(refuse(words)))
}

fn apply(wire: &Wire, now: Instant) -> Result<(), Fault> {
    wire.query("SELECT 1 FROM pg_advisory_xact_lock($1)", &[Bind::Int(TABLES_LOCK)], &mut |_| Ok(true))?;
    wire.run(TABLE)?;
    let known = schema::migrations(Dialect::Postgres);
    let latest = known.last().map_or(0, |migration| migration.number);
    let text = "SELECT max(number) FROM migration WHERE number>$1 AND additive=0";
    if let Some(number) = one_int(wire, text, &[Bind::Int(latest)])? {
        return Err(refuse(format!(
            "This database was written by a newer Lenticular (tables of version {number}, this program knows {latest}). Use that one."
        )));
    }
    for migration in known {
        let sum = lenticular_base::ids::hex(&Sha256::digest(&migration.text));
        let mut done = None;
        wire.query(
            "SELECT sha256 FROM migration WHERE number=$1",
            &[Bind::Int(migration.number)],
            &mut |row| {
                done = row.text(0)?.map(str::to_owned);
                Ok(false)
            },
        )?;
        match done {
            Some(done) if done == sum => {}
            Some(_) => {
                return Err(refuse(format!(
                    "Table version {} of this database was made by another text than this program knows. \
                     Use the program that made it.",
                    migration.number
                )));
            }
            None => {
                wire.run(&migration.text)?;
                wire.execute(
                    "INSERT INTO migration (number,sha256,time,additive) VALUES ($1,$2,$3,$4)",
                    &[
                        Bind::Int(migration.number),
                        Bind::Text(&sum),
                        Bind::Int(now.0),
                        Bind::Int(migration.additive.into()),
                    ],
                )?;
            }
        }
    }
    Ok(())
}

fn refuse(words: String) -> Fault {
    Fault::new(FaultKind::Conflict, "tables", words)
}
