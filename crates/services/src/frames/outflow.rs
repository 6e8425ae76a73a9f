//! Bytes on their way out, part by part: read or made when they are asked for, a megabyte or a frame at a time.

use super::source::{CHUNK, Opened, Source, turn};
use super::work::{Making, Work};
use crate::Services;
use crate::studies::Instances;
use bytes::Bytes;
use lenticular_base::Fault;
use lenticular_dicom::file_meta::sanitize_preamble;
use lenticular_store::Record;
use std::collections::VecDeque;
use std::sync::Arc;

/// What comes next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A part begins.
    Part {
        /// The value of its Content-Type.
        media: String,
        /// Where it is retrieved alone, relative to the root of DICOMweb.
        location: String,
    },
    Bytes(Bytes),
}

/// One stretch of a part.
pub(crate) enum Step {
    Bytes(Bytes),
    Copy {
        source: Source,
        offset: u64,
        length: u64,
        /// Bytes that are turned round together.
        unit: usize,
    },
    Frame {
        work: Arc<Work>,
        number: u32,
    },
}

impl Step {
    /// A whole object as it is stored.
    pub fn object(opened: &Opened) -> Step {
        Step::Copy { source: Source::Blob(opened.blob), offset: 0, length: opened.blob.length, unit: 1 }
    }

    /// Its next bytes, and what is left of it. Blocks.
    pub fn run(self, services: &Services) -> Result<(Bytes, Option<Step>), Fault> {
        match self {
            Step::Bytes(bytes) => Ok((bytes, None)),
            Step::Frame { work, number } => Ok((work.make(services, number)?, None)),
            Step::Copy { source, offset, length, unit } => {
                let some = length.min(CHUNK);
                let mut bytes = source.read(services, offset, some)?;
                if unit > 1 {
                    let mut turned = bytes.to_vec();
                    turn(&mut turned, unit);
                    bytes = turned.into();
                }
                if offset == 0 {
                    bytes = sanitized(bytes);
                }
                let rest = (some < length).then_some(Step::Copy {
                    source,
                    offset: offset + some,
                    length: length - some,
                    unit,
                });
                Ok((bytes, rest))
            }
        }
    }
}

/// The beginning of a file without a preamble that could pass for a program.
fn sanitized(bytes: Bytes) -> Bytes {
    if bytes.get(128..132) != Some(b"DICM") || bytes[..128].iter().all(|byte| *byte == 0) {
        return bytes;
    }
    let mut bytes = bytes.to_vec();
    if let Some(preamble) = bytes.first_chunk_mut::<128>() {
        sanitize_preamble(preamble);
    }
    bytes.into()
}

/// One part.
pub(crate) struct Part {
    pub media: String,
    pub location: String,
    pub steps: VecDeque<Step>,
}

impl Part {
    pub fn new(
        media: impl Into<String>,
        location: impl Into<String>,
        steps: impl IntoIterator<Item = Step>,
    ) -> Part {
        Part { media: media.into(), location: location.into(), steps: steps.into_iter().collect() }
    }

    /// One frame.
    pub fn frame(work: &Arc<Work>, media: impl Into<String>, number: u32) -> Part {
        let location = format!("{}/frames/{number}", work.opened.path);
        let range = match (&work.making, work.opened.unit()) {
            // Plain samples are copied; nothing is held.
            (Making::Native, 1) if work.opened.is_native() => {
                let layout = work.opened.layout.as_ref();
                layout.and_then(|layout| layout.frame(number, work.opened.geometry.as_ref()))
            }
            _ => None,
        };
        let step = match range.as_ref().filter(|found| !found.is_packed()).map(|found| &found.ranges[..]) {
            Some([range]) => Step::Copy {
                source: work.source.clone(),
                offset: range.offset,
                length: range.length,
                unit: 1,
            },
            _ => Step::Frame { work: work.clone(), number },
        };
        Part::new(media, location, [step])
    }
}

/// Makes the part of an instance; `None` where there is nothing of it to show.
pub(crate) type Build = Arc<dyn Fn(&Services, &Record) -> Result<Option<Part>, Fault> + Send + Sync>;

/// The instances behind the parts that were made already.
pub(crate) struct More {
    pub instances: Instances,
    pub rows: VecDeque<Record>,
    pub build: Build,
}

impl More {
    /// The next part; `None` where there is none left. Blocks.
    pub fn next(&mut self, services: &Services) -> Result<Option<Part>, Fault> {
        loop {
            while let Some(row) = self.rows.pop_front() {
                if let Some(part) = (self.build)(services, &row)? {
                    return Ok(Some(part));
                }
            }
            self.rows = self.instances.page(services)?.into();
            if self.rows.is_empty() {
                return Ok(None);
            }
        }
    }
}

/// Parts on their way out.
pub struct Parts {
    services: Services,
    /// Which of the acceptable forms it is.
    pub chosen: usize,
    ready: VecDeque<Event>,
    steps: VecDeque<Step>,
    queue: VecDeque<Part>,
    more: Option<More>,
}

impl Parts {
    /// Parts, the first bytes of which are made already: what fails at once fails before anything is answered. Blocks.
    pub(crate) fn start(
        services: &Services,
        chosen: usize,
        queue: VecDeque<Part>,
        more: Option<More>,
    ) -> Result<Parts, Fault> {
        let mut parts = Parts {
            services: services.clone(),
            chosen,
            ready: VecDeque::new(),
            steps: VecDeque::new(),
            queue,
            more,
        };
        while let Some(event) = parts.advance(services)? {
            let is_bytes = matches!(event, Event::Bytes(_));
            parts.ready.push_back(event);
            if is_bytes {
                break;
            }
        }
        Ok(parts)
    }

    /// What comes next; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Event, Fault>> {
        if let Some(event) = self.ready.pop_front() {
            return Some(Ok(event));
        }
        if self.is_done() {
            return None;
        }
        let mut rest = Parts {
            services: self.services.clone(),
            chosen: self.chosen,
            ready: VecDeque::new(),
            steps: std::mem::take(&mut self.steps),
            queue: std::mem::take(&mut self.queue),
            more: self.more.take(),
        };
        let outcome = self
            .services
            .blocking(move |services| {
                let event = rest.advance(services)?;
                Ok((event, rest))
            })
            .await;
        match outcome {
            Ok((event, rest)) => {
                *self = rest;
                event.map(Ok)
            }
            Err(fault) => Some(Err(fault)),
        }
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.ready.is_empty() && self.steps.is_empty() && self.queue.is_empty() && self.more.is_none()
    }

    /// Whether there was nothing to show at all, straight after [`Parts::start`].
    pub(crate) fn is_empty(&self) -> bool {
        self.is_done()
    }

    fn advance(&mut self, services: &Services) -> Result<Option<Event>, Fault> {
        loop {
            if let Some(step) = self.steps.pop_front() {
                let (bytes, rest) = step.run(services)?;
                if let Some(rest) = rest {
                    self.steps.push_front(rest);
                }
                if bytes.is_empty() && !self.steps.is_empty() {
                    continue;
                }
                return Ok(Some(Event::Bytes(bytes)));
            }
            if let Some(part) = self.queue.pop_front() {
                self.steps = part.steps;
                return Ok(Some(Event::Part { media: part.media, location: part.location }));
            }
            let Some(more) = &mut self.more else { return Ok(None) };
            match more.next(services)? {
                Some(part) => {
                    self.queue.push_back(part);
                    // Known to be the last: nobody has to ask again.
                    self.more.take_if(|more| more.rows.is_empty() && more.instances.is_done());
                }
                None => self.more = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preamble_that_is_a_program_is_cleared() {
        let mut file = vec![0; 140];
        file[..2].copy_from_slice(b"MZ");
        file[128..132].copy_from_slice(b"DICM");
        let out = sanitized(file.clone().into());
        assert_eq!((&out[..2], &out[128..]), (&[0, 0][..], &file[128..]));
        file[..4].copy_from_slice(b"II*\0");
        assert_eq!(sanitized(file.clone().into()), file);
        assert_eq!(sanitized(Bytes::from_static(b"MZ no file")), &b"MZ no file"[..]);
    }
}
