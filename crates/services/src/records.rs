//! FHIR records one at a time: create, read, vread, update, delete, conditionally or not (FHIR R4 §3.1.0).

use crate::access::Caller;
use crate::audit::Access;
use crate::resources::{
    Version, Written, WrittenParts, check_match, id_in_body, own_org, parse, refuse_server_owned, search_context, short,
    written,
};
use crate::{Services, random};
use lenticular_base::index::Query;
use lenticular_base::{Fault, FaultKind, Kind, LogicalId};
use lenticular_fhir::{kinds, search};
use lenticular_policy::Action;
use lenticular_store::{View, Write};
use bytes::Bytes;

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
        let scope = self.authorise(caller, Action::Read, Some(kind))?;
        let org = own_org(caller);
        let found = match self.store.reader.get_cached(&scope, org, kind, id) {
            Some(found) => Ok(found),
            None => {
                let id = id.to_owned();
                self.blocking(move |services| services.store.reader.get(&scope, org, kind, &id)).await
            }
        };
        let outcome = found.and_then(|record| record.ok_or_else(Fault::not_found)).and_then(|record| {
            if record.deleted { Err(gone(record.version)) } else { Ok(record) }
        });
        let access = Access::of('R', "read", kinds::name(kind), &short(id)).showing(outcome.as_ref().ok());
        self.audited(caller, access, outcome.map(Version::from)).await
    }

    /// Reads one version.
    pub async fn vread(&self, caller: &Caller, kind: Kind, id: &str, version: i64) -> Result<Version, Fault> {
        let scope = self.authorise(caller, Action::Read, Some(kind))?;
        let (org, name) = (own_org(caller), id.to_owned());
        let found = self
            .blocking(move |services| services.store.reader.version(&scope, org, kind, &name, version))
            .await;
        let outcome = found.and_then(|record| record.ok_or_else(Fault::not_found)).and_then(|record| {
            if record.deleted { Err(gone(record.version)) } else { Ok(record) }
        });
        let access = Access::of('R', "vread", kinds::name(kind), &short(id)).showing(outcome.as_ref().ok());
        self.audited(caller, access, outcome.map(Version::from)).await
    }

    /// Creates a resource under a new id; with criteria only where they find none (`If-None-Exist`, decided inside the
    /// single writer: racing callers make one).
    pub async fn create(
        &self, caller: &Caller, kind: Kind, body: Bytes, if_none_exist: Option<Criteria>,
    ) -> Result<Written, Fault> {
        let outcome = self.create_unaudited(caller, kind, body, if_none_exist).await;
        self.audited(caller, access_of('C', "create", kind, &outcome), outcome).await
    }

    async fn create_unaudited(
        &self, caller: &Caller, kind: Kind, body: Bytes, if_none_exist: Option<Criteria>,
    ) -> Result<Written, Fault> {
        refuse_server_owned(kind)?;
        self.authorise(caller, Action::Write, Some(kind))?;
        let query = if_none_exist.map(|criteria| criteria.query(self, kind)).transpose()?;
        let id = LogicalId::from_random(random()?);
        let prepared = self
            .compute_small(body.len(), move |services| services.prepare(&parse(&body)?, kind, id.as_str()))
            .await?;
        let org = own_org(caller);
        let parts = WrittenParts::from(&prepared);
        let committed = self
            .commit(caller.author(), Vec::new(), move |view, _| {
                if let Some(query) = &query {
                    let mut found = view.find(org, query)?;
                    if found.len() > 1 {
                        return Err(several());
                    }
                    if let Some(record) = found.pop() {
                        return Ok((Vec::new(), Some(record)));
                    }
                }
                Ok((vec![Write::Put(Box::new(prepared.put(org)))], None))
            })
            .await?;
        Ok(match committed.answer {
            Some(record) => Written { version: record.into(), created: false, existed: true },
            None => written(&parts, committed.versions[0], committed.stamp.time, true),
        })
    }

    /// Writes a new version under a known id; creates it where it is not there (update as create).
    pub async fn update(
        &self, caller: &Caller, kind: Kind, id: &str, body: Bytes, if_match: Option<i64>,
    ) -> Result<Written, Fault> {
        let outcome = self.update_unaudited(caller, kind, id, body, if_match).await;
        self.audited(caller, access_of('U', "update", kind, &outcome), outcome).await
    }

    async fn update_unaudited(
        &self, caller: &Caller, kind: Kind, id: &str, body: Bytes, if_match: Option<i64>,
    ) -> Result<Written, Fault> {
        refuse_server_owned(kind)?;
        self.authorise(caller, Action::Write, Some(kind))?;
        let id = LogicalId::parse(id)?;
        let name = id.clone();
        let prepared = self
            .compute_small(body.len(), move |services| {
                let tree = parse(&body)?;
                if id_in_body(&tree)?.as_ref() != Some(&name) {
                    return Err(Fault::new(
                        FaultKind::Invalid,
                        "id",
                        format!("The body's id has to be the one in the URL, \"{name}\"."),
                    )
                    .at("id"));
                }
                services.prepare(&tree, kind, name.as_str())
            })
            .await?;
        let org = own_org(caller);
        let parts = WrittenParts::from(&prepared);
        let committed = self
            .commit(caller.author(), Vec::new(), move |view, _| {
                let current = view.current(org, kind, id.as_str())?;
                check_match(current.as_ref(), if_match)?;
                let created = current.is_none_or(|record| record.deleted);
                Ok((vec![Write::Put(Box::new(prepared.put(org)))], created))
            })
            .await?;
        Ok(written(&parts, committed.versions[0], committed.stamp.time, committed.answer))
    }

    /// Updates the one resource that the criteria find, or creates one where they find none (FHIR R4 §3.1.0.4.3).
    pub async fn update_where(
        &self, caller: &Caller, kind: Kind, criteria: Criteria, body: Bytes, if_match: Option<i64>,
    ) -> Result<Written, Fault> {
        let outcome = self.update_where_unaudited(caller, kind, &criteria, body, if_match).await;
        self.audited(caller, access_of('U', "update", kind, &outcome).query(criteria.text()), outcome).await
    }

    async fn update_where_unaudited(
        &self, caller: &Caller, kind: Kind, criteria: &Criteria, body: Bytes, if_match: Option<i64>,
    ) -> Result<Written, Fault> {
        refuse_server_owned(kind)?;
        self.authorise(caller, Action::Write, Some(kind))?;
        let query = criteria.query(self, kind)?;
        let org = own_org(caller);
        let author = caller.author();
        // Which id it becomes decides the body, and only the writer knows: the body is made there.
        let services = self.clone();
        let fresh = LogicalId::from_random(random()?);
        let committed = self
            .commit(author, Vec::new(), move |view, _| {
                let tree = parse(&body)?;
                let own = id_in_body(&tree)?;
                let mut found = view.find(org, &query)?;
                if found.len() > 1 {
                    return Err(several());
                }
                let (id, created) = match found.pop() {
                    Some(record) => {
                        check_match(Some(&record), if_match)?;
                        if own.is_some_and(|own| own.as_str() != record.id) {
                            return Err(Fault::new(
                                FaultKind::Invalid,
                                "id",
                                "The body's id is not that of the resource that the criteria find.",
                            )
                            .at("id"));
                        }
                        (record.id, false)
                    }
                    None => {
                        check_match(None, if_match)?;
                        create_as(view, org, kind, own, fresh)?
                    }
                };
                let prepared = services.prepare(&tree, kind, &id)?;
                let parts = WrittenParts::from(&prepared);
                Ok((vec![Write::Put(Box::new(prepared.put(org)))], (parts, created)))
            })
            .await?;
        let (parts, created) = committed.answer;
        Ok(written(&parts, committed.versions[0], committed.stamp.time, created))
    }

    /// Deletes a resource; one that is not there is deleted already. Gives the version that says so.
    pub async fn delete(
        &self, caller: &Caller, kind: Kind, id: &str, if_match: Option<i64>,
    ) -> Result<Option<i64>, Fault> {
        let outcome = self.delete_unaudited(caller, kind, id, if_match).await;
        self.audited(caller, Access::of('D', "delete", kinds::name(kind), &short(id)), outcome).await
    }

    async fn delete_unaudited(
        &self, caller: &Caller, kind: Kind, id: &str, if_match: Option<i64>,
    ) -> Result<Option<i64>, Fault> {
        refuse_server_owned(kind)?;
        self.authorise(caller, Action::Write, Some(kind))?;
        let (org, id) = (own_org(caller), id.to_owned());
        let committed = self
            .commit(caller.author(), Vec::new(), move |view, _| {
                let current = view.current(org, kind, &id)?.filter(|record| !record.deleted);
                check_match(current.as_ref(), if_match)?;
                Ok(match current {
                    Some(_) => (vec![Write::Delete { org, kind, id }], ()),
                    None => (Vec::new(), ()),
                })
            })
            .await?;
        Ok(committed.versions.first().copied())
    }

    /// Deletes the one resource that the criteria find (FHIR R4 §3.1.0.7.1, single).
    pub async fn delete_where(&self, caller: &Caller, kind: Kind, criteria: Criteria) -> Result<(), Fault> {
        let outcome = self.delete_where_unaudited(caller, kind, &criteria).await;
        let access = Access::of('D', "delete", kinds::name(kind), "").query(criteria.text());
        self.audited(caller, access, outcome).await
    }

    async fn delete_where_unaudited(&self, caller: &Caller, kind: Kind, criteria: &Criteria) -> Result<(), Fault> {
        refuse_server_owned(kind)?;
        self.authorise(caller, Action::Write, Some(kind))?;
        let query = criteria.query(self, kind)?;
        let org = own_org(caller);
        self.commit(caller.author(), Vec::new(), move |view, _| {
            let mut found = view.find(org, &query)?;
            if found.len() > 1 {
                return Err(several());
            }
            Ok((found.pop().map(|record| Write::Delete { org, kind, id: record.id }).into_iter().collect(), ()))
        })
        .await
        .map(|_| ())
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

/// The id of a resource that a conditional update creates: its own where it has one that is free.
fn create_as(
    view: &dyn View, org: lenticular_base::OrgNo, kind: Kind, own: Option<LogicalId>, fresh: LogicalId,
) -> Result<(String, bool), Fault> {
    let Some(own) = own else { return Ok((fresh.as_str().to_owned(), true)) };
    if view.current(org, kind, own.as_str())?.is_some_and(|record| !record.deleted) {
        return Err(Fault::new(
            FaultKind::Conflict,
            "id-taken",
            "The criteria find nothing, but the body's id belongs to another resource; nothing was changed.",
        ));
    }
    Ok((own.as_str().to_owned(), true))
}

fn gone(version: i64) -> Fault {
    Fault::new(FaultKind::Gone, "deleted", format!("It was deleted; version W/\"{version}\" says so."))
}

fn access_of(action: char, interaction: &str, kind: Kind, outcome: &Result<Written, Fault>) -> Access {
    let id = outcome.as_ref().map_or("", |written| written.version.id.as_str());
    Access::of(action, interaction, kinds::name(kind), id)
}
