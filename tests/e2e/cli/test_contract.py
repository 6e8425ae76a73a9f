"""The contract for scripts (docs/guide/scripts.md): lines, exit codes and keys that scripts rely on."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
import urllib.parse

import pytest
from lenticular import ground
from lenticular.dicom import DICOM_JSON
from lenticular.http import FHIR_JSON, Client
from lenticular.inputs import ct, synthea
from lenticular.server import BINARY, Server, command, environment


def test_the_ready_line(server):
    assert re.fullmatch(r"ready http=127\.0\.0\.1:\d+ dimse=127\.0\.0\.1:\d+( \w+=\S+)*", server.ready_line), server.ready_line
    assert int(server.http.rsplit(":", 1)[1]) > 0 and server.dimse_port > 0
    assert sum(line.startswith("ready ") for line in server.printed) == 1


def test_health_readiness_and_metrics_need_no_token(server, nobody):
    nobody.get("/healthz").expect(200)
    nobody.get("/readyz").expect(200)
    metrics = nobody.get("/metrics").expect(200).body.decode()
    assert re.search(r"^# TYPE \w+ (counter|gauge|histogram|summary)$", metrics, re.M), metrics[:300]


def test_sigterm_drains_and_exits_0(folder):
    server = Server(folder / "sigterm").start()
    assert server.stop() == 0, server.log()
    assert "panicked" not in server.log()


def test_sigint_too(folder):
    server = Server(folder / "sigint").start()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(30) == 0


def test_a_node_that_drains_serves_on_and_says_so(folder):
    server = Server(folder / "drains", LENTICULAR__DRAIN__SECONDS="60").start()
    nobody = server.nobody()
    assert command("health", "--address", server.http).out == "ready\n"
    server.process.send_signal(signal.SIGTERM)
    until = time.monotonic() + 20
    while (answer := nobody.get("/readyz")).status == 200:
        assert time.monotonic() < until, "SIGTERM changed nothing at /readyz"
    assert (answer.status, answer.body) == (503, b"node: draining\n")
    nobody.get("/healthz").expect(200)
    asked = command("health", "--address", server.http)
    assert (asked.code, asked.out) == (1, "node: draining\n"), asked
    assert server.stop() == 0, "a second signal ends the waiting"


def test_a_supervisor_is_told(folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.settimeout(60)
        heard.bind(f"\0lenticular-{os.getpid()}")
        server = Server(folder / "told", NOTIFY_SOCKET=f"@lenticular-{os.getpid()}").start()
        assert heard.recv(64) == b"READY=1"
        assert server.stop() == 0
        assert heard.recv(64) == b"STOPPING=1"


def test_completions_and_manual_pages_know_the_commands(folder):
    for shell in ("bash", "zsh", "fish"):
        done = command("completions", shell)
        assert done.code == 0 and "verify" in done.out, done.err
    pages = folder / "pages"
    assert command("manual", pages).code == 0
    assert "reindex" in (pages / "lenticular.1").read_text() and (pages / "lenticular-org-add.1").exists()


def test_keys_come_from_the_environment(folder):
    server = Server(folder / "keys", LENTICULAR__DIMSE__AE_TITLE="ELSEWHERE").start()
    try:
        server.org("hospital-a", "Hospital A")
        server.device("hospital-a", "SCANNER1")
        for called, code in (("ELSEWHERE", 0), ("LENTICULAR", 1)):
            done = subprocess.run(["echoscu", "-aet", "SCANNER1", "-aec", called, "127.0.0.1", str(server.dimse_port)], capture_output=True, timeout=60)
            assert (done.returncode == 0) == (code == 0), f"AE title {called}: echoscu ended with {done.returncode}"
    finally:
        server.stop()


def test_an_unknown_key_is_an_error(folder):
    done = command("serve", "--data", folder / "unknown", timeout=30, LENTICULAR__HTTP__LISTENN="127.0.0.1:0")
    assert done.code != 0 and "listenn" in (done.err + done.out).lower(), f"{done.code} {done.err}"


def test_an_address_in_use_is_said(server, folder):
    done = command("serve", "--data", folder / "in-use", timeout=30, LENTICULAR__HTTP__LISTEN=server.http)
    assert done.code != 0 and server.http in done.err, done.err


def test_an_empty_folder_prints_a_one_time_link_and_listens_on_loopback(folder):
    server = Server(folder / "first").start()
    try:
        assert any("http://127.0.0.1" in line or "http://localhost" in line for line in server.printed + server.log().splitlines()), server.printed
    finally:
        server.stop()


@pytest.mark.embedded_only("what patients have lies in the database and in the bucket, not in the data folder")
def test_the_data_folder_is_nobody_elses(server):
    mode = stat.S_IMODE(os.stat(server.data).st_mode)
    assert mode & 0o007 == 0, f"the data folder can be read by everybody: {mode:o}"


@pytest.fixture(params=["while the server runs", "while it does not"])
def either(request, folder, server):
    """A data folder with a server on it, and one without: every command works on both."""
    if request.param == "while the server runs":
        return server
    stopped = Server(folder / "stopped")
    stopped.org("hospital-a", "Hospital A")
    stopped.org("hospital-b", "Hospital B")
    return stopped


def with_server(one: Server) -> Server:
    return one if one.alive() else one.start()


def test_org_add_says_what_it_did(either):
    assert either.run("org add", "--id", f"org-{os.urandom(4).hex()}", "--name", "Ö & Co").code == 0
    again = either.run("org add", "--id", "hospital-a", "--name", "Hospital A")
    assert again.code == 0 or "hospital-a" in again.err
    bad = either.run("org add", "--id", "Not A Name!", "--name", "x")
    assert bad.code != 0 and bad.err.strip(), "a name that is no id was taken"


def test_token_prints_the_token_alone(either):
    out = either.must("token", "--org", "hospital-a", "--role", "clinician")
    assert re.fullmatch(r"\S+\n", out), f"not the token alone: {out!r}"
    assert either.run("token", "--org", "nowhere", "--role", "clinician").code != 0
    assert either.run("token", "--org", "hospital-a", "--role", "emperor").code != 0
    was_alive = either.alive()
    running = with_server(either)
    try:
        Client(running, out.strip()).fhir("GET", "Patient").expect(200)
    finally:
        if not was_alive:
            assert running.stop() == 0


def test_user_add_prints_the_password_that_signs_in(either):
    login = f"anna-{os.urandom(3).hex()}"
    words = ("user add", "--org", "hospital-a", "--login", login, "--name", "Anna Berg", "--role", "clinician")
    password = either.must(*words).strip()
    listed = json.loads(either.must("user list", "--org", "hospital-a", "--json"))["users"]
    assert [user["role"] for user in listed if user["login"] == login] == ["clinician"]
    assert either.run(*words[:4], "x y", *words[5:]).code != 0, "a login that is none was taken"
    was_alive = either.alive()
    running = with_server(either)
    try:
        form = urllib.parse.urlencode({"login": login, "password": password})
        connection = http.client.HTTPConnection(running.http, timeout=30)
        connection.request("POST", "/login", form, {"content-type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("location")) == (303, "/"), answer.read()
    finally:
        if not was_alive:
            assert running.stop() == 0


def test_a_token_ends(server):
    token = server.must("token", "--org", "hospital-a", "--role", "clinician", "--ttl", "1s").strip()
    client = Client(server, token)
    for _ in range(2000):
        if client.fhir("GET", "Patient?_count=1").status == 401:
            return
    pytest.fail("a token of one second is still good after 2000 requests")


def test_a_token_can_name_its_user(server, a):
    token = server.must("token", "--org", "hospital-a", "--role", "clinician", "--user", "dr-who").strip()
    Client(server, token).create({"resourceType": "Patient", "name": [{"family": "Who"}]})
    assert any("dr-who" in json.dumps(e["resource"]["agent"]) for e in a.search("AuditEvent?_count=20")["entry"])


def test_device_add_takes_effect_at_once(server):
    title = "FRESH"
    echo = ["echoscu", "-aet", title, "-aec", "LENTICULAR", "127.0.0.1", str(server.dimse_port)]
    assert subprocess.run(echo, capture_output=True, timeout=60).returncode != 0
    server.device("hospital-a", title, "--peer", "127.0.0.1")
    assert subprocess.run(echo, capture_output=True, timeout=60).returncode == 0
    server.device("hospital-a", "FARAWAY", "--peer", "192.0.2.1")
    far = ["echoscu", "-aet", "FARAWAY", "-aec", "LENTICULAR", "127.0.0.1", str(server.dimse_port)]
    assert subprocess.run(far, capture_output=True, timeout=60).returncode != 0, "a device bound to another address was let in"


@pytest.fixture
def mixed(folder):
    """A folder as somebody has it: images, a bundle, NDJSON."""
    path = folder / "import"
    shutil.rmtree(path, ignore_errors=True)
    (path / "images" / "deep").mkdir(parents=True)
    for file in ct()[:5]:
        shutil.copy(file, path / "images" / "deep")
    for file in synthea()[:2]:
        shutil.copy(file, path)
    lines = [json.dumps({"resourceType": "Patient", "id": f"nd-{n}", "name": [{"family": "Ndjson"}]}) for n in range(20)]
    (path / "patients.ndjson").write_text("\n".join(lines) + "\n")
    return path


def test_import_takes_all_of_it(either, mixed):
    done = either.run("import", "--org", "hospital-a", str(mixed), timeout=300)
    assert done.code == 0, f"import ended with {done.code}: {done.out[-500:]} {done.err[-500:]}"
    was_alive = either.alive()
    running = with_server(either)
    try:
        client = running.client("hospital-a")
        found = client.get("/dicom-web/instances", DICOM_JSON).expect(200).json()
        assert len(found) >= 5
        assert len(client.ids("Patient?name=Ndjson&_count=100")) == 20
        assert client.search("Organization?_summary=count")["total"] >= 194
    finally:
        if not was_alive:
            assert running.stop() == 0


def test_import_reports_what_it_refused_and_fails(either, mixed):
    (mixed / "notes.txt").write_text("hello")
    (mixed / "broken.json").write_text('{"resourceType":"Patient","nmae":1}')
    done = either.run("import", "--json", "--org", "hospital-a", str(mixed), timeout=300)
    assert done.code != 0, "something was refused, and import ended with 0"
    report = [json.loads(line) for line in done.out.splitlines() if line.strip()]
    text = json.dumps(report)
    assert "broken.json" in text, f"the report does not name the file that was refused: {text[:500]}"
    assert any("refused" in json.dumps(one) for one in report), text[:500]


def test_import_of_nothing_is_an_error(either, folder):
    assert either.run("import", "--org", "hospital-a", str(folder / "not-there")).code != 0
    assert either.run("import", "--org", "nowhere", str(ct()[0])).code != 0


def damaged(server) -> str:
    """Flips one bit in the middle of a stored image, wherever it lies, and says where that is."""
    if not ground.EMBEDDED:
        database = ground.name_of(server.data)
        rows = ground.cluster().sql("select segment, at from landing order by length(bytes) desc limit 1", database)
        if rows:
            segment, at = rows[0]
            middle = "length(bytes) / 2"
            changed = f"set_byte(bytes, {middle}, get_byte(bytes, {middle}) # 1)"
            ground.cluster().sql(f"update landing set bytes = {changed} where segment = {segment} and at = {at}", database)
            return f"landing {segment} {at}"
    files = server.data.rglob("*") if ground.EMBEDDED else ground.objects().files(ground.name_of(server.data))
    victim = max((file for file in files if file.is_file()), key=lambda file: file.stat().st_size)
    with open(victim, "r+b") as file:
        file.seek(victim.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    return victim.name


def test_verify_is_clean_and_finds_damage(folder):
    server = Server(folder / "damage").start()
    server.org("hospital-a", "Hospital A")
    assert server.run("import", "--org", "hospital-a", *map(str, ct()[:3])).code == 0
    assert server.run("verify").code == 0, "verify while the server runs"
    assert server.stop() == 0
    clean = server.run("verify", "--json")
    assert clean.code == 0 and all(json.loads(line) is not None for line in clean.out.splitlines() if line.strip())
    victim = damaged(server)
    broken = server.run("verify")
    assert broken.code != 0, f"one bit of {victim} flipped, and verify found nothing"
    assert (broken.out + broken.err).strip(), "verify failed without a word"


def test_help_and_version():
    for args in (["--help"], ["serve", "--help"], ["import", "--help"]):
        done = command(*args)
        assert done.code == 0 and "usage" in done.out.lower()
    assert re.match(r"lenticular \d+\.\d+\.\d+", command("--version").out)
    assert command("no-such-command").code != 0


def test_logs_name_no_patient(server, a):
    family = "Unmistakable"
    one = a.create({"resourceType": "Patient", "name": [{"family": family}], "birthDate": "1931-03-31"})
    a.fhir("GET", f"Patient?family={family}").expect(200)
    a.fhir("POST", "Patient", {"resourceType": "Patient", "name": [{"family": family}], "birthDate": "1931-03-31x"})
    a.fhir("GET", f"Patient/{one['id']}").expect(200)
    log = server.log(100_000) + "\n".join(server.printed)
    assert family not in log and "1931-03-31" not in log, "the log names a patient"


@pytest.mark.parametrize("key", ["store.url=postgres://nobody@127.0.0.1:1/none", "blobs.url=s3://none/none"])
def test_the_demo_keeps_out_of_databases_and_buckets(folder, key):
    """It empties what it stands on."""
    refused = command("demo", "--data", folder / "elsewhere", "--set", key, timeout=30)
    assert refused.code != 0 and ".url is set" in refused.err and "folder of its own" in refused.err, refused.err
    assert not (folder / "elsewhere").exists()


@pytest.mark.embedded_only("the demo keeps to a folder of its own")
def test_the_demo_is_ready_in_thirty_seconds_and_its_tokens_work(folder):
    import time

    began = time.monotonic()
    demo = Server(folder / "demo", subcommand="demo").start()
    took = time.monotonic() - began
    try:
        assert took < 30, f"the demo was ready after {took:.0f} s"
        text = "\n".join(demo.printed)
        tokens = set(re.findall(r"[A-Za-z0-9_\-.~+/=]{24,}", text))
        working = []
        for token in tokens:
            answer = Client(demo, token).fhir("GET", "Patient?_summary=count")
            if answer.status == 200:
                working.append((token, answer.json()["total"]))
        assert working, f"the demo printed no token that works:\n{text[:2000]}"
        assert max(total for _, total in working) >= 10
        token = max(working, key=lambda pair: pair[1])[0]
        answer = Client(demo, token).get("/dicom-web/studies", DICOM_JSON).expect(200)
        assert answer.json(), "the demo has no study"
        for word in ("curl", "storescu", "dicomweb"):
            assert word in text, f"the demo does not say how to try it with {word}"
        assert Client(demo, token).request("GET", "/fhir/metadata", headers={"Accept": FHIR_JSON}).status == 200
    finally:
        assert demo.stop() == 0


@pytest.mark.embedded_only("PostgreSQL and S3 are something else")
def test_the_binary_needs_nothing_else(folder):
    """An empty environment and an empty folder are enough."""
    env = {key: value for key, value in environment().items() if key.startswith("LENTICULAR__")}
    done = subprocess.run([str(BINARY), "org", "add", "--data", str(folder / "bare"), "--id", "x", "--name", "X"], env=env, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
