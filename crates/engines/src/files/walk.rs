//! Walking through segment files: what lies there that no commit names, and what is missing.

use super::blobs::{HEAD, MAGIC, SegmentFiles};
use super::{io_fault, numbers};
use crate::verify::VerifyReport;
use lenticular_base::Fault;
use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// The length of an object whose head stands at `at`; `None` where no whole object does.
fn object_at(file: &File, at: u64, end: u64) -> Option<u64> {
    let mut head = [0; HEAD as usize];
    if at.checked_add(HEAD)? > end {
        return None;
    }
    file.read_exact_at(&mut head, at).ok()?;
    let length = u64::from_be_bytes(head.get(8..16)?.try_into().ok()?);
    let whole = head.starts_with(MAGIC) && at.checked_add(HEAD)?.checked_add(length)? <= end;
    whole.then_some(length)
}

impl SegmentFiles {
    /// Counts what no commit names. `named` holds segment and offset of every blob of a record.
    pub(crate) fn walk_files(
        &self,
        named: &HashSet<(i64, u64)>,
        report: &mut VerifyReport,
    ) -> Result<(), Fault> {
        for no in numbers(self.folder(), "s-")? {
            let file = self.file_for_walk(&format!("s-{no}"))?;
            let end = file.metadata().map_err(|error| io_fault(self.folder(), error))?.len();
            let mut at = 0;
            while let Some(length) = object_at(&file, at, end) {
                if !named.contains(&(no, at + HEAD)) {
                    report.reclaimable += 1;
                    report.reclaimable_bytes += HEAD + length;
                }
                at += HEAD + length;
            }
            if at < end {
                // a tail that was being written when the process ended holds nothing that a commit names
                if named.iter().any(|(segment, offset)| *segment == no && *offset >= at) {
                    report.at_place("segment-damaged", format!("s-{no} at {at}"));
                } else {
                    report.reclaimable_bytes += end - at;
                }
            }
        }
        for prefix in ["o-", "t-"] {
            for no in numbers(self.folder(), prefix)? {
                if !named.contains(&(-no, HEAD)) {
                    let file = self.file_for_walk(&format!("{prefix}{no}"))?;
                    report.reclaimable += 1;
                    report.reclaimable_bytes += file.metadata().map_or(0, |file| file.len());
                }
            }
        }
        Ok(())
    }
}
