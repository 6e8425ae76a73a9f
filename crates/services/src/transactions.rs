//! Transactions: a whole Bundle as one commit, or nothing of it (FHIR R4 §3.1.0.11.2). What it writes is bounded by bytes
//! alone, what it reads by a number of entries.
//!
//! Everything that depends on the Bundle alone is done before the writer is asked, on all cores: ids, references, validation,
//! indexes, packing. What depends on the store (conditional interactions and references) is looked up before, and looked
//! up again inside the writer: where the answer has changed meanwhile, the work is done anew.

mod plan;

use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::records::{ATTEMPTS, CHANGED, changed_meanwhile, find_one};
use crate::resources::{Written, WrittenParts, own_org, parse, relocated, written};
use bytes::Bytes;
use lenticular_base::{Fault, FaultKind, OrgNo};
use lenticular_fhir::bundle::{self, BundleKind, Entry, Method};
use lenticular_fhir::kinds;
use lenticular_policy::Action;
use lenticular_store::{View, Write};
use plan::{Lookup, Plan, Step};

/// What one entry came to, in the order of the Bundle.
#[derive(Clone, Debug)]
pub enum EntryOutcome {
    Written(Written),
    /// The version that says so; `None` where there was nothing to delete.
    Deleted(Option<i64>),
    /// To be read when the commit is done: the URL of a GET.
    Read(String),
}

impl Services {
    /// Does a transaction. `base` is the FHIR base of this request.
    pub async fn transaction(
        &self,
        caller: &Caller,
        body: Bytes,
        base: &str,
    ) -> Result<Vec<EntryOutcome>, Fault> {
        let done = self.transaction_or_batch(caller, body, base, |_| Ok(())).await?;
        done.ok_or_else(|| {
            Fault::new(FaultKind::Invalid, "bundle", "A Bundle of type transaction was expected.")
        })
    }

    /// Does a Bundle where it is a transaction, whose entries that read `check` has let through. `None` where it is a
    /// batch: nothing is done then, its entries are requests of their own, which the gateway runs. A Bundle of any kind is
    /// for those who may write.
    pub async fn transaction_or_batch(
        &self,
        caller: &Caller,
        body: Bytes,
        base: &str,
        check: impl Fn(&str) -> Result<(), Fault> + Clone + Send + 'static,
    ) -> Result<Option<Vec<EntryOutcome>>, Fault> {
        let base = base.to_owned();
        self.to_the_end(caller, |services, caller| async move {
            let mut outcome = Err(changed_meanwhile());
            for _ in 0..ATTEMPTS {
                outcome = match services.attempt(&caller, body.clone(), &base, check.clone()).await {
                    Ok(None) => return Ok(None),
                    Ok(Some(done)) => Ok(done),
                    Err(fault) => Err(fault),
                };
                if !matches!(&outcome, Err(fault) if fault.code == CHANGED) {
                    break;
                }
            }
            let mut access = Access::of('C', "transaction", "Bundle", "");
            if let Ok((_, patients)) = &outcome {
                for patient in patients {
                    access = access.patient(Some(patient.clone()));
                }
            }
            services.audited(&caller, access, outcome.map(|(outcomes, _)| Some(outcomes))).await
        })
        .await
    }

    async fn attempt(
        &self,
        caller: &Caller,
        body: Bytes,
        base: &str,
        check: impl Fn(&str) -> Result<(), Fault> + Send + 'static,
    ) -> Result<Option<Done>, Fault> {
        self.authorise(caller, Action::Write, None)?;
        let org = own_org(caller);
        let (who, base) = (caller.clone(), base.to_owned());
        let plan = self
            .compute(move |services| {
                let bundle = bundle::read(parse(&body)?).map_err(Fault::from)?;
                if bundle.kind == BundleKind::Batch {
                    refuse_many(bundle.count, "A batch has", "entries")?;
                    return Ok(None);
                }
                let reads = |entry: &&Entry<'_>| matches!(entry.method, Method::Get | Method::Head);
                refuse_many(
                    bundle.entries.iter().filter(reads).count(),
                    "A transaction has",
                    "entries that read",
                )?;
                for entry in &bundle.entries {
                    let kind = entry.target().and_then(|target| kinds::kind(target.resource_type));
                    let allowed = match entry.method {
                        Method::Get | Method::Head => {
                            check(&entry.url).map_err(|fault| fault.at("request.url"))
                        }
                        _ => services.authorise(&who, Action::Write, kind).map(|_| ()),
                    };
                    allowed.map_err(|fault| at_entry(fault, entry.index))?;
                }
                plan::plan(services, bundle, &who, &base).map(Some)
            })
            .await?;
        let Some(plan) = plan else { return Ok(None) };
        let mut patients = plan.patients();
        let committed =
            self.commit(caller.author(), Vec::new(), move |view, _| apply(view, org, plan)).await?;
        let applied = committed.answer;
        patients.extend(applied.patients);
        let mut versions = vec![1; applied.answers.len()];
        for (entry, version) in applied.order.iter().zip(&committed.versions) {
            versions[*entry] = *version;
        }
        let updated = committed.stamp.time;
        let mut outcomes: Vec<EntryOutcome> = Vec::with_capacity(versions.len());
        for (pending, version) in applied.answers.into_iter().zip(versions) {
            let outcome = match pending {
                Pending::Put(parts, created) => {
                    EntryOutcome::Written(written(&parts, version, updated, created))
                }
                Pending::Existing(written) => EntryOutcome::Written(*written),
                Pending::Deleted(there) => EntryOutcome::Deleted(there.then_some(version)),
                Pending::Same(entry) => outcomes[entry].clone(),
                Pending::Read(url) => EntryOutcome::Read(url),
            };
            outcomes.push(outcome);
        }
        Ok(Some((outcomes, patients)))
    }
}

/// The most entries of a batch, and the most of a transaction that read: what such an entry answers is not bounded by
/// what it asks.
const ENTRIES_LIMIT: usize = 1000;

fn refuse_many(count: usize, has: &str, what: &str) -> Result<(), Fault> {
    if count <= ENTRIES_LIMIT {
        return Ok(());
    }
    let words = format!("{has} at most {ENTRIES_LIMIT} {what}, not {count}; nothing was done. Send several.");
    Err(Fault::new(FaultKind::TooLarge, "bundle-entries", words))
}

/// What the entries came to, and the patients whose records were written or given back.
type Done = (Vec<EntryOutcome>, Vec<String>);

/// What the writer decided about an entry; versions are known only after the commit.
enum Pending {
    Put(WrittenParts, bool),
    Existing(Box<Written>),
    /// Whether there was something to delete.
    Deleted(bool),
    /// The same as an earlier entry.
    Same(usize),
    Read(String),
}

/// The decision about all entries.
struct Applied {
    answers: Vec<Pending>,
    /// For each write the entry that it belongs to.
    order: Vec<usize>,
    /// The patients of what was deleted, and of what was there already.
    patients: Vec<String>,
}

/// Inside the writer: looks up again what was looked up before, then says what to write: deletes, then the rest.
fn apply(view: &dyn View, org: OrgNo, plan: Plan) -> Result<(Vec<Write>, Applied), Fault> {
    for Lookup { query, scope, found } in &plan.lookups {
        let now = find_one(view, org, query)?.filter(|record| scope.permits(&record.columns.borrowed(), &[]));
        let now = now.map(|record| record.id);
        if now != *found {
            return Err(changed_meanwhile());
        }
    }
    let mut answers = Vec::with_capacity(plan.steps.len());
    let mut deletes = Vec::new();
    let mut patients = Vec::new();
    let mut puts = Vec::with_capacity(plan.steps.len());
    for (entry, step) in plan.steps.into_iter().enumerate() {
        let answer = match step {
            Step::Delete { kind, id, precondition } => {
                let current = match &id {
                    Some(id) => view.current(org, kind, id)?.filter(|record| !record.deleted),
                    None => None,
                };
                precondition.check(current.as_ref()).map_err(|fault| at_entry(fault, entry))?;
                let there = current.is_some();
                patients.extend(current.as_ref().and_then(|record| record.columns.patient.clone()));
                deletes.extend(current.map(|record| (entry, Write::Delete { org, kind, id: record.id })));
                Pending::Deleted(there)
            }
            Step::Put { prepared, precondition, fresh } => {
                // A fresh random id has no current version to look for.
                let current = if fresh { None } else { view.current(org, prepared.kind, &prepared.id)? };
                precondition.check(current.as_ref()).map_err(|fault| at_entry(fault, entry))?;
                let created = current.is_none_or(|record| record.deleted);
                let parts = WrittenParts::from(&*prepared);
                puts.push((entry, Write::Put(Box::new(prepared.put(org)))));
                Pending::Put(parts, created)
            }
            Step::Existing { kind, id } => {
                let record = view.current(org, kind, &id)?.ok_or_else(changed_meanwhile)?;
                patients.extend(record.columns.patient.clone());
                Pending::Existing(Box::new(Written::found(record)))
            }
            Step::Same { entry } => Pending::Same(entry),
            Step::Read { url } => Pending::Read(url),
        };
        answers.push(answer);
    }
    let (order, writes) = deletes.into_iter().chain(puts).unzip();
    Ok((writes, Applied { answers, order, patients }))
}

pub(crate) fn at_entry(fault: Fault, index: usize) -> Fault {
    let entry = format!("Bundle.entry[{index}]");
    match &fault.path {
        Some(_) => relocated(fault, |path| format!("{entry}.{path}")),
        None => fault.at(entry),
    }
}
