//! A FHIR R4 transaction Bundle under construction, and the entries that many bundles share.

use crate::json::Json;
use crate::network::{Location, Member, MemberKind, Practitioner};
use crate::person::Sex;
use crate::random::derive;
use crate::uid::{uuid, uuid_text};
use std::collections::HashMap;

/// `identifier.system` of the things that belong to the network as a whole.
pub(crate) const NETWORK_SYSTEM: &str = "https://lenticular.example/ids";

/// A reference to an entry: its `urn:uuid:…` and a text for people.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) url: String,
    pub(crate) display: String,
}

impl Link {
    /// Writes `{"reference": …, "display": …}` at `name`.
    pub(crate) fn write(&self, j: &mut Json, name: &str) {
        j.at(name, |j| self.write_inside(j));
    }

    pub(crate) fn write_inside(&self, j: &mut Json) {
        j.text("reference", &self.url);
        if !self.display.is_empty() {
            j.text("display", &self.display);
        }
    }
}

/// A transaction: each entry is a POST with a `urn:uuid` as its full URL (R4 §3.1.0.11.2).
#[derive(Debug)]
pub(crate) struct Transaction {
    entries: Vec<Vec<u8>>,
    seed: u64,
    shared: HashMap<String, Link>,
}

impl Transaction {
    /// The seed and the name decide all UUIDs in the bundle.
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        Self { entries: Vec::new(), seed: derive(seed, name, 1), shared: HashMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a resource; the body writes what comes after `resourceType`.
    pub(crate) fn post(&mut self, kind: &str, display: &str, body: impl FnOnce(&mut Json)) -> Link {
        self.entry(kind, display, None, body)
    }

    fn entry(
        &mut self,
        kind: &str,
        display: &str,
        if_none_exist: Option<&str>,
        body: impl FnOnce(&mut Json),
    ) -> Link {
        let number = self.entries.len() as u64;
        let url = format!("urn:uuid:{}", uuid_text(uuid(self.seed, kind, number)));
        let mut json = Json::with_capacity(1024);
        json.item(|j| {
            j.text("fullUrl", &url);
            j.at("resource", |j| {
                j.text("resourceType", kind);
                body(j);
            });
            j.at("request", |j| {
                j.text("method", "POST");
                j.text("url", kind);
                if let Some(query) = if_none_exist {
                    j.text("ifNoneExist", query);
                }
            });
        });
        self.entries.push(json.into_bytes());
        Link { url, display: display.to_owned() }
    }

    /// Adds a resource once per bundle, created only where the server has none with that identifier.
    fn shared(&mut self, kind: &str, code: &str, display: &str, body: impl FnOnce(&mut Json)) -> Link {
        let key = format!("{kind}/{code}");
        if let Some(link) = self.shared.get(&key) {
            return link.clone();
        }
        let query = format!("identifier={NETWORK_SYSTEM}|{code}");
        let link = self.entry(kind, display, Some(&query), |j| {
            j.one("identifier", |j| {
                j.text("system", NETWORK_SYSTEM);
                j.text("value", code);
            });
            body(j);
        });
        self.shared.insert(key, link.clone());
        link
    }

    pub(crate) fn organization(&mut self, member: &Member) -> Link {
        self.shared("Organization", member.id, member.name, |j| {
            j.flag("active", true);
            j.one("type", |j| {
                let text = match member.kind {
                    MemberKind::Hospital => "Hospital",
                    MemberKind::ReadingCentre => "Reading centre",
                };
                coding(
                    j,
                    "http://terminology.hl7.org/CodeSystem/organization-type",
                    "prov",
                    "Healthcare Provider",
                );
                j.text("text", text);
            });
            j.text("name", member.name);
            if member.name != member.latin_name {
                j.list("alias", |j| j.item_text(member.latin_name));
            }
            j.one("telecom", |j| {
                j.text("system", "phone");
                j.shown("value", format_args!("{} 0100", member.town().telephone));
                j.text("use", "work");
            });
            j.one("address", |j| member.write_address(j));
        })
    }

    pub(crate) fn location(&mut self, member: &Member, location: &Location, organization: &Link) -> Link {
        self.shared("Location", &location.code, location.name, |j| {
            j.text("status", "active");
            j.text("name", location.name);
            j.text("mode", "instance");
            j.at("address", |j| member.write_address(j));
            organization.write(j, "managingOrganization");
        })
    }

    pub(crate) fn practitioner(&mut self, member: &Member, practitioner: &Practitioner) -> Link {
        self.shared("Practitioner", &practitioner.code, &practitioner.display(), |j| {
            j.flag("active", true);
            j.list("name", |j| {
                j.item(|j| {
                    j.text("use", "official");
                    j.text("text", &practitioner.display());
                    j.text("family", practitioner.family);
                    j.list("given", |j| j.item_text(practitioner.given));
                    j.list("prefix", |j| j.item_text("Dr"));
                });
                if practitioner.family != practitioner.latin_family {
                    j.item(|j| {
                        j.text("use", "usual");
                        j.text("family", practitioner.latin_family);
                        j.list("given", |j| j.item_text(practitioner.latin_given));
                    });
                }
            });
            j.one("telecom", |j| {
                j.text("system", "email");
                j.shown("value", format_args!("{}@{}.lenticular.example", practitioner.code, member.id));
                j.text("use", "work");
            });
            j.text("gender", if practitioner.sex == Sex::Female { "female" } else { "male" });
        })
    }

    pub(crate) fn practitioner_role(&mut self, member: &Member, practitioner: &Practitioner) -> Link {
        let person = self.practitioner(member, practitioner);
        let organization = self.organization(member);
        let code = format!("{}-role", practitioner.code);
        self.shared("PractitionerRole", &code, practitioner.specialty, |j| {
            j.flag("active", true);
            person.write(j, "practitioner");
            organization.write(j, "organization");
            j.one("specialty", |j| j.text("text", practitioner.specialty));
        })
    }

    /// The Bundle as compact JSON.
    pub(crate) fn finish(self) -> Vec<u8> {
        let length: usize = self.entries.iter().map(|entry| entry.len() + 1).sum();
        let mut out = Vec::with_capacity(length + 64);
        out.extend_from_slice(br#"{"resourceType":"Bundle","type":"transaction","entry":["#);
        for (index, entry) in self.entries.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(entry);
        }
        out.extend_from_slice(b"]}");
        out
    }
}

/// `"coding":[{system, code, display}]`
pub(crate) fn coding(j: &mut Json, system: &str, code: &str, display: &str) {
    j.one("coding", |j| {
        j.text("system", system);
        j.text("code", code);
        j.text("display", display);
    });
}

/// A CodeableConcept at `name`, with the display as its text too.
pub(crate) fn concept(j: &mut Json, name: &str, system: &str, code: &str, display: &str) {
    j.at(name, |j| {
        coding(j, system, code, display);
        j.text("text", display);
    });
}
