//! A transaction made ready: every entry has its id, every reference its target, every resource its packed form.

use super::at_entry;
use crate::access::Caller;
use crate::records::{Criteria, several};
use crate::resources::{
    Precondition, Prepared, configured_base, id_in_body, kind_of, make_own_references_relative, own_bases,
    own_org, refuse_server_owned, relocated, short,
};
use crate::{Services, fresh_id};
use lenticular_base::index::Query;
use lenticular_base::text::pairs;
use lenticular_base::tree::{Text, Tree};
use lenticular_base::{Fault, FaultKind, Kind};
use lenticular_fhir::bundle::{Bundle, Entry, Method, absolute};
use lenticular_fhir::kinds;
use lenticular_fhir::reference::{Place, Reference, for_each_reference_mut, parse as parse_reference};
use lenticular_policy::{Action, Scope};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// What will be done with one entry.
pub(super) enum Step {
    Put {
        prepared: Box<Prepared>,
        precondition: Precondition,
        fresh: bool,
    },
    /// `id` is `None` where criteria found nothing.
    Delete {
        kind: Kind,
        id: Option<String>,
        precondition: Precondition,
    },
    /// `ifNoneExist` found this one.
    Existing {
        kind: Kind,
        id: String,
    },
    /// An earlier entry has the same `ifNoneExist`.
    Same {
        entry: usize,
    },
    Read {
        url: String,
    },
}

/// A search whose answer the plan rests on.
pub(super) struct Lookup {
    pub query: Query,
    /// What the caller may read of that kind: a reference is not a way to learn what a search would not show.
    pub scope: Scope,
    pub found: Option<String>,
}

/// All entries, in the order of the Bundle.
pub(super) struct Plan {
    pub lookups: Vec<Lookup>,
    pub steps: Vec<Step>,
}

impl Plan {
    /// The patients that it writes about, each once.
    pub fn patients(&self) -> Vec<String> {
        let prepared = self.steps.iter().filter_map(|step| match step {
            Step::Put { prepared, .. } => prepared.patient.clone(),
            _ => None,
        });
        let unique: HashSet<String> = prepared.collect();
        unique.into_iter().collect()
    }
}

/// What an entry's target became.
enum Target {
    Put { kind: Kind, id: String, precondition: Precondition, fresh: bool },
    Delete { kind: Kind, id: Option<String>, precondition: Precondition },
    Existing { kind: Kind, id: String },
    Same { entry: usize },
    Read { url: String },
}

/// Makes a plan. Looks criteria up in the store; takes nothing from it that the writer will not look up again.
pub(super) fn plan(
    services: &Services,
    bundle: Bundle<'_>,
    caller: &Caller,
    base: &str,
) -> Result<Plan, Fault> {
    let mut finder = Finder { services, caller, base, lookups: Vec::new(), known: HashMap::new() };
    let mut creating = HashMap::new();
    let mut targets = Vec::with_capacity(bundle.entries.len());
    for entry in &bundle.entries {
        let target =
            target(&mut finder, &mut creating, entry).map_err(|fault| at_entry(fault, entry.index))?;
        targets.push(target);
    }
    refuse_meetings(&targets)?;
    let mut names: HashMap<String, String> = HashMap::new();
    for (entry, target) in bundle.entries.iter().zip(&targets) {
        let named = match target {
            Target::Same { entry } => name_of(&targets[*entry]),
            target => name_of(target),
        };
        if let (Some(full_url), Some(name)) = (&entry.full_url, named) {
            names.insert(full_url.clone(), name);
        }
    }
    let mut resources = Vec::with_capacity(targets.len());
    for mut entry in bundle.entries {
        if let Some(resource) = &mut entry.resource {
            collect_conditional(&mut finder, resource).map_err(|fault| at_entry(fault, entry.index))?;
        }
        resources.push((entry.resource, entry.full_url));
    }
    let configured = configured_base(services);
    let known = Known { names, conditional: finder.known, bases: own_bases(configured.as_deref(), base) };
    let steps = resources
        .into_par_iter()
        .zip(targets)
        .enumerate()
        .map(|(entry, ((resource, full_url), target))| {
            step(services, resource, full_url.as_deref(), target, &known)
                .map_err(|fault| at_entry(fault, entry))
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    Ok(Plan { lookups: finder.lookups, steps })
}

fn name_of(target: &Target) -> Option<String> {
    match target {
        Target::Put { kind, id, .. } | Target::Existing { kind, id } => {
            Some(format!("{}/{id}", kinds::name(*kind)))
        }
        _ => None,
    }
}

/// Looks criteria up, each once.
struct Finder<'a> {
    services: &'a Services,
    caller: &'a Caller,
    base: &'a str,
    lookups: Vec<Lookup>,
    /// By `Type?criteria`: the id of what was found.
    known: HashMap<String, Option<String>>,
}

impl Finder<'_> {
    fn find(&mut self, kind: Kind, query_text: &str) -> Result<Option<String>, Fault> {
        let key = format!("{}?{query_text}", kinds::name(kind));
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let criteria = Criteria { pairs: pairs(query_text), base: self.base.to_owned() };
        let query = criteria.query(self.services, kind)?;
        let scope = self.services.authorise(self.caller, Action::Search, Some(kind))?;
        let scope = scope.within_org(own_org(self.caller));
        let mut rows = self.services.store.reader.search(&scope, &query)?.rows;
        if rows.len() > 1 {
            return Err(several());
        }
        let found = rows.pop().map(|record| record.id);
        self.lookups.push(Lookup { query, scope, found: found.clone() });
        self.known.insert(key, found.clone());
        Ok(found)
    }
}

fn target(
    finder: &mut Finder<'_>,
    creating: &mut HashMap<String, usize>,
    entry: &Entry<'_>,
) -> Result<Target, Fault> {
    if matches!(entry.method, Method::Get | Method::Head) {
        return Ok(Target::Read { url: entry.url.clone() });
    }
    let url = entry.target().ok_or_else(|| {
        Fault::new(FaultKind::Invalid, "url", format!("\"{}\" names no resource.", short(&entry.url)))
            .at("request.url")
    })?;
    let kind = kind_of(url.resource_type)?;
    refuse_server_owned(kind)?;
    let precondition = Precondition::of(entry.if_match.as_deref(), entry.if_none_match.as_deref())
        .map_err(|fault| fault.at("request.ifMatch"))?;
    match (entry.method, url.id, url.query) {
        (Method::Post, None, None) => {
            if let Some(text) = &entry.if_none_exist {
                let text = text.split_once('?').map_or(text.as_str(), |(_, query)| query);
                if let Some(id) = finder.find(kind, text)? {
                    return Ok(Target::Existing { kind, id });
                }
                // Two entries with the same criteria are one resource.
                let key = format!("{}?{text}", kinds::name(kind));
                if let Some(first) = creating.get(&key) {
                    return Ok(Target::Same { entry: *first });
                }
                creating.insert(key, entry.index);
            }
            let id = fresh_id()?.as_str().to_owned();
            Ok(Target::Put { kind, id, precondition: Precondition::None, fresh: true })
        }
        (Method::Put, Some(id), None) => {
            finder.services.refuse_foreign_blocking(finder.caller, kind, id)?;
            Ok(Target::Put { kind, id: id.to_owned(), precondition, fresh: false })
        }
        (Method::Put, None, Some(query)) => {
            let own = entry.resource.as_ref().map(id_in_body).transpose()?.flatten();
            let own = own.map(|id| id.as_str().to_owned());
            match (finder.find(kind, query)?, own) {
                (Some(found), Some(own)) if found != own => Err(Fault::new(
                    FaultKind::Invalid,
                    "id",
                    "The body's id is not that of the resource that the criteria find.",
                )),
                (Some(found), _) => Ok(Target::Put { kind, id: found, precondition, fresh: false }),
                (None, Some(own)) => {
                    finder.services.refuse_foreign_blocking(finder.caller, kind, &own)?;
                    // The criteria find nothing: whoever has this id is another resource.
                    precondition.check(None)?;
                    Ok(Target::Put { kind, id: own, precondition: Precondition::Absent, fresh: false })
                }
                (None, None) => {
                    let id = fresh_id()?.as_str().to_owned();
                    Ok(Target::Put { kind, id, precondition, fresh: true })
                }
            }
        }
        (Method::Delete, Some(id), None) => {
            finder.services.refuse_foreign_blocking(finder.caller, kind, id)?;
            Ok(Target::Delete { kind, id: Some(id.to_owned()), precondition })
        }
        (Method::Delete, None, Some(query)) => {
            Ok(Target::Delete { kind, id: finder.find(kind, query)?, precondition })
        }
        (Method::Patch, ..) => Err(Fault::new(
            FaultKind::Unsupported,
            "patch",
            "PATCH is not offered here; PUT the whole resource.",
        )),
        _ => Err(Fault::new(
            FaultKind::Invalid,
            "url",
            format!("{} {} does not go together.", entry.method.name(), short(&entry.url)),
        )
        .at("request.url")),
    }
}

/// One resource may be changed once (FHIR R4 §3.1.0.11.2), also where criteria led to it.
fn refuse_meetings(targets: &[Target]) -> Result<(), Fault> {
    let mut seen: HashMap<(Kind, &str), usize> = HashMap::new();
    for (index, target) in targets.iter().enumerate() {
        let name = match target {
            Target::Put { kind, id, .. } => (*kind, id.as_str()),
            Target::Delete { kind, id: Some(id), .. } => (*kind, id.as_str()),
            _ => continue,
        };
        if let Some(other) = seen.insert(name, index) {
            let words = format!("Entry {other} changes the same resource; a transaction may do so once.");
            return Err(at_entry(Fault::new(FaultKind::Invalid, "bundle", words), index));
        }
    }
    Ok(())
}

/// Looks up every conditional reference of a resource.
fn collect_conditional(finder: &mut Finder<'_>, resource: &mut Tree<'_>) -> Result<(), Fault> {
    let mut failed = None;
    for_each_reference_mut(resource, &mut |place, text| {
        if place != Place::Reference || failed.is_some() || !text.raw().contains('?') {
            return;
        }
        let plain = text.text();
        if let Some(Reference::Conditional { resource_type, query }) = parse_reference(&plain) {
            let found = kind_of(resource_type).and_then(|kind| finder.find(kind, query));
            failed = match found {
                Ok(Some(_)) => None,
                Ok(None) => Some(unresolved(&plain)),
                Err(fault) => Some(fault),
            };
        }
    });
    failed.map_or(Ok(()), Err)
}

fn unresolved(reference: &str) -> Fault {
    Fault::new(
        FaultKind::Invalid,
        "reference",
        format!(
            "The reference \"{}\" names nothing in the Bundle and finds nothing here; nothing was kept.",
            short(reference)
        ),
    )
}

/// What references may stand for.
struct Known<'a> {
    /// By fullUrl: `Type/id` of what the entry became.
    names: HashMap<String, String>,
    /// By `Type?criteria`: the id of what was found.
    conditional: HashMap<String, Option<String>>,
    /// The bases that mean this server.
    bases: Vec<&'a str>,
}

fn step(
    services: &Services,
    resource: Option<Tree<'_>>,
    full_url: Option<&str>,
    target: Target,
    known: &Known<'_>,
) -> Result<Step, Fault> {
    let (kind, id, precondition, fresh) = match target {
        Target::Put { kind, id, precondition, fresh } => (kind, id, precondition, fresh),
        Target::Delete { kind, id, precondition } => return Ok(Step::Delete { kind, id, precondition }),
        Target::Existing { kind, id } => return Ok(Step::Existing { kind, id }),
        Target::Same { entry } => return Ok(Step::Same { entry }),
        Target::Read { url } => return Ok(Step::Read { url }),
    };
    let mut tree =
        resource.ok_or_else(|| Fault::new(FaultKind::Invalid, "bundle", "The request needs a resource."))?;
    if !fresh && id_in_body(&tree)?.is_some_and(|own| own.as_str() != id) {
        return Err(Fault::new(FaultKind::Invalid, "id", format!("The body's id has to be \"{id}\"."))
            .at("resource.id"));
    }
    rewrite(&mut tree, full_url, known)?;
    let prepared = services.prepare(&tree, kind, &id).map_err(in_resource)?;
    Ok(Step::Put { prepared: Box::new(prepared), precondition, fresh })
}

/// `Patient.birthDate` stands at `resource.birthDate` of its entry; each issue is told so.
fn in_resource(fault: Fault) -> Fault {
    relocated(fault, |path| match path.split_once('.') {
        Some((_, rest)) => format!("resource.{rest}"),
        None => "resource".to_owned(),
    })
}

/// Gives every reference within the Bundle, and every conditional one, the id that it stands for; one to this server
/// becomes relative.
fn rewrite(tree: &mut Tree<'_>, full_url: Option<&str>, known: &Known<'_>) -> Result<(), Fault> {
    let mut failed = None;
    for_each_reference_mut(tree, &mut |place, text| {
        let plain = text.text();
        let name = known.names.get(plain.as_ref()).or_else(|| match (place, absolute(full_url, &plain)) {
            (Place::Reference, Cow::Owned(whole)) => known.names.get(&whole),
            _ => None,
        });
        if let Some(name) = name {
            *text = Text::new(name.clone());
            return;
        }
        if place != Place::Reference {
            return;
        }
        match parse_reference(&plain) {
            Some(Reference::Urn(_)) => failed = Some(unresolved(&plain)),
            Some(Reference::Conditional { resource_type, .. }) => {
                let id = known.conditional.get(plain.as_ref()).cloned().flatten();
                match id {
                    Some(id) => *text = Text::new(format!("{resource_type}/{id}")),
                    None => failed = Some(unresolved(&plain)),
                }
            }
            _ => {}
        }
    });
    make_own_references_relative(tree, &known.bases);
    failed.map_or(Ok(()), Err)
}
