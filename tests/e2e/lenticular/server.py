"""The real binary as a process, and its command line."""

import os
import queue
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from . import ground
from .http import Client

BINARY = Path(os.environ.get("LENTICULAR_BINARY", "target/debug/lenticular")).resolve()
READY_SECONDS = 60


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


def environment(data: Path | None = None, **more: str) -> dict:
    """The environment of a server on free ports, on the ground of its data folder, without what the caller's own shell may set."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("LENTICULAR__", "AWS_"))}
    env["LENTICULAR__HTTP__LISTEN"] = "127.0.0.1:0"
    env["LENTICULAR__DIMSE__LISTEN"] = "127.0.0.1:0"
    if data is not None:
        env.update(ground.settings(data))
    env.update(more)
    return env


def command(*args: str, timeout: float = 120, before: tuple[str, ...] = (), **env: str) -> Outcome:
    """Runs `lenticular ARGS` to its end; `before` stands in front of it, such as the way to another machine."""
    words = [str(arg) for arg in args]
    data = words[words.index("--data") + 1] if "--data" in words else None
    done = subprocess.run(
        [*before, str(BINARY), *words], capture_output=True, text=True, timeout=timeout, env=environment(data, **env)
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


class Server:
    """`lenticular serve` on free ports. Its log lies beside its data, as `<data>.log`."""

    def __init__(self, data: Path, subcommand: str = "serve", **env: str):
        self.data = Path(data)
        self.subcommand = subcommand
        self.env = env
        # What stands in front of the command, such as the way to another machine.
        self.before: tuple[str, ...] = ()
        self.process: subprocess.Popen | None = None
        self.printed: list[str] = []
        self.ready_line = ""
        self.addresses: dict[str, str] = {}

    def start(self) -> "Server":
        """Starts the process and waits for its `ready` line."""
        lines: queue.Queue = queue.Queue()
        self.printed = []
        log = open(f"{self.data}.log", "ab")
        self.process = subprocess.Popen(
            [*self.before, str(BINARY), self.subcommand, "--data", str(self.data)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment(self.data, **self.env),
        )
        log.close()
        threading.Thread(target=self._read, args=(self.process.stdout, lines), daemon=True).start()
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self.kill()
                raise AssertionError(f"no `ready` line within {READY_SECONDS} s; it printed {self.printed}\n{self.log()}")
            if line is None:
                code = self.process.wait()
                raise AssertionError(f"the server ended with {code} before it was ready\n{self.log()}")
            if line.startswith("ready "):
                self.ready_line = line
                self.addresses = dict(part.split("=", 1) for part in line.split()[1:])
                return self

    def _read(self, stream, lines) -> None:
        for line in stream:
            self.printed.append(line.rstrip("\n"))
            lines.put(line.rstrip("\n"))
        lines.put(None)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def http(self) -> str:
        """`127.0.0.1:NNNN`."""
        return self.addresses["http"]

    @property
    def url(self) -> str:
        return f"http://{self.http}"

    @property
    def dimse_port(self) -> int:
        return int(self.addresses["dimse"].rsplit(":", 1)[1])

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, seconds: float = 60) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def log(self, lines: int = 40) -> str:
        path = Path(f"{self.data}.log")
        if not path.exists():
            return "(no log)"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])

    def memory(self, field: str = "VmHWM") -> int:
        """Resident memory in bytes: `VmHWM` is the most that it ever was, `VmRSS` what it is."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {field} for process {self.pid}")

    # The command line on this data folder, whether the server runs or not.

    def run(self, name: str, *args: str, timeout: float = 120) -> Outcome:
        return command(*name.split(), "--data", str(self.data), *args, timeout=timeout, before=self.before, **self.env)

    def must(self, name: str, *args: str, timeout: float = 120) -> str:
        done = self.run(name, *args, timeout=timeout)
        assert done.code == 0, f"`lenticular {name} {' '.join(map(str, args))}` ended with {done.code}: {done.err}"
        return done.out

    def org(self, ident: str, name: str) -> None:
        self.must("org add", "--id", ident, "--name", name)

    def device(self, org: str, title: str, *args: str) -> None:
        self.must("device add", "--org", org, "--ae", title, *args)

    def token(self, org: str, role: str = "clinician", *args: str) -> str:
        return self.must("token", "--org", org, "--role", role, *args).strip()

    def client(self, org: str, role: str = "clinician") -> Client:
        """HTTP in the name of somebody at a member."""
        return Client(self, self.token(org, role))

    def nobody(self) -> Client:
        """HTTP without a token."""
        return Client(self, None)
