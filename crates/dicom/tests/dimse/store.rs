//! C-STORE (PS3.7 §9.3.1, PS3.4 Annex B).

use super::*;
use lenticular_dicom::dimse::{CallError, Status, StoreResponse};

#[test]
fn an_object_is_streamed_and_acknowledged_when_the_caller_says_so() {
    let mut acceptor = established(usual_request());
    let command = CommandSet {
        move_originator: Some("WORKSTATION".into()),
        move_originator_message_id: Some(9),
        priority: Some(1),
        ..store_command(5)
    };
    let seen = play(&mut acceptor, &message(3, &command, Some(&[1, 2, 3, 4])));
    assert_eq!(
        seen,
        [
            "StoreBegin(Store { context_id: 3, message_id: 5, transfer_syntax: \"1.2.840.10008.1.2.1\", \
         sop_class: \"1.2.840.10008.5.1.4.1.1.2\", sop_instance: \"1.2.3.4\", priority: High, \
         move_originator: Some(\"WORKSTATION\"), move_originator_message_id: Some(9) })",
            "StoreData 01020304",
            "StoreEnd { message_id: 5 }",
        ]
    );
    assert!(acceptor.take_output().is_empty(), "nothing is acknowledged before it is durable");
    acceptor.respond_store(5, Status::SUCCESS).unwrap();
    let expected = "
        04 00 0000006c  00000068 03 03
        0000 0000 04000000 5a000000
        0000 0200 1a000000 312e322e3834302e31303030382e352e312e342e312e312e3200
        0000 0001 02000000 0180
        0000 2001 02000000 0500
        0000 0008 02000000 0101
        0000 0009 02000000 0000
        0000 0010 08000000 312e322e332e3400";
    assert_eq!(hex(&acceptor.take_output()), hex(&bytes(expected)));
    assert_eq!(acceptor.respond_store(5, Status::SUCCESS), Err(CallError::NotOutstanding(5)));
}

#[test]
fn fragments_may_be_cut_and_packed_in_any_way() {
    let mut acceptor = established(usual_request());
    let mut set = Vec::new();
    CommandSet { has_data_set: true, ..store_command(5) }.encode(&mut set);
    let (head, tail) = set.split_at(33);
    let sent = wire(&Pdu::PData(vec![
        pdv(true, false, head),
        pdv(true, false, &[]),
        pdv(true, true, tail),
        pdv(false, false, &[]),
        pdv(false, false, &[1, 2, 3]),
        pdv(false, false, &[4]),
        pdv(false, true, &[]),
    ]));
    let seen = play(&mut acceptor, &sent);
    assert_eq!(seen[1..], ["StoreData 01020304", "StoreEnd { message_id: 5 }"]);
}

fn pdv(command: bool, last: bool, data: &[u8]) -> lenticular_dicom::pdu::Pdv {
    lenticular_dicom::pdu::Pdv { context_id: 3, command, last, data: data.to_vec() }
}

#[test]
fn a_full_disk_skips_the_rest_and_answers_after_it() {
    let mut acceptor = established(usual_request());
    let mut set = Vec::new();
    CommandSet { has_data_set: true, ..store_command(5) }.encode(&mut set);
    play(&mut acceptor, &fragment(3, true, true, &set));
    play(&mut acceptor, &fragment(3, false, false, &[1; 100]));
    let response = StoreResponse {
        error_comment: Some("no space left ".repeat(10)),
        offending_elements: vec![(0x7FE0, 0x0010)],
        ..Status::OUT_OF_RESOURCES.into()
    };
    acceptor.respond_store(5, response).unwrap();
    assert!(acceptor.take_output().is_empty());
    assert!(play(&mut acceptor, &fragment(3, false, true, &[1; 100])).is_empty());
    let answer = answers(&mut acceptor).remove(0);
    assert_eq!(answer.status, Some(Status::OUT_OF_RESOURCES));
    assert_eq!(answer.error_comment.unwrap().len(), 64);
    assert_eq!(answer.offending_elements, [(0x7FE0, 0x0010)]);
    assert_eq!(
        play(&mut acceptor, &message(3, &store_command(6), Some(&[9]))).len(),
        3,
        "the next one is heard"
    );
}

#[test]
fn what_cannot_be_stored_is_refused_after_its_data() {
    let refused = |context_id, command: CommandSet, data: Option<&[u8]>| {
        let mut acceptor = established(usual_request());
        let seen = play(&mut acceptor, &message(context_id, &command, data));
        assert!(seen.len() == 1 && seen[0].starts_with("Refused"), "{seen:?}");
        answers(&mut acceptor)[0].status.unwrap().0
    };
    let data: Option<&[u8]> = Some(&[1, 2]);
    assert_eq!(refused(1, store_command(1), data), 0x0122);
    assert_eq!(refused(3, CommandSet { affected_sop_class: None, ..store_command(1) }, data), 0x0122);
    assert_eq!(refused(3, CommandSet { affected_sop_instance: None, ..store_command(1) }, data), 0x0117);
    let bad = CommandSet { affected_sop_instance: Some("1.2/../3".into()), ..store_command(1) };
    assert_eq!(refused(3, bad, data), 0x0117);
    assert_eq!(refused(3, store_command(1), None), 0x0212);
}

#[test]
fn a_peer_that_sends_ahead_is_served_up_to_the_limit() {
    let config = AcceptorConfig { max_outstanding: 2, ..AcceptorConfig::default() };
    let mut acceptor = established_with(usual_request(), config);
    let send = |acceptor: &mut Acceptor, message_id| {
        play(acceptor, &message(3, &store_command(message_id), Some(&[1])))
    };
    assert_eq!(send(&mut acceptor, 1).len(), 3);
    assert_eq!(send(&mut acceptor, 1).len(), 1, "the same message id twice");
    assert_eq!(send(&mut acceptor, 2).len(), 3);
    assert_eq!(send(&mut acceptor, 3).len(), 1);
    acceptor.respond_store(2, Status::SUCCESS).unwrap();
    acceptor.respond_store(1, Status::SUCCESS).unwrap();
    let told: Vec<_> = answers(&mut acceptor)
        .iter()
        .map(|answer| (answer.message_id_responded_to.unwrap(), answer.status.unwrap().0))
        .collect();
    assert_eq!(told, [(1, 0x0210), (3, 0x0213), (2, 0), (1, 0)]);
}

#[test]
fn answers_keep_to_the_peers_maximum_length() {
    let mut proposal = usual_request();
    proposal.user.max_length = Some(40);
    let mut acceptor = established(proposal);
    play(&mut acceptor, &message(3, &store_command(1), Some(&[1])));
    acceptor.respond_store(1, Status::SUCCESS).unwrap();
    let output = acceptor.output().clone();
    let mut rest = &output[..];
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[2..6].try_into().unwrap());
        assert!(length <= 40);
        rest = &rest[6 + length as usize..];
    }
    assert_eq!(answers(&mut acceptor)[0].status, Some(Status::SUCCESS));
}
