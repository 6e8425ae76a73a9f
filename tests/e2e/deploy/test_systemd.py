"""The unit of systemd: it reads without a complaint, and what it leaves open is little."""

import re
import subprocess

from lenticular.deploy import DEPLOY
from lenticular.server import BINARY, command

UNIT = DEPLOY / "systemd/lenticular.service"


def here(folder):
    """The unit with the binary of this build: the one that it names is not installed."""
    unit = folder / "lenticular.service"
    unit.write_text(UNIT.read_text().replace("/usr/bin/lenticular", str(BINARY)))
    return unit


def analyze(*args):
    return subprocess.run(["systemd-analyze", *map(str, args)], capture_output=True, text=True, timeout=120)


def test_systemd_reads_it_without_a_complaint(folder):
    done = analyze("verify", "--man=no", here(folder))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_what_is_open_to_the_service_is_little(folder):
    done = analyze("security", "--offline=yes", "--threshold=15", here(folder))
    score = re.search(r"Overall exposure level for .*: ([0-9.]+)", done.stdout)
    assert score, done.stdout + done.stderr
    assert done.returncode == 0 and float(score[1]) <= 1.5, f"the exposure is {score[1]}"


def test_what_only_a_hand_can_change_is_not_started_again(folder):
    code = int(re.search(r"^RestartPreventExitStatus=(\d+)$", UNIT.read_text(), re.M)[1])

    def ends(*args):
        done = command("serve", "--data", folder / "first", *args)
        return done.code, done.err

    assert command("org", "add", "--data", folder / "first", "--id", "a", "--name", "A").code == 0
    assert ends("--set", "no.such=setting")[0] == code
    assert ends("--set", "store.url=mysql://u@h/d")[0] == code
    # what may pass by itself is tried again
    assert ends("--set", "store.url=postgres://u:p@127.0.0.1:1/d")[0] == 1
    assert command("migrate", "--data", folder / "first", "--to", folder / "second").code == 0
    moved, said = ends()
    assert moved == code and "has moved to" in said, said


def test_there_is_time_to_drain():
    unit = UNIT.read_text()
    drain = int(re.search(r'seconds = "(\d+)"', (DEPLOY / "systemd/lenticular.toml").read_text())[1])
    stop = int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.M)[1])
    assert "Type=notify" in unit and stop > drain + 62 + 5


def test_the_binary_takes_the_settings_of_the_package():
    done = subprocess.run([BINARY, "config", "--config", DEPLOY / "systemd/lenticular.toml", "--origin"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert re.search(r'^seconds = "5"  # from .*lenticular.toml$', done.stdout, re.M)
