"""What was acknowledged is there after kill -9, byte for byte, and nothing is half there."""

import os
import random
import threading

import pytest
from lenticular.dicom import DICOM_PART, cleared, dataset_bytes, multipart, sha256, stow
from lenticular.images import fresh_slice
from lenticular.http import Client
from lenticular.server import Server
from pynetdicom import AE, _config

ROUNDS = 50
ENTRIES = 12


class Acknowledged:
    """What the server said yes to, over all rounds."""

    def __init__(self):
        self.lock = threading.Lock()
        self.resources: dict[str, bytes] = {}
        self.files: dict[str, str] = {}
        self.data_sets: dict[str, str] = {}
        self.transactions: set[str] = set()
        self.attempted: set[str] = set()
        self.count = 0
        self.enough = threading.Event()
        self.until = 0

    def note(self, kind: dict | set, key: str, value=None):
        with self.lock:
            if isinstance(kind, set):
                kind.add(key)
            else:
                kind[key] = value
            self.count += 1
            if self.count >= self.until:
                self.enough.set()


def create(client, said):
    answer = client.fhir("POST", "Observation", '{"resourceType":"Observation","status":"final","code":{"text":"%s"},"valueQuantity":{"value":1.00}}' % os.urandom(8).hex())
    if answer.status == 201:
        said.note(said.resources, f"Observation/{answer.json()['id']}", answer.body)


def transact(client, said):
    mark = os.urandom(8).hex()
    said.attempted.add(mark)
    entry = {"request": {"method": "POST", "url": "Basic"},
             "resource": {"resourceType": "Basic", "code": {"text": "x"}, "identifier": [{"system": "urn:tx", "value": mark}]}}
    answer = client.fhir("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry] * ENTRIES})
    if answer.status == 200:
        said.note(said.transactions, mark)


def store(client, said):
    data, path = fresh_slice()
    if stow(client, [data]).status == 200:
        said.note(said.files, path, sha256(cleared(data)))


def scan(server, said, folder, number):
    """C-STORE over one association until the server goes away."""
    _config.STORE_SEND_CHUNKED_DATASET = True
    ae = AE("SCANNER1")
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1")
    association = ae.associate("127.0.0.1", server.dimse_port, ae_title="LENTICULAR")
    while association.is_established:
        data, path = fresh_slice()
        file = folder / f"scan-{number}.dcm"
        file.write_bytes(data)
        try:
            status = association.send_c_store(file)
        except (RuntimeError, ValueError):
            break
        if status.get("Status") == 0:
            said.note(said.data_sets, path, sha256(dataset_bytes(data)))
    association.abort()


def worker(work, client, said):
    while True:
        try:
            work(client, said)
        except (OSError, Exception):  # the server is gone: that is the point
            if not client.server.alive():
                return
            client.close()


@pytest.fixture(scope="module")
def rounds(folder):
    """Several rounds of ingest by every way, each ended by kill -9 at a moment of its own; then the server once more."""
    random.seed(7)
    server = Server(folder / "store").start()
    server.org("hospital-a", "Hospital A")
    server.device("hospital-a", "SCANNER1")
    token = server.token("hospital-a", "clinician", "--ttl", "8h")
    said, verdicts = Acknowledged(), []
    for _ in range(ROUNDS):
        clients = [Client(server, token) for _ in range(5)]
        threads = [threading.Thread(target=worker, args=(work, client, said)) for work, client in zip((create, create, transact, store, store), clients)]
        threads.append(threading.Thread(target=scan, args=(server, said, folder, 1)))
        said.enough.clear()
        said.until = said.count + random.randrange(40, 160)
        for thread in threads:
            thread.start()
        assert said.enough.wait(120), f"only {said.count} acknowledged in two minutes\n{server.log()}"
        server.kill()
        for thread in threads:
            thread.join(60)
        verdicts.append(server.run("verify", timeout=300))
        server.start()
    yield server, Client(server, token), said, verdicts
    server.stop()


def test_verify_is_clean_after_each_kill(rounds):
    _, _, _, verdicts = rounds
    for number, done in enumerate(verdicts, 1):
        assert done.code == 0, f"after kill {number} `lenticular verify` found: {done.out[-800:]} {done.err[-400:]}"


def test_every_resource_acknowledged_is_there(rounds):
    _, client, said, _ = rounds
    assert said.resources
    for key, body in said.resources.items():
        assert client.fhir("GET", key).expect(200).body == body, f"{key} was acknowledged and reads otherwise"


def test_every_transaction_is_whole_or_absent(rounds):
    _, client, said, _ = rounds
    assert said.transactions
    for mark in said.attempted:
        count = client.search(f"Basic?identifier=urn:tx|{mark}&_summary=count")["total"]
        if mark in said.transactions:
            assert count == ENTRIES, f"an acknowledged transaction has {count} of {ENTRIES} resources"
        else:
            assert count in (0, ENTRIES), f"a transaction that was cut off left {count} of {ENTRIES} resources"


def test_every_image_acknowledged_is_there_byte_for_byte(rounds):
    _, client, said, _ = rounds
    assert said.files and said.data_sets
    for path, digest in said.files.items():
        body = multipart.parts(client.get(path, DICOM_PART).expect(200))[0].body
        assert sha256(body) == digest, f"{path}, stored by STOW-RS, came back changed"
    for path, digest in said.data_sets.items():
        body = multipart.parts(client.get(path, DICOM_PART).expect(200))[0].body
        assert sha256(dataset_bytes(body)) == digest, f"{path}, stored by C-STORE, came back changed"


def test_each_image_is_in_the_record_too(rounds):
    _, client, said, _ = rounds
    for path in [*said.files, *said.data_sets]:
        study = path.split("/")[3]
        assert len(client.search(f"ImagingStudy?identifier=urn:oid:{study}").get("entry", [])) == 1, f"{study} is no ImagingStudy"


def test_the_rounds_were_real(rounds):
    _, _, said, verdicts = rounds
    assert len(verdicts) == ROUNDS and said.count >= 40 * ROUNDS
    print(f"{ROUNDS} kills, {said.count} acknowledged")
