//! The path matrix: every way in, with the action and the kind that it asks `policy` for.

use lenticular_policy::Action;

/// One way in.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    pub method: &'static str,
    /// The path, with variables in braces.
    pub path: &'static str,
    /// `None`: open to everybody, and tells nothing about anybody.
    pub action: Option<Action>,
    /// What it is about: a FHIR type in the path (`{type}`), a DICOM level, or a thing of the network.
    pub kind: &'static str,
}

/// A door that asks for an action on a kind.
pub const fn door(method: &'static str, path: &'static str, action: Action, kind: &'static str) -> Door {
    Door { method, path, action: Some(action), kind }
}

/// A door that is open to everybody.
pub const fn open(method: &'static str, path: &'static str) -> Door {
    Door { method, path, action: None, kind: "-" }
}
