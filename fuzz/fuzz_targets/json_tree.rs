//! JSON and the FHIR resources in it. What must hold:
//! - a tree is the same after it was printed, plainly or with indentation, and read again;
//! - text is the same after its escapes were resolved and set again;
//! - validation tells no more issues than it says, and an OperationOutcome of them is JSON;
//! - a stored body is the resource, and with its version spliced in still JSON;
//! - index entries are bounded by the resource, sorted and without doubles;
//! - the order of a Bundle names each entry once.
#![no_main]

use lenticular_base::Instant;
use lenticular_base::index::{SEPARATOR, TEXT_LIMIT, Value};
use lenticular_base::tree::{self, Text, Tree};
use lenticular_fhir::{bundle, compartment, extract, kinds, outcome, reference, resource, validate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(read) = tree::parse(bytes) else { return };
    let json = read.to_json();
    assert_eq!(tree::parse(json.as_bytes()).as_ref(), Ok(&read), "printed and read");
    let mut pretty = String::new();
    read.write_pretty(&mut pretty, 0);
    assert_eq!(tree::parse(pretty.as_bytes()).as_ref(), Ok(&read), "printed prettily and read");
    assert_eq!(read.clone().into_owned(), read);
    check_texts(&read);
    check_resource(&read, &json);
    for entry in read.get("entry").map_or(&[][..], Tree::items).iter().take(8) {
        if let Some(inner) = entry.get("resource") {
            check_resource(inner, &inner.to_json());
        }
    }
    check_bundle(read);
});

fn check_texts(tree: &Tree<'_>) {
    match tree {
        Tree::String(text) => check_text(text),
        Tree::Array(items) => items.iter().for_each(check_texts),
        Tree::Object(object) => {
            for (key, value) in &object.members {
                check_text(key);
                check_texts(value);
            }
        }
        Tree::Null | Tree::Bool(_) | Tree::Number(_) => {}
    }
}

fn check_text(text: &Text<'_>) {
    let plain = text.text();
    assert_eq!(Text::new(plain.as_ref()).text(), plain, "escapes set and resolved");
    assert!(text.is(&plain));
}

fn check_resource(tree: &Tree<'_>, json: &str) {
    let issues = validate::validate(tree, Some("Patient")).err().unwrap_or_default();
    assert!(issues.len() <= validate::MAX_ISSUES);
    assert!(tree::parse(outcome::from_issues(&issues).as_bytes()).is_ok());
    let valid = validate::validate(tree, None).is_ok();
    let kind = tree.text_at("resourceType").and_then(|name| kinds::kind(&name));
    assert!(!valid || kind.is_some(), "a valid resource has a type");
    check_body(tree, valid);
    let mut changed = tree.clone();
    let mut seen = 0;
    reference::for_each_reference_mut(&mut changed, &mut |_, text| {
        let plain = text.text().into_owned();
        let _ = reference::parse(&plain);
        seen += 1;
    });
    assert!(seen <= json.len());
    assert_eq!(&changed, tree, "a walk that changes nothing");
    if let Some(kind) = kind {
        let _ = compartment::patient_of(tree, kind);
        check_entries(tree, kind, json.len(), valid);
    }
}

fn check_body(tree: &Tree<'_>, valid: bool) {
    let Ok(body) = resource::prepare(tree, "a-1") else {
        return assert!(!valid, "a valid resource can be kept");
    };
    let mut out = Vec::new();
    resource::splice(&body.json, body.splice, 3, Instant(0), &mut out);
    match tree::parse(&out) {
        Ok(read) => {
            let version = read.get("meta").and_then(|meta| meta.text_at("versionId"));
            assert_eq!(version.as_deref(), Some("3"));
            assert_eq!(read.text_at("id").as_deref(), Some("a-1"));
            assert!(!valid || validate::validate(&read, None).is_ok(), "a valid resource stays so");
        }
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(&out)),
    }
}

fn check_entries(tree: &Tree<'_>, kind: lenticular_base::Kind, length: usize, valid: bool) {
    let entries = extract::extract(tree, kind);
    assert!(entries.len() <= 64 + 16 * length, "{} entries of {length} bytes", entries.len());
    for entry in &entries {
        assert_eq!(entry.param.kind(), kind);
        match &entry.value {
            Value::Text(text) => {
                assert!(text.len() <= TEXT_LIMIT);
                // Validation lets no control character through; what was not validated is indexed as it is.
                assert!(!valid || text.matches(SEPARATOR).count() <= 1, "{text:?}");
            }
            Value::Time { low, high } => assert!(low < high, "{low}..{high}"),
            Value::Number { low, high, unit } => {
                assert!(low <= high, "{low}..={high}");
                assert!(unit.len() <= TEXT_LIMIT);
            }
        }
    }
    for (at, entry) in entries.iter().enumerate().take(40) {
        assert!(!entries[at + 1..].contains(entry), "twice: {entry:?}");
    }
}

fn check_bundle(tree: Tree<'_>) {
    let Ok(bundle) = bundle::read(tree) else { return };
    assert_eq!(bundle.entries.len() + bundle.refused.len(), bundle.count);
    let mut order = bundle.order();
    order.sort_unstable();
    assert!(order.into_iter().eq(0..bundle.entries.len()));
    assert!(bundle.full_urls().values().all(|at| *at < bundle.entries.len()));
    for entry in &bundle.entries {
        let _ = entry.target();
        let _ = bundle::absolute(entry.full_url.as_deref(), &entry.url);
    }
}
