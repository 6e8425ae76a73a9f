//! History of an instance, a type or the whole member, newest first (FHIR R4 §3.1.0.10).

use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::resources::{Version, short};
use lenticular_base::{Fault, FaultKind, Instant, Kind, Vid};
use lenticular_fhir::kinds;
use lenticular_policy::{Action, Scope};
use lenticular_store::HistoryQuery;

/// What history is asked for.
#[derive(Clone, Debug, Default)]
pub struct HistoryRequest {
    pub kind: Option<Kind>,
    pub id: Option<String>,
    /// `_since`.
    pub since: Option<Instant>,
    /// `_count`.
    pub count: Option<u32>,
    /// `_page`: versions older than this one.
    pub before: Option<i64>,
}

/// A page of versions.
#[derive(Clone, Debug)]
pub struct History {
    pub versions: Vec<Version>,
    /// `_page` of the next page.
    pub next: Option<i64>,
}

impl HistoryRequest {
    /// Reads `_since`, `_count` and `_page`; anything else is refused.
    pub fn parse(kind: Option<Kind>, id: Option<String>, pairs: &[(String, String)]) -> Result<HistoryRequest, Fault> {
        let mut request = HistoryRequest { kind, id, ..HistoryRequest::default() };
        for (name, value) in pairs {
            let invalid =
                || Fault::new(FaultKind::Invalid, "history", format!("{name} does not read: {}.", short(value)));
            match name.as_str() {
                "_since" => request.since = Some(Instant::parse(value).ok_or_else(invalid)?),
                "_count" => request.count = Some(value.parse().map_err(|_| invalid())?),
                "_page" => request.before = Some(value.parse().map_err(|_| invalid())?),
                "_format" | "_pretty" => {}
                _ => {
                    return Err(Fault::new(
                        FaultKind::Invalid,
                        "unknown-parameter",
                        format!("History takes _since, _count and _page, not {}.", short(name)),
                    ));
                }
            }
        }
        Ok(request)
    }
}

impl Services {
    /// The versions that the caller may see. An instance that nobody may know of is not found.
    pub async fn history(&self, caller: &Caller, request: HistoryRequest) -> Result<History, Fault> {
        let interaction = match (&request.kind, &request.id) {
            (_, Some(_)) => "history-instance",
            (Some(_), None) => "history-type",
            (None, None) => "history-system",
        };
        let kind = request.kind.map_or("", kinds::name);
        let access = Access::of('R', interaction, kind, &short(request.id.as_deref().unwrap_or("")));
        let scope = self.authorise(caller, Action::Read, request.kind)?;
        let outcome = self.blocking(move |services| services.history_page(&scope, &request)).await;
        let access = match &outcome {
            Ok((rows, _)) => access.showing(rows),
            Err(_) => access,
        };
        let outcome = outcome.map(|(rows, more)| {
            let next = rows.last().filter(|_| more).map(|row| row.vid.0);
            History { versions: rows.into_iter().map(Version::from).collect(), next }
        });
        self.audited(caller, access, outcome).await
    }

    fn history_page(
        &self, scope: &Scope, request: &HistoryRequest,
    ) -> Result<(Vec<lenticular_store::Record>, bool), Fault> {
        let scope = match request.kind {
            Some(_) => scope.clone(),
            // The network's own rows and the rows of images are no resources.
            None => scope.within_kinds(kinds::all().map(|(kind, _)| kind).collect()),
        };
        let count = request.count.unwrap_or(self.settings.page_default).min(self.settings.page_limit);
        let page = self.store.reader.history(
            &scope,
            &HistoryQuery {
                kind: request.kind,
                id: request.id.clone(),
                since: request.since,
                before: request.before.map(Vid),
                limit: u64::from(count),
            },
        )?;
        if request.id.is_some() && page.rows.is_empty() && request.since.is_none() && request.before.is_none() {
            return Err(Fault::not_found());
        }
        Ok((page.rows, page.more))
    }
}
