//! The packer of rows: one process at a time writes closed segments into objects and removes their rows.

use super::fetch::name_of;
use super::files::{GIVEN_UP, UPLOADING};
use super::packer::Work;
use super::rows::Inner;
use super::table::SegmentRow;
use super::{landing, table};
use crate::files::blobs::{HEAD, head};
use crate::ground::{self, Wall};
use bytes::Bytes;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::leases;
use lenticular_store::rows::corrupt;
use lenticular_store::{BlobRef, Lease, Leases};
use sha2::{Digest, Sha256};
use std::sync::PoisonError;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

const LEASE: &str = "packer";

/// A segment of this process is closed after so long even if blobs in it wait for their commits.
const WAITS_AT_MOST: Duration = Duration::from_secs(3600);

impl Work for Inner {
    fn round(&self) -> Result<u64, Fault> {
        // the lease tells processes apart, not threads
        let _one_at_a_time = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        self.close_own()?;
        self.claim.check(&self.fetch.objects, &self.tasks, UPLOADING)?;
        self.clear_given_up()?;
        let rows = ground::read(&*self.ground, Wall::Open, |session| table::unpacked(session))?;
        if rows.iter().all(|row| row.state == table::OPEN && self.is_own(row.no)) {
            return Ok(0);
        }
        let writer = self.tasks.writer()?;
        let Some(lease) = writer.take(LEASE, &self.holder, self.ttl())? else {
            return Ok(0);
        };
        let packed = self.while_renewed(&lease, || self.pack_all(&lease));
        writer.give_back(&lease)?;
        packed
    }
}

fn lost() -> Fault {
    Fault::new(FaultKind::Busy, "lease-lost", "Another process packs by now.")
}

impl Inner {
    /// In milliseconds.
    fn ttl(&self) -> i64 {
        i64::try_from(self.settings.lease.as_millis()).unwrap_or(i64::MAX)
    }

    /// Renews the lease for as long as `work` takes: one object may take hours. Where it was lost, whoever writes under it is
    /// refused.
    fn while_renewed<T>(&self, lease: &Lease, work: impl FnOnce() -> T) -> T {
        let (done, ended) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(self.settings.lease / 4) {
                    let taken = self.tasks.writer().and_then(|w| w.take(LEASE, &self.holder, self.ttl()));
                    match taken {
                        Ok(Some(held)) if held.fence == lease.fence => {}
                        Ok(_) => return,
                        // tried again: it may last longer than the database is away
                        Err(fault) => tracing::debug!(%fault, "the packer's lease was not renewed"),
                    }
                }
            });
            let result = work();
            drop(done);
            result
        })
    }

    fn pack_all(&self, lease: &Lease) -> Result<u64, Fault> {
        self.close_abandoned(lease)?;
        let rows = ground::read(&*self.ground, Wall::Open, |session| table::unpacked(session))?;
        let (mut packed, mut first) = (0, None);
        let (segments, large): (Vec<_>, Vec<_>) =
            rows.into_iter().filter(|row| row.state == table::CLOSED).partition(|row| row.no > 0);
        // a large one may take long, and everybody's small ones would wait
        for row in segments.into_iter().chain(large) {
            // the fence stays the same while it is renewed
            let lease = self.tasks.writer()?.take(LEASE, &self.holder, self.ttl())?.ok_or_else(lost)?;
            match self.pack(&row, &lease) {
                Ok(()) => packed += 1,
                Err(fault) if fault.kind == FaultKind::Busy => return Err(fault),
                // by another process, while this one was thought gone
                Err(_) if self.is_packed(row.no)? => {}
                // the others are tried all the same
                Err(fault) => drop(first.get_or_insert(fault)),
            }
        }
        first.map_or(Ok(packed), Err)
    }

    fn is_packed(&self, no: i64) -> Result<bool, Fault> {
        let row = ground::glance(&*self.ground, |session| table::row(session, no))?;
        Ok(row.is_some_and(|row| row.state == table::PACKED))
    }

    /// Closes the segments that this process has left, once their blobs have their commits.
    fn close_own(&self) -> Result<(), Fault> {
        ground::glance(&*self.ground, |session| self.let_go(session, false))?;
        let ready: Vec<i64> = {
            let mut state = self.state();
            self.leave_if_due(&mut state);
            let due = |(no, since): (&i64, &std::time::Instant)| {
                (!self.is_waited_for(&state, *no) || since.elapsed() >= WAITS_AT_MOST).then_some(*no)
            };
            state.left.iter().filter_map(due).collect()
        };
        for no in ready {
            self.close(no, None)?;
            self.state().left.remove(&no);
        }
        Ok(())
    }

    fn close(&self, no: i64, lease: Option<Lease>) -> Result<(), Fault> {
        self.tasks.run(move |session, now| {
            if let Some(lease) = &lease {
                leases::holds(session, lease, now)?;
            }
            // one that no commit names is of no use
            if table::empty(session, no)? == 0 {
                table::close(session, no, 0)?;
            } else {
                landing::clear(session, no)?;
            }
            Ok(0)
        })?;
        Ok(())
    }

    /// Large objects that were given up: unless a commit that failed late stands after all, nothing of them stays.
    fn clear_given_up(&self) -> Result<(), Fault> {
        let given_up = std::mem::take(&mut self.state().given_up);
        for (done, no) in given_up.iter().enumerate() {
            let cleared = self.clear(*no);
            if cleared.is_err() {
                self.state().given_up.extend(&given_up[done..]);
                return cleared;
            }
        }
        Ok(())
    }

    /// The object goes first: its row is what is remembered of it.
    fn clear(&self, no: i64) -> Result<(), Fault> {
        let row = ground::glance(&*self.ground, |session| table::row(session, no))?;
        if row.is_none_or(|row| row.state != table::OPEN || row.length > 0) {
            return Ok(());
        }
        // from here on no commit can name it
        let taken = self.tasks.run(move |session, _| table::give_up(session, no).map(|rows| rows as i64))?;
        if taken == 0 {
            return Ok(());
        }
        self.fetch.objects.delete(&name_of(no))?;
        self.tasks.run(move |session, _| {
            landing::clear(session, no)?;
            table::empty(session, no).map(|_| 0)
        })?;
        Ok(())
    }

    /// Segments whose process has gone are closed; it would notice in its next commit. What nobody named for a day is removed.
    fn close_abandoned(&self, lease: &Lease) -> Result<(), Fault> {
        let rows = ground::read(&*self.ground, Wall::Open, |session| table::unpacked(session))?;
        let now = lease.expires.0.saturating_sub(self.ttl());
        let is_older = |row: &SegmentRow, age: Duration| {
            now.saturating_sub(row.began.0) > i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
        };
        for row in rows {
            if row.state == table::GIVEN_UP {
                self.fetch.objects.delete(&name_of(row.no))?;
                self.tasks.run(move |session, _| {
                    landing::clear(session, row.no)?;
                    table::empty(session, row.no).map(|_| 0)
                })?;
            } else if row.state != table::OPEN {
                continue;
            } else if row.no > 0 && is_older(&row, 2 * self.settings.segment_age + Duration::from_secs(60)) {
                self.close(row.no, Some(lease.clone()))?;
            } else if row.no < 0 && row.length == 0 && is_older(&row, GIVEN_UP) {
                self.clear(row.no)?;
            }
        }
        Ok(())
    }

    /// Writes a closed segment into an object, reads that back, and removes the rows, if the lease is still held.
    fn pack(&self, row: &SegmentRow, lease: &Lease) -> Result<(), Fault> {
        let name = name_of(row.no);
        let objects = &self.fetch.objects;
        let (length, sha256) = if row.no < 0 {
            let sha256 = self.hash_of_pieces(row)?;
            objects.put_large(&name, row.length, &sha256, &|at, buffer| self.piece(row.no, at, buffer))?;
            (row.length, sha256)
        } else {
            let chunks = self.chunks(row)?;
            let mut hash = Sha256::new();
            chunks.iter().for_each(|chunk| hash.update(chunk));
            let length = chunks.iter().map(|chunk| chunk.len() as u64).sum();
            objects.put_if_absent(&name, chunks)?;
            (length, hash.finalize().into())
        };
        objects.same(&name, length, &sha256)?;
        let (no, lease) = (row.no, lease.clone());
        self.tasks.run(move |session, now| {
            leases::holds(session, &lease, now)?;
            table::packed(session, no)?;
            landing::clear(session, no).map(|_| 0)
        })?;
        Ok(())
    }

    /// A segment as a file of the embedded engine would be: its rows in order, and in gaps objects that nobody names.
    fn chunks(&self, row: &SegmentRow) -> Result<Vec<Bytes>, Fault> {
        let mut chunks = Vec::new();
        let mut at = 0;
        loop {
            let rows = ground::glance(&*self.ground, |session| landing::next(session, row.no, at))?;
            if rows.is_empty() {
                break;
            }
            for (begins, bytes) in rows {
                if begins < at {
                    return Err(corrupt(format!("{} has rows that overlap at {begins}", name_of(row.no))));
                }
                if begins > at {
                    chunks.push(filler(begins - at)?);
                }
                at = begins + bytes.len() as u64;
                chunks.push(bytes);
            }
        }
        if at < row.length {
            return Err(corrupt(format!("{} has rows up to {at} alone", name_of(row.no))));
        }
        Ok(chunks)
    }

    fn piece(&self, no: i64, at: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        let blob = BlobRef { segment: no, offset: 0, length: u64::MAX, sha256: [0; 32] };
        let bytes = landing::part(&*self.ground, &blob, at..at + buffer.len() as u64)?
            .ok_or_else(|| corrupt(format!("{} has no row at {at}", name_of(no))))?;
        buffer.copy_from_slice(&bytes);
        Ok(())
    }

    fn hash_of_pieces(&self, row: &SegmentRow) -> Result<[u8; 32], Fault> {
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < row.length {
            let size = (row.length - at).min(landing::PIECE);
            let mut bytes = vec![0; usize::try_from(size).map_err(Fault::internal)?];
            self.piece(row.no, at, &mut bytes)?;
            hash.update(&bytes);
            at += size;
        }
        Ok(hash.finalize().into())
    }
}

/// An object of zeros that takes up `size` bytes, its head included. Whatever leaves a gap had a head.
fn filler(size: u64) -> Result<Bytes, Fault> {
    let length = size.checked_sub(HEAD).ok_or_else(|| corrupt(format!("a gap of {size} bytes")))?;
    let mut bytes = vec![0; usize::try_from(size).map_err(Fault::internal)?];
    let sha256: [u8; 32] = Sha256::digest(&bytes[HEAD as usize..]).into();
    bytes[..HEAD as usize].copy_from_slice(&head(length, &sha256));
    Ok(bytes.into())
}
