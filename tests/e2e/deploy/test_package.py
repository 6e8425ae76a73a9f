"""The Debian package, installed for real: over a copy of this machine's root that is thrown away."""

import os
import subprocess

import pytest
from lenticular.deploy import ROOT

PACKAGE = ROOT / "target/package/lenticular.deb"

# A mount namespace of its own, and in it an overlay over the root: what is installed there is gone with it.
ROOM = """
set -eu
room=$1; shift
mount -t tmpfs none "$room"
mkdir "$room/upper" "$room/work" "$room/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$room/upper,workdir=$room/work" "$room/root"
mount -t proc proc "$room/root/proc"
mount --rbind /dev "$room/root/dev"
cp "$1" "$room/root/lenticular.deb"
exec chroot "$room/root" sh -euc "$2"
"""


def run(*args, timeout=300):
    return subprocess.run(list(map(str, args)), capture_output=True, text=True, timeout=timeout)


@pytest.fixture
def within(folder):
    """Runs a script as root where the package lies as /lenticular.deb."""

    def within(script: str) -> str:
        assert os.geteuid() == 0, "installing a package takes root"
        room = folder / "room"
        room.mkdir(exist_ok=True)
        done = run("unshare", "--mount", "sh", "-c", ROOM, "room", room, PACKAGE, script)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    return within


def test_lintian_finds_nothing():
    done = run("lintian", "--allow-root", "--fail-on", "error,warning", PACKAGE)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout + done.stderr


def test_secrets_are_roots_and_pages_and_completions_are_there():
    listed = {}
    for line in run("dpkg-deb", "--contents", PACKAGE).stdout.splitlines():
        mode, owner, *_, path = line.split()
        listed[path.removeprefix(".")] = (mode, owner)
    assert listed["/etc/lenticular/secrets.env"] == ("-rw-------", "0/0")
    assert listed["/usr/bin/lenticular"] == ("-rwxr-xr-x", "0/0")
    for path in (
        "/usr/lib/systemd/system/lenticular.service",
        "/usr/share/man/man1/lenticular-serve.1.gz",
        "/usr/share/bash-completion/completions/lenticular",
        "/usr/share/zsh/vendor-completions/_lenticular",
        "/usr/share/fish/vendor_completions.d/lenticular.fish",
    ):
        assert path in listed, f"{path} is not in the package"


def test_it_makes_its_user_runs_as_it_and_leaves_nothing(within):
    out = within(
        """
        export DEBIAN_FRONTEND=noninteractive
        dpkg --install /lenticular.deb >/dev/null
        stat --format '%U %a' /var/lib/lenticular
        ls /etc/systemd/system/multi-user.target.wants/lenticular.service
        as() { setpriv --reuid lenticular --regid lenticular --clear-groups --no-new-privs "$@"; }
        as lenticular org add --data /var/lib/lenticular --config /etc/lenticular/lenticular.toml --id a --name A >/dev/null
        as lenticular verify --data /var/lib/lenticular --json >/dev/null && echo clean
        as cat /etc/lenticular/secrets.env 2>/dev/null || echo 'no secrets for the service'
        rm -r /var/lib/lenticular/*
        dpkg --purge lenticular >/dev/null 2>&1
        find /etc /usr /var -xdev -name '*lenticular*'
        getent passwd lenticular || echo 'no user'
        """
    ).splitlines()
    assert out[:4] == ["lenticular 700", "/etc/systemd/system/multi-user.target.wants/lenticular.service", "clean", "no secrets for the service"]
    assert out[4:] == ["no user"], f"purging left {out[4:]}"


def test_purging_keeps_the_records_of_patients(within):
    out = within(
        """
        dpkg --install /lenticular.deb >/dev/null
        setpriv --reuid lenticular --regid lenticular --clear-groups lenticular org add --data /var/lib/lenticular --id a --name A >/dev/null
        dpkg --purge lenticular
        stat --format '%U' /var/lib/lenticular/lenticular.db
        """
    )
    assert "holds data and was kept" in out and out.endswith("lenticular\n")
