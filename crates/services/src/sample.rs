//! Invented people and images, loaded like anybody's: the whole sample network of the demo, or some patients for a member
//! that has just been set up.
//!
//! Loading may be broken off and begun again: a person who is there is left alone, and an image that is there is a duplicate.

use crate::Services;
use crate::access::Caller;
use crate::jobs::Progress;
use crate::network::Member;
use lenticular_base::{Fault, FaultKind, OrgId, OrgNo};
use lenticular_policy::{Principal, Purpose, Role};
use lenticular_synth as synth;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;

/// The seed of everything that is loaded here.
pub const SEED: u64 = 1;

/// How much of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SampleSize {
    /// Two dozen patients, with a chest CT among their images.
    Small,
    /// All patients of one hospital of the sample network.
    Whole,
}

/// People who are written at one time, and threads that store images: both wait for the disk most of the time.
const AT_ONCE: usize = 8;

/// The sample network, loaded.
#[derive(Clone, Debug)]
pub struct SampleNetwork {
    pub members: Vec<Member>,
    pub people: Vec<synth::Person>,
    pub studies: Vec<Arc<synth::Study>>,
}

impl SampleNetwork {
    /// The member of that id.
    pub fn member(&self, id: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }
}

/// The number of the member that the sample's member of that id is loaded into.
type Belongs = dyn Fn(&str) -> Option<i64> + Send + Sync;

/// Who a load is written by.
fn loader(org: i64, role: Role) -> Caller {
    Caller {
        principal: Principal::new(OrgNo(org), role, "sample"),
        purpose: Purpose::Treat,
        way: "import",
        asked: None,
    }
}

impl Services {
    /// Loads invented patients and images into one member, in the background; gives the id of the job.
    ///
    /// # Errors
    /// `Conflict` where that is under way already.
    pub async fn load_sample(&self, member: &Member, size: SampleSize) -> Result<String, Fault> {
        let progress = self.begin_job("sample", OrgNo(member.no))?;
        let id = progress.id().to_owned();
        let (services, member) = (self.clone(), member.clone());
        tokio::spawn(async move {
            let outcome = services.load_member(&member, size, &progress).await;
            if let Err(fault) = &outcome {
                tracing::warn!(code = fault.code, source = ?fault.source, "the sample was not loaded to its end");
            }
            progress.end(&outcome);
        });
        Ok(id)
    }

    async fn load_member(&self, member: &Member, size: SampleSize, progress: &Progress) -> Result<(), Fault> {
        let today = self.sample_today();
        // Names as they are common where the member is.
        let home = if member.locale.as_deref() == Some("de") { "hospital-b" } else { "hospital-a" };
        let people = synth::people(SEED, synth::DEMO_PEOPLE, today).filter(|person| person.member == home);
        let people: Vec<synth::Person> = match size {
            SampleSize::Small => people.take(24).collect(),
            SampleSize::Whole => people.collect(),
        };
        let studies: Vec<_> = people.iter().flat_map(synth::Person::studies).map(Arc::new).collect();
        let no = member.no;
        self.load_people(people, studies, Arc::new(move |_| Some(no)), progress).await
    }

    /// Loads the sample network: its members, their devices, people and images. Returns when all of it is there.
    pub async fn load_sample_network(&self) -> Result<SampleNetwork, Fault> {
        let progress = self.begin_job("sample", crate::network::NETWORK)?;
        let outcome = self.load_network(&progress).await;
        progress.end(
            &outcome
                .as_ref()
                .map(|_| ())
                .map_err(|fault| Fault::new(fault.kind, fault.code, fault.public.clone())),
        );
        outcome
    }

    async fn load_network(&self, progress: &Progress) -> Result<SampleNetwork, Fault> {
        let today = self.sample_today();
        let mut members = Vec::new();
        for sample in &synth::network(SEED).members {
            let member = self.add_member(OrgId::parse(sample.id)?, sample.name).await?;
            self.add_device(&member, sample.ae_title, None).await?;
            // Each entry is conditional on its identifier.
            let caller = loader(member.no, Role::Clinician);
            self.transaction(&caller, sample.transaction().into(), "").await?;
            members.push(member);
        }
        let people: Vec<_> = synth::people(SEED, synth::DEMO_PEOPLE, today).collect();
        let studies: Vec<_> = synth::Network::studies(SEED, today).into_iter().map(Arc::new).collect();
        let numbers: Vec<(String, i64)> =
            members.iter().map(|member| (member.id.clone(), member.no)).collect();
        let number = move |id: &str| numbers.iter().find(|(known, _)| known == id).map(|(_, no)| *no);
        self.load_people(people.clone(), studies.clone(), Arc::new(number), progress).await?;
        Ok(SampleNetwork { members, people, studies })
    }

    fn sample_today(&self) -> synth::Date {
        let days = self.now().0.div_euclid(86_400_000);
        synth::Date::from_days(i32::try_from(days).unwrap_or(0))
    }

    /// People first where they have images, so that the images find their patient; then the others beside the images.
    async fn load_people(
        &self,
        people: Vec<synth::Person>,
        studies: Vec<Arc<synth::Study>>,
        member: Arc<Belongs>,
        progress: &Progress,
    ) -> Result<(), Fault> {
        let images: usize = studies.iter().map(|study| study.instances()).sum();
        progress.run((people.len() + images) as u64, "Patients and images");
        let (pictured, others): (Vec<_>, Vec<_>) =
            people.into_iter().partition(|person| !person.exams.is_empty());
        self.write_people(pictured, &member, progress).await?;
        let (services, to, steps) = (self.clone(), member.clone(), progress.clone());
        let storing = tokio::task::spawn_blocking(move || services.store_images(&studies, &*to, &steps));
        let written = self.write_people(others, &member, progress).await;
        storing.await.map_err(Fault::internal)??;
        written
    }

    async fn write_people(
        &self,
        people: Vec<synth::Person>,
        member: &Arc<Belongs>,
        progress: &Progress,
    ) -> Result<(), Fault> {
        let mut under_way = JoinSet::new();
        for person in people {
            while under_way.len() >= AT_ONCE {
                ended(under_way.join_next().await)?;
            }
            let org = member(person.member).ok_or_else(no_member)?;
            let (services, progress) = (self.clone(), progress.clone());
            under_way.spawn(async move {
                services.write_person(&loader(org, Role::Clinician), &person).await?;
                progress.step();
                Ok(())
            });
        }
        while let Some(done) = under_way.join_next().await {
            ended(Some(done))?;
        }
        Ok(())
    }

    /// One transaction, where the person is not there yet.
    async fn write_person(&self, caller: &Caller, person: &synth::Person) -> Result<(), Fault> {
        let patient = lenticular_fhir::kinds::kind("Patient").ok_or_else(|| Fault::internal("no Patient"))?;
        let identifier = format!("{}|{}", person.mrn_system, person.mrn);
        let pairs = vec![("identifier".to_owned(), identifier), ("_count".to_owned(), "1".to_owned())];
        if !self.search(caller, patient, pairs, "", false).await?.matches.is_empty() {
            return Ok(());
        }
        let whole = person.clone();
        let bundle = self.compute(move |_| Ok(whole.transaction())).await?;
        self.transaction(caller, bundle.into(), "").await.map(|_| ())
    }

    /// Stores every instance, several at a time. Blocks.
    fn store_images(
        &self,
        studies: &[Arc<synth::Study>],
        member: &Belongs,
        progress: &Progress,
    ) -> Result<(), Fault> {
        let all: Vec<(&synth::Study, usize)> = studies
            .iter()
            .flat_map(|study| (0..study.instances()).map(move |index| (&**study, index)))
            .collect();
        let next = AtomicUsize::new(0);
        let work = || -> Result<(), Fault> {
            while let Some((study, index)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                let org = member(study.member).ok_or_else(no_member)?;
                self.import_dicom(&loader(org, Role::Device), &study.instance(*index)[..])?;
                progress.step();
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            let ended: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
            ended.into_iter().try_for_each(|outcome| {
                outcome.map_err(|_| Fault::internal("a thread of the load panicked"))?
            })
        })
    }
}

fn ended(done: Option<Result<Result<(), Fault>, tokio::task::JoinError>>) -> Result<(), Fault> {
    done.unwrap_or(Ok(Ok(()))).map_err(Fault::internal)?
}

fn no_member() -> Fault {
    Fault::new(FaultKind::Internal, "sample", "The sample names a member that is not there.")
}
