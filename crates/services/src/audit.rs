//! One entry for each access, refusals too, durable before the answer leaves; read as FHIR AuditEvent (IHE BALP patterns).

use crate::access::Caller;
use crate::network::NETWORK;
use crate::{Services, fresh_id};
use lenticular_base::ids::hex;
use lenticular_base::{Fault, FaultKind};
use lenticular_store::{AuditEntry, Record};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What was touched, and how.
#[derive(Clone, Debug, Default)]
pub struct Access {
    action: char,
    interaction: String,
    kind: String,
    entity: String,
    query: Option<String>,
    /// Of the member that acts.
    patients: BTreeSet<String>,
    /// Each member whose rows were shown, with the patients of those. Who acts has all of them in its log, an owner its own.
    shown: BTreeMap<i64, BTreeSet<String>>,
}

impl Access {
    /// `action` is one of `C R U D E`; `interaction` as FHIR or the DIMSE service names it.
    pub fn of(action: char, interaction: &str, kind: &str, entity: &str) -> Access {
        Access {
            action,
            interaction: interaction.to_owned(),
            kind: kind.to_owned(),
            entity: bounded(entity, NAME_AT_MOST),
            ..Access::default()
        }
    }

    /// The same with the patient it is about.
    pub fn patient(mut self, patient: Option<String>) -> Access {
        self.patients.extend(patient);
        self
    }

    /// The same with the search as it was asked; of a long one the front, its length and its hash.
    pub fn query(mut self, query: impl Into<String>) -> Access {
        self.query = Some(bounded(&query.into(), QUERY_AT_MOST));
        self
    }

    /// The same with the owners and patients of the rows that are shown.
    pub fn showing<'a>(mut self, rows: impl IntoIterator<Item = &'a Record>) -> Access {
        for row in rows {
            let patients = self.shown.entry(row.columns.org.0).or_default();
            patients.extend(row.columns.patient.clone());
        }
        self
    }
}

/// So many patients of one access have an entry each, as many as a page can show; beyond that one entry stands for the rest.
pub(crate) const PATIENTS_NAMED: usize = 1000;

/// Bytes of a search that are kept as they came.
const QUERY_AT_MOST: usize = 4 << 10;

/// Bytes that are kept of an entity and of who acts: ids, UIDs, titles are a quarter of that.
const NAME_AT_MOST: usize = 256;

/// The text, or its front of at most `at_most` bytes with how long it was and what it hashes to.
fn bounded(text: &str, at_most: usize) -> String {
    if text.len() <= at_most {
        return text.to_owned();
    }
    let front = &text[..text.floor_char_boundary(at_most)];
    format!("{front}… ({} bytes, SHA-256 {})", text.len(), hex(&Sha256::digest(text)))
}

/// What was changed is kept, and its entry may not be: the answer is withheld, and must not say that nothing was kept. Where there is no
/// room for the entry its fault stays what it is: what a modality sends again is there once.
fn unwitnessed(fault: Fault) -> Fault {
    if fault.kind == FaultKind::OutOfSpace {
        return fault;
    }
    let words = "This request was carried out, but its entry in the audit log may be lost, so its answer is withheld. Look at what is \
                 there before you send it again.";
    Fault::new(fault.kind, "audit-away", words).caused_by(fault)
}

impl Services {
    /// Records the access with its outcome; hands the outcome on only when the entry is durable.
    pub async fn audited<T>(
        &self,
        caller: &Caller,
        access: Access,
        outcome: Result<T, Fault>,
    ) -> Result<T, Fault> {
        let code = match &outcome {
            Ok(_) => 0,
            Err(fault) if fault.kind.meaning().http < 500 => 4,
            Err(_) => 8,
        };
        let changes = matches!(access.action, 'C' | 'U' | 'D');
        match self.record_access(caller, access, code).await {
            Err(fault) if changes && outcome.is_ok() => Err(unwitnessed(fault)),
            recorded => recorded.and(outcome),
        }
    }

    /// Records an access; returns when its entries are durable.
    pub async fn record_access(&self, caller: &Caller, access: Access, outcome: u8) -> Result<(), Fault> {
        let entries = self.entries(caller, access, outcome)?;
        let (send, receive) = tokio::sync::oneshot::channel();
        self.store.audits.record(
            entries,
            Box::new(move |done| {
                let _ = send.send(done);
            }),
        );
        receive.await.map_err(Fault::internal)?
    }

    /// The same for threads that may wait.
    pub fn record_access_blocking(&self, caller: &Caller, access: Access, outcome: u8) -> Result<(), Fault> {
        let entries = self.entries(caller, access, outcome)?;
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        self.store.audits.record(
            entries,
            Box::new(move |done| {
                let _ = send.send(done);
            }),
        );
        receive.recv().map_err(Fault::internal)?
    }

    /// A way in that nobody was let through: kept in the network's own log.
    pub async fn record_refusal(
        &self,
        way: &'static str,
        interaction: &str,
        agent: &str,
    ) -> Result<(), Fault> {
        let caller = Caller {
            principal: lenticular_policy::Principal::new(
                NETWORK,
                lenticular_policy::Role::Device,
                agent.chars().take(64).collect::<String>(),
            ),
            purpose: lenticular_policy::Purpose::Treat,
            way,
            asked: None,
        };
        self.record_access(&caller, Access::of('E', interaction, "", ""), 4).await
    }

    fn entries(&self, caller: &Caller, access: Access, outcome: u8) -> Result<Vec<AuditEntry>, Fault> {
        let time = self.now();
        let agent_org = caller.principal.org.0;
        let agent = bounded(&caller.principal.agent, NAME_AT_MOST);
        let mut shown = access.shown;
        let all: BTreeSet<String> = shown.values().flatten().cloned().chain(access.patients).collect();
        shown.insert(agent_org, all);
        let mut entries = Vec::new();
        let mut query = access.query;
        for (org, of_patients) in shown {
            let mut patients: Vec<Option<&String>> =
                of_patients.iter().map(Some).take(PATIENTS_NAMED).collect();
            if patients.is_empty() || of_patients.len() > PATIENTS_NAMED {
                patients.push(None);
            }
            // What somebody searched for may tell of patients that are not the owner's, and stands once: in the entry that
            // names no patient, else in the first.
            let asked = patients.iter().position(Option::is_none).unwrap_or(0);
            for (at, patient) in patients.into_iter().enumerate() {
                entries.push(AuditEntry {
                    id: fresh_id()?.as_str().to_owned(),
                    time,
                    org,
                    agent_org,
                    agent: agent.clone(),
                    role: caller.principal.role.name().to_owned(),
                    action: access.action,
                    way: caller.way.to_owned(),
                    interaction: access.interaction.clone(),
                    kind: access.kind.clone(),
                    entity: access.entity.clone(),
                    patient: patient.cloned(),
                    query: query.take_if(|_| org == agent_org && at == asked),
                    outcome,
                    purpose: caller.purpose.code().to_owned(),
                });
            }
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_search_is_kept_as_its_front_and_its_hash() {
        let asked = format!("n{}", "ü".repeat(600_000));
        let kept = Access::of('E', "search-type", "Patient", &asked).query(asked.as_str());
        let query = kept.query.unwrap();
        assert!(query.starts_with("nüü") && query.len() < 4300, "{}", query.len());
        assert!(query.contains("… (1200001 bytes, SHA-256 ") && query.ends_with(')'));
        assert!(kept.entity.len() < 400);
        assert_eq!(bounded("name=Müller", QUERY_AT_MOST), "name=Müller");
    }
}
