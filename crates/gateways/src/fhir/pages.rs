//! Bundles on the way out: stored bytes are spliced into the envelope, never parsed and printed again.

use crate::http::write_pairs;
use lenticular_base::tree;
use lenticular_base::{Fault, Kind};
use lenticular_fhir::bundle::{Content, EntryOut, Head, Response, Writer};
use lenticular_fhir::search::Summary;
use lenticular_fhir::{kinds, search};
use lenticular_services::audit_events::AuditPage;
use lenticular_services::history::{History, HistoryRequest};
use lenticular_services::owners::Owners;
use lenticular_services::resources::Version;
use lenticular_services::search::Found;

/// The stored bytes of a version, to be spliced in.
pub fn content(version: &Version) -> Option<Content<'_>> {
    let json = std::str::from_utf8(&version.body).ok()?;
    let number = version.version.unsigned_abs();
    Some(match u32::try_from(version.splice) {
        Ok(splice) => Content::Stored { json, splice, version: number, updated: version.updated },
        Err(_) => Content::Json(json),
    })
}

fn writer(kind: &str, total: Option<u64>, links: &[(&str, String)]) -> Writer {
    let links: Vec<(&str, &str)> = links.iter().map(|(relation, url)| (*relation, url.as_str())).collect();
    Writer::new(&Head { kind, total, links: &links, ..Head::default() })
}

/// A link to a page; what it is asked by stays, but for the page.
fn link(url: &str, pairs: &[(String, String)], page: Option<&str>) -> String {
    let kept =
        pairs.iter().filter(|(name, _)| name != "_page").map(|(name, value)| (name.as_str(), value.as_str()));
    let query = write_pairs(kept.chain(page.map(|page| ("_page", page))));
    if query.is_empty() { url.to_owned() } else { format!("{url}?{query}") }
}

/// The extension of an entry of a Bundle that says which member a resource is from, where that is another one.
const OWNER: &str = "urn:lenticular:owner";

fn mark<'o>(owners: &'o Owners, version: &Version) -> Option<(&'o str, &'o str)> {
    owners.of(version).map(|id| (OWNER, id))
}

/// A searchset.
pub fn searchset(found: &Found, owners: &Owners, kind: Kind, base: &str) -> Result<Vec<u8>, Fault> {
    let name = kinds::name(kind);
    let linked = |page: Option<&String>| {
        link(&format!("{base}/{name}"), &found.search.self_pairs, page.map(String::as_str))
    };
    let mut links = vec![("self", linked(None))];
    links.extend(found.next.as_ref().map(|next| ("next", linked(Some(next)))));
    let mut page = writer("searchset", found.total, &links);
    for (versions, mode) in [(&found.matches, "match"), (&found.included, "include")] {
        for version in versions {
            let narrowed = match mode {
                "match" => narrow(version, found.search.summary, &found.search.elements)?,
                _ => None,
            };
            let url = format!("{base}/{}/{}", kinds::name(version.kind), version.id);
            page.entry(&EntryOut {
                full_url: Some(&url),
                extension: mark(owners, version),
                resource: narrowed.as_deref().map(Content::Json).or_else(|| content(version)),
                search_mode: Some(mode),
                ..EntryOut::default()
            });
        }
    }
    Ok(page.finish())
}

/// The resource with what `_summary` and `_elements` leave of it; `None` where that is all.
fn narrow(version: &Version, summary: Summary, names: &[String]) -> Result<Option<String>, Fault> {
    if summary == Summary::False && names.is_empty() {
        return Ok(None);
    }
    let bytes = version.to_bytes();
    let tree = tree::parse(&bytes).map_err(Fault::internal)?;
    Ok(Some(search::summarise(&tree, version.kind, summary, names)))
}

/// A read with `_summary` and `_elements` (FHIR R4 §3.1.0.1.12).
pub fn narrowed(version: &Version, pairs: &[(String, String)]) -> Result<Vec<u8>, Fault> {
    let mut summary = Summary::False;
    let mut names = Vec::new();
    for (name, value) in pairs {
        match (name.as_str(), value.as_str()) {
            ("_summary", "true") => summary = Summary::True,
            ("_summary", "text") => summary = Summary::Text,
            ("_summary", "data") => summary = Summary::Data,
            ("_elements", list) => names.extend(list.split(',').map(str::to_owned)),
            _ => {}
        }
    }
    Ok(match narrow(version, summary, &names)? {
        Some(json) => json.into_bytes(),
        None => version.to_bytes(),
    })
}

/// A history Bundle, newest version first.
pub fn history(
    history: &History,
    owners: &Owners,
    request: &HistoryRequest,
    pairs: &[(String, String)],
    base: &str,
) -> Vec<u8> {
    let mut url = base.to_owned();
    for part in [request.kind.map(kinds::name), request.id.as_deref()].into_iter().flatten() {
        url.push('/');
        url.push_str(part);
    }
    url.push_str("/_history");
    let mut links = vec![("self", link(&url, pairs, None))];
    links.extend(history.next.map(|next| ("next", link(&url, pairs, Some(&next.to_string())))));
    let mut page = writer("history", None, &links);
    for version in &history.versions {
        let name = format!("{}/{}", kinds::name(version.kind), version.id);
        let (method, status) = match (version.deleted, version.version) {
            (true, _) => ("DELETE", "204 No Content"),
            (false, 1) => ("POST", "201 Created"),
            _ => ("PUT", "200 OK"),
        };
        page.entry(&EntryOut {
            full_url: Some(&format!("{base}/{name}")),
            extension: mark(owners, version),
            resource: content(version).filter(|_| !version.deleted),
            request: Some((method, if method == "POST" { kinds::name(version.kind) } else { &name })),
            response: Some(Response {
                status,
                version: Some(version.version.unsigned_abs()),
                last_modified: Some(version.updated),
                ..Response::default()
            }),
            ..EntryOut::default()
        });
    }
    page.finish()
}

/// A searchset of audit events.
pub fn audit_events(found: &AuditPage, base: &str) -> Vec<u8> {
    let url = format!("{base}/AuditEvent");
    let mut links = vec![("self", link(&url, &found.pairs, None))];
    links.extend(found.next.map(|next| ("next", link(&url, &found.pairs, Some(&next.to_string())))));
    let mut page = writer("searchset", None, &links);
    for event in &found.events {
        page.entry(&EntryOut {
            full_url: Some(&format!("{base}/AuditEvent/{}", event.id)),
            resource: content(event),
            search_mode: Some("match"),
            ..EntryOut::default()
        });
    }
    page.finish()
}
