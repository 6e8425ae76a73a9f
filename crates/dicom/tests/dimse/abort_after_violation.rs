//! A peer that breaks the protocol gets the A-ABORT of PS3.8 §9.2 (AA-1, AA-8), and nothing after it is read.

use super::*;

const BY_USER: &str = "07000000000400000000";
const UNRECOGNIZED_PDU: &str = "07000000000400000201";
const UNEXPECTED_PDU: &str = "07000000000400000202";
const INVALID_PARAMETER: &str = "07000000000400000206";

fn check(mut acceptor: Acceptor, sent: &[u8], abort: &str) {
    let seen = play(&mut acceptor, sent);
    let last = seen.last().unwrap();
    assert!(last.starts_with("Violation"), "{seen:?}");
    let output = hex(&acceptor.take_output());
    assert!(output.ends_with(abort), "{last}: {output}");
    assert!(acceptor.needs_timer() && !acceptor.is_established());
    assert!(play(&mut acceptor, &message(3, &store_command(9), Some(&[1]))).is_empty());
    assert!(acceptor.take_output().is_empty());
    acceptor.timer_expired();
    assert!(acceptor.is_closed());
}

#[test]
fn before_the_request() {
    let fresh = || Acceptor::new(AcceptorConfig::default());
    check(fresh(), b"GET / HTTP/1.1\r\n\r\n", BY_USER);
    check(fresh(), &wire(&Pdu::ReleaseRq), BY_USER);
    check(fresh(), &fragment(1, true, true, &[0; 8]), BY_USER);
    check(fresh(), &bytes("01 00 7fffffff"), BY_USER);
}

#[test]
fn before_our_answer() {
    let mut acceptor = Acceptor::new(AcceptorConfig::default());
    play(&mut acceptor, &wire(&usual_request().into()));
    check(acceptor, &fragment(1, true, true, &[0; 8]), UNEXPECTED_PDU);
}

#[test]
fn pdus_out_of_place() {
    let established = || established(usual_request());
    check(established(), &wire(&usual_request().into()), UNEXPECTED_PDU);
    check(established(), &wire(&Pdu::ReleaseRp), UNEXPECTED_PDU);
    check(established(), &bytes("0a 00 00000004 00000000"), UNRECOGNIZED_PDU);
    check(established(), &bytes("04 00 00100000"), INVALID_PARAMETER);
    check(established(), &bytes("04 00 00000008 00000009 01 03"), INVALID_PARAMETER);
    let mut releasing = established();
    play(&mut releasing, &message(3, &store_command(1), Some(&[1])));
    play(&mut releasing, &wire(&Pdu::ReleaseRq));
    check(releasing, &fragment(3, true, true, &[0; 8]), UNEXPECTED_PDU);
}

#[test]
fn contexts_that_were_not_accepted() {
    let unknown = established(usual_request());
    check(unknown, &fragment(5, true, true, &[0; 8]), INVALID_PARAMETER);
    let even = established(usual_request());
    check(even, &fragment(2, true, true, &[0; 8]), INVALID_PARAMETER);
    let worklist = "1.2.840.10008.5.1.4.31";
    let refused = established(request(&[(worklist, &[uids::IMPLICIT_VR_LITTLE_ENDIAN])]));
    check(refused, &fragment(1, true, true, &[0; 8]), INVALID_PARAMETER);
}

#[test]
fn messages_that_are_none() {
    let established = || established(usual_request());
    check(established(), &fragment(3, false, true, &[1]), BY_USER);
    let mut begun = Vec::new();
    CommandSet { has_data_set: true, ..store_command(5) }.encode(&mut begun);
    let begun = fragment(3, true, true, &begun);
    check(established(), &[begun.clone(), fragment(3, true, true, &[1])].concat(), BY_USER);
    check(established(), &[begun, fragment(1, false, true, &[1])].concat(), BY_USER);
    check(established(), &fragment(3, true, true, &[]), BY_USER);
    check(established(), &fragment(3, true, true, &[0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0x7F]), BY_USER);
    check(established(), &fragment(3, true, true, &[8, 0, 0x16, 0, 0, 0, 0, 0]), BY_USER);
    check(established(), &message(3, &CommandSet { message_id: None, ..store_command(1) }, None), BY_USER);
    let endless: Vec<u8> = (0..5).flat_map(|_| fragment(3, true, false, &[0; 16000])).collect();
    check(established(), &endless, BY_USER);
}
