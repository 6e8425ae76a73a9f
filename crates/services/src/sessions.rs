//! Sessions of browsers: signed in, looked at, moved to another member, ended. And what is a user's own: preferences and
//! password.

use crate::access::Caller;
use crate::audit::Access;
use crate::browsers::Browser;
use crate::network::tokens::{self, Token, fresh_token, public_id};
use crate::network::{Member, NETWORK, kinds, owner, row, token_id};
use crate::users::{User, current, parse_login};
use crate::{Services, passwords};
use lenticular_base::{Fault, FaultKind, Instant, OrgNo};
use lenticular_policy::{Action, Principal, Purpose, Role};
use serde::Serialize;
use serde_json::{Map, Value};

/// How long a session lives, in milliseconds: a working day and its evening, whatever happens in it.
pub const LIFETIME: i64 = 12 * 3_600_000;
/// Bytes of a user's preferences.
pub const PREFERENCES: usize = 16 << 10;

/// A session that was begun: its token goes into the browser's cookie and nowhere else.
#[derive(Clone)]
pub struct LoggedIn {
    pub token: String,
    pub login: String,
    pub expires: Instant,
    /// What the browser keeps longer than the session: strangers who try this login do not slow it down then.
    pub browser: String,
}

/// Where an attempt to sign in comes from: failures slow down further ones for the same login from there, nobody else's.
#[derive(Clone, Copy, Default)]
pub struct Whence<'a> {
    /// The peer's address.
    pub address: &'a str,
    /// What the browser kept from an earlier session ([`LoggedIn::browser`]).
    pub browser: Option<&'a str>,
    /// What the browser calls itself.
    pub user_agent: &'a str,
}

/// Who somebody is and what they may, as the app asks for it.
#[derive(Clone, Serialize, PartialEq, Debug, utoipa::ToSchema)]
pub struct Session {
    /// Absent for links and for tokens of no user.
    pub user: Option<SessionUser>,
    pub member: SessionMember,
    pub role: String,
    /// The own Patient id, for the role `patient`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
    /// Whether they run the deployment.
    pub operator: bool,
    /// The members that they can switch to, this one too.
    pub memberships: Vec<SessionMembership>,
    /// The actions that the role may do at all.
    pub can: Vec<String>,
    /// What the app keeps for the user.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    pub preferences: Value,
    /// FHIR instant.
    pub expires: String,
    /// Whether all of it is invented.
    pub demo: bool,
    pub version: String,
}

/// The user of a session.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, utoipa::ToSchema)]
pub struct SessionUser {
    pub login: String,
    pub name: String,
}

/// The member of a session.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, utoipa::ToSchema)]
pub struct SessionMember {
    pub id: String,
    pub name: String,
    /// The IANA name of its time zone.
    pub timezone: String,
    /// `en`, `de` or `zh`.
    pub locale: String,
}

/// A member that a session can be at.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, utoipa::ToSchema)]
pub struct SessionMembership {
    /// The member's id.
    pub member: String,
    pub name: String,
    pub role: String,
}

/// The one answer to every sign-in that fails, whatever failed.
fn refused() -> Fault {
    Fault::new(FaultKind::Unauthenticated, "login", "Login or password is wrong.")
}

impl Services {
    /// Begins a session at the member that the user was at last.
    pub async fn log_in(&self, login: &str, password: &str, whence: Whence<'_>) -> Result<LoggedIn, Fault> {
        let login = parse_login(login).ok();
        let user = match &login {
            Some(login) => self.network_row::<User>(kinds::USER, login.clone()).await?,
            None => None,
        };
        let browser = whence.browser.map(token_id);
        let known = user.as_ref().is_some_and(|user| browser.iter().any(|key| user.browsers.contains(key)));
        let from = browser.as_deref().filter(|_| known).unwrap_or(whence.address);
        let key = format!("{} {from}", login.as_deref().unwrap_or("?"));
        self.wait_for(&key).await?;
        let right = self.verify_password(user.as_ref().map(|user| user.password.clone()), password).await?;
        let browser = whence.browser.filter(|_| known).map(str::to_owned);
        let begun = match user.filter(|_| right) {
            Some(user) => self.begin_session(user, browser, Browser::of(whence.user_agent)).await?,
            None => None,
        };
        match begun {
            Some((begun, principal)) => {
                self.identity.succeeded(&key);
                let caller = Caller { principal, purpose: Purpose::Treat, way: "app", asked: None };
                let access = Access::of('E', "login", "User", &begun.login);
                self.audited(&caller, access, Ok(begun)).await
            }
            None => {
                // what is no user's login may be a password that was typed in the wrong place: it is not written down
                self.record_refusal("app", "login", "").await?;
                Err(refused())
            }
        }
    }

    /// Waits where there were many attempts of this kind.
    async fn wait_for(&self, key: &str) -> Result<(), Fault> {
        let wait = self.identity.attempt(key, self.now()).ok_or_else(|| {
            Fault::new(FaultKind::Busy, "slow-down", "Too many attempts wait already; try again in a minute.")
        })?;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// `None` where the user may act for no member, or is no longer what was read.
    pub(crate) async fn begin_session(
        &self,
        known: User,
        browser: Option<String>,
        called: Option<Browser>,
    ) -> Result<Option<(LoggedIn, Principal)>, Fault> {
        /// Browsers that are remembered of a user.
        const BROWSERS: usize = 8;
        let (now, text, id) = (self.now(), fresh_token()?, public_id()?);
        let browser = browser.map_or_else(fresh_token, Ok)?;
        let (key, browser_key, expires) = (token_id(&text), token_id(&browser), now.plus(LIFETIME));
        let committed = self
            .commit(owner(), Vec::new(), move |view, _| {
                let Some(mut user) = current(view, &known.login)? else { return Ok((Vec::new(), None)) };
                let Some(landing) = user.landing().cloned() else { return Ok((Vec::new(), None)) };
                if user.password != known.password {
                    return Ok((Vec::new(), None));
                }
                let token = Token {
                    org: landing.org,
                    role: landing.role,
                    agent: user.login.clone(),
                    expires: expires.0,
                    id,
                    created: now.0,
                    user: Some(user.login.clone()),
                    session: true,
                    epoch: user.epoch,
                    browser: called,
                    ..Token::default()
                };
                (user.seen, user.home) = (Some(now.0), Some(landing.org));
                user.browsers.retain(|known| *known != browser_key);
                user.browsers.push(browser_key);
                let surplus = user.browsers.len().saturating_sub(BROWSERS);
                user.browsers.drain(..surplus);
                let mut writes = tokens::sweep(view, now)?;
                writes.extend([token.write(view, &key)?, user.write(view)?]);
                let principal = token.principal(Some(&user), now)?;
                Ok((writes, principal.map(|principal| (principal, user.login))))
            })
            .await?;
        let begun = |(principal, login)| (LoggedIn { token: text, login, expires, browser }, principal);
        Ok(committed.answer.map(begun))
    }

    /// Ends a session: at the next request its token is unknown. Of other tokens, and of none, nothing ends.
    pub async fn log_out(&self, token: &str) -> Result<(), Fault> {
        let Some(principal) = self.authenticate(token, std::time::Instant::now()).await? else {
            return Ok(());
        };
        let key = token_id(token);
        let caller = Caller { principal, purpose: Purpose::Treat, way: "app", asked: None };
        self.to_the_end(&caller, move |services, caller| async move {
            let outcome = services
                .commit(caller.author(), Vec::new(), move |view, _| {
                    let ends = session_row(view, &key)?.is_some();
                    Ok((if ends { vec![tokens::delete(key)] } else { Vec::new() }, ()))
                })
                .await
                .map(|_| ());
            let login = caller.principal.user.clone().unwrap_or_default();
            services.audited(&caller, Access::of('E', "logout", "User", &login), outcome).await
        })
        .await
    }

    /// Who the caller is and what they may. `token` is what proved it.
    pub async fn session(&self, caller: &Caller, token: &str) -> Result<Session, Fault> {
        let outcome = self.session_unaudited(caller, token).await;
        self.audited(caller, Access::of('R', "read", "Session", ""), outcome).await
    }

    async fn session_unaudited(&self, caller: &Caller, token: &str) -> Result<Session, Fault> {
        self.authorise(caller, Action::Own, None)?;
        let principal = &caller.principal;
        let token = self.network_row::<Token>(kinds::TOKEN, token_id(token)).await?.ok_or_else(refused)?;
        let user = match &principal.user {
            Some(login) => self.network_row::<User>(kinds::USER, login.clone()).await?,
            None => None,
        };
        let members = self.members().await?;
        let named = |org: i64| members.iter().find(|member| member.no == org);
        let own = named(principal.org.0).ok_or_else(Fault::not_found)?;
        let memberships = user.iter().flat_map(|user| &user.memberships).filter(|m| !m.disabled);
        let memberships = memberships.filter_map(|membership| {
            let member = named(membership.org)?;
            Some(SessionMembership {
                member: member.id.clone(),
                name: member.name.clone(),
                role: membership.role.clone(),
            })
        });
        let preferences = match &principal.user {
            Some(login) => self.network_row::<Value>(kinds::PREFERENCES, login.clone()).await?,
            None => None,
        };
        Ok(Session {
            memberships: memberships.collect(),
            user: user.map(|user| SessionUser { login: user.login, name: user.name }),
            member: SessionMember::of(own),
            role: principal.role.name().to_owned(),
            patient: principal.patient.clone(),
            operator: principal.operator,
            can: self.can(caller),
            preferences: preferences.unwrap_or_else(|| Value::Object(Map::new())),
            expires: Instant(token.expires).to_string(),
            demo: self.is_demo(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    /// The actions that the caller's role may do at all.
    fn can(&self, caller: &Caller) -> Vec<String> {
        let may = |action: &Action| self.authorise(caller, *action, None).is_ok();
        Action::ALL.into_iter().filter(may).map(|action| action.name().to_owned()).collect()
    }

    /// Moves a session to another member of its user.
    pub async fn switch_member(&self, caller: &Caller, token: &str, member: &str) -> Result<Caller, Fault> {
        let (key, member) = (token_id(token), member.to_owned());
        self.to_the_end(caller, move |services, caller| async move {
            let outcome = services.switch_unaudited(&caller, key, &member).await;
            let access = Access::of('E', "switch", "Member", &crate::resources::short(&member));
            let principal = services.audited(&caller, access, outcome).await?;
            Ok(Caller { principal, ..caller })
        })
        .await
    }

    async fn switch_unaudited(&self, caller: &Caller, key: String, member: &str) -> Result<Principal, Fault> {
        self.authorise(caller, Action::Own, None)?;
        let unknown = || Fault::new(FaultKind::NotFound, "no-member", "You are of no member with that id.");
        let login = caller.principal.user.clone().ok_or_else(unknown)?;
        let org = OrgNo(self.member(member).await.map_err(|_| unknown())?.no);
        let now = self.now();
        let committed = self
            .commit(caller.author(), Vec::new(), move |view, _| {
                let token = session_row(view, &key)?.ok_or_else(unknown)?;
                let mut user = current(view, &login)?.ok_or_else(unknown)?;
                // a session that ended meanwhile is not renewed by moving it
                token.principal(Some(&user), now)?.ok_or_else(refused)?;
                let epoch = user.epoch;
                let token = Token { org: org.0, epoch, ..token };
                let principal = token.principal(Some(&user), now)?.ok_or_else(unknown)?;
                user.home = Some(org.0);
                Ok((vec![token.write(view, &key)?, user.write(view)?], principal))
            })
            .await?;
        Ok(committed.answer)
    }

    /// Keeps what the app remembers of its user: any JSON object of at most 16 KiB.
    pub async fn set_preferences(
        &self,
        caller: &Caller,
        preferences: Map<String, Value>,
    ) -> Result<(), Fault> {
        self.to_the_end(caller, move |services, caller| async move {
            let outcome = services.set_preferences_unaudited(&caller, preferences).await;
            services.audited(&caller, Access::of('U', "update", "Preferences", ""), outcome).await
        })
        .await
    }

    async fn set_preferences_unaudited(
        &self,
        caller: &Caller,
        preferences: Map<String, Value>,
    ) -> Result<(), Fault> {
        self.authorise(caller, Action::Own, None)?;
        let login = user_of(caller)?;
        if serde_json::to_vec(&preferences).map_err(Fault::internal)?.len() > PREFERENCES {
            let words = format!("Preferences have at most {PREFERENCES} bytes.");
            return Err(Fault::new(FaultKind::TooLarge, "preferences", words));
        }
        self.commit(caller.author(), Vec::new(), move |view, _| {
            Ok((vec![row(view, kinds::PREFERENCES, &login, &preferences)?], ()))
        })
        .await?;
        Ok(())
    }

    /// Changes the caller's password; ends all of the user's sessions but that of `token`.
    pub async fn change_password(
        &self,
        caller: &Caller,
        token: &str,
        before: String,
        after: String,
    ) -> Result<(), Fault> {
        let key = token_id(token);
        self.to_the_end(caller, move |services, caller| async move {
            let outcome = services.change_password_unaudited(&caller, key, &before, &after).await;
            let login = caller.principal.user.clone().unwrap_or_default();
            services.audited(&caller, Access::of('U', "password", "User", &login), outcome).await
        })
        .await
    }

    async fn change_password_unaudited(
        &self,
        caller: &Caller,
        key: String,
        before: &str,
        after: &str,
    ) -> Result<(), Fault> {
        self.authorise(caller, Action::Own, None)?;
        let login = user_of(caller)?;
        let patience = format!("{login} {key}");
        self.wait_for(&patience).await?;
        let wrong = || Fault::new(FaultKind::Forbidden, "password", "The current password is wrong.");
        let known = self.network_row::<User>(kinds::USER, login.clone()).await?.ok_or_else(wrong)?;
        if !self.verify_password(Some(known.password.clone()), before).await? {
            return Err(wrong());
        }
        self.identity.succeeded(&patience);
        passwords::check(&login, after)?;
        let hash = self.hash_password(after).await?;
        self.commit(caller.author(), Vec::new(), move |view, _| {
            let mut user =
                current(view, &login)?.filter(|user| user.password == known.password).ok_or_else(wrong)?;
            user.epoch += 1;
            user.password = hash;
            user.sessions_from = user.epoch;
            let mut writes = vec![user.write(view)?];
            if let Some(token) = session_row(view, &key)? {
                writes.push(Token { epoch: user.epoch, ..token }.write(view, &key)?);
            }
            Ok((writes, ()))
        })
        .await?;
        Ok(())
    }
}

impl SessionMember {
    fn of(member: &Member) -> SessionMember {
        SessionMember {
            id: member.id.clone(),
            name: member.name.clone(),
            timezone: member.timezone.clone().unwrap_or_else(|| "UTC".into()),
            locale: member.locale.clone().unwrap_or_else(|| "en".into()),
        }
    }
}

/// The login of the caller; links and tokens of no user have none.
fn user_of(caller: &Caller) -> Result<String, Fault> {
    caller
        .principal
        .user
        .clone()
        .filter(|_| caller.principal.role != Role::Guest)
        .ok_or_else(|| Fault::new(FaultKind::Forbidden, "no-user", "This is for users who are signed in."))
}

/// The session that is kept under that key.
fn session_row(view: &dyn lenticular_store::View, key: &str) -> Result<Option<Token>, Fault> {
    let found = view.current(NETWORK, kinds::TOKEN, key)?.filter(|record| !record.deleted);
    let token: Option<Token> = found.map(|record| crate::network::body(&record)).transpose()?;
    Ok(token.filter(|token| token.session))
}
