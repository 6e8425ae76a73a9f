//! A connection as the commit algorithm and the query plan see it.

use super::value::{Encoded, PgRow, Value, put_sized};
use super::wire::Wire;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::{maybe_done, try_join_all};
use futures_util::{SinkExt, StreamExt, pin_mut};
use lenticular_base::Fault;
use lenticular_store::dialect::Dialect;
use lenticular_store::sql::{Bind, Each, EachOf, Session};
use std::future::Future;
use std::task::{Context, Waker};
use tokio_postgres::types::Type;
use tokio_postgres::{Error, Statement};

/// Rows that are handed over at a time.
const CHUNK: usize = 256;

/// From so many rows on, COPY is quicker than one statement with arrays.
const COPY_FROM: usize = 500;

/// Rows of one statement with arrays, of one COPY, and statements that are under way together.
const ROWS_AT_ONCE: usize = 5000;
const COPY_AT_ONCE: usize = 200_000;
const STATEMENTS_AT_ONCE: usize = 500;

/// Bytes of a COPY that are handed to the connection at a time.
const COPY_BYTES: usize = 256 << 10;

/// Tables behind row-level security: COPY does not write to those.
const WALLED: [&str; 2] = ["record", "grants"];

/// The table and the columns of `INSERT INTO table (columns) VALUES (…)`, where it is that and nothing else.
fn insertion(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("INSERT INTO ")?;
    let (table, rest) = rest.split_once(" (")?;
    let (columns, rest) = rest.split_once(") VALUES (")?;
    (rest.ends_with(')') && !rest.contains("ON CONFLICT")).then_some((table, columns))
}

fn array_type(of: &Type) -> Option<&'static str> {
    Some(match *of {
        Type::INT8 => "bigint[]",
        Type::FLOAT8 => "double precision[]",
        Type::TEXT => "text[]",
        Type::BYTEA => "bytea[]",
        _ => return None,
    })
}

impl Wire {
    /// Writes rows with one statement: `INSERT INTO t (…) SELECT * FROM unnest($1::bigint[],…)`.
    fn insert_arrays(
        &self,
        (table, columns): (&str, &str),
        types: &[Type],
        binds: &[Bind<'_>],
    ) -> Result<(), Fault> {
        let width = types.len();
        let arrays: Option<Vec<String>> = types
            .iter()
            .zip(1..)
            .map(|(of, at)| array_type(of).map(|array: &str| format!("${at}::{array}")))
            .collect();
        let arrays =
            arrays.ok_or_else(|| Fault::internal("a column of a type that has no array here"))?.join(",");
        let text = format!("INSERT INTO {table} ({columns}) SELECT * FROM unnest({arrays})");
        let statement = self.prepare(&text)?;
        for rows in binds.chunks(ROWS_AT_ONCE * width) {
            let values: Result<Vec<Encoded>, Fault> = types
                .iter()
                .enumerate()
                .map(|(column, of)| Encoded::array(rows, width, column, of))
                .collect();
            self.send_encoded(statement.clone(), values?)?;
        }
        Ok(())
    }

    /// Writes rows by binary COPY.
    fn copy(&self, (table, columns): (&str, &str), types: &[Type], binds: &[Bind<'_>]) -> Result<(), Fault> {
        let statement = self.prepare(&format!("COPY {table} ({columns}) FROM STDIN BINARY"))?;
        let width = i16::try_from(types.len()).map_err(Fault::internal)?;
        for rows in binds.chunks(COPY_AT_ONCE * types.len()) {
            let mut chunks = Vec::new();
            let mut out = BytesMut::with_capacity(COPY_BYTES + 4096);
            out.put_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
            for row in rows.chunks_exact(types.len()) {
                out.put_i16(width);
                for (bind, of) in row.iter().zip(types) {
                    put_sized(bind, of, &mut out)?;
                }
                if out.len() >= COPY_BYTES {
                    chunks.push(out.split().freeze());
                }
            }
            out.put_i16(-1);
            chunks.push(out.freeze());
            self.drive(copy_in(self.client(), &statement, chunks))?;
        }
        Ok(())
    }
}

async fn copy_in(
    client: &tokio_postgres::Client,
    statement: &Statement,
    chunks: Vec<Bytes>,
) -> Result<(), Error> {
    let sink = client.copy_in::<_, Bytes>(statement).await?;
    pin_mut!(sink);
    for chunk in chunks {
        sink.feed(chunk).await?;
    }
    sink.finish().await.map(drop)
}

impl Session for Wire {
    fn execute(&self, text: &str, binds: &[Bind<'_>]) -> Result<u64, Fault> {
        Wire::execute(self, text, binds)
    }

    fn send(&self, text: &str, binds: &[Bind<'_>]) -> Result<(), Fault> {
        Wire::send(self, text, binds)
    }

    fn execute_many(&self, text: &str, width: usize, binds: &[Bind<'_>]) -> Result<(), Fault> {
        if binds.is_empty() || width == 0 {
            return Ok(());
        }
        let statement = self.prepare(text)?;
        if let Some(into) = insertion(text)
            && statement.params().len() == width
            && binds.len() > width
        {
            let walled = WALLED.contains(&into.0);
            return if binds.len() / width >= COPY_FROM && !walled {
                self.copy(into, statement.params(), binds)
            } else {
                self.insert_arrays(into, statement.params(), binds)
            };
        }
        for rows in binds.chunks(STATEMENTS_AT_ONCE * width) {
            let all = rows
                .chunks_exact(width)
                .map(|row| self.client().execute_raw(&statement, row.iter().map(|bind| Value(*bind))));
            self.drive(try_join_all(all))?;
        }
        Ok(())
    }

    fn query(&self, text: &str, binds: &[Bind<'_>], each: Each<'_>) -> Result<(), Fault> {
        let statement = self.prepare(text)?;
        let (mut rows, mut chunk) = self.drive(async {
            let rows = self.client().query_raw(&statement, binds.iter().map(|bind| Value(*bind))).await?;
            let mut rows = Box::pin(rows.ready_chunks(CHUNK));
            let first = rows.next().await;
            Ok((rows, first))
        })?;
        while let Some(found) = chunk {
            for row in found {
                let row = row.map_err(|error| self.failure(super::fault(error)))?;
                if !each(&PgRow(&row))? {
                    return Ok(());
                }
            }
            chunk = self.drive(async { Ok(rows.next().await) })?;
        }
        Ok(())
    }

    fn query_many(
        &self,
        text: &str,
        width: usize,
        binds: &[Bind<'_>],
        each: EachOf<'_>,
    ) -> Result<(), Fault> {
        if width == 0 {
            return Ok(());
        }
        let statement = self.prepare(text)?;
        for (first, some) in (0..).step_by(STATEMENTS_AT_ONCE).zip(binds.chunks(STATEMENTS_AT_ONCE * width)) {
            let mut asked: Vec<_> = some
                .chunks_exact(width)
                .map(|row| {
                    Box::pin(maybe_done(
                        self.client().query_raw(&statement, row.iter().map(|bind| Value(*bind))),
                    ))
                })
                .collect();
            // all are in line before the first is waited for; answers are taken in order, so that few are held at a time
            for question in &mut asked {
                // nobody has driven the connection yet: this only sends
                let _ = question.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
            for (at, mut question) in (first..).zip(asked) {
                let rows: Vec<Result<tokio_postgres::Row, Error>> = self.drive(async {
                    question.as_mut().await;
                    match question.as_mut().take_output() {
                        Some(rows) => Ok(rows?.collect().await),
                        None => Ok(Vec::new()),
                    }
                })?;
                for row in rows {
                    let row = row.map_err(|error| self.failure(super::fault(error)))?;
                    if !each(at, &PgRow(&row))? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }
}

#[cfg(test)]
mod tests {
    use super::insertion;

    #[test]
    fn what_is_a_plain_insertion() {
        assert_eq!(insertion("INSERT INTO t (a,b) VALUES ($1,$2)"), Some(("t", "a,b")));
        assert_eq!(insertion("DELETE FROM t WHERE a=$1"), None);
        assert_eq!(insertion("INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET a=max(a)"), None);
    }
}
