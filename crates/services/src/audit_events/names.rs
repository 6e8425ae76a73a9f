//! What members and users are called now; the log itself keeps ids and logins.

use crate::Services;
use crate::network::{Member, NETWORK, body, kinds, scope};
use crate::users::{User, parse_login};
use lenticular_base::{Fault, OrgNo};
use lenticular_policy::Role;
use lenticular_store::{AuditEntry, AuditFilter};
use std::collections::HashMap;

/// The names that some entries need.
pub(crate) struct Names {
    /// The ids of members by their numbers.
    pub(crate) members: HashMap<i64, String>,
    /// The names of the own member's users by their logins.
    users: HashMap<String, String>,
}

impl Names {
    /// Each user is looked up once, however many entries are theirs.
    pub(crate) fn of<'a>(
        services: &Services,
        entries: impl IntoIterator<Item = &'a AuditEntry>,
    ) -> Result<Names, Fault> {
        let mut known: HashMap<String, Option<String>> = HashMap::new();
        for entry in entries {
            if let Some((login, _)) = login_of(entry)
                && !known.contains_key(login)
            {
                let name = services.user_of_member(OrgNo(entry.org), login)?.map(|user| user.name);
                known.insert(login.to_owned(), name);
            }
        }
        let users = known.into_iter().filter_map(|(login, name)| Some((login, name?))).collect();
        Ok(Names { members: member_names(services)?, users })
    }

    /// Who acted: a user of the own member by name, `Anna Weiss (PACS script)` where a token of theirs did, anybody else as
    /// the log has them. `None` where it has nobody.
    pub(crate) fn agent(&self, entry: &AuditEntry) -> Option<String> {
        let named = login_of(entry).and_then(|(login, token)| Some((self.users.get(login)?, token)));
        match named {
            Some((name, Some(token))) => Some(format!("{name} ({token})")),
            Some((name, None)) => Some(name.clone()),
            None => Some(entry.agent.clone()).filter(|agent| !agent.is_empty()),
        }
    }
}

/// The login of who acted for the member whose log it is, and the name of the token that they acted with.
fn login_of(entry: &AuditEntry) -> Option<(&str, Option<&str>)> {
    let role = entry.role.as_str();
    if entry.org != entry.agent_org || role == Role::Device.name() || role == Role::Guest.name() {
        return None;
    }
    let (login, token) = match entry.agent.split_once('/') {
        Some((login, token)) => (login, Some(token)),
        None => (entry.agent.as_str(), None),
    };
    let plain = parse_login(login).is_ok_and(|parsed| parsed == login);
    plain.then_some((login, token))
}

/// The ids of the members by their numbers.
pub(crate) fn member_names(services: &Services) -> Result<HashMap<i64, String>, Fault> {
    let members: Vec<Member> = services.network_rows(kinds::MEMBER)?;
    Ok(members.into_iter().map(|member| (member.no, member.id)).collect())
}

impl Services {
    fn user_of_member(&self, org: OrgNo, login: &str) -> Result<Option<User>, Fault> {
        let found = self.store.reader.get(&scope(), NETWORK, kinds::USER, login)?;
        let user: Option<User> = found.filter(|row| !row.deleted).map(|row| body(&row)).transpose()?;
        Ok(user.filter(|user| user.membership(org).is_some()))
    }

    /// Who acted may be asked for as the log has it, or by the name of users of the own member, in any case.
    pub(crate) fn resolve_agents(&self, filter: &mut AuditFilter) -> Result<(), Fault> {
        let [asked] = filter.agents.as_slice() else { return Ok(()) };
        let org = OrgNo(filter.org);
        if self.user_of_member(org, asked)?.is_some() {
            return Ok(());
        }
        let asked = asked.to_lowercase();
        let named = self.member_users(org)?.into_iter().filter(|user| user.name.to_lowercase() == asked);
        filter.agents.extend(named.map(|user| user.login).take(NAMESAKES));
        Ok(())
    }
}

/// The most people of one name that a search goes through.
const NAMESAKES: usize = 100;
