//! Which interaction a method and a path ask for (FHIR R4 §3.1.0).

use crate::http::percent_decode;
use http::Method;
use lenticular_base::{Fault, FaultKind, Kind};
use lenticular_services::resources::{kind_of, short};

/// One interaction, its parameters decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Interaction {
    Read {
        kind: Kind,
        id: String,
        pairs: Vec<(String, String)>,
    },
    Vread {
        kind: Kind,
        id: String,
        version: i64,
    },
    History {
        kind: Option<Kind>,
        id: Option<String>,
        pairs: Vec<(String, String)>,
    },
    /// `form`: by POST, further parameters are in the body.
    Search {
        kind: Kind,
        pairs: Vec<(String, String)>,
        form: bool,
    },
    /// With criteria in the URL it is conditional, as some clients ask for it: the same as `If-None-Exist`.
    Create {
        kind: Kind,
        pairs: Vec<(String, String)>,
    },
    Update {
        kind: Kind,
        id: String,
    },
    UpdateWhere {
        kind: Kind,
        pairs: Vec<(String, String)>,
    },
    Delete {
        kind: Kind,
        id: String,
    },
    DeleteWhere {
        kind: Kind,
        pairs: Vec<(String, String)>,
    },
    /// Batch or transaction: the Bundle says which.
    Bundle,
}

impl Interaction {
    /// Reads `path` (behind the base, with or without a leading slash).
    pub fn parse(method: &Method, path: &str, pairs: Vec<(String, String)>) -> Result<Interaction, Fault> {
        let segments: Vec<String> = path
            .trim_matches('/')
            .split('/')
            .filter(|s| !s.is_empty())
            .map(|s| percent_decode(s, false))
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let method = if method == Method::HEAD { &Method::GET } else { method };
        match (method.as_str(), segments.as_slice()) {
            ("POST", []) => Ok(Interaction::Bundle),
            ("GET", ["_history"]) => Ok(Interaction::History { kind: None, id: None, pairs }),
            ("GET", []) | ("POST" | "GET", ["_search"]) => Err(unsupported(
                "This is the FHIR base: resources lie below it, such as Patient and Patient?name=…; Bundles are POSTed to \
                 it. Searching all types at once is not offered here",
            )),
            (_, ["metadata"]) => {
                Err(unsupported("The capability statement is read with GET and in no Bundle"))
            }
            (_, [name, ..] | [_, name, ..] | [_, _, name, ..]) if name.starts_with('$') => {
                Err(unsupported(&format!("The operation {} is not offered here", short(name))))
            }
            (_, [name, rest @ ..]) => typed(method.as_str(), kind_of(name)?, rest, pairs),
            _ => Err(unsupported("That interaction is not offered here")),
        }
    }

    /// The largest body it takes in bytes; of resources the configured limit.
    pub fn body_limit(&self, configured: u64) -> u64 {
        match self {
            Interaction::Search { .. } => configured.min(LONGEST_FORM),
            _ => configured,
        }
    }

    /// Whether it changes nothing.
    pub fn reads(&self) -> bool {
        matches!(
            self,
            Interaction::Read { .. }
                | Interaction::Vread { .. }
                | Interaction::History { .. }
                | Interaction::Search { .. }
        )
    }

    /// Whether a body belongs to it.
    pub fn wants_body(&self) -> bool {
        matches!(
            self,
            Interaction::Bundle
                | Interaction::Create { .. }
                | Interaction::Update { .. }
                | Interaction::UpdateWhere { .. }
                | Interaction::Search { form: true, .. }
        )
    }
}

/// The longest form: what a search may have of parameters, and some.
const LONGEST_FORM: u64 = 4 << 20;

fn typed(
    method: &str,
    kind: Kind,
    rest: &[&str],
    pairs: Vec<(String, String)>,
) -> Result<Interaction, Fault> {
    Ok(match (method, rest) {
        ("GET", []) => Interaction::Search { kind, pairs, form: false },
        ("POST", ["_search"]) => Interaction::Search { kind, pairs, form: true },
        ("POST", []) => Interaction::Create { kind, pairs: criteria_of(pairs) },
        ("PUT", []) => Interaction::UpdateWhere { kind, pairs },
        ("DELETE", []) => Interaction::DeleteWhere { kind, pairs },
        ("GET", ["_history"]) => Interaction::History { kind: Some(kind), id: None, pairs },
        ("GET", ["_search"]) => {
            return Err(unsupported("_search is POSTed; with GET the parameters follow the type"));
        }
        ("GET", [id]) => Interaction::Read { kind, id: (*id).to_owned(), pairs },
        ("PUT", [id]) => Interaction::Update { kind, id: (*id).to_owned() },
        ("DELETE", [id]) => Interaction::Delete { kind, id: (*id).to_owned() },
        ("GET", [id, "_history"]) => {
            Interaction::History { kind: Some(kind), id: Some((*id).to_owned()), pairs }
        }
        ("GET", [id, "_history", version]) => match version.parse() {
            Ok(version) => Interaction::Vread { kind, id: (*id).to_owned(), version },
            Err(_) => return Err(Fault::not_found()),
        },
        ("PATCH", [_]) => {
            return Err(unsupported("PATCH is not offered here; PUT the whole resource with If-Match"));
        }
        ("GET", [_, name]) if kind_of(name).is_ok() || *name == "*" => {
            return Err(unsupported("Searching a compartment is not offered here; search with patient="));
        }
        _ if allowed(&[&["type"], rest].concat()).is_empty() => return Err(Fault::not_found()),
        _ => return Err(unsupported("That interaction is not offered here")),
    })
}

/// What is left without the general parameters (FHIR R4 §3.1.0.1.11).
fn criteria_of(mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    pairs.retain(|(name, _)| !matches!(name.as_str(), "_format" | "_pretty"));
    pairs
}

/// The methods that a path takes (RFC 9110 §10.2.1), behind the base; empty where there is no such path.
pub fn allowed_methods(path: &str) -> &'static str {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    allowed(&segments)
}

fn allowed(segments: &[&str]) -> &'static str {
    match segments {
        [] => "POST",
        ["metadata" | "_history"] => "GET, HEAD",
        [_, .., name] | [name] if name.starts_with('$') => "",
        ["AuditEvent"] | ["AuditEvent", _] if segments.last() != Some(&"_search") => "GET, HEAD",
        ["AuditEvent", _, ..] if segments.contains(&"_history") => "",
        [_] => "GET, HEAD, POST, PUT, DELETE",
        [_, "_search"] => "POST",
        [_, "_history"] | [_, _, "_history"] | [_, _, "_history", _] => "GET, HEAD",
        [_, _] => "GET, HEAD, PUT, DELETE",
        _ => "",
    }
}

fn unsupported(words: &str) -> Fault {
    Fault::new(FaultKind::Unsupported, "interaction", format!("{words}; /fhir/metadata says what is."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &str, path: &str, expected: Result<&str, u16>) {
        let read = Interaction::parse(&method.parse().unwrap(), path, Vec::new());
        match expected {
            Ok(name) => assert!(format!("{:?}", read.unwrap()).starts_with(name)),
            Err(status) => assert_eq!(read.unwrap_err().kind.meaning().http, status),
        }
    }

    #[test]
    fn urls_become_interactions() {
        check("GET", "/Patient", Ok("Search"));
        check("HEAD", "/Patient/1", Ok("Read"));
        check("GET", "/Patient/1/_history/2", Ok("Vread"));
        check("GET", "/_history", Ok("History"));
        check("POST", "/", Ok("Bundle"));
        check("POST", "/Patient/_search", Ok("Search"));
        check("PUT", "/Patient", Ok("UpdateWhere"));
        check("DELETE", "/Patient/1", Ok("Delete"));
    }

    #[test]
    fn what_is_not_offered_says_so() {
        check("GET", "/Nothing/1", Err(404));
        check("GET", "/Patient/1/_history/x", Err(404));
        check("GET", "/Patient/1/$everything", Err(405));
        check("GET", "/$export", Err(405));
        check("PATCH", "/Patient/1", Err(405));
        check("GET", "/Patient/1/Observation", Err(405));
        check("GET", "/Patient/1/x/y/z", Err(404));
        check("POST", "/Patient/1", Err(405));
        check("POST", "/metadata", Err(405));
        check("GET", "/", Err(405));
    }

    #[test]
    fn a_path_says_which_methods_it_takes() {
        for (path, methods) in [
            ("/", "POST"),
            ("/Patient", "GET, HEAD, POST, PUT, DELETE"),
            ("/Patient/1", "GET, HEAD, PUT, DELETE"),
            ("/Patient/_search", "POST"),
            ("/Patient/1/_history/1/", "GET, HEAD"),
            ("/Patient/1/$everything", ""),
            ("/AuditEvent", "GET, HEAD"),
            ("/AuditEvent/_search", "POST"),
        ] {
            assert_eq!(allowed_methods(path), methods, "{path}");
        }
    }
}
