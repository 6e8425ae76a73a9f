"""DICOM files whose every pixel is known, for the tests that compare what the app shows with what is stored.

`python truth.py FOLDER` writes the files and `truth.json`: for each image its spacing, the letters of its edges, and values at points.
A stored value is `base + 7 x + 3 y + 40 z` with a brighter block on the patient's left, so that a flip, a shift, a wrong slice or
a wrong rescale each changes what is read."""

import json
import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

COLUMNS, ROWS = 96, 72
SPACING = (0.75, 0.5)
"""Between rows, between columns, in mm."""
THICKNESS = 2.5
POINTS = [(0, 0), (95, 0), (0, 71), (95, 71), (48, 36), (70, 30), (20, 50)]

AXIAL = [1, 0, 0, 0, 1, 0]
SAGITTAL = [0, 1, 0, 0, 0, -1]
LETTERS = {"axial": ["R", "L", "A", "P"], "sagittal": ["A", "P", "H", "F"]}
"""Left, right, top and bottom edge (PS3.3 C.7.6.1.1.1)."""

ROOT = "2.25.3121509"
SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "OT": "1.2.840.10008.5.1.4.1.1.7",
    "US": "1.2.840.10008.5.1.4.1.1.3.1",
}


def gray(z: int, base: int = 100, dtype=np.uint16) -> np.ndarray:
    """The known picture of slice z, with its block on the side of growing x."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    image = base + 7 * x + 3 * y + 40 * z
    image[24:40, 64:80] += 900
    return image.astype(dtype)


def blank(name: str, modality: str, number: int, syntax: UID) -> Dataset:
    """What every file has; one study for each name."""
    index = 1 + sum(ord(letter) * (at + 7) for at, letter in enumerate(name))
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = SOP_CLASSES[modality]
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.{index}.1.{number + 1}"
    data.StudyInstanceUID, data.SeriesInstanceUID = f"{ROOT}.{index}", f"{ROOT}.{index}.1"
    data.FrameOfReferenceUID = f"{ROOT}.{index}.9"
    data.PatientName, data.PatientID = f"Truth^{name}", f"TRUTH-{name}"
    data.PatientBirthDate, data.PatientSex = "19700101", "O"
    data.StudyDate, data.StudyTime, data.AccessionNumber, data.StudyID = "20260101", "120000", f"T{index}", "1"
    data.ReferringPhysicianName = ""
    data.StudyDescription, data.SeriesDescription = f"truth {name}", name
    data.Modality, data.SeriesNumber, data.InstanceNumber = modality, 1, number + 1
    data.Rows, data.Columns = ROWS, COLUMNS
    return data


def set_gray(data: Dataset, image: np.ndarray, photometric: str = "MONOCHROME2", bits: int = 16) -> None:
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, photometric
    data.BitsAllocated, data.BitsStored, data.HighBit = (8, 8, 7) if image.itemsize == 1 else (16, bits, bits - 1)
    data.PixelRepresentation = int(np.issubdtype(image.dtype, np.signedinteger))
    data.PixelData = image.tobytes()
    data["PixelData"].VR = "OB" if image.itemsize == 1 else "OW"


def place(data: Dataset, orientation: list, z: int) -> None:
    data.ImageOrientationPatient = orientation
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    origin = -row * (COLUMNS - 1) * SPACING[1] / 2 - column * (ROWS - 1) * SPACING[0] / 2
    data.ImagePositionPatient = [float(v) for v in origin + np.cross(row, column) * THICKNESS * z]
    data.PixelSpacing = list(SPACING)
    data.SliceThickness, data.SpacingBetweenSlices = THICKNESS, THICKNESS


class Truth:
    """The files written, and what is true of them."""

    def __init__(self, folder: Path):
        self.folder, self.images = folder, []
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, data: Dataset) -> Path:
        path = self.folder / f"{data.SOPInstanceUID}.dcm"
        data.save_as(path, enforce_file_format=True)
        return path

    def tell(self, name: str, data: Dataset, *, points: list, count: int, letters=None, lossy: float = 0, unit: str = "", spacing=None) -> None:
        self.images.append(
            {
                "name": name,
                "study": data.StudyInstanceUID,
                "series": data.SeriesInstanceUID,
                "modality": data.Modality,
                "columns": COLUMNS,
                "rows": ROWS,
                "count": count,
                "spacing": spacing,
                "letters": letters,
                "unit": unit,
                "tolerance": lossy,
                "points": points,
            }
        )


def points_of(images: list, slope: float = 1, intercept: float = 0) -> list:
    """Values as a reader should see them, at POINTS of the first, a middle and the last image."""
    chosen = sorted({0, len(images) // 2, len(images) - 1})
    return [
        {"image": at, "x": x, "y": y, "value": (images[at][y, x].astype(float) * slope + intercept).tolist()} for at in chosen for x, y in POINTS
    ]


def volumes(truth: Truth) -> None:
    """A CT with rescale, an MR that stands upright, both in raw bytes."""
    images = [gray(z) for z in range(24)]
    for z, image in enumerate(images):
        data = blank("ct", "CT", z, ExplicitVRLittleEndian)
        set_gray(data, image, bits=12)
        place(data, AXIAL, z)
        data.RescaleSlope, data.RescaleIntercept, data.RescaleType = 2, -1024, "HU"
        data.WindowCenter, data.WindowWidth = 1000, 4000
        truth.keep(data)
    truth.tell("ct", data, points=points_of(images, 2, -1024), count=24, letters=LETTERS["axial"], unit="HU", spacing=SPACING)
    images = [gray(z, base=-2000, dtype=np.int16) for z in range(12)]
    for z, image in enumerate(images):
        data = blank("mr", "MR", z, ExplicitVRLittleEndian)
        set_gray(data, image)
        place(data, SAGITTAL, z)
        data.WindowCenter, data.WindowWidth = -1000, 3000
        truth.keep(data)
    truth.tell("mr", data, points=points_of(images), count=12, letters=LETTERS["sagittal"], spacing=SPACING)


def pictures(truth: Truth) -> None:
    """MONOCHROME1, palette, RGB, multi-frame."""
    image = gray(0)
    data = blank("mono1", "DX", 0, ExplicitVRLittleEndian)
    set_gray(data, image, "MONOCHROME1", bits=12)
    data.ImagerPixelSpacing, data.PatientOrientation = list(SPACING), ["L", "F"]
    data.PresentationLUTShape = "INVERSE"
    data.WindowCenter, data.WindowWidth = 1000, 2000
    truth.keep(data)
    truth.tell("mono1", data, points=points_of([image]), count=1, letters=["R", "L", "H", "F"], spacing=SPACING)

    indexes = (gray(0) // 16 % 256).astype(np.uint8)
    data = blank("palette", "OT", 0, ExplicitVRLittleEndian)
    set_gray(data, indexes, "PALETTE COLOR")
    ramp = np.arange(256)
    channels = {"Red": ramp, "Green": 255 - ramp, "Blue": ramp // 2}
    for name, channel in channels.items():
        setattr(data, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(data, f"{name}PaletteColorLookupTableData", (channel * 257).astype("<u2").tobytes())
    truth.keep(data)
    colours = np.stack([channels[name][indexes] for name in channels], axis=-1)
    truth.tell("palette", data, points=points_of([colours]), count=1)

    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    colours = np.stack([x * 2, y * 3, (x + y) % 256], axis=-1).astype(np.uint8)
    data = blank("rgb", "OT", 0, ExplicitVRLittleEndian)
    set_gray(data, colours, "RGB")
    data.SamplesPerPixel, data.PlanarConfiguration = 3, 0
    truth.keep(data)
    truth.tell("rgb", data, points=points_of([colours]), count=1)

    frames = [(gray(z) // 8).astype(np.uint8) for z in range(10)]
    data = blank("frames", "US", 0, ExplicitVRLittleEndian)
    set_gray(data, np.stack(frames))
    data.NumberOfFrames, data.FrameTime, data.CineRate = 10, "40", 25
    data.FrameIncrementPointer = 0x00181063
    truth.keep(data)
    truth.tell("frames", data, points=points_of(frames), count=10)


def compressed(truth: Truth) -> None:
    """The CT's first slice in each compression."""
    image = gray(3)

    def one(name: str, syntax: UID) -> Dataset:
        data = blank(name, "CT", 0, ExplicitVRLittleEndian)
        set_gray(data, image, bits=12)
        place(data, AXIAL, 0)
        data.RescaleSlope, data.RescaleIntercept, data.RescaleType = 1, -1024, "HU"
        return data

    def tell(name: str, data: Dataset) -> None:
        truth.tell(name, data, points=points_of([image], 1, -1024), count=1, letters=LETTERS["axial"], unit="HU", spacing=SPACING)

    for name, syntax in {"rle": RLELossless, "jpegls": JPEGLSLossless, "j2k": JPEG2000Lossless}.items():
        data = one(name, syntax)
        data.compress(syntax, generate_instance_uid=False)
        truth.keep(data)
        tell(name, data)

    data = one("htj2k", HTJ2KLossless)
    stream = imagecodecs.htj2k_encode(image, reversible=True)
    data.PixelData = encapsulate([stream])
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = HTJ2KLossless
    truth.keep(data)
    tell("htj2k", data)

    data = one("jpegll", JPEGLosslessSV1)
    path = truth.keep(data)
    subprocess.run(["dcmcjpeg", "+e1", "+un", str(path), str(path)], check=True)
    tell("jpegll", data)

    eight = (gray(3) // 8 % 256).astype(np.uint8)
    data = blank("jpeg", "OT", 0, ExplicitVRLittleEndian)
    set_gray(data, eight)
    data.PixelData = encapsulate([imagecodecs.jpeg8_encode(eight, level=100)])
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    data.LossyImageCompression, data.LossyImageCompressionMethod = "01", "ISO_10918_1"
    truth.keep(data)
    truth.tell("jpeg", data, points=points_of([eight]), count=1, lossy=3)


def main(folder: Path) -> None:
    truth = Truth(folder)
    volumes(truth)
    pictures(truth)
    compressed(truth)
    (folder / "truth.json").write_text(json.dumps(truth.images, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
