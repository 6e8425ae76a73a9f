"""The first process inside the machine: takes the disk, mounts it and runs the server; knows Python's own library alone.

Its one argument names a file of JSON: the guest's and the host's address, the disk's port and size, the module that speaks to
it, where to mount, what to run, and its environment. The host's files are the root, and can only be read.
"""

import ctypes
import fcntl
import json
import os
import socket
import subprocess
import sys
import threading
import time

SYS_FINIT_MODULE = 313  # x86-64
# linux/nbd.h
SET_SOCK, SET_BLKSIZE, DO_IT, SET_SIZE_BLOCKS, SET_FLAGS = 0xAB00, 0xAB01, 0xAB03, 0xAB07, 0xAB0A
HAS_FLAGS, SEND_FLUSH, SEND_FUA = 1, 4, 8
SECTOR = 512
MOUNT_SECONDS = 20


def run(*args: str) -> None:
    subprocess.run(args, check=True)


def load(module: str, options: str) -> None:
    file = os.open(module, os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(SYS_FINIT_MODULE, file, options.encode(), 0) != 0:
        raise OSError(ctypes.get_errno(), f"loading {module}")
    os.close(file)


def attach(host: str, port: int, size: int) -> None:
    """Makes /dev/nbd0 the disk outside, with a write cache that is flushed by command."""
    wire = socket.create_connection((host, port))
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    device = os.open("/dev/nbd0", os.O_RDWR)
    fcntl.ioctl(device, SET_BLKSIZE, SECTOR)
    fcntl.ioctl(device, SET_SIZE_BLOCKS, size // SECTOR)
    fcntl.ioctl(device, SET_FLAGS, HAS_FLAGS | SEND_FLUSH | SEND_FUA)
    fcntl.ioctl(device, SET_SOCK, wire.fileno())
    # It returns when the disk goes away, and keeps the socket until then.
    threading.Thread(target=fcntl.ioctl, args=(device, DO_IT), daemon=True).start()
    wire.detach()


def mount(folder: str) -> None:
    deadline = time.monotonic() + MOUNT_SECONDS
    while subprocess.run(["mount", "-t", "ext4", "/dev/nbd0", folder]).returncode != 0:
        if time.monotonic() > deadline:
            raise TimeoutError("the disk could not be mounted")
        time.sleep(0.1)


def main(orders: dict) -> None:
    os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    run("mount", "-t", "proc", "proc", "/proc")
    run("mount", "-t", "sysfs", "sys", "/sys")
    run("mount", "-t", "tmpfs", "tmp", "/run")
    run("ip", "link", "set", "lo", "up")
    run("ip", "addr", "add", orders["guest"] + "/30", "dev", "vec0")
    run("ip", "link", "set", "vec0", "up")
    load(orders["module"], "nbds_max=1 max_part=0")
    attach(orders["host"], orders["port"], orders["size"])
    mount(orders["folder"])
    with open("/sys/block/nbd0/queue/write_cache") as file:
        print("mounted a disk with cache:", file.read().strip(), flush=True)
    ended = subprocess.run(orders["command"], env=orders["environment"])
    print("ended", ended.returncode, flush=True)
    time.sleep(3600)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        main(json.load(file))
