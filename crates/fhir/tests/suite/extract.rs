//! Resources to index entries, printed as `code = value`.

use expect_test::{Expect, expect};
use lenticular_base::Kind;
use lenticular_base::index::{SEPARATOR, TEXT_LIMIT, Value};
use lenticular_base::tree;
use lenticular_fhir::extract::{extract, uncompiled};
use lenticular_fhir::kinds;
use lenticular_fhir::searchparams::by_param;

pub fn kind(name: &str) -> Kind {
    kinds::kind(name).unwrap()
}

fn print(body: &str) -> String {
    let tree = tree::parse(body.as_bytes()).unwrap();
    let kind = kind(&tree.text_at("resourceType").unwrap());
    let mut lines = String::new();
    for entry in extract(&tree, kind) {
        let code = by_param(entry.param).unwrap().code;
        let value = match entry.value {
            Value::Text(text) => text.replace(SEPARATOR, "¦"),
            Value::Time { low, high } => {
                let show = |ms: i64| {
                    if ms.abs() == 1 << 52 { "*".into() } else { lenticular_base::Instant(ms).to_string() }
                };
                format!("{} .. {}", show(low), show(high))
            }
            Value::Number { low, high, unit } => {
                let show = |n: f64| if n.abs() == f64::MAX { "*".into() } else { n.to_string() };
                format!("{} .. {} {}", show(low), show(high), unit.replace(SEPARATOR, "¦"))
            }
        };
        lines.push_str(&format!("{code} = {}\n", value.trim_end()));
    }
    lines
}

#[track_caller]
fn check(body: &str, expected: Expect) {
    expected.assert_eq(&print(body));
}

#[test]
fn every_expression_of_the_standard_compiles() {
    expect![[r#"
        []
    "#]]
    .assert_debug_eq(&uncompiled());
}

#[test]
fn a_patient() {
    check(
        r##"{"resourceType":"Patient","id":"p1","meta":{"tag":[{"system":"urn:t","code":"x"}],"profile":["http://p/1"],"source":"urn:s"},
        "identifier":[{"system":"urn:mrn","value":"4711"},{"value":"bare"}],
        "active":true,"name":[{"use":"official","family":"Müller","given":["Ève","Ann"],"text":"Ève Müller"}],
        "telecom":[{"system":"phone","value":"+49 1","use":"home"},{"system":"email","value":"e@x.org"}],
        "gender":"female","birthDate":"1970-05","deceasedDateTime":"2020-01-01T10:00:00+01:00",
        "address":[{"line":["1 High St"],"city":"Köln","postalCode":"50667","country":"DE","use":"home"}],
        "communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"de"}],"text":"Deutsch"}}],
        "generalPractitioner":[{"reference":"Practitioner/d1/_history/3"},{"reference":"#c"},{"identifier":{"value":"z"}}],
        "managingOrganization":{"reference":"https://other.org/fhir/Organization/9"},
        "link":[{"other":{"reference":"urn:uuid:0a"},"type":"seealso"}]}"##,
        expect![[r#"
            _profile = http://p/1
            _source = urn:s
            _tag = x¦urn:t
            active = true¦
            address = 1 high st¦1 High St
            address = 50667¦50667
            address = de¦DE
            address = koln¦Köln
            address-city = koln¦Köln
            address-country = de¦DE
            address-postalcode = 50667¦50667
            address-use = home¦
            birthdate = 1970-05-01T00:00:00.000Z .. 1970-06-01T00:00:00.000Z
            death-date = 2020-01-01T09:00:00.000Z .. 2020-01-01T09:00:01.000Z
            deceased = true¦
            email = e@x.org¦
            family = muller¦Müller
            gender = female¦
            general-practitioner = Practitioner/d1
            given = ann¦Ann
            given = eve¦Ève
            identifier = 4711¦urn:mrn
            identifier = bare¦
            language = de¦urn:ietf:bcp:47
            link = urn:uuid:0a
            name = ann¦Ann
            name = eve¦Ève
            name = eve muller¦Ève Müller
            name = muller¦Müller
            organization = https://other.org/fhir/Organization/9
            phone = +49 1¦home
            phonetic = ann¦Ann
            phonetic = eve¦Ève
            phonetic = eve muller¦Ève Müller
            phonetic = muller¦Müller
            telecom = +49 1¦home
            telecom = e@x.org¦
        "#]],
    );
}

#[test]
fn the_dead_and_the_living() {
    for (member, expected) in [
        ("", "false"),
        (r#","deceasedBoolean":false"#, "false"),
        (r#","deceasedBoolean":true"#, "true"),
        (r#","deceasedDateTime":"2020""#, "true"),
    ] {
        let printed = print(&format!(r#"{{"resourceType":"Patient"{member}}}"#));
        assert!(printed.contains(&format!("deceased = {expected}¦\n")), "{member}: {printed}");
    }
}

#[test]
fn an_observation_with_components() {
    check(
        r#"{"resourceType":"Observation","status":"final",
        "category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
        "code":{"coding":[{"system":"http://loinc.org","code":"85354-9"},{"system":"urn:local","code":"bp"}],"text":"BP"},
        "subject":{"reference":"Patient/p1"},"encounter":{"reference":"Encounter/e1"},
        "effectivePeriod":{"start":"2024-01-01"},
        "component":[
          {"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":120.0,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},
          {"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":80,"comparator":"<","unit":"mmHg"}}]}"#,
        expect![[r#"
            category = vital-signs¦http://terminology.hl7.org/CodeSystem/observation-category
            code = 85354-9¦http://loinc.org
            code = bp¦urn:local
            combo-code = 8462-4¦http://loinc.org
            combo-code = 8480-6¦http://loinc.org
            combo-code = 85354-9¦http://loinc.org
            combo-code = bp¦urn:local
            combo-value-quantity = * .. 80 mmHg¦
            combo-value-quantity = 120 .. 120 mmHg¦
            combo-value-quantity = 120 .. 120 mm[Hg]¦http://unitsofmeasure.org
            component-code = 8462-4¦http://loinc.org
            component-code = 8480-6¦http://loinc.org
            component-value-quantity = * .. 80 mmHg¦
            component-value-quantity = 120 .. 120 mmHg¦
            component-value-quantity = 120 .. 120 mm[Hg]¦http://unitsofmeasure.org
            date = 2024-01-01T00:00:00.000Z .. *
            encounter = Encounter/e1
            patient = Patient/p1
            status = final¦
            subject = Patient/p1
        "#]],
    );
}

#[test]
fn values_of_an_observation() {
    let values = |value: &str| {
        let printed = print(&format!(r#"{{"resourceType":"Observation",{value}}}"#));
        printed.lines().filter(|line| line.starts_with("value-")).collect::<Vec<_>>().join("\n")
    };
    expect![[r#"
        value-concept = c¦s
        value-string = grosse¦Größe"#]]
    .assert_eq(&values(r#""valueCodeableConcept":{"coding":[{"system":"s","code":"c"}],"text":"Größe"}"#));
    expect!["value-quantity = 2 .. 15 mV¦u"].assert_eq(&values(r#""valueSampledData":{"origin":{"value":10,"code":"mV","system":"u"},"period":1,"factor":2,"dimensions":1,"lowerLimit":-4,"data":"1 2.5 E L"}"#));
    expect!["value-string = strasse in b¦Straße  in  B"]
        .assert_eq(&values(r#""valueString":"Straße  in  B""#));
    expect!["value-date = 2024-02-03T04:05:06.000Z .. 2024-02-03T04:05:07.000Z"]
        .assert_eq(&values(r#""valueDateTime":"2024-02-03T04:05:06Z""#));
    expect!["value-date = * .. 2025-01-01T00:00:00.000Z"]
        .assert_eq(&values(r#""valuePeriod":{"end":"2024"}"#));
    // A period that ends before it starts is found from the one to the other.
    expect!["value-date = 2024-01-01T00:00:00.000Z .. 2025-01-01T00:00:00.000Z"]
        .assert_eq(&values(r#""valuePeriod":{"start":"2024-12-31","end":"2024-01-01"}"#));
    expect![[r#""#]].assert_eq(&values(r#""valueInteger":5"#));
}

#[test]
fn canonicals_money_ranges_numbers_timings() {
    check(
        r#"{"resourceType":"Measure","status":"active","url":"http://m/1","library":["http://l/1|2.0","http://l/2"],
        "relatedArtifact":[{"type":"depends-on","resource":"http://a/1"},{"type":"successor","resource":"http://a/2"}],
        "useContext":[{"code":{"code":"age"},"valueRange":{"low":{"value":1,"code":"a"}}}]}"#,
        expect![[r#"
            context-quantity = 1 .. * a¦
            context-type = age¦
            depends-on = http://a/1¦
            depends-on = http://l/1¦2.0
            depends-on = http://l/2¦
            status = active¦
            successor = http://a/2¦
            url = http://m/1
        "#]],
    );
    check(
        r#"{"resourceType":"Invoice","status":"issued","totalGross":{"value":12.50,"currency":"EUR"}}"#,
        expect![[r#"
            status = issued¦
            totalgross = 12.5 .. 12.5 EUR¦urn:iso:std:iso:4217
        "#]],
    );
    check(
        r#"{"resourceType":"RiskAssessment","status":"final","prediction":[{"probabilityDecimal":0.25},{"probabilityRange":{"low":{"value":0.1},"high":{"value":0.2}}}]}"#,
        expect![[r#"
            probability = 0.1 .. 0.2
            probability = 0.25 .. 0.25
        "#]],
    );
    check(
        r#"{"resourceType":"ServiceRequest","status":"active","intent":"order","occurrenceTiming":{"event":["2024-05-01","2024-03-01"],"repeat":{"boundsPeriod":{"start":"2024-04"}}}}"#,
        expect![[r#"
            intent = order¦
            occurrence = 2024-03-01T00:00:00.000Z .. *
            status = active¦
        "#]],
    );
}

#[test]
fn a_type_includes_those_derived_from_it() {
    let body = r#"{"resourceType":"ConceptMap","status":"draft","sourceCanonical":"http://v/1|2","targetUri":"http://v/2"}"#;
    check(
        body,
        expect![[r#"
        source = http://v/1¦2
        source-uri = http://v/1¦2
        status = draft¦
        target-uri = http://v/2¦
    "#]],
    );
}

#[test]
fn a_bundle_is_found_by_its_first_resource() {
    check(
        r#"{"resourceType":"Bundle","type":"document","timestamp":"2024-01-01T00:00:00Z","entry":[
        {"resource":{"resourceType":"Composition","id":"c1"}},{"resource":{"resourceType":"Patient","id":"p1"}}]}"#,
        expect![[r#"
            composition = Composition/c1
            timestamp = 2024-01-01T00:00:00.000Z .. 2024-01-01T00:00:01.000Z
            type = document¦
        "#]],
    );
}

#[test]
fn long_text_is_cut_and_doubles_are_dropped() {
    let long = "ü".repeat(2000);
    let body = format!(
        r#"{{"resourceType":"Patient","name":[{{"family":"{long}"}},{{"family":"a"}},{{"family":"a"}}]}}"#
    );
    let tree = tree::parse(body.as_bytes()).unwrap();
    let family: Vec<_> = extract(&tree, kind("Patient"))
        .into_iter()
        .filter(|entry| by_param(entry.param).unwrap().code == "family")
        .map(|entry| match entry.value {
            Value::Text(text) => text.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(family, [3, TEXT_LIMIT]);
}

#[test]
fn escapes_in_names_and_values_are_resolved() {
    let plain = print(r#"{"resourceType":"Patient","name":[{"family":"Müller"}]}"#);
    let escaped = print(r#"{"resourceType":"Patient","n\u0061me":[{"f\u0061mily":"M\u00fcller"}]}"#);
    assert_eq!(plain, escaped);
}

#[test]
fn wrong_types_are_passed_over() {
    check(
        r#"{"resourceType":"Observation","status":5,"code":"x","subject":["Patient/1",null,{"reference":{}}],"effectiveDateTime":"yesterday",
        "valueQuantity":{"value":1e999,"unit":7},"category":{"coding":[[{"code":"deep"}]]},"issued":true}"#,
        expect![[r#""#]],
    );
}
