//! The names everyone uses: kinds, members, positions, identifiers.

use crate::fault::{Fault, FaultKind};
use std::fmt;

/// What a row is: a FHIR resource type (1..=999) or a DICOM level (1000..). Stored in the column `kind`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Kind(pub u16);

impl Kind {
    /// A DICOM study, as QIDO-RS answers it (PS3.18 §10.6.3.3.1).
    pub const STUDY: Kind = Kind(1001);
    /// A DICOM series (PS3.18 §10.6.3.3.2).
    pub const SERIES: Kind = Kind(1002);
    /// A DICOM SOP Instance (PS3.18 §10.6.3.3.3).
    pub const INSTANCE: Kind = Kind(1003);
    /// An instance that lost a conflict and waits in the tray for a decision.
    pub const CONFLICT: Kind = Kind(1004);
}

/// The number of a member (organisation) within one network; the column `org`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct OrgNo(pub i64);

/// A place in the log: gapless, ever growing, given by a commit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Position(pub i64);

/// The number of one version of one row; grows with every version written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Vid(pub i64);

/// Sensitivity labels of a row as a bit set; 0 is unlabelled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Labels(pub i64);

/// The name of a member: `[a-z0-9][a-z0-9-]{0,62}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct OrgId(String);

impl OrgId {
    /// Checks the form of a member's name.
    pub fn parse(text: &str) -> Result<OrgId, Fault> {
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-');
        if fits {
            return Ok(OrgId(text.to_owned()));
        }
        Err(Fault::new(
            FaultKind::Invalid,
            "org-id",
            "a member's id has 1 to 63 characters of a-z, 0-9 and '-', and does not begin with '-'",
        ))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A FHIR logical id: `[A-Za-z0-9\-\.]{1,64}` (FHIR R4 §2.24.0.1 `id`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LogicalId(String);

impl LogicalId {
    /// Checks the form of a logical id.
    pub fn parse(text: &str) -> Result<LogicalId, Fault> {
        if LogicalId::fits(text) {
            return Ok(LogicalId(text.to_owned()));
        }
        Err(Fault::new(
            FaultKind::Invalid,
            "logical-id",
            "a logical id has 1 to 64 characters of A-Z, a-z, 0-9, '-' and '.'",
        ))
    }

    /// Whether `text` is a logical id.
    pub fn fits(text: &str) -> bool {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    }

    /// A fresh random id in UUID form (version 4 layout) from 16 bytes of randomness.
    pub fn from_random(mut random: [u8; 16]) -> LogicalId {
        random[6] = (random[6] & 0x0f) | 0x40;
        random[8] = (random[8] & 0x3f) | 0x80;
        let mut text = String::with_capacity(36);
        for (at, byte) in random.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        LogicalId(text)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|b| [char::from(HEX[usize::from(b >> 4)]), char::from(HEX[usize::from(b & 15)])])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logical_ids_have_the_form_of_the_standard() {
        assert!(LogicalId::parse("a-1.B").is_ok());
        for bad in ["", "a b", "a/b", "ü", &"x".repeat(65)] {
            assert!(LogicalId::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(LogicalId::from_random([0xff; 16]).as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn member_names_are_plain() {
        assert!(OrgId::parse("hospital-a").is_ok());
        for bad in ["", "-a", "A", "a_b", "a/b"] {
            assert!(OrgId::parse(bad).is_err(), "{bad}");
        }
    }
}
