//! SearchParameters and the patient compartment, one line for each type and code.

use super::package::{list, resources, text};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeSet;

/// `Type TAB code TAB type TAB expression TAB targets`, sorted by type and code.
///
/// A parameter of several types is one line for each, with the parts of its expression that belong to that type.
/// Targets that allow every type are written `*`. The package carries parameters of its publisher too; those of R4 are
/// the ones that HL7's CapabilityStatement `base` (among `structures`) names.
pub fn parameters(bundle: &Value, structures: &Value, names: &[String]) -> Result<String> {
    let official = official_parameters(structures)?;
    let mut rows = Vec::new();
    for parameter in resources(bundle, "SearchParameter") {
        let (code, expression) = (text(&parameter["code"]), text(&parameter["expression"]));
        // `_text`, `_content` and `_query` are no part of the index; another version is no part of R4.
        if expression.is_empty() || parameter["version"].as_str().is_some_and(|version| version != "4.0.1") {
            continue;
        }
        let mut targets: Vec<&str> = list(&parameter["target"]).iter().map(text).collect();
        targets.sort_unstable();
        let targets = if targets.len() + 1 >= names.len() { "*".to_owned() } else { targets.join(",") };
        for base in list(&parameter["base"]).iter().map(text) {
            if !names.iter().any(|n| n == base) && base != "Resource" && base != "DomainResource" {
                continue;
            }
            if names.iter().any(|n| n == base) && !official.contains(&(base, code)) {
                continue;
            }
            let single = list(&parameter["base"]).len() == 1;
            let parts = specialise(expression, base, single);
            if parts.is_empty() {
                bail!("{base}.{code}: no part of {expression:?} belongs to it");
            }
            let kind = text(&parameter["type"]);
            rows.push(format!("{base}\t{code}\t{kind}\t{}\t{targets}\n", parts.join(" | ")));
        }
    }
    rows.sort_unstable();
    rows.dedup();
    Ok(rows.concat())
}

/// Type and code of each parameter that the CapabilityStatement `base` names.
fn official_parameters(structures: &Value) -> Result<BTreeSet<(&str, &str)>> {
    let mut statements = resources(structures, "CapabilityStatement");
    let base =
        statements.find(|statement| statement["id"] == "base").context("the CapabilityStatement base")?;
    let mut parameters = BTreeSet::new();
    for resource in list(&base["rest"][0]["resource"]) {
        let codes = list(&resource["searchParam"]).iter().map(|parameter| text(&parameter["name"]));
        parameters.extend(codes.map(|code| (text(&resource["type"]), code)));
    }
    Ok(parameters)
}

/// The parts of a union that start with `base`; a lone parameter's part may leave its type out.
fn specialise(expression: &str, base: &str, single: bool) -> Vec<String> {
    let mut parts = Vec::new();
    for part in split_union(expression) {
        let part = unwrap(part.trim());
        let head = part.trim_start_matches('(');
        let head = &head[..head.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(head.len())];
        if head == base {
            parts.push(part.to_owned());
        } else if single && head.starts_with(|c: char| c.is_ascii_lowercase()) {
            parts.push(format!("{base}.{part}"));
        }
    }
    parts
}

/// Splits at each `|` that stands outside brackets and quotes.
fn split_union(expression: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut quoted, mut start) = (Vec::new(), 0, false, 0);
    for (at, c) in expression.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            '|' if !quoted && depth == 0 => {
                parts.push(&expression[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&expression[start..]);
    parts
}

/// Takes brackets off that hold the whole expression.
fn unwrap(part: &str) -> &str {
    let Some(inner) = part.strip_prefix('(').and_then(|p| p.strip_suffix(')')) else { return part };
    let mut depth = 0;
    for c in inner.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return part;
        }
    }
    unwrap(inner.trim())
}

/// `Type TAB code,code`: how a resource of that type belongs to a patient (CompartmentDefinition `patient`).
pub fn compartment(bundle: &Value, names: &[String]) -> Result<String> {
    let mut rows = Vec::new();
    for resource in list(&bundle["resource"]) {
        let code = text(&resource["code"]);
        let params: Vec<&str> = list(&resource["param"]).iter().map(text).collect();
        if !names.iter().any(|n| n == code) {
            bail!("the patient compartment names an unknown type {code}");
        }
        if !params.is_empty() {
            rows.push(format!("{code}\t{}\n", params.join(",")));
        }
    }
    rows.sort_unstable();
    Ok(rows.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_union_is_taken_apart_by_type() {
        let union = "AllergyIntolerance.code | (Condition.code) | (Condition.x.ofType(A | B)) | Conditions.y";
        assert_eq!(specialise(union, "Condition", false), ["Condition.code", "Condition.x.ofType(A | B)"]);
        assert_eq!(
            specialise("name | alias", "InsurancePlan", true),
            ["InsurancePlan.name", "InsurancePlan.alias"]
        );
        assert_eq!(specialise("Basic.a.where(x='|')", "Basic", true), ["Basic.a.where(x='|')"]);
        assert_eq!(unwrap("(a) | (b)"), "(a) | (b)");
    }
}
