//! An object store that is none of ours: Ceph with its gateway, on this machine for as long as the step runs.

use super::outside::run;
use super::{Place, cargo, pytest_command};
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Where the scenes of the engine put their objects; the end-to-end suites make a bucket of their own.
const BUCKET: &str = "lenticular-test";
const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "only-for-tests"),
    ("AWS_SECRET_ACCESS_KEY", "a-secret-only-for-tests"),
    ("AWS_REGION", "us-east-1"),
];

/// A running Ceph; it ends when its input does.
struct Gateway {
    child: Child,
    endpoint: String,
}

impl Gateway {
    fn start(place: &Place) -> Result<Gateway> {
        let script = place.root.join("tests/e2e/lenticular/ceph.py");
        let mut child = Command::new(place.python())
            .args(["-B", "-P"])
            .arg(script)
            .args(["--bucket", BUCKET])
            .envs(KEYS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting Ceph")?;
        let mut line = String::new();
        let said = child.stdout.take().context("Ceph says nothing")?;
        BufReader::new(said).read_line(&mut line)?;
        let Some(address) = line.trim().strip_prefix("ready s3 http=") else {
            bail!("Ceph did not start on this machine: {}", child.wait()?);
        };
        println!("Ceph's gateway is at {address}");
        Ok(Gateway { endpoint: format!("http://{address}"), child })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // it removes its files before it ends; what it says of that was told already
        let _ = self.child.wait();
    }
}

/// The conformance of the engine, the double beside it, every image by every way, and the move there and back.
pub fn tests(place: &Place, rest: &[String]) -> Result<()> {
    let gateway = Gateway::start(place)?;
    let mut scenes = cargo();
    // of the whole workspace, as the step of all Rust tests built it
    scenes.args(["test", "--workspace", "--lib", "a_real_one"]).current_dir(&place.root);
    scenes.env("LENTICULAR_TEST_S3", &gateway.endpoint).env("LENTICULAR_TEST_S3_BUCKET", BUCKET).envs(KEYS);
    run(&mut scenes)?;
    for (store, suites) in [("postgres", &["ceph", "dicom"][..]), ("embedded", &["moving"])] {
        let mut command = pytest_command(place, store, suites, rest);
        run(command.env("LENTICULAR_E2E_S3", &gateway.endpoint).envs(KEYS))?;
    }
    Ok(())
}
