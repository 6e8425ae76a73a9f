"""Both engines give byte-equal answers to the same recorded requests, more than 2,000 of them, over every door.

The network is written once, on SQLite and files, and moved to PostgreSQL and S3 by `lenticular migrate`, so that every id
and time is the same: what is read is compared as it is. Then both are written to in the same order, and what a server makes up
(ids, and the time of the writing) is masked; each mask is counted and printed. Requests are made by a generator with a fixed
seed; where answers differ, the request stands beside them.
"""

import shutil
import time
from io import BytesIO
from random import Random
from urllib.parse import urlencode

import pytest
from lenticular import ground
from lenticular.http import Client
from lenticular.server import Server, command
from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind, Verification

from . import app_reads, dicom_reads, fhir_reads
from .network import CT, DEVICES, SEED, image, load
from .play import Masks, Twins
from .requests import distinct
from .writes import writes

PUBLIC = {"LENTICULAR__HTTP__PUBLIC_URL": "http://twin.test"}
ROLES = [("hospital-a", "clinician"), ("hospital-a", "registrar"), ("hospital-a", "administrator"), ("hospital-a", "radiologist"), ("hospital-b", "clinician"), ("hospital-b", "radiologist"),
         ("hospital-b", "administrator"), ("reading-centre", "radiologist")]
PASSWORD = "long enough and secret"
MOST_REQUESTS = 2000


class Signed(Client):
    """A client with the cookie of a session, which the copy knows, too."""

    def __init__(self, server, cookie: str):
        super().__init__(server, None)
        self.cookie = cookie

    def headers(self) -> dict:
        return {"Cookie": self.cookie}


def sign_in(server, login: str) -> str:
    """The cookie of a new session."""
    form = urlencode({"login": login, "password": PASSWORD, "next": "/"})
    answer = server.nobody().request("POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"}).expect(303)
    return answer.header("set-cookie").split(";")[0]


@pytest.fixture(scope="module")
def twins(folder):
    """A server on SQLite and files, and its copy on PostgreSQL and S3, both running."""
    left, right = Server(folder / "embedded", **PUBLIC), Server(folder / "postgres", **PUBLIC)
    ground.put(left.data, {})
    masks = Masks()
    left.start()
    load(left)
    patient = {"login": "pat.p4", "name": "Pat", "role": "patient", "patient": "p4", "password": PASSWORD}
    left.client("hospital-a", "administrator").request("POST", "/api/users", patient, {"Content-Type": "application/json"}).expect(201)
    tokens = {f"{member} {role}": left.token(member, role, "--user", f"{role}.{member[-1]}") for member, role in ROLES}
    cookie = sign_in(left, "pat.p4")
    assert left.stop() == 0, left.log()
    copy(left, right)
    left.start()
    right.start()
    clients = {who: (Client(left, token), Client(right, token)) for who, token in tokens.items()}
    clients["nobody"] = (left.nobody(), right.nobody())
    clients["hospital-a patient"] = (Signed(left, cookie), Signed(right, cookie))
    yield Twins(left, right, clients, masks)
    for server in (left, right):
        assert server.stop() == 0, server.log()


def copy(left, right) -> None:
    """Moves a copy of the folder to PostgreSQL and the object store; the folder itself stays as it is. Of the copy nothing is left but
    an empty folder, so that what the right side answers comes out of the database and the object store."""
    name = ground.name_of(right.data)
    url, objects = ground.cluster().database(name), ground.objects().settings(name)
    shutil.copytree(left.data, right.data)
    ground.put(right.data, {})
    blobs = {key: value for key, value in objects.items() if key != "LENTICULAR__BLOBS__URL"}
    done = command("migrate", "--data", right.data, "--to", url, "--blobs", objects["LENTICULAR__BLOBS__URL"], timeout=600, **blobs)
    assert done.code == 0, f"migrate ended with {done.code}: {done.out[-500:]} {done.err[-500:]}"
    shutil.rmtree(right.data)
    right.data.mkdir()
    ground.put(right.data, {"LENTICULAR__STORE__URL": url, **objects})


def parameters(client) -> dict:
    """The search parameters of each type with their kinds."""
    resources = client.fhir("GET", "metadata").expect(200).json()["rest"][0]["resource"]
    return {one["type"]: {param["name"]: param["type"] for param in one["searchParam"]} for one in resources}


def settle(twins, requests, what: str):
    """Plays them all, then says which differ."""
    before, began = twins.played, time.monotonic()
    twins.differences.clear()
    for request in requests:
        twins.play(request)
    print(f"{what}: {len(requests)} requests, {twins.played - before} answers compared in {time.monotonic() - began:.0f} s; statuses so far {dict(sorted(twins.statuses.items()))}")
    found = list(twins.differences)
    assert not found, f"{len(found)} of {len(requests)} {what} differ:\n" + "\n".join(found[:25])


@pytest.fixture(scope="module")
def recorded(twins):
    """Every request by its kind, none twice."""
    a = twins.clients["hospital-a clinician"][0]
    waiting = [one["id"] for one in a.get("/api/conflicts").expect(200).json()["conflicts"]]
    return {"FHIR reads": distinct(fhir_reads.reads(parameters(a))), "DICOMweb reads": distinct(dicom_reads.reads()), "reads of the app": distinct(app_reads.reads(waiting)), "writes": writes()}


def test_there_are_enough_of_all_kinds(recorded):
    counts = {what: len(requests) for what, requests in recorded.items()}
    assert sum(len(distinct(requests)) for requests in recorded.values()) >= MOST_REQUESTS, counts
    assert all(count >= 150 for count in counts.values()), counts
    print(counts)


@pytest.mark.parametrize("what", ["FHIR reads", "DICOMweb reads", "reads of the app"])
def test_reads_are_equal(twins, recorded, what):
    twins.masks.times = False
    settle(twins, recorded[what], what)


def test_both_wrote_down_the_same_accesses(twins):
    """The audit log of all reads so far, entry by entry: who, what, with which outcome."""
    twins.masks.times = True
    requests = [fhir_reads.fhir(who, "GET", path, pages=40) for who in ("hospital-a clinician", "hospital-b clinician", "hospital-a administrator") for path in ("AuditEvent?_count=200", "AuditEvent?patient=p7&_count=100", "AuditEvent?entity-type=Study&_count=100", "AuditEvent?outcome=4&_count=100")]
    settle(twins, requests, "pages of the audit log")


def test_writes_and_what_they_leave_are_equal(twins, recorded):
    twins.masks.times = True
    settle(twins, recorded["writes"], "writes")


def dimse(server, title: str) -> list:
    """What a device sees: who is let in, which contexts, which statuses."""
    seen = []
    ae = AE(title)
    for abstract in (Verification, CT, StudyRootQueryRetrieveInformationModelFind):
        ae.add_requested_context(abstract, ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
    association = ae.associate("127.0.0.1", server.dimse_port, ae_title="LENTICULAR")
    if not association.is_established:
        return [("rejected", association.is_rejected, str(association.acceptor.primitive.result if association.acceptor.primitive else None))]
    seen += sorted((str(one.abstract_syntax), [str(syntax) for syntax in one.transfer_syntax]) for one in association.accepted_contexts)
    seen += sorted((str(one.abstract_syntax), one.result) for one in association.rejected_contexts)
    seen.append(("echo", association.send_c_echo().get("Status")))
    number = 400 + sorted([*DEVICES.values(), "STRANGER"]).index(title) * 10
    for study, more in ((number, {}), (number, {}), (number, {"StudyDate": "20200101"}), (number + 1, {"PatientName": "Other^O"}), (number + 2, {"PatientID": "x" * 70})):
        one = image(study, 1, 1, "CT", Random(SEED), **{"PatientID": f"D{title}", "PatientName": "Dimse^D", "StudyDate": "20260201", **more})
        status = association.send_c_store(dcmread(BytesIO(one.data)))
        seen.append(("store", study, status.get("Status"), str(status.get("ErrorComment", ""))))
    association.release()
    return seen


@pytest.mark.parametrize("title", [*DEVICES.values(), "STRANGER"])
def test_devices_see_the_same(twins, title):
    assert dimse(twins.left, title) == dimse(twins.right, title)


def test_what_devices_stored_is_equal(twins):
    requests = [dicom_reads.get(who, path, dicom_reads.DICOM_JSON) for who in ("hospital-a clinician", "hospital-b clinician", "reading-centre radiologist") for path in ("/dicom-web/studies?StudyDate=20260201&includefield=all", "/dicom-web/instances?StudyDate=20260201", "/dicom-web/studies")]
    requests += [fhir_reads.fhir(who, "GET", "ImagingStudy?_sort=-_lastUpdated&_count=10") for who in ("hospital-a clinician", "hospital-b clinician", "reading-centre radiologist")]
    settle(twins, requests, "reads behind C-STORE")


def test_verify_finds_both_as_they_should_be(twins):
    for server in (twins.left, twins.right):
        done = server.run("verify", timeout=300)
        assert done.code == 0, f"{server.data.name}: {done.out[-800:]} {done.err[-400:]}"


def test_the_masks_are_those_and_no_others(twins):
    print("\nmasked:")
    for name, count in sorted(twins.masks.counts.items()):
        print(f"  {count:6} {name}")
    assert set(twins.masks.counts) <= {"the time at which the capability statement was asked for", "the boundary of a multipart answer", "the end of a session or link that began in the tests", "the time at which a search began, in its next link", "the cursor of the audit log, in its next link", "a time at which the server wrote", "an id that the server made"}
