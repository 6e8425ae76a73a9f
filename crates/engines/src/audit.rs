//! How audit entries are written down, in files and in databases alike, and how the index of them is asked.
//!
//! The log is a row of frames: length (4 bytes, little endian), CRC-32 (4 bytes) and one entry as compact JSON. The k-th entry of
//! file n (from 0) has the sequence number `n << 32 | k`, for ever: leaves of a Merkle log can name it.

pub(crate) mod queue;

use lenticular_base::{Fault, Instant};
use lenticular_store::dialect::Dialect;
use lenticular_store::sql::Sql;
use lenticular_store::{AuditEntry, AuditFilter};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The longest entry that is written, in bytes.
pub(crate) const ENTRY_AT_MOST: usize = 1 << 20;

/// The longest entry that is read back, in bytes: there was a time when what was written had no limit.
const READ_AT_MOST: usize = 32 << 20;

/// A text in an entry that would be too long is cut to so many bytes; even with each byte escaped, all of them fit.
const TEXT_AT_MOST: usize = 4 << 10;

/// An entry as it is written.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    t: i64,
    o: i64,
    ao: i64,
    #[serde(borrow)]
    ag: Cow<'a, str>,
    #[serde(borrow)]
    r: Cow<'a, str>,
    a: char,
    #[serde(borrow)]
    w: Cow<'a, str>,
    #[serde(borrow)]
    i: Cow<'a, str>,
    #[serde(borrow)]
    k: Cow<'a, str>,
    #[serde(borrow)]
    e: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    p: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    q: Option<Cow<'a, str>>,
    oc: u8,
    #[serde(borrow)]
    pu: Cow<'a, str>,
}

/// Writes an entry as JSON.
pub(crate) fn write_entry(entry: &AuditEntry, out: &mut Vec<u8>) -> Result<(), Fault> {
    let text = |text: &'_ str| -> Cow<'_, str> { Cow::Owned(text.to_owned()) };
    let line = Line {
        id: Cow::Borrowed(&entry.id),
        t: entry.time.0,
        o: entry.org,
        ao: entry.agent_org,
        ag: Cow::Borrowed(&entry.agent),
        r: Cow::Borrowed(&entry.role),
        a: entry.action,
        w: Cow::Borrowed(&entry.way),
        i: Cow::Borrowed(&entry.interaction),
        k: Cow::Borrowed(&entry.kind),
        e: Cow::Borrowed(&entry.entity),
        p: entry.patient.as_deref().map(Cow::Borrowed),
        q: entry.query.as_deref().map(text),
        oc: entry.outcome,
        pu: Cow::Borrowed(&entry.purpose),
    };
    serde_json::to_writer(out, &line).map_err(Fault::internal)
}

/// Reads what [`write_entry`] wrote.
pub(crate) fn read_entry(bytes: &[u8]) -> Result<AuditEntry, Fault> {
    let line: Line<'_> = serde_json::from_slice(bytes)
        .map_err(|error| lenticular_store::rows::corrupt(format!("an audit entry: {error}")))?;
    Ok(AuditEntry {
        id: line.id.into_owned(),
        time: Instant(line.t),
        org: line.o,
        agent_org: line.ao,
        agent: line.ag.into_owned(),
        role: line.r.into_owned(),
        action: line.a,
        way: line.w.into_owned(),
        interaction: line.i.into_owned(),
        kind: line.k.into_owned(),
        entity: line.e.into_owned(),
        patient: line.p.map(Cow::into_owned),
        query: line.q.map(Cow::into_owned),
        outcome: line.oc,
        purpose: line.pu.into_owned(),
    })
}

/// The entry with its texts cut: what is longer than an entry may be must not be lost, nor what stands behind it.
pub(crate) fn shortened(entry: &AuditEntry) -> AuditEntry {
    let cut = |text: &str| match text.len() {
        0..=TEXT_AT_MOST => text.to_owned(),
        length => format!("{}… ({length} bytes)", &text[..text.floor_char_boundary(TEXT_AT_MOST)]),
    };
    AuditEntry {
        id: cut(&entry.id),
        agent: cut(&entry.agent),
        role: cut(&entry.role),
        way: cut(&entry.way),
        interaction: cut(&entry.interaction),
        kind: cut(&entry.kind),
        entity: cut(&entry.entity),
        patient: entry.patient.as_deref().map(cut),
        query: entry.query.as_deref().map(cut),
        purpose: cut(&entry.purpose),
        ..*entry
    }
}

pub(crate) fn frame(entry: &AuditEntry, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut body = Vec::with_capacity(512);
    write_entry(entry, &mut body)?;
    if body.len() > ENTRY_AT_MOST {
        body.clear();
        write_entry(&shortened(entry), &mut body)?;
    }
    framed(&body, out)
}

/// Adds an entry that is JSON already, with its head.
pub(crate) fn framed(body: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    out.extend_from_slice(&u32::try_from(body.len()).map_err(Fault::internal)?.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(body).to_le_bytes());
    out.extend_from_slice(body);
    Ok(())
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The length with its head that the frame at the front of `bytes` says it has; at most `at_most` and the head.
fn said_length(bytes: &[u8], at_most: usize) -> Option<usize> {
    let length = usize::try_from(word(bytes, 0)?).ok().filter(|length| (1..=at_most).contains(length))?;
    Some(8 + length)
}

pub(crate) fn frame_within(bytes: &[u8], at_most: usize) -> Option<(&[u8], usize)> {
    let taken = said_length(bytes, at_most)?;
    let body = bytes.get(8..taken)?;
    (crc32fast::hash(body) == word(bytes, 4)?).then_some((body, taken))
}

/// The first whole frame of `bytes`: its entry, and its length with the head.
pub(crate) fn next_frame(bytes: &[u8]) -> Option<(&[u8], usize)> {
    frame_within(bytes, READ_AT_MOST)
}

/// How many bytes the frame at the front of `bytes` takes, where it may go on behind them.
pub(crate) fn frame_length(bytes: &[u8]) -> Option<usize> {
    said_length(bytes, READ_AT_MOST)
}

/// Whether the body of a frame is longer than any that is written now.
pub(crate) fn is_overlong(body: &[u8]) -> bool {
    body.len() > ENTRY_AT_MOST
}

/// The sequence number of the `k`th entry of a file.
pub(crate) fn sequence(file: i64, k: i64) -> i64 {
    file << 32 | k
}

/// The columns that the index of audit entries has, in both databases.
pub(crate) const COLUMNS: &str = "seq,org,time,id,agent,patient,entity,kind,action,outcome,body";

/// The statement that finds entries in the table of the index, newest first: their sequence numbers and bodies.
pub(crate) fn statement(dialect: Dialect, table: &str, filter: &AuditFilter) -> Sql {
    let mut sql = Sql::default();
    sql.push(&format!("SELECT seq,body FROM {table}"));
    if dialect == Dialect::Sqlite {
        // named, for without statistics any range of time seems to leave as little as a rare kind or patient
        sql.push(" INDEXED BY ").push(match filter {
            AuditFilter { id: Some(_), .. } => "entry_id",
            AuditFilter { patient: Some(_), .. } => "entry_patient",
            AuditFilter { kind: Some(_), .. } => "entry_kind",
            _ => "entry_time",
        });
    }
    sql.push(" WHERE org=").int(filter.org);
    let texts = [
        ("id", filter.id.clone()),
        ("patient", filter.patient.clone()),
        ("entity", filter.entity.clone()),
        ("kind", filter.kind.clone()),
        ("action", filter.action.map(|action| action.to_string())),
    ];
    for (column, value) in texts {
        if let Some(value) = value {
            sql.push(" AND ").push(column).push("=").str(value);
        }
    }
    let numbers =
        [("time>=", filter.low), ("time<", filter.high), ("outcome=", filter.outcome.map(i64::from))];
    for (condition, value) in numbers {
        if let Some(value) = value {
            sql.push(" AND ").push(condition).int(value);
        }
    }
    if let Some(before) = filter.before {
        sql.push(&format!(" AND (time,seq)<(SELECT time,seq FROM {table} WHERE seq=")).int(before).push(")");
    }
    for (at, agent) in filter.agents.iter().enumerate() {
        sql.push(if at == 0 { " AND agent IN (" } else { "," }).str(agent.as_str());
    }
    sql.push(if filter.agents.is_empty() { "" } else { ")" });
    if filter.no_patient {
        sql.push(" AND patient IS NULL");
    }
    sql.push(" ORDER BY time DESC,seq DESC LIMIT ").int(i64::try_from(filter.limit).unwrap_or(i64::MAX));
    sql
}
