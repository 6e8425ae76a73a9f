"""A whole machine whose power can be cut: User Mode Linux on a disk with a volatile write cache.

Killing a server proves little about fsync, since the kernel keeps what was written. Here the server runs in a kernel of its
own, which dies with it (`machine.py`), and on a disk that forgets what it was not told to flush (`disk.py`, in a process of
its own outside). `guest.py` is the first process inside.
"""
