//! What only the process knows: what listens, how much room there is, how loud the log is.

use crate::config::Config;
use lenticular_services::Services;
use lenticular_services::deployment::{Listener, SetLogLevel, Space, Surroundings};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

/// Starts the log; gives what changes its level.
pub fn start_log(level: &str) -> SetLogLevel {
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::new(level))
        .with_filter_reloading();
    let handle = builder.reload_handle();
    builder.init();
    Arc::new(move |level| {
        let filter = EnvFilter::try_new(level).map_err(|e| e.to_string())?;
        handle.reload(filter).map_err(|e| e.to_string())
    })
}

/// Tells the services about the process around them.
pub fn tell(
    services: &Services,
    config: &Config,
    data: &Path,
    log: &SetLogLevel,
    (http, dimse): (SocketAddr, Option<SocketAddr>),
) {
    let ae_title = config.text("dimse.ae_title").to_owned();
    let mut listeners = vec![Listener {
        name: "http".into(),
        address: http.to_string(),
        detail: "FHIR, DICOMweb, app".into(),
    }];
    listeners.extend(dimse.map(|at| Listener {
        name: "dimse".into(),
        address: at.to_string(),
        detail: ae_title.clone(),
    }));
    let data: PathBuf = data.to_owned();
    let (started, level, log) = (services.now(), config.text("log.level").to_owned(), log.clone());
    services.surround(move |around: &mut Surroundings| {
        around.started.get_or_insert(started);
        around.listeners = listeners;
        around.ae_title = Some(ae_title);
        around.log_level = level;
        around.set_log_level = Some(log);
        around.measure = Some(Arc::new({
            let data = data.clone();
            move || measure(&data)
        }));
        around.free = Some(Arc::new(move || free(&data)));
    });
}

/// What this process can still write where the data lie, in bytes.
fn free(data: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(data)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn measure(data: &Path) -> std::io::Result<Space> {
    let file = |name: &str| std::fs::metadata(data.join(name)).map_or(0, |meta| meta.len());
    Ok(Space {
        data_bytes: below(data)?,
        free_bytes: free(data)?,
        blobs_bytes: below(&data.join("blobs"))?,
        database_bytes: file("lenticular.db") + file("lenticular.db-wal"),
    })
}

/// Bytes of all files below a folder. What goes away meanwhile counts nothing.
fn below(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)?.flatten() {
        bytes += match entry.metadata() {
            Ok(meta) if meta.is_dir() => below(&entry.path()).unwrap_or(0),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_space_of_a_folder_is_what_lies_in_it() -> std::io::Result<()> {
        let folder = std::env::temp_dir().join(format!("lenticular-space-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("blobs"))?;
        std::fs::write(folder.join("lenticular.db"), [0; 100])?;
        std::fs::write(folder.join("blobs/1"), [0; 1000])?;
        let space = measure(&folder)?;
        std::fs::remove_dir_all(&folder)?;
        assert_eq!((space.data_bytes, space.blobs_bytes, space.database_bytes), (1100, 1000, 100));
        assert!(space.free_bytes > 0);
        Ok(())
    }
}
