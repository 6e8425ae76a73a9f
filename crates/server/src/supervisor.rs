//! What the process tells whoever started it (sd_notify(3)): one datagram each, where `NOTIFY_SOCKET` names a socket.

use std::ffi::OsStr;
use std::io::{Error, ErrorKind, Result};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The listeners are up.
pub const READY: &str = "READY=1";
/// The end was asked for; requests are still answered.
pub const STOPPING: &str = "STOPPING=1";

/// Tells it; where nobody listens, nothing happens.
pub fn tell(state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(%error, state, "the supervisor could not be told");
    }
}

fn send(socket: &OsStr, state: &str) -> Result<()> {
    let address = match socket.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(socket)?,
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => return Err(Error::new(ErrorKind::InvalidInput, "NOTIFY_SOCKET is neither a path nor abstract")),
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(listener: &UnixDatagram) -> String {
        let mut bytes = [0; 64];
        let length = listener.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    #[test]
    fn a_path_and_an_abstract_name_are_told() {
        let path = std::env::temp_dir().join(format!("lenticular-notify-{}", std::process::id()));
        let listener = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), READY).unwrap();
        assert_eq!(heard(&listener), "READY=1");
        std::fs::remove_file(&path).unwrap();

        let name = format!("lenticular-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        send(OsStr::new(&format!("@{name}")), STOPPING).unwrap();
        assert_eq!(heard(&listener), "STOPPING=1");
        assert!(send(OsStr::new("vsock:1"), READY).is_err());
    }
}
