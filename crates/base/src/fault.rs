//! The one error table: what went wrong decides the status in every protocol.

use std::error::Error;
use std::fmt;

/// What went wrong, in the terms that every protocol has an answer for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FaultKind {
    /// The input does not have the form that its standard asks for.
    Invalid,
    /// The input is well formed, but breaks a rule of its standard.
    Unprocessable,
    /// Nobody has proved who they are.
    Unauthenticated,
    /// The principal may not do this at all. Rows that may not be read are `NotFound` instead.
    Forbidden,
    /// Nothing is there, or nothing that the caller may know of.
    NotFound,
    /// It was there and has been deleted.
    Gone,
    /// The state of the server stands against it.
    Conflict,
    /// A precondition (`If-Match`, conditional criteria) was not met.
    PreconditionFailed,
    /// More or larger than the configured limit.
    TooLarge,
    /// The media type or transfer syntax that arrived is not read here.
    UnsupportedMedia,
    /// None of the media types or transfer syntaxes asked for can be made.
    NotAcceptable,
    /// The method or operation does not exist here.
    Unsupported,
    /// Too much at once; try again later.
    Busy,
    /// The disk is full; nothing of the request was kept.
    OutOfSpace,
    /// What is on disk is not what was written there.
    Corrupt,
    /// A defect of this program or its machine.
    Internal,
}

/// How one kind of fault reads in each protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Meaning {
    /// HTTP status (RFC 9110).
    pub http: u16,
    /// FHIR `OperationOutcome.issue.code` (value set issue-type).
    pub issue: &'static str,
    /// DIMSE status (PS3.7 Annex C, PS3.4 §B.2.3).
    pub dimse: u16,
    /// Log level: `error` wakes an operator, `info` does not.
    pub log: &'static str,
    /// Whether the same request may succeed later without being changed.
    pub retry: bool,
}

impl FaultKind {
    /// Every kind, in the order of the table.
    pub const ALL: [FaultKind; 16] = [
        FaultKind::Invalid,
        FaultKind::Unprocessable,
        FaultKind::Unauthenticated,
        FaultKind::Forbidden,
        FaultKind::NotFound,
        FaultKind::Gone,
        FaultKind::Conflict,
        FaultKind::PreconditionFailed,
        FaultKind::TooLarge,
        FaultKind::UnsupportedMedia,
        FaultKind::NotAcceptable,
        FaultKind::Unsupported,
        FaultKind::Busy,
        FaultKind::OutOfSpace,
        FaultKind::Corrupt,
        FaultKind::Internal,
    ];

    /// The row of the table for this kind.
    pub fn meaning(self) -> Meaning {
        let row = |http, issue, dimse, log, retry| Meaning { http, issue, dimse, log, retry };
        match self {
            FaultKind::Invalid => row(400, "invalid", 0xC000, "info", false),
            FaultKind::Unprocessable => row(422, "processing", 0xC000, "info", false),
            FaultKind::Unauthenticated => row(401, "login", 0x0124, "info", false),
            FaultKind::Forbidden => row(403, "forbidden", 0x0124, "info", false),
            FaultKind::NotFound => row(404, "not-found", 0x0112, "debug", false),
            FaultKind::Gone => row(410, "deleted", 0x0112, "debug", false),
            FaultKind::Conflict => row(409, "conflict", 0x0111, "info", false),
            FaultKind::PreconditionFailed => row(412, "conflict", 0x0110, "info", false),
            FaultKind::TooLarge => row(413, "too-costly", 0xA700, "info", false),
            FaultKind::UnsupportedMedia => row(415, "not-supported", 0x0122, "info", false),
            FaultKind::NotAcceptable => row(406, "not-supported", 0x0122, "info", false),
            FaultKind::Unsupported => row(405, "not-supported", 0x0211, "info", false),
            FaultKind::Busy => row(503, "throttled", 0xA700, "warn", true),
            FaultKind::OutOfSpace => row(507, "no-store", 0xA700, "error", true),
            FaultKind::Corrupt => row(500, "exception", 0x0110, "error", false),
            FaultKind::Internal => row(500, "exception", 0x0110, "error", false),
        }
    }
}

/// A failure on its way out: what the caller may read, and what only the log may.
#[derive(Debug)]
pub struct Fault {
    pub kind: FaultKind,
    /// A stable short name for programs, such as `version-conflict`.
    pub code: &'static str,
    /// What happened, what was kept and what to do, for the caller. Never text from patients beyond the caller's own input.
    pub public: String,
    /// Where in the input, as a FHIRPath or attribute path, where that is known.
    pub path: Option<String>,
    /// The cause, for the operator's log alone.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A fault with words for the caller.
    pub fn new(kind: FaultKind, code: &'static str, public: impl Into<String>) -> Fault {
        Fault { kind, code, public: public.into(), path: None, source: None }
    }

    /// Nothing there that the caller may know of: always the same words.
    pub fn not_found() -> Fault {
        Fault::new(FaultKind::NotFound, "not-found", "Nothing is known here by that name.")
    }

    /// A defect, with the cause for the log; the caller learns only that it happened.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Fault {
        Fault {
            kind: FaultKind::Internal,
            code: "internal",
            public: "The server failed; nothing of this request was kept. The operator's log says why."
                .into(),
            path: None,
            source: Some(source.into()),
        }
    }

    /// The same fault with the place in the input.
    pub fn at(mut self, path: impl Into<String>) -> Fault {
        self.path = Some(path.into());
        self
    }

    /// The same fault with its cause for the log.
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Fault {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.public)?;
        if let Some(path) = &self.path {
            write!(f, " (at {path})")?;
        }
        match &self.source {
            Some(source) => write!(f, " [{source}]"),
            None => Ok(()),
        }
    }
}

impl Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use std::fmt::Write;

    #[test]
    fn the_one_error_table() {
        let mut table = String::new();
        for kind in FaultKind::ALL {
            let m = kind.meaning();
            let name = format!("{kind:?}");
            writeln!(table, "{name:<19}{} {:<14}{:04X} {:<6}{}", m.http, m.issue, m.dimse, m.log, m.retry)
                .unwrap();
        }
        expect![[r#"
            Invalid            400 invalid       C000 info  false
            Unprocessable      422 processing    C000 info  false
            Unauthenticated    401 login         0124 info  false
            Forbidden          403 forbidden     0124 info  false
            NotFound           404 not-found     0112 debug false
            Gone               410 deleted       0112 debug false
            Conflict           409 conflict      0111 info  false
            PreconditionFailed 412 conflict      0110 info  false
            TooLarge           413 too-costly    A700 info  false
            UnsupportedMedia   415 not-supported 0122 info  false
            NotAcceptable      406 not-supported 0122 info  false
            Unsupported        405 not-supported 0211 info  false
            Busy               503 throttled     A700 warn  true
            OutOfSpace         507 no-store      A700 error true
            Corrupt            500 exception     0110 error false
            Internal           500 exception     0110 error false
        "#]]
        .assert_eq(&table);
    }
}
