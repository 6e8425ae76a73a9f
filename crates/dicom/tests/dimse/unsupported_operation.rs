//! Operations that this acceptor does not offer are answered, not cut off (PS3.7 §C.5.21).

use super::*;

#[test]
fn a_query_gets_its_response_with_0211_after_its_identifier() {
    let mut acceptor = established(usual_request());
    for (field, response) in [(0x0020, 0x8020), (0x0010, 0x8010), (0x0021, 0x8021), (0x0140, 0x8140)] {
        let command = CommandSet {
            message_id: Some(3),
            affected_sop_class: Some("1.2.840.10008.5.1.4.1.2.2.1".into()),
            ..CommandSet::new(CommandField(field))
        };
        let seen = play(&mut acceptor, &message(3, &command, Some(&[0; 20])));
        assert_eq!(seen.len(), 1);
        let answer = answers(&mut acceptor).remove(0);
        assert_eq!(answer.field.0, response);
        assert_eq!(answer.status.unwrap().0, 0x0211);
        assert_eq!(answer.message_id_responded_to, Some(3));
        assert_eq!(answer.affected_sop_class.as_deref(), Some("1.2.840.10008.5.1.4.1.2.2.1"));
    }
}

#[test]
fn a_cancel_and_a_stray_response_are_passed_over() {
    let mut acceptor = established(usual_request());
    let cancel =
        CommandSet { message_id_responded_to: Some(3), ..CommandSet::new(CommandField::C_CANCEL_RQ) };
    assert!(play(&mut acceptor, &message(1, &cancel, None)).is_empty());
    let stray = CommandSet { message_id_responded_to: Some(3), ..CommandSet::new(CommandField::C_FIND_RSP) };
    assert!(play(&mut acceptor, &message(1, &stray, Some(&[0; 8]))).is_empty());
    assert!(acceptor.take_output().is_empty());
    assert!(acceptor.is_established());
}
