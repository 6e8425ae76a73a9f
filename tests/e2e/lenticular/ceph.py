#!/usr/bin/env python3
"""Ceph with its S3 gateway on one machine, for tests alone: one monitor, one manager, one disk that is a file, nothing replicated.

    ceph.py --bucket NAME [--bucket NAME]     keys from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY

It prints `ready s3 http=HOST:PORT` once the buckets are there, and ends, with all that it started and wrote, when its input ends.
Debian's packages are ceph-mon, ceph-mgr, ceph-osd and radosgw. It needs about 0.7 GB of memory, and half a minute to start.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

READY_SECONDS = 120
DISK_BYTES = 8 << 30
# Without authentication between its parts, of one copy, in memory that a test machine has.
SETTINGS = {
    "auth_cluster_required": "none",
    "auth_service_required": "none",
    "auth_client_required": "none",
    "auth_allow_insecure_global_id_reclaim": "false",
    "osd_pool_default_size": "1",
    "osd_pool_default_min_size": "1",
    "osd_crush_chooseleaf_type": "0",
    "mon_allow_pool_size_one": "true",
    "mon_warn_on_pool_no_redundancy": "false",
    "mon_max_pg_per_osd": "1000",
    "osd_pool_default_pg_num": "8",
    "osd_pool_default_pgp_num": "8",
    "osd_memory_target": "939524096",
    "bluestore_block_size": str(DISK_BYTES),
    "bluestore_block_create": "true",
    "public_addr": "127.0.0.1",
    "cluster_addr": "127.0.0.1",
    "ms_bind_ipv6": "false",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Ceph:
    """The daemons as children of this process."""

    def __init__(self, folder: Path):
        self.folder, self.daemons = folder, []
        self.monitor, self.gateway = free_port(), free_port()
        self.endpoint = f"http://127.0.0.1:{self.gateway}"
        self.config = folder / "ceph.conf"
        for name in ("mon", "mgr", "osd", "rgw", "run", "log"):
            (folder / name).mkdir()
        ident = str(uuid.uuid4())
        places = {
            "fsid": ident, "mon_host": f"v1:127.0.0.1:{self.monitor}/0", "mon_initial_members": "a", "run_dir": f"{folder}/run",
            "admin_socket": f"{folder}/run/$name.$pid.asok", "log_file": f"{folder}/log/$name.log", "crash_dir": f"{folder}/log",
        }
        parts = {
            "global": SETTINGS | places,
            "mon.a": {"mon_data": f"{folder}/mon", "mon_addr": f"127.0.0.1:{self.monitor}"},
            "mgr.x": {"mgr_data": f"{folder}/mgr"},
            "osd.0": {"osd_data": f"{folder}/osd"},
            "client.rgw.a": {"rgw_frontends": f"beast endpoint=127.0.0.1:{self.gateway}", "rgw_data": f"{folder}/rgw"},
        }
        self.config.write_text("\n".join(f"[{name}]\n" + "\n".join(f"{key}={value}" for key, value in some.items()) for name, some in parts.items()) + "\n")
        map_file = str(folder / "monmap")
        self.run("monmaptool", "--create", "--clobber", "--fsid", ident, "--addv", "a", f"[v1:127.0.0.1:{self.monitor}]", map_file)
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", map_file)

    def run(self, program: str, *args: str) -> str:
        done = subprocess.run([program, "-c", str(self.config), *args] if program != "monmaptool" else [program, *args], capture_output=True, text=True, timeout=READY_SECONDS)
        if done.returncode != 0:
            raise SystemExit(f"{program} {' '.join(args)} ended with {done.returncode}: {done.stderr[-1500:]}")
        return done.stdout

    def daemon(self, program: str, *args: str) -> None:
        with open(self.folder / "log" / f"{program}.out", "ab") as log:
            self.daemons.append(subprocess.Popen([program, "-f", "-c", str(self.config), *args], stdout=log, stderr=log, stdin=subprocess.DEVNULL))

    def start(self, key: str, secret: str) -> None:
        self.daemon("ceph-mon", "-i", "a")
        self.daemon("ceph-mgr", "-i", "x")
        disk = str(uuid.uuid4())
        self.run("ceph", "osd", "new", disk, "0")
        self.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        self.run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")
        self.daemon("ceph-osd", "-i", "0")
        self.daemon("radosgw", "-n", "client.rgw.a")
        self.wait()
        self.run("radosgw-admin", "-n", "client.rgw.a", "user", "create", "--uid=tests", "--display-name=tests", f"--access-key={key}", f"--secret-key={secret}")

    def wait(self) -> None:
        """Until the gateway answers, to nobody in particular."""
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            for daemon in self.daemons:
                if daemon.poll() is not None:
                    raise SystemExit(f"{daemon.args[0]} ended with {daemon.returncode}:\n{self.said()}")
            try:
                urllib.request.urlopen(self.endpoint, timeout=5)
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.2)
        raise SystemExit(f"the gateway did not answer within {READY_SECONDS} s:\n{self.said()}")

    def said(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-1500:] for path in sorted((self.folder / "log").glob("*.out")))

    def stop(self) -> None:
        """Without a goodbye: nothing of it is kept."""
        for daemon in reversed(self.daemons):
            daemon.kill()
            daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    reader.add_argument("--bucket", action="append", required=True)
    asked = reader.parse_args()
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from lenticular.objects import make_bucket

    # the shortest way there is: names of sockets have room for 107 bytes
    ceph = Ceph(Path(tempfile.mkdtemp(prefix="lenticular-ceph-")))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        key, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        ceph.start(key, secret)
        for bucket in asked.bucket:
            make_bucket(ceph.endpoint, bucket, key, secret)
        print(f"ready s3 http={ceph.endpoint.removeprefix('http://')}", flush=True)
        sys.stdin.read()
    except KeyboardInterrupt:
        pass
    finally:
        ceph.stop()


if __name__ == "__main__":
    main()
