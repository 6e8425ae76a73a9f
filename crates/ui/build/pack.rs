//! Compresses each file once, here, and writes the table of all of them.

use sha2::{Digest, Sha256};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Media types by extension; anything else is bytes.
const MEDIA: &[(&str, &str)] = &[
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff2", "font/woff2"),
];

/// Compressed already.
const DENSE: &[&str] = &["jpg", "png", "webp", "woff2"];

/// Brotli's eleventh level takes seconds for a large file and gains a twentieth.
const BROTLI: u32 = 9;

struct Packed {
    path: String,
    media: &'static str,
    etag: String,
    gzip: bool,
    brotli: bool,
}

/// Writes `assets.rs` and the compressed files below `out`.
pub fn write(folder: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    let packed = out.join("packed");
    if packed.exists() {
        fs::remove_dir_all(&packed)?;
    }
    fs::create_dir_all(&packed)?;
    let waiting = Mutex::new(files.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().ok().and_then(|mut files| files.next());
                    let Some((number, file)) = next else { break };
                    let one =
                        pack(folder, &file, &packed, number).map_err(|e| format!("{}: {e}", file.display()));
                    if let Ok(mut done) = done.lock() {
                        done.push((number, one));
                    }
                }
            });
        }
    });
    let mut table = Vec::new();
    for (number, one) in done.into_inner().map_err(|e| e.to_string())? {
        table.push((number, one?));
    }
    table.sort_by(|a, b| a.1.path.cmp(&b.1.path));
    fs::write(out.join("assets.rs"), source(&table, &packed))?;
    Ok(())
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => list(&path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}

fn pack(folder: &Path, file: &Path, packed: &Path, number: usize) -> Result<Packed, Box<dyn Error>> {
    let bytes = fs::read(file)?;
    let path = file.strip_prefix(folder)?.to_str().ok_or("its name is not UTF-8")?.replace('\\', "/");
    let extension = file.extension().and_then(|text| text.to_str()).unwrap_or("").to_ascii_lowercase();
    let media = MEDIA.iter().find(|(known, _)| *known == extension).map(|(_, media)| *media);
    let mut etag = String::new();
    for byte in &Sha256::digest(&bytes)[..12] {
        write!(etag, "{byte:02x}")?;
    }
    let place = |form: &str| packed.join(format!("{number}.{form}"));
    fs::write(place("raw"), &bytes)?;
    // Not worth the reader's work where it saves less than a tenth.
    let pays = |small: &[u8]| small.len() < bytes.len() / 10 * 9;
    let (mut gzip, mut brotli) = (false, false);
    if bytes.len() > 512 && !DENSE.contains(&extension.as_str()) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&bytes)?;
        let small = encoder.finish()?;
        gzip = pays(&small);
        fs::write(place("gz"), small)?;
        let mut small = Vec::new();
        let mut encoder = brotli::CompressorWriter::new(&mut small, 64 << 10, BROTLI, 22);
        encoder.write_all(&bytes)?;
        drop(encoder);
        brotli = pays(&small);
        fs::write(place("br"), small)?;
    }
    Ok(Packed { path, media: media.unwrap_or("application/octet-stream"), etag, gzip, brotli })
}

fn source(table: &[(usize, Packed)], packed: &Path) -> String {
    let mut text = String::from("static FILES: &[File] = &[\n");
    for (number, one) in table {
        let include = |form: &str| format!("include_bytes!({:?})", packed.join(format!("{number}.{form}")));
        let option = |there: bool, form: &str| match there {
            true => format!("Some({})", include(form)),
            false => "None".to_owned(),
        };
        // Vite puts what it names by its content below assets/.
        let immutable = one.path.starts_with("assets/");
        let _ = writeln!(
            text,
            "    File {{ path: {:?}, media: {:?}, immutable: {immutable}, etags: [\"\\\"{e}\\\"\", \"\\\"{e}-gz\\\"\", \"\\\"{e}-br\\\"\"], plain: {}, gzip: {}, brotli: {} }},",
            one.path,
            one.media,
            include("raw"),
            option(one.gzip, "gz"),
            option(one.brotli, "br"),
            e = one.etag,
        );
    }
    text.push_str("];\n");
    text
}
