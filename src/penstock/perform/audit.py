"""What a step reads behind its key's back: files under the project's root, and sockets.

Python tells its audit hooks of every file it opens and every socket it connects. It does not tell
of environment variables, nor of what native code opens by itself (pyarrow, SQLite's own files).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from penstock.errors import UndeclaredRead

CODE = (".py", ".pyc", ".pyi", ".so", ".pyd", ".dylib")
SKIPPED = ("/.git/", "/site-packages/", "/dist-packages/", "/__pycache__/", "/.ipynb_checkpoints/")
CHILDREN = frozenset(
    (
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "os.exec",
        "subprocess.Popen",
    )
)
MOST = 100
"""Reads that are told of; more would only fill the record."""


class Watch:
    """What one call does that its key does not know."""

    __slots__ = ("_declared", "_home", "_reads", "_root", "_written", "started", "strict")

    def __init__(
        self, root: Path, home: Path, declared: Iterable[Path] = (), *, strict: bool = False
    ) -> None:
        self._root = f"{root}{os.sep}"
        self._home = f"{home}{os.sep}"
        self._declared = tuple(os.path.abspath(path) for path in declared)
        self._reads: dict[str, None] = {}
        self._written: set[str] = set()
        self.started = False
        """Whether it started a process."""
        self.strict = strict

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(self._reads)

    def opened(self, path: Any, flags: int) -> None:
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, str) or path.endswith(CODE):
            return
        full = os.path.abspath(path)
        if not full.startswith(self._root):
            full = os.path.realpath(full)
            if not full.startswith(self._root):
                return
        if flags & os.O_ACCMODE == os.O_WRONLY or flags & (os.O_TRUNC | os.O_CREAT):
            self._written.add(full)
        elif full not in self._written and not self._known(full) and os.path.isfile(full):
            self._note(full[len(self._root) :])

    def connected(self, address: Any) -> None:
        # A path is a socket of this machine: how processes of one program talk.
        if isinstance(address, tuple) and len(address) >= 2:
            self._note(f"tcp://{address[0]}:{address[1]}")

    def _known(self, full: str) -> bool:
        if full.startswith(self._home) or any(part in full for part in SKIPPED):
            return True
        return any(full == one or full.startswith(one + os.sep) for one in self._declared)

    def _note(self, what: str) -> None:
        if len(self._reads) < MOST:
            self._reads[what] = None
        if self.strict:
            raise undeclared((what,))


def undeclared(reads: tuple[str, ...]) -> UndeclaredRead:
    told = ", ".join(f"'{what}'" for what in reads[:5])
    return UndeclaredRead(
        f"the step reads {told}, which its key does not know",
        hint="Make it a parameter annotated `Path`, or name it in Cache(also=[…]).",
    )


_watch: Watch | None = None
_installed = False


def watch(new: Watch | None) -> Watch | None:
    """Watch for `new` from now on, or for nobody; what was watched for until now."""
    global _installed, _watch
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    before, _watch = _watch, new
    return before


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _watch is None:
        return
    if event == "open":
        _watch.opened(args[0], args[2] if isinstance(args[2], int) else 0)
    elif event in CHILDREN:
        _watch.started = True
    elif event == "socket.connect":
        _watch.connected(args[1])
    elif event == "sqlite3.connect":
        _watch.opened(args[0], os.O_RDONLY)
