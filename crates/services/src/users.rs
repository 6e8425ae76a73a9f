//! Users: people with a login and a password, and what they are to each member. A user is a row of the network, so that one
//! person can be of several members; a member's administrators see and change their own membership of it alone.

mod changes;

pub use changes::{MembershipChange, NewUser};

use crate::access::Caller;
use crate::audit::Access;
use crate::network::{Member, NETWORK, body, kinds, owner, row, scope};
use crate::{Services, passwords};
use lenticular_base::index::{Entry, Param, Query, Test, Value};
use lenticular_base::{Fault, FaultKind, Instant, OrgNo};
use lenticular_policy::{Action, Role};
use lenticular_store::{Record, View, Write};
use serde::{Deserialize, Serialize};

/// A user as it is kept.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug, Default)]
pub struct User {
    pub login: String,
    pub name: String,
    /// The hash of the password as a PHC string.
    pub password: String,
    pub memberships: Vec<Membership>,
    /// Runs the deployment.
    #[serde(default)]
    pub operator: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub locale: Option<String>,
    /// Milliseconds since the epoch.
    pub created: i64,
    /// The last sign-in, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seen: Option<i64>,
    /// The member that the last session was at.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub home: Option<i64>,
    /// Grows with each change that ends something.
    #[serde(default)]
    pub epoch: u64,
    /// The hashes of what the browsers hold that it has signed in with, the newest last: strangers who try the login do not
    /// slow these down.
    #[serde(default)]
    pub browsers: Vec<String>,
    /// Sessions of an earlier epoch are over.
    #[serde(default)]
    pub sessions_from: u64,
}

/// What a user is to one member.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug, Default)]
pub struct Membership {
    pub org: i64,
    pub role: String,
    /// The Patient that a user of the role `patient` is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub patient: Option<String>,
    #[serde(default)]
    pub disabled: bool,
    /// Tokens and sessions of an earlier epoch of the user are over here.
    #[serde(default)]
    pub epoch: u64,
    pub created: i64,
}

/// A user as its member's administrators see it.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, utoipa::ToSchema)]
pub struct UserSummary {
    pub login: String,
    pub name: String,
    pub role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
    pub operator: bool,
    pub disabled: bool,
    /// FHIR instant: when it became a user of this member.
    pub created: String,
    /// FHIR instant: its last sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
}

/// Users are found by the numbers of their members.
const ORG: Param = Param(kinds::USER.0 as u32 * 65_536 + 1);
/// The most users that one answer lists.
const LISTED: u64 = 10_000;

/// The index entries of a user's row.
pub(crate) fn entries(record: &Record) -> Vec<Entry> {
    body::<User>(record).map(|user| user.entries()).unwrap_or_default()
}

/// A login as it is kept: lower case, 1 to 64 of `a-z 0-9 . _ @ -`.
pub fn parse_login(text: &str) -> Result<String, Fault> {
    let login = text.trim().to_ascii_lowercase();
    let fits = (1..=64).contains(&login.len())
        && login
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'@' | b'-'));
    if fits {
        return Ok(login);
    }
    let words = "A login has 1 to 64 of the characters a-z, 0-9, '.', '_', '@' and '-'.";
    Err(Fault::new(FaultKind::Invalid, "login", words))
}

/// A fresh password: 100 random bits, in groups that can be read aloud.
pub fn fresh_password() -> Result<String, Fault> {
    passwords::generate()
}

/// A person's name: 1 to 200 characters, none of them a control character.
pub(crate) fn parse_name(text: &str) -> Result<String, Fault> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(Fault::new(FaultKind::Invalid, "name", "A name has 1 to 200 characters."));
    }
    Ok(name.to_owned())
}

impl User {
    /// What it is to that member, disabled or not.
    pub fn membership(&self, org: OrgNo) -> Option<&Membership> {
        self.memberships.iter().find(|membership| membership.org == org.0)
    }

    pub(crate) fn membership_mut(&mut self, org: OrgNo) -> Option<&mut Membership> {
        self.memberships.iter_mut().find(|membership| membership.org == org.0)
    }

    /// The member that a new session is at: the last one, else the first that it may act for.
    pub(crate) fn landing(&self) -> Option<&Membership> {
        let open = || self.memberships.iter().filter(|membership| !membership.disabled);
        open().find(|membership| Some(membership.org) == self.home).or_else(|| open().next())
    }

    /// Makes it a user of one more member.
    pub(crate) fn join(&mut self, org: OrgNo, role: Role, patient: Option<String>, now: Instant) {
        self.epoch += 1;
        self.memberships.push(Membership {
            org: org.0,
            role: role.name().to_owned(),
            patient,
            disabled: false,
            epoch: self.epoch,
            created: now.0,
        });
    }

    fn entries(&self) -> Vec<Entry> {
        let entry =
            |membership: &Membership| Entry { param: ORG, value: Value::Text(membership.org.to_string()) };
        self.memberships.iter().map(entry).collect()
    }

    /// The change that keeps it.
    pub(crate) fn write(&self, view: &dyn View) -> Result<Write, Fault> {
        let mut write = row(view, kinds::USER, &self.login, self)?;
        if let Write::Put(put) = &mut write {
            put.entries = self.entries();
        }
        Ok(write)
    }

    fn summary(&self, org: OrgNo) -> Option<UserSummary> {
        let membership = self.membership(org)?;
        Some(UserSummary {
            login: self.login.clone(),
            name: self.name.clone(),
            role: membership.role.clone(),
            patient: membership.patient.clone(),
            operator: self.operator,
            disabled: membership.disabled,
            created: Instant(membership.created).to_string(),
            last_seen: self.seen.map(|at| Instant(at).to_string()),
        })
    }
}

/// The user of that login as the writer sees it.
pub(crate) fn current(view: &dyn View, login: &str) -> Result<Option<User>, Fault> {
    view.current(NETWORK, kinds::USER, login)?.filter(|record| !record.deleted).map(|r| body(&r)).transpose()
}

/// The user of that login as it becomes a user of one more member, and whether it is a new person: one that has no member
/// any more is. Its epoch goes on, so that no old token comes back with it.
pub(crate) fn admitted(
    view: &dyn View,
    login: &str,
    name: String,
    password: String,
    now: Instant,
) -> Result<(User, bool), Fault> {
    let epoch = match current(view, login)? {
        Some(user) if !user.memberships.is_empty() => return Ok((user, false)),
        found => found.map_or(0, |user| user.epoch),
    };
    let login = login.to_owned();
    Ok((User { login, name, password, created: now.0, epoch, ..User::default() }, true))
}

/// The users of a member as the writer sees them.
pub(crate) fn of_member(view: &dyn View, org: OrgNo) -> Result<Vec<User>, Fault> {
    let query = Query::all(kinds::USER, LISTED).with(Test::Is(ORG, org.0.to_string()));
    view.find(NETWORK, &query)?.iter().map(body).collect()
}

/// Checks a role for people and the Patient that goes with it.
pub(crate) fn parse_role(role: &str, patient: Option<&str>) -> Result<Role, Fault> {
    let invalid = |words: &str| Err(Fault::new(FaultKind::Invalid, "role", words));
    match Role::parse(role) {
        None => invalid("A role is administrator, clinician, radiologist, registrar or patient."),
        Some(Role::Patient) if patient.is_none() => invalid("The role patient needs a \"patient\": its id."),
        Some(role) if role != Role::Patient && patient.is_some() => {
            invalid("Only the role patient has a \"patient\".")
        }
        Some(role) => Ok(role),
    }
}

/// A user is a patient that the member has.
pub(crate) fn check_patient(view: &dyn View, org: OrgNo, patient: Option<&str>) -> Result<(), Fault> {
    let Some(id) = patient else { return Ok(()) };
    let kind = lenticular_fhir::kinds::kind("Patient")
        .ok_or_else(|| Fault::internal("a resource type has no number"))?;
    match view.current(org, kind, id)?.filter(|record| !record.deleted) {
        Some(_) => Ok(()),
        None => Err(Fault::new(FaultKind::Invalid, "patient", "The member has no Patient of that id.")),
    }
}

impl Services {
    /// Adds a user for the owner of the data folder. A login that other members know becomes a user of one more member and
    /// keeps its password; of a member that it is of already, it takes name, role and password as they are given, and what
    /// it held ends. Tells whether `password` is its password now.
    #[expect(clippy::too_many_arguments, reason = "each of them is one word of `lenticular user add`")]
    pub async fn add_user(
        &self,
        member: &Member,
        login: &str,
        name: &str,
        role: Role,
        patient: Option<String>,
        password: &str,
        operator: bool,
    ) -> Result<bool, Fault> {
        let (login, name) = (parse_login(login)?, parse_name(name)?);
        passwords::check(&login, password)?;
        let role = parse_role(role.name(), patient.as_deref())?;
        let password = self.hash_password(password).await?;
        let (org, now) = (OrgNo(member.no), self.now());
        let committed = self
            .commit(owner(), Vec::new(), move |view, _| {
                check_patient(view, org, patient.as_deref())?;
                let (mut user, fresh) = admitted(view, &login, name.clone(), password.clone(), now)?;
                let again = user.membership(org).is_some();
                if again {
                    user.memberships.retain(|membership| membership.org != org.0);
                    user.epoch += 1;
                    user.sessions_from = user.epoch;
                    (user.password, user.name) = (password, name);
                }
                user.join(org, role, patient, now);
                user.operator |= operator;
                Ok((vec![user.write(view)?], fresh || again))
            })
            .await?;
        Ok(committed.answer)
    }

    /// The users of a member.
    pub async fn users_of(&self, org: OrgNo) -> Result<Vec<UserSummary>, Fault> {
        self.blocking(move |services| {
            Ok(services.member_users(org)?.iter().filter_map(|user| user.summary(org)).collect())
        })
        .await
    }

    /// The users of a member as they are kept. For threads that may wait.
    pub(crate) fn member_users(&self, org: OrgNo) -> Result<Vec<User>, Fault> {
        let query = Query::all(kinds::USER, LISTED).with(Test::Is(ORG, org.0.to_string()));
        self.store.reader.search(&scope(), &query)?.rows.iter().map(body).collect()
    }

    /// The users of the own member, for its administrators.
    pub async fn users(&self, caller: &Caller) -> Result<Vec<UserSummary>, Fault> {
        let outcome = match self.authorise(caller, Action::Administer, None) {
            Ok(_) => self.users_of(caller.principal.org).await,
            Err(fault) => Err(fault),
        };
        self.audited(caller, Access::of('R', "search-type", "User", ""), outcome).await
    }
}
