"""The search language (FHIR R4 §3.1.1) on resources made for it: each type, prefix, modifier and result parameter."""

import threading

import pytest
from lenticular.http import FHIR_JSON, next_link

SYSTEM = "urn:search"


def patient(key: str, **more) -> dict:
    return {"resourceType": "Patient", "id": f"s-{key}", "identifier": [{"system": SYSTEM, "value": key}], **more}


def risk(key: str, probability: float, **more) -> dict:
    return {"resourceType": "RiskAssessment", "id": f"s-{key}", "status": "final", "subject": {"reference": "Patient/s-p1"},
            "prediction": [{"probabilityDecimal": probability}], **more}


def lab(key: str, when: str, value: float, unit: str, **more) -> dict:
    return {"resourceType": "Observation", "id": f"s-{key}", "status": "final", "subject": {"reference": "Patient/s-p1"},
            "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}], "text": "Haemoglobin"}, "effectiveDateTime": when,
            "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}, **more}


RESOURCES = [
    patient("p1", name=[{"family": "Ångström", "given": ["Anders", "Jonas"]}], birthDate="1980-05-17", gender="male", active=True,
            telecom=[{"system": "email", "value": "a@example.org"}], address=[{"city": "Uppsala", "country": "SE"}]),
    patient("p2", name=[{"family": "van der Berg", "given": ["Ada"]}], birthDate="1980", gender="female",
            managingOrganization={"reference": "Organization/s-o1"}),
    patient("p3", name=[{"family": "Berg"}], birthDate="1980-05", gender="unknown", deceasedBoolean=False),
    patient("p4", name=[{"family": "Angstroem", "given": ["Eva"]}], active=False),
    {"resourceType": "Organization", "id": "s-o1", "name": "Search House", "partOf": {"reference": "Organization/s-o2"}},
    {"resourceType": "Organization", "id": "s-o2", "name": "Search Holding"},
    risk("r1", 0.25), risk("r2", 0.5), risk("r3", 0.75),
    lab("l1", "2020-01-01T10:00:00Z", 14.1, "g/dL"), lab("l2", "2020-01-02T10:00:00+02:00", 15.0, "g/dL"),
    lab("l3", "2020-02", 9.5, "g/dL"), lab("l4", "2021-03-04", 141, "g/L"),
    {"resourceType": "ValueSet", "id": "s-v1", "url": "http://example.org/vs/one", "version": "2", "status": "active"},
    {"resourceType": "ValueSet", "id": "s-v2", "url": "http://example.org/vs/one/more", "status": "active"},
]


@pytest.fixture(scope="module")
def made(a):
    for resource in RESOURCES:
        a.fhir("PUT", f"{resource['resourceType']}/{resource['id']}", resource).expect(201)
    return a


def found(client, path: str) -> list[str]:
    return sorted(ident.removeprefix("s-") for ident in client.ids(path))


@pytest.mark.parametrize("path, expected", [
    # string: begins with, without case and accents; exact; contains
    ("Patient?family=ang", "p1 p4"), ("Patient?family=ÅNGSTRÖM", "p1"), ("Patient?family:exact=Ångström", "p1"),
    ("Patient?family:exact=ångström", ""), ("Patient?family:contains=berg", "p2 p3"), ("Patient?family=berg", "p3"),
    ("Patient?name=jonas", "p1"), ("Patient?given=Ada,Eva", "p2 p4"), ("Patient?name=anders&name=jonas", "p1"),
    ("Patient?address-city=upp", "p1"), ("Patient?family=a\\,b", ""),
    # token
    ("Patient?identifier=urn:search|p2", "p2"), ("Patient?identifier=p2", "p2"), ("Patient?identifier=|p2", ""),
    ("Patient?identifier=urn:search|", "p1 p2 p3 p4"), ("Patient?gender=male,female", "p1 p2"), ("Patient?active=true", "p1"),
    ("Patient?active:not=true", "p2 p3 p4"), ("Patient?gender:missing=true", "p4"), ("Patient?gender:missing=false", "p1 p2 p3"),
    ("Patient?email=a@example.org", "p1"), ("Observation?code=http://loinc.org|718-7", "l1 l2 l3 l4"), ("Observation?code=718-7", "l1 l2 l3 l4"),
    ("Observation?code=http://other.org|718-7", ""),
    # date: partial dates are ranges
    ("Patient?birthdate=1980", "p1 p2 p3"), ("Patient?birthdate=1980-05", "p1 p3"), ("Patient?birthdate=1980-05-17", "p1"),
    ("Patient?birthdate=ne1980-05-17", "p2 p3"), ("Patient?birthdate=gt1980-05-17", "p2 p3"), ("Patient?birthdate=lt1980-05-17", "p2 p3"),
    ("Patient?birthdate=ge1980-05-17&birthdate=le1980-05-17", "p1 p2 p3"), ("Patient?birthdate=sa1979", "p1 p2 p3"), ("Patient?birthdate=eb1981", "p1 p2 p3"),
    ("Patient?birthdate:missing=true", "p4"),
    ("Observation?date=2020-01-02T08:00:00Z", "l2"), ("Observation?date=ge2020-01-02&date=lt2020-03", "l2 l3"), ("Observation?date=2020", "l1 l2 l3"),
    # number
    ("RiskAssessment?probability=0.5", "r2"), ("RiskAssessment?probability=gt0.25", "r2 r3"), ("RiskAssessment?probability=le0.5", "r1 r2"),
    ("RiskAssessment?probability=ne0.50", "r1 r3"),
    # quantity
    ("Observation?value-quantity=14.1|http://unitsofmeasure.org|g/dL", "l1"), ("Observation?value-quantity=14.1||g/dL", "l1"),
    ("Observation?value-quantity=gt14", "l1 l2 l4"), ("Observation?value-quantity=lt10||g/dL", "l3"), ("Observation?value-quantity=15", "l2"),
    # reference
    ("Observation?subject=Patient/s-p1", "l1 l2 l3 l4"), ("Observation?patient=s-p1", "l1 l2 l3 l4"), ("Observation?subject:Patient=s-p1", "l1 l2 l3 l4"),
    ("Observation?subject=Patient/s-p2", ""), ("Patient?organization=Organization/s-o1", "p2"), ("Organization?partof=s-o2", "o1"),
    ("Patient?organization:missing=false", "p2"),
    # uri
    ("ValueSet?url=http://example.org/vs/one", "v1"), ("ValueSet?url=http://example.org/vs/one,http://example.org/vs/one/more", "v1 v2"),
    # for all types
    ("Patient?_id=s-p1,s-p3", "p1 p3"), ("Patient?_id=s-p1&gender=female", ""), ("Patient?_lastUpdated=gt2020", "p1 p2 p3 p4"), ("Patient?_lastUpdated=lt2020", ""),
])
def test_search(made, path, expected):
    assert found(made, path) == expected.split(), path


@pytest.mark.parametrize("path", [
    "Patient?nonsense=1", "Patient?birthdate=yesterday", "Patient?birthdate=1980-13", "Patient?gender:sideways=male", "RiskAssessment?probability=much",
    "Patient?_sort=nonsense", "Patient?_include=Patient:nonsense", "Patient?_count=-1", "Patient?_count=x", "Patient?subject.name=x", "Observation?value-quantity=",
    "Patient?family:missing=maybe", "Patient?_elements:below=x",
])
def test_what_a_search_does_not_know_it_refuses(made, path):
    """Unfiltered data must never come back for a filter that was not understood."""
    answer = made.fhir("GET", path)
    if answer.status == 200 and path.endswith("="):
        return  # an empty value may be passed over as absent
    answer.expect(400)
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_lenient_handling_is_said_in_the_self_link(made):
    bundle = made.fhir("GET", "Patient?nonsense=1&gender=male", Prefer="handling=lenient").expect(200).json()
    link = next(one["url"] for one in bundle["link"] if one["relation"] == "self")
    assert "nonsense" not in link and "gender" in link


def test_search_by_post(made):
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": FHIR_JSON}
    bundle = made.request("POST", "/fhir/Patient/_search", "family=ang&active=true", headers).expect(200).json()
    assert [entry["resource"]["id"] for entry in bundle["entry"]] == ["s-p1"]


def test_summaries_elements_and_totals(made):
    assert made.search("Patient?_summary=count") ["total"] == made.search("Patient?_total=accurate")["total"]
    assert "total" not in made.search("Patient?_total=none")
    assert "entry" not in made.search("Patient?_summary=count")
    one = made.search("Patient?_id=s-p1&_elements=birthDate")["entry"][0]["resource"]
    assert one["birthDate"] and "name" not in one and one["id"] == "s-p1"
    assert any(tag["code"] == "SUBSETTED" for tag in one["meta"]["tag"])
    text = made.search("Patient?_id=s-p1&_summary=true")["entry"][0]["resource"]
    assert text["name"] and "contact" not in text
    assert made.search("Patient?_count=0&_total=accurate").get("entry", []) == []


def test_sort_by_several_keys_with_absent_values_last(made):
    got = [e["resource"]["id"] for e in made.matches("Patient?identifier=urn:search|&_sort=birthdate,family&_count=2")]
    assert got[-1] == "s-p4", f"the patient without a birth date is not last: {got}"
    got = [e["resource"]["id"] for e in made.matches("Patient?identifier=urn:search|&_sort=-birthdate")]
    assert got[-1] == "s-p4", f"nor descending: {got}"


def test_includes_keep_the_scope_and_the_mode(made):
    bundle = made.search("Patient?_id=s-p2&_include=Patient:organization&_include:iterate=Organization:partof")
    modes = {entry["resource"]["id"]: entry["search"]["mode"] for entry in bundle["entry"]}
    assert modes.pop("s-p2") == "match" and modes.pop("s-o1") == "include"
    assert modes in ({}, {"s-o2": "include"})
    bundle = made.search("Organization?_id=s-o1&_revinclude=Patient:organization")
    assert {e["resource"]["id"] for e in bundle["entry"]} == {"s-o1", "s-p2"}


def test_pages_stay_as_they_were_while_others_write(a):
    """Everything that was there when the search began is on exactly one page; nothing else is."""
    tag = "urn:paging"
    for number in range(120):
        a.create({"resourceType": "Patient", "identifier": [{"system": tag, "value": str(number)}]})
    before = a.ids(f"Patient?identifier={tag}|&_count=200")
    assert len(before) == 120
    stop, failures = threading.Event(), []

    def disturb():
        number = 1000
        doomed = sorted(before)
        while not stop.is_set():
            try:
                a.create({"resourceType": "Patient", "identifier": [{"system": tag, "value": str(number)}]})
                if doomed:
                    a.fhir("DELETE", f"Patient/{doomed.pop()}").expect(200, 204)
                number += 1
            except Exception as error:  # told to the test below
                failures.append(error)
                return

    bundle = a.search(f"Patient?identifier={tag}|&_count=10")
    writer = threading.Thread(target=disturb)
    writer.start()
    seen = []
    try:
        while True:
            seen += [entry["resource"]["id"] for entry in bundle.get("entry", [])]
            following = next_link(bundle)
            if not following:
                break
            bundle = a.request("GET", "/" + following.split("://", 1)[-1].partition("/")[2]).expect(200).json()
    finally:
        stop.set()
        writer.join()
    assert not failures, failures
    assert len(seen) == len(set(seen)), "a resource is on two pages"
    assert set(seen) == before, f"{len(before - set(seen))} missing, {len(set(seen) - before)} that came later"


def test_a_page_link_is_nobody_elses(made, b):
    """The next link is authorised again: in other hands it shows what those may see."""
    bundle = made.search("Patient?_count=1")
    following = next_link(bundle)
    path = "/" + following.split("://", 1)[-1].partition("/")[2]
    answer = b.request("GET", path, headers={"Accept": FHIR_JSON})
    assert answer.status in (200, 400, 403, 404)
    assert b"s-p" not in answer.body
