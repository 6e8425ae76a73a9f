//! Devices: AE titles, each bound to one member and to where it calls from.

use super::{Member, NETWORK, body, kinds, owner, row, scope};
use crate::Services;
use lenticular_base::{Fault, FaultKind, OrgNo};
use lenticular_policy::{Principal, Role};
use serde::{Deserialize, Serialize};

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

impl Services {
    /// All devices.
    pub async fn devices(&self) -> Result<Vec<Device>, Fault> {
        self.blocking(|services| services.network_rows(kinds::DEVICE)).await
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
            Ok(bound.then(|| Principal::new(OrgNo(device.org), Role::Device, device.ae.clone())))
        })
        .await
    }
}
