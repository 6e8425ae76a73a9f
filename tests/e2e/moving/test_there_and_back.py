"""A network moves from a folder to PostgreSQL and back while it is written: every stored body, blob and permission is equal, what was
acknowledged is there, and the log goes on. `LENTICULAR_MOVE_RESOURCES` and `LENTICULAR_MOVE_INSTANCES` make it larger."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from lenticular.dicom import DICOM_JSON, stow
from lenticular.http import Client
from lenticular.inputs import ct
from lenticular.postgres import Cluster
from lenticular.server import Server, command

RESOURCES = int(os.environ.get("LENTICULAR_MOVE_RESOURCES", "600"))
INSTANCES = int(os.environ.get("LENTICULAR_MOVE_INSTANCES", "24"))
TIMEOUT = 3600


@pytest.fixture(scope="module")
def cluster(folder):
    cluster = Cluster(folder / "postgres.log")
    yield cluster
    cluster.stop()


def observation(n: int) -> dict:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
        "effectiveDateTime": f"2026-{n % 12 + 1:02}-{n % 28 + 1:02}",
        "valueQuantity": {"value": n / 10, "unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"},
    }


def fill(a, resources: int, instances: int) -> None:
    """Resources by bundles, instances as copies of one small picture, a share."""
    a.fhir("PUT", "Patient/moving-patient", {"resourceType": "Patient", "id": "moving-patient"}).expect(201)
    for start in range(0, resources, 500):
        entries = [
            {"resource": observation(n), "request": {"method": "POST", "url": "Observation"}}
            for n in range(start, min(start + 500, resources))
        ]
        a.fhir("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries}).expect(200)
    dataset = pydicom.dcmread(ct()[0])
    for start in range(0, instances, 50):
        files = []
        for n in range(start, min(start + 50, instances)):
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.99.{n + 1}"
            out = BytesIO()
            dataset.save_as(out, enforce_file_format=True)
            files.append(out.getvalue())
        stow(a, files).expect(200)
    study = str(dataset.StudyInstanceUID)
    a.request("POST", "/api/shares", json.dumps({"study": study, "to": "hospital-b"}).encode(), {"Content-Type": "application/json"}).expect(201)


def studies(client) -> list:
    """The studies that a client sees, without the address of the server."""
    found = client.get("/dicom-web/studies", accept=DICOM_JSON).expect(200).json()
    return [{tag: value for tag, value in study.items() if tag != "00081190"} for study in found]


@pytest.fixture(autouse=True)
def start():
    """Starts servers, and ends those that a failure has left."""
    started = []

    def start(place: Path, **env: str) -> Server:
        started.append(Server(place, **env))
        return started[-1].start()

    yield start
    for server in started:
        if server.alive():
            server.kill()


class Writing:
    """Ingest that goes on while something else does; keeps what was acknowledged, and when nothing was."""

    def __init__(self, client):
        self.client = client
        self.kept: list[str] = []
        self.refused: list[tuple[int, str]] = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        n = 0
        while not self.ended.is_set():
            n += 1
            answer = self.client.fhir("POST", "Observation", observation(n))
            if answer.status == 201:
                self.kept.append(answer.json()["id"])
            else:
                self.refused.append((answer.status, answer.header("retry-after"), answer.body.decode()))
                time.sleep(0.02)

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


def test_there_and_back(folder, cluster, start):
    first_place, third_place = folder / "first", folder / "third"
    url = cluster.database("moved")
    there = {"LENTICULAR__STORE__URL": url}
    figures = {"resources": RESOURCES, "instances": INSTANCES}

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
        report = migrate("--data", first_place, "--to", "env:ADDRESS", ADDRESS=url, LENTICULAR__STORE__URL="")
        time.sleep(0.3)
    figures["there"] = {key: report[key] for key in ("took_ms", "read_only_ms", "versions", "blob_bytes")}
    assert writing.kept and writing.refused
    for status, retry, body in writing.refused:
        assert status == 503 and retry and ("moving to another place" in body or "has moved to another place" in body), (status, body)
    assert "only-for-tests" not in json.dumps(writing.refused), "a password is told"
    # the old place shows nothing any more and cannot be started
    assert a.fhir("GET", "Patient/moving-patient").status == 503
    assert server.stop() == 0
    again = command("serve", "--data", first_place, timeout=60)
    assert again.code != 0 and "has moved to postgres://" in again.err and "only-for-tests" not in again.err, again.err
    checked = migrate("--data", first_place, "--to", "env:ADDRESS", "--check", ADDRESS=url)
    assert checked["position"] == report["position"]

    # the images stay where they are, below --data
    server = start(first_place, **there)
    a = Client(server, a.token)
    for ident in writing.kept:
        a.fhir("GET", f"Observation/{ident}").expect(200)
    b = Client(server, token_b)
    assert studies(b) == seen_by_b
    later = a.fhir("POST", "Observation", observation(1)).expect(201).json()["id"]
    with Writing(a) as writing_there:
        time.sleep(0.5)
        report = migrate("--data", first_place, "--to", third_place, **there)
        time.sleep(0.3)
    figures["back"] = {key: report[key] for key in ("took_ms", "read_only_ms", "versions", "blob_bytes")}
    assert writing_there.kept and writing_there.refused
    assert server.stop() == 0
    migrate("--data", first_place, "--to", third_place, "--check", **there)

    server = start(third_place)
    a, b = Client(server, a.token), Client(server, token_b)
    for ident in [*writing.kept, *writing_there.kept, later]:
        a.fhir("GET", f"Observation/{ident}").expect(200)
    assert studies(b) == seen_by_b
    a.fhir("POST", "Observation", observation(2)).expect(201)
    assert "clean" in server.must("verify", timeout=TIMEOUT)
    assert server.stop() == 0

    # what was in the first folder is in the last one, byte for byte, read by nobody's code but SQLite's
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
    print(json.dumps(figures))
    (folder / "figures.json").write_text(json.dumps(figures, indent=2))


@pytest.fixture(scope="module")
def objects(folder):
    """The environment of whoever uses the double of an object store."""
    keys = {"AWS_ACCESS_KEY_ID": "moving", "AWS_SECRET_ACCESS_KEY": "only-for-tests", "AWS_REGION": "us-east-1"}
    double = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent.parent / "s3_double.py"), "--listen", "127.0.0.1:0", "--folder", str(folder / "objects"), "--bucket", "moving"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, **keys},
    )
    ready = double.stdout.readline()
    assert ready.startswith("ready s3 http="), ready
    yield {**keys, "AWS_ENDPOINT_URL": "http://" + ready.strip().rsplit("=", 1)[1]}
    double.kill()
    double.wait()


def test_objects_there_and_back(folder, cluster, objects, start):
    place, third_place = folder / "files", folder / "files-again"
    url = cluster.database("with-objects")
    there = {**objects, "LENTICULAR__STORE__URL": url, "LENTICULAR__BLOBS__URL": "s3://moving/network"}
    server = start(place)
    server.org("hospital-a", "Hospital A")
    server.org("hospital-b", "Hospital B")
    a = server.client("hospital-a")
    fill(a, 30, 5)
    known = studies(a)
    with Writing(a) as writing:
        report = migrate("--data", place, "--to", "env:ADDRESS", "--blobs", "s3://moving/network", ADDRESS=url, **objects)
    assert server.stop() == 0 and report["blobs"] == 5 and report["containers"] >= 1
    # another network does not go to the same prefix
    other = start(folder / "other")
    other.org("hospital-a", "Hospital A")
    refused = command("migrate", "--data", other.data, "--to", folder / "nowhere", "--blobs", "s3://moving/network", **objects)
    assert refused.code != 0 and "holds something else" in refused.err, refused.err
    assert other.stop() == 0
    empty = folder / "empty"
    migrate("--data", empty, "--to", third_place, **there)
    server = start(third_place)
    a = Client(server, a.token)
    assert studies(a) == known
    for ident in writing.kept:
        a.fhir("GET", f"Observation/{ident}").expect(200)
    assert "clean" in server.must("verify", timeout=TIMEOUT)
    assert server.stop() == 0
    for file in (place / "blobs").iterdir():
        assert (third_place / "blobs" / file.name).read_bytes() == file.read_bytes()


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
    assert two["blobs"] == 1 and 0 < two["copied_versions"] < one["versions"] + len(writing.kept)
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
