use super::{JSON, first, stocked};
use std::io::Read;

const STORED: &str = "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*";

#[tokio::test(flavor = "multi_thread")]
async fn objects_come_back_bit_for_bit() {
    let (house, images) = stocked().await;
    let stored = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
    let study = house.get(&house.a, &format!("/dicom-web/studies/{}", images[0].study), stored).await;
    let parts = study.parts();
    assert_eq!(parts.len(), images.len());
    for image in &images {
        assert!(parts.iter().any(|(_, body)| *body == image.file));
        let alone = house.get(&house.a, &image.path(), "application/dicom").await;
        assert_eq!((alone.status.as_u16(), &alone.body), (200, &image.file));
        let head =
            house.send(&house.a, "HEAD", &image.path(), &[("accept", "application/dicom")], Vec::new()).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_the_same_compressed_and_plain() {
    let (house, images) = stocked().await;
    let path = format!("/dicom-web/studies/{}/metadata", images[0].study);
    let plain = house.get(&house.a, &path, JSON).await;
    assert_eq!(plain.json().as_array().unwrap().len(), 4);
    let gzip = [("accept", JSON), ("accept-encoding", "gzip")];
    let packed = house.send(&house.a, "GET", &path, &gzip, Vec::new()).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let mut inflated = Vec::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut inflated).unwrap();
    assert_eq!(inflated, plain.body);
    let one = house.get(&house.a, &format!("{}/metadata", images[0].path()), JSON).await.json();
    let link = one[0]["7FE00010"]["BulkDataURI"].as_str().unwrap();
    let bulk =
        house.get(&house.a, link.strip_prefix("http://test").unwrap(), "application/octet-stream").await;
    assert_eq!(bulk.body, images[0].pixels());
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_ranges_of_the_pixels() {
    let (house, images) = stocked().await;
    let cine = &images[1];
    let size = 160 * 120 * 3;
    let answer = house.get(&house.a, &format!("{}/frames/3,1", cine.path()), STORED).await;
    let parts = answer.parts();
    assert_eq!(parts[0].1, &cine.pixels()[2 * size..3 * size]);
    assert_eq!(parts[1].1, &cine.pixels()[..size]);
    assert_eq!(parts[0].0, "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1");
    let status = async |frames: &str, accept: &str| {
        house.get(&house.a, &format!("{}/frames/{frames}", cine.path()), accept).await.status.as_u16()
    };
    assert_eq!(status("9", STORED).await, 404);
    assert_eq!(status("0", STORED).await, 400);
    assert_eq!(status("1", "text/html").await, 406);
    assert_eq!(status("1", &STORED.replace('*', "1.2.840.10008.1.2.4.201")).await, 406);
    let jpeg = house.get(&house.a, &format!("{}/frames/2", cine.path()), "image/jpeg").await;
    assert_eq!((jpeg.status.as_u16(), &jpeg.body[..2]), (200, &[0xff, 0xd8][..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_leaves_as_baseline_jpeg_where_that_is_asked_for() {
    let (house, images) = stocked().await;
    let accept = "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50";
    let answer = house.get(&house.a, &images[1].path(), accept).await;
    assert_eq!(answer.status, 200);
    let scanned = lenticular_dicom::read::scan_file(&answer.body, Default::default()).unwrap();
    assert_eq!(scanned.transfer_syntax, "1.2.840.10008.1.2.4.50");
    assert_eq!(scanned.pixels.unwrap().frame_count(None), 8);
    let deep = house.get(&house.a, &images[0].path(), accept).await;
    assert_eq!(deep.status, 406, "12 bits do not fit: {}", String::from_utf8_lossy(&deep.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_image_is_rendered() {
    let (house, images) = stocked().await;
    for image in &images {
        for (path, accept, mark) in [
            ("rendered", "image/png", &b"\x89PNG"[..]),
            ("rendered?quality=50&viewport=64,64", "*/*", b"\xff\xd8"),
            ("frames/1/rendered", "image/jpeg", b"\xff\xd8"),
            ("thumbnail", "*/*", b"\xff\xd8"),
        ] {
            let answer = house.get(&house.a, &format!("{}/{path}", image.path()), accept).await;
            assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
            assert!(answer.body.starts_with(mark), "{path}");
        }
    }
    let study = format!("/dicom-web/studies/{}", images[0].study);
    let all =
        house.get(&house.a, &format!("{study}/rendered"), "multipart/related; type=\"image/png\"").await;
    assert_eq!(all.parts().len(), 4);
    assert_eq!(
        house.get(&house.a, &format!("{study}/rendered"), "image/png").await.header("content-type"),
        "image/png"
    );
    assert_eq!(house.get(&house.a, &format!("{study}/thumbnail"), "image/jpeg").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_a_study_are_one_entry_of_the_audit_log() {
    let (house, images) = stocked().await;
    for frame in 1..=8 {
        let path = format!("{}/frames/{frame}", images[1].path());
        assert_eq!(house.get(&house.a, &path, STORED).await.status, 200);
    }
    let log = house.get(&house.a, "/fhir/AuditEvent?_count=100", "*/*").await.json();
    let entries = log["entry"].as_array().unwrap();
    let viewed = entries.iter().filter(|entry| entry.to_string().contains("retrieve-frames")).count();
    assert_eq!(viewed, 1, "{log}");
    let uid = first(&house.get(&house.a, "/dicom-web/studies", JSON).await.json()[0], "0020000D").clone();
    assert!(entries.iter().any(|entry| entry.to_string().contains(uid.as_str().unwrap())));
}
