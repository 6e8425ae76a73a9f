use super::build::*;
use super::reading::scan;
use lenticular_base::Kind;
use lenticular_base::index::{Entry, Param, Value};
use lenticular_dicom::attributes::{entries, param, series_attributes, study_attributes};
use lenticular_dicom::dataset::Element;
use lenticular_dicom::json::to_json;
use lenticular_dicom::query::{IncludeFields, select};
use lenticular_dicom::tag::{Tag, tags};
use lenticular_dicom::vr::Vr;

#[test]
fn a_study_row_is_what_qido_answers() {
    let mut row = study_attributes(&scan(EXPLICIT, &image()).header);
    row.set(Element::new(tags::MODALITIES_IN_STUDY, Vr::Cs, "CT"));
    let expected = [
        r#"{"00080005":{"vr":"CS","Value":["ISO_IR 100"]}"#,
        r#""00080020":{"vr":"DA","Value":["20261123"]}"#,
        r#""00080030":{"vr":"TM","Value":["101530.5"]}"#,
        r#""00080061":{"vr":"CS","Value":["CT"]}"#,
        r#""00081030":{"vr":"LO","Value":["CT Thorax nativ"]}"#,
        r#""00100010":{"vr":"PN","Value":[{"Alphabetic":"Müller^Jörg^^Dr."}]}"#,
        r#""00100020":{"vr":"LO","Value":["PAT-17"]}"#,
        r#""0020000D":{"vr":"UI","Value":["1.2.3.4"]}}"#,
    ];
    assert_eq!(to_json(&row), expected.join(","));
}

#[test]
fn an_answer_has_the_level_and_what_was_asked_for_besides() {
    let row = to_json(&series_attributes(&scan(EXPLICIT, &image()).header));
    let tree = lenticular_base::tree::parse(row.as_bytes()).unwrap();
    let answer = |upper, include: &IncludeFields| {
        let mut out = String::new();
        select(&tree, Kind::SERIES, upper, include, &mut out);
        out
    };
    let none = IncludeFields::Tags(Vec::new());
    assert!(!answer(false, &none).contains("00100020") && answer(false, &none).contains("0020000E"));
    assert!(answer(true, &none).contains("00100020"));
    assert!(answer(false, &IncludeFields::Tags(vec![Tag(0x0010_0020)])).contains("PAT-17"));
    assert_eq!(answer(false, &IncludeFields::All), row);
}

#[test]
fn an_instance_is_found_by_everything_above_it() {
    let entries = entries(Kind::INSTANCE, &scan(EXPLICIT, &image()).header);
    let texts = |path: &[Tag]| -> Vec<&str> {
        let param = param(Kind::INSTANCE, path).unwrap();
        let text = |entry: &'_ Entry| entry.param == param;
        entries
            .iter()
            .filter(|entry| text(entry))
            .filter_map(|entry| match &entry.value {
                Value::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    };
    assert_eq!(texts(&[tags::PATIENT_NAME]), ["muller^jorg^^dr.\u{1}Müller^Jörg^^Dr."]);
    assert_eq!(texts(&[tags::PATIENT_ID]), ["pat-17\u{1}PAT-17"]);
    assert_eq!(texts(&[tags::STUDY_INSTANCE_UID]), ["1.2.3.4"]);
    assert_eq!(texts(&[tags::SERIES_INSTANCE_UID]), ["1.2.3.4.5"]);
    assert_eq!(texts(&[tags::SOP_INSTANCE_UID]), ["1.2.3"]);
    assert_eq!(texts(&[tags::REQUEST_ATTRIBUTES_SEQUENCE, Tag(0x0040_0009)]), ["step-1\u{1}STEP-1"]);
    let words = Param::of(Kind::INSTANCE, lenticular_dicom::attributes::PATIENT_NAME_WORDS);
    assert_eq!(entries.iter().filter(|entry| entry.param == words).count(), 3);
    let moment = Value::Time { low: 1_795_428_930_500, high: 1_795_428_930_600 };
    assert!(entries.contains(&Entry { param: Param::of(Kind::INSTANCE, 11), value: moment }));
    let number = Value::Number { low: 7.0, high: 7.0, unit: String::new() };
    let of = param(Kind::INSTANCE, &[tags::INSTANCE_NUMBER]).unwrap();
    assert!(entries.contains(&Entry { param: of, value: number }));
}
