//! Bodies packed by zstd, each kind with a dictionary of its own once enough bodies of it have gone by.

use crate::writer::WriterHandle;
use lenticular_base::{Fault, Kind};
use lenticular_store::rows::corrupt;
use lenticular_store::sql::{Bind, Packer, Session, one_int};
use lenticular_store::{PackedBody, Packing};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockWriteGuard};
use std::thread::JoinHandle;
use zstd::zstd_safe::{CCtx, CDict, DCtx, DDict, compress_bound};

const LEVEL: i32 = 1;

/// How many bodies make a dictionary, how much of each is looked at, how much memory all samples may take.
const SAMPLES: usize = 300;
const SAMPLE_BYTES: usize = 8 << 10;
const ALL_SAMPLES: usize = 12 << 20;
const DICTIONARY_BYTES: usize = 32 << 10;

/// The longest body that is unpacked.
const UNPACKED_LIMIT: usize = 1 << 30;

/// Bodies of one kind to train with.
pub type Lesson = (Kind, Vec<Vec<u8>>);

struct Dictionary {
    no: i32,
    kind: Kind,
    bytes: Vec<u8>,
    compress: OnceLock<CDict<'static>>,
    expand: OnceLock<DDict<'static>>,
}

#[derive(Default)]
struct Samples {
    of: HashMap<Kind, Vec<Vec<u8>>>,
    bytes: usize,
    /// Where full samples go; `None` when nothing is trained any more.
    trainer: Option<Sender<Lesson>>,
}

/// What is known of dictionaries.
#[derive(Default)]
struct Shelf {
    by_number: HashMap<i32, Arc<Dictionary>>,
    /// The newest of each kind.
    newest: HashMap<Kind, i32>,
}

/// Reads a dictionary that another process has trained. May be called while a snapshot or the writer's transaction is open.
pub type Load = Box<dyn Fn(i32) -> Result<Option<Trained>, Fault> + Send + Sync>;

/// A dictionary's bytes, and the kind that it is for.
pub type Trained = (Kind, Vec<u8>);

pub struct Packs {
    shelf: RwLock<Shelf>,
    samples: Mutex<Samples>,
    compressors: Mutex<Vec<CCtx<'static>>>,
    expanders: Mutex<Vec<DCtx<'static>>>,
    load: Load,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Packs {
    pub fn open(session: &dyn Session, load: Load) -> Result<Packs, Fault> {
        let mut shelf = Shelf::default();
        session.query("SELECT no,kind FROM dictionary ORDER BY no", &[], &mut |row| {
            let no = i32::try_from(row.int(0)?).map_err(|_| corrupt("number of a dictionary"))?;
            shelf.newest.insert(lenticular_store::rows::kind(row.int(1)?)?, no);
            Ok(true)
        })?;
        Ok(Packs {
            shelf: RwLock::new(shelf),
            samples: Mutex::default(),
            compressors: Mutex::default(),
            expanders: Mutex::default(),
            load,
        })
    }

    /// Starts the thread that trains dictionaries; it ends with [`Packs::stop_trainer`].
    pub fn start_trainer(self: &Arc<Packs>, writer: WriterHandle) -> Result<JoinHandle<()>, Fault> {
        let (sender, lessons) = channel::<Lesson>();
        lock(&self.samples).trainer = Some(sender);
        let packs = Arc::downgrade(self);
        std::thread::Builder::new()
            .name("dictionaries".into())
            .spawn(move || {
                for (kind, samples) in lessons {
                    let Some(packs) = packs.upgrade() else { return };
                    if let Err(fault) = packs.train(kind, &samples, &writer) {
                        tracing::warn!(kind = kind.0, %fault, "no dictionary was trained");
                    }
                }
            })
            .map_err(Fault::internal)
    }

    pub fn stop_trainer(&self) {
        lock(&self.samples).trainer = None;
    }

    fn train(self: &Arc<Packs>, kind: Kind, samples: &[Vec<u8>], writer: &WriterHandle) -> Result<(), Fault> {
        let bytes = zstd::dict::from_samples(samples, DICTIONARY_BYTES).map_err(Fault::internal)?;
        let packs = self.clone();
        let no = writer.task(move |session, _| {
            let last = one_int(session, "SELECT max(no) FROM dictionary", &[])?.unwrap_or(0);
            let dictionary = Dictionary::new(next(last)?, kind, bytes);
            dictionary.keep(session)?;
            let no = dictionary.no;
            // known before it is used, so that it is put back should the database lose it
            packs.shelf().by_number.insert(no, Arc::new(dictionary));
            Ok(no.into())
        })?;
        self.shelf().newest.insert(kind, i32::try_from(no).map_err(Fault::internal)?);
        Ok(())
    }

    fn shelf(&self) -> RwLockWriteGuard<'_, Shelf> {
        self.shelf.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts back what is known here and the database does not have: one that took over from another may lack the newest, by which
    /// bodies on their way are packed already. Gives whether there was any; the caller commits before whatever needs them.
    pub fn put_back(&self, session: &dyn Session) -> Result<bool, Fault> {
        let known: Vec<_> = {
            let shelf = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
            shelf.by_number.values().cloned().collect()
        };
        let mut there = HashSet::new();
        session.query("SELECT no FROM dictionary", &[], &mut |row| {
            there.insert(row.int(0)?);
            Ok(true)
        })?;
        let mut any = false;
        for dictionary in known.iter().filter(|dictionary| !there.contains(&dictionary.no.into())) {
            tracing::warn!(no = dictionary.no, "the database had lost a dictionary, which was put back");
            dictionary.keep(session)?;
            any = true;
        }
        Ok(any)
    }

    fn newest(&self, kind: Kind) -> Option<Arc<Dictionary>> {
        let no = *self.shelf.read().unwrap_or_else(PoisonError::into_inner).newest.get(&kind)?;
        self.numbered(no).ok()
    }

    fn numbered(&self, no: i32) -> Result<Arc<Dictionary>, Fault> {
        let known = self.shelf.read().unwrap_or_else(PoisonError::into_inner).by_number.get(&no).cloned();
        if let Some(dictionary) = known {
            return Ok(dictionary);
        }
        let bytes = (self.load)(no)?;
        let (kind, bytes) = bytes.ok_or_else(|| corrupt(format!("dictionary {no} is missing")))?;
        let dictionary = Arc::new(Dictionary::new(no, kind, bytes));
        self.shelf().by_number.insert(no, dictionary.clone());
        Ok(dictionary)
    }

    fn sample(&self, kind: Kind, bytes: &[u8]) {
        let sample = bytes.get(..SAMPLE_BYTES).unwrap_or(bytes);
        let mut samples = lock(&self.samples);
        if samples.trainer.is_none() || samples.bytes + sample.len() > ALL_SAMPLES {
            return;
        }
        // once handed over, the list stays, empty and without room, until the dictionary is there
        if samples.of.get(&kind).is_some_and(|of| of.len() >= SAMPLES) {
            return;
        }
        samples.bytes += sample.len();
        let of = samples.of.entry(kind).or_default();
        of.push(sample.to_vec());
        if of.len() == SAMPLES {
            let lesson: Vec<Vec<u8>> = of.iter_mut().map(std::mem::take).collect();
            samples.bytes = samples.bytes.saturating_sub(lesson.iter().map(Vec::len).sum());
            if let Some(trainer) = &samples.trainer {
                // the trainer ends only when the sender does
                let _ = trainer.send((kind, lesson));
            }
        }
    }
}

impl Dictionary {
    fn new(no: i32, kind: Kind, bytes: Vec<u8>) -> Dictionary {
        Dictionary { no, kind, bytes, compress: OnceLock::new(), expand: OnceLock::new() }
    }

    /// Puts it into the table.
    fn keep(&self, session: &dyn Session) -> Result<(), Fault> {
        let binds = [Bind::Int(self.no.into()), Bind::Int(self.kind.0.into()), Bind::Bytes(&self.bytes)];
        session.execute("INSERT INTO dictionary (no,kind,bytes) VALUES ($1,$2,$3)", &binds).map(drop)
    }
}

/// A greater number than `last`, half of it by chance: a number that a database has lost must not come to mean another dictionary.
fn next(last: i64) -> Result<i32, Fault> {
    let chance = i64::from(RandomState::new().hash_one(last) as u16);
    i32::try_from(((last >> 16) + 1) << 16 | chance).map_err(Fault::internal)
}

/// Reads a dictionary.
pub fn stored(session: &dyn Session, no: i32) -> Result<Option<Trained>, Fault> {
    let mut found = None;
    session.query("SELECT kind,bytes FROM dictionary WHERE no=$1", &[Bind::Int(no.into())], &mut |row| {
        found = Some((lenticular_store::rows::kind(row.int(0)?)?, row.bytes(1)?.to_vec()));
        Ok(false)
    })?;
    Ok(found)
}

fn raw(bytes: &[u8]) -> PackedBody {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    PackedBody { bytes: bytes.to_vec(), dictionary: -1, length }
}

impl Packer for Packs {
    fn pack(&self, kind: Kind, bytes: &[u8], packing: Packing) -> PackedBody {
        if packing == Packing::Raw || bytes.len() < 64 || bytes.len() > UNPACKED_LIMIT {
            return raw(bytes);
        }
        let dictionary = self.newest(kind);
        if dictionary.is_none() {
            self.sample(kind, bytes);
        }
        let mut context = lock(&self.compressors).pop().unwrap_or_default();
        let mut packed = Vec::with_capacity(compress_bound(bytes.len()));
        let result = match &dictionary {
            Some(dictionary) => {
                let prepared = dictionary.compress.get_or_init(|| CDict::create(&dictionary.bytes, LEVEL));
                context.compress_using_cdict(&mut packed, bytes, prepared)
            }
            None => context.compress(&mut packed, bytes, LEVEL),
        };
        lock(&self.compressors).push(context);
        if result.is_err() || packed.len() >= bytes.len() {
            return raw(bytes);
        }
        packed.shrink_to_fit();
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        PackedBody { bytes: packed, dictionary: dictionary.map_or(0, |dictionary| dictionary.no), length }
    }

    fn unpack(&self, dictionary: i64, length: i64, bytes: &[u8]) -> Result<Arc<[u8]>, Fault> {
        let length = usize::try_from(length).ok().filter(|length| *length <= UNPACKED_LIMIT);
        let length = length.ok_or_else(|| corrupt("the length of a body"))?;
        if dictionary < 0 {
            return if bytes.len() == length {
                Ok(bytes.into())
            } else {
                Err(corrupt("the length of a body"))
            };
        }
        let dictionary = match i32::try_from(dictionary) {
            Ok(0) => None,
            Ok(no) => Some(self.numbered(no)?),
            Err(_) => return Err(corrupt("the dictionary of a body")),
        };
        // nothing is set aside for a length that the frame itself does not state
        if zstd::zstd_safe::get_frame_content_size(bytes).ok().flatten() != Some(length as u64) {
            return Err(corrupt("the length of a body"));
        }
        let mut context = lock(&self.expanders).pop().unwrap_or_default();
        let mut body = Vec::with_capacity(length);
        let result = match &dictionary {
            Some(dictionary) => {
                let prepared = dictionary.expand.get_or_init(|| DDict::create(&dictionary.bytes));
                context.decompress_using_ddict(&mut body, bytes, prepared)
            }
            None => context.decompress(&mut body, bytes),
        };
        lock(&self.expanders).push(context);
        match result {
            Ok(_) if body.len() == length => Ok(body.into()),
            Ok(_) => Err(corrupt("the length of a body")),
            Err(code) => Err(corrupt(zstd::zstd_safe::get_error_name(code))),
        }
    }
}
