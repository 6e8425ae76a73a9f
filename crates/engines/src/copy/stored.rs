//! Blobs in an object store as an end of a copy: packed containers are objects, what has not been packed yet lies in files or rows.

use super::containers::{CHUNK, Containers, Files, Read, name, short};
use super::pg;
use crate::engine::ObjectPlace;
use crate::files::blobs::{HEAD, MAGIC};
use crate::postgres::wire::Wire;
use crate::s3::objects::{Objects, Patience};
use crate::s3::place;
use lenticular_base::Fault;
use lenticular_store::rows::corrupt;
use lenticular_store::sql::Bind;
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

/// What the table `segment` says of a container that is an object.
const PACKED: i64 = 2;

/// Nobody waits for a copy at a screen, and a store that is slow for a moment must not end one that ran for hours.
const PATIENCE: Patience = Patience { read: Duration::from_secs(90), write: Duration::from_secs(180) };

/// Where blobs wait for the packer.
pub enum Landing {
    Files(Files),
    /// The table `landing` of a PostgreSQL database.
    Rows(Box<Wire>),
}

impl Landing {
    /// The rows of a database.
    pub fn rows(address: &crate::postgres::address::Address) -> Result<Landing, Fault> {
        Ok(Landing::Rows(Box::new(pg::connect(address)?)))
    }
}

/// Containers of an object store.
pub struct Stored {
    objects: Objects,
    landing: Landing,
    /// Lengths of objects: they never change but by [`Containers::put`].
    lengths: RefCell<HashMap<i64, u64>>,
    /// The container whose rows are read as they were at one moment, whatever becomes of them meanwhile.
    still: Cell<Option<i64>>,
}

impl Stored {
    /// A client for what settings and environment name; nothing is asked yet.
    pub fn open(of: &ObjectPlace, landing: Landing) -> Result<Stored, Fault> {
        let environment: Vec<(String, String)> = std::env::vars().collect();
        let (store, prefix) = place::client(of, &environment)?;
        Ok(Stored::of(Objects::new(store, prefix, PATIENCE)?, landing))
    }

    pub(super) fn of(objects: Objects, landing: Landing) -> Stored {
        Stored { objects, landing, lengths: RefCell::default(), still: Cell::new(None) }
    }

    /// The rows of a container, where these alone are read of it just now.
    fn held_rows(&self, no: i64) -> Option<&Wire> {
        match &self.landing {
            Landing::Rows(wire) if self.still.get() == Some(no) => Some(wire),
            _ => None,
        }
    }

    fn object(&self, no: i64) -> Result<Option<u64>, Fault> {
        if let Some(length) = self.lengths.borrow().get(&no) {
            return Ok(Some(*length));
        }
        let length = self.objects.head(&name(no))?;
        self.lengths.borrow_mut().extend(length.map(|length| (no, length)));
        Ok(length)
    }

    fn of_object(&self, no: i64, at: u64, length: usize) -> Result<Option<Vec<u8>>, Fault> {
        let Some(end) = self.object(no)? else { return Ok(None) };
        let end = end.min(at + length as u64);
        if at >= end {
            return Ok(Some(Vec::new()));
        }
        self.objects.get(&name(no), Some(at..end)).map(|bytes| Some(bytes.to_vec()))
    }
}

impl Containers for Stored {
    fn length(&self, no: i64) -> Result<Option<u64>, Fault> {
        if let Some(wire) = self.held_rows(no) {
            return end_of_rows(wire, no);
        }
        if let Landing::Files(files) = &self.landing
            && let Some(length) = files.length(no)?
        {
            return Ok(Some(length));
        }
        if let Some(length) = self.object(no)? {
            return Ok(Some(length));
        }
        match &self.landing {
            Landing::Rows(wire) => end_of_rows(wire, no),
            Landing::Files(_) => Ok(None),
        }
    }

    fn read(&self, no: i64, at: u64, length: usize) -> Result<Vec<u8>, Fault> {
        if let Some(wire) = self.held_rows(no) {
            return from_rows(wire, no, at, length);
        }
        if let Landing::Files(files) = &self.landing
            && files.length(no)?.is_some()
        {
            match files.read(no, at, length) {
                // the packer has just removed it
                Err(_) if files.length(no)?.is_none() => {}
                read => return read,
            }
        }
        if let Some(bytes) = self.of_object(no, at, length)? {
            return Ok(bytes);
        }
        let Landing::Rows(wire) = &self.landing else { return Err(short(no, 0)) };
        let bytes = from_rows(wire, no, at, length)?;
        if bytes.is_empty()
            && let Some(packed) = self.of_object(no, at, length)?
        {
            return Ok(packed);
        }
        Ok(bytes)
    }

    fn put(&self, no: i64, _: u64, length: u64, read: Read<'_>) -> Result<(), Fault> {
        let read = RefCell::new(read);
        let fill = |at: u64, buffer: &mut [u8]| {
            let mut filled = 0;
            while filled < buffer.len() {
                let wanted = (buffer.len() - filled).min(CHUNK);
                let bytes = (read.borrow_mut())(at + filled as u64, wanted)?;
                if bytes.is_empty() {
                    return Err(short(no, at + filled as u64));
                }
                buffer[filled..filled + bytes.len()].copy_from_slice(&bytes);
                filled += bytes.len();
            }
            Ok(())
        };
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < length {
            let mut buffer = vec![0; usize::try_from(length - at).unwrap_or(CHUNK).min(CHUNK)];
            fill(at, &mut buffer)?;
            hash.update(&buffer);
            at += buffer.len() as u64;
        }
        let sha256: [u8; 32] = hash.finalize().into();
        let name = name(no);
        self.lengths.borrow_mut().remove(&no);
        if self.objects.head(&name)?.is_some() {
            if self.objects.same(&name, length, &sha256).is_ok() {
                return Ok(());
            }
            // of an earlier pass of this copy: the prefix was empty when it began
            self.objects.delete(&name)?;
        }
        self.objects.put_large(&name, length, &sha256, &fill)
    }

    fn state(&self) -> i64 {
        PACKED
    }

    fn is_settled(&self, no: i64) -> Result<bool, Fault> {
        match &self.landing {
            // Of rows that were committed in another order than they were begun, one may come between two others. A large object
            // has all of its rows before a commit names it.
            Landing::Rows(_) => Ok(no < 0 || self.object(no)?.is_some()),
            Landing::Files(_) => Ok(true),
        }
    }

    fn hold_still(&self, no: i64, work: &mut dyn FnMut(bool) -> Result<(), Fault>) -> Result<(), Fault> {
        let Landing::Rows(wire) = &self.landing else { return work(true) };
        if self.is_settled(no)? {
            return work(true);
        }
        wire.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let done = end_of_rows(wire, no).and_then(|rows| {
            if rows.is_none() {
                // the packer has just made an object of them
                return work(self.is_settled(no)?);
            }
            self.still.set(Some(no));
            work(false)
        });
        self.still.set(None);
        wire.rollback();
        done
    }

    fn is_empty(&self) -> Result<bool, Fault> {
        let mut empty = true;
        self.objects.list(&mut |_| {
            empty = false;
            Ok(())
        })?;
        Ok(empty)
    }
}

fn end_of_rows(wire: &Wire, no: i64) -> Result<Option<u64>, Fault> {
    let text = "SELECT at+length(bytes) FROM landing WHERE segment=$1 ORDER BY at DESC LIMIT 1";
    let end = lenticular_store::sql::one_int(wire, text, &[Bind::Int(no)])?;
    Ok(end.map(i64::unsigned_abs))
}

/// The rows of a segment as the packer would join them: where there is a gap stands an object of zeros that nobody names.
fn from_rows(wire: &Wire, no: i64, at: u64, length: usize) -> Result<Vec<u8>, Fault> {
    let number = |value: u64| i64::try_from(value).map_err(Fault::internal);
    // of the row behind the stretch only its place is of use: there ends the gap before it
    let text = "(SELECT at,bytes FROM landing WHERE segment=$1 AND at<$3 AND \
                at>=coalesce((SELECT max(at) FROM landing WHERE segment=$1 AND at<=$2),0)) UNION ALL \
                (SELECT at,''::bytea FROM landing WHERE segment=$1 AND at>=$3 ORDER BY at LIMIT 1) ORDER BY at";
    let binds = [Bind::Int(no), Bind::Int(number(at)?), Bind::Int(number(at.saturating_add(length as u64))?)];
    let mut found = Vec::with_capacity(length);
    let mut ends = None;
    lenticular_store::sql::Session::query(wire, text, &binds, &mut |row| {
        let begins = row.int(0)?.unsigned_abs();
        let before = ends.unwrap_or(if begins <= at { begins } else { 0 });
        if begins > before {
            take(&filler(begins - before)?, before, at, length, &mut found);
        }
        take(row.bytes(1)?, begins, at, length, &mut found);
        ends = Some(begins + row.bytes(1)?.len() as u64);
        Ok(found.len() < length)
    })?;
    Ok(found)
}

/// Adds what `bytes`, which begin at `begins`, hold of the `length` bytes from `at` on, behind what was found of them.
fn take(bytes: &[u8], begins: u64, at: u64, length: usize, found: &mut Vec<u8>) {
    let next = at + found.len() as u64;
    let skip = usize::try_from(next.saturating_sub(begins)).unwrap_or(usize::MAX);
    let wanted = length - found.len();
    if next >= begins && skip < bytes.len() {
        found.extend(&bytes[skip..bytes.len().min(skip.saturating_add(wanted))]);
    }
}

fn filler(size: u64) -> Result<Vec<u8>, Fault> {
    let length = size.checked_sub(HEAD).ok_or_else(|| corrupt(format!("a gap of {size} bytes")))?;
    let mut bytes = vec![0; usize::try_from(size).map_err(Fault::internal)?];
    let sha256 = Sha256::digest(&bytes[HEAD as usize..]);
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&length.to_be_bytes());
    bytes[16..HEAD as usize].copy_from_slice(&sha256);
    Ok(bytes)
}
