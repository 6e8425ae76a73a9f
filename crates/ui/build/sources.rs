//! Where the built app comes from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// What lies in `web/` and is not made of the rest.
fn sources(web: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(web).into_iter().flatten().flatten();
    let made = |name: &str| matches!(name, "node_modules" | "dist") || name.starts_with('.');
    let sources = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| !made(name)));
    sources.map(|entry| entry.path()).collect()
}

/// The folder with the built app, or why there is none.
pub fn find(web: &Path, out: &Path) -> Result<PathBuf, String> {
    watch(web);
    if is_off() {
        return Err("LENTICULAR_WEB=off".into());
    }
    let built = web.join("dist");
    let age = modified(&built.join("index.html"));
    if age.is_some_and(|age| newest(web).is_none_or(|source| source <= age)) {
        return Ok(built);
    }
    let outcome = build(web, out);
    match (outcome, age) {
        (Err(why), Some(_)) => {
            println!("cargo::warning=web/dist is older than its sources, and is embedded as it is: {why}");
            Ok(built)
        }
        (outcome, _) => outcome,
    }
}

/// Whether somebody asked for no app.
pub fn is_off() -> bool {
    std::env::var_os("LENTICULAR_WEB").is_some_and(|value| value == "off")
}

pub fn has_npm() -> bool {
    npm(Path::new(".")).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// A path that is watched and missing makes cargo run this at each build; so only what is there is watched. Where nothing
/// is there yet, and no installed packages make it slow, the folder itself is.
fn watch(web: &Path) {
    let mut there = sources(web);
    if !web.join("index.html").exists() && web.exists() && !web.join("node_modules").exists() {
        there = vec![web.to_owned()];
    }
    there.extend([web.join("dist")].into_iter().filter(|built| built.exists()));
    for path in there {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

fn npm(folder: &Path) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(folder);
    command
}

/// Installs what is missing and builds into the build folder: nothing but `node_modules` is made beside the sources.
fn build(web: &Path, out: &Path) -> Result<PathBuf, String> {
    let lock = web.join("package-lock.json");
    if !lock.exists() || !web.join("index.html").exists() {
        return Err("web/ has no sources of it".into());
    }
    if !has_npm() {
        return Err("npm is not on the PATH, and there is no web/dist".into());
    }
    // One build at a time installs: release and dev builds share the folder of packages.
    let held = File::open(&lock).map_err(|e| e.to_string())?;
    held.lock().map_err(|e| e.to_string())?;
    install(web, &lock)?;
    drop(held);
    let folder = out.join("dist");
    // Types are checked by `npm run build` and the tests; here the bundle alone is made.
    let mut vite = npm(web);
    vite.args([
        "exec",
        "--offline",
        "--",
        "vite",
        "build",
        "--emptyOutDir",
        "--logLevel",
        "warn",
        "--outDir",
    ]);
    run(vite.arg(&folder), "vite build")?;
    Ok(folder)
}

/// `npm ci`, where the packages are not those of the lock file.
fn install(web: &Path, lock: &Path) -> Result<(), String> {
    let wanted = fs::read(lock).map_err(|e| e.to_string())?;
    let stamp = web.join("node_modules/.lenticular-lock");
    // npm writes its own note at the end of each installation.
    let by_hand = modified(&web.join("node_modules/.package-lock.json"));
    if fs::read(&stamp).is_ok_and(|known| known == wanted) || by_hand > modified(lock) {
        return Ok(());
    }
    let mut ci = npm(web);
    ci.args(["ci", "--include=dev", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]);
    run(&mut ci, "npm ci")?;
    fs::write(stamp, wanted).map_err(|e| e.to_string())
}

fn run(command: &mut Command, what: &str) -> Result<(), String> {
    // Cargo's own variables are nothing to npm; a production setting would leave the build tools out.
    let output = command.env_remove("NODE_ENV").output().map_err(|e| format!("{what}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    for line in [&output.stdout[..], &output.stderr[..]].concat().split(|byte| *byte == b'\n') {
        eprintln!("{what}: {}", String::from_utf8_lossy(line));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("no word why");
    Err(format!("{what} failed: {}", line.chars().take(200).collect::<String>()))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

/// When the last source was changed.
fn newest(web: &Path) -> Option<SystemTime> {
    sources(web).iter().filter_map(|path| newest_below(path)).max()
}

fn newest_below(path: &Path) -> Option<SystemTime> {
    let own = modified(path)?;
    let Ok(entries) = fs::read_dir(path) else { return Some(own) };
    entries.flatten().filter_map(|entry| newest_below(&entry.path())).chain([own]).max()
}
