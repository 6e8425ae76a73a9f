//! Which resources a search finds: extraction and the meaning of tests, together against the standard.

use crate::extract::kind;
use crate::search::read;
use lenticular_base::index::{Compare, Entry, Test, Value};
use lenticular_base::{Instant, tree};
use lenticular_fhir::extract::extract;
use lenticular_fhir::search::fuzz;
use lenticular_fhir::search::interpret::{Row, index_matches, row_matches};
use lenticular_fhir::searchparams::by_code;
use proptest::prelude::*;

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
    fn no_resource_panics(tree in any_tree(), name in prop::sample::select(vec!["Patient", "Observation", "Bundle", "Measure", "StructureDefinition"])) {
        let entries = extract(&tree, kind(name));
        prop_assert!(entries.windows(2).all(|pair| pair[0].param <= pair[1].param && pair[0] != pair[1]));
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
    fn a_name_is_found_by_its_beginning(name in "[A-Za-zÄÖÜß][A-Za-zÄÖÜäöüßéñøł ']{0,19}", length in 1_usize..10) {
        let body = format!(r#"{{"resourceType":"Patient","name":[{{"family":"{name}"}}]}}"#);
        let start: String = name.chars().take(length).collect();
        let found = finds(&body, &format!("family={start}"));
        let exact = finds(&body, &format!("family:exact={name}"));
        prop_assert!(found && exact);
    }
}

/// Trees of element names and plausible values, in all the wrong places.
fn any_tree() -> impl Strategy<Value = tree::Tree<'static>> {
    use lenticular_base::tree::{Object, Text, Tree};
    let text = prop::sample::select(vec![
        "",
        "#x",
        "a",
        "Patient/1",
        "urn:uuid:1",
        "http://x|1",
        "2024-13",
        "2024",
        "<",
        "E U 1",
    ]);
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        prop::sample::select(vec!["1", "-1.50", "1e999", "-0"]).prop_map(|n| Tree::Number(n.into())),
        text.prop_map(Tree::string),
    ];
    let names = vec![
        "name",
        "family",
        "code",
        "coding",
        "system",
        "value",
        "valueQuantity",
        "valueSampledData",
        "data",
        "origin",
        "subject",
        "reference",
        "effectivePeriod",
        "start",
        "end",
        "component",
        "entry",
        "resource",
        "resourceType",
        "id",
        "telecom",
        "deceasedBoolean",
        "useContext",
        "valueRange",
        "low",
        "high",
        "relatedArtifact",
        "type",
        "library",
        "effectiveTiming",
        "event",
        "repeat",
        "boundsPeriod",
        "snapshot",
        "element",
        "base",
        "path",
        "meta",
        "tag",
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        let member = (prop::sample::select(names.clone()), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Tree::Array),
            prop::collection::vec(member, 0..8).prop_map(|members| {
                Tree::Object(Object {
                    members: members.into_iter().map(|(k, v)| (Text::new(k), v)).collect(),
                })
            }),
        ]
    })
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
