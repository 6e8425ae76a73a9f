"""`lenticular demo`: who may sign in, what there is to see, and the way back to the beginning."""

import json
import re
import time
from urllib.parse import urlencode

import pytest
from lenticular.dicom import DICOM_JSON
from lenticular.http import Client
from lenticular.server import Server, command

# The demo empties what it stands on, and so keeps to a folder of its own.
pytestmark = pytest.mark.embedded_only("the demo refuses a database or an object store: see test_contract")

ROW = re.compile(r"^  (\S+) +((?:[a-z]{5}-){3}[a-z]{5}) +(.+)$", re.M)
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Person:
    """A browser: its requests carry the cookie of the sign-in."""

    def __init__(self, server, login: str, password: str):
        self.client = Client(server, None)
        form = urlencode({"login": login, "password": password, "next": "/"})
        headers = {"Content-Type": "application/x-www-form-urlencoded", **HTML}
        answer = self.client.request("POST", "/login", form, headers).expect(303)
        self.cookie = answer.header("set-cookie").split(";")[0]

    def request(self, method: str, path: str, body=None, **headers):
        return self.client.request(method, path, body, {"Cookie": self.cookie, **headers})


def people(server) -> dict:
    """Login to password, as the demo printed them last."""
    return {login: password for login, password, _ in ROW.findall("\n".join(server.printed))}


def tokens(server) -> dict:
    """Member to token, as the demo printed them last."""
    return dict(re.findall(r"^  (\S+) +\S+ +(lt_[0-9a-f]{48})$", "\n".join(server.printed), re.M))


def studies(server, member: str) -> list:
    return Client(server, tokens(server)[member]).get("/dicom-web/studies?limit=1000", DICOM_JSON).expect(200).json()


@pytest.fixture(scope="module")
def demo(folder):
    server = Server(folder / "demo", subcommand="demo").start()
    yield server
    server.stop()


def test_everybody_on_the_list_signs_in_and_is_what_it_says(demo):
    rows = ROW.findall("\n".join(demo.printed))
    roles = {}
    for login, password, says in rows:
        session = Person(demo, login, password).request("GET", "/api/session").expect(200).json()
        assert session["user"]["login"] == login and session["demo"] is True
        said = re.findall(r"(\S+) \((\w+)\)", says)
        assert [(m["member"], m["role"]) for m in session["memberships"]] == said or len(said) == 1, says
        assert (session["member"]["id"], session["role"]) == said[0], says
        assert session["operator"] == ("runs the deployment" in says)
        roles.setdefault(session["member"]["id"], set()).add(session["role"])
    every = {"administrator", "clinician", "radiologist", "registrar", "patient"}
    assert roles["hospital-a"] == every and roles["hospital-b"] == every
    assert roles["reading-centre"] == {"administrator", "radiologist"}
    assert any(says.count("(") == 2 for _, _, says in rows), "nobody is of two members"


def test_there_is_something_to_see_on_every_screen(demo):
    assert "200 people" in "\n".join(demo.printed)
    own = {member: studies(demo, member) for member in ("hospital-a", "hospital-b", "reading-centre")}
    modalities = {m for s in own["hospital-a"] + own["hospital-b"] for m in s["00080061"]["Value"]}
    assert {"CT", "MR", "DX", "US"} <= modalities
    for member in ("hospital-a", "hospital-b"):
        client = Client(demo, tokens(demo)[member])
        assert client.get("/api/shares").expect(200).json()["shares"], f"{member} shares nothing"
        assert client.get("/api/shares?direction=incoming").expect(200).json()["shares"], f"nothing is shared with {member}"
        assert client.get("/api/conflicts").expect(200).json()["conflicts"], f"the tray of {member} is empty"
    assert own["reading-centre"], "nothing is shared with the reading centre"
    link = re.search(r"/link#(lt_\w+)", "\n".join(demo.printed))[1]
    assert len(Client(demo, link).get("/dicom-web/studies", DICOM_JSON).expect(200).json()) == 1


def test_a_patient_sees_their_own_record_alone(demo):
    patient = Person(demo, "patient.a", people(demo)["patient.a"])
    found = patient.request("GET", "/fhir/Patient").expect(200).json()
    session = patient.request("GET", "/api/session").expect(200).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [session["patient"]]
    assert patient.request("GET", "/dicom-web/studies", Accept=DICOM_JSON).expect(200).json()


def test_the_app_is_served_and_shadows_no_machine(demo):
    nobody = Client(demo, None)
    for path in ("/", "/patients/1", "/setup"):
        page = nobody.request("GET", path, headers=HTML).expect(200)
        assert page.header("content-type").startswith("text/html") and page.header("cache-control") == "no-cache"
        assert "script-src 'self' 'wasm-unsafe-eval'" in page.header("content-security-policy")
    same = nobody.request("GET", "/", headers={**HTML, "If-None-Match": page.header("etag")})
    assert same.status == 304 and not same.body
    for path in ("/assets/none.js", "/api/none", "/log/none"):
        answer = nobody.request("GET", path, headers=HTML).expect(404)
        assert answer.header("content-type") == "application/json"
    script = re.search(rb'src="(/assets/[^"]+\.js)"', page.body)
    if script:  # a build without Node has a page that says so, and no script
        answer = nobody.request("GET", script[1].decode(), headers={"Accept-Encoding": "gzip, br"}).expect(200)
        assert answer.header("content-encoding") == "br" and "immutable" in answer.header("cache-control")


def test_the_reset_leads_back_to_the_beginning(demo):
    before = people(demo)
    count = len(studies(demo, "hospital-a"))
    owner = Person(demo, "admin.a", before["admin.a"])
    other = Person(demo, "admin.b", before["admin.b"])
    clinician = Client(demo, tokens(demo)["hospital-a"])
    made = {"resourceType": "Patient", "name": [{"family": "Afterthought"}]}
    clinician.fhir("POST", "Patient", made).expect(201)
    other.request("POST", "/api/demo/reset").expect(403)
    printed, address = len(demo.printed), demo.http
    owner.request("POST", "/api/demo/reset").expect(202)
    # Whoever connects meanwhile waits for the new beginning; their session is over.
    owner.client.close()
    until_signed_out(owner)
    demo.printed = demo.printed[printed:]
    assert people(demo) == before, "the passwords changed"
    Person(demo, "admin.a", before["admin.a"]).request("GET", "/api/session").expect(200)
    assert demo.http == address and demo.alive()
    fresh = Client(demo, tokens(demo)["hospital-a"])
    assert fresh.fhir("GET", "Patient?family=Afterthought&_summary=count").expect(200).json()["total"] == 0
    assert len(studies(demo, "hospital-a")) == count


def until_signed_out(person):
    """Asks again until the old rows are gone; the listener takes new connections when the new ones are there."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if person.request("GET", "/api/session").status == 401:
                return
        except OSError:
            person.client.close()
    raise AssertionError("the demo was not loaded anew")


def test_started_again_it_loads_nothing_twice(folder):
    server = Server(folder / "twice", subcommand="demo").start()
    first = people(server), len(studies(server, "hospital-a")), total(server)
    assert server.stop() == 0
    server.start()
    assert (len(studies(server, "hospital-a")), total(server)) == first[1:]
    assert people(server).keys() == first[0].keys() and people(server) != first[0]
    Person(server, "clinician.a", people(server)["clinician.a"])
    assert server.stop() == 0


def total(server) -> int:
    client = Client(server, tokens(server)["hospital-a"])
    return client.fhir("GET", "Patient?_summary=count").expect(200).json()["total"]


def test_it_keeps_off_data_that_is_not_its_own(folder):
    data = folder / "real"
    command("org", "add", "--data", data, "--id", "clinic", "--name", "Clinic")
    refused = command("demo", "--data", data)
    assert refused.code == 1 and "not the demo's" in refused.err, refused.err


def test_outside_the_demo_there_is_no_reset(server):
    server.client("hospital-a", "administrator").request("POST", "/api/demo/reset").expect(404)


def test_the_set_up_link_leads_to_a_member_with_sample_data(folder):
    server = Server(folder / "fresh").start()
    try:
        secret = re.search(rf"http://{re.escape(server.http)}/setup#(\S+)", server.log())[1]
        nobody = Client(server, None)
        nobody.request("GET", "/setup", headers=HTML).expect(200)
        request = {
            "secret": secret,
            "id": "clinic",
            "name": "Clinic",
            "timezone": "Europe/Berlin",
            "locale": "de",
            "owner": {"login": "owner", "name": "Erika Inhaberin", "password": "lange genug und geheim"},
            "sample": True,
        }
        made = nobody.request("POST", "/api/setup", json.dumps(request)).expect(201).json()
        owner = Client(server, made["token"])
        job = until_ended(owner, made["job"])
        assert (job["state"], job["done"]) == ("done", job["total"]), job
        clinician = server.client("clinic")
        assert clinician.fhir("GET", "Patient?_summary=count").expect(200).json()["total"] == 24
        assert clinician.get("/dicom-web/studies", DICOM_JSON).expect(200).json(), "the sample has no images"
    finally:
        server.stop()


def until_ended(client, job: str) -> dict:
    """The job, when it is over."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        jobs = {one["id"]: one for one in client.get("/api/system").expect(200).json()["jobs"]}
        if jobs[job].get("ended"):
            return jobs[job]
    raise AssertionError("the sample was not loaded in two minutes")
