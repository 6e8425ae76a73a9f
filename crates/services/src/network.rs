//! The network itself: members, devices, users, tokens, the owner's set-up link. Rows like any other, owned by the network.

pub mod devices;
pub mod setup;
pub mod tokens;

pub use devices::{Device, DeviceRequest, ListedDevice, TestTarget, is_ae_title, is_host};
pub use setup::Setup;
pub use tokens::Token;
pub(crate) use tokens::token_id;

use crate::Services;
use lenticular_base::index::Query;
use lenticular_base::{Fault, FaultKind, Kind, Labels, OrgId, OrgNo};
use lenticular_policy::Scope;
use lenticular_store::{Author, Packing, Put, Record, View, Write};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The kinds of rows that the network keeps about itself.
pub mod kinds {
    use lenticular_base::Kind;

    pub const MEMBER: Kind = Kind(1101);
    pub const USER: Kind = Kind(1102);
    pub const DEVICE: Kind = Kind(1103);
    pub const TOKEN: Kind = Kind(1104);
    pub const SHARE: Kind = Kind(1105);
    pub const SETUP: Kind = Kind(1106);
    pub const PREFERENCES: Kind = Kind(1108);
    pub const ANNOTATION: Kind = Kind(1109);
}

/// The owner of the network's own rows: no member has this number.
pub const NETWORK: OrgNo = OrgNo(0);

/// An organisation in the network.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug, Default)]
pub struct Member {
    pub id: String,
    pub no: i64,
    pub name: String,
    /// The IANA name of its time zone, such as `Europe/Berlin`; absent: UTC.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timezone: Option<String>,
    /// `en`, `de` or `zh`; absent: English.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub locale: Option<String>,
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
pub(crate) fn owner() -> Author {
    Author { org: NETWORK, agent: "owner".into() }
}

pub(crate) fn scope() -> Scope {
    Scope::of_own_work(NETWORK)
}

impl Services {
    /// Adds a member; the same id again with the same name changes nothing, with another name renames it.
    pub async fn add_member(&self, id: OrgId, name: &str) -> Result<Member, Fault> {
        let name = member_name(name)?;
        let committed = self
            .commit(owner(), Vec::new(), move |view, _| {
                let existing = view.current(NETWORK, kinds::MEMBER, id.as_str())?.filter(|r| !r.deleted);
                let (no, timezone, locale) = match existing {
                    Some(record) => {
                        let known: Member = body(&record)?;
                        if known.name == name {
                            return Ok((Vec::new(), known));
                        }
                        (known.no, known.timezone, known.locale)
                    }
                    None => (next_number(view)?, None, None),
                };
                let member = Member { id: id.as_str().to_owned(), no, name, timezone, locale };
                Ok((vec![row(view, kinds::MEMBER, id.as_str(), &member)?], member))
            })
            .await?;
        Ok(committed.answer)
    }

    /// Adds the first member, who owns the network; where there is one already, changes nothing and gives `None`.
    pub async fn add_first_member(&self, id: OrgId, name: &str) -> Result<Option<Member>, Fault> {
        let name = member_name(name)?;
        let committed = self
            .commit(owner(), Vec::new(), move |view, _| {
                let no = next_number(view)?;
                if no > 1 {
                    return Ok((Vec::new(), None));
                }
                let member = Member { id: id.as_str().to_owned(), no, name, timezone: None, locale: None };
                Ok((vec![row(view, kinds::MEMBER, id.as_str(), &member)?], Some(member)))
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

    pub(crate) fn network_rows<T: DeserializeOwned>(&self, kind: Kind) -> Result<Vec<T>, Fault> {
        let page = self.store.reader.search(&scope(), &Query::all(kind, 10_000))?;
        page.rows.iter().map(body).collect()
    }
}

/// A member's name as it is kept.
fn member_name(name: &str) -> Result<String, Fault> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 {
        let words = "A member's name has 1 to 200 characters.";
        return Err(Fault::new(FaultKind::Invalid, "member-name", words));
    }
    Ok(name.to_owned())
}

/// The number of the next member.
pub(crate) fn next_number(view: &dyn View) -> Result<i64, Fault> {
    let rows = view.find(NETWORK, &Query::all(kinds::MEMBER, 100_000))?;
    let mut highest = 0;
    for record in &rows {
        highest = highest.max(body::<Member>(record)?.no);
    }
    Ok(highest + 1)
}
