//! Scenes of DICOMweb (PS3.18 §10).

mod retrieve;
mod search;
mod store;

use crate::house::{Answer, House};
use lenticular_synth::{Date, Person, SmallImage, person, single_frame};
use serde_json::Value;

pub const JSON: &str = "application/dicom+json";

/// One synthetic image, and its names.
pub struct Image {
    pub file: Vec<u8>,
    pub study: String,
    pub series: String,
    pub instance: String,
}

impl Image {
    pub fn path(&self) -> String {
        format!("/dicom-web/studies/{}/series/{}/instances/{}", self.study, self.series, self.instance)
    }

    /// The value of the last element, Pixel Data.
    pub fn pixels(&self) -> &[u8] {
        let at = self
            .file
            .windows(6)
            .rposition(|w| w == b"\xe0\x7f\x10\x00OW" || w == b"\xe0\x7f\x10\x00OB")
            .unwrap();
        &self.file[at + 12..]
    }
}

fn somebody() -> Person {
    person(1, 0, Date::new(2026, 11, 1).unwrap())
}

pub fn image(kind: SmallImage) -> Image {
    let person = somebody();
    let file = single_frame(3, kind, &person.facts(), &person.study_facts().unwrap());
    let uid = |tag: [u8; 4]| {
        let mark = [&tag[..], b"UI"].concat();
        let at = file.windows(6).position(|w| w == mark).unwrap();
        let length = usize::from(u16::from_le_bytes([file[at + 6], file[at + 7]]));
        let text = String::from_utf8(file[at + 8..at + 8 + length].to_vec()).unwrap();
        text.trim_end_matches('\0').to_owned()
    };
    let (study, series, instance) = (uid([0x20, 0, 0x0d, 0]), uid([0x20, 0, 0x0e, 0]), uid([8, 0, 0x18, 0]));
    Image { file, study, series, instance }
}

/// Stores files by one request.
pub async fn stow(house: &House, token: &str, path: &str, files: &[&[u8]]) -> Answer {
    let mut body = Vec::new();
    for file in files {
        body.extend_from_slice(b"--b\r\nContent-Type: application/dicom\r\n\r\n");
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    let media = ("content-type", "multipart/related; type=\"application/dicom\"; boundary=b");
    house.send(token, "POST", path, &[media, ("accept", JSON)], body).await
}

/// A house where hospital A has one image of each kind.
pub async fn stocked() -> (House, Vec<Image>) {
    let house = House::open().await;
    let kinds = [
        SmallImage::Radiograph,
        SmallImage::UltrasoundCine,
        SmallImage::UltrasoundPalette,
        SmallImage::MagneticResonance,
    ];
    let images: Vec<Image> = kinds.into_iter().map(image).collect();
    let files: Vec<&[u8]> = images.iter().map(|image| &image.file[..]).collect();
    let answer = stow(&house, &house.a, "/dicom-web/studies", &files).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    (house, images)
}

/// The first value of an attribute.
pub fn first<'a>(item: &'a Value, tag: &str) -> &'a Value {
    &item[tag]["Value"][0]
}
