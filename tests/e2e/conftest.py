"""One server per test module, on free ports, with two hospitals and nothing in it."""

import shutil
from pathlib import Path

import pytest

pytest.register_assert_rewrite("lenticular")

from lenticular.inputs import E2E
from lenticular.server import BINARY, Server


def pytest_configure(config):
    if not BINARY.is_file():
        raise pytest.UsageError(f"there is no binary {BINARY}: run `cargo xtask test`, or set LENTICULAR_BINARY")


def pytest_sessionstart(session):
    shutil.rmtree(E2E / "data", ignore_errors=True)


@pytest.fixture(scope="module")
def folder(request) -> Path:
    """A folder of this test module alone; kept until the next run, for whoever looks into a failure."""
    path = E2E / "data" / request.path.parent.name / request.path.stem
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(scope="module")
def server(folder):
    """A running server with hospital-a (scanner SCANNER1) and hospital-b (scanner SCANNER2)."""
    server = Server(folder / "store")
    server.start()
    server.org("hospital-a", "Hospital A")
    server.org("hospital-b", "Hospital B")
    server.device("hospital-a", "SCANNER1")
    server.device("hospital-b", "SCANNER2")
    yield server
    if server.alive():
        code = server.stop()
        assert code == 0, f"SIGTERM ended the server with {code}\n{server.log()}"


@pytest.fixture(scope="module")
def a(server):
    """A clinician at hospital A."""
    return server.client("hospital-a")


@pytest.fixture(scope="module")
def b(server):
    """A clinician at hospital B."""
    return server.client("hospital-b")


@pytest.fixture(scope="module")
def nobody(server):
    return server.nobody()
