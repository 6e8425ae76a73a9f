//! Servers under measurement: ours and the peer, as processes with their CPU time and memory.

use super::Bench;
use super::http::Client;
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server; killed when it is dropped.
pub struct Server {
    child: Child,
    pub data: PathBuf,
    /// `127.0.0.1:port`.
    pub http: String,
    pub dimse_port: u16,
    settings: Vec<(String, String)>,
    /// From start to ready.
    pub start: Duration,
    /// A clinician's token; empty for a peer without access control.
    pub token: String,
}

impl Server {
    /// `lenticular serve` on `data` with hospital-a and its scanner, on SQLite and files.
    pub fn lenticular(bench: &Bench, data: &Path) -> Result<Server> {
        Server::with(bench, data, &[])
    }

    /// The same with settings of the environment.
    pub fn with(bench: &Bench, data: &Path, settings: &[(String, String)]) -> Result<Server> {
        let began = Instant::now();
        let mut child = Command::new(&bench.binary)
            .args(["serve", "--data"])
            .arg(data)
            .envs(settings.iter().cloned())
            .env("LENTICULAR__HTTP__LISTEN", "127.0.0.1:0")
            .env("LENTICULAR__DIMSE__LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", bench.binary.display()))?;
        let output = child.stdout.take().context("its output is piped")?;
        let mut lines = BufReader::new(output).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.starts_with("ready "))
            .context("the server ended before it was ready")?;
        let start = began.elapsed();
        // Keep the pipe empty, so that the server never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let address = |key: &str| {
            ready.split(' ').find_map(|part| part.strip_prefix(key)).unwrap_or_default().to_owned()
        };
        let http = address("http=");
        let dimse_port = address("dimse=").rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
        let mut server = Server {
            child,
            data: data.to_path_buf(),
            http,
            dimse_port,
            settings: settings.to_vec(),
            start,
            token: String::new(),
        };
        server.admin(bench, &["org", "add", "--id", "hospital-a", "--name", "Hospital A"]).ok();
        server.admin(bench, &["device", "add", "--org", "hospital-a", "--ae", "SCANNER1"]).ok();
        server.token = server
            .admin(bench, &["token", "--org", "hospital-a", "--role", "clinician", "--ttl", "8h"])?
            .trim()
            .to_owned();
        Ok(server)
    }

    /// Debian's Orthanc with DICOMweb, with its durable defaults (`SyncStorageArea`).
    pub fn orthanc(data: &Path) -> Result<Server> {
        fs::create_dir_all(data)?;
        let free = || -> Result<u16> { Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()) };
        let (port, dimse_port) = (free()?, free()?);
        let configuration = json!({
            "Name": "peer", "StorageDirectory": data, "IndexDirectory": data, "HttpPort": port, "DicomPort": dimse_port,
            "DicomAet": "ORTHANC", "RemoteAccessAllowed": false, "AuthenticationEnabled": false, "DicomAlwaysAllowStore": true,
            "SyncStorageArea": true, "Plugins": ["/usr/share/orthanc/plugins"],
            "DicomWeb": { "Enable": true, "Root": "/dicom-web/" }
        });
        let file = data.join("orthanc.json");
        fs::write(&file, configuration.to_string())?;
        let began = Instant::now();
        let child = Command::new("Orthanc")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting Orthanc (apt-get install orthanc orthanc-dicomweb)")?;
        let http = format!("127.0.0.1:{port}");
        let mut server = Server {
            child,
            data: data.to_path_buf(),
            http,
            dimse_port,
            settings: Vec::new(),
            start: Duration::ZERO,
            token: String::new(),
        };
        while Client::connect(&server.http, "").and_then(|mut client| client.get("/system", "*/*")).is_err() {
            if began.elapsed().as_secs() > 60 || server.child.try_wait()?.is_some() {
                bail!("Orthanc does not answer");
            }
            std::thread::yield_now();
        }
        server.start = began.elapsed();
        Ok(server)
    }

    fn admin(&self, bench: &Bench, args: &[&str]) -> Result<String> {
        let output = Command::new(&bench.binary)
            .args(args)
            .arg("--data")
            .arg(&self.data)
            .envs(self.settings.iter().cloned())
            .output()?;
        if !output.status.success() {
            bail!("lenticular {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn client(&self) -> Result<Client> {
        Client::connect(&self.http, &self.token)
    }

    /// User and system time so far, in seconds (`/proc/PID/stat`, fields 14 and 15, in ticks of 10 ms).
    pub fn cpu(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks: u64 =
            fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(ticks as f64 / 100.0)
    }

    /// Resident memory in MB.
    pub fn memory(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kilobytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|value| value.split_whitespace().next()?.parse::<f64>().ok())
            .context("no VmRSS")?;
        Ok(kilobytes * 1024.0 / 1e6)
    }

    /// SIGTERM, and until it has ended.
    pub fn stop(mut self) -> Result<()> {
        Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended where `stop` was called: then both do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
