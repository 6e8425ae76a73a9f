//! Log, records and indexes in one SQLite database.

pub mod ground;
pub mod hand;
pub mod migrate;
pub mod pool;

use crate::faults::full;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::dialect::Dialect;
use lenticular_store::sql::{Bind, Each, Row, Session};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Error, ErrorCode, Statement, ToSql};
use std::borrow::Borrow;
use std::path::Path;
use std::time::Duration;

/// How long to wait for another process that is committing.
const BUSY: Duration = Duration::from_secs(10);

/// SQLITE_IOERR_SHMSIZE: the shared memory file of the write-ahead log could not grow.
const IOERR_SHMSIZE: i32 = 10 | (19 << 8);

/// Opens a connection with the settings that everything here relies on.
pub(crate) fn connect(path: &Path, cache: u64, mapped: u64, read_only: bool) -> Result<Connection, Fault> {
    let connection = Connection::open(path).map_err(fault)?;
    connection.busy_timeout(BUSY).map_err(fault)?;
    connection.set_prepared_statement_cache_capacity(128);
    // without it a cached statement is compiled anew whenever a bound value changes
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(fault)?;
    let kibibytes = i64::try_from(cache / 1024).unwrap_or(4096);
    let pragmas = [
        // before the first table is made; kept by the file afterwards
        ("page_size", "4096".to_owned()),
        ("journal_mode", "WAL".to_owned()),
        ("synchronous", "FULL".to_owned()),
        ("cache_size", format!("-{kibibytes}")),
        ("mmap_size", mapped.to_string()),
        ("temp_store", "MEMORY".to_owned()),
        ("case_sensitive_like", "ON".to_owned()),
        // the writer checkpoints a log of 32 MiB; a thread of its own works ahead of it
        ("wal_autocheckpoint", "8192".to_owned()),
        ("journal_size_limit", "67108864".to_owned()),
        ("query_only", if read_only { "ON".to_owned() } else { "OFF".to_owned() }),
    ];
    for (name, value) in pragmas {
        connection.pragma_update(None, name, value).map_err(fault)?;
    }
    Ok(connection)
}

/// SQLite's failures in the terms of the one error table.
pub(crate) fn fault(error: Error) -> Fault {
    let Error::SqliteFailure(cause, _) = &error else {
        return Fault::internal(error);
    };
    let (kind, code, words) = match cause.code {
        _ if cause.extended_code == IOERR_SHMSIZE => return full().caused_by(error),
        ErrorCode::DiskFull => return full().caused_by(error),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => (
            FaultKind::Busy,
            "database-busy",
            "Another process holds the data folder's lock. Try again; nothing of this request was kept.",
        ),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => (
            FaultKind::Corrupt,
            "database-corrupt",
            "The database cannot be read any more. `lenticular verify` says how much of it.",
        ),
        _ => return Fault::internal(error),
    };
    Fault::new(kind, code, words).caused_by(error)
}

/// A connection, owned or lent, as the commit algorithm and the query plan see it.
pub(crate) struct Db<C>(pub C);

struct Value<'a>(Bind<'a>);

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Bind::Null => ValueRef::Null,
            Bind::Int(value) => ValueRef::Integer(value),
            Bind::Real(value) => ValueRef::Real(value),
            Bind::Text(value) => ValueRef::Text(value.as_bytes()),
            Bind::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

fn bind(statement: &mut Statement<'_>, binds: &[Bind<'_>]) -> rusqlite::Result<()> {
    for (value, at) in binds.iter().zip(1_usize..) {
        statement.raw_bind_parameter(at, Value(*value))?;
    }
    Ok(())
}

impl<C: Borrow<Connection>> Session for Db<C> {
    fn execute(&self, text: &str, binds: &[Bind<'_>]) -> Result<u64, Fault> {
        let mut statement = self.0.borrow().prepare_cached(text).map_err(fault)?;
        bind(&mut statement, binds).map_err(fault)?;
        statement.raw_execute().map(|changed| changed as u64).map_err(fault)
    }

    fn execute_many(&self, text: &str, width: usize, binds: &[Bind<'_>]) -> Result<(), Fault> {
        if binds.is_empty() {
            return Ok(());
        }
        let mut statement = self.0.borrow().prepare_cached(text).map_err(fault)?;
        for row in binds.chunks_exact(width) {
            bind(&mut statement, row).map_err(fault)?;
            statement.raw_execute().map_err(fault)?;
        }
        Ok(())
    }

    fn query(&self, text: &str, binds: &[Bind<'_>], each: Each<'_>) -> Result<(), Fault> {
        let mut statement = self.0.borrow().prepare_cached(text).map_err(fault)?;
        bind(&mut statement, binds).map_err(fault)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(fault)? {
            if !each(&SqliteRow(row))? {
                break;
            }
        }
        Ok(())
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }
}

struct SqliteRow<'a>(&'a rusqlite::Row<'a>);

impl SqliteRow<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>, Fault> {
        self.0.get_ref(column).map_err(fault)
    }

    fn wrong(&self, column: usize) -> Fault {
        lenticular_store::rows::corrupt(format!("the type of column {column}"))
    }
}

impl Row for SqliteRow<'_> {
    fn int(&self, column: usize) -> Result<i64, Fault> {
        Ok(self.maybe_int(column)?.unwrap_or(0))
    }

    fn real(&self, column: usize) -> Result<Option<f64>, Fault> {
        match self.value(column)? {
            ValueRef::Real(value) => Ok(Some(value)),
            ValueRef::Null => Ok(None),
            _ => Err(self.wrong(column)),
        }
    }

    fn maybe_int(&self, column: usize) -> Result<Option<i64>, Fault> {
        match self.value(column)? {
            ValueRef::Integer(value) => Ok(Some(value)),
            ValueRef::Null => Ok(None),
            _ => Err(self.wrong(column)),
        }
    }

    fn text(&self, column: usize) -> Result<Option<&str>, Fault> {
        match self.value(column)? {
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).map(Some).map_err(|_| self.wrong(column)),
            ValueRef::Null => Ok(None),
            _ => Err(self.wrong(column)),
        }
    }

    fn bytes(&self, column: usize) -> Result<&[u8], Fault> {
        match self.value(column)? {
            ValueRef::Blob(bytes) => Ok(bytes),
            ValueRef::Null => Ok(&[]),
            _ => Err(self.wrong(column)),
        }
    }
}
