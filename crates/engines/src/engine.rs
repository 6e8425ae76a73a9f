//! One data folder, opened.

use crate::files::audit::AuditLog;
use crate::files::blobs::SegmentFiles;
use crate::sqlite::pack::Packs;
use crate::sqlite::reader::SqliteReader;
use crate::sqlite::shared::Shared;
use crate::sqlite::verify::{self, VerifyReport};
use crate::sqlite::writer::{self, WriterHandle};
use crate::sqlite::{migrate, rebuild};
use lenticular_base::index::Entry;
use lenticular_base::{Fault, FaultKind, Instant};
use lenticular_store::{Gauge, Record, Store};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Gives the index entries of a record: what FHIR and DICOM know and the store does not.
pub type Extract = Arc<dyn Fn(&Record) -> Vec<Entry> + Send + Sync>;

/// How to open a data folder.
#[derive(Clone)]
pub struct OpenOptions {
    /// The folder; made where it is not there.
    pub data: PathBuf,
    /// Reads the clock.
    pub clock: Arc<dyn Fn() -> Instant + Send + Sync>,
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
            readers: 4,
            record_cache: 24 << 20,
            writer_cache: 64 << 20,
            reader_cache: 4 << 20,
            mapped: 0,
            max_pages: None,
        }
    }
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

/// An open data folder. Clone its `store` to use it; `close` drains what was accepted.
pub struct Engine {
    pub store: Store,
    shared: Arc<Shared>,
    packs: Arc<Packs>,
    writer: WriterHandle,
    blobs: Arc<SegmentFiles>,
    audits: Arc<AuditLog>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Opens a data folder, making or migrating its tables first.
///
/// # Errors
/// `Corrupt` or `Conflict` where the tables are newer than this program or were changed by another hand; `OutOfSpace`; `Internal`.
pub fn open(options: OpenOptions) -> Result<Engine, Fault> {
    let folder = |name: &str| {
        let path = options.data.join(name);
        // Nobody but the owner reads below: the folder holds patients.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(|error| crate::files::io_fault(&path, error))
            .map(|()| path)
    };
    let (blob_folder, audit_folder) = (folder("blobs")?, folder("audit")?);
    let database = options.data.join("lenticular.db");
    let connection = crate::sqlite::connect(&database, options.writer_cache, options.mapped, false)?;
    migrate::run(&connection, &options.clock)?;
    if let Some(pages) = options.max_pages {
        connection.pragma_update(None, "max_page_count", pages).map_err(crate::sqlite::fault)?;
    }
    let blobs = Arc::new(SegmentFiles::open(&blob_folder, &connection)?);
    let packs = Arc::new(Packs::open(&database, &connection)?);
    let shared = Arc::new(Shared::open(&database, &options, &connection)?);
    let (writer, writer_thread) =
        writer::start(connection, shared.clone(), packs.clone(), blobs.clone(), options.clock.clone())?;
    let trainer_thread = packs.start_trainer(writer.clone())?;
    let (audits, audit_thread) = AuditLog::start(&audit_folder, &options.data.join("audit.db"))?;
    let reader = Arc::new(SqliteReader::new(shared.clone(), packs.clone()));
    let gauges = {
        let (shared, writer) = (shared.clone(), writer.clone());
        let (blobs, audits) = (blobs.clone(), audits.clone());
        Arc::new(move || gauges(&stats(&shared, &writer, &blobs, &audits)))
    };
    let store =
        Store { log: Arc::new(writer.clone()), reader, blobs: blobs.clone(), audits: audits.clone(), gauges };
    let threads = Mutex::new(vec![trainer_thread, writer_thread, audit_thread]);
    Ok(Engine { store, shared, packs, writer, blobs, audits, threads })
}

impl Engine {
    /// Commits what was accepted, makes the last audit entries durable, and ends the threads. What is submitted later fails as `Busy`.
    pub fn close(self) {
        self.shut();
    }

    fn shut(&self) {
        let mut threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner)).into_iter();
        self.packs.stop_trainer();
        if let Some(trainer) = threads.next() {
            join(trainer);
        }
        self.writer.close();
        self.audits.close();
        threads.for_each(join);
        self.shared.pool.close();
    }

    /// Reads everything again and says what is wrong: bodies, blobs, log, and indexes against what `extract` gives.
    ///
    /// `progress` is told how many rows are done and how many there are.
    pub fn verify(
        &self,
        extract: &dyn Fn(&Record) -> Vec<Entry>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<VerifyReport, Fault> {
        verify::run(&self.shared, &self.packs, &self.blobs, &self.audits, extract, progress)
    }

    /// Makes all index entries anew from the records; reads and writes go on meanwhile. Gives how many rows were indexed.
    pub fn rebuild_indexes(
        &self,
        extract: Extract,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<u64, Fault> {
        rebuild::run(&self.shared, &self.writer, &self.packs, &extract, progress)
    }

    /// Numbers for operators; cheap.
    pub fn stats(&self) -> Stats {
        stats(&self.shared, &self.writer, &self.blobs, &self.audits)
    }
}

fn stats(shared: &Shared, writer: &WriterHandle, blobs: &SegmentFiles, audits: &AuditLog) -> Stats {
    let mut stats = shared.stats();
    (stats.queued, stats.groups, stats.commits) = writer.numbers();
    stats.blob_bytes = crate::files::folder_bytes(blobs.folder());
    stats.audit_bytes = crate::files::folder_bytes(audits.folder());
    stats
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

/// What is submitted after the end.
pub(crate) fn closing() -> Fault {
    Fault::new(FaultKind::Busy, "closing", "The server is shutting down; nothing of this request was kept.")
}
