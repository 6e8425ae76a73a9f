//! What an interaction came to, before it becomes an HTTP response or an entry of a Bundle.

use crate::http::{challenge, status};
use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, CONTENT_LOCATION, CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use lenticular_base::{Fault, Instant, calendar, tree};
use lenticular_fhir::kinds;
use lenticular_fhir::outcome::{from_fault, from_issues};
use lenticular_services::resources::{Issues, Version};

/// Status, headers and JSON of one answer.
#[derive(Debug)]
pub struct Outcome {
    pub status: StatusCode,
    pub version: Option<i64>,
    pub modified: Option<Instant>,
    pub location: Option<String>,
    /// Where the very version lies that the body shows.
    pub content_location: Option<String>,
    pub body: Option<Vec<u8>>,
    pub headers: HeaderMap,
}

impl Outcome {
    /// A status and perhaps a body.
    pub fn new(status: StatusCode, body: Option<Vec<u8>>) -> Outcome {
        Outcome {
            status,
            version: None,
            modified: None,
            location: None,
            content_location: None,
            body,
            headers: HeaderMap::new(),
        }
    }

    /// A fault as an OperationOutcome, every issue with its path.
    pub fn fault(fault: &Fault) -> Outcome {
        let issues = fault.source.as_ref().and_then(|source| source.downcast_ref::<Issues>());
        let body = match issues {
            Some(Issues(issues)) if !issues.is_empty() => from_issues(issues),
            _ => from_fault(fault),
        };
        let mut outcome = Outcome::new(status(fault), Some(body.into_bytes()));
        challenge(fault, &mut outcome.headers);
        outcome
    }

    /// The same with the ETag and the Last-Modified of a version.
    pub fn of_version(mut self, version: &Version) -> Outcome {
        self.version = Some(version.version);
        self.modified = Some(version.updated);
        self
    }

    /// The same with the address of the version in `Content-Location` (RFC 9110 §8.7).
    pub fn at_version(mut self, version: &Version, base: &str) -> Outcome {
        self.content_location = Some(version_url(version, base));
        self
    }

    /// The same with the member that it is from, where that is another than the caller's.
    pub fn owned_by(mut self, owner: Option<&str>) -> Outcome {
        if let Some(value) = owner.and_then(|owner| HeaderValue::from_str(owner).ok()) {
            self.headers.insert("lenticular-owner", value);
        }
        self
    }

    /// The same with the methods that the path does take (RFC 9110 §15.5.6).
    pub fn allowing(mut self, methods: &str) -> Outcome {
        if let Ok(value) = HeaderValue::from_str(methods) {
            self.headers.insert(ALLOW, value);
        }
        self
    }

    /// As an HTTP response; `pretty` indents the body.
    pub fn respond(self, pretty: bool) -> Response {
        let has_body = self.body.is_some();
        let body = match self.body {
            Some(bytes) if pretty => Body::from(indent(bytes)),
            Some(bytes) => Body::from(bytes),
            None => Body::empty(),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.extend(self.headers);
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/fhir+json; charset=utf-8"));
        }
        let mut set = |name, text: String| {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        };
        if let Some(version) = self.version {
            set(ETAG, etag(version));
        }
        if let Some(modified) = self.modified {
            set(LAST_MODIFIED, http_date(modified));
        }
        if let Some(location) = self.location {
            set(LOCATION, location);
        }
        if let Some(location) = self.content_location {
            set(CONTENT_LOCATION, location);
        }
        response
    }
}

/// A version as a weak entity tag.
pub fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// The address of one version.
pub fn version_url(version: &Version, base: &str) -> String {
    format!("{base}/{}/{}/_history/{}", kinds::name(version.kind), version.id, version.version)
}

fn indent(bytes: Vec<u8>) -> Vec<u8> {
    let mut pretty = String::with_capacity(bytes.len() * 2);
    match tree::parse(&bytes) {
        Ok(tree) => tree.write_pretty(&mut pretty, 0),
        Err(_) => return bytes,
    }
    pretty.push('\n');
    pretty.into_bytes()
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The second since the epoch that an IMF-fixdate names; other forms of old are not read, and so never match.
pub fn read_http_date(text: &str) -> Option<i64> {
    let (_, rest) = text.trim().split_once(", ")?;
    let mut parts = rest.split(' ');
    let (day, month, year, time, zone) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let fits = zone == "GMT" && parts.next().is_none() && day.len() == 2 && year.len() == 4;
    let span = calendar::parse_span(&format!("{year}-{month:02}-{day}T{time}Z")).filter(|_| fits)?;
    Some(span.low.div_euclid(1000))
}

/// An IMF-fixdate (RFC 9110 §5.6.7).
pub fn http_date(instant: Instant) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let days = instant.0.div_euclid(86_400_000);
    let seconds = instant.0.rem_euclid(86_400_000) / 1000;
    let (year, month, day) = calendar::civil_from_days(days);
    let weekday = DAYS[usize::try_from(days.rem_euclid(7)).unwrap_or(0)];
    let name = MONTHS[usize::try_from(month - 1).unwrap_or(0)];
    format!(
        "{weekday}, {day:02} {name} {year:04} {:02}:{:02}:{:02} GMT",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(http_date(Instant(784_111_777_000)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(Instant(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(read_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        for bad in [
            "",
            "Sun",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 99 Foo 1994 1 GMT",
        ] {
            assert_eq!(read_http_date(bad), None, "{bad}");
        }
    }
}
