"""What others print and read while a tree is drawn: it goes above the tree, whole line by whole line."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable
from typing import Any, TextIO

STEERING = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?]*[@-ln-~]|\x1b[()][0-9A-Za-z]|\x1b[78=>cM]"
)
"""Escape sequences that do more than colour: they would write into the tree."""


class Beside(io.TextIOBase):
    """Stands for `sys.stdout` or `sys.stderr`. Tells each text to the screen, while there is one."""

    def __init__(self, stream: TextIO, tell: Callable[[str], bool]) -> None:
        self._stream = stream
        self._tell = tell
        self._pid = os.getpid()

    def write(self, text: str, /) -> int:
        # A process that was forked has no screen: its lock may be held for ever.
        if os.getpid() != self._pid or not self._tell(text):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        # It was one, though its descriptor leads elsewhere for a while.
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only there as well, but in name
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._stream.errors

    @property
    def buffer(self) -> Any:
        return self._stream.buffer


class Asking:
    """Stands for `sys.stdin`: whoever asks a person something has the terminal for as long."""

    def __init__(
        self, stream: TextIO, ask: Callable[[Callable[..., str], tuple[Any, ...]], str]
    ) -> None:
        self._stream = stream
        self._ask = ask

    def readline(self, *size: int) -> str:
        return self._ask(self._stream.readline, size)

    def fileno(self) -> int:
        # So that `input` asks through us and not past us.
        raise io.UnsupportedOperation("fileno")

    def __iter__(self) -> Asking:
        return self

    def __next__(self) -> str:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Streams:
    """Puts these in the place of the streams of `sys` that are a terminal, and takes them away."""

    def __init__(
        self,
        tell: Callable[[str], bool],
        ask: Callable[[Callable[..., str], tuple[Any, ...]], str],
    ) -> None:
        self._tell, self._ask = tell, ask
        self._placed: dict[str, tuple[Any, Any]] = {}

    def place(self) -> None:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if _is_terminal(stream):
                stream.flush()
                self._put(name, stream, Beside(stream, self._tell))
        if _is_terminal(sys.stdin):
            self._put("stdin", sys.stdin, Asking(sys.stdin, self._ask))

    def remove(self) -> None:
        for name, (before, ours) in self._placed.items():
            # What somebody else has put there meanwhile stays.
            if getattr(sys, name) is ours:
                setattr(sys, name, before)
        self._placed.clear()

    def _put(self, name: str, before: Any, ours: Any) -> None:
        self._placed[name] = (before, ours)
        setattr(sys, name, ours)


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # There is none, or it is closed.
        return False


class Paper:
    """Text as it comes, made into lines. A `\\r` begins a line anew, as on a terminal."""

    def __init__(self) -> None:
        self.partial = ""
        """What has no end yet."""

    def take(self, text: str) -> str:
        """The lines that are complete now, with their ends."""
        whole, found, rest = (self.partial + text).rpartition("\n")
        self.partial = _last(rest)
        if not found:
            return ""
        return "".join(_last(line.removesuffix("\r")) + "\n" for line in whole.split("\n"))

    def end(self) -> str:
        """What is left, as a line."""
        left, self.partial = self.partial, ""
        return left + "\n" if left else ""


def _last(line: str) -> str:
    if "\x1b" in line:
        line = STEERING.sub("", line)
    if "\r" not in line:
        return line
    # A progress bar returns to the start of its line before it writes, or after.
    return next((piece for piece in reversed(line.split("\r")) if piece), "") + (
        "\r" if line.endswith("\r") else ""
    )
