//! The one-time link with which the owner of a fresh data folder makes the first member.

use super::{Member, NETWORK, body, kinds, next_number, owner, row, scope, token_id};
use crate::browsers::Browser;
use crate::members::MemberDetails;
use crate::sessions::LoggedIn;
use crate::users::{User, admitted, parse_login, parse_name};
use crate::{Services, passwords, random};
use lenticular_base::ids::hex;
use lenticular_base::{Fault, FaultKind, OrgId, OrgNo};
use lenticular_policy::Role;
use lenticular_store::Write;
use serde::{Deserialize, Serialize};

/// The one-time link for whoever sets the deployment up.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug)]
pub struct Setup {
    pub expires: i64,
}

/// The person who sets the deployment up: administrator of the first member, and its operator.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// 1 to 64 of `a-z 0-9 . _ @ -`.
    pub login: String,
    pub name: String,
    /// 12 to 256 characters.
    pub password: String,
}

/// The first member as it was made.
pub struct SetUp {
    pub member: Member,
    /// An administrator's token for 8 hours.
    pub token: String,
    /// The owner's session, where an owner was named.
    pub session: Option<LoggedIn>,
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

    /// Uses the set-up link: the first member, its administrator's token, and its owner where one is named. A second use
    /// finds nothing, and so does whoever guesses. The caller sees to it that this runs to its end.
    pub async fn set_up(
        &self,
        secret: &str,
        id: OrgId,
        details: MemberDetails,
        person: Option<Owner>,
        browser: Option<Browser>,
    ) -> Result<SetUp, Fault> {
        let key = token_id(secret);
        self.check_setup(key.clone()).await?;
        let details = details.checked()?;
        if details.name.is_none() {
            let words = "A member's name has 1 to 200 characters.";
            return Err(Fault::new(FaultKind::Invalid, "member-name", words));
        }
        let person = match person {
            Some(person) => {
                let (login, name) = (parse_login(&person.login)?, parse_name(&person.name)?);
                passwords::check(&login, &person.password)?;
                Some((login, name, self.hash_password(&person.password).await?))
            }
            None => None,
        };
        let now = self.now();
        let committed = self
            .commit(owner(), Vec::new(), move |view, _| {
                let found = view.current(NETWORK, kinds::SETUP, &key)?.filter(|r| !r.deleted);
                let setup: Setup = body(&found.ok_or_else(Fault::not_found)?)?;
                if setup.expires <= now.0 || next_number(view)? > 1 {
                    return Err(Fault::not_found());
                }
                let first = Member { id: id.as_str().to_owned(), no: 1, ..Member::default() };
                let member = details.over(first);
                let used = Write::Delete { org: NETWORK, kind: kinds::SETUP, id: key };
                let mut writes = vec![used, row(view, kinds::MEMBER, id.as_str(), &member)?];
                let mut user = None;
                if let Some((login, name, hash)) = person {
                    let (mut admitted, _) = admitted(view, &login, name, hash, now)?;
                    admitted.join(OrgNo(1), Role::Administrator, None, now);
                    admitted.operator = true;
                    writes.push(admitted.write(view)?);
                    user = Some(admitted);
                }
                Ok((writes, (member, user)))
            })
            .await?;
        let (member, user): (Member, Option<User>) = committed.answer;
        let token = self.issue(&member, Role::Administrator, "owner", 8 * 3_600_000, true).await?;
        let session = match user {
            Some(user) => self.begin_session(user, None, browser).await?.map(|(begun, _)| begun),
            None => None,
        };
        Ok(SetUp { member, token, session })
    }

    /// Whoever does not know the secret makes the server compute nothing.
    async fn check_setup(&self, key: String) -> Result<(), Fault> {
        let now = self.now();
        self.blocking(move |services| {
            let found = services.store.reader.get(&scope(), NETWORK, kinds::SETUP, &key)?;
            let found = found.filter(|record| !record.deleted).ok_or_else(Fault::not_found)?;
            if body::<Setup>(&found)?.expires <= now.0 { Err(Fault::not_found()) } else { Ok(()) }
        })
        .await
    }
}
