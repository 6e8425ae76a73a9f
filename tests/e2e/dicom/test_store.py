"""The CT of a scanner, by storescu and by STOW-RS: what was sent comes back, bit for bit (issue: real input)."""

import socket
import subprocess
import time

import pytest
from lenticular import multipart
from lenticular.dicom import DICOM_JSON, DICOM_PART, cleared, dataset_bytes, first, instance, retrieve, sha256, stow, values
from lenticular.inputs import ct


@pytest.fixture(scope="module")
def slices():
    return [instance(file) for file in ct()]


def storescu(server, title, *paths, called="LENTICULAR"):
    command = ["storescu", "-aet", title, "-aec", called, "127.0.0.1", str(server.dimse_port), *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def on_the_wire(slices, folder):
    """What storescu really sends (it writes the lengths of sequences anew), kept by DCMTK's own bit-preserving receiver."""
    kept = folder / "wire"
    kept.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    receiver = subprocess.Popen(["storescp", "--bit-preserving", "-od", str(kept), port])
    try:
        deadline = time.monotonic() + 30
        while subprocess.run(["echoscu", "127.0.0.1", port], capture_output=True).returncode != 0:
            assert time.monotonic() < deadline and receiver.poll() is None, "storescp does not answer"
        done = subprocess.run(["storescu", "127.0.0.1", port, *[str(one.path) for one in slices]], timeout=300)
        assert done.returncode == 0
    finally:
        receiver.terminate()
        receiver.wait()
    return {instance(file).sop: sha256(dataset_bytes(file.read_bytes())) for file in kept.iterdir()}


@pytest.fixture(scope="module")
def sent(server, slices):
    """All slices, stored at hospital A by DCMTK's storescu and at hospital B by STOW-RS in batches of ten."""
    done = storescu(server, "SCANNER1", *[one.path for one in slices])
    assert done.returncode == 0, f"storescu of 100 CT slices ended with {done.returncode}: {done.stderr[-800:]}"
    b = server.client("hospital-b")
    for at in range(0, len(slices), 10):
        batch = slices[at : at + 10]
        answer = stow(b, [one.bytes() for one in batch]).expect(200)
        referenced = values(answer.json(), "00081199")
        stored = {first(item, "00081155") for item in referenced}
        assert stored == {one.sop for one in batch}, "STOW-RS does not name each stored instance in ReferencedSOPSequence"
        for item in referenced:
            assert (first(item, "00081190") or "").endswith(f"/instances/{first(item, '00081155')}"), item
    return slices


def test_a_scanner_that_says_hello_is_answered(server):
    done = subprocess.run(
        ["echoscu", "-aet", "SCANNER1", "-aec", "LENTICULAR", "127.0.0.1", str(server.dimse_port)],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, f"echoscu: {done.stderr}"


@pytest.mark.parametrize("title, called", [("STRANGER", "LENTICULAR"), ("SCANNER1", "SOMEBODY")])
def test_who_is_not_bound_to_a_member_is_rejected(server, title, called):
    done = subprocess.run(
        ["echoscu", "-v", "-aet", title, "-aec", called, "127.0.0.1", str(server.dimse_port)],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode != 0, f"an association of {title} to {called} was accepted"
    assert "reject" in (done.stdout + done.stderr).lower(), done.stdout + done.stderr


def test_the_data_sets_sent_by_storescu_come_back_bit_for_bit(sent, a, on_the_wire):
    for one in sent:
        back = dataset_bytes(retrieve(a, one))
        assert sha256(back) == on_the_wire[one.sop], f"{one.path.name}: the data set changed on its way"


def test_the_files_sent_by_stow_come_back_bit_for_bit(sent, b):
    for one in sent:
        assert sha256(retrieve(b, one)) == sha256(cleared(one.bytes())), f"{one.path.name}: the file changed on its way"


def test_a_study_and_a_series_come_as_one_multipart_answer(sent, b):
    for path in (f"/dicom-web/studies/{sent[0].study}", f"/dicom-web/studies/{sent[0].study}/series/{sent[0].series}"):
        parts = multipart.parts(b.get(path, DICOM_PART).expect(200))
        hashes = sorted(sha256(dataset_bytes(part.body)) for part in parts)
        assert hashes == sorted(sha256(dataset_bytes(one.bytes())) for one in sent), f"{path} is not the 100 slices"
        assert all(part.type.startswith("application/dicom") for part in parts)


def test_sending_it_again_changes_nothing(sent, server, a):
    done = storescu(server, "SCANNER1", *[one.path for one in sent[:5]])
    assert done.returncode == 0, f"storescu again: {done.stderr[-400:]}"
    stow(a, [one.bytes() for one in sent[:5]]).expect(200)
    found = a.get(f"/dicom-web/studies/{sent[0].study}/instances", DICOM_JSON, {"limit": "200"}).expect(200).json()
    assert len(found) == 100, f"after sending five slices again there are {len(found)} instances"


def test_stow_into_another_study_is_refused_for_each_instance(sent, a):
    answer = stow(a, [sent[0].bytes()], study="1.2.3.4").expect(409)
    failed = values(answer.json(), "00081198")
    assert [first(item, "00081155") for item in failed] == [sent[0].sop], answer.body
    assert first(failed[0], "00081197"), "no FailureReason"


def test_stow_tells_good_from_bad_in_one_request(sent, b):
    answer = stow(b, [sent[0].bytes(), b"this is no DICOM file", sent[1].bytes()]).expect(202)
    stored = {first(item, "00081155") for item in values(answer.json(), "00081199")}
    assert stored == {sent[0].sop, sent[1].sop}
    assert len(values(answer.json(), "00081198")) == 1, f"one part was no DICOM file: {answer.body[:600]!r}"


def test_stow_answers_xml_or_says_that_it_does_not(sent, b):
    answer = stow(b, [sent[0].bytes()], accept="application/dicom+xml")
    assert answer.status in (200, 406), answer.body[:300]


def test_stow_of_something_else_is_refused(a):
    headers = {"Content-Type": "text/plain", "Accept": DICOM_JSON}
    a.request("POST", "/dicom-web/studies", b"hello", headers).expect(415)


def test_without_a_token_nothing_is_stored_or_read(sent, nobody):
    stow(nobody, [sent[0].bytes()]).expect(401)
    nobody.get(sent[0].url, DICOM_PART).expect(401)
    nobody.get("/dicom-web/studies", DICOM_JSON).expect(401)


def test_each_study_keeps_an_imaging_study_and_a_patient(sent, a):
    found = a.search(f"ImagingStudy?identifier=urn:dicom:uid|urn:oid:{sent[0].study}")
    assert len(found["entry"]) == 1, "the study did not become one ImagingStudy"
    study = found["entry"][0]["resource"]
    assert study["numberOfInstances"] == 100 and study["numberOfSeries"] == 1
    assert study["series"][0]["uid"] == sent[0].series
    assert study["endpoint"], "ImagingStudy names no Endpoint"
    patient = a.fhir("GET", study["subject"]["reference"]).expect(200).json()
    assert sent[0].patient in [identifier.get("value") for identifier in patient["identifier"]]
    endpoint = a.fhir("GET", study["endpoint"][0]["reference"]).expect(200).json()
    assert endpoint["connectionType"]["code"] == "dicom-wado-rs" and "/dicom-web" in endpoint["address"]


def test_four_associations_with_large_pdus(server, sent):
    """PDUs of 128 KiB, which is what DCMTK can send, over several associations at once."""
    server.org("hospital-c", "Hospital C")
    server.device("hospital-c", "SCANNER3")
    running = []
    for at in range(4):
        paths = [str(one.path) for one in sent[at::4]]
        command = ["storescu", "-pdu", "131072", "--max-send-pdu", "131072", "-aet", "SCANNER3", "-aec", "LENTICULAR"]
        running.append(subprocess.Popen([*command, "127.0.0.1", str(server.dimse_port), *paths], stderr=subprocess.PIPE))
    for process in running:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err.decode()[-400:]
    c = server.client("hospital-c")
    found = c.get(f"/dicom-web/studies/{sent[0].study}/instances", DICOM_JSON, {"limit": "200"}).expect(200).json()
    assert len(found) == 100, f"four associations stored {len(found)} of 100 slices"
