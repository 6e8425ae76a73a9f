//! One entry for each access, refusals too, durable before the answer leaves; read as FHIR AuditEvent (IHE BALP patterns).

use crate::access::Caller;
use crate::network::NETWORK;
use crate::{Services, random};
use lenticular_base::{Fault, LogicalId};
use lenticular_store::{AuditEntry, Record};
use std::collections::BTreeSet;

/// What was touched, and how.
#[derive(Clone, Debug, Default)]
pub struct Access {
    action: char,
    interaction: String,
    kind: String,
    entity: String,
    query: Option<String>,
    patients: BTreeSet<String>,
    /// Other members whose rows were shown.
    owners: BTreeSet<i64>,
}

impl Access {
    /// `action` is one of `C R U D E`; `interaction` as FHIR or the DIMSE service names it.
    pub fn of(action: char, interaction: &str, kind: &str, entity: &str) -> Access {
        Access {
            action,
            interaction: interaction.to_owned(),
            kind: kind.to_owned(),
            entity: entity.to_owned(),
            ..Access::default()
        }
    }

    /// The same with the patient it is about.
    pub fn patient(mut self, patient: Option<String>) -> Access {
        self.patients.extend(patient);
        self
    }

    /// The same with the search as it was asked.
    pub fn query(mut self, query: impl Into<String>) -> Access {
        self.query = Some(query.into());
        self
    }

    /// The same with the owners and patients of the rows that are shown.
    pub fn showing<'a>(mut self, rows: impl IntoIterator<Item = &'a Record>) -> Access {
        for row in rows {
            self.owners.insert(row.columns.org.0);
            if let Some(patient) = &row.columns.patient {
                self.patients.insert(patient.clone());
            }
        }
        self
    }
}

/// An entry names this many patients at most one by one; beyond that the query says what was shown.
const PATIENTS_NAMED: usize = 20;

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
        self.record_access(caller, access, code).await?;
        outcome
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
            principal: lenticular_policy::Principal {
                org: NETWORK,
                role: lenticular_policy::Role::Device,
                agent: agent.chars().take(64).collect(),
                link: None,
            },
            purpose: lenticular_policy::Purpose::Treat,
            way,
        };
        self.record_access(&caller, Access::of('E', interaction, "", ""), 4).await
    }

    fn entries(&self, caller: &Caller, access: Access, outcome: u8) -> Result<Vec<AuditEntry>, Fault> {
        let time = self.now();
        let agent_org = caller.principal.org.0;
        let mut owners = access.owners.clone();
        owners.insert(agent_org);
        let mut patients: Vec<Option<&String>> =
            access.patients.iter().map(Some).take(PATIENTS_NAMED).collect();
        if patients.is_empty() || access.patients.len() > PATIENTS_NAMED {
            patients.push(None);
        }
        let mut entries = Vec::with_capacity(owners.len() * patients.len());
        for org in owners {
            for patient in &patients {
                entries.push(AuditEntry {
                    id: LogicalId::from_random(random()?).as_str().to_owned(),
                    time,
                    org,
                    agent_org,
                    agent: caller.principal.agent.clone(),
                    role: caller.principal.role.name().to_owned(),
                    action: access.action,
                    way: caller.way.to_owned(),
                    interaction: access.interaction.clone(),
                    kind: access.kind.clone(),
                    entity: access.entity.clone(),
                    patient: patient.cloned(),
                    query: access.query.clone(),
                    outcome,
                    purpose: caller.purpose.code().to_owned(),
                });
            }
        }
        Ok(entries)
    }
}
