//! PDUs to bytes (PS3.8 §9.3).

use super::*;

impl Pdu {
    /// Appends the PDU to `out`. Fails only where a field is longer than its length can say; `out` is then
    /// as it was.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), PduError> {
        let start = out.len();
        let written = self.encode_body(out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn encode_body(&self, out: &mut Vec<u8>) -> Result<(), PduError> {
        match self {
            Self::AssociateRq(request) => pdu(out, kind::ASSOCIATE_RQ, |out| {
                head(out, request.protocol_version, &request.called_ae, &request.calling_ae)?;
                item(out, 0x10, |out| text(out, &request.application_context))?;
                for context in &request.contexts {
                    item(out, 0x20, |out| {
                        out.extend([context.id, 0, 0, 0]);
                        item(out, 0x30, |out| text(out, &context.abstract_syntax))?;
                        context
                            .transfer_syntaxes
                            .iter()
                            .try_for_each(|syntax| item(out, 0x40, |out| text(out, syntax)))
                    })?;
                }
                item(out, 0x50, |out| user_information(out, &request.user))
            }),
            Self::AssociateAc(accept) => pdu(out, kind::ASSOCIATE_AC, |out| {
                head(out, accept.protocol_version, &accept.called_ae, &accept.calling_ae)?;
                item(out, 0x10, |out| text(out, &accept.application_context))?;
                for context in &accept.contexts {
                    item(out, 0x21, |out| {
                        out.extend([context.id, 0, context.result.code(), 0]);
                        item(out, 0x40, |out| text(out, &context.transfer_syntax))
                    })?;
                }
                item(out, 0x50, |out| user_information(out, &accept.user))
            }),
            Self::AssociateRj(reject) => {
                short(out, kind::ASSOCIATE_RJ, [0, reject.result, reject.source, reject.reason]);
                Ok(())
            }
            Self::PData(values) => pdu(out, kind::P_DATA, |out| {
                for value in values {
                    let length = u32::try_from(value.data.len())
                        .ok()
                        .and_then(|length| length.checked_add(2))
                        .ok_or(PduError::FieldTooLong("presentation data value"))?;
                    out.extend(length.to_be_bytes());
                    out.extend([value.context_id, u8::from(value.command) | (u8::from(value.last) << 1)]);
                    out.extend_from_slice(&value.data);
                }
                Ok(())
            }),
            Self::ReleaseRq => {
                short(out, kind::RELEASE_RQ, [0; 4]);
                Ok(())
            }
            Self::ReleaseRp => {
                short(out, kind::RELEASE_RP, [0; 4]);
                Ok(())
            }
            Self::Abort(abort) => {
                short(out, kind::ABORT, [0, 0, abort.source, abort.reason]);
                Ok(())
            }
        }
    }
}

type Written = Result<(), PduError>;

fn short(out: &mut Vec<u8>, kind: u8, body: [u8; 4]) {
    out.extend([kind, 0, 0, 0, 0, 4]);
    out.extend(body);
}

fn pdu(out: &mut Vec<u8>, kind: u8, body: impl FnOnce(&mut Vec<u8>) -> Written) -> Written {
    out.extend([kind, 0, 0, 0, 0, 0]);
    let start = out.len();
    body(out)?;
    let length = u32::try_from(out.len() - start).map_err(|_| PduError::FieldTooLong("PDU"))?;
    out[start - 4..start].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn item(out: &mut Vec<u8>, kind: u8, body: impl FnOnce(&mut Vec<u8>) -> Written) -> Written {
    out.extend([kind, 0]);
    field(out, "item", body)
}

/// A length of two bytes, then the field.
fn field(out: &mut Vec<u8>, what: &'static str, body: impl FnOnce(&mut Vec<u8>) -> Written) -> Written {
    out.extend([0, 0]);
    let start = out.len();
    body(out)?;
    let length = u16::try_from(out.len() - start).map_err(|_| PduError::FieldTooLong(what))?;
    out[start - 2..start].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Text of ISO 646; a character beyond ISO 8859-1 becomes a question mark.
fn text(out: &mut Vec<u8>, text: &str) -> Written {
    out.extend(text.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')));
    Ok(())
}

fn ae_title(out: &mut Vec<u8>, title: &str) -> Written {
    let start = out.len();
    text(out, title)?;
    if out.len() - start > 16 {
        return Err(PduError::FieldTooLong("AE title"));
    }
    out.resize(start + 16, b' ');
    Ok(())
}

fn head(out: &mut Vec<u8>, protocol_version: u16, called_ae: &str, calling_ae: &str) -> Written {
    out.extend(protocol_version.to_be_bytes());
    out.extend([0, 0]);
    ae_title(out, called_ae)?;
    ae_title(out, calling_ae)?;
    out.extend([0; 32]);
    Ok(())
}

fn user_information(out: &mut Vec<u8>, user: &UserInformation) -> Written {
    if let Some(length) = user.max_length {
        item(out, 0x51, |out| {
            out.extend(length.to_be_bytes());
            Ok(())
        })?;
    }
    if let Some(uid) = &user.implementation_class_uid {
        item(out, 0x52, |out| text(out, uid))?;
    }
    if let Some(window) = user.async_window {
        item(out, 0x53, |out| {
            out.extend(window.invoked.to_be_bytes());
            out.extend(window.performed.to_be_bytes());
            Ok(())
        })?;
    }
    for role in &user.roles {
        item(out, 0x54, |out| {
            field(out, "SOP class", |out| text(out, &role.sop_class))?;
            out.extend([u8::from(role.scu), u8::from(role.scp)]);
            Ok(())
        })?;
    }
    if let Some(version) = &user.implementation_version {
        item(out, 0x55, |out| text(out, version))?;
    }
    for extended in &user.extended {
        item(out, 0x56, |out| {
            field(out, "SOP class", |out| text(out, &extended.sop_class))?;
            out.extend_from_slice(&extended.information);
            Ok(())
        })?;
    }
    for common in &user.common_extended {
        item(out, 0x57, |out| {
            field(out, "SOP class", |out| text(out, &common.sop_class))?;
            field(out, "service class", |out| text(out, &common.service_class))?;
            field(out, "related SOP classes", |out| {
                common
                    .related_sop_classes
                    .iter()
                    .try_for_each(|uid| field(out, "SOP class", |out| text(out, uid)))
            })
        })?;
    }
    if let Some(identity) = &user.user_identity {
        item(out, 0x58, |out| {
            out.extend([identity.kind, u8::from(identity.positive_response_requested)]);
            bytes(out, &identity.primary)?;
            bytes(out, &identity.secondary)
        })?;
    }
    if let Some(response) = &user.user_identity_response {
        item(out, 0x59, |out| bytes(out, response))?;
    }
    Ok(())
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) -> Written {
    field(out, "user identity", |out| {
        out.extend_from_slice(bytes);
        Ok(())
    })
}
