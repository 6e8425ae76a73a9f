//! C-ECHO (PS3.7 §9.3.5).

use super::*;

fn echo(message_id: u16) -> CommandSet {
    CommandSet {
        message_id: Some(message_id),
        affected_sop_class: Some(uids::VERIFICATION.into()),
        ..CommandSet::new(CommandField::C_ECHO_RQ)
    }
}

#[test]
fn an_echo_is_answered_byte_for_byte() {
    let mut acceptor = established(usual_request());
    let seen = play(&mut acceptor, &message(1, &echo(7), None));
    assert_eq!(seen, ["Echo { context_id: 1, message_id: 7 }"]);
    let expected = "
        04 00 00000054  00000050 01 03
        0000 0000 04000000 42000000
        0000 0200 12000000 312e322e3834302e31303030382e312e3100
        0000 0001 02000000 3080
        0000 2001 02000000 0700
        0000 0008 02000000 0101
        0000 0009 02000000 0000";
    assert_eq!(hex(&acceptor.take_output()), hex(&bytes(expected)));
}

#[test]
fn echoes_sent_ahead_are_all_answered_in_order() {
    let mut acceptor = established(usual_request());
    let ahead: Vec<u8> = (1..=50).flat_map(|message_id| message(1, &echo(message_id), None)).collect();
    assert_eq!(play(&mut acceptor, &ahead).len(), 50);
    let ids: Vec<_> = answers(&mut acceptor).iter().map(|answer| answer.message_id_responded_to).collect();
    assert_eq!(ids, (1..=50).map(Some).collect::<Vec<_>>());
}

#[test]
fn an_echo_on_a_storage_context_is_refused() {
    let mut acceptor = established(usual_request());
    play(&mut acceptor, &message(3, &echo(1), None));
    assert_eq!(answers(&mut acceptor)[0].status.unwrap().0, 0x0122);
}
