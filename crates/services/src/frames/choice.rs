//! Which of the forms that a client accepts is made (PS3.18 §8.7.3, Tables 8.7.3-1 to -5).

use lenticular_codecs::{Support, support};

pub const IMPLICIT: &str = "1.2.840.10008.1.2";
pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub const BASELINE: &str = "1.2.840.10008.1.2.4.50";

/// One form that a client accepts; they come in the order of its preference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acceptable {
    /// In lower case, without parameters: `application/dicom`, `image/*`, `*/*` …
    pub media: String,
    /// The `transfer-syntax` parameter: a UID or `*`.
    pub transfer_syntax: Option<String>,
}

impl Acceptable {
    /// Whether the media range holds a media type (RFC 9110 §12.5.1).
    pub fn holds(&self, media: &str) -> bool {
        match self.media.strip_suffix("/*") {
            Some("*") => true,
            Some(kind) => media.split('/').next() == Some(kind),
            None => self.media == media,
        }
    }
}

/// How a frame leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FrameForm {
    /// As it is stored, compressed.
    Stored { media: &'static str },
    /// Samples, little endian.
    Native,
    /// JPEG Baseline.
    Jpeg,
}

/// The media type of frames that are compressed in a transfer syntax (PS3.18 Tables 8.7.3-3 to -5).
pub fn frame_media(transfer_syntax: &str) -> &'static str {
    match transfer_syntax.strip_prefix("1.2.840.10008.1.2") {
        Some(".5") => "image/dicom-rle",
        Some(".4.80" | ".4.81") => "image/jls",
        Some(".4.90" | ".4.91") => "image/jp2",
        Some(".4.92" | ".4.93") => "image/jpx",
        Some(".4.110" | ".4.111" | ".4.112") => "image/jxl",
        Some(".4.201" | ".4.202" | ".4.203") => "image/jphc",
        Some(".4.50" | ".4.51" | ".4.53" | ".4.55" | ".4.57" | ".4.70") => "image/jpeg",
        Some(".4.100" | ".4.101" | ".4.100.1" | ".4.101.1") => "video/mpeg",
        Some(".4.107" | ".4.108") => "video/h265",
        Some(rest) if rest.starts_with(".4.10") => "video/mp4",
        _ => "application/octet-stream",
    }
}

const OCTETS: &str = "application/octet-stream";

/// The first form of a frame that can be made, and which of `acceptable` it answers. `native` says that the samples lie
/// there uncompressed.
pub fn frame_form(stored: &str, native: bool, acceptable: &[Acceptable]) -> Option<(usize, FrameForm)> {
    let decodes = native || support(stored) != Support::Unsupported;
    acceptable.iter().enumerate().find_map(|(at, one)| {
        let form = match one.transfer_syntax.as_deref() {
            _ if one.holds(OCTETS) => octets(stored, native, decodes, one),
            syntax
                if !native
                    && one.holds(frame_media(stored))
                    && syntax.is_none_or(|s| s == "*" || s == stored) =>
            {
                Some(FrameForm::Stored { media: frame_media(stored) })
            }
            None | Some("*" | BASELINE) if one.holds("image/jpeg") && decodes => Some(FrameForm::Jpeg),
            _ => None,
        };
        form.map(|form| (at, form))
    })
}

fn octets(stored: &str, native: bool, decodes: bool, one: &Acceptable) -> Option<FrameForm> {
    let as_stored = || if native { FrameForm::Native } else { FrameForm::Stored { media: OCTETS } };
    match one.transfer_syntax.as_deref() {
        Some("*") => Some(as_stored()),
        Some(syntax) if syntax == stored => Some(as_stored()),
        None | Some(EXPLICIT | IMPLICIT) if decodes => Some(FrameForm::Native),
        None if one.media == "*/*" => Some(as_stored()),
        Some(BASELINE) if decodes => Some(FrameForm::Jpeg),
        _ => None,
    }
}

/// How a whole object leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectForm {
    /// Bit for bit as it is stored.
    Stored,
    /// In Explicit VR Little Endian.
    Explicit,
    /// With frames in JPEG Baseline.
    Jpeg,
}

/// The first form of an object that can be made, and which of `acceptable` it answers.
pub fn object_form(stored: &str, pixels: bool, acceptable: &[Acceptable]) -> Option<(usize, ObjectForm)> {
    let support = support(stored);
    let native = support == Support::Native;
    let decodes = !pixels || support != Support::Unsupported;
    acceptable.iter().enumerate().filter(|(_, one)| one.holds("application/dicom")).find_map(|(at, one)| {
        let form = match one.transfer_syntax.as_deref() {
            Some("*") => Some(ObjectForm::Stored),
            Some(syntax) if syntax == stored => Some(ObjectForm::Stored),
            None if native => Some(ObjectForm::Stored),
            None | Some(EXPLICIT) if decodes => Some(ObjectForm::Explicit),
            None if one.media == "*/*" => Some(ObjectForm::Stored),
            Some(BASELINE) if pixels && decodes => Some(ObjectForm::Jpeg),
            _ => None,
        };
        form.map(|form| (at, form))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(media: &str, syntax: Option<&str>) -> Acceptable {
        Acceptable { media: media.into(), transfer_syntax: syntax.map(str::to_owned) }
    }

    #[test]
    fn frames_leave_as_the_client_prefers() {
        let jls = "1.2.840.10008.1.2.4.80";
        let mpeg = "1.2.840.10008.1.2.4.102";
        let form = |stored: &str, native, media: &str, syntax| {
            frame_form(stored, native, &[accepts("image/gif", None), accepts(media, syntax)])
                .map(|(_, form)| form)
        };
        let stored = |media| Some(FrameForm::Stored { media });
        assert_eq!(form(jls, false, OCTETS, Some("*")), stored(OCTETS));
        assert_eq!(form(jls, false, OCTETS, None), Some(FrameForm::Native));
        assert_eq!(form(jls, false, OCTETS, Some(EXPLICIT)), Some(FrameForm::Native));
        assert_eq!(form(jls, false, "image/jls", None), stored("image/jls"));
        assert_eq!(form(jls, false, "image/*", Some("*")), stored("image/jls"));
        assert_eq!(form(jls, false, "image/jpeg", None), Some(FrameForm::Jpeg));
        assert_eq!(form(BASELINE, false, "image/jpeg", None), stored("image/jpeg"));
        assert_eq!(form(EXPLICIT, true, "image/jpeg", Some(BASELINE)), Some(FrameForm::Jpeg));
        assert_eq!(form(EXPLICIT, true, OCTETS, Some("*")), Some(FrameForm::Native));
        assert_eq!(form(EXPLICIT, true, OCTETS, Some("1.2.840.10008.1.2.4.201")), None);
        assert_eq!(form(mpeg, false, OCTETS, None), None);
        assert_eq!(form(mpeg, false, "*/*", None), stored(OCTETS));
        assert_eq!(form(mpeg, false, "video/mp4", None), stored("video/mp4"));
    }

    #[test]
    fn objects_leave_as_the_client_prefers() {
        let j2k = "1.2.840.10008.1.2.4.90";
        let mpeg = "1.2.840.10008.1.2.4.102";
        let form = |stored: &str, syntax| {
            object_form(stored, true, &[accepts("application/dicom", syntax)]).map(|(_, form)| form)
        };
        assert_eq!(form(j2k, None), Some(ObjectForm::Explicit));
        assert_eq!(form(j2k, Some("*")), Some(ObjectForm::Stored));
        assert_eq!(form(j2k, Some(BASELINE)), Some(ObjectForm::Jpeg));
        assert_eq!(form(IMPLICIT, None), Some(ObjectForm::Stored));
        assert_eq!(form(IMPLICIT, Some(EXPLICIT)), Some(ObjectForm::Explicit));
        assert_eq!(form(mpeg, None), None);
        assert_eq!(object_form(mpeg, true, &[accepts("*/*", None)]), Some((0, ObjectForm::Stored)));
        assert_eq!(object_form(j2k, true, &[accepts("application/pdf", None)]), None);
    }
}
