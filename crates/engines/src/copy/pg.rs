//! A PostgreSQL database as an end of a copy: its rows, and its audit log.

use super::base::Base;
use super::chronicle::Chronicle;
use crate::audit::{framed, next_frame};
use crate::postgres::address::{Address, split};
use crate::postgres::migrate::{self, LOG_LOCK};
use crate::postgres::wire::{Purpose, Wire};
use lenticular_base::{Fault, Instant};
use lenticular_store::sql::{Bind, Session, one_int};
use std::sync::Arc;
use std::time::Duration;

/// How long a statement may take: a copy reads much at a time, and waits for the other end between two reads.
const PATIENCE: Duration = Duration::from_secs(3600);
const SETTINGS: &str = "SET statement_timeout=0;SET lock_timeout=0;SET idle_in_transaction_session_timeout=0";

/// Rows of the audit log that are read at a time.
const GROUPS: i64 = 64;

pub fn connect(address: &Address) -> Result<Wire, Fault> {
    let wire = Wire::connect(address, Purpose::Upkeep)?;
    wire.run(SETTINGS)?;
    wire.set_limit(PATIENCE);
    Ok(wire)
}

/// What a database is called where people read it: hosts and name alone, never who asks or with what password.
pub fn name_of(url: &str) -> String {
    let (plain, ..) = split(url);
    let Ok(config) = plain.parse::<tokio_postgres::Config>() else { return "a PostgreSQL database".into() };
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .zip(config.get_ports().iter().copied().chain(std::iter::repeat(5432)))
        .map(|(host, port)| match host {
            tokio_postgres::config::Host::Tcp(host) => format!("{host}:{port}"),
            _ => format!("localhost:{port}"),
        })
        .collect();
    format!("postgres://{}/{}", hosts.join(","), config.get_dbname().unwrap_or_default())
}

/// Where `store.url` leads.
pub fn address(url: &str) -> Result<Arc<Address>, Fault> {
    Ok(Arc::new(Address::parse(url, std::env::var_os("PGSSLROOTCERT").map(Into::into))?))
}

/// One connection.
pub struct Pg {
    wire: Wire,
}

impl Pg {
    /// Connects, making or migrating the tables first.
    pub fn open(address: &Address, now: Instant) -> Result<Pg, Fault> {
        let wire = connect(address)?;
        migrate::run(&wire, now)?;
        Ok(Pg { wire })
    }
}

impl Base for Pg {
    fn session(&self) -> &dyn Session {
        &self.wire
    }

    fn begin_reading(&self) -> Result<(), Fault> {
        self.wire.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        self.wire.wait()
    }

    fn begin_writing(&self) -> Result<(), Fault> {
        // it holds the lock of the log: where this machine goes, the server must not keep it
        self.wire.begin(
            "BEGIN ISOLATION LEVEL READ COMMITTED;SET LOCAL idle_in_transaction_session_timeout='60s';\
             SET LOCAL tcp_user_timeout='60s'",
        );
        Session::send(&self.wire, "SELECT pg_advisory_xact_lock($1)", &[Bind::Int(LOG_LOCK)])?;
        self.wire.wait()
    }

    fn commit(&self) -> Result<(), Fault> {
        self.wire.commit()
    }

    fn rollback(&self) {
        self.wire.rollback();
    }

    fn now(&self) -> Result<Instant, Fault> {
        let text = "SELECT (extract(epoch FROM clock_timestamp())*1000)::bigint";
        Ok(Instant(one_int(&self.wire, text, &[])?.unwrap_or(0)))
    }

    fn draw_on(&self) -> Result<(), Fault> {
        for text in [
            "SELECT setval('audit_file',greatest((SELECT max(file) FROM audit_reached),1))",
            "SELECT setval('segment_no',greatest((SELECT max(abs(no)) FROM segment),1))",
        ] {
            one_int(&self.wire, text, &[])?;
        }
        Ok(())
    }
}

/// The tables `audit_log` and `audit_reached`.
pub struct Groups {
    wire: Wire,
}

impl Groups {
    pub fn open(address: &Address) -> Result<Groups, Fault> {
        Ok(Groups { wire: connect(address)? })
    }

    fn in_transaction(&self, work: impl FnOnce(&Wire) -> Result<(), Fault>) -> Result<(), Fault> {
        self.wire.begin("BEGIN");
        let done = work(&self.wire).and_then(|()| self.wire.commit());
        self.wire.rollback();
        done
    }
}

impl Chronicle for Groups {
    fn streams(&self) -> Result<Vec<i64>, Fault> {
        let mut found = Vec::new();
        let text = "SELECT file FROM audit_reached ORDER BY file";
        self.wire.query(text, &[], &mut |row| {
            found.push(row.int(0)?);
            Ok(true)
        })?;
        Ok(found)
    }

    fn read(&self, stream: i64, k: i64, entries: usize, bytes: usize) -> Result<Vec<Vec<u8>>, Fault> {
        let mut found: Vec<Vec<u8>> = Vec::new();
        let (mut next, mut held) = (None, 0);
        let text = "SELECT at,bytes FROM audit_log WHERE file=$1 AND \
                    at>=coalesce((SELECT max(at) FROM audit_log WHERE file=$1 AND at<=$2),0) ORDER BY at LIMIT $3";
        let binds = [Bind::Int(stream), Bind::Int(k), Bind::Int(GROUPS)];
        self.wire.query(text, &binds, &mut |row| {
            let mut at = row.int(0)?;
            if next.is_some_and(|next| next != at) {
                return Ok(false);
            }
            let mut rest = row.bytes(1)?;
            while let Some((body, taken)) = next_frame(rest) {
                if at >= k && found.len() < entries && held < bytes {
                    held += body.len();
                    found.push(body.to_vec());
                }
                at += 1;
                rest = rest.get(taken..).unwrap_or_default();
            }
            next = Some(at);
            Ok(found.len() < entries && held < bytes)
        })?;
        Ok(found)
    }

    fn append(&self, stream: i64, k: i64, entries: &[Vec<u8>]) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        for entry in entries {
            framed(entry, &mut bytes)?;
        }
        let count = i64::try_from(entries.len()).map_err(Fault::internal)?;
        self.in_transaction(|wire| {
            let text = "INSERT INTO audit_reached (file,entries,closed) VALUES ($1,0,0) ON CONFLICT (file) DO NOTHING";
            Session::execute(wire, text, &[Bind::Int(stream)])?;
            let text = "INSERT INTO audit_log (file,at,entries,bytes) VALUES ($1,$2,$3,$4)";
            let binds = [Bind::Int(stream), Bind::Int(k), Bind::Int(count), Bind::Bytes(&bytes)];
            Session::execute(wire, text, &binds).map(drop)
        })
    }

    fn draw_on(&self) -> Result<(), Fault> {
        self.in_transaction(|wire| {
            Session::execute(wire, "UPDATE audit_reached SET closed=1 WHERE closed=0", &[]).map(drop)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn no_password_is_in_a_name() {
        for url in [
            "postgres://u:secret@h/d",
            "postgres://u:se/secret@h/d",
            "postgres://h/d?user=u&password=secret",
            "host=h dbname=d user=u password=secret",
        ] {
            assert!(!name_of(url).contains("secret"), "{url}: {}", name_of(url));
        }
        assert_eq!(name_of("postgres://u:secret@h:5433/d"), "postgres://h:5433/d");
        let url = "postgres://u:secret@h,i:6/d?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem";
        assert_eq!(name_of(url), "postgres://h:5432,i:6/d");
    }
}
