//! The tray: each decision, and what DICOMweb and FHIR answer afterwards.

use super::{get, send};
use crate::dicomweb::{Image, first, image, stocked, stow};
use crate::house::House;
use lenticular_policy::Role;
use lenticular_synth::SmallImage;
use serde_json::{Value, json};

/// The file with one text instead of another of the same length, everywhere.
fn rewritten(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut out = file.to_vec();
    let places: Vec<usize> = file
        .windows(from.len())
        .enumerate()
        .filter(|(_, w)| *w == from.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "{from} is in the file");
    for at in places {
        out[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    out
}

/// The same UID but for its last digit.
fn beside(uid: &str) -> String {
    let (front, last) = uid.split_at(uid.len() - 1);
    format!("{front}{}", if last == "1" { "2" } else { "1" })
}

fn other_pixels(file: &[u8]) -> Vec<u8> {
    let mut changed = file.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    changed
}

/// The value of Patient ID in the file.
fn patient_id(file: &[u8]) -> String {
    let at = file.windows(6).position(|w| w == b"\x10\x00\x20\x00LO").unwrap();
    let length = usize::from(u16::from_le_bytes([file[at + 6], file[at + 7]]));
    String::from_utf8(file[at + 8..at + 8 + length].to_vec()).unwrap()
}

/// Stores it, and gives its id in the tray.
async fn waiting(house: &House, file: &[u8]) -> String {
    let answer = stow(house, &house.a, "/dicom-web/studies", &[file]).await;
    assert_eq!(first(&answer.json()["00081199"]["Value"][0], "00081196"), 0xB000, "it waits");
    let tray = tray(house).await;
    tray.last().unwrap()["id"].as_str().unwrap().to_owned()
}

async fn tray(house: &House) -> Vec<Value> {
    get(house, &house.a, "/api/conflicts").await.json()["conflicts"].as_array().unwrap().clone()
}

async fn decide(house: &House, id: &str, decision: &str) -> u16 {
    let path = format!("/api/conflicts/{id}");
    send(house, &house.a, "POST", &path, json!({ "decision": decision })).await.status.as_u16()
}

async fn stored(house: &House, image: &Image) -> Vec<u8> {
    let answer = house.get(&house.a, &image.path(), "application/dicom; transfer-syntax=*").await;
    if answer.status == 200 { answer.body } else { Vec::new() }
}

/// Number of series and instances of a study as QIDO-RS, metadata and FHIR tell them; they agree.
async fn counts(house: &House, study: &str) -> (u64, u64) {
    let number =
        |value: &Value| value.as_str().map_or_else(|| value.as_u64(), |text| text.parse().ok()).unwrap_or(0);
    let found = get(house, &house.a, &format!("/dicom-web/studies?StudyInstanceUID={study}")).await;
    if found.body == b"[]" {
        assert_eq!(get(house, &house.a, &format!("/dicom-web/studies/{study}/metadata")).await.status, 404);
        let fhir = get(house, &house.a, &format!("/fhir/ImagingStudy?identifier=urn:oid:{study}")).await;
        assert_eq!(fhir.json()["total"].as_u64().unwrap_or(0), 0);
        assert!(fhir.json()["entry"].is_null(), "the ImagingStudy went with it");
        return (0, 0);
    }
    let found = found.json();
    let told = (number(first(&found[0], "00201206")), number(first(&found[0], "00201208")));
    let listed = async |what: &str| {
        let all = get(house, &house.a, &format!("/dicom-web/studies/{study}/{what}")).await;
        all.json().as_array().unwrap().len() as u64
    };
    assert_eq!((listed("series").await, listed("instances").await), told);
    assert_eq!(listed("metadata").await, told.1);
    let fhir = get(house, &house.a, &format!("/fhir/ImagingStudy?identifier=urn:oid:{study}")).await.json();
    let resource = &fhir["entry"][0]["resource"];
    assert_eq!((number(&resource["numberOfSeries"]), number(&resource["numberOfInstances"])), told);
    assert_eq!(resource["series"].as_array().unwrap().len() as u64, told.0);
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn to_keep_leaves_what_is_here() {
    let (house, images) = stocked().await;
    let before = counts(&house, &images[0].study).await;
    let id = waiting(&house, &other_pixels(&images[0].file)).await;
    assert_eq!(decide(&house, &id, "keep").await, 204);
    assert_eq!(tray(&house).await, Vec::<Value>::new());
    assert_eq!(stored(&house, &images[0]).await, images[0].file);
    assert_eq!(counts(&house, &images[0].study).await, before);
    assert_eq!(decide(&house, &id, "keep").await, 404, "it is decided");
    let path = format!("/api/conflicts/{id}");
    let all = json!({ "decision": "keep", "all": true });
    assert_eq!(send(&house, &house.a, "POST", &path, all).await.status, 404);
    let log = get(&house, &house.a, &format!("/fhir/AuditEvent?entity=Conflict/{id}&outcome=4")).await.json();
    assert_eq!(log["entry"].as_array().unwrap().len(), 2, "each refusal is in the log");
    // the same object again is the same contradiction: somebody may have another mind by now
    let again = waiting(&house, &other_pixels(&images[0].file)).await;
    assert_eq!(again, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn to_replace_makes_it_the_object_of_that_uid() {
    let (house, images) = stocked().await;
    let one = &images[0];
    let before = counts(&house, &one.study).await;
    let changed = other_pixels(&one.file);
    let id = waiting(&house, &changed).await;
    let shown = get(&house, &house.a, &format!("/api/conflicts/{id}")).await.json();
    assert_eq!(shown["choices"], json!(["keep", "replace"]));
    assert_eq!(first(&shown["incoming"]["attributes"], "00080018"), &one.instance);
    assert_eq!(first(&shown["current"]["attributes"], "00080018"), &one.instance);
    assert!(shown["incoming"]["attributes"]["7FE00010"].is_null(), "without bulk");
    let differing: Vec<_> =
        shown["differences"].as_array().unwrap().iter().map(|d| d["keyword"].as_str().unwrap()).collect();
    assert_eq!(differing, ["PixelData"]);
    for which in ["incoming", "current"] {
        let picture = get(&house, &house.a, &format!("/api/conflicts/{id}/rendered?which={which}")).await;
        assert_eq!((picture.status.as_u16(), picture.header("content-type")), (200, "image/jpeg"));
        assert!(picture.body.starts_with(&[0xFF, 0xD8]));
    }
    assert_eq!(get(&house, &house.a, &format!("/api/conflicts/{id}/rendered")).await.status, 400);
    assert_eq!(decide(&house, &id, "same_patient").await, 409);
    assert_eq!(decide(&house, &id, "burn").await, 400);
    assert_eq!(decide(&house, &id, "replace").await, 204);
    assert_eq!(stored(&house, one).await, changed);
    assert_eq!(counts(&house, &one.study).await, before);
    assert!(tray(&house).await.is_empty());
    let log = get(&house, &house.a, &format!("/fhir/AuditEvent?entity=Conflict/{id}&action=U")).await.json();
    let outcomes: Vec<_> =
        log["entry"].as_array().unwrap().iter().map(|e| &e["resource"]["outcome"]).collect();
    assert_eq!(outcomes, ["0", "4"], "newest first: the decision, and the one that was refused");
    // what was replaced comes back as a contradiction, not as a duplicate
    waiting(&house, &one.file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_replaced_may_change_its_series_and_study() {
    let (house, images) = stocked().await;
    let one = &images[0];
    let (series, instances) = counts(&house, &one.study).await;
    let moved = rewritten(&one.file, &one.series, &beside(&one.series));
    let id = waiting(&house, &moved).await;
    assert_eq!(decide(&house, &id, "replace").await, 204);
    assert_eq!(counts(&house, &one.study).await, (series, instances));
    assert_eq!(stored(&house, one).await, b"", "not in its old series");
    let at = Image { series: beside(&one.series), ..image(SmallImage::Radiograph) };
    assert_eq!(stored(&house, &at).await, moved);
    // and on into a study of its own, its series with it
    let moved = rewritten(&moved, &one.study, &beside(&one.study));
    let id = waiting(&house, &moved).await;
    assert_eq!(decide(&house, &id, "replace").await, 204);
    let alone = instances == 1;
    assert_eq!(counts(&house, &one.study).await, if alone { (0, 0) } else { (series - 1, instances - 1) });
    assert_eq!(counts(&house, &beside(&one.study)).await, (1, 1));
    assert_eq!(house.findings(), Vec::<String>::new(), "rows, indexes and blobs agree");
    let at = Image { study: beside(&one.study), ..at };
    assert_eq!(stored(&house, &at).await, moved);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_patient_under_two_numbers_is_decided_once_for_a_whole_study() {
    let (house, images) = stocked().await;
    let one = &images[0];
    let number = patient_id(&one.file);
    let mistyped = format!("9{}", &number[1..]);
    let before = counts(&house, &one.study).await;
    let mut ids = Vec::new();
    let mut uid = one.instance.clone();
    for digit in ["7", "8", "9"] {
        let next = format!("{}{digit}", &one.instance[..one.instance.len() - 1]);
        if next == one.instance {
            continue;
        }
        let file = rewritten(&rewritten(&one.file, &one.instance, &next), &number, &mistyped);
        ids.push(waiting(&house, &file).await);
        uid = next;
    }
    let listed = tray(&house).await;
    assert_eq!(listed[0]["patient_id"], mistyped.trim_end());
    assert!(listed[0]["patient_name"].is_string() && listed[0]["current_patient_name"].is_string());
    let shown = get(&house, &house.a, &format!("/api/conflicts/{}", ids[0])).await.json();
    assert_eq!(shown["choices"], json!(["keep", "same_patient"]));
    assert_eq!(decide(&house, &ids[0], "replace").await, 409);
    let path = format!("/api/conflicts/{}", ids[0]);
    let answer =
        send(&house, &house.a, "POST", &path, json!({ "decision": "same_patient", "all": true })).await;
    assert_eq!(answer.status, 204);
    assert!(tray(&house).await.is_empty());
    let added = ids.len() as u64;
    assert_eq!(counts(&house, &one.study).await, (before.0, before.1 + added));
    // all of the study is one patient's
    let patients = get(&house, &house.a, "/fhir/Patient").await.json();
    assert_eq!(patients["entry"].as_array().unwrap().len(), 1);
    assert_eq!(house.findings(), Vec::<String>::new());
    let found = get(&house, &house.a, &format!("/dicom-web/instances?SOPInstanceUID={uid}")).await.json();
    assert_eq!(found.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_only_object_may_come_back_for_another_patient() {
    let house = House::open().await;
    let one = image(SmallImage::MagneticResonance);
    stow(&house, &house.a, "/dicom-web/studies", &[&one.file]).await;
    let number = patient_id(&one.file);
    let file = rewritten(&one.file, &number, &format!("9{}", &number[1..]));
    let id = waiting(&house, &file).await;
    assert_eq!(decide(&house, &id, "replace").await, 204);
    assert_eq!(counts(&house, &one.study).await, (1, 1));
    let found = get(&house, &house.a, "/dicom-web/studies").await.json();
    assert_eq!(first(&found[0], "00100020").as_str().unwrap(), format!("9{}", number[1..].trim_end()));
    let study = get(&house, &house.a, "/fhir/ImagingStudy").await.json();
    let subject = study["entry"][0]["resource"]["subject"]["reference"].as_str().unwrap().to_owned();
    let patient = get(&house, &house.a, &format!("/fhir/{subject}")).await.json();
    assert_eq!(patient["identifier"][0]["value"], format!("9{}", number[1..].trim_end()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_stays_in_one_study() {
    let (house, images) = stocked().await;
    let one = &images[0];
    let file = rewritten(&one.file, &one.study, &beside(&one.study));
    let file = rewritten(&file, &one.instance, &beside(&one.instance));
    let id = waiting(&house, &file).await;
    let shown = get(&house, &house.a, &format!("/api/conflicts/{id}")).await.json();
    assert_eq!(shown["choices"], json!(["keep"]));
    assert_eq!(first(&shown["current"]["attributes"], "0020000E"), &one.series);
    assert_eq!(decide(&house, &id, "replace").await, 409);
    assert_eq!(decide(&house, &id, "keep").await, 204);
    assert!(tray(&house).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_the_tray_and_how_much_of_it() {
    let (house, images) = stocked().await;
    let id = waiting(&house, &other_pixels(&images[0].file)).await;
    let path = format!("/api/conflicts/{id}");
    let registrar = house.token("hospital-a", Role::Registrar).await;
    let shown = get(&house, &registrar, &path).await.json();
    let incoming = shown["incoming"]["attributes"].as_object().unwrap();
    assert!(incoming.contains_key("00100010") && incoming.keys().all(|tag| !tag.starts_with("0028")));
    assert!(!incoming.contains_key("0008103E"), "nor what may be a clinical word");
    assert_eq!(get(&house, &registrar, &format!("{path}/rendered?which=incoming")).await.status, 403);
    let administrator = house.token("hospital-a", Role::Administrator).await;
    assert_eq!(get(&house, &administrator, &path).await.status, 403);
    // another member knows nothing of it
    for path in [&path, &format!("{path}/rendered?which=current"), "/api/conflicts/none"] {
        assert_eq!(get(&house, &house.b, path).await.status, 404, "{path}");
    }
    let decided = send(&house, &house.b, "POST", &path, json!({ "decision": "keep" })).await;
    assert_eq!(decided.status, 404);
    assert_eq!(tray(&house).await.len(), 1);
    let answer = send(&house, &registrar, "POST", &path, json!({ "decision": "keep" })).await;
    assert_eq!(answer.status, 204);
}
