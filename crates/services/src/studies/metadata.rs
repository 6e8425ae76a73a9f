//! WADO-RS metadata (PS3.18 §10.4.1.1.2): what was written at ingest, joined; read a page of rows at a time.

use super::gzip::JoinedGzip;
use super::{Instances, Place, corrupt};
use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::instance_body::Parts;
use bytes::Bytes;
use flate2::write::GzEncoder;
use lenticular_base::{Fault, Kind};
use lenticular_policy::Action;
use lenticular_store::Record;
use std::io::Write;

/// A JSON array of metadata on its way out.
pub struct MetadataStream {
    services: Services,
    /// `None`: all was given.
    state: Option<State>,
}

struct State {
    instances: Instances,
    /// Rows that were read already.
    rows: Vec<Record>,
    writer: Writer,
}

impl Services {
    /// The metadata of a place, compressed where `gzip` is set. `base` is the root of DICOMweb as this client sees it,
    /// such as `https://cloud.example.org/dicom-web`.
    pub async fn metadata(
        &self,
        caller: &Caller,
        place: Place,
        base: String,
        gzip: bool,
    ) -> Result<MetadataStream, Fault> {
        let access = Access::of('R', "retrieve-metadata", place.level(), place.uid());
        let outcome = self.start_metadata(caller, place, base, gzip).await;
        let (access, outcome) = match outcome {
            Ok((stream, rows)) => (access.showing(&rows), Ok(stream)),
            Err(fault) => (access, Err(fault)),
        };
        self.audited(caller, access, outcome).await
    }

    async fn start_metadata(
        &self,
        caller: &Caller,
        place: Place,
        base: String,
        gzip: bool,
    ) -> Result<(MetadataStream, Vec<Record>), Fault> {
        let scope = self.authorise(caller, Action::Read, Some(Kind::INSTANCE))?;
        let mut instances = Instances::of(place, scope, caller.principal.org)?;
        // Links in stored metadata are absolute where the owner named the address, else they are completed here.
        let base = self.settings.public_url.is_none().then_some(base);
        self.blocking(move |services| {
            let rows = instances.page(services)?;
            if rows.is_empty() {
                return Err(Fault::not_found());
            }
            let mut shown = instances.studies(services)?;
            shown.extend_from_slice(&rows);
            let state = State { instances, rows, writer: Writer::new(base, gzip) };
            Ok((MetadataStream { services: services.clone(), state: Some(state) }, shown))
        })
        .await
    }
}

impl MetadataStream {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, Fault>> {
        let mut state = self.state.take()?;
        let outcome = self
            .services
            .blocking(move |services| {
                let mut out =
                    Vec::with_capacity(state.rows.iter().map(|row| row.body.len()).sum::<usize>() + 64);
                for row in &state.rows {
                    state.writer.row(row, &mut out)?;
                }
                state.rows = state.instances.page(services)?;
                if state.rows.is_empty() {
                    state.writer.finish(&mut out)?;
                    return Ok((Bytes::from(out), None));
                }
                Ok((Bytes::from(out), Some(state)))
            })
            .await;
        match outcome {
            Ok((bytes, state)) => {
                self.state = state;
                Some(Ok(bytes))
            }
            Err(fault) => Some(Err(fault)),
        }
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.state.is_none()
    }
}

enum Form {
    Plain,
    /// Stored pieces as they are.
    Joined(JoinedGzip),
    /// Pieces in which links had to be completed.
    Again(Box<GzEncoder<Vec<u8>>>),
}

struct Writer {
    form: Form,
    base: Option<String>,
    started: bool,
}

impl Writer {
    fn new(base: Option<String>, gzip: bool) -> Writer {
        let form = match (gzip, &base) {
            (false, _) => Form::Plain,
            (true, None) => Form::Joined(JoinedGzip::default()),
            (true, Some(_)) => Form::Again(Box::new(GzEncoder::new(Vec::new(), flate2::Compression::fast()))),
        };
        Writer { form, base, started: false }
    }

    fn row(&mut self, row: &Record, out: &mut Vec<u8>) -> Result<(), Fault> {
        let parts = Parts::of(&row.body)?;
        let mark = if std::mem::replace(&mut self.started, true) { b',' } else { b'[' };
        match &mut self.form {
            Form::Joined(gzip) => {
                if mark == b'[' {
                    gzip.start(out);
                }
                gzip.byte(mark, out);
                gzip.piece(&parts, out);
            }
            Form::Plain => {
                out.push(mark);
                complete(&inflate(&parts)?, self.base.as_deref(), out);
            }
            Form::Again(encoder) => {
                let mut plain = vec![mark];
                complete(&inflate(&parts)?, self.base.as_deref(), &mut plain);
                encoder.write_all(&plain).map_err(Fault::internal)?;
                out.append(encoder.get_mut());
            }
        }
        Ok(())
    }

    fn finish(self, out: &mut Vec<u8>) -> Result<(), Fault> {
        match self.form {
            Form::Plain => out.push(b']'),
            Form::Joined(gzip) => gzip.finish(b']', out),
            Form::Again(mut encoder) => {
                encoder.write_all(b"]").map_err(Fault::internal)?;
                out.extend(encoder.finish().map_err(Fault::internal)?);
            }
        }
        Ok(())
    }
}

/// The metadata that a row holds, as JSON.
pub(crate) fn inflate(parts: &Parts<'_>) -> Result<Vec<u8>, Fault> {
    let mut stream = flate2::Decompress::new(false);
    let mut plain = Vec::with_capacity(parts.length as usize + 1);
    stream
        .decompress_vec(parts.metadata, &mut plain, flate2::FlushDecompress::Sync)
        .map_err(|e| corrupt().caused_by(e))?;
    match plain.len() == parts.length as usize {
        true => Ok(plain),
        false => Err(corrupt()),
    }
}

/// How a link begins in stored metadata where nobody named the address of the server. A quote within a text is escaped
/// in JSON, so no text of an object can look like this.
const RELATIVE: &[u8] = b"\"BulkDataURI\":\"/dicom-web/";
const URI_AT: usize = b"\"BulkDataURI\":\"".len();

/// Appends metadata with its links completed to `base`.
fn complete(json: &[u8], base: Option<&str>, out: &mut Vec<u8>) {
    let Some(base) = base else { return out.extend_from_slice(json) };
    let mut rest = json;
    while let Some(at) = memchr::memmem::find(rest, RELATIVE) {
        out.extend_from_slice(&rest[..at + URI_AT]);
        out.extend_from_slice(base.as_bytes());
        rest = &rest[at + RELATIVE.len() - 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_completed() {
        let json = br#"{"7FE00010":{"vr":"OW","BulkDataURI":"/dicom-web/studies/1/bulkdata/7FE00010"},"00100010":{"vr":"LO","Value":["\"BulkDataURI\":\"/dicom-web/"]}}"#;
        let mut out = Vec::new();
        complete(json, Some("http://h/dicom-web"), &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("\"http://h/dicom-web/studies/1/bulkdata/7FE00010\"").count(), 1);
        assert_eq!(text.matches("http://h").count(), 1);
        let mut same = Vec::new();
        complete(json, None, &mut same);
        assert_eq!(same, json);
    }
}
