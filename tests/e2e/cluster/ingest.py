"""Clients that never give up: each sends one thing until it is acknowledged, and keeps what was."""

import json
import random
import threading
import time
from io import BytesIO

from lenticular.dicom import cleared, dataset_bytes, sha256, stow
from lenticular.images import fresh_slice, square
from pydicom import dcmread
from pynetdicom import AE, _config

# What says: try again. Anything else is a client's own mistake, and none of these makes one.
RETRIED = {502, 503, 504}
STORE_RETRIED = {0xA700, None}
ENTRIES = 4
# Between one thing and the next: what counts is that there is always one under way, not how many.
PAUSE_SECONDS = 0.1


class Ingest:
    """Mixed ingest through the proxy, until it is told to stop."""

    def __init__(self, region):
        self.region = region
        self.lock = threading.Lock()
        self.over = threading.Event()
        # What was acknowledged: a path, and the body or digest that belongs there.
        self.resources: dict[str, dict] = {}
        self.files: dict[str, str] = {}
        self.data_sets: dict[str, str] = {}
        # When each kind was acknowledged.
        self.times: dict[str, list[float]] = {"create": [], "transaction": [], "stow": [], "c-store": []}
        self.refused: dict[str, int] = {}
        self.wrong: list[str] = []
        self.threads = [threading.Thread(target=self.work, args=(one, number)) for number, one in enumerate((self.create, self.transact, self.transact, self.store, self.scan))]

    def start(self) -> "Ingest":
        for thread in self.threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Each sends its last thing to the end."""
        self.over.set()
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive(), "a client was left without an answer for two minutes"

    def work(self, send, number: int) -> None:
        pick = random.Random(number)
        while not self.over.is_set():
            send(self.region.clients(), pick)
            time.sleep(PAUSE_SECONDS)

    def said(self, kind: str, keep: dict, key: str, value) -> None:
        with self.lock:
            keep[key] = value
            self.times[kind].append(time.monotonic())

    def again(self, why: str) -> None:
        """Notes that something was not acknowledged, and waits for a moment as clients do."""
        with self.lock:
            self.refused[why] = self.refused.get(why, 0) + 1
        time.sleep(0.05)

    def counts(self) -> dict[str, int]:
        """What was acknowledged, by kind: resources, and objects by both ways."""
        with self.lock:
            return {"resources": len(self.resources), "stow": len(self.files), "c-store": len(self.data_sets), **{f"requests: {kind}": len(times) for kind, times in self.times.items()}}

    def errors(self) -> dict[str, int]:
        with self.lock:
            return dict(self.refused)

    def create(self, client, pick) -> None:
        """The server gives the id: what was not acknowledged may be there or not, so that it is not sent again."""
        body = {"resourceType": "Observation", "status": "final", "code": {"text": f"{pick.getrandbits(64):016x}"}}
        try:
            answer = client.fhir("POST", "Observation", body)
        except OSError as error:
            client.close()
            return self.again(f"create: {type(error).__name__}")
        if answer.status == 201:
            return self.said("create", self.resources, f"Observation/{answer.json()['id']}", body)
        if answer.status not in RETRIED:
            self.wrong.append(f"a creation was answered {answer.status}: {answer.body[:200]!r}")
        self.again(f"create: {answer.status}")

    def transact(self, client, pick) -> None:
        mark = f"{pick.getrandbits(64):016x}"
        self.send_transaction(client, mark, ENTRIES)

    def send_transaction(self, client, mark: str, count: int) -> None:
        """One transaction with ids of ours, sent until it is acknowledged: sent twice, it changes nothing the second time."""
        resources = [{"resourceType": "Basic", "id": f"t-{mark}-{n}", "code": {"text": mark}, "identifier": [{"system": "urn:tx", "value": mark}]} for n in range(count)]
        entries = [{"resource": one, "request": {"method": "PUT", "url": f"Basic/{one['id']}"}} for one in resources]
        body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
        for _ in range(4000):
            try:
                answer = client.fhir("POST", "", body)
            except OSError as error:
                client.close()
                self.again(f"transaction: {type(error).__name__}")
                continue
            if answer.status == 200:
                with self.lock:
                    self.times["transaction"].append(time.monotonic())
                    self.resources.update({f"Basic/{one['id']}": one for one in resources})
                return
            if answer.status not in RETRIED:
                self.wrong.append(f"a transaction was answered {answer.status}: {answer.body[:200]!r}")
                return
            self.again(f"transaction: {answer.status}")

    def store(self, client, pick) -> None:
        self.send_file(client, *fresh_slice())

    def send_file(self, client, data: bytes, path: str) -> None:
        """One object by STOW-RS, sent until it is acknowledged."""
        for _ in range(4000):
            try:
                answer = stow(client, [data])
            except OSError as error:
                client.close()
                self.again(f"stow: {type(error).__name__}")
                continue
            if answer.status == 200:
                return self.said("stow", self.files, path, sha256(cleared(data)))
            if answer.status not in RETRIED:
                self.wrong.append(f"STOW-RS was answered {answer.status}: {answer.body[:600]!r}")
                return
            self.again(f"stow: {answer.status}")

    def scan(self, client, pick) -> None:
        """C-STORE of a few small objects over one association; a new one where it breaks."""
        _config.STORE_SEND_CHUNKED_DATASET = False
        waiting = [square(32) for _ in range(5)]
        for _ in range(4000):
            ae = AE("SCANNER1")
            ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 30
            ae.add_requested_context("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1")
            association = ae.associate(self.region.edge.front, 11112, ae_title="LENTICULAR")
            while waiting and association.is_established:
                data, path = waiting[0]
                try:
                    status = association.send_c_store(dcmread(BytesIO(data))).get("Status")
                except (RuntimeError, ValueError):
                    break
                if status != 0:
                    if status not in STORE_RETRIED:
                        self.wrong.append(f"C-STORE was answered {status:04X}")
                    self.again(f"c-store: {status:04X}" if status is not None else "c-store: no answer")
                    break
                self.said("c-store", self.data_sets, path, sha256(dataset_bytes(data)))
                waiting.pop(0)
                time.sleep(PAUSE_SECONDS)
            if association.is_established:
                association.release()
            if not waiting:
                return
            self.again("c-store: association")

    def silence(self, since: float, until: float) -> float:
        """The longest time without any acknowledgement between two moments."""
        with self.lock:
            times = sorted(moment for some in self.times.values() for moment in some if since <= moment <= until)
        points = [since, *times, until]
        return max(later - earlier for earlier, later in zip(points, points[1:]))

    def first_after(self, moment: float) -> dict[str, float]:
        """For each kind, the seconds from a moment to its first acknowledgement; absent where there was none."""
        with self.lock:
            found = {kind: next((time_ - moment for time_ in times if time_ > moment), None) for kind, times in self.times.items()}
        return {kind: seconds for kind, seconds in found.items() if seconds is not None}
