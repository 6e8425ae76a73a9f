use super::{first, image, stocked, stow};
use crate::house::House;
use lenticular_synth::SmallImage;

#[tokio::test(flavor = "multi_thread")]
async fn each_object_is_stored_or_refused_by_itself() {
    let house = House::open().await;
    let (one, other) = (image(SmallImage::Radiograph), image(SmallImage::MagneticResonance));
    let answer = stow(&house, &house.a, "/dicom-web/studies", &[&one.file, b"no image", &other.file]).await;
    assert_eq!(answer.status, 202);
    let json = answer.json();
    let url = format!("http://test{}", one.path());
    assert_eq!(first(&json["00081199"]["Value"][0], "00081190"), &url);
    assert_eq!(first(&json["00081199"]["Value"][1], "00081155"), &other.instance);
    assert_eq!(first(&json["00081198"]["Value"][0], "00081197"), 0xC000);
    let again = stow(&house, &house.a, "/dicom-web/studies", &[&one.file]).await;
    assert_eq!(again.status, 200, "the same object again is no conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_another_study_is_refused_by_name() {
    let house = House::open().await;
    let one = image(SmallImage::Radiograph);
    let answer = stow(&house, &house.a, "/dicom-web/studies/1.2.3", &[&one.file]).await;
    assert_eq!(answer.status, 409);
    let failed = &answer.json()["00081198"]["Value"][0];
    assert_eq!(
        (first(failed, "00081155"), first(failed, "00081197")),
        (&one.instance.clone().into(), &0xA900.into())
    );
    let found = house.get(&house.a, "/dicom-web/studies", "*/*").await;
    assert_eq!(found.body, b"[]", "nothing of it was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_content_under_one_uid_waits_in_the_tray() {
    let (house, images) = stocked().await;
    let mut changed = images[0].file.clone();
    *changed.last_mut().unwrap() ^= 1;
    let answer = stow(&house, &house.a, "/dicom-web/studies", &[&changed]).await;
    assert_eq!(answer.status, 202);
    assert_eq!(first(&answer.json()["00081199"]["Value"][0], "00081196"), 0xB000);
    let tray = house.get(&house.a, "/api/conflicts", "*/*").await.json();
    assert_eq!(tray["conflicts"][0]["instance"], images[0].instance);
    let stored = house.get(&house.a, &images[0].path(), "application/dicom; transfer-syntax=*").await;
    assert_eq!(stored.body, images[0].file, "the first stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_store_request_is_refused() {
    let house = House::open().await;
    let send = async |media: &str, body: &[u8]| {
        house
            .send(&house.a, "POST", "/dicom-web/studies", &[("content-type", media)], body.to_vec())
            .await
            .status
    };
    assert_eq!(send("text/plain", b"hello").await, 415);
    assert_eq!(send("multipart/related; type=\"application/dicom\"", b"").await, 400);
    let multipart = "multipart/related; type=\"application/dicom\"; boundary=b";
    for body in [&b""[..], b"--b", b"--b--", b"--b\r\n\r\nDICM", b"xxxx"] {
        assert_eq!(send(multipart, body).await, 400, "{body:?}");
    }
    assert_eq!(send("application/dicom", &image(SmallImage::Radiograph).file).await, 200);
    let nobody =
        house.send("", "POST", "/dicom-web/studies", &[("content-type", multipart)], Vec::new()).await;
    assert_eq!(nobody.status, 401);
}
