//! Command sets (PS3.7 §6.3, Annex E): group 0000, always Implicit VR Little Endian.

use super::status::Status;

/// The longest command set we keep, in bytes. Real ones stay below one thousand.
pub const MAX_COMMAND: usize = 64 * 1024;

/// Command Data Set Type (0000,0800): nothing follows (PS3.7 §E.1).
const NO_DATA_SET: u16 = 0x0101;

/// Why bytes are not a command set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error("command set of more than {MAX_COMMAND} bytes")]
    TooLong,
    #[error("command element (0000,{element:04X}) is cut off")]
    Truncated { element: u16 },
    #[error("element of group {0:04X} in a command set")]
    WrongGroup(u16),
    #[error("command element (0000,{element:04X}) has a value of {length} bytes")]
    WrongLength { element: u16, length: u32 },
    #[error("command set without (0000,{element:04X})")]
    Missing { element: u16 },
}

/// Command Field (0000,0100).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CommandField(pub u16);

impl CommandField {
    pub const C_STORE_RQ: Self = Self(0x0001);
    pub const C_STORE_RSP: Self = Self(0x8001);
    pub const C_GET_RQ: Self = Self(0x0010);
    pub const C_GET_RSP: Self = Self(0x8010);
    pub const C_FIND_RQ: Self = Self(0x0020);
    pub const C_FIND_RSP: Self = Self(0x8020);
    pub const C_MOVE_RQ: Self = Self(0x0021);
    pub const C_MOVE_RSP: Self = Self(0x8021);
    pub const C_ECHO_RQ: Self = Self(0x0030);
    pub const C_ECHO_RSP: Self = Self(0x8030);
    pub const N_EVENT_REPORT_RQ: Self = Self(0x0100);
    pub const N_GET_RQ: Self = Self(0x0110);
    pub const N_SET_RQ: Self = Self(0x0120);
    pub const N_ACTION_RQ: Self = Self(0x0130);
    pub const N_CREATE_RQ: Self = Self(0x0140);
    pub const N_DELETE_RQ: Self = Self(0x0150);
    pub const C_CANCEL_RQ: Self = Self(0x0FFF);

    pub fn is_response(self) -> bool {
        self.0 & 0x8000 != 0
    }

    /// The response that belongs to a request.
    pub fn response(self) -> Self {
        Self(self.0 | 0x8000)
    }
}

/// Priority (0000,0700).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    #[default]
    Medium = 0,
    High = 1,
    Low = 2,
}

impl Priority {
    /// Unknown values count as medium: no service of ours depends on them.
    pub fn from_code(code: u16) -> Self {
        match code {
            1 => Self::High,
            2 => Self::Low,
            _ => Self::Medium,
        }
    }
}

/// A command set: C-ECHO, C-STORE, C-FIND, C-GET, C-MOVE, C-CANCEL and the N-services alike. Which elements a
/// message needs is in PS3.7 §9.3 and §10.3; elements that PS3.7 Annex E does not name, or retired, are skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSet {
    pub field: CommandField,
    /// A data set follows in the same presentation context.
    pub has_data_set: bool,
    pub message_id: Option<u16>,
    pub message_id_responded_to: Option<u16>,
    pub affected_sop_class: Option<String>,
    pub requested_sop_class: Option<String>,
    pub affected_sop_instance: Option<String>,
    pub requested_sop_instance: Option<String>,
    pub priority: Option<u16>,
    pub status: Option<Status>,
    /// Tags as group and element.
    pub offending_elements: Vec<(u16, u16)>,
    /// At most 64 characters.
    pub error_comment: Option<String>,
    pub error_id: Option<u16>,
    pub move_destination: Option<String>,
    pub move_originator: Option<String>,
    pub move_originator_message_id: Option<u16>,
    pub remaining_suboperations: Option<u16>,
    pub completed_suboperations: Option<u16>,
    pub failed_suboperations: Option<u16>,
    pub warning_suboperations: Option<u16>,
    pub event_type: Option<u16>,
    pub action_type: Option<u16>,
    pub attributes: Vec<(u16, u16)>,
}

impl CommandSet {
    /// A command set with nothing but its field.
    pub fn new(field: CommandField) -> Self {
        Self {
            field,
            has_data_set: false,
            message_id: None,
            message_id_responded_to: None,
            affected_sop_class: None,
            requested_sop_class: None,
            affected_sop_instance: None,
            requested_sop_instance: None,
            priority: None,
            status: None,
            offending_elements: Vec::new(),
            error_comment: None,
            error_id: None,
            move_destination: None,
            move_originator: None,
            move_originator_message_id: None,
            remaining_suboperations: None,
            completed_suboperations: None,
            failed_suboperations: None,
            warning_suboperations: None,
            event_type: None,
            action_type: None,
            attributes: Vec::new(),
        }
    }

    /// The response to this request with `status`: the identifiers it must repeat, and no data set.
    pub fn answer(&self, status: Status) -> Self {
        Self {
            message_id_responded_to: self.message_id,
            affected_sop_class: self.affected_sop_class.clone().or_else(|| self.requested_sop_class.clone()),
            affected_sop_instance: self
                .affected_sop_instance
                .clone()
                .or_else(|| self.requested_sop_instance.clone()),
            status: Some(status),
            ..Self::new(self.field.response())
        }
    }

    /// Reads a whole command set. Costs memory only for the texts in it.
    pub fn decode(bytes: &[u8]) -> Result<Self, CommandError> {
        if bytes.len() > MAX_COMMAND {
            return Err(CommandError::TooLong);
        }
        let mut set = Self::new(CommandField(0));
        let mut field = None;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (element, value, after) = split_element(rest)?;
            rest = after;
            match element {
                0x0100 => field = Some(us(element, value)?),
                0x0800 => set.has_data_set = us(element, value)? != NO_DATA_SET,
                0x0110 => set.message_id = Some(us(element, value)?),
                0x0120 => set.message_id_responded_to = Some(us(element, value)?),
                0x0002 => set.affected_sop_class = text(value),
                0x0003 => set.requested_sop_class = text(value),
                0x1000 => set.affected_sop_instance = text(value),
                0x1001 => set.requested_sop_instance = text(value),
                0x0700 => set.priority = optional_us(element, value)?,
                0x0900 => set.status = Some(Status(us(element, value)?)),
                0x0901 => set.offending_elements = tags(element, value)?,
                0x0902 => set.error_comment = text(value),
                0x0903 => set.error_id = optional_us(element, value)?,
                0x0600 => set.move_destination = text(value),
                0x1030 => set.move_originator = text(value),
                0x1031 => set.move_originator_message_id = optional_us(element, value)?,
                0x1020 => set.remaining_suboperations = optional_us(element, value)?,
                0x1021 => set.completed_suboperations = optional_us(element, value)?,
                0x1022 => set.failed_suboperations = optional_us(element, value)?,
                0x1023 => set.warning_suboperations = optional_us(element, value)?,
                0x1002 => set.event_type = optional_us(element, value)?,
                0x1008 => set.action_type = optional_us(element, value)?,
                0x1005 => set.attributes = tags(element, value)?,
                _ => {}
            }
        }
        set.field = CommandField(field.ok_or(CommandError::Missing { element: 0x0100 })?);
        Ok(set)
    }

    /// Appends the command set, group length first, elements in order of their tags.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        put(out, 0x0000, &[0; 4]);
        put_text(out, 0x0002, &self.affected_sop_class, 0);
        put_text(out, 0x0003, &self.requested_sop_class, 0);
        put_us(out, 0x0100, Some(self.field.0));
        put_us(out, 0x0110, self.message_id);
        put_us(out, 0x0120, self.message_id_responded_to);
        put_text(out, 0x0600, &self.move_destination, b' ');
        put_us(out, 0x0700, self.priority);
        put_us(out, 0x0800, Some(if self.has_data_set { 0x0001 } else { NO_DATA_SET }));
        put_us(out, 0x0900, self.status.map(|status| status.0));
        put_tags(out, 0x0901, &self.offending_elements);
        put_text(out, 0x0902, &self.error_comment, b' ');
        put_us(out, 0x0903, self.error_id);
        put_text(out, 0x1000, &self.affected_sop_instance, 0);
        put_text(out, 0x1001, &self.requested_sop_instance, 0);
        put_us(out, 0x1002, self.event_type);
        put_tags(out, 0x1005, &self.attributes);
        put_us(out, 0x1008, self.action_type);
        put_us(out, 0x1020, self.remaining_suboperations);
        put_us(out, 0x1021, self.completed_suboperations);
        put_us(out, 0x1022, self.failed_suboperations);
        put_us(out, 0x1023, self.warning_suboperations);
        put_text(out, 0x1030, &self.move_originator, b' ');
        put_us(out, 0x1031, self.move_originator_message_id);
        let length = u32::try_from(out.len() - start - 12).unwrap_or(u32::MAX);
        out[start + 8..start + 12].copy_from_slice(&length.to_le_bytes());
    }
}

/// The first element: its number, its value, and what comes after it.
fn split_element(bytes: &[u8]) -> Result<(u16, &[u8], &[u8]), CommandError> {
    let (head, rest) = bytes.split_at_checked(8).ok_or(CommandError::Truncated { element: 0 })?;
    let group = u16::from_le_bytes([head[0], head[1]]);
    let element = u16::from_le_bytes([head[2], head[3]]);
    if group != 0 {
        return Err(CommandError::WrongGroup(group));
    }
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    let (value, rest) = usize::try_from(length)
        .ok()
        .and_then(|length| rest.split_at_checked(length))
        .ok_or(CommandError::Truncated { element })?;
    Ok((element, value, rest))
}

fn us(element: u16, value: &[u8]) -> Result<u16, CommandError> {
    match value {
        [low, high] => Ok(u16::from_le_bytes([*low, *high])),
        _ => Err(CommandError::WrongLength { element, length: value.len() as u32 }),
    }
}

fn optional_us(element: u16, value: &[u8]) -> Result<Option<u16>, CommandError> {
    if value.is_empty() { Ok(None) } else { us(element, value).map(Some) }
}

fn tags(element: u16, value: &[u8]) -> Result<Vec<(u16, u16)>, CommandError> {
    let chunks = value.chunks_exact(4);
    if !chunks.remainder().is_empty() {
        return Err(CommandError::WrongLength { element, length: value.len() as u32 });
    }
    Ok(chunks
        .map(|tag| (u16::from_le_bytes([tag[0], tag[1]]), u16::from_le_bytes([tag[2], tag[3]])))
        .collect())
}

/// Text without its padding; an empty value is no value.
fn text(value: &[u8]) -> Option<String> {
    let text: String = value.iter().map(|&byte| char::from(byte)).collect();
    let text = text.trim_matches(|character| character == ' ' || character == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

fn put(out: &mut Vec<u8>, element: u16, value: &[u8]) {
    out.extend([0, 0]);
    out.extend(element.to_le_bytes());
    out.extend((value.len() as u32).to_le_bytes());
    out.extend_from_slice(value);
}

fn put_us(out: &mut Vec<u8>, element: u16, value: Option<u16>) {
    if let Some(value) = value {
        put(out, element, &value.to_le_bytes());
    }
}

fn put_text(out: &mut Vec<u8>, element: u16, value: &Option<String>, padding: u8) {
    let Some(value) = value else { return };
    let mut bytes: Vec<u8> =
        value.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect();
    if !bytes.len().is_multiple_of(2) {
        bytes.push(padding);
    }
    put(out, element, &bytes);
}

fn put_tags(out: &mut Vec<u8>, element: u16, tags: &[(u16, u16)]) {
    if tags.is_empty() {
        return;
    }
    let bytes: Vec<u8> = tags
        .iter()
        .flat_map(|(group, element)| {
            let [a, b] = group.to_le_bytes();
            let [c, d] = element.to_le_bytes();
            [a, b, c, d]
        })
        .collect();
    put(out, element, &bytes);
}
