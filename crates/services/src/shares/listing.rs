//! The shares there are: what the own member gave, and what it was given, each with the names that people know it by.

use super::Share;
use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::naming::{Names, Thing};
use crate::network::{self, Member, kinds};
use lenticular_base::index::Query;
use lenticular_base::{Fault, OrgNo};
use lenticular_policy::{Action, Grantee, Scope};
use lenticular_store::Record;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A share that the own member has made.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, ToSchema)]
pub struct ListedShare {
    #[serde(flatten)]
    pub share: Share,
    /// Of the member that it was given to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_name: Option<String>,
    /// Of the study.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A share that another member has made to the own one, in force now.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, ToSchema)]
pub struct Incoming {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
    /// The id of the member that gave it, and its name.
    pub from: String,
    pub from_name: String,
    /// FHIR instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// FHIR instant; absent where the share was made before its row told whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Shares that are listed at most.
const LISTED: u64 = 10_000;

type Listed<T> = Result<(Vec<T>, Vec<Record>), Fault>;

impl Services {
    /// The shares that the own member has made and not taken back, in the order they were made.
    pub async fn shares(&self, caller: &Caller) -> Result<Vec<Share>, Fault> {
        Ok(self.listed_shares(caller).await?.into_iter().map(|listed| listed.share).collect())
    }

    /// The same with names.
    pub async fn listed_shares(&self, caller: &Caller) -> Result<Vec<ListedShare>, Fault> {
        let outcome = match self.authorise(caller, Action::Share, None) {
            Ok(scope) => {
                let org = caller.principal.org;
                self.blocking(move |services| services.outgoing(&scope, org)).await
            }
            Err(fault) => Err(fault),
        };
        self.listed(caller, "", outcome).await
    }

    /// What other members share with the own one now, in the order it was shared.
    pub async fn incoming_shares(&self, caller: &Caller) -> Result<Vec<Incoming>, Fault> {
        let scope = self
            .authorise(caller, Action::Share, None)
            .and_then(|_| self.authorise(caller, Action::Read, None));
        let outcome = match scope {
            Ok(scope) => {
                let org = caller.principal.org;
                self.blocking(move |services| services.incoming(&scope, org)).await
            }
            Err(fault) => Err(fault),
        };
        self.listed(caller, "direction=incoming", outcome).await
    }

    async fn listed<T>(&self, caller: &Caller, query: &str, outcome: Listed<T>) -> Result<Vec<T>, Fault> {
        let access = Access::of('R', "search-type", "Share", "").query(query);
        let access = match &outcome {
            Ok((_, rows)) => access.showing(rows),
            Err(_) => access,
        };
        self.audited(caller, access, outcome.map(|(shares, _)| shares)).await
    }

    fn outgoing(&self, scope: &Scope, org: OrgNo) -> Listed<ListedShare> {
        let rows = self.store.reader.search(scope, &Query::all(kinds::SHARE, LISTED))?.rows;
        let shares: Vec<Share> = rows.iter().map(network::body).collect::<Result<_, _>>()?;
        let members: Vec<Member> = self.network_rows(kinds::MEMBER)?;
        let mut names = Names::default();
        names.look_up(
            self,
            scope,
            org,
            shares.iter().flat_map(|share| things(&share.patient, &share.study)),
        )?;
        let listed = shares
            .into_iter()
            .map(|share| ListedShare {
                member_name: share
                    .to
                    .as_ref()
                    .and_then(|to| members.iter().find(|member| member.id == *to))
                    .map(|member| member.name.clone()),
                patient_name: names.patient(org, share.patient.as_deref(), share.study.as_deref()),
                description: names.description(org, share.study.as_deref()),
                share,
            })
            .collect();
        Ok((listed, names.into_rows()))
    }

    fn incoming(&self, scope: &Scope, org: OrgNo) -> Listed<Incoming> {
        let (now, grantee) = (self.now(), Grantee::Member(org));
        let grants = self.store.reader.grants();
        let mut by_owner: BTreeMap<OrgNo, Vec<_>> = BTreeMap::new();
        let in_force = grants
            .iter()
            .filter(|grant| grant.grantee == grantee && grant.expires.is_none_or(|end| now < end))
            // the row that names what was given; those beside it open what goes with it, and name a kind
            .filter(|grant| grant.kind.is_none() && (grant.study.is_some() || grant.patient.is_some()))
            .take(usize::try_from(LISTED).unwrap_or(usize::MAX));
        for grant in in_force {
            by_owner.entry(grant.org).or_default().push(grant);
        }
        let members: Vec<Member> = self.network_rows(kinds::MEMBER)?;
        let (mut shares, mut rows) = (Vec::new(), Vec::new());
        for (owner, grants) in by_owner {
            let Some(from) = members.iter().find(|member| member.no == owner.0) else { continue };
            let scope = scope.within_org(owner);
            let wanted: Vec<_> = grants.iter().map(|grant| (kinds::SHARE, grant.source.clone())).collect();
            let made: Vec<Share> = self
                .store
                .reader
                .get_many(&scope, owner, &wanted, None)?
                .iter()
                .map(network::body)
                .collect::<Result<_, _>>()?;
            let mut names = Names::default();
            let things = grants.iter().flat_map(|grant| things(&grant.patient, &grant.study));
            names.look_up(self, &scope, owner, things)?;
            shares.extend(grants.into_iter().map(|grant| Incoming {
                id: grant.source.clone(),
                study: grant.study.clone(),
                patient: grant.patient.clone(),
                from: from.id.clone(),
                from_name: from.name.clone(),
                expires: grant.expires.map(|end| end.to_string()),
                created:
                    made.iter().find(|share| share.id == grant.source).map(|share| share.created.clone()),
                patient_name: names.patient(owner, grant.patient.as_deref(), grant.study.as_deref()),
                description: names.description(owner, grant.study.as_deref()),
            }));
            rows.extend(names.into_rows());
        }
        shares.sort_by(|one, other| one.created.cmp(&other.created));
        Ok((shares, rows))
    }
}

/// What a share names.
fn things(patient: &Option<String>, study: &Option<String>) -> impl Iterator<Item = Thing> + use<> {
    let patient = patient.clone().map(Thing::Patient);
    patient.into_iter().chain(study.clone().map(Thing::Study))
}
