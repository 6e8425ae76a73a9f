//! Searches: FHIR's language and QIDO-RS's. The first byte picks the type searched and the handling; the rest is a
//! query string. What must hold:
//! - pairs are the same after they were written and read again;
//! - the `self` link of a search is that search;
//! - what a search compiles to stays within the limits that the crate names.
#![no_main]

use lenticular_base::text::{MAX_PAIRS, pairs, write_pairs};
use lenticular_base::tree::{self, Tree};
use lenticular_base::{Instant, Kind};
use lenticular_dicom::query::{IncludeFields, parse_query, select};
use lenticular_fhir::search::{self, MAX_TESTS, SearchContext};
use lenticular_fhir::{kinds, reference};
use libfuzzer_sys::fuzz_target;

const ROW: &[u8] = br#"{"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"00080020":{"vr":"DA","Value":["20260102"]},
"00080030":{"vr":"TM","Value":["101112.5"]},"00080060":{"vr":"CS","Value":["CT"]},
"00100010":{"vr":"PN","Value":[{"Alphabetic":"M\u00fcller^J\u00f6rg","Ideographic":"\u5c71\u7530^\u592a\u90ce"}]},
"0020000D":{"vr":"UI","Value":["1.2.3"]},"00280010":{"vr":"US","Value":[512]},"00281050":{"vr":"DS","Value":[40,null,1.50]},
"00400275":{"vr":"SQ","Value":[{"00400007":{"vr":"LO","Value":["Chest"]},"00400009":{"vr":"SH"}}]}}"#;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    search::fuzz(text);
    let _ = reference::parse(text);
    let read = pairs(text);
    assert!(read.len() <= MAX_PAIRS);
    assert_eq!(pairs(&written(&read)), read, "pairs, written and read");
    let count = kinds::all().count();
    let kind = kinds::all().nth(usize::from(*choice) % count).expect("within the count").0;
    check_search(kind, &read, choice & 0x80 != 0);
    for kind in [Kind::STUDY, Kind::SERIES, Kind::INSTANCE] {
        check_query(kind, &read);
    }
});

fn written(pairs: &[(String, String)]) -> String {
    write_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

fn check_search(kind: Kind, asked: &[(String, String)], lenient: bool) {
    let context = SearchContext {
        base_url: "http://localhost/fhir",
        default_count: 50,
        max_count: 1000,
        lenient,
        now: Instant(1_767_225_600_000),
    };
    let Ok(mut found) = search::parse(kind, asked, &context) else { return };
    assert!(found.count <= context.max_count && found.query.limit == u64::from(found.count));
    assert!(found.query.all.iter().map(|clause| clause.any.len()).sum::<usize>() <= MAX_TESTS);
    assert!(found.query.all.iter().all(|clause| !clause.any.is_empty()), "a clause without tests");
    let link = written(&found.self_pairs);
    let strict = SearchContext { lenient: false, ..context };
    let again = search::parse(kind, &pairs(&link), &strict);
    found.page = None;
    found.ignored.clear();
    assert_eq!(again.as_ref(), Ok(&found), "{link}");
}

fn check_query(kind: Kind, pairs: &[(String, String)]) {
    let Ok(query) = parse_query(kind, pairs, 100) else { return };
    assert!(query.query.all.len() + query.residual.len() <= 400, "clauses without bound");
    let row = tree::parse(ROW).expect("the row above");
    for residual in &query.residual {
        let _ = residual.matches(&row);
    }
    for include in [&query.include, &IncludeFields::All] {
        let mut out = String::new();
        select(&row, kind, true, include, &mut out);
        assert!(matches!(tree::parse(out.as_bytes()), Ok(Tree::Object(_))), "{out}");
    }
}
