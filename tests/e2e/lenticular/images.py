"""New images for suites that store without end."""

import random
from io import BytesIO

from pydicom import dcmread
from pydicom.uid import generate_uid

from .inputs import ct


def fresh_slice() -> tuple[bytes, str]:
    """A CT slice under new UIDs: bytes, and the path to retrieve it."""
    dataset = dcmread(ct()[random.randrange(100)])
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    path = f"/dicom-web/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}/instances/{dataset.SOPInstanceUID}"
    return out.getvalue(), path


def square(pixels: int) -> tuple[bytes, str]:
    """A slice under new UIDs, of so many pixels of two bytes in each direction."""
    data, path = fresh_slice()
    dataset = dcmread(BytesIO(data))
    dataset.Rows = dataset.Columns = pixels
    some = bytes(dataset.PixelData)
    dataset.PixelData = (some * (1 + 2 * pixels * pixels // len(some)))[: 2 * pixels * pixels]
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue(), path
