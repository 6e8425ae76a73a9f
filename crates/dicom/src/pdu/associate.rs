//! What an A-ASSOCIATE, A-ASSOCIATE-RJ and A-ABORT carry (PS3.8 §9.3.2 to §9.3.4, §9.3.8, Annex D).

use std::fmt;

/// A-ASSOCIATE-RQ (PS3.8 §9.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociateRq {
    /// Bit 0 stands for version 1, the only one there is.
    pub protocol_version: u16,
    /// At most 16 characters; spaces around it are not part of it.
    pub called_ae: String,
    pub calling_ae: String,
    pub application_context: String,
    pub contexts: Vec<PresentationContextRq>,
    pub user: UserInformation,
}

/// A-ASSOCIATE-AC (PS3.8 §9.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociateAc {
    pub protocol_version: u16,
    pub called_ae: String,
    pub calling_ae: String,
    pub application_context: String,
    pub contexts: Vec<PresentationContextAc>,
    pub user: UserInformation,
}

/// PS3.8 §9.3.2.2
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentationContextRq {
    /// Odd, 1 to 255.
    pub id: u8,
    pub abstract_syntax: String,
    /// In the order of the requestor.
    pub transfer_syntaxes: Vec<String>,
}

/// PS3.8 §9.3.3.2
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentationContextAc {
    pub id: u8,
    pub result: ContextResult,
    /// Meaningless unless the context was accepted.
    pub transfer_syntax: String,
}

/// PS3.8 Table 9-18
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextResult {
    Acceptance,
    UserRejection,
    NoReason,
    AbstractSyntaxNotSupported,
    TransferSyntaxesNotSupported,
}

impl ContextResult {
    pub fn code(self) -> u8 {
        self as u8
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Acceptance,
            1 => Self::UserRejection,
            2 => Self::NoReason,
            3 => Self::AbstractSyntaxNotSupported,
            4 => Self::TransferSyntaxesNotSupported,
            _ => return None,
        })
    }
}

/// The user information item (PS3.8 §9.3.2.3, Annex D; PS3.7 Annex D.3.3). Sub-items that we do not know are skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserInformation {
    /// 51H. The longest P-DATA-TF, header excluded, that the sender of this item takes; 0 is without limit.
    pub max_length: Option<u32>,
    /// 52H
    pub implementation_class_uid: Option<String>,
    /// 55H, at most 16 characters
    pub implementation_version: Option<String>,
    /// 53H
    pub async_window: Option<AsyncWindow>,
    /// 54H
    pub roles: Vec<RoleSelection>,
    /// 56H
    pub extended: Vec<ExtendedNegotiation>,
    /// 57H
    pub common_extended: Vec<CommonExtendedNegotiation>,
    /// 58H, only in a request
    pub user_identity: Option<UserIdentity>,
    /// 59H, only in an acceptance: the server's response
    pub user_identity_response: Option<Vec<u8>>,
}

/// PS3.7 §D.3.3.3: how many operations may be open at once; 0 is without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsyncWindow {
    pub invoked: u16,
    pub performed: u16,
}

/// PS3.7 §D.3.3.4
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSelection {
    pub sop_class: String,
    pub scu: bool,
    pub scp: bool,
}

/// PS3.7 §D.3.3.5
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedNegotiation {
    pub sop_class: String,
    pub information: Vec<u8>,
}

/// PS3.7 §D.3.3.6
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommonExtendedNegotiation {
    pub sop_class: String,
    pub service_class: String,
    pub related_sop_classes: Vec<String>,
}

/// PS3.7 §D.3.3.7. Its `Debug` form hides the secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct UserIdentity {
    /// One of the constants below.
    pub kind: u8,
    pub positive_response_requested: bool,
    /// User name, Kerberos ticket, SAML assertion or JWT.
    pub primary: Vec<u8>,
    /// The passcode, only with [`UserIdentity::USERNAME_AND_PASSCODE`].
    pub secondary: Vec<u8>,
}

impl UserIdentity {
    pub const USERNAME: u8 = 1;
    pub const USERNAME_AND_PASSCODE: u8 = 2;
    pub const KERBEROS: u8 = 3;
    pub const SAML: u8 = 4;
    pub const JWT: u8 = 5;
}

impl fmt::Debug for UserIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserIdentity")
            .field("kind", &self.kind)
            .field("positive_response_requested", &self.positive_response_requested)
            .finish_non_exhaustive()
    }
}

/// A-ASSOCIATE-RJ (PS3.8 §9.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reject {
    /// 1 permanent, 2 transient
    pub result: u8,
    /// 1 service user, 2 service provider (ACSE), 3 service provider (presentation)
    pub source: u8,
    pub reason: u8,
}

impl Reject {
    pub const NO_REASON: Self = Self { result: 1, source: 1, reason: 1 };
    pub const APPLICATION_CONTEXT_NOT_SUPPORTED: Self = Self { result: 1, source: 1, reason: 2 };
    pub const CALLING_AE_NOT_RECOGNIZED: Self = Self { result: 1, source: 1, reason: 3 };
    pub const CALLED_AE_NOT_RECOGNIZED: Self = Self { result: 1, source: 1, reason: 7 };
    pub const PROTOCOL_VERSION_NOT_SUPPORTED: Self = Self { result: 1, source: 2, reason: 2 };
    pub const TEMPORARY_CONGESTION: Self = Self { result: 2, source: 3, reason: 1 };
    pub const LOCAL_LIMIT_EXCEEDED: Self = Self { result: 2, source: 3, reason: 2 };

    /// The words of PS3.8 Table 9-21.
    pub fn reason_text(&self) -> &'static str {
        match (self.source, self.reason) {
            (1, 1) | (2, 1) => "no reason given",
            (1, 2) => "application context name not supported",
            (1, 3) => "calling AE title not recognized",
            (1, 7) => "called AE title not recognized",
            (2, 2) => "protocol version not supported",
            (3, 1) => "temporary congestion",
            (3, 2) => "local limit exceeded",
            _ => "reserved reason",
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let result = if self.result == 2 { "transient" } else { "permanent" };
        write!(f, "rejected ({result}, source {}): {}", self.source, self.reason_text())
    }
}

/// A-ABORT (PS3.8 §9.3.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abort {
    /// 0 service user, 2 service provider
    pub source: u8,
    /// Means something only where the source is the provider.
    pub reason: u8,
}

/// PS3.8 Table 9-26, why a service provider aborts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortReason {
    NotSpecified = 0,
    UnrecognizedPdu = 1,
    UnexpectedPdu = 2,
    UnrecognizedPduParameter = 4,
    UnexpectedPduParameter = 5,
    InvalidPduParameter = 6,
}

impl Abort {
    pub const BY_USER: Self = Self { source: 0, reason: 0 };

    pub fn by_provider(reason: AbortReason) -> Self {
        Self { source: 2, reason: reason as u8 }
    }
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match (self.source, self.reason) {
            (0, _) => return f.write_str("aborted by the service user"),
            (_, 1) => "unrecognized PDU",
            (_, 2) => "unexpected PDU",
            (_, 4) => "unrecognized PDU parameter",
            (_, 5) => "unexpected PDU parameter",
            (_, 6) => "invalid PDU parameter value",
            _ => "reason not specified",
        };
        write!(f, "aborted by the service provider: {reason}")
    }
}
