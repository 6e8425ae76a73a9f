//! Whole associations between our own requestor and acceptor, as each of the two heard them.

use lenticular_dicom::dimse::{
    Acceptor, AcceptorConfig, Event, Priority, ProposedContext, Requestor, RequestorConfig, RequestorEvent,
    Status, StoreRequest,
};
use lenticular_dicom::pdu::{Abort, AsyncWindow, DEFAULT_MAX_PDU, Pdu, Reject, UserIdentity};

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for max_pdu in [DEFAULT_MAX_PDU, 0, 64] {
        for identity in [false, true] {
            let (asked, answered) = associate(max_pdu, identity);
            // Whole, in pieces, byte by byte; a caller who answers, whose disk is full, who does not answer.
            for (size, manner) in [(255, 0xc0), (30, 0x10), (0, 0x20)] {
                seeds.push([&[size, manner][..], &asked].concat());
                seeds.push([&[size, manner][..], &answered].concat());
            }
        }
    }
    for pdu in
        [Pdu::AssociateRj(Reject::CALLED_AE_NOT_RECOGNIZED), Pdu::ReleaseRp, Pdu::Abort(Abort::BY_USER)]
    {
        let mut bytes = vec![9, 0];
        pdu.encode(&mut bytes).expect("no text to be too long");
        seeds.push(bytes);
    }
    seeds
}

fn associate(max_pdu: u32, identity: bool) -> (Vec<u8>, Vec<u8>) {
    let context = |class: &str, syntaxes: &[&str]| ProposedContext {
        abstract_syntax: class.to_owned(),
        transfer_syntaxes: syntaxes.iter().map(|uid| (*uid).to_owned()).collect(),
    };
    let mut requestor = Requestor::new(RequestorConfig {
        called_ae: "LENTICULAR".to_owned(),
        contexts: vec![
            context("1.2.840.10008.1.1", &["1.2.840.10008.1.2"]),
            context(CT, &[EXPLICIT, "1.2.840.10008.1.2"]),
        ],
        max_pdu,
        async_window: identity.then_some(AsyncWindow { invoked: 4, performed: 1 }),
        user_identity: identity.then(|| UserIdentity {
            kind: 2,
            positive_response_requested: true,
            primary: b"anna".to_vec(),
            secondary: b"secret".to_vec(),
        }),
        ..RequestorConfig::default()
    })
    .expect("titles and UIDs fit");
    let mut acceptor = Acceptor::new(AcceptorConfig { max_pdu, ..AcceptorConfig::default() });
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    let mut next = 0;
    while !acceptor.is_closed() && next < 12 {
        let sent = requestor.take_output();
        asked.extend_from_slice(&sent);
        hear(&mut acceptor, &sent);
        let sent = acceptor.take_output();
        answered.extend_from_slice(&sent);
        let mut rest = &sent[..];
        loop {
            let (used, event) = requestor.receive(rest);
            rest = &rest[used..];
            match event {
                None => break,
                Some(RequestorEvent::Accepted(_) | RequestorEvent::Response { .. }) => {
                    step(&mut requestor, &mut next)
                }
                Some(_) => {}
            }
        }
        if requestor.is_closed() {
            break;
        }
    }
    (asked, answered)
}

/// Two echoes, three objects, the release.
fn step(requestor: &mut Requestor, next: &mut u32) {
    *next += 1;
    let done = match *next {
        1 | 2 => requestor.echo(1).map(drop),
        3..=5 => store(requestor, *next),
        _ => requestor.release(),
    };
    done.expect("the association stands");
}

fn store(requestor: &mut Requestor, number: u32) -> Result<(), lenticular_dicom::dimse::CallError> {
    requestor.store(StoreRequest {
        context_id: 3,
        sop_class: CT.to_owned(),
        sop_instance: format!("1.2.3.{number}"),
        priority: Priority::Medium,
        move_originator: (number == 5).then(|| ("MOVER".to_owned(), 7)),
    })?;
    requestor.send_data(&[8, 0, 0x60, 0, b'C', b'S', 2, 0], false)?;
    requestor.send_data(&vec![b'C'; number as usize * 20 + 1], false)?;
    requestor.send_data(b"T", true)
}

fn hear(acceptor: &mut Acceptor, sent: &[u8]) {
    let mut rest = sent;
    loop {
        let (used, event) = acceptor.receive(rest);
        rest = &rest[used..];
        match event {
            None => break,
            Some(Event::AssociationRequested(_)) => drop(acceptor.accept(None).expect("a request that fits")),
            Some(Event::StoreEnd { message_id }) => {
                acceptor.respond_store(message_id, Status::SUCCESS).expect("it was asked");
            }
            Some(_) => {}
        }
    }
}
