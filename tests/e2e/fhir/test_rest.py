"""The RESTful API (FHIR R4 §3.1.0): create, read, vread, update, delete, history, conditions, preferences, batch."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from lenticular.http import FHIR_JSON

PATIENT = {"resourceType": "Patient", "identifier": [{"system": "urn:test", "value": "r1"}], "name": [{"family": "Rest"}]}


def observation(text: str) -> str:
    return (
        '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":%s,"unit":"mg"}}' % text
    )


def outcome(answer) -> dict:
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome", f"{answer.request} answered {answer.status} without an OperationOutcome"
    assert body["issue"][0]["severity"] in ("error", "fatal") and body["issue"][0]["code"]
    assert body["issue"][0].get("diagnostics") or body["issue"][0].get("details"), "the OperationOutcome has no words"
    return body


def test_the_capability_statement_says_what_there_is(server, a, nobody):
    statement = nobody.fhir("GET", "metadata").expect(200).json()
    assert statement["resourceType"] == "CapabilityStatement" and statement["fhirVersion"] == "4.0.1"
    resources = {one["type"]: one for one in statement["rest"][0]["resource"]}
    assert len(resources) > 140, f"only {len(resources)} resource types"
    codes = {one["code"] for one in resources["Patient"]["interaction"]}
    assert {"read", "vread", "update", "delete", "history-instance", "history-type", "create", "search-type"} <= codes
    assert {"birthdate", "family", "identifier"} <= {one["name"] for one in resources["Patient"]["searchParam"]}
    assert {"transaction", "batch", "history-system"} <= {one["code"] for one in statement["rest"][0]["interaction"]}


def test_create_read_vread_update_history_delete(a):
    created = a.fhir("POST", "Patient", PATIENT).expect(201)
    patient = created.json()
    ident = patient["id"]
    assert created.header("Location").endswith(f"/fhir/Patient/{ident}/_history/1")
    assert created.header("ETag") == 'W/"1"' and patient["meta"]["versionId"] == "1" and patient["meta"]["lastUpdated"]

    changed = dict(patient, active=True)
    updated = a.fhir("PUT", f"Patient/{ident}", changed).expect(200)
    assert updated.header("ETag") == 'W/"2"' and updated.json()["active"] is True
    assert "active" not in a.fhir("GET", f"Patient/{ident}/_history/1").expect(200).json()
    assert a.fhir("GET", f"Patient/{ident}").expect(200).json()["meta"]["versionId"] == "2"

    a.fhir("DELETE", f"Patient/{ident}").expect(200, 204)
    outcome(a.fhir("GET", f"Patient/{ident}").expect(410))
    a.fhir("DELETE", f"Patient/{ident}").expect(200, 204)
    history = a.search(f"Patient/{ident}/_history")
    assert history["type"] == "history"
    methods = [entry["request"]["method"] for entry in history["entry"]]
    assert methods == ["DELETE", "PUT", "POST"], methods
    assert ident not in a.ids("Patient?identifier=urn:test|r1")
    again = a.fhir("PUT", f"Patient/{ident}", changed).expect(200, 201)
    assert again.header("ETag") == 'W/"4"', "a resource that was deleted comes back as its next version"


def test_update_creates_under_an_id_of_the_clients_choice(a):
    a.fhir("PUT", "Patient/my-own.id-1", dict(PATIENT, id="my-own.id-1")).expect(201)
    a.fhir("GET", "Patient/my-own.id-1").expect(200)
    outcome(a.fhir("PUT", "Patient/my-own.id-1", dict(PATIENT, id="another")).expect(400))
    outcome(a.fhir("PUT", "Patient/not_an_id!", dict(PATIENT, id="not_an_id!")).expect(400, 404))


def test_histories_of_type_and_system(a):
    one = a.create(dict(PATIENT, name=[{"family": "Histories"}]))
    for path in ("Patient/_history?_count=5", "_history?_count=5"):
        bundle = a.search(path)
        assert bundle["type"] == "history" and len(bundle["entry"]) <= 5
        assert bundle["entry"][0]["resource"]["id"] == one["id"], f"{path} does not begin with what was written last"
    assert a.search("Patient/_history?_since=2999-01-01T00:00:00Z").get("entry", []) == []


@pytest.mark.parametrize("number", ["1.00", "0.10", "100", "1e3", "-0.0", "123456789012345678901234567890.5", "1.0E-2"])
def test_numbers_come_back_digit_for_digit(a, number):
    created = a.fhir("POST", "Observation", observation(number)).expect(201)
    ident = created.json()["id"]
    body = a.fhir("GET", f"Observation/{ident}").expect(200).body
    assert f'"value":{number},'.encode() in body.replace(b" ", b""), f"{number} came back as {body!r}"


def test_if_match_guards_against_lost_updates(a):
    one = a.create(PATIENT)
    path = f"Patient/{one['id']}"
    a.fhir("PUT", path, one, If_Match='W/"1"').expect(200)
    refused = a.fhir("PUT", path, one, If_Match='W/"1"').expect(412)
    assert 'W/\\"2' in refused.body.decode(), f"the refusal does not name the current version: {outcome(refused)}"
    a.fhir("DELETE", path, If_Match='W/"1"').expect(412)


def test_if_none_match_saves_a_transfer(a):
    one = a.create(PATIENT)
    answer = a.fhir("GET", f"Patient/{one['id']}", If_None_Match='W/"1"').expect(304)
    assert answer.body == b""


@pytest.mark.parametrize("prefer, check", [
    ("return=minimal", lambda body: body == b""),
    ("return=representation", lambda body: b'"Patient"' in body),
    ("return=OperationOutcome", lambda body: b'"OperationOutcome"' in body),
])
def test_prefer_decides_the_body(a, prefer, check):
    answer = a.fhir("POST", "Patient", PATIENT, Prefer=prefer).expect(201)
    assert check(answer.body), f"Prefer: {prefer} answered {answer.body[:100]!r}"


def test_conditional_create_update_delete(a):
    criteria = "identifier=urn:test|conditional"
    one = dict(PATIENT, identifier=[{"system": "urn:test", "value": "conditional"}])
    first = a.fhir("POST", "Patient", one, If_None_Exist=criteria).expect(201)
    second = a.fhir("POST", "Patient", one, If_None_Exist=criteria).expect(200)
    assert first.json()["id"] == second.json()["id"]
    a.fhir("PUT", f"Patient?{criteria}", dict(one, active=True)).expect(200)
    assert a.search(f"Patient?{criteria}")["entry"][0]["resource"]["active"] is True
    a.create(one)
    outcome(a.fhir("PUT", f"Patient?{criteria}", one).expect(412))
    outcome(a.fhir("POST", "Patient", one, If_None_Exist=criteria).expect(412))
    outcome(a.fhir("DELETE", f"Patient?{criteria}").expect(412))
    fresh = "identifier=urn:test|fresh"
    a.fhir("PUT", f"Patient?{fresh}", dict(PATIENT, identifier=[{"system": "urn:test", "value": "fresh"}])).expect(201)
    a.fhir("DELETE", f"Patient?{fresh}").expect(200, 204)
    assert a.ids(f"Patient?{fresh}") == set()


def test_64_racing_conditional_creates_make_one(a):
    one = dict(PATIENT, identifier=[{"system": "urn:test", "value": "race"}])
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: a.fhir("POST", "Patient", one, If_None_Exist="identifier=urn:test|race"), range(64)))
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [200] * 63 + [201], f"64 racing If-None-Exist answered {statuses}"
    assert len(a.ids("Patient?identifier=urn:test|race")) == 1


def entry(method: str, url: str, resource=None, **more) -> dict:
    made = {"request": {"method": method, "url": url, **more.pop("request", {})}, **more}
    if resource is not None:
        made["resource"] = resource
    return made


def test_a_batch_answers_each_entry_for_itself(a):
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [
        entry("POST", "Patient", PATIENT), entry("GET", "Patient/nobody-there"), entry("POST", "Patient", {"resourceType": "Observation"}),
        entry("GET", "Patient?identifier=urn:test|nobody"),
    ]}
    answered = a.fhir("POST", "", batch).expect(200).json()
    assert answered["type"] == "batch-response"
    assert [one["response"]["status"][:3] for one in answered["entry"]][:2] == ["201", "404"]
    assert answered["entry"][2]["response"]["status"].startswith("4")
    assert answered["entry"][3]["resource"]["type"] == "searchset"


def test_a_transaction_is_all_or_nothing(a):
    marked = dict(PATIENT, identifier=[{"system": "urn:test", "value": "half"}])
    transaction = {"resourceType": "Bundle", "type": "transaction", "entry": [
        entry("POST", "Patient", marked), entry("POST", "Observation", {"resourceType": "Observation", "status": "final"}),
    ]}
    answer = a.fhir("POST", "", transaction)
    assert answer.status in (400, 422), answer.status
    assert "entry[1]" in str(outcome(answer)) or "Bundle.entry" in str(outcome(answer)), "which entry was at fault?"
    assert a.ids("Patient?identifier=urn:test|half") == set(), "half of a refused transaction was kept"


def test_a_transaction_resolves_references_everywhere(a):
    mother = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
    child = dict(PATIENT, contained=[{"resourceType": "RelatedPerson", "id": "r", "patient": {"reference": mother}}],
                 extension=[{"url": "urn:x", "valueReference": {"reference": mother}}],
                 link=[{"other": {"reference": "Patient?identifier=urn:test|aunt"}, "type": "seealso"}])
    aunt = a.create(dict(PATIENT, identifier=[{"system": "urn:test", "value": "aunt"}]))
    transaction = {"resourceType": "Bundle", "type": "transaction", "entry": [
        entry("POST", "Patient", child), entry("POST", "Patient", PATIENT, fullUrl=mother),
    ]}
    answered = a.fhir("POST", "", transaction).expect(200).json()
    ids = [one["response"]["location"].split("/_history")[0].split("/")[-1] for one in answered["entry"]]
    got = a.fhir("GET", f"Patient/{ids[0]}").expect(200).json()
    reference = f"Patient/{ids[1]}"
    assert got["contained"][0]["patient"]["reference"] == reference
    assert got["extension"][0]["valueReference"]["reference"] == reference
    assert got["link"][0]["other"]["reference"] == f"Patient/{aunt['id']}"


def test_a_transaction_reads_after_it_wrote(a):
    one = dict(PATIENT, id="tx-read", identifier=[{"system": "urn:test", "value": "tx-read"}])
    transaction = {"resourceType": "Bundle", "type": "transaction", "entry": [
        entry("GET", "Patient?identifier=urn:test|tx-read"), entry("PUT", "Patient/tx-read", one),
    ]}
    answered = a.fhir("POST", "", transaction).expect(200).json()
    assert len(answered["entry"][0]["resource"]["entry"]) == 1, "GET is processed last (FHIR R4 §3.1.0.11.2)"


@pytest.mark.parametrize("body, status", [
    (b"{", 400),
    (b"[]", 400),
    (b'{"resourceType":"Nonsense"}', 400),
    (b'{"resourceType":"Observation","status":"final","code":{"text":"x"}}', 400),  # posted to Patient
    (b'{"resourceType":"Patient","nmae":[]}', 422),
    (b'{"resourceType":"Patient","birthDate":"yesterday"}', 422),
    (b'{"resourceType":"Patient","active":"true"}', 422),
    (b'{"resourceType":"Patient","gender":"robot"}', 422),
    (b'{"resourceType":"Patient","name":{"family":"x"}}', 422),
    (b'{"resourceType":"Patient","name":[]}', 422),
    (b'{"resourceType":"Patient","active":true,"active":false}', 400),
    (b'\xff\xfe', 400),
])
def test_what_is_no_patient_is_refused_with_the_place(a, body, status):
    answer = a.fhir("POST", "Patient", body)
    assert answer.status in (status, {400: 422, 422: 400}[status]), f"{body!r} answered {answer.status}"
    outcome(answer)


def test_media_types(a, nobody):
    outcome(a.request("POST", "/fhir/Patient", b"<Patient/>", {"Content-Type": "text/plain"}).expect(415))
    a.request("GET", "/fhir/Patient", headers={"Accept": "text/html;q=0.1, application/fhir+json;q=0.9"}).expect(200)
    a.request("GET", "/fhir/Patient", headers={"Accept": "image/png"}).expect(406)
    answer = a.request("GET", "/fhir/Patient?_format=json&_pretty=true", headers={"Accept": "*/*"}).expect(200)
    assert answer.header("Content-Type").startswith(FHIR_JSON)


def test_without_a_token_there_is_nothing(nobody):
    for path in ("Patient", "Patient/x", "_history", "AuditEvent"):
        answer = nobody.fhir("GET", path).expect(401)
        assert answer.header("WWW-Authenticate", ).lower().startswith("bearer")
    nobody.fhir("POST", "Patient", PATIENT).expect(401)


def test_a_forged_token_is_no_token(server, a):
    from lenticular.http import Client

    for token in ("x", a.token[:-2] + "xx", a.token + "x"):
        Client(server, token).fhir("GET", "Patient").expect(401)


def test_unknown_routes_and_methods(a):
    outcome(a.fhir("GET", "Nonsense").expect(404))
    outcome(a.fhir("GET", "Patient/x/y/z").expect(404, 405))
    outcome(a.fhir("PATCH", "Patient/x", {}).expect(404, 405, 415, 501))


def test_each_access_is_in_the_audit_log(a):
    one = a.create(dict(PATIENT, name=[{"family": "Audited"}]))
    a.fhir("GET", f"Patient/{one['id']}").expect(200)
    events = [e["resource"] for e in a.matches(f"AuditEvent?patient=Patient/{one['id']}&_count=50")]
    actions = sorted(event["action"] for event in events)
    assert "C" in actions and "R" in actions, f"a create and a read of one patient left {actions}"
    assert all(event["recorded"] and event["agent"] for event in events)
