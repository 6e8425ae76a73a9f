//! Properties: what was written is read; however bytes are cut, the same is seen; no bytes do harm.

use super::*;
use lenticular_dicom::dimse::{Status, fuzz_association};
use lenticular_dicom::pdu::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn uid() -> impl Strategy<Value = String> {
    vec("[0-9]{1,5}", 1..8).prop_map(|parts| parts.join("."))
}

fn title() -> impl Strategy<Value = String> {
    "[A-Z0-9_]{1,16}"
}

prop_compose! {
    fn user()(
        max_length in option::of(any::<u32>()),
        implementation_class_uid in option::of(uid()),
        implementation_version in option::of(title()),
        window in option::of(any::<(u16, u16)>()),
        roles in vec((uid(), any::<bool>(), any::<bool>()), 0..3),
        extended in vec((uid(), vec(any::<u8>(), 0..9)), 0..3),
        common in vec((uid(), uid(), vec(uid(), 0..3)), 0..2),
        identity in option::of((1..=5u8, any::<bool>(), vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..40))),
        user_identity_response in option::of(vec(any::<u8>(), 0..40)),
    ) -> UserInformation {
        UserInformation {
            max_length,
            implementation_class_uid,
            implementation_version,
            async_window: window.map(|(invoked, performed)| AsyncWindow { invoked, performed }),
            roles: roles.into_iter().map(|(sop_class, scu, scp)| RoleSelection { sop_class, scu, scp }).collect(),
            extended: extended
                .into_iter()
                .map(|(sop_class, information)| ExtendedNegotiation { sop_class, information })
                .collect(),
            common_extended: common
                .into_iter()
                .map(|(sop_class, service_class, related_sop_classes)| CommonExtendedNegotiation {
                    sop_class, service_class, related_sop_classes,
                })
                .collect(),
            user_identity: identity.map(|(kind, positive_response_requested, primary, secondary)| UserIdentity {
                kind, positive_response_requested, primary, secondary,
            }),
            user_identity_response,
        }
    }
}

fn pdu() -> impl Strategy<Value = Pdu> {
    let request = (title(), title(), uid(), vec((uid(), vec(uid(), 0..4)), 0..8), user()).prop_map(
        |(called_ae, calling_ae, application_context, contexts, user)| {
            let contexts = contexts.into_iter().zip((1u8..).step_by(2)).map(
                |((abstract_syntax, transfer_syntaxes), id)| PresentationContextRq {
                    id,
                    abstract_syntax,
                    transfer_syntaxes,
                },
            );
            let contexts = contexts.collect();
            Pdu::from(AssociateRq {
                protocol_version: 1,
                called_ae,
                calling_ae,
                application_context,
                contexts,
                user,
            })
        },
    );
    let accept = (title(), title(), vec((0..5u8, uid()), 0..8), user()).prop_map(
        |(called_ae, calling_ae, contexts, user)| {
            let contexts =
                contexts.into_iter().zip((1u8..).step_by(2)).map(|((result, transfer_syntax), id)| {
                    PresentationContextAc {
                        id,
                        result: ContextResult::from_code(result).unwrap(),
                        transfer_syntax,
                    }
                });
            let contexts = contexts.collect();
            Pdu::from(AssociateAc {
                protocol_version: 1,
                called_ae,
                calling_ae,
                application_context: "1.2".into(),
                contexts,
                user,
            })
        },
    );
    prop_oneof![
        request,
        accept,
        any::<(u8, u8, u8)>().prop_map(|(result, source, reason)| Pdu::AssociateRj(Reject {
            result,
            source,
            reason
        })),
        Just(Pdu::ReleaseRq),
        Just(Pdu::ReleaseRp),
        any::<(u8, u8)>().prop_map(|(source, reason)| Pdu::Abort(Abort { source, reason })),
    ]
}

prop_compose! {
    fn command_set()(
        field in any::<u16>(),
        has_data_set in any::<bool>(),
        ids in any::<(Option<u16>, Option<u16>)>(),
        classes in (option::of(uid()), option::of(uid())),
        instances in (option::of(uid()), option::of(uid())),
        numbers in any::<[Option<u16>; 10]>(),
        offending_elements in vec(any::<(u16, u16)>(), 0..4),
        attributes in vec(any::<(u16, u16)>(), 0..4),
        error_comment in option::of("[a-z]{1,64}"),
        titles in (option::of(title()), option::of(title())),
    ) -> CommandSet {
        let [priority, status, error_id, originator, remaining, completed, failed, warning, event, action] = numbers;
        CommandSet {
            field: CommandField(field),
            has_data_set,
            message_id: ids.0,
            message_id_responded_to: ids.1,
            affected_sop_class: classes.0,
            requested_sop_class: classes.1,
            affected_sop_instance: instances.0,
            requested_sop_instance: instances.1,
            priority,
            status: status.map(Status),
            offending_elements,
            error_comment,
            error_id,
            move_destination: titles.0,
            move_originator: titles.1,
            move_originator_message_id: originator,
            remaining_suboperations: remaining,
            completed_suboperations: completed,
            failed_suboperations: failed,
            warning_suboperations: warning,
            event_type: event,
            action_type: action,
            attributes,
        }
    }
}

/// A whole association: request, echoes and stores in pieces, release; `spoil` overwrites one byte.
fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let piece = (any::<bool>(), vec(any::<u8>(), 0..60));
    let object = vec(piece, 1..5);
    (vec(object, 0..4), option::weighted(0.4, any::<(u16, u8)>())).prop_map(|(objects, spoil)| {
        let mut sent = wire(&usual_request().into());
        for (message_id, object) in (1u16..).zip(&objects) {
            let mut set = Vec::new();
            CommandSet { has_data_set: true, ..store_command(message_id) }.encode(&mut set);
            let (head, tail) = set.split_at(usize::from(message_id) * 7);
            sent.extend(fragment(3, true, false, head));
            sent.extend(fragment(3, true, true, tail));
            for (at, (_, data)) in object.iter().enumerate() {
                sent.extend(fragment(3, false, at + 1 == object.len(), data));
            }
        }
        sent.extend(wire(&Pdu::ReleaseRq));
        if let Some((at, value)) = spoil {
            let at = usize::from(at) % sent.len();
            sent[at] = value;
        }
        sent
    })
}

/// What is seen and said when the bytes come in pieces of these lengths (the last one repeats).
fn witness(sent: &[u8], lengths: &[usize]) -> (Vec<String>, Vec<u8>) {
    let mut acceptor = Acceptor::new(AcceptorConfig::default());
    let (mut seen, mut said, mut data) = (Vec::new(), Vec::new(), String::new());
    let mut rest = sent;
    let mut lengths = lengths.iter().copied().chain(std::iter::repeat(*lengths.last().unwrap()));
    while !rest.is_empty() {
        let (mut piece, after) = rest.split_at(lengths.next().unwrap().min(rest.len()));
        rest = after;
        loop {
            let (used, event) = acceptor.receive(piece);
            piece = &piece[used..];
            let Some(event) = event else { break };
            if let Event::StoreData(bytes) = event {
                data += &hex(bytes);
                continue;
            }
            seen.push(format!("{} {event:?}", std::mem::take(&mut data)));
            match event {
                Event::AssociationRequested(_) => drop(acceptor.accept(None).unwrap()),
                Event::StoreEnd { message_id } => {
                    acceptor.respond_store(message_id, Status::SUCCESS).unwrap()
                }
                _ => {}
            }
        }
        said.append(acceptor.output());
    }
    seen.push(format!("{data} {}", acceptor.needs_timer()));
    (seen, said)
}

proptest! {
    #[test]
    fn a_pdu_that_was_written_is_read(pdu in pdu()) {
        let written = wire(&pdu);
        let mut decoder = PduDecoder::new(Limits::default());
        prop_assert_eq!(decoder.next(&written), Ok((written.len(), Some(Part::Pdu(pdu)))));
        prop_assert!(decoder.at_boundary());
    }

    #[test]
    fn a_command_set_that_was_written_is_read(command in command_set()) {
        let mut written = Vec::new();
        command.encode(&mut written);
        prop_assert_eq!(CommandSet::decode(&written), Ok(command));
    }

    #[test]
    fn any_command_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        let _ = CommandSet::decode(&bytes);
    }

    #[test]
    fn however_bytes_are_cut_the_same_is_seen(sent in conversation(), lengths in vec(1..50usize, 1..20)) {
        let whole = witness(&sent, &[sent.len()]);
        prop_assert_eq!(&witness(&sent, &lengths), &whole);
        prop_assert_eq!(&witness(&sent, &[1]), &whole);
    }

    #[test]
    fn any_bytes_after_any_beginning_do_no_harm(
        size in any::<u8>(),
        begun in conversation(),
        keep in any::<u16>(),
        noise in vec(any::<u8>(), 0..300),
    ) {
        let keep = usize::from(keep) % begun.len();
        fuzz_association(&[&[size][..], &begun[..keep], &noise].concat());
        fuzz_association(&[&[size][..], &noise].concat());
    }

    #[test]
    fn a_pdu_cut_or_spoiled_anywhere_is_refused_or_waited_for(pdu in pdu(), at in any::<u16>(), value in any::<u8>()) {
        let mut written = wire(&pdu);
        let at = usize::from(at) % written.len();
        prop_assert_eq!(
            PduDecoder::new(Limits::default()).next(&written[..at]),
            Ok((at, None)),
        );
        written[at] = value;
        let _ = PduDecoder::new(Limits::default()).next(&written);
    }
}
