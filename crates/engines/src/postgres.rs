//! Log, records and indexes in a PostgreSQL database (15 or later) that several nodes share.
//!
//! - [`address`]: where it is.
//! - [`wire`]: one connection, driven by the thread that calls.
//! - [`session`]: that connection as the commit algorithm and the query plan see it.
//! - [`pool`]: a few connections that read.
//! - [`migrate`]: the tables. [`audit`]: the log of accesses. [`clock`]: what time it is for all nodes.
//! - [`ground`], [`hand`]: what the one reader and the one writer stand on. [`listener`]: what other nodes commit, heard. [`open()`] puts it together.
//! - [`statistics`]: what keeps plans good while tables grow.

pub mod address;
pub mod audit;
pub mod clock;
pub mod ground;
pub mod hand;
pub mod listener;
pub mod migrate;
pub mod open;
pub mod pool;
mod rounds;
pub mod session;
pub mod statistics;
mod tls;
mod value;
pub mod wire;

use crate::faults::distrusts;
use lenticular_base::{Fault, FaultKind};
use std::error::Error as _;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity, SqlState};

/// The code of a fault that says that the database cannot be reached, or went away.
pub const AWAY: &str = "database-away";

/// The database cannot be reached, or went away while it was asked.
pub(crate) fn away() -> Fault {
    Fault::new(
        FaultKind::Busy,
        AWAY,
        "The database does not answer at present; nothing of this request was kept. Try again in a moment.",
    )
}

/// Whether a fault says that the connection is of no use any more.
pub(crate) fn is_away(fault: &Fault) -> bool {
    fault.code == AWAY
}

/// PostgreSQL's failures in the terms of the one error table.
pub(crate) fn fault(error: Error) -> Fault {
    match error.as_db_error() {
        Some(told) => from_server(told).caused_by(words(&error)),
        None if error.is_closed() || is_io(&error) => away().caused_by(error),
        None => Fault::internal(error),
    }
}

/// The same while a connection is being made: whatever hinders it, the database is away, unless it refuses us for good.
pub(crate) fn connect_fault(error: Error) -> Fault {
    match error.as_db_error() {
        Some(told) if refuses(told.code()) => Fault::new(
            FaultKind::Internal,
            "database-refused",
            "The database refuses this server: user, password, database or TLS of store.url are not what it expects.",
        )
        .caused_by(words(&error)),
        // the driver says this one in words alone
        None if distrusts(&error) || words(&error).contains("server does not support TLS") => Fault::new(
            FaultKind::Internal,
            "database-tls",
            "The database is not who store.url says, or does not encrypt: its certificate must be vouched for by sslrootcert (or \
             PGSSLROOTCERT, or the system's authorities), and bear the name of the host.",
        )
        .caused_by(words(&error)),
        _ => away().caused_by(words(&error)),
    }
}

fn refuses(code: &SqlState) -> bool {
    [
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        SqlState::INVALID_CATALOG_NAME,
        SqlState::INSUFFICIENT_PRIVILEGE,
    ]
    .contains(code)
}

/// What the server said, without the values that it quotes in its details: they may be of patients.
fn words(error: &Error) -> String {
    match error.as_db_error() {
        Some(told) => format!("{}: {}", told.code().code(), told.message()),
        None => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(inner) = cause {
                text.push_str(": ");
                text.push_str(&inner.to_string());
                cause = inner.source();
            }
            text
        }
    }
}

fn is_io(error: &Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<std::io::Error>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

fn from_server(told: &DbError) -> Fault {
    let code = told.code();
    if *code == SqlState::DISK_FULL {
        return crate::faults::full();
    }
    if *code == SqlState::QUERY_CANCELED {
        return Fault::new(
            FaultKind::TooLarge,
            "query-too-long",
            "This took the database longer than it may and was stopped; nothing was changed. Narrow the search.",
        );
    }
    let passing = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::OUT_OF_MEMORY,
        SqlState::INSUFFICIENT_RESOURCES,
    ];
    if passing.contains(code) {
        return Fault::new(
            FaultKind::Busy,
            "database-busy",
            "The database is busy with other work. Try again; nothing of this request was kept.",
        );
    }
    if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code) {
        return Fault::new(
            FaultKind::Corrupt,
            "database-corrupt",
            "The database cannot read part of what it holds. `lenticular verify` says how much of it.",
        );
    }
    let gone = [
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        SqlState::IO_ERROR,
    ];
    let ends = matches!(told.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
    if ends || gone.contains(code) || code.code().starts_with("08") {
        return away();
    }
    if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        return Fault::new(
            FaultKind::Internal,
            "database-denied",
            "The role of the database's address may not do this there; nothing of this request was kept. The operator makes it the owner \
             of the database (`ALTER DATABASE … OWNER TO …`) and of all tables that are in it.",
        );
    }
    // the words themselves are kept as the cause by the caller
    Fault::internal("the database answered with an error")
}
