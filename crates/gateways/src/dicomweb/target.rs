//! What a URL below `/dicom-web` names (PS3.18 §10.1.1, Table 10.1.1-1).

use crate::http::percent_decode;
use lenticular_base::{Fault, FaultKind, Kind};
use lenticular_dicom::tag::TagPath;
use lenticular_services::frames::FRAMES_AT_ONCE;
use lenticular_services::studies::Place;

/// A resource of the Studies Service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// All studies: searched, or stored into.
    Studies,
    AllSeries,
    AllInstances,
    SeriesOf(String),
    InstancesOf(String, Option<String>),
    /// A study, a series or an instance itself.
    Objects(Place),
    Metadata(Place),
    Bulk(Place, TagPath),
    Frames(Place, Vec<u32>),
    /// The first frame where none is named.
    Rendered(Place, Vec<u32>),
    Thumbnail(Place, Vec<u32>),
}

impl Target {
    /// Reads the path behind `/dicom-web`. What is no resource is not found; frames that are no numbers are invalid.
    pub fn parse(path: &str) -> Result<Target, Fault> {
        let decoded: Vec<String> = path
            .trim_matches('/')
            .split('/')
            .take(80)
            .map(|segment| percent_decode(segment, false))
            .collect();
        let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
        match &segments[..] {
            ["studies"] => Ok(Target::Studies),
            ["series"] => Ok(Target::AllSeries),
            ["instances"] => Ok(Target::AllInstances),
            ["studies", study, "series"] => Ok(Target::SeriesOf((*study).to_owned())),
            ["studies", study, "instances"] => Ok(Target::InstancesOf((*study).to_owned(), None)),
            ["studies", study, "series", series, "instances"] => {
                Ok(Target::InstancesOf((*study).to_owned(), Some((*series).to_owned())))
            }
            ["studies", study, "series", series, "instances", instance, rest @ ..] => {
                of_instance(place(study, Some(series), Some(instance)), rest)
            }
            ["studies", study, "series", series, rest @ ..] => {
                of_place(place(study, Some(series), None), rest)
            }
            ["studies", study, rest @ ..] => of_place(place(study, None, None), rest),
            _ => Err(Fault::not_found()),
        }
    }

    /// What a search of it looks for, and in what.
    pub fn searched(&self) -> Option<(Kind, Option<String>, Option<String>)> {
        match self {
            Target::Studies => Some((Kind::STUDY, None, None)),
            Target::AllSeries => Some((Kind::SERIES, None, None)),
            Target::AllInstances => Some((Kind::INSTANCE, None, None)),
            Target::SeriesOf(study) => Some((Kind::SERIES, Some(study.clone()), None)),
            Target::InstancesOf(study, series) => Some((Kind::INSTANCE, Some(study.clone()), series.clone())),
            _ => None,
        }
    }
}

fn place(study: &str, series: Option<&&str>, instance: Option<&&str>) -> Place {
    let owned = |uid: &&str| (*uid).to_owned();
    Place { study: study.to_owned(), series: series.map(owned), instance: instance.map(owned) }
}

fn of_place(place: Place, rest: &[&str]) -> Result<Target, Fault> {
    match rest {
        [] => Ok(Target::Objects(place)),
        ["metadata"] => Ok(Target::Metadata(place)),
        ["rendered"] => Ok(Target::Rendered(place, vec![1])),
        ["thumbnail"] => Ok(Target::Thumbnail(place, Vec::new())),
        _ => Err(Fault::not_found()),
    }
}

fn of_instance(place: Place, rest: &[&str]) -> Result<Target, Fault> {
    match rest {
        ["frames", list] => Ok(Target::Frames(place, numbers(list)?)),
        ["frames", list, "rendered"] => Ok(Target::Rendered(place, numbers(list)?)),
        ["frames", list, "thumbnail"] => Ok(Target::Thumbnail(place, numbers(list)?)),
        ["bulkdata", path @ ..] => {
            let path = TagPath::parse(&path.join("/")).ok_or_else(Fault::not_found)?;
            Ok(Target::Bulk(place, path))
        }
        _ => of_place(place, rest),
    }
}

/// A list of frames: numbers from 1, with commas between (PS3.18 §10.1.1).
fn numbers(list: &str) -> Result<Vec<u32>, Fault> {
    let invalid = || {
        Fault::new(
            FaultKind::Invalid,
            "frame-list",
            format!(
                "Frames are named by numbers from 1 with commas between, at most {FRAMES_AT_ONCE} of them."
            ),
        )
    };
    let plain = |text: &str| !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    let numbers: Option<Vec<u32>> = list
        .split(',')
        .take(FRAMES_AT_ONCE + 1)
        .map(|text| text.parse().ok().filter(|number| plain(text) && *number > 0))
        .collect();
    numbers.filter(|numbers| numbers.len() <= FRAMES_AT_ONCE).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_what_the_standard_says() {
        let instance = || place("1", Some(&"2"), Some(&"3"));
        let root = "/studies/1/series/2/instances/3";
        let bulk = TagPath::parse("00081115/0/00081199").unwrap();
        for (path, target) in [
            ("/studies".to_owned(), Target::Studies),
            ("/studies/".to_owned(), Target::Studies),
            ("/studies/1/series".to_owned(), Target::SeriesOf("1".into())),
            ("/studies/1/instances".to_owned(), Target::InstancesOf("1".into(), None)),
            ("/studies/1".to_owned(), Target::Objects(Place::study("1"))),
            ("/studies/1/metadata".to_owned(), Target::Metadata(Place::study("1"))),
            (root.to_owned(), Target::Objects(instance())),
            (format!("{root}/frames/3,1"), Target::Frames(instance(), vec![3, 1])),
            (format!("{root}/frames/3%2C1/rendered"), Target::Rendered(instance(), vec![3, 1])),
            (format!("{root}/rendered"), Target::Rendered(instance(), vec![1])),
            (format!("{root}/bulkdata/00081115/0/00081199"), Target::Bulk(instance(), bulk)),
        ] {
            assert_eq!(Target::parse(&path).unwrap(), target, "{path}");
        }
        for (path, kind) in [
            ("/nothing", FaultKind::NotFound),
            ("", FaultKind::NotFound),
            ("/studies/1/nothing", FaultKind::NotFound),
            ("/studies/1/series/2/instances/3/bulkdata/x", FaultKind::NotFound),
            ("/studies/1/series/2/instances/3/frames/0", FaultKind::Invalid),
            ("/studies/1/series/2/instances/3/frames/two", FaultKind::Invalid),
            ("/studies/1/series/2/instances/3/frames/1,,2", FaultKind::Invalid),
            ("/studies/1/series/2/instances/3/frames/+1", FaultKind::Invalid),
        ] {
            assert_eq!(Target::parse(path).unwrap_err().kind, kind, "{path}");
        }
    }
}
