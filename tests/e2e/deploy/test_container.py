"""The image and the compose file, as far as they can be judged without pulling an image."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from lenticular.deploy import DEPLOY
from lenticular.postgres import ROLE, Cluster
from lenticular.server import command

CONTAINER = DEPLOY / "container"


def services(profile):
    compose = yaml.safe_load((CONTAINER / "compose.yaml").read_text())
    return {name: service for name, service in compose["services"].items() if profile in service["profiles"]}


def test_the_linter_finds_nothing():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, CONTAINER / "Containerfile"], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_the_last_stage_has_the_program_and_certificates_alone():
    last = re.split(r"^FROM ", (CONTAINER / "Containerfile").read_text(), flags=re.M)[-1]
    assert last.startswith("scratch\n") and re.findall(r"^COPY .*$", last, re.M) == ["COPY --from=build /last/ /"]
    assert "USER 65532:65532" in last and 'HEALTHCHECK' in last and "RUN" not in re.findall(r"^\w+", last, re.M)


@pytest.mark.parametrize("profile, nodes", [("embedded", 1), ("region", 2)])
def test_own_containers_are_read_only_and_depend_on_what_is_there(profile, nodes):
    found = services(profile)
    own = {name: service for name, service in found.items() if "lenticular:latest" in service["image"]}
    assert sum("command" not in service for service in own.values()) == nodes
    for name, service in own.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["user"] == "65532:65532", name
    for name, service in found.items():
        assert set(service.get("depends_on", ())) <= set(found), f"{name} waits for a service of another profile"


def test_there_is_no_default_password():
    for path in (CONTAINER / "compose.yaml", CONTAINER / "env.example"):
        for value in re.findall(r"PASSWORD(?::-|=)([^}\s]*)", path.read_text()):
            assert value == "", f"{path.name} has the password {value!r}"


def test_docker_and_podman_leave_the_same_out():
    left_out = (CONTAINER / "Containerfile.containerignore").read_text()
    # Docker reads another name beside the file that it builds
    assert (CONTAINER / "Containerfile.dockerignore").read_text() == left_out
    assert {"target", ".git", "web/node_modules"} <= set(left_out.splitlines())


def test_nodes_have_a_role_that_owns_its_database_and_is_no_superuser(folder):
    script = CONTAINER / "database.sh"
    postgres = services("region")["postgres"]
    assert "./database.sh:/docker-entrypoint-initdb.d/database.sh:ro" in postgres["volumes"]
    assert "POSTGRES_USER" not in postgres["environment"] and "POSTGRES_DB" not in postgres["environment"]
    cluster = Cluster(folder / "postgres.log")
    try:
        cluster.sql(f"drop role {ROLE}")
        here = {**os.environ, "PGHOST": str(cluster.folder), "PGPORT": str(cluster.port)}
        without = subprocess.run(["sh", script], env=here, capture_output=True, text=True, timeout=60)
        assert without.returncode != 0 and "DATABASE_PASSWORD" in without.stderr
        # the role takes any; addresses do not
        password = "it's 'quoted'; \\ and 5"
        done = subprocess.run(["sh", script], env={**here, "DATABASE_PASSWORD": password}, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert cluster.sql("select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles where rolname = 'lenticular'") == [["f"] * 4]
        cluster.sql("alter role lenticular password '0af1'")
        url = services("region")["node-1"]["environment"]["LENTICULAR__STORE__URL"]
        url = url.replace("${DATABASE_PASSWORD:-}", "0af1").replace("@postgres/", f"@127.0.0.1:{cluster.port}/")
        added = command("org", "add", "--first", "--id", "a", "--name", "A", "--set", f"store.url={url}", "--set", "blobs.url=", "--data", folder / "node")
        assert added.code == 0, added.err
        assert cluster.sql("select count(*) from record", "lenticular") != [["0"]]
    finally:
        cluster.stop()


@pytest.mark.parametrize("profile", ["embedded", "region"])
def test_the_owner_is_made_once(profile):
    assert any(service.get("command", [])[:3] == ["org", "add", "--first"] for service in services(profile).values())


def test_health_is_asked_as_the_container_asks_it(server, folder):
    done = command("health", "--set", f"http.listen={server.http}")
    assert (done.code, done.out) == (0, "ready\n")
    assert shutil.which("haproxy") and (CONTAINER / services("region")["proxy"]["volumes"][0].split(":")[0]).is_file()
