//! The DICOM upper layer and DIMSE: any bytes, to both sides of an association.
//!
//! The first byte says how long the pieces are, the second how the caller behaves. What must hold:
//! - however the bytes are cut, the same is seen and the same is answered;
//! - a PDU or command set that was read is the same after it was written and read again;
//! - the answers are bounded by what came in, and outstanding operations by the configuration.
#![no_main]

use lenticular_dicom::dimse::{
    Acceptor, AcceptorConfig, CommandSet, Event, ProposedContext, Requestor, RequestorConfig, RequestorEvent,
    Status, fuzz_association,
};
use lenticular_dicom::pdu::{Limits, Part, Pdu, PduDecoder, PduError, Reject};
use libfuzzer_sys::fuzz_target;

/// Bytes that one byte from the peer may make us answer: its maximum PDU length of 8 puts a header of 12 bytes
/// before each pair of bytes of a command set, and the least command, of 56 bytes or so, is answered with about 150.
const MOST_ANSWER: usize = 64;

fuzz_target!(|bytes: &[u8]| {
    fuzz_association(bytes);
    let [size, manner, sent @ ..] = bytes else { return };
    let size = usize::from(*size) + 1;
    assert_eq!(decode(sent, size), decode(sent, usize::MAX), "PDUs, however they are cut");
    check_command(sent);
    assert_eq!(
        accept(sent, size, *manner),
        accept(sent, usize::MAX, *manner),
        "the acceptor, however bytes are cut"
    );
    assert_eq!(request(sent, size), request(sent, usize::MAX), "the requestor, however bytes are cut");
});

/// What a stream held: PDUs, and the data of each presentation data value joined.
#[derive(PartialEq, Debug)]
enum Held {
    Pdu(Pdu),
    Value { context_id: u8, command: bool, last: bool, complete: bool, data: Vec<u8> },
}

fn decode(sent: &[u8], size: usize) -> (Vec<Held>, Option<PduError>) {
    let mut decoder = PduDecoder::new(Limits::default());
    let mut held = Vec::new();
    for mut piece in sent.chunks(size) {
        loop {
            match decoder.next(piece) {
                Err(error) => return (held, Some(error)),
                Ok((used, None)) => {
                    assert_eq!(used, piece.len(), "without a part, all bytes were used");
                    break;
                }
                Ok((used, Some(Part::Pdu(pdu)))) => {
                    piece = &piece[used..];
                    check_pdu(&pdu);
                    held.push(Held::Pdu(pdu));
                }
                Ok((used, Some(Part::Data(fragment)))) => {
                    piece = &piece[used..];
                    match held.last_mut() {
                        Some(Held::Value { complete, data, .. }) if !*complete => {
                            data.extend_from_slice(fragment.data);
                            *complete = fragment.complete;
                        }
                        _ => held.push(Held::Value {
                            context_id: fragment.context_id,
                            command: fragment.command,
                            last: fragment.last,
                            complete: fragment.complete,
                            data: fragment.data.to_vec(),
                        }),
                    }
                }
            }
        }
    }
    (held, None)
}

fn check_pdu(pdu: &Pdu) {
    let mut written = Vec::new();
    // Text that is not ASCII grows when it is read, and may then be too long for its field.
    if pdu.encode(&mut written).is_err() {
        return;
    }
    let read = PduDecoder::new(Limits::default()).next(&written).map(|(_, part)| part);
    assert_eq!(read, Ok(Some(Part::Pdu(pdu.clone()))), "a PDU, written and read");
}

fn check_command(bytes: &[u8]) {
    let Ok(command) = CommandSet::decode(bytes) else { return };
    let mut written = Vec::new();
    command.encode(&mut written);
    assert_eq!(CommandSet::decode(&written), Ok(command), "a command set, written and read");
}

/// What one side saw and said.
type Witness = (Vec<String>, Vec<u8>);

fn accept(sent: &[u8], size: usize, manner: u8) -> Witness {
    let flag = |bit: u8| manner & 1 << bit != 0;
    let config = AcceptorConfig {
        accept_any_called_ae: !flag(0),
        accept_unknown_sop_classes: !flag(1),
        accept_unknown_transfer_syntaxes: !flag(1),
        max_outstanding: usize::from(manner >> 6),
        ..AcceptorConfig::default()
    };
    let most = config.max_outstanding.max(1);
    let mut acceptor = Acceptor::new(config);
    let (mut seen, mut said, mut data) = (Vec::new(), Vec::new(), Vec::new());
    for mut piece in sent.chunks(size) {
        loop {
            let (used, event) = acceptor.receive(piece);
            piece = &piece[used..];
            let Some(event) = event else { break };
            if let Event::StoreData(bytes) = event {
                data.extend_from_slice(bytes);
                continue;
            }
            seen.push(format!("{:x?} {event:?}", std::mem::take(&mut data)));
            match event {
                Event::AssociationRequested(_) if flag(2) => {
                    acceptor.reject(Reject::CALLED_AE_NOT_RECOGNIZED).unwrap()
                }
                // Fails where what the peer wrote is too long to be answered.
                Event::AssociationRequested(_) => {
                    if acceptor.accept(flag(3).then(|| vec![7; 9])).is_err() {
                        acceptor.abort();
                    }
                }
                Event::StoreBegin(store) if flag(4) => {
                    acceptor.respond_store(store.message_id, Status(0xa700)).unwrap();
                }
                Event::StoreEnd { message_id } if !flag(5) => {
                    acceptor.respond_store(message_id, Status::SUCCESS).unwrap();
                }
                _ => {}
            }
            assert!(acceptor.outstanding() <= most);
        }
        assert!(piece.is_empty(), "without an event, all bytes were used");
        said.append(acceptor.output());
        assert!(said.len() <= 4096 + MOST_ANSWER * sent.len(), "{} bytes answer {}", said.len(), sent.len());
    }
    seen.push(format!("{data:x?} {} {}", acceptor.needs_timer(), acceptor.is_closed()));
    seen.push(format!("{:?}", acceptor.transport_closed()));
    assert!(acceptor.is_closed());
    (seen, said)
}

fn request(sent: &[u8], size: usize) -> Witness {
    let context = |class: &str, syntaxes: &[&str]| ProposedContext {
        abstract_syntax: class.to_owned(),
        transfer_syntaxes: syntaxes.iter().map(|uid| (*uid).to_owned()).collect(),
    };
    let contexts = vec![
        context("1.2.840.10008.1.1", &["1.2.840.10008.1.2"]),
        context("1.2.840.10008.5.1.4.1.1.2", &["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"]),
    ];
    let mut requestor = Requestor::new(RequestorConfig { contexts, ..RequestorConfig::default() }).unwrap();
    let (mut seen, mut said, mut data) = (Vec::new(), Vec::new(), Vec::new());
    for mut piece in sent.chunks(size) {
        loop {
            let (used, event) = requestor.receive(piece);
            piece = &piece[used..];
            let Some(event) = event else { break };
            if let RequestorEvent::ResponseData(bytes) = event {
                data.extend_from_slice(bytes);
                continue;
            }
            seen.push(format!("{:x?} {event:?}", std::mem::take(&mut data)));
            if requestor.is_established() && requestor.outstanding() < 4 {
                let first = requestor.contexts().next().map(|context| context.id);
                if let Some(id) = first {
                    requestor.echo(id).unwrap();
                }
            }
        }
        assert!(piece.is_empty(), "without an event, all bytes were used");
        said.append(requestor.output());
        assert!(said.len() <= 4096 + MOST_ANSWER * sent.len(), "{} bytes answer {}", said.len(), sent.len());
    }
    seen.push(format!("{data:x?} {} {}", requestor.needs_timer(), requestor.is_closed()));
    (seen, said)
}
