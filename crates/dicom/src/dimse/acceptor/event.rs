//! What an [`Acceptor`] is told and what it tells.

use crate::dimse::association::Violation;
use crate::dimse::command::{CommandField, Priority};
use crate::dimse::status::Status;
use crate::pdu::{Abort, AssociateRq, DEFAULT_MAX_PDU, Reject};

#[cfg(doc)]
use super::Acceptor;

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
            implementation_class_uid: crate::dimse::IMPLEMENTATION_CLASS_UID.to_owned(),
            implementation_version: crate::dimse::IMPLEMENTATION_VERSION.to_owned(),
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
