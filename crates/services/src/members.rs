//! Members of the network, as the app makes and changes them: an operator makes one with its first administrator, the
//! administrators of a member change its name, time zone and language.

use crate::access::Caller;
use crate::audit::Access;
use crate::network::{Member, NETWORK, body, kinds, next_number, row};
use crate::resources::short;
use crate::users::{admitted, parse_login, parse_name};
use crate::{Services, passwords};
use lenticular_base::{Fault, FaultKind, OrgId, OrgNo};
use lenticular_policy::{Action, Role};
use lenticular_store::View;

/// What a member is called, where it is, and what it speaks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MemberDetails {
    pub name: Option<String>,
    /// An IANA name, such as `Europe/Berlin`.
    pub timezone: Option<String>,
    /// `en`, `de` or `zh`.
    pub locale: Option<String>,
}

/// A member's first administrator: a new user, or one that is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FirstAdministrator {
    pub login: String,
    pub name: String,
}

impl MemberDetails {
    /// The same, where each of them has the form that it needs.
    pub(crate) fn checked(self) -> Result<MemberDetails, Fault> {
        let invalid = |code, words: &str| Err(Fault::new(FaultKind::Invalid, code, words));
        let name = match &self.name {
            Some(name) => match parse_name(name) {
                Ok(name) => Some(name),
                Err(_) => return invalid("member-name", "A member's name has 1 to 200 characters."),
            },
            None => None,
        };
        if self.timezone.as_deref().is_some_and(|zone| !is_zone(zone)) {
            return invalid("timezone", "A time zone is an IANA name, such as Europe/Berlin.");
        }
        if self.locale.as_deref().is_some_and(|locale| !["en", "de", "zh"].contains(&locale)) {
            return invalid("locale", "A language is en, de or zh.");
        }
        Ok(MemberDetails { name, ..self })
    }

    /// The member with what is given here.
    pub(crate) fn over(self, member: Member) -> Member {
        Member {
            name: self.name.unwrap_or(member.name),
            timezone: self.timezone.or(member.timezone),
            locale: self.locale.or(member.locale),
            ..member
        }
    }
}

/// The form of a name in the IANA time zone database: parts of letters, digits, `_`, `+`, `-` that begin with a letter.
fn is_zone(text: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
    };
    text.len() <= 64 && text.split('/').count() <= 3 && text.split('/').all(part)
}

/// The member of that id as the writer sees it.
fn current(view: &dyn View, id: &str) -> Result<Option<Member>, Fault> {
    view.current(NETWORK, kinds::MEMBER, id)?.filter(|record| !record.deleted).map(|r| body(&r)).transpose()
}

impl Services {
    /// Makes a member with its first administrator. Gives the administrator's password where the login was new.
    pub async fn create_member(
        &self,
        caller: &Caller,
        id: &str,
        details: MemberDetails,
        administrator: FirstAdministrator,
    ) -> Result<Option<String>, Fault> {
        let id = id.to_owned();
        self.to_the_end(caller, move |services, caller| async move {
            let outcome = services.create_member_unaudited(&caller, &id, details, administrator).await;
            services.audited(&caller, Access::of('C', "create", "Member", &short(&id)), outcome).await
        })
        .await
    }

    async fn create_member_unaudited(
        &self,
        caller: &Caller,
        id: &str,
        details: MemberDetails,
        administrator: FirstAdministrator,
    ) -> Result<Option<String>, Fault> {
        self.authorise(caller, Action::Operate, None)?;
        let (id, details) = (OrgId::parse(id)?, details.checked()?);
        let (login, name) = (parse_login(&administrator.login)?, parse_name(&administrator.name)?);
        let made = passwords::generate()?;
        let (hash, now) = (self.hash_password(&made).await?, self.now());
        let committed = self
            .commit(caller.author(), Vec::new(), move |view, _| {
                if current(view, id.as_str())?.is_some() {
                    let words = "There is a member of that id already.";
                    return Err(Fault::new(FaultKind::Conflict, "member-taken", words));
                }
                let fresh =
                    Member { id: id.as_str().to_owned(), no: next_number(view)?, ..Member::default() };
                let member = details.over(fresh);
                let (mut user, fresh) = admitted(view, &login, name, hash, now)?;
                user.join(OrgNo(member.no), Role::Administrator, None, now);
                Ok((vec![row(view, kinds::MEMBER, &member.id, &member)?, user.write(view)?], fresh))
            })
            .await?;
        Ok(Some(made).filter(|_| committed.answer))
    }

    /// Changes a member: its own administrators do, and operators.
    pub async fn change_member(
        &self,
        caller: &Caller,
        id: &str,
        details: MemberDetails,
    ) -> Result<(), Fault> {
        let id = id.to_owned();
        self.to_the_end(caller, move |services, caller| async move {
            let outcome = services.change_member_unaudited(&caller, id.clone(), details).await;
            services.audited(&caller, Access::of('U', "update", "Member", &short(&id)), outcome).await
        })
        .await
    }

    async fn change_member_unaudited(
        &self,
        caller: &Caller,
        id: String,
        details: MemberDetails,
    ) -> Result<(), Fault> {
        let operates = self.authorise(caller, Action::Operate, None).is_ok();
        if !operates {
            self.authorise(caller, Action::Administer, None)?;
        }
        let (details, own) = (details.checked()?, caller.principal.org);
        self.commit(caller.author(), Vec::new(), move |view, _| {
            let found = current(view, &id)?;
            let member = found.ok_or_else(|| {
                Fault::new(FaultKind::NotFound, "no-member", "There is no member of that id.")
            })?;
            if member.no != own.0 && !operates {
                let words = "That is another member: its own administrators change it.";
                return Err(Fault::new(FaultKind::Forbidden, "not-own", words));
            }
            let changed = details.over(member.clone());
            if changed == member {
                return Ok((Vec::new(), ()));
            }
            Ok((vec![row(view, kinds::MEMBER, &id, &changed)?], ()))
        })
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_has_the_form_of_its_database() {
        for zone in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+8", "Asia/Shanghai"] {
            assert!(is_zone(zone), "{zone}");
        }
        for zone in ["", "/", "Europe/", "../etc/passwd", "Europe/Berlin/", "Europe Berlin", "+01:00", "<b>"]
        {
            assert!(!is_zone(zone), "{zone}");
        }
    }
}
