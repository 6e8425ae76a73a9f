//! Our requestor speaks to our acceptor, with whatever maximum lengths they announce.

use super::*;
use lenticular_dicom::dimse::{
    Priority, ProposedContext, Requestor, RequestorConfig, RequestorEvent, Status, StatusClass, StoreRequest,
};
use lenticular_dicom::pdu::Reject;

fn requestor(max_pdu: u32) -> Requestor {
    let context = |abstract_syntax: &str, transfer_syntax: &str| ProposedContext {
        abstract_syntax: abstract_syntax.into(),
        transfer_syntaxes: vec![transfer_syntax.into()],
    };
    Requestor::new(RequestorConfig {
        called_ae: "LENTICULAR".into(),
        contexts: vec![
            context(uids::VERIFICATION, uids::IMPLICIT_VR_LITTLE_ENDIAN),
            context(CT, JPEG_LOSSLESS),
            context("1.2.840.10008.5.1.4.31", uids::IMPLICIT_VR_LITTLE_ENDIAN),
        ],
        max_pdu,
        ..RequestorConfig::default()
    })
    .unwrap()
}

/// Feeds the requestor; events in their debug form, but responses as id and status.
fn hear(requestor: &mut Requestor, mut bytes: &[u8]) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let (used, event) = requestor.receive(bytes);
        bytes = &bytes[used..];
        match event {
            None => break,
            Some(RequestorEvent::Accepted(_)) => heard.push("Accepted".into()),
            Some(RequestorEvent::Response { message_id, status, .. }) => {
                heard.push(format!("{message_id} {status}"));
            }
            Some(event) => heard.push(format!("{event:?}")),
        }
    }
    heard
}

fn associate(ours: u32, theirs: u32) -> (Requestor, Acceptor) {
    let mut requestor = requestor(theirs);
    let mut acceptor = Acceptor::new(AcceptorConfig { max_pdu: ours, ..AcceptorConfig::default() });
    play(&mut acceptor, &requestor.take_output());
    acceptor.accept(None).unwrap();
    assert_eq!(hear(&mut requestor, &acceptor.take_output()), ["Accepted"]);
    (requestor, acceptor)
}

#[test]
fn objects_arrive_whole_at_every_maximum_length() {
    let object: Vec<u8> = (0..300_001u32).map(|byte| byte as u8).collect();
    for (ours, theirs) in [(0, 0), (4096, 16384), (131_072, 0), (8, 30), (262_144, 131_072)] {
        let (mut requestor, mut acceptor) = associate(ours, theirs);
        let context_id = requestor.context_for(CT, JPEG_LOSSLESS).unwrap();
        let message_id = requestor
            .store(StoreRequest {
                context_id,
                sop_class: CT.into(),
                sop_instance: "1.2.3".into(),
                priority: Priority::Low,
                move_originator: Some(("MOVER".into(), 4)),
            })
            .unwrap();
        let (front, back) = object.split_at(100_001);
        for piece in front.chunks(70_000).chain(back.chunks(7_777)) {
            requestor.send_data(piece, false).unwrap();
            requestor.send_data(&[], false).unwrap();
        }
        requestor.send_data(&[], true).unwrap();
        let seen = play(&mut acceptor, &requestor.take_output());
        assert!(seen[0].contains("move_originator: Some(\"MOVER\")"), "{}", seen[0]);
        assert_eq!(seen[1], format!("StoreData {}", hex(&object)));
        assert_eq!(seen[2], format!("StoreEnd {{ message_id: {message_id} }}"));
        assert!(requestor.release().is_err(), "an answer is to come");
        acceptor.respond_store(message_id, Status::ELEMENTS_DISCARDED).unwrap();
        let heard = hear(&mut requestor, &acceptor.take_output());
        assert_eq!(heard, [format!("{message_id} B006H elements discarded")]);
        assert_eq!(Status(0xB006).class(), StatusClass::Warning);
        requestor.release().unwrap();
        assert_eq!(play(&mut acceptor, &requestor.take_output()), ["Released"]);
        assert_eq!(hear(&mut requestor, &acceptor.take_output()), ["Released"]);
        assert!(requestor.is_closed());
    }
}

#[test]
fn an_echo_comes_back() {
    let (mut requestor, mut acceptor) = associate(0, 0);
    let context_id = requestor.context_for(uids::VERIFICATION, uids::IMPLICIT_VR_LITTLE_ENDIAN).unwrap();
    requestor.echo(context_id).unwrap();
    play(&mut acceptor, &requestor.take_output());
    assert_eq!(hear(&mut requestor, &acceptor.take_output()), ["1 0000H success"]);
}

#[test]
fn calls_that_do_not_fit_send_nothing() {
    let mut early = requestor(0);
    early.take_output();
    assert!(early.echo(1).is_err());
    let (mut requestor, _) = associate(0, 0);
    assert!(requestor.echo(5).is_err(), "the worklist context was refused");
    assert!(requestor.send_data(&[1], true).is_err(), "no data set was begun");
    assert!(requestor.take_output().is_empty());
}

#[test]
fn a_refusal_and_an_abort_are_heard() {
    let mut refused = requestor(0);
    let reject = wire(&Pdu::AssociateRj(Reject::CALLING_AE_NOT_RECOGNIZED));
    assert_eq!(hear(&mut refused, &reject), ["Rejected(Reject { result: 1, source: 1, reason: 3 })"]);
    assert!(refused.is_closed());
    let (mut requestor, mut acceptor) = associate(0, 0);
    acceptor.abort();
    assert_eq!(hear(&mut requestor, &acceptor.take_output()), ["Aborted(Abort { source: 0, reason: 0 })"]);
}

#[test]
fn when_both_ask_for_release_both_end_well() {
    let (mut requestor, mut acceptor) = associate(0, 0);
    requestor.release().unwrap();
    acceptor.release().unwrap();
    let (of_requestor, of_acceptor) = (requestor.take_output(), acceptor.take_output());
    assert!(hear(&mut requestor, &of_acceptor).is_empty());
    assert!(play(&mut acceptor, &of_requestor).is_empty());
    assert_eq!(play(&mut acceptor, &requestor.take_output()), ["Released"]);
    assert_eq!(hear(&mut requestor, &acceptor.take_output()), ["Released"]);
    assert!(requestor.is_closed() && acceptor.needs_timer());
}

#[test]
fn fragments_are_even_until_the_last() {
    let (mut requestor, _) = associate(0, 0);
    let context_id = requestor.context_for(CT, JPEG_LOSSLESS).unwrap();
    let request = StoreRequest {
        context_id,
        sop_class: CT.into(),
        sop_instance: "1.2.3".into(),
        priority: Priority::Medium,
        move_originator: None,
    };
    requestor.store(request).unwrap();
    requestor.take_output();
    assert_eq!(requestor.data_pdu(1, false), Ok(None));
    assert_eq!(requestor.data_pdu(7, false).unwrap().unwrap().length, 6);
    requestor.send_data(&[1, 2, 3], false).unwrap();
    requestor.send_data(&[4], false).unwrap();
    requestor.send_data(&[5], true).unwrap();
    let expected = "04 00 00000008 00000004 03 00 0102
        04 00 00000008 00000004 03 00 0304
        04 00 00000007 00000003 03 02 05";
    assert_eq!(hex(&requestor.take_output()), hex(&bytes(expected)));
}
