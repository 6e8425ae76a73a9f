//! The one-time link with which the owner of a fresh data folder makes the first member.

use super::{Member, NETWORK, body, kinds, next_number, owner, row, token_id};
use crate::{Services, random};
use lenticular_base::ids::hex;
use lenticular_base::{Fault, FaultKind, OrgId};
use lenticular_policy::Role;
use lenticular_store::Write;
use serde::{Deserialize, Serialize};

/// The one-time link for whoever sets the deployment up.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug)]
pub struct Setup {
    pub expires: i64,
}

impl Services {
    /// Makes the one-time set-up link's secret where the network has no member yet: valid for 30 minutes, once.
    pub async fn setup_secret(&self) -> Result<Option<String>, Fault> {
        if !self.members().await?.is_empty() {
            return Ok(None);
        }
        let text = hex(&random::<24>()?);
        let id = token_id(&text);
        let setup = Setup { expires: self.now().plus(30 * 60_000).0 };
        self.commit(owner(), Vec::new(), move |view, _| {
            Ok((vec![row(view, kinds::SETUP, &id, &setup)?], ()))
        })
        .await?;
        Ok(Some(text))
    }

    /// Uses the set-up link: the first member and its administrator's token (8 hours). A second use finds nothing. The caller
    /// sees to it that this runs to its end.
    pub async fn set_up(&self, secret: &str, id: OrgId, name: &str) -> Result<(Member, String), Fault> {
        let key = token_id(secret);
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 200 {
            return Err(Fault::new(
                FaultKind::Invalid,
                "member-name",
                "A member's name has 1 to 200 characters.",
            ));
        }
        let now = self.now();
        let committed = self
            .commit(owner(), Vec::new(), move |view, _| {
                let found = view.current(NETWORK, kinds::SETUP, &key)?.filter(|r| !r.deleted);
                let setup: Setup = body(&found.ok_or_else(Fault::not_found)?)?;
                if setup.expires <= now.0 || next_number(view)? > 1 {
                    return Err(Fault::not_found());
                }
                let member = Member { id: id.as_str().to_owned(), no: 1, name, timezone: None, locale: None };
                let used = Write::Delete { org: NETWORK, kind: kinds::SETUP, id: key };
                Ok((vec![used, row(view, kinds::MEMBER, id.as_str(), &member)?], member))
            })
            .await?;
        let token = self.issue_token(&committed.answer, Role::Administrator, "owner", 8 * 3_600_000).await?;
        Ok((committed.answer, token))
    }
}
