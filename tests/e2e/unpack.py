"""Unpacks the real inputs: python3 unpack.py PACKED FOLDER. Only the standard library; does nothing a second time.

FOLDER/ct         100 CT slices, one series (*.dcm)
FOLDER/synthea    FHIR bundles (*.json)
FOLDER/hl7v2      HL7 v2 messages
"""

import bz2
import shutil
import sys
import tarfile
from pathlib import Path

INPUTS = {
    "ct": "dicom/ct-chest-100.tar.xz",
    "synthea": "fhir/synthea-r4.tar",
    "hl7v2": "hl7v2/messages.tar.xz",
}


def unpack(archive: Path, folder: Path) -> int:
    """Every file of the archive, flat, `.bz2` opened; returns how many there are."""
    fresh = folder.with_name(folder.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    count = 0
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).name
            if not member.isfile() or name.startswith("."):
                continue
            data = tar.extractfile(member).read()
            if name.endswith(".bz2"):
                name, data = name.removesuffix(".bz2"), bz2.decompress(data)
            (fresh / name).write_bytes(data)
            count += 1
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return count


def main() -> int:
    packed, target = Path(sys.argv[1]), Path(sys.argv[2])
    missing = []
    for name, inside in INPUTS.items():
        archive, folder = packed / inside, target / name
        if not archive.is_file():
            missing.append(str(archive))
        elif folder.is_dir():
            print(f"{name}: {sum(1 for _ in folder.iterdir())} files, unpacked before")
        else:
            print(f"{name}: {unpack(archive, folder)} files")
    if missing:
        print("not there: " + ", ".join(missing), file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
