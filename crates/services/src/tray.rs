//! The tray: objects that contradict what is here, kept as non-primary until somebody decides.

use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::instance_body::Parts;
use lenticular_base::index::Query;
use lenticular_base::{Fault, Kind, tree};
use lenticular_policy::Action;
use lenticular_store::Record;
use serde::Serialize;

/// One object that waits.
#[derive(Clone, Serialize, PartialEq, Eq, Debug)]
pub struct Conflict {
    pub id: String,
    pub reason: String,
    pub study: String,
    pub series: String,
    pub instance: String,
    /// As the object says.
    pub patient_id: String,
    /// FHIR instant.
    pub received: String,
}

impl Services {
    /// The own member's tray, in the order of arrival.
    pub async fn conflicts(&self, caller: &Caller) -> Result<Vec<Conflict>, Fault> {
        let outcome = self.conflicts_unaudited(caller).await;
        let access = Access::of('R', "search-type", "Conflict", "");
        let access = match &outcome {
            Ok((_, rows)) => access.showing(rows),
            Err(_) => access,
        };
        self.audited(caller, access, outcome.map(|(conflicts, _)| conflicts)).await
    }

    async fn conflicts_unaudited(&self, caller: &Caller) -> Result<(Vec<Conflict>, Vec<Record>), Fault> {
        let scope = self.authorise(caller, Action::Reconcile, Some(Kind::CONFLICT))?;
        self.blocking(move |services| {
            let rows = services.store.reader.search(&scope, &Query::all(Kind::CONFLICT, 1000))?.rows;
            let conflicts = rows.iter().map(describe).collect::<Result<_, _>>()?;
            Ok((conflicts, rows))
        })
        .await
    }
}

fn describe(record: &Record) -> Result<Conflict, Fault> {
    let parts = Parts::of(&record.body)?;
    let attributes = tree::parse(parts.attributes).map_err(Fault::internal)?;
    let value = |tag: &str| {
        let first = attributes.get(tag)?.get("Value")?.items().first()?;
        first.text().map(|text| text.into_owned())
    };
    Ok(Conflict {
        id: record.id.clone(),
        reason: String::from_utf8_lossy(parts.conflict).into_owned(),
        study: value("0020000D").unwrap_or_default(),
        series: value("0020000E").unwrap_or_default(),
        instance: value("00080018").unwrap_or_default(),
        patient_id: value("00100020").unwrap_or_default(),
        received: record.columns.time.to_string(),
    })
}
