//! Taking in one file: DICOM, a FHIR Bundle, a FHIR resource, or NDJSON; told apart by their bytes, not by their names.

use crate::Services;
use crate::access::Caller;
use crate::ingest::{Arrival, Disposition};
use crate::resources::{Precondition, id_in_body, kind_of, parse};
use bytes::Bytes;
use lenticular_base::tree::Tree;
use lenticular_base::{Fault, FaultKind};
use std::io::Read;

/// What one file brought.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Imported {
    pub instances: u64,
    pub duplicates: u64,
    pub conflicts: u64,
    pub resources: u64,
    /// Line or entry, and why it was refused.
    pub refused: Vec<(String, String)>,
}

/// What a file begins like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Dicom,
    Json,
    /// One JSON object a line.
    NdJson,
}

impl Form {
    /// Reads the form from the first bytes: JSON begins with `{`; anything else has to prove itself as DICOM.
    pub fn of(head: &[u8]) -> Form {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let start = text.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(0);
        if head.get(128..132) == Some(b"DICM") || text.get(start) != Some(&b'{') {
            return Form::Dicom;
        }
        let line = text[start..].split(|b| *b == b'\n').next().unwrap_or(b"");
        let rest = &text[(start + line.len()).min(text.len())..];
        let more = rest.iter().any(|b| !b.is_ascii_whitespace());
        if more && lenticular_base::tree::parse(line.trim_ascii()).is_ok() {
            Form::NdJson
        } else {
            Form::Json
        }
    }
}

impl Services {
    /// Takes in a DICOM object from a reader. Blocks.
    pub fn import_dicom(&self, caller: &Caller, mut reader: impl Read) -> Result<Imported, Fault> {
        let mut ingest = self.begin_ingest(caller.clone(), Arrival::File)?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => ingest.push(&buffer[..length])?,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => {
                    return Err(
                        Fault::new(FaultKind::Invalid, "file", "The file cannot be read.").caused_by(e)
                    );
                }
            }
        }
        let stored = ingest.finish()?;
        let count = |disposition| u64::from(stored.disposition == disposition);
        Ok(Imported {
            instances: count(Disposition::Stored),
            duplicates: count(Disposition::Duplicate),
            conflicts: count(Disposition::Conflict),
            ..Imported::default()
        })
    }

    /// Takes in a FHIR resource: a Bundle as what its type says, anything else under its own id.
    pub async fn import_json(&self, caller: &Caller, bytes: Bytes) -> Result<Imported, Fault> {
        let bundle_type = {
            let tree = parse(&bytes)?;
            match tree.text_at("resourceType").as_deref() {
                Some("Bundle") => tree.text_at("type").map(|text| text.into_owned()),
                _ => None,
            }
        };
        match bundle_type.as_deref() {
            Some("transaction") => {
                let outcomes = self.transaction(caller, bytes, "").await?;
                Ok(Imported { resources: outcomes.len() as u64, ..Imported::default() })
            }
            Some("batch" | "collection" | "searchset") => self.import_entries(caller, &bytes).await,
            _ => {
                self.import_resource(caller, bytes).await?;
                Ok(Imported { resources: 1, ..Imported::default() })
            }
        }
    }

    /// Takes in NDJSON (FHIR Bulk Data): each line by itself.
    pub async fn import_ndjson(&self, caller: &Caller, bytes: Bytes) -> Imported {
        let mut imported = Imported::default();
        let mut start = 0;
        for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
            let slice = bytes.slice(start..start + line.len());
            start += line.len() + 1;
            if slice.trim_ascii().is_empty() {
                continue;
            }
            match self.import_resource(caller, slice).await {
                Ok(()) => imported.resources += 1,
                Err(fault) => imported.refused.push((format!("line {}", number + 1), fault.public)),
            }
        }
        imported
    }

    async fn import_entries(&self, caller: &Caller, bytes: &Bytes) -> Result<Imported, Fault> {
        let resources: Vec<Bytes> = {
            let tree = parse(bytes)?;
            let entries = tree.get("entry").map(Tree::items).unwrap_or_default();
            entries
                .iter()
                .filter_map(|entry| entry.get("resource"))
                .map(|r| Bytes::from(r.to_json()))
                .collect()
        };
        let mut imported = Imported::default();
        for (number, resource) in resources.into_iter().enumerate() {
            match self.import_resource(caller, resource).await {
                Ok(()) => imported.resources += 1,
                Err(fault) => imported.refused.push((format!("entry {number}"), fault.public)),
            }
        }
        Ok(imported)
    }

    /// Under its own id where it has one, else under a new one.
    async fn import_resource(&self, caller: &Caller, bytes: Bytes) -> Result<(), Fault> {
        let (kind, id) = {
            let tree = parse(&bytes)?;
            let name = tree.text_at("resourceType").ok_or_else(|| {
                Fault::new(
                    FaultKind::Invalid,
                    "structure",
                    "It has no resourceType, so it is no FHIR resource.",
                )
            })?;
            (kind_of(&name)?, id_in_body(&tree)?)
        };
        match id {
            Some(id) => {
                self.update(caller, kind, id.as_str(), bytes, Precondition::None, "").await.map(|_| ())
            }
            None => self.create(caller, kind, bytes, None, "").await.map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_bytes() {
        assert_eq!(Form::of(b"{\"resourceType\":\"Patient\"}\n"), Form::Json);
        assert_eq!(Form::of(b"  {\n \"resourceType\": \"Patient\"\n}"), Form::Json);
        assert_eq!(
            Form::of(b"{\"resourceType\":\"Patient\"}\n{\"resourceType\":\"Patient\"}\n"),
            Form::NdJson
        );
        assert_eq!(Form::of(b"\x08\0\x05\0"), Form::Dicom);
        assert_eq!(Form::of(b""), Form::Dicom);
    }
}
