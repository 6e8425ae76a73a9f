"""Copies of a region: small images still wait in the database when it is backed up, and the settings that a move prints start the server there."""

import json
import re
import shlex
from io import BytesIO

import pydicom
import pytest
from lenticular import ground
from lenticular.dicom import DICOM_JSON, DICOM_PART, stow
from lenticular.http import Client
from lenticular.inputs import ct
from lenticular.multipart import parts
from lenticular.postgres import PASSWORD
from lenticular.server import command

# Every place is named by the test itself.
pytestmark = pytest.mark.embedded_only("names its database and object store itself")

STUDY = "1.2.826.0.1.97"
TIMEOUT = 600


def small(n: int) -> tuple[str, bytes]:
    """A file of some 9 KB, as scouts and documents are: its name and bytes."""
    dataset = pydicom.dcmread(ct()[0])
    uid = f"{STUDY}.1.{n}"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, f"{STUDY}.1"
    dataset.Rows = dataset.Columns = 64
    dataset.PixelData = bytes((n + at) % 251 for at in range(2 * 64 * 64))
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return uid, out.getvalue()


def check(client, images: dict[str, bytes]) -> None:
    """Every image is there, byte for byte."""
    for uid, data in images.items():
        found = parts(client.get(f"/dicom-web/studies/{STUDY}/series/{STUDY}.1/instances/{uid}", DICOM_PART).expect(200))
        assert [part.body for part in found] == [data], uid


def region(name: str) -> dict[str, str]:
    return {"LENTICULAR__STORE__URL": ground.cluster().database(name), **ground.objects().settings(name)}


def test_small_images_that_wait_in_the_database_are_in_a_backup(folder, start):
    here, there, backup = region("landed-here"), region("landed-there"), folder / "backup"
    server = start(folder / "live", **here)
    server.org("hospital-a", "Hospital A")
    a = server.client("hospital-a")
    images = dict(small(n) for n in range(1, 121))
    stow(a, list(images.values())).expect(200)
    assert int(ground.cluster().sql("select count(*) from landing", "landed-here")[0][0]) == 120

    def back_up() -> dict:
        report = json.loads(server.must("backup", "--to", str(backup), "--json", timeout=TIMEOUT))
        assert report["clean"], report
        return report

    assert back_up()["blobs"] == 120
    more = dict(small(n) for n in range(121, 131))
    stow(a, list(more.values())).expect(200)
    # the segment still grows: it is read whole again
    assert back_up()["blobs"] == 130
    images |= more
    studies = a.get("/dicom-web/studies", accept=DICOM_JSON).expect(200).json()
    assert command("backup", "--check", backup, timeout=TIMEOUT).code == 0
    assert server.stop() == 0

    done = command("restore", "--data", folder / "restored", "--from", backup, timeout=TIMEOUT, **there)
    assert done.code == 0, done.err
    server = start(folder / "restored", **there)
    a = Client(server, a.token)
    check(a, images)
    assert len(a.get("/dicom-web/studies", accept=DICOM_JSON).expect(200).json()) == len(studies) == 1
    assert "clean" in server.must("verify", timeout=TIMEOUT)
    assert server.stop() == 0


def test_the_settings_that_a_move_prints_start_the_server_there(folder, start):
    place, name = folder / "old", "printed"
    url = ground.cluster().database(name) + "?sslmode=disable&connect_timeout=9"
    keys = ground.objects().settings(name)
    prefix = keys.pop("LENTICULAR__BLOBS__URL")
    server = start(place)
    server.org("hospital-a", "Hospital A")
    a = server.client("hospital-a")
    images = dict(small(n) for n in range(1, 4))
    stow(a, list(images.values())).expect(200)
    done = command("migrate", "--data", place, "--to", "env:ADDRESS", "--blobs", prefix, ADDRESS=url, timeout=TIMEOUT, **keys)
    assert done.code == 0, done.err
    assert PASSWORD not in done.out + done.err
    # a later run, and the notice, know the database by its name
    again = command("serve", "--data", place, timeout=60)
    assert again.code != 0 and f"/{name} with {prefix}" in again.err, again.err
    assert server.stop() == 0

    printed = done.out[done.out.index("  LENTICULAR__STORE__URL") :]
    words = shlex.split(printed[: printed.index("Not printed")].replace("\\\n", " "))
    env = dict(word.split("=", 1) for word in words if re.match(r"LENTICULAR__\w+=", word))
    assert words[len(env) :] == ["lenticular", "serve", "--data", str(place)], words
    env["LENTICULAR__STORE__URL"] = env["LENTICULAR__STORE__URL"].replace("***", PASSWORD)
    aws = {key: value for key, value in keys.items() if key.startswith("AWS_")}
    server = start(place, **env, **aws)
    check(Client(server, a.token), images)
    assert server.stop() == 0


def test_an_address_is_not_taken_for_a_folder(folder):
    for words in (["migrate", "--to"], ["backup", "--to"], ["restore", "--from"]):
        for address in ("host=127.0.0.1 user=u password=only-for-tests", "postgresq://u:only-for-tests@h/d"):
            # where the name of a folder is relative, it would be made here
            place = str(folder / "nothing")
            done = command(*words, address, "--data", place, timeout=60)
            assert done.code != 0 and "address" in done.err and PASSWORD not in done.err, done.err
