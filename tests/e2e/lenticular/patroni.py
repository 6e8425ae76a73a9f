"""Two PostgreSQL servers under Patroni, with one etcd: a leader and a synchronous replica, each on a machine of its own."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import yaml

from .deploy import DEPLOY
from .networks import Machine
from .postgres import PASSWORD, ROLE, programs

DATABASE = "lenticular"


class Patroni:
    """etcd and the members; `folder` must be one that user `postgres` can reach."""

    def __init__(self, etcd: Machine, members: list[Machine], folder: Path, log: Path):
        self.etcd, self.members, self.folder, self.log = etcd, members, folder, log
        self.start_etcd()
        for member in members:
            home = folder / member.name
            home.mkdir(parents=True)
            shutil.chown(home, "postgres", "postgres")
            self.certify(member, home)
            (home / "patroni.yml").write_text(yaml.safe_dump(self.settings(member)))
            self.start(member)
            # The second copies the first.
            self.until(lambda member=member: self.state(member).get("state") == "running", 90, f"{member.name} runs")
        self.until(lambda: len([one for one in members if self.state(one).get("sync_standby")]) == len(members) - 1, 60, "the replica is synchronous")

    def settings(self, member: Machine) -> dict:
        """The example that is shipped, on this machine: with less memory and log, and two servers, of which one may be away."""
        home, port = self.folder / member.name, 5432
        text = (DEPLOY / "patroni/patroni.yml").read_text()
        settings = yaml.safe_load(text.replace("192.0.2.0", member.back.rsplit(".", 1)[0] + ".0"))
        settings["name"] = member.name
        settings["restapi"] = {"listen": f"{member.back}:8008", "connect_address": f"{member.back}:8008"}
        settings["etcd3"]["hosts"] = [f"{self.etcd.back}:2379"]
        shared = settings["bootstrap"]["dcs"]
        shared["synchronous_mode_strict"] = False
        shared["postgresql"]["parameters"] |= {"shared_buffers": "64MB", "max_wal_size": "512MB", "wal_keep_size": "1GB"}
        settings["bootstrap"]["initdb"].append({"locale": "C.UTF-8"})
        own = settings["postgresql"]
        own |= {"listen": f"{member.back}:{port}", "connect_address": f"{member.back}:{port}", "data_dir": str(home / "data"), "bin_dir": str(programs()), "pgpass": str(home / "pgpass")}
        own["parameters"] |= {"unix_socket_directories": str(home), "ssl_cert_file": str(home / "server.pem"), "ssl_key_file": str(home / "server.key")}
        # it resets machines
        del settings["watchdog"]
        return settings

    def certify(self, member: Machine, home: Path) -> None:
        """A key and a certificate that nobody checks."""
        done = subprocess.run([*member.inside("postgres"), "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={member.name}",
                               "-keyout", str(home / "server.key"), "-out", str(home / "server.pem")], capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, done.stderr

    def start_etcd(self) -> None:
        home = self.folder / "etcd"
        client, peer = f"http://{self.etcd.back}:2379", f"http://{self.etcd.back}:2380"
        with open(self.log.with_suffix(".etcd.log"), "ab") as log:
            subprocess.Popen([*self.etcd.inside(), "etcd", "--data-dir", str(home), "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
                              "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}", "--log-level", "error"], stdout=log, stderr=log, cwd="/")

    def start(self, member: Machine) -> None:
        secrets = {f"PATRONI_{role}_PASSWORD": PASSWORD for role in ("REPLICATION", "SUPERUSER", "REWIND")}
        with open(f"{self.log}.{member.name}.log", "ab") as log:
            subprocess.Popen([*member.inside("postgres"), "patroni", str(self.folder / member.name / "patroni.yml")], stdout=log, stderr=log, cwd="/", start_new_session=True, env={**os.environ, **secrets, "HOME": str(self.folder / member.name)})

    def state(self, member: Machine) -> dict:
        """What the member says of itself; nothing where it does not answer."""
        request = urllib.request.Request(f"http://{member.back}:8008/patroni")
        try:
            with urllib.request.urlopen(request, timeout=2) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)
        except (OSError, ValueError):
            return {}

    def leader(self) -> Machine | None:
        """The member that takes writes now."""
        return next((one for one in self.members if self.leads(one)), None)

    def leads(self, member: Machine) -> bool:
        state = self.state(member)
        return state.get("role") in ("master", "primary") and state.get("state") == "running"

    def until(self, condition, seconds: float, what: str) -> float:
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s: {what}; see {self.log}*"
            time.sleep(0.1)
        return time.monotonic() - began

    def whole(self) -> bool:
        """A leader, and a replica that has all of it."""
        return self.leader() is not None and any(self.state(one).get("sync_standby") for one in self.members)

    def sql(self, text: str, database: str = DATABASE) -> list[list[str]]:
        """The rows of one statement on the leader, as its superuser."""
        leader = self.leader()
        assert leader, "there is no leader"
        home = self.folder / leader.name
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-h", str(home), "-U", "postgres", "-d", database, "-c", text], capture_output=True, text=True, cwd="/", user="postgres", group="postgres")
        assert done.returncode == 0, f"{text}: {done.stderr}"
        return [line.split("\x1f") for line in done.stdout.splitlines()]

    def make_database(self) -> None:
        self.sql(f"create role {ROLE} login nosuperuser password '{PASSWORD}'", "postgres")
        self.sql(f"create database {DATABASE} owner {ROLE} template template0", "postgres")

    def url(self) -> str:
        hosts = ",".join(f"{member.back}:5432" for member in self.members)
        return f"postgres://{ROLE}:{PASSWORD}@{hosts}/{DATABASE}?target_session_attrs=read-write"
