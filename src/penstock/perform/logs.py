"""What a step prints and logs: one file a step, made when the first byte comes."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from penstock.core.digest import digest_bytes
from penstock.perform.redact import Redactor

SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-[]")
LONGEST = 180
"""Of a file's name; file systems take 255 bytes."""


def log_path(logs: Path, run: str, node: str, index: str = "") -> Path:
    """Where a step's log is: "RUN/fit.log", "RUN/sub.fit-2[3].log"."""
    return logs / run / f"{file_name(node, index)}.log"


def file_name(node: str, index: str = "") -> str:
    """A step's name as a file name: other letters by their code, and "/" as "."."""
    name = _file_name(node)
    return f"{name}[{index}]" if index else name


@lru_cache(maxsize=8)
def _file_name(node: str) -> str:
    name = ".".join(map(_safe, node.split("/")))
    if len(name) > LONGEST:
        name = f"{name[:LONGEST]}~{digest_bytes(node.encode())[:12]}"
    return name


def _safe(part: str) -> str:
    return part if SAFE.issuperset(part) else "".join(map(_letter, part))


def _letter(letter: str) -> str:
    if letter in SAFE:
        return letter
    return "".join(f"%{byte:02X}" for byte in letter.encode(errors="surrogatepass"))


class Log:
    """A step's log, appended to by whoever has the file open; nothing is held back but secrets."""

    __slots__ = ("_fd", "_locate", "_redactor", "attempt")

    def __init__(
        self, locate: Callable[[], Path], attempt: int = 1, secrets: Redactor | None = None
    ) -> None:
        # Most steps print nothing: their logs' paths are not even made.
        self._locate = locate
        self.attempt = attempt
        self._redactor = secrets
        self._fd = -1

    def open(self) -> int:
        """Its file descriptor; the file is made."""
        if self._fd < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            path = self._locate()
            try:
                self._fd = os.open(path, flags, 0o644)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._fd = os.open(path, flags, 0o644)
        return self._fd

    def remove(self) -> None:
        self._locate().unlink(missing_ok=True)

    def write(self, data: bytes) -> bytes:
        """Append; what was written, secrets cut out."""
        if self._redactor is not None:
            data = self._redactor.feed(data)
        self._put(data)
        return data

    def close(self) -> bytes:
        """Harmless twice; the bytes that were held back until now."""
        held = self._redactor.finish() if self._redactor is not None else b""
        self._put(held)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        return held

    def _put(self, data: bytes) -> None:
        if not data:
            return
        if self._fd < 0:
            self.open()
            if self.attempt > 1:
                data = b"--- attempt %d ---\n" % self.attempt + data
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
