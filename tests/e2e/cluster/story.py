"""The faults, one after another, and what was seen of each."""

import json
import os
import threading
import time
from dataclasses import asdict, dataclass

from lenticular.dicom import DICOM_JSON, DICOM_PART
from lenticular.images import square

from .ingest import Ingest
from .region import Region

FULL = os.environ.get("LENTICULAR_CLUSTER") == "full"
ROUNDS = 2 if FULL else 1
CALM_SECONDS = 5 if FULL else 2
AWAY_SECONDS = 20 if FULL else 8
RECOVERY_SECONDS = 30
# What a node holds that was cut off is free sooner than PostgreSQL's limit for idle transactions says (10 s).
LOCK_SECONDS = 9
# From the moment on when the old leader is back until it follows, by itself.
FOLLOWS_SECONDS = 120
# The packer looks every 15 s.
PACKED_SECONDS = 60
# An object that is larger than those that are put together: 8 MB.
LARGE_PIXELS = 2000
# Resources in the transaction amid which a node is cut off.
LONG = 3000
NODES = ("n1", "n2", "n3")


@dataclass
class Row:
    """One fault, in seconds: how long until whatever it needs was back, from there to the first acknowledgement and to one of each
    kind, and the longest time without any since the fault."""

    fault: str
    back: float
    first: float
    all: float
    silence: float
    errors: dict[str, int]


class Story:
    """What happened, with its times."""

    def __init__(self, region: Region, ingest: Ingest):
        self.region, self.ingest = region, ingest
        self.rows: list[Row] = []
        # What a node that was cut off did: showed, refused first, took longest to answer.
        self.leaks: list[str] = []
        self.cut_off: list[dict[str, float]] = []
        self.began = time.monotonic()

    def tell(self, what: str, fault: float, back: float, errors: dict[str, int]) -> None:
        """Waits until every kind is acknowledged again, and keeps how long that took."""
        deadline = time.monotonic() + RECOVERY_SECONDS + 10
        while len(self.ingest.first_after(back)) < len(self.ingest.times) and time.monotonic() < deadline:
            time.sleep(0.05)
        first = self.ingest.first_after(back)
        slowest = max(first.values()) if len(first) == len(self.ingest.times) else float("inf")
        now = self.ingest.errors()
        seen = {why: count - errors.get(why, 0) for why, count in now.items() if count > errors.get(why, 0)}
        self.rows.append(Row(what, back - fault, min(first.values(), default=float("inf")), slowest, self.ingest.silence(fault, time.monotonic()), seen))
        print(asdict(self.rows[-1]), flush=True)

    def run(self) -> None:
        for number in range(ROUNDS):
            for fault in (
                lambda: self.kill_a_node(NODES[number % 3]),
                self.kill_the_leader,
                lambda: self.cut_a_node_off(NODES[(number + 2) % 3]),
                lambda: self.cut_a_node_off_amid_a_commit(NODES[(number + 1) % 3]),
                self.stop_the_object_store,
                *([self.cut_the_leader_off] if FULL else []),
            ):
                time.sleep(CALM_SECONDS)
                fault()

    def write(self, path) -> None:
        path.write_text(json.dumps({"rows": [asdict(row) for row in self.rows], "cut_off": self.cut_off, "ledger": self.ingest.counts()}, indent=1))

    def kill_a_node(self, name: str) -> None:
        errors, fault = self.ingest.errors(), time.monotonic()
        self.region.networks[name].kill()
        self.region.nodes[name].process.wait()
        self.tell(f"kill -9 of node {name}", fault, fault, errors)
        # what systemd does, or Kubernetes
        self.region.nodes[name].start()
        until(lambda: ready(self.region, name), RECOVERY_SECONDS, f"{name} is ready after it was started again")

    def kill_the_leader(self) -> None:
        database, errors = self.region.database, self.ingest.errors()
        leader = database.leader()
        fault = time.monotonic()
        leader.kill()
        database.until(lambda: database.leader() not in (None, leader), 60, "Patroni has a new leader")
        self.tell("power cut of PostgreSQL's leader", fault, time.monotonic(), errors)
        database.start(leader)
        self.see_it_follow("… the leader whose power was cut follows")

    def see_it_follow(self, what: str) -> None:
        """The old leader comes back by itself as a synchronous replica of the new one."""
        took = self.region.database.until(self.region.database.whole, FOLLOWS_SECONDS, "the old leader follows the new one")
        self.rows.append(Row(what, took, 0, 0, 0, {}))
        print(asdict(self.rows[-1]), flush=True)

    def cut_the_leader_off(self) -> None:
        """From everybody, in silence: connections to it hang."""
        database, errors, networks = self.region.database, self.ingest.errors(), self.region.networks
        leader = database.leader()
        fault = time.monotonic()
        leader.cut(*(machine.back for machine in networks.machines.values() if machine is not leader and machine.name != "edge"))
        database.until(lambda: any(one is not leader and database.leads(one) for one in database.members), 60, "Patroni has a new leader")
        self.tell("PostgreSQL's leader cut off from everybody", fault, time.monotonic(), errors)
        leader.heal()
        # it has what nobody acknowledged, and must give it up
        self.see_it_follow("… the leader that was cut off follows")

    def stop_the_object_store(self) -> None:
        """What is acknowledged meanwhile can be read meanwhile, through each node, and is packed once the store is back."""
        region, errors, fault = self.region, self.ingest.errors(), time.monotonic()
        before = set(self.ingest.files)
        region.objects.kill()
        # large ones do not wait for a segment to be full
        data, large = square(LARGE_PIXELS)
        self.ingest.send_file(region.clients(), data, large)
        self.tell("object store stopped", fault, fault, errors)
        sleep_until(fault + AWAY_SECONDS)
        fresh = [path for path in list(self.ingest.files) if path not in before]
        for node in NODES:
            assert ready(region, node), f"{node} takes images, and says that it is not ready"
            for path in [large, *fresh[-10:]]:
                region.directly(node).get(path, DICOM_PART).expect(200)
        landed = "select count(distinct segment) from landing where segment < 0"
        assert region.database.sql(landed)[0][0] != "0", "a large object lies in the object store, which was stopped"
        region.objects.start()
        back = time.monotonic()
        until(lambda: region.database.sql(landed)[0][0] == "0", PACKED_SECONDS, "what landed is packed")
        self.rows.append(Row("… what landed meanwhile is in the object store", 0, time.monotonic() - back, time.monotonic() - back, 0, {}))
        assert any(file.name.partition("%2F")[2].startswith("o-") for file in region.objects.files("region")), "no large object in the object store"

    def cut_a_node_off(self, name: str) -> None:
        """From the database, while clients reach it: it must not show what is taken back on another node meanwhile."""
        region, errors = self.region, self.ingest.errors()
        other = region.directly(next(node for node in NODES if node != name))
        path = next(iter(self.ingest.files))
        study = path.split("/")[3]
        given = other.request("POST", "/api/shares", {"study": study, "to": "hospital-b"}, {"Content-Type": "application/json"}).expect(201).json()["id"]
        watchers = [Watcher(region, name, study, where, accept) for where, accept in (
            (f"/dicom-web/studies/{study}/metadata", DICOM_JSON), (path, DICOM_PART), (f"/dicom-web/studies?StudyInstanceUID={study}", DICOM_JSON))]
        for watcher in watchers:
            until(lambda watcher=watcher: watcher.answers and watcher.answers[-1].shown, 10, f"B sees {watcher.where} on {name}")
        fault = time.monotonic()
        region.cut(name)
        # whoever comes now: those before may have waited for their audit entry when the way was cut
        watchers += [Watcher(region, name, study, watcher.where, watcher.accept) for watcher in watchers]
        unready: list[float] = []
        asking = threading.Thread(target=lambda: unready.append(seconds_until(lambda: not ready(region, name), RECOVERY_SECONDS)))
        asking.start()
        other.request("DELETE", f"/api/shares/{given}").expect(204)
        taken_back = time.monotonic()
        self.tell(f"node {name} cut off from the database", fault, fault, errors)
        asking.join()
        # taking back may have waited for the lock of the node that was cut off
        sleep_until(max(fault + AWAY_SECONDS, taken_back + 4))
        assert not ready(region, name), f"{name} says that it is ready, and has no database"
        region.networks[name].heal()
        healed = time.monotonic()
        until(lambda: ready(region, name), RECOVERY_SECONDS, f"{name} is ready after its way is open again")
        self.rows.append(Row(f"… {name} itself, once the way is open", 0, time.monotonic() - healed, time.monotonic() - healed, 0, {}))
        until(lambda: all(watcher.answers[-1].sent > healed and watcher.answers[-1].status != 503 for watcher in watchers), RECOVERY_SECONDS, f"{name} answers readers again")
        newcomers = watchers[len(watchers) // 2 :]
        first = [watcher.answers[0] for watcher in newcomers]
        answers = [answer for watcher in watchers for answer in watcher.end()]
        during = [answer for answer in answers if fault < answer.sent < healed]
        self.leaks += [f"{name} showed {answer.where} {answer.sent - taken_back:.1f} s after it was taken back" for answer in answers if answer.shown and answer.sent > taken_back]
        assert all(answer.status == 503 for answer in first), f"{name} did not refuse those who came: {first}"
        self.cut_off.append({
            "readyz_503": unready[0], "asked": len(during), "refused_after": max(answer.came - answer.sent for answer in first),
            "slowest_answer": max(answer.came - answer.sent for answer in during), "shown_after_taken_back": sum(answer.shown and answer.sent > taken_back for answer in answers),
        })
        print(self.cut_off[-1], flush=True)

    def cut_a_node_off_amid_a_commit(self, name: str) -> None:
        """It holds the lock on the log, and does not come back to give it up."""
        region, errors = self.region, self.ingest.errors()
        long = threading.Thread(target=self.ingest.send_transaction, args=(region.directly(name), f"long-{len(self.rows)}", LONG))
        long.start()
        mine = f"select count(*) from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and granted and client_addr = '{region.networks[name].back}' " \
               "and application_name = 'lenticular write' and clock_timestamp() - xact_start > interval '150 ms'"
        until(lambda: region.database.sql(mine)[0][0] != "0", 30, f"{name} holds the lock for a while")
        fault = time.monotonic()
        region.cut(name)
        until(lambda: region.database.sql(mine)[0][0] == "0", LOCK_SECONDS, f"the lock of {name} is free")
        self.tell(f"node {name} cut off while it holds the lock", fault, time.monotonic(), errors)
        region.networks[name].heal()
        until(lambda: ready(region, name), RECOVERY_SECONDS, f"{name} is ready after its way is open again")
        long.join(120)
        assert not long.is_alive(), f"the transaction that was cut off was not acknowledged by {name}"


@dataclass
class Answered:
    where: str
    sent: float
    came: float
    # 0: none.
    status: int
    shown: bool


class Watcher:
    """Somebody at B who looks at one place of one node without a pause."""

    def __init__(self, region: Region, node: str, study: str, where: str, accept: str):
        self.client, self.study, self.where, self.accept = region.directly(node, "hospital-b"), study.encode(), where, accept
        self.answers: list[Answered] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self) -> None:
        while not self.over.is_set():
            sent = time.monotonic()
            try:
                answer = self.client.get(self.where, self.accept)
                status, shown = answer.status, answer.status == 200 and self.study in answer.body
            except OSError:
                self.client.close()
                status, shown = 0, False
            self.answers.append(Answered(self.where, sent, time.monotonic(), status, shown))
            time.sleep(0.05)

    def end(self) -> list[Answered]:
        self.over.set()
        self.thread.join(60)
        return self.answers


def until(condition, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


def seconds_until(condition, seconds: float) -> float:
    """How long until something is so; at most so long."""
    began = time.monotonic()
    while not condition() and time.monotonic() < began + seconds:
        time.sleep(0.05)
    return time.monotonic() - began


def sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def ready(region: Region, node: str) -> bool:
    try:
        return region.directly(node).get("/readyz").status == 200
    except OSError:
        return False
