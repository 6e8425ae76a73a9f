"""A node that starts while the object store says nothing: it takes everything within seconds, and all of it is packed later."""

import signal
import time

import pytest
from lenticular import ground
from lenticular.dicom import DICOM_PART, cleared, multipart, sha256, stow
from lenticular.images import square
from lenticular.objects import ObjectStore
from lenticular.server import Server

pytestmark = pytest.mark.postgres_only("files need no object store")

# Of 3.4 MB each: together a full segment, which is packed at once.
SMALL_PIXELS, SMALL_COUNT = 1300, 20
# 8 MB: an object of its own.
LARGE_PIXELS = 2000
# What a busy machine may take for what needs a few seconds; it was 90 s for each.
START_SECONDS, ANSWER_SECONDS = 20, 12
# The packer looks every 15 s.
PACKED_SECONDS = 90


@pytest.fixture(scope="module")
def objects(folder):
    """A store of its own, which can be stopped."""
    objects = ObjectStore(folder / "objects", folder / "objects.log", double=True)
    yield objects
    objects.process.send_signal(signal.SIGCONT)
    objects.stop()


@pytest.fixture(scope="module")
def server(folder, objects):
    data = folder / "store"
    name = ground.name_of(data)
    ground.put(data, {"LENTICULAR__STORE__URL": ground.cluster().database(name), **objects.settings(name)})
    server = Server(data).start()
    server.org("hospital-a", "Hospital A")
    assert server.stop() == 0
    yield server
    if server.alive():
        server.stop()


def within(seconds: float, what: str, work):
    began = time.monotonic()
    done = work()
    assert time.monotonic() - began < seconds, f"{what} took {time.monotonic() - began:.1f} s"
    return done


def test_a_node_starts_and_takes_everything_while_the_object_store_is_silent(server, objects):
    name = ground.name_of(server.data)
    landed = lambda: int(ground.cluster().sql("select count(*) from landing", name)[0][0])
    # connections come about, and nobody answers
    objects.process.send_signal(signal.SIGSTOP)
    within(START_SECONDS, "the start", server.start)
    a = within(ANSWER_SECONDS, "`lenticular token`", lambda: server.client("hospital-a"))
    a.get("/readyz").expect(200)
    within(ANSWER_SECONDS, "a create", lambda: a.fhir("POST", "Basic", {"resourceType": "Basic", "code": {"text": "x"}}).expect(201))
    kept = {}
    for pixels in [LARGE_PIXELS] * 3 + [SMALL_PIXELS] * SMALL_COUNT:
        data, path = square(pixels)
        within(ANSWER_SECONDS, f"an image of {len(data)} bytes", lambda data=data: stow(a, [data]).expect(200))
        kept[path] = sha256(cleared(data))
    assert landed() >= 3 + SMALL_COUNT, "something went to a store that says nothing"

    objects.process.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + PACKED_SECONDS
    while landed() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert landed() == 0, f"not all is packed\n{server.log()}"
    names = [file.name.partition("%2F")[2] for file in objects.files(name)]
    assert sorted(name[:2] for name in names) == ["ne", "o-", "o-", "o-", "s-"], names
    for path, digest in kept.items():
        body = multipart.parts(a.get(path, DICOM_PART).expect(200))[0].body
        assert sha256(body) == digest, f"{path} was acknowledged and is not as it was"
    # and it is asked again as soon as it has answered
    data, path = square(LARGE_PIXELS)
    stow(a, [data]).expect(200)
    assert landed() == 0, "a large image lies in the database though the store answers"
    assert server.run("verify", timeout=300).code == 0
