"""A terminal with a person in front of it: a process on a pseudo-terminal, and what stands on its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte

from penstock.views.screen import BEGIN, END

LONGEST = 30.0


def untimed(text: str) -> str:
    """Without ids and times, in columns that stay."""
    text = re.sub(r"\b6[a-z0-9]{10}\b", "RUN", text)
    return re.sub(r" *\d+(\.\d+)? (ms|s)\b", " TIME", text)


class Terminal:
    """`lines` of `columns`; what comes is drawn as a real one would draw it."""

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        *,
        columns: int = 80,
        lines: int = 24,
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, lines, history=5000, ratio=0.5)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self._master, slave = pty.openpty()
        self._resize(columns, lines)
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**env, "TERM": env.get("TERM", "xterm-256color")},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)

    def resize(self, columns: int, lines: int) -> None:
        self._resize(columns, lines)
        self.screen.resize(lines, columns)

    def _resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def stop(self, seconds: float, others: str) -> None:
        """Stop it for a while, as Ctrl-Z and `fg` do; others write to the terminal meanwhile."""
        self.process.send_signal(signal.SIGSTOP)
        while self._read(0.05) and select.select([self._master], [], [], 0.05)[0]:
            pass
        self._stream.feed(others.encode())
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)

    @property
    def shown(self) -> list[str]:
        """The lines on the screen, to the last that is not empty."""
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def text(self) -> str:
        return untimed("\n".join(self.shown))

    def until(self, holds: Callable[[], bool]) -> None:
        """Read until it holds where no frame is half drawn: a read may end in the midst of one.

        Fails after a while, with what is on the screen."""
        deadline = time.monotonic() + LONGEST
        while self._is_in_a_frame or not holds():
            assert time.monotonic() < deadline, "\n".join(self.shown)
            assert self._read(0.05), "\n".join(["it ended:", *self.shown])

    def sees(self, words: str) -> None:
        self.until(lambda: words in self.text)

    def end(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + LONGEST
        while self._read(0.05):
            assert time.monotonic() < deadline, "\n".join(self.shown)
        return self.process.wait(LONGEST)

    @property
    def _is_in_a_frame(self) -> bool:
        return self.raw.rfind(BEGIN.encode()) > self.raw.rfind(END.encode())

    def _read(self, seconds: float) -> bool:
        """Whether more may come."""
        if not select.select([self._master], [], [], seconds)[0]:
            return self.process.poll() is None
        try:
            data = os.read(self._master, 65536)
        except OSError:  # The other side is closed.
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)
