"""A person at a terminal: a command runs there, what it shows is read, and lines are typed."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.cli.project import Project

PATIENCE = 30


@dataclass
class Seat:
    process: subprocess.Popen[bytes]
    terminal: int
    shown: str = ""

    def until(self, text: str) -> str:
        """What is shown up to this text; it is not shown again."""
        while text not in self.shown:
            before = self.shown
            self.shown += self._read()
            assert self.shown != before, f"no '{text}' in:\n{before}"
        found, _, self.shown = self.shown.partition(text)
        return found

    def type(self, line: str) -> None:
        os.write(self.terminal, f"{line}\n".encode())

    def asks(self, line: str, prompt: str = "(Pdb) ") -> str:
        """What the debugger answers."""
        self._until_asked(prompt)
        self.shown = ""
        self.type(line)
        answer = self._until_asked(prompt)
        self.shown = prompt
        return answer.removeprefix(line).strip()

    def _until_asked(self, prompt: str) -> str:
        """A prompt that is drawn with a tree below it waits for nobody yet."""
        while not self.shown.endswith(prompt):
            before = self.shown
            self.shown += self._read()
            assert self.shown != before, f"nobody asks in:\n{before}"
        return self.shown.removesuffix(prompt)

    def end(self) -> tuple[int, str]:
        while piece := self._read():
            self.shown += piece
        return self.process.wait(PATIENCE), self.shown

    def _read(self) -> str:
        if not select.select([self.terminal], [], [], PATIENCE)[0]:
            return ""
        try:
            data = os.read(self.terminal, 65536)
        except OSError:  # nobody holds its other end
            return ""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode()).replace("\r", "")


@contextmanager
def seated(project: Project, *command: str, **variables: str) -> Iterator[Seat]:
    """At this command in a terminal, of 100 columns unless they are given."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=project.root,
        env=project.environment(**{"TERM": "xterm", "COLUMNS": "100", **variables}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Seat(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
