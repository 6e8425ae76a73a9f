//! Searches as a client writes them, printed as what is asked of the index.

use crate::extract::kind;
use expect_test::{Expect, expect};
use lenticular_base::Instant;
use lenticular_base::index::{Clause, Param, SEPARATOR, Sort, SortKey, Test};
use lenticular_fhir::kinds;
use lenticular_fhir::search::{Include, Search, SearchContext, SearchError, parse};
use lenticular_fhir::searchparams::by_param;
use std::fmt::Write;

fn context(lenient: bool) -> SearchContext<'static> {
    let now = Instant::parse("2026-01-01T00:00:00Z").unwrap();
    SearchContext { base_url: "https://here.org/fhir", default_count: 20, max_count: 100, lenient, now }
}

pub fn read(query: &str, lenient: bool) -> Result<Search, SearchError> {
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
pub fn check(query: &str, expected: Expect) {
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
