//! Which proposed presentation contexts we take (PS3.8 §7.1.1.13, PS3.4 §B.3).

use std::collections::BTreeSet;

use super::AcceptorConfig;
use crate::pdu::{
    AssociateRq, AsyncWindow, ContextResult, ExtendedNegotiation, PresentationContextAc,
    PresentationContextRq, RoleSelection, UserInformation,
};
use crate::uids;

/// PS3.4 Table B.3-2: storage level 2 (all elements kept), signature level 3 (bit preserving), no coercion.
const STORAGE_EXTENDED_NEGOTIATION: [u8; 6] = [2, 0, 3, 0, 0, 0];

/// One result per proposed context, in the order of the proposal. The first proposed transfer syntax that can
/// be stored is taken, so that nothing needs to be converted on either side.
pub fn negotiate(request: &AssociateRq, config: &AcceptorConfig) -> Vec<PresentationContextAc> {
    request.contexts.iter().map(|context| negotiate_context(context, request, config)).collect()
}

fn negotiate_context(
    context: &PresentationContextRq,
    request: &AssociateRq,
    config: &AcceptorConfig,
) -> PresentationContextAc {
    let acceptable = |syntax: &&String| {
        uids::transfer_syntax(syntax).is_some()
            || (config.accept_unknown_transfer_syntaxes
                && uids::is_plausible_uid(syntax)
                && uids::is_storable_transfer_syntax(syntax))
    };
    let chosen = context.transfer_syntaxes.iter().find(acceptable);
    let result = if !takes_abstract_syntax(&context.abstract_syntax, config) {
        ContextResult::AbstractSyntaxNotSupported
    } else if !peer_is_scu(context, request) {
        ContextResult::UserRejection
    } else if chosen.is_none() {
        ContextResult::TransferSyntaxesNotSupported
    } else {
        ContextResult::Acceptance
    };
    // Of no meaning where the context is refused, but there has to be one.
    let transfer_syntax = chosen.map_or(uids::IMPLICIT_VR_LITTLE_ENDIAN, String::as_str).to_owned();
    PresentationContextAc { id: context.id, result, transfer_syntax }
}

fn takes_abstract_syntax(uid: &str, config: &AcceptorConfig) -> bool {
    uid == uids::VERIFICATION
        || uids::storage_sop_class(uid).is_some()
        || (config.accept_unknown_sop_classes && uids::is_plausible_uid(uid) && !uids::is_other_service(uid))
}

/// Whether the peer keeps the role of the client. Without role selection it does.
fn peer_is_scu(context: &PresentationContextRq, request: &AssociateRq) -> bool {
    request
        .user
        .roles
        .iter()
        .find(|role| role.sop_class == context.abstract_syntax)
        .is_none_or(|role| role.scu)
}

/// Our half of the user information. `accepted` are the abstract syntaxes that we took: only for those do we answer
/// role selection and extended negotiation, so that the answer stays small whatever was proposed.
pub(super) fn user_information(
    request: &AssociateRq,
    accepted: &BTreeSet<&str>,
    config: &AcceptorConfig,
    identity_response: Option<Vec<u8>>,
) -> UserInformation {
    let roles = accepted
        .iter()
        .filter_map(|&uid| request.user.roles.iter().find(|role| role.sop_class == uid))
        .map(|role| RoleSelection { sop_class: role.sop_class.clone(), scu: role.scu, scp: false })
        .collect();
    let extended = accepted
        .iter()
        .filter(|&&uid| uids::storage_sop_class(uid).is_some())
        .filter_map(|&uid| request.user.extended.iter().find(|extended| extended.sop_class == uid))
        .map(|extended| ExtendedNegotiation {
            sop_class: extended.sop_class.clone(),
            information: STORAGE_EXTENDED_NEGOTIATION.to_vec(),
        })
        .collect();
    let wants_response =
        request.user.user_identity.as_ref().is_some_and(|identity| identity.positive_response_requested);
    UserInformation {
        max_length: Some(config.max_pdu),
        implementation_class_uid: Some(config.implementation_class_uid.clone()),
        implementation_version: Some(config.implementation_version.clone()),
        async_window: request.user.async_window.map(|_| AsyncWindow { invoked: 1, performed: 1 }),
        roles,
        extended,
        user_identity_response: identity_response.filter(|_| wants_response),
        ..UserInformation::default()
    }
}
