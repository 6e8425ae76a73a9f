//! Searches as a client writes them, printed as what is asked of the index.

use crate::extract::kind;
use expect_test::{Expect, expect};
use lenticular_base::index::{Clause, Compare, Entry, Param, SEPARATOR, Sort, SortKey, Test, Value};
use lenticular_base::{Instant, tree};
use lenticular_fhir::extract::extract;
use lenticular_fhir::kinds;
use lenticular_fhir::search::interpret::{Row, index_matches, row_matches};
use lenticular_fhir::search::{Include, Search, SearchContext, SearchError, fuzz, parse};
use lenticular_fhir::searchparams::{SearchType, by_code, by_param, params_of};
use proptest::prelude::*;
use std::fmt::Write;

fn context(lenient: bool) -> SearchContext<'static> {
    let now = Instant::parse("2026-01-01T00:00:00Z").unwrap();
    SearchContext { base_url: "https://here.org/fhir", default_count: 20, max_count: 100, lenient, now }
}

fn read(query: &str, lenient: bool) -> Result<Search, SearchError> {
    let (name, query) = query.split_once('?').unwrap();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    let pairs: Vec<_> = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
    parse(kind(name), &pairs, &context(lenient))
}

fn code(param: Param) -> &'static str {
    by_param(param).unwrap().code
}

fn print_test(test: &Test) -> String {
    let plain = |text: &str| text.replace(SEPARATOR, "¦");
    match test {
        Test::Is(param, text) => format!("{} is {}", code(*param), plain(text)),
        Test::Prefix(param, text) => format!("{} begins {}", code(*param), plain(text)),
        Test::Suffix(param, text) => format!("{} ends {}", code(*param), plain(text)),
        Test::Contains(param, text) => format!("{} contains {}", code(*param), plain(text)),
        Test::Like(param, text) => format!("{} like {}", code(*param), plain(text)),
        Test::Time(param, compare, low, high) => {
            format!("{} {compare:?} {} .. {}", code(*param), Instant(*low), Instant(*high))
        }
        Test::Number(param, compare, low, high, unit) => {
            let unit = unit.as_deref().map(plain);
            format!("{} {compare:?} {low} .. {high} {}", code(*param), unit.unwrap_or_default())
        }
        Test::Missing(param, missing) => format!("{} missing {missing}", code(*param)),
        Test::Id(id) => format!("_id is {id}"),
        Test::Updated(compare, low, high) => {
            format!("_lastUpdated {compare:?} {} .. {}", Instant(*low), Instant(*high))
        }
        Test::Never => "never".into(),
    }
}

fn print_clause(clause: &Clause) -> String {
    let tests: Vec<String> = clause.any.iter().map(|test| print_test(test).trim_end().to_owned()).collect();
    let not = if clause.not { "not " } else { "" };
    if tests.len() > 9 {
        return format!("{not}{} | … {} in all", tests[0], tests.len());
    }
    format!("{not}{}", tests.join(" | "))
}

fn print(search: &Search) -> String {
    let mut out = String::new();
    for clause in &search.query.all {
        let _ = writeln!(out, "{}", print_clause(clause));
    }
    for Sort { key, descending } in &search.query.sort {
        let key = match key {
            SortKey::Id => "_id".to_owned(),
            SortKey::Updated => "_lastUpdated".to_owned(),
            SortKey::Text(param) => format!("text {}", code(*param)),
            SortKey::Time(param) => format!("time {}", code(*param)),
            SortKey::Number(param) => format!("number {}", code(*param)),
        };
        let _ = writeln!(out, "sort {key}{}", if *descending { " descending" } else { "" });
    }
    let mut include = |word: &str, include: &Include| {
        let params: Vec<&str> = include.params.iter().take(5).map(|param| code(*param)).collect();
        let target = include.target.map(kinds::name).unwrap_or("any");
        let _ = writeln!(
            out,
            "{word} {}:{} to {target}{}",
            kinds::name(include.source),
            params.join(","),
            if include.iterate { " iterate" } else { "" }
        );
    };
    search.includes.iter().take(5).for_each(|one| include("include", one));
    search.revincludes.iter().take(5).for_each(|one| include("revinclude", one));
    out
}

#[track_caller]
fn check(query: &str, expected: Expect) {
    let printed = match read(query, false) {
        Ok(search) => print(&search),
        Err(error) => {
            let text = error.to_string();
            let text = text.split("known are").next().unwrap_or_default();
            format!("{}: {}\n", error.issue(), text)
        }
    };
    expected.assert_eq(&printed);
}

#[test]
fn strings() {
    check(
        "Patient?name=Müll",
        expect![[r#"
        name begins mull
    "#]],
    );
    check(
        "Patient?name:exact=Müller&family:contains=ül",
        expect![[r#"
        name is muller¦Müller
        family contains ul
    "#]],
    );
    check(
        r"Patient?given=Ann,Bob,C\,D",
        expect![[r#"
        given begins ann | given begins bob | given begins c,d
    "#]],
    );
    check(
        "Patient?name=%CC%81",
        expect![[r#"
        name begins %cc%81
    "#]],
    );
    check(
        "Patient?name=\u{301}",
        expect![[r#"
        invalid: 'name=́': nothing is left to search for
    "#]],
    );
    check(
        "Patient?name:missing=false&name:missing=perhaps",
        expect![[r#"
        invalid: 'name:missing=perhaps': true or false is expected
    "#]],
    );
}

#[test]
fn tokens() {
    check(
        "Patient?identifier=4711",
        expect![[r#"
        identifier begins 4711¦
    "#]],
    );
    check(
        "Patient?identifier=urn:mrn|4711,|bare,urn:mrn|",
        expect![[r#"
        identifier is 4711¦urn:mrn | identifier is bare¦ | identifier ends ¦urn:mrn
    "#]],
    );
    check(
        "Patient?gender=http://hl7.org/fhir/administrative-gender|male",
        expect![[r#"
        gender begins male¦
    "#]],
    );
    check(
        "Patient?gender=urn:mars|male",
        expect![[r#"
        never
    "#]],
    );
    check(
        "Patient?gender:not=male,female&active=true",
        expect![[r#"
        not gender begins male¦ | gender begins female¦
        active begins true¦
    "#]],
    );
    check(
        r"Observation?code=a\|b&code:missing=true",
        expect![[r#"
        code begins a|b¦
        code missing true
    "#]],
    );
    check(
        "Observation?code=|",
        expect![[r#"
        invalid: 'code=|': neither a system nor a code is given
    "#]],
    );
    check(
        "Observation?code=a|b|c",
        expect![[r#"
        invalid: 'code=a|b|c': a token has one '|' at most; write '\|' for one in a code
    "#]],
    );
    check(
        "Patient?_tag=urn:t|x&_profile=http://p/1",
        expect![[r#"
        _tag is x¦urn:t
        _profile is http://p/1
    "#]],
    );
}

#[test]
fn references() {
    check(
        "Observation?subject=Patient/1,Patient/2/_history/4",
        expect![[r#"
        subject is Patient/1 | subject is Patient/2
    "#]],
    );
    check(
        "Observation?subject=1",
        expect![[r#"
        subject is Device/1 | subject is Group/1 | subject is Location/1 | subject is Patient/1
    "#]],
    );
    check(
        "Observation?patient=1",
        expect![[r#"
        patient is Patient/1
    "#]],
    );
    check(
        "Observation?subject:Patient=1&subject:Patient=Patient/2",
        expect![[r#"
        subject is Patient/1
        subject is Patient/2
    "#]],
    );
    check(
        "Observation?subject:Practitioner=1",
        expect![[r#"
        invalid: 'subject:Practitioner=1': it never refers to Practitioner, but to: Device, Group, Location, Patient
    "#]],
    );
    check(
        "Observation?subject:Patient=Group/1",
        expect![[r#"
        invalid: 'subject:Patient=Group/1': an id, or Patient/id is expected
    "#]],
    );
    check(
        "Observation?subject=https://here.org/fhir/Patient/1",
        expect![[r#"
        subject is Patient/1 | subject is https://here.org/fhir/Patient/1
    "#]],
    );
    check(
        "Observation?subject=https://there.org/fhir/Patient/1,urn:uuid:0a",
        expect![[r#"
        subject is https://there.org/fhir/Patient/1 | subject is urn:uuid:0a
    "#]],
    );
    check(
        "Observation?subject=Patient/a b",
        expect![[r#"
        invalid: 'subject=a b': an id, Type/id or an absolute URL is expected
    "#]],
    );
    check(
        "Observation?subject=Human/1",
        expect![[r#"
        invalid: 'subject=Human/1': 'Human' is not a resource type
    "#]],
    );
    check(
        "Provenance?target=1",
        expect![[r#"
        target is Account/1 | … 146 in all
    "#]],
    );
    check(
        "Measure?depends-on=http://l/1|2.0,http://l/2",
        expect![[r#"
        depends-on is http://l/1¦2.0 | depends-on begins http://l/2¦ | depends-on is http://l/2
    "#]],
    );
}

#[test]
fn dates() {
    check(
        "Patient?birthdate=1970-05",
        expect![[r#"
        birthdate Eq 1970-05-01T00:00:00.000Z .. 1970-06-01T00:00:00.000Z
    "#]],
    );
    check(
        "Observation?date=ge2024-01-01&date=lt2024-02",
        expect![[r#"
        date Ge 2024-01-01T00:00:00.000Z .. 2024-01-02T00:00:00.000Z
        date Lt 2024-02-01T00:00:00.000Z .. 2024-03-01T00:00:00.000Z
    "#]],
    );
    check(
        "Observation?date=sa2024-01-01T10:00:00 02:00,eb2023,ne2022",
        expect![[r#"
        date Sa 2024-01-01T08:00:00.000Z .. 2024-01-01T08:00:01.000Z | date Eb 2023-01-01T00:00:00.000Z .. 2024-01-01T00:00:00.000Z | date Ne 2022-01-01T00:00:00.000Z .. 2023-01-01T00:00:00.000Z
    "#]],
    );
    check(
        "Observation?date=ap2025-12-22",
        expect![[r#"
        date Eq 2025-12-21T00:00:00.000Z .. 2025-12-24T00:00:00.000Z
    "#]],
    );
    check(
        "Observation?date=yesterday",
        expect![[r#"
        invalid: 'date=yesterday': a date is expected: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss[.sss]][zone]
    "#]],
    );
    check(
        "Observation?_lastUpdated=gt2024-01-01T00:00:00.5Z",
        expect![[r#"
        _lastUpdated Gt 2024-01-01T00:00:00.500Z .. 2024-01-01T00:00:00.600Z
    "#]],
    );
}

#[test]
fn numbers_and_quantities() {
    check(
        "RiskAssessment?probability=0.5,gt0.5,le0.50,ap0.5",
        expect![[r#"
        probability Eq 0.45 .. 0.5499999999999999 | probability Gt 0.5 .. 0.5 | probability Le 0.5 .. 0.5 | probability Eq 0.45 .. 0.55
    "#]],
    );
    check(
        "RiskAssessment?probability=sa1,eb1",
        expect![[r#"
        probability Sa 1 .. 1.0000000000000002 | probability Eb 0.9999999999999999 .. 1
    "#]],
    );
    check(
        "Observation?value-quantity=5.4|http://unitsofmeasure.org|mg",
        expect![[r#"
        value-quantity Eq 5.35 .. 5.449999999999999 mg¦http://unitsofmeasure.org
    "#]],
    );
    check(
        "Observation?value-quantity=gt5.4||mg,lt1",
        expect![[r#"
        value-quantity Gt 5.4 .. 5.4 mg¦ | value-quantity Lt 1 .. 1
    "#]],
    );
    check(
        "Observation?value-quantity=5|http://unitsofmeasure.org|",
        expect![[r#"
        invalid: 'value-quantity=5|http://unitsofmeasure.org|': the code of the unit is missing
    "#]],
    );
    check(
        "Observation?value-quantity=5|mg",
        expect![[r#"
        invalid: 'value-quantity=5|mg': number, number|system|code or number||code is expected
    "#]],
    );
    check(
        "RiskAssessment?probability=half",
        expect![[r#"
        invalid: 'probability=half': a number is expected
    "#]],
    );
}

#[test]
fn ids() {
    check(
        "Patient?_id=a,b",
        expect![[r#"
        _id is a | _id is b
    "#]],
    );
    check(
        "Patient?_id:not=a&_id=a/b",
        expect![[r#"
        not _id is a
        never
    "#]],
    );
    check(
        "Patient?_id:missing=true",
        expect![[r#"
        not-supported: '_id' does not take the modifier ':missing'; it takes: :not
    "#]],
    );
}

#[test]
fn sorting() {
    check(
        "Observation?_sort=-date,code,value-quantity,_id,-_lastUpdated",
        expect![[r#"
        sort time date descending
        sort text code
        sort number value-quantity
        sort _id
        sort _lastUpdated descending
    "#]],
    );
    check(
        "Observation?_sort=colour",
        expect![[r#"
        invalid: '_sort=colour': 'colour' is not a search parameter of this type
    "#]],
    );
    check(
        "Observation?_sort=code-value-quantity",
        expect![[r#"
        not-supported: '_sort': sorting by a composite parameter is not supported here
    "#]],
    );
    check(
        "Observation?_sort=date,date,date,date,date,date,date,date,date",
        expect![[r#"
        too-costly: a search may have at most 8 sort keys
    "#]],
    );
}

#[test]
fn includes() {
    check(
        "Observation?_include=Observation:subject&_include=Observation:subject:Patient",
        expect![[r#"
        include Observation:subject to any
        include Observation:subject to Patient
    "#]],
    );
    check(
        "Observation?_include=*&_include:iterate=Patient:organization",
        expect![[r#"
        include Observation:based-on,derived-from,device,encounter,focus to any
        include Patient:organization to any iterate
    "#]],
    );
    check(
        "Observation?_include=Observation:*",
        expect![[r#"
        include Observation:based-on,derived-from,device,encounter,focus to any
    "#]],
    );
    check(
        "Patient?_revinclude=Observation:subject&_revinclude=Observation:*",
        expect![[r#"
        revinclude Observation:subject to Patient
        revinclude Observation:focus,patient,performer,subject to Patient
    "#]],
    );
    check(
        "Patient?_revinclude=*",
        expect![[r#"
        revinclude Account:patient,subject to Patient
        revinclude ActivityDefinition:composed-of,depends-on,derived-from,predecessor,successor to Patient
        revinclude AdverseEvent:recorder,subject to Patient
        revinclude AllergyIntolerance:asserter,patient,recorder to Patient
        revinclude Appointment:actor,patient,supporting-info to Patient
    "#]],
    );
    check(
        "Patient?_include=Observation:subject",
        expect![[r#"
        invalid: '_include=Observation:subject': without :iterate the source type is Patient
    "#]],
    );
    check(
        "Patient?_include=Patient:name",
        expect![[r#"
        invalid: '_include=Patient:name': 'name' is not a reference parameter of Patient; 
    "#]],
    );
    check(
        "Patient?_revinclude=Observation:encounter",
        expect![[r#"
        invalid: '_revinclude=Observation:encounter': it does not refer to Patient
    "#]],
    );
    check(
        "Patient?_include=Human:name",
        expect![[r#"
        invalid: '_include=Human:name': 'Human' is not a resource type
    "#]],
    );
    check(
        "Patient?_include:recurse=Patient:link",
        expect![[r#"
        not-supported: '_include' does not take the modifier ':recurse'; it takes: :iterate
    "#]],
    );
}

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
    expect!["2575 f68ca0bfec644143"].assert_eq(&format!("{count} {digest:016x}"));
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

/// Whether a body is found by a query.
fn finds(body: &str, query: &str) -> bool {
    let tree = tree::parse(body.as_bytes()).unwrap();
    let name = tree.text_at("resourceType").unwrap().into_owned();
    let entries = extract(&tree, kind(&name));
    let search = read(&format!("{name}?{query}"), false).unwrap();
    let id = tree.text_at("id").unwrap_or_default().into_owned();
    row_matches(&Row { id: &id, updated: Instant(0), entries: &entries }, &search.query.all)
}

#[test]
fn a_patient_is_found_by() {
    let body = r#"{"resourceType":"Patient","id":"p1","identifier":[{"system":"urn:mrn","value":"4711"}],"active":true,
        "name":[{"family":"Müller","given":["Ève"]}],"birthDate":"1970-05-17","gender":"female",
        "managingOrganization":{"reference":"Organization/o1"}}"#;
    for query in [
        "name=mull",
        "name=EVE",
        "family:exact=Müller",
        "family:contains=LL",
        "identifier=4711",
        "identifier=urn:mrn|4711",
        "identifier=urn:mrn|",
        "birthdate=1970",
        "birthdate=1970-05-17",
        "birthdate=ge1970-05-17",
        "birthdate=lt1971",
        "birthdate=sa1969",
        "birthdate=ne1971",
        "organization=o1",
        "organization=Organization/o1",
        "organization:Organization=o1",
        "_id=p1",
        "_id=x,p1",
        "deceased=false",
        "gender:not=male",
        "death-date:missing=true",
        "name:missing=false",
        "phone:missing=true",
        "active=true&gender=female",
        "general-practitioner:missing=true",
        "_tag:not=x",
    ] {
        assert!(finds(body, query), "{query}");
    }
    for query in [
        "name=ller",
        "family:exact=Muller",
        "identifier=471",
        "identifier=|4711",
        "identifier=urn:x|4711",
        "birthdate=gt1970",
        "birthdate=1970-05-18",
        "birthdate=ne1970",
        "birthdate=eb1970",
        "organization=o2",
        "_id=p2",
        "gender:not=female,male",
        "name:missing=true",
        "active=true&gender=male",
        "phone=1",
    ] {
        assert!(!finds(body, query), "{query}");
    }
}

#[test]
fn a_value_is_found_by() {
    let body = r#"{"resourceType":"Observation","valueQuantity":{"value":5.40,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}}"#;
    for query in [
        "5.4",
        "5",
        "5.4||mg",
        "5.4|http://unitsofmeasure.org|mg",
        "ge5.4",
        "le5.4",
        "gt5.39",
        "lt5.41",
        "ne5.5",
        "ap5",
        "sa5.3",
        "eb5.5",
    ] {
        assert!(finds(body, &format!("value-quantity={query}")), "{query}");
    }
    for query in ["5.5", "5.44", "5.4||g", "5.4|urn:x|mg", "gt5.4", "lt5.4", "ne5.4", "sa5.4", "eb5.4", "6"] {
        assert!(!finds(body, &format!("value-quantity={query}")), "{query}");
    }
}

#[test]
fn fuzzing_takes_any_text() {
    for text in
        ["", "=", "&&", "name=\u{1}", "_sort=-", "date=ge", "value-quantity=||", "_include=:::", "code=\\"]
    {
        fuzz(text);
    }
}

fn text(value: &str) -> [Entry; 1] {
    let param = by_code(kind("Patient"), "name").unwrap().param;
    [Entry { param, value: Value::Text(value.to_owned()) }]
}

#[test]
fn like_and_contains_see_the_folded_part_alone() {
    let param = by_code(kind("Patient"), "name").unwrap().param;
    let entries = text("muller\u{1}Müller");
    assert!(index_matches(&entries, &Test::Like(param, "mu%er".into())));
    assert!(!index_matches(&entries, &Test::Contains(param, "M".into())));
    assert!(!index_matches(&entries, &Test::Like(param, "%Müller".into())));
}

proptest! {
    #[test]
    fn no_query_panics(query in "(([a-z_]{1,12}|name|code|date|subject|value-quantity|_sort|_include|_revinclude|_elements)(:[a-zA-Z]{1,8})?=[\\PC]{0,20}&){0,6}") {
        fuzz(&query);
    }

    #[test]
    fn no_value_panics(value in any::<String>(), name in prop::sample::select(vec!["name", "code", "date", "subject", "value-quantity", "_id", "_lastUpdated", "_count", "_sort", "_include"])) {
        fuzz(&format!("{name}={value}"));
    }

    #[test]
    fn a_date_is_found_as_the_standard_says(value in date(), searched in date(), prefix in prefix()) {
        let body = format!(r#"{{"resourceType":"Observation","effectiveDateTime":"{value}"}}"#);
        let span = |text: &str| lenticular_base::calendar::parse_span(text).unwrap();
        let (v, s) = (span(&value), span(&searched));
        let contained = s.low <= v.low && v.high <= s.high;
        let expected = match prefix {
            Compare::Eq => contained,
            Compare::Ne => !contained,
            // Some moment of the value lies after, or before, all of the searched span.
            Compare::Gt => v.high > s.high,
            Compare::Lt => v.low < s.low,
            Compare::Ge => contained || v.high > s.high,
            Compare::Le => contained || v.low < s.low,
            Compare::Sa => v.low >= s.high,
            Compare::Eb => v.high <= s.low,
        };
        let word = format!("{prefix:?}").to_lowercase();
        prop_assert_eq!(finds(&body, &format!("date={word}{searched}")), expected);
    }

    /// Hundredths against tenths, in whole numbers: no float decides what is right.
    #[test]
    fn a_number_is_found_as_the_standard_says(hundredths in -300_i64..300, tenths in -30_i64..30, prefix in prefix()) {
        let body = format!(
            r#"{{"resourceType":"RiskAssessment","prediction":[{{"probabilityDecimal":{}}}]}}"#, decimal(hundredths, 2));
        let (v, s) = (hundredths, tenths * 10);
        let within = s - 5 <= v && v < s + 5;
        let expected = match prefix {
            Compare::Eq => within,
            Compare::Ne => !within,
            Compare::Gt | Compare::Sa => v > s,
            Compare::Lt | Compare::Eb => v < s,
            Compare::Ge => v >= s,
            Compare::Le => v <= s,
        };
        let word = format!("{prefix:?}").to_lowercase();
        prop_assert_eq!(finds(&body, &format!("probability={word}{}", decimal(tenths, 1))), expected);
    }

    #[test]
    fn a_name_is_found_by_its_beginning(name in "[A-Za-zÄÖÜäöüßéñøł ']{1,20}", length in 1_usize..10) {
        prop_assume!(!lenticular_base::text::fold(&name).is_empty());
        let body = format!(r#"{{"resourceType":"Patient","name":[{{"family":"{name}"}}]}}"#);
        let start: String = name.chars().take(length).collect();
        prop_assume!(!lenticular_base::text::fold(&start).is_empty());
        let found = finds(&body, &format!("family={start}"));
        let exact = finds(&body, &format!("family:exact={name}"));
        prop_assert!(found && exact);
    }
}

fn decimal(number: i64, places: u32) -> String {
    let unit = 10_i64.pow(places);
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}.{:0width$}", number.abs() / unit, number.abs() % unit, width = places as usize)
}

fn date() -> impl Strategy<Value = String> {
    let parts = (2023_i32..2025, 1_i32..4, 1_i32..4, 0_i32..3, 0_i32..5);
    parts.prop_map(|(year, month, day, hour, precision)| match precision {
        0 => format!("{year}"),
        1 => format!("{year}-{month:02}"),
        2 => format!("{year}-{month:02}-{day:02}"),
        3 => format!("{year}-{month:02}-{day:02}T{hour:02}:00:00Z"),
        _ => format!("{year}-{month:02}-{day:02}T{hour:02}:00:00.25+01:00"),
    })
}

fn prefix() -> impl Strategy<Value = Compare> {
    use Compare::{Eb, Eq, Ge, Gt, Le, Lt, Ne, Sa};
    prop::sample::select(vec![Eq, Ne, Gt, Lt, Ge, Le, Sa, Eb])
}
