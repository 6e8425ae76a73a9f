//! How associations end in good order, and how they collide (PS3.8 §7.2, §9.2).

use super::*;
use lenticular_dicom::dimse::Status;

const RELEASE_RQ: &str = "05000000000400000000";
const RELEASE_RP: &str = "06000000000400000000";

#[test]
fn a_release_is_answered_and_the_peer_closes() {
    let mut acceptor = established(usual_request());
    assert!(!acceptor.needs_timer());
    assert_eq!(play(&mut acceptor, &bytes(RELEASE_RQ)), ["Released"]);
    assert_eq!(hex(&acceptor.take_output()), RELEASE_RP);
    assert!(acceptor.needs_timer() && !acceptor.is_closed());
    assert!(acceptor.transport_closed().is_none());
    assert!(acceptor.is_closed());
}

#[test]
fn a_release_waits_for_the_answers_that_are_owed() {
    let mut acceptor = established(usual_request());
    play(&mut acceptor, &message(3, &store_command(1), Some(&[1])));
    assert_eq!(play(&mut acceptor, &bytes(RELEASE_RQ)), ["Released"]);
    assert!(acceptor.take_output().is_empty());
    acceptor.respond_store(1, Status::SUCCESS).unwrap();
    let output = hex(&acceptor.take_output());
    assert!(output.starts_with("04") && output.ends_with(RELEASE_RP));
}

#[test]
fn the_server_may_ask_for_release_itself() {
    let mut acceptor = established(usual_request());
    play(&mut acceptor, &message(3, &store_command(1), Some(&[1])));
    assert!(acceptor.release().is_err(), "an answer is owed");
    acceptor.respond_store(1, Status::SUCCESS).unwrap();
    acceptor.release().unwrap();
    assert!(hex(&acceptor.take_output()).ends_with(RELEASE_RQ));
    assert!(
        play(&mut acceptor, &message(3, &store_command(2), Some(&[1]))).is_empty(),
        "too late to be served"
    );
    assert_eq!(play(&mut acceptor, &bytes(RELEASE_RP)), ["Released"]);
    assert!(acceptor.is_closed());
    assert!(acceptor.take_output().is_empty());
}

#[test]
fn when_both_ask_at_once_the_acceptor_answers_last() {
    let mut acceptor = established(usual_request());
    acceptor.release().unwrap();
    acceptor.output().clear();
    assert!(play(&mut acceptor, &bytes(RELEASE_RQ)).is_empty());
    assert!(acceptor.take_output().is_empty());
    assert_eq!(play(&mut acceptor, &bytes(RELEASE_RP)), ["Released"]);
    assert_eq!(hex(&acceptor.take_output()), RELEASE_RP);
    assert!(acceptor.needs_timer());
    acceptor.timer_expired();
    assert!(acceptor.is_closed());
}

#[test]
fn a_broken_connection_is_an_abort() {
    let mut acceptor = established(usual_request());
    assert_eq!(format!("{:?}", acceptor.transport_closed()), "Some(Aborted(Abort { source: 2, reason: 0 }))");
    assert!(acceptor.is_closed());
}

#[test]
fn an_abort_of_the_peer_ends_everything_at_once() {
    let mut acceptor = established(usual_request());
    let seen = play(&mut acceptor, &bytes("07 00 00000004 0000 00 00"));
    assert_eq!(seen, ["Aborted(Abort { source: 0, reason: 0 })"]);
    assert!(acceptor.is_closed());
    assert!(acceptor.take_output().is_empty());
}
