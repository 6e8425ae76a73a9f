//! The server's side of one association: C-ECHO and C-STORE (PS3.7 §9, PS3.4 Annex A and B).

mod event;

pub use event::{AcceptorConfig, Event, Store, StoreResponse};

use super::association::{Association, CallError, NegotiatedContext, State, Step, Violation};
use super::command::{CommandField, CommandSet, Priority};
use super::message::Received;
use super::negotiation;
use super::status::Status;
use crate::pdu::{Abort, AssociateAc, AssociateRq, ContextResult, Pdu, Reject};
use crate::uids;

#[derive(Debug)]
struct Outstanding {
    context_id: u8,
    message_id: u16,
    sop_class: String,
    sop_instance: String,
}

/// Where the data set that is arriving goes.
#[derive(Debug)]
enum Incoming {
    None,
    /// To the caller.
    Store {
        message_id: u16,
    },
    /// Nowhere; the answer leaves after its last byte.
    Discard {
        context_id: u8,
        answer: Option<Box<CommandSet>>,
    },
}

/// See the [module](super) for the loop around it.
#[derive(Debug)]
pub struct Acceptor {
    config: AcceptorConfig,
    association: Association,
    /// Between request and answer.
    request: Option<Box<AssociateRq>>,
    outstanding: Vec<Outstanding>,
    incoming: Incoming,
}

impl Acceptor {
    pub fn new(config: AcceptorConfig) -> Self {
        let association = Association::new(true, config.max_pdu);
        Self { config, association, request: None, outstanding: Vec::new(), incoming: Incoming::None }
    }

    /// Takes bytes from the front of `bytes`: how many were used, and what they brought. Call again with the rest
    /// until there is no event; then all bytes were used.
    pub fn receive<'a>(&mut self, bytes: &'a [u8]) -> (usize, Option<Event<'a>>) {
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

    fn step<'a>(&mut self, step: Step<'a>) -> Option<Event<'a>> {
        match step {
            Step::Request(request) => Some(self.request(request)),
            Step::Message(Received::Command { context_id, command }) => self.command(context_id, command),
            Step::Message(Received::Data(data)) => {
                matches!(self.incoming, Incoming::Store { .. }).then_some(Event::StoreData(data))
            }
            Step::Message(Received::DataEnd) => self.data_end(),
            Step::ReleaseRequested => {
                self.release_when_idle();
                Some(Event::Released)
            }
            Step::Released => Some(Event::Released),
            Step::Aborted(abort) => Some(Event::Aborted(abort)),
            Step::Violation(violation) => Some(Event::Violation(violation)),
            // The acceptor's states never lead here.
            Step::Accepted(_) | Step::Rejected(_) => None,
        }
    }

    fn request(&mut self, request: Box<AssociateRq>) -> Event<'static> {
        let refusal = if request.protocol_version & 1 == 0 {
            Some(Reject::PROTOCOL_VERSION_NOT_SUPPORTED)
        } else if request.application_context != uids::APPLICATION_CONTEXT {
            Some(Reject::APPLICATION_CONTEXT_NOT_SUPPORTED)
        } else if !self.config.accept_any_called_ae && request.called_ae != self.config.ae_title {
            Some(Reject::CALLED_AE_NOT_RECOGNIZED)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.send_reject(refusal);
            return Event::Rejected(refusal);
        }
        self.request = Some(request.clone());
        Event::AssociationRequested(request)
    }

    /// Accepts the association with what [`negotiate`](super::negotiate) says. `identity_response` answers the
    /// peer's user identity, when that was believed and an answer was asked for (empty but for Kerberos and SAML).
    /// Gives the contexts that were accepted.
    pub fn accept(
        &mut self,
        identity_response: Option<Vec<u8>>,
    ) -> Result<Vec<NegotiatedContext>, CallError> {
        let request = self.request.take().ok_or(CallError::State(self.association.state.name()))?;
        self.association.expect(State::AwaitingAccept)?;
        let contexts = negotiation::negotiate(&request, &self.config);
        let negotiated: Vec<NegotiatedContext> = request
            .contexts
            .iter()
            .zip(&contexts)
            .filter(|(_, answer)| answer.result == ContextResult::Acceptance)
            .map(|(proposed, answer)| NegotiatedContext {
                id: answer.id,
                abstract_syntax: proposed.abstract_syntax.clone(),
                transfer_syntax: answer.transfer_syntax.clone(),
            })
            .collect();
        let accepted = negotiated.iter().map(|context| context.abstract_syntax.as_str()).collect();
        let user = negotiation::user_information(&request, &accepted, &self.config, identity_response);
        let peer_max_length = request.user.max_length;
        let accept = Pdu::from(AssociateAc {
            protocol_version: 1,
            called_ae: request.called_ae,
            calling_ae: request.calling_ae,
            application_context: uids::APPLICATION_CONTEXT.to_owned(),
            contexts,
            user,
        });
        accept.encode(&mut self.association.output)?;
        self.association.establish(negotiated.clone(), peer_max_length);
        Ok(negotiated)
    }

    /// Refuses the association (PS3.8 §9.3.4).
    pub fn reject(&mut self, reject: Reject) -> Result<(), CallError> {
        self.association.expect(State::AwaitingAccept)?;
        self.send_reject(reject);
        Ok(())
    }

    fn send_reject(&mut self, reject: Reject) {
        self.request = None;
        let written = Pdu::AssociateRj(reject).encode(&mut self.association.output);
        debug_assert!(written.is_ok(), "A-ASSOCIATE-RJ has no text");
        self.association.state = State::AwaitingClose;
    }

    fn command(&mut self, context_id: u8, command: Box<CommandSet>) -> Option<Event<'static>> {
        if self.association.state != State::Established {
            // Our release request is under way; no answer may leave any more (PS3.8 AR-6).
            self.discard(context_id, &command, None);
            return None;
        }
        // A response to nothing we asked, or a cancel of what is never pending: no answer exists.
        if command.field.is_response() || command.field == CommandField::C_CANCEL_RQ {
            self.discard(context_id, &command, None);
            return None;
        }
        let Some(message_id) = command.message_id else {
            let missing = super::CommandError::Missing { element: 0x0110 };
            let Step::Violation(violation) = self.association.violate(Violation::Command(missing)) else {
                return None;
            };
            return Some(Event::Violation(violation));
        };
        match command.field {
            CommandField::C_STORE_RQ => Some(self.store(context_id, message_id, command)),
            CommandField::C_ECHO_RQ if self.is_verification(context_id) => {
                let mut answer = command.answer(Status::SUCCESS);
                answer.affected_sop_class = Some(uids::VERIFICATION.to_owned());
                self.discard(context_id, &command, Some(answer));
                Some(Event::Echo { context_id, message_id })
            }
            CommandField::C_ECHO_RQ => {
                Some(self.refuse(context_id, message_id, &command, Status::SOP_CLASS_NOT_SUPPORTED))
            }
            _ => Some(self.refuse(context_id, message_id, &command, Status::UNRECOGNIZED_OPERATION)),
        }
    }

    fn is_verification(&self, context_id: u8) -> bool {
        self.association
            .context(context_id)
            .is_some_and(|context| context.abstract_syntax == uids::VERIFICATION)
    }

    fn store(&mut self, context_id: u8, message_id: u16, mut command: Box<CommandSet>) -> Event<'static> {
        let sop_class = command.affected_sop_class.clone().unwrap_or_default();
        let sop_instance = command.affected_sop_instance.clone().unwrap_or_default();
        let refusal = if self.is_verification(context_id) || !uids::is_plausible_uid(&sop_class) {
            Some(Status::SOP_CLASS_NOT_SUPPORTED)
        } else if !uids::is_plausible_uid(&sop_instance) {
            Some(Status::INVALID_SOP_INSTANCE)
        } else if !command.has_data_set {
            Some(Status::MISTYPED_ARGUMENT)
        } else if self.outstanding.iter().any(|other| other.message_id == message_id) {
            Some(Status::DUPLICATE_INVOCATION)
        } else if self.outstanding.len() >= self.config.max_outstanding.max(1) {
            Some(Status::RESOURCE_LIMITATION)
        } else {
            None
        };
        if let Some(status) = refusal {
            return self.refuse(context_id, message_id, &command, status);
        }
        let transfer_syntax =
            self.association.context(context_id).map(|context| context.transfer_syntax.clone());
        self.outstanding.push(Outstanding {
            context_id,
            message_id,
            sop_class: sop_class.clone(),
            sop_instance: sop_instance.clone(),
        });
        self.incoming = Incoming::Store { message_id };
        Event::StoreBegin(Store {
            context_id,
            message_id,
            transfer_syntax: transfer_syntax.unwrap_or_default(),
            sop_class,
            sop_instance,
            priority: Priority::from_code(command.priority.unwrap_or(0)),
            move_originator: command.move_originator.take(),
            move_originator_message_id: command.move_originator_message_id,
        })
    }

    fn refuse(
        &mut self,
        context_id: u8,
        message_id: u16,
        command: &CommandSet,
        status: Status,
    ) -> Event<'static> {
        self.discard(context_id, command, Some(command.answer(status)));
        Event::Refused { command: command.field, message_id, status }
    }

    /// Answers once the data set, if one follows, has gone by.
    fn discard(&mut self, context_id: u8, command: &CommandSet, answer: Option<CommandSet>) {
        if command.has_data_set {
            self.incoming = Incoming::Discard { context_id, answer: answer.map(Box::new) };
        } else if let Some(answer) = answer {
            self.association.send_command(context_id, &answer);
        }
    }

    fn data_end(&mut self) -> Option<Event<'static>> {
        match std::mem::replace(&mut self.incoming, Incoming::None) {
            Incoming::None => None,
            Incoming::Store { message_id } => Some(Event::StoreEnd { message_id }),
            Incoming::Discard { context_id, answer } => {
                let may_send = self.association.state == State::Established;
                if let Some(answer) = answer.filter(|_| may_send) {
                    self.association.send_command(context_id, &answer);
                }
                None
            }
        }
    }

    /// Answers a C-STORE. Before its [`Event::StoreEnd`], the rest of the data set is skipped without further
    /// events and the answer leaves after it: what to do when the disk is full.
    pub fn respond_store(
        &mut self,
        message_id: u16,
        response: impl Into<StoreResponse>,
    ) -> Result<(), CallError> {
        let at = self
            .outstanding
            .iter()
            .position(|operation| operation.message_id == message_id)
            .ok_or(CallError::NotOutstanding(message_id))?;
        if !matches!(self.association.state, State::Established | State::PeerReleasing) {
            return Err(CallError::State(self.association.state.name()));
        }
        let operation = self.outstanding.remove(at);
        let response = response.into();
        let answer = CommandSet {
            message_id_responded_to: Some(message_id),
            affected_sop_class: Some(operation.sop_class),
            affected_sop_instance: Some(operation.sop_instance),
            status: Some(response.status),
            error_comment: response.error_comment.map(|comment| comment.chars().take(64).collect()),
            offending_elements: response.offending_elements,
            ..CommandSet::new(CommandField::C_STORE_RSP)
        };
        match self.incoming {
            Incoming::Store { message_id: arriving } if arriving == message_id => {
                let context_id = operation.context_id;
                self.incoming = Incoming::Discard { context_id, answer: Some(Box::new(answer)) };
            }
            _ => self.association.send_command(operation.context_id, &answer),
        }
        self.release_when_idle();
        Ok(())
    }

    fn release_when_idle(&mut self) {
        if self.outstanding.is_empty() {
            self.association.answer_release();
        }
    }

    /// How many C-STORE wait for [`Acceptor::respond_store`].
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Asks the peer to release, as a server that shuts down may (PS3.8 §7.2). Not while operations are
    /// outstanding or a data set arrives.
    pub fn release(&mut self) -> Result<(), CallError> {
        if !self.outstanding.is_empty() || !matches!(self.incoming, Incoming::None) {
            return Err(CallError::Outstanding);
        }
        self.association.release()
    }

    /// Aborts the association (PS3.8 §7.3).
    pub fn abort(&mut self) {
        self.association.abort(Abort::BY_USER);
    }

    /// The ARTIM timer fired: the transport is to be closed (AA-2).
    pub fn timer_expired(&mut self) {
        if self.association.needs_timer() {
            self.association.state = State::Closed;
        }
    }

    /// The peer closed the transport. An event, if the association was still open.
    pub fn transport_closed(&mut self) -> Option<Event<'static>> {
        self.association.transport_closed().then_some(Event::Aborted(Abort { source: 2, reason: 0 }))
    }

    /// Whether the ARTIM timer is to run: before the request, and while the peer is to close.
    pub fn needs_timer(&self) -> bool {
        self.association.needs_timer()
    }

    /// Write what is in the output, then close the transport.
    pub fn is_closed(&self) -> bool {
        self.association.state == State::Closed
    }

    /// The association was accepted and has not ended.
    pub fn is_established(&self) -> bool {
        self.association.state == State::Established
    }

    /// What is to be written; the buffer is then empty.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.association.output)
    }

    /// The same buffer, for callers who keep its memory: write it, then `clear()` it.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.association.output
    }
}

/// Feeds `bytes` and answers everything, for [`fuzz_association`](super::fuzz_association).
pub(super) fn drive(acceptor: &mut Acceptor, mut bytes: &[u8]) {
    loop {
        let (used, event) = acceptor.receive(bytes);
        bytes = &bytes[used..];
        match event {
            None => break,
            Some(Event::AssociationRequested(_)) => drop(acceptor.accept(None)),
            Some(Event::StoreEnd { message_id }) => drop(acceptor.respond_store(message_id, Status::SUCCESS)),
            Some(_) => {}
        }
        acceptor.output().clear();
    }
}
