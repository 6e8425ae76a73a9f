//! A small HTTP/1.1 keep-alive client for load: blocking, one connection, no copies that it can avoid.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// One connection.
pub struct Client {
    stream: BufReader<TcpStream>,
    authorization: String,
}

pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Client {
    /// Connects to `host:port`; `token` may be empty.
    pub fn connect(address: &str, token: &str) -> Result<Client> {
        let stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(600)))?;
        let authorization =
            if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        Ok(Client { stream: BufReader::with_capacity(1 << 16, stream), authorization })
    }

    pub fn get(&mut self, path: &str, accept: &str) -> Result<Response> {
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: {accept}\r\n{}\r\n", self.authorization);
        self.stream.get_mut().write_all(head.as_bytes())?;
        self.response()
    }

    pub fn send(&mut self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Result<Response> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{}\r\n",
            body.len(),
            self.authorization
        );
        let mut message = Vec::with_capacity(head.len() + body.len());
        message.extend_from_slice(head.as_bytes());
        message.extend_from_slice(body);
        self.stream.get_mut().write_all(&message)?;
        self.response()
    }

    fn response(&mut self) -> Result<Response> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .with_context(|| format!("no status in {line:?}"))?;
        let (mut length, mut chunked) = (0usize, false);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            let Some((name, value)) = header.split_once(':') else { bail!("no header: {header:?}") };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().context("Content-Length")?,
                "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
                _ => {}
            }
        }
        let body = if chunked { self.chunks()? } else { self.exactly(length)? };
        Ok(Response { status, body })
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let size = line.trim_end().split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16).with_context(|| format!("no chunk size: {line:?}"))?;
            let mut chunk = self.exactly(size + 2)?;
            if size == 0 {
                return Ok(body);
            }
            chunk.truncate(size);
            body.extend_from_slice(&chunk);
        }
    }
}

/// What a load came to.
pub struct Load {
    /// Latency of each request in microseconds, ascending.
    pub latencies: Vec<u64>,
    pub wall: Duration,
}

impl Load {
    /// Requests per second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.wall.as_secs_f64()
    }

    /// The latency in milliseconds below which `share` of the requests stayed.
    pub fn percentile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = ((last as f64) * share).round() as usize;
        self.latencies.get(at).map_or(f64::NAN, |micros| *micros as f64 / 1000.0)
    }
}

/// Runs `clients` threads with a connection each for `seconds`; `work` sends request number `n` of client `c` and judges its answer.
pub fn load<W>(address: &str, token: &str, clients: u64, seconds: u64, work: W) -> Result<Load>
where
    W: Fn(&mut Client, u64, u64) -> Result<()> + Sync,
{
    let stop = AtomicBool::new(false);
    let started = Instant::now();
    let results: Vec<Result<Vec<u64>>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|number| {
                let (stop, work) = (&stop, &work);
                scope.spawn(move || {
                    let mut client = Client::connect(address, token)?;
                    let mut latencies = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let began = Instant::now();
                        if let Err(error) = work(&mut client, number, latencies.len() as u64) {
                            stop.store(true, Ordering::Relaxed);
                            return Err(error);
                        }
                        latencies.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
                        if started.elapsed().as_secs() >= seconds {
                            break;
                        }
                    }
                    Ok(latencies)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("a load thread panicked")))
            .collect()
    });
    let wall = started.elapsed();
    let mut latencies = Vec::new();
    for result in results {
        latencies.extend(result?);
    }
    latencies.sort_unstable();
    Ok(Load { latencies, wall })
}
