"""Sharing between two hospitals: between giving and taking back B sees exactly what was shared; before and after, by every URL,
byte for byte what an unknown id answers."""

from datetime import datetime, timedelta, timezone
from io import BytesIO

import pytest
from lenticular.dicom import DICOM_JSON, DICOM_PART, FRAME_PART, EXPLICIT_LE, first, instance, stow
from lenticular.http import FHIR_JSON, Client
from lenticular.inputs import ct
from pydicom import dcmread

PATIENT_ID = "share-patient-00000000000001"
OTHER_PATIENT_ID = "share-patient-00000000000002"


def like(name: str) -> str:
    """An id or UID of the same length that nobody knows."""
    if name.replace(".", "").isdigit():
        return "9." + ("8" * (len(name) - 2))
    return "z" * len(name)


def file_of(dataset) -> bytes:
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


class Things:
    """What hospital A has: a shared study, another study of the same patient, a study of somebody else, and a record."""

    def __init__(self, a):
        one = instance(ct()[0])
        self.one = one
        dataset = dcmread(one.path)
        a.fhir("PUT", f"Patient/{PATIENT_ID}", patient(PATIENT_ID, one.patient)).expect(201)
        a.fhir("PUT", f"Patient/{OTHER_PATIENT_ID}", patient(OTHER_PATIENT_ID, "OTHER")).expect(201)
        stow(a, [instance(file).bytes() for file in ct()[:3]]).expect(200)
        self.study = one.study
        self.second = self._another(a, dataset, one.patient, "2.25.11111111111111111111111111111111111")
        self.foreign = self._another(a, dataset, "OTHER", "2.25.22222222222222222222222222222222222")
        self.record = [
            a.create({"resourceType": "Condition", "subject": {"reference": f"Patient/{PATIENT_ID}"}, "code": {"text": "cough"}}),
            a.create({"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": {"reference": f"Patient/{PATIENT_ID}"}}),
        ]
        self.other_record = a.create({"resourceType": "Condition", "subject": {"reference": f"Patient/{OTHER_PATIENT_ID}"}, "code": {"text": "gout"}})
        found = a.search(f"ImagingStudy?identifier=urn:oid:{self.study}")["entry"]
        self.imaging = found[0]["resource"]["id"]
        self.patient = found[0]["resource"]["subject"]["reference"].split("/")[1]

    def _another(self, a, dataset, patient_id: str, uid: str) -> str:
        dataset.PatientID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = patient_id, uid, uid + ".1"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid + ".2"
        stow(a, [file_of(dataset)]).expect(200)
        return uid


def patient(ident: str, number: str) -> dict:
    """The Patient that the images of this PatientID belong to."""
    return {"resourceType": "Patient", "id": ident, "name": [{"family": "Shared"}],
            "identifier": [{"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}, "value": number}]}


@pytest.fixture(scope="module")
def things(a):
    return Things(a)


def urls(things) -> list[tuple[str, str, str, list[str]]]:
    """Every way to ask for A's things: method, path, Accept, and the names in it."""
    one, study = things.one, things.study
    instance_, series = one.url, f"/dicom-web/studies/{study}/series/{one.series}"
    uids = [study, one.series, one.sop]
    condition, observation = (r["id"] for r in things.record)
    p = things.patient
    asked = [("GET", path, accept, uids) for path, accept in [
        (f"/dicom-web/studies/{study}", DICOM_PART), (f"/dicom-web/studies/{study}", 'multipart/related; type="application/dicom"'),
        (f"/dicom-web/studies/{study}/metadata", DICOM_JSON), (f"/dicom-web/studies/{study}/rendered", "image/jpeg"),
        (f"/dicom-web/studies/{study}/thumbnail", "image/jpeg"), (f"/dicom-web/studies/{study}/series", DICOM_JSON),
        (f"/dicom-web/studies/{study}/instances", DICOM_JSON), (series, DICOM_PART), (f"{series}/metadata", DICOM_JSON),
        (f"{series}/rendered", "image/png"), (f"{series}/thumbnail", "image/jpeg"), (f"{series}/instances", DICOM_JSON),
        (instance_, DICOM_PART), (f"{instance_}/metadata", DICOM_JSON), (f"{instance_}/frames/1", FRAME_PART + "*"),
        (f"{instance_}/frames/1", FRAME_PART + EXPLICIT_LE), (f"{instance_}/frames/1/rendered", "image/jpeg"), (f"{instance_}/rendered", "image/png"),
        (f"{instance_}/thumbnail", "image/jpeg"), (f"{instance_}/frames/1/thumbnail", "image/jpeg"), (f"{instance_}/bulkdata/7FE00010", "application/octet-stream"),
        (f"/dicom-web/studies?StudyInstanceUID={study}", DICOM_JSON), (f"/dicom-web/series?SeriesInstanceUID={one.series}", DICOM_JSON),
        (f"/dicom-web/instances?SOPInstanceUID={one.sop}", DICOM_JSON), (f"/dicom-web/studies/{study}/series?SeriesInstanceUID={one.series}", DICOM_JSON),
    ]]
    asked.append(("GET", f"/dicom-web/studies?PatientID={one.patient}", DICOM_JSON, [one.patient]))
    for kind, ident in (("Patient", p), ("ImagingStudy", things.imaging), ("Condition", condition), ("Observation", observation)):
        for path in (f"{kind}/{ident}", f"{kind}/{ident}/_history", f"{kind}/{ident}/_history/1", f"{kind}?_id={ident}",
                     f"{kind}?_id={ident}&_summary=count", f"{kind}?_id={ident}&_total=accurate"):
            asked.append(("GET", f"/fhir/{path}", FHIR_JSON, [ident]))
    for path in (f"Condition?patient={p}", f"Condition?subject=Patient/{p}", f"Observation?patient={p}&_total=accurate", f"ImagingStudy?patient={p}",
                 f"ImagingStudy?subject:Patient={p}", f"Patient?_id={p}&_revinclude=Condition:subject", f"Condition?patient={p}&_include=Condition:subject",
                 f"Observation?patient={p}&_summary=count"):
        asked.append(("GET", f"/fhir/{path}", FHIR_JSON, [p]))
    asked.append(("GET", f"/fhir/ImagingStudy?identifier=urn:oid:{study}", FHIR_JSON, [study]))
    asked += [("PUT", f"/fhir/Condition/{condition}", FHIR_JSON, [condition]), ("DELETE", f"/fhir/Condition/{condition}", FHIR_JSON, [condition])]
    return asked


def ask(client, method: str, path: str, accept: str):
    headers = {"Accept": accept}
    if method == "PUT":
        # What is sent is wrong on purpose (another id in the body): it must not tell whether the row is there.
        headers["Content-Type"] = FHIR_JSON
        return client.request(method, path, {"resourceType": "Condition", "id": "another"}, headers)
    if method == "DELETE":
        headers["If-Match"] = 'W/"77"'
    return client.request(method, path, headers=headers)


def assert_unknown(client, things, who: str):
    """Every answer about A's things is that about unknown ones, but for the name that was asked for."""
    told = []
    for method, path, accept, names in urls(things):
        strange = path
        for name in names:
            strange = strange.replace(name, like(name))
        real, unknown = ask(client, method, path, accept), ask(client, method, strange, accept)
        expected = unknown.without_date()
        got = real.without_date()
        for name in names:
            # A self link repeats the question, and no more than the question.
            got = (got[0], [(k, v.replace(name, like(name))) for k, v in got[1]], got[2].replace(name.encode(), like(name).encode()))
        if scrub(got) != scrub(expected):
            told.append(f"{method} {path} ({accept}):\n   got {got[0]} {got[1]} {got[2][:200]!r}\n   unknown {expected[0]} {expected[1]} {expected[2][:200]!r}")
    assert not told, f"{who} can tell A's things from unknown ones by {len(told)} of {len(urls(things))} URLs:\n" + "\n".join(told[:10])


def scrub(answer: tuple) -> tuple:
    """Without what differs between any two answers to one question: the time and the id of a searchset."""
    import re

    status, headers, body = answer
    body = re.sub(rb'"(lastUpdated|id)":"[^"]*"', rb'"\1":""', body) if b'"searchset"' in body or b'"history"' in body else body
    return status, headers, body


def share(a, **what):
    return a.request("POST", "/api/shares", what, {"Content-Type": "application/json"})


def take_back(a, ident: str) -> None:
    a.request("DELETE", f"/api/shares/{ident}").expect(200, 204)


def studies(client) -> set[str]:
    answer = client.get("/dicom-web/studies", DICOM_JSON)
    return {first(item, "0020000D") for item in answer.json()} if answer.status == 200 else set()


def test_a_has_what_the_test_needs(things, a):
    assert studies(a) == {things.study, things.second, things.foreign}
    for method, path, accept, _ in urls(things):
        if method == "GET":
            assert ask(a, method, path, accept).status == 200, f"A itself cannot {method} {path}"


def test_before_the_share_b_cannot_tell_it_from_nothing(things, b):
    assert_unknown(b, things, "before the share, B")
    assert studies(b) == set()


def test_a_study_shared_is_the_study_and_nothing_else_until_it_is_taken_back(things, a, b):
    given = share(a, study=things.study, to="hospital-b").expect(201)
    ident = given.json()["id"]
    try:
        assert studies(b) == {things.study}, "B sees exactly the shared study at once"
        one = things.one
        for path, accept in ((one.url, DICOM_PART), (f"{one.url}/frames/1", FRAME_PART + "*"), (f"{one.url}/rendered", "image/jpeg"),
                             (f"/dicom-web/studies/{one.study}/series/{one.series}/metadata", DICOM_JSON)):
            mine, theirs = a.get(path, accept).expect(200), b.get(path, accept)
            assert theirs.status == 200, f"shared, but B's GET {path} answers {theirs.status}"
            if "multipart" not in accept:
                assert theirs.body == mine.body, f"{path} differs between A and B"
        assert b.ids("ImagingStudy") == {things.imaging}
        imaging = b.fhir("GET", f"ImagingStudy/{things.imaging}").expect(200).json()
        assert b.ids("Patient") <= {things.patient}
        b.fhir("GET", imaging["subject"]["reference"]).expect(200)
        assert b.ids("Condition") == set() and b.ids("Observation") == set(), "a study is no record"
        b.fhir("GET", f"Condition/{things.record[0]['id']}").expect(404)
        b.get(f"/dicom-web/studies/{things.second}/metadata", DICOM_JSON).expect(404)
        included = b.search("ImagingStudy?_include=ImagingStudy:subject&_include=ImagingStudy:endpoint")
        kinds = {e["resource"]["resourceType"] for e in included["entry"]}
        assert kinds <= {"ImagingStudy", "Patient", "Endpoint"}, f"an _include let {kinds} through"
        b.fhir("PUT", f"ImagingStudy/{things.imaging}", imaging).expect(403, 404, 405)
        b.fhir("DELETE", f"ImagingStudy/{things.imaging}").expect(403, 404, 405)
        assert share(b, study=things.study, to="hospital-a").status in (403, 404), "B gave away what is A's"
    finally:
        take_back(a, ident)
    assert studies(b) == set(), "after it was taken back B still sees the study"
    assert_unknown(b, things, "after the study was taken back, B")


def test_a_patient_shared_is_the_whole_record_and_nobody_elses(things, a, b):
    ident = share(a, patient=things.patient, to="hospital-b").expect(201).json()["id"]
    try:
        assert studies(b) == {things.study, things.second}
        assert b.ids("Patient") == {things.patient}
        assert b.ids("Condition") == {things.record[0]["id"]} and b.ids("Observation") == {things.record[1]["id"]}
        assert b.ids(f"Condition?patient={things.patient}") == {things.record[0]["id"]}
        got = b.fhir("GET", f"Condition/{things.record[0]['id']}").expect(200)
        assert got.body == a.fhir("GET", f"Condition/{things.record[0]['id']}").expect(200).body
        b.fhir("GET", f"Condition/{things.other_record['id']}").expect(404)
        b.fhir("GET", f"Patient/{OTHER_PATIENT_ID}").expect(404)
        b.get(f"/dicom-web/studies/{things.foreign}/metadata", DICOM_JSON).expect(404)
        seen = {e["resource"]["id"] for e in b.search("Patient/_history?_count=100").get("entry", []) if "resource" in e}
        assert OTHER_PATIENT_ID not in seen, "the history of a type shows somebody who was not shared"
        new = a.create({"resourceType": "Condition", "subject": {"reference": f"Patient/{things.patient}"}, "code": {"text": "new"}})
        b.fhir("GET", f"Condition/{new['id']}").expect(200)
    finally:
        take_back(a, ident)
    assert_unknown(b, things, "after the patient was taken back, B")


def test_a_share_ends_by_itself(things, a, b):
    soon = (datetime.now(timezone.utc) + timedelta(seconds=2)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    share(a, study=things.study, to="hospital-b", expires=soon).expect(201)
    deadline = datetime.now(timezone.utc) + timedelta(seconds=20)
    while studies(b):
        assert datetime.now(timezone.utc) < deadline, "a share that expired after two seconds is still open after twenty"
    assert datetime.now(timezone.utc) >= datetime.fromisoformat(soon.replace("Z", "+00:00")) - timedelta(milliseconds=200), "it ended too early"
    assert_unknown(b, things, "after the share expired, B")


def test_a_link_opens_the_study_to_whoever_holds_it(things, a, server):
    given = share(a, study=things.study).expect(201).json()
    token = given.get("token") or given["link"].rstrip("/").split("/")[-1].split("=")[-1].split("#")[-1]
    guest = Client(server, token)
    assert studies(guest) == {things.study}
    guest.get(things.one.url, DICOM_PART).expect(200)
    assert guest.ids("Condition") == set()
    guest.fhir("POST", "Patient", {"resourceType": "Patient"}).expect(403)
    stow(guest, [things.one.bytes()]).expect(403)
    share(guest, study=things.study, to="hospital-b").expect(403, 404)
    take_back(a, given["id"])
    answer = guest.get("/dicom-web/studies", DICOM_JSON)
    assert answer.status in (401, 403) or studies(guest) == set(), "a link that was taken back still opens the study"


@pytest.mark.parametrize("what, status", [
    ({"study": "1.2.3.4.5", "to": "hospital-b"}, (404,)),
    ({"patient": "nobody", "to": "hospital-b"}, (404,)),
    ({"to": "hospital-b"}, (400, 422)),
    ({"study": "STUDY", "to": "hospital-nowhere"}, (400, 404, 422)),
    ({"study": "STUDY", "patient": "PATIENT", "to": "hospital-b"}, (400, 422)),
    ({"study": "STUDY", "to": "hospital-b", "expires": "yesterday"}, (400, 422)),
    ({"study": "STUDY", "to": "hospital-b", "expires": "2001-01-01T00:00:00Z"}, (400, 422)),
    ({"study": "STUDY", "to": "hospital-b", "purpose-typo": 1}, (400, 422)),
])
def test_a_share_that_makes_no_sense_is_refused(things, a, b, what, status):
    what = {k: {"STUDY": things.study, "PATIENT": things.patient}.get(v, v) for k, v in what.items()}
    share(a, **what).expect(*status)
    assert studies(b) == set()


def test_only_the_owner_takes_back(things, a, b):
    ident = share(a, study=things.study, to="hospital-b").expect(201).json()["id"]
    b.request("DELETE", f"/api/shares/{ident}").expect(403, 404)
    assert studies(b) == {things.study}
    take_back(a, ident)
    a.request("DELETE", f"/api/shares/{ident}").expect(404, 204, 410)


def test_the_administrator_sees_no_patient(things, server):
    admin = server.client("hospital-a", "administrator")
    for method, path, accept, _ in urls(things):
        if method == "GET":
            answer = ask(admin, method, path, accept)
            shown = b"Shared" in answer.body or things.one.patient.encode() in answer.body and answer.status == 200 and "PatientID=" not in path
            assert not shown, f"an administrator's GET {path} shows a patient: {answer.status} {answer.body[:200]!r}"
            assert answer.status != 200 or b'"entry":[{' not in answer.body.replace(b" ", b""), f"an administrator's GET {path} shows rows"
    assert share(admin, study=things.study, to="hospital-b").status == 403
    assert admin.fhir("POST", "Patient", {"resourceType": "Patient"}).status == 403


def test_a_registrar_sees_no_image_and_no_record(things, server):
    registrar = server.client("hospital-a", "registrar")
    assert things.patient in registrar.ids("Patient")
    registrar.fhir("GET", f"Condition/{things.record[0]['id']}").expect(403, 404)
    assert registrar.get(things.one.url, DICOM_PART).status in (403, 404)


def test_both_members_can_read_who_looked(things, a, b):
    ident = share(a, study=things.study, to="hospital-b").expect(201).json()["id"]
    b.get(f"{things.one.url}/rendered", "image/jpeg").expect(200)
    take_back(a, ident)
    for client, name in ((a, "A"), (b, "B")):
        # Pictures of one study are one entry per viewer and ten minutes: it may be an older one.
        events = (str(entry["resource"]) for entry in client.matches("AuditEvent?_count=1000"))
        assert any("hospital-b/" in event and (things.study in event or things.one.sop in event) for event in events), (
            f"{name} does not find B's access to A's study in its audit log"
        )
