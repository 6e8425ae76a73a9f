//! What the demo's network looks like when the curtain goes up: the sample, who signs in, what is shared, what waits in the
//! tray, and who has looked.

use super::cast::Actor;
use super::{Sample, TOKEN_LIFE};
use anyhow::{Result, anyhow};
use lenticular_base::{Fault, Kind, OrgNo};
use lenticular_policy::{Principal, Purpose, Role};
use lenticular_services::members::MemberDetails;
use lenticular_services::network::Member;
use lenticular_services::resources::kind_of;
use lenticular_services::sample::SampleNetwork;
use lenticular_services::shares::ShareRequest;
use lenticular_services::{Caller, Services};
use lenticular_synth as synth;
use std::sync::Arc;
use synth::ExamKind;

/// Loads everything; what is there already is left alone.
pub async fn set(services: &Services, actors: &[Actor]) -> Result<Sample> {
    play(services, actors).await.map_err(|fault| match &fault.source {
        Some(source) => anyhow!("{fault}: {source}"),
        None => anyhow!("{fault}"),
    })
}

async fn play(services: &Services, actors: &[Actor]) -> Result<Sample, Fault> {
    let network = services.load_sample_network().await?;
    let first = network.people.first().ok_or_else(|| Fault::internal("the sample has nobody"))?;
    let study = study_of(&network, |study| study.person == 0 && study.kind == ExamKind::ChestCt)?.clone();
    settle(services, &network).await?;
    enrol(services, actors, &network).await?;
    let given = give(services, &network, &study).await?;
    let mut tokens = Vec::new();
    for member in &network.members {
        let role = if member.id.contains("reading") { Role::Radiologist } else { Role::Clinician };
        tokens.push((
            member.id.clone(),
            role.name(),
            services.issue_token(member, role, "demo", TOKEN_LIFE).await?,
        ));
    }
    let sample = synth::network(lenticular_services::sample::SEED);
    Ok(Sample {
        actors: actors.to_vec(),
        tokens,
        share: given.0,
        link: given.1,
        study: study.facts.study_uid.clone(),
        patient: first.display(),
        mrn: first.mrn.clone(),
        ae: sample.member(first.member).map(|member| member.ae_title.to_owned()).unwrap_or_default(),
        people: network.people.len(),
        studies: network.studies.len(),
    })
}

fn member<'a>(network: &'a SampleNetwork, id: &str) -> Result<&'a Member, Fault> {
    network.member(id).ok_or_else(|| Fault::internal(format!("the sample has no {id}")))
}

fn study_of(
    network: &SampleNetwork,
    wanted: impl Fn(&synth::Study) -> bool,
) -> Result<&Arc<synth::Study>, Fault> {
    network
        .studies
        .iter()
        .find(|study| wanted(study))
        .ok_or_else(|| Fault::internal("the sample lacks a study"))
}

fn caller(member: &Member, role: Role, agent: &str, way: &'static str) -> Caller {
    Caller {
        principal: Principal::new(OrgNo(member.no), role, agent),
        purpose: Purpose::Treat,
        way,
        asked: None,
    }
}

fn patient_kind() -> Result<Kind, Fault> {
    kind_of("Patient")
}

/// The Patient id of a person.
async fn patient_id(services: &Services, member: &Member, person: &synth::Person) -> Result<String, Fault> {
    let clinician = caller(member, Role::Clinician, "demo", "import");
    let pairs = vec![("identifier".to_owned(), format!("{}|{}", person.mrn_system, person.mrn))];
    let found = services.search(&clinician, patient_kind()?, pairs, "", false).await?;
    let first = found.matches.first().ok_or_else(Fault::not_found)?;
    Ok(first.id.clone())
}

/// Where each member is, and what it speaks.
const PLACES: [(&str, &str, &str); 3] = [
    ("hospital-a", "Europe/Dublin", "en"),
    ("hospital-b", "Europe/Berlin", "de"),
    ("reading-centre", "Asia/Shanghai", "zh"),
];

async fn settle(services: &Services, network: &SampleNetwork) -> Result<(), Fault> {
    for (id, timezone, locale) in PLACES {
        let mut operator = caller(member(network, id)?, Role::Administrator, "demo", "import");
        operator.principal.operator = true;
        let details = MemberDetails {
            timezone: Some(timezone.to_owned()),
            locale: Some(locale.to_owned()),
            ..MemberDetails::default()
        };
        services.change_member(&operator, id, details).await?;
    }
    Ok(())
}

/// Makes the users, or gives those that are there their new passwords.
async fn enrol(services: &Services, actors: &[Actor], network: &SampleNetwork) -> Result<(), Fault> {
    let sample = synth::network(lenticular_services::sample::SEED);
    for actor in actors {
        for (id, role) in actor.memberships {
            let member = member(network, id)?;
            let patient = match role {
                Role::Patient => Some(pictured(network, id)?),
                _ => None,
            };
            let name = match patient {
                Some(person) => person.display(),
                None => sample
                    .member(actor.memberships[0].0)
                    .and_then(|member| member.practitioners.get(actor.practitioner))
                    .map_or_else(|| actor.login.to_owned(), synth::Practitioner::display),
            };
            let patient = match patient {
                Some(person) => Some(patient_id(services, member, person).await?),
                None => None,
            };
            services
                .add_user(member, actor.login, &name, *role, patient, &actor.password, actor.operator)
                .await?;
        }
    }
    Ok(())
}

/// The first person of a member of whom there are pictures.
fn pictured<'a>(network: &'a SampleNetwork, id: &str) -> Result<&'a synth::Person, Fault> {
    let found = network.people.iter().find(|person| person.member == id && !person.exams.is_empty());
    found.ok_or_else(|| Fault::internal("the sample lacks a patient with images"))
}

/// Shares studies both ways and by link, fills the tray and the audit log. Gives the share of the chest CT and the link.
async fn give(
    services: &Services,
    network: &SampleNetwork,
    chest: &Arc<synth::Study>,
) -> Result<(String, Option<String>), Fault> {
    let (a, b) = (member(network, "hospital-a")?, member(network, "hospital-b")?);
    let (at_a, at_b) =
        (caller(a, Role::Clinician, "clinician.a", "app"), caller(b, Role::Clinician, "clinician.b", "app"));
    let known = services.shares(&at_a).await?;
    let uid = &chest.facts.study_uid;
    let is_first = |share: &&lenticular_services::shares::Share| {
        share.study.as_ref() == Some(uid) && share.to.as_deref() == Some(b.id.as_str())
    };
    if let Some(share) = known.iter().find(is_first) {
        return Ok((share.id.clone(), None));
    }
    let to = |study: &synth::Study, to: Option<&str>| ShareRequest {
        study: Some(study.facts.study_uid.clone()),
        to: to.map(str::to_owned),
        ..ShareRequest::default()
    };
    let share = services.share(&at_a, to(chest, Some("hospital-b"))).await?.share.id;
    services.share(&at_a, to(chest, Some("reading-centre"))).await?;
    let of = |member: &'static str| network.studies.iter().filter(move |study| study.member == member);
    for study in of("hospital-a").filter(|study| study.kind != ExamKind::ChestCt && study.person != 0).take(2)
    {
        services.share(&at_a, to(study, Some("reading-centre"))).await?;
    }
    for (number, study) in of("hospital-b").take(3).enumerate() {
        let grantee = if number == 1 { "reading-centre" } else { "hospital-a" };
        services.share(&at_b, to(study, Some(grantee))).await?;
    }
    let film =
        study_of(network, |study| study.member == "hospital-a" && study.kind == ExamKind::ChestRadiograph)?;
    let link = services.share(&at_a, to(film, None)).await?.token;
    contradict(services, network, chest).await?;
    look(services, network, chest).await?;
    Ok((share, link))
}

/// Objects that contradict what is here: one that came again with another picture, and one under somebody else's study.
async fn contradict(
    services: &Services,
    network: &SampleNetwork,
    chest: &Arc<synth::Study>,
) -> Result<(), Fault> {
    for id in ["hospital-a", "hospital-b"] {
        let device = caller(member(network, id)?, Role::Device, "sample", "import");
        let own = |study: &&Arc<synth::Study>| study.member == id;
        let changed = network.studies.iter().filter(own).find(|study| study.person != 0);
        let other = network.people.iter().rev().find(|person| person.member == id);
        let (services, chest, changed, other) =
            (services.clone(), chest.clone(), changed.cloned(), other.cloned());
        tokio::task::spawn_blocking(move || {
            if let Some(study) = &changed {
                let mut object = study.instance(0);
                let half = object.len() - object.len() / 8;
                object[half..].iter_mut().for_each(|byte| *byte = !*byte & 0x0f);
                services.import_dicom(&device, &object[..])?;
            }
            if let Some(person) = other.filter(|person| person.member == chest.member) {
                let image =
                    synth::single_frame(7, synth::SmallImage::Radiograph, &person.facts(), &chest.facts);
                services.import_dicom(&device, &image[..])?;
            }
            Ok::<_, Fault>(())
        })
        .await
        .map_err(Fault::internal)??;
    }
    Ok(())
}

/// A few looks, allowed and refused, so that the audit log has something to tell.
async fn look(services: &Services, network: &SampleNetwork, chest: &Arc<synth::Study>) -> Result<(), Fault> {
    let (a, b) = (member(network, "hospital-a")?, member(network, "hospital-b")?);
    let reading = member(network, "reading-centre")?;
    for (number, person) in network.people.iter().filter(|person| person.member == a.id).take(4).enumerate() {
        let id = patient_id(services, a, person).await?;
        let who = if number % 2 == 0 { "clinician.a" } else { "radiologist.a" };
        services.read(&caller(a, Role::Clinician, who, "app"), patient_kind()?, &id).await?;
        let pairs = vec![("patient".to_owned(), id.clone())];
        let asked = caller(a, Role::Clinician, who, "fhir");
        services.search(&asked, kind_of("Observation")?, pairs.clone(), "", false).await?;
        // Refused: another member's patient, and a registrar who asks for findings.
        let stranger = caller(b, Role::Clinician, "clinician.b", "fhir");
        refused(services.read(&stranger, patient_kind()?, &id).await)?;
        let registrar = caller(a, Role::Registrar, "registrar.a", "app");
        refused(services.search(&registrar, kind_of("Observation")?, pairs, "", false).await)?;
    }
    for (member, login) in [(b, "clinician.b"), (reading, "radiologist.reading")] {
        let asked = caller(member, Role::Radiologist, login, "app");
        let pairs = vec![("identifier".to_owned(), format!("urn:oid:{}", chest.facts.study_uid))];
        services.search(&asked, kind_of("ImagingStudy")?, pairs, "", false).await?;
    }
    Ok(())
}

/// A refusal was to be; anything else that went wrong is told.
fn refused<T>(outcome: Result<T, Fault>) -> Result<(), Fault> {
    match outcome {
        Err(fault) if fault.kind.meaning().http >= 500 => Err(fault),
        _ => Ok(()),
    }
}
