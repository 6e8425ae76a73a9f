"""The image and the compose file, as far as they can be judged without pulling an image."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from lenticular.deploy import DEPLOY

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


def test_health_is_asked_as_the_container_asks_it(server, folder):
    from lenticular.server import command

    done = command("health", "--set", f"http.listen={server.http}")
    assert (done.code, done.out) == (0, "ready\n")
    assert shutil.which("haproxy") and (CONTAINER / services("region")["proxy"]["volumes"][0].split(":")[0]).is_file()
