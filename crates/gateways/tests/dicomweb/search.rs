use super::{JSON, first, stocked};

#[tokio::test(flavor = "multi_thread")]
async fn every_level_is_found() {
    let (house, images) = stocked().await;
    let study = &images[0].study;
    for (path, count) in [
        ("studies".to_owned(), 1),
        ("series".to_owned(), 4),
        ("instances?limit=3".to_owned(), 3),
        (format!("studies/{study}/series"), 4),
        (format!("studies/{study}/instances?Modality=CR"), 1),
        (format!("studies/{study}/series/{}/instances", images[1].series), 1),
        (format!("instances?SOPInstanceUID={}&SOPInstanceUID={}", images[0].instance, images[1].instance), 2),
        ("studies/1.2.3/series".to_owned(), 0),
        ("studies/*/series".to_owned(), 0),
        ("studies?PatientID=nobody".to_owned(), 0),
    ] {
        let answer = house.get(&house.a, &format!("/dicom-web/{path}"), JSON).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.json().as_array().unwrap().len(), count, "{path}");
        assert_eq!(answer.header("warning").starts_with("299"), path == "instances?limit=3", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_tells_of_itself() {
    let (house, images) = stocked().await;
    let found = house.get(&house.a, "/dicom-web/studies", JSON).await.json();
    assert_eq!((first(&found[0], "00201206"), first(&found[0], "00201208")), (&4.into(), &4.into()));
    assert_eq!(first(&found[0], "00081190"), &format!("http://test/dicom-web/studies/{}", images[0].study));
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_without_an_index_are_compared_and_brought() {
    let (house, images) = stocked().await;
    let path = "/dicom-web/instances?PhotometricInterpretation=MONOCHROME1&includefield=00080070";
    let found = house.get(&house.a, path, JSON).await.json();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(first(&found[0], "00080018"), &images[0].instance);
    assert_eq!(first(&found[0], "00080070"), "Lenticular");
    for bad in
        ["studies?NoSuchKeyword=1", "studies?limit=many", "studies?SliceThickness=1", "studies?StudyDate=x"]
    {
        assert_eq!(house.get(&house.a, &format!("/dicom-web/{bad}"), JSON).await.status, 400, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_member_sees_what_an_unknown_name_shows() {
    let (house, images) = stocked().await;
    let root = images[0].path();
    let study = &images[0].study;
    for (path, accept) in [
        (format!("/dicom-web/studies/{study}/metadata"), JSON),
        (format!("/dicom-web/studies/{study}"), "*/*"),
        (format!("/dicom-web/studies/{study}/thumbnail"), "*/*"),
        (root.clone(), "application/dicom"),
        (format!("{root}/frames/1"), "*/*"),
        (format!("{root}/frames/99"), "*/*"),
        (format!("{root}/rendered"), "image/png"),
        (format!("{root}/bulkdata/7FE00010"), "*/*"),
        (format!("/dicom-web/studies/{study}/series"), JSON),
        (format!("/dicom-web/studies?StudyInstanceUID={study}"), JSON),
    ] {
        let seen = house.get(&house.b, &path, accept).await;
        let unknown = house.get(&house.a, &path.replace(study, "9.9.9"), accept).await;
        assert_eq!(
            (seen.status, &seen.headers, &seen.body),
            (unknown.status, &unknown.headers, &unknown.body),
            "{path}"
        );
        assert_eq!(house.get("", &path, accept).await.status, 401, "{path}");
    }
}
