//! Status codes (PS3.7 Annex C, PS3.4 §B.2.3).

use std::fmt;

/// The value of Status (0000,0900).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u16);

/// PS3.7 §C.1
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusClass {
    Success,
    Warning,
    Failure,
    Cancel,
    Pending,
}

impl Status {
    pub const SUCCESS: Self = Self(0x0000);
    pub const CANCEL: Self = Self(0xFE00);
    pub const PENDING: Self = Self(0xFF00);

    // PS3.4 §B.2.3, Table B.2-1
    pub const OUT_OF_RESOURCES: Self = Self(0xA700);
    pub const DATA_SET_DOES_NOT_MATCH_SOP_CLASS: Self = Self(0xA900);
    pub const CANNOT_UNDERSTAND: Self = Self(0xC000);
    pub const COERCION_OF_DATA_ELEMENTS: Self = Self(0xB000);
    pub const ELEMENTS_DISCARDED: Self = Self(0xB006);
    pub const DATA_SET_DOES_NOT_MATCH_SOP_CLASS_WARNING: Self = Self(0xB007);

    // PS3.7 Annex C
    pub const ATTRIBUTE_LIST_ERROR: Self = Self(0x0107);
    pub const ATTRIBUTE_VALUE_OUT_OF_RANGE: Self = Self(0x0116);
    pub const SOP_CLASS_NOT_SUPPORTED: Self = Self(0x0122);
    pub const CLASS_INSTANCE_CONFLICT: Self = Self(0x0119);
    pub const DUPLICATE_SOP_INSTANCE: Self = Self(0x0111);
    pub const DUPLICATE_INVOCATION: Self = Self(0x0210);
    pub const INVALID_ARGUMENT_VALUE: Self = Self(0x0115);
    pub const INVALID_ATTRIBUTE_VALUE: Self = Self(0x0106);
    pub const INVALID_SOP_INSTANCE: Self = Self(0x0117);
    pub const MISSING_ATTRIBUTE: Self = Self(0x0120);
    pub const MISSING_ATTRIBUTE_VALUE: Self = Self(0x0121);
    pub const MISTYPED_ARGUMENT: Self = Self(0x0212);
    pub const NO_SUCH_ARGUMENT: Self = Self(0x0114);
    pub const NO_SUCH_SOP_CLASS: Self = Self(0x0118);
    pub const NO_SUCH_SOP_INSTANCE: Self = Self(0x0112);
    pub const NOT_AUTHORIZED: Self = Self(0x0124);
    pub const PROCESSING_FAILURE: Self = Self(0x0110);
    pub const RESOURCE_LIMITATION: Self = Self(0x0213);
    pub const UNRECOGNIZED_OPERATION: Self = Self(0x0211);

    /// PS3.7 §C.1: what kind of answer the code is.
    pub fn class(self) -> StatusClass {
        match self.0 {
            0x0000 => StatusClass::Success,
            0x0001 | 0x0107 | 0x0116 | 0xB000..=0xBFFF => StatusClass::Warning,
            0xFE00 => StatusClass::Cancel,
            0xFF00 | 0xFF01 => StatusClass::Pending,
            _ => StatusClass::Failure,
        }
    }

    /// The object was kept: success, or a warning.
    pub fn is_stored(self) -> bool {
        matches!(self.class(), StatusClass::Success | StatusClass::Warning)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}H ", self.0)?;
        f.write_str(match self.0 {
            0x0000 => "success",
            0x0106 => "invalid attribute value",
            0x0107 => "attribute list error",
            0x0110 => "processing failure",
            0x0111 => "duplicate SOP instance",
            0x0112 => "no such SOP instance",
            0x0114 => "no such argument",
            0x0115 => "invalid argument value",
            0x0116 => "attribute value out of range",
            0x0117 => "invalid SOP instance",
            0x0118 => "no such SOP class",
            0x0119 => "class-instance conflict",
            0x0120 => "missing attribute",
            0x0121 => "missing attribute value",
            0x0122 => "SOP class not supported",
            0x0124 => "not authorized",
            0x0210 => "duplicate invocation",
            0x0211 => "unrecognized operation",
            0x0212 => "mistyped argument",
            0x0213 => "resource limitation",
            0xA700..=0xA7FF => "out of resources",
            0xA900..=0xA9FF => "data set does not match SOP class",
            0xB000 => "coercion of data elements",
            0xB006 => "elements discarded",
            0xB007 => "data set does not match SOP class (kept)",
            0xC000..=0xCFFF => "cannot understand",
            0xFE00 => "canceled",
            0xFF00 | 0xFF01 => "pending",
            _ => match self.class() {
                StatusClass::Warning => "warning",
                _ => "failure",
            },
        })
    }
}
