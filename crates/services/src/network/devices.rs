//! Devices: AE titles, each bound to one member and to where it calls from; and where it is reached itself.

use super::{Member, NETWORK, body, kinds, owner, row, scope};
use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::resources::short;
use lenticular_base::{Fault, FaultKind, OrgNo};
use lenticular_policy::{Action, Principal, Role};
use lenticular_store::{Author, Write};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use utoipa::ToSchema;

/// A device that may store for its member: its AE title, and from where.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug)]
pub struct Device {
    /// The calling AE title, 1 to 16 characters.
    pub ae: String,
    pub org: i64,
    pub org_id: String,
    /// The peer address it must call from; `None`: the loopback interface alone.
    pub peer: Option<String>,
    /// Where the device itself listens, if it does: an address or a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Its AE title as it is called, where that is not the one it calls with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<String>,
}

/// A device as its administrator writes it.
#[derive(Clone, Deserialize, PartialEq, Eq, Debug, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceRequest {
    pub ae: String,
    #[serde(default)]
    pub peer: Option<String>,
    #[serde(default)]
    pub host: Option<String>,
    #[serde(default)]
    pub port: Option<u16>,
    #[serde(default)]
    pub called: Option<String>,
}

/// A device as its member sees it.
#[derive(Clone, Serialize, PartialEq, Eq, Debug, ToSchema)]
pub struct ListedDevice {
    pub ae: String,
    pub peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called: Option<String>,
    /// When it called last since the server was started; FHIR instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// `associated`, `stored`, `failed`, or `address`: it called from elsewhere than it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_outcome: Option<&'static str>,
}

/// Whom a test calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TestTarget {
    Peer {
        host: String,
        port: u16,
        called: String,
    },
    /// The own listener, for devices that only call.
    Own,
}

impl Services {
    /// All devices.
    pub async fn devices(&self) -> Result<Vec<Device>, Fault> {
        self.blocking(|services| services.network_rows(kinds::DEVICE)).await
    }

    /// The own member's devices.
    pub async fn own_devices(&self, caller: &Caller) -> Result<Vec<ListedDevice>, Fault> {
        let outcome = match self.authorise(caller, Action::Administer, None) {
            Ok(_) => self.devices().await,
            Err(fault) => Err(fault),
        };
        let found = self.audited(caller, Access::of('R', "search-type", "Device", ""), outcome).await?;
        let own = found.into_iter().filter(|device| device.org == caller.principal.org.0);
        Ok(own.map(|device| self.told(device)).collect())
    }

    fn told(&self, device: Device) -> ListedDevice {
        let seen = self.deployment.seen(&device.ae);
        ListedDevice {
            last_seen: seen.as_ref().map(|seen| seen.at.to_string()),
            last_outcome: seen.map(|seen| seen.outcome),
            ae: device.ae,
            peer: device.peer,
            host: device.host,
            port: device.port,
            called: device.called,
        }
    }

    /// Binds an AE title to one member, and to an address where one is given.
    pub async fn add_device(&self, member: &Member, ae: &str, peer: Option<String>) -> Result<Device, Fault> {
        let request = DeviceRequest { ae: ae.to_owned(), peer, ..DeviceRequest::default() };
        self.bind_device(member, request, owner()).await
    }

    /// Binds a device to the own member, or writes anew what is known of it.
    pub async fn put_device(&self, caller: &Caller, request: DeviceRequest) -> Result<ListedDevice, Fault> {
        self.to_the_end(caller, |services, caller| async move {
            let access = Access::of('C', "create", "Device", &short(&request.ae));
            let outcome = match services.authorise(&caller, Action::Administer, None) {
                Ok(_) => match services.own_member(&caller).await {
                    Ok(member) => services.bind_device(&member, request, caller.author()).await,
                    Err(fault) => Err(fault),
                },
                Err(fault) => Err(fault),
            };
            let device = services.audited(&caller, access, outcome).await?;
            Ok(services.told(device))
        })
        .await
    }

    async fn own_member(&self, caller: &Caller) -> Result<Member, Fault> {
        let org = caller.principal.org.0;
        self.members().await?.into_iter().find(|member| member.no == org).ok_or_else(Fault::not_found)
    }

    async fn bind_device(
        &self,
        member: &Member,
        request: DeviceRequest,
        author: Author,
    ) -> Result<Device, Fault> {
        let device = checked(member, request)?;
        let committed = self
            .commit(author, Vec::new(), move |view, _| {
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

    /// Unbinds a device of the own member: its next association is rejected.
    pub async fn remove_device(&self, caller: &Caller, ae: &str) -> Result<(), Fault> {
        let ae = ae.to_owned();
        self.to_the_end(caller, |services, caller| async move {
            let access = Access::of('D', "delete", "Device", &short(&ae));
            let outcome = match services.authorise(&caller, Action::Administer, None) {
                Ok(_) => services.unbind_device(&caller, ae).await,
                Err(fault) => Err(fault),
            };
            services.audited(&caller, access, outcome).await
        })
        .await
    }

    async fn unbind_device(&self, caller: &Caller, ae: String) -> Result<(), Fault> {
        let (org, id) = (caller.principal.org.0, ae.clone());
        self.commit(caller.author(), Vec::new(), move |view, _| {
            let known = view.current(NETWORK, kinds::DEVICE, &id)?.filter(|record| !record.deleted);
            let device: Device = body(&known.ok_or_else(Fault::not_found)?)?;
            if device.org != org {
                return Err(Fault::not_found());
            }
            Ok((vec![Write::Delete { org: NETWORK, kind: kinds::DEVICE, id }], ()))
        })
        .await?;
        self.deployment.forget(&ae);
        Ok(())
    }

    /// Whom a test of a device of the own member calls: the device, where it says where it listens.
    pub async fn test_target(&self, caller: &Caller, ae: &str) -> Result<TestTarget, Fault> {
        let org = caller.principal.org.0;
        let known = self.devices().await?.into_iter().find(|device| device.ae == ae && device.org == org);
        let device = known.ok_or_else(Fault::not_found)?;
        Ok(match (device.host, device.port) {
            (Some(host), Some(port)) => {
                TestTarget::Peer { host, port, called: device.called.unwrap_or(device.ae) }
            }
            _ => TestTarget::Own,
        })
    }

    /// Who a calling AE title is, from this address: nobody, unless both are bound to one member.
    pub async fn device(&self, ae: &str, address: IpAddr) -> Result<Option<Principal>, Fault> {
        let ae = ae.trim().to_owned();
        self.blocking(move |services| {
            let found = services.store.reader.get(&scope(), NETWORK, kinds::DEVICE, &ae)?;
            let Some(record) = found.filter(|record| !record.deleted) else { return Ok(None) };
            let device: Device = body(&record)?;
            let bound = match &device.peer {
                Some(peer) => peer.parse() == Ok(address.to_canonical()),
                None => address.to_canonical().is_loopback(),
            };
            services.saw_device(&device.ae, if bound { "associated" } else { "address" });
            Ok(bound.then(|| Principal::new(OrgNo(device.org), Role::Device, device.ae.clone())))
        })
        .await
    }

    /// Notes that a device that is bound to a member did something: `associated`, `stored`, `failed`, `address`.
    pub fn saw_device(&self, ae: &str, outcome: &'static str) {
        self.deployment.saw(ae, self.now(), outcome);
    }
}

/// The device, if it can be one.
fn checked(member: &Member, request: DeviceRequest) -> Result<Device, Fault> {
    let invalid = |code: &'static str, words: &str| Err(Fault::new(FaultKind::Invalid, code, words));
    let given =
        |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let (ae, peer, host) = (request.ae.trim().to_owned(), given(request.peer), given(request.host));
    let called = given(request.called);
    if !is_ae_title(&ae) || called.as_ref().is_some_and(|called| !is_ae_title(called)) {
        return invalid(
            "ae-title",
            "An AE title has 1 to 16 characters of ASCII without backslash (PS3.5 §6.2).",
        );
    }
    if peer.as_ref().is_some_and(|peer| peer.parse::<IpAddr>().is_err()) {
        return invalid("peer", "A peer is an IP address, such as 10.0.4.17.");
    }
    if host.is_some() != request.port.is_some() || request.port == Some(0) {
        return invalid("port", "Where a device listens is a host and a port from 1 to 65535, or neither.");
    }
    if host.as_ref().is_some_and(|host| !is_host(host)) {
        return invalid(
            "host",
            "A host is an IP address or a name, such as 10.0.4.17 or ct1.hospital.example.",
        );
    }
    // As it is compared with: an IPv4 address within IPv6 is the IPv4 address.
    let peer = peer.map(|peer| match peer.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => peer,
    });
    Ok(Device { ae, org: member.no, org_id: member.id.clone(), peer, host, port: request.port, called })
}

/// Whether text can be an AE title (PS3.5 §6.2).
pub fn is_ae_title(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'\\')
}

/// Whether text can be an IP address or a DNS name.
pub fn is_host(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
        || ((1..=253).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)))
}
