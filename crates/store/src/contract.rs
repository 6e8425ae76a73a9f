//! What an engine does for the services, without a word of how.

use crate::leases::Leases;
use crate::log;
use lenticular_base::index::{Entry, Param, Query, SortValue};
use lenticular_base::{Fault, Instant, Kind, Labels, OrgNo, Position, Vid};
use lenticular_policy::{Columns, Grant, Scope};
use std::any::Any;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant as Steady};

/// The columns of a row, owned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowColumns {
    pub org: OrgNo,
    pub patient: Option<String>,
    pub kind: Kind,
    pub labels: Labels,
    pub author_org: OrgNo,
    pub time: Instant,
    pub study: Option<String>,
}

impl RowColumns {
    /// The same, borrowed, as `policy` reads them.
    pub fn borrowed(&self) -> Columns<'_> {
        Columns {
            org: self.org,
            patient: self.patient.as_deref(),
            kind: self.kind,
            labels: self.labels,
            author_org: self.author_org,
            time: self.time,
            study: self.study.as_deref(),
        }
    }
}

/// One version of one row, as it is read.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    pub vid: Vid,
    pub columns: RowColumns,
    /// The logical id (FHIR) or UID (DICOM); unique within `(org, kind)`.
    pub id: String,
    /// 1, 2, 3 … within the row.
    pub version: i64,
    /// The commit that wrote this version.
    pub position: Position,
    /// This version says that the row was deleted; its body is empty.
    pub deleted: bool,
    /// The stored bytes, unpacked.
    pub body: Arc<[u8]>,
    /// Where `"versionId":"…","lastUpdated":"…"` is spliced into a FHIR body on its way out; -1 where nothing is.
    pub splice: i32,
}

/// How a body is laid down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// zstd, with the dictionary of its kind as soon as one was trained.
    Zstd,
    /// As it is: compressed already.
    Raw,
}

/// A new version of a row.
#[derive(Clone, PartialEq, Debug)]
pub struct Put {
    pub org: OrgNo,
    pub patient: Option<String>,
    pub kind: Kind,
    pub labels: Labels,
    pub study: Option<String>,
    pub id: String,
    /// Packed already by [`Reader::pack`], so that the single writer does not compress.
    pub body: PackedBody,
    pub splice: i32,
    pub entries: Vec<Entry>,
    /// Replace the current version in place (rows derived from others: study and series), instead of adding a version.
    pub in_place: bool,
}

/// A body as it lies on disk.
#[derive(Clone, PartialEq, Debug)]
pub struct PackedBody {
    pub bytes: Vec<u8>,
    /// -1: raw; 0: zstd without a dictionary; n: zstd with dictionary n.
    pub dictionary: i32,
    /// Unpacked length in bytes.
    pub length: u32,
}

/// One change of a commit.
#[derive(Clone, PartialEq, Debug)]
pub enum Write {
    Put(Box<Put>),
    /// Adds a version that says it was deleted. The row must exist.
    Delete {
        org: OrgNo,
        kind: Kind,
        id: String,
    },
    Grant(Grant),
    /// Removes every grant that this share caused.
    Ungrant {
        source: String,
    },
}

/// What a commit is numbered and dated with; the time never runs backwards from one position to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    pub position: Position,
    pub time: Instant,
}

/// Whose change it is: kept in the log with the position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Author {
    pub org: OrgNo,
    pub agent: String,
}

/// What [`Proposal::decide`] came to: the changes, and an answer that is handed back with the receipt.
pub struct Decided {
    pub writes: Vec<Write>,
    pub answer: Box<dyn Any + Send>,
}

/// The decision of one commit, made inside the single writer: it sees every commit before it and none after.
/// An error, or no writes at all, makes no commit.
pub type Decide = Box<dyn FnOnce(&dyn View, Stamp) -> Result<Decided, Fault> + Send>;

/// Called once when the commit is durable or has failed. Called on the writer's thread: it must only hand over.
pub type Done = Box<dyn FnOnce(Result<Receipt, Fault>) + Send>;

/// One commit asked for.
pub struct Proposal {
    pub author: Author,
    /// Blobs that must be durable before the commit is.
    pub blobs: Vec<BlobRef>,
    pub decide: Decide,
    pub done: Done,
}

/// The proof that a commit is durable.
pub struct Receipt {
    /// The position of the commit, or of the newest one before it where nothing was written.
    pub stamp: Stamp,
    /// For each `Put` and `Delete` in order: the version it became.
    pub versions: Vec<i64>,
    pub answer: Box<dyn Any + Send>,
}

/// The state inside the writer, the group's earlier commits included. Reads whole members: only commits decide here.
pub trait View {
    /// The current version, deleted ones too.
    fn current(&self, org: OrgNo, kind: Kind, id: &str) -> Result<Option<Record>, Fault>;
    /// The current rows of one member that a query finds; at most `query.limit`.
    fn find(&self, org: OrgNo, query: &Query) -> Result<Vec<Record>, Fault>;
    /// Packs a body that could only be made here, inside the writer.
    fn pack(&self, kind: Kind, bytes: &[u8], packing: Packing) -> PackedBody;
}

/// The single way to change anything.
pub trait Log: Send + Sync {
    /// Queues a commit. The writer takes all that is queued, commits it as one transaction with one fsync, and goes round.
    fn submit(&self, proposal: Proposal);
    /// The newest durable position.
    fn position(&self) -> Position;
    /// Waits until the newest position is another than `known`, at most so long, and gives it. Blocking. A commit of this process or
    /// of another one ends it soon; whoever goes by the log still reads what stands there, and asks again.
    fn wait(&self, known: Position, at_most: Duration) -> Position;
    /// The commits behind `after`, oldest first, at most `limit`.
    fn read(&self, after: Position, limit: u32) -> Result<Vec<log::Entry>, Fault>;
}

/// A page of a search.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SearchPage {
    pub rows: Vec<Record>,
    /// The sort values of the last row, for [`lenticular_base::index::After`].
    pub last: Vec<SortValue>,
    /// Whether there are more rows behind these.
    pub more: bool,
    /// The position that the page shows.
    pub position: Position,
}

/// Versions, newest first.
#[derive(Clone, PartialEq, Debug)]
pub struct HistoryQuery {
    /// `None`: all kinds of `kinds`.
    pub kind: Option<Kind>,
    pub id: Option<String>,
    /// Only versions written at or after this moment (`_since`).
    pub since: Option<Instant>,
    /// Only versions older than this one: the next page.
    pub before: Option<Vid>,
    pub limit: u64,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct HistoryPage {
    pub rows: Vec<Record>,
    pub more: bool,
}

/// Memory on its way to be true.
pub type Freshening = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;

/// Reads, each within a scope. Blocking: call on a thread that may wait.
pub trait Reader: Send + Sync {
    /// The current version of what the scope lets see by that name; deleted ones with `deleted` set.
    /// Where several members' rows bear the name, the row of `prefer` wins.
    fn get(&self, scope: &Scope, prefer: OrgNo, kind: Kind, id: &str) -> Result<Option<Record>, Fault>;
    /// Makes memory true as of `since` or a later moment, without blocking: to be awaited; `None` where there is nothing to wait for.
    /// `since` is when a request came, and all its reads by name may share the one answer: what it shows was true after it came.
    fn freshen(&self, since: Steady) -> Option<Freshening>;
    /// The same as [`Reader::get`] from memory alone, without blocking: `None` where memory is not known to be true as of `since` or
    /// does not know (not: where there is nothing).
    fn get_cached(
        &self,
        since: Steady,
        scope: &Scope,
        prefer: OrgNo,
        kind: Kind,
        id: &str,
    ) -> Option<Option<Record>>;
    /// One version.
    fn version(
        &self,
        scope: &Scope,
        prefer: OrgNo,
        kind: Kind,
        id: &str,
        version: i64,
    ) -> Result<Option<Record>, Fault>;
    fn history(&self, scope: &Scope, query: &HistoryQuery) -> Result<HistoryPage, Fault>;
    fn search(&self, scope: &Scope, query: &Query) -> Result<SearchPage, Fault>;
    /// How many rows a query finds; counts no further than `at_most`.
    fn count(&self, scope: &Scope, query: &Query, at_most: u64) -> Result<u64, Fault>;
    /// Current rows (as of `at`) by name: what `_include` adds. Unknown names are passed over.
    fn get_many(
        &self,
        scope: &Scope,
        prefer: OrgNo,
        names: &[(Kind, String)],
        at: Option<Position>,
    ) -> Result<Vec<Record>, Fault>;
    /// The index values of rows under some parameters: which references `_include` has to follow.
    fn texts(&self, vids: &[Vid], params: &[Param]) -> Result<Vec<(Vid, Param, String)>, Fault>;
    /// The grants in force or not, for interpreters of a scope.
    fn grants(&self) -> Arc<Vec<Grant>>;
    /// Packs a body for a [`Put`], on the caller's thread.
    fn pack(&self, kind: Kind, bytes: &[u8], packing: Packing) -> PackedBody;
}

/// Where bytes lie: in a segment file, from an offset, with a hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BlobRef {
    pub segment: i64,
    pub offset: u64,
    pub length: u64,
    pub sha256: [u8; 32],
}

impl BlobRef {
    /// Whether a range lies within it.
    ///
    /// # Errors
    /// `Corrupt` where it does not: who asks goes by what is stored.
    pub fn holds(&self, range: &Range<u64>) -> Result<(), Fault> {
        if range.start > range.end || range.end > self.length {
            return Err(crate::rows::corrupt(format!("bytes {range:?} of a blob of {}", self.length)));
        }
        Ok(())
    }

    /// As 56 bytes: segment, offset, length (big endian), hash.
    pub fn to_bytes(&self) -> [u8; 56] {
        let mut bytes = [0; 56];
        bytes[..8].copy_from_slice(&self.segment.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.offset.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.length.to_be_bytes());
        bytes[24..].copy_from_slice(&self.sha256);
        bytes
    }

    /// Reads what [`BlobRef::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<BlobRef> {
        let number = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        Some(BlobRef {
            segment: number(0)?.cast_signed(),
            offset: number(8)?,
            length: number(16)?,
            sha256: bytes.get(24..56)?.try_into().ok()?,
        })
    }
}

/// A blob being written. Dropped before `finish`, it leaves nothing behind.
pub trait BlobWriter: Send {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault>;
    /// How many bytes were written so far.
    fn length(&self) -> u64;
    /// Gives the bytes their place. They are durable only once a commit names them.
    fn finish(self: Box<Self>) -> Result<BlobRef, Fault>;
}

/// Bytes too large for a row: append-only, checksummed.
pub trait Blobs: Send + Sync {
    /// Begins a blob that is preceded by `head` (such as file meta information).
    fn begin(&self) -> Result<Box<dyn BlobWriter>, Fault>;
    /// Reads part of a blob; a range beyond its end is `Corrupt`.
    fn read(&self, blob: &BlobRef, range: Range<u64>) -> Result<Vec<u8>, Fault>;
    /// Reads all of it again and compares the hash.
    fn verify(&self, blob: &BlobRef) -> Result<bool, Fault>;
    /// Gives up a finished blob that no commit names or will name: its commit wrote nothing, failed, or was never asked for.
    /// What it alone occupies (a file, a handle) is freed at once; a place among others is left to be reclaimed. Other blobs of
    /// the same bytes have places of their own and stay.
    fn forget(&self, blob: &BlobRef);
}

/// One access, or refusal of one (FHIR AuditEvent, IHE BALP).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditEntry {
    pub id: String,
    pub time: Instant,
    /// The member whose log it stands in: the one acting, and each other one whose rows were shown.
    pub org: i64,
    /// The member that acted.
    pub agent_org: i64,
    pub agent: String,
    pub role: String,
    /// `C R U D E` (AuditEvent.action).
    pub action: char,
    /// Through which door: `fhir`, `dicomweb`, `dimse`, `app`, `import`.
    pub way: String,
    /// HTTP method and interaction, or DIMSE service, such as `search-type`.
    pub interaction: String,
    /// Type of what was touched, such as `Patient` or `Study`.
    pub kind: String,
    /// Its id or UID.
    pub entity: String,
    pub patient: Option<String>,
    /// The search as asked, for searches.
    pub query: Option<String>,
    /// AuditEvent.outcome: 0 success, 4 minor failure, 8 serious failure.
    pub outcome: u8,
    /// PurposeOfUse code.
    pub purpose: String,
}

/// What audit entries to show, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditFilter {
    pub org: i64,
    /// Only entries that name no patient.
    pub no_patient: bool,
    pub id: Option<String>,
    /// `low <= time < high` in milliseconds.
    pub low: Option<i64>,
    pub high: Option<i64>,
    pub patient: Option<String>,
    /// Any of these; where there is none, everybody.
    pub agents: Vec<String>,
    pub entity: Option<String>,
    pub kind: Option<String>,
    pub action: Option<char>,
    pub outcome: Option<u8>,
    /// Go on after the entry of this sequence number (of the answer before).
    pub before: Option<i64>,
    pub limit: u64,
}

/// The audit log: append-only, durable before the answer leaves, indexed behind it.
pub trait Audits: Send + Sync {
    /// Appends entries; `done` is called when they are durable. Grouped by fsync.
    fn record(&self, entries: Vec<AuditEntry>, done: Box<dyn FnOnce(Result<(), Fault>) + Send>);
    /// Entries in the index, which is brought up to the log first. With each its sequence number.
    fn search(&self, filter: &AuditFilter) -> Result<Vec<(i64, AuditEntry)>, Fault>;
}

/// A number for operators, as of now.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Gauge {
    /// Such as `wal_bytes`.
    pub name: &'static str,
    pub help: &'static str,
    pub value: f64,
}

/// Whether one part of an engine can do its work now.
#[derive(Debug)]
pub struct Part {
    /// `store`, `audit` or `blobs`.
    pub name: &'static str,
    pub state: Result<(), Fault>,
}

/// Asks every part of an engine whether it can do its work now: a trivial read of the newest state, room to write, an object store that
/// answers. Blocking, and possibly for as long as a peer is silent: whoever asks sets the bound, and asks once at a time.
pub type Parts = Arc<dyn Fn() -> Vec<Part> + Send + Sync>;

/// One engine: everything the services need.
#[derive(Clone)]
pub struct Store {
    pub log: Arc<dyn Log>,
    pub reader: Arc<dyn Reader>,
    pub blobs: Arc<dyn Blobs>,
    pub audits: Arc<dyn Audits>,
    pub leases: Arc<dyn Leases>,
    /// What the engine tells about itself; cheap, and without patients.
    pub gauges: Arc<dyn Fn() -> Vec<Gauge> + Send + Sync>,
    /// Which of its parts work now, for `/readyz`.
    pub ready: Parts,
}
