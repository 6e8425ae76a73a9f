//! The system as administrators and operators see it: health, sizes, what listens, what is under way. No patient is in it.

use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::deployment::{Listener, Space};
use crate::jobs::Job;
use crate::network::kinds;
use crate::resources::short;
use lenticular_base::index::Query;
use lenticular_base::{Fault, FaultKind, Kind};
use lenticular_policy::{Action, Scope};
use serde::Serialize;
use utoipa::ToSchema;

/// Whether a part of the system works.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, ToSchema)]
pub struct Health {
    /// `store`, `audit`, `disk`, `http`, `dimse`.
    pub name: &'static str,
    pub ok: bool,
    pub message: String,
}

/// How much there is. Bytes are those of the whole deployment, and told to its operator alone; counts are the own member's.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, ToSchema)]
pub struct Storage {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub space: Option<Space>,
    /// FHIR resources, counted no further than a million.
    pub resources: u64,
    pub instances: u64,
    pub studies: u64,
}

/// The system.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, ToSchema)]
pub struct System {
    pub version: &'static str,
    /// FHIR instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    pub uptime_seconds: i64,
    pub health: Vec<Health>,
    pub storage: Storage,
    pub listeners: Vec<Listener>,
    pub jobs: Vec<Job>,
    /// Told to the operator alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<String>,
    /// Of this process, resident; absent where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}

/// Rows are counted no further.
const COUNTED: u64 = 1_000_000;
/// Less than this is said to be too little, in bytes.
const FREE: u64 = 2 << 30;

impl Services {
    /// The system, as the administrator of a member sees it, or the operator, who need not be one: then without counts.
    pub async fn system(&self, caller: &Caller) -> Result<System, Fault> {
        let administers = self.authorise(caller, Action::Administer, None);
        let scope =
            administers.or_else(|refusal| self.authorise(caller, Action::Operate, None).map_err(|_| refusal));
        let outcome = match scope {
            Ok(scope) => {
                let own = caller.principal.org;
                let operator = caller.principal.operator;
                let jobs = self.jobs().into_iter().filter(|job| operator || job.org == own).collect();
                self.blocking(move |services| services.look_around(&scope, operator, jobs)).await
            }
            Err(fault) => Err(fault),
        };
        self.audited(caller, Access::of('R', "read", "System", ""), outcome).await
    }

    fn look_around(&self, scope: &Scope, operator: bool, jobs: Vec<Job>) -> Result<System, Fault> {
        let around = self.surroundings();
        let now = self.now();
        let space = around.measure.as_ref().map(|measure| measure());
        let count = |kind: Kind| self.store.reader.count(scope, &Query::all(kind, 1), COUNTED);
        let mut resources = 0;
        for (kind, _) in lenticular_fhir::kinds::all() {
            if resources < COUNTED {
                resources += count(kind)?;
            }
        }
        let listening = |name: &'static str| {
            let found = around.listeners.iter().find(|listener| listener.name == name);
            Health {
                name,
                ok: found.is_some(),
                message: found
                    .map_or_else(|| "off".into(), |listener| format!("listens on {}", listener.address)),
            }
        };
        let mut health = vec![self.store_health(scope, operator), self.audit_health()];
        match &space {
            Some(Ok(space)) => health.push(Health {
                name: "disk",
                ok: space.free_bytes >= FREE,
                message: match (operator, space.free_bytes >= FREE) {
                    (true, _) => format!("{} MB free", space.free_bytes / 1_000_000),
                    (false, true) => "has room".into(),
                    (false, false) => "is nearly full".into(),
                },
            }),
            Some(Err(error)) => {
                tracing::warn!(%error, "the disk could not be measured");
                health.push(Health { name: "disk", ok: false, message: "cannot be measured".into() });
            }
            None => {}
        }
        if !around.listeners.is_empty() {
            health.extend([listening("http"), listening("dimse")]);
        }
        Ok(System {
            version: env!("CARGO_PKG_VERSION"),
            started: around.started.map(|at| at.to_string()),
            uptime_seconds: around.started.map_or(0, |at| (now.0 - at.0).max(0) / 1000),
            health,
            storage: Storage {
                space: space.and_then(Result::ok).filter(|_| operator),
                resources: resources.min(COUNTED),
                instances: count(Kind::INSTANCE)?,
                studies: count(Kind::STUDY)?,
            },
            listeners: around.listeners,
            jobs,
            log_level: operator.then_some(around.log_level),
            memory_bytes: resident_bytes(),
        })
    }

    /// How much all members write together is the operator's business alone.
    fn store_health(&self, scope: &Scope, operator: bool) -> Health {
        let answers = self.store.reader.count(scope, &Query::all(kinds::SHARE, 1), 1);
        let message = match &answers {
            Ok(_) if operator => format!("answers, at position {}", self.store.log.position().0),
            Ok(_) => "answers".to_owned(),
            Err(fault) => format!("does not answer: {}", fault.code),
        };
        Health { name: "store", ok: answers.is_ok(), message }
    }

    fn audit_health(&self) -> Health {
        let filter = lenticular_store::AuditFilter { limit: 1, ..lenticular_store::AuditFilter::default() };
        let answers = self.store.audits.search(&filter);
        let message = match &answers {
            Ok(_) => "answers".to_owned(),
            Err(fault) => format!("does not answer: {}", fault.code),
        };
        Health { name: "audit", ok: answers.is_ok(), message }
    }

    /// Sets the level of the log, from the next line on until the process ends.
    pub async fn set_log_level(&self, caller: &Caller, level: &str) -> Result<(), Fault> {
        let outcome = self.authorise(caller, Action::Operate, None).and_then(|_| {
            let Some(set) = self.surroundings().set_log_level else {
                let words = "The level of this log is set where the server is started.";
                return Err(Fault::new(FaultKind::Unsupported, "log-level", words));
            };
            if level.len() > 200 {
                return Err(Fault::new(FaultKind::Invalid, "log-level", "A level has at most 200 bytes."));
            }
            set(level).map_err(|why| {
                let words = format!(
                    "{} is no level: {}. error, warn, info, debug and trace are.",
                    short(level),
                    short(&why)
                );
                Fault::new(FaultKind::Invalid, "log-level", words)
            })?;
            self.surround(|around| level.clone_into(&mut around.log_level));
            Ok(())
        });
        self.audited(caller, Access::of('U', "log-level", "System", &short(level)), outcome).await
    }
}

/// What Linux says of this process.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
