//! Bytes to PDUs while they arrive (PS3.8 §9.3).

use super::*;

/// What the decoder hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<'a> {
    /// Any PDU but P-DATA-TF, whole.
    Pdu(Pdu),
    /// As much of a presentation data value as has arrived.
    Data(Fragment<'a>),
}

/// A piece of a presentation data value, in the caller's own buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'a> {
    pub context_id: u8,
    /// Part of a command set rather than of a data set.
    pub command: bool,
    /// Its presentation data value is the last of the command or data set.
    pub last: bool,
    /// The presentation data value ends with this piece.
    pub complete: bool,
    pub data: &'a [u8],
}

/// Reads PDUs from a stream of bytes, however it is cut. After an error the stream cannot be read on.
#[derive(Debug)]
pub struct PduDecoder {
    limits: Limits,
    state: State,
    /// The header that is being read, of a PDU or of a presentation data value: both have six bytes.
    header: [u8; 6],
    filled: usize,
    body: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    PduHeader,
    Body { kind: u8, length: usize },
    PdvHeader { pdu_rest: u32 },
    PdvData { pdu_rest: u32, pdv_rest: u32, context_id: u8, control: u8 },
}

impl PduDecoder {
    pub fn new(limits: Limits) -> Self {
        Self { limits, state: State::PduHeader, header: [0; 6], filled: 0, body: Vec::new() }
    }

    /// Whether the stream may end here: no PDU has begun.
    pub fn at_boundary(&self) -> bool {
        matches!(self.state, State::PduHeader) && self.filled == 0
    }

    /// Reads from the front of `bytes`: how many bytes were used, and what they brought. Without a part, all
    /// bytes were used and more are needed; with one, call again with the rest.
    pub fn next<'a>(&mut self, bytes: &'a [u8]) -> Result<(usize, Option<Part<'a>>), PduError> {
        let mut used = 0;
        loop {
            let rest = &bytes[used..];
            match self.state {
                State::PduHeader => {
                    used += self.fill_header(rest);
                    if self.filled < 6 {
                        return Ok((used, None));
                    }
                    self.filled = 0;
                    self.begin_pdu()?;
                }
                State::Body { kind, length } => {
                    let taken = (length - self.body.len()).min(rest.len());
                    self.body.extend_from_slice(&rest[..taken]);
                    used += taken;
                    if self.body.len() < length {
                        return Ok((used, None));
                    }
                    self.state = State::PduHeader;
                    let pdu = whole(kind, &self.body);
                    self.body = Vec::new();
                    return Ok((used, Some(Part::Pdu(pdu?))));
                }
                State::PdvHeader { pdu_rest } => {
                    used += self.fill_header(rest);
                    if self.filled < 6 {
                        return Ok((used, None));
                    }
                    self.filled = 0;
                    self.begin_pdv(pdu_rest)?;
                    if let State::PdvData { pdv_rest: 0, .. } = self.state {
                        return Ok((used, self.data(&[])));
                    }
                }
                State::PdvData { pdv_rest, .. } => {
                    if rest.is_empty() {
                        return Ok((used, None));
                    }
                    let taken = usize::try_from(pdv_rest).unwrap_or(usize::MAX).min(rest.len());
                    return Ok((used + taken, self.data(&rest[..taken])));
                }
            }
        }
    }

    fn fill_header(&mut self, bytes: &[u8]) -> usize {
        let taken = (6 - self.filled).min(bytes.len());
        self.header[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
        self.filled += taken;
        taken
    }

    fn begin_pdu(&mut self) -> Result<(), PduError> {
        let [kind, _, a, b, c, d] = self.header;
        let length = u32::from_be_bytes([a, b, c, d]);
        let (least, limit) = match kind {
            kind::ASSOCIATE_RQ | kind::ASSOCIATE_AC => (68, self.limits.associate),
            kind::ASSOCIATE_RJ | kind::RELEASE_RQ | kind::RELEASE_RP | kind::ABORT => (4, 4),
            kind::P_DATA if self.limits.data == 0 => (6, u32::MAX),
            kind::P_DATA => (6, self.limits.data),
            _ => return Err(PduError::UnrecognizedPdu(kind)),
        };
        if length > limit {
            return Err(PduError::TooLong { kind, length, limit });
        }
        if length < least {
            return Err(PduError::WrongLength { kind, length });
        }
        self.state = match kind {
            kind::P_DATA => State::PdvHeader { pdu_rest: length },
            _ => State::Body { kind, length: length as usize },
        };
        Ok(())
    }

    fn begin_pdv(&mut self, pdu_rest: u32) -> Result<(), PduError> {
        let [a, b, c, d, context_id, control] = self.header;
        let item = u32::from_be_bytes([a, b, c, d]);
        let pdv_rest =
            item.checked_sub(2).ok_or(PduError::Malformed("presentation data value of no length"))?;
        let pdu_rest = pdu_rest
            .checked_sub(4)
            .and_then(|rest| rest.checked_sub(item))
            .ok_or(PduError::Malformed("presentation data value is longer than its PDU"))?;
        if (1..6).contains(&pdu_rest) {
            return Err(PduError::Malformed("bytes after the last presentation data value"));
        }
        self.state = State::PdvData { pdu_rest, pdv_rest, context_id, control };
        Ok(())
    }

    /// Hands out `data`, which is no longer than what the presentation data value still has to come.
    fn data<'a>(&mut self, data: &'a [u8]) -> Option<Part<'a>> {
        let State::PdvData { pdu_rest, pdv_rest, context_id, control } = self.state else {
            return None;
        };
        let pdv_rest = pdv_rest - data.len() as u32;
        self.state = match (pdv_rest, pdu_rest) {
            (0, 0) => State::PduHeader,
            (0, _) => State::PdvHeader { pdu_rest },
            _ => State::PdvData { pdu_rest, pdv_rest, context_id, control },
        };
        Some(Part::Data(Fragment {
            context_id,
            command: control & 1 != 0,
            last: control & 2 != 0,
            complete: pdv_rest == 0,
            data,
        }))
    }
}

fn whole(kind: u8, body: &[u8]) -> Result<Pdu, PduError> {
    let byte = |at: usize| body.get(at).copied().unwrap_or(0);
    Ok(match kind {
        kind::ASSOCIATE_RQ => items::associate_rq(body)?.into(),
        kind::ASSOCIATE_AC => items::associate_ac(body)?.into(),
        kind::ASSOCIATE_RJ => Pdu::AssociateRj(Reject { result: byte(1), source: byte(2), reason: byte(3) }),
        kind::RELEASE_RQ => Pdu::ReleaseRq,
        kind::RELEASE_RP => Pdu::ReleaseRp,
        _ => Pdu::Abort(Abort { source: byte(2), reason: byte(3) }),
    })
}
