//! What a member's administrators do with its users: add, change, remove. Nobody takes over a person through another
//! member, and no member is left without an administrator.

use super::{User, admitted, check_patient, current, of_member, parse_login, parse_name, parse_role};
use crate::access::Caller;
use crate::audit::Access;
use crate::network::{NETWORK, kinds};
use crate::resources::short;
use crate::{Services, passwords};
use lenticular_base::{Fault, FaultKind, OrgNo};
use lenticular_policy::{Action, Role};
use lenticular_store::{View, Write};
use serde::Deserialize;

/// A user to be added.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// 1 to 64 of `a-z 0-9 . _ @ -`.
    pub login: String,
    pub name: String,
    /// `administrator`, `clinician`, `radiologist`, `registrar` or `patient`.
    pub role: String,
    /// The Patient id of the member, for the role `patient`.
    pub patient: Option<String>,
    /// 12 to 256 characters; absent: one is made and shown once.
    pub password: Option<String>,
}

/// A change of a user. What is absent stays.
#[derive(Clone, Deserialize, Default, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MembershipChange {
    pub name: Option<String>,
    pub role: Option<String>,
    pub patient: Option<String>,
    pub disabled: Option<bool>,
    /// Makes a new password, shown once, and ends all sessions and tokens.
    #[serde(default)]
    pub reset_password: bool,
}

fn unknown() -> Fault {
    Fault::new(FaultKind::NotFound, "no-user", "The member has no user of that login.")
}

fn conflict(code: &'static str, words: &str) -> Fault {
    Fault::new(FaultKind::Conflict, code, words)
}

/// Whether that user is an administrator of the member who may act.
fn administers(user: &User, org: OrgNo) -> bool {
    let is = |role: &str| role == Role::Administrator.name();
    user.membership(org).is_some_and(|membership| is(&membership.role) && !membership.disabled)
}

/// Refuses what would leave the member without an administrator, or the deployment's operator without a way in.
fn check_not_last(view: &dyn View, org: OrgNo, before: &User, after: &User) -> Result<(), Fault> {
    if administers(before, org) && !administers(after, org) {
        let others = of_member(view, org)?;
        if !others.iter().any(|other| other.login != before.login && administers(other, org)) {
            let words = "That is the last administrator of the member; make another one first.";
            return Err(conflict("last-administrator", words));
        }
    }
    if before.operator && before.landing().is_some() && after.landing().is_none() {
        return Err(conflict("operator", "That user runs the deployment and has no other member."));
    }
    Ok(())
}

impl Services {
    /// Adds a user to the own member. Gives the password where it was made here; a login that another member has already
    /// becomes a user of this one too, and keeps name and password.
    pub async fn create_user(
        &self,
        caller: &Caller,
        request: NewUser,
    ) -> Result<(String, Option<String>), Fault> {
        self.to_the_end(caller, move |services, caller| async move {
            let login = short(&request.login);
            let outcome = services.create_user_unaudited(&caller, request).await;
            services.audited(&caller, Access::of('C', "create", "User", &login), outcome).await
        })
        .await
    }

    async fn create_user_unaudited(
        &self,
        caller: &Caller,
        request: NewUser,
    ) -> Result<(String, Option<String>), Fault> {
        self.authorise(caller, Action::Administer, None)?;
        let (login, name) = (parse_login(&request.login)?, parse_name(&request.name)?);
        let role = parse_role(&request.role, request.patient.as_deref())?;
        let (password, shown) = match request.password {
            Some(password) => (password, None),
            None => passwords::generate().map(|made| (made.clone(), Some(made)))?,
        };
        passwords::check(&login, &password)?;
        let password = self.hash_password(&password).await?;
        let (org, now, patient) = (caller.principal.org, self.now(), request.patient);
        let committed = self
            .commit(caller.author(), Vec::new(), move |view, _| {
                check_patient(view, org, patient.as_deref())?;
                let (mut user, fresh) = admitted(view, &login, name, password, now)?;
                if user.membership(org).is_some() {
                    return Err(conflict("login-taken", "The member has a user of that login already."));
                }
                user.join(org, role, patient, now);
                Ok((vec![user.write(view)?], (login, fresh)))
            })
            .await?;
        let (login, fresh) = committed.answer;
        Ok((login, shown.filter(|_| fresh)))
    }

    /// Changes a user of the own member; gives the new password where one was asked for.
    pub async fn change_user(
        &self,
        caller: &Caller,
        login: &str,
        change: MembershipChange,
    ) -> Result<Option<String>, Fault> {
        let login = login.to_owned();
        self.to_the_end(caller, move |services, caller| async move {
            let outcome = services.change_user_unaudited(&caller, &login, change).await;
            services.audited(&caller, Access::of('U', "update", "User", &short(&login)), outcome).await
        })
        .await
    }

    async fn change_user_unaudited(
        &self,
        caller: &Caller,
        login: &str,
        change: MembershipChange,
    ) -> Result<Option<String>, Fault> {
        self.authorise(caller, Action::Administer, None)?;
        let login = parse_login(login).map_err(|_| unknown())?;
        let name = change.name.as_deref().map(parse_name).transpose()?;
        let reset = match change.reset_password {
            true => {
                let made = passwords::generate()?;
                Some((self.hash_password(&made).await?, made))
            }
            false => None,
        };
        let (org, operator) = (caller.principal.org, caller.principal.operator);
        let hash = reset.as_ref().map(|(hash, _)| hash.clone());
        self.commit(caller.author(), Vec::new(), move |view, _| {
            let before = current(view, &login)?.filter(|user| user.membership(org).is_some());
            let before = before.ok_or_else(unknown)?;
            let mut user = before.clone();
            let person = name.is_some() || hash.is_some();
            if person && (user.memberships.len() > 1 || user.operator && !operator) {
                let words = "That person is a user of other members too, or runs the deployment: only they themselves \
                             change their name and password.";
                return Err(conflict("not-yours-alone", words));
            }
            user.epoch += 1;
            let epoch = user.epoch;
            user.name = name.unwrap_or(user.name);
            if let Some(hash) = hash {
                (user.password, user.sessions_from) = (hash, epoch);
            }
            let reset = change.reset_password;
            let membership = user.membership_mut(org).ok_or_else(unknown)?;
            let (role, patient) = (membership.role.clone(), membership.patient.clone());
            if let Some(role) = change.role {
                membership.patient = membership.patient.take().filter(|_| role == Role::Patient.name());
                membership.role = role;
            }
            if change.patient.is_some() {
                membership.patient = change.patient;
            }
            parse_role(&membership.role, membership.patient.as_deref())?;
            check_patient(view, org, membership.patient.as_deref())?;
            membership.disabled = change.disabled.unwrap_or(membership.disabled);
            let is_another = (&role, &patient) != (&membership.role, &membership.patient);
            if is_another || membership.disabled || reset {
                membership.epoch = epoch;
            }
            check_not_last(view, org, &before, &user)?;
            Ok((vec![user.write(view)?], ()))
        })
        .await?;
        Ok(reset.map(|(_, made)| made))
    }

    /// Removes a user from the own member: its sessions and tokens there end at once. Whoever is of no member any more is
    /// nobody.
    pub async fn remove_user(&self, caller: &Caller, login: &str) -> Result<(), Fault> {
        let login = login.to_owned();
        self.to_the_end(caller, move |services, caller| async move {
            let outcome = services.remove_user_unaudited(&caller, &login).await;
            services.audited(&caller, Access::of('D', "delete", "User", &short(&login)), outcome).await
        })
        .await
    }

    async fn remove_user_unaudited(&self, caller: &Caller, login: &str) -> Result<(), Fault> {
        self.authorise(caller, Action::Administer, None)?;
        let login = parse_login(login).map_err(|_| unknown())?;
        let org = caller.principal.org;
        self.commit(caller.author(), Vec::new(), move |view, _| {
            let before = current(view, &login)?.filter(|user| user.membership(org).is_some());
            let before = before.ok_or_else(unknown)?;
            let mut user = before.clone();
            user.memberships.retain(|membership| membership.org != org.0);
            check_not_last(view, org, &before, &user)?;
            user.epoch += 1;
            let mut writes = vec![user.write(view)?];
            let kept = view.current(NETWORK, kinds::PREFERENCES, &login)?.filter(|row| !row.deleted);
            if kept.is_some() && user.memberships.is_empty() {
                writes.push(Write::Delete { org: NETWORK, kind: kinds::PREFERENCES, id: login });
            }
            Ok((writes, ()))
        })
        .await?;
        Ok(())
    }
}
