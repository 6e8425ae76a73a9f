"""Clients that never give up: each sends one thing until it is acknowledged, and keeps what was."""

import json
import random
import threading
import time
from io import BytesIO

from lenticular.dicom import cleared, dataset_bytes, sha256, stow
from lenticular.images import fresh_slice
from pydicom import dcmread
from pynetdicom import AE, _config

RETRIED = {500, 502, 503, 504, 507}
ENTRIES = 4


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
        self.times: dict[str, list[float]] = {"transaction": [], "stow": [], "c-store": []}
        self.refused: dict[str, int] = {}
        self.wrong: list[str] = []
        self.threads = [threading.Thread(target=self.work, args=(one, number)) for number, one in enumerate((self.transact, self.transact, self.store, self.scan))]

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

    def said(self, kind: str, keep: dict, key: str, value) -> None:
        with self.lock:
            keep[key] = value
            self.times[kind].append(time.monotonic())

    def again(self, why: str) -> None:
        """Notes that something was not acknowledged, and waits for a moment as clients do."""
        with self.lock:
            self.refused[why] = self.refused.get(why, 0) + 1
        time.sleep(0.05)

    def transact(self, client, pick) -> None:
        mark = f"{pick.getrandbits(64):016x}"
        resources = [{"resourceType": "Basic", "id": f"t-{mark}-{n}", "code": {"text": mark}, "identifier": [{"system": "urn:tx", "value": mark}]} for n in range(ENTRIES)]
        entries = [{"resource": one, "request": {"method": "PUT", "url": f"Basic/{one['id']}"}} for one in resources]
        body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
        for _ in range(4000):
            try:
                status = client.fhir("POST", "", body).status
            except OSError as error:
                client.close()
                self.again(f"transaction: {type(error).__name__}")
                continue
            if status == 200:
                with self.lock:
                    self.times["transaction"].append(time.monotonic())
                    self.resources.update({f"Basic/{one['id']}": one for one in resources})
                return
            if status not in RETRIED:
                self.wrong.append(f"a transaction was answered {status}")
                return
            self.again(f"transaction: {status}")

    def store(self, client, pick) -> None:
        data, path = fresh_slice()
        for _ in range(4000):
            try:
                answer = stow(client, [data])
            except OSError as error:
                client.close()
                self.again(f"stow: {type(error).__name__}")
                continue
            if answer.status == 200:
                return self.said("stow", self.files, path, sha256(cleared(data)))
            if answer.status not in RETRIED | {409}:
                self.wrong.append(f"STOW-RS was answered {answer.status}: {answer.body[:200]!r}")
                return
            self.again(f"stow: {answer.status}")

    def scan(self, client, pick) -> None:
        """C-STORE of a few small objects over one association; a new one where it breaks."""
        _config.STORE_SEND_CHUNKED_DATASET = False
        waiting = [small() for _ in range(5)]
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
                    self.again(f"c-store: {status:04X}" if status is not None else "c-store: no answer")
                    break
                self.said("c-store", self.data_sets, path, sha256(dataset_bytes(data)))
                waiting.pop(0)
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


def small() -> tuple[bytes, str]:
    """A slice under new UIDs, of 32 by 32 pixels."""
    data, path = fresh_slice()
    dataset = dcmread(BytesIO(data))
    dataset.Rows = dataset.Columns = 32
    dataset.PixelData = bytes(dataset.PixelData)[:2048]
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue(), path
