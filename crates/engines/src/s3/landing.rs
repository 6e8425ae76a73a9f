//! The table `landing`: bytes on their way to the object store. A row holds one small object with its head, or a piece of a large one.

use super::packer::Tasks;
use crate::files::blobs::HEAD;
use crate::ground::{self, Ground};
use bytes::Bytes;
use lenticular_base::Fault;
use lenticular_store::BlobRef;
use lenticular_store::rows::corrupt;
use lenticular_store::sql::{Bind, Session, one_int};
use std::ops::Range;

/// Bytes of a piece of a large object.
pub const PIECE: u64 = 1 << 20;

/// How many pieces go into one transaction.
const AT_ONCE: u64 = 8;

/// Puts rows of segment, offset and bytes.
pub fn insert(session: &dyn Session, binds: &[Bind<'_>]) -> Result<(), Fault> {
    if binds.is_empty() {
        return Ok(());
    }
    let text = "INSERT INTO landing (segment,at,bytes) VALUES ($1,$2,$3) ON CONFLICT (segment,at) DO NOTHING";
    session.execute_many(text, 3, binds)
}

/// Puts a large object in pieces, a few in each transaction.
pub fn insert_large(
    tasks: &Tasks,
    no: i64,
    length: u64,
    source: super::objects::Source<'_>,
) -> Result<(), Fault> {
    let mut at = 0;
    while at < length {
        let end = length.min(at + AT_ONCE * PIECE);
        let mut pieces = Vec::new();
        while at < end {
            let mut bytes = vec![0; usize::try_from((end - at).min(PIECE)).map_err(Fault::internal)?];
            source(at, &mut bytes)?;
            pieces.push((i64::try_from(at).map_err(Fault::internal)?, bytes));
            at = end.min(at + PIECE);
        }
        tasks.run(move |session, _| {
            let binds: Vec<Bind<'_>> = pieces
                .iter()
                .flat_map(|(at, bytes)| [Bind::Int(no), Bind::Int(*at), Bind::Bytes(bytes)])
                .collect();
            insert(session, &binds).map(|()| 0)
        })?;
    }
    Ok(())
}

/// Whether the row of a small blob, or the first of a large one, is there.
pub fn has(session: &dyn Session, blob: &BlobRef) -> Result<bool, Fault> {
    let at = if blob.segment < 0 { 0 } else { blob.offset.saturating_sub(HEAD) };
    let at = i64::try_from(at).map_err(Fault::internal)?;
    let text = "SELECT 1 FROM landing WHERE segment=$1 AND at=$2";
    Ok(one_int(session, text, &[Bind::Int(blob.segment), Bind::Int(at)])?.is_some())
}

/// A range of a blob; `None` where it has no row.
pub fn part(ground: &dyn Ground, blob: &BlobRef, range: Range<u64>) -> Result<Option<Bytes>, Fault> {
    let place = |at: u64| blob.offset.checked_add(at).ok_or_else(|| corrupt("offset of a blob"));
    let (start, end) = (place(range.start)?, place(range.end)?);
    let first = if blob.segment < 0 { start - start % PIECE } else { blob.offset.saturating_sub(HEAD) };
    let last = if blob.segment < 0 { end.max(first + 1) } else { first + 1 };
    ground::glance(ground, |session| stretch(session, blob.segment, first..last, start..end))
}

/// The bytes `wanted` of a segment, out of the rows that begin within `begin`; `None` where the first of these is not there.
pub fn stretch(
    session: &dyn Session,
    no: i64,
    begin: Range<u64>,
    wanted: Range<u64>,
) -> Result<Option<Bytes>, Fault> {
    let number = |value: u64| i64::try_from(value).map_err(Fault::internal);
    let binds = [Bind::Int(no), Bind::Int(number(begin.start)?), Bind::Int(number(begin.end)?)];
    let mut found: Option<Vec<u8>> = None;
    let mut at = wanted.start;
    let text = "SELECT at,bytes FROM landing WHERE segment=$1 AND at>=$2 AND at<$3 ORDER BY at";
    session.query(text, &binds, &mut |row| {
        let (begins, bytes) = (row.int(0)?.unsigned_abs(), row.bytes(1)?);
        let ends = begins + bytes.len() as u64;
        if begins <= at && at <= ends {
            let (from, to) = (at - begins, wanted.end.min(ends).saturating_sub(begins).max(at - begins));
            let range = usize::try_from(from).map_err(Fault::internal)?
                ..usize::try_from(to).map_err(Fault::internal)?;
            found.get_or_insert_default().extend_from_slice(bytes.get(range).unwrap_or_default());
            at = begins + to;
        }
        Ok(true)
    })?;
    match found {
        Some(_) if at < wanted.end => Err(corrupt(format!("segment {no} has no row at {at}"))),
        found => Ok(found.map(Bytes::from)),
    }
}

/// Rows of a segment from an offset on, a few at a time.
pub fn next(session: &dyn Session, no: i64, from: u64) -> Result<Vec<(u64, Bytes)>, Fault> {
    let mut found = Vec::new();
    let text = "SELECT at,bytes FROM landing WHERE segment=$1 AND at>=$2 ORDER BY at LIMIT 16";
    let from = i64::try_from(from).map_err(Fault::internal)?;
    session.query(text, &[Bind::Int(no), Bind::Int(from)], &mut |row| {
        found.push((row.int(0)?.unsigned_abs(), Bytes::copy_from_slice(row.bytes(1)?)));
        Ok(true)
    })?;
    Ok(found)
}

/// Removes every row of a segment.
pub fn clear(session: &dyn Session, no: i64) -> Result<u64, Fault> {
    session.execute("DELETE FROM landing WHERE segment=$1", &[Bind::Int(no)])
}
