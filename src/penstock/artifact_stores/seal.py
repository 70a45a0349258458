"""The seal of a stored file: its own modification time says which file it is.

The whole seconds are when the file was committed, rounded up; the fraction is derived from its digest, inode
and size. Whatever writes to the file, or puts another in its place, breaks the seal, so that a
`stat` tells the file that was recorded from one that must be read again. A file system that does
not keep 100 ns, or a copy of the store, has no seals: then files are read, which is slow and right.
"""

from __future__ import annotations

import os
import time

from blake3 import blake3

SECOND = 1_000_000_000


def sealed(state: os.stat_result, digest: str) -> bool:
    """Whether this is still the file that was committed under `digest`."""
    seconds = state.st_mtime_ns // SECOND
    return state.st_mtime_ns == _stamp(state, digest, seconds)


def seal(state: os.stat_result, digest: str) -> int:
    """The modification time, in nanoseconds, that seals this file as of now."""
    # Rounded up: a file is never taken for older than it is.
    return _stamp(state, digest, int(time.time()) + 1)


def _stamp(state: os.stat_result, digest: str, seconds: int) -> int:
    name = b"%s %d %d %d" % (digest.encode(), state.st_ino, state.st_size, seconds)
    # 100 ns is the finest that every common file system keeps; never 0, which a coarse one shows.
    fraction = 1 + int.from_bytes(blake3(name).digest(length=8)) % 9_999_999
    return seconds * SECOND + fraction * 100
