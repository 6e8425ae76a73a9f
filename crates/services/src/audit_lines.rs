//! The audit log as lines of CSV (RFC 4180): the same entries that a search for AuditEvents finds, newest first, read a
//! page at a time.

use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::audit_events::{member_names, shown};
use lenticular_base::Fault;
use lenticular_store::{AuditEntry, AuditFilter};
use std::collections::HashMap;

/// Lines that one answer has at most, besides the head.
pub const LINES: u64 = 100_000;
/// Entries that are read at once.
const PAGE: u64 = 1000;

const HEAD: &str = "recorded,member,agent_member,agent,role,action,way,interaction,kind,entity,patient,query,outcome,purpose\r\n";

/// Lines on their way out.
pub struct AuditLines {
    services: Services,
    /// What comes next; `None` at the end.
    filter: Option<AuditFilter>,
    names: HashMap<i64, String>,
    left: u64,
    /// The head was given.
    begun: bool,
}

impl Services {
    /// The own member's log as CSV, by the parameters of a search for AuditEvents; `_count` and `_page` mean nothing here.
    pub async fn audit_lines(
        &self,
        caller: &Caller,
        pairs: Vec<(String, String)>,
        base: &str,
    ) -> Result<AuditLines, Fault> {
        let query = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        let pairs: Vec<_> =
            pairs.into_iter().filter(|(name, _)| !matches!(name.as_str(), "_count" | "_page")).collect();
        let outcome = match self.read_audit_search(caller, &pairs, base) {
            Ok(mut filter) => {
                self.blocking(move |services| {
                    services.resolve_agents(&mut filter)?;
                    let names = member_names(services)?;
                    let services = services.clone();
                    Ok(AuditLines { services, filter: Some(filter), names, left: LINES, begun: false })
                })
                .await
            }
            Err(fault) => Err(fault),
        };
        self.audited(caller, Access::of('E', "export", "AuditEvent", "").query(query), outcome).await
    }
}

impl AuditLines {
    /// The next lines; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<String, Fault>> {
        let mut filter = self.filter.take()?;
        filter.limit = PAGE.min(self.left);
        let asked = filter.clone();
        let found = self.services.blocking(move |services| services.store.audits.search(&asked)).await;
        let found = match found {
            Ok(found) => found,
            Err(fault) => return Some(Err(fault)),
        };
        let mut text = String::with_capacity(found.len() * 160 + 256);
        if !std::mem::replace(&mut self.begun, true) {
            // Spreadsheets take a file for UTF-8 by this mark alone.
            text.push('\u{feff}');
            text.push_str(HEAD);
        }
        self.left -= found.len() as u64;
        let last = found.last().map(|(sequence, _)| *sequence);
        let more = found.len() as u64 == filter.limit && self.left > 0;
        for (_, entry) in found {
            line(&shown(entry, &filter), &self.names, &mut text);
        }
        if more {
            self.filter = Some(AuditFilter { before: last, ..filter });
        }
        Some(Ok(text))
    }
}

fn line(entry: &AuditEntry, names: &HashMap<i64, String>, out: &mut String) {
    let name = |org: i64| names.get(&org).map_or("network", String::as_str);
    let (recorded, action, outcome) =
        (entry.time.to_string(), entry.action.to_string(), entry.outcome.to_string());
    let cells = [
        &recorded,
        name(entry.org),
        name(entry.agent_org),
        &entry.agent,
        &entry.role,
        &action,
        &entry.way,
        &entry.interaction,
        &entry.kind,
        &entry.entity,
        entry.patient.as_deref().unwrap_or(""),
        entry.query.as_deref().unwrap_or(""),
        &outcome,
        &entry.purpose,
    ];
    for (at, text) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        cell(text, out);
    }
    out.push_str("\r\n");
}

/// What a spreadsheet takes for the beginning of a formula; some also in the wide forms of Chinese and Japanese keyboards.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// One cell: quoted where it must be, and with an apostrophe before what a spreadsheet would take for a formula. Where
/// numbers have a decimal comma, it takes `;` for the end of a cell, quotes or not.
fn cell(text: &str, out: &mut String) {
    let formula = text.trim_start().starts_with(FORMULA) || text.starts_with(['\t', '\r', '\n']);
    let quoted = formula || text.contains([',', ';', '"', '\r', '\n']);
    if quoted {
        out.push('"');
    }
    if formula {
        out.push('\'');
    }
    let mut ended = false;
    for character in text.chars() {
        if ended && FORMULA.contains(&character) {
            out.push('\'');
        }
        ended = matches!(character, ';' | '\t' | '\n' | '\r' | '"') || ended && character.is_whitespace();
        match character {
            '"' => out.push_str("\"\""),
            // a terminal or a spreadsheet does as these say
            control if control.is_control() && !matches!(control, '\n' | '\r' | '\t') => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    if quoted {
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut out = String::new();
        cell(text, &mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn cells_are_text_and_never_formulas() {
        check("dr-a", "dr-a");
        check("name=Müller, Eva", "\"name=Müller, Eva\"");
        check("say \"hi\"\n", "\"say \"\"hi\"\"\n\"");
        check("=1+1", "\"'=1+1\"");
        check("+49", "\"'+49\"");
        check("-2", "\"'-2\"");
        check("@SUM(A1)", "\"'@SUM(A1)\"");
        check(" =1", "\"' =1\"");
        check("name=a;=1+1", "\"name=a;'=1+1\"");
        check("a; @b;c", "\"a; '@b;c\"");
        check("a\";\"=1", "\"a\"\";\"\"'=1\"");
        check("＝1", "\"'＝1\"");
        check("\t=1", "\"'\t'=1\"");
        check("a\u{1b}[2J", "a\u{fffd}[2J");
    }
}
