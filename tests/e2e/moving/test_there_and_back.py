"""A network moves from a folder to PostgreSQL and an object store and back while it is written: every stored body, blob and permission is
equal, what was acknowledged is there, and the log goes on. `LENTICULAR_MOVE_RESOURCES` and `LENTICULAR_MOVE_INSTANCES` make it larger."""

import json
import os
import sqlite3
import threading
import time
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from lenticular import ground
from lenticular.dicom import DICOM_JSON, DICOM_PART, stow
from lenticular.http import Client
from lenticular.inputs import ct
from lenticular.multipart import parts
from lenticular.server import command

# Both places are named by the test itself.
pytestmark = pytest.mark.embedded_only("moves between the stores itself")

RESOURCES = int(os.environ.get("LENTICULAR_MOVE_RESOURCES", "600"))
INSTANCES = int(os.environ.get("LENTICULAR_MOVE_INSTANCES", "24"))
TIMEOUT = 3600
FIGURES = ("took_ms", "read_only_ms", "versions", "blobs", "blob_bytes", "containers")


@pytest.fixture(scope="module")
def cluster():
    return ground.cluster()


def observation(n: int) -> dict:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
        "effectiveDateTime": f"2026-{n % 12 + 1:02}-{n % 28 + 1:02}",
        "valueQuantity": {"value": n / 10, "unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"},
    }


def picture(uid: str, **more: str) -> bytes:
    """A file with the pixels of one small picture, under a name of its own."""
    dataset = pydicom.dcmread(ct()[0])
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
    for name, value in more.items():
        setattr(dataset, name, value)
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def fill(a, resources: int, instances: int) -> None:
    """Resources by bundles, instances as copies of one small picture, a share."""
    a.fhir("PUT", "Patient/moving-patient", {"resourceType": "Patient", "id": "moving-patient"}).expect(201)
    for start in range(0, resources, 500):
        entries = [
            {"resource": observation(n), "request": {"method": "POST", "url": "Observation"}}
            for n in range(start, min(start + 500, resources))
        ]
        a.fhir("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries}).expect(200)
    for start in range(0, instances, 50):
        stow(a, [picture(f"1.2.826.0.1.99.{n + 1}") for n in range(start, min(start + 50, instances))]).expect(200)
    study = str(pydicom.dcmread(ct()[0], stop_before_pixels=True).StudyInstanceUID)
    a.request("POST", "/api/shares", json.dumps({"study": study, "to": "hospital-b"}).encode(), {"Content-Type": "application/json"}).expect(201)


def studies(client) -> list:
    """The studies that a client sees, without the address of the server."""
    found = client.get("/dicom-web/studies", accept=DICOM_JSON).expect(200).json()
    return [{tag: value for tag, value in study.items() if tag != "00081190"} for study in found]


class Writing:
    """Ingest that goes on while something else does, records and now and then an image; keeps what was acknowledged, and what was refused."""

    # Of the study into which images go meanwhile, and of those that all tests of this run have sent.
    STUDY = "1.2.826.0.1.98"
    sent = 0

    def __init__(self, client):
        # a connection of its own: this is a thread
        self.client = Client(client.server, client.token)
        self.kept: list[str] = []
        self.images: dict[str, bytes] = {}
        self.refused: list[tuple[int, str, str]] = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        n = 0
        while not self.ended.is_set():
            n += 1
            answer = self._image() if n % 25 == 0 else self._record(n)
            if answer.status not in (200, 201):
                self.refused.append((answer.status, answer.header("retry-after"), answer.body.decode()))
                time.sleep(0.02)

    def _record(self, n: int):
        answer = self.client.fhir("POST", "Observation", observation(n))
        if answer.status == 201:
            self.kept.append(answer.json()["id"])
        return answer

    def _image(self):
        Writing.sent += 1
        uid = f"{self.STUDY}.1.{Writing.sent}"
        data = picture(uid, StudyInstanceUID=self.STUDY, SeriesInstanceUID=f"{self.STUDY}.1")
        answer = stow(self.client, [data])
        if answer.status == 200:
            self.images[uid] = data
        return answer

    def check(self, client) -> None:
        """Everything acknowledged is there; images byte for byte."""
        for ident in self.kept:
            client.fhir("GET", f"Observation/{ident}").expect(200)
        for uid, data in self.images.items():
            url = f"/dicom-web/studies/{self.STUDY}/series/{self.STUDY}.1/instances/{uid}"
            found = parts(client.get(url, DICOM_PART).expect(200))
            assert [part.body for part in found] == [data], uid

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def migrate(*args: str, **env: str) -> dict:
    done = command("migrate", *args, "--json", timeout=TIMEOUT, **env)
    assert done.code == 0, f"{done.err}\n{done.out}"
    report = json.loads(done.out)
    assert report["clean"], report
    return report


@pytest.mark.parametrize("images", ["objects", "files"])
def test_there_and_back(folder, cluster, start, images):
    """From SQLite and files to PostgreSQL, with the images in the object store, or still below `--data`; and back to another folder."""
    folder = folder / images
    folder.mkdir()
    first_place, third_place = folder / "first", folder / "third"
    in_objects = images == "objects"
    second_place = folder / "second" if in_objects else first_place
    url = cluster.database(f"moved-{images}")
    store = ground.objects().settings(ground.name_of(folder)) if in_objects else {}
    # the address of the object store is named by --blobs, as an operator does
    prefix = store.get("LENTICULAR__BLOBS__URL")
    keys = {name: value for name, value in store.items() if name != "LENTICULAR__BLOBS__URL"}
    to = ["--to", "env:ADDRESS", *(["--blobs", prefix] if in_objects else [])]
    there = {"LENTICULAR__STORE__URL": url, **store}
    figures = {"resources": RESOURCES, "instances": INSTANCES, "images": images}

    server = start(first_place)
    server.org("hospital-a", "Hospital A")
    server.org("hospital-b", "Hospital B")
    token_b = server.token("hospital-b")
    a, b = server.client("hospital-a"), server.client("hospital-b")
    began = time.monotonic()
    fill(a, RESOURCES, INSTANCES)
    figures["filled_s"] = time.monotonic() - began
    seen_by_b = studies(b)
    assert len(seen_by_b) == 1
    with Writing(a) as writing:
        time.sleep(0.5)
        report = migrate("--data", first_place, *to, ADDRESS=url, LENTICULAR__STORE__URL="", **keys)
        time.sleep(0.3)
    figures["there"] = {key: report[key] for key in FIGURES}
    assert writing.kept and writing.images and writing.refused
    for status, retry, body in writing.refused:
        # the report of STOW-RS has codes alone: A700
        told = "moving to another place" in body or "has moved to another place" in body or "42752" in body
        assert status == 503 and retry and told, (status, retry, body)
    assert "only-for-tests" not in json.dumps(writing.refused), "a password is told"
    # the old place shows nothing any more and cannot be started
    assert a.fhir("GET", "Patient/moving-patient").status == 503
    # a proxy leaves it
    until = time.monotonic() + 10
    while (answer := a.get("/readyz")).status == 200:
        assert time.monotonic() < until, "it says that it takes work"
        time.sleep(0.1)
    assert answer.status == 503 and b"store: moved" in answer.body, answer.body
    assert server.stop() == 0
    again = command("serve", "--data", first_place, timeout=60)
    assert again.code != 0 and "has moved to postgres://" in again.err and "only-for-tests" not in again.err, again.err
    checked = migrate("--data", first_place, *to, "--check", ADDRESS=url, **keys)
    assert checked["position"] == report["position"]
    if in_objects:
        # another network does not go to the same prefix
        other = start(folder / "other")
        other.org("hospital-a", "Hospital A")
        refused = command("migrate", "--data", other.data, "--to", folder / "nowhere", "--blobs", prefix, **keys)
        assert refused.code != 0 and "holds something else" in refused.err, refused.err
        assert other.stop() == 0

    server = start(second_place, **there)
    a = Client(server, a.token)
    writing.check(a)
    b = Client(server, token_b)
    assert studies(b) == seen_by_b
    later = a.fhir("POST", "Observation", observation(1)).expect(201).json()["id"]
    with Writing(a) as writing_there:
        time.sleep(0.5)
        report = migrate("--data", second_place, "--to", third_place, **there)
        time.sleep(0.3)
    figures["back"] = {key: report[key] for key in FIGURES}
    assert writing_there.kept and writing_there.images and writing_there.refused
    assert server.stop() == 0
    migrate("--data", second_place, "--to", third_place, "--check", **there)

    server = start(third_place)
    a, b = Client(server, a.token), Client(server, token_b)
    writing.check(a)
    writing_there.check(a)
    a.fhir("GET", f"Observation/{later}").expect(200)
    assert studies(b) == seen_by_b
    a.fhir("POST", "Observation", observation(2)).expect(201)
    assert "clean" in server.must("verify", timeout=TIMEOUT)
    assert server.stop() == 0
    equal(first_place, third_place)
    figures |= {"images_meanwhile": [len(writing.images), len(writing_there.images)], "records_meanwhile": [len(writing.kept), len(writing_there.kept)]}
    print(json.dumps(figures))
    (folder / "figures.json").write_text(json.dumps(figures, indent=2))


def equal(first_place: Path, third_place: Path) -> None:
    """What was in the first folder is in the last one, byte for byte, read by nobody's code but SQLite's."""
    before, after = sqlite3.connect(first_place / "lenticular.db"), sqlite3.connect(third_place / "lenticular.db")
    text = "SELECT * FROM record WHERE vid<=? ORDER BY vid"
    last = before.execute("SELECT max(vid) FROM record").fetchone()
    for old, new in zip(before.execute(text, last), after.execute(text, last), strict=True):
        # a later version may have superseded it, or replaced it in place
        if old[11] == new[11] and old[12] == new[12]:
            assert old == new
        else:
            assert old[0:1] + old[8:9] == new[0:1] + new[8:9]
    assert set(before.execute("SELECT * FROM grants")) == set(after.execute("SELECT * FROM grants"))
    positions = [row[0] for row in after.execute("SELECT position FROM log ORDER BY position")]
    assert positions == list(range(1, len(positions) + 1))
    for no, length in before.execute("SELECT no, length FROM segment"):
        name = f"s-{no}" if no > 0 else f"o-{-no}"
        head = (first_place / "blobs" / name).read_bytes()[:length]
        assert (third_place / "blobs" / name).read_bytes()[:length] == head, name


def test_a_backup_grows_and_is_restored(folder, start):
    place, backup, restored, earlier = folder / "live", folder / "backup", folder / "restored", folder / "earlier"
    server = start(place)
    server.org("hospital-a", "Hospital A")
    server.org("hospital-b", "Hospital B")
    a, b = server.client("hospital-a"), server.client("hospital-b")
    fill(a, 40, 6)
    study = studies(a)

    def back_up() -> dict:
        return json.loads(server.must("backup", "--to", str(backup), "--json", timeout=TIMEOUT))

    one = back_up()
    assert one["clean"] and one["copied_versions"] == one["versions"] and one["blobs"] == 6
    # the study grows, its share is taken back, a record changes
    share = a.get("/api/shares").expect(200).json()
    share = (share["shares"] if isinstance(share, dict) else share)[0]["id"]
    a.request("DELETE", f"/api/shares/{share}").expect(200, 204)
    a.fhir("PUT", "Patient/moving-patient", {"resourceType": "Patient", "id": "moving-patient", "active": False}).expect(200)
    dataset = pydicom.dcmread(ct()[1])
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.99.777"
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    stow(a, [out.getvalue()]).expect(200)
    with Writing(a) as writing:
        time.sleep(0.2)
        two = back_up()
    assert two["clean"] and not writing.refused, "a backup holds nobody"
    assert 1 <= two["blobs"] <= 1 + len(writing.images) and 0 < two["copied_versions"] < one["versions"] + len(writing.kept) + 3 * len(writing.images)
    refused = command("serve", "--data", backup, timeout=60)
    assert refused.code != 0 and "This is a backup" in refused.err
    assert command("backup", "--check", backup, timeout=TIMEOUT).code == 0
    token_a, token_b = a.token, b.token
    assert server.stop() == 0

    done = command("restore", "--data", restored, "--from", backup, timeout=TIMEOUT)
    assert done.code == 0, done.err
    done = command("restore", "--data", earlier, "--from", backup, "--to-position", one["position"], "--json", timeout=TIMEOUT)
    assert done.code == 0, done.err
    cut = json.loads(done.out)["cut"]
    assert cut["position"] == one["position"] and cut["derived"] >= 1 and cut["grants"] >= 2 and cut["kept"] == 0, cut
    for where in (restored, earlier):
        assert command("verify", "--data", where, timeout=TIMEOUT).code == 0
    server = start(earlier)
    a, b = Client(server, token_a), Client(server, token_b)
    assert studies(a) == study, "the study's row is that of then"
    assert len(studies(b)) == 1, "the share is in force again"
    assert "active" not in a.fhir("GET", "Patient/moving-patient").expect(200).json()
    a.fhir("POST", "Observation", observation(3)).expect(201)
    assert server.stop() == 0

    # one byte of a picture in the backup
    path = backup / "blobs" / "s-1"
    held = bytearray(path.read_bytes())
    held[5000] ^= 1
    path.write_bytes(held)
    damaged = command("backup", "--check", backup, timeout=TIMEOUT)
    assert damaged.code == 1 and "WRONG" in damaged.out, damaged.out
