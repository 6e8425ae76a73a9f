//! The network itself: members, devices, tokens, the owner's set-up link. Rows like any other, owned by the network.

use crate::{Services, random};
use lenticular_base::ids::hex;
use lenticular_base::index::Query;
use lenticular_base::{Fault, FaultKind, Instant, Kind, Labels, OrgId, OrgNo};
use lenticular_policy::{Principal, Role, Scope};
use lenticular_store::{Author, Packing, Put, Record, View, Write};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The kinds of rows that the network keeps about itself.
pub mod kinds {
    use lenticular_base::Kind;

    pub const MEMBER: Kind = Kind(1101);
    pub const USER: Kind = Kind(1102);
    pub const DEVICE: Kind = Kind(1103);
    pub const TOKEN: Kind = Kind(1104);
    pub const SHARE: Kind = Kind(1105);
    pub const SETUP: Kind = Kind(1106);
}

/// The owner of the network's own rows: no member has this number.
pub const NETWORK: OrgNo = OrgNo(0);

/// An organisation in the network.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug)]
pub struct Member {
    pub id: String,
    pub no: i64,
    pub name: String,
}

/// A device that may store for its member: its AE title, and from where.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug)]
pub struct Device {
    /// The calling AE title, 1 to 16 characters.
    pub ae: String,
    pub org: i64,
    pub org_id: String,
    /// The peer address it must call from; `None`: the loopback interface alone.
    pub peer: Option<String>,
}

/// A bearer token as it is kept: under its hash, never itself.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug)]
pub struct Token {
    pub org: i64,
    pub role: String,
    pub agent: String,
    /// Milliseconds since the epoch.
    pub expires: i64,
    pub link: Option<String>,
}

/// The one-time link for whoever sets the deployment up.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug)]
pub struct Setup {
    pub expires: i64,
}

/// Reads the JSON body of one of the network's rows.
pub(crate) fn body<T: DeserializeOwned>(record: &Record) -> Result<T, Fault> {
    serde_json::from_slice(&record.body).map_err(|e| {
        Fault::new(FaultKind::Corrupt, "row", "A row of the network cannot be read.").caused_by(e)
    })
}

/// A change of one of the network's rows.
pub(crate) fn row<T: Serialize>(view: &dyn View, kind: Kind, id: &str, value: &T) -> Result<Write, Fault> {
    row_of(NETWORK, view, kind, id, value)
}

/// The same for a row that one member owns.
pub(crate) fn row_of<T: Serialize>(
    org: OrgNo,
    view: &dyn View,
    kind: Kind,
    id: &str,
    value: &T,
) -> Result<Write, Fault> {
    let json = serde_json::to_vec(value).map_err(Fault::internal)?;
    Ok(Write::Put(Box::new(Put {
        org,
        patient: None,
        kind,
        labels: Labels(0),
        study: None,
        id: id.to_owned(),
        body: view.pack(kind, &json, Packing::Raw),
        splice: -1,
        entries: Vec::new(),
        in_place: false,
    })))
}

/// Who acts for the owner of the data folder.
fn owner() -> Author {
    Author { org: NETWORK, agent: "owner".into() }
}

fn scope() -> Scope {
    Scope::of_own_work(NETWORK)
}

/// The key that a token or a secret is kept under.
pub(crate) fn token_id(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

impl Services {
    /// Adds a member; the same id again with the same name changes nothing, with another name renames it.
    pub async fn add_member(&self, id: OrgId, name: &str) -> Result<Member, Fault> {
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 200 {
            return Err(Fault::new(
                FaultKind::Invalid,
                "member-name",
                "A member's name has 1 to 200 characters.",
            ));
        }
        let committed = self
            .commit(owner(), Vec::new(), move |view, _| {
                let existing = view.current(NETWORK, kinds::MEMBER, id.as_str())?.filter(|r| !r.deleted);
                let no = match existing {
                    Some(record) => {
                        let known: Member = body(&record)?;
                        if known.name == name {
                            return Ok((Vec::new(), known));
                        }
                        known.no
                    }
                    None => next_number(view)?,
                };
                let member = Member { id: id.as_str().to_owned(), no, name };
                Ok((vec![row(view, kinds::MEMBER, id.as_str(), &member)?], member))
            })
            .await?;
        Ok(committed.answer)
    }

    /// The member of that id.
    pub async fn member(&self, id: &str) -> Result<Member, Fault> {
        let id = id.to_owned();
        self.blocking(move |services| {
            let found = services.store.reader.get(&scope(), NETWORK, kinds::MEMBER, &id)?;
            match found.filter(|record| !record.deleted) {
                Some(record) => body(&record),
                None => Err(Fault::new(
                    FaultKind::NotFound,
                    "no-member",
                    format!(
                        "No member has the id \"{id}\". `lenticular org add --id {id} --name NAME` adds it."
                    ),
                )),
            }
        })
        .await
    }

    /// All members, by the order they came.
    pub async fn members(&self) -> Result<Vec<Member>, Fault> {
        self.blocking(|services| services.network_rows(kinds::MEMBER)).await
    }

    /// All devices.
    pub async fn devices(&self) -> Result<Vec<Device>, Fault> {
        self.blocking(|services| services.network_rows(kinds::DEVICE)).await
    }

    pub(crate) fn network_rows<T: DeserializeOwned>(&self, kind: Kind) -> Result<Vec<T>, Fault> {
        let page = self.store.reader.search(&scope(), &Query::all(kind, 10_000))?;
        page.rows.iter().map(body).collect()
    }

    /// Binds an AE title to one member, and to an address where one is given.
    pub async fn add_device(&self, member: &Member, ae: &str, peer: Option<String>) -> Result<Device, Fault> {
        let ae = ae.trim().to_owned();
        let fits =
            (1..=16).contains(&ae.len()) && ae.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'\\');
        if !fits {
            return Err(Fault::new(
                FaultKind::Invalid,
                "ae-title",
                "An AE title has 1 to 16 characters of ASCII without backslash (PS3.5 §6.2).",
            ));
        }
        if let Some(address) = &peer
            && address.parse::<std::net::IpAddr>().is_err()
        {
            return Err(Fault::new(
                FaultKind::Invalid,
                "peer",
                "A peer is an IP address, such as 10.0.4.17.",
            ));
        }
        let device = Device { ae, org: member.no, org_id: member.id.clone(), peer };
        let committed = self
            .commit(owner(), Vec::new(), move |view, _| {
                if let Some(record) = view.current(NETWORK, kinds::DEVICE, &device.ae)?.filter(|r| !r.deleted)
                {
                    let known: Device = body(&record)?;
                    if known.org != device.org {
                        return Err(Fault::new(
                            FaultKind::Conflict,
                            "ae-title-taken",
                            "That AE title is bound to another member already.",
                        ));
                    }
                    if known == device {
                        return Ok((Vec::new(), known));
                    }
                }
                Ok((vec![row(view, kinds::DEVICE, &device.ae, &device)?], device))
            })
            .await?;
        Ok(committed.answer)
    }

    /// Who a calling AE title is, from this address: nobody, unless both are bound to one member.
    pub async fn device(&self, ae: &str, address: std::net::IpAddr) -> Result<Option<Principal>, Fault> {
        let ae = ae.trim().to_owned();
        self.blocking(move |services| {
            let found = services.store.reader.get(&scope(), NETWORK, kinds::DEVICE, &ae)?;
            let Some(record) = found.filter(|record| !record.deleted) else { return Ok(None) };
            let device: Device = body(&record)?;
            let bound = match &device.peer {
                Some(peer) => peer.parse() == Ok(address.to_canonical()),
                None => address.to_canonical().is_loopback(),
            };
            Ok(bound.then(|| Principal {
                org: OrgNo(device.org),
                role: Role::Device,
                agent: device.ae.clone(),
                link: None,
            }))
        })
        .await
    }

    /// Makes a bearer token; it is shown once and kept as its hash. `ttl` in milliseconds, at most a year.
    pub async fn issue_token(
        &self,
        member: &Member,
        role: Role,
        agent: &str,
        ttl: i64,
    ) -> Result<String, Fault> {
        if !(1000..=366 * 86_400_000).contains(&ttl) {
            return Err(Fault::new(
                FaultKind::Invalid,
                "ttl",
                "A token lives between one second and 366 days.",
            ));
        }
        let token = Token {
            org: member.no,
            role: role.name().into(),
            agent: agent.to_owned(),
            expires: self.now().plus(ttl).0,
            link: None,
        };
        let text = format!("lt_{}", hex(&random::<24>()?));
        let id = token_id(&text);
        self.commit(owner(), Vec::new(), move |view, _| {
            Ok((vec![row(view, kinds::TOKEN, &id, &token)?], ()))
        })
        .await?;
        Ok(text)
    }

    /// Who a bearer token is; `None` where it is unknown, taken back or over.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Principal>, Fault> {
        if token.len() > 200 {
            return Ok(None);
        }
        let id = token_id(token);
        let cached = self.store.reader.get_cached(&scope(), NETWORK, kinds::TOKEN, &id);
        let record = match cached {
            Some(record) => record,
            None => {
                self.blocking(move |services| services.store.reader.get(&scope(), NETWORK, kinds::TOKEN, &id))
                    .await?
            }
        };
        let Some(record) = record.filter(|record| !record.deleted) else { return Ok(None) };
        let token: Token = body(&record)?;
        if token.expires <= self.now().0 {
            return Ok(None);
        }
        let role = match &token.link {
            Some(_) => Role::Guest,
            None => Role::parse(&token.role).ok_or_else(|| Fault::internal("a token has an unknown role"))?,
        };
        Ok(Some(Principal { org: OrgNo(token.org), role, agent: token.agent, link: token.link }))
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
        };
        row(view, kinds::TOKEN, &token_id(text), &token)
    }

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
                let member = Member { id: id.as_str().to_owned(), no: 1, name };
                let used = Write::Delete { org: NETWORK, kind: kinds::SETUP, id: key };
                Ok((vec![used, row(view, kinds::MEMBER, id.as_str(), &member)?], member))
            })
            .await?;
        let token = self.issue_token(&committed.answer, Role::Administrator, "owner", 8 * 3_600_000).await?;
        Ok((committed.answer, token))
    }
}

/// The number of the next member.
fn next_number(view: &dyn View) -> Result<i64, Fault> {
    let rows = view.find(NETWORK, &Query::all(kinds::MEMBER, 100_000))?;
    let mut highest = 0;
    for record in &rows {
        highest = highest.max(body::<Member>(record)?.no);
    }
    Ok(highest + 1)
}
