//! What we take of a proposal, and what we answer (PS3.8 §9.3.3, PS3.7 Annex D).

use super::*;
use lenticular_dicom::dimse::NegotiatedContext;
use lenticular_dicom::pdu::*;

fn answer_to(request: AssociateRq, config: AcceptorConfig, identity: Option<Vec<u8>>) -> AssociateAc {
    let mut acceptor = Acceptor::new(config);
    play(&mut acceptor, &wire(&request.into()));
    acceptor.accept(identity).unwrap();
    let output = acceptor.take_output();
    match PduDecoder::new(Limits::default()).next(&output).unwrap() {
        (_, Some(Part::Pdu(Pdu::AssociateAc(accept)))) => *accept,
        other => panic!("{other:?}"),
    }
}

fn results(accept: &AssociateAc) -> Vec<(ContextResult, &str)> {
    accept.contexts.iter().map(|context| (context.result, &context.transfer_syntax[..])).collect()
}

#[test]
fn the_answer_to_a_plain_request_byte_for_byte() {
    let mut acceptor = Acceptor::new(AcceptorConfig {
        implementation_class_uid: "1.2.3".into(),
        implementation_version: "V".into(),
        ..AcceptorConfig::default()
    });
    play(&mut acceptor, &wire(&usual_request().into()));
    assert!(!acceptor.needs_timer());
    let contexts = acceptor.accept(None).unwrap();
    assert_eq!(
        contexts[1],
        NegotiatedContext {
            id: 3,
            abstract_syntax: CT.into(),
            transfer_syntax: uids::EXPLICIT_VR_LITTLE_ENDIAN.into(),
        }
    );
    let expected = "
        02 00 000000b3  0001 0000
        4c454e544943554c4152202020202020  5343414e4e4552312020202020202020
        0000000000000000000000000000000000000000000000000000000000000000
        10 00 0015 312e322e3834302e31303030382e332e312e312e31
        21 00 0019 01 00 00 00  40 00 0011 312e322e3834302e31303030382e312e32
        21 00 001b 03 00 00 00  40 00 0013 312e322e3834302e31303030382e312e322e31
        50 00 0016
          51 00 0004 00040000
          52 00 0005 312e322e33
          55 00 0001 56";
    assert_eq!(hex(&acceptor.take_output()), hex(&bytes(expected)));
    assert!(acceptor.is_established());
}

#[test]
fn the_first_proposed_transfer_syntax_is_taken_so_that_nothing_is_converted() {
    let request = request(&[
        (CT, &[JPEG_LOSSLESS, uids::IMPLICIT_VR_LITTLE_ENDIAN]),
        (CT, &[uids::IMPLICIT_VR_LITTLE_ENDIAN, JPEG_LOSSLESS]),
        (CT, &["1.2.840.10008.1.2.6.1", uids::EXPLICIT_VR_BIG_ENDIAN]),
        (CT, &["1.2.840.10008.1.2.6.2"]),
        (CT, &[]),
    ]);
    let accept = answer_to(request, AcceptorConfig::default(), None);
    let results = results(&accept);
    assert_eq!(results[0], (ContextResult::Acceptance, JPEG_LOSSLESS));
    assert_eq!(results[1], (ContextResult::Acceptance, uids::IMPLICIT_VR_LITTLE_ENDIAN));
    assert_eq!(results[2], (ContextResult::Acceptance, uids::EXPLICIT_VR_BIG_ENDIAN));
    assert_eq!(results[3].0, ContextResult::TransferSyntaxesNotSupported);
    assert_eq!(results[4].0, ContextResult::TransferSyntaxesNotSupported);
}

#[test]
fn private_objects_are_taken_unless_configured_otherwise() {
    let private = "1.3.12.2.1107.5.9.1";
    let modality_worklist = "1.2.840.10008.5.1.4.31";
    let syntaxes: &[&str] = &["1.2.840.113619.5.2"];
    let proposal = request(&[
        (private, syntaxes),
        (modality_worklist, syntaxes),
        (CT, &["1.3.46.670589.33.1.4.1"]),
        ("not a uid", syntaxes),
    ]);
    let accept = answer_to(proposal.clone(), AcceptorConfig::default(), None);
    let outcome: Vec<u8> = accept.contexts.iter().map(|context| context.result.code()).collect();
    assert_eq!(outcome, [0, 3, 0, 3]);
    let strict = AcceptorConfig {
        accept_unknown_sop_classes: false,
        accept_unknown_transfer_syntaxes: false,
        ..AcceptorConfig::default()
    };
    let accept = answer_to(proposal, strict, None);
    let outcome: Vec<u8> = accept.contexts.iter().map(|context| context.result.code()).collect();
    assert_eq!(outcome, [3, 3, 4, 3]);
}

#[test]
fn negotiation_items_get_their_answers() {
    let mut proposal = usual_request();
    proposal.user.async_window = Some(AsyncWindow { invoked: 0, performed: 8 });
    proposal.user.roles = vec![RoleSelection { sop_class: CT.into(), scu: true, scp: true }];
    proposal.user.extended =
        vec![ExtendedNegotiation { sop_class: CT.into(), information: vec![0, 0, 0, 0, 0, 0] }];
    let user = answer_to(proposal, AcceptorConfig::default(), None).user;
    assert_eq!(user.async_window, Some(AsyncWindow { invoked: 1, performed: 1 }));
    assert_eq!(user.roles, [RoleSelection { sop_class: CT.into(), scu: true, scp: false }]);
    assert_eq!(user.extended[0].information, [2, 0, 3, 0, 0, 0]);
    assert_eq!(user.max_length, Some(256 * 1024));
}

#[test]
fn a_peer_that_gives_up_the_clients_role_gets_no_context() {
    let mut proposal = usual_request();
    proposal.user.roles = vec![RoleSelection { sop_class: CT.into(), scu: false, scp: true }];
    let accept = answer_to(proposal, AcceptorConfig::default(), None);
    assert_eq!(accept.contexts[1].result, ContextResult::UserRejection);
}

#[test]
fn the_user_identity_is_answered_only_when_asked_for() {
    let mut proposal = usual_request();
    let mut identity = UserIdentity {
        kind: UserIdentity::USERNAME,
        positive_response_requested: true,
        primary: b"ann".to_vec(),
        secondary: vec![],
    };
    proposal.user.user_identity = Some(identity.clone());
    let accept = answer_to(proposal.clone(), AcceptorConfig::default(), Some(vec![]));
    assert_eq!(accept.user.user_identity_response, Some(vec![]));
    identity.positive_response_requested = false;
    proposal.user.user_identity = Some(identity);
    let accept = answer_to(proposal, AcceptorConfig::default(), Some(vec![]));
    assert_eq!(accept.user.user_identity_response, None);
}

#[test]
fn a_proposal_full_of_roles_gets_a_small_answer() {
    let mut proposal = usual_request();
    proposal.user.extended = (0..4000)
        .map(|n| ExtendedNegotiation { sop_class: format!("1.2.{n}"), information: vec![] })
        .collect();
    proposal.contexts[0].abstract_syntax = "9".repeat(5000);
    proposal.contexts[0].transfer_syntaxes = vec!["9".repeat(5000)];
    let accept = answer_to(proposal, AcceptorConfig::default(), None);
    assert!(wire(&accept.into()).len() < 1000);
}
