"""Machines as network namespaces, on two networks: `front`, where clients and proxies are, and `back`, where databases are.

Nothing of it touches the machine's own networks: both bridges lie in a namespace of their own. Names bear the number of the process
that made them, so that several runs do not meet; what a run that was killed left behind goes with the next one.
"""

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

PREFIX = "lenticular"
FRONT, BACK = "10.77.1", "10.77.2"
CLONE_NEWNET = 0x40000000


def ip(*args: str) -> str:
    done = subprocess.run(["ip", *args], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(args)}: {done.stderr}"
    return done.stdout


class Machine:
    """One namespace: its number is the last part of its addresses."""

    def __init__(self, name: str, number: int, space: str):
        self.name, self.number, self.space = name, number, space
        self.front, self.back = f"{FRONT}.{number}", f"{BACK}.{number}"

    def inside(self, user: str | None = None) -> tuple[str, ...]:
        """What stands before a command that is to run here."""
        as_user = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups") if user else ()
        return ("ip", "netns", "exec", self.space, *as_user)

    def run(self, *args: str, user: str | None = None) -> str:
        done = subprocess.run([*self.inside(user), *args], capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, f"{self.name}: {' '.join(args)}: {done.stderr}"
        return done.stdout

    def kill(self) -> None:
        """SIGKILL for every process on it, as if its power were gone; the network stays."""
        kill(self.space)

    def cut(self, *addresses: str) -> None:
        """Drops whatever goes to these addresses or comes from there, without a word to either side."""
        rules = [f"-A {chain} {flag} {address} -j DROP" for address in addresses for chain, flag in (("OUTPUT", "-d"), ("INPUT", "-s"))]
        # all at the same moment
        done = subprocess.run([*self.inside(), "iptables-restore", "--noflush"], input="\n".join(["*filter", *rules, "COMMIT", ""]), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def heal(self) -> None:
        self.run("iptables", "-F")


def processes(space: str) -> list[int]:
    """The processes in a namespace, but this one."""
    here, found = os.stat(f"/run/netns/{space}").st_ino, []
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            if os.stat(path).st_ino == here and int(path.parts[2]) != os.getpid():
                found.append(int(path.parts[2]))
        except OSError:
            continue  # it has ended meanwhile
    return found


def kill(space: str) -> None:
    pids: list[int] = []
    for _ in range(50):
        pids = processes(space)
        if not pids:
            return
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)
    raise AssertionError(f"processes in {space} do not end: {pids}")


class Networks:
    """All machines, wired."""

    def __init__(self, names: dict[str, int]):
        assert os.geteuid() == 0, "this suite makes network namespaces, which takes root: run it as root, or leave it out by name"
        self.tidy()
        self.prefix = f"{PREFIX}-{os.getpid()}-"
        hub = f"{self.prefix}hub"
        ip("netns", "add", hub)
        for bridge in ("front", "back"):
            ip("-n", hub, "link", "add", bridge, "type", "bridge")
            ip("-n", hub, "link", "set", bridge, "up")
        self.machines = {name: Machine(name, number, f"{self.prefix}{name}") for name, number in names.items()}
        for machine in self.machines.values():
            ip("netns", "add", machine.space)
            ip("-n", machine.space, "link", "set", "lo", "up")
            for bridge, address in (("front", machine.front), ("back", machine.back)):
                ip("-n", machine.space, "link", "add", bridge, "type", "veth", "peer", "name", f"{bridge}{machine.number}", "netns", hub)
                ip("-n", hub, "link", "set", f"{bridge}{machine.number}", "master", bridge, "up")
                ip("-n", machine.space, "addr", "add", f"{address}/24", "dev", bridge)
                ip("-n", machine.space, "link", "set", bridge, "up")

    def __getitem__(self, name: str) -> Machine:
        return self.machines[name]

    def remove(self) -> None:
        """Ends every process in the namespaces of this run, and the namespaces."""
        for space in spaces():
            if space.startswith(self.prefix):
                kill(space)
                ip("netns", "del", space)

    @staticmethod
    def tidy() -> None:
        """The same for runs that were killed before they could."""
        for space in spaces():
            word, _, rest = space.partition("-")
            owner = rest.partition("-")[0]
            if word == PREFIX and owner.isdigit() and not Path(f"/proc/{owner}").exists():
                kill(space)
                ip("netns", "del", space)


def spaces() -> list[str]:
    return [line.split()[0] for line in ip("netns", "list").splitlines() if line]


HOME = os.open("/proc/self/ns/net", os.O_RDONLY)


def enter(machine: Machine | None) -> None:
    """Moves this thread, and whatever it starts from now on, to a machine, or back to the network where this process began."""
    libc = ctypes.CDLL(None, use_errno=True)
    file = os.open(f"/run/netns/{machine.space}", os.O_RDONLY) if machine else HOME
    assert libc.setns(file, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    if machine:
        os.close(file)
