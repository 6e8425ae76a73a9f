"""What servers stand on: SQLite and files, or PostgreSQL and S3. `LENTICULAR_E2E_STORE` says which. Every suite runs on each;
`both` is for those that need the two at once.

Each data folder has a database and an object prefix of its own, named after it, so that whoever starts a server, or the command
line, on the same folder again meets the same rows. The cluster and the object store start when the first one asks and end with
the session.
"""

import hashlib
import os
import re
from pathlib import Path

from .inputs import E2E
from .objects import ObjectStore
from .postgres import Cluster

STORES = ("embedded", "postgres", "both")
STORE = os.environ.get("LENTICULAR_E2E_STORE", "embedded")
EMBEDDED = STORE == "embedded"
# An object store that runs already, such as Ceph's gateway, instead of the double.
ANOTHERS_OBJECTS = bool(os.environ.get("LENTICULAR_E2E_S3"))
# Where servers, databases and objects of this run lie; kept until the next one, for whoever looks into a failure.
RUN = E2E / "data" / STORE

_cluster: Cluster | None = None
_objects: ObjectStore | None = None
_elsewhere: dict[Path, dict[str, str]] = {}


def cluster() -> Cluster:
    """The PostgreSQL of this session."""
    global _cluster
    if _cluster is None:
        RUN.mkdir(parents=True, exist_ok=True)
        _cluster = Cluster(RUN / "postgres.log")
    return _cluster


def objects() -> ObjectStore:
    """The object store of this session."""
    global _objects
    if _objects is None:
        RUN.mkdir(parents=True, exist_ok=True)
        _objects = ObjectStore(RUN / "objects", RUN / "objects.log")
    return _objects


def name_of(data: Path) -> str:
    """A database, and an object prefix, of this data folder alone."""
    data = Path(data).resolve()
    words = re.sub(r"[^a-z0-9]+", "_", "_".join(data.parts[-3:]).lower()).strip("_")
    return f"{words[-40:].strip('_')}_{hashlib.sha256(str(data).encode()).hexdigest()[:8]}"


def settings(data: Path) -> dict[str, str]:
    """The environment that puts the server of this data folder where this run wants it."""
    data = Path(data).resolve()
    if data in _elsewhere:
        return _elsewhere[data]
    if EMBEDDED:
        return {}
    name = name_of(data)
    return {"LENTICULAR__STORE__URL": cluster().database(name), **objects().settings(name)}


def put(data: Path, env: dict[str, str]) -> None:
    """Names the ground of one data folder by hand, instead of that of the run."""
    _elsewhere[Path(data).resolve()] = env


def stop() -> None:
    global _cluster, _objects
    if _cluster:
        _cluster.stop()
    if _objects:
        _objects.stop()
    _cluster = _objects = None
