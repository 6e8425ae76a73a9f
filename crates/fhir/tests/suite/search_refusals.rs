//! What a search refuses and says, what shapes its answer, and how far it may go.

use crate::search::{check, read};
use expect_test::expect;
use lenticular_fhir::search::fuzz;

#[test]
fn what_is_unknown_is_refused_by_name() {
    check(
        "Patient?colour=red",
        expect![[r#"
        not-supported: Patient has no search parameter 'colour'; 
    "#]],
    );
    check(
        "Patient?name:like=x",
        expect![[r#"
        not-supported: 'name' does not take the modifier ':like'; it takes: :missing, :exact, :contains
    "#]],
    );
    check(
        "Patient?gender:exact=x",
        expect![[r#"
        not-supported: 'gender' does not take the modifier ':exact'; it takes: :missing, :not
    "#]],
    );
    check(
        "Patient?name=",
        expect![[r#"
        invalid: 'name=': a value is empty
    "#]],
    );
    check(
        "Patient?name=a,,b",
        expect![[r#"
        invalid: 'name=a,,b': a value is empty
    "#]],
    );
    check(
        "Patient?_count:max=3",
        expect![[r#"
        not-supported: '_count' does not take the modifier ':max'; it takes: none
    "#]],
    );
    let known = read("Flag?colour=red", false).unwrap_err().to_string();
    expect!["Flag has no search parameter 'colour'; known are: _id, _lastUpdated, _profile, _security, _source, _tag, author, date, encounter, identifier, patient, subject"].assert_eq(&known);
}

#[test]
fn what_comes_later_is_refused_by_name() {
    check(
        "Observation?patient.name=x",
        expect![[r#"
        not-supported: 'patient.name': a chained parameter is not supported here
    "#]],
    );
    check(
        "Observation?subject:Patient.name=x",
        expect![[r#"
        not-supported: 'subject:Patient.name': a chained parameter is not supported here
    "#]],
    );
    check(
        "Patient?_has:Observation:patient:code=1",
        expect![[r#"
        not-supported: '_has': this parameter is not supported here
    "#]],
    );
    check(
        "Observation?code-value-quantity=1$2",
        expect![[r#"
        not-supported: 'code-value-quantity': a parameter of type composite is not supported here
    "#]],
    );
    check(
        "Observation?code:in=http://vs",
        expect![[r#"
        not-supported: 'code:in': the modifier ':in' is not supported here
    "#]],
    );
    check(
        "Observation?subject:identifier=a|b",
        expect![[r#"
        not-supported: 'subject:identifier': the modifier ':identifier' is not supported here
    "#]],
    );
    check(
        "Observation?_text=x",
        expect![[r#"
        not-supported: '_text': this parameter is not supported here
    "#]],
    );
    check(
        "Location?near=1|2",
        expect![[r#"
        not-supported: 'near': a parameter of type special is not supported here
    "#]],
    );
    check(
        "ValueSet?url:below=http://x",
        expect![[r#"
        not-supported: 'url:below': the modifier ':below' is not supported here
    "#]],
    );
    check(
        "Observation?_contained=true",
        expect![[r#"
        not-supported: '_contained': this parameter is not supported here
    "#]],
    );
}

#[test]
fn controls_shape_the_answer() {
    let search = read(
        "Patient?_count=500&_total=accurate&_summary=data&_elements=name,birthDate&_page=x.y&_format=json&name=a",
        false,
    );
    let search = search.unwrap();
    expect![[r#"
        (
            100,
            100,
            Accurate,
            Data,
            [
                "name",
                "birthDate",
            ],
            Some(
                "x.y",
            ),
            [
                (
                    "_count",
                    "500",
                ),
                (
                    "_total",
                    "accurate",
                ),
                (
                    "_summary",
                    "data",
                ),
                (
                    "_elements",
                    "name,birthDate",
                ),
                (
                    "_format",
                    "json",
                ),
                (
                    "name",
                    "a",
                ),
            ],
        )
    "#]]
    .assert_debug_eq(&(
        search.count,
        search.query.limit,
        search.total,
        search.summary,
        search.elements,
        search.page,
        search.self_pairs,
    ));
    assert_eq!(read("Patient?", false).unwrap().count, 20);
    assert_eq!(read("Patient?_count=0", false).unwrap().count, 0);
    assert_eq!(read("Patient?_count=99999999999999999999", false).unwrap().count, 100);
    for bad in ["_count=-1", "_count=x", "_total=all", "_summary=yes", "_elements=a b", "_elements="] {
        assert!(read(&format!("Patient?{bad}"), false).is_err(), "{bad}");
    }
}

#[test]
fn lenient_handling_leaves_the_unknown_out_and_says_so() {
    let search = read("Patient?colour=red&name:like=x&name=a", true).unwrap();
    assert_eq!(search.ignored, ["colour", "name:like"]);
    assert_eq!(search.self_pairs, [("name".to_owned(), "a".to_owned())]);
    assert_eq!(search.query.all.len(), 1);
    assert!(read("Patient?birthdate=x", true).is_err());
    assert!(read("Observation?patient.name=x", true).is_err());
}

#[test]
fn a_search_has_bounds() {
    let many = |count: usize, text: &'static str| vec![text; count];
    assert!(read(&format!("Patient?name={}", many(1000, "a").join(",")), false).is_ok());
    assert!(read(&format!("Patient?name={}", many(1001, "a").join(",")), false).is_err());
    assert!(read(&format!("Patient?{}", many(200, "name=a").join("&")), false).is_ok());
    assert!(read(&format!("Patient?{}", many(201, "name=a").join("&")), false).is_err());
    assert!(read(&format!("Patient?name={}", "a".repeat(8193)), false).is_err());
    assert!(read(&format!("Provenance?target={}", many(100, "a").join(",")), false).is_err());
}

#[test]
fn fuzzing_takes_any_text() {
    for text in
        ["", "=", "&&", "name=\u{1}", "_sort=-", "date=ge", "value-quantity=||", "_include=:::", "code=\\"]
    {
        fuzz(text);
    }
}
