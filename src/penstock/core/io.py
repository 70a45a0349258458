"""The one thin layer that all writes pass through, of files and of databases.

Each operation announces itself by `step` before it happens. That costs nothing in use, and lets a
test make any of them fail, tear, or be the last thing that the process does
(`penstock.testing.faults`). Errors are plain `OSError`s; `explained` turns them into words.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from penstock.errors import StoreError

Buffer = bytes | bytearray | memoryview
Hook = Callable[[str, Callable[[], object] | None], None]
"""Told an operation's name and, where it can be torn, what does the first half of it."""

_hook: Hook | None = None
_serial = count()


def watch(hook: Hook | None) -> None:
    """Announce every operation of this process to `hook`, or to nobody."""
    global _hook
    _hook = hook


def step(name: str, half: Callable[[], object] | None = None) -> None:
    """Something is about to be written; `name` says what: "write", "publish", "db:commit"."""
    if _hook is not None:
        _hook(name, half)


# ---- files


def create(path: str | Path, mode: int = 0o644) -> int:
    """A file descriptor on a new file; FileExistsError if there is one."""
    step("create")
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, mode)


def write(fd: int, data: Buffer) -> int:
    """All of `data`, however many calls of the system that takes; how many bytes."""
    if _hook is not None:
        _hook("write", lambda: os.write(fd, _bytes(data)[: memoryview(data).nbytes // 2]))
    done = os.write(fd, data)
    if done < memoryview(data).nbytes:
        rest = _bytes(data)
        while done < len(rest):
            done += os.write(fd, rest[done:])
    return done


def _bytes(data: Buffer) -> memoryview:
    return memoryview(data).cast("B")


def publish(temporary: str, final: str) -> bool:
    """Give a finished file its name, unless the name is taken: then False, and both stay as they are.

    The file may keep its temporary name if the process dies in between; the new name is never
    half there.
    """
    step("publish")
    try:
        os.link(temporary, final)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        # No hard links here (exFAT, some FUSE). The name may be taken between the look and the
        # rename; callers name files by content, so that the winner's bytes are the same.
        if os.path.lexists(final):
            return False
        os.rename(temporary, final)
        return True
    # The new name is what counts; the old one is left to `clean` if it cannot be removed now.
    with suppress(OSError):
        unlink(temporary)
    return True


def rename(source: str | Path, target: str | Path) -> None:
    """Move within one file system, over whatever has that name."""
    step("rename")
    os.rename(source, target)


def unlink(path: str | Path) -> None:
    step("unlink")
    os.unlink(path)


def stamp(file: int | str, modified: int) -> None:
    """Set when a file was modified, in nanoseconds."""
    step("stamp")
    os.utime(file, ns=(modified, modified))


def mkdirs(path: str | Path, mode: int = 0o777) -> None:
    """This folder and those above it; harmless if they are there."""
    if not os.path.isdir(path):
        step("mkdir")
        os.makedirs(path, mode, exist_ok=True)


def replace(path: str | Path, data: bytes, *, mode: int = 0o644, durable: bool = False) -> None:
    """Write a small file whole: a reader sees the old bytes or the new ones."""
    beside = temporary(path)
    fd = create(beside, mode)
    try:
        try:
            write(fd, data)
            if durable:
                sync(fd)
        finally:
            os.close(fd)
        rename(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    if durable:
        sync_folder(Path(path).parent)


def temporary(path: str | Path) -> str:
    """A name beside `path` that no other process or thread gives."""
    return f"{os.fspath(path)}.{os.getpid():x}-{next(_serial):x}-{os.urandom(3).hex()}.tmp"


# ---- down to the disk


def sync(fd: int) -> None:
    """Return when this file's bytes have reached the disk.

    After an error the system may call lost pages clean: never try again as if nothing had happened.
    """
    step("fsync")
    os.fsync(fd)


def sync_folder(path: str | Path) -> None:
    """Return when the names in this folder have reached the disk."""
    step("fsync")
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        # Some file systems (SMB, some FUSE) know no fsync of a folder, and need none.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(fd)


# ---- words

_HINTS = {
    errno.ENOSPC: "The disk is full: `penstock gc` frees what no run needs, or move PENSTOCK_HOME.",
    errno.EDQUOT: "Your quota is used up: `penstock gc` frees what no run needs, or move PENSTOCK_HOME.",
    errno.EROFS: "The file system is read-only: point PENSTOCK_HOME at a folder that can be written.",
    errno.EACCES: "Check who owns the folder, or point PENSTOCK_HOME at one that you can write.",
    errno.EPERM: "Check who owns the folder, or point PENSTOCK_HOME at one that you can write.",
    errno.EMFILE: "Too many open files: raise the limit (`ulimit -n`), or use fewer workers.",
    errno.ENOENT: "Is the path right? Point PENSTOCK_HOME at a folder that can be made.",
    errno.ENOTDIR: "A part of the path is a file, not a folder: move it, or point PENSTOCK_HOME elsewhere.",
    errno.EEXIST: "It is a file, where a folder is wanted: move it, or point PENSTOCK_HOME elsewhere.",
    errno.EISDIR: "A folder stands where a file of the store was: `penstock doctor --repair` mends it.",
    errno.ENAMETOOLONG: "The path is too long for the file system: point PENSTOCK_HOME elsewhere.",
    errno.ELOOP: "A link in the path leads to itself: mend it, or point PENSTOCK_HOME elsewhere.",
    errno.EIO: "The disk reports an error: copy what you need elsewhere, then look at the system's log.",
}


def explain(error: OSError, what: str) -> StoreError:
    """A StoreError that says what could not be done, why, and the next move."""
    where = f" at '{error.filename}'" if error.filename else ""
    reason = error.strerror or type(error).__name__
    return StoreError(f"cannot {what}{where}: {reason}", hint=_HINTS.get(error.errno or 0, ""))


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn an OSError of this block into a StoreError: "cannot <what>: No space left on device"."""
    try:
        yield
    except OSError as error:
        raise explain(error, what) from error
