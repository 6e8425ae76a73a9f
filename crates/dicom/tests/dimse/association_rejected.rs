//! PS3.8 §9.3.4: who is refused, and with which reason.

use super::*;
use lenticular_dicom::pdu::Reject;

fn refused(request: AssociateRq) -> (Vec<String>, String) {
    let mut acceptor = Acceptor::new(AcceptorConfig::default());
    let seen = play(&mut acceptor, &wire(&request.into()));
    assert!(acceptor.needs_timer(), "the peer is to close");
    (seen, hex(&acceptor.take_output()))
}

#[test]
fn a_call_for_another_title_is_refused() {
    let (seen, output) = refused(AssociateRq { called_ae: "OTHER".into(), ..usual_request() });
    assert_eq!(seen, ["Rejected(Reject { result: 1, source: 1, reason: 7 })"]);
    assert_eq!(output, "03000000000400010107");
}

#[test]
fn a_call_for_another_title_can_be_allowed() {
    let request = AssociateRq { called_ae: "OTHER".into(), ..usual_request() };
    established_with(request, AcceptorConfig { accept_any_called_ae: true, ..AcceptorConfig::default() });
}

#[test]
fn another_application_context_is_refused() {
    let (_, output) = refused(AssociateRq { application_context: "1.2.3".into(), ..usual_request() });
    assert_eq!(output, "03000000000400010102");
}

#[test]
fn another_protocol_version_is_refused() {
    let (_, output) = refused(AssociateRq { protocol_version: 2, ..usual_request() });
    assert_eq!(output, "03000000000400010202");
}

#[test]
fn the_caller_refuses_whom_it_does_not_know() {
    let mut acceptor = Acceptor::new(AcceptorConfig::default());
    play(&mut acceptor, &wire(&usual_request().into()));
    acceptor.reject(Reject::CALLING_AE_NOT_RECOGNIZED).unwrap();
    assert_eq!(hex(&acceptor.take_output()), "03000000000400010103");
    assert!(acceptor.accept(None).is_err(), "too late");
    assert_eq!(
        Reject::LOCAL_LIMIT_EXCEEDED.to_string(),
        "rejected (transient, source 3): local limit exceeded"
    );
    assert!(play(&mut acceptor, &wire(&Pdu::ReleaseRq)).is_empty(), "what comes after is not read");
    assert!(acceptor.transport_closed().is_none());
    assert!(acceptor.is_closed());
}

#[test]
fn a_peer_that_says_nothing_is_let_go() {
    let mut acceptor = Acceptor::new(AcceptorConfig::default());
    assert!(acceptor.needs_timer());
    acceptor.timer_expired();
    assert!(acceptor.is_closed());
    assert!(acceptor.take_output().is_empty());
}
