//! Bundles: reading a batch or transaction, and writing what is answered (FHIR R4 §2.36, §3.1.0.11).

mod write;

pub use write::{Content, EntryOut, Head, Response, Writer};

use crate::kinds;
use crate::reference::{self, Reference};
use lenticular_base::tree::{Object, Tree};
use lenticular_base::{Fault, FaultKind, LogicalId};
use std::borrow::Cow;
use std::collections::HashMap;
use thiserror::Error;

/// Whether a Bundle is done as a whole or entry by entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BundleKind {
    Batch,
    Transaction,
}

/// `Bundle.entry.request.method` (value set http-verb).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Method {
    Delete,
    Post,
    Put,
    Patch,
    Get,
    Head,
}

impl Method {
    fn parse(text: &str) -> Option<Method> {
        Some(match text {
            "DELETE" => Method::Delete,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            _ => return None,
        })
    }

    /// The HTTP method's name.
    pub fn name(self) -> &'static str {
        match self {
            Method::Delete => "DELETE",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Get => "GET",
            Method::Head => "HEAD",
        }
    }
}

/// One entry to do.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry<'a> {
    /// Its place in the Bundle, from 0.
    pub index: usize,
    pub full_url: Option<String>,
    pub method: Method,
    /// Relative to the FHIR base, as it arrived: `Patient`, `Patient/1`, `Patient?identifier=x`.
    pub url: String,
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
    pub if_modified_since: Option<String>,
    pub if_none_exist: Option<String>,
    /// There for POST, PUT and PATCH.
    pub resource: Option<Tree<'a>>,
}

/// What the URL of a create, update, patch or delete names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UrlTarget<'u> {
    pub resource_type: &'u str,
    pub id: Option<&'u str>,
    /// The search of a conditional interaction, without its `?`.
    pub query: Option<&'u str>,
}

impl Entry<'_> {
    /// What the URL names; `None` where it is of another form: a history, an operation, the base.
    pub fn target(&self) -> Option<UrlTarget<'_>> {
        let url = self.url.strip_prefix('/').unwrap_or(&self.url);
        let (path, query) = match url.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (url, None),
        };
        let (resource_type, id) = match path.split_once('/') {
            Some((resource_type, id)) => (resource_type, Some(id)),
            None => (path, None),
        };
        kinds::kind(resource_type)?;
        id.is_none_or(LogicalId::fits).then_some(UrlTarget { resource_type, id, query })
    }
}

/// A batch or transaction that was read.
#[derive(Clone, PartialEq, Debug)]
pub struct Bundle<'a> {
    pub kind: BundleKind,
    /// In the order they arrived.
    pub entries: Vec<Entry<'a>>,
    /// How many entries arrived.
    pub count: usize,
    /// Entries of a batch that cannot be done, by their place; always empty for a transaction.
    pub refused: Vec<(usize, BundleError)>,
}

/// Why a Bundle cannot be done.
#[derive(Error, Clone, PartialEq, Eq, Debug)]
pub enum BundleError {
    #[error("a Bundle was expected")]
    NotABundle,
    #[error("a Bundle of type batch or transaction was expected, not \"{0}\"")]
    Type(String),
    #[error("Bundle.entry is an array of objects")]
    Entries,
    #[error("the entry has no request")]
    NoRequest { entry: usize },
    #[error("the request's method is none of GET, HEAD, POST, PUT, PATCH and DELETE")]
    Method { entry: usize },
    #[error("the request has no url")]
    Url { entry: usize },
    #[error("the request needs a resource")]
    NoResource { entry: usize },
    #[error("entry {other} has the same fullUrl")]
    FullUrl { entry: usize, other: usize },
    #[error("entry {other} changes the same resource; a transaction may do so once")]
    Target { entry: usize, other: usize },
}

impl BundleError {
    /// Where in the Bundle.
    pub fn path(&self) -> String {
        match self {
            BundleError::NotABundle => "Bundle".into(),
            BundleError::Type(_) => "Bundle.type".into(),
            BundleError::Entries => "Bundle.entry".into(),
            BundleError::NoRequest { entry } => format!("Bundle.entry[{entry}].request"),
            BundleError::Method { entry } => format!("Bundle.entry[{entry}].request.method"),
            BundleError::Url { entry } | BundleError::Target { entry, .. } => {
                format!("Bundle.entry[{entry}].request.url")
            }
            BundleError::NoResource { entry } => format!("Bundle.entry[{entry}].resource"),
            BundleError::FullUrl { entry, .. } => format!("Bundle.entry[{entry}].fullUrl"),
        }
    }
}

impl From<BundleError> for Fault {
    fn from(error: BundleError) -> Fault {
        Fault::new(FaultKind::Invalid, "bundle", error.to_string()).at(error.path())
    }
}

/// Reads a Bundle of type batch or transaction. Resources are taken over, not checked.
///
/// A transaction with an entry that cannot be done, with one fullUrl twice, or with two changes of one resource, is
/// refused as a whole; a batch keeps what it can do.
pub fn read(tree: Tree<'_>) -> Result<Bundle<'_>, BundleError> {
    let Tree::Object(mut object) = tree else { return Err(BundleError::NotABundle) };
    if text(&object, "resourceType").as_deref() != Some("Bundle") {
        return Err(BundleError::NotABundle);
    }
    let kind = match text(&object, "type").as_deref() {
        Some("batch") => BundleKind::Batch,
        Some("transaction") => BundleKind::Transaction,
        other => return Err(BundleError::Type(other.unwrap_or("").chars().take(60).collect())),
    };
    let items = match object.remove("entry") {
        None => Vec::new(),
        Some(Tree::Array(items)) => items,
        Some(_) => return Err(BundleError::Entries),
    };
    let mut bundle =
        Bundle { kind, entries: Vec::with_capacity(items.len()), count: items.len(), refused: vec![] };
    for (index, item) in items.into_iter().enumerate() {
        match read_entry(index, item) {
            Ok(entry) => bundle.entries.push(entry),
            Err(error) if kind == BundleKind::Transaction => return Err(error),
            Err(error) => bundle.refused.push((index, error)),
        }
    }
    if kind == BundleKind::Transaction {
        bundle.refuse_duplicates()?;
    }
    Ok(bundle)
}

fn text(object: &Object<'_>, name: &str) -> Option<String> {
    object.get(name)?.text().map(|text| text.into_owned())
}

fn read_entry(index: usize, item: Tree<'_>) -> Result<Entry<'_>, BundleError> {
    let Tree::Object(mut entry) = item else { return Err(BundleError::Entries) };
    let Some(Tree::Object(request)) = entry.remove("request") else {
        return Err(BundleError::NoRequest { entry: index });
    };
    let method = text(&request, "method").and_then(|method| Method::parse(&method));
    let method = method.ok_or(BundleError::Method { entry: index })?;
    let url = text(&request, "url").ok_or(BundleError::Url { entry: index })?;
    let resource = entry.remove("resource");
    if matches!(method, Method::Post | Method::Put | Method::Patch) && resource.is_none() {
        return Err(BundleError::NoResource { entry: index });
    }
    Ok(Entry {
        index,
        full_url: text(&entry, "fullUrl"),
        method,
        url,
        if_match: text(&request, "ifMatch"),
        if_none_match: text(&request, "ifNoneMatch"),
        if_modified_since: text(&request, "ifModifiedSince"),
        if_none_exist: text(&request, "ifNoneExist"),
        resource,
    })
}

impl Bundle<'_> {
    /// Conditional interactions may still meet in one resource once they are resolved; that is for whoever resolves them.
    fn refuse_duplicates(&self) -> Result<(), BundleError> {
        let mut full_urls = HashMap::new();
        let mut targets = HashMap::new();
        for Entry { index, full_url, method, url, .. } in &self.entries {
            let entry = *index;
            if let Some(url) = full_url.as_deref()
                && let Some(other) = full_urls.insert(url, entry)
            {
                return Err(BundleError::FullUrl { entry, other });
            }
            let changes = matches!(method, Method::Put | Method::Patch | Method::Delete);
            if changes && let Some(other) = targets.insert(url.trim_start_matches('/'), entry) {
                return Err(BundleError::Target { entry, other });
            }
        }
        Ok(())
    }
}

/// What a reference within an entry means as a whole URL: a relative one stands beside the entry's own fullUrl
/// (§2.36.4.1). `Patient/2` in the entry `http://a/fhir/Basic/1` is `http://a/fhir/Patient/2`; all else stays as it is.
pub fn absolute<'r>(full_url: Option<&str>, reference: &'r str) -> Cow<'r, str> {
    let base = full_url.and_then(reference::parse);
    match (base, reference::parse(reference)) {
        (Some(Reference::Absolute { base, .. }), Some(Reference::Relative(_))) => {
            Cow::Owned(format!("{base}/{reference}"))
        }
        _ => Cow::Borrowed(reference),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lenticular_base::tree::parse;

    fn bundle(kind: &str, entries: &str) -> Result<Bundle<'static>, BundleError> {
        let json = format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{entries}]}}"#);
        read(parse(json.as_bytes()).unwrap().into_owned())
    }

    const DELETE: &str = r#"{"request":{"method":"DELETE","url":"Patient/1"}}"#;
    const PUT: &str = r#"{"request":{"method":"PUT","url":"Patient/2","ifMatch":"W/\"3\""},"resource":{}}"#;
    const POST: &str =
        r#"{"fullUrl":"urn:uuid:1","request":{"method":"POST","url":"Patient"},"resource":{"a":1.0}}"#;
    const GET: &str = r#"{"request":{"method":"GET","url":"Patient?name=x"}}"#;

    #[test]
    fn entries_are_read_as_they_arrived() {
        let entries = [GET, PUT, POST, DELETE].join(",");
        let read = bundle("transaction", &entries).unwrap();
        assert_eq!(read.entries[2].full_url.as_deref(), Some("urn:uuid:1"));
        assert_eq!(read.entries[1].if_match.as_deref(), Some("W/\"3\""));
        assert_eq!(read.entries[2].resource.as_ref().unwrap().to_json(), r#"{"a":1.0}"#);
        let target = |at: usize| read.entries[at].target().unwrap();
        assert_eq!(target(0), UrlTarget { resource_type: "Patient", id: None, query: Some("name=x") });
        assert_eq!(target(1), UrlTarget { resource_type: "Patient", id: Some("2"), query: None });
    }

    #[test]
    fn a_transaction_that_cannot_be_done_says_where() {
        let check = |entries: &[&str], path: &str| {
            let error = bundle("transaction", &entries.join(",")).unwrap_err();
            assert_eq!(error.path(), path);
            assert_eq!(Fault::from(error).kind, FaultKind::Invalid);
        };
        check(&[POST, POST], "Bundle.entry[1].fullUrl");
        check(
            &[DELETE, r#"{"request":{"method":"PUT","url":"/Patient/1"},"resource":{}}"#],
            "Bundle.entry[1].request.url",
        );
        check(&["{}"], "Bundle.entry[0].request");
        check(&[r#"{"request":{"url":"x"}}"#], "Bundle.entry[0].request.method");
        check(&[r#"{"request":{"method":"GET"}}"#], "Bundle.entry[0].request.url");
        check(&[r#"{"request":{"method":"POST","url":"Patient"}}"#], "Bundle.entry[0].resource");
        check(&["1"], "Bundle.entry");
        assert_eq!(bundle("history", "").unwrap_err().path(), "Bundle.type");
        assert_eq!(read(Tree::Null), Err(BundleError::NotABundle));
        assert_eq!(read(Tree::object([])), Err(BundleError::NotABundle));
    }

    #[test]
    fn relative_references_stand_beside_the_full_url() {
        let entry = Some("http://a/fhir/Basic/1");
        assert_eq!(absolute(entry, "Patient/2"), "http://a/fhir/Patient/2");
        assert_eq!(absolute(entry, "urn:uuid:1"), "urn:uuid:1");
        assert_eq!(absolute(Some("urn:uuid:1"), "Patient/2"), "Patient/2");
        assert_eq!(absolute(None, "#p"), "#p");
    }

    #[test]
    fn a_batch_keeps_what_it_can_do() {
        let read = bundle("batch", &["{}", DELETE, DELETE].join(",")).unwrap();
        assert_eq!(read.refused, [(0, BundleError::NoRequest { entry: 0 })]);
        assert_eq!(read.entries.iter().map(|entry| entry.index).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(read.count, 3);
    }
}
