//! What the demo says about itself: for people, and for scripts.

use super::Sample;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

impl Sample {
    /// One line for scripts.
    pub fn json(&self, http: SocketAddr, dimse: Option<SocketAddr>) -> String {
        let tokens: Vec<_> = self
            .tokens
            .iter()
            .map(|(org, role, token)| json!({ "org": org, "role": role, "token": token }))
            .collect();
        let users: Vec<Value> = self
            .actors
            .iter()
            .map(|actor| {
                let memberships: Vec<_> = actor
                    .memberships
                    .iter()
                    .map(|(member, role)| json!({ "member": member, "role": role.name() }))
                    .collect();
                let (member, role) = actor.memberships[0];
                json!({
                    "login": actor.login,
                    "password": actor.password,
                    "member": member,
                    "role": role.name(),
                    "operator": actor.operator,
                    "memberships": memberships,
                })
            })
            .collect();
        json!({
            "url": format!("http://{http}/"),
            "http": http.to_string(),
            "dimse": dimse.map(|at| at.to_string()),
            "users": users,
            "tokens": tokens,
            "study": self.study,
            "share": self.share,
            "link": self.link.as_ref().map(|token| format!("http://{http}/link#{token}")),
            "mrn": self.mrn,
            "ae": self.ae,
            "people": self.people,
            "studies": self.studies,
        })
        .to_string()
    }

    /// A page for people.
    pub fn print(&self, http: SocketAddr, dimse: Option<SocketAddr>, data: &Path) {
        let token = |at: usize| self.tokens.get(at).map_or("", |(_, _, token)| token.as_str());
        let name = |at: usize| self.tokens.get(at).map_or("", |(org, ..)| org.as_str());
        println!(
            "Lenticular demo: {} people at two hospitals, a reading centre, {} studies (CT, MR, X-ray, ultrasound).",
            self.people, self.studies
        );
        println!("All of it is invented. Data folder: {}\n", data.display());
        println!("Open  http://{http}/  and sign in as one of:\n");
        println!("  {:<21}{:<27}at", "login", "password");
        for actor in &self.actors {
            let at: Vec<String> = actor
                .memberships
                .iter()
                .map(|(member, role)| format!("{member} ({})", role.name()))
                .collect();
            let runs = if actor.operator { ", runs the deployment" } else { "" };
            println!("  {:<21}{:<27}{}{runs}", actor.login, actor.password, at.join(", "));
        }
        if let Some(link) = &self.link {
            println!(
                "\nA chest X-ray, shared by a link that needs no account:\n\n  http://{http}/link#{link}"
            );
        }
        println!("\nTokens for scripts:\n");
        for (org, role, token) in &self.tokens {
            println!("  {org:<16} {role:<13} {token}");
        }
        println!(
            "\n{} ({}) of {} has a chest CT, shared with {}. Try:\n",
            self.patient,
            self.mrn,
            name(0),
            name(1)
        );
        println!("  A={}\n  B={}\n", token(0), token(1));
        println!("  # what {} sees: its own studies, and those that others shared with it", name(1));
        println!("  curl -s -H \"Authorization: Bearer $B\" http://{http}/dicom-web/studies");
        println!("  # the shared CT as a picture: a JPEG of the first slice");
        println!(
            "  curl -s -H \"Authorization: Bearer $B\" -H 'Accept: image/jpeg' -o slice.jpg 'http://{http}/dicom-web/studies/{}/rendered'",
            self.study
        );
        println!("  # the patient's record at {}: a Bundle with one Patient and what refers to it", name(0));
        println!(
            "  curl -s -H \"Authorization: Bearer $A\" 'http://{http}/fhir/Patient?identifier={}&_revinclude=Observation:patient'",
            self.mrn
        );
        if let Some(at) = dimse {
            println!("  # a scanner of {} sends a file: status 0x0000", name(0));
            println!("  storescu -aet {} -aec LENTICULAR {} {} FILE.dcm", self.ae, at.ip(), at.port());
        }
        println!(
            "  # with python: dicomweb_client.api.DICOMwebClient(url='http://{http}/dicom-web', headers={{'Authorization': 'Bearer ' + B}}).search_for_studies()"
        );
        println!("  # take the share back: the next request of {} for that study finds nothing", name(1));
        println!(
            "  curl -s -X DELETE -H \"Authorization: Bearer $A\" http://{http}/api/shares/{}\n",
            self.share
        );
    }
}
