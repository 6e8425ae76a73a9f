//! C-ECHO to a peer (PS3.7 §9.1.5): whether a device can be reached, and if not, why. The machine is `dicom::dimse`.

use lenticular_dicom::dimse::{Requestor, RequestorConfig, RequestorEvent, Status};
use lenticular_dicom::pdu::Reject;
use lenticular_dicom::uids;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// All of a test, from looking the name up to the answer.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that a peer may answer in all: an association and one response have a few hundred.
const ANSWER: usize = 1 << 20;

/// How a test came out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The peer answered the C-ECHO with success.
    Success,
    /// The name means no address.
    Unknown,
    /// An address that no device has: link-local, multicast, unspecified.
    Forbidden(IpAddr),
    /// Nothing listens there, or a firewall says so.
    Refused,
    /// No answer in time.
    Silent,
    /// The peer, or the network, ended the connection.
    Broken(String),
    /// The peer takes no association from us.
    Rejected(Reject),
    /// The peer takes the association, but no C-ECHO in it.
    NoVerification,
    /// The peer answers with another status than success.
    Failed(Status),
    /// What answers there does not speak DICOM.
    NotDicom,
}

/// Calls `called` at that host and port as `calling`; answers within [`PATIENCE`].
pub async fn echo(host: &str, port: u16, called: &str, calling: &str) -> Outcome {
    timeout(PATIENCE, converse(host, port, called, calling)).await.unwrap_or(Outcome::Silent)
}

async fn converse(host: &str, port: u16, called: &str, calling: &str) -> Outcome {
    let addresses: Vec<SocketAddr> = match lookup_host((host, port)).await {
        Ok(found) => found.take(8).collect(),
        Err(_) => return Outcome::Unknown,
    };
    if let Some(address) = addresses.iter().find(|address| !is_of_a_device(address.ip())) {
        return Outcome::Forbidden(address.ip());
    }
    // the addresses that were looked at, and none that the name means a moment later
    let mut last = Outcome::Unknown;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return associate(stream, called, calling).await,
            Err(error) => last = broken(&error),
        }
    }
    last
}

fn broken(error: &std::io::Error) -> Outcome {
    match error.kind() {
        ErrorKind::ConnectionRefused => Outcome::Refused,
        ErrorKind::TimedOut => Outcome::Silent,
        _ => Outcome::Broken(error.kind().to_string()),
    }
}

/// Whether a device can have that address. Loopback can be one on this machine; link-local ones are where clouds keep
/// what is for the machine alone.
fn is_of_a_device(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            !(v4.is_link_local() || v4.is_multicast() || v4.is_unspecified() || v4.is_broadcast())
        }
        IpAddr::V6(v6) => {
            let within = within(v6).is_none_or(|v4| is_of_a_device(IpAddr::V4(v4)));
            let of_the_cloud = OF_THE_CLOUD.contains(&v6);
            !(v6.is_unicast_link_local() || v6.is_multicast() || v6.is_unspecified() || of_the_cloud)
                && within
        }
    }
}

/// Where clouds tell a machine its secrets over IPv6: unique local addresses, as devices may have.
const OF_THE_CLOUD: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

/// The IPv4 address that a translator on the way makes of an IPv6 one (RFC 6052 §2.1, RFC 3056 §2).
fn within(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = v6.to_bits();
    match (bits >> 32, bits >> 112) {
        (0x0064_ff9b_0000_0000_0000_0000, _) => Some(Ipv4Addr::from_bits((bits & 0xFFFF_FFFF) as u32)),
        (_, 0x2002) => Some(Ipv4Addr::from_bits((bits >> 80 & 0xFFFF_FFFF) as u32)),
        _ => None,
    }
}

async fn associate(mut stream: TcpStream, called: &str, calling: &str) -> Outcome {
    let config = RequestorConfig {
        called_ae: called.to_owned(),
        calling_ae: calling.to_owned(),
        ..RequestorConfig::default()
    };
    let mut requestor = match Requestor::new(config) {
        Ok(requestor) => requestor,
        Err(error) => return Outcome::Broken(error.to_string()),
    };
    let mut outcome = None;
    let mut buffer = vec![0; 16 << 10];
    let mut taken = 0;
    loop {
        let output = requestor.take_output();
        if let Err(error) = stream.write_all(&output).await {
            return outcome.unwrap_or_else(|| broken(&error));
        }
        if requestor.is_closed() {
            return outcome.unwrap_or_else(|| Outcome::Broken("the association ended".into()));
        }
        let length = match stream.read(&mut buffer).await {
            // what was answered before counts, however the connection then ends
            Ok(0) => {
                return outcome.unwrap_or_else(|| Outcome::Broken("the peer closed the connection".into()));
            }
            Ok(length) => length,
            Err(error) => return outcome.unwrap_or_else(|| broken(&error)),
        };
        taken += length;
        if taken > ANSWER {
            return Outcome::NotDicom;
        }
        let mut bytes = &buffer[..length];
        loop {
            let (used, event) = requestor.receive(bytes);
            bytes = &bytes[used..];
            let said = match event {
                None => break,
                Some(RequestorEvent::Accepted(_)) => None,
                Some(RequestorEvent::Rejected(reject)) => Some(Outcome::Rejected(reject)),
                Some(RequestorEvent::Response { status: Status::SUCCESS, .. }) => Some(Outcome::Success),
                Some(RequestorEvent::Response { status, .. }) => Some(Outcome::Failed(status)),
                Some(RequestorEvent::Aborted(abort)) => Some(Outcome::Broken(abort.to_string())),
                Some(RequestorEvent::Violation(_)) => Some(Outcome::NotDicom),
                Some(RequestorEvent::Released) => None,
                Some(RequestorEvent::ResponseData(_) | RequestorEvent::ResponseDataEnd) => continue,
            };
            match said {
                Some(said) => {
                    // in good order: the association is released, the answer waits for that
                    let answered = matches!(said, Outcome::Success | Outcome::Failed(_));
                    outcome.get_or_insert(said);
                    if answered && requestor.release().is_err() {
                        requestor.abort();
                    }
                }
                None if requestor.is_established() && outcome.is_none() => {
                    let context = requestor.context_for(uids::VERIFICATION, uids::IMPLICIT_VR_LITTLE_ENDIAN);
                    if context.is_none_or(|context| requestor.echo(context).is_err()) {
                        outcome = Some(Outcome::NoVerification);
                        requestor.abort();
                    }
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn addresses_that_no_device_has() {
        for address in
            ["127.0.0.1", "10.0.4.17", "::1", "2001:db8::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "fd00::5"]
        {
            assert!(is_of_a_device(address.parse().unwrap()), "{address}");
        }
        let none = ["169.254.169.254", "224.0.0.1", "0.0.0.0", "255.255.255.255", "fe80::1", "ff02::1", "::"];
        let hidden = ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "fd00:ec2::254"];
        for address in none.into_iter().chain(hidden) {
            assert!(!is_of_a_device(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn why_a_peer_does_not_answer_is_told() {
        assert_eq!(
            echo("169.254.169.254", 80, "X", "Y").await,
            Outcome::Forbidden("169.254.169.254".parse().unwrap())
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert_eq!(echo("127.0.0.1", port, "X", "Y").await, Outcome::Refused);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            for words in ["HTTP/1.1 400 Bad Request\r\n\r\n", ""] {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(words.as_bytes()).await.unwrap();
                // read what came, so that closing is no reset
                let _ = timeout(Duration::from_millis(50), stream.read(&mut [0; 4096])).await;
            }
        });
        assert_eq!(echo("127.0.0.1", port, "X", "Y").await, Outcome::NotDicom);
        assert!(matches!(echo("127.0.0.1", port, "X", "Y").await, Outcome::Broken(_)));
    }
}
