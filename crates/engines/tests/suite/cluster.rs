//! A PostgreSQL cluster of the tests' own: made in a temporary folder, stopped and removed when the tests end, however they end.
//!
//! `LENTICULAR_TEST_POSTGRES=postgres://…` names a server to use instead; its role must be able to create databases and roles.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

/// Takes orders from its input, one a line; when that ends, so does the server.
const KEEPER: &str = r#"
set -u
if [ ! -f "$DIR/pg/PG_VERSION" ]; then
    "$BIN/initdb" -D "$DIR/pg" -U postgres -A trust -E UTF8 --locale=C -N >"$DIR/initdb" 2>&1 || { cat "$DIR/initdb" >&2; echo failed; exit 1; }
    cat >>"$DIR/pg/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $PORT
unix_socket_directories = ''
fsync = off
max_connections = 80
shared_buffers = 64MB
CONF
fi
start() { "$BIN/pg_ctl" -D "$DIR/pg" -l "$DIR/log" -w -t 60 start >/dev/null 2>&1; }
stop() { "$BIN/pg_ctl" -D "$DIR/pg" -m "$1" -w stop >/dev/null 2>&1; }
while read -r order; do
    case $order in
        start) start || { cat "$DIR/log" >&2; echo failed; continue; } ;;
        stop) stop fast ;;
        crash) stop immediate ;;
    esac
    echo done
done
stop immediate
rm -rf "$DIR/pg" "$DIR/log" "$DIR/initdb"
"#;

/// One server, and the way to order it about.
pub struct Cluster {
    admin: String,
    keeper: Option<Mutex<Keeper>>,
    made: AtomicU32,
}

struct Keeper {
    _child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    _folder: tempfile::TempDir,
}

/// The server that tests share; `None`, and a line that says so, where there is no PostgreSQL.
pub fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED
        .get_or_init(|| match std::env::var("LENTICULAR_TEST_POSTGRES") {
            Ok(url) => Some(Cluster { admin: url, keeper: None, made: AtomicU32::new(0) }),
            Err(_) => Cluster::own(),
        })
        .as_ref()
}

/// The folder with the newest server's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let newest = versions
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse::<u32>().ok())
        .filter(|version| *version >= 15)
        .max()?;
    let bin = PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin"));
    bin.join("initdb").exists().then_some(bin)
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.starts_with(b"0\n")
}

impl Cluster {
    /// A server of one's own, to be stopped and started; `None` where there is no PostgreSQL.
    ///
    /// # Panics
    /// Where there is none and `CI` is set: there, nothing is passed over.
    pub fn own() -> Option<Cluster> {
        let Some(bin) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL 15 or later is not installed");
            eprintln!("PostgreSQL 15 or later is not installed: its tests are passed over");
            return None;
        };
        let folder = tempfile::TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = if is_root() {
            // it refuses to run as root
            let given = Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap();
            assert!(given.success());
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh", "-c", KEEPER]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", KEEPER]);
            command
        };
        let mut child = command
            .env("DIR", folder.path())
            .env("BIN", bin)
            .env("PORT", port.to_string())
            .env("HOME", folder.path())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (orders, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let keeper = Keeper { _child: child, orders, answers, _folder: folder };
        let cluster = Cluster {
            admin: format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            keeper: Some(Mutex::new(keeper)),
            made: AtomicU32::new(0),
        };
        cluster.order("start");
        Some(cluster)
    }

    /// `start`, `stop` or `crash`; comes back when it is done.
    pub fn order(&self, what: &str) {
        let mut keeper = self.keeper.as_ref().expect("a server of one's own").lock().unwrap();
        writeln!(keeper.orders, "{what}").unwrap();
        let mut answer = String::new();
        keeper.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "{what}");
    }

    /// Runs statements as the server's owner.
    pub fn admin(&self, database: Option<&str>, statements: &[&str]) {
        let mut config: tokio_postgres::Config = self.admin.parse().unwrap();
        if let Some(database) = database {
            config.dbname(database);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            // what never comes is a failure, not a test without an end
            client.batch_execute("SET statement_timeout='60s'").await.unwrap();
            for statement in statements {
                client.batch_execute(statement).await.unwrap();
            }
        });
    }

    /// The URL of a new, empty database that belongs to a role of its own, which is no superuser.
    pub fn database(&self) -> String {
        let no = self.made.fetch_add(1, Ordering::Relaxed);
        let name = format!("lenticular_{}_{no}", std::process::id());
        self.admin(
            None,
            &[
                &format!("CREATE ROLE {name} LOGIN PASSWORD 'lenticular'"),
                &format!("CREATE DATABASE {name} OWNER {name} TEMPLATE template0 ENCODING 'UTF8'"),
            ],
        );
        let config: tokio_postgres::Config = self.admin.parse().unwrap();
        let host = match config.get_hosts().first() {
            Some(tokio_postgres::config::Host::Tcp(host)) => host.clone(),
            _ => "127.0.0.1".into(),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        format!("postgres://{name}:lenticular@{host}:{port}/{name}")
    }
}
