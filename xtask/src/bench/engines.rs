//! The two databases side by side: PostgreSQL's rates as a share of SQLite's, and what a second node adds.
//!
//! PostgreSQL is Debian's, on the same two cores, with fsync and the few settings that the operating guide names.

use super::Bench;
use super::process::Server;
use super::records::{patients, rate, transaction_rate};
use super::report::Target;
use anyhow::{Context, Result, bail};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What one turn of each is worth: the median of so many.
const TURNS: usize = 3;

/// Of one core, in per cent: what a node may use where two of them are compared with one.
const SLICE: u32 = 20;

const SETTINGS: &[&str] = &[
    "shared_buffers=1GB",
    "max_wal_size=4GB",
    "checkpoint_timeout=15min",
    "wal_compression=off",
    "max_connections=100",
];

/// A throwaway cluster, its files in a folder of the user `postgres`.
pub struct Cluster {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Cluster {
    pub fn start(folder: &Path) -> Result<Cluster> {
        let bin = binaries()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        // the user of the database must be able to enter every folder above its own
        let own = std::env::temp_dir().join(format!("lenticular-bench-{}", std::process::id()));
        let _ = fs::remove_dir_all(&own);
        fs::create_dir_all(&own)?;
        run(Command::new("chown").arg("postgres").arg(&own))?;
        let initdb = format!(
            "{}/initdb -D {}/pg -A trust -U postgres -E UTF8 --locale=C",
            bin.display(),
            own.display()
        );
        run(Command::new("su").args(["postgres", "-s", "/bin/sh", "-c", &initdb]).stdout(Stdio::null()))?;
        let settings: String = SETTINGS.iter().map(|setting| format!(" -c {setting}")).collect();
        let serve = format!(
            "exec {}/postgres -D {own}/pg -h 127.0.0.1 -p {port} -k {own}{settings}",
            bin.display(),
            own = own.display()
        );
        let child = Command::new("su")
            .args(["postgres", "-s", "/bin/sh", "-c", &serve])
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("postgres.log"))?)
            .spawn()?;
        let cluster = Cluster { child, port, folder: own };
        let began = Instant::now();
        while cluster.sql("CREATE ROLE lenticular LOGIN").is_err() {
            if began.elapsed() > Duration::from_secs(30) {
                bail!("PostgreSQL does not answer; see {}", folder.join("postgres.log").display());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(cluster)
    }

    fn sql(&self, text: &str) -> Result<()> {
        let port = self.port.to_string();
        run(Command::new("psql")
            .args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-qc", text])
            .stderr(Stdio::null()))
    }

    /// A fresh database; its address.
    pub fn database(&self, name: &str) -> Result<String> {
        self.sql(&format!("CREATE DATABASE {name} OWNER lenticular")).context("creating a database")?;
        Ok(format!("postgres://lenticular@127.0.0.1:{}/{name}", self.port))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let pid = fs::read_to_string(self.folder.join("pg/postmaster.pid")).unwrap_or_default();
        if let Some(pid) = pid.lines().next() {
            // fast shutdown; what is left is thrown away anyhow
            let _ = Command::new("kill").args(["-INT", pid]).status();
        }
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn binaries() -> Result<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .context("PostgreSQL is not installed (apt-get install postgresql)")?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop().context("PostgreSQL is not installed (apt-get install postgresql)")
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("running {:?}", command.get_program()))?;
    if status.success() { Ok(()) } else { bail!("{:?} ended with {status}", command.get_program()) }
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Transactions and reads on both; reads on one node and on two.
pub fn run_all(bench: &mut Bench) -> Result<()> {
    let cluster = Cluster::start(&bench.data.join("cluster"))?;
    let mut made = 0;
    let mut database = |cluster: &Cluster| -> Result<Vec<(String, String)>> {
        made += 1;
        Ok(vec![("LENTICULAR__STORE__URL".to_owned(), cluster.database(&format!("b{made}"))?)])
    };
    for clients in [1, 4] {
        let (mut embedded, mut postgres) = (Vec::new(), Vec::new());
        for turn in 0..TURNS {
            let data = bench.data.join(format!("tx-{clients}-{turn}"));
            embedded.push(transaction_rate(bench, &data.join("embedded"), &[], clients)?);
            postgres.push(transaction_rate(bench, &data.join("postgres"), &database(&cluster)?, clients)?);
        }
        compare(bench, &format!("FHIR transactions (Synthea), {clients} client(s)"), embedded, postgres, 0.5);
    }
    let here = Server::with(bench, &bench.data.join("reads-embedded"), &[])?;
    let settings = database(&cluster)?;
    let there = Server::with(bench, &bench.data.join("reads-postgres"), &settings)?;
    let (ids_here, ids_there) = (patients(&here)?, patients(&there)?);
    for clients in [8, 64] {
        let (mut embedded, mut postgres) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            embedded.push(rate(&here, &ids_here, clients)?);
            postgres.push(rate(&there, &ids_there, clients)?);
        }
        compare(bench, &format!("read by id, {clients} clients"), embedded, postgres, 0.4);
    }
    drop(here);
    nodes(bench, there, &settings, &ids_there)
}

fn compare(bench: &mut Bench, name: &str, embedded: Vec<f64>, postgres: Vec<f64>, least: f64) {
    let share = median(embedded.iter().zip(&postgres).map(|(one, other)| other / one).collect());
    let note = format!("median of {TURNS} turns, both in each");
    bench.report.add(format!("{name}: SQLite"), median(embedded), "/s", Target::None, "");
    bench.report.add(format!("{name}: PostgreSQL"), median(postgres), "/s", Target::None, "");
    bench.report.add(format!("{name}: share"), share, "", Target::AtLeast(least), note);
}

/// One node, then two, each held to a slice of a core, so that neither the database nor the client is the limit.
fn nodes(bench: &mut Bench, first: Server, settings: &[(String, String)], ids: &[String]) -> Result<()> {
    let mut second = Server::with(bench, &bench.data.join("second"), settings)?;
    second.token.clone_from(&first.token);
    let slices = [Slice::around(&first, "one")?, Slice::around(&second, "two")?];
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        one.push(rate(&first, ids, 32)?);
        let both: Vec<Result<f64>> = std::thread::scope(|scope| {
            let rates: Vec<_> =
                [&first, &second].map(|server| scope.spawn(|| rate(server, ids, 32))).into_iter().collect();
            rates.into_iter().map(|rate| rate.join().unwrap_or_else(|_| bail!("a client panicked"))).collect()
        });
        two.push(both.into_iter().sum::<Result<f64>>()?);
    }
    drop(slices);
    let note = format!("each node held to {SLICE} % of a core; median of {TURNS} turns");
    let share = median(one.iter().zip(&two).map(|(one, two)| two / one).collect());
    bench.report.add("read by id, one node of a slice", median(one), "/s", Target::None, "");
    bench.report.add("read by id, two such nodes", median(two), "/s", Target::None, "");
    bench.report.add("two nodes as a multiple of one", share, "", Target::AtLeast(1.5), note);
    Ok(())
}

/// A control group that holds a process to a part of a core.
struct Slice(PathBuf);

impl Slice {
    fn around(server: &Server, name: &str) -> Result<Slice> {
        let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        let root = Path::new(if unified { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/cpu" });
        let group = root.join(format!("lenticular-bench-{name}-{}", std::process::id()));
        fs::create_dir_all(&group).context("making a control group (as root)")?;
        let slice = Slice(group);
        let quota = SLICE * 1000;
        if unified {
            fs::write(slice.0.join("cpu.max"), format!("{quota} 100000"))?;
        } else {
            fs::write(slice.0.join("cpu.cfs_period_us"), "100000")?;
            fs::write(slice.0.join("cpu.cfs_quota_us"), quota.to_string())?;
        }
        fs::write(slice.0.join("cgroup.procs"), server.pid().to_string())?;
        Ok(slice)
    }
}

impl Drop for Slice {
    fn drop(&mut self) {
        // a group can go once nothing is in it
        let parent = self.0.parent().map(|root| root.join("cgroup.procs"));
        if let (Ok(held), Some(parent)) = (fs::read_to_string(self.0.join("cgroup.procs")), parent) {
            for pid in held.lines() {
                let _ = fs::write(&parent, pid);
            }
        }
        let _ = fs::remove_dir(&self.0);
    }
}
