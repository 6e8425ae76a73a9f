"""A full disk: 507 and A700, nothing lost, and it heals when there is room again.

Embedded it is the disk of the data folder; over PostgreSQL it is the one that the database's tables lie on.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from lenticular import ground
from lenticular.dicom import DICOM_PART, cleared, dataset_bytes, multipart, sha256, stow
from lenticular.images import fresh_slice
from lenticular.postgres import ROLE, Cluster
from lenticular.server import Server
from pynetdicom import AE, _config

DISK = 160 * 2**20
FILLER = 60 * 2**20


@pytest.fixture(scope="module")
def disk():
    """A small disk of its own, where the user of the database can reach it too: the workspace may lie in somebody's home."""
    assert os.geteuid() == 0, "this test mounts a small tmpfs, which takes root: run it as root, or leave it out by name"
    path = Path(tempfile.mkdtemp(prefix="lenticular-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "lenticular-e2e", str(path)], check=True)
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)
    path.rmdir()


@pytest.fixture(scope="module")
def server(disk, folder):
    data = disk / "store"
    cluster = None
    if not ground.EMBEDDED:
        # A cluster of its own: its log is on the large disk, its tables are on the small one.
        cluster = Cluster(folder / "postgres.log")
        tables = disk / "tables"
        tables.mkdir()
        cluster.own(tables)
        cluster.sql(f"create tablespace small location '{tables}'")
        cluster.sql(f"grant create on tablespace small to {ROLE}")
        name = ground.name_of(data)
        ground.put(data, {"LENTICULAR__STORE__URL": cluster.database(name, "small"), **ground.objects().settings(name)})
    server = Server(data).start()
    server.org("hospital-a", "Hospital A")
    server.device("hospital-a", "SCANNER1")
    yield server
    server.stop()
    if cluster:
        cluster.stop()


def c_store(server, folder) -> tuple[int, str, str]:
    _config.STORE_SEND_CHUNKED_DATASET = True
    ae = AE("SCANNER1")
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1")
    data, path = fresh_slice()
    file = folder / "slice.dcm"
    file.write_bytes(data)
    association = ae.associate("127.0.0.1", server.dimse_port, ae_title="LENTICULAR")
    assert association.is_established, "with a full disk even the association is refused"
    status = association.send_c_store(file)
    association.release()
    return status.get("Status", -1), path, sha256(dataset_bytes(data))


def test_a_full_disk_is_said_and_heals(server, disk, folder):
    a = server.client("hospital-a")
    filler = disk / "filler"
    filler.write_bytes(bytes(FILLER))
    kept = {}
    for _ in range(400):
        data, path = fresh_slice()
        answer = stow(a, [data])
        if answer.status != 200:
            break
        kept[path] = sha256(cleared(data))
    assert answer.status == 507, f"STOW-RS on a full disk answered {answer.status}, not 507: {answer.body[:300]!r}"
    assert kept, "not one slice was stored before the disk was full"

    # Use up what is left, so that small things do not fit either.
    big = '{"resourceType":"Basic","code":{"text":"x"},"extension":[{"url":"urn:x","valueString":"%s"}]}'
    statuses = set()
    for _ in range(2000):
        statuses.add(a.fhir("POST", "Basic", big % os.urandom(50_000).hex()).status)
        if 507 in statuses:
            break
    assert statuses <= {201, 507}, f"creates on a full disk answered {statuses}"
    assert 507 in statuses, "the disk never got full for FHIR"
    status, _, _ = c_store(server, folder)
    assert status == 0xA700, f"C-STORE on a full disk answered {status:04X}, not A700"
    assert server.alive(), server.log()
    a.get("/healthz").expect(200)

    filler.unlink()
    data, path = fresh_slice()
    stow(a, [data]).expect(200)
    kept[path] = sha256(cleared(data))
    status, path, _ = c_store(server, folder)
    assert status == 0, f"with room again C-STORE still answers {status:04X}"
    a.fhir("POST", "Basic", {"resourceType": "Basic", "code": {"text": "x"}}).expect(201)
    for path, digest in kept.items():
        body = multipart.parts(a.get(path, DICOM_PART).expect(200))[0].body
        assert sha256(body) == digest, f"{path} was acknowledged before the disk was full and is not as it was"


def test_verify_is_clean_afterwards(server):
    done = server.run("verify", timeout=300)
    assert done.code == 0, f"after a full disk `lenticular verify` found: {done.out[-800:]} {done.err[-400:]}"
