//! Taking in a DICOM object: its bytes stream to a blob while its header is read; then one commit writes the instance,
//! its series and study, the patient where there was none, and the ImagingStudy.
//!
//! Nothing is refused at the modality's door for who it is about: an object that contradicts what is here is kept as
//! non-primary and waits in the tray.

mod imaging_study;
mod patient;
mod rows;
mod sameness;
mod waiting;

use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::instance_body::{Deflated, InstanceBody};
use lenticular_base::{Fault, FaultKind};
use lenticular_dicom::dataset::DataSet;
use lenticular_dicom::file_meta::{FileMetaFields, write_file_meta};
use lenticular_dicom::json;
use lenticular_dicom::read::{Limits, ReadError, Scanned, Scanner};
use lenticular_dicom::tag::tags;
use lenticular_policy::Action;
use lenticular_store::{BlobRef, BlobWriter, Packing};
pub use rows::Verdict;
use rows::{Arrived, Taken};
pub(crate) use rows::{entries_of, made_anew};
pub(crate) use waiting::Waiting;

/// How an object arrives.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// By C-STORE: the data set alone.
    Dataset { transfer_syntax: String, sop_class: String, sop_instance: String, source_ae: String },
    /// As a file: by STOW-RS or import.
    File,
}

/// What became of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    pub sop_class: String,
    pub sop_instance: String,
    pub series: String,
    pub study: String,
    pub disposition: Disposition,
}

/// Where an object went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposition {
    /// New, and primary.
    Stored,
    /// The same object was here already; nothing was written.
    Duplicate,
    /// It contradicts what is here; it waits in the tray.
    Conflict,
}

/// One object on its way in. Dropped before [`Ingest::finish`], nothing of it stays.
pub struct Ingest {
    services: Services,
    caller: Caller,
    arrival: Arrival,
    scanner: Scanner,
    writer: Box<dyn BlobWriter>,
}

impl Services {
    /// Begins to take an object in.
    pub fn begin_ingest(&self, caller: Caller, arrival: Arrival) -> Result<Ingest, Fault> {
        self.authorise(&caller, Action::Store, None)?;
        let limits = Limits::default();
        let mut writer = self.store.blobs.begin()?;
        let scanner = match &arrival {
            Arrival::Dataset { transfer_syntax, sop_class, sop_instance, source_ae } => {
                let head = write_file_meta(FileMetaFields {
                    sop_class,
                    sop_instance,
                    transfer_syntax,
                    source_ae_title: Some(source_ae),
                });
                writer.write(&head)?;
                Scanner::for_dataset(transfer_syntax, limits).starting_at(head.len() as u64)
            }
            Arrival::File => Scanner::for_file(limits),
        };
        Ok(Ingest { services: self.clone(), caller, arrival, scanner, writer })
    }
}

impl Ingest {
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let limit = self.services.settings.object_limit;
        if self.writer.length() + bytes.len() as u64 > limit {
            return Err(Fault::new(
                FaultKind::TooLarge,
                "object-limit",
                format!(
                    "The object is larger than {limit} bytes (setting limits.object); nothing of it was kept."
                ),
            ));
        }
        self.scanner.push(bytes).map_err(|e| unreadable(&e))?;
        self.writer.write(bytes)
    }

    /// Commits the object; returns when it is durable. Blocks.
    pub fn finish(self) -> Result<Stored, Fault> {
        let (services, caller) = (self.services.clone(), self.caller.clone());
        let outcome = self.commit();
        let (entity, patient) = match &outcome {
            Ok((stored, patient)) => (stored.sop_instance.clone(), patient.clone()),
            Err(_) => (String::new(), None),
        };
        let access = Access::of('C', "store", "Instance", &entity).patient(patient);
        let code = match &outcome {
            Ok(_) => 0,
            Err(fault) if fault.kind.meaning().http < 500 => 4,
            Err(_) => 8,
        };
        services.record_access_blocking(&caller, access, code)?;
        outcome.map(|(stored, _)| stored)
    }

    fn commit(self) -> Result<Taken, Fault> {
        let scanned = self.scanner.finish().map_err(|e| unreadable(&e))?;
        let identity = Identity::of(&scanned.header)?;
        if let Arrival::Dataset { sop_class, sop_instance, .. } = &self.arrival
            && (*sop_instance != identity.instance || *sop_class != identity.sop_class)
        {
            // Kept as it came: what the data set calls itself is what it is found by, as with a file.
            tracing::warn!(command = %sop_instance, data_set = %identity.instance, "a C-STORE command names another object");
        }
        let services = self.services;
        let blob = self.writer.finish()?;
        let mut finished = Finished { services: services.clone(), blob, named: false };
        let body = describe(&services, &scanned, &identity, blob)?;
        let org = self.caller.principal.org;
        let same_as = services.same_object(org, &identity.instance, &blob, &scanned)?;
        let arrived =
            Arrived::new(&services, org, scanned.header, identity, body, scanned.dataset_offset, same_as)?;
        let committed = services.commit_blocking(self.caller.author(), vec![blob], {
            let services = services.clone();
            move |view, _| arrived.decide(&services, view)
        })?;
        finished.named = !committed.versions.is_empty();
        Ok(committed.answer)
    }
}

/// A blob that is given up again unless a commit has named it.
struct Finished {
    services: Services,
    blob: BlobRef,
    named: bool,
}

impl Drop for Finished {
    fn drop(&mut self) {
        if !self.named {
            self.services.store.blobs.forget(&self.blob);
        }
    }
}

/// The UIDs that name an object.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub sop_class: String,
    pub instance: String,
    pub series: String,
    pub study: String,
}

impl Identity {
    fn of(header: &DataSet) -> Result<Identity, Fault> {
        let uid = |tag, name: &str| {
            let value = header.plain(tag).map(|uid| uid.into_owned()).unwrap_or_default();
            let fits =
                (1..=64).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            if fits {
                return Ok(value);
            }
            Err(Fault::new(
                FaultKind::Unprocessable,
                "uid",
                format!("{name} is missing or no UID (PS3.5 §9.1); nothing was kept."),
            ))
        };
        Ok(Identity {
            sop_class: uid(tags::SOP_CLASS_UID, "SOP Class UID (0008,0016)")?,
            instance: uid(tags::SOP_INSTANCE_UID, "SOP Instance UID (0008,0018)")?,
            series: uid(tags::SERIES_INSTANCE_UID, "Series Instance UID (0020,000E)")?,
            study: uid(tags::STUDY_INSTANCE_UID, "Study Instance UID (0020,000D)")?,
        })
    }
}

fn unreadable(error: &ReadError) -> Fault {
    let kind = match error {
        ReadError::Limit { .. } => FaultKind::TooLarge,
        _ => FaultKind::Invalid,
    };
    Fault::new(kind, "data-set", format!("The object cannot be read: {error}; nothing of it was kept."))
}

/// Everything that is written of an instance but its place in the store.
fn describe(
    services: &Services,
    scanned: &Scanned,
    identity: &Identity,
    blob: BlobRef,
) -> Result<InstanceBody, Fault> {
    let base = services.settings.public_url.as_deref().unwrap_or("");
    let root = format!(
        "{base}/dicom-web/studies/{}/series/{}/instances/{}",
        identity.study, identity.series, identity.instance
    );
    let mut header = scanned.header.clone();
    json::with_available_transfer_syntax(&mut header, &scanned.transfer_syntax);
    let mut metadata = String::with_capacity(4096);
    json::write_json(&header, &mut |path| Some(format!("{root}/bulkdata/{path}")), &mut metadata);
    let mut row = lenticular_dicom::attributes::instance_attributes(&scanned.header);
    json::with_available_transfer_syntax(&mut row, &scanned.transfer_syntax);
    Ok(InstanceBody {
        blob,
        transfer_syntax: scanned.transfer_syntax.clone(),
        conflict: String::new(),
        attributes: json::to_json(&row),
        layout: scanned
            .pixels
            .as_ref()
            .map(lenticular_dicom::pixels::PixelLayout::encode)
            .unwrap_or_default(),
        metadata: Deflated::of(metadata.as_bytes())?,
    })
}

impl Services {
    /// Packs a row that is compressed already.
    pub(crate) fn pack_raw(&self, bytes: &[u8]) -> lenticular_store::PackedBody {
        self.store.reader.pack(lenticular_base::Kind::INSTANCE, bytes, Packing::Raw)
    }
}
