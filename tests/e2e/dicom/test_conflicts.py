"""Conflicts are kept and shown in a tray, never refused at the modality's door."""

from io import BytesIO

import pytest
from lenticular.dicom import DICOM_JSON, dataset_bytes, first, instance, retrieve, sha256, stow
from lenticular.inputs import ct
from pydicom import dcmread


def bytes_of(dataset) -> bytes:
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.fixture(scope="module")
def first_slice(a):
    one = instance(ct()[0])
    stow(a, [one.bytes()]).expect(200)
    return one


def tray(client) -> list[dict]:
    answer = client.get("/api/conflicts", "application/json").expect(200).json()
    return answer if isinstance(answer, list) else answer.get("conflicts", answer.get("items"))


def test_same_instance_with_other_content_is_kept_beside_the_first(first_slice, a):
    other = dcmread(first_slice.path)
    other.PixelData = bytes(len(other.PixelData))
    before = len(tray(a))
    answer = stow(a, [bytes_of(other)])
    assert answer.status in (200, 202), f"a second content for one SOP Instance UID was refused: {answer.status}"
    assert sha256(dataset_bytes(retrieve(a, first_slice))) == sha256(dataset_bytes(first_slice.bytes())), (
        "the second content replaced the first"
    )
    assert len(tray(a)) == before + 1, "the second content is not in the tray"


def test_same_study_of_another_patient_is_kept_in_the_tray(first_slice, a):
    other = dcmread(ct()[1])
    other.PatientID, other.PatientName = "SOMEBODY-ELSE", "Else^Somebody"
    before = len(tray(a))
    answer = stow(a, [bytes_of(other)])
    assert answer.status in (200, 202), f"a study of two patients was refused: {answer.status}"
    assert len(tray(a)) == before + 1, "the conflict is not in the tray"
    found = a.get("/dicom-web/studies", DICOM_JSON, {"StudyInstanceUID": first_slice.study}).expect(200).json()
    assert [first(item, "00100020") for item in found] == [first_slice.patient], "the study changed its patient"


def test_the_tray_is_the_members_own(first_slice, b):
    assert tray(b) == []
