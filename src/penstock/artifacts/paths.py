"""What a path holds: the digest of a file, or of a folder with all that is in it."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path, PurePath
from typing import Any

from blake3 import blake3

from penstock.core.digest import digest_struct
from penstock.core.project import STATE
from penstock.errors import SerializationError

Memo = Callable[..., str | None]
"""`memo(name)` reads a small remembered fact, `memo(name, value)` writes it (`Catalog.memo`)."""
YOUNG = 2_000_000_000
"""Nanoseconds for which a file may change again and look the same."""
BLOCK = 1 << 20
MANY = 1000
"""Items of a list that are looked at for paths."""


def digest_path(path: Path, memo: Memo) -> str:
    """Links are followed. Raises SerializationError for pipes, sockets, devices, links in a circle."""
    return _digest(os.fspath(path), memo, ())


def _digest(path: str, memo: Memo, above: tuple[tuple[int, int], ...]) -> str:
    try:
        found = os.stat(path)
        if stat.S_ISREG(found.st_mode):
            return _file(path, found, memo)
        if stat.S_ISDIR(found.st_mode):
            return _folder(path, found, memo, above)
    except OSError as error:
        raise SerializationError(
            f"cannot read '{path}': {error.strerror}",
            hint="Is it a link to something that is gone, or not yours to read?",
        ) from error
    raise SerializationError(
        f"'{path}' is neither a file nor a folder",
        hint="A pipe, a socket or a device has no content to compare; pass it as a string.",
    )


def _folder(
    path: str, found: os.stat_result, memo: Memo, above: tuple[tuple[int, int], ...]
) -> str:
    here = (found.st_dev, found.st_ino)
    if here in above:
        raise SerializationError(
            f"'{path}' is a link to a folder that it is in", hint="Remove the link."
        )
    entries = [
        (name, _digest(os.path.join(path, name), memo, (*above, here)))
        for name in sorted(os.listdir(path))
        if name != STATE
    ]
    return digest_struct("folder", *entries)


def walked(
    folder: str | PurePath, *, links: bool = False
) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`, without a project's records: they change with each step, and are no data of it."""
    for where, inner, names in os.walk(folder, followlinks=links):
        inner[:] = [name for name in inner if name != STATE]
        yield where, inner, names


def _file(path: str, found: os.stat_result, memo: Memo) -> str:
    name = _fact(path, found)
    known = memo(name)
    if known is not None:
        return known
    digest = _bytes(path)
    # A file written a moment ago may be written again within the resolution of its time.
    if time.time_ns() - found.st_mtime_ns > YOUNG and _fact(path, os.stat(path)) == name:
        memo(name, digest)
    return digest


def _fact(path: str, found: os.stat_result) -> str:
    # The time of the last change of the inode, too: a copy may keep the old file's own time.
    times = f"{found.st_mtime_ns}:{found.st_ctime_ns}"
    return f"file:{found.st_dev}:{found.st_ino}:{found.st_size}:{times}:{os.path.abspath(path)}"


def _bytes(path: str) -> str:
    hasher = blake3()
    with open(path, "rb", buffering=0) as file:
        while data := file.read(BLOCK):
            hasher.update(data)
    return hasher.hexdigest()


def remembering(memo: Memo | None) -> Memo:
    """A memo that asks `memo` once for each fact."""
    known: dict[str, str] = {}

    def remember(name: str, value: str | None = None) -> str | None:
        if value is None:
            found = known.get(name) or (memo(name) if memo is not None else None)
            if found is not None:
                known[name] = found
            return found
        known[name] = value
        if memo is not None:
            memo(name, value)
        return value

    return remember


def paths_in(value: Any, most: int = MANY) -> Iterator[Path]:
    """The paths in a value, as deep as plain containers go."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, list | tuple | set | frozenset):
        for item in islice(value, most):
            yield from paths_in(item, most)
    elif type(value) is dict:
        for item in islice(value.values(), most):
            yield from paths_in(item, most)


_folders: dict[int, Any] = {}


def temporary() -> str:
    """This process's own folder for files of values, removed when Python ends."""
    import tempfile  # 5 ms, and only values that are files need it

    if os.getpid() not in _folders:
        _folders[os.getpid()] = tempfile.TemporaryDirectory(prefix="penstock-")
    return str(_folders[os.getpid()].name)
