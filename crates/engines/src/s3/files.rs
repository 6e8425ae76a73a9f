//! Blobs that land in local files and are taken to the object store behind.
//!
//! An object is acknowledged once it is durable in a local file, as without an object store. A file that is full or old is closed,
//! uploaded whole, read back, noted in the table `segment`, and only then removed. Reads take the file while it is there.

use super::claim::{AT_START, Claim};
use super::fetch::{Fetch, name_of};
use super::objects::PART;
use super::packer::{Packing, Tasks, Work};
use super::{Settings, spans, table, walk};
use crate::files::blobs::{Drawing, SegmentFiles};
use crate::files::landing::Ripe;
use crate::ground::{self, Ground, Holding, Wall};
use crate::verify::VerifyReport;
use crate::writer::WriterHandle;
use bytes::Bytes;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::rows::corrupt;
use lenticular_store::sql::Session;
use lenticular_store::{BlobRef, BlobWriter, Blobs};
use sha2::{Digest, Sha256};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Larger files are uploaded in parts; smaller ones at once, on the condition that their name is free.
const AT_ONCE: u64 = 96 << 20;

/// How long it may take to learn whose the prefix is, where nobody waits.
pub const UPLOADING: Duration = Duration::from_secs(90);

/// What no commit has named for so long was given up.
pub const GIVEN_UP: Duration = Duration::from_secs(24 * 3600);

/// Blobs that land in files.
pub struct LandedInFiles {
    inner: Arc<Inner>,
    packing: Packing,
}

struct Inner {
    files: SegmentFiles,
    fetch: Fetch,
    ground: Arc<dyn Ground>,
    drawing: Arc<Numbers>,
    claim: Claim,
    rest: Duration,
}

/// Numbers come from the table, since packed files leave none in the folder.
struct Numbers {
    tasks: Tasks,
    ground: Arc<dyn Ground>,
}

impl Drawing for Numbers {
    fn draw(&self, large: bool) -> Result<i64, Fault> {
        self.tasks.run(move |session, now| table::draw(session, large, now, ""))
    }

    fn is_open(&self, no: i64) -> Result<bool, Fault> {
        let row = ground::glance(&*self.ground, |session| table::row(session, no))?;
        Ok(row.is_none_or(|row| row.state == table::OPEN))
    }
}

impl LandedInFiles {
    /// `files` were opened with the limits of a landing.
    pub fn new(
        files: SegmentFiles,
        fetch: Fetch,
        ground: Arc<dyn Ground>,
        settings: &Settings,
    ) -> LandedInFiles {
        let drawing = Arc::new(Numbers { tasks: Tasks::default(), ground: ground.clone() });
        files.draw_from(drawing.clone());
        let inner =
            Inner { files, fetch, ground, drawing, claim: Claim::default(), rest: settings.segment_age };
        LandedInFiles { inner: Arc::new(inner), packing: Packing::new(settings.pack_every) }
    }
}

impl Inner {
    fn row(&self, no: i64) -> Result<Option<table::SegmentRow>, Fault> {
        ground::glance(&*self.ground, |session| table::row(session, no))
    }

    /// Notes that nothing lies under a number; `false` where a commit names it after all.
    fn empty(&self, no: i64) -> Result<bool, Fault> {
        let emptied = self.drawing.tasks.run(move |session, _| {
            table::ensure(session, no)?;
            table::empty(session, no).map(|rows| i64::from(rows > 0))
        })?;
        Ok(emptied > 0)
    }

    fn pack_segment(&self, ripe: &Ripe) -> Result<bool, Fault> {
        let row = self.row(ripe.no)?;
        let committed = row.map_or(0, |row| row.length);
        let length = ripe.length.unwrap_or(committed).max(committed);
        if row.is_some_and(|row| matches!(row.state, table::PACKED | table::EMPTY)) {
            self.files.take_away(ripe.no)?;
            return Ok(false);
        }
        if ripe.size()? < length {
            return Err(corrupt(format!("{} ends before what was committed", name_of(ripe.no))));
        }
        if length == 0 {
            // its process wrote nothing that was ever acknowledged
            let no = ripe.no;
            if self.empty(no)? {
                self.files.take_away(no)?;
            }
            return Ok(false);
        }
        let no = ripe.no;
        self.drawing.tasks.run(move |session, _| {
            table::ensure(session, no)?;
            table::close(session, no, length).map(|()| 0)
        })?;
        self.upload(ripe, length)?;
        Ok(true)
    }

    fn pack_large(&self, ripe: &Ripe) -> Result<bool, Fault> {
        let row = self.row(ripe.no)?;
        match row {
            Some(row) if matches!(row.state, table::PACKED | table::EMPTY) => {
                self.files.take_away(ripe.no)?;
                Ok(false)
            }
            Some(row) if row.length > 0 => {
                self.upload(ripe, row.length)?;
                Ok(true)
            }
            // its commit failed after it got its last name
            _ if self.files.rested(ripe.no) >= GIVEN_UP => {
                let no = ripe.no;
                if self.empty(no)? {
                    self.files.take_away(no)?;
                }
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// Uploads a file, reads it back, notes that, and removes the file.
    fn upload(&self, ripe: &Ripe, length: u64) -> Result<(), Fault> {
        self.claim.check(&self.fetch.objects, &self.drawing.tasks, UPLOADING)?;
        let name = name_of(ripe.no);
        let mut hash = Sha256::new();
        let mut chunks = Vec::new();
        let mut at = 0;
        while at < length {
            let size = usize::try_from((length - at).min(PART as u64)).map_err(Fault::internal)?;
            let mut bytes = vec![0; size];
            ripe.read(at, &mut bytes)?;
            hash.update(&bytes);
            at += size as u64;
            if length <= AT_ONCE {
                chunks.push(Bytes::from(bytes));
            }
        }
        let sha256 = hash.finalize().into();
        let objects = &self.fetch.objects;
        if length <= AT_ONCE {
            objects.put_if_absent(&name, chunks)?;
        } else {
            objects.put_large(&name, length, &sha256, &|at, buffer| ripe.read(at, buffer))?;
        }
        objects.same(&name, length, &sha256)?;
        let no = ripe.no;
        self.drawing.tasks.run(move |session, _| table::packed(session, no).map(|_| 0))?;
        self.files.take_away(no)
    }
}

impl Work for Inner {
    fn round(&self) -> Result<u64, Fault> {
        let mut packed = 0;
        let mut first = None;
        let mut note = |result: Result<bool, Fault>| match result {
            Ok(done) => {
                packed += u64::from(done);
                true
            }
            // the others are tried all the same, unless nobody answers
            Err(fault) => {
                let go_on = fault.kind != FaultKind::Busy;
                first.get_or_insert(fault);
                go_on
            }
        };
        let mut go_on = true;
        for ripe in self.files.ripe_segments(self.rest)? {
            go_on = go_on && note(self.pack_segment(&ripe));
        }
        for ripe in self.files.large()? {
            go_on = go_on && note(self.pack_large(&ripe));
        }
        first.map_or(Ok(packed), Err)
    }
}

impl Blobs for LandedInFiles {
    fn begin(&self) -> Result<Box<dyn BlobWriter>, Fault> {
        self.inner.files.begin()
    }

    fn read(&self, blob: &BlobRef, range: Range<u64>) -> Result<Vec<u8>, Fault> {
        blob.holds(&range)?;
        if self.inner.files.holds(blob.segment) {
            match self.inner.files.read(blob, range.clone()) {
                // it may have been taken away between the two
                Err(_) if !self.inner.files.holds(blob.segment) => {}
                read => return read,
            }
        }
        self.inner.fetch.read(blob, range).map(Vec::from)
    }

    fn verify(&self, blob: &BlobRef) -> Result<bool, Fault> {
        if self.inner.files.holds(blob.segment) {
            match self.inner.files.verify(blob) {
                Ok(false) | Err(_) if !self.inner.files.holds(blob.segment) => {}
                verified => return verified,
            }
        }
        self.inner.fetch.verify(blob)
    }

    fn forget(&self, blob: &BlobRef) {
        self.inner.files.forget(blob);
    }
}

impl Holding for LandedInFiles {
    fn make_durable(&self, session: &dyn Session, named: &[BlobRef]) -> Result<(), Fault> {
        // What lies in the object store already is durable. Only the writer, which runs this, notes that.
        let mut packed: HashMap<i64, u64> = HashMap::new();
        for blob in named {
            if let Entry::Vacant(vacant) = packed.entry(blob.segment) {
                let row = table::row(session, blob.segment)?.filter(|row| row.state == table::PACKED);
                vacant.insert(row.map_or(0, |row| row.length));
            }
        }
        let left: Vec<BlobRef> = named
            .iter()
            .filter(|blob| {
                blob.offset.saturating_add(blob.length) > packed.get(&blob.segment).copied().unwrap_or(0)
            })
            .copied()
            .collect();
        if left.is_empty() { Ok(()) } else { self.inner.files.make_durable(session, &left) }
    }

    fn verify_all(&self, blobs: &[BlobRef]) -> Vec<Result<bool, Fault>> {
        let inner = &self.inner;
        let span = |no, range| if inner.files.holds(no) { None } else { inner.fetch.span(no, range) };
        spans::verify(blobs, &span, &|blob| self.verify(blob))
    }

    fn walk(&self, named: &HashSet<(i64, u64)>, report: &mut VerifyReport) -> Result<(), Fault> {
        self.inner.files.walk(named, report)?;
        walk::objects(&self.inner.fetch.objects, &*self.inner.ground, named, report)
    }

    fn bytes(&self) -> u64 {
        // what cannot be asked counts nothing
        let packed = ground::read(&*self.inner.ground, Wall::Open, |session| table::packed_bytes(session));
        self.inner.files.bytes() + packed.unwrap_or(0).unsigned_abs()
    }

    fn pack(&self) -> Result<u64, Fault> {
        self.inner.round()
    }

    fn ready(&self) -> Result<(), Fault> {
        // the object store may be away: what arrives lands here
        self.inner.files.ready()
    }

    fn attach(&self, writer: &WriterHandle) -> Result<(), Fault> {
        self.inner.drawing.tasks.attach(writer);
        match self.inner.claim.check(&self.inner.fetch.objects, &self.inner.drawing.tasks, AT_START) {
            // asked again before anything is put there
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
