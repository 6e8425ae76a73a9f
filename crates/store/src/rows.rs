//! Reading rows of `record` and `grants`.

use crate::contract::{Record, RowColumns};
use crate::dialect::Dialect;
use crate::sql::{Bind, Packer, Row, Session};
use lenticular_base::{Fault, FaultKind, Instant, Kind, Labels, OrgNo, Position, Vid};
use lenticular_policy::{Grant, Grantee};
use std::collections::HashMap;

/// The columns that [`record`] reads, of the table `record` or an alias `r`.
pub const COLUMNS: &str = "r.vid,r.org,r.patient,r.kind,r.labels,r.author_org,r.time,r.study,r.id,r.version,\
                           r.position,r.deleted,r.dictionary,r.length,r.splice,r.body";

/// What is on disk is not what was written there.
pub fn corrupt(what: impl Into<String>) -> Fault {
    Fault::new(
        FaultKind::Corrupt,
        "corrupt",
        "What is stored here cannot be read any more. The operator's log says why; `lenticular verify` says how much.",
    )
    .caused_by(what.into())
}

/// The kind in a column.
pub fn kind(number: i64) -> Result<Kind, Fault> {
    u16::try_from(number).map(Kind).map_err(|_| corrupt(format!("kind {number}")))
}

/// One row of [`COLUMNS`], its body unpacked.
pub fn record(row: &dyn Row, packer: &dyn Packer) -> Result<Record, Fault> {
    let owned = |column| Ok::<_, Fault>(row.text(column)?.map(str::to_owned));
    let vid = row.int(0)?;
    let columns = RowColumns {
        org: OrgNo(row.int(1)?),
        patient: owned(2)?,
        kind: kind(row.int(3)?)?,
        labels: Labels(row.int(4)?),
        author_org: OrgNo(row.int(5)?),
        time: Instant(row.int(6)?),
        study: owned(7)?,
    };
    Ok(Record {
        vid: Vid(vid),
        columns,
        id: owned(8)?.ok_or_else(|| corrupt(format!("row {vid} has no id")))?,
        version: row.int(9)?,
        position: Position(row.int(10)?),
        deleted: row.int(11)? != 0,
        body: packer.unpack(row.int(12)?, row.int(13)?, row.bytes(15)?)?,
        splice: i32::try_from(row.int(14)?).map_err(|_| corrupt(format!("splice of row {vid}")))?,
    })
}

/// The record of a version number, where there is one.
pub fn by_vid(session: &dyn Session, packer: &dyn Packer, vid: Vid) -> Result<Option<Record>, Fault> {
    let mut found = None;
    session.query(BY_VID, &[Bind::Int(vid.0)], &mut |row| {
        found = Some(record(row, packer)?);
        Ok(false)
    })?;
    Ok(found)
}

/// The current version of a member's row, deleted or not.
pub fn current(
    session: &dyn Session,
    packer: &dyn Packer,
    org: OrgNo,
    kind: Kind,
    id: &str,
) -> Result<Option<Record>, Fault> {
    let text = format!(
        "SELECT {COLUMNS} FROM record r WHERE r.kind=$1 AND r.id=$2 AND r.until_position=$3 AND r.org=$4"
    );
    let binds =
        [Bind::Int(kind.0.into()), Bind::Text(id), Bind::Int(crate::schema::FOREVER), Bind::Int(org.0)];
    let mut found = None;
    session.query(&text, &binds, &mut |row| {
        found = Some(record(row, packer)?);
        Ok(false)
    })?;
    Ok(found)
}

/// How many bodies are asked for at a time, and up to how many one by one.
const AT_ONCE: usize = 64;
const FEW: usize = 3;

/// The records of version numbers, in their order, until `at_most` bytes of bodies are held: the last one may go beyond.
///
/// # Errors
/// `Corrupt` where one is not there.
pub fn by_vids(
    session: &dyn Session,
    packer: &dyn Packer,
    vids: &[Vid],
    at_most: usize,
) -> Result<Vec<Record>, Fault> {
    let mut found: Vec<Record> = Vec::with_capacity(vids.len());
    let mut held = 0;
    for some in vids.chunks(AT_ONCE) {
        let mut read = match session.dialect() {
            Dialect::Postgres if some.len() > FEW => together(session, packer, some, at_most - held)?,
            _ => Vec::new(),
        };
        if read.is_empty() {
            let binds: Vec<Bind<'_>> = some.iter().map(|vid| Bind::Int(vid.0)).collect();
            let mut bytes = 0;
            session.query_many(BY_VID, 1, &binds, &mut |_, row| {
                let record = record(row, packer)?;
                bytes += record.body.len();
                read.push(record);
                Ok(bytes < at_most - held)
            })?;
        }
        if let Some((vid, _)) = some.iter().zip(&read).find(|(vid, record)| **vid != record.vid) {
            return Err(corrupt(format!("version {} went away", vid.0)));
        }
        held += read.iter().map(|record| record.body.len()).sum::<usize>();
        let missing = some.get(read.len());
        found.append(&mut read);
        if held >= at_most {
            break;
        }
        if let Some(vid) = missing {
            return Err(corrupt(format!("version {} went away", vid.0)));
        }
    }
    Ok(found)
}

/// The same with one statement, always of as many placeholders, so that it stays prepared. The rows come in any order: where
/// there are too many bytes, the first of them in the order asked for, perhaps none.
fn together(
    session: &dyn Session,
    packer: &dyn Packer,
    vids: &[Vid],
    at_most: usize,
) -> Result<Vec<Record>, Fault> {
    let places: Vec<String> = (1..=AT_ONCE).map(|at| format!("${at}")).collect();
    let text = format!("SELECT {COLUMNS} FROM record r WHERE r.vid IN ({})", places.join(","));
    let first = vids.first().copied().unwrap_or(Vid(0));
    // the first stands in for those that are not asked for
    let padded = vids.iter().copied().chain(std::iter::repeat(first)).take(AT_ONCE);
    let binds: Vec<Bind<'_>> = padded.map(|vid| Bind::Int(vid.0)).collect();
    let mut read: HashMap<Vid, Record> = HashMap::with_capacity(vids.len());
    let mut bytes = 0;
    session.query(&text, &binds, &mut |row| {
        let record = record(row, packer)?;
        bytes += record.body.len();
        read.insert(record.vid, record);
        Ok(bytes < at_most)
    })?;
    Ok(vids.iter().map_while(|vid| read.remove(vid)).collect())
}

const BY_VID: &str = "SELECT r.vid,r.org,r.patient,r.kind,r.labels,r.author_org,r.time,r.study,r.id,r.version,\
                      r.position,r.deleted,r.dictionary,r.length,r.splice,r.body FROM record r WHERE r.vid=$1";

/// Every grant there is, in force or not.
pub fn grants(session: &dyn Session) -> Result<Vec<Grant>, Fault> {
    let mut found = Vec::new();
    let text = "SELECT source,grantee,org,patient,study,kind,expires FROM grants ORDER BY grantee,org";
    session.query(text, &[], &mut |row| {
        let owned = |column| Ok::<_, Fault>(row.text(column)?.map(str::to_owned));
        let key = row.text(1)?.unwrap_or_default();
        let grantee = grantee(key).ok_or_else(|| corrupt(format!("grantee {key}")))?;
        found.push(Grant {
            source: owned(0)?.unwrap_or_default(),
            grantee,
            org: OrgNo(row.int(2)?),
            patient: owned(3)?,
            study: owned(4)?,
            kind: row.maybe_int(5)?.map(kind).transpose()?,
            expires: row.maybe_int(6)?.map(Instant),
        });
        Ok(true)
    })?;
    Ok(found)
}

/// Reads what [`Grantee::key`] wrote.
fn grantee(key: &str) -> Option<Grantee> {
    match key.split_at_checked(1)? {
        ("m", org) => org.parse().ok().map(|org| Grantee::Member(OrgNo(org))),
        ("l", share) => Some(Grantee::Link(share.to_owned())),
        _ => None,
    }
}

/// Every member that has rows, by leaps through the index.
pub fn orgs(session: &dyn Session) -> Result<Vec<OrgNo>, Fault> {
    let mut found = Vec::new();
    let mut last = i64::MIN;
    while let Some(org) =
        crate::sql::one_int(session, "SELECT min(org) FROM record WHERE org>$1", &[Bind::Int(last)])?
    {
        found.push(OrgNo(org));
        last = org;
    }
    Ok(found)
}
