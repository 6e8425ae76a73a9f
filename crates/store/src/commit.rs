//! The commit algorithm: a group of proposals inside one transaction of one connection.
//!
//! The engine begins the transaction, hands over each proposal with [`Group::run`], calls [`Group::flush`], makes the blobs
//! durable, and commits. Each proposal sees the writes of those before it. What could fail in one proposal is
//! checked before its first write, so that it fails alone; a failure of the connection itself fails the group.

use crate::contract::{Author, Decide, PackedBody, Packing, Put, Receipt, Record, Stamp, View, Write};
use crate::dialect::Dialect;
use crate::entries::{self, Entries};
use crate::plan::{self, World};
use crate::rows;
use crate::schema::FOREVER;
use crate::sql::{Bind, Packer, Row, Session, one_int};
use lenticular_base::index::Query;
use lenticular_base::{Fault, FaultKind, Instant, Kind, OrgNo, Position, Vid};
use lenticular_policy::{Grant, Scope};
use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The longest packed body in bytes.
pub const BODY_LIMIT: usize = 256 << 20;

/// Rows and entries are written as soon as so many have come together, or so many bytes of bodies: in a file at once, over a
/// network together, while the next ones are decided.
struct Batch {
    rows: usize,
    bytes: usize,
    entries: usize,
}

const IN_FILE: Batch = Batch { rows: 1, bytes: 0, entries: 200_000 };
const OVER_NETWORK: Batch = Batch { rows: 500, bytes: 4 << 20, entries: 10_000 };

/// What a commit came to, besides the rows.
#[derive(Debug, Default)]
pub struct Touched {
    /// Rows whose current version changed.
    pub names: Vec<(Kind, String)>,
    /// Members that got rows.
    pub orgs: HashSet<OrgNo>,
    pub grants: bool,
}

/// The newest position and its time; the beginning where the log is empty.
pub fn newest(session: &dyn Session) -> Result<Stamp, Fault> {
    let mut stamp = Stamp { position: Position(0), time: Instant(i64::MIN) };
    session.query("SELECT position,time FROM log ORDER BY position DESC LIMIT 1", &[], &mut |row| {
        stamp = Stamp { position: Position(row.int(0)?), time: Instant(row.int(1)?) };
        Ok(false)
    })?;
    Ok(stamp)
}

/// The number of the newest version.
pub fn last_vid(session: &dyn Session) -> Result<Vid, Fault> {
    Ok(Vid(one_int(session, "SELECT max(vid) FROM record", &[])?.unwrap_or(0)))
}

/// A group of proposals while its transaction is open.
pub struct Group<'a> {
    session: &'a dyn Session,
    packer: &'a dyn Packer,
    now: Instant,
    last: Stamp,
    vid: Vid,
    batch: Batch,
    pending: RefCell<Entries>,
    /// Versions that are not written yet, and the bytes of their bodies.
    rows: RefCell<Vec<Version>>,
    bytes: usize,
    /// What is known of the current versions of rows, by name: nobody else commits meanwhile.
    known: RefCell<HashMap<Name, Option<Current>>>,
    /// The newest version before this group; entries of later ones may still be pending.
    before: Vid,
    touched: Touched,
    /// A failure of the connection inside a decision: the whole group is lost.
    broken: RefCell<Option<Fault>>,
}

type Name = (OrgNo, Kind, String);

/// A version on its way into the table.
struct Version {
    vid: Vid,
    author_org: OrgNo,
    stamp: Stamp,
    version: i64,
    deleted: bool,
    put: Put,
}

/// The current version of a row, as much as a write has to know.
#[derive(Clone, Copy)]
struct Current {
    vid: Vid,
    version: i64,
    deleted: bool,
}

impl<'a> Group<'a> {
    /// Begins after `last` and `vid`, at the time `now`.
    pub fn new(
        session: &'a dyn Session,
        packer: &'a dyn Packer,
        last: Stamp,
        vid: Vid,
        now: Instant,
    ) -> Group<'a> {
        Group {
            session,
            packer,
            now,
            last,
            vid,
            batch: match session.dialect() {
                Dialect::Sqlite => IN_FILE,
                Dialect::Postgres => OVER_NETWORK,
            },
            pending: RefCell::default(),
            rows: RefCell::default(),
            bytes: 0,
            known: RefCell::default(),
            before: vid,
            touched: Touched::default(),
            broken: RefCell::new(None),
        }
    }

    /// Runs one proposal. The outer error is the end of the group; the inner one fails this proposal alone.
    pub fn run(&mut self, author: &Author, decide: Decide) -> Result<Result<Receipt, Fault>, Fault> {
        let stamp =
            Stamp { position: Position(self.last.position.0 + 1), time: self.now.max(self.last.time) };
        let decided = catch_unwind(AssertUnwindSafe(|| decide(&*self, stamp)));
        if let Some(fault) = self.broken.borrow_mut().take() {
            return Err(fault);
        }
        let decided = match decided {
            Ok(Ok(decided)) => decided,
            Ok(Err(fault)) => return Ok(Err(fault)),
            Err(panic) => return Ok(Err(panicked(&*panic))),
        };
        if decided.writes.is_empty() {
            return Ok(Ok(Receipt { stamp: self.last, versions: Vec::new(), answer: decided.answer }));
        }
        self.look_up(&decided.writes)?;
        if let Err(fault) = self.check(&decided.writes) {
            return Ok(Err(fault));
        }
        let changes = i64::try_from(decided.writes.len()).unwrap_or(i64::MAX);
        let grants =
            decided.writes.iter().any(|write| matches!(write, Write::Grant(_) | Write::Ungrant { .. }));
        let mut versions = Vec::with_capacity(decided.writes.len());
        for write in decided.writes {
            self.apply(author, stamp, write, &mut versions)?;
        }
        self.session.send(
            "INSERT INTO log (position,time,author_org,agent,changes,grants) VALUES ($1,$2,$3,$4,$5,$6)",
            &[
                Bind::Int(stamp.position.0),
                Bind::Int(stamp.time.0),
                Bind::Int(author.org.0),
                Bind::Text(&author.agent),
                Bind::Int(changes),
                Bind::Int(grants.into()),
            ],
        )?;
        self.last = stamp;
        if self.pending.borrow().len() >= self.batch.entries {
            self.flush()?;
        }
        Ok(Ok(Receipt { stamp, versions, answer: decided.answer }))
    }

    /// Writes what is still in memory. To be called before the transaction commits.
    pub fn flush(&self) -> Result<(), Fault> {
        self.write_rows()?;
        let mut pending = self.pending.borrow_mut();
        if pending.is_empty() { Ok(()) } else { pending.flush(self.session) }
    }

    /// The newest stamp, and what was touched.
    pub fn finish(self) -> (Stamp, Touched) {
        (self.last, self.touched)
    }

    /// Whether every write can be applied; after this only the connection itself can fail.
    fn check(&self, writes: &[Write]) -> Result<(), Fault> {
        let mut made: HashSet<(OrgNo, Kind, &str)> = HashSet::new();
        for write in writes {
            match write {
                Write::Put(put) if put.body.bytes.len() > BODY_LIMIT => {
                    let words = format!("A record of more than {BODY_LIMIT} bytes is not kept.");
                    return Err(Fault::new(FaultKind::TooLarge, "record-too-large", words));
                }
                Write::Put(put) => {
                    made.insert((put.org, put.kind, &put.id));
                }
                Write::Delete { org, kind, id } => {
                    let here =
                        made.contains(&(*org, *kind, id.as_str())) || self.named(*org, *kind, id)?.is_some();
                    if !here {
                        return Err(Fault::not_found());
                    }
                }
                Write::Grant(_) | Write::Ungrant { .. } => {}
            }
        }
        Ok(())
    }

    fn apply(
        &mut self,
        author: &Author,
        stamp: Stamp,
        write: Write,
        versions: &mut Vec<i64>,
    ) -> Result<(), Fault> {
        match write {
            Write::Put(put) => versions.push(self.put(author, stamp, *put)?),
            Write::Delete { org, kind, id } => versions.push(self.delete(author, stamp, org, kind, &id)?),
            Write::Grant(grant) => self.grant(&grant)?,
            Write::Ungrant { source } => {
                self.session.send("DELETE FROM grants WHERE source=$1", &[Bind::Text(&source)])?;
                self.touched.grants = true;
            }
        }
        Ok(())
    }

    /// Learns the current versions of all rows that are about to be written, with one question.
    fn look_up(&self, writes: &[Write]) -> Result<(), Fault> {
        let mut known = self.known.borrow_mut();
        let mut asked: Vec<Name> = Vec::new();
        for write in writes {
            let name = match write {
                Write::Put(put) => (put.org, put.kind, put.id.clone()),
                Write::Delete { org, kind, id } => (*org, *kind, id.clone()),
                Write::Grant(_) | Write::Ungrant { .. } => continue,
            };
            if let Entry::Vacant(place) = known.entry(name) {
                asked.push(place.key().clone());
                place.insert(None);
            }
        }
        let binds: Vec<Bind<'_>> = asked.iter().flat_map(named_binds).collect();
        let asking = self.session.query_many(NAMED, 4, &binds, &mut |at, row| {
            if let Some(name) = asked.get(at) {
                known.insert(name.clone(), Some(read_current(row)?));
            }
            Ok(true)
        });
        if asking.is_err() {
            known.clear();
        }
        asking
    }

    fn named(&self, org: OrgNo, kind: Kind, id: &str) -> Result<Option<Current>, Fault> {
        let name = (org, kind, id.to_owned());
        if let Some(known) = self.known.borrow().get(&name) {
            return Ok(*known);
        }
        let mut found = None;
        self.session.query(NAMED, &named_binds(&name), &mut |row| {
            found = Some(read_current(row)?);
            Ok(false)
        })?;
        self.known.borrow_mut().insert(name, found);
        Ok(found)
    }

    /// Writes the versions that are still in memory.
    fn write_rows(&self) -> Result<(), Fault> {
        let rows = std::mem::take(&mut *self.rows.borrow_mut());
        if rows.is_empty() {
            return Ok(());
        }
        let binds: Vec<Bind<'_>> = rows.iter().flat_map(Version::binds).collect();
        self.session.execute_many(INSERT_RECORD, 18, &binds)
    }

    /// Adds a version that is the current one from now on.
    fn begin_version(
        &mut self,
        author: &Author,
        stamp: Stamp,
        version: i64,
        deleted: bool,
        put: Put,
    ) -> Result<(), Fault> {
        self.vid = Vid(self.vid.0 + 1);
        let name = (put.org, put.kind, put.id.clone());
        self.known.get_mut().insert(name, Some(Current { vid: self.vid, version, deleted }));
        self.bytes = self.bytes.saturating_add(put.body.bytes.len());
        let row = Version { vid: self.vid, author_org: author.org, stamp, version, deleted, put };
        let rows = self.rows.get_mut();
        rows.push(row);
        if rows.len() >= self.batch.rows || self.bytes >= self.batch.bytes {
            self.bytes = 0;
            self.write_rows()?;
        }
        Ok(())
    }

    fn put(&mut self, author: &Author, stamp: Stamp, put: Put) -> Result<i64, Fault> {
        let current = self.named(put.org, put.kind, &put.id)?;
        let version = current.as_ref().map_or(1, |current| current.version + 1);
        self.touched.names.push((put.kind, put.id.clone()));
        match current {
            Some(current) if put.in_place && !current.deleted => {
                self.replace(author, stamp, current.vid, version, put)?;
            }
            current => {
                if let Some(current) = current {
                    self.supersede(stamp, &current)?;
                }
                self.add(author, stamp, version, put)?;
            }
        }
        Ok(version)
    }

    fn supersede(&self, stamp: Stamp, current: &Current) -> Result<(), Fault> {
        if current.vid > self.before {
            self.write_rows()?;
        }
        let binds = [Bind::Int(stamp.position.0), Bind::Int(current.vid.0)];
        self.session.send("UPDATE record SET until_position=$1 WHERE vid=$2", &binds)?;
        if !current.deleted {
            self.session.send("INSERT INTO sweep (until_position,vid) VALUES ($1,$2)", &binds)?;
        }
        Ok(())
    }

    fn add(&mut self, author: &Author, stamp: Stamp, version: i64, mut put: Put) -> Result<(), Fault> {
        self.touched.orgs.insert(put.org);
        let (org, entries) = (put.org, std::mem::take(&mut put.entries));
        self.begin_version(author, stamp, version, false, put)?;
        self.pending.get_mut().add(org, self.vid, entries);
        Ok(())
    }

    /// Replaces the current version in place, and its entries by difference.
    fn replace(
        &mut self,
        author: &Author,
        stamp: Stamp,
        vid: Vid,
        version: i64,
        put: Put,
    ) -> Result<(), Fault> {
        if vid > self.before {
            self.flush()?;
        }
        let name = (put.org, put.kind, put.id.clone());
        self.known.get_mut().insert(name, Some(Current { vid, version, deleted: false }));
        let text = "UPDATE record SET patient=$1,labels=$2,author_org=$3,time=$4,study=$5,version=$6,position=$7,\
                    dictionary=$8,length=$9,splice=$10,body=$11 WHERE vid=$12";
        self.session.send(
            text,
            &[
                Bind::optional(put.patient.as_deref()),
                Bind::Int(put.labels.0),
                Bind::Int(author.org.0),
                Bind::Int(stamp.time.0),
                Bind::optional(put.study.as_deref()),
                Bind::Int(version),
                Bind::Int(stamp.position.0),
                Bind::Int(put.body.dictionary.into()),
                Bind::Int(put.body.length.into()),
                Bind::Int(put.splice.into()),
                Bind::Bytes(&put.body.bytes),
                Bind::Int(vid.0),
            ],
        )?;
        let stored = Entries::stored(self.session, vid)?;
        let mut wanted = Entries::default();
        wanted.add(put.org, vid, put.entries);
        let (gone, mut come) = Entries::difference(&stored, &mut wanted);
        gone.delete(self.session)?;
        come.flush(self.session)
    }

    fn delete(
        &mut self,
        author: &Author,
        stamp: Stamp,
        org: OrgNo,
        kind: Kind,
        id: &str,
    ) -> Result<i64, Fault> {
        let Some(current) = self.named(org, kind, id)? else {
            return Err(Fault::not_found());
        };
        self.write_rows()?;
        let Some(record) = rows::by_vid(self.session, self.packer, current.vid)? else {
            return Err(rows::corrupt(format!("version {} went away", current.vid.0)));
        };
        self.supersede(stamp, &current)?;
        let stone = Put {
            org,
            patient: record.columns.patient,
            kind,
            labels: record.columns.labels,
            study: record.columns.study,
            id: record.id,
            body: PackedBody { bytes: Vec::new(), dictionary: -1, length: 0 },
            splice: -1,
            entries: Vec::new(),
            in_place: false,
        };
        self.touched.names.push((kind, stone.id.clone()));
        self.begin_version(author, stamp, current.version + 1, true, stone)?;
        Ok(current.version + 1)
    }

    fn grant(&mut self, grant: &Grant) -> Result<(), Fault> {
        self.touched.grants = true;
        self.session.send(
            "INSERT INTO grants (source,grantee,org,patient,study,kind,expires) VALUES ($1,$2,$3,$4,$5,$6,$7)",
            &[
                Bind::Text(&grant.source),
                Bind::Text(&grant.grantee.key()),
                Bind::Int(grant.org.0),
                Bind::optional(grant.patient.as_deref()),
                Bind::optional(grant.study.as_deref()),
                grant.kind.map_or(Bind::Null, |kind| Bind::Int(kind.0.into())),
                grant.expires.map_or(Bind::Null, |end| Bind::Int(end.0)),
            ],
        )?;
        Ok(())
    }

    /// Keeps a failure of the connection, so that no decision can pass over it. One damaged row fails alone.
    fn guard<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        result.map_err(|fault| {
            if fault.kind != FaultKind::Corrupt {
                let again = Fault::new(fault.kind, fault.code, fault.public.clone());
                *self.broken.borrow_mut() = Some(fault);
                return again;
            }
            fault
        })
    }
}

const NAMED: &str =
    "SELECT vid,version,deleted FROM record WHERE kind=$1 AND id=$2 AND until_position=$3 AND org=$4";

fn named_binds((org, kind, id): &Name) -> [Bind<'_>; 4] {
    [Bind::Int(kind.0.into()), Bind::Text(id), Bind::Int(FOREVER), Bind::Int(org.0)]
}

fn read_current(row: &dyn Row) -> Result<Current, Fault> {
    Ok(Current { vid: Vid(row.int(0)?), version: row.int(1)?, deleted: row.int(2)? != 0 })
}

const INSERT_RECORD: &str = "INSERT INTO record (vid,org,patient,kind,labels,author_org,time,study,id,version,from_position,\
                             until_position,position,deleted,dictionary,length,splice,body) \
                             VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)";

impl Version {
    fn binds(&self) -> [Bind<'_>; 18] {
        let put = &self.put;
        [
            Bind::Int(self.vid.0),
            Bind::Int(put.org.0),
            Bind::optional(put.patient.as_deref()),
            Bind::Int(put.kind.0.into()),
            Bind::Int(put.labels.0),
            Bind::Int(self.author_org.0),
            Bind::Int(self.stamp.time.0),
            Bind::optional(put.study.as_deref()),
            Bind::Text(&put.id),
            Bind::Int(self.version),
            Bind::Int(self.stamp.position.0),
            Bind::Int(FOREVER),
            Bind::Int(self.stamp.position.0),
            Bind::Int(self.deleted.into()),
            Bind::Int(put.body.dictionary.into()),
            Bind::Int(put.body.length.into()),
            Bind::Int(put.splice.into()),
            Bind::Bytes(&put.body.bytes),
        ]
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Fault {
    let words = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Fault::internal(format!("a decision panicked: {words}"))
}

impl View for Group<'_> {
    fn current(&self, org: OrgNo, kind: Kind, id: &str) -> Result<Option<Record>, Fault> {
        let look = || {
            let name = (org, kind, id.to_owned());
            let known = self.known.borrow().get(&name).copied();
            let found = match known {
                Some(None) => return Ok(None),
                Some(Some(current)) => {
                    self.write_rows()?;
                    rows::by_vid(self.session, self.packer, current.vid)?
                }
                None => rows::current(self.session, self.packer, org, kind, id)?,
            };
            let current = found.as_ref().map(|row| Current {
                vid: row.vid,
                version: row.version,
                deleted: row.deleted,
            });
            self.known.borrow_mut().insert(name, current);
            Ok(found)
        };
        self.guard(look())
    }

    fn find(&self, org: OrgNo, query: &Query) -> Result<Vec<Record>, Fault> {
        let search = || {
            self.flush()?;
            let world = World { orgs: &[org], grants: &[], newest: self.last.position };
            let page = plan::search(self.session, self.packer, &world, &Scope::of_own_work(org), query)?;
            Ok(page.rows)
        };
        self.guard(search())
    }

    fn pack(&self, kind: Kind, bytes: &[u8], packing: Packing) -> PackedBody {
        self.packer.pack(kind, bytes, packing)
    }
}

/// How long the entries of a superseded version stay, in milliseconds: so long is a page of an older position exact.
pub const SWEEP_AFTER: i64 = 15 * 60 * 1000;

/// Removes the entries of at most `limit` versions that were superseded before `now` minus [`SWEEP_AFTER`]; gives how many.
pub fn sweep(session: &dyn Session, now: Instant, limit: i64) -> Result<usize, Fault> {
    let long_ago = now.0.saturating_sub(SWEEP_AFTER);
    let mut due = Vec::new();
    session.query(
        "SELECT s.until_position,s.vid,l.time FROM \
         (SELECT until_position,vid FROM sweep ORDER BY until_position LIMIT $1) s \
         CROSS JOIN log l WHERE l.position=s.until_position",
        &[Bind::Int(limit)],
        &mut |row| {
            if row.int(2)? < long_ago {
                due.push((row.int(0)?, row.int(1)?));
            }
            Ok(true)
        },
    )?;
    for (position, vid) in &due {
        entries::remove(session, Vid(*vid))?;
        let binds = [Bind::Int(*position), Bind::Int(*vid)];
        session.execute("DELETE FROM sweep WHERE until_position=$1 AND vid=$2", &binds)?;
    }
    Ok(due.len())
}
