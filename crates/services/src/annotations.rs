//! A user's own notes on a study: measurements and key images. They are the user's, not the study's: nobody is given them
//! with the study, and whoever no longer sees the study no longer sees them.

use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::network::kinds;
use crate::studies::is_uid;
use lenticular_base::ids::hex;
use lenticular_base::{Fault, FaultKind, Kind, Labels};
use lenticular_policy::{Action, Role, Scope};
use lenticular_store::{Packing, Put, Record, Write};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// The notes of one user on one study, as the viewer keeps them.
#[derive(Clone, Serialize, Deserialize, PartialEq, Debug, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Annotations {
    /// Objects, at most 10,000.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub measurements: Vec<Value>,
    /// Objects or texts (such as a SOP Instance UID), at most 10,000.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub key_images: Vec<Value>,
    /// FHIR instant: when they were written last. The server says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
}

/// Bytes of the notes on one study.
pub const LARGEST: u64 = 1 << 20;
const ITEMS: usize = 10_000;
const DEPTH: usize = 16;

impl Annotations {
    /// Reads what a client sent: no member that is not known, no depth beyond 16, no more than 10,000 of each.
    pub fn parse(json: &[u8]) -> Result<Annotations, Fault> {
        let invalid = |words: String| Fault::new(FaultKind::Invalid, "annotations", words);
        if json.len() as u64 > LARGEST {
            let words = format!("The notes on a study have at most {LARGEST} bytes.");
            return Err(Fault::new(FaultKind::TooLarge, "annotations", words));
        }
        if json.trim_ascii_start().first() != Some(&b'{') {
            return Err(invalid("The body is an object.".into()));
        }
        let notes: Annotations =
            serde_json::from_slice(json).map_err(|e| invalid(format!("The body does not read: {e}.")))?;
        if notes.measurements.len().max(notes.key_images.len()) > ITEMS {
            return Err(invalid(format!("There are at most {ITEMS} measurements and key images each.")));
        }
        if !notes.measurements.iter().all(Value::is_object) {
            return Err(invalid("A measurement is an object.".into()));
        }
        if !notes.key_images.iter().all(|image| image.is_object() || image.is_string()) {
            return Err(invalid("A key image is an object or a text.".into()));
        }
        if notes.measurements.iter().chain(&notes.key_images).any(|note| depth(note) > DEPTH) {
            return Err(invalid(format!("Notes are at most {DEPTH} levels deep.")));
        }
        Ok(notes)
    }
}

/// The parser has bounded the depth already, so that this ends.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

impl Services {
    /// The caller's notes on a study; none of them where there are none.
    pub async fn annotations(&self, caller: &Caller, study: &str) -> Result<Annotations, Fault> {
        let (seen, wanted) = (self.seen_study(caller, study).await, id_of(caller, study));
        let access = Access::of('R', "read", "Annotation", study).showing(seen.as_ref().ok());
        let outcome = match seen {
            Ok(_) => {
                let org = caller.principal.org;
                let read = self.blocking(move |services| {
                    let reader = &services.store.reader;
                    reader.get(&Scope::of_own_work(org), org, kinds::ANNOTATION, &wanted)
                });
                match read.await {
                    Ok(Some(row)) if !row.deleted => {
                        serde_json::from_slice(&row.body).map_err(Fault::internal)
                    }
                    Ok(_) => Ok(Annotations::default()),
                    Err(fault) => Err(fault),
                }
            }
            Err(fault) => Err(fault),
        };
        self.audited(caller, access, outcome).await
    }

    /// Writes the caller's notes on a study, instead of those there were.
    pub async fn annotate(&self, caller: &Caller, study: &str, notes: Annotations) -> Result<(), Fault> {
        let study = study.to_owned();
        self.to_the_end(caller, |services, caller| async move {
            let seen = services.seen_study(&caller, &study).await;
            let access = Access::of('U', "update", "Annotation", &study).showing(seen.as_ref().ok());
            let outcome = match seen {
                Ok(_) => services.annotate_unaudited(&caller, &study, notes).await,
                Err(fault) => Err(fault),
            };
            services.audited(&caller, access, outcome).await
        })
        .await
    }

    async fn annotate_unaudited(
        &self,
        caller: &Caller,
        study: &str,
        mut notes: Annotations,
    ) -> Result<(), Fault> {
        if matches!(caller.principal.role, Role::Guest | Role::Patient) {
            let words = format!("The role {} keeps no notes here.", caller.principal.role.name());
            return Err(Fault::new(FaultKind::Forbidden, "role", words));
        }
        notes.changed = Some(self.now().to_string());
        let (org, id) = (caller.principal.org, id_of(caller, study));
        let json = serde_json::to_vec(&notes).map_err(Fault::internal)?;
        let put = Put {
            org,
            // Nobody is given them with the patient or the study; the latter may be another member's.
            patient: None,
            kind: kinds::ANNOTATION,
            labels: Labels(0),
            study: None,
            id,
            body: self.store.reader.pack(kinds::ANNOTATION, &json, Packing::Zstd),
            splice: -1,
            entries: Vec::new(),
            in_place: true,
        };
        let write = Write::Put(Box::new(put));
        self.commit(caller.author(), Vec::new(), move |_, _| Ok((vec![write], ()))).await?;
        Ok(())
    }

    /// The study's row, where the caller sees it at this moment.
    async fn seen_study(&self, caller: &Caller, study: &str) -> Result<Record, Fault> {
        let scope = self.authorise(caller, Action::Read, Some(Kind::STUDY))?;
        if !is_uid(study) {
            return Err(Fault::not_found());
        }
        let (org, study) = (caller.principal.org, study.to_owned());
        self.blocking(move |services| {
            let found = services.store.reader.get(&scope, org, Kind::STUDY, &study)?;
            found.filter(|row| !row.deleted).ok_or_else(Fault::not_found)
        })
        .await
    }
}

/// The name of the notes of one user on one study.
fn id_of(caller: &Caller, study: &str) -> String {
    let who = match &caller.principal.user {
        Some(user) => format!("user {user}"),
        None => format!("agent {}", caller.principal.agent),
    };
    hex(&Sha256::digest(format!("{who}\0{study}"))[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_notes_are_notes() {
        let read = |json: &str| Annotations::parse(json.as_bytes());
        assert_eq!(read("{}").unwrap(), Annotations::default());
        assert_eq!(
            read(r#"{"measurements":[{"mm":1.50}],"key_images":["1.2"]}"#).unwrap().key_images.len(),
            1
        );
        let deep = format!("{{\"measurements\":[{{\"a\":{}{}}}]}}", "[".repeat(20), "]".repeat(20));
        let many = format!("{{\"key_images\":[{}\"1\"]}}", "\"1\",".repeat(10_000));
        for bad in ["", "[]", "{\"more\":1}", "{\"measurements\":[1]}", "{\"key_images\":[[]]}", &deep, &many]
        {
            assert_eq!(read(bad).unwrap_err().kind, FaultKind::Invalid, "{bad}");
        }
        let bottomless = "[".repeat(100_000);
        assert!(read(&format!("{{\"measurements\":{bottomless}")).is_err());
        assert_eq!(read(&" ".repeat((1 << 20) + 1)).unwrap_err().kind, FaultKind::TooLarge);
    }
}
