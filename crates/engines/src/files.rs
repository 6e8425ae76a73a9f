//! Bytes in files: blobs in append-only segments, and the audit log.

pub mod audit;
pub mod blobs;
pub(crate) mod gathering;
pub mod index;
pub mod landing;
pub mod walk;
mod writing;

use lenticular_base::Fault;
use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::Path;

/// A failure of a file in the terms of the one error table; the path goes to the log alone.
pub(crate) fn io_fault(path: &Path, error: Error) -> Fault {
    if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge) {
        return crate::faults::full().caused_by(format!("{}: {error}", path.display()));
    }
    Fault::internal(format!("{}: {error}", path.display()))
}

/// The number in a name such as `s-12`.
pub(crate) fn number_of(name: &str, prefix: &str) -> Option<i64> {
    let digits = name.strip_prefix(prefix)?;
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

/// The numbers of the files with this prefix, ascending.
pub(crate) fn numbers(folder: &Path, prefix: &str) -> Result<Vec<i64>, Fault> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| io_fault(folder, error))? {
        let entry = entry.map_err(|error| io_fault(folder, error))?;
        found.extend(entry.file_name().to_str().and_then(|name| number_of(name, prefix)));
    }
    found.sort_unstable();
    Ok(found)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Fault> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(|error| io_fault(folder, error))
}

/// Bytes of the files in a folder; 0 where it cannot be read.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
}
