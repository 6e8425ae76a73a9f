"""Large multi-frame objects, several at once, by STOW-RS and C-STORE: stored, and the server's memory stays small."""

import hashlib
import shutil
import threading
from io import BytesIO
from pathlib import Path

import pytest
from lenticular.dicom import DICOM_PART, EXPLICIT_LE, FRAME_PART, dataset_bytes, multipart
from lenticular.inputs import ct
from lenticular.multipart import BOUNDARY, STOW_TYPE
from pydicom import dcmread
from pydicom.uid import generate_uid
from pynetdicom import AE, _config

SIZE = 10**9
PARALLEL = 8
MOST_MEMORY = 600 * 2**20
FRAME = 512 * 512 * 2
SOP_CLASS = "1.2.840.10008.5.1.4.1.1.2.1"


class Large:
    """One enhanced CT of many frames: a small header, and a sparse file of pixels behind it."""

    def __init__(self, folder: Path, number: int):
        dataset = dcmread(ct()[0])
        del dataset.PixelData
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SOP_CLASS
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        self.frames = SIZE // FRAME
        dataset.NumberOfFrames = self.frames
        dataset.PatientID = f"LARGE-{number}"
        out = BytesIO()
        dataset.save_as(out, enforce_file_format=True)
        length = self.frames * FRAME
        # Tag, VR, reserved, length (PS3.5 §7.1.2): the pixels follow as zeros, each frame begun by its number.
        self.head = out.getvalue() + b"\xe0\x7f\x10\x00OW\0\0" + length.to_bytes(4, "little")
        self.path = folder / f"large-{number}.dcm"
        with open(self.path, "wb") as file:
            file.write(self.head)
            for frame in range(self.frames):
                file.seek(len(self.head) + frame * FRAME)
                file.write((frame + 1).to_bytes(4, "little"))
            file.truncate(len(self.head) + length)
        self.url = f"/dicom-web/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}/instances/{dataset.SOPInstanceUID}"

    def chunks(self):
        """The file as one multipart body, a mebibyte at a time."""
        yield f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        with open(self.path, "rb") as file:
            while piece := file.read(2**20):
                yield piece
        yield f"\r\n--{BOUNDARY}--\r\n".encode()


@pytest.fixture(scope="module", autouse=True)
def room(folder):
    """Nothing of the eight gigabytes stays, unlike with other suites."""
    yield
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def large(folder):
    return [Large(folder, number) for number in range(PARALLEL)]


def send_by_stow(client, one, said):
    headers = {"Content-Type": STOW_TYPE, "Accept": "application/dicom+json"}
    answer = client.request("POST", "/dicom-web/studies", one.chunks(), headers, timeout=1200)
    said.append((one.path.name, "STOW-RS", answer.status, answer.body[:200]))


def send_by_c_store(server, one, said):
    _config.STORE_SEND_CHUNKED_DATASET = True
    ae = AE("SCANNER1")
    ae.dimse_timeout = ae.acse_timeout = ae.network_timeout = 1200
    ae.maximum_pdu_size = 262144
    ae.add_requested_context(SOP_CLASS, EXPLICIT_LE)
    association = ae.associate("127.0.0.1", server.dimse_port, ae_title="LENTICULAR")
    if not association.is_established:
        said.append((one.path.name, "C-STORE", "no association", b""))
        return
    status = association.send_c_store(one.path)
    association.release()
    said.append((one.path.name, "C-STORE", 200 if status.get("Status") == 0 else status.get("Status", -1), b""))


@pytest.fixture(scope="module")
def stored(server, a, large):
    """All at once: one half by STOW-RS, the other by C-STORE."""
    said = []
    threads = []
    for number, one in enumerate(large):
        work, way = (send_by_stow, a) if number % 2 == 0 else (send_by_c_store, server)
        threads.append(threading.Thread(target=work, args=(way, one, said)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def test_all_are_stored(stored, large):
    assert len(stored) == len(large) and all(status == 200 for _, _, status, _ in stored), stored


def test_memory_stayed_small(stored, server):
    most = server.memory("VmHWM")
    assert most < MOST_MEMORY, f"{PARALLEL} objects of {SIZE >> 20} MiB at once took {most >> 20} MiB of memory"


def test_one_frame_of_a_large_object_is_one_small_read(stored, a, server, large):
    for one in large[:2]:
        for number in (1, one.frames // 2, one.frames):
            body = multipart.parts(a.get(f"{one.url}/frames/{number}", FRAME_PART + "*").expect(200))[0].body
            assert len(body) == FRAME and int.from_bytes(body[:4], "little") == number, f"frame {number} is not frame {number}"
    assert server.memory("VmHWM") < MOST_MEMORY


def test_a_large_object_comes_back_whole_and_in_bounded_memory(stored, a, server, large):
    one = large[0]
    part = multipart.parts(a.get(one.url, DICOM_PART).expect(200))[0]
    assert hashlib.sha256(part.body[128:]).hexdigest() == hashlib.sha256(one.path.read_bytes()[128:]).hexdigest()
    assert len(dataset_bytes(part.body)) == len(dataset_bytes(one.path.read_bytes()))
    assert server.memory("VmHWM") < MOST_MEMORY, f"reading took {server.memory() >> 20} MiB"
