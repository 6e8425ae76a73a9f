//! The studies of the demonstration: their files say where and how large things are, and the pixels agree.

use super::part10::{File, read};
use super::{entries, today};
use lenticular_synth::{
    Captures, CtPhantom, DEMO_PEOPLE, Echo, EchoSize, ExamKind, MrPhantom, MrSize, Network, PhantomSize,
    Study, hostile_study, people, person, prior_ct_phantom,
};
use std::collections::{HashMap, HashSet};

fn studies() -> Vec<Study> {
    Network::studies(1, today())
}

fn first(kind: ExamKind) -> Study {
    studies().into_iter().find(|study| study.kind == kind).unwrap()
}

fn mean(values: &[f64]) -> f64 {
    assert!(!values.is_empty(), "there is something to measure");
    values.iter().sum::<f64>() / values.len() as f64
}

/// Stored values of the voxels whose middles lie within `radius` mm of a point, by what the files themselves say of
/// their place (PS3.3 §C.7.6.2.1.1).
fn around(files: &[File], center: [f64; 3], radius: f64) -> Vec<f64> {
    let mut found = Vec::new();
    for file in files {
        let columns = file.short(0x0028_0011);
        let (position, direction) = (file.numbers(0x0020_0032), file.numbers(0x0020_0037));
        let spacing = file.numbers(0x0028_0030);
        let row_step: [f64; 3] = std::array::from_fn(|i| direction[i] * spacing[1]);
        let column_step: [f64; 3] = std::array::from_fn(|i| direction[3 + i] * spacing[0]);
        for (row, line) in file.bytes(0x7fe0_0010).chunks_exact(2 * columns).enumerate() {
            for column in 0..columns {
                let square: f64 = (0..3)
                    .map(|i| {
                        position[i] + row_step[i] * column as f64 + column_step[i] * row as f64 - center[i]
                    })
                    .map(|off| off * off)
                    .sum();
                if square <= radius * radius {
                    found.push(f64::from(i16::from_le_bytes([line[2 * column], line[2 * column + 1]])));
                }
            }
        }
    }
    found
}

#[test]
fn the_demonstration_has_studies_of_every_kind_and_most_are_small() {
    let people: HashMap<u32, _> =
        people(1, DEMO_PEOPLE, today()).map(|person| (person.number, person)).collect();
    let mut kinds: HashMap<ExamKind, usize> = HashMap::new();
    let mut uids = HashSet::new();
    let studies = studies();
    assert!((25..=40).contains(&studies.len()), "{} studies", studies.len());
    for study in &studies {
        *kinds.entry(study.kind).or_default() += 1;
        let file = read(&study.instance(study.instances() - 1));
        let person = &people[&study.person];
        assert_eq!(study.member, person.member);
        assert_eq!(file.text(0x0010_0020), person.mrn);
        assert_eq!(file.text(0x0008_0060), study.modality);
        assert_eq!(file.text(0x0020_000d), study.facts.study_uid);
        assert_eq!(file.text(0x0008_0050), study.facts.accession);
        assert!(uids.insert(study.facts.study_uid.clone()), "study UIDs are unique");
        assert!(uids.insert(file.text(0x0008_0018)), "instance UIDs are unique");
        let truth: serde_json::Value = serde_json::from_str(&study.truth_json()).unwrap();
        assert_eq!(truth["modality"], study.modality);
        assert!(study.instances() <= 160, "{:?} of {}", study.kind, study.person);
    }
    for (kind, least) in [
        (ExamKind::ChestCt, 8),
        (ExamKind::PriorChestCt, 1),
        (ExamKind::HeadMr, 2),
        (ExamKind::ChestRadiograph, 5),
        (ExamKind::Echo, 2),
        (ExamKind::Captures, 2),
    ] {
        assert!(kinds.get(&kind).is_some_and(|&count| count >= least), "{kind:?}: {kinds:?}");
    }
    assert!(studies.iter().filter(|study| study.instances() > 40).count() <= 3);
}

#[test]
fn every_study_repeats_and_numbers_its_instances() {
    for kind in [ExamKind::HeadMr, ExamKind::ChestRadiograph, ExamKind::Echo, ExamKind::Captures] {
        let (study, again) = (first(kind), first(kind));
        assert_eq!(study.instance(0), again.instance(0), "{kind:?}");
    }
    let study = studies().into_iter().filter(|study| study.kind == ExamKind::HeadMr).nth(1).unwrap();
    let mut seen = HashSet::new();
    let mut series = HashSet::new();
    for index in 0..study.instances() {
        let file = read(&study.instance(index));
        assert!(seen.insert(file.text(0x0008_0018)));
        series.insert(file.text(0x0020_000e));
    }
    assert_eq!(series.len(), 4);
}

#[test]
fn every_study_is_told_of_in_the_record() {
    for person in people(1, 40, today()).filter(|person| !person.exams.is_empty()) {
        let reports: Vec<_> = entries(&person.transaction())
            .into_iter()
            .map(|entry| entry["resource"].clone())
            .filter(|resource| resource["resourceType"] == "DiagnosticReport")
            .collect();
        for exam in &person.exams {
            let named = format!("urn:oid:{}", exam.study_uid);
            let report = reports.iter().find(|report| {
                report["imagingStudy"][0]["identifier"]["value"] == named.as_str()
                    && report["identifier"][0]["value"] == exam.accession.as_str()
            });
            let report = report.unwrap_or_else(|| panic!("no report of {}", exam.accession));
            assert!(report["conclusion"].as_str().is_some_and(|text| text.len() > 10));
        }
    }
}

fn sphere(phantom: &CtPhantom, radius: f64, hu: f64) {
    let truth = phantom.truth().sphere;
    assert_eq!([truth.radius_mm, truth.hu], [radius, hu]);
    let near = |index: &usize| {
        let z = (*index as f64 + 0.5) * 320.0 / phantom.slices() as f64;
        (z - truth.sphere_center_mm[2]).abs() < radius + 4.0
    };
    let files: Vec<File> =
        (0..phantom.slices()).filter(near).map(|index| read(&phantom.slice(index))).collect();
    let stored = around(&files, truth.sphere_center_mm, radius - 2.0);
    assert!((mean(&stored) - 1024.0 - hu).abs() < 0.3, "{}", mean(&stored));
    // What each voxel lacks of the liver's HU adds up to the volume.
    let spacing = files[0].numbers(0x0028_0030);
    let voxel = spacing[0] * spacing[1] * 320.0 / phantom.slices() as f64;
    let reach = radius + 3.0;
    let lack: f64 = around(&files, truth.sphere_center_mm, reach)
        .iter()
        .map(|value| (truth.background_hu - (value - 1024.0)) / (truth.background_hu - hu))
        .sum();
    let diameter = (lack * voxel * 6.0 / std::f64::consts::PI).cbrt();
    assert!((diameter / (2.0 * radius) - 1.0).abs() < 0.01, "{diameter}");
    assert!(truth.sphere_center_mm[0] < 0.0, "the liver is on the right");
}

#[test]
fn the_sphere_measures_true_today_and_a_year_before() {
    sphere(first(ExamKind::ChestCt).ct().unwrap(), 20.0, 60.0);
    let (now, prior) = (first(ExamKind::ChestCt), first(ExamKind::PriorChestCt));
    sphere(prior.ct().unwrap(), 15.0, 60.0);
    let (now, before) = (now.ct().unwrap().truth(), prior.ct().unwrap().truth());
    assert_eq!(now.nodules.len(), before.nodules.len());
    for (now, before) in now.nodules.iter().zip(&before.nodules) {
        assert_eq!(now.center_mm, before.center_mm);
        assert!((before.diameter_mm / now.diameter_mm - 0.6).abs() < 0.01);
    }
    assert_eq!(prior.patient.mrn, first(ExamKind::ChestCt).patient.mrn);
    assert!(prior.facts.when.date < first(ExamKind::ChestCt).facts.when.date.plus(-365));
}

#[test]
fn a_series_of_five_hundred_slices_comes_slice_by_slice() {
    let person = person(1, 0, today());
    let size = PhantomSize { columns: 64, rows: 64, ..PhantomSize::LOAD };
    let phantom = prior_ct_phantom(9, &person.facts(), &person.study_facts().unwrap(), size);
    let last = read(&phantom.slice(499));
    assert_eq!(last.text(0x0020_0013), "500");
    let [low, high] = [0, 499].map(|index| read(&phantom.slice(index)).numbers(0x0020_0032)[2]);
    assert!((high - low - 499.0 * 0.64).abs() < 1e-6);
}

#[test]
fn the_lesion_of_the_head_is_on_the_left_in_every_series() {
    let person = person(1, 3, today());
    let facts = person.exam_facts(&person.exams[0]);
    let phantom = MrPhantom::new(5, &person.facts(), &facts, MrSize { matrix: 128, slices: 48 });
    let truth = phantom.truth();
    assert!(truth.lesion_center_mm[0] > 0.0 && truth.fiducial_center_mm[0] > 0.0);
    let mut at = 0;
    for series in &truth.series {
        let files: Vec<File> =
            (at..at + series.size[2]).map(|index| read(&phantom.instance(index))).collect();
        at += series.size[2];
        assert!(files.iter().all(|file| file.text(0x0020_000e) == series.uid));
        assert!(!files[0].has(0x0028_1052), "stored values are the signal itself");
        let expected = truth.lesion_values[usize::from(series.description.starts_with("T2"))];
        let here = mean(&around(&files, truth.lesion_center_mm, truth.lesion_radius_mm - 4.5));
        assert!((here / expected - 1.0).abs() < 0.02, "{}: {here}", series.description);
        let [x, y, z] = truth.lesion_center_mm;
        let across = mean(&around(&files, [-x, y, z], truth.lesion_radius_mm - 4.5));
        assert!((across / expected - 1.0).abs() > 0.2, "{}: {across}", series.description);
        // Slices lie where the truth says.
        let voxel = series.voxel(truth.lesion_center_mm);
        let back = series.point(voxel);
        assert!((0..3).all(|i| (back[i] - truth.lesion_center_mm[i]).abs() < 1e-9));
        let second = files[1].numbers(0x0020_0032);
        let expected = series.point([0.0, 0.0, 1.0]);
        assert!((0..3).all(|i| (second[i] - expected[i]).abs() < 1e-5));
    }
    assert_eq!(at, phantom.instances());
}

#[test]
fn the_radiograph_shows_left_on_the_right_of_the_picture() {
    let study = first(ExamKind::ChestRadiograph);
    let phantom = lenticular_synth::ChestRadiograph::new(3, &study.patient, &study.facts);
    let truth = phantom.truth();
    let file = read(&phantom.instance(0));
    assert_eq!(file.text(0x0028_0004), "MONOCHROME1");
    assert_eq!(file.text(0x0020_0020), "L\\F");
    assert_eq!(read(&phantom.instance(1)).text(0x0020_0020), "P\\F");
    assert_eq!(file.numbers(0x0028_0030), [truth.pixel_spacing_mm; 2]);
    assert_eq!(file.numbers(0x0018_1164), [truth.imager_spacing_mm; 2]);
    assert_eq!([file.short(0x0028_0100), file.short(0x0028_0101)], [16, 12]);
    let columns = usize::from(truth.size[0]);
    let words = file.words();
    assert!(words.iter().all(|&value| (0.0..4096.0).contains(&value)));
    let disc = |[x, y]: [f64; 2], radius: f64| {
        let inside = |at: &usize| {
            let (column, row) = ((at % columns) as f64, (at / columns) as f64);
            (column - x).powi(2) + (row - y).powi(2) <= radius * radius
        };
        mean(&(0..words.len()).filter(inside).map(|at| words[at]).collect::<Vec<_>>())
    };
    let mirrored = |[x, y]: [f64; 2]| [f64::from(truth.size[0] - 1) - x, y];
    let middle = f64::from(truth.size[0]) / 2.0;
    for (name, shadow, radius) in [("heart", truth.heart, 15.0), ("nodule", truth.nodule, 12.0)] {
        assert!(shadow[0] > middle, "the {name} is on the left");
        assert!(disc(shadow, radius) < 0.93 * disc(mirrored(shadow), radius), "the {name} is whiter");
    }
    let [left, top, width, height] = truth.marker.map(usize::from);
    assert!(left as f64 > middle);
    let value = |column: usize, row: usize| words[row * columns + column];
    assert!(value(left, top) == 0.0 && value(left + width - 1, top + height - 1) == 0.0);
    assert!(value(left + width - 1, top) > 0.0, "an L has no upper arm");
}

#[test]
fn the_heart_beats_and_its_scale_is_true() {
    let study = first(ExamKind::Echo);
    for size in [EchoSize { frames: 26, ..EchoSize::default() }, EchoSize::small()] {
        let phantom = Echo::new(2, &study.patient, &study.facts, size);
        let truth = phantom.truth();
        let file = read(&phantom.instance());
        let [columns, rows, frames] = truth.size;
        assert_eq!([file.short(0x0028_0011), file.short(0x0028_0010)], [columns, rows]);
        assert_eq!(file.numbers(0x0028_0008), [frames as f64]);
        assert_eq!(file.numbers(0x0018_1063), [33.0]);
        assert!((truth.tick_pixels * truth.delta_cm - 1.0).abs() < 1e-12);
        let region = file.bytes(0x0018_6011);
        let delta = truth.delta_cm.to_le_bytes();
        assert_eq!(
            region.windows(8).filter(|&window| window == delta).count(),
            2,
            "the region is calibrated"
        );
        let (sampled, pixels) = (if size.subsampled { 2 } else { 3 }, file.bytes(0x7fe0_0010));
        let frame_bytes = columns * rows * sampled;
        assert_eq!(pixels.len(), frame_bytes * frames);
        let frame = |number: usize| &pixels[number * frame_bytes..(number + 1) * frame_bytes];
        let differ = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(a, b)| a.abs_diff(**b) > 40).count();
        assert!(differ(frame(0), frame(9)) > frame_bytes / 50, "the walls move");
        assert!(size.subsampled || differ(frame(0), frame(24)) < frame_bytes / 200, "and come back");
    }
}

#[test]
fn the_captures_have_their_colours() {
    let study = first(ExamKind::Captures);
    let page = read(&study.instance(0));
    let [x, y] = Captures::RED_SQUARE.map(usize::from);
    let at = (y * page.short(0x0028_0011) + x) * 3;
    assert_eq!(page.bytes(0x7fe0_0010)[at..at + 3], Captures::RED);
    let map = read(&study.instance(1));
    assert_eq!(map.text(0x0028_0004), "PALETTE COLOR");
    assert_eq!(map.bytes(0x0028_1201).len(), 512);
}

#[test]
fn hostile_texts_are_written_as_they_are() {
    let name = "<img src=x onerror=alert(1)>^\u{202e}abc".as_bytes();
    let long = "ä".repeat(5000);
    let files = hostile_study(4, name, long.as_bytes(), b"\xff\xfe\x00broken");
    assert_eq!(files.len(), 2);
    let file = read(&files[0]);
    assert!(file.bytes(0x0010_0010).starts_with(name));
    assert_eq!(file.text(0x0008_1030), long);
    assert!(file.bytes(0x0008_103e).starts_with(b"\xff\xfe\x00broken"));
    assert_eq!(file.text(0x0008_0005), "ISO_IR 192");
    assert_eq!(read(&files[1]).text(0x0020_000d), file.text(0x0020_000d));
    assert!(read(&hostile_study(4, &[b'x'; 100_000], b"", b"")[0]).bytes(0x0010_0010).len() <= 0xfffe);
}
