"""A disk with a volatile write cache, as a network block device: `python disk.py IMAGE ADDRESS`.

IMAGE is what lies on the platter. A write lands in the cache and is answered at once; a flush takes as long as disks take, moves the
cache to the platter, in order, and is answered then; a write with FUA (forced unit access) is on the platter when it is answered. When the
power goes, each 512-byte sector that was written and whose flush was not answered is on the platter or is not, by a coin of its own.
So writes are torn, lost and reordered within what the guest does not know to be flushed, and nowhere else: that is what a disk may do,
and all that it may do.

It prints `{"port": N}` and serves one guest by the transmission phase of the NBD protocol. A line on its standard input is the order to
stop: `{"seed": N, "share": 0.0 to 1.0, "amid": false or true}`, with the share of such sectors that survive, and whether to stop at once or
amid the next flush, when the cache is at its fullest. From then on it answers nothing; it prints `"stopped"`, and, when its input is at an
end, what it had, kept and lost.
"""

import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
from pathlib import Path

SECTOR = 512
# The protocol's document calls these NBD_CMD_READ and so on; WRITE may carry NBD_CMD_FLAG_FUA.
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
FUA = 1
REQUEST = struct.Struct(">IHHQQI")
REPLY = struct.Struct(">IIQ")
REQUEST_MAGIC, REPLY_MAGIC = 0x25609513, 0x67446698
EINVAL = 22
# As a good disk takes: long enough that some moments fall between a write and the end of its flush.
FLUSH_SECONDS, FORCED_SECONDS = 0.004, 0.002


class Disk:
    """The platter, the cache, and what was seen."""

    def __init__(self, image: Path):
        self.platter = os.open(image, os.O_RDWR)
        # What the guest reads: the platter with the cache over it.
        seen = image.with_suffix(".seen")
        subprocess.run(["cp", "--sparse=always", image, seen], check=True)
        self.seen = os.open(seen, os.O_RDWR)
        os.unlink(seen)
        # Writes since the last flush, in order; those that were answered as forced survive.
        self.cache: list[tuple[int, bytes, bool]] = []
        self.flushes = self.writes = self.forced = 0

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self.seen, length, offset)

    def write(self, offset: int, data: bytes, forced: bool) -> None:
        os.pwrite(self.seen, data, offset)
        self.cache.append((offset, data, forced))
        self.writes += 1
        self.forced += forced

    def flush(self) -> None:
        for offset, data, _ in self.cache:
            os.pwrite(self.platter, data, offset)
        self.cache.clear()
        self.flushes += 1

    def lose_power(self, seed: int, share: float) -> dict:
        """Leaves on the platter what survives, and says how much that is."""
        coin = random.Random(seed)
        kept = lost = 0
        for offset, data, forced in self.cache:
            for at in range(0, len(data), SECTOR):
                survives = coin.random() < share
                if survives or forced:
                    os.pwrite(self.platter, data[at : at + SECTOR], offset + at)
                if not forced:
                    kept += survives
                    lost += not survives
        os.fsync(self.platter)
        return {"writes": self.writes, "flushes": self.flushes, "forced": self.forced, "kept": kept, "lost": lost}


class Wire:
    """One guest's requests, as far as they have arrived whole, until the power goes."""

    def __init__(self, disk: Disk, guest: socket.socket):
        self.disk, self.guest, self.arrived = disk, guest, bytearray()
        self.order: dict | None = None
        guest.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def serve(self) -> None:
        while True:
            while (request := self.next()) is not None:
                if not self.carry_out(*request) or self.stops(0):
                    return
            if self.stops(None) or not self.receive():
                return

    def stops(self, seconds: float | None, flushing: bool = False) -> bool:
        """Waits so long for the order to stop (`None`: or for the guest), and says whether to stop now."""
        if self.order is None:
            waits_for = [sys.stdin, self.guest] if seconds is None else [sys.stdin]
            ready, _, _ = select.select(waits_for, [], [], seconds)
            if sys.stdin in ready:
                self.order = json.loads(sys.stdin.readline())
        return self.order is not None and (flushing or not self.order["amid"])

    def receive(self) -> bool:
        """Takes what is there; false when there is nothing, or nobody."""
        try:
            data = self.guest.recv(1 << 20)
        except OSError:
            return False
        self.arrived += data
        return bool(data)

    def next(self) -> tuple[int, int, int, int, int, bytes] | None:
        """The next whole request: its kind, flags, handle, offset, length and data."""
        if len(self.arrived) < REQUEST.size:
            return None
        magic, flags, kind, handle, offset, length = REQUEST.unpack_from(self.arrived)
        assert magic == REQUEST_MAGIC, f"a request begins with {magic:#x}"
        end = REQUEST.size + (length if kind == WRITE else 0)
        if len(self.arrived) < end:
            return None
        data = bytes(self.arrived[REQUEST.size : end])
        del self.arrived[:end]
        return kind, flags, handle, offset, length, data

    def carry_out(self, kind, flags, handle, offset, length, data) -> bool:
        """Carries a request out and answers; false when the power goes meanwhile."""
        error, answer = 0, b""
        if kind == READ:
            answer = self.disk.read(offset, length)
        elif kind == WRITE:
            forced = bool(flags & FUA)
            stops = forced and self.stops(FORCED_SECONDS, flushing=True)
            self.disk.write(offset, data, forced and not stops)
            if stops:
                return False
        elif kind == FLUSH:
            if self.stops(FLUSH_SECONDS, flushing=True):
                return False
            self.disk.flush()
        elif kind == DISCONNECT:
            return True
        else:
            error = EINVAL
        try:
            self.guest.sendall(REPLY.pack(REPLY_MAGIC, error, handle) + answer)
        except OSError:
            pass  # nobody is there to hear it
        return True

    def drain(self) -> None:
        """Takes into the cache what the guest had sent when it died; nothing is answered any more."""
        self.guest.setblocking(False)
        while self.receive():
            pass
        while (request := self.next()) is not None:
            kind, _, _, offset, _, data = request
            if kind == WRITE:
                self.disk.write(offset, data, forced=False)


def main(image: str, address: str) -> None:
    disk = Disk(Path(image))
    with socket.create_server((address, 0)) as door:
        print(json.dumps({"port": door.getsockname()[1]}), flush=True)
        guest, _ = door.accept()
    wire = Wire(disk, guest)
    wire.serve()
    if wire.order is None:
        raise SystemExit("the guest went away before its power did")
    print(json.dumps("stopped"), flush=True)
    sys.stdin.read()
    wire.drain()
    print(json.dumps(disk.lose_power(wire.order["seed"], wire.order["share"])), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
