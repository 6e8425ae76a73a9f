"""QIDO-RS: every kind of matching, every level, and what OHIF asks, to the letter (PS3.18 §10.6, PS3.4 §C.2.2.2)."""

import pytest
from lenticular.dicom import DICOM_JSON, first, instance, stow, values
from lenticular.inputs import ct
from pydicom import dcmread
from pydicom.uid import generate_uid

# study number: patient id, name, birth date, study date and time, description, accession number, modality of its series
STUDIES = [
    ("P1", "Müller^Jürgen", "19500102", "20200115", "081500", "CT Thorax", "A100", ["CT", "SR"]),
    ("P1", "Müller^Jürgen", "19500102", "20210630", "120000", "CT Abdomen", "A101", ["CT"]),
    ("P2", "MUELLER^ANNA", "19801231", "20210701", "235959", "MR Head", "A200", ["MR"]),
    ("P3", "Smith^John^Q", "19700704", "20220202", "000000", "CT Thorax", "B100", ["CT"]),
    ("P4", "O'Neil*^Star", "19700705", "20220203", "101010", "50% contrast_a", "B?01", ["US"]),
]


@pytest.fixture(scope="module")
def uids(a):
    """Small images made from one slice of the CT: two instances in each series. Returns the study UIDs."""
    base = dcmread(ct()[0])
    base.Rows = base.Columns = 4
    base.PixelData = bytes(32)
    studies = []
    for patient, name, born, date, time, description, accession, modalities in STUDIES:
        study = generate_uid(prefix="1.2.826.0.1.3680043.10.1.")
        studies.append(str(study))
        for number, modality in enumerate(modalities, 1):
            series = generate_uid(prefix="1.2.826.0.1.3680043.10.2.")
            for index in (1, 2):
                base.SpecificCharacterSet = "ISO_IR 192"
                base.PatientID, base.PatientName, base.PatientBirthDate = patient, name, born
                base.StudyDate, base.StudyTime, base.StudyDescription = date, time, description
                base.AccessionNumber, base.Modality, base.SeriesNumber, base.InstanceNumber = accession, modality, number, index
                base.StudyInstanceUID, base.SeriesInstanceUID = study, series
                base.SOPInstanceUID = base.file_meta.MediaStorageSOPInstanceUID = generate_uid()
                stow(a, [part10(base)]).expect(200)
    return studies


def part10(dataset) -> bytes:
    from io import BytesIO

    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def found(client, path: str, query=None, **headers) -> list[dict]:
    answer = client.get(f"/dicom-web/{path}", DICOM_JSON, query, **headers)
    if answer.status == 204:
        return []
    items = answer.expect(200).json()
    assert isinstance(items, list), f"{answer.request} is no list: {answer.body[:200]!r}"
    return items


def studies(client, uids, query) -> list[int]:
    """Which of STUDIES a query finds."""
    return sorted(uids.index(first(item, "0020000D")) for item in found(client, "studies", query))


@pytest.mark.parametrize(
    "query, expected",
    [
        ({}, [0, 1, 2, 3, 4]),
        # single value, by keyword and by tag
        ({"PatientID": "P1"}, [0, 1]),
        ({"00100020": "P1"}, [0, 1]),
        ({"AccessionNumber": "A200"}, [2]),
        ({"StudyDescription": "CT Thorax"}, [0, 3]),
        ({"PatientID": "p1x"}, []),
        # universal: an empty value matches all
        ({"PatientID": ""}, [0, 1, 2, 3, 4]),
        # wildcards
        ({"PatientID": "P*"}, [0, 1, 2, 3, 4]),
        ({"AccessionNumber": "A10?"}, [0, 1]),
        ({"AccessionNumber": "?1*"}, [0, 1, 3]),
        ({"StudyDescription": "*Thorax"}, [0, 3]),
        ({"StudyDescription": "50% contrast_a"}, [4]),
        ({"StudyDescription": "50_ contrast_a"}, []),
        # names: case and accents do not matter
        ({"PatientName": "müller^jürgen"}, [0, 1]),
        ({"PatientName": "MULLER^JURGEN"}, [0, 1]),
        ({"PatientName": "m*ller*"}, [0, 1, 2]),
        ({"PatientName": "Smith^John^Q"}, [3]),
        ({"PatientName": "Smith*"}, [3]),
        # ranges of dates
        ({"StudyDate": "20210630"}, [1]),
        ({"StudyDate": "20210101-20211231"}, [1, 2]),
        ({"StudyDate": "20210701-"}, [2, 3, 4]),
        ({"StudyDate": "-20210630"}, [0, 1]),
        ({"StudyTime": "080000-130000"}, [0, 1, 4]),
        ({"PatientBirthDate": "19700704"}, [3]),
        # modalities in a study
        ({"ModalitiesInStudy": "SR"}, [0]),
        ({"ModalitiesInStudy": "CT"}, [0, 1, 3]),
        # all conditions hold together
        ({"PatientID": "P1", "StudyDate": "20210101-"}, [1]),
        ({"PatientName": "Smith*", "PatientID": "P1"}, []),
    ],
)
def test_matching(a, uids, query, expected):
    assert studies(a, uids, query) == expected, f"QIDO-RS of {query}"


def test_fuzzy_matching_finds_the_beginning_of_any_part_of_a_name(a, uids):
    assert studies(a, uids, {"PatientName": "john", "fuzzymatching": "true"}) == [3]
    assert 0 in studies(a, uids, {"PatientName": "jurg mull", "fuzzymatching": "true"})
    assert studies(a, uids, {"PatientName": "john", "fuzzymatching": "false"}) == []


def test_lists_of_uids(a, uids):
    assert studies(a, uids, {"StudyInstanceUID": uids[1]}) == [1]
    assert studies(a, uids, {"StudyInstanceUID": f"{uids[1]},{uids[3]}"}) == [1, 3]
    assert studies(a, uids, {"StudyInstanceUID": f"{uids[1]}\\{uids[3]}"}) == [1, 3]
    assert studies(a, uids, {"StudyInstanceUID": [uids[1], uids[3]]}) == [1, 3]


def test_sequences_match_inside(a, uids):
    wanted = instance(ct()[0])
    stow(a, [wanted.bytes()]).expect(200)
    dataset = wanted.dataset()
    if "RequestAttributesSequence" in dataset:
        step = dataset.RequestAttributesSequence[0].ScheduledProcedureStepID
        got = found(a, "series", {"RequestAttributesSequence.ScheduledProcedureStepID": step})
        assert wanted.series in [first(item, "0020000E") for item in got]


@pytest.mark.parametrize(
    "level, count",
    [
        ("studies/{s}/series", 2), ("studies/{s}/instances", 4), ("series?StudyInstanceUID={s}", 2),
        ("instances?StudyInstanceUID={s}", 4),
    ],
)
def test_every_level(a, uids, level, count):
    assert len(found(a, level.format(s=uids[0]))) == count, level


def test_instances_of_one_series(a, uids):
    for item in found(a, f"studies/{uids[0]}/series"):
        series = first(item, "0020000E")
        got = found(a, f"studies/{uids[0]}/series/{series}/instances")
        assert sorted(first(one, "00200013") for one in got) == [1, 2]
        assert {first(one, "0020000D") for one in got} == {uids[0]}


def test_series_by_modality(a, uids):
    got = found(a, f"studies/{uids[0]}/series", {"Modality": "SR"})
    assert [first(item, "00080060") for item in got] == ["SR"]
    assert [first(item, "00201209") for item in got] == [2], "NumberOfSeriesRelatedInstances"


def test_what_a_study_says_of_itself(a, uids):
    item = found(a, "studies", {"StudyInstanceUID": uids[0]})[0]
    # PS3.18 table 10.6.3-3: always answered
    for tag in ("00080020", "00080030", "00080050", "00080061", "00080090", "00100010", "00100020", "00100030", "00100040",
                "0020000D", "00200010", "00201206", "00201208"):
        assert tag in item, f"a study is answered without {tag}"
    assert set(values(item, "00080061")) == {"CT", "SR"}
    assert first(item, "00201206") == 2 and first(item, "00201208") == 4
    assert first(item, "00100010") == {"Alphabetic": "Müller^Jürgen"}
    assert first(item, "00081190").endswith(f"/dicom-web/studies/{uids[0]}"), "RetrieveURL"


@pytest.mark.parametrize("includefield", [{"includefield": "StudyDescription,00100021"}, {"includefield": ["00081030", "InstitutionName"]}, {"includefield": "all"}])
def test_more_fields_on_request(a, uids, includefield):
    item = found(a, "studies", {"StudyInstanceUID": uids[0], **includefield})[0]
    assert first(item, "00081030") == "CT Thorax", f"{includefield} did not bring StudyDescription"


def test_limit_and_offset_walk_through_all(a, uids):
    seen = []
    for offset in range(6):
        seen += [first(item, "0020000D") for item in found(a, "studies", {"limit": 1, "offset": offset, "PatientID": "P?"})]
    assert sorted(seen) == sorted(uids), "pages of one study each do not add up to the five studies"
    assert len(found(a, "studies", {"limit": 3})) == 3


@pytest.mark.parametrize("query", [{"limit": "many"}, {"offset": "-1"}, {"NoSuchKeyword": "x"}, {"StudyDate": "yesterday"}, {"StudyInstanceUID": "a b"}])
def test_a_query_that_means_nothing_is_refused(a, uids, query):
    answer = a.get("/dicom-web/studies", DICOM_JSON, query)
    assert answer.status == 400, f"{query} answered {answer.status}: unfiltered data must not come back"


def test_nothing_found_is_said_plainly(a, uids):
    answer = a.get("/dicom-web/studies", DICOM_JSON, {"PatientID": "nobody"})
    assert (answer.status, answer.body) in ((204, b""), (200, b"[]")), f"{answer.status} {answer.body[:100]!r}"


def test_another_member_finds_none_of_it(b, uids):
    assert found(b, "studies") == []
    assert found(b, "series") == [] and found(b, "instances") == []


def test_accept_in_every_form(a, uids):
    for accept in ("application/dicom+json", "application/json", "*/*", 'multipart/related; type="application/dicom+xml", application/dicom+json'):
        a.get("/dicom-web/studies", accept, {"PatientID": "P1"}).expect(200)
    a.get("/dicom-web/studies", "text/csv", {"PatientID": "P1"}).expect(406)


# OHIF 3.13, to the letter.


def ohif(client, path, accept=DICOM_JSON):
    return client.get(f"/dicom-web/{path}", accept)


def test_ohif_lists_studies(a, uids):
    answer = ohif(a, "studies?limit=101&offset=0&fuzzymatching=true&includefield=00081030%2C00080060%2C00080090%2C00100030")
    items = answer.expect(200).json()
    assert set(uids) <= {first(item, "0020000D") for item in items}
    described = {first(item, "0020000D"): first(item, "00081030") for item in items}
    assert described[uids[0]] == "CT Thorax"


def test_ohif_opens_a_study(a, uids):
    assert [first(i, "0020000D") for i in ohif(a, f"studies?StudyInstanceUID={uids[2]}").expect(200).json()] == [uids[2]]
    assert {first(i, "0020000D") for i in ohif(a, "studies?00100020=P1").expect(200).json()} == {uids[0], uids[1]}
    series = ohif(a, f"studies/{uids[0]}/series?includefield=00080021%2C00080031%2C0008103E%2C00200011").expect(200).json()
    assert {first(item, "00200011") for item in series} == {1, 2}
    for item in series:
        uid = first(item, "0020000E")
        metadata = ohif(a, f"studies/{uids[0]}/series/{uid}/metadata").expect(200).json()
        assert len(metadata) == 2 and all(first(one, "0020000E") == uid for one in metadata)
        for one in metadata:
            assert first(one, "00280010") == 4 and "00200037" in one, "metadata lacks what a viewport needs"
            path = f"studies/{uids[0]}/series/{uid}/instances/{first(one, '00080018')}/frames/1"
            accept = "multipart/related; type=application/octet-stream; transfer-syntax=*"
            answer = ohif(a, path, accept).expect(200)
            assert answer.header("Content-Type").startswith("multipart/related")
            assert bytes(32) in answer.body
