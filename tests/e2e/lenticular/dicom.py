"""DICOM in the suites: what was sent, what pydicom reads of it, and what the server should answer."""

import hashlib
import math
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy
import pydicom
from pydicom.tag import Tag

from . import multipart

DICOM_JSON = "application/dicom+json"
DICOM_PART = 'multipart/related; type="application/dicom"; transfer-syntax=*'
EXPLICIT_LE = "1.2.840.10008.1.2.1"
NATIVE = {"1.2.840.10008.1.2", EXPLICIT_LE, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"}
LOSSY = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91"}
FRAME_PART = 'multipart/related; type="application/octet-stream"; transfer-syntax='


@dataclass(frozen=True)
class Instance:
    """One file and its names."""

    path: Path
    sop_class: str
    sop: str
    study: str
    series: str
    patient: str
    syntax: str

    @property
    def url(self) -> str:
        return f"/dicom-web/studies/{self.study}/series/{self.series}/instances/{self.sop}"

    def bytes(self) -> bytes:
        return self.path.read_bytes()

    def dataset(self) -> pydicom.Dataset:
        return pydicom.dcmread(self.path)


def instance(path: Path) -> Instance:
    head = pydicom.dcmread(path, stop_before_pixels=True)
    return Instance(
        path,
        str(head.SOPClassUID),
        str(head.SOPInstanceUID),
        str(head.StudyInstanceUID),
        str(head.SeriesInstanceUID),
        str(head.get("PatientID", "") or ""),
        str(head.file_meta.TransferSyntaxUID),
    )


def cleared(data: bytes) -> bytes:
    """A file as it comes back: the preamble zeroed unless it is a TIFF header (CVE-2019-11687)."""
    keeps = data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    return data if keeps else bytes(128) + data[128:]


def dataset_bytes(data: bytes) -> bytes:
    """The encoded data set of a Part 10 file, behind its file meta information (PS3.10 §7.1)."""
    assert data[128:132] == b"DICM", "not a Part 10 file"
    at = 132
    while data[at : at + 2] == b"\x02\x00":
        vr = data[at + 4 : at + 6]
        if vr in (b"OB", b"OW", b"UN", b"SQ", b"UT"):
            at += 12 + struct.unpack_from("<I", data, at + 8)[0]
        else:
            at += 8 + struct.unpack_from("<H", data, at + 6)[0]
    return data[at:]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def stow(client, files: list[bytes], study: str | None = None, accept: str = DICOM_JSON):
    """One STOW-RS request with these files."""
    path = "/dicom-web/studies" + (f"/{study}" if study else "")
    headers = {"Content-Type": multipart.STOW_TYPE, "Accept": accept}
    return client.request("POST", path, multipart.stow_body(files), headers)


def retrieve(client, inst: Instance) -> bytes:
    """One instance as it is stored."""
    answer = client.get(inst.url, DICOM_PART).expect(200)
    found = multipart.parts(answer)
    assert len(found) == 1, f"{inst.path.name}: asked for one instance, got {len(found)}"
    return found[0].body


def values(item: dict, tag: str) -> list:
    """The values of one attribute of DICOM JSON."""
    return item.get(tag, {}).get("Value", [])


def first(item: dict, tag: str):
    return next(iter(values(item, tag)), None)


@dataclass
class Placement:
    """Which file goes to which member, so that none stands in another's way (same instance, or one study of two patients)."""

    members: dict[str, list[Instance]] = field(default_factory=dict)

    def put(self, inst: Instance) -> str:
        number = 0
        while True:
            name = f"shelf-{number}"
            shelf = self.members.setdefault(name, [])
            if not any(other.sop == inst.sop or clash(other, inst) for other in shelf):
                shelf.append(inst)
                return name
            number += 1


def clash(one: Instance, other: Instance) -> bool:
    same_study = one.study == other.study
    return (same_study and one.patient != other.patient) or (one.series == other.series and not same_study)


def place(files: list[Path]) -> Placement:
    placement = Placement()
    for file in files:
        placement.put(instance(file))
    return placement


# Metadata: DICOM JSON against what pydicom reads.

BULK = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
# What a server adds or changes by the standard: character set, transfer syntaxes at hand, where to retrieve.
SERVERS_OWN = {"00080005", "00080056", "00081190", "00083002", "00081196"}


def metadata_differences(ours: dict, dataset: pydicom.Dataset, where: str = "") -> list[str]:
    """How the server's DICOM JSON differs from the data set that pydicom read; empty where it does not."""
    different = []
    known = set()
    for element in dataset:
        tag = f"{element.tag.group:04X}{element.tag.element:04X}"
        known.add(tag)
        if tag in SERVERS_OWN or element.tag.element == 0 or element.tag.group == 2:
            continue
        place_ = f"{where}{tag} {element.keyword}".rstrip()
        if tag not in ours:
            different.append(f"{place_}: missing; pydicom reads {element.repval[:60]}")
        else:
            different += element_differences(ours[tag], element, place_)
    extra = set(ours) - known - SERVERS_OWN
    different += [f"{where}{tag}: not in the file, yet answered as {str(ours[tag])[:60]}" for tag in sorted(extra)]
    return different


def element_differences(answer: dict, element, where: str) -> list[str]:
    vr = element.VR
    if answer.get("vr") != vr:
        # pydicom knows private dictionaries; a server need not. And a server may know what pydicom calls UN.
        if element.tag.is_private or vr == "UN" or answer.get("vr") == "UN":
            return []
        return [f"{where}: VR {answer.get('vr')}, pydicom reads {vr}"]
    if vr in BULK:
        return [] if not element.value or "BulkDataURI" in answer or "InlineBinary" in answer else [f"{where}: no bytes"]
    if "BulkDataURI" in answer:
        return []
    got = answer.get("Value", [])
    if vr == "SQ":
        if len(got) != len(element.value):
            return [f"{where}: {len(got)} items, pydicom reads {len(element.value)}"]
        pairs = enumerate(zip(got, element.value))
        return [line for n, (item, one) in pairs for line in metadata_differences(item, one, f"{where}[{n}].")]
    wanted = element.value
    if wanted is None or wanted == "" or wanted == b"":
        wanted = []
    elif not isinstance(wanted, (list, tuple, pydicom.multival.MultiValue)):
        wanted = [wanted]
    got, wanted = [plain(one, vr) for one in got], [plain(one, vr) for one in wanted]
    while got and got[-1] in (None, ""):
        got.pop()
    while wanted and wanted[-1] in (None, ""):
        wanted.pop()
    same = len(got) == len(wanted) and all(equal(one, other, vr) for one, other in zip(got, wanted))
    return [] if same else [f"{where} ({vr}): {got!r:.200}, pydicom reads {wanted!r:.200}"]


def plain(value, vr: str):
    """One value in a form that both sides share."""
    if value is None:
        return None
    if vr == "PN":
        if isinstance(value, dict):
            groups = [value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic")]
        else:
            groups = [*str(value).split("=", 2), "", ""][:3]
        return tuple("^".join(part.strip() for part in group.split("^")).rstrip("^ ") for group in groups)
    if vr == "AT":
        if isinstance(value, str):
            return value.upper()
        tag = Tag(value)
        return f"{tag.group:04X}{tag.element:04X}"
    if vr in ("IS", "DS", "FL", "FD", "SL", "SS", "SV", "UL", "US", "UV"):
        try:
            return float(value)
        except (TypeError, ValueError):
            return str(value).strip(" \0")
    return str(value).strip(" \0")


def equal(one, other, vr: str) -> bool:
    if one in (None, "") and other in (None, ""):
        return True
    if isinstance(one, float) and isinstance(other, float):
        if math.isnan(one) and math.isnan(other):
            return True
        return math.isclose(one, other, rel_tol=1e-6 if vr == "FL" else 1e-15)
    return one == other


# Pixels.


def frame_count(dataset: pydicom.Dataset) -> int:
    """NumberOfFrames; 1 where it is absent, 0 where it is no number."""
    try:
        return int(dataset.get("NumberOfFrames", 1) or 1)
    except (TypeError, ValueError):
        return 0


def native_length(dataset: pydicom.Dataset) -> int:
    """How many bytes the native pixel data of all frames should have."""
    pixels = int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel) * frame_count(dataset)
    if str(dataset.PhotometricInterpretation) == "YBR_FULL_422":
        pixels = pixels // 3 * 2
    return (pixels * int(dataset.BitsAllocated) + 7) // 8


def native_frame(inst: Instance, dataset: pydicom.Dataset, index: int) -> bytes | None:
    """Frame `index` (from 0) of native pixel data in little endian as it lies in the file; None where frames share bytes."""
    frames = frame_count(dataset)
    samples = int(dataset.SamplesPerPixel)
    pixels = int(dataset.Rows) * int(dataset.Columns) * samples
    if str(dataset.PhotometricInterpretation) == "YBR_FULL_422":
        pixels = pixels // 3 * 2
    bits = int(dataset.BitsAllocated) * pixels
    if bits % 8 and frames > 1:
        return None
    size = (bits + 7) // 8
    data = dataset.PixelData
    # Big endian (retired): words are swapped, and OW is words of 16 bits whatever it holds (PS3.5 §7.3).
    width = max(int(dataset.BitsAllocated) // 8, 2 if dataset["PixelData"].VR == "OW" else 1)
    if inst.syntax == "1.2.840.10008.1.2.2" and width > 1:
        data = numpy.frombuffer(data[: len(data) // width * width], f">u{width}").astype(f"<u{width}").tobytes()
    return data[index * size : (index + 1) * size]


def as_pixels(data: bytes, like: numpy.ndarray) -> numpy.ndarray:
    """Bytes of one decoded frame in little endian as an array shaped like pydicom's."""
    kind = like.dtype.newbyteorder("<")
    return numpy.frombuffer(data[: like.size * kind.itemsize], kind).reshape(like.shape)
