//! A minimal writer of DICOM files: Explicit VR Little Endian (PS3.5 §7.1.2) behind the Part 10 header (PS3.10 §7.1).

use std::collections::BTreeMap;

const EXPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";
/// Implementation Class UID: a UUID of this generator.
const IMPLEMENTATION: &str = "2.25.146379471180519463157290862837159283746";

/// A data set; elements come out in ascending order of their tags, whatever the order they were put in.
#[derive(Debug, Clone, Default)]
pub(super) struct DataSet {
    elements: BTreeMap<u32, ([u8; 2], Vec<u8>)>,
}

impl DataSet {
    fn put(&mut self, tag: u32, vr: &[u8; 2], value: Vec<u8>) {
        self.elements.insert(tag, (*vr, value));
    }

    /// A value of a text VR; values are separated by backslashes. Padded to even length as PS3.5 §6.2 says.
    pub(super) fn text(&mut self, tag: u32, vr: &[u8; 2], value: &str) {
        let mut bytes = value.as_bytes().to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(if vr == b"UI" { 0 } else { b' ' });
        }
        self.put(tag, vr, bytes);
    }

    /// A value of a text VR as given, in whatever encoding; cut at 65,534 bytes, padded.
    pub(super) fn raw_text(&mut self, tag: u32, vr: &[u8; 2], value: &[u8]) {
        let mut bytes = value[..value.len().min(0xfffe)].to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(b' ');
        }
        self.put(tag, vr, bytes);
    }

    /// DS with the given decimals, at most 16 characters each.
    pub(super) fn decimals(&mut self, tag: u32, values: &[f64]) {
        let texts: Vec<String> = values
            .iter()
            .map(|value| {
                let text = format!("{value:.6}");
                let trimmed = text.trim_end_matches('0').trim_end_matches('.');
                (if trimmed == "-0" { "0" } else { trimmed }).to_owned()
            })
            .collect();
        self.text(tag, b"DS", &texts.join("\\"));
    }

    pub(super) fn shorts(&mut self, tag: u32, values: &[u16]) {
        self.put(tag, b"US", values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    /// SS, one value.
    pub(super) fn signed_short(&mut self, tag: u32, value: i16) {
        self.put(tag, b"SS", value.to_le_bytes().to_vec());
    }

    pub(super) fn longs(&mut self, tag: u32, values: &[u32]) {
        self.put(tag, b"UL", values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    pub(super) fn signed_longs(&mut self, tag: u32, values: &[i32]) {
        self.put(tag, b"SL", values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    pub(super) fn doubles(&mut self, tag: u32, values: &[f64]) {
        self.put(tag, b"FD", values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    /// A sequence of one coded concept (PS3.3 §8.8): value, scheme and meaning.
    pub(super) fn code(&mut self, tag: u32, value: &str, scheme: &str, meaning: &str) {
        self.sequence(tag, &[Self::concept(value, scheme, meaning)]);
    }

    /// The item of such a sequence.
    pub(super) fn concept(value: &str, scheme: &str, meaning: &str) -> Self {
        let mut item = Self::default();
        item.text(0x0008_0100, b"SH", value);
        item.text(0x0008_0102, b"SH", scheme);
        item.text(0x0008_0104, b"LO", meaning);
        item
    }

    /// AT, one tag.
    pub(super) fn attribute_tag(&mut self, tag: u32, value: u32) {
        let [low, high] = [value as u16, (value >> 16) as u16];
        self.put(tag, b"AT", [high.to_le_bytes(), low.to_le_bytes()].concat());
    }

    /// OW from words.
    pub(super) fn words(&mut self, tag: u32, values: &[u16]) {
        self.put(tag, b"OW", values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    /// SQ with items of defined length (PS3.5 §7.5.2).
    pub(super) fn sequence(&mut self, tag: u32, items: &[Self]) {
        let mut value = Vec::new();
        for item in items {
            let mut body = Vec::new();
            item.encode(&mut body);
            value.extend_from_slice(&[0xfe, 0xff, 0x00, 0xe0]);
            value.extend_from_slice(&(body.len() as u32).to_le_bytes());
            value.extend_from_slice(&body);
        }
        self.put(tag, b"SQ", value);
    }

    fn encode(&self, out: &mut Vec<u8>) {
        for (&tag, (vr, value)) in &self.elements {
            encode_header(out, tag, vr, value.len());
            out.extend_from_slice(value);
        }
    }

    /// The whole file: preamble, meta information, the data set, and Pixel Data (7FE0,0010) last.
    pub(super) fn into_file(
        mut self,
        class: &str,
        instance: &str,
        pixels_vr: &[u8; 2],
        pixels: &[u8],
    ) -> Vec<u8> {
        self.text(0x0008_0016, b"UI", class);
        self.text(0x0008_0018, b"UI", instance);

        let mut meta = Self::default();
        meta.put(0x0002_0001, b"OB", vec![0, 1]);
        meta.text(0x0002_0002, b"UI", class);
        meta.text(0x0002_0003, b"UI", instance);
        meta.text(0x0002_0010, b"UI", EXPLICIT_LITTLE_ENDIAN);
        meta.text(0x0002_0012, b"UI", IMPLEMENTATION);
        meta.text(0x0002_0013, b"SH", "LENTICULAR_SYNTH");
        let mut meta_bytes = Vec::new();
        meta.encode(&mut meta_bytes);

        let mut out = Vec::with_capacity(pixels.len() + 8192);
        out.resize(128, 0);
        out.extend_from_slice(b"DICM");
        encode_header(&mut out, 0x0002_0000, b"UL", 4);
        out.extend_from_slice(&(meta_bytes.len() as u32).to_le_bytes());
        out.extend_from_slice(&meta_bytes);
        self.encode(&mut out);
        let padded = pixels.len() + pixels.len() % 2;
        encode_header(&mut out, 0x7fe0_0010, pixels_vr, padded);
        out.extend_from_slice(pixels);
        if pixels.len() % 2 == 1 {
            out.push(0);
        }
        out
    }
}

/// PS3.5 §7.1.2: VRs with a 32-bit length carry two reserved bytes, the others a 16-bit length.
fn encode_header(out: &mut Vec<u8>, tag: u32, vr: &[u8; 2], length: usize) {
    out.extend_from_slice(&((tag >> 16) as u16).to_le_bytes());
    out.extend_from_slice(&(tag as u16).to_le_bytes());
    out.extend_from_slice(vr);
    if matches!(vr, b"OB" | b"OW" | b"SQ" | b"UT" | b"UN" | b"UC" | b"UR") {
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&(length as u32).to_le_bytes());
    } else {
        out.extend_from_slice(&(length as u16).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_sorted_padded_and_framed() {
        let mut set = DataSet::default();
        set.text(0x0010_0020, b"LO", "abc");
        set.text(0x0008_0005, b"CS", "ISO_IR 192");
        set.decimals(0x0028_0030, &[0.703_125, -0.0]);
        let mut out = Vec::new();
        set.encode(&mut out);
        assert_eq!(&out[..8], b"\x08\x00\x05\x00CS\x0a\x00");
        assert_eq!(&out[18..30], b"\x10\x00\x20\x00LO\x04\x00abc ");
        assert_eq!(&out[30..], b"\x28\x00\x30\x00DS\x0a\x000.703125\\0");
    }

    #[test]
    fn a_file_begins_with_its_meta_information() {
        let file = DataSet::default().into_file("1.2", "2.25.1", b"OW", &[1, 2]);
        assert_eq!(&file[128..132], b"DICM");
        let length = u32::from_le_bytes(file[140..144].try_into().unwrap()) as usize;
        assert_eq!(&file[144 + length..144 + length + 4], b"\x08\x00\x16\x00");
        assert_eq!(&file[file.len() - 2..], &[1, 2]);
    }
}
