"""fhirpy and fhir-kit-client, as their users write: create, search, page, conditional create, transaction."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fhirpy import AsyncFHIRClient, SyncFHIRClient
from lenticular.inputs import E2E

SYSTEM = "urn:clients"


@pytest.fixture(scope="module")
def client(server, a):
    return SyncFHIRClient(f"{server.url}/fhir", authorization=f"Bearer {a.token}")


def test_fhirpy_creates_reads_updates_and_deletes(client):
    patient = client.resource("Patient", name=[{"family": "Fhirpy"}], identifier=[{"system": SYSTEM, "value": "one"}])
    patient.save()
    assert patient.id
    again = client.reference("Patient", patient.id).to_resource()
    assert again["name"][0]["family"] == "Fhirpy"
    again["active"] = True
    again.save()
    assert client.resources("Patient").search(identifier=f"{SYSTEM}|one").first()["active"] is True
    again.delete()
    assert client.resources("Patient").search(identifier=f"{SYSTEM}|one").fetch_all() == []


def test_fhirpy_pages_through_a_search(client):
    for number in range(25):
        client.resource("Patient", identifier=[{"system": SYSTEM + ":pages", "value": str(number)}]).save()
    search = client.resources("Patient").search(identifier=f"{SYSTEM}:pages|").limit(10)
    assert len(search.fetch()) == 10
    assert len(search.fetch_all()) == 25


def test_fhirpy_creates_conditionally(client):
    patient = client.resource("Patient", identifier=[{"system": SYSTEM, "value": "conditional"}])
    search = client.resources("Patient").search(identifier=f"{SYSTEM}|conditional")
    first, created = search.get_or_create(patient)
    second, created_again = search.get_or_create(patient)
    assert first.id == second.id and created and not created_again


def test_fhirpy_sends_a_transaction(server, a):
    async def go():
        client = AsyncFHIRClient(f"{server.url}/fhir", authorization=f"Bearer {a.token}")
        bundle = client.resource("Bundle", type="transaction", entry=[
            {"fullUrl": "urn:uuid:9d1f7b50-91b4-4a32-8c1a-0a6b2d7f3a55", "request": {"method": "POST", "url": "Patient"},
             "resource": {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": "tx"}]}},
            {"request": {"method": "POST", "url": "Observation"},
             "resource": {"resourceType": "Observation", "status": "final", "code": {"text": "x"},
                          "subject": {"reference": "urn:uuid:9d1f7b50-91b4-4a32-8c1a-0a6b2d7f3a55"}}},
        ])
        await bundle.save()
        patient = await client.resources("Patient").search(identifier=f"{SYSTEM}|tx").first()
        return await client.resources("Observation").search(patient=patient.id).fetch_all()

    assert len(asyncio.run(go())) == 1


def test_fhir_kit_client(server, a):
    # A module finds its packages from where it lies.
    script = shutil.copy(Path(__file__).parent.parent / "node" / "fhir-kit.mjs", E2E / "node" / "fhir-kit.mjs")
    env = dict(os.environ, FHIR_BASE=f"{server.url}/fhir", FHIR_TOKEN=a.token)
    done = subprocess.run(["node", str(script)], capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, f"fhir-kit-client: {done.stderr[-1500:]}"
    steps = json.loads(done.stdout)
    assert steps == ["capabilities", "create", "read", "vread", "update", "search", "page", "conditional", "transaction", "history", "delete"]
