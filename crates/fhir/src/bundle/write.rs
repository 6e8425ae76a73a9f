//! Writing searchsets, histories and the answers to batches, around stored bytes.

use crate::resource;
use lenticular_base::Instant;
use lenticular_base::tree::Text;
use std::io::Write;

/// What stands before the entries.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'h> {
    /// `searchset`, `history`, `transaction-response`, `batch-response`, `collection`.
    pub kind: &'h str,
    pub id: Option<&'h str>,
    pub timestamp: Option<Instant>,
    pub total: Option<u64>,
    /// Relation (`self`, `next`, `previous`, `first`) and URL.
    pub links: &'h [(&'h str, &'h str)],
}

/// The JSON of a resource.
#[derive(Clone, Copy, Debug)]
pub enum Content<'c> {
    /// A body that [`resource::prepare`] made, with the version and time to splice in.
    Stored { json: &'c str, splice: u32, version: u64, updated: Instant },
    /// Complete JSON.
    Json(&'c str),
}

/// One entry to write; what is `None` is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct EntryOut<'e> {
    pub full_url: Option<&'e str>,
    /// An extension of the entry: its URL, and its value as a string.
    pub extension: Option<(&'e str, &'e str)>,
    pub resource: Option<Content<'e>>,
    /// `match`, `include` or `outcome` (value set search-entry-mode).
    pub search_mode: Option<&'e str>,
    /// Method and URL, for histories.
    pub request: Option<(&'e str, &'e str)>,
    pub response: Option<Response<'e>>,
}

/// `Bundle.entry.response`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Response<'r> {
    /// Such as `201 Created`.
    pub status: &'r str,
    pub location: Option<&'r str>,
    /// The version, written as the weak ETag `W/"3"`.
    pub version: Option<u64>,
    pub last_modified: Option<Instant>,
    /// The JSON of an OperationOutcome.
    pub outcome: Option<&'r str>,
}

/// Writes a Bundle piece by piece as compact JSON.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    entries: u64,
}

impl Writer {
    /// Starts a Bundle.
    pub fn new(head: &Head<'_>) -> Writer {
        let mut writer = Writer { out: Vec::with_capacity(4096), entries: 0 };
        writer.put("{\"resourceType\":\"Bundle\"");
        if let Some(id) = head.id {
            writer.member("id", id);
        }
        writer.member("type", head.kind);
        if let Some(timestamp) = head.timestamp {
            writer.print(format_args!(",\"timestamp\":\"{timestamp}\""));
        }
        if let Some(total) = head.total {
            writer.print(format_args!(",\"total\":{total}"));
        }
        for (at, (relation, url)) in head.links.iter().enumerate() {
            writer.put(if at == 0 { ",\"link\":[{\"relation\":\"" } else { ",{\"relation\":\"" });
            writer.put(Text::new(*relation).raw());
            writer.put("\",\"url\":\"");
            writer.put(Text::new(*url).raw());
            writer.put("\"}");
        }
        if !head.links.is_empty() {
            writer.put("]");
        }
        writer
    }

    /// Appends an entry.
    pub fn entry(&mut self, entry: &EntryOut<'_>) {
        self.put(if self.entries == 0 { ",\"entry\":[{" } else { ",{" });
        self.entries += 1;
        let start = self.out.len();
        if let Some(url) = entry.full_url {
            self.member("fullUrl", url);
        }
        if let Some((url, value)) = entry.extension {
            self.put(",\"extension\":[{\"url\":\"");
            self.put(Text::new(url).raw());
            self.put("\"");
            self.member("valueString", value);
            self.put("}]");
        }
        match entry.resource {
            Some(Content::Json(json)) => {
                self.put(",\"resource\":");
                self.put(json);
            }
            Some(Content::Stored { json, splice, version, updated }) => {
                self.put(",\"resource\":");
                resource::splice(json, splice, version, updated, &mut self.out);
            }
            None => {}
        }
        if let Some(mode) = entry.search_mode {
            self.put(",\"search\":{\"mode\":\"");
            self.put(mode);
            self.put("\"}");
        }
        if let Some((method, url)) = entry.request {
            self.put(",\"request\":{\"method\":\"");
            self.put(method);
            self.put("\"");
            self.member("url", url);
            self.put("}");
        }
        if let Some(response) = &entry.response {
            self.response(response);
        }
        // Each member began with a comma; the first one's goes.
        if self.out.get(start) == Some(&b',') {
            self.out.remove(start);
        }
        self.put("}");
    }

    fn response(&mut self, response: &Response<'_>) {
        self.put(",\"response\":{\"status\":\"");
        self.put(Text::new(response.status).raw());
        self.put("\"");
        if let Some(location) = response.location {
            self.member("location", location);
        }
        if let Some(version) = response.version {
            self.print(format_args!(",\"etag\":\"W/\\\"{version}\\\"\""));
        }
        if let Some(at) = response.last_modified {
            self.print(format_args!(",\"lastModified\":\"{at}\""));
        }
        if let Some(outcome) = response.outcome {
            self.put(",\"outcome\":");
            self.put(outcome);
        }
        self.put("}");
    }

    /// How many bytes have been written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether there is no entry yet.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Ends the Bundle. Without entries there is no `entry`, as FHIR knows no empty arrays.
    pub fn finish(mut self) -> Vec<u8> {
        self.put(if self.entries == 0 { "}" } else { "]}" });
        self.out
    }

    fn member(&mut self, name: &str, value: &str) {
        self.put(",\"");
        self.put(name);
        self.put("\":\"");
        self.put(Text::new(value).raw());
        self.put("\"");
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn print(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a Vec does not fail.
        let _ = self.out.write_fmt(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::validate;
    use lenticular_base::tree::parse;

    #[test]
    fn a_searchset_holds_stored_bytes() {
        let links = [("self", "http://a/Patient?name=\"x\"")];
        let head = Head { kind: "searchset", total: Some(1), links: &links, ..Head::default() };
        let mut writer = Writer::new(&head);
        let body = crate::resource::prepare(&parse(br#"{"resourceType":"Patient"}"#).unwrap(), "1").unwrap();
        writer.entry(&EntryOut {
            full_url: Some("http://a/Patient/1"),
            resource: Some(Content::Stored {
                json: &body.json,
                splice: body.splice,
                version: 2,
                updated: Instant(0),
            }),
            search_mode: Some("match"),
            ..EntryOut::default()
        });
        let json = String::from_utf8(writer.finish()).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"resourceType":"Bundle","type":"searchset","total":1,"#,
                r#""link":[{"relation":"self","url":"http://a/Patient?name=\"x\""}],"entry":[{"#,
                r#""fullUrl":"http://a/Patient/1","resource":{"resourceType":"Patient","id":"1","meta":{"#,
                r#""versionId":"2","lastUpdated":"1970-01-01T00:00:00.000Z"}},"search":{"mode":"match"}}]}"#
            )
        );
    }

    #[test]
    fn every_bundle_is_valid() {
        let timestamp = Some(Instant(0));
        let mut writer =
            Writer::new(&Head { kind: "transaction-response", id: Some("b"), timestamp, ..Head::default() });
        assert!(writer.is_empty());
        let outcome = crate::outcome::informational("all \"well\"");
        let response = Response {
            status: "201 Created",
            location: Some("Patient/1/_history/1"),
            version: Some(1),
            last_modified: Some(Instant(0)),
            outcome: Some(&outcome),
        };
        writer.entry(&EntryOut { response: Some(response), ..EntryOut::default() });
        writer.entry(&EntryOut {
            request: Some(("DELETE", "Patient/1")),
            response: Some(Response { status: "204", ..Response::default() }),
            ..EntryOut::default()
        });
        assert!(writer.len() > 100);
        let json = writer.finish();
        let tree = parse(&json).unwrap();
        assert_eq!(validate(&tree, Some("Bundle")), Ok(()));
        let empty = Writer::new(&Head { kind: "history", ..Head::default() }).finish();
        assert_eq!(empty, br#"{"resourceType":"Bundle","type":"history"}"#);
    }
}
