//! STOW-RS (PS3.18 §10.5): objects stream in part by part; each is stored or refused by itself.
//!
//! No thread waits for a slow client: bytes are gathered first, and handed to a thread that may wait then. Objects that
//! are complete are committed while the next one arrives, a few at a time.

mod outcome;

use super::accept::Media;
use super::multipart::{Reader, Token};
use super::respond::DICOM_JSON;
use crate::http::{again_later, answer};
use axum::body::{Body, BodyDataStream, Bytes};
use axum::response::Response;
use futures_util::StreamExt;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use lenticular_base::{Fault, FaultKind};
use lenticular_dicom::read::{Limits, Scanner};
use lenticular_dicom::tag::tags;
use lenticular_policy::Action;
use lenticular_services::audit::Access;
use lenticular_services::ingest::{Arrival, Ingest};
use lenticular_services::{Caller, Services};
use outcome::{Named, Outcome};
use std::time::Duration;
use tokio::task::JoinSet;

/// Bytes that are gathered before they are handed on.
const GATHERED: usize = 256 << 10;
/// Objects of one request that are being committed at the same time.
const COMMITTING: usize = 8;
/// Objects in one request.
const OBJECTS: usize = 100_000;

/// Takes in what a request brings; `study` is the one that its URL names.
pub async fn store(
    services: &Services,
    caller: Caller,
    study: Option<String>,
    headers: &HeaderMap,
    body: &mut Option<Body>,
    base: &str,
) -> Result<Response, Fault> {
    check_accept(headers)?;
    let framing = Framing::of(headers)?;
    if let Err(fault) = services.authorise(&caller, Action::Store, None) {
        return services.audited(&caller, Access::of('C', "store", "Instance", ""), Err(fault)).await;
    }
    let body = body.take().unwrap_or_default();
    let outcomes = take_in(services, caller, study.as_deref(), framing, body).await?;
    let (status, json) = outcome::respond(&outcomes, study.as_deref(), base);
    let mut response = answer(status, DICOM_JSON, json.to_string());
    if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::INSUFFICIENT_STORAGE].contains(&status) {
        again_later(response.headers_mut());
    }
    Ok(response)
}

/// The answer is DICOM JSON (PS3.18 §10.5.3); who refuses that alone is told so before anything is stored.
fn check_accept(headers: &HeaderMap) -> Result<(), Fault> {
    let texts: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let accepted = ["application/dicom+json", "application/json", "application/*", "*/*"];
    let takes =
        |text: &&str| text.split(',').any(|one| accepted.contains(&Media::parse(one).essence.as_str()));
    match texts.is_empty() || texts.iter().any(takes) {
        true => Ok(()),
        false => Err(Fault::new(
            FaultKind::NotAcceptable,
            "media-type",
            "What became of each object is told as application/dicom+json; nothing was stored.",
        )),
    }
}

enum Framing {
    /// The body is one object.
    One,
    Multipart(Box<Reader>),
}

impl Framing {
    fn of(headers: &HeaderMap) -> Result<Framing, Fault> {
        let unsupported = || {
            Fault::new(
                FaultKind::UnsupportedMedia,
                "content-type",
                "Objects are stored as multipart/related; type=\"application/dicom\", or one as application/dicom.",
            )
        };
        let encoding =
            headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("identity");
        let media =
            Media::parse(headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or(""));
        let inner =
            media.parameter("type").map_or_else(|| "application/dicom".to_owned(), str::to_ascii_lowercase);
        match media.essence.as_str() {
            _ if encoding != "identity" => Err(unsupported()),
            "application/dicom" => Ok(Framing::One),
            "multipart/related" if inner == "application/dicom" => {
                Ok(Framing::Multipart(Box::new(Reader::new(media.parameter("boundary").unwrap_or(""))?)))
            }
            _ => Err(unsupported()),
        }
    }
}

async fn take_in(
    services: &Services,
    caller: Caller,
    study: Option<&str>,
    framing: Framing,
    body: Body,
) -> Result<Vec<Outcome>, Fault> {
    let mut session = Session {
        caller: caller.clone(),
        study: study.map(str::to_owned),
        framing,
        current: None,
        begun: 0,
        complete: Vec::new(),
    };
    if matches!(session.framing, Framing::One) {
        session.begin(services, None);
    }
    let mut body = body.into_data_stream();
    let mut committing: JoinSet<Result<Outcome, Fault>> = JoinSet::new();
    let mut outcomes = Vec::new();
    let broken = loop {
        let (gathered, state) = gather(&mut body).await;
        let (back, taken) = services
            .blocking(move |services| {
                let taken = gathered.iter().try_for_each(|bytes| session.take(services, bytes));
                let taken = taken.and_then(|()| if state == Gathered::End { session.end() } else { Ok(()) });
                Ok((session, taken))
            })
            .await?;
        session = back;
        for complete in session.complete.drain(..) {
            while committing.len() >= COMMITTING {
                outcomes.extend(next_outcome(&mut committing).await?);
            }
            let services = services.clone();
            committing
                .spawn(async move { services.blocking(move |services| Ok(complete.finish(services))).await });
        }
        match (taken, state) {
            (Err(fault), _) => break Some(fault),
            (Ok(()), Gathered::End) => break None,
            (Ok(()), Gathered::CutShort) => {
                break Some(Fault::new(FaultKind::Invalid, "body", "The body ended before it was complete."));
            }
            (Ok(()), Gathered::More) => {}
        }
    };
    drop(session);
    if broken.is_some() {
        drain(&mut body).await;
    }
    while !committing.is_empty() {
        outcomes.extend(next_outcome(&mut committing).await?);
    }
    outcomes.sort_by_key(|outcome| outcome.number);
    match broken {
        // What was complete before the body broke is stored; the answer says which objects those are.
        Some(fault) if outcomes.iter().any(Outcome::is_stored) => {
            outcomes.push(Outcome::failed(outcomes.len() + 1, Named::default(), &fault));
        }
        Some(fault) => return Err(fault),
        None if outcomes.is_empty() => {
            return Err(Fault::new(FaultKind::Invalid, "empty", "The request holds no object."));
        }
        None => {}
    }
    Ok(outcomes)
}

async fn next_outcome(committing: &mut JoinSet<Result<Outcome, Fault>>) -> Result<Option<Outcome>, Fault> {
    match committing.join_next().await {
        Some(outcome) => outcome.map_err(Fault::internal)?.map(Some),
        None => Ok(None),
    }
}

/// Bytes that are read and forgotten of a body that is refused, and for how long.
const DRAINED: usize = 64 << 20;
const DRAINING: Duration = Duration::from_secs(10);

/// Reads what a client still sends, within bounds: one that is busy sending does not hear the answer.
pub async fn drain(body: &mut BodyDataStream) {
    let reading = async {
        let mut length = 0;
        while let Some(Ok(bytes)) = body.next().await {
            length += bytes.len();
            if length > DRAINED {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(DRAINING, reading).await;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gathered {
    More,
    End,
    CutShort,
}

async fn gather(body: &mut BodyDataStream) -> (Vec<Bytes>, Gathered) {
    let (mut gathered, mut length) = (Vec::new(), 0);
    while length < GATHERED {
        match body.next().await {
            Some(Ok(bytes)) => {
                length += bytes.len();
                gathered.push(bytes);
            }
            Some(Err(_)) => return (gathered, Gathered::CutShort),
            None => return (gathered, Gathered::End),
        }
    }
    (gathered, Gathered::More)
}

/// One request on its way in.
struct Session {
    caller: Caller,
    study: Option<String>,
    framing: Framing,
    current: Option<Arriving>,
    begun: usize,
    complete: Vec<Arriving>,
}

impl Session {
    fn take(&mut self, services: &Services, bytes: &[u8]) -> Result<(), Fault> {
        let mut framing = std::mem::replace(&mut self.framing, Framing::One);
        let taken = match &mut framing {
            Framing::One => {
                self.data(bytes);
                Ok(())
            }
            Framing::Multipart(reader) => reader.push(bytes, &mut |token| match token {
                Token::Begin(media) => self.begin(services, media),
                Token::Data(bytes) => self.data(bytes),
                Token::End => self.complete.extend(self.current.take()),
            }),
        };
        self.framing = framing;
        if self.begun > OBJECTS {
            return Err(Fault::new(
                FaultKind::TooLarge,
                "objects",
                format!("A request holds at most {OBJECTS} objects."),
            ));
        }
        taken
    }

    fn end(&mut self) -> Result<(), Fault> {
        match std::mem::replace(&mut self.framing, Framing::One) {
            Framing::Multipart(reader) => reader.finish(),
            Framing::One => {
                self.complete.extend(self.current.take());
                Ok(())
            }
        }
    }

    fn begin(&mut self, services: &Services, media: Option<String>) {
        self.begun += 1;
        let essence = media.map(|media| Media::parse(&media).essence).unwrap_or_default();
        let ingest = match essence.as_str() {
            "" | "application/dicom" | "application/octet-stream" => {
                services.begin_ingest(self.caller.clone(), Arrival::File)
            }
            _ => Err(Fault::new(FaultKind::Invalid, "part-type", "A part is no application/dicom.")),
        };
        self.current = Some(Arriving {
            number: self.begun,
            caller: self.caller.clone(),
            study: self.study.clone(),
            ingest,
            names: Some(Scanner::for_file(Limits::default())),
        });
    }

    fn data(&mut self, bytes: &[u8]) {
        if let Some(arriving) = &mut self.current {
            arriving.data(bytes);
        }
    }
}

/// One object on its way in.
struct Arriving {
    number: usize,
    caller: Caller,
    study: Option<String>,
    /// What takes it in, or why it is not taken.
    ingest: Result<Ingest, Fault>,
    /// Reads its names: to hold them against the URL before it is stored, and to name it where it is refused.
    names: Option<Scanner>,
}

impl Arriving {
    fn data(&mut self, bytes: &[u8]) {
        if let Some(scanner) = &mut self.names
            && scanner.push(bytes).is_err()
        {
            self.names = None;
        }
        if let Ok(ingest) = &mut self.ingest
            && let Err(fault) = ingest.push(bytes)
        {
            self.ingest = Err(fault);
        }
    }

    /// Stores it; returns when that is durable. Blocks.
    fn finish(self, services: &Services) -> Outcome {
        let scanned = self.names.and_then(|scanner| scanner.finish().ok());
        let text = |tag| {
            let header = scanned.as_ref().map(|scanned| &scanned.header);
            header.and_then(|header| header.plain(tag)).map(|uid| uid.into_owned()).unwrap_or_default()
        };
        let named =
            Named { sop_class: text(tags::SOP_CLASS_UID), sop_instance: text(tags::SOP_INSTANCE_UID) };
        let other_study =
            self.study.is_some_and(|study| scanned.is_some() && study != text(tags::STUDY_INSTANCE_UID));
        let refusal = match self.ingest {
            Ok(_) if other_study => Fault::new(
                FaultKind::Unprocessable,
                outcome::OTHER_STUDY,
                "The object belongs to another study than the URL names; nothing of it was kept.",
            ),
            Ok(ingest) => {
                return match ingest.finish() {
                    Ok(stored) => Outcome::stored(self.number, stored),
                    Err(fault) => Outcome::failed(self.number, named, &fault),
                };
            }
            Err(fault) => fault,
        };
        let access = Access::of('C', "store", "Instance", &named.sop_instance);
        let audited = services.record_access_blocking(&self.caller, access, 4);
        Outcome::failed(self.number, named, audited.as_ref().err().unwrap_or(&refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_its_type_says() {
        let check = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, text.parse().unwrap());
            match Framing::of(&headers) {
                Ok(Framing::One) => "one".to_owned(),
                Ok(Framing::Multipart(_)) => "multipart".to_owned(),
                Err(fault) => fault.kind.meaning().http.to_string(),
            }
        };
        assert_eq!(check("application/dicom"), "one");
        assert_eq!(check("multipart/related; type=\"application/dicom\"; boundary=\"a b\""), "multipart");
        assert_eq!(check("multipart/related; boundary=x; type=application/dicom"), "multipart");
        assert_eq!(check("multipart/related; type=\"application/dicom\""), "400");
        assert_eq!(check("multipart/related; type=\"application/dicom+json\"; boundary=x"), "415");
        assert_eq!(check("text/plain"), "415");
    }
}
