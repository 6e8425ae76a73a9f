//! What is bounded whoever calls: files and handles of objects that are sent again, connections, and time.

mod associations;

use crate::dicomweb::image;
use crate::house::House;
use lenticular_policy::{Purpose, Role};
use lenticular_services::Caller;
use lenticular_services::ingest::{Arrival, Disposition};
use lenticular_synth::SmallImage;
use std::path::Path;

/// The image with so many bytes of pixels more.
fn lengthened(file: &[u8], by: usize) -> Vec<u8> {
    let at = file.windows(6).rposition(|w| w == b"\xe0\x7f\x10\x00OW").unwrap();
    let pixels = &file[at + 12..];
    let length = u32::try_from(pixels.len() + by).unwrap();
    [&file[..at + 8], &length.to_le_bytes(), pixels, &vec![1; by]].concat()
}

fn blobs(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder.join("blobs")).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// How many handles this process has on large objects in the folder.
fn handles(folder: &Path) -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = links.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    targets.filter(|target| target.starts_with(folder.join("blobs"))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_sent_again_and_again_keeps_one_file() {
    let house = House::open().await;
    let member = house.services.member("hospital-a").await.unwrap();
    let caller = {
        let device = house.services.add_device(&member, "CT1", None).await.unwrap();
        let principal = house.services.device(&device.ae, [127, 0, 0, 1].into()).await.unwrap().unwrap();
        assert_eq!(principal.role, Role::Device);
        Caller { principal, purpose: Purpose::Treat, way: "dimse", asked: None }
    };
    let file = lengthened(&image(SmallImage::MagneticResonance).file, 5 << 20);
    let mut other = file.clone();
    *other.last_mut().unwrap() ^= 1;
    let store = |file: &[u8]| {
        let mut ingest = house.services.begin_ingest(caller.clone(), Arrival::File).unwrap();
        ingest.push(file).unwrap();
        ingest.finish().unwrap().disposition
    };
    tokio::task::block_in_place(|| {
        assert_eq!(store(&file), Disposition::Stored);
        for _ in 0..20 {
            assert_eq!(store(&file), Disposition::Duplicate);
        }
        assert_eq!((blobs(house.folder()).len(), handles(house.folder())), (1, 1));
        // content that contradicts it is kept once too
        for _ in 0..3 {
            assert_eq!(store(&other), Disposition::Conflict);
        }
        assert_eq!((blobs(house.folder()).len(), handles(house.folder())), (2, 2));
    });
}
