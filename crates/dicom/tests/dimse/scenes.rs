//! Scenes of the upper layer and DIMSE, one file each, and what they share.

mod abort_after_violation;
mod any_bytes;
mod association_accepted;
mod association_rejected;
mod echo;
mod pdu_goldens;
mod release;
mod send_and_receive;
mod store;
mod uid_tables;
mod unsupported_operation;

use lenticular_dicom::dimse::{Acceptor, AcceptorConfig, CommandField, CommandSet, Event};
use lenticular_dicom::pdu::{
    AssociateRq, Part, Pdu, PduDecoder, PresentationContextRq, UserInformation, data_header,
};
use lenticular_dicom::uids;

pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.70";

/// Bytes from hexadecimal digits; white space is for the reader.
pub fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn wire(pdu: &Pdu) -> Vec<u8> {
    let mut out = Vec::new();
    pdu.encode(&mut out).unwrap();
    out
}

/// A request of SCANNER1 to LENTICULAR: one context per abstract syntax, ids 1, 3, 5, …
pub fn request(contexts: &[(&str, &[&str])]) -> AssociateRq {
    AssociateRq {
        protocol_version: 1,
        called_ae: "LENTICULAR".into(),
        calling_ae: "SCANNER1".into(),
        application_context: uids::APPLICATION_CONTEXT.into(),
        contexts: contexts
            .iter()
            .zip((1u8..).step_by(2))
            .map(|((abstract_syntax, transfer_syntaxes), id)| PresentationContextRq {
                id,
                abstract_syntax: (*abstract_syntax).into(),
                transfer_syntaxes: transfer_syntaxes.iter().map(|&uid| uid.into()).collect(),
            })
            .collect(),
        user: UserInformation { max_length: Some(16384), ..UserInformation::default() },
    }
}

/// Verification as context 1, CT in Explicit VR Little Endian as context 3.
pub fn usual_request() -> AssociateRq {
    request(&[
        (uids::VERIFICATION, &[uids::IMPLICIT_VR_LITTLE_ENDIAN]),
        (CT, &[uids::EXPLICIT_VR_LITTLE_ENDIAN]),
    ])
}

/// An acceptor with an association as requested, its answer already read.
pub fn established(request: AssociateRq) -> Acceptor {
    established_with(request, AcceptorConfig::default())
}

pub fn established_with(request: AssociateRq, config: AcceptorConfig) -> Acceptor {
    let mut acceptor = Acceptor::new(config);
    let seen = play(&mut acceptor, &wire(&request.into()));
    assert!(seen[0].starts_with("AssociationRequested"), "{seen:?}");
    acceptor.accept(None).unwrap();
    assert_eq!(acceptor.take_output()[0], 2);
    acceptor
}

/// Feeds bytes; events in their debug form, data of neighbouring `StoreData` joined.
pub fn play(acceptor: &mut Acceptor, mut bytes: &[u8]) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    let mut data = String::new();
    loop {
        let (used, event) = acceptor.receive(bytes);
        bytes = &bytes[used..];
        if let Some(Event::StoreData(piece)) = event {
            assert!(!piece.is_empty());
            data += &hex(piece);
            continue;
        }
        if !data.is_empty() {
            seen.push(format!("StoreData {}", std::mem::take(&mut data)));
        }
        match event {
            None => break,
            Some(event) => seen.push(format!("{event:?}")),
        }
    }
    assert!(bytes.is_empty(), "without an event all bytes are used");
    seen
}

/// A message in one PDU per part.
pub fn message(context_id: u8, command: &CommandSet, data: Option<&[u8]>) -> Vec<u8> {
    let mut set = Vec::new();
    let mut command = command.clone();
    command.has_data_set = data.is_some();
    command.encode(&mut set);
    let mut out = fragment(context_id, true, true, &set);
    if let Some(data) = data {
        out.extend(fragment(context_id, false, true, data));
    }
    out
}

pub fn fragment(context_id: u8, command: bool, last: bool, data: &[u8]) -> Vec<u8> {
    let mut out = data_header(context_id, command, last, data.len() as u32).to_vec();
    out.extend_from_slice(data);
    out
}

pub fn store_command(message_id: u16) -> CommandSet {
    CommandSet {
        message_id: Some(message_id),
        affected_sop_class: Some(CT.into()),
        affected_sop_instance: Some("1.2.3.4".into()),
        priority: Some(0),
        ..CommandSet::new(CommandField::C_STORE_RQ)
    }
}

/// All that the acceptor has to say, command sets joined from their fragments.
pub fn answers(acceptor: &mut Acceptor) -> Vec<CommandSet> {
    let output = acceptor.take_output();
    let mut decoder = PduDecoder::new(Default::default());
    let mut rest = &output[..];
    let (mut sets, mut open) = (Vec::new(), Vec::new());
    loop {
        let (used, part) = decoder.next(rest).unwrap();
        rest = &rest[used..];
        match part {
            None => break,
            Some(Part::Pdu(pdu)) => panic!("unexpected {pdu:?}"),
            Some(Part::Data(piece)) => {
                assert!(piece.command);
                open.extend_from_slice(piece.data);
                if piece.last && piece.complete {
                    sets.push(CommandSet::decode(&std::mem::take(&mut open)).unwrap());
                }
            }
        }
    }
    assert!(decoder.at_boundary());
    sets
}
