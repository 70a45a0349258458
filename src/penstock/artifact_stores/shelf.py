"""Where blobs lie on disk, two levels deep, the way git keeps its objects; and who may take one away.

    ab/cdef…      a blob: read-only, named by the digest of its bytes, sealed
    writing/      files that are not whole yet
    quarantine/   damaged files, set aside
    lock          held while a blob that is there is renewed, set aside or removed

A new blob needs no lock: its name appears at once or not at all. The lock is for names that are
taken. A commit that finds its bytes present renews the blob's time stamp; whoever removes looks at
that stamp and removes under the same lock. So a blob is either renewed, and too young to go, or
gone, and written again: a commit never ends with its bytes missing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blake3 import blake3

from penstock.artifact_stores.seal import seal, sealed
from penstock.core import io
from penstock.core.ports import Blob
from penstock.errors import StoreError

SMALL = 64 * 1024
"""Bytes up to which a file is read rather than believed."""
PIECE = 2 << 20
"""Bytes read at once."""
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Shelf:
    """The folder of a local store. Safe for threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = os.path.abspath(folder)
        self.writing = os.path.join(self.folder, "writing")
        self.quarantine = os.path.join(self.folder, "quarantine")
        self._lock = os.path.join(self.folder, "lock")

    def place(self, digest: str) -> str:
        """The path of a blob. Refuses what is no digest: it may come from someone else's record."""
        if not _DIGEST.match(digest):
            raise StoreError(f"'{digest[:80]}' is not a digest", hint="The record is damaged.")
        return f"{self.folder}/{digest[:2]}/{digest[2:]}"

    def create(self) -> tuple[str, int]:
        """A new file in `writing/`, and its descriptor."""
        path = io.temporary(f"{self.writing}/new")
        try:
            return path, io.create(path, 0o444)
        except FileNotFoundError:
            io.mkdirs(self.writing)
            return path, io.create(path, 0o444)

    def admit(self, temporary: str, digest: str) -> os.stat_result:
        """Name a finished, sealed file, unless its bytes are here already; the file that has the name."""
        final = self.place(digest)
        while True:
            try:
                if io.publish(temporary, final):
                    return os.stat(final)
            except FileNotFoundError:
                # The folder of this prefix is new; but a temporary file that is gone is an error.
                os.stat(temporary)
                io.mkdirs(os.path.dirname(final))
                continue
            if (state := self.renew(digest, instead=temporary)) is not None:
                with suppress(FileNotFoundError):
                    io.unlink(temporary)
                return state

    def renew(self, digest: str, *, instead: str = "") -> os.stat_result | None:
        """Make a whole blob that is here young again, or None if there is none (a damaged one is set aside).

        `instead` is a file of the same bytes, to take its place if it belongs to another user.
        """
        final = self.place(digest)
        if not os.path.lexists(final):
            return None
        with self.exclusively():
            try:
                state = os.stat(final)
            except FileNotFoundError:
                return None
            if not intact(final, state, digest):
                self._set_aside(final, digest)
                return None
            try:
                io.stamp(final, seal(state, digest))
            except PermissionError:
                if not instead:
                    return None
                _sync(instead)  # Or a durable blob would be replaced by one that is not.
                io.rename(instead, final)
            return os.stat(final)

    def reseal(self, digest: str, state: os.stat_result) -> os.stat_result:
        """Seal a large file that was read and found whole, so that it need not be read again."""
        if state.st_size <= SMALL:
            return state
        with suppress(OSError), self.exclusively():
            now = os.stat(self.place(digest))
            if (now.st_ino, now.st_mtime_ns) == (state.st_ino, state.st_mtime_ns):
                io.stamp(self.place(digest), seal(now, digest))
                return os.stat(self.place(digest))
        return state

    def set_aside(self, digest: str, state: os.stat_result) -> str:
        """Move a damaged blob to the quarantine, if it is still that file; where it is now, or ""."""
        final = self.place(digest)
        try:
            with self.exclusively():
                if os.stat(final).st_ino != state.st_ino:
                    return ""
                return self._set_aside(final, digest)
        except OSError as error:
            # Another one was faster, or the store cannot be written: it is damaged all the same.
            if error.errno in (errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS):
                return ""
            raise

    def remove(self, digest: str, before: int | None) -> bool:
        """Delete a blob, if it was committed before that time (microseconds); whether it went."""
        final = self.place(digest)
        if not os.path.lexists(final):
            return False
        with self.exclusively():
            try:
                if before is not None and os.stat(final).st_mtime_ns // 1000 >= before:
                    return False
                io.unlink(final)
            except FileNotFoundError:
                return False
            return True

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Alone among all threads and processes. The system lets go when a holder dies."""
        # A descriptor of its own each time: threads exclude each other, and a child of `fork`
        # cannot let go of its parent's lock.
        fd = os.open(self._lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def scan(self) -> Iterator[Blob]:
        for folder in _entries(self.folder):
            if len(folder.name) != 2 or not folder.is_dir():
                continue
            for entry in _entries(folder.path):
                digest = folder.name + entry.name
                if _DIGEST.match(digest):
                    with suppress(FileNotFoundError):
                        yield blob(digest, entry.stat())

    def _set_aside(self, final: str, digest: str) -> str:
        io.mkdirs(self.quarantine)
        aside = io.temporary(f"{self.quarantine}/{digest}").removesuffix(".tmp")
        io.rename(final, aside)
        return aside


def blob(digest: str, state: os.stat_result) -> Blob:
    return Blob(digest, state.st_size, state.st_mtime_ns // 1000)


def intact(path: str, state: os.stat_result, digest: str) -> bool:
    """Whether these are the bytes: read if they are few, or if this is not the file that was committed."""
    if state.st_size > SMALL and sealed(state, digest):
        return True
    return digest_file(path) == digest


def digest_file(path: str) -> str:
    """The digest of a file as it is. Read, not mapped: a disk error is then an exception, not a signal."""
    hasher = blake3()
    with open(path, "rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size <= PIECE:
            return hasher.update(file.readall()).hexdigest()
        piece = memoryview(bytearray(PIECE))
        while size := file.readinto(piece):
            hasher.update(piece[:size])
    return hasher.hexdigest()


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        yield from entries


def _sync(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        io.sync(fd)
    finally:
        os.close(fd)
