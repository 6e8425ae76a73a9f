//! A reader of the outermost elements of a file in Explicit VR Little Endian, just enough to ask what was written.

use std::collections::HashMap;

pub struct File {
    elements: HashMap<u32, Vec<u8>>,
}

pub fn read(bytes: &[u8]) -> File {
    assert_eq!(&bytes[128..132], b"DICM", "a Part 10 file");
    let mut elements = HashMap::new();
    let mut at = 132;
    let mut before = 0;
    while at < bytes.len() {
        let short = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
        let tag = u32::from(short(at)) << 16 | u32::from(short(at + 2));
        assert!(tag > before, "{tag:08x} comes after {before:08x}");
        before = tag;
        let long = matches!(&bytes[at + 4..at + 6], b"OB" | b"OW" | b"SQ" | b"UT" | b"UN" | b"UC" | b"UR");
        let (start, length) = if long {
            (at + 12, u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize)
        } else {
            (at + 8, usize::from(short(at + 6)))
        };
        assert_eq!(length % 2, 0, "{tag:08x} has an even length");
        elements.insert(tag, bytes[start..start + length].to_vec());
        at = start + length;
    }
    File { elements }
}

impl File {
    pub fn bytes(&self, tag: u32) -> &[u8] {
        self.elements.get(&tag).unwrap_or_else(|| panic!("no {tag:08x}"))
    }

    pub fn text(&self, tag: u32) -> String {
        String::from_utf8(self.bytes(tag).to_vec()).unwrap().trim_end_matches([' ', '\0']).to_owned()
    }

    pub fn numbers(&self, tag: u32) -> Vec<f64> {
        self.text(tag).split('\\').map(|text| text.parse().unwrap()).collect()
    }

    pub fn short(&self, tag: u32) -> usize {
        usize::from(u16::from_le_bytes(self.bytes(tag)[..2].try_into().unwrap()))
    }

    pub fn has(&self, tag: u32) -> bool {
        self.elements.contains_key(&tag)
    }

    /// Pixel Data as words, row by row.
    pub fn words(&self) -> Vec<f64> {
        self.bytes(0x7fe0_0010)
            .chunks_exact(2)
            .map(|pair| f64::from(i16::from_le_bytes(pair.try_into().unwrap())))
            .collect()
    }
}
