//! `_summary` and `_elements`: what a client gets of a resource.

use crate::extract::kind;
use expect_test::{Expect, expect};
use lenticular_base::tree;
use lenticular_fhir::search::{Summary, summarise};

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p1","meta":{"versionId":"1"},"text":{"status":"generated","div":"<div/>"},
    "contained":[{"resourceType":"Organization","id":"o"}],"extension":[{"url":"u","valueBoolean":true}],
    "name":[{"family":"M","extension":[{"url":"u","valueBoolean":true}]}],
    "birthDate":"1970","_birthDate":{"id":"b"},"deceasedBoolean":false,"photo":[{"data":"AAAA"}],
    "communication":[{"language":{"text":"de"},"preferred":true}]}"#;

const OBSERVATION: &str = r#"{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueQuantity":{"value":1.00},
    "note":[{"text":"n"}],"component":[{"code":{"text":"x"},"referenceRange":[{"text":"r"}]}]}"#;

#[track_caller]
fn check(body: &str, summary: Summary, elements: &[&str], expected: Expect) {
    let tree = tree::parse(body.as_bytes()).unwrap();
    let elements: Vec<String> = elements.iter().map(|name| (*name).to_owned()).collect();
    let name = tree.text_at("resourceType").unwrap();
    let part = summarise(&tree, kind(&name), summary, &elements);
    let mut printed = String::new();
    tree::parse(part.as_bytes()).unwrap().write_pretty(&mut printed, 0);
    expected.assert_eq(&printed);
}

#[test]
fn the_summary_is_what_the_definitions_mark() {
    check(
        PATIENT,
        Summary::True,
        &[],
        expect![[r#"
        {
          "resourceType": "Patient",
          "id": "p1",
          "meta": {
            "versionId": "1",
            "tag": [
              {
                "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
                "code": "SUBSETTED"
              }
            ]
          },
          "name": [
            {
              "family": "M"
            }
          ],
          "birthDate": "1970",
          "_birthDate": {
            "id": "b"
          },
          "deceasedBoolean": false
        }"#]],
    );
    check(
        OBSERVATION,
        Summary::True,
        &[],
        expect![[r#"
        {
          "resourceType": "Observation",
          "meta": {
            "tag": [
              {
                "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
                "code": "SUBSETTED"
              }
            ]
          },
          "status": "final",
          "code": {
            "text": "c"
          },
          "valueQuantity": {
            "value": 1.00
          },
          "component": [
            {
              "code": {
                "text": "x"
              }
            }
          ]
        }"#]],
    );
}

#[test]
fn text_alone_and_data_alone() {
    check(
        PATIENT,
        Summary::Text,
        &[],
        expect![[r#"
        {
          "resourceType": "Patient",
          "id": "p1",
          "meta": {
            "versionId": "1",
            "tag": [
              {
                "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
                "code": "SUBSETTED"
              }
            ]
          },
          "text": {
            "status": "generated",
            "div": "<div/>"
          }
        }"#]],
    );
    check(
        OBSERVATION,
        Summary::Text,
        &[],
        expect![[r#"
        {
          "resourceType": "Observation",
          "meta": {
            "tag": [
              {
                "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
                "code": "SUBSETTED"
              }
            ]
          },
          "status": "final",
          "code": {
            "text": "c"
          }
        }"#]],
    );
    check(
        OBSERVATION,
        Summary::Data,
        &[],
        expect![[r#"
        {
          "resourceType": "Observation",
          "meta": {
            "tag": [
              {
                "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
                "code": "SUBSETTED"
              }
            ]
          },
          "status": "final",
          "code": {
            "text": "c"
          },
          "valueQuantity": {
            "value": 1.00
          },
          "note": [
            {
              "text": "n"
            }
          ],
          "component": [
            {
              "code": {
                "text": "x"
              },
              "referenceRange": [
                {
                  "text": "r"
                }
              ]
            }
          ]
        }"#]],
    );
}

#[test]
fn elements_by_name() {
    check(
        PATIENT,
        Summary::False,
        &["birthDate", "deceased"],
        expect![[r#"
        {
          "resourceType": "Patient",
          "id": "p1",
          "meta": {
            "versionId": "1",
            "tag": [
              {
                "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
                "code": "SUBSETTED"
              }
            ]
          },
          "birthDate": "1970",
          "_birthDate": {
            "id": "b"
          },
          "deceasedBoolean": false
        }"#]],
    );
    check(
        OBSERVATION,
        Summary::False,
        &["value", "nothing"],
        expect![[r#"
        {
          "resourceType": "Observation",
          "meta": {
            "tag": [
              {
                "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
                "code": "SUBSETTED"
              }
            ]
          },
          "status": "final",
          "code": {
            "text": "c"
          },
          "valueQuantity": {
            "value": 1.00
          }
        }"#]],
    );
}

#[test]
fn the_whole_stays_as_it_was() {
    let tree = tree::parse(OBSERVATION.as_bytes()).unwrap();
    assert_eq!(summarise(&tree, kind("Observation"), Summary::False, &[]), tree.to_json());
}
