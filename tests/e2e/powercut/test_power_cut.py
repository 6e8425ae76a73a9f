"""The power goes at random moments of mixed ingest: nothing acknowledged is lost, nothing is half there, and verify is clean.

See README.md beside this file for how, and for what it cannot show.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lenticular.http import Client
from lenticular.ingest import Acknowledged
from lenticular.server import BINARY, Server
from lenticular.uml.machine import Card, Image, Machine, missing

DISK = 4 * 2**30
TITLE = "SCANNER1"
# Of the sectors written and not flushed: none survives (a cache that is gone), all do (a plain stop), or a part.
SHARES = (0.0, 0.1, 0.5, 0.9, 1.0)
# From the moment at which each way has been acknowledged once.
LATEST = 6.0
FIRST_SECONDS = 120
# The share of rounds in which the power, just back, goes again while the server starts.
AGAIN, AGAIN_LATEST = 0.3, 0.6
# So that an acknowledgement that had already arrived outside is counted.
GRACE = 0.3
# libeatmydata makes fsync, fdatasync, msync and O_SYNC do nothing.
WITHOUT_FSYNC = {"LD_PRELOAD": "libeatmydata.so"}
CONTROL_ROUNDS = 2

pytestmark = pytest.mark.embedded_only("a database and an object store have machines of their own")


class Clients:
    """The process of the clients, and what it said."""

    def __init__(self, machine: Machine, token: str, folder: Path):
        self.said = Acknowledged()
        self.log = folder / "clients.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lenticular.ingest", machine.http, machine.dimse, TITLE, str(folder)],
                stdout=subprocess.PIPE, stderr=log, text=True,
                env={**os.environ, "TOKEN": token, "PYTHONPATH": str(Path(__file__).parents[1])},
            )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            if line.endswith("\n"):
                self.said.hear(line)

    def wait(self, machine: Machine) -> None:
        """Until something was acknowledged by every way."""
        deadline = time.monotonic() + FIRST_SECONDS
        while not self.said.by_every_way():
            assert machine.alive(), "the machine ended by itself:\n" + "\n".join(machine.printed[-40:])
            assert time.monotonic() < deadline, (
                f"in {FIRST_SECONDS} s no more than {self.said.summary()}\n{self.log.read_text()[-2000:]}\n"
                + "\n".join(machine.printed[-40:])
            )
            time.sleep(0.02)

    def end(self) -> Acknowledged:
        time.sleep(GRACE)
        self.process.kill()
        self.process.wait()
        self.reader.join()
        return self.said


@dataclass
class Seen:
    """What was there when the power was back."""

    verify: str
    audited: int
    failures: list[str] = field(default_factory=list)


class Bench:
    """One machine with its disk, and the rounds that it goes through."""

    def __init__(self, folder: Path, card: Card, dice: random.Random, **environment: str):
        folder.mkdir(parents=True)
        self.folder, self.card, self.dice = folder, card, dice
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "LENTICULAR__HTTP__LISTEN": "0.0.0.0:8080",
            "LENTICULAR__DIMSE__LISTEN": "0.0.0.0:11112",
            **environment,
        }
        self.image = Image(folder / "disk.img", DISK)
        with self.image as mounted:
            server = Server(mounted / "store")
            server.org("hospital-a", "Hospital A")
            server.device("hospital-a", TITLE, "--peer", card.host)
            self.token = server.token("hospital-a", "clinician", "--ttl", "8h")
        # Entries of the audit log that were there when the host looked last.
        self.audited = 0

    def machine(self) -> Machine:
        command = [str(BINARY), "serve", "--data", f"{Machine.FOLDER}/store"]
        return Machine(self.folder, self.image, self.card, command, self.environment)

    def cut(self) -> tuple[dict, Acknowledged]:
        """Power on, ingest by every way, and the power goes. Gives what the disk did, and what was acknowledged."""
        moment, share, amid = self.dice.uniform(0, LATEST), self.dice.choice(SHARES), self.dice.random() < 0.5
        seed, again = self.dice.randrange(2**32), self.dice.random() < AGAIN
        machine = self.machine()
        machine.start()
        try:
            clients = Clients(machine, self.token, self.folder)
            try:
                clients.wait(machine)
                time.sleep(moment)
                disk = machine.cut(seed, share, amid)
            finally:
                said = clients.end()
        finally:
            machine.off()
        power = {"moment": round(moment, 2), "amid a flush": amid, "share": share, **disk}
        if again:
            power["again after"] = round(self.dice.uniform(0, AGAIN_LATEST), 2)
            machine = self.machine()
            machine.start(until="mounted ")
            try:
                time.sleep(power["again after"])
                machine.cut(seed, share, amid=False)
            finally:
                machine.off()
        return power, said

    def look(self, *acknowledged: Acknowledged) -> Seen:
        """With the power back: what `verify` finds, and what is not as it was acknowledged."""
        with self.image as mounted:
            server = Server(mounted / "store")
            seen = verify(server)
            if seen.verify != "clean":
                seen.failures.append(f"verify found {seen.verify}")
            try:
                server.start()
            except AssertionError as error:
                seen.failures.append(f"the server does not start: {error}")
                return seen
            try:
                client = Client(server, self.token)
                for said in acknowledged:
                    seen.failures += said.losses(client)
            except OSError as error:
                seen.failures.append(f"the server went away while it was asked: {error}\n{server.log(10)}")
            finally:
                server.stop()
        return seen

    def round(self, number: int) -> tuple[dict, Acknowledged, list[str]]:
        """Cuts, looks, and tells: gives a line for the report, what was acknowledged, and what failed."""
        power, said = self.cut()
        seen = self.look(said)
        entries = seen.audited - self.audited
        if entries < said.count:
            seen.failures.append(f"{said.count} answers have {entries} entries in the audit log")
        with self.image as mounted:
            self.audited = verify(Server(mounted / "store")).audited
        try:
            self.image.check()
        except AssertionError as error:
            seen.failures.append(str(error))
        line = {
            "round": number,
            "acknowledged": {"all": said.count, **said.summary()},
            "power": power,
            "audited": entries,
            "verify": seen.verify,
            "failures": len(seen.failures),
        }
        print(json.dumps(line), flush=True)
        return line, said, [f"round {number}: {failure}" for failure in seen.failures]


def verify(server: Server) -> Seen:
    done = server.run("verify", "--json", timeout=600)
    try:
        audited = json.loads(done.out)["audit_entries"]
    except ValueError:
        return Seen(f"{done.out[-800:]} {done.err[-800:]}", 0)
    return Seen("clean" if done.code == 0 else done.out[-2000:], audited)


@pytest.fixture(scope="module")
def card():
    why_not = missing()
    assert why_not is None, f"the power-cut suite cannot run here: {why_not}"
    with Card() as card:
        yield card


def test_nothing_acknowledged_is_lost(folder, card, pytestconfig):
    bench = Bench(folder / "durable", card, random.Random(pytestconfig.option.seed))
    report, everything, failures = [], [], []
    for number in range(1, pytestconfig.option.rounds + 1):
        line, said, failed = bench.round(number)
        report.append(line)
        everything.append(said)
        failures += failed
        (folder / "report.json").write_text(json.dumps(report, indent=1))
    # A later cut must not have harmed what an earlier one left.
    failures += [f"after all rounds: {failure}" for failure in bench.look(*everything).failures]
    assert not failures, f"{len(failures)} failures, seed {pytestconfig.option.seed}:\n" + "\n".join(failures[:40])
    unflushed = sum(line["power"]["kept"] + line["power"]["lost"] for line in report)
    assert unflushed, "no cut came between a write and the end of its flush: these moments prove nothing"


def test_without_fsync_the_same_cuts_lose_what_was_acknowledged(folder, card, pytestconfig):
    """The control: where the server's fsync does nothing, the rounds above must find losses."""
    dice = random.Random(pytestconfig.option.seed)
    for number in range(1, CONTROL_ROUNDS + 1):
        bench = Bench(folder / f"control-{number}", card, dice, **WITHOUT_FSYNC)
        line, said, failures = bench.round(number)
        assert failures, f"without fsync nothing of {said.count} acknowledged was lost: this suite cannot find a loss\n{line}"
