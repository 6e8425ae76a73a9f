//! One object of the tray beside what is in its way.

use super::{Conflict, Verdict, describe};
use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::frames::{Opened, Rendering, first_picture};
use crate::ingest::Waiting;
use crate::instance_body::Parts;
use crate::resources::short;
use crate::studies::metadata::inflate;
use bytes::Bytes;
use lenticular_base::{Fault, FaultKind, Kind};
use lenticular_dicom::dictionary;
use lenticular_dicom::tag::Tag;
use lenticular_policy::{Action, Columns, Scope};
use lenticular_store::Record;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Both objects, what differs between them, and what can be decided.
#[derive(Clone, Serialize, PartialEq, Debug, ToSchema)]
pub struct ConflictDetails {
    pub conflict: Conflict,
    pub incoming: DicomObject,
    /// The object of that UID; where it is the series or the study that is in the way, an object of that.
    pub current: Option<DicomObject>,
    pub differences: Vec<Difference>,
    pub choices: Vec<Verdict>,
}

/// The attributes of an object in DICOM JSON, without values that are kept apart (BulkDataURI).
#[derive(Clone, Serialize, PartialEq, Debug, ToSchema)]
pub struct DicomObject {
    #[schema(value_type = Object)]
    pub attributes: Map<String, Value>,
}

/// An attribute that differs.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, ToSchema)]
pub struct Difference {
    /// Eight digits.
    pub tag: String,
    pub keyword: Option<String>,
    /// As text; absent where the object does not have it.
    pub incoming: Option<String>,
    pub current: Option<String>,
}

/// One of the two objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    Incoming,
    Current,
}

/// Attributes that differ are named up to this many.
const NAMED: usize = 500;
/// Characters of a value that are shown.
const SHOWN: usize = 1000;

impl Services {
    /// One object of the own member's tray beside what is in its way.
    pub async fn conflict(&self, caller: &Caller, id: &str) -> Result<ConflictDetails, Fault> {
        let outcome = match self.authorise(caller, Action::Reconcile, Some(Kind::CONFLICT)) {
            Ok(scope) => {
                let (id, clinical) = (id.to_owned(), self.sees_images(caller));
                self.blocking(move |services| services.details(&scope, &id, clinical)).await
            }
            Err(fault) => Err(fault),
        };
        self.seen(caller, "read", id, outcome).await
    }

    /// The first frame of one of the two, as JPEG.
    pub async fn conflict_picture(&self, caller: &Caller, id: &str, which: Which) -> Result<Bytes, Fault> {
        let outcome = match self.authorise(caller, Action::Reconcile, Some(Kind::CONFLICT)) {
            Ok(_) if !self.sees_images(caller) => Err(Fault::new(
                FaultKind::Forbidden,
                "role",
                format!("The role {} sees no images.", caller.principal.role.name()),
            )),
            Ok(scope) => {
                let id = id.to_owned();
                self.blocking(move |services| services.picture(&scope, &id, which)).await
            }
            Err(fault) => Err(fault),
        };
        self.seen(caller, "retrieve-rendered", id, outcome).await
    }

    async fn seen<T>(
        &self,
        caller: &Caller,
        interaction: &str,
        id: &str,
        outcome: Result<(T, Vec<Record>), Fault>,
    ) -> Result<T, Fault> {
        let access = Access::of('R', interaction, "Conflict", &short(id));
        let access = match &outcome {
            Ok((_, rows)) => access.showing(rows),
            Err(_) => access,
        };
        self.audited(caller, access, outcome.map(|(answer, _)| answer)).await
    }

    /// Whether the caller may read the own member's images, and not only say whose they are.
    fn sees_images(&self, caller: &Caller) -> bool {
        let org = caller.principal.org;
        let image = Columns {
            org,
            patient: Some("-"),
            kind: Kind::INSTANCE,
            labels: lenticular_base::Labels(0),
            author_org: org,
            time: self.now(),
            study: Some("-"),
        };
        self.authorise(caller, Action::Read, Some(Kind::INSTANCE))
            .is_ok_and(|scope| scope.permits(&image, &[]))
    }

    fn details(
        &self,
        scope: &Scope,
        id: &str,
        clinical: bool,
    ) -> Result<(ConflictDetails, Vec<Record>), Fault> {
        let row = self.waiting_row(scope, id)?;
        let mut conflict = describe(&row)?;
        let waiting = Waiting::open(self, row.clone())?;
        let current = waiting.current(self, scope)?;
        let mut incoming = attributes(&row)?;
        let mut others = current.as_ref().map(attributes).transpose()?;
        let mut differences = Vec::new();
        if let (Some(current), Some(others)) = (&current, &others) {
            conflict.current_patient_name = others.get("00100010").and_then(text);
            let header = Opened::of(current)?.scan(self)?.header;
            for tag in waiting.differences(self, current, &header)? {
                differences.push(difference(tag, &incoming, others));
            }
        }
        if !clinical {
            differences.retain(|difference| is_administrative(&difference.tag));
            for attributes in [Some(&mut incoming), others.as_mut()].into_iter().flatten() {
                attributes.retain(|tag, _| is_administrative(tag));
            }
        }
        differences.truncate(NAMED);
        for attributes in [Some(&mut incoming), others.as_mut()].into_iter().flatten() {
            strip_bulk(attributes);
        }
        let details = ConflictDetails {
            choices: waiting.choices(self, scope)?,
            conflict,
            incoming: DicomObject { attributes: incoming },
            current: others.map(|attributes| DicomObject { attributes }),
            differences,
        };
        Ok((details, [Some(row), current].into_iter().flatten().collect()))
    }

    fn picture(&self, scope: &Scope, id: &str, which: Which) -> Result<(Bytes, Vec<Record>), Fault> {
        let row = self.waiting_row(scope, id)?;
        let row = match which {
            Which::Incoming => row,
            Which::Current => Waiting::open(self, row)?.current(self, scope)?.ok_or_else(Fault::not_found)?,
        };
        let rendering = Rendering { png: false, quality: 90, window: None, viewport: None };
        let picture = first_picture(self, &row, rendering)?;
        Ok((picture, vec![row]))
    }
}

fn attributes(row: &Record) -> Result<Map<String, Value>, Fault> {
    serde_json::from_slice(&inflate(&Parts::of(&row.body)?)?).map_err(Fault::internal)
}

/// Who, when, which study, series and object: what a registrar decides on. The groups of these hold clinical words as well
/// (diagnoses, allergies, comments), so that each one is named.
#[rustfmt::skip]
const ADMINISTRATIVE: &[u32] = &[
    // what, when, where, by whom
    0x0008_0005, 0x0008_0008, 0x0008_0012, 0x0008_0013, 0x0008_0016, 0x0008_0018, 0x0008_0020, 0x0008_0021, 0x0008_0022,
    0x0008_0023, 0x0008_002A, 0x0008_0030, 0x0008_0031, 0x0008_0032, 0x0008_0033, 0x0008_0050, 0x0008_0051, 0x0008_0060,
    0x0008_0061, 0x0008_0064, 0x0008_0070, 0x0008_0080, 0x0008_0081, 0x0008_0090, 0x0008_0201, 0x0008_1010, 0x0008_1030,
    0x0008_1040, 0x0008_1048, 0x0008_1050, 0x0008_1060, 0x0008_1070, 0x0008_1090,
    // whose
    0x0010_0010, 0x0010_0020, 0x0010_0021, 0x0010_0022, 0x0010_0024, 0x0010_0030, 0x0010_0032, 0x0010_0033, 0x0010_0034,
    0x0010_0035, 0x0010_0040, 0x0010_1000, 0x0010_1001, 0x0010_1002, 0x0010_1005, 0x0010_1010, 0x0010_1040, 0x0010_1060,
    0x0010_2150, 0x0010_2152, 0x0010_2154, 0x0010_2155,
    // which of them
    0x0020_000D, 0x0020_000E, 0x0020_0010, 0x0020_0011, 0x0020_0012, 0x0020_0013, 0x0020_0020, 0x0020_0052, 0x0020_0060,
    0x0020_0062, 0x0020_1206, 0x0020_1208, 0x0020_1209,
];

fn is_administrative(tag: &str) -> bool {
    u32::from_str_radix(tag, 16).is_ok_and(|tag| ADMINISTRATIVE.binary_search(&tag).is_ok())
}

fn strip_bulk(attributes: &mut Map<String, Value>) {
    attributes.retain(|_, element| element.get("BulkDataURI").is_none());
    for element in attributes.values_mut() {
        let Some(Value::Array(values)) = element.get_mut("Value") else { continue };
        for item in values.iter_mut().filter_map(Value::as_object_mut) {
            strip_bulk(item);
        }
    }
}

fn difference(tag: Tag, incoming: &Map<String, Value>, current: &Map<String, Value>) -> Difference {
    let name = format!("{:08X}", tag.0);
    Difference {
        keyword: dictionary::keyword(tag).map(str::to_owned),
        incoming: incoming.get(&name).and_then(text),
        current: current.get(&name).and_then(text),
        tag: name,
    }
}

/// The values of an element as people read them: `a\b`, `3 items`, `Adams^John`; of values kept apart that they are there.
fn text(element: &Value) -> Option<String> {
    if element.get("BulkDataURI").is_some() {
        return Some("…".to_owned());
    }
    let empty = Vec::new();
    let values = element.get("Value").and_then(Value::as_array).unwrap_or(&empty);
    if element.get("vr").and_then(Value::as_str) == Some("SQ") {
        return serde_json::to_string(values).ok().map(shortened);
    }
    let words: Vec<String> = values
        .iter()
        .map(|value| match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            Value::Object(name) => {
                let groups = ["Alphabetic", "Ideographic", "Phonetic"];
                let groups = groups.map(|group| name.get(group).and_then(Value::as_str).unwrap_or(""));
                groups.join("=").trim_end_matches('=').to_owned()
            }
            other => other.to_string(),
        })
        .collect();
    Some(shortened(words.join("\\")))
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_registrar_is_told_who_and_which_and_nothing_clinical() {
        assert!(ADMINISTRATIVE.is_sorted());
        for told in ["00080050", "00081030", "00100010", "00100020", "00100030", "0020000D"] {
            assert!(is_administrative(told), "{told}");
        }
        // diagnoses, alerts, allergies, history, pregnancy, comments on patient, image and series; private ones
        for kept in
            ["00081080", "00081084", "00102000", "00102110", "001021B0", "001021C0", "00104000", "00204000"]
                .into_iter()
                .chain(["0008103E", "00091001", "00280010", ""])
        {
            assert!(!is_administrative(kept), "{kept}");
        }
    }

    #[test]
    fn values_read_as_text_and_bulk_is_left_out() {
        assert_eq!(text(&json!({"vr":"CS","Value":["A","B"]})).as_deref(), Some("A\\B"));
        assert_eq!(
            text(&json!({"vr":"PN","Value":[{"Alphabetic":"A^B","Ideographic":"王"}]})).as_deref(),
            Some("A^B=王")
        );
        assert_eq!(text(&json!({"vr":"UI"})).as_deref(), Some(""));
        let long = text(&json!({"vr":"UT","Value":["ü".repeat(5000)]})).unwrap();
        assert_eq!(long.chars().count(), SHOWN + 1);
        let mut attributes = json!({"7FE00010":{"vr":"OW","BulkDataURI":"/x"},
            "00081115":{"vr":"SQ","Value":[{"00420011":{"vr":"OB","BulkDataURI":"/y"},"00080005":{"vr":"CS"}}]}});
        let attributes = attributes.as_object_mut().unwrap();
        strip_bulk(attributes);
        assert_eq!(
            Value::Object(attributes.clone()),
            json!({"00081115":{"vr":"SQ","Value":[{"00080005":{"vr":"CS"}}]}})
        );
    }
}
