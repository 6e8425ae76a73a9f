"""Three nodes behind haproxy while things break: nothing acknowledged is lost, positions have no gap, and nobody lends a hand.

`LENTICULAR_CLUSTER=full` (`cargo xtask cluster`) lets each fault come more often, and stay longer; otherwise all of it takes three
minutes at most. What was measured is printed as a table.
"""

import json
import os
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from lenticular.dicom import DICOM_JSON, DICOM_PART, dataset_bytes, multipart, sha256
from lenticular.fhir import without_identity
from lenticular.http import ordered

from .ingest import Ingest
from .region import SKEW_SECONDS, SKEWED, Region

FULL = os.environ.get("LENTICULAR_CLUSTER") == "full"
ROUNDS = 3 if FULL else 1
CALM_SECONDS = 10 if FULL else 3
AWAY_SECONDS = 30 if FULL else 8
RECOVERY_SECONDS = 30
NODES = ("n1", "n2", "n3")


class Story:
    """What happened, with its times."""

    def __init__(self):
        self.rows: list[tuple[str, float, float, float]] = []
        self.leaks: list[str] = []
        self.asked_cut_off = 0
        self.began = time.monotonic()

    def tell(self, what: str, fault: float, back: float, ingest: Ingest) -> None:
        """Waits until every kind is acknowledged again, and keeps how long that took."""
        deadline = time.monotonic() + RECOVERY_SECONDS + 10
        while len(ingest.first_after(back)) < len(ingest.times) and time.monotonic() < deadline:
            time.sleep(0.1)
        first = ingest.first_after(back)
        slowest = max(first.values()) if len(first) == len(ingest.times) else float("inf")
        self.rows.append((what, min(first.values(), default=float("inf")), slowest, ingest.silence(fault, time.monotonic())))
        print(f"{what}: {self.rows[-1][1:]}", flush=True)


def until(condition, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)


def ready(region, node: str) -> bool:
    try:
        return region.directly(node).get("/readyz").status == 200
    except OSError:
        return False


def kill_a_node(region, ingest, story, name: str) -> None:
    fault = time.monotonic()
    region.networks[name].kill()
    region.nodes[name].process.wait()
    story.tell(f"kill -9 of node {name}", fault, fault, ingest)
    region.nodes[name].start()
    until(lambda: ready(region, name), RECOVERY_SECONDS, f"{name} is ready after it was started again")


def kill_the_leader(region, ingest, story) -> None:
    leader = region.database.leader()
    fault = time.monotonic()
    leader.kill()
    region.database.until(lambda: region.database.leader() not in (None, leader), 60, "Patroni has a new leader")
    back = time.monotonic()
    story.tell(f"kill -9 of PostgreSQL's leader {leader.name} (a new one after {back - fault:.0f} s)", fault, back, ingest)
    region.database.start(leader)
    region.database.until(region.database.whole, 90, "the old leader follows the new one")


def stop_the_object_store(region, ingest, story) -> None:
    fault = time.monotonic()
    region.objects.kill()
    story.tell(f"object store away for {AWAY_SECONDS} s", fault, fault, ingest)
    until(lambda: time.monotonic() - fault >= AWAY_SECONDS, AWAY_SECONDS + 1, "the time has passed")
    region.objects.start()


def cut_a_node_off(region, ingest, story, name: str) -> None:
    """The node that is cut off must not show what is taken back on another one meanwhile: neither at once nor ever."""
    other = "n1" if name != "n1" else "n3"
    a, stranger = region.directly(other), region.directly(name, "hospital-b")
    path = next(iter(ingest.files))
    study = path.split("/")[3]
    given = a.request("POST", "/api/shares", {"study": study, "to": "hospital-b"}, {"Content-Type": "application/json"}).expect(201).json()["id"]
    paths = [(f"/dicom-web/studies/{study}/metadata", DICOM_JSON), (path, DICOM_PART), (f"/dicom-web/studies?StudyInstanceUID={study}", DICOM_JSON)]
    for where, accept in paths:
        stranger.get(where, accept).expect(200)
    fault = time.monotonic()
    region.cut(name)
    a.request("DELETE", f"/api/shares/{given}").expect(204)
    taken_back, over = time.monotonic(), threading.Event()

    def look(where: str, accept: str) -> None:
        client = region.directly(name, "hospital-b")
        while not over.is_set():
            try:
                answer = client.get(where, accept)
            except OSError:
                client.close()
                continue
            story.asked_cut_off += 1
            if answer.status == 200 and study.encode() in answer.body:
                story.leaks.append(f"{name} showed {where} to B {time.monotonic() - taken_back:.1f} s after it was taken back")
            time.sleep(0.05)

    watchers = [threading.Thread(target=look, args=pair) for pair in paths]
    for watcher in watchers:
        watcher.start()
    story.tell(f"node {name} cut off from the database for {AWAY_SECONDS} s", fault, fault, ingest)
    until(lambda: time.monotonic() - fault >= AWAY_SECONDS, AWAY_SECONDS + 1, "the time has passed")
    assert not ready(region, name), f"{name} says that it is ready, and has no database"
    region.networks[name].heal()
    healed = time.monotonic()
    until(lambda: ready(region, name), RECOVERY_SECONDS, f"{name} is ready after its way is open again")
    story.rows.append((f"… and {name} itself, once the way is open", time.monotonic() - healed, time.monotonic() - healed, 0.0))
    time.sleep(1)
    over.set()
    for watcher in watchers:
        watcher.join(60)
    for where, accept in paths:
        answer = stranger.get(where, accept)
        assert answer.status == 404 or study.encode() not in answer.body, f"{name} is back and shows {where}"


@pytest.fixture(scope="module")
def told(folder):
    region = Region(folder)
    try:
        for node in NODES:
            until(lambda node=node: ready(region, node), 30, f"{node} is ready")
        ingest, story = Ingest(region).start(), Story()
        try:
            until(lambda: len(ingest.first_after(story.began)) == len(ingest.times), 30, "each kind is acknowledged through the proxy")
            for number in range(ROUNDS):
                for fault in (lambda: kill_a_node(region, ingest, story, NODES[number % 3]), lambda: kill_the_leader(region, ingest, story), lambda: stop_the_object_store(region, ingest, story),
                              lambda: cut_a_node_off(region, ingest, story, NODES[(number + 2) % 3])):
                    time.sleep(CALM_SECONDS)
                    fault()
        finally:
            ingest.stop()
        yield region, ingest, story
        for node in region.nodes.values():
            assert node.stop() == 0, node.log()
    finally:
        region.stop()


def test_every_fault_was_over_without_a_hand(told):
    _, ingest, story = told
    print(f"\n{'fault':75} {'first ack':>9} {'all kinds':>9} {'silence':>8}   (s)")
    for what, first, slowest, silence in story.rows:
        print(f"{what:75} {first:9.1f} {slowest:9.1f} {silence:8.1f}")
    print(f"acknowledged: {len(ingest.resources)} resources, {len(ingest.files)} by STOW-RS, {len(ingest.data_sets)} by C-STORE; tried again: {ingest.refused}")
    assert not ingest.wrong, ingest.wrong[:20]
    late = [row for row in story.rows if row[2] > RECOVERY_SECONDS]
    assert not late, f"not acknowledged again within {RECOVERY_SECONDS} s: {late}"


def test_a_node_without_the_database_shows_nothing_that_was_taken_back(told):
    _, _, story = told
    assert story.asked_cut_off > 0
    assert not story.leaks, f"{len(story.leaks)} times: {story.leaks[:5]}"


def test_everything_acknowledged_is_there_through_each_node(told):
    region, ingest, _ = told
    assert ingest.resources and ingest.files and ingest.data_sets
    for node in NODES:
        client = region.directly(node)
        for path, resource in ingest.resources.items():
            answer = client.fhir("GET", path).expect(200)
            sent = [(key, value) for key, value in ordered(json.dumps(resource)) if key != "id"]
            assert without_identity(answer.lexemes()) == sent, f"{node}: {path} reads otherwise"
        for path, digest in ingest.files.items():
            body = multipart.parts(client.get(path, DICOM_PART).expect(200))[0].body
            assert sha256(body) == digest, f"{node}: {path}, stored by STOW-RS, came back changed"
        for path, digest in ingest.data_sets.items():
            body = multipart.parts(client.get(path, DICOM_PART).expect(200))[0].body
            assert sha256(dataset_bytes(body)) == digest, f"{node}: {path}, stored by C-STORE, came back changed"


def test_each_node_answers_with_the_same_bytes(told):
    region, ingest, _ = told
    for path in list(ingest.resources)[:200]:
        bodies = {region.directly(node).fhir("GET", path).body for node in NODES}
        assert len(bodies) == 1, f"{path} has several bodies: {bodies}"


def test_positions_have_no_gap(told):
    region, ingest, _ = told
    count, first, last = region.database.sql("select count(*), min(position), max(position) from log")[0]
    assert first == "1" and count == last, f"{count} positions from {first} to {last}"
    assert int(last) >= len(ingest.files) + len(ingest.data_sets)
    backwards = region.database.sql("select count(*) from (select time - lag(time) over (order by position) as step from log) as steps where step < 0")[0][0]
    print(f"{count} positions; time goes back at {backwards} of them")


def test_a_wrong_clock_stamps_nothing(told):
    region, _, _ = told
    made = region.directly(SKEWED).create({"resourceType": "Basic", "code": {"text": "clock"}})
    written = datetime.fromisoformat(made["meta"]["lastUpdated"])
    assert abs(datetime.now(UTC) - written) < timedelta(seconds=20), f"{SKEWED}, whose clock is {SKEW_SECONDS} s off, wrote {written}"


def test_a_share_ends_on_time_where_the_clock_is_behind(told):
    region, ingest, _ = told
    study = next(iter(ingest.files)).split("/")[3]
    soon = datetime.now(UTC) + timedelta(seconds=4)
    share = {"study": study, "to": "hospital-b", "expires": soon.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    region.directly("n1").request("POST", "/api/shares", share, {"Content-Type": "application/json"}).expect(201)
    b = region.directly(SKEWED, "hospital-b")
    assert study.encode() in b.get(f"/dicom-web/studies?StudyInstanceUID={study}", DICOM_JSON).expect(200).body
    until(lambda: datetime.now(UTC) > soon + timedelta(seconds=2), 10, "the share is over")
    assert study.encode() not in b.get(f"/dicom-web/studies?StudyInstanceUID={study}", DICOM_JSON).expect(200).body, f"{SKEWED} shows what is no longer shared"


def test_verify_is_clean(told):
    region, _, _ = told
    done = region.nodes["n1"].run("verify", timeout=600)
    assert done.code == 0, f"{done.out[-1500:]} {done.err[-500:]}"
