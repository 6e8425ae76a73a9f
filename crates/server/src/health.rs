//! `lenticular health`: what a container without a shell asks of the server beside it.

use anyhow::{Context, Result, anyhow, bail};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

/// `/readyz` answers within two seconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than this of an answer is not read, in bytes.
const ANSWER: u64 = 64 << 10;

/// Asks and prints what was said; success is 200.
pub fn ask(address: &str, live: bool) -> Result<ExitCode> {
    let address: SocketAddr =
        address.parse().with_context(|| format!("an address is ADDRESS:PORT, not {address}"))?;
    let (status, body) = get(reachable(address), if live { "/healthz" } else { "/readyz" })?;
    print!("{body}");
    Ok(if status == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where something that listens everywhere is reached from here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The status and the body of an answer.
fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)
        .with_context(|| format!("nobody listens at {address}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut bytes = Vec::new();
    stream
        .take(ANSWER)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{address} did not answer in time"))?;
    parse(&String::from_utf8_lossy(&bytes)).with_context(|| format!("{address} does not speak HTTP"))
}

fn parse(answer: &str) -> Result<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| anyhow!("its answer has no end"))?;
    let Some(status) = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)) else {
        bail!("its answer has no status");
    };
    Ok((status.parse()?, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn an_answer_is_its_status_and_its_words() {
        let (status, body) =
            parse("HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\nnode: draining\n").unwrap();
        assert_eq!((status, body.as_str()), (503, "node: draining\n"));
        assert!(parse("SSH-2.0-x\r\n\r\n").is_err());
        assert!(parse("").is_err());
    }

    #[test]
    fn what_listens_everywhere_is_asked_on_loopback() {
        assert_eq!(reachable("0.0.0.0:80".parse().unwrap()).to_string(), "127.0.0.1:80");
        assert_eq!(reachable("[::]:80".parse().unwrap()).to_string(), "[::1]:80");
        assert_eq!(reachable("192.0.2.1:80".parse().unwrap()).to_string(), "192.0.2.1:80");
    }

    #[test]
    fn nobody_there_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(ask(&address.to_string(), true).is_err());
        assert!(ask("localhost", true).is_err(), "a name is no address");
    }
}
