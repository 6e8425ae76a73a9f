//! OperationOutcome: how faults and issues read to the caller (FHIR R4 §2.27).

use lenticular_base::tree::escape_into;
use lenticular_base::{Fault, FaultKind};

/// How grave an issue is (value set issue-severity).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    Fatal,
    Error,
    Warning,
    Information,
}

impl Severity {
    /// The code of the value set.
    pub fn code(self) -> &'static str {
        match self {
            Severity::Fatal => "fatal",
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
        }
    }
}

/// One thing that is wrong with a resource, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issue {
    pub severity: Severity,
    /// A code of the value set issue-type: `structure`, `required`, `value`, `invalid`, `code-invalid`.
    pub code: &'static str,
    /// Where, as FHIRPath: `Patient.name[0].family`.
    pub path: String,
    /// What is wrong, in words; may quote a little of the caller's own input.
    pub text: String,
}

/// An OperationOutcome that tells a fault, as compact JSON. The cause, which is the log's, stays out.
pub fn from_fault(fault: &Fault) -> String {
    let severity = match fault.kind {
        FaultKind::Corrupt | FaultKind::Internal | FaultKind::OutOfSpace => Severity::Fatal,
        _ => Severity::Error,
    };
    let mut out = String::from(OPEN);
    write_issue(&mut out, severity, fault.kind.meaning().issue, &fault.public, fault.path.as_deref());
    out.truncate(out.len() - 1);
    out.push_str(r#","diagnostics":""#);
    escape_into(&mut out, fault.code);
    out.push_str("\"}]}");
    out
}

/// An OperationOutcome with these issues, as compact JSON; with none, one that says that all is well.
pub fn from_issues(issues: &[Issue]) -> String {
    if issues.is_empty() {
        return informational("No issues were found.");
    }
    let mut out = String::from(OPEN);
    for (at, issue) in issues.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_issue(&mut out, issue.severity, issue.code, &issue.text, Some(&issue.path));
    }
    out.push_str("]}");
    out
}

/// An OperationOutcome that tells good news, as compact JSON.
pub fn informational(text: &str) -> String {
    let mut out = String::from(OPEN);
    write_issue(&mut out, Severity::Information, "informational", text, None);
    out.push_str("]}");
    out
}

const OPEN: &str = r#"{"resourceType":"OperationOutcome","issue":["#;

fn write_issue(out: &mut String, severity: Severity, code: &str, text: &str, path: Option<&str>) {
    out.push_str(r#"{"severity":""#);
    out.push_str(severity.code());
    out.push_str(r#"","code":""#);
    out.push_str(code);
    out.push_str(r#"","details":{"text":""#);
    escape_into(out, text);
    out.push_str("\"}");
    if let Some(path) = path.filter(|path| !path.is_empty()) {
        out.push_str(r#","expression":[""#);
        escape_into(out, path);
        out.push_str("\"]");
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use lenticular_base::tree;

    #[test]
    fn a_fault_tells_the_caller_and_keeps_the_cause() {
        let fault =
            Fault::new(FaultKind::Unprocessable, "bad-date", "\"x\" is no date\n").at("Patient.birthDate");
        let json = from_fault(&fault.caused_by("secret"));
        assert_eq!(
            json,
            concat!(
                r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"processing","#,
                r#""details":{"text":"\"x\" is no date\n"},"expression":["Patient.birthDate"],"diagnostics":"bad-date"}]}"#
            )
        );
        tree::parse(json.as_bytes()).unwrap();
    }

    #[test]
    fn issues_stand_in_order_and_none_is_good_news() {
        let issue = |path: &str| Issue {
            severity: Severity::Error,
            code: "structure",
            path: path.into(),
            text: "no such element".into(),
        };
        let json = from_issues(&[issue("Patient.a"), issue("")]);
        let tree = tree::parse(json.as_bytes()).unwrap();
        let issues = tree.get("issue").unwrap().items();
        assert_eq!(issues.len(), 2);
        assert_eq!(issues[0].get("expression").unwrap().items()[0].text().unwrap(), "Patient.a");
        assert!(issues[1].get("expression").is_none());
        assert!(from_issues(&[]).contains("informational"));
    }
}
