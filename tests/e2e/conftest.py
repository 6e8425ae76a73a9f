"""One server per test module, on free ports, with two hospitals and nothing in it."""

import os
import shutil
from pathlib import Path

import pytest

pytest.register_assert_rewrite("lenticular")

from lenticular import ground
from lenticular.server import BINARY, Server


def pytest_configure(config):
    config.addinivalue_line("markers", "embedded_only(reason): makes sense on SQLite and files alone, for this reason")
    config.addinivalue_line("markers", "postgres_only(reason): makes sense on PostgreSQL and S3 alone, for this reason")
    if ground.STORE not in ground.STORES:
        raise pytest.UsageError(f"LENTICULAR_E2E_STORE is {ground.STORE!r}; there are {', '.join(ground.STORES)}")
    if not BINARY.is_file():
        raise pytest.UsageError(f"there is no binary {BINARY}: run `cargo xtask test`, or set LENTICULAR_BINARY")


def pytest_collection_modifyitems(items):
    """What makes no sense on this run's store is left out by name, with its reason in the summary."""
    elsewhere = "postgres_only" if ground.EMBEDDED else "embedded_only"
    for item in items:
        for mark in item.iter_markers(elsewhere):
            item.add_marker(pytest.mark.skip(reason=f"{elsewhere}: {mark.args[0]}"))


def pytest_report_header():
    return f"store: {ground.STORE}; objects: {os.environ.get('LENTICULAR_E2E_S3') or 'the double'}"


def pytest_collection_finish(session):
    """Room for what will run: the folders of its suites, as they were left by the last run, go."""
    for name in {item.path.parent.name for item in session.items} | {"objects"}:
        shutil.rmtree(ground.RUN / name, ignore_errors=True)


def pytest_sessionfinish(session):
    ground.stop()


@pytest.fixture(scope="module")
def folder(request) -> Path:
    """A folder of this test module alone; kept until the next run, for whoever looks into a failure."""
    path = ground.RUN / request.path.parent.name / request.path.stem
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
