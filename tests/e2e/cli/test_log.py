"""`lenticular log`: what operators see of the commits, and when."""

import json
import signal
import subprocess
import threading
import time
from queue import Empty, Queue

import pytest
from lenticular.server import BINARY, command, environment


@pytest.fixture
def following(server):
    """`lenticular log --follow --json`, from the first commit on; gives its lines as they come."""
    lines: Queue = Queue()
    process = subprocess.Popen(
        [str(BINARY), "log", "--data", str(server.data), "--follow", "--after", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(server.data),
    )
    reader = threading.Thread(target=lambda: [lines.put((line, time.monotonic())) for line in process.stdout], daemon=True)
    reader.start()
    yield process, lines
    process.kill()
    process.wait(30)
    reader.join(30)


def test_each_commit_is_told_soon_and_nothing_of_it(server, a, following):
    process, lines = following
    first = json.loads(lines.get(timeout=60)[0])
    assert first["position"] == 1
    with pytest.raises(Empty):
        while True:
            lines.get(timeout=2)
    name = "Featherstonehaugh"
    for n in range(3):
        a.create({"resourceType": "Patient", "name": [{"family": name}], "birthDate": "1931-04-05"})
        made, told = time.monotonic(), {}
        while told.get("org") != "hospital-a":
            try:
                line, at = lines.get(timeout=30)
            except Empty:
                pytest.fail(f"commit {n} was not told: {process.poll()}")
            assert name not in line and "1931" not in line
            told = json.loads(line)
            assert set(told) == {"position", "time", "org", "changes"} and told["changes"] > 0
        assert at < made + 2, "it was told late"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, process.stderr.read()


def test_the_last_commits_and_those_behind_a_position(server, a):
    for _ in range(3):
        a.create({"resourceType": "Patient"})
    shown = command("log", "--data", server.data)
    assert shown.code == 0, shown.err
    positions = [int(line.split()[0]) for line in shown.out.splitlines()]
    assert positions == list(range(positions[0], positions[-1] + 1)) and 3 <= len(positions) <= 20
    behind = command("log", "--data", server.data, "--after", str(positions[-2]), "--json")
    assert [json.loads(line)["position"] for line in behind.out.splitlines()] == positions[-1:]
