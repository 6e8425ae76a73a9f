//! The body of A-ASSOCIATE-RQ and -AC from bytes (PS3.8 §9.3.2, §9.3.3, Annex D).

use super::*;

/// Reads from the front of a slice; every read is checked against what is there.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], PduError> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(PduError::Malformed(what))?;
        self.rest = rest;
        Ok(head)
    }

    fn u8(&mut self, what: &'static str) -> Result<u8, PduError> {
        Ok(self.take(1, what)?[0])
    }

    fn u16(&mut self, what: &'static str) -> Result<u16, PduError> {
        let bytes = self.take(2, what)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, PduError> {
        let bytes = self.take(4, what)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// A length of two bytes, then that many.
    fn field(&mut self, what: &'static str) -> Result<&'a [u8], PduError> {
        let length = self.u16(what)?;
        self.take(usize::from(length), what)
    }

    /// Item type, and a reader over its value.
    fn item(&mut self) -> Result<Option<(u8, Reader<'a>)>, PduError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let kind = self.u8("item type")?;
        self.u8("item header")?;
        let rest = self.field("item is longer than what holds it")?;
        Ok(Some((kind, Reader { rest })))
    }
}

/// UIDs and AE titles: padding (spaces, and the NUL of peers who pad like a data set) is not part of them.
fn text(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&byte| char::from(byte))
        .collect::<String>()
        .trim_matches(|character| character == ' ' || character == '\0')
        .to_owned()
}

struct Head {
    protocol_version: u16,
    called_ae: String,
    calling_ae: String,
}

fn head(reader: &mut Reader<'_>) -> Result<Head, PduError> {
    const WHAT: &str = "association header";
    let protocol_version = reader.u16(WHAT)?;
    reader.take(2, WHAT)?;
    let called_ae = text(reader.take(16, WHAT)?);
    let calling_ae = text(reader.take(16, WHAT)?);
    reader.take(32, WHAT)?;
    Ok(Head { protocol_version, called_ae, calling_ae })
}

pub(super) fn associate_rq(body: &[u8]) -> Result<AssociateRq, PduError> {
    let mut reader = Reader { rest: body };
    let Head { protocol_version, called_ae, calling_ae } = head(&mut reader)?;
    let mut application_context = String::new();
    let mut contexts: Vec<PresentationContextRq> = Vec::new();
    let mut user = UserInformation::default();
    let mut seen = [false; 256];
    while let Some((kind, item)) = reader.item()? {
        match kind {
            0x10 => application_context = text(item.rest),
            0x20 => {
                let context = presentation_context_rq(item)?;
                claim(&mut seen, context.id)?;
                contexts.push(context);
            }
            0x50 => user = user_information(item)?,
            _ => {}
        }
    }
    Ok(AssociateRq { protocol_version, called_ae, calling_ae, application_context, contexts, user })
}

pub(super) fn associate_ac(body: &[u8]) -> Result<AssociateAc, PduError> {
    let mut reader = Reader { rest: body };
    let Head { protocol_version, called_ae, calling_ae } = head(&mut reader)?;
    let mut application_context = String::new();
    let mut contexts: Vec<PresentationContextAc> = Vec::new();
    let mut user = UserInformation::default();
    let mut seen = [false; 256];
    while let Some((kind, item)) = reader.item()? {
        match kind {
            0x10 => application_context = text(item.rest),
            0x21 => {
                let context = presentation_context_ac(item)?;
                claim(&mut seen, context.id)?;
                contexts.push(context);
            }
            0x50 => user = user_information(item)?,
            _ => {}
        }
    }
    Ok(AssociateAc { protocol_version, called_ae, calling_ae, application_context, contexts, user })
}

/// Context ids are odd and unique, which also bounds their number to 128.
fn claim(seen: &mut [bool; 256], id: u8) -> Result<(), PduError> {
    if id.is_multiple_of(2) {
        return Err(PduError::Malformed("presentation context id is even"));
    }
    if std::mem::replace(&mut seen[usize::from(id)], true) {
        return Err(PduError::Malformed("presentation context id comes twice"));
    }
    Ok(())
}

fn presentation_context_rq(mut reader: Reader<'_>) -> Result<PresentationContextRq, PduError> {
    let id = reader.take(4, "presentation context")?[0];
    let mut abstract_syntax = None;
    let mut transfer_syntaxes = Vec::new();
    while let Some((kind, item)) = reader.item()? {
        match kind {
            0x30 => abstract_syntax = Some(text(item.rest)),
            0x40 => transfer_syntaxes.push(text(item.rest)),
            _ => {}
        }
    }
    let abstract_syntax =
        abstract_syntax.ok_or(PduError::Malformed("presentation context without abstract syntax"))?;
    Ok(PresentationContextRq { id, abstract_syntax, transfer_syntaxes })
}

fn presentation_context_ac(mut reader: Reader<'_>) -> Result<PresentationContextAc, PduError> {
    let head = reader.take(4, "presentation context")?;
    let result =
        ContextResult::from_code(head[2]).ok_or(PduError::Malformed("presentation context result"))?;
    let mut transfer_syntax = String::new();
    while let Some((kind, item)) = reader.item()? {
        if kind == 0x40 {
            transfer_syntax = text(item.rest);
        }
    }
    Ok(PresentationContextAc { id: head[0], result, transfer_syntax })
}

fn user_information(mut reader: Reader<'_>) -> Result<UserInformation, PduError> {
    let mut user = UserInformation::default();
    while let Some((kind, mut item)) = reader.item()? {
        match kind {
            0x51 => user.max_length = Some(item.u32("maximum length")?),
            0x52 => user.implementation_class_uid = Some(text(item.rest)),
            0x53 => {
                let invoked = item.u16("asynchronous operations window")?;
                let performed = item.u16("asynchronous operations window")?;
                user.async_window = Some(AsyncWindow { invoked, performed });
            }
            0x54 => {
                let sop_class = text(item.field("role selection")?);
                let scu = item.u8("role selection")? != 0;
                let scp = item.u8("role selection")? != 0;
                user.roles.push(RoleSelection { sop_class, scu, scp });
            }
            0x55 => user.implementation_version = Some(text(item.rest)),
            0x56 => {
                let sop_class = text(item.field("extended negotiation")?);
                user.extended.push(ExtendedNegotiation { sop_class, information: item.rest.to_vec() });
            }
            0x57 => user.common_extended.push(common_extended(item)?),
            0x58 => {
                let kind = item.u8("user identity")?;
                let positive_response_requested = item.u8("user identity")? != 0;
                let primary = item.field("user identity")?.to_vec();
                let secondary = item.field("user identity")?.to_vec();
                user.user_identity =
                    Some(UserIdentity { kind, positive_response_requested, primary, secondary });
            }
            0x59 => user.user_identity_response = Some(item.field("user identity response")?.to_vec()),
            _ => {}
        }
    }
    Ok(user)
}

fn common_extended(mut item: Reader<'_>) -> Result<CommonExtendedNegotiation, PduError> {
    const WHAT: &str = "common extended negotiation";
    let sop_class = text(item.field(WHAT)?);
    let service_class = text(item.field(WHAT)?);
    let mut related = Reader { rest: item.field(WHAT)? };
    let mut related_sop_classes = Vec::new();
    while !related.rest.is_empty() {
        related_sop_classes.push(text(related.field(WHAT)?));
    }
    Ok(CommonExtendedNegotiation { sop_class, service_class, related_sop_classes })
}
