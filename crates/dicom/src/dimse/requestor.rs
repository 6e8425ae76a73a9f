//! The client's side of one association: C-ECHO and C-STORE.

use super::association::{Association, CallError, NegotiatedContext, State, Step, Violation};
use super::command::{CommandField, CommandSet, Priority};
use super::message::Received;
use super::status::Status;
use crate::pdu::{
    Abort, AssociateAc, AssociateRq, AsyncWindow, ContextResult, DATA_HEADER, DEFAULT_MAX_PDU, Pdu,
    PresentationContextRq, Reject, UserIdentity, UserInformation, data_header,
};
use crate::uids;

/// A presentation context to propose; its id follows from its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedContext {
    pub abstract_syntax: String,
    /// In order of preference.
    pub transfer_syntaxes: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct RequestorConfig {
    pub calling_ae: String,
    pub called_ae: String,
    /// 1 to 128; they get the ids 1, 3, 5, …
    pub contexts: Vec<ProposedContext>,
    pub max_pdu: u32,
    pub async_window: Option<AsyncWindow>,
    pub user_identity: Option<UserIdentity>,
    pub implementation_class_uid: String,
    pub implementation_version: String,
}

impl Default for RequestorConfig {
    fn default() -> Self {
        Self {
            calling_ae: "LENTICULAR".to_owned(),
            called_ae: "ANY-SCP".to_owned(),
            contexts: vec![ProposedContext {
                abstract_syntax: uids::VERIFICATION.to_owned(),
                transfer_syntaxes: vec![uids::IMPLICIT_VR_LITTLE_ENDIAN.to_owned()],
            }],
            max_pdu: DEFAULT_MAX_PDU,
            async_window: None,
            user_identity: None,
            implementation_class_uid: super::IMPLEMENTATION_CLASS_UID.to_owned(),
            implementation_version: super::IMPLEMENTATION_VERSION.to_owned(),
        }
    }
}

/// What the peer answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestorEvent<'a> {
    /// The association stands; [`Requestor::contexts`] says which contexts were accepted.
    Accepted(Box<AssociateAc>),
    Rejected(Reject),
    /// A response: to a C-ECHO, to a C-STORE, …
    Response {
        message_id: u16,
        status: Status,
        command: Box<CommandSet>,
    },
    /// The data set of a response, as it arrives.
    ResponseData(&'a [u8]),
    ResponseDataEnd,
    /// The association is over in good order.
    Released,
    Aborted(Abort),
    Violation(Violation),
}

/// What [`Requestor::store`] sends before the data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreRequest {
    pub context_id: u8,
    pub sop_class: String,
    pub sop_instance: String,
    pub priority: Priority,
    /// AE title and message id of the C-MOVE that caused this.
    pub move_originator: Option<(String, u16)>,
}

/// A P-DATA-TF to write: the header, then `length` bytes of the data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataPdu {
    pub header: [u8; DATA_HEADER],
    pub length: usize,
}

/// The largest piece we send to a peer without limit, in bytes.
const LARGEST_FRAGMENT: usize = 128 * 1024;

/// See the [module](super) for the loop around it. Its first output is the association request.
#[derive(Debug)]
pub struct Requestor {
    association: Association,
    proposed: Vec<PresentationContextRq>,
    last_message_id: u16,
    outstanding: Vec<u16>,
    /// The context of the data set that is being sent.
    sending: Option<u8>,
    /// A byte of it that waits for another.
    odd: Option<u8>,
}

impl Requestor {
    /// Fails when a title, a UID or the number of contexts does not fit the request.
    pub fn new(config: RequestorConfig) -> Result<Self, CallError> {
        if config.contexts.is_empty() || config.contexts.len() > 128 {
            return Err(CallError::Pdu(crate::pdu::PduError::FieldTooLong("list of presentation contexts")));
        }
        let mut association = Association::new(false, config.max_pdu);
        let proposed: Vec<PresentationContextRq> = (1..=255u8)
            .step_by(2)
            .zip(config.contexts)
            .map(|(id, context)| PresentationContextRq {
                id,
                abstract_syntax: context.abstract_syntax,
                transfer_syntaxes: context.transfer_syntaxes,
            })
            .collect();
        let request = Pdu::from(AssociateRq {
            protocol_version: 1,
            called_ae: config.called_ae,
            calling_ae: config.calling_ae,
            application_context: uids::APPLICATION_CONTEXT.to_owned(),
            contexts: proposed.clone(),
            user: UserInformation {
                max_length: Some(config.max_pdu),
                implementation_class_uid: Some(config.implementation_class_uid),
                implementation_version: Some(config.implementation_version),
                async_window: config.async_window,
                user_identity: config.user_identity,
                ..UserInformation::default()
            },
        });
        request.encode(&mut association.output)?;
        Ok(Self {
            association,
            proposed,
            last_message_id: 0,
            outstanding: Vec::new(),
            sending: None,
            odd: None,
        })
    }

    /// As [`Acceptor::receive`](super::Acceptor::receive).
    pub fn receive<'a>(&mut self, bytes: &'a [u8]) -> (usize, Option<RequestorEvent<'a>>) {
        let mut used = 0;
        loop {
            let (taken, step) = self.association.receive(&bytes[used..]);
            used += taken;
            let Some(step) = step else { return (used, None) };
            if let Some(event) = self.step(step) {
                return (used, Some(event));
            }
        }
    }

    fn step<'a>(&mut self, step: Step<'a>) -> Option<RequestorEvent<'a>> {
        match step {
            Step::Accepted(accept) => Some(self.accepted(accept)),
            Step::Rejected(reject) => Some(RequestorEvent::Rejected(reject)),
            Step::Message(Received::Command { context_id, command }) => self.command(context_id, command),
            Step::Message(Received::Data(data)) => Some(RequestorEvent::ResponseData(data)),
            Step::Message(Received::DataEnd) => Some(RequestorEvent::ResponseDataEnd),
            Step::ReleaseRequested => {
                self.association.answer_release();
                Some(RequestorEvent::Released)
            }
            Step::Released => Some(RequestorEvent::Released),
            Step::Aborted(abort) => Some(RequestorEvent::Aborted(abort)),
            Step::Violation(violation) => Some(RequestorEvent::Violation(violation)),
            // The requestor's states never lead here.
            Step::Request(_) => None,
        }
    }

    /// Keeps the accepted contexts that were proposed with that transfer syntax.
    fn accepted(&mut self, accept: Box<AssociateAc>) -> RequestorEvent<'static> {
        let contexts = accept
            .contexts
            .iter()
            .filter(|answer| answer.result == ContextResult::Acceptance)
            .filter_map(|answer| {
                let proposed = self.proposed.iter().find(|proposed| proposed.id == answer.id)?;
                proposed.transfer_syntaxes.contains(&answer.transfer_syntax).then(|| NegotiatedContext {
                    id: answer.id,
                    abstract_syntax: proposed.abstract_syntax.clone(),
                    transfer_syntax: answer.transfer_syntax.clone(),
                })
            })
            .collect();
        self.association.establish(contexts, accept.user.max_length);
        RequestorEvent::Accepted(accept)
    }

    fn command(&mut self, context_id: u8, command: Box<CommandSet>) -> Option<RequestorEvent<'static>> {
        if !command.field.is_response() {
            let may_send = self.association.state == State::Established && self.sending.is_none();
            if may_send && command.message_id.is_some() {
                self.association.send_command(context_id, &command.answer(Status::UNRECOGNIZED_OPERATION));
            }
            return None;
        }
        let (message_id, status) = (command.message_id_responded_to?, command.status?);
        let at = self.outstanding.iter().position(|&open| open == message_id)?;
        if status.class() != super::StatusClass::Pending {
            self.outstanding.remove(at);
        }
        Some(RequestorEvent::Response { message_id, status, command })
    }

    /// The contexts that were accepted.
    pub fn contexts(&self) -> impl Iterator<Item = &NegotiatedContext> {
        self.association.contexts()
    }

    /// The id of the accepted context for a SOP Class in a transfer syntax.
    pub fn context_for(&self, sop_class: &str, transfer_syntax: &str) -> Option<u8> {
        self.contexts()
            .find(|context| {
                context.abstract_syntax == sop_class && context.transfer_syntax == transfer_syntax
            })
            .map(|context| context.id)
    }

    fn begin(&mut self, context_id: u8) -> Result<u16, CallError> {
        self.association.expect(State::Established)?;
        if self.sending.is_some() {
            return Err(CallError::DataSetOpen);
        }
        if self.association.context(context_id).is_none() {
            return Err(CallError::Context(context_id));
        }
        self.last_message_id = self.last_message_id.checked_add(1).unwrap_or(1);
        self.outstanding.push(self.last_message_id);
        Ok(self.last_message_id)
    }

    /// Sends a C-ECHO (PS3.7 §9.3.5); gives its message id.
    pub fn echo(&mut self, context_id: u8) -> Result<u16, CallError> {
        let message_id = self.begin(context_id)?;
        let command = CommandSet {
            message_id: Some(message_id),
            affected_sop_class: Some(uids::VERIFICATION.to_owned()),
            ..CommandSet::new(CommandField::C_ECHO_RQ)
        };
        self.association.send_command(context_id, &command);
        Ok(message_id)
    }

    /// Begins a C-STORE (PS3.7 §9.3.1); gives its message id. The data set follows by [`Requestor::send_data`]
    /// or [`Requestor::data_pdu`], in the transfer syntax of the context.
    pub fn store(&mut self, request: StoreRequest) -> Result<u16, CallError> {
        let message_id = self.begin(request.context_id)?;
        let (move_originator, move_originator_message_id) = request.move_originator.unzip();
        let command = CommandSet {
            has_data_set: true,
            message_id: Some(message_id),
            affected_sop_class: Some(request.sop_class),
            affected_sop_instance: Some(request.sop_instance),
            priority: Some(request.priority as u16),
            move_originator,
            move_originator_message_id,
            ..CommandSet::new(CommandField::C_STORE_RQ)
        };
        self.association.send_command(request.context_id, &command);
        self.sending = Some(request.context_id);
        self.odd = None;
        Ok(message_id)
    }

    /// The next PDU of the data set, without copying: write the output, then the header, then the first
    /// `length` of the `available` bytes. With `last`, these are the data set's last; the data set ends with the PDU
    /// that takes them all. `None`: too little for a fragment, which is even but for the last (PS3.8 §E.2); come
    /// again with more.
    pub fn data_pdu(&mut self, available: usize, last: bool) -> Result<Option<DataPdu>, CallError> {
        self.association.expect(State::Established)?;
        let context_id = self.sending.ok_or(CallError::NoDataSet)?;
        let most = available.min(self.association.max_fragment()).min(LARGEST_FRAGMENT);
        let ends = last && most == available;
        let length = if ends { most } else { most & !1 };
        if length == 0 && !ends {
            return Ok(None);
        }
        if ends {
            self.sending = None;
        }
        Ok(Some(DataPdu { header: data_header(context_id, false, ends, length as u32), length }))
    }

    /// Appends a piece of the data set to the output, in as many PDUs as it takes. The odd byte of a piece
    /// waits for the next piece.
    pub fn send_data(&mut self, bytes: &[u8], last: bool) -> Result<(), CallError> {
        let mut rest = bytes;
        if let Some(odd) = self.odd {
            let Some((&next, after)) = bytes.split_first() else {
                return if last { self.push_data(&[odd], true).map(drop) } else { Ok(()) };
            };
            self.push_data(&[odd, next], last && after.is_empty())?;
            self.odd = None;
            rest = after;
        }
        while !rest.is_empty() || (last && self.sending.is_some()) {
            let length = self.push_data(rest, last)?;
            if length == 0 && !last {
                self.odd = rest.first().copied();
                break;
            }
            rest = &rest[length..];
        }
        Ok(())
    }

    fn push_data(&mut self, bytes: &[u8], last: bool) -> Result<usize, CallError> {
        let Some(DataPdu { header, length }) = self.data_pdu(bytes.len(), last)? else { return Ok(0) };
        self.association.output.extend(header);
        self.association.output.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    /// How many operations wait for their final response.
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Asks for release (PS3.8 §7.2), when all operations are answered.
    pub fn release(&mut self) -> Result<(), CallError> {
        if !self.outstanding.is_empty() {
            return Err(CallError::Outstanding);
        }
        self.association.release()
    }

    pub fn abort(&mut self) {
        self.association.abort(Abort::BY_USER);
    }

    /// As [`Acceptor::timer_expired`](super::Acceptor::timer_expired).
    pub fn timer_expired(&mut self) {
        if self.association.needs_timer() {
            self.association.state = State::Closed;
        }
    }

    /// As [`Acceptor::transport_closed`](super::Acceptor::transport_closed).
    pub fn transport_closed(&mut self) -> Option<RequestorEvent<'static>> {
        self.association.transport_closed().then_some(RequestorEvent::Aborted(Abort { source: 2, reason: 0 }))
    }

    pub fn needs_timer(&self) -> bool {
        self.association.needs_timer()
    }

    pub fn is_closed(&self) -> bool {
        self.association.state == State::Closed
    }

    pub fn is_established(&self) -> bool {
        self.association.state == State::Established
    }

    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.association.output)
    }

    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.association.output
    }
}

/// Feeds `bytes`, for [`fuzz_association`](super::fuzz_association).
pub(super) fn drive(requestor: &mut Requestor, mut bytes: &[u8]) {
    loop {
        let (used, event) = requestor.receive(bytes);
        bytes = &bytes[used..];
        if event.is_none() {
            break;
        }
        if requestor.is_established() && requestor.outstanding() < 4 {
            let context_id = requestor.contexts().next().map(|context| context.id);
            if let Some(context_id) = context_id {
                drop(requestor.echo(context_id));
            }
        }
        requestor.output().clear();
    }
}
