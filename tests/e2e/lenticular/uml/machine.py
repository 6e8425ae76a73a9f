"""The machine from outside: a network card, a disk, a kernel, and the switch."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

KERNEL = "linux.uml"
MEMORY = "768M"
READY_SECONDS = 120
HERE = Path(__file__).resolve().parent


def module() -> Path:
    """What lets this kernel speak to the disk."""
    version = quiet(KERNEL, "--version").split()[0]
    return Path(f"/usr/lib/uml/modules/{version}/kernel/drivers/block/nbd.ko")


def missing() -> str | None:
    """Why there can be no such machine here; `None` where there can be."""
    if os.geteuid() != 0:
        return "it makes a network card and mounts disk images, which takes root"
    for program in (KERNEL, "ip", "eatmydata", "mkfs.ext4", "e2fsck"):
        if shutil.which(program) is None:
            return f"there is no `{program}`: apt-get install user-mode-linux iproute2 eatmydata e2fsprogs"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun"
    if not module().exists():
        return f"there is no {module()}"
    return None


def quiet(*args: object) -> str:
    """Runs a command of the system, and gives what it printed; what it complains of is in the error."""
    done = subprocess.run([str(arg) for arg in args], capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, args))} ended with {done.returncode}: {done.stdout} {done.stderr}"
    return done.stdout


class Image:
    """An ext4 file system in a file; mounted here to look into it."""

    def __init__(self, file: Path, size: int):
        self.file, self.size = file, size
        self.folder = file.with_suffix(".mounted")
        self.folder.mkdir(exist_ok=True)
        with open(file, "wb") as made:
            made.truncate(size)
        quiet("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", file)

    def __enter__(self) -> Path:
        """Mounts it, as after the power is back: the kernel replays the journal."""
        quiet("mount", "-o", "loop,noatime", self.file, self.folder)
        return self.folder

    def __exit__(self, *_) -> None:
        quiet("umount", self.folder)

    def check(self) -> None:
        """The file system itself is whole. A disk that did more harm than disks may do would show here."""
        quiet("e2fsck", "-f", "-n", self.file)


class Card:
    """A network card of the guest: a tap device, and a network of two addresses that nothing else uses."""

    def __init__(self):
        number = os.getpid() % 0x4000
        # 198.18.0.0/15 is kept for tests of this kind (RFC 2544).
        base = (198 << 24) + (18 << 16) + number * 4
        self.host, self.guest = (".".join(str((base + at) >> shift & 255) for shift in (24, 16, 8, 0)) for at in (1, 2))
        self.name = f"uml{number}"

    def __enter__(self) -> "Card":
        quiet("ip", "tuntap", "add", "dev", self.name, "mode", "tap")
        quiet("ip", "addr", "add", f"{self.host}/30", "dev", self.name)
        quiet("ip", "link", "set", self.name, "up")
        return self

    def __exit__(self, *_) -> None:
        quiet("ip", "link", "del", self.name)


class Machine:
    """One life of the machine, from power on to power off: it runs `command` on the disk, mounted at `/mnt`."""

    FOLDER = "/mnt"

    def __init__(self, folder: Path, image: Image, card: Card, command: list[str], environment: dict[str, str]):
        self.folder, self.image, self.card = folder, image, card
        self.command, self.environment = command, environment
        self.printed: list[str] = []
        self.addresses: dict[str, str] = {}

    def start(self, until: str = "ready ") -> "Machine":
        """Power on, and wait for a line: the server's `ready`, or the guest's `mounted` just before it starts the server."""
        self.disk = subprocess.Popen(
            [sys.executable, "-P", HERE / "disk.py", self.image.file, self.card.host],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        port = json.loads(self.disk.stdout.readline())["port"]
        orders = self.folder / "guest.json"
        orders.write_text(json.dumps({
            "guest": self.card.guest, "host": self.card.host, "port": port, "size": self.image.size,
            "module": str(module()), "folder": self.FOLDER, "command": self.command, "environment": self.environment,
        }))
        self.kernel = subprocess.Popen(
            [KERNEL, f"mem={MEMORY}", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "quiet",
             f"uml_dir={self.folder}/", f"vec0:transport=tap,ifname={self.card.name},depth=128,gro=1",
             "con=null", "con0=null,fd:1", "init=/usr/bin/python3", "--", "-I", HERE / "guest.py", orders],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            start_new_session=True,
        )
        lines: queue.Queue = queue.Queue()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None or line.startswith("ended "):
                self.off()
                raise AssertionError("the machine did not come up; it printed\n" + "\n".join(self.printed[-60:]))
            if line.startswith(until):
                self.addresses = dict(part.split("=", 1) for part in line.split() if "=" in part)
                return self

    def _read(self, lines: queue.Queue) -> None:
        with open(self.folder / "console.log", "a") as log:
            for line in self.kernel.stdout:
                self.printed.append(line.rstrip())
                log.write(line)
                lines.put(line.rstrip())
        lines.put(None)

    @property
    def http(self) -> str:
        return f"{self.card.guest}:{self.addresses['http'].rsplit(':', 1)[1]}"

    @property
    def dimse(self) -> str:
        return f"{self.card.guest}:{self.addresses['dimse'].rsplit(':', 1)[1]}"

    def alive(self) -> bool:
        return self.kernel.poll() is None

    def _kill(self) -> None:
        """All processes of the kernel at once, and waits until none is left that could still write."""
        try:
            while True:
                os.killpg(self.kernel.pid, signal.SIGKILL)
                self.kernel.poll()
                time.sleep(0.005)
        except ProcessLookupError:
            self.kernel.wait()

    def cut(self, seed: int, share: float, amid: bool) -> dict:
        """The power goes, at once or amid the disk's next flush. Gives what the disk had been told, kept and lost (see `disk.py`)."""
        # The disk stops first: what the guest does until it is killed reaches neither the disk nor an answer of it.
        self.disk.stdin.write(json.dumps({"seed": seed, "share": share, "amid": amid}) + "\n")
        self.disk.stdin.flush()
        said = self.disk.stdout.readline()
        self._kill()
        assert said == '"stopped"\n', f"the disk did not stop, it said {said!r}"
        said, _ = self.disk.communicate(timeout=60)
        return json.loads(said)

    def off(self) -> None:
        """Ends everything, whatever state it is in."""
        self._kill()
        self.disk.kill()
        self.disk.wait()
