//! Blobs that land in the database, inside the very transaction of the commit that names them, and are packed behind.
//!
//! | a blob | until its commit | from its commit on | packed |
//! |---|---|---|---|
//! | up to 4 MiB | in memory | a row of `landing` | its place in the object `s-<n>` |
//! | larger | the object `o-<n>`; where the store is away, rows of `landing` | the same | the object `o-<n>` |
//!
//! Each process appends to a segment of its own. What no commit named leaves a gap, which the packer fills with an object that
//! nobody names, so that a segment reads like a file of the embedded engine.

use super::claim::{AT_START, Claim};
use super::fetch::{Fetch, name_of};
use super::objects::{AWAY, Patience, TAKEN};
use super::packer::{Packing, Tasks, Work};
use super::spool::Spool;
use super::{Settings, landing, spans, table, walk};
use crate::files::blobs::HEAD;
use crate::files::gathering::Gathering;
use crate::ground::{self, Ground, Holding, Wall};
use crate::verify::VerifyReport;
use crate::writer::WriterHandle;
use bytes::Bytes;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::sql::{Bind, Session};
use lenticular_store::{BlobRef, BlobWriter, Blobs};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of finished blobs that wait in memory for their commits; beyond that they land at once.
const WAITING_AT_MOST: usize = 256 << 20;

/// How many times a large object is put, each under a number of its own, where other bytes are found under its name.
const TRIES: usize = 3;

/// How long the object store may take while somebody waits for an upload: beyond that the object lands in the database.
const HASTE: Patience = Patience { read: Duration::from_secs(3), write: Duration::from_secs(20) };

/// For so long after the store was found away large objects land without asking it.
const STANDS: Duration = Duration::from_secs(15);

/// Blobs that land in rows.
pub struct LandedInRows {
    pub(super) inner: Arc<Inner>,
    packing: Packing,
}

pub(super) struct Inner {
    pub fetch: Fetch,
    pub ground: Arc<dyn Ground>,
    pub tasks: Tasks,
    pub settings: Settings,
    folder: PathBuf,
    state: Mutex<State>,
    /// Held by who draws the number of a segment.
    drawing: Mutex<()>,
    /// Held while a round of the packer runs.
    pub rounds: Mutex<()>,
    /// Who this process is among those that draw and pack.
    pub holder: String,
    pub claim: Claim,
}

#[derive(Default)]
pub(super) struct State {
    active: Option<Active>,
    /// Segments of this process that nothing is appended to any more, and since when.
    pub left: HashMap<i64, Instant>,
    /// Finished, and not known to be committed.
    waiting: BTreeMap<(i64, u64), Waiting>,
    bytes: usize,
    /// What the newest transaction of the writer has put into rows, if it was committed; with each, whether its being there tells.
    handed: Vec<(BlobRef, bool)>,
    /// Large objects that were given up.
    pub given_up: Vec<i64>,
}

struct Active {
    no: i64,
    end: u64,
    begun: Instant,
}

#[derive(Clone)]
enum Waiting {
    /// With its head.
    Memory(Bytes),
    /// In rows already.
    Landed,
    /// In the object store already.
    Uploaded,
}

fn objects_away() -> Fault {
    Fault::new(FaultKind::Busy, AWAY, "The object store did not answer a moment ago.")
}

/// A segment was closed by somebody else, or its place was reclaimed, while a commit was under way.
fn closed() -> Fault {
    Fault::new(
        FaultKind::Busy,
        "segment-closed",
        "This took so long that its place was given up; nothing of this request was kept. Try again.",
    )
}

/// A commit names a large object.
fn settle(session: &dyn Session, no: i64, end: u64, state: i64, owner: &str) -> Result<(), Fault> {
    let known = || Ok::<_, Fault>(table::row(session, no)?.is_some_and(|row| row.length >= end));
    if table::settle(session, no, end, state, owner)? > 0 || known()? { Ok(()) } else { Err(closed()) }
}

impl LandedInRows {
    pub fn new(folder: &Path, fetch: Fetch, ground: Arc<dyn Ground>, settings: Settings) -> LandedInRows {
        let nonce = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
        let inner = Inner {
            fetch,
            ground,
            tasks: Tasks::default(),
            settings,
            folder: folder.to_owned(),
            state: Mutex::default(),
            drawing: Mutex::default(),
            rounds: Mutex::default(),
            claim: Claim::default(),
            holder: format!("{}-{nonce:016x}", std::process::id()),
        };
        LandedInRows { inner: Arc::new(inner), packing: Packing::new(settings.pack_every) }
    }
}

impl Inner {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an object its place, and keeps it there until its commit.
    fn append(&self, bytes: Bytes) -> Result<(i64, u64), Fault> {
        let size = bytes.len();
        let (no, at) = self.place(size as u64)?;
        let key = (no, at + HEAD);
        let mut state = self.state();
        if state.bytes + size <= WAITING_AT_MOST {
            state.bytes += size;
            state.waiting.insert(key, Waiting::Memory(bytes));
            return Ok(key);
        }
        state.waiting.insert(key, Waiting::Landed);
        drop(state);
        let (place, owner) = (i64::try_from(at).map_err(Fault::internal)?, self.holder.clone());
        let landed = self.tasks.run(move |session, _| {
            // of its length nothing is said yet
            if table::grow(session, no, 0, &owner)? == 0 {
                return Err(closed());
            }
            landing::insert(session, &[Bind::Int(no), Bind::Int(place), Bind::Bytes(&bytes)]).map(|()| 0)
        });
        if landed.is_err() {
            self.state().waiting.remove(&key);
        }
        landed.map(|_| key)
    }

    /// A segment and an offset in it that nobody else gets.
    fn place(&self, size: u64) -> Result<(i64, u64), Fault> {
        if let Some(place) = self.place_in_active(size) {
            return Ok(place);
        }
        // One draws, the others wait: once in 64 MiB. The state is free meanwhile, since the writer needs it to get there.
        let drawing = self.drawing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = self.place_in_active(size) {
            return Ok(place);
        }
        let no = self.draw(false)?;
        self.state().active = Some(Active { no, end: size, begun: Instant::now() });
        drop(drawing);
        Ok((no, 0))
    }

    fn place_in_active(&self, size: u64) -> Option<(i64, u64)> {
        let mut state = self.state();
        self.leave_if_due(&mut state);
        let active = state.active.as_mut()?;
        let at = active.end;
        active.end += size;
        Some((active.no, at))
    }

    /// Leaves the active segment once it is large or old enough.
    pub fn leave_if_due(&self, state: &mut State) {
        let due = |active: &mut Active| {
            active.end >= self.settings.segment_size || active.begun.elapsed() >= self.settings.segment_age
        };
        if let Some(active) = state.active.take_if(due) {
            state.left.insert(active.no, Instant::now());
        }
    }

    fn draw(&self, large: bool) -> Result<i64, Fault> {
        let owner = self.holder.clone();
        self.tasks.run(move |session, now| match large {
            true => table::draw_apart(session, now, &owner),
            false => table::draw(session, false, now, &owner),
        })
    }

    /// Puts a large object into the object store and reads it back, unless that was away a moment ago.
    fn upload(&self, no: i64, spool: &Spool, sha256: &[u8; 32]) -> Result<(), Fault> {
        let objects = &self.fetch.objects;
        if objects.away_since().is_some_and(|past| past < STANDS) {
            return Err(objects_away());
        }
        self.claim.check(objects, &self.tasks, HASTE.read)?;
        let (name, length) = (name_of(no), spool.length());
        objects.try_put_large(HASTE, &name, length, sha256, &|at, buffer| spool.read(at, buffer))?;
        objects.same(&name, length, sha256)
    }

    /// A large object: to the object store, or into rows where that is away or refuses.
    fn put_large(&self, spool: &Spool, sha256: &[u8; 32]) -> Result<i64, Fault> {
        let (length, source) = (spool.length(), |at, buffer: &mut [u8]| spool.read(at, buffer));
        let mut taken = None;
        for _ in 0..TRIES {
            let no = self.draw(true)?;
            let waiting = match self.upload(no, spool, sha256) {
                Ok(()) => Waiting::Uploaded,
                Err(fault) if fault.kind == FaultKind::Busy => {
                    landing::insert_large(&self.tasks, no, length, &source)
                        .inspect_err(|_| self.state().given_up.push(no))?;
                    Waiting::Landed
                }
                // what bears the name is not ours: nothing of it is touched
                Err(fault) if fault.code == TAKEN => {
                    self.tasks.run(move |session, _| table::empty(session, no).map(|_| 0))?;
                    taken = Some(fault);
                    continue;
                }
                Err(fault) => {
                    self.state().given_up.push(no);
                    return Err(fault);
                }
            };
            self.state().waiting.insert((no, HEAD), waiting);
            return Ok(no);
        }
        Err(taken.unwrap_or_else(|| Fault::internal("an upload was not tried")))
    }

    /// The bytes of a range of a blob: out of memory, a row, or the object store, whichever has it. What is packed meanwhile is
    /// looked for again.
    fn part(&self, blob: &BlobRef, range: Range<u64>) -> Result<Bytes, Fault> {
        let waiting = self.state().waiting.get(&(blob.segment, blob.offset)).cloned();
        if let Some(Waiting::Memory(bytes)) = waiting {
            let at = |place: u64| usize::try_from(place + HEAD).map_err(Fault::internal);
            let range = at(range.start)?..at(range.end)?;
            if range.end <= bytes.len() {
                return Ok(bytes.slice(range));
            }
        }
        let mut looked = 0;
        loop {
            if let Some(bytes) = landing::part(&*self.ground, blob, range.clone())? {
                return Ok(bytes);
            }
            looked += 1;
            match self.fetch.part(blob, range.clone()) {
                Err(fault) if super::objects::is_missing(&fault) && looked < 2 => {}
                read => return read,
            }
        }
    }

    /// The bytes of a range of a segment that holds several blobs: out of its rows, or of the object store.
    fn span(&self, no: i64, range: Range<u64>) -> Option<Bytes> {
        let begin = range.start.saturating_sub(HEAD)..range.end;
        let landed = ground::glance(&*self.ground, |session| {
            landing::stretch(session, no, begin.clone(), range.clone())
        });
        match landed {
            Ok(Some(bytes)) => Some(bytes),
            Ok(None) => self.fetch.span(no, range),
            // its rows have gaps, or the database is away
            Err(_) => None,
        }
    }

    /// Lets go of what a transaction of the writer has put into rows, if it was committed; `ended` says that it has ended
    /// either way.
    pub fn let_go(&self, session: &dyn Session, ended: bool) -> Result<(), Fault> {
        let handed = self.state().handed.clone();
        // they were one transaction: where one is there, all are
        let committed = match handed.iter().find(|(_, tells)| *tells) {
            Some((blob, _)) if blob.segment < 0 => {
                table::row(session, blob.segment)?.is_some_and(|row| row.length > 0)
            }
            Some((blob, _)) => {
                let packed = table::row(session, blob.segment)?.is_some_and(|row| row.state == table::PACKED);
                packed || landing::has(session, blob)?
            }
            None => ended,
        };
        let mut state = self.state();
        if committed {
            for (blob, _) in &handed {
                if let Some(Waiting::Memory(bytes)) = state.waiting.remove(&(blob.segment, blob.offset)) {
                    state.bytes = state.bytes.saturating_sub(bytes.len());
                }
            }
        }
        if (committed || ended) && state.handed == handed {
            state.handed.clear();
        }
        Ok(())
    }

    /// Whether this process appends to a segment, or did and has not closed it yet.
    pub fn is_own(&self, no: i64) -> bool {
        let state = self.state();
        state.active.as_ref().is_some_and(|active| active.no == no) || state.left.contains_key(&no)
    }

    /// Whether blobs of a segment wait for their commits.
    pub fn is_waited_for(&self, state: &State, no: i64) -> bool {
        state.waiting.range((no, 0)..=(no, u64::MAX)).next().is_some()
    }
}

impl Holding for LandedInRows {
    fn make_durable(&self, session: &dyn Session, named: &[BlobRef]) -> Result<(), Fault> {
        let inner = &self.inner;
        inner.let_go(session, true)?;
        let mut places: Vec<(i64, i64, Bytes)> = Vec::new();
        let mut ends: BTreeMap<i64, u64> = BTreeMap::new();
        let mut handed = Vec::with_capacity(named.len());
        let end_of = |blob: &BlobRef| blob.offset.saturating_add(blob.length);
        for blob in named {
            let waiting = inner.state().waiting.get(&(blob.segment, blob.offset)).cloned();
            match waiting {
                Some(Waiting::Memory(bytes)) => {
                    let at = i64::try_from(blob.offset.saturating_sub(HEAD)).map_err(Fault::internal)?;
                    places.push((blob.segment, at, bytes));
                    handed.push((*blob, true));
                }
                Some(Waiting::Landed | Waiting::Uploaded) if blob.segment < 0 => {
                    let state = if matches!(waiting, Some(Waiting::Uploaded)) {
                        table::PACKED
                    } else {
                        table::CLOSED
                    };
                    settle(session, blob.segment, end_of(blob), state, &inner.holder)?;
                    handed.push((*blob, true));
                    continue;
                }
                Some(_) => handed.push((*blob, false)),
                None => {
                    // named by a commit before; else it was given up
                    let known =
                        table::row(session, blob.segment)?.is_some_and(|row| row.length >= end_of(blob));
                    if known { continue } else { return Err(closed()) }
                }
            }
            let known = ends.entry(blob.segment).or_default();
            *known = end_of(blob).max(*known);
        }
        for (no, end) in ends {
            if table::grow(session, no, end, &inner.holder)? == 0 {
                // Closed by the packer: this process was thought to be gone. What comes next gets a segment of its own.
                inner.state().active.take_if(|active| active.no == no);
                return Err(closed());
            }
        }
        let binds: Vec<Bind<'_>> = places
            .iter()
            .flat_map(|(no, at, bytes)| [Bind::Int(*no), Bind::Int(*at), Bind::Bytes(bytes)])
            .collect();
        landing::insert(session, &binds)?;
        inner.state().handed = handed;
        Ok(())
    }

    fn verify_all(&self, blobs: &[BlobRef]) -> Vec<Result<bool, Fault>> {
        spans::verify(blobs, &|no, range| self.inner.span(no, range), &|blob| self.verify(blob))
    }

    fn walk(&self, named: &HashSet<(i64, u64)>, report: &mut VerifyReport) -> Result<(), Fault> {
        walk::objects(&self.inner.fetch.objects, &*self.inner.ground, named, report)
    }

    fn bytes(&self) -> u64 {
        // what cannot be asked counts nothing
        let bytes = ground::read(&*self.inner.ground, Wall::Open, |session| table::named_bytes(session));
        bytes.unwrap_or(0).unsigned_abs()
    }

    fn pack(&self) -> Result<u64, Fault> {
        self.inner.round()
    }

    fn ready(&self) -> Result<(), Fault> {
        // the object store may be away: what arrives lands in the database
        crate::ready::has_room(&self.inner.folder)
    }

    fn attach(&self, writer: &WriterHandle) -> Result<(), Fault> {
        self.inner.tasks.attach(writer);
        match self.inner.claim.check(&self.inner.fetch.objects, &self.inner.tasks, AT_START) {
            // asked again before anything is put there or removed
            Err(fault) if fault.kind == FaultKind::Busy => {
                tracing::warn!(%fault, "the object store is away at the start");
            }
            claimed => claimed?,
        }
        self.packing.start(self.inner.clone())
    }

    fn close(&self) {
        // an upload that is under way ends with it
        self.inner.fetch.objects.close();
        self.packing.stop();
    }
}

impl Blobs for LandedInRows {
    fn begin(&self) -> Result<Box<dyn BlobWriter>, Fault> {
        Ok(Box::new(Writer { inner: self.inner.clone(), gathering: Gathering::new(), spool: None }))
    }

    fn read(&self, blob: &BlobRef, range: Range<u64>) -> Result<Vec<u8>, Fault> {
        blob.holds(&range)?;
        let part = |range| self.inner.part(blob, range);
        self.inner.fetch.read_from(blob, range, &part).map(Vec::from)
    }

    fn verify(&self, blob: &BlobRef) -> Result<bool, Fault> {
        Fetch::verify_from(blob, &|range| self.inner.part(blob, range))
    }

    fn forget(&self, blob: &BlobRef) {
        let mut state = self.inner.state();
        match state.waiting.remove(&(blob.segment, blob.offset)) {
            Some(Waiting::Memory(bytes)) => state.bytes = state.bytes.saturating_sub(bytes.len()),
            // the packer asks the table first: a commit that failed late may yet stand
            Some(_) if blob.segment < 0 => state.given_up.push(blob.segment),
            _ => {}
        }
    }
}

struct Writer {
    inner: Arc<Inner>,
    gathering: Gathering,
    spool: Option<Spool>,
}

fn spill(inner: &Inner, spool: &mut Option<Spool>, bytes: &[u8]) -> Result<(), Fault> {
    let spool = match spool {
        Some(spool) => spool,
        none => none.insert(Spool::new(&inner.folder)?),
    };
    spool.append(bytes)
}

impl BlobWriter for Writer {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let Writer { inner, gathering, spool } = self;
        gathering.take(bytes, &mut |full| spill(inner, spool, full))
    }

    fn length(&self) -> u64 {
        self.gathering.length()
    }

    fn finish(mut self: Box<Self>) -> Result<BlobRef, Fault> {
        let length = self.gathering.length();
        let (sha256, head, mut rest) = self.gathering.end();
        if self.spool.is_none() {
            rest[..head.len()].copy_from_slice(&head);
            let (segment, offset) = self.inner.append(rest.into())?;
            return Ok(BlobRef { segment, offset, length, sha256 });
        }
        spill(&self.inner, &mut self.spool, &rest)?;
        let spool = self.spool.take().ok_or_else(|| Fault::internal("a large blob lost its file"))?;
        spool.set_head(&head)?;
        let whole = spool.hash()?;
        let segment = self.inner.put_large(&spool, &whole)?;
        Ok(BlobRef { segment, offset: HEAD, length, sha256 })
    }
}
