//! Where the database is: a URL as libpq reads it, taken apart into one address for each host.

use super::tls::connector;
use lenticular_base::{Fault, FaultKind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long one server may take to accept a connection and to be ready.
pub(super) const CONNECT: Duration = Duration::from_secs(4);

/// Bytes that were sent go unacknowledged for so long before the connection counts as lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

/// Where the database is, and how to speak to it.
pub struct Address {
    /// One for each host, in the order given.
    pub(super) hosts: Vec<Config>,
    pub(super) tls: MakeRustlsConnect,
    /// The host that answered last goes first.
    pub(super) preferred: AtomicUsize,
    epoch: AtomicU64,
}

impl Address {
    /// Reads a URL as libpq writes them: `postgres://user:password@host,host2:port/database?sslmode=require&sslrootcert=FILE`.
    /// `roots` is the file that stands in where the URL names none (`PGSSLROOTCERT`).
    ///
    /// # Errors
    /// `Invalid` where it is no such URL.
    pub fn parse(url: &str, roots: Option<PathBuf>) -> Result<Address, Fault> {
        let (plain, mode, file) = split(url);
        let mut config: Config = plain.parse().map_err(|error: Error| {
            Fault::new(FaultKind::Invalid, "store-url", "store.url is not a URL of a PostgreSQL database.")
                .caused_by(error)
        })?;
        let mode = mode.as_deref();
        config.ssl_mode(match mode {
            Some("require" | "verify-ca" | "verify-full") => SslMode::Require,
            Some("disable") => SslMode::Disable,
            Some("prefer" | "allow") | None => SslMode::Prefer,
            Some(_) => {
                return Err(Fault::new(
                    FaultKind::Invalid,
                    "store-url",
                    "sslmode of store.url is disable, prefer, require, verify-ca or verify-full.",
                ));
            }
        });
        if config.get_hosts().is_empty() {
            return Err(Fault::new(FaultKind::Invalid, "store-url", "store.url names no host."));
        }
        config
            .connect_timeout(CONNECT)
            .tcp_user_timeout(UNACKNOWLEDGED)
            .keepalives(true)
            .keepalives_idle(Duration::from_secs(5))
            .keepalives_interval(Duration::from_secs(2))
            .keepalives_retries(3)
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        let verified = config.get_ssl_mode() == SslMode::Require;
        let tls = connector(verified, file.map(PathBuf::from).or(roots).as_deref())?;
        let hosts = (0..config.get_hosts().len()).map(|at| single(&config, at)).collect();
        Ok(Address { hosts, tls, preferred: AtomicUsize::new(0), epoch: AtomicU64::new(0) })
    }
}

impl Address {
    /// Counts how often a connection was lost. Those made before the last time may lead to a server that does not lead any
    /// more: they are not used again.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// A connection was lost.
    pub(super) fn renew(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }
}

/// The URL without the parts that the driver does not know: `sslmode` and `sslrootcert`.
pub(crate) fn split(url: &str) -> (String, Option<String>, Option<String>) {
    let Some((head, query)) = url.split_once('?') else {
        return (url.to_owned(), None, None);
    };
    let (mut mode, mut roots, mut rest) = (None, None, Vec::new());
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value.to_owned()),
            Some(("sslrootcert", value)) => roots = Some(decoded(value)),
            _ => rest.push(pair),
        }
    }
    let plain = if rest.is_empty() { head.to_owned() } else { format!("{head}?{}", rest.join("&")) };
    (plain, mode, roots)
}

/// Percent-decoding (RFC 3986 §2.1).
fn decoded(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let code = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(piece.bytes().skip(2));
            }
            None => {
                bytes.push(b'%');
                bytes.extend(piece.bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The same address with one of its hosts: each has its own time to answer.
fn single(all: &Config, at: usize) -> Config {
    let mut one = Config::new();
    match all.get_hosts().get(at) {
        Some(Host::Tcp(name)) => one.host(name),
        Some(Host::Unix(path)) => one.host_path(path),
        None => &mut one,
    };
    if let Some(address) = all.get_hostaddrs().get(at) {
        one.hostaddr(*address);
    }
    if let Some(port) = all.get_ports().get(at).or(all.get_ports().first()) {
        one.port(*port);
    }
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(name) = all.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = all.get_options() {
        one.options(options);
    }
    one.ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .connect_timeout(CONNECT)
        .tcp_user_timeout(UNACKNOWLEDGED)
        .keepalives(true)
        .keepalives_idle(all.get_keepalives_idle())
        .target_session_attrs(all.get_target_session_attrs());
    if let Some(interval) = all.get_keepalives_interval() {
        one.keepalives_interval(interval);
    }
    if let Some(retries) = all.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_libpq() {
        let (plain, mode, roots) = split(
            "postgres://u:p@a,b:5433/d?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fetc%2Fca.pem",
        );
        assert_eq!(plain, "postgres://u:p@a,b:5433/d?connect_timeout=3");
        assert_eq!(mode.as_deref(), Some("verify-full"));
        assert_eq!(roots.as_deref(), Some("/etc/ca.pem"));
        let address = Address::parse("postgres://u:p%40@a:1,b:2/d", None).unwrap();
        assert_eq!(address.hosts.len(), 2);
        assert_eq!(address.hosts[1].get_ports(), [2]);
        assert_eq!(address.hosts[1].get_password(), Some(b"p@".as_slice()));
        assert_eq!(address.hosts[0].get_ssl_mode(), SslMode::Prefer);
    }

    #[test]
    fn what_is_no_address() {
        for url in ["mysql://a/b", "postgres:///d", "postgres://a/d?sslmode=maybe", "postgres://a/d?what=1"] {
            let fault = Address::parse(url, None).err();
            assert_eq!(fault.map(|fault| fault.kind), Some(FaultKind::Invalid), "{url}");
        }
    }
}
