//! Bytes on the wire, as PS3.8 §9.3 draws them.

use super::*;
use lenticular_dicom::pdu::*;

/// What DCMTK's echoscu sends.
const ECHOSCU: &str = "
    01 00 000000cd  0001 0000
    4c454e544943554c4152202020202020  4543484f534355202020202020202020
    0000000000000000000000000000000000000000000000000000000000000000
    10 00 0015 312e322e3834302e31303030382e332e312e312e31
    20 00 002e 01 00 ff 00
      30 00 0011 312e322e3834302e31303030382e312e31
      40 00 0011 312e322e3834302e31303030382e312e32
    50 00 003a
      51 00 0004 00004000
      52 00 001b 312e322e3237362e302e373233303031302e332e302e332e362e37
      55 00 000f 4f464649535f44434d544b5f333637";

fn read(bytes: &[u8]) -> Result<Pdu, PduError> {
    let mut decoder = PduDecoder::new(Limits::default());
    match decoder.next(bytes)? {
        (used, Some(Part::Pdu(pdu))) if used == bytes.len() => Ok(pdu),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_of_a_real_client_is_understood() {
    let Pdu::AssociateRq(request) = read(&bytes(ECHOSCU)).unwrap() else { panic!("not a request") };
    assert_eq!(request.called_ae, "LENTICULAR");
    assert_eq!(request.calling_ae, "ECHOSCU");
    assert_eq!(request.contexts[0].id, 1);
    assert_eq!(request.contexts[0].abstract_syntax, uids::VERIFICATION);
    assert_eq!(request.contexts[0].transfer_syntaxes, [uids::IMPLICIT_VR_LITTLE_ENDIAN]);
    assert_eq!(request.user.max_length, Some(16384));
    assert_eq!(request.user.implementation_version.as_deref(), Some("OFFIS_DCMTK_367"));
}

#[test]
fn every_item_of_user_information_has_its_bytes() {
    let user = UserInformation {
        max_length: Some(0x40000),
        implementation_class_uid: Some("1.2".into()),
        implementation_version: Some("V1".into()),
        async_window: Some(AsyncWindow { invoked: 1, performed: 5 }),
        roles: vec![RoleSelection { sop_class: "1.3".into(), scu: true, scp: false }],
        extended: vec![ExtendedNegotiation { sop_class: "1.4".into(), information: vec![2, 0, 3] }],
        common_extended: vec![CommonExtendedNegotiation {
            sop_class: "1.5".into(),
            service_class: "1.6".into(),
            related_sop_classes: vec!["1.7".into(), "1.8".into()],
        }],
        user_identity: Some(UserIdentity {
            kind: UserIdentity::USERNAME_AND_PASSCODE,
            positive_response_requested: true,
            primary: b"ann".to_vec(),
            secondary: b"pw".to_vec(),
        }),
        user_identity_response: None,
    };
    assert!(!format!("{user:?}").contains("112, 119"), "no passcode in debug output");
    let request = Pdu::from(AssociateRq { user, contexts: vec![], ..usual_request() });
    let written = wire(&request);
    let expected = "
        51 00 0004 00040000
        52 00 0003 312e32
        53 00 0004 0001 0005
        54 00 0007 0003 312e33 01 00
        55 00 0002 5631
        56 00 0008 0003 312e34 020003
        57 00 0016 0003 312e35 0003 312e36 000a 0003 312e37 0003 312e38
        58 00 000b 02 01 0003 616e6e 0002 7077";
    assert_eq!(hex(&written[written.len() - bytes(expected).len()..]), hex(&bytes(expected)));
    assert_eq!(read(&written), Ok(request));
}

#[test]
fn the_short_pdus_have_ten_bytes() {
    let golden = [
        (Pdu::AssociateRj(Reject::CALLED_AE_NOT_RECOGNIZED), "03 00 00000004 00 01 01 07"),
        (Pdu::ReleaseRq, "05 00 00000004 00000000"),
        (Pdu::ReleaseRp, "06 00 00000004 00000000"),
        (Pdu::Abort(Abort::by_provider(AbortReason::InvalidPduParameter)), "07 00 00000004 0000 02 06"),
    ];
    for (pdu, expected) in golden {
        assert_eq!(hex(&wire(&pdu)), hex(&bytes(expected)));
        assert_eq!(read(&bytes(expected)), Ok(pdu));
    }
}

#[test]
fn data_pdus_may_hold_several_values_of_any_length() {
    let pdu = Pdu::PData(vec![
        Pdv { context_id: 1, command: true, last: true, data: vec![0xAA, 0xBB] },
        Pdv { context_id: 1, command: false, last: false, data: vec![] },
        Pdv { context_id: 1, command: false, last: true, data: vec![0xCC] },
    ]);
    let written = wire(&pdu);
    assert_eq!(
        hex(&written),
        hex(&bytes("04 00 00000015  00000004 01 03 aabb  00000002 01 00  00000003 01 02 cc"))
    );
    let mut decoder = PduDecoder::new(Limits::default());
    let mut rest = &written[..];
    let mut seen = Vec::new();
    while let (used, Some(Part::Data(piece))) = decoder.next(rest).unwrap() {
        rest = &rest[used..];
        seen.push((piece.command, piece.last, piece.complete, piece.data.to_vec()));
    }
    assert_eq!(
        seen,
        [(true, true, true, vec![0xAA, 0xBB]), (false, false, true, vec![]), (false, true, true, vec![0xCC])]
    );
    assert!(decoder.at_boundary());
}

#[test]
fn fragments_lie_in_the_callers_buffer() {
    let sent = fragment(1, false, true, &[7; 1000]);
    let mut decoder = PduDecoder::new(Limits::default());
    let (used, part) = decoder.next(&sent[..500]).unwrap();
    assert_eq!(used, 500);
    let Some(Part::Data(piece)) = part else { panic!("{part:?}") };
    assert_eq!(piece.data.as_ptr(), sent[12..].as_ptr(), "not copied");
    assert!(piece.last && !piece.complete);
}

#[test]
fn a_lying_length_is_refused_from_the_header_alone() {
    let limits = Limits { data: 16384, associate: 1024 };
    for (header, reason) in [
        ("01 00 7fffffff", AbortReason::InvalidPduParameter),
        ("01 00 00000401", AbortReason::InvalidPduParameter),
        ("01 00 00000010", AbortReason::InvalidPduParameter),
        ("04 00 00004001", AbortReason::InvalidPduParameter),
        ("04 00 00000000", AbortReason::InvalidPduParameter),
        ("05 00 00000005", AbortReason::InvalidPduParameter),
        ("07 00 ffffffff", AbortReason::InvalidPduParameter),
        ("09 00 00000004", AbortReason::UnrecognizedPdu),
        ("47 45 54202f20", AbortReason::UnrecognizedPdu),
    ] {
        let error = PduDecoder::new(limits).next(&bytes(header)).unwrap_err();
        assert_eq!(error.abort_reason(), reason, "{header}: {error}");
    }
    for inner in ["00000001 01 03", "00000006 01 03 0000", "00000003 01 03 00 00", "ffffffff 01 03 0000"] {
        let inner = bytes(inner);
        let mut pdu = bytes("04 00 00000008");
        pdu.extend(inner);
        let mut decoder = PduDecoder::new(limits);
        assert!(decoder.next(&pdu).is_err(), "{}", hex(&pdu));
    }
}

#[test]
fn without_a_limit_of_ours_any_data_pdu_is_streamed() {
    let mut decoder = PduDecoder::new(Limits { data: 0, ..Limits::default() });
    let sent = bytes("04 00 ffffffff fffffffb 01 00 0102");
    let (used, part) = decoder.next(&sent).unwrap();
    assert_eq!(used, 14);
    assert!(matches!(part, Some(Part::Data(piece)) if piece.data == [1, 2] && !piece.complete));
}

#[test]
fn broken_items_are_refused() {
    let whole = wire(&usual_request().into());
    for (what, at, value) in [
        ("even context id", 103, 2),
        ("context id twice", 103, 3),
        ("item longer than the PDU", 77, 0xFF),
        ("sub-item longer than its item", 109, 0xFF),
    ] {
        let mut broken = whole.clone();
        broken[at] = value;
        assert!(matches!(read(&broken), Err(PduError::Malformed(_))), "{what}: {:?}", read(&broken));
    }
}

#[test]
fn what_does_not_fit_its_field_is_not_written() {
    let mut out = vec![1, 2, 3];
    let long = AssociateRq { called_ae: "A title of more than 16".into(), ..usual_request() };
    assert_eq!(Pdu::from(long).encode(&mut out), Err(PduError::FieldTooLong("AE title")));
    assert_eq!(out, [1, 2, 3]);
}
