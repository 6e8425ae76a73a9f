//! `lenticular demo`: serve, with the sample network loaded, and say who may sign in and what to try.

mod cast;
mod print;
mod scene;

use crate::Place;
use crate::config::Config;
use crate::run::{Staging, overrides, serve};
use anyhow::{Context, Result, bail};
use cast::Actor;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const TOKEN_LIFE: i64 = 8 * 3_600_000;

/// A folder with this file is the demo's own: only such a one is ever wiped.
const MARK: &str = "lenticular-demo";

/// Runs the command.
pub fn run(data: Option<PathBuf>, settings: Vec<String>, json: bool) -> Result<ExitCode> {
    let data =
        data.unwrap_or_else(|| std::env::temp_dir().join(format!("lenticular-demo-{}", std::process::id())));
    overrides(&settings)?;
    let place = Place { data: data.clone(), config: None, settings };
    keep_out(&place.load()?)?;
    mark(&data)?;
    let actors = cast::actors()?;
    let folder = data.clone();
    let staging = Staging {
        prepare: Box::new(move |runtime, services, http, dimse| {
            let sample = runtime.block_on(scene::set(services, &actors))?;
            match json {
                true => println!("{}", sample.json(http, dimse)),
                false => sample.print(http, dimse, &folder),
            }
            Ok(())
        }),
        wipe: Box::new(move || wipe(&data)),
    };
    serve(&place, Some(staging))
}

/// The demo empties what it stands on: that is a folder of its own, never a database or a bucket that others may use.
fn keep_out(config: &Config) -> Result<()> {
    for key in ["store.url", "blobs.url"] {
        if !config.text(key).is_empty() {
            bail!(
                "{key} is set, and the demo keeps to a folder of its own. Unset it; or start `lenticular serve` and let the set-up \
                 page load sample patients there"
            );
        }
    }
    Ok(())
}

/// What was loaded, and who may look.
struct Sample {
    actors: Vec<Actor>,
    tokens: Vec<(String, &'static str, String)>,
    /// The first share, of the chest CT.
    share: String,
    /// The address of the share by link, without the host; only where it was made just now.
    link: Option<String>,
    study: String,
    patient: String,
    mrn: String,
    ae: String,
    people: usize,
    studies: usize,
}

/// Makes the folder the demo's, unless somebody else's data is in it.
fn mark(data: &Path) -> Result<()> {
    let mark = data.join(MARK);
    if mark.exists() {
        return Ok(());
    }
    let there = std::fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some());
    if there {
        bail!("{} holds data that is not the demo's; name another folder", data.display());
    }
    std::fs::create_dir_all(data).with_context(|| format!("making {}", data.display()))?;
    let words = "This folder belongs to `lenticular demo`. Loading the demo anew empties it.\n";
    std::fs::write(&mark, words).with_context(|| format!("writing {}", mark.display()))
}

/// Empties the demo's folder.
fn wipe(data: &Path) -> Result<()> {
    if !data.join(MARK).exists() {
        bail!("{} is not the demo's folder", data.display());
    }
    for entry in std::fs::read_dir(data)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name == MARK) {
            continue;
        }
        let gone = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        gone.with_context(|| format!("removing {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_demos_own_folder_is_wiped() {
        let folder = std::env::temp_dir().join(format!("lenticular-mark-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("blobs")).unwrap();
        std::fs::write(folder.join("lenticular.db"), "somebody's").unwrap();
        assert!(mark(&folder).is_err() && wipe(&folder).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
        mark(&folder).unwrap();
        std::fs::create_dir_all(folder.join("blobs/1")).unwrap();
        std::fs::write(folder.join("lenticular.db"), "the demo's").unwrap();
        wipe(&folder).unwrap();
        let left: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [MARK]);
        mark(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
