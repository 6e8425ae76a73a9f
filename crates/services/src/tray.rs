//! The tray: objects that contradict what is here, kept as non-primary until somebody decides.
//!
//! Nothing is erased by a decision: what gave way, and what was not taken in, stays as an old version in the log, with
//! its bytes. It is found by no search and no UID any more.

mod details;

pub use crate::ingest::Verdict;
pub use details::{ConflictDetails, DicomObject, Difference, Which};

use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::ingest::Waiting;
use crate::instance_body::Parts;
use crate::naming::{Names, Thing, text_of};
use crate::resources::short;
use lenticular_base::index::{After, Query};
use lenticular_base::{Fault, FaultKind, Kind, OrgNo, tree};
use lenticular_policy::{Action, Scope};
use lenticular_store::Record;
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

/// One object that waits.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, ToSchema)]
pub struct Conflict {
    pub id: String,
    pub reason: String,
    pub study: String,
    pub series: String,
    pub instance: String,
    /// As the object says.
    pub patient_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_name: Option<String>,
    /// As the study says that is in its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_patient_name: Option<String>,
    /// Of the study, as the object says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// FHIR instant.
    pub received: String,
}

/// Objects of the tray that are listed and decided at once.
const LISTED: u64 = 1000;

impl Services {
    /// The own member's tray, in the order of arrival; at most 1,000 objects.
    pub async fn conflicts(&self, caller: &Caller) -> Result<Vec<Conflict>, Fault> {
        let outcome = match self.authorise(caller, Action::Reconcile, Some(Kind::CONFLICT)) {
            Ok(scope) => self.blocking(move |services| services.tray(&scope)).await,
            Err(fault) => Err(fault),
        };
        let access = Access::of('R', "search-type", "Conflict", "");
        let access = match &outcome {
            Ok((_, rows)) => access.showing(rows),
            Err(_) => access,
        };
        self.audited(caller, access, outcome.map(|(conflicts, _)| conflicts)).await
    }

    fn tray(&self, scope: &Scope) -> Result<(Vec<Conflict>, Vec<Record>), Fault> {
        let mut rows = self.store.reader.search(scope, &Query::all(Kind::CONFLICT, LISTED))?.rows;
        let mut conflicts = rows.iter().map(describe).collect::<Result<Vec<_>, _>>()?;
        let Some(org) = rows.first().map(|row| row.columns.org) else { return Ok((conflicts, rows)) };
        // In the way is the study of the object of that UID, of the series, or of the study itself.
        let mut study_of: HashMap<(Kind, String), String> = HashMap::new();
        let uids: Vec<(Kind, String)> = conflicts
            .iter()
            .flat_map(|conflict| {
                [(Kind::INSTANCE, conflict.instance.clone()), (Kind::SERIES, conflict.series.clone())]
            })
            .collect();
        for some in uids.chunks(500) {
            for row in self.store.reader.get_many(scope, org, some, None)? {
                if let Some(study) = row.columns.study {
                    study_of.insert((row.columns.kind, row.id), study);
                }
            }
        }
        let mut names = Names::default();
        let in_the_way = |conflict: &Conflict| {
            let known = study_of
                .get(&(Kind::INSTANCE, conflict.instance.clone()))
                .or_else(|| study_of.get(&(Kind::SERIES, conflict.series.clone())));
            known.unwrap_or(&conflict.study).clone()
        };
        names.look_up(
            self,
            scope,
            org,
            conflicts.iter().map(|conflict| Thing::Study(in_the_way(conflict))),
        )?;
        for conflict in &mut conflicts {
            conflict.current_patient_name = names.patient(org, None, Some(&in_the_way(conflict)));
        }
        rows.extend(names.into_rows());
        Ok((conflicts, rows))
    }

    /// Decides about one object of the tray; with `all` about every other that waits for the same reason in the same
    /// study too, as far as it can be decided so. Gives how many were decided.
    pub async fn decide_conflict(
        &self,
        caller: &Caller,
        id: &str,
        verdict: Verdict,
        all: bool,
    ) -> Result<u64, Fault> {
        let id = id.to_owned();
        self.to_the_end(caller, |services, caller| async move {
            let alike = match services.authorise(&caller, Action::Reconcile, Some(Kind::CONFLICT)) {
                Ok(scope) if all => {
                    let id = id.clone();
                    match services.blocking(move |services| services.alike(&scope, &id)).await {
                        Ok(alike) => alike,
                        // the decision itself finds nothing either, and that is in the log
                        Err(fault) if fault.kind == FaultKind::NotFound => Vec::new(),
                        Err(fault) => return Err(fault),
                    }
                }
                _ => Vec::new(),
            };
            services.decide_one(&caller, &id, verdict).await?;
            let mut decided = 1;
            for other in alike.into_iter().filter(|other| *other != id) {
                match services.decide_one(&caller, &other, verdict).await {
                    Ok(()) => decided += 1,
                    Err(fault) if matches!(fault.kind, FaultKind::Conflict | FaultKind::NotFound) => {}
                    Err(fault) => return Err(fault),
                }
            }
            Ok(decided)
        })
        .await
    }

    /// What waits in the same study for the same reason, as it arrived.
    fn alike(&self, scope: &Scope, id: &str) -> Result<Vec<String>, Fault> {
        let this = describe(&self.waiting_row(scope, id)?)?;
        let mut alike = Vec::new();
        let mut query = Query::all(Kind::CONFLICT, 200);
        loop {
            let page = self.store.reader.search(scope, &query)?;
            for row in &page.rows {
                let other = describe(row)?;
                if other.study == this.study && other.reason == this.reason {
                    alike.push(other.id);
                }
            }
            let Some(last) = page.rows.last().filter(|_| page.more) else { return Ok(alike) };
            query.at = Some(page.position);
            query.after = Some(After { values: page.last, vid: last.vid });
        }
    }

    async fn decide_one(&self, caller: &Caller, id: &str, verdict: Verdict) -> Result<(), Fault> {
        let interaction = format!("conflict-{}", verdict.name());
        let outcome = match self.authorise(caller, Action::Reconcile, Some(Kind::CONFLICT)) {
            Ok(scope) => {
                let (caller, id) = (caller.clone(), id.to_owned());
                let decide = move |services: &Services| {
                    let row = services.waiting_row(&scope, &id)?;
                    Waiting::open(services, row)?.resolve(services, &caller, verdict)
                };
                self.blocking(decide).await
            }
            Err(fault) => Err(fault),
        };
        let access = Access::of('U', &interaction, "Conflict", &short(id));
        let access = match &outcome {
            Ok((_, patient)) => access.patient(patient.clone()),
            Err(_) => access,
        };
        self.audited(caller, access, outcome.map(|_| ())).await
    }

    fn waiting_row(&self, scope: &Scope, id: &str) -> Result<Record, Fault> {
        // the scope of the tray is the own member's rows: there is nobody to prefer
        let page = self.store.reader.get_many(scope, OrgNo(0), &[(Kind::CONFLICT, id.into())], None)?;
        page.into_iter().find(|row| !row.deleted).ok_or_else(Fault::not_found)
    }
}

fn describe(record: &Record) -> Result<Conflict, Fault> {
    let parts = Parts::of(&record.body)?;
    let attributes = tree::parse(parts.attributes).map_err(Fault::internal)?;
    let value = |tag: &str| text_of(&attributes, tag);
    Ok(Conflict {
        id: record.id.clone(),
        reason: String::from_utf8_lossy(parts.conflict).into_owned(),
        study: value("0020000D").unwrap_or_default(),
        series: value("0020000E").unwrap_or_default(),
        instance: value("00080018").unwrap_or_default(),
        patient_id: value("00100020").unwrap_or_default(),
        patient_name: value("00100010"),
        current_patient_name: None,
        description: value("00081030"),
        received: record.columns.time.to_string(),
    })
}
