//! What is said about resources that are wrong, and that real ones are not.

use expect_test::{Expect, expect};
use lenticular_base::tree::{self, Object, Text, Tree};
use lenticular_fhir::validate::{MAX_ISSUES, validate};
use proptest::prelude::*;
use std::io::Write;
use std::process::{Command, Stdio};

#[track_caller]
fn check(json: &str, issues: Expect) {
    let tree = tree::parse(json.as_bytes()).expect("the test's JSON");
    let mut told = String::new();
    for issue in validate(&tree, None).err().unwrap_or_default() {
        told.push_str(&format!("{} {} -- {}\n", issue.code, issue.path, issue.text));
    }
    issues.assert_eq(&told);
}

#[test]
fn a_good_patient_is_good() {
    check(
        r##"{"resourceType":"Patient","id":"p1","meta":{"versionId":"1","lastUpdated":"2026-11-23T12:00:00Z",
        "profile":["http://x"],"tag":[{"system":"http://t","code":"a"}]},"implicitRules":"http://r","language":"de",
        "text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">P</div>"},
        "contained":[{"resourceType":"Organization","id":"o","name":"O"}],
        "extension":[{"url":"http://e","extension":[{"url":"a","valueDecimal":1.00}]},{"url":"b","_valueDate":{"id":"x"}}],
        "active":true,"name":[{"use":"official","family":"F","given":["A",null],"_given":[null,{"id":"x"}]}],
        "gender":"female","birthDate":"1970-01","_birthDate":{"extension":[{"url":"t","valueDateTime":"1970-01-01"}]},
        "deceasedBoolean":false,"multipleBirthInteger":2,"contact":[{"relationship":[{"text":"x"}]}],
        "managingOrganization":{"reference":"#o"},"link":[{"other":{"reference":"RelatedPerson/1"},"type":"seealso"}]}"##,
        expect![""],
    );
}

#[test]
fn elements_are_those_of_the_definitions() {
    check(
        r#"{"resourceType":"Patient","nam":[{"family":"x"}],"name":[{"famly":"x"}],"a b":1,"_contact":{},"_nam":{}}"#,
        expect![[r#"
            structure Patient.nam -- Patient has no element "nam"
            structure Patient.name[0].famly -- HumanName has no element "famly"
            structure Patient -- Patient has no element "a b"
            structure Patient.contact -- "contact" is no primitive, so there is no _contact
            structure Patient.nam -- Patient has no element "nam"
        "#]],
    );
}

#[test]
fn cardinality_decides_what_is_an_array() {
    check(
        r#"{"resourceType":"Observation","status":["final"],"category":{"text":"x"},"component":[],"note":[{}],"method":{}}"#,
        expect![[r#"
            structure Observation.status -- status does not repeat; it is no array
            structure Observation.category -- category repeats: it is an array, not an object
            structure Observation.component -- an array must not be empty
            structure Observation.note[0] -- an object must not be empty
            structure Observation.method -- an object must not be empty
            required Observation.code -- code is required
        "#]],
    );
}

#[test]
fn types_and_forms_are_checked() {
    check(
        r#"{"resourceType":"Patient","id":"a b","active":"true","birthDate":"1970-13","gender":3,
        "multipleBirthInteger":1.5,"name":["x"],"photo":[{"data":"a","size":-1,"url":"a b","title":""}],
        "contact":[{"period":{"start":"2026-01-01T10:00"}}],"language":" de","maritalStatus":null}"#,
        expect![[r#"
            value Patient.id -- "a b" is no id: 1 to 64 characters of A-Z, a-z, 0-9, '-' and '.'
            structure Patient.active -- boolean is true or false, not a string
            value Patient.birthDate -- "1970-13" is no date: YYYY, YYYY-MM or YYYY-MM-DD
            structure Patient.gender -- code is a string, not a number
            value Patient.multipleBirth.ofType(integer) -- 1.5 is no integer: a whole number of 32 bits
            structure Patient.name[0] -- HumanName is an object, not a string
            value Patient.photo[0].data -- no base64: it is not a multiple of four characters
            value Patient.photo[0].size -- -1 is no unsignedInt: a whole number from 0 to 2147483647
            value Patient.photo[0].url -- "a b" is no url: no white space
            value Patient.photo[0].title -- a string must not be empty
            value Patient.contact[0].period.start -- "2026-01-01T10:00" is no dateTime: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a zone
            value Patient.language -- " de" is no code: no space at its ends, and single ones within
            structure Patient.maritalStatus -- CodeableConcept is an object, not null
        "#]],
    );
}

#[test]
fn a_choice_is_made_once() {
    check(
        r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueString":"a",
        "_valueInteger":{"id":"x"},"valueQuantity":{"value":1},"value":1,"valueFoo":1}"#,
        expect![[r#"
            structure Observation.value.ofType(integer) -- only one value[x] may be there
            structure Observation.value.ofType(Quantity) -- only one value[x] may be there
            structure Observation.value -- Observation has no element "value"
            structure Observation.valueFoo -- Observation has no element "valueFoo"
        "#]],
    );
}

#[test]
fn required_elements_may_be_extensions_alone() {
    check(
        r#"{"resourceType":"Observation","_status":{"extension":[{"url":"http://x","valueCode":"unknown"}]},"code":{"text":"x"}}"#,
        expect![""],
    );
    check(
        r#"{"resourceType":"MedicationRequest","intent":"order","status":"active"}"#,
        expect![[r#"
            required MedicationRequest.medication -- medication[x] is required
            required MedicationRequest.subject -- subject is required
        "#]],
    );
}

#[test]
fn extensions_of_primitives_stand_beside_them() {
    check(
        r#"{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null]},{"given":[null],"_given":[{}]},
        {"_given":[null]},{"_given":["x",{"value":1}]},{"_family":[{"id":"x"}]},{"_given":{"id":"x"}}],"_active":null}"#,
        expect![[r#"
            structure Patient.name[0].given[1] -- string is a string, not null
            structure Patient.name[0].given -- given and _given have a different number of items
            structure Patient.name[0].given -- _given holds nothing
            structure Patient.name[1].given[0] -- an object must not be empty
            structure Patient.name[2].given -- _given holds nothing
            structure Patient.name[3].given[0] -- _given holds objects and nulls, not a string
            structure Patient.name[3].given[1].value -- Element has no element "value"
            structure Patient.name[4].family -- _family is an object, not an array
            structure Patient.name[5].given -- _given is an array, not an object
            structure Patient.active -- _active is an object, not null
        "#]],
    );
}

#[test]
fn extensions_have_a_url_and_one_content() {
    check(
        r#"{"resourceType":"Basic","code":{"text":"x"},"extension":[{"valueString":"x"},{"url":"a"},
        {"url":"a","valueString":"x","extension":[{"url":"b","valueBoolean":true}]},
        {"url":"a","valueString":"x","valueBoolean":true}]}"#,
        expect![[r#"
            required Basic.extension[0].url -- url is required
            structure Basic.extension[1] -- an extension has either a value or extensions of its own (ext-1)
            structure Basic.extension[2] -- an extension has either a value or extensions of its own (ext-1)
            structure Basic.extension[3].value.ofType(boolean) -- only one value[x] may be there
        "#]],
    );
}

#[test]
fn required_bindings_hold_for_codes_and_concepts() {
    check(
        r#"{"resourceType":"Condition","subject":{"reference":"Patient/1"},
        "clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"foo"}]},
        "verificationStatus":{"text":"confirmed"}}"#,
        expect![[r#"
            code-invalid Condition.clinicalStatus -- a code of condition-clinical is required here
            code-invalid Condition.verificationStatus -- a code of condition-ver-status is required here
        "#]],
    );
    check(
        r#"{"resourceType":"Patient","gender":"w","name":[{"use":"offical"}]}"#,
        expect![[r#"
            code-invalid Patient.gender -- "w" is no code of administrative-gender
            code-invalid Patient.name[0].use -- "offical" is no code of name-use
        "#]],
    );
}

#[test]
fn references_name_a_type_that_may_stand_there() {
    check(
        r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Practitioner/1"},
        "encounter":{"reference":"Patient?x=1"},"performer":[{"reference":"http://x/Group/1"},{"reference":"urn:uuid:1"}]}"#,
        expect![[r#"
            value Observation.subject.reference -- a reference to "Practitioner" may not stand here, only to Device, Group, Location, Patient
            value Observation.encounter.reference -- a reference to "Patient" may not stand here, only to Encounter
        "#]],
    );
}

#[test]
fn contained_resources_and_entries_are_checked_too() {
    check(
        r#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Basic","code":{"text":"x"},
        "contained":[{"resourceType":"Patient","id":"a","contained":[{"resourceType":"Patient","id":"b"}],
        "meta":{"versionId":"1"}},{"resourceType":"Foo"},{"resourceType":"Patient","gender":1,"id":"a"}]}},
        {"resource":{"id":"x"}},{"resource":[]}]}"#,
        expect![[r#"
            structure Bundle.entry[0].resource.contained[0].contained -- a contained resource contains no others (dom-2)
            structure Bundle.entry[0].resource.contained[0].meta -- a contained resource has no meta.versionId (dom-4)
            invalid Bundle.entry[0].resource.contained[1].resourceType -- "Foo" is no resource type of FHIR R4
            structure Bundle.entry[0].resource.contained[2].gender -- code is a string, not a number
            duplicate Bundle.entry[0].resource.contained[2] -- two contained resources have this id
            required Bundle.entry[1].resource.resourceType -- resourceType is missing
            structure Bundle.entry[2].resource -- resource does not repeat; it is no array
        "#]],
    );
}

#[test]
fn narratives_do_not_run() {
    check(
        r#"{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p onclick='x'>a</p></div>"}}"#,
        expect![[r#"
            value Patient.text.div -- a narrative holds nothing that runs (txt-1)
        "#]],
    );
}

#[test]
fn escapes_hide_nothing() {
    check(
        r#"{"resourceType":"Patient","resource\u0054ype":"Basic","id":"a","\u0069d":"b","\u0061ctive":1}"#,
        expect![[r#"
            structure Patient.resourceType -- resourceType stands there twice
            structure Patient.id -- only one id may be there
            structure Patient.active -- boolean is true or false, not a number
        "#]],
    );
}

#[test]
fn what_is_no_resource_is_refused() {
    for (json, path) in [
        ("1", "Resource"),
        ("{}", "Resource.resourceType"),
        (r#"{"resourceType":1}"#, "Resource.resourceType"),
    ] {
        let tree = tree::parse(json.as_bytes()).unwrap();
        assert_eq!(validate(&tree, None).unwrap_err()[0].path, path);
    }
    let tree = tree::parse(br#"{"resourceType":"Patient","active":true}"#).unwrap();
    assert_eq!(validate(&tree, Some("Patient")), Ok(()));
    let issues = validate(&tree, Some("Basic")).unwrap_err();
    assert_eq!((issues[0].code, issues[0].path.as_str()), ("invalid", "Patient.resourceType"));
}

#[test]
fn hostile_members_cost_no_square() {
    // 100,000 spellings of one name, and as many nulls beside 100,000 unknown names.
    let spelling = |number: u32| {
        let letters = "instantiatesCanonical".chars().enumerate();
        letters.map(
            move |(at, c)| if number >> at & 1 == 1 { format!("\\u{:04x}", u32::from(c)) } else { c.into() },
        )
    };
    let spellings: Vec<String> =
        (0..100_000).map(|n| format!(r#""_{}":[{{"id":"x"}}]"#, spelling(n).collect::<String>())).collect();
    let nulls = vec!["null"; 100_000].join(",");
    let unknown: Vec<String> = (0..100_000).map(|n| format!(r#""x{n}":1"#)).collect();
    for json in [
        format!(r#"{{"resourceType":"CarePlan",{},"instantiatesCanonical":["x"]}}"#, spellings.join(",")),
        format!(r#"{{"resourceType":"CarePlan","instantiatesCanonical":[{nulls}],{}}}"#, unknown.join(",")),
    ] {
        let tree = tree::parse(json.as_bytes()).unwrap();
        let start = std::time::Instant::now();
        assert_eq!(validate(&tree, None).unwrap_err().len(), MAX_ISSUES);
        assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    }
}

#[test]
fn many_issues_are_told_only_so_far() {
    let names = vec!["{}"; 1000].join(",");
    let json = format!(r#"{{"resourceType":"Patient","name":[{names}]}}"#);
    let tree = tree::parse(json.as_bytes()).unwrap();
    assert_eq!(validate(&tree, None).unwrap_err().len(), MAX_ISSUES);
}

/// 27,860 synthetic resources of 42 Bundles.
#[test]
fn real_records_are_good() {
    let folder = std::env::var("LENTICULAR_CORPUS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").to_owned());
    let path = std::path::Path::new(&folder).join("fhir/synthea-r4.tar");
    let Ok(archive) = std::fs::read(&path) else {
        assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
        return eprintln!("{} is not here: not tested", path.display());
    };
    let mut files = 0;
    for file in tar_files(&archive) {
        let Some(json) = unpack(file) else { return };
        let tree = tree::parse(&json).unwrap();
        assert_eq!(validate(&tree, Some("Bundle")), Ok(()));
        files += 1;
    }
    assert_eq!(files, 42);
}

/// What a file of the archive holds, by the program `bzip2`.
fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let child = Command::new("bzip2").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        assert!(std::env::var_os("CI").is_none(), "bzip2 is missing");
        eprintln!("bzip2 is not here: not tested");
        return None;
    };
    let mut input = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(packed).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success());
    Some(output.stdout)
}

/// The packed JSON files of a POSIX archive.
fn tar_files(archive: &[u8]) -> Vec<&[u8]> {
    let mut files = Vec::new();
    let mut at = 0;
    while at + 512 <= archive.len() && archive[at] != 0 {
        let header = &archive[at..at + 512];
        let field = |range: std::ops::Range<usize>| {
            String::from_utf8_lossy(&header[range]).trim_matches(['\0', ' ']).to_owned()
        };
        let size = usize::from_str_radix(&field(124..136), 8).unwrap();
        let is_file = matches!(header[156], b'0' | 0);
        if is_file && field(0..100).ends_with(".json.bz2") {
            files.push(&archive[at + 512..at + 512 + size]);
        }
        at += 512 + size.div_ceil(512) * 512;
    }
    files
}

/// Trees that use the names of the definitions in wrong places.
fn trees() -> impl Strategy<Value = Tree<'static>> {
    let name = prop_oneof![
        Just("resourceType"),
        Just("contained"),
        Just("extension"),
        Just("url"),
        Just("valueString"),
        Just("_valueString"),
        Just("given"),
        Just("_given"),
        Just("name"),
        Just("text"),
        Just("div"),
        Just("entry"),
        Just("resource"),
        Just("reference"),
        Just("subject"),
        Just("meta"),
        Just("birthDate"),
        Just("\u{e9}\"_"),
    ];
    let word = prop_oneof![
        Just("Patient".to_owned()),
        Just("Bundle".to_owned()),
        Just("Observation".to_owned()),
        any::<String>()
    ];
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        any::<i64>().prop_map(Tree::integer),
        word.prop_map(Tree::string),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::Array),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|members| {
                let mut object = Object::default();
                for (name, value) in members {
                    let value = if name == "resourceType" { Tree::string("Patient") } else { value };
                    if object.get(name).is_none() {
                        object.members.push((Text::new(name), value));
                    }
                }
                Tree::Object(object)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_tree_panics(mut tree in trees(), kind in prop_oneof![Just("Patient"), Just("Bundle"), Just("Observation")]) {
        if let Some(object) = tree.as_object_mut() {
            object.set("resourceType", Tree::string(kind));
        }
        let issues = validate(&tree, Some("Patient")).err().unwrap_or_default();
        prop_assert!(issues.len() <= MAX_ISSUES);
        let json = lenticular_fhir::outcome::from_issues(&issues);
        let outcome = tree::parse(json.as_bytes()).unwrap();
        prop_assert_eq!(validate(&outcome, Some("OperationOutcome")), Ok(()));
        if let Ok(body) = lenticular_fhir::resource::prepare(&tree, "x") {
            let mut served = Vec::new();
            lenticular_fhir::resource::splice(&body.json, body.splice, 1, lenticular_base::Instant(0), &mut served);
            let served = tree::parse(&served).unwrap();
            prop_assert_eq!(served.get("meta").unwrap().text_at("versionId").unwrap(), "1");
            let again = lenticular_fhir::resource::prepare(&served, "x").unwrap();
            prop_assert_eq!(again, body);
        }
        let _ = lenticular_fhir::bundle::read(tree.clone());
        if let Some(kind) = lenticular_fhir::kinds::kind(kind) {
            let _ = lenticular_fhir::compartment::patient_of(&tree, kind);
        }
        let before = tree.clone();
        lenticular_fhir::reference::for_each_reference_mut(&mut tree, &mut |_, _| {});
        prop_assert_eq!(tree, before);
    }
}
