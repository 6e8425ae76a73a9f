use super::build::*;
use super::reading::scan;
use lenticular_base::index::{Clause, Compare, Entry, Param, SEPARATOR, Test, Value};
use lenticular_base::{Kind, tree};
use lenticular_dicom::attributes::entries;
use lenticular_dicom::json::to_json;
use lenticular_dicom::matching::wildcard;
use lenticular_dicom::query::{DicomQuery, IncludeFields, QueryError, parse_query};
use lenticular_dicom::tag::Tag;

fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |part: &str| part.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    query.split('&').filter_map(pair).collect()
}

fn parse(query: &str) -> Result<DicomQuery, QueryError> {
    parse_query(Kind::INSTANCE, &pairs(query), 100)
}

/// What a store does with a test.
fn holds(test: &Test, entries: &[Entry]) -> bool {
    let texts = |param: &Param| {
        let param = *param;
        entries.iter().filter(move |entry| entry.param == param).filter_map(|entry| match &entry.value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
    };
    match test {
        Test::Is(param, text) => texts(param).any(|value| value == text),
        Test::Prefix(param, text) => texts(param).any(|value| value.starts_with(text.as_str())),
        Test::Like(param, like) => {
            let pattern = like.replace('%', "*").replace('_', "?");
            texts(param).any(|value| wildcard(&pattern, value.split(SEPARATOR).next().unwrap_or_default()))
        }
        Test::Time(param, Compare::Eq, from, to) => entries.iter().any(|entry| {
            entry.param == *param
                && matches!(entry.value, Value::Time { low, high } if *from <= low && high <= *to)
        }),
        Test::Number(param, Compare::Eq, from, to, None) => entries.iter().any(|entry| {
            entry.param == *param
                && matches!(entry.value, Value::Number { low, high, .. } if *from <= low && high <= *to)
        }),
        other => panic!("no such test is made here: {other:?}"),
    }
}

#[track_caller]
fn check(query: &str, expected: bool) {
    let header = scan(EXPLICIT, &image()).header;
    let entries = entries(Kind::INSTANCE, &header);
    let json = to_json(&header);
    let row = tree::parse(json.as_bytes()).unwrap();
    let parsed = parse(query).unwrap();
    let clause = |clause: &Clause| !clause.not && clause.any.iter().any(|test| holds(test, &entries));
    let found = parsed.query.all.iter().all(clause) && parsed.residual.iter().all(|rest| rest.matches(&row));
    assert_eq!(found, expected, "{query}: {parsed:?}");
}

#[test]
fn names_match_without_case_and_accents() {
    for query in [
        "PatientName=Müller^Jörg^^Dr.",
        "00100010=muller^jorg^^DR.^",
        "PatientName=mul*",
        "PatientName=*JÖRG*",
        "PatientName=m?ller*",
        "PatientName=",
        "PatientName=*",
        "fuzzymatching=true&PatientName=jor mül",
        "PatientName=*ull*&fuzzymatching=true",
        "PatientName=mull*&fuzzymatching=true",
    ] {
        check(query, true);
    }
    for query in [
        "PatientName=Müller",
        "PatientName=*x*",
        "fuzzymatching=true&PatientName=ller",
        "PatientName=100%&fuzzymatching=false",
    ] {
        check(query, false);
    }
}

#[test]
fn dates_and_times_match_as_ranges() {
    for query in [
        "StudyDate=20261123",
        "StudyDate=20261101-20261130",
        "StudyDate=20261123-",
        "StudyDate=-20261123",
        "StudyTime=1015",
        "StudyTime=10-11",
        "StudyDate=20261122-20261123&StudyTime=23-1016",
    ] {
        check(query, true);
    }
    for query in [
        "StudyDate=20261124",
        "StudyDate=-20261122",
        "StudyTime=11-",
        "StudyDate=20261122-20261123&StudyTime=1016-1010",
        "SeriesDate=20261123",
    ] {
        check(query, false);
    }
}

#[test]
fn uids_codes_numbers_and_items_match() {
    for query in [
        "StudyInstanceUID=9.9,1.2.3.4",
        "StudyInstanceUID=9.9\\1.2.3.4",
        "0020000D=1.2.3.4&SeriesInstanceUID=1.2.3.4.5",
        "Modality=ct",
        "Modality=MR,CT",
        "Modality=MR\\C*",
        "InstanceNumber=7",
        "Rows=2&Columns=2",
        "RequestAttributesSequence.ScheduledProcedureStepID=STEP-1",
        "00400275.00401001=req*",
        // Not indexed: compared with the row.
        "SamplesPerPixel=1",
        "PixelSpacing=0.5",
        "PhotometricInterpretation=MONO*",
    ] {
        check(query, true);
    }
    for query in [
        "StudyInstanceUID=1.2.3",
        "Modality=MR",
        "InstanceNumber=8",
        "RequestAttributesSequence.ScheduledProcedureStepID=STEP",
        "SamplesPerPixel=3",
        "ImageComments=x",
    ] {
        check(query, false);
    }
}

#[test]
fn the_requests_of_a_viewer_are_understood() {
    let query = parse(
        "limit=101&offset=5&fuzzymatching=true&includefield=00081030,00080060&includefield=PatientBirthDate",
    )
    .unwrap();
    assert_eq!((query.query.limit, query.query.offset, query.fuzzy), (101, 5, true));
    let tags = [0x0008_1030, 0x0008_0060, 0x0010_0030].map(Tag).to_vec();
    assert_eq!(query.include, IncludeFields::Tags(tags));
    assert_eq!(parse("includefield=PatientID,all").unwrap().include, IncludeFields::All);
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    for (query, expected) in [
        ("PatientNam=x", "\"PatientNam\" is no query parameter and no attribute of DICOM"),
        ("00100011=x", "\"00100011\" is no query parameter and no attribute of DICOM"),
        ("includefield=Nothing", "includefield: \"Nothing\" is no attribute of DICOM"),
        ("StudyDate=today", "StudyDate: \"today\" is not a date or a range of dates"),
        ("StudyInstanceUID=1.2.x", "StudyInstanceUID: \"1.2.x\" is not a UID"),
        ("limit=-1", "limit: \"-1\" is not a whole number"),
        ("InstanceNumber=seven", "InstanceNumber: \"seven\" is not a number"),
    ] {
        assert_eq!(parse(query).unwrap_err().to_string(), expected);
    }
}
