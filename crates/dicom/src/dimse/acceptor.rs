//! The server's side of one association: C-ECHO and C-STORE (PS3.7 §9, PS3.4 Annex A and B).

use super::association::{Association, CallError, NegotiatedContext, State, Step, Violation};
use super::command::{CommandField, CommandSet, Priority};
use super::message::Received;
use super::negotiation;
use super::status::Status;
use crate::pdu::{Abort, AssociateAc, AssociateRq, ContextResult, DEFAULT_MAX_PDU, Pdu, Reject};
use crate::uids;

/// What an [`Acceptor`] takes and says.
#[derive(Debug, Clone)]
pub struct AcceptorConfig {
    /// Our AE title, at most 16 characters.
    pub ae_title: String,
    /// Take associations that call another title.
    pub accept_any_called_ae: bool,
    /// The longest P-DATA-TF we take, header excluded, in bytes; 0 is without limit (it is streamed either way).
    pub max_pdu: u32,
    /// How many C-STORE may wait for [`Acceptor::respond_store`]. We negotiate 1; a peer that sends ahead
    /// regardless is served up to this number, then gets 0213H.
    pub max_outstanding: usize,
    /// Take storage SOP Classes that are not registered: private ones, and those newer than our table.
    pub accept_unknown_sop_classes: bool,
    /// The same for transfer syntaxes.
    pub accept_unknown_transfer_syntaxes: bool,
    pub implementation_class_uid: String,
    /// At most 16 characters.
    pub implementation_version: String,
}

impl Default for AcceptorConfig {
    fn default() -> Self {
        Self {
            ae_title: "LENTICULAR".to_owned(),
            accept_any_called_ae: false,
            max_pdu: DEFAULT_MAX_PDU,
            max_outstanding: 16,
            accept_unknown_sop_classes: true,
            accept_unknown_transfer_syntaxes: true,
            implementation_class_uid: super::IMPLEMENTATION_CLASS_UID.to_owned(),
            implementation_version: super::IMPLEMENTATION_VERSION.to_owned(),
        }
    }
}

/// What the peer did. Data borrows from the bytes given to [`Acceptor::receive`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// Answer with [`Acceptor::accept`] or [`Acceptor::reject`]. Requests that call another AE, application
    /// context or protocol version never come here: they give [`Event::Rejected`].
    AssociationRequested(Box<AssociateRq>),
    /// We refused the request ourselves; the answer is in the output.
    Rejected(Reject),
    /// C-ECHO; success is already in the output.
    Echo { context_id: u8, message_id: u16 },
    /// A C-STORE begins; its data set follows as [`Event::StoreData`].
    StoreBegin(Store),
    /// The next bytes of the data set, in its transfer syntax, never empty. Patients are named in it: not for logs.
    StoreData(&'a [u8]),
    /// The data set is complete: answer with [`Acceptor::respond_store`].
    StoreEnd { message_id: u16 },
    /// An operation that was refused; the answer is in the output.
    Refused { command: CommandField, message_id: u16, status: Status },
    /// The peer asked for release, or answered ours; nothing more comes. The answer leaves as soon as all
    /// outstanding operations are answered.
    Released,
    /// The peer aborted, or its connection broke (then as by the provider, without a reason). What was not
    /// answered is lost.
    Aborted(Abort),
    /// The peer broke the protocol; our A-ABORT is in the output.
    Violation(Violation),
}

/// A C-STORE-RQ (PS3.7 §9.3.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    pub context_id: u8,
    pub message_id: u16,
    /// Of the presentation context, and so of the data set that follows.
    pub transfer_syntax: String,
    /// As the command says; the data set may say otherwise.
    pub sop_class: String,
    pub sop_instance: String,
    pub priority: Priority,
    pub move_originator: Option<String>,
    pub move_originator_message_id: Option<u16>,
}

/// The answer to a C-STORE (PS3.7 §9.3.1.2, PS3.4 §B.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreResponse {
    pub status: Status,
    /// Cut after 64 characters. No names, no dates of birth: it ends in the peer's log.
    pub error_comment: Option<String>,
    /// Tags as group and element.
    pub offending_elements: Vec<(u16, u16)>,
}

impl From<Status> for StoreResponse {
    fn from(status: Status) -> Self {
        Self { status, error_comment: None, offending_elements: Vec::new() }
    }
}

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
