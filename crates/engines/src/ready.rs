//! Whether an engine can do its work now, for `/readyz`; of a data folder: one trivial read, and room to write.

use crate::faults::full;
use crate::files::io_fault;
use crate::sqlite::{Db, connect, fault};
use crate::writer::WriterHandle;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::{Part, Parts, notice};
use rustix::fs::{StatVfsMountFlags, statvfs};
use std::path::Path;
use std::sync::Arc;

/// Less room than this, in bytes, and the next group of commits or audit entries may not fit.
const ROOM: u64 = 16 << 20;
/// Bytes of database pages for the one read.
const CACHE: u64 = 64 << 10;

/// The three parts of an engine, as they are when they are asked.
pub(crate) fn of_parts(parts: crate::engine::Parts, writer: WriterHandle) -> Parts {
    Arc::new(move || {
        vec![
            Part { name: "store", state: parts.ground.ready().and_then(|()| writer.ready()) },
            Part { name: "audit", state: parts.audits.ready() },
            Part { name: "blobs", state: parts.blobs.ready() },
        ]
    })
}

/// Reads one row of a SQLite database, opened anew, so that no page of it comes from memory and no reader is taken from those
/// who wait for one.
pub(crate) fn reads(database: &Path) -> Result<(), Fault> {
    // opening a file that is gone would make an empty one
    std::fs::metadata(database).map_err(|error| io_fault(database, error))?;
    let connection = connect(database, CACHE, 0, true)?;
    connection.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", (), |_| Ok(())).map_err(fault)?;
    notice::let_work(&Db(&connection))?;
    notice::let_read(&Db(&connection))
}

/// Whether something can still be written where this lies.
pub(crate) fn has_room(path: &Path) -> Result<(), Fault> {
    let disk = statvfs(path).map_err(|error| io_fault(path, error.into()))?;
    if disk.f_flag.contains(StatVfsMountFlags::RDONLY) {
        let words = "The file system of the data folder can be read alone. Nothing is lost; it has to be mounted for writing.";
        return Err(Fault::new(FaultKind::Internal, "read-only", words));
    }
    match disk.f_bavail.saturating_mul(disk.f_frsize) {
        free if free < ROOM => Err(full()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::{OpenOptions, open};
    use lenticular_base::Instant;

    #[test]
    fn a_folder_is_ready_until_a_part_of_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let engine = open(OpenOptions::new(folder.path(), || Instant(0))).unwrap();
        let parts = engine.store.ready.clone();
        let codes = || -> Vec<(&str, &str)> {
            let code = |part: lenticular_store::Part| {
                (part.name, part.state.err().map_or("ready", |fault| fault.code))
            };
            parts().into_iter().map(code).collect()
        };
        assert_eq!(codes(), [("store", "ready"), ("audit", "ready"), ("blobs", "ready")]);
        std::fs::rename(at("blobs"), at("elsewhere")).unwrap();
        assert_eq!(codes(), [("store", "ready"), ("audit", "ready"), ("blobs", "internal")]);
        std::fs::rename(at("lenticular.db"), at("old.db")).unwrap();
        assert_eq!(codes()[0], ("store", "internal"));
        assert!(!at("lenticular.db").exists(), "asking made a database");
        std::fs::rename(at("old.db"), at("lenticular.db")).unwrap();
        std::fs::rename(at("elsewhere"), at("blobs")).unwrap();
        assert!(codes().iter().all(|(_, code)| *code == "ready"));
    }
}
