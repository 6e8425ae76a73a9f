"""Three nodes behind haproxy while things break: nothing acknowledged is lost, positions have no gap, and nobody lends a hand.

`LENTICULAR_CLUSTER=full` (`cargo xtask cluster`) lets each fault come more often, and stay longer; otherwise all of it takes three
minutes at most. What was measured is printed as a table, and kept beside the logs as `story.json`.
"""

import json
import logging
import time
from datetime import UTC, datetime, timedelta

import pytest
from lenticular.dicom import DICOM_JSON, DICOM_PART, dataset_bytes, multipart, sha256
from lenticular.fhir import without_identity
from lenticular.http import ordered

from .ingest import Ingest
from .region import SKEWED, Region
from .story import NODES, RECOVERY_SECONDS, Story, ready, until

PAGE = 200
# Each association that the proxy ends is an error to pynetdicom.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


@pytest.fixture(scope="module")
def told(folder):
    region = Region(folder)
    try:
        for node in NODES:
            until(lambda node=node: ready(region, node), 30, f"{node} is ready")
        ingest = Ingest(region).start()
        story = Story(region, ingest)
        try:
            until(lambda: len(ingest.first_after(story.began)) == len(ingest.times), 30, "each kind is acknowledged through the proxy")
            story.run()
        finally:
            ingest.stop()
            story.write(folder / "story.json")
        yield region, ingest, story
        for node in region.nodes.values():
            assert node.stop() == 0, node.log()
    finally:
        region.stop()


def test_every_fault_was_over_without_a_hand(told):
    _, ingest, story = told
    print(f"\n{'fault':55} {'back':>6} {'first':>6} {'all':>6} {'silence':>8}  (s)  errors")
    for row in story.rows:
        print(f"{row.fault:55} {row.back:6.1f} {row.first:6.2f} {row.all:6.2f} {row.silence:8.2f}       {row.errors}")
    print(f"acknowledged: {ingest.counts()}")
    assert not ingest.wrong, ingest.wrong[:20]
    late = [row for row in story.rows if row.all > RECOVERY_SECONDS]
    assert not late, f"not acknowledged again within {RECOVERY_SECONDS} s: {late}"


def test_a_node_without_the_database_refuses_and_shows_nothing_that_was_taken_back(told):
    _, _, story = told
    assert story.cut_off
    assert not story.leaks, f"{len(story.leaks)} times: {story.leaks[:5]}"
    for seen in story.cut_off:
        assert seen["readyz_503"] < 10 and seen["refused_after"] < 10, seen
        assert seen["slowest_answer"] < RECOVERY_SECONDS, seen


def bodies(client, paths):
    """The bodies of many resources, by path."""
    found = {}
    for kind in {path.split("/")[0] for path in paths}:
        ids = [path.split("/")[1] for path in paths if path.startswith(f"{kind}/")]
        for at in range(0, len(ids), PAGE):
            some = ids[at : at + PAGE]
            answer = client.fhir("GET", f"{kind}?_id={','.join(some)}&_count={PAGE}").expect(200)
            bundle = dict(answer.lexemes())
            for entry in bundle.get("entry", []):
                resource = dict(entry)["resource"]
                found[f"{kind}/{dict(resource)['id']}"] = resource
    return found


def test_everything_acknowledged_is_there_through_each_node(told):
    region, ingest, _ = told
    assert ingest.resources and ingest.files and ingest.data_sets
    for node in NODES:
        client = region.directly(node)
        found = bodies(client, list(ingest.resources))
        for path, resource in ingest.resources.items():
            assert path in found, f"{node}: {path} was acknowledged and is not there"
            sent = [(key, value) for key, value in ordered(json.dumps(resource)) if key != "id"]
            assert without_identity(found[path]) == sent, f"{node}: {path} reads otherwise"
        for path, digest in ingest.files.items():
            body = multipart.parts(client.get(path, DICOM_PART).expect(200))[0].body
            assert sha256(body) == digest, f"{node}: {path}, stored by STOW-RS, came back changed"
        for path, digest in ingest.data_sets.items():
            body = multipart.parts(client.get(path, DICOM_PART).expect(200))[0].body
            assert sha256(dataset_bytes(body)) == digest, f"{node}: {path}, stored by C-STORE, came back changed"


def test_each_node_answers_with_the_same_bytes(told):
    region, ingest, _ = told
    for path in list(ingest.resources)[-200:]:
        bodies = {region.directly(node).fhir("GET", path).expect(200).body for node in NODES}
        assert len(bodies) == 1, f"{path} has several bodies: {bodies}"


def test_positions_have_no_gap_and_times_do_not_go_back(told):
    region, ingest, _ = told
    count, first, last = region.database.sql("select count(*), min(position), max(position) from log")[0]
    assert first == "1" and count == last, f"{count} positions from {first} to {last}"
    assert int(last) >= len(ingest.files) + len(ingest.data_sets)
    backwards = region.database.sql("select count(*) from (select time - lag(time) over (order by position) as step from log) as steps where step < 0")[0][0]
    assert backwards == "0", f"time goes back at {backwards} of {count} positions"


def now() -> datetime:
    """The database's clock: that of this machine."""
    return datetime.now(UTC)


@pytest.mark.parametrize("node", SKEWED)
def test_a_wrong_clock_stamps_nothing(told, node):
    region, _, _ = told
    made = region.directly(node).create({"resourceType": "Basic", "code": {"text": "clock"}})
    written = datetime.fromisoformat(made["meta"]["lastUpdated"])
    assert abs(now() - written) < timedelta(seconds=20), f"{node}, whose clock is {SKEWED[node]} s off, wrote {written}"


def test_shares_end_on_time_whatever_the_clock_of_the_node(told):
    region, ingest, _ = told
    studies = dict(zip(NODES, [path.split("/")[3] for path in ingest.data_sets]))
    soon = now() + timedelta(seconds=7)

    def shown(node: str) -> bool:
        answer = region.directly(node, "hospital-b").get(f"/dicom-web/studies?StudyInstanceUID={studies[node]}", DICOM_JSON)
        return studies[node].encode() in answer.expect(200).body

    for node, study in studies.items():
        share = {"study": study, "to": "hospital-b", "expires": soon.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
        # given through the node itself: one that is ahead would say that this time is over
        region.directly(node).request("POST", "/api/shares", share, {"Content-Type": "application/json"}).expect(201)
        assert shown(node) or now() > soon, f"{node} does not show what is shared"
    until(lambda: now() > soon + timedelta(seconds=0.5), 15, "the shares are over")
    for node in NODES:
        assert not shown(node), f"{node} shows what is no longer shared"


def test_tokens_end_on_time_whatever_the_clock_of_the_node(told):
    region, _, _ = told
    tokens = {node: region.nodes[node].token("hospital-a", "clinician", "--ttl", "6s") for node in NODES}
    made = now()
    # the last one has hardly begun
    region.with_token(NODES[-1], tokens[NODES[-1]]).fhir("GET", "Basic?_count=1").expect(200)
    until(lambda: now() > made + timedelta(seconds=6.5), 10, "the tokens are over")
    for token in tokens.values():
        for node in NODES:
            region.with_token(node, token).fhir("GET", "Basic?_count=1").expect(401)


def test_verify_is_clean(told):
    region, _, _ = told
    done = region.nodes["n1"].run("verify", timeout=600)
    assert done.code == 0, f"{done.out[-1500:]} {done.err[-500:]}"
