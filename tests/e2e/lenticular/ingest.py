"""Mixed ingest from outside, in a process of its own: `python -m lenticular.ingest HTTP DIMSE TITLE FOLDER`, with the token in `TOKEN`.

FHIR creates, reads, transactions, updates and deletions, STOW-RS and C-STORE, all at the same time, until it is killed. Each
acknowledgement is one line of JSON on standard output, written after the answer came; what could be half there is named before it is tried.
"""

import itertools
import json
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from pynetdicom import AE, _config

from .dicom import DICOM_PART, cleared, dataset_bytes, multipart, sha256, stow
from .http import Client
from .images import fresh_slice

ENTRIES = 12
UPDATES = 10
CT_IMAGE, EXPLICIT_LE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
_printing = threading.Lock()


def say(kind: str, key: str, value=None) -> None:
    with _printing:
        sys.stdout.write(json.dumps([kind, key, value]) + "\n")
        sys.stdout.flush()


# What the clients do, over and over.


def create(client: Client) -> None:
    body = {"resourceType": "Observation", "status": "final", "code": {"text": os.urandom(8).hex()}}
    answer = client.fhir("POST", "Observation", body)
    if answer.status == 201:
        key = f"Observation/{answer.json()['id']}"
        say("created", key, sha256(answer.body))
        # A read is acknowledged, too: its audit entry is on disk before it is answered.
        if client.fhir("GET", key).status == 200:
            say("read", key)


def transact(client: Client) -> None:
    mark = os.urandom(8).hex()
    say("transacting", mark)
    resource = {"resourceType": "Basic", "code": {"text": "x"}, "identifier": [{"system": "urn:tx", "value": mark}]}
    entry = {"request": {"method": "POST", "url": "Basic"}, "resource": resource}
    if client.fhir("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry] * ENTRIES}).status == 200:
        say("transacted", mark)


def change(client: Client) -> None:
    """One resource, counted up by updates and deleted."""
    resource = client.create({"resourceType": "Basic", "code": {"text": "0"}})
    key = f"Basic/{resource['id']}"
    for number in range(1, UPDATES + 1):
        resource["code"]["text"] = str(number)
        say("updating", key, number)
        if client.fhir("PUT", key, resource).status == 200:
            say("updated", key, number)
    say("deleting", key)
    if client.fhir("DELETE", key).status in (200, 204):
        say("deleted", key)


def store(client: Client) -> None:
    data, path = fresh_slice()
    if stow(client, [data]).status == 200:
        say("stowed", path, sha256(cleared(data)))


def scan(address: str, title: str, folder: Path) -> None:
    """C-STORE over one association, for as long as it lasts."""
    _config.STORE_SEND_CHUNKED_DATASET = True
    host, port = address.rsplit(":", 1)
    ae = AE(title)
    ae.add_requested_context(CT_IMAGE, EXPLICIT_LE)
    association = ae.associate(host, int(port), ae_title="LENTICULAR")
    file = folder / f"scan-{threading.get_ident()}.dcm"
    while association.is_established:
        data, path = fresh_slice()
        file.write_bytes(data)
        if association.send_c_store(file).get("Status") == 0:
            say("scanned", path, sha256(dataset_bytes(data)))


def forever(work, *args) -> None:
    while True:
        try:
            work(*args)
        except (OSError, AssertionError, RuntimeError, ValueError) as error:
            print(f"{work.__name__}: {error!r}", file=sys.stderr)
            time.sleep(0.1)


@dataclass
class Address:
    http: str


def main(http: str, dimse: str, title: str, folder: str) -> None:
    client = Client(Address(http), os.environ["TOKEN"])
    works = [(create, client), (create, client), (transact, client), (change, client), (store, client), (store, client)]
    works += [(scan, dimse, title, Path(folder))] * 2
    for work, *args in works:
        threading.Thread(target=forever, args=(work, *args), daemon=True).start()
    threading.Event().wait()


# What was said yes to, and whether it is there.


@dataclass
class Acknowledged:
    """What one run of the clients said."""

    created: dict[str, str] = field(default_factory=dict)
    read: dict[str, None] = field(default_factory=dict)
    stowed: dict[str, str] = field(default_factory=dict)
    scanned: dict[str, str] = field(default_factory=dict)
    updated: dict[str, int] = field(default_factory=dict)
    updating: dict[str, int] = field(default_factory=dict)
    deleted: dict[str, None] = field(default_factory=dict)
    deleting: dict[str, None] = field(default_factory=dict)
    transacted: dict[str, None] = field(default_factory=dict)
    transacting: dict[str, None] = field(default_factory=dict)
    count: int = 0

    def hear(self, line: str) -> None:
        kind, key, value = json.loads(line)
        getattr(self, kind)[key] = value
        self.count += not kind.endswith("ing")

    def by_every_way(self) -> bool:
        return all((self.created, self.stowed, self.scanned, self.updated, self.transacted))

    def summary(self) -> dict[str, int]:
        changes = sum(self.updated.values()) + len(self.deleted)
        ways = {"created": self.created, "read": self.read, "transacted": self.transacted, "stowed": self.stowed, "scanned": self.scanned}
        return {**{name: len(keys) for name, keys in ways.items()}, "updated or deleted": changes}

    def losses(self, client: Client) -> list[str]:
        """What is not as it was acknowledged, and what is half there."""
        return list(itertools.chain(self._resources(client), self._transactions(client), self._images(client)))

    def _resources(self, client):
        for key, digest in self.created.items():
            answer = client.fhir("GET", key)
            if answer.status != 200 or sha256(answer.body) != digest:
                yield f"{key} was created and answers {answer.status}"
        for key, tried in self.updating.items():
            least = self.updated.get(key, 0)
            answer = client.fhir("GET", key)
            if key in self.deleted or (key in self.deleting and answer.status == 410):
                if answer.status != 410:
                    yield f"{key} was deleted and answers {answer.status}"
            elif answer.status != 200:
                yield f"{key} was updated to {least} and answers {answer.status}"
            elif not least <= int(answer.json()["code"]["text"]) <= tried:
                yield f"{key} was updated to {least}, {tried} was tried, and it says {answer.json()['code']['text']}"

    def _transactions(self, client):
        for mark in self.transacting:
            answer = client.fhir("GET", f"Basic?identifier=urn:tx|{mark}&_summary=count")
            count = answer.json()["total"] if answer.status == 200 else f"answer {answer.status} instead"
            if count != ENTRIES and (mark in self.transacted or count != 0):
                yield f"transaction {mark} ({'acknowledged' if mark in self.transacted else 'cut off'}) has {count} of {ENTRIES}"

    def _images(self, client):
        for whole, digests in ((cleared, self.stowed), (dataset_bytes, self.scanned)):
            for path, digest in digests.items():
                answer = client.get(path, DICOM_PART)
                if answer.status != 200:
                    yield f"{path} was stored and answers {answer.status}"
                elif sha256(whole(multipart.parts(answer)[0].body)) != digest:
                    yield f"{path} came back changed"
                study = path.split("/")[3]
                answer = client.fhir("GET", f"ImagingStudy?identifier=urn:oid:{study}&_summary=count")
                if answer.status != 200 or answer.json()["total"] != 1:
                    yield f"{study} is no ImagingStudy"


if __name__ == "__main__":
    main(*sys.argv[1:])
