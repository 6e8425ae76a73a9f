//! What a client accepts (RFC 9110 §12.5.1, PS3.18 §8.3.3.1, §8.7.4): media ranges with their parameters, quoted or not.

use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_ENCODING};
use lenticular_base::{Fault, FaultKind};
use lenticular_services::frames::Acceptable;

/// One media type or range with its parameters, names in lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    pub essence: String,
    pub parameters: Vec<(String, String)>,
}

impl Media {
    /// Reads `type/subtype; name=value; name="value"`.
    pub fn parse(text: &str) -> Media {
        let mut pieces = split(text, ';').into_iter();
        let essence = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
        let parameters = pieces.filter_map(|piece| {
            let (name, value) = piece.split_once('=')?;
            Some((name.trim().to_ascii_lowercase(), unquote(value.trim())))
        });
        Media { essence, parameters: parameters.collect() }
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Splits at a separator outside of quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn unquote(text: &str) -> String {
    match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => text.to_owned(),
    }
}

/// The media ranges of a request, the preferred first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accept(Vec<Media>);

/// Forms that may be answered, the preferred first, and which of them are multipart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted(Vec<(Acceptable, bool)>);

impl Wanted {
    pub fn new(forms: Vec<(Acceptable, bool)>) -> Wanted {
        Wanted(forms)
    }

    pub fn acceptable(&self) -> Vec<Acceptable> {
        self.0.iter().map(|(acceptable, _)| acceptable.clone()).collect()
    }

    /// Whether the form that was chosen is multipart.
    pub fn is_multipart(&self, chosen: usize) -> bool {
        self.0.get(chosen).is_none_or(|(_, multipart)| *multipart)
    }
}

const MULTIPART: &str = "multipart/related";
const RANGES: usize = 100;

impl Accept {
    /// Reads the header, or the query parameter `accept` that wins over it; without both everything is accepted.
    pub fn of(headers: &HeaderMap, query: &[(String, String)]) -> Result<Accept, Fault> {
        let asked: Vec<&str> =
            query.iter().filter(|(name, _)| name == "accept").map(|(_, value)| value.as_str()).collect();
        let header = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let texts: Vec<&str> = if asked.is_empty() { header.collect() } else { asked };
        let mut ranges: Vec<(u16, Media)> = texts
            .iter()
            .flat_map(|text| split(text, ','))
            .filter(|part| !part.trim().is_empty())
            .take(RANGES)
            .map(|part| {
                let media = Media::parse(part);
                (quality(media.parameter("q")), media)
            })
            .collect();
        if ranges.is_empty() {
            ranges.push((1000, Media::parse("*/*")));
        }
        ranges.retain(|(quality, _)| *quality > 0);
        ranges.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
        match ranges.is_empty() {
            true => Err(not_acceptable("The Accept header refuses everything.")),
            false => Ok(Accept(ranges.into_iter().map(|(_, media)| media).collect())),
        }
    }

    /// Whether DICOM JSON is accepted.
    pub fn json(&self) -> Result<(), Fault> {
        let json = ["application/dicom+json", "application/json", "application/*", "*/*"];
        match self.0.iter().any(|media| json.contains(&media.essence.as_str())) {
            true => Ok(()),
            false => Err(not_acceptable("This is served as application/dicom+json.")),
        }
    }

    /// Whole objects; a single one may come without multipart.
    pub fn objects(&self, single: bool) -> Result<Wanted, Fault> {
        self.wanted(single, &|acceptable| acceptable.holds("application/dicom"), "application/dicom")
    }

    /// Frames and bulk data.
    pub fn frames(&self, single: bool) -> Result<Wanted, Fault> {
        let known = |acceptable: &Acceptable| {
            let kind = acceptable.media.split('/').next().unwrap_or("");
            matches!(kind, "image" | "video" | "*") || acceptable.holds("application/octet-stream")
        };
        self.wanted(single, &known, "application/octet-stream and, of images, as image/jpeg")
    }

    /// Pictures; several come as multipart alone. The type of the first is the one to make.
    pub fn pictures(&self, single: bool) -> Result<Wanted, Fault> {
        let known = |acceptable: &Acceptable| acceptable.holds("image/jpeg") || acceptable.holds("image/png");
        self.wanted(single, &known, "image/jpeg and image/png")
    }

    fn wanted(
        &self,
        single: bool,
        known: &dyn Fn(&Acceptable) -> bool,
        served: &str,
    ) -> Result<Wanted, Fault> {
        let mut forms = Vec::new();
        for media in &self.0 {
            let multipart = media.essence == MULTIPART || media.essence == "multipart/*";
            let anything = media.essence == "*/*";
            let essence = match media.parameter("type") {
                Some(inner) if multipart => inner.to_ascii_lowercase(),
                None if multipart => "*/*".to_owned(),
                _ => media.essence.clone(),
            };
            let transfer_syntax = media.parameter("transfer-syntax").map(str::to_owned);
            let acceptable = Acceptable { media: essence, transfer_syntax };
            // A range that names one part cannot take several; what takes anything gets the default, multipart.
            if known(&acceptable) && (multipart || anything || single) {
                forms.push((acceptable, multipart || anything));
            }
        }
        match forms.is_empty() {
            true => Err(not_acceptable(&format!(
                "This is served as {served}{}.",
                if single { ", alone or within multipart/related" } else { " within multipart/related" }
            ))),
            false => Ok(Wanted(forms)),
        }
    }
}

fn not_acceptable(words: &str) -> Fault {
    Fault::new(FaultKind::NotAcceptable, "media-type", words)
}

/// A quality value in thousandths; what is none counts as 1.
fn quality(text: Option<&str>) -> u16 {
    let value = text.and_then(|text| text.trim().parse::<f64>().ok()).filter(|value| value.is_finite());
    (value.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0).round() as u16
}

/// Whether an answer may be compressed with gzip (RFC 9110 §12.5.3).
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    let all = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let codings: Vec<Media> = all.flat_map(|value| value.split(',')).map(Media::parse).collect();
    let quality_of = |name: &str| {
        codings.iter().find(|coding| coding.essence == name).map(|coding| quality(coding.parameter("q")))
    };
    quality_of("gzip").or_else(|| quality_of("*")).is_some_and(|quality| quality > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &str) -> Accept {
        let mut headers = HeaderMap::new();
        if !text.is_empty() {
            headers.insert(ACCEPT, text.parse().unwrap());
        }
        Accept::of(&headers, &[]).unwrap()
    }

    fn shown(wanted: Result<Wanted, Fault>) -> String {
        match wanted {
            Err(fault) => format!("{}", fault.kind.meaning().http),
            Ok(Wanted(forms)) => forms
                .iter()
                .map(|(form, multipart)| {
                    let syntax = form.transfer_syntax.as_deref().unwrap_or("-");
                    format!("{} {syntax} {}", form.media, if *multipart { "parts" } else { "alone" })
                })
                .collect::<Vec<_>>()
                .join(", "),
        }
    }

    #[test]
    fn every_way_to_ask_for_a_frame_is_understood() {
        for text in [
            "multipart/related; type=application/octet-stream; transfer-syntax=*",
            "multipart/related;type=\"application/octet-stream\";transfer-syntax=\"*\"",
            "Multipart/Related; Type=\"application/octet-stream\"; Transfer-Syntax=*; q=0.3",
        ] {
            assert_eq!(shown(accept(text).frames(true)), "application/octet-stream * parts", "{text}");
        }
        assert_eq!(shown(accept("").frames(true)), "*/* - parts");
        assert_eq!(shown(accept("multipart/related").frames(true)), "*/* - parts");
        assert_eq!(
            shown(accept("application/octet-stream").frames(true)),
            "application/octet-stream - alone"
        );
        assert_eq!(shown(accept("application/octet-stream").frames(false)), "406");
        assert_eq!(shown(accept("text/html").frames(true)), "406");
    }

    #[test]
    fn the_preferred_comes_first() {
        let text = "image/jpeg;q=0.5, multipart/related; type=\"image/jls\"; q=0.9, text/plain, */*;q=0.1";
        assert_eq!(shown(accept(text).frames(true)), "image/jls - parts, image/jpeg - alone, */* - parts");
        assert_eq!(shown(accept("application/dicom").objects(true)), "application/dicom - alone");
        assert_eq!(shown(accept("application/dicom").objects(false)), "406");
        assert_eq!(shown(accept("multipart/related; type=\"application/pdf\"").objects(true)), "406");
    }

    #[test]
    fn json_is_accepted_in_every_form() {
        for text in [
            "",
            "application/json",
            "*/*",
            "multipart/related; type=\"application/dicom+xml\", application/dicom+json",
        ] {
            assert!(accept(text).json().is_ok(), "{text}");
        }
        assert!(accept("text/csv").json().is_err());
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, "*/*;q=0".parse().unwrap());
        assert!(Accept::of(&headers, &[]).is_err());
        let query = [("accept".to_owned(), "application/dicom+json".to_owned())];
        assert!(Accept::of(&headers, &query).unwrap().json().is_ok());
    }

    #[test]
    fn gzip_is_taken_where_it_is_not_refused() {
        let takes = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, text.parse().unwrap());
            takes_gzip(&headers)
        };
        assert!(takes("gzip, deflate, br") && takes("*") && takes("br;q=1.0, gzip;q=0.5"));
        assert!(!takes("gzip;q=0, *") && !takes("identity") && !takes_gzip(&HeaderMap::new()));
    }
}
