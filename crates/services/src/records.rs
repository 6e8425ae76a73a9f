//! FHIR records one at a time: create, read, vread, update, delete, conditionally or not (FHIR R4 §3.1.0).

use crate::access::Caller;
use crate::audit::Access;
use crate::resources::{
    Precondition, Version, Written, WrittenParts, id_in_body, own_org, parse_resource, refuse_server_owned,
    search_context, short, written,
};
use crate::{Services, fresh_id};
use bytes::Bytes;
use lenticular_base::index::Query;
use lenticular_base::tree::Tree;
use lenticular_base::{Fault, FaultKind, Kind, LogicalId, OrgNo};
use lenticular_fhir::{kinds, search};
use lenticular_policy::{Action, Scope};
use lenticular_store::{Record, View, Write};
use std::time::Instant;

/// Criteria of a conditional interaction: what stands behind the `?`, decoded, and the FHIR base it was asked at.
#[derive(Clone, Debug)]
pub struct Criteria {
    pub pairs: Vec<(String, String)>,
    pub base: String,
}

impl Criteria {
    /// The query that finds at most two of what the criteria name.
    pub(crate) fn query(&self, services: &Services, kind: Kind) -> Result<Query, Fault> {
        let context = search_context(services, &self.base);
        let search = search::parse(kind, &self.pairs, &context).map_err(Fault::from)?;
        if search.query.all.is_empty() {
            return Err(Fault::new(
                FaultKind::PreconditionFailed,
                "criteria",
                "Conditional criteria name at least one search parameter; nothing was changed.",
            ));
        }
        Ok(Query { sort: Vec::new(), limit: 2, ..search.query })
    }

    fn text(&self) -> String {
        self.pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }
}

/// How a search that finds several reads in a conditional interaction.
pub(crate) fn several() -> Fault {
    Fault::new(
        FaultKind::PreconditionFailed,
        "multiple-matches",
        "The criteria find more than one resource; nothing was changed.",
    )
}

impl Services {
    /// Reads the current version.
    pub async fn read(&self, caller: &Caller, kind: Kind, id: &str) -> Result<Version, Fault> {
        let outcome = self.read_unaudited(caller, kind, id).await;
        let access = Access::of('R', "read", kinds::name(kind), &short(id)).showing(outcome.as_ref().ok());
        self.audited(caller, access, outcome.and_then(undeleted)).await
    }

    async fn read_unaudited(&self, caller: &Caller, kind: Kind, id: &str) -> Result<Record, Fault> {
        let scope = self.authorise(caller, Action::Read, Some(kind))?;
        let org = own_org(caller);
        let found = self.row(caller.asked, scope, org, kind, id).await?;
        found.ok_or_else(Fault::not_found)
    }

    /// A row by its name, true as of a moment after `since`, or after now: from memory where memory knows.
    pub(crate) async fn row(
        &self,
        since: Option<Instant>,
        scope: Scope,
        prefer: OrgNo,
        kind: Kind,
        id: &str,
    ) -> Result<Option<Record>, Fault> {
        let since = since.unwrap_or_else(Instant::now);
        if let Some(fresh) = self.store.reader.freshen(since) {
            fresh.await?;
        }
        if let Some(found) = self.store.reader.get_cached(since, &scope, prefer, kind, id) {
            return Ok(found);
        }
        let id = id.to_owned();
        self.blocking(move |services| services.store.reader.get(&scope, prefer, kind, &id)).await
    }

    /// Reads one version.
    pub async fn vread(&self, caller: &Caller, kind: Kind, id: &str, version: i64) -> Result<Version, Fault> {
        let outcome = self.vread_unaudited(caller, kind, id, version).await;
        let access = Access::of('R', "vread", kinds::name(kind), &short(id)).showing(outcome.as_ref().ok());
        self.audited(caller, access, outcome.and_then(undeleted)).await
    }

    async fn vread_unaudited(
        &self,
        caller: &Caller,
        kind: Kind,
        id: &str,
        version: i64,
    ) -> Result<Record, Fault> {
        let scope = self.authorise(caller, Action::Read, Some(kind))?;
        let (org, id) = (own_org(caller), id.to_owned());
        self.blocking(move |services| {
            let scope = services.scope_of_one(scope, org, kind, &id)?;
            services.store.reader.version(&scope, org, kind, &id, version)?.ok_or_else(Fault::not_found)
        })
        .await
    }

    /// Members choose ids by themselves, so several rows may bear one name: all versions that are shown under it are those
    /// of the row that a read shows.
    pub(crate) fn scope_of_one(
        &self,
        scope: Scope,
        org: OrgNo,
        kind: Kind,
        id: &str,
    ) -> Result<Scope, Fault> {
        let current = self.store.reader.get(&scope, org, kind, id)?;
        Ok(current.map_or(scope.clone(), |record| scope.within_org(record.columns.org)))
    }

    /// Creates a resource under a new id; with criteria only where they find none (`If-None-Exist`, decided inside the
    /// single writer: racing callers make one). `base` is the FHIR base of this request.
    pub async fn create(
        &self,
        caller: &Caller,
        kind: Kind,
        body: Bytes,
        if_none_exist: Option<Criteria>,
        base: &str,
    ) -> Result<Written, Fault> {
        let base = base.to_owned();
        self.to_the_end(caller, |services, caller| async move {
            let query = if_none_exist.as_ref().map(Criteria::text);
            let outcome = services.create_unaudited(&caller, kind, body, if_none_exist, &base).await;
            let access = access_of('C', "create", kind, "", &outcome);
            let access = match query {
                Some(query) => access.query(query),
                None => access,
            };
            services.audited(&caller, access, outcome).await
        })
        .await
    }

    async fn create_unaudited(
        &self,
        caller: &Caller,
        kind: Kind,
        body: Bytes,
        if_none_exist: Option<Criteria>,
        base: &str,
    ) -> Result<Written, Fault> {
        self.authorise(caller, Action::Write, Some(kind))?;
        refuse_server_owned(kind)?;
        let query = if_none_exist.map(|criteria| criteria.query(self, kind)).transpose()?;
        let id = fresh_id()?;
        let base = base.to_owned();
        let prepared = self
            .compute_small(body.len(), move |services| {
                services.prepare(&parse_resource(services, &body, &base)?, kind, id.as_str())
            })
            .await?;
        let org = own_org(caller);
        let parts = WrittenParts::from(&prepared);
        let committed = self
            .commit(caller.author(), Vec::new(), move |view, _| {
                if let Some(query) = &query
                    && let Some(record) = find_one(view, org, query)?
                {
                    return Ok((Vec::new(), Some(record)));
                }
                Ok((vec![Write::Put(Box::new(prepared.put(org)))], None))
            })
            .await?;
        Ok(match committed.answer {
            Some(record) => Written::found(record),
            None => written(&parts, committed.versions[0], committed.stamp.time, true),
        })
    }

    /// Writes a new version under a known id; creates it where it is not there (update as create).
    pub async fn update(
        &self,
        caller: &Caller,
        kind: Kind,
        id: &str,
        body: Bytes,
        precondition: Precondition,
        base: &str,
    ) -> Result<Written, Fault> {
        let (id, base) = (id.to_owned(), base.to_owned());
        self.to_the_end(caller, |services, caller| async move {
            let outcome = services.update_unaudited(&caller, kind, &id, body, precondition, &base).await;
            services.audited(&caller, access_of('U', "update", kind, &id, &outcome), outcome).await
        })
        .await
    }

    async fn update_unaudited(
        &self,
        caller: &Caller,
        kind: Kind,
        id: &str,
        body: Bytes,
        precondition: Precondition,
        base: &str,
    ) -> Result<Written, Fault> {
        self.authorise(caller, Action::Write, Some(kind))?;
        refuse_server_owned(kind)?;
        let id = LogicalId::parse(id)?;
        self.refuse_foreign(caller, kind, id.as_str()).await?;
        let (name, base) = (id.clone(), base.to_owned());
        let prepared = self
            .compute_small(body.len(), move |services| {
                let tree = parse_resource(services, &body, &base)?;
                refuse_other_id(&tree, &name)?;
                services.prepare(&tree, kind, name.as_str())
            })
            .await?;
        let org = own_org(caller);
        let parts = WrittenParts::from(&prepared);
        let committed = self
            .commit(caller.author(), Vec::new(), move |view, _| {
                let current = view.current(org, kind, id.as_str())?;
                precondition.check(current.as_ref())?;
                let created = current.is_none_or(|record| record.deleted);
                Ok((vec![Write::Put(Box::new(prepared.put(org)))], created))
            })
            .await?;
        Ok(written(&parts, committed.versions[0], committed.stamp.time, committed.answer))
    }

    /// Updates the one resource that the criteria find, or creates one where they find none (FHIR R4 §3.1.0.4.3).
    pub async fn update_where(
        &self,
        caller: &Caller,
        kind: Kind,
        criteria: Criteria,
        body: Bytes,
        precondition: Precondition,
    ) -> Result<Written, Fault> {
        self.to_the_end(caller, |services, caller| async move {
            let mut outcome = Err(changed_meanwhile());
            for _ in 0..ATTEMPTS {
                let body = body.clone();
                outcome = services.update_where_unaudited(&caller, kind, &criteria, body, precondition).await;
                if !matches!(&outcome, Err(fault) if fault.code == CHANGED) {
                    break;
                }
            }
            let access = access_of('U', "update", kind, "", &outcome).query(criteria.text());
            services.audited(&caller, access, outcome).await
        })
        .await
    }

    /// Which id it becomes decides the body, and only the writer knows: the body is made for what is found before, and
    /// made anew where the writer finds something else.
    async fn update_where_unaudited(
        &self,
        caller: &Caller,
        kind: Kind,
        criteria: &Criteria,
        body: Bytes,
        precondition: Precondition,
    ) -> Result<Written, Fault> {
        self.authorise(caller, Action::Write, Some(kind))?;
        refuse_server_owned(kind)?;
        let query = criteria.query(self, kind)?;
        let org = own_org(caller);
        let (before, base, who) = (query.clone(), criteria.base.clone(), caller.clone());
        let fresh = fresh_id()?;
        let (prepared, found, own) = self
            .blocking(move |services| {
                let mut rows = services.store.reader.search(&Scope::of_own_work(org), &before)?.rows;
                if rows.len() > 1 {
                    return Err(several());
                }
                let found = rows.pop().map(|record| record.id);
                let tree = parse_resource(services, &body, &base)?;
                let own = id_in_body(&tree)?;
                let id = match (&found, &own) {
                    (Some(found), Some(own)) if own.as_str() != found => {
                        return Err(Fault::new(
                            FaultKind::Invalid,
                            "id",
                            "The body's id is not that of the resource that the criteria find.",
                        )
                        .at("id"));
                    }
                    (Some(found), _) => found.clone(),
                    (None, Some(own)) => {
                        services.refuse_foreign_blocking(&who, kind, own.as_str())?;
                        own.as_str().to_owned()
                    }
                    (None, None) => fresh.as_str().to_owned(),
                };
                Ok((services.prepare(&tree, kind, &id)?, found, own))
            })
            .await?;
        let parts = WrittenParts::from(&prepared);
        let committed = self
            .commit(caller.author(), Vec::new(), move |view, _| {
                let current = find_one(view, org, &query)?;
                if current.as_ref().map(|record| &record.id) != found.as_ref() {
                    return Err(changed_meanwhile());
                }
                precondition.check(current.as_ref())?;
                if let (None, Some(own)) = (&current, &own)
                    && view.current(org, kind, own.as_str())?.is_some_and(|record| !record.deleted)
                {
                    return Err(id_taken());
                }
                Ok((vec![Write::Put(Box::new(prepared.put(org)))], current.is_none()))
            })
            .await?;
        Ok(written(&parts, committed.versions[0], committed.stamp.time, committed.answer))
    }

    /// Deletes a resource; one that is not there is deleted already. Gives the version that says so.
    pub async fn delete(
        &self,
        caller: &Caller,
        kind: Kind,
        id: &str,
        precondition: Precondition,
    ) -> Result<Option<i64>, Fault> {
        let id = id.to_owned();
        self.to_the_end(caller, |services, caller| async move {
            let access = Access::of('D', "delete", kinds::name(kind), &short(&id));
            let outcome = match services.refuse_foreign(&caller, kind, &id).await {
                Ok(()) => {
                    let find = move |view: &dyn View, org| view.current(org, kind, &id);
                    services.delete_unaudited(&caller, kind, precondition, find).await
                }
                Err(fault) => Err(fault),
            };
            services.deleted(&caller, access, outcome).await
        })
        .await
    }

    /// Deletes the one resource that the criteria find (FHIR R4 §3.1.0.7.1, single). Gives the version that says so.
    pub async fn delete_where(
        &self,
        caller: &Caller,
        kind: Kind,
        criteria: Criteria,
        precondition: Precondition,
    ) -> Result<Option<i64>, Fault> {
        self.to_the_end(caller, |services, caller| async move {
            let outcome = match criteria.query(&services, kind) {
                Ok(query) => {
                    let find = move |view: &dyn View, org| find_one(view, org, &query);
                    services.delete_unaudited(&caller, kind, precondition, find).await
                }
                Err(fault) => Err(fault),
            };
            let gone = outcome.as_ref().ok().and_then(|gone| gone.as_ref());
            let id = gone.map_or("", |gone| gone.id.as_str()).to_owned();
            let access = Access::of('D', "delete", kinds::name(kind), &id).query(criteria.text());
            services.deleted(&caller, access, outcome).await
        })
        .await
    }

    async fn delete_unaudited(
        &self,
        caller: &Caller,
        kind: Kind,
        precondition: Precondition,
        find: impl FnOnce(&dyn View, OrgNo) -> Result<Option<Record>, Fault> + Send + 'static,
    ) -> Result<Option<Deleted>, Fault> {
        self.authorise(caller, Action::Write, Some(kind))?;
        refuse_server_owned(kind)?;
        let org = own_org(caller);
        let committed = self
            .commit(caller.author(), Vec::new(), move |view, _| {
                let current = find(view, org)?.filter(|record| !record.deleted);
                precondition.check(current.as_ref())?;
                let gone = current.map(|record| (record.id, record.columns.patient));
                let write = gone.iter().map(|(id, _)| Write::Delete { org, kind, id: id.clone() });
                Ok((write.collect(), gone.clone()))
            })
            .await?;
        let version = committed.versions.first().copied();
        Ok(committed.answer.zip(version).map(|((id, patient), version)| Deleted { id, patient, version }))
    }

    async fn deleted(
        &self,
        caller: &Caller,
        access: Access,
        outcome: Result<Option<Deleted>, Fault>,
    ) -> Result<Option<i64>, Fault> {
        let patient =
            outcome.as_ref().ok().and_then(|gone| gone.as_ref()).and_then(|gone| gone.patient.clone());
        let outcome = outcome.map(|gone| gone.map(|gone| gone.version));
        self.audited(caller, access.patient(patient), outcome).await
    }

    /// Refuses to write under the id of what another member shares: the own row would hide what was shared, and the
    /// caller would take it for a change of that.
    async fn refuse_foreign(&self, caller: &Caller, kind: Kind, id: &str) -> Result<(), Fault> {
        let Ok(scope) = self.authorise(caller, Action::Read, Some(kind)) else { return Ok(()) };
        let org = own_org(caller);
        let found = self.row(caller.asked, scope, org, kind, id).await?;
        foreign(found.as_ref(), org)
    }

    /// The same on a thread that may wait.
    pub(crate) fn refuse_foreign_blocking(&self, caller: &Caller, kind: Kind, id: &str) -> Result<(), Fault> {
        let Ok(scope) = self.authorise(caller, Action::Read, Some(kind)) else { return Ok(()) };
        let org = own_org(caller);
        foreign(self.store.reader.get(&scope, org, kind, id)?.as_ref(), org)
    }

    /// CPU work: here and now where it is small, else on the CPU pool.
    pub(crate) async fn compute_small<T, F>(&self, size: usize, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Services) -> Result<T, Fault> + Send + 'static,
    {
        if size <= 16 * 1024 { work(self) } else { self.compute(work).await }
    }
}

fn foreign(found: Option<&Record>, org: OrgNo) -> Result<(), Fault> {
    match found {
        Some(record) if record.columns.org != org => Err(Fault::new(
            FaultKind::Forbidden,
            "other-member",
            "It is another member's, shared to be read; nothing was changed.",
        )),
        _ => Ok(()),
    }
}

/// What a delete deleted.
struct Deleted {
    id: String,
    patient: Option<String>,
    version: i64,
}

fn id_taken() -> Fault {
    Fault::new(
        FaultKind::Conflict,
        "id-taken",
        "The criteria find nothing, but the body's id belongs to another resource; nothing was changed.",
    )
}

/// An update's body says its id (FHIR R4 §3.1.0.4).
fn refuse_other_id(tree: &Tree<'_>, id: &LogicalId) -> Result<(), Fault> {
    let words = match id_in_body(tree)? {
        Some(own) if own == *id => return Ok(()),
        Some(_) => format!("The body's id has to be the one in the URL, \"{id}\"."),
        None => format!("The body has no id; it has to be the one in the URL, \"{id}\"."),
    };
    Err(Fault::new(FaultKind::Invalid, "id", words).at("id"))
}

/// What criteria find inside the writer.
pub(crate) fn find_one(view: &dyn View, org: OrgNo, query: &Query) -> Result<Option<Record>, Fault> {
    let mut found = view.find(org, query)?;
    if found.len() > 1 {
        return Err(several());
    }
    Ok(found.pop())
}

/// How often work is done anew because the store changed meanwhile.
pub(crate) const ATTEMPTS: usize = 20;

/// The code of [`changed_meanwhile`].
pub(crate) const CHANGED: &str = "changed-meanwhile";

pub(crate) fn changed_meanwhile() -> Fault {
    Fault::new(
        FaultKind::Busy,
        CHANGED,
        "What the criteria find changed again and again meanwhile; nothing was kept. Send it again.",
    )
}

fn undeleted(record: Record) -> Result<Version, Fault> {
    if record.deleted { Err(gone(record.version)) } else { Ok(record.into()) }
}

fn gone(version: i64) -> Fault {
    Fault::new(FaultKind::Gone, "deleted", format!("It was deleted; version W/\"{version}\" says so."))
}

/// An access to what was written, or to the id that was asked for.
fn access_of(
    action: char,
    interaction: &str,
    kind: Kind,
    asked: &str,
    outcome: &Result<Written, Fault>,
) -> Access {
    let written = outcome.as_ref().ok();
    let id = written.map_or_else(|| short(asked), |written| written.version.id.clone());
    let patient = written.and_then(|written| written.patient.clone());
    Access::of(action, interaction, kinds::name(kind), &id).patient(patient)
}
