"""Every file that came with pydicom: bytes, metadata, frames and names, in all transfer syntaxes and character sets."""

import subprocess
import warnings
from base64 import b64decode
from io import BytesIO

import numpy
import pydicom
import pytest
from lenticular import multipart
from lenticular.dicom import (
    DICOM_JSON, DICOM_PART, EXPLICIT_LE, FRAME_PART, LOSSY, NATIVE, as_pixels, cleared, dataset_bytes, first, frame_count,
    metadata_differences, native_frame, native_length, place, retrieve, sha256, stow, values,
)
from lenticular.http import below_host
from lenticular.inputs import pydicom_files, readable
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder, pixel_array
from pynetdicom import AE, _config

# Files whose frames pydicom decodes and the server answers with 406, each with the reason.
NOT_DECODED: dict[str, str] = {}
BIG_ENDIAN = "1.2.840.10008.1.2.2"
# Files that end within an element: what was announced did not all come (PS3.5 §7.1).
CUT_SHORT = {"MR_truncated.dcm", "rtplan_truncated.dcm", "emri_small_jpeg_2k_lossless_too_short.dcm"}
# Data sets without the head of a file (PS3.10 §7.1): taken for what they are, and given back with one.
BARE = {"ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "OT-PAL-8-face.dcm", "rtstruct.dcm"}


@pytest.fixture(scope="module")
def shelves(server):
    """Each readable file, stored by STOW-RS at a member where no other file stands in its way."""
    placement = place(readable())
    clients = {}
    kept, refused = [], {}
    for name, instances in placement.members.items():
        server.org(name, f"Shelf {name}")
        clients[name] = server.client(name)
        for one in instances:
            answer = stow(clients[name], [one.bytes()])
            if answer.status != 200:
                refused[one.path.name] = f"{one.path.name}: {answer.status} {answer.body[:200]!r}"
            else:
                kept.append((clients[name], one))
    return Shelves(kept, refused)


class Shelves(list):
    """What was kept, with the client of its member, and what was refused."""

    def __init__(self, kept, refused):
        super().__init__(kept)
        self.refused = refused


def all_or_none(failures: list[str], of: int, what: str):
    assert not failures, f"{len(failures)} of {of} files {what}:\n" + "\n".join(failures[:60])


def test_the_corpus_is_whole():
    assert len(readable()) >= 220, f"only {len(readable())} readable files: is pydicom-data installed?"


def test_no_whole_file_is_refused(shelves):
    wrongly = [text for name, text in shelves.refused.items() if name not in CUT_SHORT]
    all_or_none(wrongly, len(readable()), "were refused")


def test_a_file_that_is_cut_short_is_refused(shelves):
    """Not acknowledged: who sent it has the whole object still, and would trust that it is here."""
    assert {name for name in shelves.refused if name in CUT_SHORT} == CUT_SHORT, shelves.refused


def test_every_file_comes_back_bit_for_bit(shelves):
    failures = []
    for client, one in shelves:
        back = retrieve(client, one)
        if sha256(back) != sha256(cleared(one.bytes())):
            kept = sha256(dataset_bytes(back)) == sha256(dataset_bytes(one.bytes()))
            failures.append(f"{one.path.name}: " + ("only the file meta information differs" if kept else "other bytes"))
    all_or_none(failures, len(shelves), "came back changed")


def test_the_metadata_of_every_file_is_what_pydicom_reads(shelves):
    failures = []
    for client, one in shelves:
        answer = client.get(one.url + "/metadata", DICOM_JSON)
        if answer.status != 200:
            failures.append(f"{one.path.name}: {answer.status} {answer.body[:200]!r}")
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            different = metadata_differences(answer.json()[0], one.dataset())
        failures += [f"{one.path.name}: {line}" for line in different[:5]]
    all_or_none(failures, len(shelves), "have other metadata")


def test_bulk_data_is_the_bytes_of_the_element(shelves):
    failures, fetched, inline = [], 0, 0
    for client, one in shelves:
        if one.syntax == BIG_ENDIAN:
            continue  # pydicom leaves the bytes as they are in the file, where they are swapped
        answer = client.get(one.url + "/metadata", DICOM_JSON).expect(200).json()[0]
        for where, element, wanted in binary(answer, one.dataset()):
            if where == "7FE00010" and one.syntax not in NATIVE:
                continue  # its frames are compared below
            if "InlineBinary" in element:
                inline += 1
                body = b64decode(element["InlineBinary"], validate=True)
            else:
                answer = client.get(below_host(element["BulkDataURI"]), "application/octet-stream")
                if answer.status != 200:
                    failures.append(f"{one.path.name} {where}: {element['BulkDataURI']} answered {answer.status}")
                    continue
                fetched += 1
                body = answer.body
                if (answer.header("Content-Type") or "").startswith("multipart/"):
                    body = multipart.parts(answer)[0].body
            if isinstance(wanted, bytes) and body.rstrip(b"\0") != wanted.rstrip(b"\0"):
                failures.append(f"{one.path.name} {where}: {len(body)} bytes, in the file {len(wanted)}")
    assert fetched > 50 and inline > 50, f"only {fetched} BulkDataURIs and {inline} InlineBinary in the whole corpus"
    all_or_none(failures, len(shelves), "have other bulk data")


def binary(answer: dict, dataset, above: str = ""):
    """Every element of DICOM JSON that holds or names bytes, at any depth, and what pydicom reads there."""
    for tag, element in answer.items():
        if tag not in dataset:
            continue
        if "BulkDataURI" in element or "InlineBinary" in element:
            yield above + tag, element, dataset[tag].value
        elif element["vr"] == "SQ" and dataset[tag].VR == "SQ":
            for at, (item, one) in enumerate(zip(element.get("Value", []), dataset[tag].value)):
                yield from binary(item, one, f"{above}{tag}[{at}].")


def with_pixels(shelves):
    for client, one in shelves:
        dataset = one.dataset()
        if "PixelData" not in dataset or not dataset.get("Rows") or frame_count(dataset) == 0:
            continue
        if one.syntax not in NATIVE or len(dataset.PixelData) >= native_length(dataset):
            yield client, one, dataset


def test_frames_as_stored_are_the_bytes_of_the_file(shelves):
    failures, compared = [], 0
    for client, one, dataset in with_pixels(shelves):
        count = frame_count(dataset)
        for index in range(count):
            answer = client.get(f"{one.url}/frames/{index + 1}", FRAME_PART + "*")
            if answer.status != 200:
                failures.append(f"{one.path.name} frame {index + 1}: {answer.status} {answer.body[:150]!r}")
                continue
            part = multipart.parts(answer)[0]
            if one.syntax in NATIVE:
                wanted = native_frame(one, dataset, index)
                same = wanted is None or part.body[: len(wanted)] == wanted
            else:
                try:
                    wanted = get_frame(dataset.PixelData, index, number_of_frames=count)
                except Exception:  # the file is broken by intent: nothing to compare with
                    continue
                same = part.body.rstrip(b"\0") == wanted.rstrip(b"\0")
                if one.syntax not in part.type:
                    failures.append(f"{one.path.name}: the part is of {one.syntax}, its Content-Type is `{part.type}`")
            compared += 1
            if not same:
                failures.append(f"{one.path.name} frame {index + 1} ({one.syntax}): {len(part.body)} bytes, other than stored")
    assert compared > 150, f"only {compared} frames were compared"
    all_or_none(failures, len(shelves), "have other frames")


def judged(one, dataset, index: int, folder) -> list[numpy.ndarray] | None:
    """The frame as pydicom decodes it: as encoded, and as RGB; as DCMTK does where pydicom cannot. None where neither can."""
    answers = []
    for raw in (True, False):
        try:
            answers.append(pixel_array(dataset, index=index, raw=raw))
        except Exception:  # pydicom does not decode it in this form
            continue
    if not answers:
        plain = folder / "plain.dcm"
        done = subprocess.run(["dcmdjpeg", str(one.path), str(plain)], capture_output=True)
        if done.returncode == 0:
            answers.append(pixel_array(plain, index=index, raw=True))
    return answers or None


def test_decoded_frames_equal_those_of_pydicom(shelves, folder):
    failures, compared, silent = [], 0, []
    for client, one, dataset in with_pixels(shelves):
        if one.syntax in NATIVE:
            continue
        count = frame_count(dataset)
        for index in range(count):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                wanted = judged(one, dataset, index, folder)
            answer = client.get(f"{one.url}/frames/{index + 1}", FRAME_PART + EXPLICIT_LE)
            where = f"{one.path.name} frame {index + 1} ({pydicom.uid.UID(one.syntax).name})"
            if wanted is None:
                # It is broken; the answer is a frame or a clear 406.
                silent.append(one.path.name)
                if answer.status not in (200, 406):
                    failures.append(f"{where}: {answer.status}; nobody else decodes it either, 406 says so")
                continue
            if answer.status == 406 and one.path.name in NOT_DECODED:
                continue
            if answer.status != 200:
                failures.append(f"{where}: {answer.status} {answer.body[:150]!r}")
                continue
            compared += 1
            body = multipart.parts(answer)[0].body
            allowed = 1 if one.syntax in LOSSY else 0
            worst = min(difference(body, reference) for reference in wanted)
            if worst > allowed:
                failures.append(f"{where}: differs by up to {worst:g} from pydicom, {allowed} is allowed")
    print(f"{compared} decoded frames compared; nobody decodes {sorted(set(silent))}")
    assert compared > 40, f"only {compared} decoded frames were compared"
    all_or_none(failures, len(shelves), "decode to other pixels")


def difference(body: bytes, reference: numpy.ndarray) -> float:
    if len(body) < reference.nbytes:
        return float("inf")
    return float(numpy.abs(as_pixels(body, reference).astype("f8") - reference.astype("f8")).max())


def test_names_in_every_character_set_are_found(shelves):
    """QIDO-RS by the name as a person reads it, for each file whose character set is not plain ASCII."""
    failures, asked = [], 0
    for client, one in shelves:
        dataset = one.dataset()
        name = str(dataset.get("PatientName", ""))
        if "SpecificCharacterSet" not in dataset or name.isascii() or not name:
            continue
        group = next(part for part in name.split("=") if not part.isascii())
        asked += 1
        found = client.get("/dicom-web/studies", DICOM_JSON, {"PatientName": group.rstrip("^") + "*"})
        uids = [first(item, "0020000D") for item in found.json()] if found.status == 200 else []
        if one.study not in uids:
            failures.append(f"{one.path.name} ({dataset.SpecificCharacterSet}): `{group}` answered {found.status}, {uids}")
    assert asked >= 10, f"only {asked} files have a name beyond ASCII"
    all_or_none(failures, asked, "are not found by their name")


def test_pynetdicom_stores_every_file_as_it_is(server, shelves):
    """C-STORE in the file's own transfer syntax, each into a fresh member; the data set comes back bit for bit."""
    _config.STORE_SEND_CHUNKED_DATASET = True
    failures = []
    instances = [one for client, one in shelves if client is shelves[0][0]]
    server.org("cstore", "C-STORE")
    server.device("cstore", "PYNET")
    client = server.client("cstore")
    for one in instances:
        ae = AE("PYNET")
        ae.maximum_pdu_size = 262144
        ae.add_requested_context(one.sop_class, one.syntax)
        association = ae.associate("127.0.0.1", server.dimse_port, ae_title="LENTICULAR")
        if not association.is_established or not association.accepted_contexts:
            failures.append(f"{one.path.name}: {one.sop_class} in {one.syntax} is not accepted")
            association.abort()
            continue
        status = association.send_c_store(one.path)
        association.release()
        if status.get("Status") != 0:
            failures.append(f"{one.path.name}: C-STORE answered {status.get('Status', -1):04X} {status.get('ErrorComment', '')}")
        elif sha256(dataset_bytes(retrieve(client, one))) != sha256(dataset_bytes(one.bytes())):
            failures.append(f"{one.path.name}: the data set came back changed")
    all_or_none(failures, len(instances), "were not stored as they are")


def test_what_is_no_image_of_a_patient_is_refused_in_words(server):
    """DICOMDIRs, files without UIDs, texts: a clear refusal, never a defect of the server."""
    client = server.client("hospital-a")
    others = sorted(set(pydicom_files()) - set(readable()))
    assert len(others) > 20
    for file in others:
        if file.name == "bad_sequence.dcm" or file.name in BARE:
            continue  # an image, but its UIDs are none: whether that is kept is the server's to say
        answer = stow(client, [file.read_bytes()])
        assert answer.status in (400, 409), f"{file.name} answered {answer.status}: {answer.body[:200]!r}"
        if answer.status == 409:
            reasons = [first(item, "00081197") for item in values(answer.json(), "00081198")]
            assert reasons and all(reasons), f"{file.name}: no FailureReason in {answer.body[:300]!r}"
    client.get("/healthz").expect(200)


@pytest.mark.parametrize("name", sorted(BARE))
def test_a_bare_data_set_is_taken_and_comes_back_as_a_file(server, name):
    data = next(file for file in pydicom_files() if file.name == name).read_bytes()
    member = name.split(".")[0].lower().replace("_", "-")
    server.org(member, name)
    client = server.client(member)
    url = first(values(stow(client, [data]).expect(200).json(), "00081199")[0], "00081190")
    back = multipart.parts(client.get(below_host(url), DICOM_PART).expect(200))[0].body
    assert sha256(dataset_bytes(back)) == sha256(data)
    assert pydicom.dcmread(BytesIO(back)).file_meta.MediaStorageSOPInstanceUID == url.rsplit("/", 1)[1]


def test_the_judge_can_decode():
    """The clients installed decode what they are asked to judge: else the test above would compare nothing."""
    for syntax in ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"):
        assert get_decoder(syntax).is_available, f"no decoder for {syntax} in the virtual environment"


def test_numpy_and_the_answer_agree_on_an_uncompressed_slice(shelves):
    client, one, dataset = next(x for x in with_pixels(shelves) if x[1].path.name == "CT_small.dcm")
    body = multipart.parts(client.get(f"{one.url}/frames/1", FRAME_PART + EXPLICIT_LE).expect(200))[0].body
    assert numpy.array_equal(as_pixels(body, dataset.pixel_array), dataset.pixel_array)
