//! Whose rows an answer shows. Rows of several members may stand side by side, two of them under one id: those of others
//! are marked with their owner's id, beside the resource and never in it, which leaves as it came.

use crate::Services;
use crate::access::Caller;
use crate::audit_events::member_names;
use crate::resources::Version;
use lenticular_base::{Fault, OrgNo};
use std::collections::HashMap;

/// The ids of the members whose rows are shown, but for the one that asks.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    own: Option<OrgNo>,
    ids: HashMap<i64, String>,
}

impl Owners {
    /// The id of the member that owns the row, where that is another than the one that asks.
    pub fn of(&self, version: &Version) -> Option<&str> {
        self.id(version.owner?)
    }

    pub(crate) fn id(&self, owner: OrgNo) -> Option<&str> {
        if self.own == Some(owner) { None } else { self.ids.get(&owner.0).map(String::as_str) }
    }

    /// Blocks.
    pub(crate) fn of_all(services: &Services, own: OrgNo) -> Result<Owners, Fault> {
        Ok(Owners { own: Some(own), ids: member_names(services)? })
    }
}

impl Services {
    /// Whose rows these are; asks nothing where all are the caller's own.
    pub async fn owners<'v>(
        &self,
        caller: &Caller,
        shown: impl IntoIterator<Item = &'v Version>,
    ) -> Result<Owners, Fault> {
        let own = caller.principal.org;
        if shown.into_iter().all(|version| version.owner.is_none_or(|owner| owner == own)) {
            return Ok(Owners::default());
        }
        self.blocking(move |services| Owners::of_all(services, own)).await
    }
}
