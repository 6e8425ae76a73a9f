"""A region: three nodes behind haproxy, PostgreSQL under Patroni, an object store, each on a machine of its own."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from lenticular import ground
from lenticular.http import Client
from lenticular.networks import FRONT, Machine, Networks, enter
from lenticular.objects import ObjectStore
from lenticular.patroni import Patroni
from lenticular.server import Server

MACHINES = {"edge": 10, "n1": 1, "n2": 2, "n3": 3, "d1": 21, "d2": 22, "etcd": 30, "s3": 40}
CLOCK = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
# The nodes whose clocks are wrong, and by how many seconds: behind, and ahead.
SKEWED = {"n2": -300, "n3": 300}


class Address:
    """What `Client` needs of a server: where it is."""

    def __init__(self, http: str):
        self.http = http


class Region:
    """Everything, started; this process is on the machine `edge`, with the proxy and the clients."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.networks = Networks(MACHINES)
        enter(self.networks["edge"])
        # PostgreSQL runs as user postgres, who must be able to reach its files.
        self.base = Path(tempfile.mkdtemp(prefix="lenticular-region-"))
        self.base.chmod(0o755)
        self.database = Patroni(self.networks["etcd"], [self.networks["d1"], self.networks["d2"]], self.base, folder / "patroni")
        self.database.make_database()
        self.objects = ObjectStore(folder / "objects", folder / "objects.log", f"{self.networks['s3'].back}:9000", self.networks["s3"].inside())
        self.nodes = {name: self.node(name) for name in ("n1", "n2", "n3")}
        first = self.nodes["n1"]
        for member, name in (("hospital-a", "Hospital A"), ("hospital-b", "Hospital B")):
            first.org(member, name)
        # Devices come through the proxy, and have its address.
        first.device("hospital-a", "SCANNER1", "--peer", self.networks["edge"].front)
        self.tokens = {member: first.token(member, "clinician", "--ttl", "8h") for member in ("hospital-a", "hospital-b")}
        for node in self.nodes.values():
            node.start()
        self.proxy = self.start_proxy()

    def node(self, name: str) -> Server:
        machine = self.networks[name]
        env = {
            "LENTICULAR__HTTP__LISTEN": f"{machine.front}:8080", "LENTICULAR__DIMSE__LISTEN": f"{machine.front}:11112", "LENTICULAR__HTTP__PUBLIC_URL": "http://cloud.test",
            "LENTICULAR__STORE__URL": self.database.url(), **self.objects.settings("region"),
        }
        if name in SKEWED:
            assert CLOCK.is_file(), f"there is no {CLOCK}: apt-get install faketime"
            env |= {"LD_PRELOAD": str(CLOCK), "FAKETIME": f"{SKEWED[name]:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        server = Server(self.folder / name, **env)
        ground.put(server.data, {})
        server.before = machine.inside()
        return server

    def start_proxy(self) -> subprocess.Popen:
        config = self.folder / "haproxy.cfg"
        config.write_text((Path(__file__).parent / "haproxy.cfg").read_text().replace("FRONT", FRONT))
        with open(self.folder / "haproxy.log", "ab") as log:
            return subprocess.Popen(["haproxy", "-db", "-f", str(config)], stdout=log, stderr=log)

    @property
    def edge(self) -> Machine:
        return self.networks["edge"]

    def clients(self, member: str = "hospital-a") -> Client:
        """HTTP through the proxy."""
        return Client(Address(f"{self.edge.front}:8080"), self.tokens[member])

    def directly(self, node: str, member: str = "hospital-a") -> Client:
        """HTTP to one node."""
        return self.with_token(node, self.tokens[member])

    def with_token(self, node: str, token: str) -> Client:
        return Client(Address(f"{self.networks[node].front}:8080"), token)

    def cut(self, node: str) -> None:
        """Between this node and the database, in silence; its clients and the object store reach it."""
        self.networks[node].cut(*(member.back for member in self.database.members))

    def stop(self) -> None:
        self.networks.remove()
        enter(None)
        shutil.rmtree(self.base, ignore_errors=True)
