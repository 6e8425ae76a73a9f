//! A storage SCU on a blocking socket: C-ECHO, then one C-STORE per file, all on one association.
//!
//!     cargo run -p lenticular-dicom --example store_scu -- 127.0.0.1:11112 CALLED_AE FILE...

use std::io::{Error, Read, Result, Write};
use std::net::TcpStream;

use lenticular_dicom::dimse::{
    DataPdu, Priority, ProposedContext, Requestor, RequestorConfig, RequestorEvent, Status, StoreRequest,
};
use lenticular_dicom::uids;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(called_ae)) = (arguments.next(), arguments.next()) else {
        return Err(Error::other("usage: store_scu ADDRESS CALLED_AE FILE..."));
    };
    let files = arguments.map(read_file).collect::<Result<Vec<_>>>()?;
    let mut contexts = RequestorConfig::default().contexts;
    for file in &files {
        let context = ProposedContext {
            abstract_syntax: file.sop_class.clone(),
            transfer_syntaxes: vec![file.transfer_syntax.clone()],
        };
        if !contexts.contains(&context) {
            contexts.push(context);
        }
    }
    let config = RequestorConfig { called_ae, contexts, ..RequestorConfig::default() };
    let requestor = Requestor::new(config).map_err(Error::other)?;
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut peer = Peer { requestor, stream };
    peer.wait(|event| matches!(event, RequestorEvent::Accepted(_)).then_some(()))?;

    let verification = peer.requestor.context_for(uids::VERIFICATION, uids::IMPLICIT_VR_LITTLE_ENDIAN);
    if let Some(context_id) = verification {
        peer.requestor.echo(context_id).map_err(Error::other)?;
        println!("echo: {}", peer.status()?);
    }
    for file in files {
        let Some(context_id) = peer.requestor.context_for(&file.sop_class, &file.transfer_syntax) else {
            println!("{}: no presentation context", file.path);
            continue;
        };
        let request = StoreRequest {
            context_id,
            sop_class: file.sop_class,
            sop_instance: file.sop_instance,
            priority: Priority::Medium,
            move_originator: None,
        };
        peer.requestor.store(request).map_err(Error::other)?;
        peer.flush()?;
        let mut rest = &file.bytes[file.data_set..];
        while let Some(pdu) = next_pdu(&mut peer.requestor, rest)? {
            let (piece, after) = rest.split_at(pdu.length);
            peer.stream.write_all(&pdu.header)?;
            peer.stream.write_all(piece)?;
            rest = after;
        }
        println!("{}: {}", file.path, peer.status()?);
    }
    peer.requestor.release().map_err(Error::other)?;
    peer.wait(|event| matches!(event, RequestorEvent::Released).then_some(()))?;
    println!("released");
    Ok(())
}

/// The PDU for the front of what is left of a data set.
fn next_pdu(requestor: &mut Requestor, rest: &[u8]) -> Result<Option<DataPdu>> {
    if rest.is_empty() { Ok(None) } else { requestor.data_pdu(rest.len(), true).map_err(Error::other) }
}

struct Peer {
    requestor: Requestor,
    stream: TcpStream,
}

impl Peer {
    fn flush(&mut self) -> Result<()> {
        let output = self.requestor.take_output();
        self.stream.write_all(&output)
    }

    fn status(&mut self) -> Result<Status> {
        self.wait(|event| match event {
            RequestorEvent::Response { status, .. } => Some(*status),
            _ => None,
        })
    }

    fn wait<T>(&mut self, wanted: impl Fn(&RequestorEvent<'_>) -> Option<T>) -> Result<T> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            self.flush()?;
            let length = self.stream.read(&mut buffer)?;
            if length == 0 {
                return Err(Error::other("the peer closed the connection"));
            }
            let mut bytes = &buffer[..length];
            let mut found = None;
            loop {
                let (used, event) = self.requestor.receive(bytes);
                bytes = &bytes[used..];
                let Some(event) = event else { break };
                match wanted(&event) {
                    Some(value) => found = Some(value),
                    None => println!("{event:?}"),
                }
            }
            if let Some(value) = found {
                self.flush()?;
                return Ok(value);
            }
        }
    }
}

struct File {
    path: String,
    bytes: Vec<u8>,
    /// Where the data set begins, behind the file meta information.
    data_set: usize,
    sop_class: String,
    sop_instance: String,
    transfer_syntax: String,
}

/// Reads the file meta information (PS3.10 §7.1) just far enough to send the file.
fn read_file(path: String) -> Result<File> {
    let bytes = std::fs::read(&path)?;
    let broken = || Error::other("not a DICOM file");
    if bytes.get(128..132) != Some(b"DICM") {
        return Err(broken());
    }
    let (mut sop_class, mut sop_instance, mut transfer_syntax) = Default::default();
    let mut at = 132;
    while bytes.get(at..at + 2) == Some(&[2, 0]) {
        let head = bytes.get(at..at + 8).ok_or_else(broken)?;
        let long = matches!(&head[4..6], b"OB" | b"UN");
        let (start, length) = if long {
            let length = bytes.get(at + 8..at + 12).ok_or_else(broken)?;
            (at + 12, u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize)
        } else {
            (at + 8, usize::from(u16::from_le_bytes([head[6], head[7]])))
        };
        let value = bytes.get(start..start + length).ok_or_else(broken)?;
        let text = || String::from_utf8_lossy(value).trim_end_matches(['\0', ' ']).to_owned();
        match u16::from_le_bytes([head[2], head[3]]) {
            0x0002 => sop_class = text(),
            0x0003 => sop_instance = text(),
            0x0010 => transfer_syntax = text(),
            _ => {}
        }
        at = start + length;
    }
    Ok(File { path, bytes, data_set: at, sop_class, sop_instance, transfer_syntax })
}
