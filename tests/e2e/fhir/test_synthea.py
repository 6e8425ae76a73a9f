"""All 42 Synthea bundles: every resource is there, as it was sent, and is found by what it says."""

import pytest
from lenticular.fhir import Loaded, member, total, without_identity
from lenticular.http import FHIR_JSON, Number, below_host, next_link, ordered
from lenticular.inputs import bundle, synthea


@pytest.fixture(scope="module")
def loaded(a):
    return Loaded().load(a)


def resources(loaded, kind: str) -> dict[str, list]:
    return {key.split("/")[1]: value for key, value in loaded.expected.items() if key.startswith(kind + "/")}


def test_there_are_as_many_as_were_sent(loaded, a):
    assert len(synthea()) == 42
    counted = {kind: total(a, kind) for kind in loaded.counts}
    assert counted == loaded.counts


def test_every_resource_reads_as_it_was_sent(loaded, a):
    """Members in order, digits of numbers, references resolved: only id and the server's meta are new."""
    failures, seen = [], set()
    for kind in loaded.counts:
        path = f"/fhir/{kind}?_count=500"
        while path:
            answer = a.request("GET", path, headers={"Accept": FHIR_JSON}).expect(200)
            for entry in member(answer.lexemes(), "entry") or []:
                resource = member(entry, "resource")
                key = f"{kind}/{member(resource, 'id')}"
                seen.add(key)
                if without_identity(resource) != without_identity(loaded.expected.get(key, [])):
                    failures.append(key)
            following = next_link(answer.json())
            path = below_host(following) if following else None
    assert not failures, f"{len(failures)} resources read otherwise than they were sent, such as {failures[:10]}"
    missing = set(loaded.expected) - seen
    assert not missing, f"{len(missing)} resources are on no page, such as {sorted(missing)[:5]}"


def test_a_read_is_the_same_as_the_search_entry(loaded, a):
    for key in list(loaded.expected)[::2000]:
        answer = a.fhir("GET", key).expect(200)
        assert without_identity(answer.lexemes()) == without_identity(loaded.expected[key]), key
        assert answer.header("ETag") == 'W/"1"' and answer.header("Last-Modified")


def value(resource: list, *path):
    """A value by member names; the first element of lists."""
    for name in path:
        if isinstance(resource, list) and resource and isinstance(resource[0], list):
            resource = resource[0]
        resource = member(resource, name) if resource else None
    return resource


def expect_ids(a, path: str, wanted: set[str]):
    got = a.ids(path)
    assert got == wanted, f"{path}: {len(got)} found, {len(wanted)} expected; wrong: {sorted(got ^ wanted)[:5]}"
    assert wanted, f"{path}: the corpus has no such resource, so nothing is shown"


def test_search_by_family_name(loaded, a):
    patients = resources(loaded, "Patient")
    family = value(next(iter(patients.values())), "name", "family")
    same = {key for key, one in patients.items() if any(str(member(n, "family")).lower().startswith(family.lower()) for n in member(one, "name"))}
    expect_ids(a, f"Patient?family={family}", same)


def test_search_by_birth_date(loaded, a):
    patients = resources(loaded, "Patient")
    expect_ids(a, "Patient?birthdate=ge1970-01-01&birthdate=lt1990", {k for k, p in patients.items() if "1970" <= member(p, "birthDate") < "1990"})


def test_search_by_gender_and_its_negation(loaded, a):
    patients = resources(loaded, "Patient")
    expect_ids(a, "Patient?gender=female", {k for k, p in patients.items() if member(p, "gender") == "female"})
    expect_ids(a, "Patient?gender:not=female", {k for k, p in patients.items() if member(p, "gender") != "female"})


def test_search_by_patient_and_code(loaded, a):
    observations = resources(loaded, "Observation")
    subject = value(next(iter(observations.values())), "subject", "reference")
    weight = {k for k, o in observations.items() if value(o, "subject", "reference") == subject and value(o, "code", "coding", "code") == "29463-7"}
    for form in ("29463-7", "http://loinc.org|29463-7"):
        expect_ids(a, f"Observation?patient={subject.split('/')[1]}&code={form}", weight)
    expect_ids(a, f"Observation?subject={subject}&code=29463-7", weight)
    expect_ids(a, f"Observation?subject:Patient={subject.split('/')[1]}&code=29463-7", weight)


def test_search_by_quantity(loaded, a):
    observations = resources(loaded, "Observation")

    def weighs(o, least):
        quantity = member(o, "valueQuantity")
        return bool(quantity) and value(o, "code", "coding", "code") == "29463-7" and float(member(quantity, "value")) > least

    expect_ids(a, "Observation?code=29463-7&value-quantity=gt90|http://unitsofmeasure.org|kg", {k for k, o in observations.items() if weighs(o, 90)})


def test_everything_of_one_patient_by_each_type(loaded, a):
    patient = next(iter(resources(loaded, "Patient")))
    for kind in ("Condition", "Encounter", "Immunization", "Procedure", "MedicationRequest", "DiagnosticReport", "Claim"):
        reference = f"Patient/{patient}"
        field = {"Immunization": "patient", "Claim": "patient"}.get(kind, "subject")
        wanted = {k for k, one in resources(loaded, kind).items() if value(one, field, "reference") == reference}
        got = a.ids(f"{kind}?patient={patient}&_count=200")
        assert got == wanted, f"{kind} of one patient: {len(got)} found, {len(wanted)} expected"


def test_include_brings_each_target_once(loaded, a):
    bundle = a.search("Encounter?_count=30&_include=Encounter:subject&_include=Encounter:service-provider")
    included = [e["resource"] for e in bundle["entry"] if e["search"]["mode"] == "include"]
    keys = [f"{one['resourceType']}/{one['id']}" for one in included]
    assert len(keys) == len(set(keys)), "an included resource is there twice"
    wanted = set()
    for entry in bundle["entry"]:
        if entry["search"]["mode"] == "match":
            wanted |= {entry["resource"]["subject"]["reference"], entry["resource"]["serviceProvider"]["reference"]}
    assert set(keys) == wanted


def test_revinclude_brings_what_points_here(loaded, a):
    patient = next(iter(resources(loaded, "Patient")))
    bundle = a.search(f"Patient?_id={patient}&_revinclude=Condition:subject")
    got = {e["resource"]["id"] for e in bundle["entry"] if e["search"]["mode"] == "include"}
    wanted = {k for k, c in resources(loaded, "Condition").items() if value(c, "subject", "reference") == f"Patient/{patient}"}
    assert got == wanted and wanted


def test_sorting_goes_both_ways_and_over_pages(loaded, a):
    for path, order in (("Patient?_sort=birthdate&_count=7", False), ("Patient?_sort=-birthdate&_count=7", True)):
        dates = [entry["resource"]["birthDate"] for entry in a.matches(path)]
        assert len(dates) == loaded.counts["Patient"]
        assert dates == sorted(dates, reverse=order), path


def test_numbers_keep_their_digits(loaded, a):
    """Synthea writes numbers such as `1.0`: they must not become `1`."""

    def numbers(tree):
        if isinstance(tree, Number):
            yield tree
        elif isinstance(tree, (list, tuple)):
            for one in tree:
                yield from numbers(one)

    keys = [key for key, one in loaded.expected.items() if any(n.endswith("0") and "." in n for n in numbers(one))][:20]
    assert keys, "no number in the corpus ends with a zero"
    for key in keys:
        got = a.fhir("GET", key).expect(200).lexemes()
        assert list(numbers(without_identity(got))) == list(numbers(without_identity(loaded.expected[key]))), key


def test_loading_the_directory_again_makes_nothing_new(loaded, a):
    """`ifNoneExist`: hospitals and practitioners are there already."""
    for file in synthea()[:2]:
        sent = bundle(file)["entry"]
        answered = a.fhir("POST", "", file.read_bytes()).expect(200).json()["entry"]
        for entry, response in zip(sent, answered):
            if "ifNoneExist" in entry["request"]:
                assert response["response"]["status"].startswith("200"), f"{entry['request']} answered {response['response']}"
    assert total(a, "Organization") == loaded.counts["Organization"]


def test_another_member_sees_none_of_it(loaded, b):
    for kind in loaded.counts:
        assert total(b, kind) == 0, f"hospital B counts {kind} of hospital A"


def test_bodies_parse_with_their_order_kept():
    assert ordered('{"a":1.00,"b":[{"c":2}]}') == [("a", "1.00"), ("b", [[("c", "2")]])]
