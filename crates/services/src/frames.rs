//! Objects and pixels on their way out: instances as stored or transcoded, frames, bulk data, rendered pictures
//! (PS3.18 §10.4).
//!
//! A frame is one range read, found by the offsets that were written at ingest. What leaves is a plan of steps
//! ([`Parts`]), run a megabyte or a frame at a time as the client takes it.

mod choice;
mod outflow;
mod picture;
mod source;
mod state;
mod transcode;
mod work;

pub use choice::Acceptable;
pub use lenticular_codecs::render::{Viewport, Window, WindowFunction};
pub use outflow::{Event, Parts};
pub(crate) use source::Opened;
pub(crate) use state::ImagingState;
pub use work::Rendering;

use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::studies::{Instances, Place};
use bytes::Bytes;
use choice::{FrameForm, frame_form, object_form};
use lenticular_base::{Fault, FaultKind, Kind};
use lenticular_codecs::{Support, support};
use lenticular_dicom::dataset::{DataSet, Element, Value};
use lenticular_dicom::pixels::PixelLayout;
use lenticular_dicom::tag::{TagPath, tags};
use lenticular_policy::Action;
use lenticular_store::Record;
use outflow::{Build, More, Part, Step};
use std::collections::VecDeque;
use std::sync::Arc;
use work::{Making, Work};

/// Frames that one request may name.
pub const FRAMES_AT_ONCE: usize = 10_000;

/// Parts, and the rows they are about.
type Started = (Parts, Vec<Record>);

impl Services {
    /// The objects of a place, each a part.
    pub async fn retrieve(
        &self,
        caller: &Caller,
        place: Place,
        acceptable: Vec<Acceptable>,
    ) -> Result<Parts, Fault> {
        let access = Access::of('R', "retrieve", place.level(), place.uid());
        let outcome = self.walk(caller, place, move |_, rows| {
            let mut chosen = None;
            for row in rows {
                let opened = Opened::of(row)?;
                let (at, _) = object_form(&opened.transfer_syntax, opened.layout.is_some(), &acceptable)
                    .ok_or_else(|| not_acceptable(&opened))?;
                chosen.get_or_insert(at);
            }
            let build: Build = Arc::new(move |services, row| {
                let opened = Opened::of(row)?;
                let form = object_form(&opened.transfer_syntax, opened.layout.is_some(), &acceptable);
                let (_, form) = form.ok_or_else(|| not_acceptable(&opened))?;
                transcode::part(services, opened, form).map(Some)
            });
            Ok((chosen.unwrap_or(0), build))
        });
        let (access, outcome) = match outcome.await {
            Ok((parts, rows)) => (access.showing(&rows), Ok(parts)),
            Err(fault) => (access, Err(fault)),
        };
        self.audited(caller, access, outcome).await
    }

    /// Frames of an instance, each a part; numbers count from 1.
    pub async fn frames(
        &self,
        caller: &Caller,
        place: Place,
        numbers: Vec<u32>,
        acceptable: Vec<Acceptable>,
    ) -> Result<Parts, Fault> {
        let study = place.study.clone();
        let instance = place.uid().to_owned();
        let outcome = self
            .one(caller, place, move |services, opened| frame_parts(services, opened, &numbers, &acceptable))
            .await;
        self.viewed(caller, "retrieve-frames", &study, &instance, outcome).await
    }

    /// The value of one attribute that metadata names by a link.
    pub async fn bulk_data(
        &self,
        caller: &Caller,
        place: Place,
        path: TagPath,
        acceptable: Vec<Acceptable>,
    ) -> Result<Parts, Fault> {
        let study = place.study.clone();
        let instance = place.uid().to_owned();
        let outcome = self
            .one(caller, place, move |services, opened| bulk_parts(services, opened, &path, &acceptable))
            .await;
        self.viewed(caller, "retrieve-bulkdata", &study, &instance, outcome).await
    }

    /// Pictures of frames of an instance, or of the first frame of each image of a series or study.
    pub async fn rendered(
        &self,
        caller: &Caller,
        place: Place,
        numbers: Vec<u32>,
        rendering: Rendering,
    ) -> Result<Parts, Fault> {
        let study = place.study.clone();
        let entity = place.uid().to_owned();
        let outcome = if place.instance.is_some() {
            self.one(caller, place, move |services, opened| {
                let count = opened.frame_count();
                if count == 0 {
                    return Err(no_picture());
                }
                check_numbers(&numbers, count)?;
                let media = media_of(&rendering);
                let work = Arc::new(Work::new(services, opened, Making::Picture(rendering))?);
                let parts = numbers.iter().map(|number| Part::frame(&work, media, *number)).collect();
                Parts::start(services, 0, parts, None)
            })
            .await
        } else {
            self.walk(caller, place, move |_, _| Ok((0, pictures(rendering)))).await
        };
        self.viewed(caller, "retrieve-rendered", &study, &entity, outcome).await
    }

    /// One small picture that stands for a place: of the image in the middle of what is read first.
    pub async fn thumbnail(
        &self,
        caller: &Caller,
        place: Place,
        rendering: Rendering,
    ) -> Result<Parts, Fault> {
        let study = place.study.clone();
        let entity = place.uid().to_owned();
        let scope = self.authorise(caller, Action::Read, Some(Kind::INSTANCE));
        let org = caller.principal.org;
        let outcome = match scope {
            Err(fault) => Err(fault),
            Ok(scope) => {
                self.blocking(move |services| {
                    let mut instances = Instances::of(place, scope, org)?;
                    let rows = instances.page(services)?;
                    if rows.is_empty() {
                        return Err(Fault::not_found());
                    }
                    let build = pictures(rendering);
                    // From the middle on, then from the beginning.
                    let (before, after) = rows.split_at(rows.len() / 2);
                    for row in after.iter().chain(before) {
                        if let Some(part) = build(services, row)? {
                            let parts = Parts::start(services, 0, VecDeque::from([part]), None)?;
                            return Ok((parts, vec![row.clone()]));
                        }
                    }
                    Err(no_picture())
                })
                .await
            }
        };
        self.viewed(caller, "retrieve-thumbnail", &study, &entity, outcome).await
    }

    /// Opens one instance and starts what `make` plans of it.
    async fn one<F>(&self, caller: &Caller, place: Place, make: F) -> Result<Started, Fault>
    where
        F: FnOnce(&Services, Opened) -> Result<Parts, Fault> + Send + 'static,
    {
        let scope = self.authorise(caller, Action::Read, Some(Kind::INSTANCE))?;
        let mut instances = Instances::of(place, scope, caller.principal.org)?;
        self.blocking(move |services| {
            let rows = instances.page(services)?;
            let row = rows.first().ok_or_else(Fault::not_found)?;
            let parts = make(services, Opened::of(row)?)?;
            Ok((parts, rows))
        })
        .await
    }

    /// Walks through the instances of a place; `choose` sees the first of them and says how a part is made.
    async fn walk<F>(&self, caller: &Caller, place: Place, choose: F) -> Result<Started, Fault>
    where
        F: FnOnce(&Services, &[Record]) -> Result<(usize, Build), Fault> + Send + 'static,
    {
        let scope = self.authorise(caller, Action::Read, Some(Kind::INSTANCE))?;
        let mut instances = Instances::of(place, scope, caller.principal.org)?;
        self.blocking(move |services| {
            let rows = instances.page(services)?;
            if rows.is_empty() {
                return Err(Fault::not_found());
            }
            let (chosen, build) = choose(services, &rows)?;
            let mut shown = instances.studies(services)?;
            shown.extend_from_slice(&rows);
            let more = More { instances, rows: rows.into(), build };
            let parts = Parts::start(services, chosen, VecDeque::new(), Some(more))?;
            if parts.is_empty() {
                return Err(no_picture());
            }
            Ok((parts, shown))
        })
        .await
    }

    /// Audits a view of pixels: once in ten minutes for each viewer and study, and each refusal.
    async fn viewed(
        &self,
        caller: &Caller,
        interaction: &str,
        study: &str,
        entity: &str,
        outcome: Result<Started, Fault>,
    ) -> Result<Parts, Fault> {
        match outcome {
            Ok((parts, rows)) => {
                self.audit_viewing(caller, interaction, study, &rows).await?;
                Ok(parts)
            }
            Err(fault) => {
                self.end_viewing(caller, study);
                self.audited(caller, Access::of('R', interaction, "Instance", entity), Err(fault)).await
            }
        }
    }
}

/// A JPEG of the first frame of the object that a row holds, whatever its kind. Blocks.
pub(crate) fn first_picture(services: &Services, row: &Record, rendering: Rendering) -> Result<Bytes, Fault> {
    let opened = Opened::of(row)?;
    if opened.frame_count() == 0 {
        return Err(no_picture());
    }
    Work::new(services, opened, Making::Picture(rendering))?.make(services, 1)
}

fn frame_parts(
    services: &Services,
    opened: Opened,
    numbers: &[u32],
    acceptable: &[Acceptable],
) -> Result<Parts, Fault> {
    check_numbers(numbers, opened.frame_count())?;
    let (chosen, form) = frame_form(&opened.transfer_syntax, opened.is_native(), acceptable)
        .ok_or_else(|| not_acceptable(&opened))?;
    let syntax = &opened.transfer_syntax;
    let (making, media) = match form {
        FrameForm::Stored { media } => (Making::Stored, format!("{media}; transfer-syntax={syntax}")),
        FrameForm::Native => {
            (Making::Native, format!("application/octet-stream; transfer-syntax={}", choice::EXPLICIT))
        }
        FrameForm::Jpeg => (Making::Jpeg, format!("image/jpeg; transfer-syntax={}", choice::BASELINE)),
    };
    let work = Arc::new(Work::new(services, opened, making)?);
    let parts = numbers.iter().map(|number| Part::frame(&work, media.clone(), *number)).collect();
    Parts::start(services, chosen, parts, None)
}

fn check_numbers(numbers: &[u32], count: u32) -> Result<(), Fault> {
    match numbers.iter().all(|number| (1..=count).contains(number)) {
        true => Ok(()),
        false => Err(Fault::not_found()),
    }
}

fn bulk_parts(
    services: &Services,
    opened: Opened,
    path: &TagPath,
    acceptable: &[Acceptable],
) -> Result<Parts, Fault> {
    let pixels = path.items.is_empty()
        && matches!(path.tag, tags::PIXEL_DATA | tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA);
    if pixels && matches!(opened.layout, Some(PixelLayout::Encapsulated(_))) {
        // PS3.18 §10.4.1.1.5: compressed pixel data leaves frame by frame.
        let numbers: Vec<u32> = (1..=opened.frame_count()).collect();
        return frame_parts(services, opened, &numbers, acceptable);
    }
    let octets = "application/octet-stream";
    let chosen = acceptable.iter().position(|one| one.holds(octets)).ok_or_else(|| {
        Fault::new(
            FaultKind::NotAcceptable,
            "media-type",
            "Bulk data is served as application/octet-stream here.",
        )
    })?;
    let location = format!("{}/bulkdata/{path}", opened.path);
    let source = opened.source(services)?;
    let step = match &opened.layout {
        Some(PixelLayout::Native { offset, length, .. }) if pixels => {
            Step::Copy { source, offset: *offset, length: *length, unit: opened.unit() }
        }
        _ => {
            let scanned = opened.scan(services)?;
            let element = element_at(&scanned.header, path).ok_or_else(Fault::not_found)?;
            match &element.value {
                Value::Bytes(bytes) => Step::Bytes(bytes.to_vec().into()),
                Value::Items(_) => return Err(Fault::not_found()),
                Value::Bulk(bulk) => Step::Copy {
                    source,
                    offset: bulk.offset,
                    length: bulk.length,
                    unit: if scanned.encoding.big_endian { element.vr.unit() } else { 1 },
                },
            }
        }
    };
    Parts::start(services, chosen, VecDeque::from([Part::new(octets, location, [step])]), None)
}

fn element_at<'a>(header: &'a DataSet, path: &TagPath) -> Option<&'a Element> {
    let mut dataset = header;
    for (sequence, item) in &path.items {
        dataset = dataset.items(*sequence).get(*item as usize)?;
    }
    dataset.get(path.tag)
}

fn media_of(rendering: &Rendering) -> &'static str {
    if rendering.png { "image/png" } else { "image/jpeg" }
}

/// Pictures of the first frames of images; what is no image, or cannot be decoded, is passed over.
fn pictures(rendering: Rendering) -> Build {
    Arc::new(move |services, row| {
        let opened = Opened::of(row)?;
        if opened.frame_count() == 0
            || (!opened.is_native() && support(&opened.transfer_syntax) == Support::Unsupported)
        {
            return Ok(None);
        }
        let work = Arc::new(Work::new(services, opened, Making::Picture(rendering.clone()))?);
        match work.make(services, 1) {
            Ok(bytes) => {
                let location = format!("{}/rendered", work.opened.path);
                Ok(Some(Part::new(media_of(&rendering), location, [Step::Bytes(bytes)])))
            }
            Err(fault) if fault.kind == FaultKind::NotAcceptable => Ok(None),
            Err(fault) => Err(fault),
        }
    })
}

fn no_picture() -> Fault {
    Fault::new(FaultKind::NotAcceptable, "no-picture", "There is no picture in it that can be shown.")
}

fn not_acceptable(opened: &Opened) -> Fault {
    Fault::new(
        FaultKind::NotAcceptable,
        "transfer-syntax",
        format!(
            "The object is stored in transfer syntax {} and cannot be given in a form that was asked for; \
             transfer-syntax=* gives it as it is stored.",
            opened.transfer_syntax
        ),
    )
}
