//! DIMSE (PS3.7) over the upper layer (PS3.8), as machines without a socket or a clock.
//!
//! [`Acceptor`] is the server's side of one association, [`Requestor`] the client's. Both take bytes as they
//! arrive and give events; what is to be sent gathers in an output buffer. The loop around either:
//!
//! 1. Read bytes from the transport. Call `receive` until it used them all and has no event.
//! 2. Act on each event. Write `take_output()` to the transport.
//! 3. While `needs_timer()`, let the ARTIM timer run; when it fires, call `timer_expired()`.
//! 4. When `is_closed()`, write what is left of the output and close the transport.
//!    When the peer closed it, call `transport_closed()`.
//!
//! Invariants: pixel data is never copied (events borrow the caller's buffer); memory per association is bounded by
//! [`Limits::associate`](crate::pdu::Limits), one command set ([`MAX_COMMAND`]) and the outstanding
//! operations; any violation of the protocol ends in the A-ABORT that PS3.8 §9.2 names, never in a panic.

mod acceptor;
mod association;
mod command;
mod message;
mod negotiation;
mod requestor;
mod status;

pub use acceptor::{Acceptor, AcceptorConfig, Event, Store, StoreResponse};
pub use association::{CallError, NegotiatedContext, Violation};
pub use command::{CommandError, CommandField, CommandSet, MAX_COMMAND, Priority};
pub use negotiation::negotiate;
pub use requestor::{DataPdu, ProposedContext, Requestor, RequestorConfig, RequestorEvent, StoreRequest};
pub use status::{Status, StatusClass};

/// Names this implementation in every association (PS3.7 §D.3.3.2): a random UUID under 2.25.
pub const IMPLEMENTATION_CLASS_UID: &str = "2.25.90529132455096953688366819933274109853";
/// At most 16 characters.
pub const IMPLEMENTATION_VERSION: &str = "LENTICULAR_0_1";

/// Entry for fuzzing: any bytes, fed to both machines in pieces whose size the first byte chooses. Must
/// neither panic nor keep more memory than the limits allow.
pub fn fuzz_association(bytes: &[u8]) {
    let Some((&first, bytes)) = bytes.split_first() else { return };
    let size = usize::from(first).max(1);
    let mut acceptor = Acceptor::new(AcceptorConfig::default());
    let mut requestor = Requestor::new(RequestorConfig::default()).ok();
    for piece in bytes.chunks(size) {
        acceptor::drive(&mut acceptor, piece);
        if let Some(requestor) = &mut requestor {
            requestor::drive(requestor, piece);
        }
    }
}
