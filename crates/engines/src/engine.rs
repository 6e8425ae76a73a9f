//! One data folder, opened.

use crate::files::audit::AuditLog;
use crate::files::blobs::{Limits, SegmentFiles};
use crate::files::numbers;
use crate::ground::{Ground, Hand, Holding, Witness};
use crate::pack::{self, Packs};
use crate::postgres::{self, audit::PgAudit};
use crate::reader::StoreReader;
use crate::rebuild;
use crate::s3::Bucket;
use crate::sqlite::{self, Db, ground::SqliteGround, hand::SqliteHand, migrate};
use crate::verify::{self, VerifyReport};
use crate::writer::{self, WriterHandle};
use lenticular_base::index::Entry;
use lenticular_base::{Fault, FaultKind, Instant};
use lenticular_store::commit;
use lenticular_store::notice;
use lenticular_store::sql::one_int;
use lenticular_store::{Gauge, Record, Store};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Reads the time.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// Gives the index entries of a record: what FHIR and DICOM know and the store does not.
pub type Extract = Arc<dyn Fn(&Record) -> Vec<Entry> + Send + Sync>;

/// How to open a data folder.
#[derive(Clone)]
pub struct OpenOptions {
    /// The folder; made where it is not there.
    pub data: PathBuf,
    /// Reads the clock.
    pub clock: Clock,
    /// The address of a PostgreSQL database, `postgres://…`; `None` is SQLite in the folder.
    pub database: Option<String>,
    /// Commits are dated by `clock` even where the database has a clock, which all nodes share: for tests.
    pub own_clock: bool,
    /// Where blobs lie; `None` is files in the folder.
    pub objects: Option<ObjectPlace>,
    /// How many reads may run at the same time.
    pub readers: usize,
    /// Bytes of records kept in memory for reads by name.
    pub record_cache: u64,
    /// Bytes of database pages that the writer keeps; given back when it has been idle.
    pub writer_cache: u64,
    /// Bytes of database pages that each reader keeps.
    pub reader_cache: u64,
    /// Bytes of the database file that readers map into memory instead of reading; 0 is none.
    pub mapped: u64,
    /// The database may not grow beyond this many pages of 4 KiB; `None` is the disk's own limit.
    pub max_pages: Option<u32>,
}

impl OpenOptions {
    /// The usual: 4 readers, 24 MiB of records, and 64 + 4 * 4 MiB of pages.
    pub fn new(data: impl Into<PathBuf>, clock: impl Fn() -> Instant + Send + Sync + 'static) -> OpenOptions {
        OpenOptions {
            data: data.into(),
            clock: Arc::new(clock),
            database: None,
            own_clock: false,
            objects: None,
            readers: 4,
            record_cache: 24 << 20,
            writer_cache: 64 << 20,
            reader_cache: 4 << 20,
            mapped: 0,
            max_pages: None,
        }
    }
}

/// An object store that speaks S3. Keys come from the environment, as with every client of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectPlace {
    /// `s3://bucket/prefix`
    pub url: String,
    /// Its address; `None` is what the environment says, else Amazon's.
    pub endpoint: Option<String>,
    /// Whether the bucket stands in the path of requests, or in the host name.
    pub path_style: bool,
    /// A PEM file of the authority that signed its certificate; `None` are those of the system.
    pub ca: Option<PathBuf>,
}

/// Numbers for operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// The newest position.
    pub position: i64,
    /// Versions written ever (the greatest version number).
    pub versions: i64,
    /// Bytes of the database file, of its write-ahead log, of blobs and of the audit log.
    pub database_bytes: u64,
    pub wal_bytes: u64,
    pub blob_bytes: u64,
    pub audit_bytes: u64,
    /// Proposals that wait for the writer.
    pub queued: usize,
    /// Groups committed and proposals in them since the start.
    pub groups: u64,
    pub commits: u64,
    /// Reads by name answered from memory, and not.
    pub cache_hits: u64,
    pub cache_misses: u64,
}

/// An open store. Clone its `store` to use it; `close` drains what was accepted.
pub struct Engine {
    pub store: Store,
    pub(crate) parts: Parts,
    packs: Arc<Packs>,
    writer: WriterHandle,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What an engine is made of, whichever databases and stores they are.
#[derive(Clone)]
pub(crate) struct Parts {
    pub ground: Arc<dyn Ground>,
    pub blobs: Arc<dyn Holding>,
    pub audits: Arc<dyn Witness>,
}

/// Whether there is a network to open: [`open`] makes one where there is none.
///
/// # Errors
/// `Busy` where the database does not answer; `Invalid` where its address is none; `Internal` where it refuses us.
pub fn is_there(options: &OpenOptions) -> Result<bool, Fault> {
    match &options.database {
        None => Ok(options.data.join("lenticular.db").is_file()),
        Some(url) => postgres::open::is_there(url),
    }
}

/// Opens a store, making or migrating its tables first.
///
/// # Errors
/// `Unsupported` for an address that no engine knows; `Corrupt` or `Conflict` where the tables are newer than this program or were changed by another hand; `OutOfSpace`; `Internal`.
pub fn open(options: OpenOptions) -> Result<Engine, Fault> {
    let bucket = match &options.objects {
        Some(place) => Some(Bucket::of(place)?),
        None => None,
    };
    open_on(&options, bucket)
}

/// The same, with blobs in `bucket` where there is one, whatever the options say of it.
pub(crate) fn open_on(options: &OpenOptions, bucket: Option<Bucket>) -> Result<Engine, Fault> {
    match &options.database {
        None => open_embedded(options, bucket),
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            open_shared(url, options, bucket)
        }
        Some(_) => {
            let words = "This address is of no database that Lenticular knows: postgres://… is.";
            Err(Fault::new(FaultKind::Unsupported, "store-address", words))
        }
    }
}

/// PostgreSQL, with blobs in the folder or in the object store.
fn open_shared(url: &str, options: &OpenOptions, bucket: Option<Bucket>) -> Result<Engine, Fault> {
    make_folder(&options.data)?;
    let opened = postgres::open::open(url, options)?;
    let blobs: Arc<dyn Holding> = match bucket {
        Some(bucket) => {
            no_files(&options.data.join("blobs"), &*opened.ground)?;
            Arc::new(bucket.behind_rows(&options.data, opened.ground.clone())?)
        }
        None => {
            same_folder(&options.data.join("blobs"), &*opened.ground)?;
            Arc::new(only_files(options, &*opened.ground)?)
        }
    };
    let (audits, audit_thread) = PgAudit::start(&opened.address, opened.ground.clone())?;
    let parts = Parts { ground: opened.ground, blobs, audits };
    Engine::start(parts, opened.hand, opened.packs, vec![audit_thread])
}

/// SQLite, with blobs in files, which are a landing where there is an object store.
fn open_embedded(options: &OpenOptions, bucket: Option<Bucket>) -> Result<Engine, Fault> {
    let database = options.data.join("lenticular.db");
    make_folder(&options.data)?;
    let connection = sqlite::connect(&database, options.writer_cache, options.mapped, false)?;
    migrate::run(&connection, &options.clock)?;
    if let Some(pages) = options.max_pages {
        connection.pragma_update(None, "max_page_count", pages).map_err(sqlite::fault)?;
    }
    let packs = Packs::open(&Db(&connection), loader(database.clone()))?;
    let ground = Arc::new(SqliteGround::open(&database, options, &connection)?);
    let hand = SqliteHand::new(connection, ground.clone(), options.clock.clone())?;
    let blobs: Arc<dyn Holding> = match bucket {
        Some(bucket) => {
            let files = files(options, &*ground, bucket.limits())?;
            Arc::new(bucket.behind_files(files, ground.clone())?)
        }
        None => Arc::new(only_files(options, &*ground)?),
    };
    let (audits, audit_thread) =
        AuditLog::start(&make_folder(&options.data.join("audit"))?, &options.data.join("audit.db"))?;
    let parts = Parts { ground, blobs, audits };
    Engine::start(parts, Box::new(hand), packs, vec![audit_thread])
}

/// Blobs in files below the data folder.
fn files(options: &OpenOptions, ground: &dyn Ground, limits: Limits) -> Result<SegmentFiles, Fault> {
    let folder = make_folder(&options.data.join("blobs"))?;
    crate::ground::glance(ground, |session| SegmentFiles::open(&folder, session, limits))
}

/// Files alone: refused where blobs lie in an object store already.
fn only_files(options: &OpenOptions, ground: &dyn Ground) -> Result<SegmentFiles, Fault> {
    let text = "SELECT 1 FROM segment WHERE state=2 LIMIT 1";
    if crate::ground::glance(ground, |session| one_int(session, text, &[]))?.is_some() {
        let words = "Blobs of this store lie in an object store: set blobs.url as it was, or move them with `lenticular migrate`.";
        return Err(Fault::new(FaultKind::Conflict, "blobs-elsewhere", words));
    }
    files(options, ground, Limits::default())
}

/// Nodes that keep blobs in files share one folder: refused where the newest segment of the database is not in this one.
fn same_folder(folder: &Path, ground: &dyn Ground) -> Result<(), Fault> {
    let text = "SELECT no FROM segment WHERE no>0 AND state<2 ORDER BY no DESC LIMIT 1";
    match crate::ground::glance(ground, |session| one_int(session, text, &[]))? {
        Some(no) if !folder.join(format!("s-{no}")).exists() => {
            let words = "Blobs of this store lie in another folder than this one. Nodes over one database share one blob folder, or \
                         keep blobs in an object store (blobs.url).";
            Err(Fault::new(FaultKind::Conflict, "blobs-elsewhere", words))
        }
        _ => Ok(()),
    }
}

/// Blobs in files would not be found by an engine whose landing is the database. Files that a move to the object store has left
/// behind, of segments that lie there now, are no blobs of this store any more.
fn no_files(folder: &Path, ground: &dyn Ground) -> Result<(), Fault> {
    if !folder.exists() || (numbers(folder, "s-")?.is_empty() && numbers(folder, "o-")?.is_empty()) {
        return Ok(());
    }
    let (mut any, mut in_files) = (false, false);
    crate::ground::glance(ground, |session| {
        any = one_int(session, "SELECT 1 FROM segment WHERE length>0 LIMIT 1", &[])?.is_some();
        let text = "SELECT no FROM segment s WHERE state<2 AND length>0 AND \
                    NOT EXISTS (SELECT 1 FROM landing l WHERE l.segment=s.no)";
        session.query(text, &[], &mut |row| {
            in_files = folder.join(crate::copy::containers::name(row.int(0)?)).exists();
            Ok(!in_files)
        })
    })?;
    if any && !in_files {
        return Ok(());
    }
    let words = "Blobs of this store lie in files: unset blobs.url, or move them with `lenticular migrate`.";
    Err(Fault::new(FaultKind::Conflict, "blobs-elsewhere", words))
}

/// Reads dictionaries by a connection of its own, since every other one may be in use by whoever needs a dictionary.
fn loader(database: PathBuf) -> pack::Load {
    let connection = Mutex::new(None);
    Box::new(move |no| {
        let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => none.insert(sqlite::connect(&database, 256 << 10, 0, true)?),
        };
        pack::stored(&Db(&*connection), no)
    })
}

/// Nobody but the owner reads below: the folder holds patients.
pub(crate) fn make_folder(path: &Path) -> Result<PathBuf, Fault> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| crate::files::io_fault(path, error))
        .map(|()| path.to_owned())
}

impl Engine {
    /// Starts the writer and the trainer of dictionaries over the parts; `threads` end after them.
    pub(crate) fn start(
        parts: Parts,
        hand: Box<dyn Hand>,
        packs: Packs,
        threads: Vec<JoinHandle<()>>,
    ) -> Result<Engine, Fault> {
        let packs = Arc::new(packs);
        let Parts { ground, blobs, audits } = parts.clone();
        crate::ground::glance(&*ground, notice::let_open)?;
        let (writer, writer_thread) = writer::start(hand, ground.clone(), packs.clone(), blobs.clone())?;
        blobs.attach(&writer)?;
        let trainer_thread = packs.start_trainer(writer.clone())?;
        let reader = Arc::new(StoreReader::new(ground, packs.clone()));
        let gauges = {
            let (parts, writer) = (parts.clone(), writer.clone());
            Arc::new(move || gauges(&stats(&parts, &writer)))
        };
        let ready = crate::ready::of_parts(parts.clone(), writer.clone());
        let (log, leases) = (Arc::new(writer.clone()), Arc::new(writer.clone()));
        let store = Store { log, reader, blobs, audits, leases, gauges, ready };
        let threads = Mutex::new([trainer_thread, writer_thread].into_iter().chain(threads).collect());
        Ok(Engine { store, parts, packs, writer, threads })
    }

    /// Commits what was accepted, makes the last audit entries durable, and ends the threads. What is submitted later fails as `Busy`.
    pub fn close(self) {
        self.shut();
    }

    /// Runs work in a transaction of the writer.
    #[cfg(test)]
    pub(crate) fn task(
        &self,
        work: impl FnOnce(&dyn lenticular_store::sql::Session, Instant) -> Result<i64, Fault> + Send + 'static,
    ) -> Result<i64, Fault> {
        self.writer.task(work)
    }

    fn shut(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        if threads.is_empty() {
            return;
        }
        let mut threads = threads.into_iter();
        self.packs.stop_trainer();
        threads.next().into_iter().for_each(join);
        self.writer.close();
        threads.next().into_iter().for_each(join);
        self.parts.blobs.close();
        self.parts.audits.close();
        threads.for_each(join);
        self.parts.ground.close();
    }

    /// Reads everything again and says what is wrong: bodies, blobs, log, and indexes against what `extract` gives.
    ///
    /// `progress` is told how many rows are done and how many there are.
    pub fn verify(
        &self,
        extract: &dyn Fn(&Record) -> Vec<Entry>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<VerifyReport, Fault> {
        let Parts { ground, blobs, audits } = &self.parts;
        verify::run(&**ground, &self.packs, &**blobs, &**audits, extract, progress)
    }

    /// Makes all index entries anew from the records; reads and writes go on meanwhile. Gives how many rows were indexed.
    pub fn rebuild_indexes(
        &self,
        extract: Extract,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<u64, Fault> {
        rebuild::run(&*self.parts.ground, &self.writer, &self.packs, &extract, progress)
    }

    /// The clock that decides what has ended: the database's where several nodes share one, so that a wrong clock of a node
    /// changes nothing; else `own`.
    pub fn clock(&self, own: Clock) -> Clock {
        let ground = self.parts.ground.clone();
        Arc::new(move || ground.now().unwrap_or_else(|| own()))
    }

    /// Numbers for operators; cheap.
    pub fn stats(&self) -> Stats {
        stats(&self.parts, &self.writer)
    }
}

fn stats(parts: &Parts, writer: &WriterHandle) -> Stats {
    let (queued, groups, commits) = writer.numbers();
    let memory = parts.ground.memory();
    let (cache_hits, cache_misses) = memory.hits_and_misses();
    let sizes = parts.ground.sizes();
    // what cannot be asked counts nothing
    let vid = crate::ground::glance(&*parts.ground, |session| commit::last_vid(session));
    Stats {
        position: memory.peek().stamp.position.0,
        versions: vid.map_or(0, |vid| vid.0),
        database_bytes: sizes.database_bytes,
        wal_bytes: sizes.wal_bytes,
        blob_bytes: parts.blobs.bytes(),
        audit_bytes: parts.audits.bytes(),
        queued,
        groups,
        commits,
        cache_hits,
        cache_misses,
    }
}

/// The same by name, for `/metrics`.
fn gauges(stats: &Stats) -> Vec<Gauge> {
    let gauge = |name, help, value| Gauge { name, help, value };
    vec![
        gauge("log_position", "Newest durable position of the log", stats.position as f64),
        gauge("versions", "Versions of rows, current and old", stats.versions as f64),
        gauge("database_bytes", "Size of the database file", stats.database_bytes as f64),
        gauge("wal_bytes", "Size of the write-ahead log", stats.wal_bytes as f64),
        gauge("blob_bytes", "Size of the blob files", stats.blob_bytes as f64),
        gauge("audit_bytes", "Size of the audit log", stats.audit_bytes as f64),
        gauge("commit_queue", "Commits that wait for the writer", stats.queued as f64),
        gauge("commit_groups", "Groups committed since the start", stats.groups as f64),
        gauge("commits", "Commits since the start", stats.commits as f64),
        gauge("record_cache_hits", "Reads by name from memory since the start", stats.cache_hits as f64),
        gauge("record_cache_misses", "Reads by name from disk since the start", stats.cache_misses as f64),
    ]
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shut();
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the store ended by a panic");
    }
}
