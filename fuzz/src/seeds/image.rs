//! Small images in every encoding: the headers of the sample network's images with few pixels, so that the fuzzer
//! changes what is parsed rather than what is passed over.

use lenticular_dicom::dataset::{DataSet, Element, Value};
use lenticular_dicom::file_meta::{FileMetaFields, write_file_meta};
use lenticular_dicom::json;
use lenticular_dicom::pixels::PixelLayout;
use lenticular_dicom::read::{Limits, scan_file};
use lenticular_dicom::tag::Tag;
use lenticular_dicom::vr::Vr;
use lenticular_synth::{Date, SmallImage, person, single_frame};

const IMPLICIT: &str = "1.2.840.10008.1.2";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const JPEG: &str = "1.2.840.10008.1.2.4.50";
const PIXEL_DATA: Tag = Tag(0x7fe0_0010);

pub fn seeds() -> Vec<Vec<u8>> {
    let today = Date::new(2026, 11, 1).expect("a day");
    let patient = person(7, 0, today);
    let study = patient.study_facts().expect("person 0 has a chest CT");
    let kinds = [
        SmallImage::Radiograph,
        SmallImage::UltrasoundCine,
        SmallImage::UltrasoundPalette,
        SmallImage::MagneticResonance,
    ];
    let mut seeds = Vec::new();
    for kind in kinds {
        let file = single_frame(1, kind, &patient.facts(), &study);
        let mut header = scan_file(&file, Limits::default()).expect("our own image").header;
        header.remove(PIXEL_DATA);
        seeds.extend(encodings(&shrunk(header)));
    }
    seeds.extend(encodings(&textual()));
    seeds
}

/// An image of 4 x 4, 3 frames; long tables cut.
fn shrunk(mut header: DataSet) -> DataSet {
    for tag in [0x0028_0010, 0x0028_0011] {
        header.set(Element::new(Tag(tag), Vr::Us, vec![4, 0]));
    }
    header.set(Element::new(Tag(0x0028_0008), Vr::Is, "3"));
    let cut = |element: &Element| match &element.value {
        Value::Bytes(bytes) if bytes.len() > 128 => Element::new(element.tag, element.vr, &bytes[..64]),
        _ => element.clone(),
    };
    DataSet::new(header.elements().iter().map(cut).collect())
}

/// Every representation, nested sequences, a private block, text with escapes.
fn textual() -> DataSet {
    let mut elements = vec![
        Element::new(Tag(0x0008_0005), Vr::Cs, "\\ISO 2022 IR 87\\ISO 2022 IR 149"),
        Element::new(Tag(0x0008_0016), Vr::Ui, "1.2.840.10008.5.1.4.1.1.88.33"),
        Element::new(Tag(0x0008_0018), Vr::Ui, "1.2.3.4"),
        Element::new(Tag(0x0010_0010), Vr::Pn, &b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=x"[..]),
        Element::new(Tag(0x0009_0010), Vr::Lo, "LENTICULAR"),
        Element::new(Tag(0x0028_0103), Vr::Us, vec![1, 0]),
        Element::new(Tag(0x0028_0106), Vr::Ss, vec![0xff, 0xff]),
    ];
    for (vr, number) in Vr::ALL.iter().zip(0x1001u16..) {
        if *vr != Vr::Sq {
            let bytes = if vr.is_text() { b"1\\2 ".to_vec() } else { vec![1, 2, 3, 4, 5, 6, 7, 8] };
            elements.push(Element::new(Tag::new(9, number), *vr, bytes));
        }
    }
    let content = Tag(0x0040_a730);
    let mut tree = DataSet::new(vec![Element::new(Tag(0x0040_a160), Vr::Ut, "deep")]);
    for _ in 0..31 {
        tree = DataSet::new(vec![
            Element::new(Tag(0x0040_a040), Vr::Cs, "CONTAINER"),
            Element::sequence(content, vec![tree, DataSet::default()]),
        ]);
    }
    elements.push(Element::sequence(content, vec![tree]));
    DataSet::new(elements)
}

fn encodings(header: &DataSet) -> Vec<Vec<u8>> {
    let samples: Vec<u8> = (0..144).collect();
    let explicit = Form { explicit: true, big_endian: false, undefined: false };
    let undefined = Form { undefined: true, ..explicit };
    let implicit = Form { explicit: false, ..undefined };
    let big_endian = Form { big_endian: true, ..explicit };
    let native = |form: Form| {
        let mut out = form.dataset(header);
        form.element(&Element::new(PIXEL_DATA, Vr::Ow, samples.clone()), &mut out);
        out
    };
    let mut fragments = explicit.dataset(header);
    fragments.extend(*b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff");
    let table: Vec<u8> = [0u32, 16, 32].iter().flat_map(|offset| offset.to_le_bytes()).collect();
    for fragment in
        [&table[..], b"\xff\xd8abcd\xff\xd9", b"\xff\xd8efgh\xff\xd9", b"\xff\xd8ij", b"kl\xff\xd9"]
    {
        fragments
            .extend([&b"\xfe\xff\x00\xe0"[..], &(fragment.len() as u32).to_le_bytes(), fragment].concat());
    }
    fragments.extend(*b"\xfe\xff\xdd\xe0\0\0\0\0");
    let file = |syntax: &str, dataset: &[u8]| {
        let fields = FileMetaFields {
            sop_class: "1.2.840.10008.5.1.4.1.1.7",
            sop_instance: "1.2.3.4",
            transfer_syntax: syntax,
            source_ae_title: Some("SEED"),
        };
        [&[0, 90][..], &write_file_meta(fields), dataset].concat()
    };
    let layout =
        scan_file(&file(JPEG, &fragments)[2..], Limits::default()).ok().and_then(|scanned| scanned.pixels);
    vec![
        file(IMPLICIT, &native(implicit)),
        file(EXPLICIT, &native(undefined)),
        file(BIG_ENDIAN, &native(big_endian)),
        file(DEFLATED, &stored(&native(explicit))),
        file(JPEG, &fragments),
        [&[1, 255][..], &native(implicit)].concat(),
        [&[2, 10][..], &native(explicit)].concat(),
        [&[3, 0][..], &native(big_endian)].concat(),
        [&[4, 100][..], &stored(&native(undefined))].concat(),
        [&[5, 7][..], &fragments].concat(),
        [&[6, 7][..], &native(Form { undefined: false, ..implicit })].concat(),
        [&[7, 0][..], json::to_json(header).as_bytes()].concat(),
        [&[8, 0][..], &layout.as_ref().map(PixelLayout::encode).unwrap_or_default()].concat(),
    ]
}

/// A deflate stream of one stored block (RFC 1951 §3.2.4): what is inside stays open to change.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a small seed");
    [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), bytes].concat()
}

/// How a data set is written.
#[derive(Clone, Copy)]
struct Form {
    explicit: bool,
    big_endian: bool,
    /// Sequences and items end with delimiters.
    undefined: bool,
}

impl Form {
    fn dataset(self, dataset: &DataSet) -> Vec<u8> {
        let mut out = Vec::new();
        dataset.elements().iter().for_each(|element| self.element(element, &mut out));
        out
    }

    fn short(self, value: u16, out: &mut Vec<u8>) {
        out.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn long(self, value: u32, out: &mut Vec<u8>) {
        out.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn tag(self, tag: Tag, out: &mut Vec<u8>) {
        self.short(tag.group(), out);
        self.short(tag.element(), out);
    }

    fn element(self, element: &Element, out: &mut Vec<u8>) {
        let (length, value) = match &element.value {
            Value::Items(items) => self.items(items),
            Value::Bytes(bytes) => {
                let mut bytes = bytes.to_vec();
                if self.big_endian && element.vr.unit() > 1 {
                    bytes.chunks_exact_mut(element.vr.unit()).for_each(<[u8]>::reverse);
                }
                (bytes.len() as u32, bytes)
            }
            Value::Bulk(_) => (0, Vec::new()),
        };
        self.tag(element.tag, out);
        if self.explicit {
            out.extend_from_slice(element.vr.as_str().as_bytes());
        }
        match (self.explicit, element.vr.is_long()) {
            (true, true) => {
                out.extend([0, 0]);
                self.long(length, out);
            }
            (true, false) => self.short(length as u16, out),
            (false, _) => self.long(length, out),
        }
        out.extend(value);
    }

    /// The length that is announced, and the items.
    fn items(self, items: &[DataSet]) -> (u32, Vec<u8>) {
        let mut out = Vec::new();
        for item in items {
            let content = self.dataset(item);
            self.tag(Tag(0xfffe_e000), &mut out);
            self.long(if self.undefined { u32::MAX } else { content.len() as u32 }, &mut out);
            out.extend(content);
            if self.undefined {
                self.tag(Tag(0xfffe_e00d), &mut out);
                self.long(0, &mut out);
            }
        }
        if !self.undefined {
            return (out.len() as u32, out);
        }
        self.tag(Tag(0xfffe_e0dd), &mut out);
        self.long(0, &mut out);
        (u32::MAX, out)
    }
}
