//! Fragments to messages (PS3.7 §6.3.1, PS3.8 Annex F): a command set, then perhaps a data set, in one
//! presentation context, never interleaved with another message.

use super::association::Violation;
use super::command::{CommandSet, MAX_COMMAND};
use crate::pdu::Fragment;

/// What a fragment brought.
#[derive(Debug)]
pub(super) enum Received<'a> {
    Command {
        context_id: u8,
        command: Box<CommandSet>,
    },
    /// The next bytes of the data set that the last command announced.
    Data(&'a [u8]),
    DataEnd,
}

#[derive(Debug, Default)]
pub(super) struct MessageReader {
    /// The presentation context of the message that is arriving.
    context_id: Option<u8>,
    in_data_set: bool,
    /// Fragments of a command set that did not come in one piece.
    command: Vec<u8>,
    /// The last data of a data set was handed out; its end was not yet.
    end_due: bool,
}

impl MessageReader {
    /// The end of a data set, where the last fragment brought data and end together.
    pub fn take_end(&mut self) -> Option<Received<'static>> {
        std::mem::take(&mut self.end_due).then_some(Received::DataEnd)
    }

    /// `None`: more is needed.
    pub fn accept<'a>(&mut self, fragment: Fragment<'a>) -> Result<Option<Received<'a>>, Violation> {
        if self.context_id.is_some_and(|open| open != fragment.context_id) {
            return Err(Violation::Message("a message began before the last one was complete"));
        }
        if fragment.command == self.in_data_set {
            return Err(Violation::Message(match fragment.command {
                true => "command where a data set was announced",
                false => "data set that no command announced",
            }));
        }
        self.context_id = Some(fragment.context_id);
        let ends = fragment.last && fragment.complete;
        if self.in_data_set {
            if ends {
                self.in_data_set = false;
                self.context_id = None;
            }
            return Ok(match (fragment.data.is_empty(), ends) {
                (true, true) => Some(Received::DataEnd),
                (true, false) => None,
                (false, ends) => {
                    self.end_due = ends;
                    Some(Received::Data(fragment.data))
                }
            });
        }
        if ends && self.command.is_empty() {
            return self.complete(fragment.context_id, fragment.data).map(Some);
        }
        if self.command.len() + fragment.data.len() > MAX_COMMAND {
            return Err(Violation::Command(super::CommandError::TooLong));
        }
        self.command.extend_from_slice(fragment.data);
        if !ends {
            return Ok(None);
        }
        let command = std::mem::take(&mut self.command);
        self.complete(fragment.context_id, &command).map(Some)
    }

    fn complete(&mut self, context_id: u8, bytes: &[u8]) -> Result<Received<'static>, Violation> {
        let command = CommandSet::decode(bytes).map_err(Violation::Command)?;
        self.in_data_set = command.has_data_set;
        if !command.has_data_set {
            self.context_id = None;
        }
        Ok(Received::Command { context_id, command: Box::new(command) })
    }
}
