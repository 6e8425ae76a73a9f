//! Values on their way to the server, in its binary form and of the type that the statement asks for, and on their way back.

use bytes::{BufMut, Bytes, BytesMut};
use lenticular_base::Fault;
use lenticular_store::rows::corrupt;
use lenticular_store::sql::{Bind, Row};
use std::borrow::Cow;
use std::error::Error;
use tokio_postgres::types::{FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

type Wrong = Box<dyn Error + Sync + Send>;

/// A bound value.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a>(pub Bind<'a>);

impl ToSql for Value<'_> {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
        write(&self.0, of, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value in its binary form already; `None` is NULL.
#[derive(Clone, Debug)]
pub struct Encoded(pub Option<Bytes>);

impl Encoded {
    /// One value.
    pub fn of(bind: &Bind<'_>, of: &Type) -> Result<Encoded, Fault> {
        let mut out = BytesMut::new();
        Ok(match write(bind, of, &mut out).map_err(Fault::internal)? {
            IsNull::Yes => Encoded(None),
            IsNull::No => Encoded(Some(out.freeze())),
        })
    }

    /// An array of every `width`th value of `binds`, beginning at `column`.
    pub fn array(binds: &[Bind<'_>], width: usize, column: usize, of: &Type) -> Result<Encoded, Fault> {
        let column = || binds.iter().skip(column).step_by(width);
        let mut out = BytesMut::new();
        out.put_i32(1);
        out.put_i32(column().any(|bind| *bind == Bind::Null).into());
        out.put_u32(of.oid());
        out.put_i32(i32::try_from(column().len()).map_err(Fault::internal)?);
        out.put_i32(1);
        for bind in column() {
            put_sized(bind, of, &mut out)?;
        }
        Ok(Encoded(Some(out.freeze())))
    }
}

impl ToSql for Encoded {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
        Ok(match &self.0 {
            Some(bytes) => {
                out.put_slice(bytes);
                IsNull::No
            }
            None => IsNull::Yes,
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// One value behind its length: -1 for NULL.
pub fn put_sized(bind: &Bind<'_>, of: &Type, out: &mut BytesMut) -> Result<(), Fault> {
    let at = out.len();
    out.put_i32(-1);
    if let IsNull::No = write(bind, of, out).map_err(Fault::internal)? {
        let length = i32::try_from(out.len() - at - 4).map_err(Fault::internal)?;
        if let Some(place) = out.get_mut(at..at + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(())
}

fn write(bind: &Bind<'_>, of: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
    match (bind, of) {
        (Bind::Null, _) => return Ok(IsNull::Yes),
        (Bind::Int(value), &Type::INT8) => out.put_i64(*value),
        (Bind::Int(value), &Type::INT4) => out.put_i32(i32::try_from(*value)?),
        (Bind::Real(value), &Type::FLOAT8) => out.put_f64(*value),
        (Bind::Text(value), &Type::TEXT | &Type::VARCHAR) => out.put_slice(kept(value).as_bytes()),
        (Bind::Bytes(value), &Type::BYTEA) => out.put_slice(value),
        (bind, of) => return Err(format!("{} is bound where {of} is asked for", name(bind)).into()),
    }
    Ok(IsNull::No)
}

fn name(bind: &Bind<'_>) -> &'static str {
    match bind {
        Bind::Null => "NULL",
        Bind::Int(_) => "an integer",
        Bind::Real(_) => "a real number",
        Bind::Text(_) => "text",
        Bind::Bytes(_) => "bytes",
    }
}

/// PostgreSQL's text holds no U+0000. Nothing that the store searches by holds one either; this is for the rest, such as names of agents.
fn kept(text: &str) -> Cow<'_, str> {
    lenticular_store::sql::storable(text)
}

/// One row of an answer.
pub struct PgRow<'a>(pub &'a tokio_postgres::Row);

enum Cell<'a> {
    Int(i64),
    Real(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Cell<'a>, Wrong> {
        Ok(match *of {
            Type::INT8 => Cell::Int(i64::from_be_bytes(raw.try_into()?)),
            Type::INT4 => Cell::Int(i32::from_be_bytes(raw.try_into()?).into()),
            Type::FLOAT8 => Cell::Real(f64::from_be_bytes(raw.try_into()?)),
            Type::TEXT | Type::VARCHAR => Cell::Text(std::str::from_utf8(raw)?),
            Type::BYTEA => Cell::Bytes(raw),
            _ => return Err(format!("a column of type {of}").into()),
        })
    }

    fn accepts(of: &Type) -> bool {
        matches!(of.kind(), Kind::Simple)
    }
}

impl<'a> PgRow<'a> {
    fn cell(&self, column: usize) -> Result<Option<Cell<'a>>, Fault> {
        self.0.try_get(column).map_err(Fault::internal)
    }

    fn wrong(column: usize) -> Fault {
        corrupt(format!("the type of column {column}"))
    }
}

impl Row for PgRow<'_> {
    fn int(&self, column: usize) -> Result<i64, Fault> {
        Ok(self.maybe_int(column)?.unwrap_or(0))
    }

    fn real(&self, column: usize) -> Result<Option<f64>, Fault> {
        match self.cell(column)? {
            Some(Cell::Real(value)) => Ok(Some(value)),
            None => Ok(None),
            Some(_) => Err(PgRow::wrong(column)),
        }
    }

    fn maybe_int(&self, column: usize) -> Result<Option<i64>, Fault> {
        match self.cell(column)? {
            Some(Cell::Int(value)) => Ok(Some(value)),
            None => Ok(None),
            Some(_) => Err(PgRow::wrong(column)),
        }
    }

    fn text(&self, column: usize) -> Result<Option<&str>, Fault> {
        match self.cell(column)? {
            Some(Cell::Text(value)) => Ok(Some(value)),
            None => Ok(None),
            Some(_) => Err(PgRow::wrong(column)),
        }
    }

    fn bytes(&self, column: usize) -> Result<&[u8], Fault> {
        match self.cell(column)? {
            Some(Cell::Bytes(value)) => Ok(value),
            None => Ok(&[]),
            Some(_) => Err(PgRow::wrong(column)),
        }
    }
}
