"""What was acknowledged is there after kill -9, byte for byte, and nothing is half there.

Embedded there is one process to kill. Over PostgreSQL and S3 the rounds take turns: the server, the database with all its
processes, the object store, and the server together with the database.
"""

import os
import random
import threading
import time

import pytest
from lenticular import ground
from lenticular.dicom import DICOM_PART, cleared, dataset_bytes, multipart, sha256, stow
from lenticular.images import fresh_slice
from lenticular.http import Client
from lenticular.server import Server
from pynetdicom import AE, _config

ROUNDS = 50
ENTRIES = 12
VICTIMS = (("server",),) if ground.EMBEDDED else (("server",), ("database",), ("objects",), ("server", "database"))
if ground.ANOTHERS_OBJECTS:  # a store that is not ours is not ours to kill
    VICTIMS = tuple(one for one in VICTIMS if "objects" not in one)
# From the moment that the database is back until the first change is acknowledged again.
RECOVERY_SECONDS = 30


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
        self.over = threading.Event()
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
    while association.is_established and not said.over.is_set():
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
    while not said.over.is_set():
        try:
            before = said.count
            work(client, said)
            if said.count == before:
                said.over.wait(0.02)  # refused: whoever asks again takes a breath
        except Exception:  # the server is gone: that is the point
            if not client.server.alive():
                return
            client.close()


def kill(server, victims) -> None:
    """All of them at once; the object store can be away for a while, so that it is not waited for."""
    for name in victims:
        {"server": server.kill, "database": lambda: ground.cluster().kill(), "objects": lambda: ground.objects().kill()}[name]()


def bring_back(server, victims) -> None:
    """Starts what was killed, the database first: the server refuses to start without it."""
    if "database" in victims:
        ground.cluster().start()
    if "objects" in victims:
        ground.objects().start()
    if "server" in victims:
        server.start()


def acknowledges_again(client, said) -> float:
    """The seconds until a change is acknowledged, by a server that nobody touched."""
    began, count = time.monotonic(), len(said.resources)
    while time.monotonic() - began < RECOVERY_SECONDS:
        try:
            create(client, said)
        except OSError:
            client.close()
        if len(said.resources) > count:
            break
    return time.monotonic() - began


class Rounds:
    """The server after all rounds, and what was seen on the way."""

    def __init__(self, server, token):
        self.server, self.client, self.said = server, Client(server, token), Acknowledged()
        self.verdicts = []
        self.recoveries: dict[str, float] = {}


@pytest.fixture(scope="module")
def rounds(folder):
    """Several rounds of ingest by every way, each ended by kill -9 at a moment of its own; then the server once more."""
    random.seed(7)
    if not ground.EMBEDDED:
        ground.cluster().set("fsync", "on")
    server = Server(folder / "store").start()
    server.org("hospital-a", "Hospital A")
    server.device("hospital-a", "SCANNER1")
    token = server.token("hospital-a", "clinician", "--ttl", "8h")
    rounds = Rounds(server, token)
    said = rounds.said
    for number in range(ROUNDS):
        victims = VICTIMS[number % len(VICTIMS)]
        clients = [Client(server, token) for _ in range(5)]
        threads = [threading.Thread(target=worker, args=(work, client, said)) for work, client in zip((create, create, transact, store, store), clients)]
        threads.append(threading.Thread(target=scan, args=(server, said, folder, 1)))
        said.enough.clear()
        said.over.clear()
        said.until = said.count + random.randrange(40, 160)
        for thread in threads:
            thread.start()
        assert said.enough.wait(120), f"only {said.count} acknowledged in two minutes\n{server.log()}"
        kill(server, victims)
        if victims == ("objects",):
            # What is stored goes on meanwhile.
            said.enough.clear()
            said.until = said.count + 40
            assert said.enough.wait(60), f"without its object store the server acknowledges nothing\n{server.log()}"
        said.over.set()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), f"a client was left without an answer after {victims} died"
        if "server" in victims and "database" not in victims:
            rounds.verdicts.append((victims, server.run("verify", timeout=300)))
        bring_back(server, victims)
        if "server" not in victims:
            name = " and ".join(victims)
            rounds.recoveries[name] = max(rounds.recoveries.get(name, 0.0), acknowledges_again(rounds.client, said))
        if victims != ("server",):
            rounds.verdicts.append((victims, server.run("verify", timeout=300)))
    yield rounds
    server.stop()
    if not ground.EMBEDDED:
        ground.cluster().set("fsync", "off")


def test_verify_is_clean_after_each_kill(rounds):
    for number, (victims, done) in enumerate(rounds.verdicts, 1):
        assert done.code == 0, f"after kill {number} ({victims}) `lenticular verify` found: {done.out[-800:]} {done.err[-400:]}"


@pytest.mark.postgres_only("SQLite is inside the process that is killed")
def test_the_server_finds_back_by_itself(rounds):
    assert rounds.recoveries.keys() == {"database", "objects"}
    for name, seconds in rounds.recoveries.items():
        assert seconds < RECOVERY_SECONDS, f"{name} was back, and the server acknowledged nothing for {seconds:.0f} s"


@pytest.mark.postgres_only("reads the tables beside the server; `verify` compares positions on both")
def test_positions_have_no_gap(rounds):
    name = ground.name_of(rounds.server.data)
    count, first, last = ground.cluster().sql("select count(*), min(position), max(position) from log", name)[0]
    assert first == "1" and count == last and int(last) > rounds.said.count / 2, f"{count} positions from {first} to {last}"


def test_every_resource_acknowledged_is_there(rounds):
    client, said = rounds.client, rounds.said
    assert said.resources
    for key, body in said.resources.items():
        assert client.fhir("GET", key).expect(200).body == body, f"{key} was acknowledged and reads otherwise"


def test_every_transaction_is_whole_or_absent(rounds):
    client, said = rounds.client, rounds.said
    assert said.transactions
    for mark in said.attempted:
        count = client.search(f"Basic?identifier=urn:tx|{mark}&_summary=count")["total"]
        if mark in said.transactions:
            assert count == ENTRIES, f"an acknowledged transaction has {count} of {ENTRIES} resources"
        else:
            assert count in (0, ENTRIES), f"a transaction that was cut off left {count} of {ENTRIES} resources"


def test_every_image_acknowledged_is_there_byte_for_byte(rounds):
    client, said = rounds.client, rounds.said
    assert said.files and said.data_sets
    for path, digest in said.files.items():
        body = multipart.parts(client.get(path, DICOM_PART).expect(200))[0].body
        assert sha256(body) == digest, f"{path}, stored by STOW-RS, came back changed"
    for path, digest in said.data_sets.items():
        body = multipart.parts(client.get(path, DICOM_PART).expect(200))[0].body
        assert sha256(dataset_bytes(body)) == digest, f"{path}, stored by C-STORE, came back changed"


def test_each_image_is_in_the_record_too(rounds):
    client, said = rounds.client, rounds.said
    for path in [*said.files, *said.data_sets]:
        study = path.split("/")[3]
        assert len(client.search(f"ImagingStudy?identifier=urn:oid:{study}").get("entry", [])) == 1, f"{study} is no ImagingStudy"


def test_the_rounds_were_real(rounds):
    assert len(rounds.verdicts) == ROUNDS and rounds.said.count >= 40 * ROUNDS
    print(f"{ROUNDS} kills, {rounds.said.count} acknowledged, recoveries in s: {rounds.recoveries}")
