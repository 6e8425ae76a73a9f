//! The numbers of search parameters, which are on disk.

use crate::extract::kind;
use expect_test::expect;
use lenticular_fhir::kinds;
use lenticular_fhir::searchparams::{SearchType, by_code, by_param, params_of};

#[test]
fn the_numbers_on_disk_never_change() {
    let number = |name: &str, code: &str| by_code(kind(name), code).unwrap().param.0 & 0xffff;
    let golden = [
        number("Patient", "_id"),
        number("Patient", "identifier"),
        number("Patient", "telecom"),
        number("Observation", "_tag"),
        number("Observation", "code"),
        number("Observation", "patient"),
        number("Observation", "value-string"),
        number("Encounter", "date"),
        number("ImagingStudy", "started"),
    ];
    expect![[r#"
        [
            0,
            21,
            28,
            5,
            8,
            35,
            43,
            10,
            20,
        ]
    "#]]
    .assert_debug_eq(&golden);
    // Every code of every type in its place.
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    let mut count = 0;
    for (kind, name) in kinds::all() {
        for param in params_of(kind) {
            let line = format!("{name} {} {}\n", param.code, param.param.0);
            digest = line.bytes().fold(digest, |d, b| (d ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
            count += 1;
        }
    }
    expect!["2573 5e4fc3e1adeeb5dc"].assert_eq(&format!("{count} {digest:016x}"));
}

#[test]
fn every_code_of_every_type_is_found_again() {
    for (kind, name) in kinds::all() {
        for param in params_of(kind) {
            assert_eq!(by_code(kind, param.code), Some(param), "{name}");
            assert_eq!(by_param(param.param), Some(param), "{name}");
        }
    }
    assert_eq!(by_code(kind("Patient"), "birthdate").unwrap().search_type, SearchType::Date);
    assert_eq!(by_code(kind("Patient"), "colour"), None);
}
