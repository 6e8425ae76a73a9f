//! Builds the web app where that is needed and possible, compresses it, and writes the table that `lib.rs` includes.
//!
//! What is embedded, in this order: `web/dist`, where it is not older than its sources, or nothing can build it anew; what
//! npm makes of the sources, into the build folder; a page that says how to build it, with a warning. `LENTICULAR_WEB=off`
//! embeds that page at once, for builds in which the app is no matter.

mod pack;
mod sources;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-env-changed=LENTICULAR_WEB");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo gives OUT_DIR")?);
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    let folder = match sources::find(&web, &out) {
        Ok(folder) => folder,
        Err(why) => {
            // Where a whole app is owed, a page in its place is no success.
            if std::env::var_os("CI").is_some() && sources::has_npm() && !sources::is_off() {
                return Err(why.into());
            }
            println!("cargo::warning=the web app is not in this build: {why}");
            placeholder(&out, &why)?
        }
    };
    pack::write(&folder, &out)
}

/// A page that says what is missing and how to get it.
fn placeholder(out: &Path, why: &str) -> Result<PathBuf, Box<dyn Error>> {
    let folder = out.join("placeholder");
    fs::create_dir_all(&folder)?;
    let why = why.replace('&', "&amp;").replace('<', "&lt;");
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Lenticular</title>\n\
         <h1>Lenticular runs, without its web app</h1>\n\
         <p>This binary was built without it: {why}.</p>\n\
         <p>With Node 20 or later: <code>cd web &amp;&amp; npm ci &amp;&amp; npm run build</code>, then build the binary again.</p>\n\
         <p>FHIR (<a href=\"/fhir/metadata\">/fhir</a>), DICOMweb, DIMSE and \
         <a href=\"/api/openapi.json\">/api</a> are here all the same.</p>\n</html>\n"
    );
    fs::write(folder.join("index.html"), page)?;
    Ok(folder)
}
