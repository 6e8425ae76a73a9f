//! Shares: a clinician gives one study or one patient to another member, or to whoever holds a link.
//!
//! A share is a row of its member, and in the same commit the grants that it causes: in force, and out of force, at the
//! next request.

mod listing;

pub use listing::{Incoming, ListedShare};

use crate::access::Caller;
use crate::audit::Access;
use crate::network::{self, Member, NETWORK, kinds};
use crate::resources::short;
use crate::{Services, fresh_id, random};
use lenticular_base::ids::hex;
use lenticular_base::{Fault, FaultKind, Instant, Kind, Labels, OrgNo};
use lenticular_policy::{Action, Grant, Grantee};
use lenticular_store::{Packing, Put, Record, View, Write};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is given: exactly one of `study` and `patient`.
#[derive(Clone, Deserialize, PartialEq, Eq, Debug, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareRequest {
    /// A Study Instance UID of the own member.
    pub study: Option<String>,
    /// A Patient id of the own member.
    pub patient: Option<String>,
    /// The member it is given to; absent: a link is made.
    pub to: Option<String>,
    /// When it ends (FHIR instant); absent: when it is taken back, and for links after 30 days.
    pub expires: Option<String>,
}

/// A share as its member sees it.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug, ToSchema)]
pub struct Share {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub study: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub patient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires: Option<String>,
    pub created: String,
    pub by: String,
    /// The key of the link's token, to take it back with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link_key: Option<String>,
}

/// A share that was made, and the link's token where one was asked for; it is shown this once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shared {
    pub share: Share,
    pub token: Option<String>,
}

const LINK_LIFETIME: i64 = 30 * 86_400_000;

impl Services {
    /// Gives a study or a patient of the own member to another member or by link.
    pub async fn share(&self, caller: &Caller, request: ShareRequest) -> Result<Shared, Fault> {
        self.to_the_end(caller, |services, caller| async move {
            let outcome = services.share_unaudited(&caller, request.clone()).await;
            let (kind, entity) = match (&request.study, &request.patient) {
                (Some(study), _) => ("Study", study.clone()),
                (None, patient) => ("Patient", patient.clone().unwrap_or_default()),
            };
            let access = Access::of('C', "share", kind, &entity).patient(request.patient);
            services.audited(&caller, access, outcome).await
        })
        .await
    }

    async fn share_unaudited(&self, caller: &Caller, request: ShareRequest) -> Result<Shared, Fault> {
        self.authorise(caller, Action::Share, None)?;
        let invalid = |words: &str| Fault::new(FaultKind::Invalid, "share", words);
        if request.study.is_some() == request.patient.is_some() {
            return Err(invalid("Name either a \"study\" (its UID) or a \"patient\" (its id)."));
        }
        let org = caller.principal.org;
        let grantee = match &request.to {
            Some(to) => Some(self.member(to).await?),
            None => None,
        };
        if grantee.as_ref().is_some_and(|member| member.no == org.0) {
            return Err(invalid("That is the own member: it sees its own records anyway."));
        }
        let now = self.now();
        let mut expires = match &request.expires {
            Some(text) => Some(Instant::parse(text).filter(|end| *end > now).ok_or_else(|| {
                invalid("\"expires\" is an instant in the future, such as 2027-01-31T12:00:00Z.")
            })?),
            None => None,
        };
        if grantee.is_none() {
            expires = Some(expires.unwrap_or(now.plus(LINK_LIFETIME)));
        }
        let token = match grantee {
            Some(_) => None,
            None => Some(format!("lt_{}", hex(&random::<24>()?))),
        };
        let share = Share {
            id: fresh_id()?.as_str().to_owned(),
            study: request.study,
            patient: request.patient,
            to: request.to,
            expires: expires.map(|end| end.to_string()),
            created: now.to_string(),
            by: caller.principal.agent.clone(),
            link_key: token.as_deref().map(network::token_id),
        };
        let link = token.clone();
        let committed = self
            .commit(caller.author(), Vec::new(), move |view, _| {
                let mut writes = grants(view, org, &share, grantee.as_ref(), expires)?;
                writes.push(row(view, org, &share)?);
                if let (Some(text), Some(end)) = (&link, expires) {
                    writes.push(Services::link_token(view, &share.id, org, text, end)?);
                }
                Ok((writes, share))
            })
            .await?;
        Ok(Shared { share: committed.answer, token })
    }

    /// Takes a share back: out of force at the next request.
    pub async fn unshare(&self, caller: &Caller, id: &str) -> Result<(), Fault> {
        let id = id.to_owned();
        self.to_the_end(caller, |services, caller| async move {
            let outcome = services.unshare_unaudited(&caller, &id).await;
            let patient = outcome.as_ref().ok().cloned().flatten();
            let access = Access::of('D', "unshare", "Share", &short(&id)).patient(patient);
            services.audited(&caller, access, outcome.map(|_| ())).await
        })
        .await
    }

    /// Gives the patient that it was about.
    async fn unshare_unaudited(&self, caller: &Caller, id: &str) -> Result<Option<String>, Fault> {
        self.authorise(caller, Action::Share, None)?;
        let (org, id) = (caller.principal.org, id.to_owned());
        self.commit(caller.author(), Vec::new(), move |view, _| {
            let found = view.current(org, kinds::SHARE, &id)?.filter(|record| !record.deleted);
            let share: Share = network::body(&found.ok_or_else(Fault::not_found)?)?;
            let mut writes =
                vec![Write::Ungrant { source: id.clone() }, Write::Delete { org, kind: kinds::SHARE, id }];
            if let Some(key) = share.link_key {
                writes.push(Write::Delete { org: NETWORK, kind: kinds::TOKEN, id: key });
            }
            Ok((writes, share.patient))
        })
        .await
        .map(|committed| committed.answer)
    }
}

/// The row of a share bears the study or patient that it is about: whoever was given that sees who gave it, and when.
fn row(view: &dyn View, org: OrgNo, share: &Share) -> Result<Write, Fault> {
    let json = serde_json::to_vec(share).map_err(Fault::internal)?;
    Ok(Write::Put(Box::new(Put {
        org,
        patient: share.patient.clone(),
        kind: kinds::SHARE,
        labels: Labels(0),
        study: share.study.clone(),
        id: share.id.clone(),
        body: view.pack(kinds::SHARE, &json, Packing::Raw),
        splice: -1,
        entries: Vec::new(),
        in_place: false,
    })))
}

/// The grants of a share that is stored.
pub(crate) fn caused_by(view: &dyn View, record: &Record) -> Result<Vec<Grant>, Fault> {
    let share: Share = network::body(record)?;
    let member = match &share.to {
        Some(id) => match view.current(NETWORK, kinds::MEMBER, id)?.filter(|row| !row.deleted) {
            Some(row) => Some(network::body::<Member>(&row)?),
            None => return Ok(Vec::new()),
        },
        None => None,
    };
    let expires = share.expires.as_deref().and_then(Instant::parse);
    match grants(view, record.columns.org, &share, member.as_ref(), expires) {
        Ok(writes) => Ok(writes
            .into_iter()
            .filter_map(|write| match write {
                Write::Grant(grant) => Some(grant),
                _ => None,
            })
            .collect()),
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(Vec::new()),
        Err(fault) => Err(fault),
    }
}

/// The flattened rows of a share. What is not there, or not the own member's, is not found.
fn grants(
    view: &dyn View,
    org: OrgNo,
    share: &Share,
    to: Option<&Member>,
    expires: Option<Instant>,
) -> Result<Vec<Write>, Fault> {
    let fhir = |name: &str| {
        lenticular_fhir::kinds::kind(name).ok_or_else(|| Fault::internal("a resource type has no number"))
    };
    let patient_kind = fhir("Patient")?;
    let grantee = match to {
        Some(member) => Grantee::Member(OrgNo(member.no)),
        None => Grantee::Link(share.id.clone()),
    };
    let grant = |patient: Option<String>, study: Option<String>, kind: Option<Kind>| {
        Write::Grant(Grant {
            source: share.id.clone(),
            grantee: grantee.clone(),
            org,
            patient,
            study,
            kind,
            expires,
        })
    };
    let exists = |kind: Kind, id: &str| {
        view.current(org, kind, id)?.filter(|record| !record.deleted).ok_or_else(Fault::not_found)
    };
    // Where images are is told by the member's Endpoint, which belongs to no patient.
    let endpoint = grant(None, None, Some(fhir("Endpoint")?));
    if let Some(patient) = &share.patient {
        exists(patient_kind, patient)?;
        return Ok(vec![grant(Some(patient.clone()), None, None), endpoint]);
    }
    let study = share.study.clone().unwrap_or_default();
    let patient = exists(Kind::STUDY, &study)?.columns.patient;
    let mut writes = vec![grant(None, Some(study), None), endpoint];
    if let Some(patient) = patient {
        writes.push(grant(Some(patient), None, Some(patient_kind)));
    }
    Ok(writes)
}
