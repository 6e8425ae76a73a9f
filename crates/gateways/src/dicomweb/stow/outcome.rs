//! What became of each object (PS3.18 §10.5.3, Annex I; PS3.3 §C.12.1.1.11 for the sequences).

use http::StatusCode;
use lenticular_base::{Fault, FaultKind};
use lenticular_services::ingest::{Disposition, Stored};
use serde_json::{Map, Value, json};

/// The code of a fault that says that an object belongs to another study than the URL names.
pub const OTHER_STUDY: &str = "other-study";

/// PS3.18 Table I.2-2, in the words of PS3.7 Annex C and PS3.4 §B.2.3.
const OUT_OF_RESOURCES: u16 = 0xA700;
const DATA_SET_DOES_NOT_MATCH: u16 = 0xA900;
const PROCESSING_FAILURE: u16 = 0x0110;
const NOT_AUTHORISED: u16 = 0x0124;
const CANNOT_UNDERSTAND: u16 = 0xC000;
/// A warning: kept, but not as it was meant to be. The object waits in the tray for a decision.
const KEPT_ASIDE: u16 = 0xB000;

/// What an object calls itself, as far as it could be read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Named {
    pub sop_class: String,
    pub sop_instance: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Result {
    Stored(Stored),
    /// `status` is that of a request where nothing else was sent.
    Failed {
        named: Named,
        reason: u16,
        status: StatusCode,
    },
}

/// What became of one object of a request, counted from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    pub number: usize,
    result: Result,
}

impl Outcome {
    pub fn stored(number: usize, stored: Stored) -> Outcome {
        Outcome { number, result: Result::Stored(stored) }
    }

    pub fn failed(number: usize, named: Named, fault: &Fault) -> Outcome {
        let reason = match fault.kind {
            _ if fault.code == OTHER_STUDY => DATA_SET_DOES_NOT_MATCH,
            FaultKind::OutOfSpace | FaultKind::TooLarge | FaultKind::Busy => OUT_OF_RESOURCES,
            FaultKind::Invalid | FaultKind::Unprocessable | FaultKind::UnsupportedMedia => CANNOT_UNDERSTAND,
            FaultKind::Forbidden | FaultKind::Unauthenticated => NOT_AUTHORISED,
            _ => PROCESSING_FAILURE,
        };
        match &fault.source {
            _ if fault.kind.meaning().retry => crate::refusals::note(fault),
            Some(source) if fault.kind.meaning().http >= 500 => {
                tracing::error!(code = fault.code, %source, "an object was not stored");
            }
            _ => tracing::info!(code = fault.code, "an object was not stored"),
        }
        let status = match fault.kind {
            FaultKind::OutOfSpace => StatusCode::INSUFFICIENT_STORAGE,
            // it is as good in a moment: a client that takes 409 for a last word must not give it up
            FaultKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::CONFLICT,
        };
        Outcome { number, result: Result::Failed { named, reason, status } }
    }

    pub fn is_stored(&self) -> bool {
        matches!(self.result, Result::Stored(_))
    }
}

/// The status and the Store Instances Response: 200 all stored, 202 some refused or kept aside, 409 none stored, 507
/// where that is for want of space alone, 503 where the store is busy or away.
pub fn respond(outcomes: &[Outcome], study: Option<&str>, base: &str) -> (StatusCode, Value) {
    let (mut referenced, mut failed) = (Vec::new(), Vec::new());
    let (mut warned, mut alone) = (false, None);
    let mut studies: Vec<&str> = study.into_iter().collect();
    for outcome in outcomes {
        match &outcome.result {
            Result::Stored(stored) => {
                let aside = stored.disposition == Disposition::Conflict;
                warned |= aside;
                if !studies.contains(&stored.study.as_str()) {
                    studies.push(&stored.study);
                }
                referenced.push(reference(stored, aside, base));
            }
            Result::Failed { named, reason, status } => {
                let before = *alone.get_or_insert(*status);
                alone = Some(if before == *status { before } else { StatusCode::CONFLICT });
                let mut item = Map::new();
                for (tag, uid) in [("00081150", &named.sop_class), ("00081155", &named.sop_instance)] {
                    if !uid.is_empty() {
                        item.insert(tag.into(), element("UI", json!(uid)));
                    }
                }
                item.insert("00081197".into(), element("US", json!(reason)));
                failed.push(Value::Object(item));
            }
        }
    }
    let status = match (referenced.is_empty(), failed.is_empty()) {
        (true, _) => alone.unwrap_or(StatusCode::CONFLICT),
        (false, true) if !warned => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    };
    let mut answer = Map::new();
    if let ([study], false) = (&studies[..], referenced.is_empty()) {
        answer.insert("00081190".into(), element("UR", json!(format!("{base}/studies/{study}"))));
    }
    for (tag, items) in [("00081198", failed), ("00081199", referenced)] {
        if !items.is_empty() {
            answer.insert(tag.into(), json!({ "vr": "SQ", "Value": items }));
        }
    }
    (status, Value::Object(answer))
}

fn element(vr: &str, value: Value) -> Value {
    json!({ "vr": vr, "Value": [value] })
}

fn reference(stored: &Stored, aside: bool, base: &str) -> Value {
    let mut item = Map::new();
    item.insert("00081150".into(), element("UI", json!(stored.sop_class)));
    item.insert("00081155".into(), element("UI", json!(stored.sop_instance)));
    if aside {
        // It is retrieved by nobody until it is decided what it is.
        item.insert("00081196".into(), element("US", json!(KEPT_ASIDE)));
    } else {
        let Stored { study, series, sop_instance, .. } = stored;
        let url = format!("{base}/studies/{study}/series/{series}/instances/{sop_instance}");
        item.insert("00081190".into(), element("UR", json!(url)));
    }
    Value::Object(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(number: usize, disposition: Disposition) -> Outcome {
        let stored = Stored {
            sop_class: "1.1".into(),
            sop_instance: format!("4.{number}"),
            series: "3".into(),
            study: "2".into(),
            disposition,
        };
        Outcome::stored(number, stored)
    }

    fn failed(kind: FaultKind, code: &'static str) -> Outcome {
        let named = Named { sop_class: "1.1".into(), sop_instance: "4.9".into() };
        Outcome::failed(9, named, &Fault::new(kind, code, "no"))
    }

    #[test]
    fn the_status_tells_how_many_were_stored() {
        let status = |outcomes: &[Outcome]| respond(outcomes, None, "http://h").0.as_u16();
        assert_eq!(status(&[stored(1, Disposition::Stored), stored(2, Disposition::Duplicate)]), 200);
        assert_eq!(status(&[stored(1, Disposition::Stored), stored(2, Disposition::Conflict)]), 202);
        assert_eq!(status(&[stored(1, Disposition::Stored), failed(FaultKind::Invalid, "x")]), 202);
        assert_eq!(status(&[failed(FaultKind::Invalid, "x")]), 409);
        assert_eq!(status(&[failed(FaultKind::OutOfSpace, "x")]), 507);
        assert_eq!(status(&[failed(FaultKind::OutOfSpace, "x"), failed(FaultKind::Invalid, "x")]), 409);
        assert_eq!(status(&[failed(FaultKind::Busy, "x"), failed(FaultKind::Busy, "x")]), 503);
        assert_eq!(status(&[failed(FaultKind::Busy, "x"), failed(FaultKind::OutOfSpace, "x")]), 409);
        assert_eq!(status(&[failed(FaultKind::Busy, "x"), stored(1, Disposition::Stored)]), 202);
    }

    #[test]
    fn each_object_is_named_with_what_became_of_it() {
        let outcomes = [
            stored(1, Disposition::Stored),
            stored(2, Disposition::Conflict),
            failed(FaultKind::Unprocessable, OTHER_STUDY),
        ];
        let (_, json) = respond(&outcomes, Some("2"), "http://h/dicom-web");
        let expected = json!({
            "00081190": { "vr": "UR", "Value": ["http://h/dicom-web/studies/2"] },
            "00081198": { "vr": "SQ", "Value": [{
                "00081150": { "vr": "UI", "Value": ["1.1"] },
                "00081155": { "vr": "UI", "Value": ["4.9"] },
                "00081197": { "vr": "US", "Value": [0xA900] },
            }] },
            "00081199": { "vr": "SQ", "Value": [
                {
                    "00081150": { "vr": "UI", "Value": ["1.1"] },
                    "00081155": { "vr": "UI", "Value": ["4.1"] },
                    "00081190": { "vr": "UR", "Value": ["http://h/dicom-web/studies/2/series/3/instances/4.1"] },
                },
                {
                    "00081150": { "vr": "UI", "Value": ["1.1"] },
                    "00081155": { "vr": "UI", "Value": ["4.2"] },
                    "00081196": { "vr": "US", "Value": [0xB000] },
                },
            ] },
        });
        assert_eq!(json, expected);
    }
}
