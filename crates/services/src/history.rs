//! History of an instance, a type or the whole member, newest first (FHIR R4 §3.1.0.10).

use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::resources::{Version, own_org, short};
use lenticular_base::{Fault, FaultKind, Instant, Kind, OrgNo, Vid, calendar};
use lenticular_fhir::kinds;
use lenticular_policy::{Action, Scope};
use lenticular_store::{HistoryQuery, Record};

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
    pub fn parse(
        kind: Option<Kind>,
        id: Option<String>,
        pairs: &[(String, String)],
    ) -> Result<HistoryRequest, Fault> {
        let mut request = HistoryRequest { kind, id, ..HistoryRequest::default() };
        for (name, value) in pairs {
            let invalid = || {
                Fault::new(FaultKind::Invalid, "history", format!("{name} does not read: {}.", short(value)))
            };
            match name.as_str() {
                "_since" => request.since = Some(since(value).ok_or_else(invalid)?),
                // More digits than a number holds is more than any page.
                "_count" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                    request.count = Some(value.parse().unwrap_or(u32::MAX));
                }
                "_page" => request.before = Some(value.parse().map_err(|_| invalid())?),
                "_format" | "_pretty" => {}
                "_count" => return Err(invalid()),
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

/// An instant, or the beginning of a date as precise as clients write one.
fn since(text: &str) -> Option<Instant> {
    Instant::parse(text).or_else(|| calendar::parse_span(text).map(|span| Instant(span.low)))
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
        let outcome = match self.authorise(caller, Action::Read, request.kind) {
            Ok(scope) => {
                let org = own_org(caller);
                self.blocking(move |services| services.history_page(scope, org, &request)).await
            }
            Err(fault) => Err(fault),
        };
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
        &self,
        scope: Scope,
        org: OrgNo,
        request: &HistoryRequest,
    ) -> Result<(Vec<Record>, bool), Fault> {
        let scope = match (request.kind, &request.id) {
            (Some(kind), Some(id)) => self.scope_of_one(scope, org, kind, id)?,
            (Some(_), None) => scope,
            // The network's own rows and the rows of images are no resources.
            (None, _) => scope.within_kinds(kinds::all().map(|(kind, _)| kind).collect()),
        };
        let count = request.count.unwrap_or(self.settings.page_default).min(self.settings.page_limit);
        let query = HistoryQuery {
            kind: request.kind,
            id: request.id.clone(),
            since: request.since,
            before: request.before.map(Vid),
            limit: u64::from(count),
        };
        let page = self.store.reader.history(&scope, &query)?;
        if request.id.is_some() && page.rows.is_empty() {
            // Nothing since then is an answer about something that is there.
            let any = HistoryQuery { since: None, before: None, limit: 1, ..query };
            if self.store.reader.history(&scope, &any)?.rows.is_empty() {
                return Err(Fault::not_found());
            }
        }
        Ok((page.rows, page.more))
    }
}
