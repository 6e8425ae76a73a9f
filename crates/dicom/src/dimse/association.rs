//! The state machine of PS3.8 §9.2, for both sides of an association. States carry the standard's numbers.

use super::command::{CommandError, CommandSet};
use super::message::{MessageReader, Received};
use crate::pdu::{
    Abort, AbortReason, AssociateAc, AssociateRq, DATA_HEADER, Limits, Part, Pdu, PduDecoder, PduError,
    Reject, data_header,
};

/// How the peer broke the protocol. The A-ABORT that answers it is already in the output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error(transparent)]
    Pdu(#[from] PduError),
    #[error("{pdu} while {state}")]
    Unexpected { pdu: &'static str, state: &'static str },
    #[error("presentation context {0} was not accepted")]
    Context(u8),
    #[error("{0}")]
    Message(&'static str),
    #[error(transparent)]
    Command(CommandError),
}

impl Violation {
    /// PS3.8 §9.3.8: what is wrong with a PDU is the provider's abort; what is wrong with a DIMSE message, the user's.
    pub fn abort(&self) -> Abort {
        match self {
            Self::Pdu(error) => Abort::by_provider(error.abort_reason()),
            Self::Unexpected { .. } => Abort::by_provider(AbortReason::UnexpectedPdu),
            Self::Context(_) => Abort::by_provider(AbortReason::InvalidPduParameter),
            Self::Message(_) | Self::Command(_) => Abort::BY_USER,
        }
    }
}

/// A call that does not fit the state of the association. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("the association is {0}")]
    State(&'static str),
    #[error("no operation with message id {0} waits for an answer")]
    NotOutstanding(u16),
    #[error("operations wait for their answers")]
    Outstanding,
    #[error("presentation context {0} was not accepted")]
    Context(u8),
    #[error("a data set is being sent")]
    DataSetOpen,
    #[error("no data set is being sent")]
    NoDataSet,
    #[error(transparent)]
    Pdu(#[from] PduError),
}

/// A presentation context that both sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NegotiatedContext {
    pub id: u8,
    pub abstract_syntax: String,
    pub transfer_syntax: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Sta1
    Closed,
    /// Sta2
    AwaitingRequest,
    /// Sta3
    AwaitingAccept,
    /// Sta5
    AwaitingReply,
    /// Sta6
    Established,
    /// Sta7
    AwaitingReleaseReply,
    /// Sta8
    PeerReleasing,
    /// Sta10, only at the acceptor
    CollisionAcceptor,
    /// Sta11, only at the requestor
    CollisionRequestor,
    /// Sta13
    AwaitingClose,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::AwaitingRequest => "waiting for an association request",
            Self::AwaitingAccept => "waiting for our answer to the association request",
            Self::AwaitingReply => "waiting for the answer to our association request",
            Self::Established => "established",
            Self::AwaitingReleaseReply => "waiting for the answer to our release request",
            Self::PeerReleasing => "waiting for our answer to the release request",
            Self::CollisionAcceptor | Self::CollisionRequestor => "in a release collision",
            Self::AwaitingClose => "waiting for the peer to close the connection",
        }
    }
}

#[derive(Debug)]
pub(super) enum Step<'a> {
    Request(Box<AssociateRq>),
    Accepted(Box<AssociateAc>),
    Rejected(Reject),
    Message(Received<'a>),
    ReleaseRequested,
    Released,
    Aborted(Abort),
    Violation(Violation),
}

#[derive(Debug)]
pub(super) struct Association {
    pub state: State,
    pub output: Vec<u8>,
    decoder: PduDecoder,
    messages: MessageReader,
    /// By half the context id, which is odd.
    contexts: Vec<Option<NegotiatedContext>>,
    /// The longest piece of data that one of our PDVs may have.
    max_fragment: usize,
    acceptor: bool,
    scratch: Vec<u8>,
}

impl Association {
    pub fn new(acceptor: bool, max_pdu: u32) -> Self {
        Self {
            state: if acceptor { State::AwaitingRequest } else { State::AwaitingReply },
            output: Vec::new(),
            decoder: PduDecoder::new(Limits { data: max_pdu, ..Limits::default() }),
            messages: MessageReader::default(),
            contexts: Vec::new(),
            max_fragment: usize::MAX,
            acceptor,
            scratch: Vec::new(),
        }
    }

    pub fn establish(&mut self, contexts: Vec<NegotiatedContext>, peer_max_length: Option<u32>) {
        self.contexts = vec![None; 128];
        for context in contexts {
            let slot = usize::from(context.id / 2);
            self.contexts[slot] = Some(context);
        }
        self.max_fragment = match peer_max_length {
            None | Some(0) => usize::MAX,
            // Fragments are even (PS3.8 §E.2), so that a limit below 8 cannot be kept.
            Some(length) => usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(6).max(2) & !1,
        };
        self.state = State::Established;
    }

    pub fn context(&self, id: u8) -> Option<&NegotiatedContext> {
        let context = self.contexts.get(usize::from(id / 2))?.as_ref()?;
        (context.id == id).then_some(context)
    }

    pub fn contexts(&self) -> impl Iterator<Item = &NegotiatedContext> {
        self.contexts.iter().flatten()
    }

    pub fn max_fragment(&self) -> usize {
        self.max_fragment
    }

    /// PS3.8 §9.1.5: the ARTIM timer runs in Sta2 and Sta13.
    pub fn needs_timer(&self) -> bool {
        matches!(self.state, State::AwaitingRequest | State::AwaitingClose)
    }

    pub fn receive<'a>(&mut self, bytes: &'a [u8]) -> (usize, Option<Step<'a>>) {
        let mut used = 0;
        loop {
            if matches!(self.state, State::Closed | State::AwaitingClose) {
                return (bytes.len(), None);
            }
            if let Some(end) = self.messages.take_end() {
                return (used, Some(Step::Message(end)));
            }
            let (taken, part) = match self.decoder.next(&bytes[used..]) {
                Ok(read) => read,
                Err(error) => return (bytes.len(), Some(self.violate(error.into()))),
            };
            used += taken;
            let Some(part) = part else { return (used, None) };
            if let Some(step) = self.step(part) {
                return (used, Some(step));
            }
        }
    }

    /// The table of PS3.8 §9.2.3.
    fn step<'a>(&mut self, part: Part<'a>) -> Option<Step<'a>> {
        match (self.state, part) {
            (_, Part::Pdu(Pdu::Abort(abort))) => {
                self.state = State::Closed;
                Some(Step::Aborted(abort))
            }
            (State::AwaitingRequest, Part::Pdu(Pdu::AssociateRq(request))) => {
                self.state = State::AwaitingAccept;
                Some(Step::Request(request))
            }
            (State::AwaitingReply, Part::Pdu(Pdu::AssociateAc(accept))) => Some(Step::Accepted(accept)),
            (State::AwaitingReply, Part::Pdu(Pdu::AssociateRj(reject))) => {
                self.state = State::Closed;
                Some(Step::Rejected(reject))
            }
            (State::Established | State::AwaitingReleaseReply, Part::Data(fragment)) => {
                if self.context(fragment.context_id).is_none() {
                    return Some(self.violate(Violation::Context(fragment.context_id)));
                }
                match self.messages.accept(fragment) {
                    Ok(received) => received.map(Step::Message),
                    Err(violation) => Some(self.violate(violation)),
                }
            }
            (State::Established, Part::Pdu(Pdu::ReleaseRq)) => {
                self.state = State::PeerReleasing;
                Some(Step::ReleaseRequested)
            }
            (State::AwaitingReleaseReply, Part::Pdu(Pdu::ReleaseRq)) if self.acceptor => {
                self.state = State::CollisionAcceptor;
                None
            }
            // Sta9 lasts no time here: the requestor answers at once.
            (State::AwaitingReleaseReply, Part::Pdu(Pdu::ReleaseRq)) => {
                self.push(&Pdu::ReleaseRp);
                self.state = State::CollisionRequestor;
                None
            }
            (State::AwaitingReleaseReply | State::CollisionRequestor, Part::Pdu(Pdu::ReleaseRp)) => {
                self.state = State::Closed;
                Some(Step::Released)
            }
            // Sta12 lasts no time either.
            (State::CollisionAcceptor, Part::Pdu(Pdu::ReleaseRp)) => {
                self.push(&Pdu::ReleaseRp);
                self.state = State::AwaitingClose;
                Some(Step::Released)
            }
            (state, part) => {
                Some(self.violate(Violation::Unexpected { pdu: part_name(&part), state: state.name() }))
            }
        }
    }

    /// AA-1 and AA-8: abort, and wait for the peer to close.
    pub fn violate(&mut self, violation: Violation) -> Step<'static> {
        let abort = if self.state == State::AwaitingRequest { Abort::BY_USER } else { violation.abort() };
        self.abort(abort);
        Step::Violation(violation)
    }

    pub fn abort(&mut self, abort: Abort) {
        if matches!(self.state, State::Closed | State::AwaitingClose) {
            return;
        }
        self.push(&Pdu::Abort(abort));
        self.state = State::AwaitingClose;
    }

    pub fn release(&mut self) -> Result<(), CallError> {
        self.expect(State::Established)?;
        self.push(&Pdu::ReleaseRq);
        self.state = State::AwaitingReleaseReply;
        Ok(())
    }

    /// AR-4: answers the peer's release request.
    pub fn answer_release(&mut self) {
        if self.state == State::PeerReleasing {
            self.push(&Pdu::ReleaseRp);
            self.state = State::AwaitingClose;
        }
    }

    pub fn expect(&self, state: State) -> Result<(), CallError> {
        if self.state == state { Ok(()) } else { Err(CallError::State(self.state.name())) }
    }

    /// The transport is gone (AA-4, AA-5, AR-5). Whether that ended an association before its time.
    pub fn transport_closed(&mut self) -> bool {
        let early = !matches!(self.state, State::Closed | State::AwaitingClose | State::AwaitingRequest);
        self.state = State::Closed;
        early
    }

    /// Appends a PDU without fields of variable length, or one whose fields were checked.
    fn push(&mut self, pdu: &Pdu) {
        let written = pdu.encode(&mut self.output);
        debug_assert!(written.is_ok(), "PDUs without text always fit");
    }

    /// Appends a command set, in as many PDUs as the peer's maximum length asks for.
    pub fn send_command(&mut self, context_id: u8, command: &CommandSet) {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        command.encode(&mut bytes);
        let mut rest = &bytes[..];
        loop {
            let (fragment, after) = rest.split_at(rest.len().min(self.max_fragment));
            rest = after;
            self.output.reserve(DATA_HEADER + fragment.len());
            self.output.extend(data_header(context_id, true, rest.is_empty(), fragment.len() as u32));
            self.output.extend_from_slice(fragment);
            if rest.is_empty() {
                break;
            }
        }
        self.scratch = bytes;
    }
}

fn part_name(part: &Part<'_>) -> &'static str {
    match part {
        Part::Data(_) => "P-DATA-TF",
        Part::Pdu(Pdu::AssociateRq(_)) => "A-ASSOCIATE-RQ",
        Part::Pdu(Pdu::AssociateAc(_)) => "A-ASSOCIATE-AC",
        Part::Pdu(Pdu::AssociateRj(_)) => "A-ASSOCIATE-RJ",
        Part::Pdu(Pdu::PData(_)) => "P-DATA-TF",
        Part::Pdu(Pdu::ReleaseRq) => "A-RELEASE-RQ",
        Part::Pdu(Pdu::ReleaseRp) => "A-RELEASE-RP",
        Part::Pdu(Pdu::Abort(_)) => "A-ABORT",
    }
}
