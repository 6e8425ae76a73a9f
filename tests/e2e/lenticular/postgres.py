"""A PostgreSQL of the tests' own: a throwaway cluster on a free port, with a role that is no superuser."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

ROLE, PASSWORD = "lenticular", "only-for-tests"
READY_SECONDS = 60
SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "64MB",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "full_page_writes": "off",
    "timezone": "Asia/Kathmandu",  # times must not depend on it
}


def programs() -> Path:
    """The folder with `initdb` and `postgres`: that of the newest release installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    assert found, "there is no PostgreSQL: run `cargo xtask test`, or: apt-get install postgresql"
    return found[-1].parent


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


class Cluster:
    """One PostgreSQL server. It refuses to run as root, so that root runs it as user `postgres`."""

    def __init__(self, log: Path, folder: Path | None = None, fsync: bool = False):
        self.user = "postgres" if os.geteuid() == 0 else None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="lenticular-pg-"))
        self.log = log
        self.port = free_port()
        self.process: subprocess.Popen | None = None
        self.databases: set[str] = set()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.own(self.folder)
        secret = self.folder / "secret"
        secret.write_text(PASSWORD)
        self.own(secret)
        self._run("initdb", "-D", str(self.data), "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync",
                  "--locale=C.UTF-8", "--encoding=UTF8", "--username=postgres", f"--pwfile={secret}")
        with open(self.data / "postgresql.conf", "a") as file:
            for name, value in {**SETTINGS, "fsync": "on" if fsync else "off"}.items():
                file.write(f"{name} = '{value}'\n")
        self.start()
        self.sql(f"create role {ROLE} login nosuperuser nocreatedb nocreaterole password '{PASSWORD}'")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def own(self, path: Path) -> None:
        """Gives a path to the user that the server runs as."""
        if self.user:
            user = pwd.getpwnam(self.user)
            os.chown(path, user.pw_uid, user.pw_gid)

    def _run(self, name: str, *args: str) -> None:
        done = subprocess.run([str(programs() / name), *args], capture_output=True, text=True, user=self.user, group=self.user, cwd="/")
        assert done.returncode == 0, f"{name} ended with {done.returncode}: {done.stderr[-800:]}"

    def start(self) -> None:
        """Starts the server and waits until it takes connections."""
        said, ended = threading.Event(), threading.Event()
        self.process = subprocess.Popen(
            [str(programs() / "postgres"), "-D", str(self.data), "-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder)],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace", user=self.user, group=self.user, cwd="/",
        )
        threading.Thread(target=self._read, args=(self.process, said, ended), daemon=True).start()
        assert said.wait(READY_SECONDS) and not ended.is_set(), f"PostgreSQL did not start; see {self.log}"

    def _read(self, process, said, ended) -> None:
        with open(self.log, "a") as log:
            for line in process.stderr:
                log.write(line)
                log.flush()
                if "ready to accept connections" in line:
                    said.set()
        ended.set()
        said.set()

    def kill(self) -> None:
        """SIGKILL for every process of the server, as if its machine were gone."""
        self.process.send_signal(signal.SIGSTOP)  # no child is born while they are counted
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                pass  # a session that ended meanwhile
        self.process.kill()
        self.process.wait()
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        """Ends the server without a checkpoint and forgets its files."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def set(self, name: str, value: str) -> None:
        """Changes a setting of the running server."""
        self.sql(f"alter system set {name} = '{value}'")
        self.sql("select pg_reload_conf()")

    def url(self, database: str) -> str:
        return f"postgres://{ROLE}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def database(self, name: str, tablespace: str | None = None) -> str:
        """The URL of a database, which is made when it is asked for the first time."""
        if name not in self.databases:
            where = f" tablespace {tablespace}" if tablespace else ""
            self.sql(f'create database "{name}" owner {ROLE} template template0{where}')
            self.databases.add(name)
        return self.url(name)

    def sql(self, text: str, database: str = "postgres") -> list[list[str]]:
        """The rows of one statement as the superuser; fields as text."""
        done = subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-p", str(self.port), "-U", "postgres", "-d", database, "-c", text],
            capture_output=True, text=True, cwd="/",
        )
        assert done.returncode == 0, f"{text}: {done.stderr}"
        return [line.split("\x1f") for line in done.stdout.splitlines()]
