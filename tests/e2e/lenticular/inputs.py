"""The real inputs: the CT, the Synthea bundles, and the files of pydicom and pydicom-data."""

import json
import os
import re
from functools import cache
from pathlib import Path

E2E = Path(os.environ.get("LENTICULAR_E2E", "target/e2e")).resolve()


def _files(name: str, pattern: str) -> list[Path]:
    folder = E2E / "corpus" / name
    files = sorted(folder.glob(pattern))
    assert files, f"the real inputs are not unpacked in {folder}: run `cargo xtask test`"
    return files


@cache
def ct() -> list[Path]:
    """100 slices of one series."""
    return _files("ct", "*.dcm")


@cache
def synthea() -> list[Path]:
    """42 transaction bundles: hospitals and practitioners first, since the patients refer to them by criteria."""
    files = _files("synthea", "*.json")
    return sorted(files, key=lambda file: ("Information" not in file.name, "hospital" not in file.name, file.name))


@cache
def pydicom_files() -> list[Path]:
    """Every file that came with pydicom and pydicom-data, DICOM or not, but Python's own."""
    import data_store
    import pydicom

    base = Path(pydicom.__file__).parent / "data"
    roots = [base / "test_files", base / "charset_files", Path(data_store.__file__).parent / "data"]
    return [file for root in roots for file in sorted(root.rglob("*")) if file.is_file() and "__pycache__" not in file.parts]


UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@cache
def readable() -> list[Path]:
    """Those that pydicom reads without force and that name their study, series and instance by UIDs (PS3.5 §9.1)."""
    import pydicom

    files = []
    for file in pydicom_files():
        try:
            dataset = pydicom.dcmread(file, stop_before_pixels=True)
        except Exception:  # whatever it raises: it does not read this one
            continue
        if all(re.fullmatch(r"[0-9.]{1,64}", str(dataset.get(name) or "")) for name in UIDS):
            files.append(file)
    return files


def bundle(file: Path) -> dict:
    return json.loads(file.read_bytes())
