//! The few places where one engine's SQL differs from another's.

/// Which SQL an engine speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// `text` with `{int}`, `{real}`, `{text}`, `{bytes}` and `{clustered}` filled in.
    ///
    /// Text compares by code point in both: SQLite's BINARY and PostgreSQL's collation "C".
    pub fn fill(self, text: &str) -> String {
        let (int, real, string, bytes, clustered) = match self {
            Dialect::Sqlite => ("INTEGER", "REAL", "TEXT", "BLOB", " WITHOUT ROWID"),
            Dialect::Postgres => ("BIGINT", "DOUBLE PRECISION", "TEXT COLLATE \"C\"", "BYTEA", ""),
        };
        text.replace("{int}", int)
            .replace("{real}", real)
            .replace("{text}", string)
            .replace("{bytes}", bytes)
            .replace("{clustered}", clustered)
    }

    /// The part of an index value before the separator U+0001.
    pub fn head(self, value: &str) -> String {
        match self {
            Dialect::Sqlite => format!("substr({value},1,instr({value}||char(1),char(1))-1)"),
            Dialect::Postgres => format!("split_part({value},chr(1),1)"),
        }
    }

    /// The time in milliseconds, where the database has a clock that several nodes share.
    pub fn shared_time(self) -> &'static str {
        match self {
            Dialect::Sqlite => "NULL",
            Dialect::Postgres => "(extract(epoch FROM clock_timestamp())*1000)::bigint",
        }
    }

    /// The function that finds the second text in the first: 1 for its first character, 0 where it is not there.
    pub fn find(self) -> &'static str {
        match self {
            Dialect::Sqlite => "instr",
            Dialect::Postgres => "strpos",
        }
    }
}
