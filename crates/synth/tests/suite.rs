//! What users of the generator rely on: the same bytes each time, bundles a server accepts, phantoms that measure true.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "suite/part10.rs"]
mod part10;
#[path = "suite/studies.rs"]
mod studies;

use lenticular_synth::{
    CtPhantom, Date, PhantomSize, SmallImage, ct_phantom, load_bundle, load_mrn, network, people, person,
    resources, single_frame,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};

fn today() -> Date {
    Date::new(2026, 1, 15).unwrap()
}

fn fingerprint(parts: impl IntoIterator<Item = Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(&part);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn entries(bundle: &[u8]) -> Vec<Value> {
    let value: Value = serde_json::from_slice(bundle).unwrap();
    assert_eq!(value["resourceType"], "Bundle");
    assert_eq!(value["type"], "transaction");
    value["entry"].as_array().unwrap().clone()
}

fn visit<'a>(value: &'a Value, see: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Object(map) => {
            assert!(!map.is_empty(), "FHIR has no empty objects");
            for (key, value) in map {
                see(key, value);
                visit(value, see);
            }
        }
        Value::Array(items) => {
            assert!(!items.is_empty(), "FHIR has no empty arrays");
            items.iter().for_each(|item| visit(item, see));
        }
        Value::String(text) => assert!(!text.trim().is_empty(), "FHIR has no empty strings"),
        _ => {}
    }
}

fn assert_references_resolve(entries: &[Value]) {
    let urls: HashSet<&str> = entries.iter().map(|entry| entry["fullUrl"].as_str().unwrap()).collect();
    assert_eq!(urls.len(), entries.len(), "full URLs are unique");
    for entry in entries {
        assert_eq!(entry["request"]["method"], "POST");
        assert_eq!(entry["request"]["url"], entry["resource"]["resourceType"]);
        visit(&entry["resource"], &mut |key, value| {
            if key == "reference" {
                assert!(urls.contains(value.as_str().unwrap()), "{value} is no entry");
            }
        });
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_machine() {
    let members = network(1).members;
    let seen = [
        fingerprint(members.iter().map(lenticular_synth::Member::transaction)),
        fingerprint(people(1, 50, today()).map(|person| person.transaction())),
        fingerprint(resources(1, 2_000).map(|resource| resource.json)),
        fingerprint([load_bundle(1, 7, 200)]),
    ];
    assert_eq!(seen, ["ba098af9b9a05978", "2dbebb259f80dc1c", "a6085192bd51f5af", "ed9b2768909aa9b5"]);
    assert_ne!(
        fingerprint([person(2, 3, today()).transaction()]),
        fingerprint([person(1, 3, today()).transaction()])
    );
}

#[test]
fn every_history_is_a_plausible_transaction() {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for person in people(5, 200, today()) {
        let bundle = person.transaction();
        let entries = entries(&bundle);
        assert!(
            (26..=125).contains(&entries.len()),
            "person {} has {} entries",
            person.number,
            entries.len()
        );
        assert_references_resolve(&entries);
        for entry in &entries {
            let resource = &entry["resource"];
            let kind = resource["resourceType"].as_str().unwrap();
            *counts.entry(kind.to_owned()).or_default() += 1;
            let conditional = matches!(kind, "Organization" | "Practitioner" | "Location");
            assert_eq!(entry["request"]["ifNoneExist"].is_string(), conditional, "{kind}");
            visit(resource, &mut |key, value| {
                let dated = key.ends_with("DateTime")
                    || ["start", "end", "recordedDate", "authoredOn"].contains(&key);
                if let Some(text) = value.as_str().filter(|_| dated) {
                    let day = &text[..10];
                    assert!(day <= today().to_string().as_str(), "{kind}.{key} {text} is in the future");
                    assert!(day >= person.birth.to_string().as_str(), "{kind}.{key} {text} is before birth");
                }
            });
            if let Some(end) = resource["abatementDateTime"].as_str() {
                assert!(resource["onsetDateTime"].as_str().unwrap() <= end);
                assert_eq!(resource["clinicalStatus"]["coding"][0]["code"], "resolved");
            }
            if kind == "Patient" {
                let record_number = &resource["identifier"][0];
                assert_eq!(record_number["value"], person.mrn.as_str());
                assert_eq!(record_number["system"], person.mrn_system.as_str());
                assert_eq!(record_number["type"]["coding"][0]["code"], "MR");
                assert_eq!(resource["birthDate"], person.birth.to_string().as_str());
            }
        }
    }
    for kind in [
        "AllergyIntolerance",
        "CarePlan",
        "Condition",
        "DiagnosticReport",
        "DocumentReference",
        "Encounter",
        "Immunization",
        "Location",
        "MedicationRequest",
        "Observation",
        "Organization",
        "Patient",
        "Practitioner",
        "Procedure",
        "ServiceRequest",
    ] {
        assert!(counts.get(kind).is_some_and(|&count| count >= 50), "few {kind}: {counts:?}");
    }
}

#[test]
fn illness_drives_medicines_and_measurements() {
    let mut hba1c: [Vec<f64>; 2] = Default::default();
    for person in people(11, 300, today()) {
        let entries = entries(&person.transaction());
        let text = |entry: &Value| entry["resource"].to_string();
        let metformin = entries.iter().any(|entry| text(entry).contains("A10BA02"));
        let tiotropium = entries.iter().any(|entry| text(entry).contains("R03BB04"));
        assert_eq!(metformin, person.diabetes);
        assert_eq!(tiotropium, person.copd);
        let values = entries
            .iter()
            .filter(|entry| entry["resource"]["code"]["coding"][0]["code"] == "4548-4")
            .filter_map(|entry| entry["resource"]["valueQuantity"]["value"].as_f64());
        hba1c[usize::from(person.diabetes)].extend(values);
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!(mean(&hba1c[0]) < 5.8 && mean(&hba1c[1]) > 6.6, "{} {}", mean(&hba1c[0]), mean(&hba1c[1]));
}

#[test]
fn names_come_in_many_scripts() {
    let names: String = people(1, 200, today()).map(|person| person.display()).collect();
    for (script, range) in [
        ("Latin with diacritics", 'À'..='ž'),
        ("Greek", 'Α'..='ω'),
        ("Cyrillic", 'А'..='я'),
        ("Arabic", 'ء'..='ي'),
        ("Hebrew", 'א'..='ת'),
        ("Vietnamese", 'Ạ'..='ỹ'),
        ("Han", '一'..='龥'),
    ] {
        assert!(names.chars().any(|letter| range.contains(&letter)), "no {script}");
    }
    let longest = people(1, 200, today()).map(|person| person.display().chars().count()).max();
    assert!(longest > Some(90), "names longer than any column: {longest:?}");
}

#[test]
fn the_network_is_three_members_that_may_be_sent_twice() {
    let network = network(1);
    assert_eq!(
        network.members.iter().map(|member| member.id).collect::<Vec<_>>(),
        ["hospital-a", "hospital-b", "reading-centre"]
    );
    for member in &network.members {
        let entries = entries(&member.transaction());
        assert_references_resolve(&entries);
        assert!(entries.iter().all(|entry| entry["request"]["ifNoneExist"].is_string()));
    }
}

#[test]
fn a_stream_refers_only_backwards_and_can_be_joined_anywhere() {
    let all: Vec<_> = resources(3, 530).collect();
    let mut known = HashSet::new();
    let mut patients = 0;
    for resource in &all {
        let value: Value = serde_json::from_slice(&resource.json).unwrap();
        assert_eq!(value["id"], resource.id.as_str());
        assert_eq!(value["resourceType"], resource.kind);
        visit(&value, &mut |key, value| {
            if key == "reference" {
                assert!(known.contains(value.as_str().unwrap()), "{value} comes later");
            }
        });
        if resource.kind == "Patient" {
            assert_eq!(value["identifier"][0]["value"], load_mrn(3, patients as u64).as_str());
        }
        patients += usize::from(resource.kind == "Patient");
        assert!(known.insert(format!("{}/{}", resource.kind, resource.id)), "ids are unique");
    }
    assert_eq!(patients, 530_usize.div_ceil(26));
    let tail: Vec<_> = resources(3, 530).starting_at(400).collect();
    assert_eq!(tail, all[400..]);
}

#[test]
fn load_bundles_stand_alone() {
    let first = entries(&load_bundle(9, 0, 60));
    assert_eq!(first.len(), 60);
    assert_references_resolve(&first);
    let second = entries(&load_bundle(9, 1, 60));
    assert_ne!(first[0]["resource"]["identifier"], second[0]["resource"]["identifier"]);
    assert_ne!(first[0]["fullUrl"], second[0]["fullUrl"]);
}

fn phantom(size: PhantomSize) -> CtPhantom {
    phantom_of(1, size)
}

fn phantom_of(seed: u64, size: PhantomSize) -> CtPhantom {
    let person = person(1, 0, today());
    ct_phantom(seed, &person.facts(), &person.study_facts().unwrap(), size)
}

/// Calls `see` with HU and centre in mm of each voxel of a box around `center`, which is given in voxels.
fn voxels(phantom: &CtPhantom, center: [f64; 3], reach_mm: f64, mut see: impl FnMut(f64, f64)) {
    let truth = phantom.truth();
    let span = |axis: usize| {
        let half = reach_mm / truth.spacing_mm[axis];
        (center[axis] - half).ceil() as usize..=(center[axis] + half).floor() as usize
    };
    for slice in span(2) {
        let values = phantom.stored_values(slice);
        for row in span(1) {
            for column in span(0) {
                let hu = f64::from(values[row * truth.size[0] + column]) + f64::from(truth.rescale_intercept);
                let index = [column as f64, row as f64, slice as f64];
                let square: f64 =
                    (0..3).map(|i| ((index[i] - center[i]) * truth.spacing_mm[i]).powi(2)).sum();
                see(hu, square.sqrt());
            }
        }
    }
}

#[test]
fn calibration_spheres_have_their_mean() {
    let phantom = phantom(PhantomSize::default());
    for insert in phantom.truth().inserts {
        let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
        let radius = insert.diameter_mm / 2.0;
        voxels(&phantom, insert.center_voxel, radius, |hu, from_center| {
            if from_center <= radius - 2.0 {
                sum += hu;
                squares += (hu - insert.hu) * (hu - insert.hu);
                count += 1.0;
            }
        });
        let (mean, deviation): (f64, f64) = (sum / count, f64::sqrt(squares / count));
        assert!((mean - insert.hu).abs() < 0.5, "{}: {mean}", insert.material);
        assert!((deviation - 10.0).abs() < 0.5, "{}: noise {deviation}", insert.material);
    }
}

#[test]
fn nodules_have_their_volume() {
    for seed in 1..=3 {
        assert_volumes(&phantom_of(seed, PhantomSize::default()));
    }
}

fn assert_volumes(phantom: &CtPhantom) {
    let truth = phantom.truth();
    assert!(truth.nodules.len() >= 3);
    for nodule in &truth.nodules {
        let voxel: f64 = truth.spacing_mm.iter().product();
        let mut volume = 0.0;
        let reach = nodule.diameter_mm / 2.0 + 3.5;
        voxels(phantom, nodule.center_voxel, reach, |hu, from_center| {
            if from_center <= reach {
                volume += (hu - nodule.background_hu) / (nodule.hu - nodule.background_hu) * voxel;
            }
        });
        let error = volume / nodule.volume_mm3() - 1.0;
        assert!(error.abs() < 0.03, "{} mm in the {}: {error}", nodule.diameter_mm, nodule.lobe);
    }
}

#[test]
fn the_report_tells_of_the_nodules_in_the_images() {
    let person = person(1, 0, today());
    let ct = person.chest_ct.clone().unwrap();
    let phantom = person.ct_phantom(PhantomSize { columns: 16, rows: 16, slices: 1 }).unwrap();
    let nodules = phantom.truth().nodules;
    let report = entries(&person.transaction())
        .into_iter()
        .map(|entry| entry["resource"].clone())
        .find(|resource| {
            resource["resourceType"] == "DiagnosticReport"
                && resource["identifier"][0]["value"] == ct.accession.as_str()
        })
        .unwrap();
    let conclusion = report["conclusion"].as_str().unwrap();
    assert!(conclusion.starts_with(&format!("{} pulmonary nodules", nodules.len())), "{conclusion}");
    let largest = nodules.iter().map(|nodule| nodule.diameter_mm).fold(0.0, f64::max);
    assert!(conclusion.contains(&format!("{largest} mm")), "{conclusion}");
}

#[test]
fn files_are_part_10_and_repeat() {
    let size = PhantomSize { columns: 40, rows: 32, slices: 4 };
    let phantom = phantom(size);
    let file = phantom.slice(2);
    assert_eq!(&file[128..132], b"DICM");
    assert_eq!(file, phantom.slice(2));
    assert_ne!(phantom.instance_uid(1), phantom.instance_uid(2));
    // Pixel Data is the last element: 8 bytes of group, element, VR and reserved, then its length.
    let pixels = &file[file.len() - 40 * 32 * 2 - 12..];
    assert_eq!(&pixels[..8], b"\xe0\x7f\x10\x00OW\0\0");
    let person = person(1, 0, today());
    for kind in [
        SmallImage::Radiograph,
        SmallImage::UltrasoundCine,
        SmallImage::UltrasoundPalette,
        SmallImage::MagneticResonance,
    ] {
        let image = || single_frame(3, kind, &person.facts(), &person.study_facts().unwrap());
        assert_eq!(&image()[128..132], b"DICM");
        assert_eq!(image(), image());
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever the seed, the number and the day: a transaction whose references resolve, and no panic.
    #[test]
    fn any_person_of_any_day_has_a_history(seed: u64, number: u32, days in -62_091_i32..84_370) {
        let person = person(seed, number, Date::from_days(days));
        assert_references_resolve(&entries(&person.transaction()));
    }
}
