//! A double of an object store for tests: memory, and whatever can go wrong with one.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// What is wrong with it just now; nothing at first.
#[derive(Debug, Default)]
pub struct Faults {
    /// Every request fails as if nobody answered.
    pub away: AtomicBool,
    /// So many more requests fail, then all is well.
    pub busy: AtomicUsize,
    /// Every request is refused.
    pub denied: AtomicBool,
    /// So many puts do their work, but their answer is lost.
    pub mute: AtomicUsize,
    /// So many uploads in parts end with other bytes than those sent: as if another one of the same name came behind.
    pub replaced: AtomicUsize,
    /// Before each request, in milliseconds.
    pub slow: AtomicU64,
    /// How many requests for bytes came.
    pub gets: AtomicUsize,
    pub puts: AtomicUsize,
}

#[derive(Debug, Clone)]
pub struct Faulty {
    pub inner: Arc<InMemory>,
    pub faults: Arc<Faults>,
}

impl Default for Faulty {
    fn default() -> Faulty {
        Faulty { inner: Arc::new(InMemory::new()), faults: Arc::default() }
    }
}

fn generic(words: &str) -> Error {
    Error::Generic { store: "double", source: words.into() }
}

fn one_less(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Faulty {
    async fn gate(&self) -> Result<()> {
        let slow = self.faults.slow.load(Ordering::SeqCst);
        if slow > 0 {
            tokio::time::sleep(Duration::from_millis(slow)).await;
        }
        if self.faults.away.load(Ordering::SeqCst) {
            return Err(generic("nobody answers"));
        }
        if one_less(&self.faults.busy) {
            return Err(generic("503 SlowDown"));
        }
        if self.faults.denied.load(Ordering::SeqCst) {
            return Err(Error::PermissionDenied { path: "x".into(), source: "403 AccessDenied".into() });
        }
        Ok(())
    }

    /// Turns the byte in the middle of an object, or at `at`.
    pub fn damage(&self, name: &str, at: Option<usize>) {
        let inner = self.inner.clone();
        let path = Path::from(name);
        let work = async move {
            let mut bytes = inner.get(&path).await.unwrap().bytes().await.unwrap().to_vec();
            let at = at.unwrap_or(bytes.len() / 2);
            bytes[at] ^= 0xFF;
            inner.put(&path, PutPayload::from(bytes)).await.unwrap();
        };
        futures_util::FutureExt::now_or_never(work).unwrap();
    }

    /// The bytes of an object, where there is one.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let work = async { self.inner.get(&Path::from(name)).await.ok()?.bytes().await.ok() };
        futures_util::FutureExt::now_or_never(work).unwrap().map(|bytes| bytes.to_vec())
    }

    pub fn lose(&self, name: &str) {
        let work = async { self.inner.delete(&Path::from(name)).await.unwrap() };
        futures_util::FutureExt::now_or_never(work).unwrap();
    }

    /// The names of all objects but the one that says whose they are, sorted.
    pub fn names(&self) -> Vec<String> {
        let work = self.inner.list(None).map(|found| found.unwrap().location.to_string()).collect::<Vec<_>>();
        let mut names = futures_util::FutureExt::now_or_never(work).unwrap();
        names.retain(|name| !name.ends_with("/network"));
        names.sort();
        names
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("double")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.faults.puts.fetch_add(1, Ordering::SeqCst);
        self.gate().await?;
        let put = self.inner.put_opts(location, payload, options).await?;
        if one_less(&self.faults.mute) { Err(generic("the answer was lost")) } else { Ok(put) }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.gate().await?;
        let inner = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(FaultyUpload { inner, store: self.clone(), path: location.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if !options.head {
            self.faults.gets.fetch_add(1, Ordering::SeqCst);
        }
        self.gate().await?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .then(move |path| {
                let store = store.clone();
                async move {
                    let path = path?;
                    store.gate().await?;
                    store.inner.delete(&path).await?;
                    Ok(path)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.faults.away.load(Ordering::SeqCst) {
            return futures_util::stream::once(async { Err(generic("nobody answers")) }).boxed();
        }
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.gate().await?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.gate().await?;
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    store: Faulty,
    path: Path,
}

#[async_trait::async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let part = self.inner.put_part(data);
        let store = self.store.clone();
        Box::pin(async move {
            store.gate().await?;
            part.await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.store.gate().await?;
        let put = self.inner.complete().await?;
        if one_less(&self.store.faults.replaced) {
            self.store.damage(self.path.as_ref(), None);
        }
        Ok(put)
    }

    async fn abort(&mut self) -> Result<()> {
        self.store.gate().await?;
        self.inner.abort().await
    }
}
