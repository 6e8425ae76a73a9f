"""What all moves have in common."""

from pathlib import Path

import pytest
from lenticular.server import Server


@pytest.fixture
def start():
    """Starts servers, and ends those that a failure has left."""
    started = []

    def start(place: Path, **env: str) -> Server:
        started.append(Server(place, **env))
        return started[-1].start()

    yield start
    for server in started:
        if server.alive():
            server.kill()
