use super::build::*;
use lenticular_dicom::charset::{SpecificCharacterSet, decode_text};
use lenticular_dicom::dataset::{DataSet, Element};
use lenticular_dicom::fuzz::{fuzz_dataset, fuzz_file, fuzz_json, fuzz_layout};
use lenticular_dicom::json::{read_json, to_json};
use lenticular_dicom::read::{Limits, ReadError, Scanned, Scanner};
use lenticular_dicom::tag::Tag;
use lenticular_dicom::vr::Vr;
use lenticular_dicom::write::write_dataset;
use proptest::prelude::*;

fn scan_cut(bytes: &[u8], cuts: &[usize]) -> Result<Scanned, ReadError> {
    let mut scanner = Scanner::for_file(Limits { inline: 20, ..Limits::default() });
    let mut rest = bytes;
    for cut in cuts {
        let (slice, next) = rest.split_at((*cut).min(rest.len()));
        scanner.push(slice)?;
        rest = next;
    }
    scanner.push(rest)?;
    scanner.finish()
}

fn element() -> impl Strategy<Value = Element> {
    let text = prop::collection::vec("[A-Z0-9 ]{0,12}", 1..4).prop_map(|parts| parts.join("\\"));
    let plain = (0x0008u16..0x0050, any::<u16>(), prop::sample::select(Vr::ALL.to_vec()), text);
    plain.prop_map(|(group, number, vr, text)| {
        let vr = if vr == Vr::Sq { Vr::Lo } else { vr };
        // UN of a known attribute is read as what it is; a private one stays.
        let group = if vr == Vr::Un { group | 1 } else { group & !1 };
        let mut bytes = text.into_bytes();
        bytes.truncate(bytes.len() / 8 * 8);
        Element::new(Tag::new(group, number.max(0x100)), vr, bytes)
    })
}

fn dataset() -> impl Strategy<Value = DataSet> {
    let leaf = prop::collection::vec(element(), 0..8).prop_map(DataSet::new);
    leaf.prop_recursive(3, 24, 3, |inner| {
        (prop::collection::vec(element(), 0..6), prop::collection::vec(inner, 0..3)).prop_map(
            |(mut elements, items)| {
                elements.push(Element::sequence(Tag(0x0040_a730), items));
                DataSet::new(elements)
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz_file(&bytes);
        fuzz_dataset(&bytes);
        fuzz_layout(&bytes);
        fuzz_json(&bytes);
    }

    #[test]
    fn damaged_files_never_panic(at in 0usize..700, byte: u8, to in 0usize..800) {
        let mut bytes = file(EXPLICIT, &image());
        let length = bytes.len();
        bytes[at % length] = byte;
        fuzz_file(&bytes);
        fuzz_file(&bytes[..to.min(length)]);
    }

    #[test]
    fn cut_anyhow_the_same_is_read(cuts in prop::collection::vec(0usize..40, 0..30)) {
        let bytes = file(EXPLICIT, &image());
        prop_assert_eq!(scan_cut(&bytes, &cuts), scan_cut(&bytes, &[]));
        let bytes = image();
        prop_assert_eq!(scan_cut(&bytes, &cuts), scan_cut(&bytes, &[]));
        let content = [item(&[0; 4]), item(b"ab\xff\xd9"), sequence_end()].concat();
        let bytes = file(JPEG, &[image(), undefined(0x7fe0_0010, "OB", &content)].concat());
        prop_assert_eq!(scan_cut(&bytes, &cuts), scan_cut(&bytes, &[]));
    }

    #[test]
    fn what_is_written_reads_back(dataset in dataset()) {
        let bytes = write_dataset(&dataset);
        let mut scanner = Scanner::for_dataset(EXPLICIT, Limits::default());
        scanner.push(&bytes).unwrap();
        let read = scanner.finish().unwrap().header;
        prop_assert_eq!(write_dataset(&read), bytes);
        prop_assert_eq!(to_json(&read), to_json(&dataset));
    }

    #[test]
    fn json_reads_back_as_the_same_json(dataset in dataset()) {
        let json = to_json(&dataset);
        let tree = lenticular_base::tree::parse(json.as_bytes()).unwrap();
        let Ok(read) = read_json(&tree) else { return Ok(()) };
        let mut read = read.dataset;
        if dataset.charset().is_none() {
            read.remove(Tag(0x0008_0005));
        }
        let again = to_json(&read);
        let reread = read_json(&lenticular_base::tree::parse(again.as_bytes()).unwrap()).unwrap().dataset;
        prop_assert!(reread.elements().len() >= read.elements().len());
    }

    #[test]
    fn text_in_any_character_set_is_some_text(bytes in prop::collection::vec(any::<u8>(), 0..80), term in 0usize..12) {
        let terms = ["", "ISO_IR 100", "ISO_IR 13", "ISO 2022 IR 87", "ISO 2022 IR 149", "ISO 2022 IR 58", "GB18030",
            "GBK", "ISO_IR 192", "ISO_IR 166", "\\ISO 2022 IR 159", "ISO 2022 IR 13\\ISO 2022 IR 87"];
        let charset = SpecificCharacterSet::parse(terms[term].as_bytes());
        for vr in [Vr::Pn, Vr::Lo, Vr::Ut] {
            let _ = decode_text(&bytes, &charset, vr);
        }
    }

    #[test]
    fn queries_never_panic(name in "[A-Za-z0-9.]{0,30}", value in "\\PC{0,40}") {
        let pair = |name: &str| vec![(name.to_owned(), value.clone()), ("fuzzymatching".to_owned(), "true".to_owned())];
        for name in [name.as_str(), "PatientName", "StudyDate", "StudyTime", "AcquisitionDateTime", "Rows", "StudyInstanceUID"] {
            let _ = lenticular_dicom::query::parse_query(lenticular_base::Kind::INSTANCE, &pair(name), 10);
        }
    }
}
