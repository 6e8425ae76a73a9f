//! `lenticular demo`: serve, with a sample network loaded, and say what to try.

use crate::Place;
use crate::run::{Prepare, overrides, serve};
use anyhow::{Result, anyhow};
use lenticular_base::{Instant, OrgNo};
use lenticular_policy::{Principal, Purpose, Role};
use lenticular_services::network::Member;
use lenticular_services::shares::ShareRequest;
use lenticular_services::{Caller, Services};
use lenticular_synth as synth;
use rayon::prelude::*;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

const SEED: u64 = 1;
const PEOPLE: u32 = 50;
const TOKEN_LIFE: i64 = 8 * 3_600_000;

/// Runs the command.
pub fn run(data: Option<PathBuf>, settings: Vec<String>, json: bool) -> Result<ExitCode> {
    let data =
        data.unwrap_or_else(|| std::env::temp_dir().join(format!("lenticular-demo-{}", std::process::id())));
    overrides(&settings)?;
    let place = Place { data: data.clone(), config: None, settings };
    let prepare: Prepare = Box::new(move |runtime, services, http, dimse| {
        let sample = runtime.block_on(load(services))?;
        match json {
            true => println!("{}", sample.json(http, dimse)),
            false => sample.print(http, dimse, &data),
        }
        Ok(())
    });
    serve(&place, Some(prepare))
}

/// What was loaded, and who may look.
struct Sample {
    tokens: Vec<(String, &'static str, String)>,
    share: String,
    study: String,
    patient: String,
    mrn: String,
    ae: String,
    people: u32,
    slices: usize,
}

async fn load(services: &Services) -> Result<Sample> {
    let fault = |fault: lenticular_base::Fault| anyhow!("{fault}");
    let network = synth::network(SEED);
    let mut members: Vec<(Member, &synth::Member)> = Vec::new();
    for sample in &network.members {
        let id = lenticular_base::OrgId::parse(sample.id).map_err(fault)?;
        members.push((services.add_member(id, sample.name).await.map_err(fault)?, sample));
    }
    let today = synth_date(services.now());
    let first = synth::person(SEED, 0, today);
    let member_of = |id: &str| {
        members
            .iter()
            .find(|(member, _)| member.id == id)
            .map(|(member, _)| member)
            .ok_or_else(|| anyhow!("no {id}"))
    };
    let a = member_of(first.member)?;
    let facts = first.study_facts().ok_or_else(|| anyhow!("the first person has a chest CT"))?;
    let reader = clinician(a);
    let phantom =
        first.ct_phantom(synth::PhantomSize::default()).ok_or_else(|| anyhow!("the CT can be made"))?;
    if services.shares(&reader).await.map_err(fault)?.is_empty() {
        for (member, sample) in &members {
            services.add_device(member, sample.ae_title, None).await.map_err(fault)?;
            let caller = clinician(member);
            services.transaction(&caller, sample.transaction().into(), "").await.map_err(fault)?;
        }
        for person in synth::people(SEED, PEOPLE, today) {
            let caller = clinician(member_of(person.member)?);
            services.transaction(&caller, person.transaction().into(), "").await.map_err(fault)?;
        }
        let device = device(a);
        let loading = services.clone();
        let phantom_ref = &phantom;
        tokio::task::block_in_place(|| {
            (0..phantom_ref.slices()).into_par_iter().try_for_each(|slice| {
                loading.import_dicom(&device, &phantom_ref.slice(slice)[..]).map(|_| ()).map_err(fault)
            })
        })?;
        let to = members.iter().find(|(member, _)| member.id != a.id).map(|(member, _)| member.id.clone());
        let request = ShareRequest { study: Some(facts.study_uid.clone()), to, ..ShareRequest::default() };
        services.share(&reader, request).await.map_err(fault)?;
    }
    let share =
        services.shares(&reader).await.map_err(fault)?.pop().map(|share| share.id).unwrap_or_default();
    let mut tokens = Vec::new();
    for (member, _) in &members {
        let role = if member.id.contains("reading") { Role::Radiologist } else { Role::Clinician };
        let token = services.issue_token(member, role, "demo", TOKEN_LIFE).await.map_err(fault)?;
        tokens.push((member.id.clone(), role.name(), token));
    }
    Ok(Sample {
        tokens,
        share,
        study: facts.study_uid.clone(),
        patient: first.display(),
        mrn: first.mrn.clone(),
        ae: network.member(first.member).map(|member| member.ae_title.to_owned()).unwrap_or_default(),
        people: PEOPLE,
        slices: phantom.slices(),
    })
}

fn clinician(member: &Member) -> Caller {
    caller(member, Role::Clinician)
}

fn device(member: &Member) -> Caller {
    caller(member, Role::Device)
}

fn caller(member: &Member, role: Role) -> Caller {
    Caller {
        principal: Principal::new(OrgNo(member.no), role, "demo"),
        purpose: Purpose::Treat,
        way: "import",
    }
}

fn synth_date(now: Instant) -> synth::Date {
    synth::Date::from_days(i32::try_from(now.0.div_euclid(86_400_000)).unwrap_or(0))
}

impl Sample {
    fn json(&self, http: SocketAddr, dimse: Option<SocketAddr>) -> String {
        let tokens: Vec<_> = self
            .tokens
            .iter()
            .map(|(org, role, token)| json!({ "org": org, "role": role, "token": token }))
            .collect();
        json!({
            "http": http.to_string(),
            "dimse": dimse.map(|at| at.to_string()),
            "tokens": tokens,
            "study": self.study,
            "share": self.share,
            "mrn": self.mrn,
            "ae": self.ae,
        })
        .to_string()
    }

    fn print(&self, http: SocketAddr, dimse: Option<SocketAddr>, data: &std::path::Path) {
        let token = |at: usize| self.tokens.get(at).map_or("", |(_, _, token)| token.as_str());
        let name = |at: usize| self.tokens.get(at).map_or("", |(org, ..)| org.as_str());
        println!(
            "Lenticular demo: {} people at two hospitals, a reading centre, one chest CT of {} slices.",
            self.people, self.slices
        );
        println!("All of it is invented. Data folder: {}\n", data.display());
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
        println!("  # {} finds the shared study, and nothing else of {}: one study", name(1), name(0));
        println!("  curl -s -H \"Authorization: Bearer $B\" http://{http}/dicom-web/studies");
        println!("  # its pictures: a JPEG of the first slice");
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
        println!("  # take the share back: the next request of {} finds nothing", name(1));
        println!(
            "  curl -s -X DELETE -H \"Authorization: Bearer $A\" http://{http}/api/shares/{}\n",
            self.share
        );
    }
}
