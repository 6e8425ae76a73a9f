//! Bearer tokens and sessions: made, proved, listed, taken back. They are kept under their hashes, never themselves.

use super::{Member, NETWORK, body, kinds, owner, row, scope};
use crate::access::Caller;
use crate::audit::Access;
use crate::browsers::Browser;
use crate::users::User;
use crate::{Services, random};
use lenticular_base::ids::hex;
use lenticular_base::index::{Compare, Entry, Param, Query, Test, Value};
use lenticular_base::{Fault, FaultKind, Instant, Kind, OrgNo};
use lenticular_policy::{Action, Principal, Role};
use lenticular_store::{Record, View, Write};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Instant as Steady;

/// A bearer token or a session as it is kept.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug, Default)]
pub struct Token {
    pub org: i64,
    pub role: String,
    pub agent: String,
    /// Milliseconds since the epoch.
    pub expires: i64,
    /// The share whose link this is.
    pub link: Option<String>,
    /// What it is called where it is listed and taken back; empty for links, which end with their share.
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub created: i64,
    /// The login of the user whose it is; it acts for them no longer than they may act themselves.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
    /// A browser's session: it has the role that its user has now.
    #[serde(default)]
    pub session: bool,
    /// The user's epoch when it was made: a later end of sessions or membership ends it.
    #[serde(default)]
    pub epoch: u64,
    /// The token of the owner of the deployment.
    #[serde(default)]
    pub operator: bool,
    /// Of a session: what it was begun with, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub browser: Option<Browser>,
}

/// A token as it is listed.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, utoipa::ToSchema)]
pub struct TokenSummary {
    pub id: String,
    /// As the audit log names it.
    pub agent: String,
    pub role: String,
    /// FHIR instant.
    pub created: String,
    /// FHIR instant.
    pub expires: String,
    /// FHIR instant, to the minute, since the server was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
    /// A browser's session.
    pub session: bool,
    /// Of a session: the browser that it was begun with, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser: Option<Browser>,
    /// Whether it is the caller's own.
    pub own: bool,
}

/// A token that was made: shown this once.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, utoipa::ToSchema)]
pub struct NewToken {
    pub id: String,
    pub token: String,
}

/// What tokens are found by.
const ORG: Param = Param(kinds::TOKEN.0 as u32 * 65_536 + 1);
const USER: Param = Param(kinds::TOKEN.0 as u32 * 65_536 + 2);
const EXPIRES: Param = Param(kinds::TOKEN.0 as u32 * 65_536 + 3);
const ID: Param = Param(kinds::TOKEN.0 as u32 * 65_536 + 4);

/// The most tokens that one answer lists.
const LISTED: u64 = 1000;
/// The longest life of a token, in milliseconds.
const LONGEST: i64 = 366 * 86_400_000;

/// The key that a token or a secret is kept under.
pub(crate) fn token_id(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// A fresh token.
pub(crate) fn fresh_token() -> Result<String, Fault> {
    Ok(format!("lt_{}", hex(&random::<24>()?)))
}

/// A fresh public id.
pub(crate) fn public_id() -> Result<String, Fault> {
    Ok(hex(&random::<8>()?))
}

/// The index entries of a token's row.
pub(crate) fn entries(record: &Record) -> Vec<Entry> {
    body::<Token>(record).map(|token| token.entries()).unwrap_or_default()
}

impl Token {
    fn entries(&self) -> Vec<Entry> {
        if self.id.is_empty() {
            return Vec::new();
        }
        let text = |param, text: String| Entry { param, value: Value::Text(text) };
        let mut entries = vec![
            text(ORG, self.org.to_string()),
            text(ID, self.id.clone()),
            Entry { param: EXPIRES, value: Value::Time { low: self.expires, high: self.expires + 1 } },
        ];
        entries.extend(self.user.clone().map(|user| text(USER, user)));
        entries
    }

    /// The change that keeps it.
    pub(crate) fn write(&self, view: &dyn View, key: &str) -> Result<Write, Fault> {
        let mut write = row(view, kinds::TOKEN, key, self)?;
        if let Write::Put(put) = &mut write {
            put.entries = self.entries();
        }
        Ok(write)
    }

    /// Who it is at `now`, given the row of its user; nobody where it is over.
    pub(crate) fn principal(&self, user: Option<&User>, now: Instant) -> Result<Option<Principal>, Fault> {
        if self.expires <= now.0 {
            return Ok(None);
        }
        let org = OrgNo(self.org);
        if self.link.is_some() {
            let guest = Principal::new(org, Role::Guest, self.agent.clone());
            return Ok(Some(Principal { link: self.link.clone(), ..guest }));
        }
        let known =
            |name: &str| Role::parse(name).ok_or_else(|| Fault::internal("a token has an unknown role"));
        let Some(login) = &self.user else {
            let principal = Principal::new(org, known(&self.role)?, self.agent.clone());
            return Ok(Some(Principal { operator: self.operator, ..principal }));
        };
        let Some(user) = user else { return Ok(None) };
        let Some(membership) = user.membership(org) else { return Ok(None) };
        let ended = membership.disabled
            || self.epoch < membership.epoch
            || self.session && self.epoch < user.sessions_from;
        if ended {
            return Ok(None);
        }
        let now_is = known(&membership.role)?;
        let role = if self.session { now_is } else { known(&self.role)? };
        if role != now_is && now_is != Role::Administrator {
            return Ok(None);
        }
        Ok(Some(Principal {
            patient: membership.patient.clone().filter(|_| role == Role::Patient),
            user: Some(login.clone()),
            operator: self.session && user.operator,
            ..Principal::new(org, role, self.agent.clone())
        }))
    }
}

fn unknown() -> Fault {
    Fault::new(FaultKind::NotFound, "no-token", "No token has that id, or it is not yours.")
}

impl Services {
    /// Makes a bearer token; it is shown once and kept as its hash. `ttl` in milliseconds, at most a year.
    pub async fn issue_token(
        &self,
        member: &Member,
        role: Role,
        agent: &str,
        ttl: i64,
    ) -> Result<String, Fault> {
        self.issue(member, role, agent, ttl, false).await
    }

    /// The same; `operator` for the token of the owner of the deployment.
    pub(crate) async fn issue(
        &self,
        member: &Member,
        role: Role,
        agent: &str,
        ttl: i64,
        operator: bool,
    ) -> Result<String, Fault> {
        if !(1000..=LONGEST).contains(&ttl) {
            return Err(Fault::new(
                FaultKind::Invalid,
                "ttl",
                "A token lives between one second and 366 days.",
            ));
        }
        if role == Role::Patient {
            let words = "A patient's token is made by the patient, who is signed in.";
            return Err(Fault::new(FaultKind::Invalid, "role", words));
        }
        let token = Token {
            org: member.no,
            role: role.name().into(),
            agent: agent.to_owned(),
            expires: self.now().plus(ttl).0,
            id: public_id()?,
            created: self.now().0,
            operator,
            ..Token::default()
        };
        let text = fresh_token()?;
        let key = token_id(&text);
        self.commit(owner(), Vec::new(), move |view, _| Ok((vec![token.write(view, &key)?], ()))).await?;
        Ok(text)
    }

    /// Who a bearer token or a session is; `None` where it is unknown, taken back or over.
    /// `since` is when the request came.
    pub async fn authenticate(&self, token: &str, since: Steady) -> Result<Option<Principal>, Fault> {
        if token.len() > 200 {
            return Ok(None);
        }
        let Some(token) = self.network_row_since::<Token>(Some(since), kinds::TOKEN, token_id(token)).await?
        else {
            return Ok(None);
        };
        let user = match &token.user {
            Some(login) => self.network_row_since::<User>(Some(since), kinds::USER, login.clone()).await?,
            None => None,
        };
        let principal = token.principal(user.as_ref(), self.now())?;
        if principal.is_some() && !token.id.is_empty() {
            self.identity.used(&token.id, self.now());
        }
        Ok(principal)
    }

    /// One row of the network, from memory where memory knows: a row that changed is known changed at once.
    pub(crate) async fn network_row<T>(&self, kind: Kind, id: String) -> Result<Option<T>, Fault>
    where
        T: serde::de::DeserializeOwned + Send + 'static,
    {
        self.network_row_since(None, kind, id).await
    }

    async fn network_row_since<T>(
        &self,
        since: Option<Steady>,
        kind: Kind,
        id: String,
    ) -> Result<Option<T>, Fault>
    where
        T: serde::de::DeserializeOwned + Send + 'static,
    {
        let record = self.row(since, scope(), NETWORK, kind, &id).await?;
        record.filter(|record| !record.deleted).map(|record| body(&record)).transpose()
    }

    /// Puts a link's token in the same commit as its share.
    pub(crate) fn link_token(
        view: &dyn View,
        share: &str,
        org: OrgNo,
        text: &str,
        expires: Instant,
    ) -> Result<Write, Fault> {
        let token = Token {
            org: org.0,
            role: Role::Guest.name().into(),
            agent: format!("link:{share}"),
            expires: expires.0,
            link: Some(share.to_owned()),
            ..Token::default()
        };
        token.write(view, &token_id(text))
    }

    /// The tokens and sessions in force: of the member for its administrators, else the caller's own. Newest last.
    pub async fn tokens(&self, caller: &Caller) -> Result<Vec<TokenSummary>, Fault> {
        let outcome = self.tokens_unaudited(caller).await;
        self.audited(caller, Access::of('R', "search-type", "Token", ""), outcome).await
    }

    async fn tokens_unaudited(&self, caller: &Caller) -> Result<Vec<TokenSummary>, Fault> {
        self.authorise(caller, Action::Own, None)?;
        let everybodys = self.authorise(caller, Action::Administer, None).is_ok();
        let (org, own) = (caller.principal.org, caller.principal.user.clone());
        if !everybodys && own.is_none() {
            return Ok(Vec::new());
        }
        self.blocking(move |services| {
            let mut query = Query::all(kinds::TOKEN, LISTED).with(Test::Is(ORG, org.0.to_string()));
            if let Some(user) = own.clone().filter(|_| !everybodys) {
                query = query.with(Test::Is(USER, user));
            }
            let now = services.now();
            let mut found = Vec::new();
            for record in &services.store.reader.search(&scope(), &query)?.rows {
                let token: Token = body(record)?;
                let user = match &token.user {
                    Some(login) => services.store.reader.get(&scope(), NETWORK, kinds::USER, login)?,
                    None => None,
                };
                let user = user.filter(|row| !row.deleted).map(|row| body::<User>(&row)).transpose()?;
                if token.principal(user.as_ref(), now)?.is_some() {
                    let last_used = services.identity.last_used(&token.id);
                    found.push(token.summary(own.as_deref(), last_used));
                }
            }
            Ok(found)
        })
        .await
    }

    /// Makes a token that acts for the caller: a user for themselves, in their own role; an administrator in any role of
    /// people but `patient`. It ends with the membership of whoever made it.
    pub async fn create_token(
        &self,
        caller: &Caller,
        name: &str,
        role: &str,
        days: u32,
    ) -> Result<NewToken, Fault> {
        let (name, role) = (name.trim().to_owned(), role.to_owned());
        self.to_the_end(caller, move |services, caller| async move {
            let outcome = services.create_token_unaudited(&caller, &name, &role, days).await;
            let id = outcome.as_ref().map_or_else(|_| String::new(), |made| made.id.clone());
            services.audited(&caller, Access::of('C', "create", "Token", &id), outcome).await
        })
        .await
    }

    async fn create_token_unaudited(
        &self,
        caller: &Caller,
        name: &str,
        role: &str,
        days: u32,
    ) -> Result<NewToken, Fault> {
        self.authorise(caller, Action::Own, None)?;
        let invalid = |code, words: &str| Fault::new(FaultKind::Invalid, code, words);
        let principal = &caller.principal;
        let Some(login) = principal.user.clone() else {
            let words = "Sign in with a user to make tokens, or use `lenticular token`.";
            return Err(Fault::new(FaultKind::Forbidden, "no-user", words));
        };
        if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return Err(invalid("token-name", "A token's name has 1 to 64 characters."));
        }
        if !(1..=366).contains(&days) {
            return Err(invalid("ttl", "A token lives 1 to 366 days."));
        }
        let role = Role::parse(role).ok_or_else(|| invalid("role", "There is no role of that name."))?;
        if role != principal.role && (principal.role != Role::Administrator || role == Role::Patient) {
            let words = "A token has the role of whoever makes it; administrators may give others.";
            return Err(Fault::new(FaultKind::Forbidden, "role", words));
        }
        let text = fresh_token()?;
        let (org, key) = (principal.org, token_id(&text));
        let token = Token {
            org: org.0,
            role: role.name().into(),
            agent: format!("{login}/{name}"),
            expires: self.now().plus(i64::from(days) * 86_400_000).0,
            id: public_id()?,
            created: self.now().0,
            user: Some(login.clone()),
            ..Token::default()
        };
        let (id, now) = (token.id.clone(), self.now());
        self.commit(caller.author(), Vec::new(), move |view, _| {
            let user: User = body(&view.current(NETWORK, kinds::USER, &login)?.ok_or_else(unknown)?)?;
            let token = Token { epoch: user.epoch, ..token };
            // whoever was shown out meanwhile leaves no token behind that comes to life with the membership
            token.principal(Some(&user), now)?.ok_or_else(unknown)?;
            Ok((vec![token.write(view, &key)?], ()))
        })
        .await?;
        Ok(NewToken { id, token: text })
    }

    /// Takes a token or a session back: out of force at the next request.
    pub async fn revoke_token(&self, caller: &Caller, id: &str) -> Result<(), Fault> {
        let id = id.to_owned();
        self.to_the_end(caller, move |services, caller| async move {
            let outcome = services.revoke_token_unaudited(&caller, id.clone()).await;
            services.audited(&caller, Access::of('D', "delete", "Token", &id), outcome).await
        })
        .await
    }

    async fn revoke_token_unaudited(&self, caller: &Caller, id: String) -> Result<(), Fault> {
        self.authorise(caller, Action::Own, None)?;
        let everybodys = self.authorise(caller, Action::Administer, None).is_ok();
        let (org, own) = (caller.principal.org, caller.principal.user.clone());
        if id.is_empty() || !everybodys && own.is_none() {
            return Err(unknown());
        }
        self.commit(caller.author(), Vec::new(), move |view, _| {
            let query = Query::all(kinds::TOKEN, 2).with(Test::Is(ID, id));
            for record in view.find(NETWORK, &query)? {
                let token: Token = body(&record)?;
                if token.org == org.0 && (everybodys || token.user == own) {
                    return Ok((vec![delete(record.id)], ()));
                }
            }
            Err(unknown())
        })
        .await?;
        Ok(())
    }
}

impl Token {
    fn summary(self, own: Option<&str>, last_used: Option<Instant>) -> TokenSummary {
        TokenSummary {
            own: own.is_some() && self.user.as_deref() == own,
            id: self.id,
            agent: self.agent,
            role: self.role,
            created: Instant(self.created).to_string(),
            expires: Instant(self.expires).to_string(),
            last_used: last_used.map(|at| at.to_string()),
            session: self.session,
            browser: self.browser,
        }
    }
}

/// The end of a token's row.
pub(crate) fn delete(key: String) -> Write {
    Write::Delete { org: NETWORK, kind: kinds::TOKEN, id: key }
}

/// Ends rows of tokens that are over anyway, a few at each sign-in.
pub(crate) fn sweep(view: &dyn View, now: Instant) -> Result<Vec<Write>, Fault> {
    const AT_ONCE: u64 = 20;
    let over = Test::Time(EXPIRES, Compare::Lt, now.0, now.0);
    let found = view.find(NETWORK, &Query::all(kinds::TOKEN, AT_ONCE).with(over))?;
    Ok(found.into_iter().map(|record| delete(record.id)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_before_there_were_users_is_what_it_was() {
        let kept = r#"{"org":2,"role":"clinician","agent":"script","expires":10,"link":null}"#;
        let token: Token = serde_json::from_str(kept).unwrap();
        let principal = token.principal(None, Instant(9)).unwrap().unwrap();
        assert_eq!((principal.role, principal.org, principal.operator), (Role::Clinician, OrgNo(2), false));
        assert_eq!(token.principal(None, Instant(10)).unwrap(), None);
        let kept = r#"{"org":2,"role":"guest","agent":"link:s1","expires":10,"link":"s1"}"#;
        let link: Token = serde_json::from_str(kept).unwrap();
        assert_eq!(link.principal(None, Instant(9)).unwrap().unwrap().link.as_deref(), Some("s1"));
        let member: Member = serde_json::from_str(r#"{"id":"a","no":1,"name":"A"}"#).unwrap();
        assert_eq!((member.timezone, member.locale), (None, None));
    }

    #[test]
    fn a_token_ends_with_the_membership_that_it_stands_on() {
        let mut user = User { login: "anna".into(), ..User::default() };
        user.join(OrgNo(2), Role::Clinician, None, Instant(0));
        let token = Token {
            org: 2,
            role: "clinician".into(),
            user: Some("anna".into()),
            expires: 10,
            epoch: user.epoch,
            ..Token::default()
        };
        assert!(token.principal(Some(&user), Instant(1)).unwrap().is_some());
        assert_eq!(token.principal(None, Instant(1)).unwrap(), None);
        let mut changed = user.clone();
        changed.memberships[0].disabled = true;
        assert_eq!(token.principal(Some(&changed), Instant(1)).unwrap(), None);
        let mut changed = user.clone();
        changed.memberships[0].role = "registrar".into();
        assert_eq!(token.principal(Some(&changed), Instant(1)).unwrap(), None, "another role");
        let mut again = User { memberships: Vec::new(), ..user };
        again.join(OrgNo(2), Role::Clinician, None, Instant(5));
        assert_eq!(
            token.principal(Some(&again), Instant(6)).unwrap(),
            None,
            "whoever comes back begins anew"
        );
    }
}
