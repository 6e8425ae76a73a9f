//! An object store, asked by threads that may wait: put once, get, head, list, delete.
//!
//! Requests run on a small runtime of their own; whoever asks hands its request over and waits on a channel, so that this can
//! be called from any thread that may block. Each request is tried again with growing, uneven pauses, for a bounded time.

use crate::faults::{closing, distrusts};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use lenticular_base::{Fault, FaultKind};
use lenticular_store::rows::corrupt;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions,
    PutPayload,
};
use sha2::{Digest, Sha256};
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// What is read back, and uploaded in parts, at a time.
pub const PART: usize = 8 << 20;

/// How many names are listed at a time.
const PAGE: usize = 1000;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long a request may take with all its repetitions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Somebody waits for the bytes.
    pub read: Duration,
    /// Work behind, or an upload.
    pub write: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { read: Duration::from_secs(8), write: Duration::from_secs(90) }
    }
}

/// An object as a listing shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Without the prefix, such as `s-12`.
    pub name: String,
    pub size: u64,
    /// When it was written, by the store's clock, in milliseconds.
    pub modified: i64,
}

/// Fills the buffer with what stands at an offset.
pub type Source<'a> = &'a dyn Fn(u64, &mut [u8]) -> Result<(), Fault>;

/// The objects below one prefix of one bucket.
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    patience: Patience,
    /// When it was last found away, unless it has answered since.
    away: Mutex<Option<Instant>>,
    /// Taken when this is closed.
    runtime: Mutex<Option<Runtime>>,
}

impl Objects {
    /// Nothing is asked yet.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: Path, patience: Patience) -> Result<Objects, Fault> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("objects")
            .enable_all()
            .build()
            .map_err(Fault::internal)?;
        Ok(Objects { store, prefix, patience, away: Mutex::default(), runtime: Mutex::new(Some(runtime)) })
    }

    fn path(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }

    /// Runs `attempt` on the runtime, again while the store is away, until `patience` is over.
    fn run<T, F>(
        &self,
        patience: Duration,
        attempt: impl Fn() -> F + Send + Sync + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send,
    {
        let (answer, result) = sync_channel(1);
        self.spawn(async move {
            let begun = Instant::now();
            let mut pause = FIRST_PAUSE;
            let ended = loop {
                let left = patience.saturating_sub(begun.elapsed());
                let error = match tokio::time::timeout(left, attempt()).await {
                    Ok(Err(error)) if is_away(&error) => error,
                    Ok(ended) => break ended,
                    Err(_) => break Err(too_late(patience)),
                };
                let uneven = pause.mul_f64(0.5 + fraction());
                if begun.elapsed() + uneven >= patience {
                    break Err(error);
                }
                tokio::time::sleep(uneven).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            };
            // whoever asked waits: the channel has room for the one answer
            let _ = answer.send(ended);
        });
        let ended = result.recv().unwrap_or_else(|_| {
            // its runtime has ended
            Err(Error::Generic { store: "objects", source: CLOSED.into() })
        });
        self.note(ended.as_ref().err());
        ended
    }

    /// Keeps whether a request found the store away.
    fn note(&self, error: Option<&Error>) {
        let away = error.is_some_and(is_away).then(Instant::now);
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = away;
    }

    /// How long ago it was found away; `None` where it has answered since, or nobody has asked.
    pub fn away_since(&self) -> Option<Duration> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed())
    }

    /// Puts an object that nobody has put before; one that is there with the same bytes is as good.
    ///
    /// # Errors
    /// `Conflict` (`object-taken`) where other bytes bear the name; `Busy` where the store is away or refuses.
    pub fn put_if_absent(&self, name: &str, chunks: Vec<Bytes>) -> Result<(), Fault> {
        self.put_if_absent_within(self.patience.write, name, chunks)
    }

    /// The same, tried for so long at most.
    pub fn put_if_absent_within(
        &self,
        patience: Duration,
        name: &str,
        chunks: Vec<Bytes>,
    ) -> Result<(), Fault> {
        let (store, path, payload) =
            (self.store.clone(), self.path(name), PutPayload::from_iter(chunks.clone()));
        let put = self.run(patience.min(self.patience.write), move || {
            let (store, path, payload) = (store.clone(), path.clone(), payload.clone());
            async move {
                let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
                store.put_opts(&path, payload, options).await.map(drop)
            }
        });
        match put {
            Ok(()) => Ok(()),
            // by somebody else, or by a request of ours whose answer was lost
            Err(Error::AlreadyExists { .. }) => {
                let length = chunks.iter().map(|chunk| chunk.len() as u64).sum();
                let mut hash = Sha256::new();
                chunks.iter().for_each(|chunk| hash.update(chunk));
                self.same(name, length, &hash.finalize().into())
            }
            Err(error) => Err(fault(name, error)),
        }
    }

    /// Puts a large object in parts; `source` fills the buffer from an offset on. Where the object is there already with this
    /// length and hash, nothing is sent. The number in its name is this one writer's own, so nobody else puts it meanwhile.
    pub fn put_large(
        &self,
        name: &str,
        length: u64,
        sha256: &[u8; 32],
        source: Source<'_>,
    ) -> Result<(), Fault> {
        let mut last = None;
        let begun = Instant::now();
        // parts cannot be sent again one by one: an upload that broke is begun anew
        while last.is_none() || begun.elapsed() < self.patience.write {
            match self.try_put_large(self.patience, name, length, sha256, source) {
                Ok(()) => return Ok(()),
                Err(fault) if fault.code == AWAY => last = Some(fault),
                Err(fault) => return Err(fault),
            }
            std::thread::sleep(LONGEST_PAUSE.min(self.patience.write / 4).mul_f64(0.5 + fraction()));
        }
        Err(last.unwrap_or_else(|| Fault::internal("an upload was not tried")))
    }

    /// The same, tried once: each question may take `patience.read`, each part `patience.write`.
    pub fn try_put_large(
        &self,
        patience: Patience,
        name: &str,
        length: u64,
        sha256: &[u8; 32],
        source: Source<'_>,
    ) -> Result<(), Fault> {
        if self.head_within(patience.read.min(self.patience.read), name)?.is_some() {
            return self.same(name, length, sha256);
        }
        self.upload(patience.write.min(self.patience.write), name, length, source)
    }

    fn upload(&self, patience: Duration, name: &str, length: u64, source: Source<'_>) -> Result<(), Fault> {
        let (asks, asked) = channel::<(u64, oneshot::Sender<PutPayload>)>();
        let (answer, result) = sync_channel(1);
        let (store, path) = (self.store.clone(), self.path(name));
        self.spawn(async move {
            let ended = multipart(&*store, &path, length, patience, &asks).await;
            drop(asks);
            // whoever asked waits: the channel has room for the one answer
            let _ = answer.send(ended);
        });
        let mut unread = None;
        // ends when the upload has ended and its end of the channel is gone
        for (at, part) in asked {
            let size = length.saturating_sub(at).min(PART as u64);
            let mut bytes = vec![0; usize::try_from(size).map_err(Fault::internal)?];
            match source(at, &mut bytes) {
                Ok(()) => drop(part.send(PutPayload::from(bytes))),
                Err(fault) => unread = Some(fault),
            }
        }
        let ended = result.recv().map_err(|_| closing())?;
        match unread {
            Some(fault) => Err(fault),
            None => ended
                .inspect(|()| self.note(None))
                .inspect_err(|error| self.note(Some(error)))
                .map_err(|error| fault(name, error)),
        }
    }

    /// The bytes of a range, or of all of it.
    ///
    /// # Errors
    /// `Corrupt` where the object is missing ([`is_missing`]) or ends before the range; `Busy` where the store is away or refuses.
    pub fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Bytes, Fault> {
        let wanted = range.as_ref().map(|range| range.end.saturating_sub(range.start));
        if wanted == Some(0) {
            return Ok(Bytes::new());
        }
        let (store, path) = (self.store.clone(), self.path(name));
        let got = self.run(self.patience.read, move || {
            let (store, path, range) = (store.clone(), path.clone(), range.clone().map(GetRange::Bounded));
            async move {
                store.get_opts(&path, GetOptions { range, ..GetOptions::default() }).await?.bytes().await
            }
        });
        let bytes = match got {
            Ok(bytes) => bytes,
            // a range beyond the end is an error in words that differ from store to store
            Err(error)
                if wanted.is_some() && !matches!(error, Error::NotFound { .. }) && !is_denied(&error) =>
            {
                return Err(self.short_or(name, error));
            }
            Err(error) => return Err(fault(name, error)),
        };
        match wanted {
            Some(wanted) if bytes.len() as u64 != wanted => Err(corrupt(format!("{name} ends too early"))),
            _ => Ok(bytes),
        }
    }

    /// Why a range could not be read: the object is shorter, or else the store is away.
    fn short_or(&self, name: &str, error: Error) -> Fault {
        let text = error.to_string();
        let beyond = text.contains("416") || text.to_ascii_lowercase().contains("range");
        if beyond && matches!(self.head(name), Ok(Some(_))) {
            return corrupt(format!("{name} ends too early: {text}"));
        }
        fault(name, error)
    }

    /// The size of an object; `None` where there is none.
    pub fn head(&self, name: &str) -> Result<Option<u64>, Fault> {
        self.head_within(self.patience.read, name)
    }

    fn head_within(&self, patience: Duration, name: &str) -> Result<Option<u64>, Fault> {
        let (store, path) = (self.store.clone(), self.path(name));
        let found = self.run(patience, move || {
            let (store, path) = (store.clone(), path.clone());
            async move { store.head(&path).await }
        });
        match found {
            Ok(meta) => Ok(Some(meta.size)),
            Err(error @ Error::NotFound { .. }) if !no_bucket(&error) => Ok(None),
            Err(error) => Err(fault(name, error)),
        }
    }

    /// Reads an object back and compares it.
    ///
    /// # Errors
    /// `Conflict` (`object-taken`) where it is another one; else as [`Objects::get`].
    pub fn same(&self, name: &str, length: u64, sha256: &[u8; 32]) -> Result<(), Fault> {
        if self.head(name)? == Some(length) && self.hash(name, length)? == *sha256 {
            return Ok(());
        }
        Err(Fault::new(
            FaultKind::Conflict,
            TAKEN,
            format!(
                "The object store holds other bytes under the name {name}. Two networks must not share bucket and prefix; \
                 see blobs.url."
            ),
        ))
    }

    /// SHA-256 of the first `length` bytes, read back.
    pub fn hash(&self, name: &str, length: u64) -> Result<[u8; 32], Fault> {
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < length {
            let next = length.min(at + PART as u64);
            hash.update(self.get(name, Some(at..next))?);
            at = next;
        }
        Ok(hash.finalize().into())
    }

    /// Everything below the prefix, in the order of the names.
    pub fn list(&self, each: &mut dyn FnMut(Listed) -> Result<(), Fault>) -> Result<(), Fault> {
        let mut after: Option<Path> = None;
        loop {
            let (store, prefix, offset) = (self.store.clone(), self.prefix.clone(), after.clone());
            let page = self.run(self.patience.write, move || {
                let (store, prefix, offset) = (store.clone(), prefix.clone(), offset.clone());
                async move {
                    let listing = match &offset {
                        Some(offset) => store.list_with_offset(Some(&prefix), offset),
                        None => store.list(Some(&prefix)),
                    };
                    listing.take(PAGE).try_collect::<Vec<_>>().await
                }
            });
            let page = page.map_err(|error| fault("the list of objects", error))?;
            for found in &page {
                let below = found.location.prefix_match(&self.prefix).map(|parts| parts.collect::<Vec<_>>());
                // what lies deeper is somebody else's
                if let Some([name]) = below.as_deref() {
                    let modified = found.last_modified.timestamp_millis();
                    each(Listed { name: name.as_ref().to_owned(), size: found.size, modified })?;
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.location.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// Removes an object; that there is none is as good.
    pub fn delete(&self, name: &str) -> Result<(), Fault> {
        let (store, path) = (self.store.clone(), self.path(name));
        let gone = self.run(self.patience.read, move || {
            let (store, path) = (store.clone(), path.clone());
            async move { store.delete(&path).await }
        });
        match gone {
            Ok(()) => Ok(()),
            Err(error @ Error::NotFound { .. }) if !no_bucket(&error) => Ok(()),
            Err(error) => Err(fault(name, error)),
        }
    }

    /// Hands work over; after the end it is dropped, and with it the channel that somebody may wait on.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &*self.runtime.lock().unwrap_or_else(PoisonError::into_inner) {
            runtime.spawn(work);
        }
    }

    /// Ends what is under way; whoever waits for it is told that the server closes.
    pub fn close(&self) {
        if let Some(runtime) = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        self.close();
    }
}

/// Uploads in parts, which are asked for one by one.
async fn multipart(
    store: &dyn ObjectStore,
    path: &Path,
    length: u64,
    patience: Duration,
    asks: &Sender<(u64, oneshot::Sender<PutPayload>)>,
) -> Result<(), Error> {
    let mut upload = within(patience, store.put_multipart_opts(path, PutMultipartOptions::default())).await?;
    let sent = async {
        let mut at = 0;
        while at < length {
            let (part, filled) = oneshot::channel();
            let gone = |_| Error::Generic { store: "objects", source: "a part was not read".into() };
            asks.send((at, part)).map_err(|_| too_late(patience))?;
            within(patience, upload.put_part(filled.await.map_err(gone)?)).await?;
            at += PART as u64;
        }
        within(patience, upload.complete()).await
    };
    let sent = sent.await;
    if sent.is_err() {
        // what stays of it is for the bucket's rule on unfinished uploads
        let _ = within(patience, upload.abort()).await;
    }
    sent.map(drop)
}

async fn within<T>(patience: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(patience, work).await.unwrap_or_else(|_| Err(too_late(patience)))
}

fn too_late(patience: Duration) -> Error {
    Error::Generic { store: "objects", source: format!("no answer within {patience:?}").into() }
}

/// A number from 0 to 1 that nobody can foresee: so that many who failed together do not come again together.
fn fraction() -> f64 {
    (RandomState::new().hash_one(0) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Whether the same request may succeed a little later.
fn is_away(error: &Error) -> bool {
    matches!(error, Error::Generic { .. } | Error::JoinError { .. })
        && !distrusts(error)
        && !is_denied(error)
        && !no_bucket(error)
}

fn is_denied(error: &Error) -> bool {
    const SAID: [&str; 4] = ["403 Forbidden", "SignatureDoesNotMatch", "InvalidAccessKeyId", "AccessDenied"];
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => true,
        // a listing that is refused comes as any failure: what the store said stands in its words
        Error::Generic { .. } => {
            let text = error.to_string();
            SAID.iter().any(|words| text.contains(words))
        }
        _ => false,
    }
}

fn no_bucket(error: &Error) -> bool {
    error.to_string().contains("NoSuchBucket")
}

const CLOSED: &str = "the object store was closed";

/// The object store does not answer.
pub const AWAY: &str = "objects-away";
/// Other bytes bear the name.
pub const TAKEN: &str = "object-taken";
const MISSING: &str = "object-missing";

/// Whether a fault says that there is no such object.
pub fn is_missing(fault: &Fault) -> bool {
    fault.code == MISSING
}

/// An object store's failures in the terms of the one error table. What it said goes to the log alone.
fn fault(name: &str, error: Error) -> Fault {
    if matches!(&error, Error::Generic { source, .. } if source.to_string() == CLOSED) {
        return closing();
    }
    let (kind, code, words) = match &error {
        _ if no_bucket(&error) => (
            FaultKind::Busy,
            "objects-bucket",
            "The object store does not know the bucket; nothing of this request was kept. The operator checks blobs.url and \
             blobs.endpoint.",
        ),
        _ if distrusts(&error) => (
            FaultKind::Busy,
            "objects-tls",
            "The object store shows a certificate that nobody known here vouches for; nothing of this request was kept. The \
             operator checks blobs.ca (or AWS_CA_BUNDLE), the name in blobs.endpoint, and until when the certificate is valid.",
        ),
        Error::NotFound { .. } => (
            FaultKind::Corrupt,
            MISSING,
            "The object store does not hold what was put there; `lenticular verify` says more.",
        ),
        _ if is_denied(&error) => (
            FaultKind::Busy,
            "objects-denied",
            "The object store refuses this server. The operator checks AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, \
             this machine's clock, and that the key may get, put, list and delete objects of the bucket.",
        ),
        Error::NotImplemented { .. } | Error::NotSupported { .. } => (
            FaultKind::Internal,
            "objects-unfit",
            "The object store cannot do what is needed: conditional puts, ranges, uploads in parts.",
        ),
        _ => (
            FaultKind::Busy,
            AWAY,
            "The object store does not answer. Try again; what was acknowledged is safe.",
        ),
    };
    Fault::new(kind, code, words).caused_by(format!("{name}: {error}"))
}
