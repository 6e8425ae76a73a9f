"""What an attacker or a broken device sends: a clear refusal, in bounded time and memory, and the process lives."""

import gzip
import json
import socket
import struct
import time
import zlib
from io import BytesIO

import pytest
from lenticular.dicom import EXPLICIT_LE, FRAME_PART, instance, stow, values
from lenticular.http import FHIR_JSON
from lenticular.inputs import ct
from lenticular.multipart import BOUNDARY, STOW_TYPE
from pydicom import dcmread
from pydicom.uid import generate_uid

MOST_MEMORY = 600 * 2**20
MOST_SECONDS = 20


@pytest.fixture(autouse=True)
def survives(server, a):
    """After each test: the same process, answering, and not swollen."""
    pid, began = server.pid, time.monotonic()
    yield
    took = time.monotonic() - began
    assert server.alive() and server.pid == pid, f"the server died\n{server.log()}"
    a.get("/healthz").expect(200)
    assert server.memory("VmHWM") < MOST_MEMORY, f"the server took {server.memory() >> 20} MiB"
    assert took < MOST_SECONDS, f"the answer took {took:.0f} s"


def part10(change, syntax: str = EXPLICIT_LE) -> bytes:
    """The first CT slice with fresh UIDs after `change(dataset)`."""
    dataset = dcmread(ct()[0])
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    change(dataset)
    out = BytesIO()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def header_only(dataset):
    del dataset.PixelData


def element(tag: tuple[int, int], vr: bytes, length: int) -> bytes:
    return struct.pack("<HH", *tag) + vr + b"\0\0" + struct.pack("<I", length)


def refused(answer, *more: int):
    assert answer.status in (400, 409, 413, 422, *more), f"{answer.status} {answer.body[:300]!r}"
    if answer.status == 409:
        assert values(answer.json(), "00081198"), f"409 without FailedSOPSequence: {answer.body[:300]!r}"
    else:
        assert answer.body, "a refusal without words"


@pytest.mark.parametrize("keep", [0, 100, 131, 140, 400, 1000, 3000])
def test_a_file_cut_short(a, keep):
    refused(stow(a, [part10(lambda ds: None)[:keep]]))


def test_pixels_that_are_shorter_than_they_say(a):
    answer = stow(a, [part10(lambda ds: None)[:-1000]])
    assert answer.status in (200, 202, 400, 409), answer.status


def test_a_length_that_lies(a):
    for length in (0xFFFFFFFE, 0x7FFFFFFF, 2**31):
        refused(stow(a, [part10(header_only) + element((0x7FE0, 0x0010), b"OW", length) + b"x" * 100]))
    lying = part10(header_only) + element((0x0040, 0xA730), b"SQ", 0xFFFFFFF0) + b"\xfe\xff\x00\xe0" + struct.pack("<I", 0xFFFFFFF0)
    refused(stow(a, [lying]))


def test_sequences_nested_ten_thousand_deep(a):
    deep = b"".join(element((0x0040, 0xA730), b"SQ", 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff" for _ in range(10_000))
    refused(stow(a, [part10(header_only) + deep]))


def test_a_million_empty_items(a):
    many = element((0x0040, 0xA730), b"SQ", 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\0\0\0\0" * 1_000_000 + b"\xfe\xff\xdd\xe0\0\0\0\0"
    answer = stow(a, [part10(header_only) + many])
    assert answer.status in (200, 400, 409, 413), answer.status


def test_a_deflated_bomb(a):
    """1 GiB of zeros as a deflated data set (PS3.5 §A.5): a few megabytes on the wire."""
    small = part10(header_only)
    meta = dcmread(BytesIO(small)).file_meta
    start = 132 + 12 + meta.FileMetaInformationGroupLength
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = [squeeze.compress(small[start:]), squeeze.compress(element((0x7FE0, 0x0010), b"OW", 2**30))]
    block = bytes(2**20)
    packed += [squeeze.compress(block) for _ in range(1024)]
    packed.append(squeeze.flush())
    head = part10(header_only, "1.2.840.10008.1.2.1.99")
    length = 132 + 12 + dcmread(BytesIO(head)).file_meta.FileMetaInformationGroupLength
    answer = stow(a, [head[:length] + b"".join(packed)])
    assert answer.status in (200, 202, 400, 409, 413), answer.status


@pytest.mark.parametrize("rows, columns, frames", [(65535, 65535, 1), (65535, 65535, 2**31 - 1), (512, 512, 2**31 - 1), (0, 0, 1)])
def test_an_image_larger_than_its_pixels(a, rows, columns, frames):
    def change(dataset):
        dataset.Rows, dataset.Columns, dataset.NumberOfFrames = rows, columns, frames

    data = part10(change)
    answer = stow(a, [data])
    if answer.status in (200, 202):
        dataset = dcmread(BytesIO(data))
        url = f"/dicom-web/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}/instances/{dataset.SOPInstanceUID}"
        for path, accept in ((f"{url}/frames/1", FRAME_PART + EXPLICIT_LE), (f"{url}/frames/2147483647", FRAME_PART + "*"), (f"{url}/rendered", "image/png"), (f"{url}/thumbnail", "image/jpeg")):
            got = a.get(path, accept)
            assert got.status != 500 and got.status != 502, f"{path} of {rows}x{columns}x{frames} answered {got.status}"
    else:
        refused(answer)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70",
                                    "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.110"])
def test_noise_for_pixels_in_every_compression(a, syntax):
    """Stored as it came; decoding it is an answer in words, not a crash (rivals' decoders have CVEs for this)."""
    from pydicom.encaps import encapsulate

    def change(dataset):
        dataset.Rows = dataset.Columns = 65535
        dataset.PixelData = encapsulate([b"\xff\xd8\xff\xf7" + bytes(range(256)) * 20])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True

    data = part10(change, syntax)
    stow(a, [data]).expect(200, 202)
    dataset = dcmread(BytesIO(data))
    url = f"/dicom-web/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}/instances/{dataset.SOPInstanceUID}"
    a.get(f"{url}/frames/1", FRAME_PART + "*").expect(200)
    for path, accept in ((f"{url}/frames/1", FRAME_PART + EXPLICIT_LE), (f"{url}/rendered", "image/png")):
        answer = a.get(path, accept)
        assert answer.status in (406, 422), f"{path} of noise as {syntax} answered {answer.status} {answer.body[:150]!r}"


@pytest.mark.parametrize("body", [
    b"", b"--", f"--{BOUNDARY}".encode(), f"--{BOUNDARY}\r\n".encode(), f"--{BOUNDARY}\r\n\r\n".encode(),
    f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\nDICM".encode(), b"x" * 100_000,
    f"--{BOUNDARY}\r\n".encode() + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
])
def test_a_multipart_body_that_is_none(a, body):
    refused(a.request("POST", "/dicom-web/studies", body, {"Content-Type": STOW_TYPE, "Accept": "application/dicom+json"}))


def test_a_multipart_type_without_a_boundary(a):
    refused(a.request("POST", "/dicom-web/studies", b"x", {"Content-Type": 'multipart/related; type="application/dicom"'}), 415)


# FHIR


def fhir(client, body: bytes, **headers):
    return client.request("POST", "/fhir/Patient", body, {"Content-Type": FHIR_JSON, "Accept": FHIR_JSON, **headers})


def test_json_nested_a_hundred_thousand_deep(a):
    for body in (b"[" * 100_000, b'{"a":' * 100_000, b'{"resourceType":"Patient","extension":' + b'[{"extension":' * 50_000):
        refused(fhir(a, body))


def test_a_gzip_bomb(a):
    body = gzip.compress(b'{"resourceType":"Patient","x":"' + b"a" * (512 * 2**20) + b'"}', 9)
    answer = fhir(a, body, **{"Content-Encoding": "gzip"})
    refused(answer, 415)


def test_a_body_beyond_the_limit(a):
    def endless():
        yield b'{"resourceType":"Patient","name":[{"family":"'
        for _ in range(2048):
            yield b"a" * 2**20

    try:
        answer = a.request("POST", "/fhir/Patient", endless(), {"Content-Type": FHIR_JSON})
        assert answer.status == 413, answer.status
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server said no before the client was done: its right (RFC 9112 §9.3)


@pytest.mark.parametrize("path", [
    "/fhir/Patient?" + "&".join(f"name=n{n}" for n in range(2000)), "/fhir/Patient?name=" + ",".join("x" * 10 for _ in range(4000)),
    "/fhir/Patient?_count=999999999999", "/fhir/Patient?name=%00", "/fhir/Patient?name=%ff%fe", "/fhir/Patient?_id=" + "a" * 60_000,
    "/fhir/Patient?name='%20OR%201=1--", "/fhir/Patient/..%2f..%2fetc%2fpasswd", "/dicom-web/studies/..%2f..%2fetc%2fpasswd",
    "/dicom-web/studies?PatientName=" + "*" * 5000, "/dicom-web/studies?PatientName=" + "%25" * 2000, "/dicom-web/studies?limit=99999999999999999999",
    "/dicom-web/studies/1.2/series/1.3/instances/1.4/frames/" + ",".join(str(n) for n in range(1, 10_000)),
])
def test_queries_that_want_to_hurt(a, path):
    answer = a.request("GET", path, headers={"Accept": "*/*"})
    assert answer.status < 500, f"{path[:80]} answered {answer.status}"
    assert b"root:" not in answer.body


def test_a_search_has_a_page_even_when_it_asks_for_none(a):
    bundle = json.loads(a.request("GET", "/fhir/Patient?_count=1000000", headers={"Accept": FHIR_JSON}).body)
    assert len(bundle.get("entry", [])) <= 10_000


# DIMSE


def talk(server, data: bytes, wait: float = 10) -> bytes:
    """Sends raw bytes and reads until the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.dimse_port), timeout=wait) as connection:
        got = b""
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                got += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
        return got


@pytest.mark.parametrize("data", [
    b"", b"GET / HTTP/1.1\r\n\r\n", b"\x01\x00" + struct.pack(">I", 0xFFFFFFFF) + b"x" * 100, b"\x01\x00" + struct.pack(">I", 68) + b"\x00" * 68,
    b"\x01\x00" + struct.pack(">I", 10) + b"\x00" * 10, b"\x04\x00" + struct.pack(">I", 100) + b"\xff" * 100, b"\xff" * 1000, b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00",
    b"\x01\x00" + struct.pack(">I", 2000) + struct.pack(">HH", 1, 0) + b"LENTICULAR      SCANNER1        " + b"\0" * 32 + b"\x10\x00\xff\xff" + b"\x20\x00\xff\xff" * 480,
], ids=["nothing", "http", "4 GB", "zeros", "short", "data first", "noise", "release first", "lying items"])
def test_bytes_that_are_no_association(server, data):
    got = talk(server, data)
    # A-ASSOCIATE-RJ (3) or A-ABORT (7), or a closed connection: nothing else.
    assert got == b"" or got[0] in (3, 7), f"{data[:20]!r} was answered {got[:40]!r}"


def test_connections_that_say_nothing_do_not_stop_others(server, a):
    silent = [socket.create_connection(("127.0.0.1", server.dimse_port)) for _ in range(100)]
    silent += [socket.create_connection(("127.0.0.1", int(server.http.rsplit(":", 1)[1]))) for _ in range(100)]
    try:
        a.get("/healthz").expect(200)
        stow(a, [instance(ct()[0]).bytes()]).expect(200)
    finally:
        for connection in silent:
            connection.close()
